//! A peer that sends and receives whole Engine.IO packets, over either technique and in either protocol.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{Message as Said, Packet};
use sockeye_engine_proto::wire::v3;
use sockeye_server::server::Server;
use sockeye_server::service::ServerService;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tower_service::Service;

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    WebSocket,
    Polling,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Came {
    Text(String),
    Binary(Vec<u8>),
    /// The server closed, as it does without a status.
    Closed,
    Nothing,
}

pub(crate) enum Peer {
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Polling(Box<Polling>),
}

pub(crate) struct Polling {
    service: ServerService,
    target: String,
    is_v3: bool,
    came: VecDeque<Came>,
}

impl Peer {
    /// Opens a session; its open packet is the first to come.
    pub(crate) async fn open(
        kind: Kind,
        server: &Server,
        address: SocketAddr,
        target: &str,
    ) -> Result<Peer, String> {
        match kind {
            Kind::WebSocket => {
                let opened = connect_async(format!("ws://{address}{target}")).await;
                let (socket, _) = opened.map_err(|error| format!("{target}: {error}"))?;
                Ok(Peer::WebSocket(Box::new(socket)))
            }
            Kind::Polling => {
                let target = target.replace("transport=websocket", "transport=polling");
                let (service, came) = (server.service(), VecDeque::new());
                let is_v3 = target.contains("EIO=3");
                let mut polling = Polling { service, target, is_v3, came };
                polling.get().await;
                if let Some(Came::Text(open)) = polling.came.front()
                    && let Some((_, sid)) = open.split_once("\"sid\":\"")
                {
                    polling.target = format!("{}&sid={}", polling.target, &sid[..20]);
                }
                Ok(Peer::Polling(Box::new(polling)))
            }
        }
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        match self {
            // A server that closed meanwhile is seen when it is read from.
            Peer::WebSocket(socket) => drop(socket.send(Message::text(text)).await),
            Peer::Polling(polling) => polling.say(&Frame::text(&[text.as_bytes()])).await,
        }
    }

    pub(crate) async fn send_binary(&mut self, bytes: Vec<u8>) {
        match self {
            Peer::WebSocket(socket) => drop(socket.send(Message::binary(bytes)).await),
            Peer::Polling(polling) => polling.say_binary(bytes).await,
        }
    }

    /// What comes next; pings of the engine are answered and passed over.
    pub(crate) async fn recv(&mut self) -> Came {
        timeout(PATIENCE, self.next()).await.unwrap_or(Came::Nothing)
    }

    async fn next(&mut self) -> Came {
        match self {
            Peer::WebSocket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) => Came::Text(text.to_string()),
                Some(Ok(Message::Binary(bytes))) => Came::Binary(bytes.to_vec()),
                Some(Ok(Message::Close(close))) => {
                    assert_eq!(close, None, "a Close frame of ours has no status");
                    Came::Closed
                }
                other => {
                    assert!(!matches!(other, Some(Ok(_))), "unexpected {other:?}");
                    Came::Closed
                }
            },
            Peer::Polling(polling) => loop {
                if let Some(came) = polling.came.pop_front() {
                    return came;
                }
                polling.get().await;
            },
        }
    }

    /// The peer goes.
    pub(crate) async fn close(self) {
        match self {
            Peer::WebSocket(mut socket) => drop(socket.close(None).await),
            Peer::Polling(mut polling) => polling.say(&Frame::text(&[b"1"])).await,
        }
    }
}

impl Polling {
    async fn get(&mut self) {
        let request = Request::get(&self.target).body(Full::default()).expect("a request");
        let Some(body) = self.answer(request).await else {
            self.came.push_back(Came::Closed);
            return;
        };
        if self.is_v3 {
            self.came.extend(came_v3(&body));
            return;
        }
        let body = String::from_utf8(body.to_vec()).expect("text");
        for packet in body.split('\u{1e}') {
            let came = match packet.as_bytes() {
                [b'b', base64 @ ..] => Came::Binary(STANDARD.decode(base64).expect("base64")),
                b"1" => Came::Closed,
                b"6" => continue,
                _ => Came::Text(packet.to_owned()),
            };
            self.came.push_back(came);
        }
    }

    /// What was recorded is a WebSocket's frame: in protocol 3 its type is in front.
    async fn say_binary(&mut self, bytes: Vec<u8>) {
        if self.is_v3 {
            self.say(&Frame::binary(&bytes)).await;
        } else {
            self.post("text/plain", format!("b{}", STANDARD.encode(bytes)).into_bytes()).await;
        }
    }

    async fn say(&mut self, packet: &Frame) {
        match self.is_v3 {
            true => match v3::payload(std::slice::from_ref(packet)) {
                (body, true) => self.post("application/octet-stream", body).await,
                (body, false) => self.post("text/plain", body).await,
            },
            false => self.post("text/plain", packet.packet().to_vec()).await,
        }
    }

    async fn post(&mut self, kind: &str, body: Vec<u8>) {
        let request = Request::post(&self.target).header("content-type", kind);
        self.answer(request.body(Full::from(body)).expect("a request")).await;
    }

    async fn answer(&mut self, request: Request<Full<Bytes>>) -> Option<Bytes> {
        let answer = self.service.call(request).await.expect("the service never fails");
        if !answer.status().is_success() {
            return None;
        }
        Some(answer.into_body().collect().await.expect("no stream").to_bytes())
    }
}

/// What came in a payload of protocol 3, as frames of a WebSocket would have brought it.
fn came_v3(body: &[u8]) -> Vec<Came> {
    let packets = match body {
        [0 | 1, ..] => v3::split_binary(body),
        _ => v3::split(std::str::from_utf8(body).expect("text")),
    };
    let mut came = Vec::new();
    for packet in packets {
        came.push(match packet.expect("a packet").packet() {
            Packet::Message(Said::Binary(bytes)) => Came::Binary([&[4], bytes].concat()),
            Packet::Message(Said::Text(text)) => Came::Text(format!("4{text}")),
            Packet::Open(text) => Came::Text(format!("0{text}")),
            Packet::Pong(text) => Came::Text(format!("3{text}")),
            Packet::Close => Came::Closed,
            Packet::Noop => continue,
            other => panic!("unexpected {other:?}"),
        });
    }
    came
}
