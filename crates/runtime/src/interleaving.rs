//! Threads that run one at a time, in every order: a model of code whose state stands under locks.
//!
//! ```text
//! thread A  ──[lock]────────[lock]──        each time a lock is taken is a point: there another thread may come
//! thread B  ────────[lock]──────────        first, and which one does is tried out, one order after another
//! ```
//! What happens between two points happens as one, so the model is sound for code that shares nothing but what stands under
//! a [`Mutex`] of this module. It has a mutex in the place of the real one in the tests of a crate: outside of
//! [`explore`] that is a plain lock, so all other tests run as ever.
//!
//! ```
//! use std::sync::Arc;
//! use sockeye_runtime::interleaving::{Mutex, Threads, explore};
//!
//! let lost_updates = std::panic::catch_unwind(|| {
//!     explore(2, 1_000, |threads: &mut Threads| {
//!         let count = Arc::new(Mutex::new(0));
//!         for _ in 0..2 {
//!             let count = count.clone();
//!             threads.spawn(move || {
//!                 let seen = *count.lock();
//!                 *count.lock() = seen + 1;
//!             });
//!         }
//!         threads.run();
//!         assert_eq!(*count.lock(), 2);
//!     });
//! });
//! assert!(lost_updates.is_err());
//! ```

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, MutexGuard};

/// A mutex whose taking is a point. One byte, as the real one.
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(parking_lot::Mutex::new(value))
    }

    /// Waits until nobody holds it. In a model others may come first.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        match current() {
            None => self.0.lock(),
            Some((baton, thread)) => {
                baton.pass(thread, Status::Ready);
                loop {
                    if let Some(guard) = self.0.try_lock() {
                        return guard;
                    }
                    // Who holds it must go on first.
                    baton.pass(thread, Status::Blocked);
                }
            }
        }
    }
}

/// A moment at which another thread of a model may come first. Nothing outside of one.
pub fn point() {
    if let Some((baton, thread)) = current() {
        baton.pass(thread, Status::Ready);
    }
}

/// The threads of a scenario.
#[derive(Default)]
pub struct Threads<'t> {
    threads: Vec<Box<dyn FnOnce() + Send + 't>>,
    order: Order,
}

impl std::fmt::Debug for Threads<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl<'t> Threads<'t> {
    /// Adds one, to be run by [`run`](Threads::run).
    pub fn spawn(&mut self, thread: impl FnOnce() + Send + 't) {
        self.threads.push(Box::new(thread));
    }

    /// Runs all of them to their end, in one order. What one of them panics with goes on.
    ///
    /// # Panics
    /// As the threads do, and when all wait for each other.
    pub fn run(&mut self) {
        let threads = std::mem::take(&mut self.threads);
        if threads.is_empty() {
            return;
        }
        let count = threads.len();
        let baton = Arc::new(Baton {
            state: parking_lot::Mutex::new(State {
                holder: usize::MAX,
                threads: vec![Status::Ready; count],
                order: std::mem::take(&mut self.order),
                given_up: false,
            }),
            passed: Condvar::new(),
        });
        let mut failed = None;
        std::thread::scope(|scope| {
            let running: Vec<_> = threads
                .into_iter()
                .enumerate()
                .map(|(number, thread)| {
                    let baton = baton.clone();
                    scope.spawn(move || {
                        CURRENT.set(Some((baton.clone(), number)));
                        baton.wait(number);
                        let ended = catch_unwind(AssertUnwindSafe(thread));
                        baton.end(number, ended.is_err());
                        ended
                    })
                })
                .collect();
            baton.begin();
            for thread in running {
                if let Ok(Err(panic)) | Err(panic) = thread.join() {
                    failed.get_or_insert(panic);
                }
            }
        });
        self.order = std::mem::take(&mut baton.state.lock().order);
        if let Some(panic) = failed {
            resume_unwind(panic);
        }
    }
}

/// What [`explore`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Explored {
    /// How many orders were tried.
    pub orders: usize,
    /// Whether those were all, within the bound on preemptions.
    pub all: bool,
}

/// Plays `scenario` in every order of its threads in which at most `preemptions` times a thread is made to wait that could
/// go on, up to `limit` orders; beyond that in as many that are drawn at random.
///
/// Few preemptions find nearly all that there is to find, and their number bounds the orders.
///
/// # Panics
/// As the scenario does, behind a line that says in which order.
pub fn explore(preemptions: usize, limit: usize, scenario: impl for<'t> Fn(&mut Threads<'t>)) -> Explored {
    let mut order = Order { preemptions, ..Order::default() };
    for tried in 1..=limit {
        order = play(&scenario, order);
        if !order.turn() {
            return Explored { orders: tried, all: true };
        }
    }
    for seed in 1..=limit as u64 {
        play(&scenario, Order { random: Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), ..Order::default() });
    }
    Explored { orders: limit * 2, all: false }
}

fn play(scenario: &impl for<'t> Fn(&mut Threads<'t>), order: Order) -> Order {
    let mut threads = Threads { threads: Vec::new(), order };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scenario(&mut threads))) {
        let taken: Vec<usize> = threads.order.taken.iter().map(|choice| choice.taken).collect();
        eprintln!("in the order {taken:?}, random: {:?}", threads.order.random);
        resume_unwind(panic);
    }
    threads.order
}

/// Which of several threads goes on, each time that there are several.
#[derive(Debug, Default)]
struct Order {
    taken: Vec<Choice>,
    at: usize,
    preempted: usize,
    preemptions: usize,
    /// Drawn, then, and not tried out.
    random: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    taken: usize,
    of: usize,
}

