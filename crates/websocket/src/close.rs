//! How a connection says that it ends, and why.
//!
//! Spec: RFC 6455, sections 5.5.1 and 7.4.

use std::fmt;

/// A status that may stand in a close frame.
///
/// The numbers that only describe an end locally (1005 for "no status came", 1006 for "no close frame came",
/// 1015 for a failed TLS handshake) cannot be made into one, and neither can the unassigned.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server shuts down, or the page was left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint does not take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that contradicts its type, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a message against this endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too large to process.
    pub const TOO_LARGE: Self = Self(1009);
    /// 1010: the client needed an extension that the server did not grant.
    pub const EXTENSION_REQUIRED: Self = Self(1010);
    /// 1011: the server met a condition that keeps it from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded, the client may come again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got no valid answer from its own server.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code of this number, where it may be sent: 1000-1003, 1007-1014 and 3000-4999.
    ///
    /// 1012-1014 came to the IANA registry after RFC 6455 and are sent by proxies in use.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.value()
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What stands in a close frame that is not empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Close<'b> {
    /// Why the connection ends.
    pub code: CloseCode,
    /// For people who read logs; often empty. At most 123 bytes fit.
    pub reason: &'b str,
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn exactly_the_codes_that_may_be_sent_can_be_made() {
        for code in 0..=u16::MAX {
            let allowed = match code {
                1004..=1006 | 1015 => false,
                1000..=1014 => true,
                _ => (3000..5000).contains(&code),
            };
            assert_eq!(CloseCode::new(code).map(CloseCode::value), allowed.then_some(code));
        }
    }
}
