//! One Socket.IO client over a WebSocket.
//!
//! Spec: `spec/engine.md` 7, RFC 6455.

use std::{cell::RefCell, io};

use sockeye_websocket::{
    decoder::{Decoded, Decoder, Role},
    encode,
    event::Event,
    handshake,
    header::OpCode,
    limits::Limits,
};
use tokio::net::TcpStream;

use crate::{
    error::{LoadError, patiently},
    event::Said,
    http::Head,
    target::Target,
};

/// What one read takes at most; shared by all connections of a thread.
const READ: usize = 64 * 1_024;

/// A generator reads back what it made the server send, so the peer's word is enough.
const LIMITS: Limits = Limits { max_message: usize::MAX, max_fragments: usize::MAX };

/// The reason for masks, that a page must not choose the bytes on the wire, does not hold for a generator: one key does.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A client that is connected; dropped, its TCP connection ends without a goodbye.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    /// A frame that has not come whole.
    tail: Vec<u8>,
    /// Frames that have not been sent.
    out: Vec<u8>,
    /// A ping came and waits for its pong.
    ping: bool,
}

impl Connection {
    /// Opens a TCP connection and a session over it, and joins the default namespace.
    ///
    /// # Errors
    /// The server cannot be reached, or answers otherwise than a Socket.IO server does.
    pub async fn open(target: &Target) -> Result<Self, LoadError> {
        Self::open_with(target, None).await
    }

    /// As [`Connection::open`], with `receive_buffer` bytes asked of the system for what was not read.
    pub(crate) async fn open_with(target: &Target, receive_buffer: Option<u32>) -> Result<Self, LoadError> {
        Self::join(target, receive_buffer, "40", |_| {}).await
    }

