//! How frames leave a session: all that sets transports apart.

use std::sync::Arc;
use std::task::Waker;

use tokio::net::TcpStream;

/// The way out.
#[derive(Debug)]
pub enum Link {
    /// A WebSocket over bare TCP: any thread writes at once.
    Direct(Arc<TcpStream>),
    /// Someone comes for the frames when woken: a poll, a stream's body, a task that owns other IO.
    Parked(Waker),
}

const _: () = assert!(size_of::<Link>() == 16);

impl Link {
    /// Nobody comes until somebody parks: a waker that does nothing, since a third variant would cost 8 bytes.
    #[must_use]
    pub fn away() -> Link {
        Link::Parked(Waker::noop().clone())
    }

    /// Whether someone waits to be woken.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Link::Parked(waker) if !waker.will_wake(Waker::noop()))
    }

    /// Takes the link and leaves nobody. A stored waker would pin its task's memory.
    pub(crate) fn take(&mut self) -> Link {
        std::mem::replace(self, Link::away())
    }
}
