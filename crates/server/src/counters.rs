//! What a server has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: Count,
    pub(crate) unhandled: Count,
    pub(crate) sent: Count,
    pub(crate) broadcasts: Count,
    pub(crate) acks_sent: Count,
    pub(crate) acks_received: Count,
    pub(crate) ack_timeouts: Count,
    pub(crate) wrong_arguments: Count,
    pub(crate) errors: Count,
    pub(crate) panics: Count,
    pub(crate) refused: Count,
    pub(crate) recovered: Count,
    /// In the order of `Unrecovered::ALL`.
    pub(crate) unrecovered: [Count; 3],
    pub(crate) undecodable: Count,
    pub(crate) rooms_refused: Count,
    pub(crate) violations: Count,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a server has done since it was built, as it was at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// Events that came, for whom a handler stood or not.
    pub events: u64,
    /// Events that no handler was registered for. They were dropped.
    pub unhandled: u64,
    /// Events emitted to one socket.
    pub sent: u64,
    /// Events emitted to many, each counted once.
    pub broadcasts: u64,
    /// Acknowledgements that went out.
    pub acks_sent: u64,
    /// Acknowledgements that came and were waited for.
    pub acks_received: u64,
    /// Acknowledgements that did not come in time.
    pub ack_timeouts: u64,
    /// Events whose handler did not run, since an argument was missing or of another type.
    pub wrong_arguments: u64,
    /// Handlers that returned an error.
    pub errors: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// CONNECTs that were refused, by a middleware or since there is no such namespace.
    pub refused: u64,
    /// Sockets that came back as what they were before a cut.
    pub recovered: u64,
    /// Sockets that asked for that and were not, by cause: `expired`, `log too short`, `unknown`.
    pub unrecovered: Vec<(&'static str, u64)>,
    /// Rooms that a socket did not join, since it is in as many as it may be.
    pub rooms_refused: u64,
    /// Connections that have not joined a namespace yet, now.
    pub unjoined: usize,
    /// Sessions that were not opened since there was too much of something, by what: `TOO_MANY_SESSIONS` and its like.
    pub busy: Vec<(&'static str, u64)>,
    /// Connections that the accept loop closed at once, since there were too many.
    pub turned_away: u64,
    /// Times that a peer had said half of what it may at once.
    pub loud: u64,
    /// Bytes that are held for peers, as of the last second.
    pub held: usize,
    /// Connections closed since what came was no packet.
    pub undecodable: u64,
    /// Connections closed since a packet came that is not allowed in their state.
    pub violations: u64,
    /// How many sockets each namespace has now, in the order in which the namespaces were made.
    pub connected: Vec<(String, usize)>,
    /// How many sessions there are now, with or without sockets.
    pub sessions: usize,
    /// Sessions opened so far, by technique.
    pub opened: Vec<(&'static str, u64)>,
    /// Sessions closed so far, by reason.
    pub closed: Vec<(&'static str, u64)>,
    /// Sessions that moved to a better technique.
    pub upgraded: u64,
    /// Requests answered with an Engine.IO error.
    pub requests_refused: u64,
    /// Of those the ones of foreign origins: see [`Builder::origins`](crate::server::Builder::origins).
    pub foreign_origins: u64,
}
