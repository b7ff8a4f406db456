//! Whose time it is, and when everything that was ready has happened.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sockeye::runtime::Runtime;
use tokio::sync::oneshot;

/// Turns in a row without a packet after which a tokio runtime counts as idle.
///
/// A runtime of one thread gives a turn back when its queue of tasks is empty, or after 61 of them, so what is
/// ready has happened after one turn, save for tasks that gave up their own. This many leave room for those.
const TURNS: u32 = 100;

/// Packets that may come while the world settles. More never end: two sides answer each other.
const LIMIT: u64 = 1_000_000;

/// How long a clock that runs must see no packet.
const QUIET: Duration = Duration::from_millis(10);

/// The time of one test. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    runtime: Runtime,
    kind: Kind,
    /// Packets that came or went, on all connections.
    packets: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Kind {
    Tokio,
    Simulated(Stillness),
}

/// Those who wait until a simulated world is idle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stillness(Arc<Mutex<Vec<oneshot::Sender<()>>>>);

impl Stillness {
    /// Tells them. False when nobody waited.
    pub(crate) fn tell(&self) -> bool {
        let waiting = std::mem::take(&mut *self.0.lock());
        let anybody = !waiting.is_empty();
        // Who has given up waiting needs no answer.
        waiting.into_iter().for_each(|waits| _ = waits.send(()));
        anybody
    }
}

impl Clock {
    /// The clock of the tokio runtime that the caller runs on.
    #[track_caller]
    pub(crate) fn tokio() -> Clock {
        Clock { runtime: Runtime::tokio(), kind: Kind::Tokio, packets: Arc::default() }
    }

    pub(crate) fn simulated(runtime: Runtime, stillness: Stillness) -> Clock {
        Clock { runtime, kind: Kind::Simulated(stillness), packets: Arc::default() }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// A packet came or went.
    pub(crate) fn stir(&self) {
        self.packets.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether time stands still while anything is ready.
    pub(crate) fn is_moved(&self) -> bool {
        match self.kind {
            Kind::Simulated(_) => true,
            Kind::Tokio => {
                // A clock that runs is the system's, so it has moved when that has.
                let (before, start) = (tokio::time::Instant::now(), std::time::Instant::now());
                while std::time::Instant::now() == start {}
                tokio::time::Instant::now() == before
            }
        }
    }

    /// Moves the clock from timer to timer, running what each wakes, and settles.
    pub(crate) async fn advance(&self, duration: Duration) {
        // A moved clock jumps to the next timer whenever all tasks wait: to this one last.
        self.runtime.sleep(duration).await;
        self.settle().await;
    }

    /// Waits until everything that is ready has happened. A moved clock stands still meanwhile.
    pub(crate) async fn settle(&self) {
        if let Kind::Simulated(Stillness(waiting)) = &self.kind {
            let (tell, told) = oneshot::channel();
            waiting.lock().push(tell);
            // The world that would tell is gone: then nothing is ready.
            return told.await.unwrap_or_default();
        }
        let start = self.packets();
        loop {
            self.take_turns(start).await;
            let before = self.packets();
            if self.is_moved() {
                return;
            }
            self.runtime.sleep(QUIET).await;
            if self.packets() == before {
                return;
            }
        }
    }

    async fn take_turns(&self, start: u64) {
        let (mut before, mut quiet) = (start, 0);
        while quiet < TURNS {
            tokio::task::yield_now().await;
            let now = self.packets();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            assert!(now - start < LIMIT, "this never settles: {LIMIT} packets came and went in one moment");
        }
    }

    fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// What `future` gives, unless it takes longer than `limit`.
    pub(crate) async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = self.runtime.sleep(limit) => None,
        }
    }
}
