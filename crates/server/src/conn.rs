//! The connection beneath a socket.

use std::fmt;
use std::sync::Arc;

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;

use crate::hub::{Engine, Session};

/// A peer's connection: one Engine.IO session, whatever carries it, with a socket in each namespace that the peer
/// has joined. A cheap clone: a handle, which keeps nothing open.
///
/// The session's own id is a secret between the peer and us, and is not given.
#[derive(Clone)]
pub struct Conn {
    engine: Arc<Engine>,
    session: Arc<Session>,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({})", self.transport())
    }
}

/// Handles are equal when they are of the same connection.
impl PartialEq for Conn {
    fn eq(&self, other: &Conn) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }
}

impl Eq for Conn {}

impl Conn {
    pub(crate) fn new(engine: &Arc<Engine>, session: &Arc<Session>) -> Conn {
        Conn { engine: engine.clone(), session: session.clone() }
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

    /// The version of Engine.IO that the peer speaks: 4, or 3 for clients of Socket.IO 1 and 2.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.session.protocol()
    }

    /// How many bytes are queued for the peer, in all namespaces.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.session.queued()
    }

    /// Why it closed, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.session.closed()
    }

    /// Closes it: all its sockets disconnect with `forced close`, and the peer may come back.
    pub fn close(&self) {
        self.engine.close(&self.session, CloseReason::ForcedClose);
    }
}
