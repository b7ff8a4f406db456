//! The server that the load goes to.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::{TcpSocket, TcpStream};

use crate::{error::LoadError, source::Sources};

/// A server, and where connections to it come from. Clones share their sources.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    path: Arc<str>,
    sources: Arc<Sources>,
}

impl Target {
    /// The server at `address`, its Socket.IO at `/socket.io/`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, path: "/socket.io/".into(), sources: Arc::default() }
    }

    /// The same server with its Socket.IO at `path`, which begins and ends with a slash.
    pub fn with_path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The target of a request: the path, and `EIO=4` with `transport` and whatever follows it.
    pub(crate) fn request(&self, transport: &str) -> String {
        format!("{}?EIO=4&transport={transport}", self.path)
    }

    /// Opens a TCP connection from the next source; `receive_buffer` bytes are the least that the system may keep
    /// for it, or its default.
    pub(crate) async fn connect(&self, receive_buffer: Option<u32>) -> Result<TcpStream, LoadError> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(source) = self.sources.next(self.address) {
            socket.bind(source)?;
        }
        let stream = socket.connect(self.address).await.map_err(|error| {
            // Which of thousands failed says nothing; to whom does.
            io::Error::new(error.kind(), format!("connecting to {}: {error}", self.address))
        })?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
