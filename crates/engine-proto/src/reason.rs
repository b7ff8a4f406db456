//! Why a session ended.

use std::fmt;

/// Why a session closed, printed in the protocol's own words.
///
/// Spec: Engine.IO v4 and the reference server. Those for what a peer does beyond its limits are ours.
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
    /// A packet of the peer's was more than a packet may be: nested too deep, or with attachments that were too large or did
    /// not come in time.
    PacketLimit,
    /// The peer opened a session, and did not say in time what for.
    ConnectTimeout,
}

impl CloseReason {
    /// Every reason, for tables of counters.
    pub const ALL: [CloseReason; 11] = [
        CloseReason::TransportClose,
        CloseReason::TransportError,
        CloseReason::PingTimeout,
        CloseReason::ParseError,
        CloseReason::ForcedClose,
        CloseReason::ServerShuttingDown,
        CloseReason::SlowReader,
        CloseReason::RateLimit,
        CloseReason::MemoryBudget,
        CloseReason::PacketLimit,
        CloseReason::ConnectTimeout,
    ];

    /// Whether what waits for the peer is thrown away: it is why the session closes.
    #[must_use]
    pub const fn is_abrupt(self) -> bool {
        matches!(self, CloseReason::SlowReader | CloseReason::MemoryBudget)
    }

    /// Whether the peer is told by name: on a WebSocket in a Close frame with status 1008, else behind the `1` of the packet
    /// that closes. So it is where the reference has no such limit; where it has one, it closes in silence, and so do we.
    #[must_use]
    pub const fn is_told(self) -> bool {
        matches!(self, CloseReason::SlowReader | CloseReason::RateLimit | CloseReason::MemoryBudget)
    }

    /// The text of the packet that tells the peer: `1`, and the reason where it [is told](CloseReason::is_told).
    #[must_use]
    pub fn packet(self) -> String {
        format!("1{}", if self.is_told() { self.as_str() } else { "" })
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
            CloseReason::PacketLimit => "packet limit",
            CloseReason::ConnectTimeout => "connect timeout",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
