//! Latencies of millions of messages in a few kilobytes.

use std::time::Duration;

/// Steps within one power of two: a value is known to about 1.5 %.
const STEPS: usize = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Powers of two of nanoseconds that are told apart, up to some 500 years.
const POWERS: usize = (u64::BITS - STEP_BITS) as usize;

/// Counts durations in steps that grow with them.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; (POWERS + 1) * STEPS], total: 0 }
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        self.counts[step(latency)] += 1;
        self.total += 1;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// What `part` of them (0 to 1) did not exceed; zero when nothing was counted.
    pub fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.total as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_end(index);
            }
        }
        Duration::ZERO
    }
}

/// The first [`STEPS`] nanoseconds have a step each; behind them each power of two is cut into as many.
fn step(latency: Duration) -> usize {
    let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
    if nanoseconds < STEPS as u64 {
        return nanoseconds as usize;
    }
    let power = nanoseconds.ilog2() - STEP_BITS;
    (power as usize + 1) * STEPS + ((nanoseconds >> power) as usize - STEPS)
}

/// The largest duration of a step.
fn upper_end(index: usize) -> Duration {
    let Some(power) = (index / STEPS).checked_sub(1) else { return Duration::from_nanos(index as u64) };
    let first = ((index % STEPS + STEPS) as u128) << power;
    Duration::from_nanos(u64::try_from(first + (1 << power) - 1).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Latencies;
    use std::time::Duration;

    #[test]
    fn quantiles_are_known_to_two_percent() {
        let mut latencies = Latencies::default();
        for microseconds in 1..=100_000 {
            latencies.record(Duration::from_micros(microseconds));
        }
        assert_eq!(latencies.count(), 100_000);
        for (part, exact) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.0, 1.0), (1.0, 100_000.0)] {
            let found = latencies.quantile(part).as_secs_f64() * 1e6;
            assert!((found / exact - 1.0).abs() < 0.02, "{part}: {found} instead of {exact}");
        }
    }

    #[test]
    fn extremes_are_counted() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.quantile(1.0), Duration::ZERO);
        latencies.record(Duration::MAX);
        assert!(latencies.quantile(1.0) > Duration::from_secs(1_000_000));
    }

    #[test]
    fn merged_latencies_are_those_of_both() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_millis(100));
        one.merge(&other);
        assert_eq!(one.count(), 2);
        assert!(
            one.quantile(0.5) < Duration::from_millis(2) && one.quantile(1.0) > Duration::from_millis(99)
        );
    }

    #[test]
    fn nothing_counted_is_zero() {
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }
}
