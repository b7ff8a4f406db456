//! A family of namespaces, whose members are made when peers ask for them.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sockeye_socket_proto::outgoing::EventArguments;

use crate::broadcast::Broadcast;
use crate::emitted::Emitted;
use crate::handler::event::{ConnectHandler, Middleware, erase_connect, erase_middleware};
use crate::hub::{Engine, Handle};
use crate::namespace::Namespace;
use crate::parents::{Matcher, Parent};
use crate::room_event::RoomEvent;
use crate::rooms::Rooms;
use crate::slow::WhenSlow;

/// Namespaces that are made when a peer asks for them, from [`Server::of`](crate::server::Server::of) with a
/// closure, a predicate or a pattern. A cheap clone.
///
/// A child gets the parent's handlers as they are when it is made, so register them before peers come. What
/// nobody is in stays, unless the server was built with
/// [`cleanup_empty_child_namespaces`](crate::server::Builder::cleanup_empty_child_namespaces); at most 32,767
/// children can be there at a time, and a peer that asks for one more gets `Invalid namespace`.
#[derive(Clone)]
pub struct ParentNamespace {
    engine: Arc<Engine>,
    parent: Arc<Parent<dyn Handle>>,
}

impl fmt::Debug for ParentNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParentNamespace({} children)", self.children().len())
    }
}

impl ParentNamespace {
    pub(crate) fn new(engine: &Arc<Engine>, matcher: Matcher) -> ParentNamespace {
        ParentNamespace { engine: engine.clone(), parent: engine.application().parents.add(matcher) }
    }

    /// Handles each new socket of each child: see [`Namespace::on_connect`].
    ///
    /// # Panics
    /// When the handler wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn on_connect<A: 'static>(&self, handler: impl ConnectHandler<A>) -> &ParentNamespace {
        let erased = erase_connect(handler, &self.engine.application().states);
        self.parent.settings.set_connection(erased.handler);
        self
    }

    /// Adds a middleware to each child: see [`Namespace::with`].
    ///
    /// # Panics
    /// When the middleware wants a `State<T>` that the server was not given.
    #[track_caller]
    pub fn with<A: 'static>(&self, middleware: impl Middleware<A>) -> &ParentNamespace {
        let erased = erase_middleware(middleware, &self.engine.application().states);
        self.parent.settings.add_middleware(erased.handler);
        self
    }

    /// How many event handlers of one socket may wait at once: see [`Namespace::concurrent`].
    pub fn concurrent(&self, handlers: u8) -> &ParentNamespace {
        self.parent.settings.concurrent.store(handlers.max(1), Ordering::Relaxed);
        self
    }

    /// Is told of rooms in each child: see [`Namespace::on_room`].
    pub fn on_room(&self, on_room: impl Fn(&RoomEvent<'_>) + Send + Sync + 'static) -> &ParentNamespace {
        self.parent.settings.set_on_room(Arc::new(on_room));
        self
    }

    /// The children that are there now, in no order.
    #[must_use]
    pub fn children(&self) -> Vec<Namespace> {
        let spaces = &self.engine.application().spaces;
        let all = spaces.all().into_iter();
        all.filter(|held| held.space(spaces).parent == Some(self.parent.number))
            .map(|held| Namespace::new(&self.engine, held))
            .collect()
    }

    /// All sockets of all children that are there now.
    #[must_use]
    pub fn everybody(&self) -> ParentBroadcast {
        ParentBroadcast(self.children().iter().map(Namespace::everybody).collect())
    }

    /// All sockets of all children that are in these rooms: each child has rooms of its own.
    #[must_use]
    pub fn to(&self, rooms: impl Rooms) -> ParentBroadcast {
        self.everybody().to(rooms)
    }

    /// As [`to`](ParentNamespace::to): what other languages call `in`.
    #[must_use]
    pub fn within(&self, rooms: impl Rooms) -> ParentBroadcast {
        self.everybody().to(rooms)
    }

    /// All sockets of all children but those in these rooms.
    #[must_use]
    pub fn except(&self, rooms: impl Rooms) -> ParentBroadcast {
        self.everybody().except(rooms)
    }

    /// Emits to all sockets of all children: see [`ParentBroadcast::emit`].
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        self.everybody().emit(name, arguments)
    }

    /// Emits `message` to all sockets of all children: what other servers call `send`.
    pub fn send(&self, arguments: impl EventArguments) -> Emitted {
        self.everybody().emit("message", arguments)
    }
}

/// Sockets of all children of a parent that are meant by an emit: a [`Broadcast`] in each child that was there when this
/// was made.
#[derive(Clone, Debug)]
pub struct ParentBroadcast(Vec<Broadcast>);

impl ParentBroadcast {
    fn each(self, change: impl Fn(Broadcast) -> Broadcast) -> ParentBroadcast {
        ParentBroadcast(self.0.into_iter().map(change).collect())
    }

    /// As [`Broadcast::to`], in each child.
    #[must_use]
    pub fn to(self, rooms: impl Rooms) -> ParentBroadcast {
        self.each(|child| child.to(&rooms))
    }

    /// As [`Broadcast::except`], in each child.
    #[must_use]
    pub fn except(self, rooms: impl Rooms) -> ParentBroadcast {
        self.each(|child| child.except(&rooms))
    }

    /// As [`Broadcast::volatile`].
    #[must_use]
    pub fn volatile(self) -> ParentBroadcast {
        self.each(Broadcast::volatile)
    }

    /// As [`Broadcast::local`].
    #[must_use]
    pub fn local(self) -> ParentBroadcast {
        self.each(Broadcast::local)
    }

    /// As [`Broadcast::when_slow`].
    #[must_use]
    pub fn when_slow(self, rule: WhenSlow) -> ParentBroadcast {
        self.each(|child| child.when_slow(rule))
    }

    /// As [`Broadcast::keep_latest`], in each child.
    #[must_use]
    pub fn keep_latest(self, key: impl Hash) -> ParentBroadcast {
        self.each(|child| child.keep_latest(&key))
    }

    /// As [`Broadcast::compress`].
    #[must_use]
    pub fn compress(self, compress: bool) -> ParentBroadcast {
        self.each(|child| child.compress(compress))
    }

    /// Emits an event. The arguments are encoded once for each child, whose name is part of the packet.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        let mut result = Ok(());
        for child in &self.0 {
            result = result.and(child.send_event(name, &arguments).result());
        }
        Emitted::many(result)
    }

    /// How many sockets are meant now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(Broadcast::count).sum()
    }

    /// Makes all that are meant now join rooms of their namespaces.
    pub fn sockets_join(&self, rooms: impl Rooms) {
        self.0.iter().for_each(|child| child.sockets_join(&rooms));
    }

    /// Makes all that are meant now leave rooms of their namespaces.
    pub fn sockets_leave(&self, rooms: impl Rooms) {
        self.0.iter().for_each(|child| child.sockets_leave(&rooms));
    }

    /// Disconnects all that are meant now; see [`Socket::disconnect`](crate::socket::Socket::disconnect).
    pub fn disconnect_sockets(&self, close: bool) {
        self.0.iter().for_each(|child| child.disconnect_sockets(close));
    }
}
