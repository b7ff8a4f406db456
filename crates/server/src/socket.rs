//! One peer in one namespace: what handlers are given.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_socket_proto::outgoing::EventArguments;
use sockeye_socket_proto::packet::is_reserved;
use sockeye_socket_proto::parser::json::{encode_disconnect, encode_event};
use sockeye_socket_proto::reason::DisconnectReason;

use crate::broadcast::{Broadcast, Rooms};
use crate::connection::{Handlers, Stay};
use crate::departure::leave;
use crate::emitted::{Emitted, encoded, send};
use crate::error::AckError;
use crate::handler::event::{DisconnectHandler, Erased, EventHandler, erase_disconnect, erase_event};
use crate::handshake::Handshake;
use crate::hub::{Context, Engine, Session, Space};
use crate::id::SocketId;
use crate::request::{FromReply, Request};
use crate::table::Entry;

/// One peer in one namespace. A cheap clone: a handle, which keeps nothing open.
///
/// After a disconnect the peer may come back with a new socket; the handles of the old one stay without
/// effect: joining is no-op, emitting gives [`EmitError::Disconnected`](crate::error::EmitError::Disconnected).
#[derive(Clone)]
pub struct Socket {
    engine: Arc<Engine>,
    session: Arc<Session>,
    stay: Stay,
    /// Where it is not derived: the socket forgets it when it goes.
    id: Option<SocketId>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({} in {})", self.id(), self.namespace())
    }
}

/// Handles are equal when they are of the same socket.
impl PartialEq for Socket {
    fn eq(&self, other: &Socket) -> bool {
        Arc::ptr_eq(&self.session, &other.session) && self.stay == other.stay
    }
}

impl Eq for Socket {}

impl Context<'_> {
    /// The socket that all this is about.
    #[must_use]
    pub fn socket(&self) -> Socket {
        Socket::new(self.engine, self.session, self.stay)
    }
}

impl Socket {
    pub(crate) fn new(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay) -> Socket {
        let id = if stay == Stay::FIRST { None } else { session.connection().id(stay) };
        Socket { engine: engine.clone(), session: session.clone(), stay, id }
    }

    pub(crate) fn parts(&self) -> (&Arc<Engine>, &Arc<Session>, Stay) {
        (&self.engine, &self.session, self.stay)
    }

    fn space(&self) -> &Space {
        self.engine.application().space(self.stay.namespace)
    }

