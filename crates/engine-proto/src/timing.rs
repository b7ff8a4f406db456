//! The times that sessions keep.

use std::time::Duration;

use crate::tick::Tick;

/// The times a session keeps, in ticks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// From a pong, or the open packet, to the next ping.
    pub ping_interval: u32,
    /// From a ping to the close, when no pong comes.
    pub ping_timeout: u32,
    /// From the opening of a candidate to its `5`.
    pub upgrade_timeout: u32,
    /// How long a session whose stream ended waits for the next one.
    pub resume: u32,
}

impl Timing {
    /// The times in ticks, each rounded up.
    #[must_use]
    pub fn new(
        ping_interval: Duration,
        ping_timeout: Duration,
        upgrade_timeout: Duration,
        resume: Duration,
    ) -> Timing {
        Timing {
            ping_interval: Tick::ticks(ping_interval),
            ping_timeout: Tick::ticks(ping_timeout),
            upgrade_timeout: Tick::ticks(upgrade_timeout),
            resume: Tick::ticks(resume),
        }
    }
}
