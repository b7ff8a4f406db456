//! The knot: what an engine of ours is, and what a handler is called with.
//!
//! Everything above it names sessions and engines of this one application; everything below is generic.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use sockeye_adapter::adapter::{Parcel, Recipients};
use sockeye_engine::listen::Listen;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_socket_proto::arguments::Arguments;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::parser::Parser;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::connection::{Connection, Stay};
use crate::counters::Tally;
use crate::error::{Cause, Failure, Fault};
use crate::id::{Key, Pid, SocketId};
use crate::log::HANDLER;
use crate::once::{Deduplication, Running};
use crate::recovery::log::TAG;
use crate::recovery::{Recovery, Unrecovered};
use crate::spaces::{Found, is_child};
use crate::states::States;
use crate::table::Table;

/// Our engine.
pub(crate) type Engine = sockeye_engine::engine::Engine<Hub>;
/// Its namespaces, and one of them.
pub(crate) type Spaces = crate::spaces::Spaces<dyn Handle>;
pub(crate) type Space = crate::space::Space<dyn Handle>;
pub(crate) type Held = crate::spaces::Held<dyn Handle>;
pub(crate) type Parents = crate::parents::Parents<dyn Handle>;
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
    /// The ack that the peer wants, until an argument took it.
    pub(crate) ack: Option<Wanted>,
    pub(crate) reason: Option<DisconnectReason>,
    /// The transport that asks to carry the connection.
    pub(crate) to: Option<Wire>,
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
            to: None,
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

/// An ack that a peer wants.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: u64,
    /// Whether it was sent, where several handlers of one event may send it.
    sent: Option<Arc<AtomicBool>>,
    /// The event, if it is handled once for its key.
    running: Option<Arc<Running>>,
}

impl Wanted {
    /// For one handler alone.
    pub(crate) fn new(id: u64) -> Wanted {
        Wanted { id, sent: None, running: None }
    }

    /// For several, of whom the first that sends it does.
    pub(crate) fn shared(id: u64) -> Wanted {
        Wanted { id, sent: Some(Arc::default()), running: None }
    }

    /// The same, whose answer is kept for those who ask again.
    pub(crate) fn kept(self, running: Running) -> Wanted {
        Wanted { running: Some(Arc::new(running)), ..self }
    }

    /// Who keeps the answer.
    pub(crate) fn running(&self) -> Option<&Running> {
        self.running.as_deref()
    }

    /// Whether the caller is the one who sends it.
    pub(crate) fn claim(&self) -> bool {
        self.sent.as_ref().is_none_or(|sent| !sent.swap(true, Ordering::Relaxed))
    }
}

/// What the server is told about failing handlers.
pub(crate) type OnError = Box<dyn Fn(&Failure<'_>) + Send + Sync>;

/// Who is told of peers that were not recovered.
pub(crate) type OnUnrecovered = Box<dyn Fn(&str, Unrecovered) + Send + Sync>;

/// Who is told of namespaces that are made.
pub(crate) type OnNewNamespace = Arc<dyn Fn(&Arc<Engine>, &Held) + Send + Sync>;

/// What a hub is told.
pub(crate) struct HubOptions {
    pub(crate) limits: Limits,
    /// How packets are written, if not in the default format.
    pub(crate) parser: Option<Arc<dyn Parser>>,
    pub(crate) attachment_timeout: Duration,
    /// Of one packet that goes out.
    pub(crate) outgoing_attachments: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) connect_hold: Duration,
    pub(crate) lane_limit: usize,
    pub(crate) ack_limit: usize,
    pub(crate) ack_timeout: Option<Duration>,
    pub(crate) keep_handshake: bool,
    /// Whether children that nobody is in are removed.
    pub(crate) cleanup: bool,
    /// How connections are recovered, if they are.
    pub(crate) recovery: Option<Recovery>,
    pub(crate) deduplication: Deduplication,
    /// What the server's accept loops are told.
    pub(crate) listen: Arc<Listen>,
    /// Bytes of a child's name.
    pub(crate) name_limit: usize,
    /// Namespaces of one connection.
    pub(crate) namespace_limit: usize,
    /// Rooms of one socket.
    pub(crate) room_limit: usize,
    /// Connections that are in no namespace yet.
    pub(crate) unjoined_limit: usize,
    /// How long sessions are let go when the accept loop is told to stop.
    pub(crate) drain_timeout: Duration,
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
    /// Is told of peers that were not recovered, with the namespace.
    pub(crate) on_unrecovered: RwLock<Option<Arc<OnUnrecovered>>>,
    /// Is told of namespaces that are made.
    pub(crate) on_new_namespace: RwLock<Option<OnNewNamespace>>,
    /// Connections that have never been in a namespace.
    pub(crate) unjoined: AtomicUsize,
    ids: Key,
    pub(crate) spaces: Spaces,
    pub(crate) parents: Parents,
}

