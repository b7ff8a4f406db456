//! The knot: what an engine of ours is, and what a handler is called with.
//!
//! Everything above it names sessions and engines of this one application; everything below is generic.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::time::Duration;

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;
use sockeye_adapter::adapter::{Adapter, Parcel, Recipients};
use sockeye_adapter::local::Local;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_socket_proto::arguments::Arguments;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::arena::{Arena, CAPACITY};
use crate::connection::{Connection, Handlers, Stay};
use crate::counters::Tally;
use crate::error::{Failure, Fault};
use crate::id::{Key, SocketId};
use crate::states::States;
use crate::table::{Table, Tables};

/// Our engine.
pub(crate) type Engine = sockeye_engine::engine::Engine<Hub>;
/// Its sessions.
pub(crate) type Session = sockeye_engine::session::Session<Connection<Table<dyn Handle>>>;

/// With the counts of its `Arc` it is a block of 160 bytes; the next size that allocators have is 192.
const _: () = assert!(size_of::<Session>() + 2 * size_of::<usize>() <= 160);

/// What a handler that waits will still do.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// How far a handler came when it was polled once.
pub enum Turn {
    Done,
    Waits(Later),
}

/// A handler of any kind, its arguments' types forgotten.
pub(crate) trait Handle: Send + Sync {
    /// Reads the arguments, calls the handler, and polls it once.
    fn start(&self, context: &mut Context<'_>) -> Result<Turn, Fault>;
}

/// What a handler's arguments are made from.
pub struct Context<'c> {
    pub(crate) engine: &'c Arc<Engine>,
    pub(crate) session: &'c Arc<Session>,
    pub(crate) stay: Stay,
    pub(crate) incoming: Option<&'c Incoming<'c>>,
    pub(crate) arguments: Option<Arguments<'c>>,
    /// The id under which the peer wants an ack, until an argument took it.
    pub(crate) ack: Option<u64>,
    pub(crate) reason: Option<DisconnectReason>,
    /// Called when the arguments are there and the handler is about to run; false if it must not.
    pub(crate) ready: Option<&'c mut dyn FnMut() -> bool>,
}

impl<'c> Context<'c> {
    pub(crate) fn new(engine: &'c Arc<Engine>, session: &'c Arc<Session>, stay: Stay) -> Context<'c> {
        Context {
            engine,
            session,
            stay,
            incoming: None,
            arguments: None,
            ack: None,
            reason: None,
            ready: None,
        }
    }

    pub(crate) fn states(&self) -> &'c States {
        &self.engine.application().states
    }

    pub(crate) fn is_ready(&mut self) -> bool {
        self.ready.as_mut().is_none_or(|ready| ready())
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// What the server is told about failing handlers.
pub(crate) type OnError = Box<dyn Fn(&Failure<'_>) + Send + Sync>;

/// What a hub is told.
pub(crate) struct HubOptions {
    pub(crate) limits: Limits,
    pub(crate) connect_timeout: Duration,
    pub(crate) connect_hold: Duration,
    pub(crate) lane_limit: usize,
    pub(crate) ack_limit: usize,
    pub(crate) keep_handshake: bool,
    /// Under which the browser client is served, if it is.
    #[cfg(feature = "client-script")]
    pub(crate) client_path: Option<String>,
}

/// All that sessions of a Socket.IO server have in common.
pub(crate) struct Hub {
    pub(crate) options: HubOptions,
    pub(crate) states: States,
    pub(crate) tally: Tally,
    pub(crate) on_error: Option<OnError>,
    ids: Key,
    spaces: Arena<Space>,
    names: RwLock<hashbrown::HashMap<Box<str>, u16, FxBuildHasher>>,
}

/// A namespace's name that cannot be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoSpace {
    /// A comma ends a namespace on the wire.
    Comma,
    Full,
}

impl fmt::Display for NoSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSpace::Comma => f.write_str("a comma ends a namespace's name on the wire"),
            NoSpace::Full => write!(f, "a server has at most {CAPACITY} namespaces"),
        }
    }
}

impl Hub {
    pub(crate) fn new(options: HubOptions, states: States, on_error: Option<OnError>, ids: Key) -> Hub {
        let hub = Hub {
            options,
            states,
            tally: Tally::default(),
            on_error,
            ids,
            spaces: Arena::default(),
            names: RwLock::default(),
        };
        hub.space_or_new("/").expect("an empty hub takes its first namespace");
        hub
    }

    /// The namespace with that number.
    pub(crate) fn space(&self, number: u16) -> &Space {
        self.spaces.get(number).expect("numbers of namespaces are only given to those that are there")
    }

    /// The number of the namespace with that name.
    pub(crate) fn find_space(&self, name: &str) -> Option<u16> {
        if name == "/" { Some(0) } else { self.names.read().get(name).copied() }
    }

