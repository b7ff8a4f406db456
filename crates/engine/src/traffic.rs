//! What goes over the wires: bytes counted where they are read and written, messages when their session is gone.

use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::slow::WhenSlow;

/// Bytes and messages since the engine started; each only grows.
///
/// Bytes are those of WebSocket frames, of polling's bodies as they are sent, and of streams. Heads of requests and
/// answers, and what TLS adds, are not among them.
#[derive(Debug, Default)]
pub struct Traffic {
    received: Bytes,
    sent: Bytes,
    messages_received: Messages,
    messages_sent: Messages,
    /// In the order of [`WhenSlow::ALL`].
    dropped: [AtomicU64; WhenSlow::ALL.len()],
}

/// By wire. Threads that write and threads that read do not share its cache lines, nor does what stands beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Bytes([AtomicU64; Wire::ALL.len()]);

/// Sessions count their own messages, so counting costs nothing while they live. They do so in 32 bits: should one of them
/// pass 4 billion messages, the sum stands still until it has caught up.
#[derive(Debug, Default)]
struct Messages {
    /// Of sessions that are gone.
    gone: AtomicU64,
    /// The most that was ever told.
    told: AtomicU64,
}

impl Messages {
    /// The sum, never less than before: a session that goes between two looks is missed for a moment.
    fn sum(&self, gone: u64, alive: u64) -> u64 {
        let sum = gone + alive;
        self.told.fetch_max(sum, Ordering::Relaxed).max(sum)
    }
}

impl Traffic {
    /// Bytes that came over `wire`.
    #[must_use]
    pub fn received(&self, wire: Wire) -> u64 {
        self.received.0[wire as usize].load(Ordering::Relaxed)
    }

    /// Bytes that left over `wire`.
    #[must_use]
    pub fn sent(&self, wire: Wire) -> u64 {
        self.sent.0[wire as usize].load(Ordering::Relaxed)
    }

    /// Messages that waited for peers that read slowly, and were dropped under `rule`.
    #[must_use]
    pub fn dropped(&self, rule: WhenSlow) -> u64 {
        self.dropped[rule as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn count_dropped(&self, rule: WhenSlow, messages: usize) {
        self.dropped[rule as usize].fetch_add(messages as u64, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count_received(&self, wire: Wire, bytes: usize) {
        self.received.0[wire as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count_sent(&self, wire: Wire, bytes: usize) {
        self.sent.0[wire as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A session is gone that had received and sent so many messages.
    pub(crate) fn settle(&self, received: u32, sent: u32) {
        self.messages_received.gone.fetch_add(u64::from(received), Ordering::Relaxed);
        self.messages_sent.gone.fetch_add(u64::from(sent), Ordering::Relaxed);
    }

    /// Messages received and sent by sessions that are gone.
    pub(crate) fn gone(&self) -> (u64, u64) {
        let load = |messages: &Messages| messages.gone.load(Ordering::Relaxed);
        (load(&self.messages_received), load(&self.messages_sent))
    }

    /// All messages received and sent: of sessions that were gone before those that live were looked at.
    pub(crate) fn messages(&self, gone: (u64, u64), alive: (u64, u64)) -> (u64, u64) {
        (self.messages_received.sum(gone.0, alive.0), self.messages_sent.sum(gone.1, alive.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_messages_never_falls_while_a_session_is_on_its_way_out() {
        let traffic = Traffic::default();
        assert_eq!(traffic.messages(traffic.gone(), (5, 7)), (5, 7));
        // Taken out of the table, and not settled yet.
        assert_eq!(traffic.messages(traffic.gone(), (2, 3)), (5, 7));
        traffic.settle(3, 4);
        assert_eq!(traffic.messages(traffic.gone(), (2, 4)), (5, 8));
    }
}
