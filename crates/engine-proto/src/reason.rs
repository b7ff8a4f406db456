//! Why a session ended.

use std::fmt;

/// Why a session closed, printed in the protocol's own words.
///
/// Spec: Engine.IO v4 and the reference server; `slow reader`, `rate limit` and `memory budget` are ours.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed, or its connection ended.
    TransportClose,
    /// The peer misused the transport, or the transport failed.
    TransportError,
    /// The peer did not answer a ping in time.
    PingTimeout,
    /// What came was no Engine.IO packet.
    ParseError,
    /// This side closed.
    ForcedClose,
    /// The server is going down.
    ServerShuttingDown,
    /// The peer reads too slowly: more waits for it than a queue may hold.
    SlowReader,
    /// The peer says more than it may.
    RateLimit,
    /// The process holds more than it may, and this session most of it.
    MemoryBudget,
}

impl CloseReason {
    /// Every reason, for tables of counters.
    pub const ALL: [CloseReason; 9] = [
        CloseReason::TransportClose,
        CloseReason::TransportError,
        CloseReason::PingTimeout,
        CloseReason::ParseError,
        CloseReason::ForcedClose,
        CloseReason::ServerShuttingDown,
        CloseReason::SlowReader,
        CloseReason::RateLimit,
        CloseReason::MemoryBudget,
    ];

    /// Whether what waits for the peer is thrown away: it is why the session closes.
    #[must_use]
    pub const fn is_abrupt(self) -> bool {
        matches!(self, CloseReason::SlowReader | CloseReason::MemoryBudget)
    }

    /// The protocol's own string.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CloseReason::TransportClose => "transport close",
            CloseReason::TransportError => "transport error",
            CloseReason::PingTimeout => "ping timeout",
            CloseReason::ParseError => "parse error",
            CloseReason::ForcedClose => "forced close",
            CloseReason::ServerShuttingDown => "server shutting down",
            CloseReason::SlowReader => "slow reader",
            CloseReason::RateLimit => "rate limit",
            CloseReason::MemoryBudget => "memory budget",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
