//! A WebSocket by hand, on our own codec: any frame may be sent, right or wrong.

use std::net::SocketAddr;

use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::encode::encode;
use sockeye_websocket::event::Event;
use sockeye_websocket::header::{COMPRESSED, OpCode};
use sockeye_websocket::limits::Limits;

use super::http::{Answer, Client};

pub(crate) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) const TARGET: &str = "/engine.io/?EIO=4&transport=websocket";

/// What came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Came {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    /// A Close frame, with its status.
    Close(Option<u16>),
    /// The end of the connection.
    End,
}

pub(crate) struct WebSocket {
    pub(crate) client: Client,
    pub(crate) answer: Answer,
    /// Whether the last frame was marked as compressed.
    pub(crate) marked: bool,
    decoder: Decoder,
}

impl WebSocket {
    pub(crate) async fn open(address: SocketAddr, target: &str) -> WebSocket {
        WebSocket::try_open(address, target).await.expect("a server that upgrades")
    }

    pub(crate) async fn try_open(address: SocketAddr, target: &str) -> Result<WebSocket, String> {
        WebSocket::try_open_with(address, target, "").await
    }

    /// With more `headers`.
    pub(crate) async fn try_open_with(
        address: SocketAddr,
        target: &str,
        headers: &str,
    ) -> Result<WebSocket, String> {
        let mut client = Client::connect(address).await;
        let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{headers}\r\n");
        client.write(head).await;
        let answer = client.head().await.expect("an answer");
        if answer.status != 101 {
            return Err(format!("no websocket: {answer:?}"));
        }
        Ok(WebSocket { client, answer, marked: false, decoder: Decoder::new() })
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.frame(OpCode::Text, text.as_bytes()).await;
    }

    pub(crate) async fn frame(&mut self, opcode: OpCode, payload: &[u8]) {
        let mut bytes = Vec::new();
        encode(opcode, payload, Some([1, 2, 3, 4]), &mut bytes);
        self.client.write(bytes).await;
    }

    pub(crate) async fn recv(&mut self) -> Came {
        let limits = Limits { max_message: usize::MAX, ..Limits::default() };
        loop {
            let deflate = self.answer.header("sec-websocket-extensions").is_some();
            let first = self.client.buffer.first().copied().unwrap_or_default();
            let decoded = self.decoder.decode_with(&mut self.client.buffer, Role::Client, &limits, deflate);
            let (came, consumed) = match decoded.expect("a server that keeps the protocol") {
                Decoded::Incomplete { .. } => {
                    if !self.client.read().await {
                        return Came::End;
                    }
                    continue;
                }
                Decoded::Frame { event, consumed } => {
                    let came = match event {
                        Event::Text(text) => Some(Came::Text(text.into_owned())),
                        Event::Binary(bytes) => Some(Came::Binary(bytes.into_owned())),
                        Event::Pong(bytes) => Some(Came::Pong(bytes.to_vec())),
                        Event::Close(close) => Some(Came::Close(close.map(|close| close.code.value()))),
                        Event::Ping(_) | Event::Fragment => None,
                    };
                    (came, consumed)
                }
            };
            self.client.buffer.drain(..consumed);
            self.marked = first & COMPRESSED != 0;
            if let Some(came) = came {
                return came;
            }
        }
    }

    /// The next frame, which must be text.
    pub(crate) async fn text(&mut self) -> String {
        match self.recv().await {
            Came::Text(text) => text,
            other => panic!("expected text, came {other:?}"),
        }
    }
}
