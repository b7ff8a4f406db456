//! A WebSocket over memory: hyper's HTTP/1.1 on both ends, and then frames.
//!
//! Spec: RFC 6455, `spec/engine.md` 8.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sockeye::engine::proto::frame::Frame;
use sockeye::engine::proto::packet::{Message, Packet};
use sockeye::websocket::decoder::{Decoded, Decoder, Role};
use sockeye::websocket::encode::{encode, encode_close};
use sockeye::websocket::event::Event;
use sockeye::websocket::handshake::{VERSION, check_response, encode_key};
use sockeye::websocket::header::OpCode;
use sockeye::websocket::limits::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::line::{Order, Orders};
use crate::reason::Reason;
use crate::requests::{Requests, failure};

/// Bytes that the stream holds each way, as much as a socket does.
const BUFFER: usize = 64 * 1024;

const LIMITS: Limits = Limits { max_message: usize::MAX, max_fragments: usize::MAX };

/// Masks protect what lies between, and here nothing does.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A WebSocket of a client.
pub(crate) struct WebSocket {
    read: Reading,
    write: WriteHalf<TokioIo<Upgraded>>,
}

struct Reading {
    io: ReadHalf<TokioIo<Upgraded>>,
    decoder: Decoder,
    /// Frames that are not decoded yet.
    bytes: Vec<u8>,
}

/// What the server sent.
enum Came {
    Text(String),
    Binary(Vec<u8>),
}

impl WebSocket {
    /// Opens one, for a session of its own or to take over `sid`.
    pub(crate) async fn open(requests: &Requests, sid: Option<&str>) -> Result<WebSocket, ConnectError> {
        let (near, far) = duplex(BUFFER);
        requests.clock.runtime().spawn(serve(far, requests.clone()));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(near)).await.map_err(not_understood)?;
        requests.clock.runtime().spawn(async move {
            // That it ended shows in what was asked of it.
            connection.with_upgrades().await.ok();
        });
        let key = encode_key(*b"sockeye's tests!");
        let more = sid.map(|sid| ("sid", sid));
        let mut request = requests.build(Method::GET, "websocket", more.as_slice(), Vec::new());
        for (name, value) in [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (HeaderName::from_static("sec-websocket-version"), HeaderValue::from_static(VERSION)),
            (
                HeaderName::from_static("sec-websocket-key"),
                HeaderValue::from_bytes(&key).expect("base64 is visible ASCII"),
            ),
        ] {
            request.headers_mut().insert(name, value);
        }
        let answer = sender.send_request(request).await.map_err(not_understood)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(failure(answer).await);
        }
        let headers = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        check_response(answer.status().as_u16(), headers, &key).map_err(not_understood)?;
        let upgraded = hyper::upgrade::on(answer).await.map_err(not_understood)?;
        let (io, write) = split(TokioIo::new(upgraded));
        Ok(WebSocket { read: Reading { io, decoder: Decoder::new(), bytes: Vec::new() }, write })
    }

    /// Sends a packet during a handshake.
    pub(crate) async fn send(&mut self, packet: &[u8]) {
        write(&mut self.write, &Frame::text(&[packet])).await;
    }

    /// The next packet of a handshake. Cancel-safe.
    pub(crate) async fn text(&mut self) -> Result<String, ConnectError> {
        match self.read.next().await {
            Some(Came::Text(text)) => Ok(text),
            Some(Came::Binary(_)) => Err(ConnectError::NotUnderstood("binary".to_owned())),
            None => Err(ConnectError::Disconnected(Reason::TransportClose)),
        }
    }

    /// Carries the connection until it ends. Reading and writing do not wait for each other.
    pub(crate) async fn carry(self, connection: &Connection, orders: &mut Orders) -> Reason {
        let WebSocket { mut read, mut write } = self;
        let reading = async {
            loop {
                let received = match read.next().await {
                    Some(Came::Text(text)) => connection.receive_text(&text),
                    Some(Came::Binary(bytes)) => connection.receive(Packet::Message(Message::Binary(&bytes))),
                    None => Err(Reason::TransportClose),
                };
                if let Err(reason) = received {
                    return reason;
                }
            }
        };
        let writing = async {
            while let Some(order) = orders.recv().await {
                connection.stir();
                match order {
                    Order::Send(frame) => self::write(&mut write, &frame).await,
                    Order::Poll => {}
                    Order::Upgrade(done) => {
                        let error = ConnectError::NotUnderstood("it is on a WebSocket already".to_owned());
                        // Who asked may have given up.
                        done.send(Err(error)).ok();
                    }
                    Order::Close => {
                        let mut bytes = Vec::new();
                        encode_close(None, Some(MASK), &mut bytes);
                        // A server that is gone needs no goodbye.
                        write.write_all(&bytes).await.ok();
                        break;
                    }
                }
            }
            Reason::TransportClose
        };
        tokio::select! {
            biased;
            reason = reading => reason,
            reason = writing => reason,
        }
    }
}

impl Reading {
    /// The next message; `None` when the server has ended the connection. Cancel-safe.
    async fn next(&mut self) -> Option<Came> {
        loop {
            let decoded = self.decoder.decode(&mut self.bytes, Role::Client, &LIMITS).ok()?;
            let Decoded::Frame { event, consumed } = decoded else {
                match self.io.read_buf(&mut self.bytes).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => continue,
                }
            };
            let came = match event {
                Event::Text(text) => Some(Came::Text(text.into_owned())),
                Event::Binary(bytes) => Some(Came::Binary(bytes.into_owned())),
                Event::Close(_) => return None,
                Event::Ping(_) | Event::Pong(_) | Event::Fragment => None,
            };
            self.bytes.drain(..consumed);
            if came.is_some() {
                return came;
            }
        }
    }
}

/// Writes one packet. That the server is gone shows where it is read from.
async fn write(io: &mut WriteHalf<TokioIo<Upgraded>>, frame: &Frame) {
    let opcode = if frame.is_binary() { OpCode::Binary } else { OpCode::Text };
    let mut bytes = Vec::new();
    encode(opcode, frame.packet(), Some(MASK), &mut bytes);
    io.write_all(&bytes).await.ok();
}

/// The server's end of the stream.
async fn serve(far: DuplexStream, requests: Requests) {
    let service = service_fn(|request: Request<Incoming>| {
        // A request that asks for an upgrade has no body.
        let answering = requests.call(request.map(|_| Full::<Bytes>::default()));
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(far), service)
        .with_upgrades();
    // That it ended shows at the client's end.
    served.await.ok();
}

fn not_understood(error: impl std::fmt::Display) -> ConnectError {
    ConnectError::NotUnderstood(error.to_string())
}
