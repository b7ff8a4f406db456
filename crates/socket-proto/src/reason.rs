//! Why a socket left its namespace.

use std::fmt;

use sockeye_engine_proto::reason::CloseReason;

/// Why a socket disconnected, printed in the protocol's own words: what a server's `disconnect` handlers see.
///
/// Spec: `spec/socketio.md` 5. Those for what a peer does beyond its limits are ours.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The peer left the namespace; its connection may go on.
    ClientNamespaceDisconnect,
    /// This side made the peer leave the namespace.
    ServerNamespaceDisconnect,
    /// The server is going down.
    ServerShuttingDown,
    /// The peer closed, or its connection ended.
    TransportClose,
    /// The peer misused the transport, or the transport failed.
    TransportError,
    /// The peer did not answer a ping in time.
    PingTimeout,
    /// What came was no Engine.IO packet.
    ParseError,
    /// This side closed, mostly since what came was no Socket.IO packet, or not allowed in this state.
    ForcedClose,
    /// The same, in a moment when a polling peer had no request waiting that could be answered.
    ForcedServerClose,
    /// The peer reads too slowly: more waits for it than a queue may hold.
    SlowReader,
    /// The peer says more than it may.
    RateLimit,
    /// The process holds more than it may, and this connection most of it.
    MemoryBudget,
    /// A packet of the peer's was more than a packet may be: see [`Limits`](crate::limits::Limits). Too many attachments are
    /// a [forced close](DisconnectReason::ForcedClose), as in the original.
    PacketLimit,
    /// The peer joined no namespace in time. No socket leaves for it: there was none.
    ConnectTimeout,
}

impl DisconnectReason {
    /// Every reason, for tables of counters.
    pub const ALL: [DisconnectReason; 14] = [
        DisconnectReason::ClientNamespaceDisconnect,
        DisconnectReason::ServerNamespaceDisconnect,
        DisconnectReason::ServerShuttingDown,
        DisconnectReason::TransportClose,
        DisconnectReason::TransportError,
        DisconnectReason::PingTimeout,
        DisconnectReason::ParseError,
        DisconnectReason::ForcedClose,
        DisconnectReason::ForcedServerClose,
        DisconnectReason::SlowReader,
        DisconnectReason::RateLimit,
        DisconnectReason::MemoryBudget,
        DisconnectReason::PacketLimit,
        DisconnectReason::ConnectTimeout,
    ];

    /// The protocol's own string.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DisconnectReason::ClientNamespaceDisconnect => "client namespace disconnect",
            DisconnectReason::ServerNamespaceDisconnect => "server namespace disconnect",
            DisconnectReason::ServerShuttingDown => "server shutting down",
            DisconnectReason::TransportClose => "transport close",
            DisconnectReason::TransportError => "transport error",
            DisconnectReason::PingTimeout => "ping timeout",
            DisconnectReason::ParseError => "parse error",
            DisconnectReason::ForcedClose => "forced close",
            DisconnectReason::ForcedServerClose => "forced server close",
            DisconnectReason::SlowReader => "slow reader",
            DisconnectReason::RateLimit => "rate limit",
            DisconnectReason::MemoryBudget => "memory budget",
            DisconnectReason::PacketLimit => "packet limit",
            DisconnectReason::ConnectTimeout => "connect timeout",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The session ended, and all its sockets with it.
impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> DisconnectReason {
        match reason {
            CloseReason::TransportClose => DisconnectReason::TransportClose,
            CloseReason::TransportError => DisconnectReason::TransportError,
            CloseReason::PingTimeout => DisconnectReason::PingTimeout,
            CloseReason::ParseError => DisconnectReason::ParseError,
            CloseReason::ServerShuttingDown => DisconnectReason::ServerShuttingDown,
            CloseReason::SlowReader => DisconnectReason::SlowReader,
            CloseReason::RateLimit => DisconnectReason::RateLimit,
            CloseReason::MemoryBudget => DisconnectReason::MemoryBudget,
            CloseReason::PacketLimit => DisconnectReason::PacketLimit,
            CloseReason::ConnectTimeout => DisconnectReason::ConnectTimeout,
            // A reason that is new there and not yet named here: this side closed.
            CloseReason::ForcedClose | _ => DisconnectReason::ForcedClose,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_reason_keeps_its_words() {
        for reason in CloseReason::ALL {
            assert_eq!(DisconnectReason::from(reason).to_string(), reason.to_string());
        }
    }
}
