//! A simulated world: its clock, its chance, its tasks. [`Simulation`](crate::simulation) moves it.

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

/// Something to run.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A world that several hold.
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
    /// A world at time zero whose every choice follows from `seed`.
    pub(crate) fn new(seed: u64) -> Handle {
        Handle(Arc::new(Mutex::new(World {
            now: Duration::ZERO,
            random: ChaCha12Rng::seed_from_u64(seed),
            tasks: HashMap::new(),
            ready: Vec::new(),
            timers: BinaryHeap::new(),
            sleepers: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Polls one of the ready tasks; false when all wait. The world is open meanwhile.
    pub(crate) fn run_one(&self) -> bool {
        let drawn = self.0.lock().draw();
        let Some((id, mut task)) = drawn else { return false };
        let waker = Waker::from(Arc::new(Woken { id, handle: self.clone() }));
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
        if let Ok(Poll::Pending) = polled {
            self.0.lock().tasks.insert(id, Some(task));
        } else {
            self.0.lock().tasks.remove(&id);
        }
        true
    }

    /// Moves the clock to the next timer up to `end` and wakes who sleeps for it. False when there is none:
    /// then it is `end`.
    pub(crate) fn fire_next(&self, end: Duration) -> bool {
        let mut world = self.0.lock();
        let Some(Reverse((at, id))) = world.timers.peek().copied().filter(|Reverse((at, _))| *at <= end)
        else {
            world.now = end;
            return false;
        };
        world.timers.pop();
        world.now = world.now.max(at);
        let waker = world.sleepers.remove(&id);
        drop(world);
        waker.into_iter().for_each(Waker::wake);
        true
    }

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
