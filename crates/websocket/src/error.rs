//! What a peer can do wrong in a frame, and the close code that each deserves.

use crate::close::CloseCode;

/// Why bytes from the peer end the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set that means nothing there: on the first frame of a message RSV1 does, where
    /// [compression](crate::deflate) was agreed on.
    #[error("reserved bits {found:#05b} are set, and mean nothing here")]
    ReservedBits {
        /// The three bits, RSV1 first.
        found: u8,
    },
    /// An opcode of 3-7 or 11-15.
    #[error("opcode {found:#x} is reserved")]
    ReservedOpcode {
        /// The opcode.
        found: u8,
    },
    /// A close, ping or pong without the final bit.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A close, ping or pong of more than 125 bytes, or with its length in the long form.
    #[error("a control frame has more than 125 bytes")]
    ControlTooLong,
    /// A client's frame is not masked.
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A server's frame is masked.
    #[error("a server's frame is masked")]
    Masked,
    /// A length of 2^63 or more.
    #[error("the highest bit of a frame's length is set")]
    LengthOverflow,
    /// A continuation, and no message to continue.
    #[error("a continuation frame came while no message was unfinished")]
    UnexpectedContinuation,
    /// A new message, and the one before it is not finished.
    #[error("a new message came inside an unfinished one")]
    UnfinishedMessage,
    /// A message, all its fragments together, is over [`Limits::max_message`](crate::limits::Limits).
    #[error("a message of at least {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Bytes announced so far, or inflated.
        size: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A message in more frames than [`Limits::max_fragments`](crate::limits::Limits).
    #[error("a message has more than {limit} fragments")]
    TooManyFragments {
        /// Frames allowed.
        limit: usize,
    },
    /// A text message that is not UTF-8.
    #[error("a text message is not UTF-8")]
    InvalidText,
    /// A compressed message that is no DEFLATE stream, or not a whole one.
    #[error("a compressed message is no whole DEFLATE stream")]
    InvalidDeflate,
    /// A close frame of one byte: a status has two.
    #[error("a close frame has one byte, expected none or at least two")]
    TruncatedCloseCode,
    /// A close frame with a status that may not be sent.
    #[error("close code {found} may not be sent")]
    InvalidCloseCode {
        /// The status.
        found: u16,
    },
    /// A close frame whose reason is not UTF-8.
    #[error("the reason of a close frame is not UTF-8")]
    InvalidCloseReason,
}

impl ProtocolError {
    /// The status to close the connection with.
    ///
    /// Spec: RFC 6455, section 7.4.1.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::TooLarge { .. } => CloseCode::TOO_LARGE,
            Self::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            Self::InvalidText | Self::InvalidDeflate | Self::InvalidCloseReason => CloseCode::INVALID_DATA,
            Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::Unmasked
            | Self::Masked
            | Self::LengthOverflow
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode { .. } => CloseCode::PROTOCOL_ERROR,
        }
    }
}
