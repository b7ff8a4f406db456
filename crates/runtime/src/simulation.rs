//! Virtual time and seeded chance: a whole system in one thread, moved by the test.
//!
//! ```
//! use std::time::Duration;
//! use sockeye_runtime::simulation::Simulation;
//!
//! let simulation = Simulation::new(1);
//! let runtime = simulation.runtime();
//! let sleep = runtime.sleep(Duration::from_secs(25));
//! runtime.spawn(async move { sleep.await });
//! simulation.advance(Duration::from_secs(25));
//! assert_eq!(runtime.now(), Duration::from_secs(25));
//! ```
//! Which of several ready tasks runs next is drawn from the seed, so one seed is one schedule and many seeds
//! are many. Nothing runs unless [`run`](Simulation::run) or [`advance`](Simulation::advance) is called.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::runtime::Runtime;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A world whose clock the test moves.
#[derive(Debug)]
pub struct Simulation {
    handle: Handle,
}

impl Simulation {
    /// A world at time zero whose every choice follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Simulation {
        let world = World {
            now: Duration::ZERO,
            random: ChaCha12Rng::seed_from_u64(seed),
            tasks: HashMap::new(),
            ready: Vec::new(),
            timers: BinaryHeap::new(),
            sleepers: BTreeMap::new(),
            next: 0,
        };
        Simulation { handle: Handle(Arc::new(Mutex::new(world))) }
    }

    /// What the system under test is given.
    #[must_use]
    pub fn runtime(&self) -> Runtime {
        Runtime::simulated(self.handle.clone())
    }

    /// Runs tasks until all of them wait. The clock stands still.
    pub fn run(&self) {
        loop {
            let drawn = self.handle.0.lock().draw();
            let Some((id, mut task)) = drawn else { return };
            let waker = Waker::from(Arc::new(Woken { id, handle: self.handle.clone() }));
            let polled =
                catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
            if let Ok(Poll::Pending) = polled {
                self.handle.0.lock().tasks.insert(id, Some(task));
            } else {
                self.handle.0.lock().tasks.remove(&id);
            }
        }
    }

    /// Moves the clock by `duration`, from timer to timer, running what each wakes.
    pub fn advance(&self, duration: Duration) {
        let end = self.handle.now() + duration;
        loop {
            self.run();
            let mut world = self.handle.0.lock();
            let Some(Reverse((at, id))) = world.timers.peek().copied().filter(|Reverse((at, _))| *at <= end)
            else {
                world.now = end;
                return;
            };
            world.timers.pop();
            world.now = world.now.max(at);
            let waker = world.sleepers.remove(&id);
            drop(world);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// What a [`Runtime`] holds of a simulation.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Mutex<World>>);

struct World {
    now: Duration,
    random: ChaCha12Rng,
    /// Tasks by id; a task that is being polled has left its place empty.
    tasks: HashMap<u64, Option<Task>>,
    ready: Vec<u64>,
    timers: BinaryHeap<Reverse<(Duration, u64)>>,
    sleepers: BTreeMap<u64, Waker>,
    next: u64,
}

impl World {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Takes one of the ready tasks, drawn by the seed.
    fn draw(&mut self) -> Option<(u64, Task)> {
        while !self.ready.is_empty() {
            let index = (self.random.next_u64() % self.ready.len() as u64) as usize;
            let id = self.ready.swap_remove(index);
            if let Some(task) = self.tasks.get_mut(&id).and_then(Option::take) {
                return Some((id, task));
            }
        }
        None
    }
}

impl Handle {
    pub(crate) fn now(&self) -> Duration {
        self.0.lock().now
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().random.fill_bytes(bytes);
    }

    pub(crate) fn spawn(&self, task: Task) {
        let mut world = self.0.lock();
        let id = world.id();
        world.tasks.insert(id, Some(task));
        world.ready.push(id);
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Nap {
        let mut world = self.0.lock();
        let id = world.id();
        let at = world.now.saturating_add(duration);
        world.timers.push(Reverse((at, id)));
        Nap { handle: self.clone(), at, id }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated at {:?}", self.now())
    }
}

/// A wait in virtual time.
pub(crate) struct Nap {
    handle: Handle,
    at: Duration,
    id: u64,
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut world = self.handle.0.lock();
        if world.now >= self.at {
            return Poll::Ready(());
        }
        world.sleepers.insert(self.id, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        let waker = self.handle.0.lock().sleepers.remove(&self.id);
        drop(waker);
    }
}

struct Woken {
    id: u64,
    handle: Handle,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let mut world = self.handle.0.lock();
        if !world.ready.contains(&self.id) {
            world.ready.push(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(seed: u64) -> Vec<(u64, Duration)> {
        let simulation = Simulation::new(seed);
        let runtime = simulation.runtime();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for task in 0..5u64 {
            let (runtime, seen) = (runtime.clone(), seen.clone());
            simulation.runtime().spawn(async move {
                for step in 0..3 {
                    runtime.sleep(Duration::from_millis((task * 7 + step) % 4)).await;
                    seen.lock().push((task, runtime.now()));
                }
            });
        }
        simulation.advance(Duration::from_secs(1));
        let seen = seen.lock();
        seen.clone()
    }

    #[test]
    fn one_seed_is_one_schedule() {
        assert_eq!(trace(3), trace(3));
        assert_eq!(trace(3).len(), 15);
        assert!((4..20).any(|seed| trace(seed) != trace(3)), "other seeds, other schedules");
    }

    #[test]
    fn timers_fire_in_order_and_time_does_not_run_ahead() {
        let simulation = Simulation::new(0);
        let runtime = simulation.runtime();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for seconds in [3, 1, 2] {
            let (sleep, seen) = (runtime.sleep(Duration::from_secs(seconds)), seen.clone());
            runtime.spawn(async move {
                sleep.await;
                seen.lock().push(seconds);
            });
        }
        simulation.advance(Duration::from_millis(2500));
        assert_eq!(*seen.lock(), [1, 2]);
        simulation.advance(Duration::from_millis(500));
        assert_eq!(*seen.lock(), [1, 2, 3]);
        assert_eq!(runtime.now(), Duration::from_secs(3));
    }

    #[test]
    fn a_task_that_panics_ends_alone() {
        let simulation = Simulation::new(0);
        let ran = Arc::new(Mutex::new(false));
        simulation.runtime().spawn(async { panic!("on purpose") });
        let other = ran.clone();
        simulation.runtime().spawn(async move { *other.lock() = true });
        simulation.run();
        assert!(*ran.lock());
    }
}
