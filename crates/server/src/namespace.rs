//! A namespace: who may join it, what is done about a new socket, and emitting to all of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sockeye_socket_proto::outgoing::EventArguments;

use crate::broadcast::{Broadcast, find};
use crate::emitted::Emitted;
use crate::error::{AckError, EmitError};
use crate::handler::event::{ConnectHandler, Middleware, erase_connect, erase_middleware};
use crate::hub::{Engine, Held, Space};
use crate::id::SocketId;
use crate::request::FromReply;
use crate::room_event::RoomEvent;
use crate::rooms::Rooms;
use crate::socket::Socket;

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
    /// The peer learns that it is connected at the handler's first wait, or at its end, in front of whatever
    /// the handler emits. Events that it sends meanwhile are held until the handler ends, at most for a
    /// second, so register event handlers first.
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_connect<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &Namespace {
        let erased = erase_connect(handler, &self.engine.application().states);
        *self.space().settings.connection.write() = Some(erased.handler);
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
    /// is replaced. Called in the order of what happened to one socket, with no lock held; it must not block.
    pub fn on_room(&self, on_room: impl Fn(&RoomEvent<'_>) + Send + Sync + 'static) -> &Namespace {
        self.space().settings.set_on_room(Arc::new(on_room));
        self
    }

    /// Emits to all sockets: see [`Broadcast::emit`].
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.everybody().emit(name, arguments)
    }

    /// Emits to all sockets, and collects their acknowledgements: see [`Broadcast::emit_with_ack`].
    ///
    /// # Errors
    /// See [`Broadcast::emit_with_ack`].
    pub async fn emit_with_ack<T: FromReply>(
        &self,
        name: &str,
        arguments: impl EventArguments,
    ) -> Result<Vec<Result<T, AckError>>, EmitError> {
        self.everybody().emit_with_ack(name, arguments).await
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

    /// All sockets, whose acknowledgements are awaited that long.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everybody().timeout(timeout)
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
        self.everybody().disconnect(close);
    }
}