    /// The number of the namespace with that name, which is made if it is new.
    pub(crate) fn space_or_new(&self, name: &str) -> Result<u16, NoSpace> {
        if name.contains(',') {
            return Err(NoSpace::Comma);
        }
        let mut names = self.names.write();
        if let Some(number) = names.get(name) {
            return Ok(*number);
        }
        let number = self.spaces.push(Space::new(name)).map_err(|_| NoSpace::Full)?;
        names.insert(name.into(), number);
        Ok(number)
    }

    pub(crate) fn spaces(&self) -> impl Iterator<Item = &Space> {
        self.spaces.iter()
    }

    /// The id of a socket.
    pub(crate) fn id(&self, session: &Session, stay: Stay) -> SocketId {
        let kept = if stay == Stay::FIRST { None } else { session.connection().id(stay) };
        kept.unwrap_or_else(|| self.ids.derive(&session.sid()))
    }

    /// Counts a failure and tells who wants to know.
    pub(crate) fn report(&self, session: &Session, stay: Stay, event: &str, fault: Fault) {
        let Fault::Failed(cause) = fault else { return };
        match &cause {
            crate::error::Cause::Argument(_) => self.tally.wrong_arguments.add_one(),
            crate::error::Cause::Error(_) => self.tally.errors.add_one(),
            crate::error::Cause::Panic(_) => self.tally.panics.add_one(),
        }
        let namespace = &*self.space(stay.namespace).name;
        let failure = Failure { namespace, socket: self.id(session, stay), event, cause };
        match &self.on_error {
            None => tracing::error!("{failure}"),
            Some(on_error) => {
                let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| on_error(&failure)));
                if told.is_err() {
                    tracing::error!("on_error panicked over {failure}");
                }
            }
        }
    }
}

/// One namespace.
pub(crate) struct Space {
    pub(crate) name: Box<str>,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) tables: Tables<dyn Handle>,
    /// Handles a new socket.
    pub(crate) connection: RwLock<Option<Arc<dyn Handle>>>,
    pub(crate) middlewares: RwLock<Arc<[Arc<dyn Handle>]>>,
    /// How many event handlers of one socket may wait at once.
    pub(crate) concurrent: AtomicU8,
    /// The id of the next event that wants an ack.
    pub(crate) next_ack: AtomicU64,
    ids: RwLock<HashTable<Known>>,
}

/// Where the socket of an id is.
struct Known {
    hash: u32,
    slot: u32,
}

impl Space {
    fn new(name: &str) -> Space {
        Space {
            name: name.into(),
            adapter: Arc::new(Local::new()),
            tables: Tables::default(),
            connection: RwLock::new(None),
            middlewares: RwLock::new(Arc::new([])),
            concurrent: AtomicU8::new(1),
            next_ack: AtomicU64::new(0),
            ids: RwLock::default(),
        }
    }

    /// The table that a socket's handlers are in.
    pub(crate) fn table<'t>(&'t self, handlers: &'t Handlers<Table<dyn Handle>>) -> &'t Table<dyn Handle> {
        match handlers {
            Handlers::Own(table) => table,
            Handlers::Shared(number) => {
                self.tables.get(*number).expect("numbers of tables are only given to those that are there")
            }
        }
    }

    pub(crate) fn add_id(&self, id: &SocketId, slot: u32) {
        let known = Known { hash: id.hash(), slot };
        self.ids.write().insert_unique(spread(known.hash), known, |known| spread(known.hash));
    }

    pub(crate) fn remove_id(&self, id: &SocketId, slot: u32) {
        let hash = id.hash();
        let mut ids = self.ids.write();
        if let Ok(entry) = ids.find_entry(spread(hash), |known| known.hash == hash && known.slot == slot) {
            entry.remove();
        }
        // As the table of a burst would stay for ever.
        if ids.capacity() > 4 * ids.len().max(64) {
            let to = 2 * ids.len();
            ids.shrink_to(to, |known| spread(known.hash));
        }
    }

    /// The slots in which the socket of that id may be: mostly one, or none.
    pub(crate) fn slots_of(&self, id: &SocketId) -> smallvec::SmallVec<[u32; 1]> {
        let hash = id.hash();
        let ids = self.ids.read();
        ids.iter_hash(spread(hash)).filter(|known| known.hash == hash).map(|known| known.slot).collect()
    }
}

/// A table wants bits at both ends.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The sessions as an adapter sees them.
pub(crate) struct Deliver<'e>(pub(crate) &'e Arc<Engine>);

impl Recipients for Deliver<'_> {
    fn enqueue(&self, slots: &mut dyn Iterator<Item = u32>, parcel: Parcel<'_>, dirty: &mut Vec<u32>) {
        self.0.enqueue(slots, parcel.frames, parcel.volatile, dirty);
    }

    fn flush(&self, dirty: Vec<u32>) {
        self.0.flush(dirty);
    }
}

/// The frames of a packet, to be given away.
pub(crate) fn frames(encoded: Encoded) -> impl Iterator<Item = Frame> {
    std::iter::once(encoded.text).chain(encoded.attachments)
}

/// Closes the connection as the protocol closes one that broke a rule.
pub(crate) const VIOLATION: CloseReason = CloseReason::ForcedClose;
