//! One peer in one namespace: what handlers are given.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_socket_proto::outgoing::{Encoded, EventArguments};
use sockeye_socket_proto::packet::is_reserved;
use sockeye_socket_proto::parser::json::encode_event;

use crate::broadcast::Broadcast;
use crate::conn::Conn;
use crate::connection::Stay;
use crate::departure::dismiss;
use crate::emitted::{Emit, Emitted, encoded, send};
use crate::error::EmitError;
use crate::handler::event::{
    ConnectHandler, DisconnectHandler, EventHandler, erase_connect, erase_disconnect, erase_event,
};
use crate::handshake::Handshake;
use crate::hub::{Context, Engine, Handle, Held, Session, Space};
use crate::id::SocketId;
use crate::registration::{Erased, register, unregister};
use crate::request::{FromReply, Request};
use crate::rooms::{self, Rooms, join};
use crate::slow::{Said, WhenSlow};
use crate::table::{Entry, Table};

/// One peer in one namespace. A cheap clone: a handle, which keeps nothing open.
///
/// After a disconnect the peer may come back with a new socket; the handles of the old one stay without
/// effect: joining is no-op, emitting gives [`EmitError::Disconnected`].
#[derive(Clone)]
pub struct Socket {
    engine: Arc<Engine>,
    session: Arc<Session>,
    stay: Stay,
    /// Where it is not derived: the socket forgets it when it goes.
    id: Option<SocketId>,
    space: Held,
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
        let space = engine.application().spaces.hold(stay.namespace);
        Socket { engine: engine.clone(), session: session.clone(), stay, id, space }
    }

    pub(crate) fn stay(&self) -> Stay {
        self.stay
    }

    pub(crate) fn parts(&self) -> (&Arc<Engine>, &Arc<Session>) {
        (&self.engine, &self.session)
    }

    fn space(&self) -> &Space {
        self.space.space(&self.engine.application().spaces)
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

    /// Whether it is the socket that it was before its connection was cut: with its id, its rooms and its data, and all
    /// events that were meant for it meanwhile. Only where the server
    /// [recovers](crate::server::Builder::connection_state_recovery) connections.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.session.connection().is_recovered(self.stay)
    }

    /// The connection beneath it, which the peer's sockets of other namespaces share.
    #[must_use]
    pub fn conn(&self) -> Conn {
        Conn::new(&self.engine, &self.session)
    }

    /// The technique that carries it now: `polling`, `sse` or `websocket`.
    #[must_use]
    pub fn transport(&self) -> Wire {
        self.session.wire()
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
        let name = sendable(name.into());
        self.register(Entry::Event(name), erase_event(handler, &self.engine.application().states))
    }

    /// Handles an event once, in place of the handler that was there for it: the next one that is not refused by a
    /// [middleware](Socket::with). Those behind it have no handler.
    ///
    /// # Panics
    /// As [`on`](Socket::on).
    #[track_caller]
    pub fn once<A: 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        handler: impl EventHandler<A>,
    ) -> &Socket {
        let name = sendable(name.into());
        self.register(Entry::Once(name), erase_event(handler, &self.engine.application().states))
    }

    /// Handles an event once for each key, which is its first argument, a text: for events that a client sends again until
    /// they are acknowledged (`retries` of official clients), over another connection perhaps.
    ///
    /// The first one with a key is handled. Those that come meanwhile, and later, get its acknowledgement and are not
    /// handled, from whichever socket of the namespace they come; so a key is one that nobody can guess, such as a random
    /// UUID. When the handler fails, or ends without an acknowledgement, its key is forgotten and the next attempt is
    /// handled. How long keys are remembered is the server's
    /// [`deduplication`](crate::server::Builder::deduplication); it is this process that remembers. Events that ask for
    /// no acknowledgement are all handled.
    ///
    /// ```
    /// # use sockeye_server::{handler::outcome::Reply, socket::Socket};
    /// # async fn place(order: String) -> u64 { order.len() as u64 }
    /// # fn register(socket: &Socket) {
    /// // const socket = io({ retries: 3, ackTimeout: 5000 })
    /// // socket.emit("order", crypto.randomUUID(), "one cup of tea", (error, number) => …)
    /// socket.on_deduplicated("order", async |_key: String, order: String| Reply(place(order).await));
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`on`](Socket::on).
    #[track_caller]
    pub fn on_deduplicated<A: 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        handler: impl EventHandler<A>,
    ) -> &Socket {
        let name = sendable(name.into());
        self.register(Entry::Deduplicated(name), erase_event(handler, &self.engine.application().states))
    }

    /// Handles an event no more. One that is being handled goes on.
    pub fn off(&self, name: impl Into<Cow<'static, str>>) -> &Socket {
        self.unregister(Entry::Off(name.into()))
    }

    /// Handles nothing more: no event, no disconnect, no move to another transport. Middlewares stay.
    pub fn off_all(&self) -> &Socket {
        self.unregister(Entry::OffAll)
    }

    /// The names of the events that have a handler, in no order.
    #[must_use]
    pub fn event_names(&self) -> Vec<String> {
        let names = |table: &Table<_>| table.names().map(str::to_owned).collect();
        self.with_table(names)
    }

    /// Adds a middleware for the events of this socket, which says whether an event goes on: `Err` ends it. They run
    /// in the order in which they were added, before whatever handles the event, one event after another.
    ///
    /// An event that is refused reaches no handler; `on_error` is told, and the peer is not, unless the middleware
    /// takes the event's [`Ack`](crate::handler::ack::Ack) and sends it. Whoever sends it first answers; a middleware that
    /// only takes it leaves it to the handler.
    ///
    /// ```
    /// # use sockeye_server::{error::HandlerError, handler::args::EventName, socket::Socket};
    /// # fn register(socket: &Socket) {
    /// socket.with(async |event: EventName| match event.0.as_str() {
    ///     "shutdown" => Err(HandlerError::new("not for you")),
    ///     _ => Ok(()),
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// When it wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn with<A: 'static>(&self, middleware: impl EventHandler<A>) -> &Socket {
        self.register(Entry::Middleware, erase_event(middleware, &self.engine.application().states))
    }

    /// Is called with every event, before its handler and whether it has one or not. There may be several: they are
    /// called in the order in which they were added, each to its end, and behind them the handler. One that fails is
    /// told to `on_error`, and the event goes on.
    ///
    /// # Panics
    /// When it wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_any<A: 'static>(&self, handler: impl EventHandler<A>) -> &Socket {
        self.register(Entry::Any, erase_event(handler, &self.engine.application().states))
    }

    /// As [`on_any`](Socket::on_any), in front of those that are there.
    ///
    /// # Panics
    /// When it wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn prepend_any<A: 'static>(&self, handler: impl EventHandler<A>) -> &Socket {
        self.register(Entry::PrependAny, erase_event(handler, &self.engine.application().states))
    }

    /// Removes all that [`on_any`](Socket::on_any) and [`prepend_any`](Socket::prepend_any) added.
    pub fn off_any(&self) -> &Socket {
        self.unregister(Entry::OffAny)
    }

    /// How many handlers of every event there are.
    #[must_use]
    pub fn any_len(&self) -> usize {
        self.with_table(|table| table.any().len())
    }

    /// Is called with every event that is emitted to this socket, alone or with others: once it is queued, and in
    /// the order in which the caller emitted it. Acknowledgements are no events. What the handler emits itself is not
    /// told again.
    ///
    /// It costs every broadcast of the namespace a look for those who listen.
    ///
    /// # Panics
    /// When it wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_any_outgoing<A: 'static>(&self, handler: impl EventHandler<A>) -> &Socket {
        self.register(Entry::Outgoing, erase_event(handler, &self.engine.application().states))
    }

    /// As [`on_any_outgoing`](Socket::on_any_outgoing), in front of those that are there.
    ///
    /// # Panics
    /// When it wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn prepend_any_outgoing<A: 'static>(&self, handler: impl EventHandler<A>) -> &Socket {
        self.register(Entry::PrependOutgoing, erase_event(handler, &self.engine.application().states))
    }

    /// Removes all that [`on_any_outgoing`](Socket::on_any_outgoing) and
    /// [`prepend_any_outgoing`](Socket::prepend_any_outgoing) added.
    pub fn off_any_outgoing(&self) -> &Socket {
        self.unregister(Entry::OffOutgoing)
    }

    /// How many listen to what goes out.
    #[must_use]
    pub fn any_outgoing_len(&self) -> usize {
        self.with_table(|table| table.outgoing().len())
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

    /// Is called when a better transport asks to carry the connection, which it then does or not; as
    /// [`Wire`] the handler is told which. One that was there is replaced.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_upgrading<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &Socket {
        self.register(Entry::Upgrading, erase_connect(handler, &self.engine.application().states))
    }

    /// Is called when a better transport carries the connection: [`transport`](Socket::transport) says which. One that
    /// was there is replaced. Nothing was lost or doubled by the move, and no event waits for this handler.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_upgrade<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &Socket {
        self.register(Entry::Upgrade, erase_connect(handler, &self.engine.application().states))
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

    fn with_table<R: Default>(&self, ask: impl FnOnce(&Table<dyn Handle>) -> R) -> R {
        let handlers = self.session.connection().table(self.stay);
        handlers.map(|handlers| ask(self.space().settings.table(&handlers))).unwrap_or_default()
    }

    fn register(&self, entry: Entry, erased: Erased) -> &Socket {
        register(self.space(), &self.session, self.stay, entry, erased);
        self
    }

    fn unregister(&self, entry: Entry) -> &Socket {
        unregister(self.space(), &self.session, self.stay, entry);
        self
    }

    // ---- Emitting -------------------------------------------------------------------------------------

    /// Emits an event to the peer. The arguments: a tuple is several, `()` none, anything else one.
    ///
    /// It is queued at once, in order, and no call waits for the peer; await what this gives back to wait for
    /// room. A name that is reserved, or an argument that cannot be serialized, is logged, and told by what
    /// this gives back.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        Emitter::new(self).send_event(name, &arguments)
    }

    /// Emits `message`: what other servers call `send`.
    pub fn send(&self, arguments: impl EventArguments) -> Emitted {
        Emitter::new(self).send_event("message", &arguments)
    }

    /// Emits an event that asks for an acknowledgement, and waits for it until the socket disconnects.
    ///
    /// The event goes out when this is called; the acknowledgement is what the peer's first argument is read
    /// as, or all of them as [`Args`](crate::handler::args::Args). An event handler may await it.
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Request<T> {
        Emitter::new(self).request(name, &arguments)
    }

    /// Gives what is emitted next a time-out: `socket.timeout(SECOND).emit_with_ack("question", ())`. Rounded up, by at
    /// most 100 ms.
    pub fn timeout(&self, timeout: Duration) -> Emitter<'_> {
        Emitter { timeout: Some(timeout), ..Emitter::new(self) }
    }

    /// What is emitted next is dropped when the transport is not ready to take it.
    pub fn volatile(&self) -> Emitter<'_> {
        Emitter { volatile: true, ..Emitter::new(self) }
    }

    /// Whether what is emitted next may be compressed. It may, unless this says no: for what is compressed already, or
    /// holds a secret beside what others chose. A polling answer is compressed if any packet in it may be, a message of a
    /// WebSocket by itself.
    pub fn compress(&self, compress: bool) -> Emitter<'_> {
        Emitter { compress, ..Emitter::new(self) }
    }

    /// What becomes of what is emitted next when the peer is slow, whatever the socket itself says.
    pub fn when_slow(&self, rule: WhenSlow) -> Emitter<'_> {
        Emitter { said: Some(Said::rule(rule)), ..Emitter::new(self) }
    }

    /// Of the events of that name and key only the latest waits for the peer: for states, of which an older one is of no use
    /// when there is a newer. What waits is replaced however little it is; a peer that reads as fast as they come gets all.
    ///
    /// Order is kept: the new one stands behind what was emitted before it. Events with attachments are neither dropped nor
    /// replace others.
    ///
    /// ```
    /// # fn tell(socket: &sockeye_server::socket::Socket) {
    /// socket.keep_latest("player 7").emit("moved", (7, 12.5, 3.0));
    /// # }
    /// ```
    pub fn keep_latest(&self, key: impl Hash) -> Emitter<'_> {
        Emitter { said: Some(Said::keep_latest(key)), ..Emitter::new(self) }
    }

    /// What becomes of events for this socket when its peer is slow, of those that are emitted from now on and say nothing of
    /// their own, as their room does not: broadcasts too. Under [`WhenSlow::KeepLatest`] the key is the event's name.
    ///
    /// After a disconnect nothing happens, and a socket that comes back says so anew.
    ///
    /// What asks for an acknowledgement, acknowledgements themselves and events with attachments are never dropped.
    pub fn set_when_slow(&self, rule: WhenSlow) -> &Socket {
        if self.session.connection().may_hear(self.stay) {
            self.space().rules.set_used();
            self.session.set_when_slow(self.stay.namespace, rule);
        }
        self
    }

    // ---- Rooms ----------------------------------------------------------------------------------------

    /// Joins rooms. After a disconnect nothing happens. In a middleware the rooms are joined when the peer is
    /// let in.
    pub fn join(&self, rooms: impl Rooms) {
        join(&self.engine, self.space(), &self.session, self.stay, &rooms);
    }

    /// Leaves rooms. Nothing happens with those that it is not in.
    pub fn leave(&self, rooms: impl Rooms) {
        rooms::leave(&self.engine, self.space(), &self.session, self.stay, &rooms);
    }

    /// Leaves all rooms that it has joined. That of its own id it is always in.
    pub fn leave_all(&self) {
        self.leave(self.rooms());
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

    /// All in these rooms, this socket too if it is in one; [`to`](Socket::to) leaves it out.
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.everybody().to(rooms)
    }

    /// All in its namespace but this socket and those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// All in its namespace, this socket too.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::everybody(&self.engine, self.space.clone())
    }

    /// All in its namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::others(&self.engine, self.space.clone(), &self.session, self.stay)
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
        let spaces = &self.engine.application().spaces;
        // It may leave meanwhile: only if it is there when its namespace is held, that is its namespace.
        if let Some(space) = spaces.try_hold(stay.namespace) {
            dismiss(&self.engine, &self.session, space.space(spaces), stay);
        }
    }
}

