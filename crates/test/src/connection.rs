//! One connection, from the side of its wire: packets in, and to whom they go.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;
use sockeye::Value;
use sockeye::engine::proto::frame::Frame;
use sockeye::engine::proto::packet::{Decoded, Message, Packet};
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::packet::{self, Kind};
use sockeye_socket_proto::parser::Parser;
use tokio::sync::{Notify, oneshot};

use crate::arguments::limits;
use crate::clock::Clock;
use crate::error::ConnectError;
use crate::event::Event;
use crate::line::{Order, WeakLine};
use crate::reason::Reason;
use crate::transport::Transport;

/// What all clients of one connection share with its wire.
#[derive(Debug)]
pub(crate) struct Connection {
    clock: Clock,
    line: WeakLine,
    /// How packets are written, if not in the default format.
    parser: Option<Arc<dyn Parser>>,
    state: Mutex<State>,
    /// The connection is to be cut.
    cut: Notify,
}

#[derive(Debug)]
struct State {
    transport: Transport,
    assembly: Assembly,
    is_silent: bool,
    ended: Option<Reason>,
    sides: HashMap<String, Side>,
}

/// One namespace of a connection.
#[derive(Debug, Default)]
struct Side {
    asks: Option<oneshot::Sender<Result<String, ConnectError>>>,
    unread: VecDeque<Event>,
    acks: HashMap<u64, oneshot::Sender<Incoming<'static>>>,
    next_ack: u64,
    left: Option<Reason>,
    /// Something came, or it has left.
    came: Arc<Notify>,
}

impl Side {
    /// Nothing comes any more: those who wait for something are let go.
    fn leave(&mut self, reason: Reason) {
        self.left.get_or_insert(reason);
        self.asks = None;
        self.acks.clear();
        self.came.notify_one();
    }
}

/// What CONNECT says.
#[derive(Deserialize)]
struct Granted {
    sid: String,
}

/// What CONNECT_ERROR says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    message: Option<String>,
    data: Option<Value>,
}

impl Connection {
    pub(crate) fn new(
        clock: Clock,
        line: WeakLine,
        transport: Transport,
        parser: Option<Arc<dyn Parser>>,
    ) -> Connection {
        let state = State {
            transport,
            assembly: Assembly::new(),
            is_silent: false,
            ended: None,
            sides: HashMap::new(),
        };
        Connection { clock, line, parser, state: Mutex::new(state), cut: Notify::new() }
    }

    // ---- Of the wire ----------------------------------------------------------------------------------

    /// A packet came as text. An error ends the connection.
    pub(crate) fn receive_text(&self, text: &str) -> Result<(), Reason> {
        let decoded = Decoded::from_text(text).map_err(|_| Reason::ParseError)?;
        self.receive(decoded.packet())
    }

    /// A packet came. An error ends the connection.
    pub(crate) fn receive(&self, packet: Packet<'_>) -> Result<(), Reason> {
        self.clock.stir();
        match packet {
            Packet::Ping(data) if !self.state.lock().is_silent => {
                self.line.order(Order::Send(Frame::text(&[b"3", data.as_bytes()])));
            }
            Packet::Close => return Err(Reason::TransportClose),
            Packet::Message(message) => self.receive_message(message)?,
            Packet::Ping(_) | Packet::Open(_) | Packet::Pong(_) | Packet::Upgrade | Packet::Noop => {}
        }
        Ok(())
    }

    fn receive_message(&self, message: Message<'_>) -> Result<(), Reason> {
        let mut state = self.state.lock();
        let decoded = match &self.parser {
            None => state.assembly.handle_message(message, &limits()),
            Some(parser) => parser.decode(message, &limits()).map(Some),
        };
        let incoming = decoded.map_err(|_| Reason::ParseError)?;
        let Some(incoming) = incoming else { return Ok(()) };
        let incoming = incoming.into_owned();
        let packet = incoming.packet();
        // What comes for a namespace that nobody is in, as behind a `disconnect`, is for nobody.
        let Some(side) = state.sides.get_mut(packet.namespace()) else { return Ok(()) };
        match packet.kind() {
            Kind::Connect => {
                let granted: Granted = packet.payload_as().map_err(|_| Reason::ParseError)?;
                // Who asked may have given up.
                side.asks.take().map(|asks| asks.send(Ok(granted.sid)));
            }
            Kind::ConnectError => {
                let refused = refusal(&packet);
                if let Some(mut side) = state.sides.remove(packet.namespace()) {
                    side.asks.take().map(|asks| asks.send(Err(refused)));
                }
            }
            Kind::Disconnect => {
                side.leave(Reason::ServerDisconnect);
                // As the official client does.
                if state.sides.values().all(|side| side.left.is_some()) {
                    self.line.order(Order::Close);
                }
            }
            Kind::Event => {
                side.came.notify_one();
                side.unread.push_back(Event::new(incoming));
            }
            Kind::Ack => {
                let waits = packet.id().and_then(|id| side.acks.remove(&id));
                // Who asked may have given up.
                waits.map(|waits| waits.send(incoming));
            }
        }
        Ok(())
    }

