//! The server: namespaces, and emitting from anywhere.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sockeye_engine::counters::HttpLimit;
use sockeye_engine::entrance::Busy;
use sockeye_engine::gate::AllowRequest;
use sockeye_engine::hooks::{ChangeHeaders, GenerateId, OnConnectionError};
use sockeye_engine::listen::Listen;
use sockeye_engine::middleware::EngineMiddleware;
use sockeye_engine::options::{Cookie, Cors, Options, PerMessageDeflate};
use sockeye_engine::origins::Origins;
use sockeye_engine::proxies::TrustedProxies;
use sockeye_engine::survey::Survey;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::runtime::Runtime;
use sockeye_socket_proto::acks::DEFAULT_LIMIT;
use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH, PacketLimit};
use sockeye_socket_proto::outgoing::EventArguments;
use sockeye_socket_proto::parser::Parser;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::broadcast::Broadcast;
use crate::counters::{Counters, NotAdmitted};
use crate::emitted::Emitted;
use crate::error::Failure;
use crate::handler::event::{ConnectHandler, FromConnect, FromDisconnect, FromEvent, Middleware};
use crate::hub::{Context, Engine, Held, Hub, HubOptions, OnError};
use crate::id::Key;
use crate::namespace::Namespace;
use crate::naming::{Home, NamespaceName};
use crate::once::Deduplication;
use crate::recovery::log::TAG;
use crate::recovery::{Recovery, Unrecovered};
use crate::remote_socket::Fetched;
use crate::replies::Requests;
use crate::request::FromReply;
use crate::rooms::Rooms;
use crate::slow::WhenSlow;
use crate::states::States;

