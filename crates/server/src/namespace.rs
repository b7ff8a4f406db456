//! A namespace: who may join it, what is done about a new socket, and emitting to all of them.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sockeye_socket_proto::error::EncodeError;
use sockeye_socket_proto::outgoing::EventArguments;
use sockeye_socket_proto::packet::is_reserved;

use crate::broadcast::{Broadcast, find};
use crate::emitted::Emitted;
use crate::error::EmitError;
use crate::handler::event::{ConnectHandler, Middleware, erase_connect, erase_middleware};
use crate::handler::server_side::{ServerSideHandler, erase_server_side};
use crate::hub::{Engine, Held, Space};
use crate::id::SocketId;
use crate::log::EMIT;
use crate::remote_socket::Fetched;
use crate::replies::Requests;
use crate::request::FromReply;
use crate::room_event::RoomEvent;
use crate::rooms::Rooms;
use crate::servers::{self, ServerSideRequests};
use crate::slow::WhenSlow;
use crate::socket::Socket;

/// Names that are no events between servers, besides those that no event may have.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

/// One namespace of a server. A cheap clone.
#[derive(Clone)]
pub struct Namespace {
    engine: Arc<Engine>,
    space: Held,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({}, {} sockets)", self.name(), self.len())
    }
}

impl Namespace {
    pub(crate) fn new(engine: &Arc<Engine>, space: Held) -> Namespace {
        Namespace { engine: engine.clone(), space }
    }

    fn space(&self) -> &Space {
        self.space.space(&self.engine.application().spaces)
    }