    /// Its id: 20 characters that may be shown to other peers. Another one for each namespace and each
    /// connection.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id.unwrap_or_else(|| self.engine.application().id(&self.session, self.stay))
    }

    /// The name of its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.space().name
    }

    /// Whether it has joined its namespace and not left it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session.connection().is_joined(self.stay) && self.session.closed().is_none()
    }

    /// The technique that carries it now: `polling`, `sse` or `websocket`.
    #[must_use]
    pub fn transport(&self) -> Wire {
        self.session.wire()
    }

    /// Whether it is polled without waiting: its technique is polling, and its last GET asked to be answered at
    /// once.
    #[must_use]
    pub fn is_short_polling(&self) -> bool {
        self.session.is_short_polling()
    }

    /// How many bytes are queued for the peer, in all namespaces.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.session.queued()
    }

    /// What the peer said when it came. `None` when the server was told not to keep it and the connection
    /// handler has ended.
    #[must_use]
    pub fn handshake(&self) -> Option<Handshake> {
        let connection = self.session.connection();
        Some(Handshake::new(connection.handshake()?, connection.auth(self.stay)))
    }

    // ---- Handlers -------------------------------------------------------------------------------------

    /// Handles an event. A handler that was there for the same event is replaced.
    ///
    /// Events of a socket are handled one after another, in the order in which they came; see
    /// [`Namespace::concurrent`](crate::namespace::Namespace::concurrent). A function, or a closure that captures
    /// nothing, costs a socket no memory, since all sockets that register the same share one table.
    ///
    /// # Panics
    /// When the name is reserved (`disconnect` has [`on_disconnect`](Socket::on_disconnect)), or when the
    /// handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on<A: 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        handler: impl EventHandler<A>,
    ) -> &Socket {
        let name = name.into();
        assert!(
            !is_reserved(&name),
            "{name:?} is no event that a peer can send: see on_connect, on_disconnecting and on_disconnect"
        );
        self.register(Entry::Event(name), erase_event(handler, &self.engine.application().states))
    }

    /// Handles events that no other handler takes; [`EventName`](crate::handler::args::EventName) tells their
    /// name.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_fallback<A: 'static>(&self, handler: impl EventHandler<A>) -> &Socket {
        self.register(Entry::Fallback, erase_event(handler, &self.engine.application().states))
    }

    /// Handles the beginning of a disconnect, while the socket is still in its rooms: until the handler's
    /// first wait.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_disconnecting<A: 'static>(&self, handler: impl DisconnectHandler<A>) -> &Socket {
        self.register(Entry::Disconnecting, erase_disconnect(handler, &self.engine.application().states))
    }

    /// Handles the disconnect: the socket has left its rooms, and its acknowledgements are given up. It runs
    /// beside a handler that has not ended.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_disconnect<A: 'static>(&self, handler: impl DisconnectHandler<A>) -> &Socket {
        self.register(Entry::Disconnect, erase_disconnect(handler, &self.engine.application().states))
    }

    fn register(&self, entry: Entry, erased: Erased) -> &Socket {
        let connection = self.session.connection();
        let tables = &self.space().tables;
        while let (Some(kind), Some(Handlers::Shared(from))) = (erased.kind, connection.table(self.stay)) {
            let Some(to) = tables.with(from, &entry, kind, &erased.handler) else { break };
            if connection.share_table(self.stay, from, to) {
                return self;
            }
        }
        let replaced = connection.own_table(
            self.stay,
            |from| tables.get(from).cloned().unwrap_or_default(),
            |table| table.insert(entry, erased.handler),
        );
        // What it captured is dropped here, where no lock is held.
        drop(replaced);
        self
    }

    // ---- Emitting -------------------------------------------------------------------------------------

    /// Emits an event to the peer. The arguments: a tuple is several, `()` none, anything else one.
    ///
    /// It is queued at once, in order, and no call waits for the peer; await what this gives back to wait for
    /// room. A name that is reserved, or an argument that cannot be serialized, is logged, and told by what
    /// this gives back.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.send_event(name, &arguments, false)
    }

    /// Emits an event that asks for an acknowledgement, and waits for it until the socket disconnects.
    ///
    /// The event goes out when this is called; the acknowledgement is what the peer's first argument is read
    /// as, or all of them as [`Args`](crate::handler::args::Args). An event handler may await it.
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Request<T> {
        self.request(name, &arguments, None)
    }

    /// Gives what is emitted next a time-out: `socket.timeout(SECOND).emit_with_ack("question", ())`. Rounded
    /// up to 50 ms.
    pub fn timeout(&self, timeout: Duration) -> Emitter<'_> {
        Emitter { socket: self, timeout: Some(timeout), volatile: false }
    }

    /// What is emitted next is dropped when the transport is not ready to take it.
    pub fn volatile(&self) -> Emitter<'_> {
        Emitter { socket: self, timeout: None, volatile: true }
    }

    fn send_event(&self, name: &str, arguments: &impl EventArguments, volatile: bool) -> Emitted {
        let packet = encoded(name, encode_event(&self.space().name, None, name, arguments));
        let result = packet.and_then(|packet| send(&self.engine, &self.session, self.stay, packet, volatile));
        if result.is_ok() {
            self.engine.application().tally.sent.add_one();
        }
        Emitted::one(&self.engine, &self.session, result)
    }

    fn request<T: FromReply>(
        &self,
        name: &str,
        arguments: &impl EventArguments,
        timeout: Option<Duration>,
    ) -> Request<T> {
        Request::new(&self.engine, &self.session, self.stay, timeout, |id| {
            let packet = encoded(name, encode_event(&self.space().name, Some(id), name, arguments))?;
            send(&self.engine, &self.session, self.stay, packet, false)?;
            self.engine.application().tally.sent.add_one();
            Ok::<(), AckError>(())
        })
    }

    // ---- Rooms ----------------------------------------------------------------------------------------

    /// Joins rooms. After a disconnect nothing happens. In a middleware the rooms are joined when the peer is
    /// let in.
    pub fn join(&self, rooms: impl Rooms) {
        let adapter = &self.space().adapter;
        let connection = self.session.connection();
        rooms.each(&mut |room| connection.join(self.stay, room, |member| adapter.join(member, room)));
    }

    /// Leaves rooms. Nothing happens with those that it is not in.
    pub fn leave(&self, rooms: impl Rooms) {
        let adapter = &self.space().adapter;
        let connection = self.session.connection();
        rooms.each(&mut |room| connection.leave(self.stay, room, |member| adapter.leave(member, room)));
    }

    /// The rooms that it has joined, in no order. Its own id is a room that is not listed.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        let mut rooms = Vec::new();
        self.session.connection().with_member(self.stay, |member| rooms = self.space().adapter.rooms(member));
        rooms
    }

    /// All in these rooms but this socket.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// All in these rooms, this socket too if it is in one.
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.everybody().to(rooms)
    }

    /// All in its namespace but this socket and those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// All in its namespace, this socket too.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::everybody(&self.engine, self.stay.namespace)
    }

    /// All in its namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::others(&self.engine, &self.session, self.stay)
    }

    // ---- Data -----------------------------------------------------------------------------------------

    /// Keeps a value beside the socket, one of each type, until it has disconnected.
    pub fn set_data<T: Clone + Send + Sync + 'static>(&self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        drop(self.session.connection().set_data(self.stay, TypeId::of::<T>(), value));
    }

    /// The value of that type, if one was set. Still there in disconnect handlers.
    #[must_use]
    pub fn data<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.session.connection().data(self.stay, TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    // ---- Going ----------------------------------------------------------------------------------------

    /// Leaves the namespace: the peer is told, and does not come back by itself. With `close` all its sockets
    /// leave, and the connection closes.
    ///
    /// Disconnect handlers are called before this returns, and polled once.
    pub fn disconnect(&self, close: bool) {
        if !close {
            return self.dismiss(self.stay);
        }
        let connection = self.session.connection();
        if connection.is_joined(self.stay) {
            connection.stays().into_iter().for_each(|stay| self.dismiss(stay));
            self.engine.close(&self.session, CloseReason::ForcedClose);
        }
    }

    fn dismiss(&self, stay: Stay) {
        if self.session.connection().is_joined(stay) {
            let space = self.engine.application().space(stay.namespace);
            // A session that has closed is told nothing, and leaves for that reason.
            self.engine.send(&self.session, [encode_disconnect(&space.name)]).ok();
        }
        leave(&self.engine, &self.session, stay, DisconnectReason::ServerNamespaceDisconnect);
    }
}

/// How the next event to a socket is emitted.
#[derive(Clone, Copy, Debug)]
pub struct Emitter<'s> {
    socket: &'s Socket,
    timeout: Option<Duration>,
    volatile: bool,
}

impl Emitter<'_> {
    /// As [`Socket::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// As [`Socket::volatile`].
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// As [`Socket::emit`]. A time-out concerns acknowledgements only.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.socket.send_event(name, &arguments, self.volatile)
    }

    /// As [`Socket::emit_with_ack`]: it ends with [`AckError::TimedOut`] when the time is over. What waits for
    /// an acknowledgement is never volatile.
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Request<T> {
        self.socket.request(name, &arguments, self.timeout)
    }
}

impl Broadcast {
    /// The sockets that are meant now, on this node.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let socket = |(session, stay)| Socket::new(&self.engine, &session, stay);
        self.sessions().into_iter().map(socket).collect()
    }

    /// Disconnects all that are meant now; see [`Socket::disconnect`].
    pub fn disconnect(&self, close: bool) {
        self.sockets().iter().for_each(|socket| socket.disconnect(close));
    }
}
