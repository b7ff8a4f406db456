//! How a peer writes its packets: what its first request settles, and the session's core does not know.
//!
//! Spec: engine.md, sections 3 and 4.7.

use sockeye_engine_proto::session::Pinger;

/// How a peer writes its packets, and wants to read ours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Dialect {
    /// It speaks protocol 3, not 4.
    pub(crate) is_v3: bool,
    /// It asked for base64 instead of binary.
    pub(crate) base64: bool,
    /// It polls by scripts and forms, and this is the number of its callback.
    pub(crate) jsonp: Option<u32>,
}

impl Dialect {
    pub(crate) fn pinger(self) -> Pinger {
        if self.is_v3 { Pinger::Client } else { Pinger::Server }
    }
}
