//! How frames leave a session: all that sets transports apart.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(any(target_os = "android", target_os = "linux"))]
use socket2::SockRef;
use tokio::io::Interest;
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
    ///
    /// The waker that does nothing is known by its data, which is null and could lead to no task. `will_wake`
    /// does not do: it compares tables of functions, of which the compiler may make several.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Link::Parked(waker) if !waker.data().is_null())
    }

    /// Takes the link and leaves nobody. A stored waker would pin its task's memory.
    pub(crate) fn take(&mut self) -> Link {
        std::mem::replace(self, Link::away())
    }
}

/// Whether the peer is known to have ended its connection, though nobody reads it.
pub(crate) fn has_ended(stream: &TcpStream) -> bool {
    let ready = pin!(stream.ready(Interest::READABLE));
    let ready = ready.poll(&mut Context::from_waker(Waker::noop()));
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

/// From now on the system ends the connection of a peer that confirms nothing for `silence` of what it is sent.
/// Where a system has no such option, its own patience counts: some minutes.
pub(crate) fn limit_silence(stream: &TcpStream, silence: Duration) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    // An error means that the connection is gone already, which is the aim.
    SockRef::from(stream).set_tcp_user_timeout(Some(silence)).ok();
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = (stream, silence);
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    #[test]
    fn nobody_waits_until_somebody_parks() {
        struct Somebody;
        impl Wake for Somebody {
            fn wake(self: Arc<Self>) {}
        }
        assert!(!Link::away().is_waiting());
        assert!(!Link::Parked(Waker::noop().clone()).is_waiting());
        let mut link = Link::Parked(Waker::from(Arc::new(Somebody)));
        assert!(link.is_waiting());
        assert!(link.take().is_waiting() && !link.is_waiting());
    }
}
