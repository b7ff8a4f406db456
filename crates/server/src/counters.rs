//! What a server has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_socket_proto::limits::PacketLimit;
use sockeye_socket_proto::reason::DisconnectReason;

/// Counts that only grow.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: Count,
    pub(crate) unhandled: Count,
    pub(crate) sent: Count,
    pub(crate) broadcasts: FanOutTally,
    pub(crate) acks_sent: Count,
    pub(crate) acks_received: Count,
    pub(crate) ack_timeouts: Count,
    pub(crate) acks_refused: Count,
    pub(crate) wrong_arguments: Count,
    pub(crate) errors: Count,
    pub(crate) panics: Count,
    /// In the order of `NotAdmitted::ALL`.
    pub(crate) refused: [Count; NotAdmitted::ALL.len()],
    pub(crate) joined: Count,
    /// In the order of `DisconnectReason::ALL`.
    pub(crate) left: [Count; DisconnectReason::ALL.len()],
    pub(crate) recovered: Count,
    /// In the order of `Unrecovered::ALL`.
    pub(crate) unrecovered: [Count; 3],
    pub(crate) undecodable: Count,
    /// In the order of `PacketLimit::ALL`.
    pub(crate) packet_limits: [Count; PacketLimit::ALL.len()],
    pub(crate) rooms_refused: Count,
    pub(crate) violations: Count,
}

/// Why a peer did not join the namespace that it asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotAdmitted {
    /// A middleware or the connection handler said no, or could not read its arguments.
    Application,
    NoNamespace,
    TooManyNamespaces,
    TooMuchAuth,
}

impl NotAdmitted {
    pub(crate) const ALL: [NotAdmitted; 4] = [
        NotAdmitted::Application,
        NotAdmitted::NoNamespace,
        NotAdmitted::TooManyNamespaces,
        NotAdmitted::TooMuchAuth,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            NotAdmitted::Application => "application",
            NotAdmitted::NoNamespace => "no namespace",
            NotAdmitted::TooManyNamespaces => "too many namespaces",
            NotAdmitted::TooMuchAuth => "too much auth",
        }
    }
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

/// Broadcasts by how many they were for.
#[derive(Debug, Default)]
pub(crate) struct FanOutTally {
    buckets: [Count; FanOut::BOUNDS.len() + 1],
    receivers: AtomicU64,
}

impl FanOutTally {
    pub(crate) fn count(&self, receivers: usize) {
        let powers =
            receivers.checked_sub(1).map_or(0, |less| less.checked_ilog10().map_or(0, |log| log + 1));
        self.buckets[(powers as usize).min(FanOut::BOUNDS.len())].add_one();
        self.receivers.fetch_add(receivers as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> FanOut {
        let mut buckets = [0; FanOut::BOUNDS.len() + 1];
        buckets.iter_mut().zip(&self.buckets).for_each(|(bucket, count)| *bucket = count.get());
        FanOut { buckets, receivers: self.receivers.load(Ordering::Relaxed) }
    }
}

/// Broadcasts by how many sockets of this server each was for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FanOut {
    /// How many broadcasts had at most so many receivers, and more than the bound before: one for each of
    /// [`BOUNDS`](FanOut::BOUNDS), and one for those above the last.
    pub buckets: [u64; FanOut::BOUNDS.len() + 1],
    /// The receivers of all of them together.
    pub receivers: u64,
}

impl FanOut {
    /// The bounds between buckets, each with the smaller ones.
    pub const BOUNDS: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

    /// How many broadcasts there were.
    #[must_use]
    pub fn broadcasts(&self) -> u64 {
        self.buckets.iter().sum()
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
    /// The same by how many sockets each was for.
    pub fan_out: FanOut,
    /// Acknowledgements that went out.
    pub acks_sent: u64,
    /// Acknowledgements that came and were waited for.
    pub acks_received: u64,
    /// Acknowledgements that did not come in time.
    pub ack_timeouts: u64,
    /// Acknowledgements that were not asked for, since their socket owed as many as it may.
    pub acks_refused: u64,
    /// Events whose handler did not run, since an argument was missing or of another type.
    pub wrong_arguments: u64,
    /// Handlers that returned an error.
    pub errors: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// CONNECTs that were refused, by cause: `application` (a middleware or the connection handler said no), `no namespace`,
    /// `too many namespaces`, `too much auth`.
    pub refused: Vec<(&'static str, u64)>,
    /// Sockets that joined a namespace, those that came back included.
    pub joined: u64,
    /// Sockets that left their namespace, by reason.
    pub left: Vec<(&'static str, u64)>,
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
    /// Requests and connections that were ended for what HTTP may take, by limit: `head bytes`, `head time`, `body bytes`, `body
    /// time`, `answer time`, `proxy header`.
    pub over_limit: Vec<(&'static str, u64)>,
    /// Times that a peer had said half of what it may at once.
    pub loud: u64,
    /// Bytes that are held for peers, as of the last second.
    pub held: usize,
    /// Events that were dropped since a peer was slow, by rule: `drop oldest`, `keep latest`.
    pub dropped: Vec<(&'static str, u64)>,
    /// Connections closed since what came was no packet.
    pub undecodable: u64,
    /// Connections closed since a packet was more than one may be, by limit: `depth`, `attachments`, `bytes`, `time`.
    pub packet_limits: Vec<(&'static str, u64)>,
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
    /// Streams that came back and went on where they were cut.
    pub resumed: u64,
    /// Requests answered with an Engine.IO error.
    pub requests_refused: u64,
    /// Of those the ones of foreign origins: see [`Builder::origins`](crate::server::Builder::origins).
    pub foreign_origins: u64,
    /// The same by code and cause: see [`refusals`](sockeye_engine::counters::Counters::refusals).
    pub refusals: Vec<(u8, &'static str, u64)>,
    /// Bytes that came, by technique: see [`Traffic`](sockeye_engine::traffic::Traffic).
    pub bytes_received: Vec<(&'static str, u64)>,
    /// Bytes that left, by technique.
    pub bytes_sent: Vec<(&'static str, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_stands_under_the_smallest_bound_that_is_not_below_it() {
        let tally = FanOutTally::default();
        for receivers in
            [0, 1, 2, 10, 11, 100, 101, 1_000, 1_001, 10_000, 10_001, 100_000, 100_001, 5_000_000]
        {
            tally.count(receivers);
        }
        let fan_out = tally.get();
        assert_eq!(fan_out.buckets, [2; 7]);
        assert_eq!((fan_out.broadcasts(), fan_out.receivers), (14, 5_222_228));
    }
}