/// A name that a peer can send.
#[track_caller]
fn sendable(name: Cow<'static, str>) -> Cow<'static, str> {
    assert!(
        !is_reserved(&name),
        "{name:?} is no event that a peer can send: see on_connect, on_disconnecting and on_disconnect"
    );
    name
}

/// How the next event to a socket is emitted.
#[derive(Clone, Copy, Debug)]
pub struct Emitter<'s> {
    socket: &'s Socket,
    timeout: Option<Duration>,
    volatile: bool,
    compress: bool,
    said: Option<Said>,
}

impl<'s> Emitter<'s> {
    fn new(socket: &'s Socket) -> Emitter<'s> {
        Emitter { socket, timeout: None, volatile: false, compress: true, said: None }
    }

    pub(crate) fn send_event(&self, name: &str, arguments: &impl EventArguments) -> Emitted {
        let Socket { engine, session, stay, .. } = self.socket;
        let kind = if self.volatile { Emit::Volatile } else { Emit::Plain };
        let mark = |packet| self.socket.space().rules.mark(packet, self.said, stay.namespace, &[], name);
        let result = self
            .encode(None, name, arguments)
            .map(mark)
            .and_then(|packet| send(engine, session, self.socket.space(), *stay, packet, kind));
        Emitted::one(engine, session, result)
    }

    pub(crate) fn request<T: FromReply>(&self, name: &str, arguments: &impl EventArguments) -> Request<T> {
        let Socket { engine, session, stay, .. } = self.socket;
        let space = self.socket.space();
        Request::new(engine, session, space, *stay, self.timeout, |id| {
            let packet = self.encode(Some(id), name, arguments)?;
            Ok(send(engine, session, space, *stay, packet, Emit::Asking)?)
        })
    }

    fn encode(
        &self,
        id: Option<u64>,
        name: &str,
        arguments: &impl EventArguments,
    ) -> Result<Encoded, EmitError> {
        let packet = encoded(name, encode_event(&self.socket.space().name, id, name, arguments))?;
        Ok(if self.compress { packet } else { packet.without_compression() })
    }

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

    /// As [`Socket::compress`].
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// As [`Socket::when_slow`].
    #[must_use]
    pub fn when_slow(mut self, rule: WhenSlow) -> Self {
        self.said = Some(Said::rule(rule));
        self
    }

    /// As [`Socket::keep_latest`].
    #[must_use]
    pub fn keep_latest(mut self, key: impl Hash) -> Self {
        self.said = Some(Said::keep_latest(key));
        self
    }

    /// As [`Socket::emit`]. A time-out concerns acknowledgements only.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.send_event(name, &arguments)
    }

    /// As [`Socket::emit_with_ack`]: it ends with [`AckError::TimedOut`](crate::error::AckError::TimedOut) when the time is over. What waits for
    /// an acknowledgement is never volatile.
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Request<T> {
        self.request(name, &arguments)
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
    pub fn disconnect_sockets(&self, close: bool) {
        self.sockets().iter().for_each(|socket| socket.disconnect(close));
    }
}
