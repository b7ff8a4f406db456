//! Sockets of any node, as far as another node knows them.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use sockeye_socket_proto::outgoing::EventArguments;

use crate::broadcast::Broadcast;
use crate::emitted::Emitted;
use crate::error::AckError;
use crate::handshake::Handshake;
use crate::id::SocketId;
use crate::request::FromReply;
use crate::rooms::Rooms;
use crate::socket::Socket;

/// A socket of this node or of another, as it was when it was fetched. What is emitted goes to wherever it is.
#[derive(Clone)]
pub struct RemoteSocket {
    id: SocketId,
    handshake: Option<Handshake>,
    rooms: Vec<String>,
    /// All that are in the room of its id.
    itself: Broadcast,
    local: Option<Socket>,
}

impl fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteSocket({})", self.id)
    }
}

impl From<Socket> for RemoteSocket {
    fn from(socket: Socket) -> RemoteSocket {
        RemoteSocket {
            id: socket.id(),
            handshake: socket.handshake(),
            rooms: socket.rooms(),
            itself: socket.within(socket.id()),
            local: Some(socket),
        }
    }
}

impl RemoteSocket {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// What the peer said when it came.
    #[must_use]
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// The rooms that it was in, without that of its id.
    #[must_use]
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// The socket itself, if it is on this node.
    #[must_use]
    pub fn local(&self) -> Option<&Socket> {
        self.local.as_ref()
    }

    /// Emits an event to it: see [`Socket::emit`].
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.itself.emit(name, arguments)
    }

    /// Emits an event to it and waits for its acknowledgement, for 5 s: see [`timeout`](RemoteSocket::timeout).
    ///
    /// # Errors
    /// See [`AckError`]; [`AckError::Disconnected`] when it is no longer there.
    pub async fn emit_with_ack<T: FromReply>(
        &self,
        name: &str,
        arguments: impl EventArguments,
    ) -> Result<T, AckError> {
        let replies = self.itself.emit_with_ack(name, arguments).await.map_err(AckError::Emit)?;
        replies.into_iter().next().map_or(Err(AckError::Disconnected), |(_, reply)| reply)
    }

    /// The same socket, whose acknowledgements are awaited that long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> RemoteSocket {
        self.itself = self.itself.timeout(timeout);
        self
    }

    /// Makes it join rooms.
    pub fn join(&self, rooms: impl Rooms) {
        self.itself.sockets_join(rooms);
    }

    /// Makes it leave rooms.
    pub fn leave(&self, rooms: impl Rooms) {
        self.itself.sockets_leave(rooms);
    }

    /// Disconnects it: see [`Socket::disconnect`].
    pub fn disconnect(&self, close: bool) {
        self.itself.disconnect_sockets(close);
    }
}

impl Broadcast {
    /// The sockets that are meant now, on every node, with what they are and where.
    ///
    /// One node knows all of them at once. In a cluster it asks the others, and what came in time is there; see
    /// [`Fetched::is_complete`].
    pub async fn fetch_sockets(&self) -> Fetched {
        let sockets = self.sockets().into_iter().map(RemoteSocket::from);
        Fetched::new(sockets.collect())
    }
}

/// The sockets that were fetched: a slice of them.
#[derive(Clone, Debug)]
pub struct Fetched {
    sockets: Vec<RemoteSocket>,
    missing: usize,
}

impl Fetched {
    pub(crate) fn new(sockets: Vec<RemoteSocket>) -> Fetched {
        Fetched { sockets, missing: 0 }
    }

    /// Whether every node has answered. On one node it always has.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

impl Deref for Fetched {
    type Target = [RemoteSocket];

    fn deref(&self) -> &[RemoteSocket] {
        &self.sockets
    }
}

impl IntoIterator for Fetched {
    type Item = RemoteSocket;
    type IntoIter = std::vec::IntoIter<RemoteSocket>;

    fn into_iter(self) -> Self::IntoIter {
        self.sockets.into_iter()
    }
}
