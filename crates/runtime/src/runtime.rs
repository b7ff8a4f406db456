//! The handle that everything asks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use crate::random;
use crate::world::{Handle, Nap};

/// Where the time, random bytes and tasks come from. A cheap clone.
#[derive(Clone)]
pub struct Runtime(Kind);

#[derive(Clone)]
enum Kind {
    #[cfg(feature = "tokio")]
    Tokio {
        handle: tokio::runtime::Handle,
        start: tokio::time::Instant,
    },
    Simulated(Handle),
}

impl Runtime {
    /// The tokio runtime that the caller runs on.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    #[cfg(feature = "tokio")]
    #[must_use]
    #[track_caller]
    pub fn tokio() -> Runtime {
        let handle = tokio::runtime::Handle::current();
        Runtime(Kind::Tokio { handle, start: tokio::time::Instant::now() })
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn is_tokio(&self) -> bool {
        matches!(self.0, Kind::Tokio { .. })
    }

    pub(crate) fn simulated(handle: Handle) -> Runtime {
        Runtime(Kind::Simulated(handle))
    }

    /// Time since this runtime was made. It never goes back, whatever the wall clock does.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { start, .. } => start.elapsed(),
            Kind::Simulated(handle) => handle.now(),
        }
    }

    /// The date, for people and logs; no deadline is ever computed from it.
    #[must_use]
    pub fn date(&self) -> SystemTime {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { .. } => SystemTime::now(),
            Kind::Simulated(handle) => SystemTime::UNIX_EPOCH + handle.now(),
        }
    }

    /// Fills `bytes` from the operating system's generator, or from the simulation's seed.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { .. } => random::fill(bytes),
            Kind::Simulated(handle) => handle.fill(bytes),
        }
    }

    /// Runs a task to its end, from any thread.
    ///
    /// A task that panics ends alone.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { handle, .. } => drop(handle.spawn(task)),
            Kind::Simulated(handle) => handle.spawn(Box::pin(task)),
        }
    }

    /// Waits for `duration`. Cancel-safe: dropping it ends the wait.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { handle, .. } => {
                let _context = handle.enter();
                Sleep(Wait::Tokio(Box::pin(tokio::time::sleep(duration))))
            }
            Kind::Simulated(handle) => Sleep(Wait::Simulated(Box::new(handle.sleep(duration)))),
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            #[cfg(feature = "tokio")]
            Kind::Tokio { .. } => "Runtime(tokio)",
            Kind::Simulated(_) => "Runtime(simulated)",
        })
    }
}

/// A wait, from [`Runtime::sleep`]. 16 bytes: whoever may wait keeps room for it.
pub struct Sleep(Wait);

const _: () = assert!(size_of::<Sleep>() == 16);

enum Wait {
    #[cfg(feature = "tokio")]
    Tokio(Pin<Box<tokio::time::Sleep>>),
    Simulated(Box<Nap>),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.get_mut().0 {
            #[cfg(feature = "tokio")]
            Wait::Tokio(sleep) => sleep.as_mut().poll(cx),
            Wait::Simulated(nap) => Pin::new(nap.as_mut()).poll(cx),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;

    #[test]
    fn a_task_can_be_spawned_from_a_thread_that_is_not_tokios() {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _context = tokio.enter();
        let runtime = Runtime::tokio();
        let (done, waits) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let sleep = runtime.sleep(Duration::from_millis(1));
            runtime.spawn(async move {
                sleep.await;
                done.send(()).expect("the test waits");
            });
        });
        tokio.block_on(waits).expect("the task ran");
    }

    #[test]
    fn ids_are_not_repeated() {
        let (mut first, mut second) = ([0; 15], [0; 15]);
        random::fill(&mut first);
        random::fill(&mut second);
        assert_ne!(first, second);
    }
}
