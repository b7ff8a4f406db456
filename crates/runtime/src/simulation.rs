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

use std::time::Duration;

use crate::runtime::Runtime;
use crate::world::Handle;

/// A world whose clock the test moves.
#[derive(Debug)]
pub struct Simulation {
    handle: Handle,
}

impl Simulation {
    /// A world at time zero whose every choice follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Simulation {
        Simulation { handle: Handle::new(seed) }
    }

    /// What the system under test is given.
    #[must_use]
    pub fn runtime(&self) -> Runtime {
        Runtime::simulated(self.handle.clone())
    }

    /// Runs tasks until all of them wait. The clock stands still.
    pub fn run(&self) {
        while self.handle.run_one() {}
    }

    /// Moves the clock by `duration`, from timer to timer, running what each wakes.
    pub fn advance(&self, duration: Duration) {
        let end = self.handle.now() + duration;
        loop {
            self.run();
            if !self.handle.fire_next(end) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

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
