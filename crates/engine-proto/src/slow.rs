//! What becomes of events for a peer that reads more slowly than they come.
//!
//! The queue does not know what an event is: whoever makes frames [marks](crate::frame::Frame::marked) those that may be
//! dropped. A frame without a mark is never dropped.

/// What becomes of events for a peer that reads more slowly than they come.
///
/// What leaves keeps its order, whatever is dropped in between.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum WhenSlow {
    /// All of them wait. A peer for whom too much waits is closed: `slow reader`.
    #[default]
    Close,
    /// When more than the soft limit would wait, the oldest events that wait under this rule are dropped, until the new one
    /// has room. One for which there is none, since the hard limit is full of what is not to be dropped, is dropped itself.
    DropOldest,
    /// Of the events of one key only the latest waits: whatever waits of an older one is dropped, however little it is. All
    /// keys together are held to the limits, as if the rule were [`Close`](WhenSlow::Close).
    KeepLatest,
}

impl WhenSlow {
    /// Every rule, for tables of counters.
    pub const ALL: [WhenSlow; 3] = [WhenSlow::Close, WhenSlow::DropOldest, WhenSlow::KeepLatest];

    /// Those by which something may be dropped.
    pub const DROPPING: [WhenSlow; 2] = [WhenSlow::DropOldest, WhenSlow::KeepLatest];

    /// Its name: `close`, `drop oldest` or `keep latest`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            WhenSlow::Close => "close",
            WhenSlow::DropOldest => "drop oldest",
            WhenSlow::KeepLatest => "keep latest",
        }
    }
}

/// What is said of a packet that may be dropped while it waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The rule that goes with the packet. Without one, that of its channel holds, which each receiver has of its own.
    pub rule: Option<WhenSlow>,
    /// Whose packet it is, among the users of one session.
    pub channel: u16,
    /// What it is about: packets of one key of one session replace each other under [`WhenSlow::KeepLatest`].
    pub key: u64,
}