    /// Its name, which begins with `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.space().name
    }

    /// How many sockets it has on this node.
    #[must_use]
    pub fn len(&self) -> usize {
        self.space().adapter.len()
    }

    /// Whether it has no socket on this node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Handles each new socket; a handler that was there before is replaced.
    ///
    /// CONNECT is queued before the handler is called, in front of whatever it emits, and leaves at its first wait or at
    /// its end. Events that it sends meanwhile are held until the handler ends, at most for a
    /// second, so register event handlers first.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_connect<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &Namespace {
        let erased = erase_connect(handler, &self.engine.application().states);
        self.space().settings.set_connection(erased.handler);
        self
    }

    /// Adds a middleware, which says whether a peer may join. Middlewares run in the order in which they were
    /// added, before the connection handler; the first that refuses ends it.
    ///
    /// # Panics
    /// When the middleware wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn with<A: 'static>(&self, middleware: impl Middleware<A>) -> &Namespace {
        let erased = erase_middleware(middleware, &self.engine.application().states);
        self.space().settings.add_middleware(erased.handler);
        self
    }

    /// How many event handlers of one socket may wait at once. Default 1: events are handled one after
    /// another. With more they still start in the order in which they came. At least 1, at most 255.
    pub fn concurrent(&self, handlers: u8) -> &Namespace {
        self.space().settings.concurrent.store(handlers.max(1), Ordering::Relaxed);
        self
    }

    /// Is told of rooms that are made, joined, left and gone, on this node: for presence. One that was there before
    /// is replaced. Called once at a time, in the order of what happened to each socket, with no lock held; it must not
    /// block. Mostly before the call returns that joins or leaves, unless another thread is telling, or the call comes
    /// from here: then behind what is told already.
    pub fn on_room(&self, on_room: impl Fn(&RoomEvent<'_>) + Send + Sync + 'static) -> &Namespace {
        self.space().settings.set_on_room(Arc::new(on_room));
        self
    }

    /// What becomes of events for these rooms where a peer is slow: of events that name such a room, unless the emit
    /// [says otherwise](Broadcast::when_slow). Of several rooms the first that has a rule. [`WhenSlow::Close`] is that of all
    /// others, and takes a rule back. It stays when a room is empty.
    ///
    /// ```
    /// # use sockeye_server::{server::Server, slow::WhenSlow};
    /// # fn set_up(io: &Server) {
    /// io.of("/").set_when_slow("cursors", WhenSlow::DropOldest);
    /// # }
    /// ```
    pub fn set_when_slow(&self, rooms: impl Rooms, rule: WhenSlow) -> &Namespace {
        rooms.each(&mut |room| self.space().rules.set(room, rule));
        self
    }

    /// Emits to all sockets: see [`Broadcast::emit`].
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.everybody().emit(name, arguments)
    }

    /// Emits `message` to all sockets: what other servers call `send`.
    pub fn send(&self, arguments: impl EventArguments) -> Emitted {
        self.everybody().send(arguments)
    }

    /// Emits to all sockets, and collects their acknowledgements: see [`Broadcast::emit_with_ack`].
    pub fn emit_with_ack<T: FromReply>(&self, name: &str, arguments: impl EventArguments) -> Requests<T> {
        self.everybody().emit_with_ack(name, arguments)
    }

    /// Handles an event that a server of this namespace emits to the others with
    /// [`server_side_emit`](Namespace::server_side_emit). A handler that was there for the same event is replaced.
    ///
    /// ```
    /// # use sockeye_server::{handler::outcome::Reply, server::Server};
    /// # async fn doc(server: &Server) -> Result<(), Box<dyn std::error::Error>> {
    /// server.of("/").on_server_side("sum", async |a: u32, b: u32| Reply(a + b));
    /// for sum in server.of("/").server_side_emit_with_ack::<u32>("sum", (1, 2)).await? {
    ///     assert_eq!(sum, Ok(3));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When the name is reserved: `connect`, `connection`, `new_namespace`, or what no event may be called; or when
    /// the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_server_side<A: 'static>(&self, name: &str, handler: impl ServerSideHandler<A>) -> &Namespace {
        assert!(!is_reserved(name) && !RESERVED.contains(&name), "{name:?} is no event between servers");
        let handler = erase_server_side(handler, &self.engine.application().states);
        let replaced = self.space().settings.server_side.write().insert(name.into(), handler);
        // What it captured is dropped here, where no lock is held.
        drop(replaced);
        self
    }

    /// Emits an event to the other servers of the cluster, whose handlers are
    /// [`on_server_side`](Namespace::on_server_side)'s. A server that is alone tells itself.
    ///
    /// Nobody is waited for, and what is lost between nodes is lost.
    pub fn server_side_emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        match self.between_servers(name) {
            Ok(()) => servers::emit(&self.engine, &self.space, name, &arguments),
            Err(error) => Emitted::many(Err(error)),
        }
    }

    /// As [`server_side_emit`](Namespace::server_side_emit), and collects what each server answers, for 5 s.
    pub fn server_side_emit_with_ack<T: FromReply>(
        &self,
        name: &str,
        arguments: impl EventArguments,
    ) -> ServerSideRequests<T> {
        match self.between_servers(name) {
            Ok(()) => servers::ask(&self.engine, &self.space, name, &arguments),
            Err(error) => ServerSideRequests::failed(error),
        }
    }

    /// Names that mean something else on a namespace elsewhere are refused, so that they never do here.
    fn between_servers(&self, name: &str) -> Result<(), EmitError> {
        if RESERVED.contains(&name) {
            let error = EncodeError::ReservedEvent { name: name.to_owned() };
            tracing::error!(target: EMIT, event = name, "an event was not emitted to servers: {error}");
            return Err(EmitError::Encode(error));
        }
        Ok(())
    }

    /// All sockets.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::everybody(&self.engine, self.space.clone())
    }

    /// All sockets in these rooms.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.everybody().to(rooms)
    }

    /// As [`to`](Namespace::to): what other languages call `in`.
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.everybody().to(rooms)
    }

    /// All sockets but those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.everybody().except(rooms)
    }

    /// All sockets whose transport is ready.
    pub fn volatile(&self) -> Broadcast {
        self.everybody().volatile()
    }

    /// All sockets, and what becomes of the event where a peer is slow: see [`Broadcast::when_slow`].
    pub fn when_slow(&self, rule: WhenSlow) -> Broadcast {
        self.everybody().when_slow(rule)
    }

    /// All sockets, for each of whom only the latest event of that name and key waits: see
    /// [`Broadcast::keep_latest`].
    pub fn keep_latest(&self, key: impl Hash) -> Broadcast {
        self.everybody().keep_latest(key)
    }

    /// All sockets, and whether what is emitted may be compressed: see [`Broadcast::compress`].
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.everybody().compress(compress)
    }

    /// All sockets, whose acknowledgements are awaited that long.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everybody().timeout(timeout)
    }

    /// All sockets of this node.
    pub fn local(&self) -> Broadcast {
        self.everybody().local()
    }

    /// The rooms of this node and how many sockets are in each, in no order.
    #[must_use]
    pub fn rooms(&self) -> Vec<(String, usize)> {
        self.space().adapter.all_rooms()
    }

    /// How many sockets are in a room on this node.
    #[must_use]
    pub fn room_len(&self, room: &str) -> usize {
        self.space().adapter.room_len(room)
    }

    /// The sockets of all nodes: see [`Broadcast::fetch_sockets`].
    pub async fn fetch_sockets(&self) -> Fetched {
        self.everybody().fetch_sockets().await
    }

    /// Makes all sockets join rooms.
    pub fn sockets_join(&self, rooms: impl Rooms) {
        self.everybody().sockets_join(rooms);
    }

    /// Makes all sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl Rooms) {
        self.everybody().sockets_leave(rooms);
    }

    /// The sockets of this node.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.everybody().sockets()
    }

    /// The socket of that id, if it is on this node.
    #[must_use]
    pub fn socket(&self, id: &SocketId) -> Option<Socket> {
        let (session, stay) = find(&self.engine, &self.space, id)?;
        Some(Socket::new(&self.engine, &session, stay))
    }

    /// Disconnects all sockets: see [`Socket::disconnect`].
    pub fn disconnect_sockets(&self, close: bool) {
        self.everybody().disconnect_sockets(close);
    }

    /// Removes the namespace: all its sockets disconnect, and who asks for it then, or is still in its middlewares, gets
    /// `Invalid namespace`. False when it was removed before. It may be called from anywhere, a disconnect handler of its own included.
    ///
    /// Handles of it stay without effect. `of` with the same name makes a new one, without handlers; one made by name
    /// still counts to the 4,096 that a server can make.
    ///
    /// # Panics
    /// When it is the default namespace.
    pub fn remove(&self) -> bool {
        assert!(self.name() != "/", "the default namespace is always there");
        let spaces = &self.engine.application().spaces;
        let was_there = spaces.remove(self.name(), self.space.number());
        if was_there {
            self.space().set_removed();
            self.disconnect_sockets(false);
        }
        was_there
    }
}
