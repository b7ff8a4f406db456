//! The coarse clock that sessions compare their deadlines with.

use std::time::Duration;

/// A moment, as a count of 50 ms steps since the engine started.
///
/// Four bytes, compared as integers; it wraps after 6.8 years and comparisons stay right across the wrap as
/// long as the two moments are less than 3.4 years apart.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Tick(u32);

impl Tick {
    /// How long one tick lasts.
    pub const LENGTH: Duration = Duration::from_millis(50);

    /// The moment `count` ticks after the start.
    #[must_use]
    pub const fn new(count: u32) -> Tick {
        Tick(count)
    }

    /// Ticks since the start.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// The moment `ticks` later.
    #[must_use]
    pub const fn after(self, ticks: u32) -> Tick {
        Tick(self.0.wrapping_add(ticks))
    }

    /// The moment `ticks` earlier.
    #[must_use]
    pub const fn before(self, ticks: u32) -> Tick {
        Tick(self.0.wrapping_sub(ticks))
    }

    /// Whether this moment has come when it is `now`.
    #[must_use]
    pub const fn is_due(self, now: Tick) -> bool {
        now.0.wrapping_sub(self.0) < u32::MAX / 2
    }

    /// The earlier of two moments.
    #[must_use]
    pub const fn earlier(self, other: Tick) -> Tick {
        if self.is_due(other) { self } else { other }
    }

    /// Ticks from `now` until this moment; 0 when it is due.
    #[must_use]
    pub const fn ticks_from(self, now: Tick) -> u32 {
        if self.is_due(now) { 0 } else { self.0.wrapping_sub(now.0) }
    }

    /// A duration in ticks, rounded up, and one more for the part of the current tick that is over already: what
    /// waits so many ticks never waits too short, and at most 100 ms too long.
    #[must_use]
    pub fn ticks(duration: Duration) -> u32 {
        let ticks = duration.as_millis().div_ceil(Tick::LENGTH.as_millis()) + 1;
        u32::try_from(ticks).unwrap_or(u32::MAX).min(u32::MAX / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_across_the_wrap() {
        let before = Tick::new(u32::MAX - 1);
        let after = before.after(5);
        assert!(before.is_due(after) && !after.is_due(before));
        assert_eq!(before.earlier(after), before);
        assert_eq!(after.ticks_from(before), 5);
    }

    #[test]
    fn a_duration_is_never_cut_short() {
        assert_eq!(Tick::ticks(Duration::from_millis(51)), 3);
        assert_eq!(Tick::ticks(Duration::ZERO), 1);
    }
}
