//! The server: namespaces, and emitting from anywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_engine::gate::AllowRequest;
use sockeye_engine::options::{Cookie, Cors, Options};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::runtime::Runtime;
use sockeye_socket_proto::acks::DEFAULT_LIMIT;
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH};
use sockeye_socket_proto::outgoing::EventArguments;

use crate::broadcast::{Broadcast, Rooms};
use crate::counters::Counters;
use crate::emitted::Emitted;
use crate::error::Failure;
use crate::handler::event::{ConnectHandler, Middleware};
use crate::hub::{Engine, Hub, HubOptions, OnError};
use crate::id::Key;
use crate::namespace::Namespace;
use crate::states::States;

/// A Socket.IO server. A cheap clone, which may be used from any thread.
#[derive(Clone)]
pub struct Server {
    pub(crate) engine: Arc<Engine>,
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

    /// The namespace of that name, which is made if it is new. A missing `/` in front is added.
    ///
    /// # Panics
    /// When the name has a comma, which ends a namespace on the wire, or the server has 4,096 namespaces.
    #[track_caller]
    pub fn of(&self, name: &str) -> Namespace {
        let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        match self.engine.application().space_or_new(&name) {
            Ok(number) => Namespace::new(&self.engine, number),
            Err(error) => panic!("there can be no namespace {name:?}: {error}"),
        }
    }

    fn default_namespace(&self) -> Namespace {
        Namespace::new(&self.engine, 0)
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

    /// What it has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let hub = self.engine.application();
        let tally = &hub.tally;
        let engine = self.engine.counters();
        let connected = |space: &crate::hub::Space| (space.name.to_string(), space.adapter.len());
        Counters {
            events: tally.events.get(),
            unhandled: tally.unhandled.get(),
            sent: tally.sent.get(),
            broadcasts: tally.broadcasts.get(),
            acks_sent: tally.acks_sent.get(),
            acks_received: tally.acks_received.get(),
            ack_timeouts: tally.ack_timeouts.get(),
            wrong_arguments: tally.wrong_arguments.get(),
            errors: tally.errors.get(),
            panics: tally.panics.get(),
            refused: tally.refused.get(),
            undecodable: tally.undecodable.get(),
            violations: tally.violations.get(),
            connected: hub.spaces().map(connected).collect(),
            sessions: self.engine.sessions().len(),
            opened: Wire::ALL.iter().map(|wire| (wire.as_str(), engine.opened(*wire))).collect(),
            closed: CloseReason::ALL.iter().map(|reason| (reason.as_str(), engine.closed(*reason))).collect(),
            upgraded: engine.upgraded(),
            requests_refused: engine.refused(),
        }
    }

    /// Closes every session; their sockets disconnect with `server shutting down`. New ones may still come:
    /// stop listening first.
    pub fn close(&self) {
        self.engine.shut_down(CloseReason::ServerShuttingDown);
    }
}

/// What a server can be told before it is built.
#[must_use]
pub struct Builder {
    engine: Options,
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
            connect_timeout: Duration::from_secs(45),
            connect_hold: Duration::from_secs(1),
            lane_limit: 64 * 1024,
            ack_limit: DEFAULT_LIMIT,
            keep_handshake: true,
            #[cfg(feature = "client-script")]
            client_path: Some(String::new()),
        };
        Builder { engine, hub, states: States::default(), on_error: None, runtime: None }
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

    /// The path that is served, as a plain prefix. Default `/socket.io/`.
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

    /// Bytes of one POST body, one WebSocket message, one packet with its attachments. Default 1,000,000.
    /// Beyond it a POST is answered 413, and anything else closes the connection.
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

    /// Asked about every request that would open a session. Default: all may.
    pub fn allow_request(mut self, gate: AllowRequest) -> Builder {
        self.engine.allow_request = Some(gate);
        self
    }

    /// Polling answers from this many bytes on are compressed when the peer takes gzip or deflate; `None`
    /// switches it off. Default 1,024.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Builder {
        self.engine.http_compression = threshold;
        self
    }

    /// All other options of the engine, where this builder has no method of their name.
    pub fn engine(mut self, change: impl FnOnce(&mut Options)) -> Builder {
        change(&mut self.engine);
        self.hub.limits.packet_bytes = self.engine.max_payload;
        self
    }

    /// How long a connection may be without a namespace before it is closed. Default 45 s. It is not armed
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

    /// How many attachments one packet may have; beyond it the connection closes. Default 10.
    pub fn max_attachments(mut self, attachments: u32) -> Builder {
        self.hub.limits.attachments = attachments;
        self
    }

    /// How deep a packet's JSON may be nested; beyond it the connection closes. Default 128, at most 512.
    pub fn max_depth(mut self, levels: u16) -> Builder {
        self.hub.limits.depth = levels.min(MAX_DEPTH);
        self
    }

    /// Bytes of events that wait behind handlers, for all sockets of a connection, beyond which it is read no
    /// further. Default 64 KiB; 16 times that while an acknowledgement of the peer is awaited, since it stands
    /// behind them. Nothing is dropped, and the peer's silence meanwhile is not held against it.
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

    /// Whether handshake and `auth` are kept after the connection handler has ended. Default true. They are
    /// most of what an idle socket costs beyond its technique.
    pub fn keep_handshake(mut self, keep: bool) -> Builder {
        self.hub.keep_handshake = keep;
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
        let hub = Hub::new(self.hub, self.states, self.on_error, Key::random(&runtime));
        Server { engine: sockeye_engine::engine::Engine::new(hub, self.engine, runtime) }
    }
}
