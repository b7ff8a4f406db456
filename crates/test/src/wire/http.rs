//! Polling and server-sent events: packets come by GET and go by POST.
//!
//! Requests are calls of the server's service. One that is dropped is a connection that is gone, as under
//! hyper.
//!
//! Spec: `spec/engine.md` 4 and 7, `spec/extensions.md` 1 and 2.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use sockeye::engine::proto::frame::Frame;
use sockeye::engine::proto::wire::payload;
use sockeye::runtime::Sleep;

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::line::{Order, Orders};
use crate::reason::Reason;
use crate::requests::{Requests, failure, text};
use crate::service::BoxError;
use crate::transport::Transport;
use crate::wire::open_packet::sid;
use crate::wire::stream::Events;
use crate::wire::websocket::WebSocket;

/// From one short poll to the next.
const GAP: Duration = Duration::from_millis(250);

type Asking = Pin<Box<dyn Future<Output = Result<String, ConnectError>> + Send>>;

/// A session over HTTP.
pub(crate) struct Http {
    session: Session,
    down: Down,
    post: Option<Asking>,
}

/// Requests that say which session they are of.
struct Session {
    requests: Requests,
    transport: Transport,
    sid: String,
}

impl Session {
    fn ask(&self, method: Method, body: Vec<u8>) -> Asking {
        let mut more = vec![("sid", self.sid.as_str())];
        if self.transport == Transport::ShortPolling && method == Method::GET {
            more.push(("wait", "0"));
        }
        let request = self.requests.build(method, self.transport.name(), &more, body);
        let answering = self.requests.call(request);
        Box::pin(async move { text(answering.await).await })
    }
}

/// Where packets come from.
enum Down {
    Polls {
        get: Option<Asking>,
        /// Before the next one.
        rest: Option<Sleep>,
    },
    Stream {
        body: UnsyncBoxBody<Bytes, BoxError>,
        events: Events,
    },
}

/// Why HTTP carries the connection no longer.
pub(crate) enum Ended {
    Reason(Reason),
    Upgraded(WebSocket),
}

impl Http {
    /// Opens a session. Packets that came behind the open packet come with it.
    pub(crate) async fn open(
        requests: Requests,
        transport: Transport,
    ) -> Result<(Http, Vec<String>), ConnectError> {
        let request = requests.build(Method::GET, transport.name(), &[], Vec::new());
        let answer = requests.call(request).await;
        let (down, mut packets) = if transport == Transport::Sse && answer.status() == StatusCode::OK {
            let mut down = Down::Stream { body: answer.into_body(), events: Events::default() };
            // There is no session yet, which only polls need.
            let packets = down.stream().await.map_err(ConnectError::Disconnected)?;
            (down, packets)
        } else if transport == Transport::Sse {
            return Err(failure(answer).await);
        } else {
            let packets = split(&text(answer).await?);
            (Down::Polls { get: None, rest: None }, packets)
        };
        let sid = sid(packets.first().map_or("", String::as_str))?;
        packets.remove(0);
        Ok((Http { session: Session { requests, transport, sid }, down, post: None }, packets))
    }

    /// Carries the connection until it ends, or moves to a WebSocket.
    pub(crate) async fn carry(mut self, connection: &Connection, orders: &mut Orders) -> Ended {
        match self.turns(connection, orders).await {
            Ok(socket) => Ended::Upgraded(socket),
            Err(reason) => Ended::Reason(reason),
        }
    }

