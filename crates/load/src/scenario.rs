//! What is done to a server, one file each.

pub mod connect;
pub mod echo;
pub mod fan_out;
pub mod idle;
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
