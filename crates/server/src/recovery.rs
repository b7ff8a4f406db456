//! Connection state recovery: a peer that was cut comes back as the socket that it was, and misses nothing.
//!
//! ```text
//! emit ─▶ log: number, event, audience ─▶ the same event, with its number as one more argument, to those meant
//! cut  ─▶ saved: rooms, data, what is known to have arrived
//! CONNECT {pid, offset} ─▶ saved? log long enough? ─▶ CONNECT with the same sid and pid, then what it missed
//! ```
//! While an event is numbered and queued for its audience nothing else is emitted in its namespace, so a number says of
//! each peer what it has been sent. Events that ask for an acknowledgement have no number, and are never sent again.
//!
//! Spec: `spec/socketio.md` 7; what the original gets wrong on the same wire is mended.

use std::fmt;
use std::time::Duration;

pub(crate) mod comeback;
pub(crate) mod cut;
pub(crate) mod keeper;
pub(crate) mod log;
pub(crate) mod numbered;
pub(crate) mod saved;

/// What a server that recovers connections is told. The default recovers whoever the original recovers, for as long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recovery {
    /// How long after a cut a peer may come back. Default 2 min. Events are kept for as long.
    pub max_disconnection_duration: Duration,
    /// Whether the namespace's middlewares are skipped for a peer that is recovered. Default true, as in the original; a
    /// peer that was refused meanwhile then comes in again.
    pub skip_middlewares: bool,
    /// Whether a peer is recovered that has heard no event yet. Default true; the original cannot, since such a peer names
    /// no offset.
    pub before_first_event: bool,
    /// Bytes of events that each namespace keeps, with what it takes to keep them. Default 8 MiB. Beyond it the oldest
    /// go, and who missed one of them is not recovered.
    pub log_bytes: usize,
    /// The same, for all namespaces of the server together. Default 256 MiB. Beyond it a namespace in which something is
    /// emitted lets go of its own.
    pub log_bytes_of_all: usize,
    /// Peers of each namespace whose state is kept after a cut. Default 100,000. Beyond it the oldest go.
    pub sessions: usize,
}

impl Default for Recovery {
    fn default() -> Recovery {
        Recovery {
            max_disconnection_duration: Duration::from_secs(120),
            skip_middlewares: true,
            before_first_event: true,
            log_bytes: 8 * 1024 * 1024,
            log_bytes_of_all: 256 * 1024 * 1024,
            sessions: 100_000,
        }
    }
}

/// Why a peer that asked for its old state got a new one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Unrecovered {
    /// It came back too late.
    Expired,
    /// Some of what it missed is no longer kept.
    LogTooShort,
    /// Its `pid` is of nobody who was cut here, or was used already, or its `offset` is none of ours.
    Unknown,
}

impl Unrecovered {
    /// Every cause, for tables of counters.
    pub const ALL: [Unrecovered; 3] = [Unrecovered::Expired, Unrecovered::LogTooShort, Unrecovered::Unknown];

    /// The cause in a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Unrecovered::Expired => "expired",
            Unrecovered::LogTooShort => "log too short",
            Unrecovered::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Unrecovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
