//! How much a peer may say: one bucket for messages and bytes, in four bytes.
//!
//! What a peer says takes time: a message 1/[`messages`](Rate::messages) of a second, a byte
//! 1/[`bytes`](Rate::bytes). The bucket holds the time that was taken and has not passed yet; it may hold
//! [`burst`](Rate::burst). Knows no clock.

use std::time::Duration;

use crate::tick::Tick;

/// How much a peer may say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rate {
    /// Messages a second, control packets and frames of WebSockets among them. Default 10,000.
    pub messages: u32,
    /// Bytes a second. Default 100,000,000.
    pub bytes: u64,
    /// For how long it may say at once what it may say in that time. Default 10 s, which is the most.
    pub burst: Duration,
}

impl Default for Rate {
    fn default() -> Rate {
        Rate { messages: 10_000, bytes: 100_000_000, burst: MAX_BURST }
    }
}

/// The longest burst.
pub const MAX_BURST: Duration = Duration::from_secs(10);

/// A unit of time is 10 µs.
const UNITS_PER_SECOND: u64 = 100_000;
const UNITS_PER_TICK: u32 = (UNITS_PER_SECOND * Tick::LENGTH.as_millis() as u64 / 1000) as u32;

/// Costs are counted in parts of a unit.
const FRACTION: u32 = 16;

/// A rate as buckets reckon with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gauge {
    /// Parts of a unit that a message takes.
    message: u64,
    /// Parts of a unit that a byte takes, in parts of their own.
    byte: u64,
    /// Units that a bucket may hold.
    capacity: u32,
}

impl From<Rate> for Gauge {
    fn from(rate: Rate) -> Gauge {
        let burst = rate.burst.min(MAX_BURST).as_micros() / 10;
        Gauge {
            message: (UNITS_PER_SECOND << FRACTION) / u64::from(rate.messages.max(1)),
            byte: (UNITS_PER_SECOND << (2 * FRACTION)) / rate.bytes.max(1),
            capacity: u32::try_from(burst).unwrap_or(u32::MAX).max(1),
        }
    }
}

/// What a peer has said lately: the time that it takes, and the tick in which that was true.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bucket(u32);

/// Bits of the level; the others are the tick's last.
const LEVEL_BITS: u32 = 20;
const TICKS: u32 = 1 << (u32::BITS - LEVEL_BITS);

impl Bucket {
    /// From its four bytes.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Bucket {
        Bucket(bits)
    }

    /// Its four bytes.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// What may be said now.
    #[must_use]
    #[inline]
    pub fn open(self, gauge: &Gauge, now: Tick) -> Allowance {
        // A bucket that was not looked at for minutes may seem to be of a moment ago, and then drains later.
        let ticks = now.count().wrapping_sub(self.0 >> LEVEL_BITS) % TICKS;
        let level = (self.0 & ((1 << LEVEL_BITS) - 1)).saturating_sub(ticks.saturating_mul(UNITS_PER_TICK));
        Allowance { left: u64::from(gauge.capacity.saturating_sub(level)) << FRACTION, before: level }
    }
}

/// What may still be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    left: u64,
    before: u32,
}

impl Gauge {
    fn bytes(&self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(self.byte) >> FRACTION
    }
}

impl Allowance {
    /// No end.
    pub const UNLIMITED: Allowance = Allowance { left: u64::MAX, before: 0 };

    /// Takes a message of that many bytes. False when that is more than may be said.
    #[inline]
    pub fn take(&mut self, gauge: &Gauge, bytes: usize) -> bool {
        self.pay(gauge.message + gauge.bytes(bytes))
    }

    /// Takes that many bytes, of something that was counted as a message before.
    #[inline]
    pub fn take_bytes(&mut self, gauge: &Gauge, bytes: usize) -> bool {
        self.pay(gauge.bytes(bytes))
    }

    #[inline]
    fn pay(&mut self, cost: u64) -> bool {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }

