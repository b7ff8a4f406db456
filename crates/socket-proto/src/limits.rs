//! What one packet from a peer may be.

/// The deepest nesting that can be asked for with [`Limits::depth`].
///
/// Values are built by recursion, one level a step; this many fit on the stack of a worker thread.
pub const MAX_DEPTH: u16 = 512;

/// What one packet from a peer may be; beyond it the connection closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How many arrays and objects may be open at once in the JSON, the payload itself included.
    ///
    /// Default 128, at most [`MAX_DEPTH`]; beyond it [`TooDeep`](crate::error::DecodeError::TooDeep). It is counted
    /// before any value is built.
    pub depth: u16,
    /// How many attachments one packet may have.
    ///
    /// Default 10, as in the original; beyond it
    /// [`TooManyAttachments`](crate::error::DecodeError::TooManyAttachments). A packet of another
    /// [parser](crate::parser::Parser), which has its bytes inside of it, may have any number.
    pub attachments: u32,
    /// How many bytes one packet and its attachments may have together, an attachment counted as often as
    /// placeholders name it.
    ///
    /// Default 1,000,000, the engine's own limit for one message; beyond it
    /// [`TooLarge`](crate::error::DecodeError::TooLarge). Never more than 4 GiB.
    ///
    /// What another [parser](crate::parser::Parser) makes of a message may have eight times as many, an attachment
    /// counted as 64 bytes at least: few values are so much longer in JSON, and thousands of tiny attachments take more
    /// memory than they have bytes.
    pub packet_bytes: usize,
}

/// Which of the limits of a packet was not held.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PacketLimit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::attachments`].
    Attachments,
    /// [`Limits::packet_bytes`].
    Bytes,
    /// The time that attachments have to come, which is their receiver's to say.
    Time,
}

impl PacketLimit {
    /// Every limit, for tables of counters.
    pub const ALL: [PacketLimit; 4] =
        [PacketLimit::Depth, PacketLimit::Attachments, PacketLimit::Bytes, PacketLimit::Time];

    /// Its name: `depth`, `attachments`, `bytes` or `time`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PacketLimit::Depth => "depth",
            PacketLimit::Attachments => "attachments",
            PacketLimit::Bytes => "bytes",
            PacketLimit::Time => "time",
        }
    }
}

/// How many times `packet_bytes` a packet of another format may have.
const GROWTH: usize = 8;

impl Limits {
    /// How many bytes the text and the attachments may have that are made of a packet of another format.
    pub(crate) fn grown_bytes(&self) -> usize {
        self.packet_bytes.saturating_mul(GROWTH).min(u32::MAX as usize)
    }
}

impl Limits {
    /// What one of our own packets may be, when it is read again: as deep as values can be built, and of any size.
    pub const OURS: Limits = Limits { depth: MAX_DEPTH, attachments: u32::MAX, packet_bytes: usize::MAX };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 128, attachments: 10, packet_bytes: 1_000_000 }
    }
}
