//! A family of namespaces, whose members are made when peers ask for them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sockeye_socket_proto::outgoing::EventArguments;

use crate::emitted::Emitted;
use crate::handler::event::{ConnectHandler, Middleware, erase_connect, erase_middleware};
use crate::hub::{Engine, Handle};
use crate::namespace::Namespace;
use crate::parents::{Matcher, Parent};
use crate::room_event::RoomEvent;

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
        *self.parent.settings.connection.write() = Some(erased.handler);
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

    /// Emits to all sockets of all children. The arguments are encoded once for each child.
    pub fn emit(&self, name: &str, arguments: impl EventArguments) -> Emitted {
        let mut result = Ok(());
        for child in self.children() {
            result = result.and(child.everybody().send_event(name, &arguments).result());
        }
        Emitted::many(result)
    }
}
