//! Why something is not a packet, why it cannot become one, and why an argument is not what was asked for.

use crate::limits::PacketLimit;

/// Why what the peer sent is not a packet.
///
/// Each of these ends the connection: after one of them nobody knows where the next packet begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A text message without one character. The original takes it for CONNECT; `spec/socketio.md` 2 does not.
    #[error("empty packet, expected a type")]
    Empty,
    /// The first character is no packet type.
    #[error("unknown packet type {found:?}, expected a digit 0-6")]
    UnknownType {
        /// The character found.
        found: char,
    },
    /// A binary packet does not begin with its number of attachments: decimal digits, at least 1, and `-`.
    #[error("illegal attachments, expected a count of 1 or more and a dash")]
    AttachmentCount,
    /// A binary packet announces more attachments than [`Limits::attachments`](crate::limits::Limits::attachments).
    #[error("too many attachments, the limit is {limit}")]
    TooManyAttachments {
        /// How many are allowed.
        limit: u32,
    },
    /// An ack id beyond 64 bits.
    #[error("an ack id is beyond 64 bits")]
    AckId,
    /// What follows the header is not JSON.
    #[error("invalid payload, not JSON at byte {at}")]
    Json {
        /// Where in the message the first byte stands that cannot be.
        at: usize,
    },
    /// The JSON is nested deeper than [`Limits::depth`](crate::limits::Limits::depth).
    #[error("invalid payload, nested deeper than {limit} levels")]
    TooDeep {
        /// How many levels are allowed.
        limit: u16,
    },
    /// The JSON is not what this type of packet carries.
    #[error("invalid payload, expected {expected}")]
    Payload {
        /// What it should have been.
        expected: &'static str,
    },
    /// An event carries one of the [reserved names](crate::packet::RESERVED_EVENTS).
    #[error("invalid payload, the event has a reserved name")]
    ReservedEvent,
    /// A text message came while attachments of the last packet are missing.
    #[error("got text while {missing} attachments are missing")]
    UnexpectedText {
        /// How many are missing.
        missing: u32,
    },
    /// A binary message came, and no packet announced it.
    #[error("got binary without a packet that announced it")]
    UnexpectedBinary,
    /// Attachments of a packet did not come in time, which is their receiver's to say: see
    /// [`Assembly::is_waiting`](crate::assembly::Assembly::is_waiting).
    #[error("an attachment did not come in time")]
    Late,
    /// A placeholder names an attachment that is not there.
    #[error("illegal attachments, a placeholder names none of the {attachments} that came")]
    Placeholder {
        /// How many attachments came.
        attachments: u32,
    },
    /// The message is not in the format that a [`Parser`](crate::parser::Parser) reads.
    #[error("not a packet, expected {expected}")]
    Format {
        /// What it should have been.
        expected: &'static str,
    },
    /// The message has bytes that its format does not have, or too many, or too few.
    #[error("not a packet, malformed at byte {at}")]
    Malformed {
        /// Where in the message the first byte stands that cannot be.
        at: usize,
    },
    /// A part of the packet is missing, or is not what it must be.
    #[error("invalid {part}, expected {expected}")]
    Part {
        /// Which part: `packet type`, `namespace` or `packet id`.
        part: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// A packet with its attachments, each counted as often as it is named, is over the limit.
    #[error("a packet of at least {size} bytes with its attachments is over the limit of {limit}")]
    TooLarge {
        /// Bytes counted so far.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl DecodeError {
    /// Which limit it is about, if it is about one. Else what came is no packet, whatever the limits.
    #[must_use]
    pub const fn limit(&self) -> Option<PacketLimit> {
        match self {
            DecodeError::TooManyAttachments { .. } => Some(PacketLimit::Attachments),
            DecodeError::TooDeep { .. } => Some(PacketLimit::Depth),
            DecodeError::TooLarge { .. } => Some(PacketLimit::Bytes),
            DecodeError::Late => Some(PacketLimit::Time),
            _ => None,
        }
    }
}

/// Why a packet could not be encoded. The fault is our caller's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event has one of the [reserved names](crate::packet::RESERVED_EVENTS).
    #[error("{name:?} is a reserved event name")]
    ReservedEvent {
        /// The name.
        name: String,
    },
    /// An object with `"_placeholder":true` that is not ours stands in a packet with attachments. Its receiver
    /// would take it for an attachment, or close the connection.
    #[error("an object looks like the placeholder of an attachment")]
    Placeholder,
    /// The packet has no payload, and its format knows no such packet of this kind.
    #[error("no payload, expected {expected}")]
    NoPayload {
        /// What it should have been.
        expected: &'static str,
    },
    /// An argument refused to be serialized, or is nothing that the format can say.
    #[error("an argument cannot be serialized: {message}")]
    Argument {
        /// In the words of who refused.
        message: String,
    },
}

/// Why an argument is not what the handler asked for. It concerns this one event, never the connection.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("argument {position}: {cause}")]
pub struct ArgumentError {
    /// Which argument, counted from 0 behind the event's name.
    pub position: usize,
    /// What is wrong with it.
    pub cause: ArgumentCause,
}

/// What is wrong with an argument.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentCause {
    /// It did not come, and its type does not say that it may be absent.
    #[error("missing")]
    Missing,
    /// It came, and its type cannot hold it.
    #[error("{0}")]
    Type(Box<str>),
}