/// A Socket.IO server. A cheap clone, which may be used from any thread.
#[derive(Clone)]
pub struct Server {
    pub(crate) engine: Arc<Engine>,
    pub(crate) listen: Arc<Listen>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} sessions)", self.engine.sessions().len())
    }
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Server {
    /// A server with the defaults, which are the reference server's.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    #[track_caller]
    pub fn new() -> Server {
        Server::builder().build()
    }

    /// A server to be told more.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The namespace of that name, which is made if it is new; or, for a closure, a predicate or a pattern, the
    /// parent of all namespaces whose names fit. See [`NamespaceName`].
    ///
    /// ```
    /// # use sockeye_server::{server::Server, socket::Socket};
    /// # fn register(server: &Server) {
    /// server.of("/chat").on_connect(async |socket: Socket| socket.emit("welcome", ()));
    /// server.of(|name: &str| name.starts_with("/team-")).on_connect(async |socket: Socket| {
    ///     socket.emit("team", socket.namespace());
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// When a name has a comma, which ends a namespace on the wire, or the server has 4,096 namespaces by name.
    #[track_caller]
    pub fn of<N: NamespaceName>(&self, name: N) -> N::Namespace {
        name.resolve(Home(&self.engine))
    }

    fn default_namespace(&self) -> Namespace {
        self.of("/")
    }

    /// Is told of each namespace that is made, by a name that is new or by a peer that asks for a parent's child:
    /// what other servers call `new_namespace`. One that was there before is replaced. The child's handlers are
    /// its parent's already, and no peer has joined yet.
    pub fn on_new_namespace(&self, on_new: impl Fn(Namespace) + Send + Sync + 'static) -> &Server {
        let told = move |engine: &Arc<Engine>, space: &Held| on_new(Namespace::new(engine, space.clone()));
        let replaced = self.engine.application().on_new_namespace.write().replace(Arc::new(told));
        // What it captured is dropped here, where no lock is held.
        drop(replaced);
        self
    }

    /// Is told of each peer that asked for its state before a cut and got a new one: its namespace, and why. One that was
    /// there before is replaced.
    pub fn on_unrecovered(&self, tell: impl Fn(&str, Unrecovered) + Send + Sync + 'static) -> &Server {
        *self.engine.application().on_unrecovered.write() = Some(Arc::new(Box::new(tell)));
        self
    }

    /// The namespaces that are there now: those that were made by name first, in the order of their making.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        let all = self.engine.application().spaces.all().into_iter();
        all.map(|space| Namespace::new(&self.engine, space)).collect()
    }

    /// Handles each new socket of the default namespace: see [`Namespace::on_connect`].
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_connect<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &Server {
        self.default_namespace().on_connect(handler);
        self
    }

    /// Adds a middleware to the default namespace: see [`Namespace::with`].
    ///
    /// # Panics
    /// When the middleware wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn with<A: 'static>(&self, middleware: impl Middleware<A>) -> &Server {
        self.default_namespace().with(middleware);
        self
    }

    /// Emits to all sockets of the default namespace: see [`Broadcast::emit`].
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.default_namespace().emit(name, arguments)
    }

    /// Emits `message` to all sockets of the default namespace: what other servers call `send`.
    pub fn send(&self, arguments: impl EventArguments) -> Emitted {
        self.default_namespace().send(arguments)
    }

    /// Emits to all sockets of the default namespace, and collects their acknowledgements: see
    /// [`Broadcast::emit_with_ack`].
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Requests<T> {
        self.default_namespace().emit_with_ack(name, arguments)
    }

    /// All sockets of the default namespace.
    pub fn everybody(&self) -> Broadcast {
        self.default_namespace().everybody()
    }

    /// All sockets of the default namespace whose transport is ready.
    pub fn volatile(&self) -> Broadcast {
        self.everybody().volatile()
    }

    /// All sockets of the default namespace, and what becomes of the event where a peer is slow: see [`Broadcast::when_slow`].
    pub fn when_slow(&self, rule: WhenSlow) -> Broadcast {
        self.everybody().when_slow(rule)
    }

    /// All sockets of the default namespace, for each of whom only the latest event of that name and key waits: see
    /// [`Broadcast::keep_latest`].
    pub fn keep_latest(&self, key: impl Hash) -> Broadcast {
        self.everybody().keep_latest(key)
    }

    /// All sockets of the default namespace, whose acknowledgements are awaited that long.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everybody().timeout(timeout)
    }

    /// All sockets of the default namespace, and whether what is emitted may be compressed: see [`Broadcast::compress`].
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.everybody().compress(compress)
    }

    /// The sockets of the default namespace on all nodes: see [`Broadcast::fetch_sockets`].
    pub async fn fetch_sockets(&self) -> Fetched {
        self.everybody().fetch_sockets().await
    }

    /// Makes all sockets of the default namespace join rooms.
    pub fn sockets_join(&self, rooms: impl Rooms) {
        self.everybody().sockets_join(rooms);
    }

    /// Makes all sockets of the default namespace leave rooms.
    pub fn sockets_leave(&self, rooms: impl Rooms) {
        self.everybody().sockets_leave(rooms);
    }

    /// Disconnects all sockets of the default namespace: see [`Socket::disconnect`](crate::socket::Socket::disconnect).
    pub fn disconnect_sockets(&self, close: bool) {
        self.everybody().disconnect_sockets(close);
    }

    /// All sockets of the default namespace on this node.
    pub fn local(&self) -> Broadcast {
        self.everybody().local()
    }

    /// All sockets of the default namespace in these rooms.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.default_namespace().to(rooms)
    }

    /// As [`to`](Server::to): what other languages call `in`.
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.default_namespace().to(rooms)
    }

    /// All sockets of the default namespace but those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.default_namespace().except(rooms)
    }

    /// The path that it serves, a plain prefix: see [`Builder::path`].
    #[must_use]
    pub fn path(&self) -> &str {
        &self.engine.options().path
    }

    /// How many connections are open now, whether they have joined a namespace or not.
    #[must_use]
    pub fn clients_count(&self) -> u64 {
        self.engine.clients_count()
    }

    /// How packets are written, if not in the default format.
    #[must_use]
    pub fn parser(&self) -> Option<&Arc<dyn Parser>> {
        self.engine.application().options.parser.as_ref()
    }

    /// What it has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let hub = self.engine.application();
        let tally = &hub.tally;
        let (engine, traffic) = (self.engine.counters(), self.engine.traffic());
        let connected = |namespace: Namespace| (namespace.name().to_owned(), namespace.len());
        Counters {
            events: tally.events.get(),
            unhandled: tally.unhandled.get(),
            sent: tally.sent.get(),
            broadcasts: tally.broadcasts.get().broadcasts(),
            fan_out: tally.broadcasts.get(),
            acks_sent: tally.acks_sent.get(),
            acks_received: tally.acks_received.get(),
            ack_timeouts: tally.ack_timeouts.get(),
            acks_refused: tally.acks_refused.get(),
            wrong_arguments: tally.wrong_arguments.get(),
            errors: tally.errors.get(),
            panics: tally.panics.get(),
            refused: by_name(&NotAdmitted::ALL, |cause| {
                (cause.as_str(), tally.refused[*cause as usize].get())
            }),
            joined: tally.joined.get(),
            left: by_name(&DisconnectReason::ALL, |reason| {
                (reason.as_str(), tally.left[*reason as usize].get())
            }),
            recovered: tally.recovered.get(),
            unrecovered: Unrecovered::ALL
                .iter()
                .zip(&tally.unrecovered)
                .map(|(cause, count)| (cause.as_str(), count.get()))
                .collect(),
            undecodable: tally.undecodable.get(),
            packet_limits: by_name(&PacketLimit::ALL, |limit| {
                (limit.as_str(), tally.packet_limits[*limit as usize].get())
            }),
            rooms_refused: tally.rooms_refused.get(),
            unjoined: hub.unjoined.load(Ordering::Relaxed),
            busy: by_name(&Busy::ALL, |busy| (busy.as_str(), engine.busy(*busy))),
            turned_away: engine.turned_away(),
            over_limit: by_name(&HttpLimit::ALL, |limit| (limit.as_str(), engine.over_limit(*limit))),
            loud: engine.loud(),
            held: self.engine.held(),
            dropped: by_name(&WhenSlow::DROPPING, |rule| (rule.as_str(), traffic.dropped(*rule))),
            violations: tally.violations.get(),
            connected: self.namespaces().into_iter().map(connected).collect(),
            sessions: self.engine.sessions().len(),
            opened: by_name(&Wire::ALL, |wire| (wire.as_str(), engine.opened(*wire))),
            closed: by_name(&CloseReason::ALL, |reason| (reason.as_str(), engine.closed(*reason))),
            upgraded: engine.upgraded(),
            resumed: engine.resumed(),
            requests_refused: engine.refused(),
            foreign_origins: engine.foreign_origins(),
            refusals: engine.refusals().collect(),
            bytes_received: by_name(&Wire::ALL, |wire| (wire.as_str(), traffic.received(*wire))),
            bytes_sent: by_name(&Wire::ALL, |wire| (wire.as_str(), traffic.sent(*wire))),
        }
    }

    /// Lets go of all sessions before the server ends, so that their peers go to another one and not all at once: no session
    /// is opened from now on (503), and those that there are close with `server shutting down`, spread over the better part
    /// of `within`. What waits for a peer is sent before. Returns when none is left, or the time is over and the rest was
    /// closed.
    ///
    /// Requests must be served meanwhile: [`listen`](Server::listen) and its like do, where
    /// [`drain_timeout`](Builder::drain_timeout) says so. Dropped, it closes no more of them, and none is opened all the
    /// same.
    pub async fn drain(&self, within: Duration) {
        self.engine.drain(within).await;
    }

    /// Whether it was told to [`drain`](Server::drain): it is no longer ready for new sessions.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.engine.is_draining()
    }

    /// Looks at every session: which are open, and what waits for their peers. See
    /// [`Engine::survey`](sockeye_engine::engine::Engine::survey) for what it costs.
    #[must_use]
    pub fn survey(&self) -> Survey {
        self.engine.survey()
    }

    /// Closes every session; their sockets disconnect with `server shutting down`. New ones may still come:
    /// stop listening first.
    pub fn close(&self) {
        self.engine.shut_down(CloseReason::ServerShuttingDown);
    }
}