    /// As [`Connection::open`], with `connect` for the CONNECT packet. What comes with the answer to it, and that answer, is
    /// given to `each`.
    pub(crate) async fn open_saying(
        target: &Target,
        connect: &str,
        each: impl FnMut(Said<'_>),
    ) -> Result<Self, LoadError> {
        Self::join(target, None, connect, each).await
    }

    async fn join(
        target: &Target,
        receive_buffer: Option<u32>,
        connect: &str,
        mut each: impl FnMut(Said<'_>),
    ) -> Result<Self, LoadError> {
        patiently("connection", async {
            let mut connection = Self::upgrade(target, receive_buffer).await?;
            connection.send(connect).await?;
            let mut joined = false;
            while !joined {
                let mut refused = None;
                connection
                    .receive(|said| {
                        match said {
                            Said::Connected(_) => joined = true,
                            Said::Other(packet) => refused = Some(LoadError::unexpected("CONNECT", packet)),
                            _ => {}
                        }
                        each(said);
                    })
                    .await?;
                if let Some(refused) = refused {
                    return Err(refused);
                }
            }
            Ok(connection)
        })
        .await
    }

    /// The handshake of the WebSocket and the open packet.
    async fn upgrade(target: &Target, receive_buffer: Option<u32>) -> Result<Self, LoadError> {
        let stream = target.connect(receive_buffer).await?;
        // Its secrecy protects against caches that take an upgrade for a page; a fixed one is as good here.
        let key = handshake::encode_key(*b"a load generator");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: {}\r\n\
             Sec-WebSocket-Key: {}\r\n\r\n",
            target.request("websocket"),
            target.address(),
            handshake::VERSION,
            String::from_utf8_lossy(&key),
        );
        let mut connection = Self {
            stream,
            decoder: Decoder::new(),
            tail: Vec::new(),
            out: request.into_bytes(),
            ping: false,
        };
        connection.flush().await?;

        let mut received = Vec::new();
        let head = loop {
            connection.stream.readable().await?;
            match connection.stream.try_read_buf(&mut received) {
                Ok(0) => return Err(LoadError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(head) = Head::parse(&received)? {
                break head;
            }
        };
        handshake::check_response(head.status, head.headers(), &key)?;
        let size = head.size;
        received.drain(..size);

        // What came behind the head is the beginning of the frames.
        let mut open = false;
        let mut note = |said: Said<'_>| open |= matches!(said, Said::Open(_));
        if !received.is_empty() {
            let used = decode(&mut connection.decoder, &mut received, &mut connection.ping, &mut note)?;
            received.drain(..used);
            connection.tail = received;
        }
        while !open {
            connection.receive(|said| open |= matches!(said, Said::Open(_))).await?;
        }
        Ok(connection)
    }

    /// Sends one packet as a text message, together with whatever was pushed before.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send(&mut self, packet: &str) -> Result<(), LoadError> {
        self.push(packet);
        self.flush().await
    }

    /// Puts one packet behind those that wait for [`Connection::flush`].
    pub fn push(&mut self, packet: &str) {
        encode::encode(OpCode::Text, packet.as_bytes(), Some(MASK), &mut self.out);
    }

    /// Ends the TCP connection behind a frame that lacks its last byte.
    ///
    /// # Errors
    /// The connection broke before.
    pub async fn cut_in(mut self, packet: &str) -> Result<(), LoadError> {
        self.push(packet);
        self.out.pop();
        self.flush().await
    }

    /// Writes what was pushed, in as few writes as the socket takes.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn flush(&mut self) -> Result<(), LoadError> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.try_write(&self.out[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        Ok(())
    }

    /// Waits for bytes, reads once, and gives every packet that is whole to `each`. Pings are answered.
    ///
    /// Cancel-safe until it has read: a cancelled call loses nothing.
    ///
    /// # Errors
    /// [`LoadError::Closed`] at the end of the connection, or why it broke.
    pub async fn receive(&mut self, mut each: impl FnMut(Said<'_>)) -> Result<(), LoadError> {
        loop {
            self.stream.readable().await?;
            if self.read(&mut each)? {
                break;
            }
        }
        if std::mem::take(&mut self.ping) {
            self.send("3").await?;
        }
        Ok(())
    }

    /// Reads once into the thread's buffer; whether there was anything.
    fn read(&mut self, each: &mut impl FnMut(Said<'_>)) -> Result<bool, LoadError> {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(READ, 0);
            let read = match self.stream.try_read(buffer) {
                Ok(0) => return Err(LoadError::Closed),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if self.tail.is_empty() {
                let used = decode(&mut self.decoder, &mut buffer[..read], &mut self.ping, each)?;
                self.tail.extend_from_slice(&buffer[used..read]);
            } else {
                self.tail.extend_from_slice(&buffer[..read]);
                let used = decode(&mut self.decoder, &mut self.tail, &mut self.ping, each)?;
                self.tail.drain(..used);
                if self.tail.is_empty() {
                    self.tail = Vec::new();
                }
            }
            Ok(true)
        })
    }

    /// Says goodbye as browsers do, and waits until the server has closed.
    ///
    /// # Errors
    /// The connection broke before.
    pub async fn close(mut self) -> Result<(), LoadError> {
        encode::encode_close(None, Some(MASK), &mut self.out);
        self.flush().await?;
        patiently("end of a connection", async {
            loop {
                match self.receive(|_| {}).await {
                    Ok(()) => {}
                    Err(LoadError::Closed) => return Ok(()),
                    // A server may end a connection at once when both have said goodbye.
                    Err(LoadError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
        })
        .await
    }
}

/// Decodes whole frames from the front of `bytes`; how many bytes they were.
fn decode(
    decoder: &mut Decoder,
    bytes: &mut [u8],
    ping: &mut bool,
    each: &mut impl FnMut(Said<'_>),
) -> Result<usize, LoadError> {
    let mut used = 0;
    while used < bytes.len() {
        match decoder.decode(&mut bytes[used..], Role::Client, &LIMITS)? {
            Decoded::Incomplete { .. } => break,
            Decoded::Frame { event, consumed } => {
                used += consumed;
                match event {
                    Event::Text(text) => {
                        let said = Said::read(&text);
                        *ping |= said == Said::Ping;
                        each(said);
                    }
                    Event::Close(_) => return Err(LoadError::Closed),
                    // A server of Engine.IO sends no pings of this kind; binary belongs to no load.
                    Event::Ping(_) | Event::Pong(_) | Event::Binary(_) | Event::Fragment => {}
                }
            }
        }
    }
    Ok(used)
}