    /// The bucket afterwards.
    #[must_use]
    #[inline]
    pub fn close(self, gauge: &Gauge, now: Tick) -> Bucket {
        Bucket(((now.count() % TICKS) << LEVEL_BITS) | self.level(gauge))
    }

    /// Whether the bucket is half full and was not before.
    #[must_use]
    #[inline]
    pub fn is_loud(self, gauge: &Gauge) -> bool {
        let half = gauge.capacity / 2;
        self.before <= half && self.level(gauge) > half
    }

    fn level(self, gauge: &Gauge) -> u32 {
        let left = u32::try_from(self.left >> FRACTION).unwrap_or(gauge.capacity);
        gauge.capacity.saturating_sub(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(messages: u32, bytes: u64, burst: u64) -> Gauge {
        Rate { messages, bytes, burst: Duration::from_secs(burst) }.into()
    }

    /// How many messages of that length pass at once.
    fn pass(bucket: &mut Bucket, gauge: &Gauge, now: u32, bytes: usize, most: usize) -> usize {
        let mut allowance = bucket.open(gauge, Tick::new(now));
        let passed = (0..most).take_while(|_| allowance.take(gauge, bytes)).count();
        *bucket = allowance.close(gauge, Tick::new(now));
        passed
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let gauge = gauge(100, 1_000_000, 2);
        let mut bucket = Bucket::default();
        assert_eq!(pass(&mut bucket, &gauge, 1000, 0, 1_000), 200);
        assert_eq!(pass(&mut bucket, &gauge, 1000, 0, 1_000), 0);
        for second in 1..10 {
            assert_eq!(pass(&mut bucket, &gauge, 1000 + 20 * second, 0, 1_000), 100, "{second}");
        }
        assert_eq!(pass(&mut bucket, &gauge, 1000 + 20 * 60, 0, 1_000), 200, "no more than a burst is saved");
    }

    #[test]
    fn bytes_take_their_time_as_messages_do() {
        let gauge = gauge(1_000_000, 1_000_000, 1);
        let mut bucket = Bucket::default();
        let passed = pass(&mut bucket, &gauge, 5, 10_000, 1_000);
        assert!((98..=100).contains(&passed), "{passed}");
        assert!(!bucket.open(&gauge, Tick::new(5)).take(&gauge, 1_000_000_000_000));
    }

    #[test]
    fn what_is_said_below_the_rate_never_fills_it() {
        let gauge = gauge(1_000, 10_000_000, 1);
        let mut bucket = Bucket::default();
        for tick in 0..10_000 {
            assert_eq!(pass(&mut bucket, &gauge, tick, 100, 45), 45, "{tick}");
        }
    }

    #[test]
    fn it_is_loud_once_on_its_way_up() {
        let gauge = gauge(100, 1_000_000, 1);
        let mut bucket = Bucket::default();
        let mut loud = 0;
        for _ in 0..100 {
            let mut allowance = bucket.open(&gauge, Tick::new(1));
            allowance.take(&gauge, 0);
            loud += u32::from(allowance.is_loud(&gauge));
            bucket = allowance.close(&gauge, Tick::new(1));
        }
        assert_eq!(loud, 1);
    }

    #[test]
    fn the_longest_burst_and_the_smallest_rate_fit() {
        let gauge = Gauge::from(Rate { messages: 0, bytes: 0, burst: Duration::MAX });
        let mut bucket = Bucket::default();
        assert_eq!(pass(&mut bucket, &gauge, 1, 0, 100), 10);
        assert_eq!(
            Allowance::UNLIMITED.close(&gauge, Tick::new(1)),
            Allowance::UNLIMITED.close(&gauge, Tick::new(1))
        );
        assert_eq!(
            pass(&mut bucket, &gauge, 1 + TICKS, 0, 100),
            0,
            "a turn of the ticks later it is as it was"
        );
        assert_eq!(pass(&mut bucket, &gauge, 1 + TICKS + 20, 0, 100), 1);
    }
}