impl Order {
    /// One of `of`; the first is who runs already, if it `could_go_on`.
    fn choose(&mut self, of: usize, could_go_on: bool) -> usize {
        let of =
            if could_go_on && self.random.is_none() && self.preempted >= self.preemptions { 1 } else { of };
        if of == 1 {
            return 0;
        }
        let taken = match (&mut self.random, self.taken.get(self.at)) {
            (Some(random), _) => {
                *random ^= *random >> 12;
                *random ^= *random << 25;
                *random ^= *random >> 27;
                (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % of
            }
            (None, Some(choice)) => {
                assert_eq!(choice.of, of, "the scenario is not the same each time");
                choice.taken
            }
            (None, None) => 0,
        };
        if self.at == self.taken.len() {
            self.taken.push(Choice { taken, of });
        }
        self.at += 1;
        self.preempted += usize::from(could_go_on && taken > 0);
        taken
    }

    /// The next order; false when that was the last.
    fn turn(&mut self) -> bool {
        (self.at, self.preempted) = (0, 0);
        while let Some(last) = self.taken.last_mut() {
            last.taken += 1;
            if last.taken < last.of {
                return true;
            }
            self.taken.pop();
        }
        false
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    Ready,
    /// It waits for a lock that another holds.
    Blocked,
    Over,
}

/// Who holds it runs.
#[derive(Debug)]
struct Baton {
    state: parking_lot::Mutex<State>,
    passed: Condvar,
}

#[derive(Debug)]
struct State {
    holder: usize,
    threads: Vec<Status>,
    order: Order,
    /// A thread has panicked: the others run free to their end.
    given_up: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<(Arc<Baton>, usize)>> = const { RefCell::new(None) };
}

fn current() -> Option<(Arc<Baton>, usize)> {
    CURRENT.with_borrow(Clone::clone)
}

impl Baton {
    fn begin(&self) {
        let mut state = self.state.lock();
        state.hand_on(None);
        self.passed.notify_all();
    }

    fn wait(&self, thread: usize) {
        let mut state = self.state.lock();
        while state.holder != thread && !state.given_up {
            self.passed.wait(&mut state);
        }
    }

    /// Another may go on; comes back when it is this one's turn again.
    fn pass(&self, thread: usize, status: Status) {
        let mut state = self.state.lock();
        if state.given_up {
            return;
        }
        if status == Status::Ready {
            state.unblock();
        }
        state.threads[thread] = status;
        if !state.hand_on(Some(thread)) {
            state.given_up = true;
            self.passed.notify_all();
            drop(state);
            panic!("all threads wait for each other");
        }
        if state.holder != thread {
            self.passed.notify_all();
            while state.holder != thread && !state.given_up {
                self.passed.wait(&mut state);
            }
        }
    }

    fn end(&self, thread: usize, panicked: bool) {
        let mut state = self.state.lock();
        state.threads[thread] = Status::Over;
        state.unblock();
        state.given_up |= panicked;
        state.hand_on(None);
        self.passed.notify_all();
    }
}

impl State {
    /// A thread went on, so what others wait for may be there.
    fn unblock(&mut self) {
        for status in &mut self.threads {
            if *status == Status::Blocked {
                *status = Status::Ready;
            }
        }
    }

    /// Gives the baton to one that can run. False when there are threads, and none can.
    fn hand_on(&mut self, from: Option<usize>) -> bool {
        let is_ready = |thread: &usize| self.threads[*thread] == Status::Ready;
        let goes_on = from.filter(is_ready);
        let others = (0..self.threads.len()).filter(|thread| is_ready(thread) && Some(*thread) != goes_on);
        let ready: Vec<usize> = goes_on.into_iter().chain(others).collect();
        if ready.is_empty() {
            return self.threads.iter().all(|status| *status == Status::Over);
        }
        self.holder = ready[self.order.choose(ready.len(), goes_on.is_some())];
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_order_of_critical_sections_is_tried_once() {
        let seen = parking_lot::Mutex::new(Vec::new());
        let explored = explore(9, 1_000, |threads| {
            let log = Arc::new(Mutex::new(String::new()));
            for name in ["a", "b"] {
                let log = log.clone();
                threads.spawn(move || {
                    log.lock().push_str(name);
                    log.lock().push_str(name);
                });
            }
            threads.run();
            seen.lock().push(log.lock().clone());
        });
        let seen = seen.into_inner();
        assert!(explored.all && explored.orders == seen.len());
        let all: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
    }

    #[test]
    fn who_holds_a_lock_over_a_point_makes_others_wait_and_who_waits_for_ever_is_found() {
        let both = |opposite: bool| {
            explore(3, 1_000, |threads| {
                let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
                for number in 0..2 {
                    let locks = locks.clone();
                    threads.spawn(move || {
                        let (first, second) = match opposite && number == 1 {
                            false => (&locks.0, &locks.1),
                            true => (&locks.1, &locks.0),
                        };
                        let mut held = first.lock();
                        *held += *second.lock() + 1;
                    });
                }
                threads.run();
            })
        };
        assert!(both(false).all);
        assert!(catch_unwind(|| both(true)).is_err(), "a deadlock");
    }

    #[test]
    fn beyond_the_limit_orders_are_drawn() {
        let explored = explore(9, 10, |threads| {
            let lock = Arc::new(Mutex::new(0));
            for _ in 0..3 {
                let lock = lock.clone();
                threads.spawn(move || (0..5).for_each(|_| *lock.lock() += 1));
            }
            threads.run();
            assert_eq!(*lock.lock(), 15);
        });
        assert_eq!(explored, Explored { orders: 20, all: false });
    }
}