/// One count for each of `all`, by its name.
fn by_name<T>(all: &[T], count: impl Fn(&T) -> (&'static str, u64)) -> Vec<(&'static str, u64)> {
    all.iter().map(count).collect()
}

macro_rules! reachable {
    ($($trait:ident $method:ident)*) => {
        $(/// The server itself, to emit from a handler to anybody.
        impl $trait for Server {
            fn $method(context: &mut Context<'_>) -> Result<Server, ArgumentError> {
                let listen = context.engine.application().options.listen.clone();
                Ok(Server { engine: context.engine.clone(), listen })
            }
        })*
    };
}

reachable! { FromEvent from_event FromConnect from_connect FromDisconnect from_disconnect }

/// What a server can be told before it is built.
#[must_use]
pub struct Builder {
    engine: Options,
    listen: Listen,
    hub: HubOptions,
    states: States,
    on_error: Option<OnError>,
    runtime: Option<Runtime>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Builder {
        let mut engine = Options::default();
        "/socket.io/".clone_into(&mut engine.path);
        let limits = Limits { packet_bytes: engine.max_payload, ..Limits::default() };
        let hub = HubOptions {
            limits,
            parser: None,
            attachment_timeout: Duration::from_secs(45),
            outgoing_attachments: 10,
            connect_timeout: Duration::from_secs(45),
            connect_hold: Duration::from_secs(1),
            lane_limit: 64 * 1024,
            ack_limit: DEFAULT_LIMIT,
            ack_timeout: None,
            keep_handshake: true,
            cleanup: false,
            recovery: None,
            deduplication: Deduplication::default(),
            listen: Arc::default(),
            name_limit: 256,
            namespace_limit: 100,
            room_limit: 200_000,
            unjoined_limit: 100_000,
            drain_timeout: Duration::ZERO,
            #[cfg(feature = "client-script")]
            client_path: Some(String::new()),
        };
        Builder {
            engine,
            listen: Listen::default(),
            hub,
            states: States::default(),
            on_error: None,
            runtime: None,
        }
    }
}

impl Builder {
    /// A value that handlers reach as [`State<T>`](crate::handler::args::State), by its type. One of each
    /// type; a second replaces the first.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Builder {
        self.states.insert(value);
        self
    }

    /// Is told of each handler that fails: a wrong argument, an error, a panic. Default: it is logged.
    pub fn on_error(mut self, on_error: impl Fn(&Failure<'_>) + Send + Sync + 'static) -> Builder {
        self.on_error = Some(Box::new(on_error));
        self
    }

    /// The path that is served, as a plain prefix; also without its last slash where nothing follows. Default
    /// `/socket.io/`.
    pub fn path(mut self, path: impl Into<String>) -> Builder {
        self.engine.path = path.into();
        if !self.engine.path.ends_with('/') {
            self.engine.path.push('/');
        }
        self
    }

    /// The transports that are served. Default: polling, SSE, WebSocket.
    pub fn transports(mut self, transports: impl Into<Vec<Wire>>) -> Builder {
        self.engine.transports = transports.into();
        self
    }

    /// Whether clients of Socket.IO 1 and 2 are served, too: those of Engine.IO's protocol 3. Default false: they are
    /// refused.
    ///
    /// They join `/` without asking, and what their other namespaces' names have for a query is their `auth`. The id that
    /// such a client computes for itself is not its socket's here: see `spec/differences.md`.
    pub fn allow_eio3(mut self, allow: bool) -> Builder {
        self.engine.allow_eio3 = allow;
        self
    }

    /// From a pong, or the opening, to the next ping. Default 25 s. Rounded up, by at most 100 ms.
    pub fn ping_interval(mut self, interval: Duration) -> Builder {
        self.engine.ping_interval = interval;
        self
    }

    /// How long a pong may take; beyond it the peer disconnects with `ping timeout`. Default 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Builder {
        self.engine.ping_timeout = timeout;
        self
    }

    /// How long an upgrade may take; beyond it the new transport is closed. Default 10 s.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Builder {
        self.engine.upgrade_timeout = timeout;
        self
    }

    /// Bytes of one POST body, one WebSocket message, one packet with its attachments, and of the `auth` of all namespaces
    /// that a connection is in. Default 1,000,000. Beyond it a POST is answered 413, a further CONNECT refused with
    /// `Too much auth`, and anything else closes the connection.
    pub fn max_payload(mut self, bytes: usize) -> Builder {
        self.engine.max_payload = bytes;
        self.hub.limits.packet_bytes = bytes;
        self
    }

    /// Whether upgrades are offered. Default true.
    pub fn allow_upgrades(mut self, allow: bool) -> Builder {
        self.engine.allow_upgrades = allow;
        self
    }

    /// CORS headers. Default none.
    pub fn cors(mut self, cors: Cors) -> Builder {
        self.engine.cors = Some(cors);
        self
    }

    /// A cookie with the session's id on the first response, for balancers. Default none.
    pub fn cookie(mut self, cookie: Cookie) -> Builder {
        self.engine.cookie = Some(cookie);
        self
    }

    /// Which requests of foreign pages are refused, over every transport and for as long as a connection lives: see
    /// [`Origins`]. Default: those that carry a cookie or an `Authorization`. The original refuses none.
    pub fn origins(mut self, origins: Origins) -> Builder {
        self.engine.origins = origins;
        self
    }

    /// Whose `Forwarded`, or `X-Forwarded-For`, `-Proto` and `-Host`, are believed: they say the client's
    /// [`address`](crate::handshake::Handshake::address), whether it speaks TLS, and the host that it asked for, which is
    /// then no foreign [origin](Builder::origins). Default: nobody's.
    ///
    /// These are addresses that connections come from, so name no more than your proxies, and have those write the
    /// headers themselves, over whatever a client wrote. Of a request that has headers of both kinds, only what both say
    /// alike is believed.
    ///
    /// ```
    /// # use sockeye_engine::proxies::{InvalidProxy, TrustedProxies};
    /// # use sockeye_server::server::Server;
    /// # fn doc() -> Result<(), InvalidProxy> {
    /// let server = Server::builder().trusted_proxies(TrustedProxies::new(["127.0.0.1", "10.0.0.0/8"])?);
    /// # Ok(()) }
    /// ```
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Builder {
        self.engine.trusted_proxies = proxies;
        self
    }

    /// Asked about every request that would open a session, or move one to another transport. Default: all may.
    pub fn allow_request(mut self, gate: AllowRequest) -> Builder {
        self.engine.allow_request = Some(gate);
        self
    }

    /// Sees each request of the engine before anything is checked, behind those added before: what the reference calls
    /// `engine.use`. Default none. A tower layer around the whole service is the other way.
    pub fn engine_with(mut self, middleware: EngineMiddleware) -> Builder {
        self.engine.middlewares.push(middleware);
        self
    }

    /// An Engine.IO message of this text, sent right behind the open packet of each session, in the same payload.
    /// Default none.
    pub fn initial_packet(mut self, text: &str) -> Builder {
        self.engine.initial_packet = Some(Frame::message(Message::Text(text)));
        self
    }

    /// Makes the ids of sessions. Default: 120 random bits.
    pub fn generate_id(mut self, ids: GenerateId) -> Builder {
        self.engine.generate_id = Some(ids);
        self
    }

    /// Changes the headers of each answer that opens a session, 101 included. Default: nothing does.
    pub fn initial_headers(mut self, change: ChangeHeaders) -> Builder {
        self.engine.initial_headers = Some(change);
        self
    }

    /// Changes the headers of each answer of the engine, 101, refusals and preflights included. Default: nothing does.
    pub fn headers(mut self, change: ChangeHeaders) -> Builder {
        self.engine.headers = Some(change);
        self
    }

    /// Is told of each request that the engine refuses. Default: they are only counted.
    pub fn on_connection_error(mut self, tell: OnConnectionError) -> Builder {
        self.engine.connection_error = Some(tell);
        self
    }

    /// The longest a GET that waits for packets is held, over what `wait=` in its query asks. Default: as long as it
    /// takes, as in the reference.
    pub fn max_wait(mut self, wait: Option<Duration>) -> Builder {
        self.engine.max_wait = wait;
        self
    }

    /// Polling answers from this many bytes on are compressed when the peer takes gzip or deflate; `None`
    /// switches it off. Default 1,024.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Builder {
        self.engine.http_compression = threshold;
        self
    }

    /// Whether messages of WebSockets are compressed for peers that ask for it: permessage-deflate. Default `None`: they
    /// are not, as in the original. With `Some(PerMessageDeflate::default())` those from 1,024 bytes on are, at the
    /// fastest level; [`Socket::compress`](crate::socket::Socket::compress) says which not.
    pub fn per_message_deflate(mut self, deflate: Option<PerMessageDeflate>) -> Builder {
        self.engine.per_message_deflate = deflate;
        self
    }

    /// All other options of the engine, where this builder has no method of their name.
    pub fn engine(mut self, change: impl FnOnce(&mut Options)) -> Builder {
        change(&mut self.engine);
        self.hub.limits.packet_bytes = self.engine.max_payload;
        self
    }

    /// How long a connection may be without a namespace before it is closed with `connect timeout`. Default 45 s. It is not armed
    /// again when a peer leaves its last namespace.
    pub fn connect_timeout(mut self, timeout: Duration) -> Builder {
        self.hub.connect_timeout = timeout;
        self
    }

    /// How long events are held back by a connection handler that has not ended. Default 1 s; then they go to
    /// the handlers that stand.
    pub fn connect_hold(mut self, hold: Duration) -> Builder {
        self.hub.connect_hold = hold;
        self
    }

    /// How many attachments one packet may have; beyond it the connection closes with `forced close`, as in the original. Default 10.
    pub fn max_attachments(mut self, attachments: u32) -> Builder {
        self.hub.limits.attachments = attachments;
        self
    }

    /// How packets are written, for all peers: a parser is never negotiated, so clients must be told the same. Default:
    /// text, with binary behind it.
    ///
    /// [`MessagePack`](crate::parser::msgpack::MessagePack) is what `socket.io-msgpack-parser` speaks and the official
    /// bundle `socket.io.msgpack.min.js`; a [`Parser`] of one's own is the mirror of the client's. Each packet is one
    /// message then, with its bytes inside of it, and [`max_attachments`](Builder::max_attachments) and
    /// [`max_outgoing_attachments`](Builder::max_outgoing_attachments) limit nothing.
    pub fn parser(mut self, parser: impl Parser) -> Builder {
        self.hub.parser = Some(Arc::new(parser));
        self
    }

    /// How long a packet may wait for its next attachment; beyond it the connection closes with `packet limit`. Default 45 s. Rounded up, by at
    /// most 100 ms.
    pub fn attachment_timeout(mut self, timeout: Duration) -> Builder {
        self.hub.attachment_timeout = timeout;
        self
    }

    /// How many attachments a packet of ours may have; beyond it an emit or an acknowledgement fails with
    /// [`EmitError::TooManyAttachments`](crate::error::EmitError::TooManyAttachments), and nothing goes out. Default 10:
    /// the official clients close the connection at one more, unless their parser is told otherwise or older than 4.2.6.
    pub fn max_outgoing_attachments(mut self, attachments: usize) -> Builder {
        self.hub.outgoing_attachments = attachments;
        self
    }

    /// How deep a packet's JSON may be nested; beyond it the connection closes with `packet limit`. Default 128,
    /// at most 512.
    pub fn max_depth(mut self, levels: u16) -> Builder {
        self.hub.limits.depth = levels.min(MAX_DEPTH);
        self
    }

    /// Bytes of events that wait behind handlers, for all sockets of a connection, beyond which it is read no
    /// further. Default 64 KiB; 16 times that while an acknowledgement of the peer is awaited, since it stands
    /// behind them. Nothing is dropped, and the peer's silence meanwhile is not held against it.
    ///
    /// An event counts as the memory that it takes, some 150 bytes for the smallest; a socket that has left while
    /// handlers of its events still run counts as 1 KiB.
    pub fn lane_limit(mut self, bytes: usize) -> Builder {
        self.hub.lane_limit = bytes;
        self
    }

    /// How many acknowledgements of one socket may be awaited at once; beyond it `emit_with_ack` fails.
    /// Default 10,000.
    pub fn ack_limit(mut self, acks: usize) -> Builder {
        self.hub.ack_limit = acks;
        self
    }

    /// How long an acknowledgement of one socket is awaited where the emit does not say: beyond it `emit_with_ack` ends
    /// with [`AckError::TimedOut`](crate::error::AckError::TimedOut). Default `None`: until the socket disconnects, as in
    /// the original. Rounded up, by at most 100 ms.
    pub fn ack_timeout(mut self, timeout: Option<Duration>) -> Builder {
        self.hub.ack_timeout = timeout;
        self
    }

    /// Whether handshake and `auth` are kept after the connection handler has ended. Default true. They are
    /// most of what an idle socket costs beyond its technique.
    pub fn keep_handshake(mut self, keep: bool) -> Builder {
        self.hub.keep_handshake = keep;
        self
    }

    /// Recovers connections that were cut: a peer that comes back in time is the socket that it was, with its id, rooms
    /// and data, and gets the events that it missed, each once and in order. Default `None`: every connection is a new
    /// socket. See [`Socket::recovered`](crate::socket::Socket::recovered), and [`Recovery`] for what is kept.
    ///
    /// Each event that asks for no acknowledgement then carries one more argument, a short text that official clients of
    /// protocol 5 take for its number. Events that ask for one have no number and are never sent again: who asked learns
    /// that the socket went.
    pub fn connection_state_recovery(mut self, recovery: impl Into<Option<Recovery>>) -> Builder {
        self.hub.recovery = recovery.into();
        self
    }

    /// How long keys of events that are handled once are remembered: see
    /// [`Socket::on_deduplicated`](crate::socket::Socket::on_deduplicated).
    pub fn deduplication(mut self, deduplication: Deduplication) -> Builder {
        self.hub.deduplication = deduplication;
        self
    }

    /// Whether a child of a parent namespace is removed when its last socket has left and nobody else holds it, in
    /// a handler or as a [`Namespace`]: at once, or, where such a handle outlived the last socket, when other children
    /// come and go. Default false, as in the original: each name that a peer invents stays.
    pub fn cleanup_empty_child_namespaces(mut self, cleanup: bool) -> Builder {
        self.hub.cleanup = cleanup;
        self
    }

    /// Bytes of the name of a child that a peer asks for; a longer one is an `Invalid namespace`. Default 256.
    pub fn namespace_name_limit(mut self, bytes: usize) -> Builder {
        self.hub.name_limit = bytes;
        self
    }

    /// Namespaces that one connection may be in at a time; one more is refused with `Too many namespaces`. Default 100.
    pub fn namespaces_per_connection(mut self, namespaces: usize) -> Builder {
        self.hub.namespace_limit = namespaces;
        self
    }

    /// Rooms that one socket may be in at a time; joining one more does nothing, and is logged and counted. Default 200,000.
    pub fn rooms_per_socket(mut self, rooms: usize) -> Builder {
        self.hub.room_limit = rooms;
        self
    }

    /// Connections that may be open without having joined a namespace, for which they have
    /// [`connect_timeout`](Builder::connect_timeout); one more is refused with 503. Default 100,000, which
    /// no single address can take up within that time.
    pub fn unjoined_connections(mut self, connections: usize) -> Builder {
        self.hub.unjoined_limit = connections;
        self
    }

    /// Changes what the accept loop of [`Server::listen`] and its like is told: how slow peers may be, how large
    /// heads, and whose connections begin with a header of the PROXY protocol.
    pub fn accept_loop(mut self, change: impl FnOnce(&mut Listen)) -> Builder {
        change(&mut self.listen);
        self
    }

    /// How long [`Server::listen`] and its like take to let go of their sessions when they are told to end: see
    /// [`Server::drain`]. Default 0: all close at once.
    pub fn drain_timeout(mut self, timeout: Duration) -> Builder {
        self.hub.drain_timeout = timeout;
        self
    }

    /// Whether the browser client is served, as `/socket.io/socket.io.js`. Default true.
    #[cfg(feature = "client-script")]
    pub fn serve_client(mut self, serve: bool) -> Builder {
        self.hub.client_path = serve.then(String::new);
        self
    }

    /// Where time, randomness and tasks come from. Default: the tokio runtime that [`build`](Builder::build)
    /// is called on.
    pub fn runtime(mut self, runtime: Runtime) -> Builder {
        self.runtime = Some(runtime);
        self
    }

    /// The server.
    ///
    /// # Panics
    /// Outside of a tokio runtime, unless another one was given.
    #[must_use]
    #[track_caller]
    pub fn build(#[cfg_attr(not(feature = "client-script"), allow(unused_mut))] mut self) -> Server {
        #[cfg(feature = "client-script")]
        if let Some(path) = &mut self.hub.client_path {
            path.clone_from(&self.engine.path);
        }
        let runtime = match self.runtime {
            Some(runtime) => runtime,
            None => Runtime::tokio(),
        };
        let listen = Arc::new(self.listen);
        self.hub.listen = listen.clone();
        let mut tag = [0; TAG];
        runtime.fill(&mut tag);
        let tag = tag.map(|byte| b"ghijklmnopqrstuvwxyzGHIJKLMNOPQR"[usize::from(byte % 32)]);
        let hub = Hub::new(self.hub, self.states, self.on_error, Key::random(&runtime), tag);
        Server { engine: sockeye_engine::engine::Engine::new(hub, self.engine, runtime), listen }
    }
}
