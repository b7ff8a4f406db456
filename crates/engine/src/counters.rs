//! What an engine has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;

/// Counts since the engine started; each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    opened: [AtomicU64; Wire::ALL.len()],
    closed: [AtomicU64; CloseReason::ALL.len()],
    upgraded: AtomicU64,
    resumed: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    /// Sessions opened over `wire`.
    pub fn opened(&self, wire: Wire) -> u64 {
        self.opened[wire as usize].load(Ordering::Relaxed)
    }

    /// Sessions closed for `reason`.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize].load(Ordering::Relaxed)
    }

    /// Sessions that moved to a better wire.
    pub fn upgraded(&self) -> u64 {
        self.upgraded.load(Ordering::Relaxed)
    }

    /// Streams that came back and went on where they were cut.
    pub fn resumed(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed)
    }

    /// Requests answered with an Engine.IO error code.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn count_opened(&self, wire: Wire) {
        add(&self.opened[wire as usize]);
    }

    pub(crate) fn count_closed(&self, reason: CloseReason) {
        add(&self.closed[reason as usize]);
    }

    pub(crate) fn count_upgraded(&self) {
        add(&self.upgraded);
    }

    pub(crate) fn count_resumed(&self) {
        add(&self.resumed);
    }

    pub(crate) fn count_refused(&self) {
        add(&self.refused);
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
