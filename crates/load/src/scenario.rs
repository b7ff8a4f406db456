//! What is done to a server, one file each.

pub mod connect;
pub mod echo;
pub mod fan_out;
pub mod idle;
pub mod ledger;
pub mod polling;
pub mod slow_reader;

mod crowd;

use std::time::Duration;

/// How long a scenario goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// For a time, after a time of the same that is not counted and at most [`WARM_UP`] long.
    Time(Duration),
    /// For so many messages, all counted: two runs that differ in nothing else show what one message costs.
    Messages(u64),
}

/// What comes before a measured time: caches fill, and connections reach their pace.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// The part of `whole` that the `number`th of `parts` gets.
fn share(whole: u64, number: usize, parts: usize) -> u64 {
    let parts = parts as u64;
    whole / parts + u64::from((number as u64) < whole % parts)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up() {
        for (whole, parts) in [(10, 3), (0, 4), (7, 7), (1_000, 64)] {
            assert_eq!((0..parts).map(|number| share(whole, number, parts)).sum::<u64>(), whole);
        }
    }
}