    /// The wire sends something.
    pub(crate) fn stir(&self) {
        self.clock.stir();
    }

    /// Waits until the connection is to be cut.
    pub(crate) async fn wait_for_cut(&self) {
        self.cut.notified().await;
    }

    pub(crate) fn moved_to(&self, transport: Transport) {
        self.state.lock().transport = transport;
    }

    /// The wire has ended.
    pub(crate) fn end(&self, reason: Reason) {
        self.clock.stir();
        let mut state = self.state.lock();
        state.ended = Some(reason);
        state.sides.values_mut().for_each(|side| side.leave(reason));
    }

    // ---- Of the clients -------------------------------------------------------------------------------

    pub(crate) fn transport(&self) -> Transport {
        self.state.lock().transport
    }

    /// A namespace that a client asks to join, and where the answer comes. `None` when one is in it already.
    pub(crate) fn ask(&self, namespace: &str) -> Option<oneshot::Receiver<Result<String, ConnectError>>> {
        let mut state = self.state.lock();
        // Who asked and gave up is nobody's.
        let is_live =
            |side: &Side| side.left.is_none() && !side.asks.as_ref().is_some_and(|it| it.is_closed());
        if state.sides.get(namespace).is_some_and(is_live) {
            return None;
        }
        let (asks, answer) = oneshot::channel();
        if state.ended.is_none() {
            state.sides.insert(namespace.to_owned(), Side { asks: Some(asks), ..Side::default() });
        }
        Some(answer)
    }

    /// Why the connection ended, if it did.
    pub(crate) fn ended(&self) -> Option<Reason> {
        self.state.lock().ended
    }

    /// Why a namespace was left, if it was.
    pub(crate) fn left(&self, namespace: &str) -> Option<Reason> {
        let state = self.state.lock();
        match state.sides.get(namespace) {
            Some(side) => side.left,
            None => Some(state.ended.unwrap_or(Reason::ClientDisconnect)),
        }
    }

    /// Is told when something comes to a namespace, or it is left.
    pub(crate) fn came(&self, namespace: &str) -> Arc<Notify> {
        self.state.lock().sides.get(namespace).map(|side| side.came.clone()).unwrap_or_default()
    }

    /// Takes the first unread event that `wanted` takes.
    pub(crate) fn take(&self, namespace: &str, wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        let mut state = self.state.lock();
        let unread = &mut state.sides.get_mut(namespace)?.unread;
        let at = unread.iter().position(wanted)?;
        unread.remove(at)
    }

    /// Unread events, oldest first.
    pub(crate) fn unread(&self, namespace: &str) -> Vec<Event> {
        let state = self.state.lock();
        state.sides.get(namespace).map(|side| side.unread.iter().cloned().collect()).unwrap_or_default()
    }

    /// The id of an event that asks for an acknowledgement, and where that comes.
    pub(crate) fn await_ack(&self, namespace: &str) -> Option<(u64, oneshot::Receiver<Incoming<'static>>)> {
        let mut state = self.state.lock();
        let side = state.sides.get_mut(namespace).filter(|side| side.left.is_none())?;
        let (waits, answer) = oneshot::channel();
        let id = side.next_ack;
        side.next_ack += 1;
        side.acks.insert(id, waits);
        Some((id, answer))
    }

    /// A client leaves. Says whether it was the last of the connection.
    pub(crate) fn leave(&self, namespace: &str) -> bool {
        let mut state = self.state.lock();
        if let Some(side) = state.sides.get_mut(namespace) {
            side.leave(Reason::ClientDisconnect);
        }
        state.sides.values().all(|side| side.left.is_some())
    }

    /// Pings are answered no more.
    pub(crate) fn fall_silent(&self) {
        self.state.lock().is_silent = true;
    }

    /// Cuts the connection.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }
}

fn refusal(packet: &packet::Packet<'_>) -> ConnectError {
    let Refused { message, data } = packet.payload_as().unwrap_or_default();
    ConnectError::Refused { namespace: packet.namespace().to_owned(), message, data }
}