impl Hub {
    pub(crate) fn new(
        options: HubOptions,
        states: States,
        on_error: Option<OnError>,
        ids: Key,
        tag: [u8; TAG],
    ) -> Hub {
        let spaces =
            Spaces::new(options.recovery.clone().map(|recovery| (recovery, tag)), options.room_limit);
        Hub {
            options,
            states,
            tally: Tally::default(),
            on_error,
            on_unrecovered: RwLock::new(None),
            on_new_namespace: RwLock::new(None),
            unjoined: AtomicUsize::new(0),
            ids,
            spaces,
            parents: Parents::default(),
        }
    }

    /// The namespace with that number, which somebody holds: a socket that is in it, or a handle.
    pub(crate) fn space(&self, number: u16) -> Found<'_, dyn Handle> {
        self.spaces.get(number)
    }

    /// Somebody who was in that namespace is there no more.
    pub(crate) fn vacated(&self, number: u16) {
        if !is_child(number) {
            return;
        }
        let Some(space) = self.spaces.try_hold(number) else { return };
        let is_wanted = space.space(&self.spaces).is_wanted.load(Ordering::Relaxed);
        drop(space);
        if self.options.cleanup || !is_wanted {
            self.spaces.emptied(number);
        }
    }

    /// The id of a socket.
    pub(crate) fn id(&self, session: &Session, stay: Stay) -> SocketId {
        let kept = if stay == Stay::FIRST { None } else { session.connection().id(stay) };
        kept.unwrap_or_else(|| self.ids.derive(&session.sid()))
    }

    /// The pid of the socket with that id.
    pub(crate) fn pid(&self, id: &SocketId) -> Pid {
        self.ids.pid(id)
    }

    /// Counts a failure of a socket's handler and tells who wants to know.
    pub(crate) fn report(&self, session: &Session, stay: Stay, event: &str, fault: Fault) {
        let space = self.space(stay.namespace);
        self.report_in(&space, Some(self.id(session, stay)), event, fault);
    }

    /// Counts a failure and tells who wants to know.
    pub(crate) fn report_in(&self, space: &Space, socket: Option<SocketId>, event: &str, fault: Fault) {
        let Fault::Failed(cause) = fault else { return };
        match &cause {
            Cause::Argument(_) => self.tally.wrong_arguments.add_one(),
            Cause::Error(_) => self.tally.errors.add_one(),
            Cause::Panic(_) => self.tally.panics.add_one(),
        }
        let failure = Failure { namespace: &space.name, socket, event, cause };
        match &self.on_error {
            None => tracing::error!(
                target: HANDLER,
                namespace = failure.namespace,
                socket = failure.socket.as_ref().map(tracing::field::display),
                event,
                kind = failure.cause.kind(),
                error = failure.cause.to_string(),
                "a handler failed",
            ),
            Some(on_error) => {
                let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| on_error(&failure)));
                if told.is_err() {
                    tracing::error!(target: HANDLER, event, "on_error panicked");
                }
            }
        }
    }
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
pub(crate) fn frames(packet: Encoded) -> impl Iterator<Item = Frame> {
    std::iter::once(packet.text).chain(packet.attachments)
}

/// Closes the connection as the protocol closes one that broke a rule.
pub(crate) const VIOLATION: CloseReason = CloseReason::ForcedClose;