    async fn turns(&mut self, connection: &Connection, orders: &mut Orders) -> Result<WebSocket, Reason> {
        loop {
            let Http { session, down, post } = &mut *self;
            tokio::select! {
                biased;
                answer = async { post.as_mut().expect("there is one").await }, if post.is_some() => {
                    answer.map_err(|_| Reason::TransportError)?;
                    *post = None;
                    down.hurry();
                }
                order = orders.recv(), if post.is_none() => match order {
                    None => return Err(Reason::TransportClose),
                    Some(Order::Poll) => down.hurry(),
                    Some(Order::Upgrade(done)) => match self.upgrade(connection).await? {
                        Ok(socket) => {
                            connection.moved_to(Transport::WebSocket);
                            // Who asked may have given up.
                            done.send(Ok(())).ok();
                            return Ok(socket);
                        }
                        Err(error) => _ = done.send(Err(error)),
                    },
                    Some(first @ (Order::Send(_) | Order::Close)) => {
                        connection.stir();
                        let (body, goodbye) = joined(first, orders);
                        let posting = session.ask(Method::POST, body);
                        if goodbye {
                            // It is over whatever the answer.
                            posting.await.ok();
                            return Err(Reason::TransportClose);
                        }
                        *post = Some(posting);
                    }
                },
                packets = down.next(session) => receive(connection, &packets?)?,
            }
        }
    }

    /// Moves to a WebSocket: it answers the probe, and the old wire ends with a noop.
    async fn upgrade(&mut self, connection: &Connection) -> Result<Result<WebSocket, ConnectError>, Reason> {
        let Http { session, down, .. } = self;
        let mut socket = match WebSocket::open(&session.requests, Some(&session.sid)).await {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(error)),
        };
        socket.send(b"2probe").await;
        loop {
            tokio::select! {
                biased;
                answer = socket.text() => match answer {
                    Ok(answer) if answer == "3probe" => break,
                    Ok(answer) => return Ok(Err(ConnectError::NotUnderstood(answer))),
                    Err(error) => return Ok(Err(error)),
                },
                packets = down.next(session) => receive(connection, &packets?)?,
            }
        }
        loop {
            let packets = down.next(session).await?;
            receive(connection, &packets)?;
            if packets.iter().any(|packet| packet == "6") {
                break;
            }
        }
        socket.send(b"5").await;
        Ok(Ok(socket))
    }
}

impl Down {
    /// The next packets. Cancel-safe.
    async fn next(&mut self, session: &Session) -> Result<Vec<String>, Reason> {
        let Down::Polls { get, rest } = self else { return self.stream().await };
        if let Some(sleep) = rest {
            sleep.await;
            *rest = None;
        }
        let answer = get.get_or_insert_with(|| session.ask(Method::GET, Vec::new())).await;
        *get = None;
        if session.transport == Transport::ShortPolling {
            *rest = Some(session.requests.clock.runtime().sleep(GAP));
        }
        Ok(split(&answer.map_err(|_| Reason::TransportError)?))
    }

    async fn stream(&mut self) -> Result<Vec<String>, Reason> {
        let Down::Stream { body, events } = self else { return Ok(Vec::new()) };
        match body.frame().await {
            Some(Ok(frame)) => {
                let bytes = frame.into_data().unwrap_or_default();
                events.feed(&bytes).ok_or(Reason::ParseError)
            }
            Some(Err(_)) => Err(Reason::TransportError),
            None => Err(Reason::TransportClose),
        }
    }

    /// A short poll waits no longer.
    fn hurry(&mut self) {
        if let Down::Polls { rest, .. } = self {
            *rest = None;
        }
    }
}

fn receive(connection: &Connection, packets: &[String]) -> Result<(), Reason> {
    packets.iter().try_for_each(|packet| connection.receive_text(packet))
}

fn split(payload: &str) -> Vec<String> {
    payload.split(char::from(payload::SEPARATOR)).map(str::to_owned).collect()
}

/// The body of a POST: all that waits to be sent, and whether it says goodbye.
fn joined(first: Order, orders: &mut Orders) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut next = Some(first);
    while let Some(order) = next {
        match order {
            Order::Send(frame) => payload::push(&frame, &mut body),
            Order::Close => {
                payload::push(&Frame::text(&[b"1"]), &mut body);
                return (body, true);
            }
            other => {
                orders.put_back(other);
                break;
            }
        }
        next = orders.try_recv();
    }
    (body, false)
}
