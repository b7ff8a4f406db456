//! Why a client's socket disconnected, as the client sees it.

use std::fmt;

/// Why a socket disconnected, as its client sees it and in the words of the official one.
///
/// It compares with those words: `assert_eq!(bob.disconnected().await, "io server disconnect")`. A client does
/// not learn why a server closed its connection; the server's own reason, such as `ping timeout`, is told to
/// its disconnect handlers.
///
/// Spec: `spec/socketio.md` 5.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// `io server disconnect`: the server made the socket leave its namespace.
    ServerDisconnect,
    /// `io client disconnect`: [`Client::disconnect`](crate::Client::disconnect) was called.
    ClientDisconnect,
    /// `transport close`: the connection ended, or was cut.
    TransportClose,
    /// `transport error`: a request was answered with an error.
    TransportError,
    /// `parse error`: the server sent what is no packet to the official client.
    ParseError,
}

impl Reason {
    /// The official client's own words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::ServerDisconnect => "io server disconnect",
            Reason::ClientDisconnect => "io client disconnect",
            Reason::TransportClose => "transport close",
            Reason::TransportError => "transport error",
            Reason::ParseError => "parse error",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Reason {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Reason {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}
