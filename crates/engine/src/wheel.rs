//! One wheel of slots for every deadline of an engine.
//!
//! An entry is a slot's number in the bucket of a tick: 4 bytes. When it fires, its session says whether it
//! is due and when to come again. A deadline that moved away is a wasted look; one that came nearer adds an
//! entry. A slot that was given to another session meanwhile is harmless for the same reason.

use parking_lot::Mutex;
use sockeye_engine_proto::tick::Tick;

/// Ticks a turn takes: 25.6 s. A later deadline is looked at once a turn.
const BUCKETS: usize = 512;

/// Deadlines by tick.
#[derive(Debug)]
pub struct Wheel {
    buckets: Mutex<Box<[Vec<u32>]>>,
}

impl Default for Wheel {
    fn default() -> Wheel {
        Wheel { buckets: Mutex::new(vec![Vec::new(); BUCKETS].into()) }
    }
}

impl Wheel {
    /// Looks at `slot` at `at`, or at the next tick if that has passed, or within a turn if it is far.
    /// Answers when.
    pub fn schedule(&self, slot: u32, at: Tick, now: Tick) -> Tick {
        let ticks = at.ticks_from(now).clamp(1, BUCKETS as u32 - 1);
        let at = now.after(ticks);
        self.buckets.lock()[at.count() as usize % BUCKETS].push(slot);
        at
    }

    /// Takes the slots to look at now.
    #[must_use]
    pub fn take(&self, now: Tick) -> Vec<u32> {
        std::mem::take(&mut self.buckets.lock()[now.count() as usize % BUCKETS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_fires_at_its_tick_and_once() {
        let wheel = Wheel::default();
        let now = Tick::new(10);
        wheel.schedule(7, Tick::new(13), now);
        assert!(wheel.take(Tick::new(12)).is_empty());
        assert_eq!(wheel.take(Tick::new(13)), [7]);
        assert!(wheel.take(Tick::new(13)).is_empty());
    }

    #[test]
    fn a_past_deadline_fires_at_the_next_tick_and_a_far_one_within_a_turn() {
        let wheel = Wheel::default();
        wheel.schedule(1, Tick::new(3), Tick::new(10));
        wheel.schedule(2, Tick::new(100_000), Tick::new(10));
        assert_eq!(wheel.take(Tick::new(11)), [1]);
        assert_eq!(wheel.take(Tick::new(10 + 511)), [2]);
    }
}
