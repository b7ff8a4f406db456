//! What an Engine.IO wire carries: packets, and the messages inside them.
//!
//! Knows no framing: how packets are joined in a body or a stream stands under [`wire`](crate::wire), and how protocol 3
//! writes them in [`wire::v3`](crate::wire::v3).
//!
//! Spec: Engine.IO v4, "Packet types".

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What the application sent or receives: all that Engine.IO carries for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message<'p> {
    /// Text.
    Text(&'p str),
    /// Bytes.
    Binary(&'p [u8]),
}

impl Message<'_> {
    /// Bytes of text or binary, without packet type and framing.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is not one byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One packet, borrowed from the bytes it was decoded from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Packet<'p> {
    /// `0`: the handshake, from the server.
    Open(&'p str),
    /// `1`: asks to close the transport.
    Close,
    /// `2`: a heartbeat from whoever pings, or `2probe` from a client on a new transport.
    Ping(&'p str),
    /// `3`: the answer to a ping, with its data.
    Pong(&'p str),
    /// `4` or a binary frame: what the application sent.
    Message(Message<'p>),
    /// `5`: from here on this transport carries the session.
    Upgrade,
    /// `6`: nothing; it releases a waiting poll.
    Noop,
}

/// Why bytes from the peer are not a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is not one byte.
    #[error("empty packet, expected a type")]
    Empty,
    /// The first byte is no packet type.
    #[error("unknown packet type {found:#04x}, expected a digit 0-6 or b")]
    UnknownType {
        /// The byte found.
        found: u8,
    },
    /// What follows `b` is not base64.
    #[error("a binary packet is not base64")]
    Base64,
    /// The length in front of a packet of protocol 3 is no number, or not the packet's.
    #[error("a packet's length is not what it says")]
    Length,
    /// A text packet in a binary payload of protocol 3 is not UTF-8.
    #[error("a text packet is not UTF-8")]
    NotText,
}

impl<'p> Packet<'p> {
    /// Decodes a packet that came as text: a type digit and its data.
    ///
    /// A binary message (`b` and base64) cannot be borrowed from text: see [`Decoded`].
    ///
    /// # Errors
    /// [`DecodeError::Empty`] and [`DecodeError::UnknownType`].
    pub fn decode_text(text: &'p str) -> Result<Packet<'p>, DecodeError> {
        let Some(&first) = text.as_bytes().first() else { return Err(DecodeError::Empty) };
        let packet = match first {
            b'0' => Packet::Open(&text[1..]),
            b'1' => Packet::Close,
            b'2' => Packet::Ping(&text[1..]),
            b'3' => Packet::Pong(&text[1..]),
            b'4' => Packet::Message(Message::Text(&text[1..])),
            b'5' => Packet::Upgrade,
            b'6' => Packet::Noop,
            found => return Err(DecodeError::UnknownType { found }),
        };
        Ok(packet)
    }
}

/// A packet that came as text and may have to own its bytes, since they were base64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decoded<'p> {
    /// Everything but a base64 message.
    Packet(Packet<'p>),
    /// The bytes of a `b…` packet.
    Binary(Vec<u8>),
}

impl<'p> Decoded<'p> {
    /// Decodes a packet that came as text, `b` and base64 included.
    ///
    /// Base64 may lack its padding and may use either alphabet; anything else is an error, so that nothing
    /// garbled reaches the application.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn from_text(text: &'p str) -> Result<Decoded<'p>, DecodeError> {
        match text.as_bytes() {
            [b'b', base64 @ ..] => Ok(Decoded::Binary(decode_base64(base64)?)),
            _ => Ok(Decoded::Packet(Packet::decode_text(text)?)),
        }
    }

    /// The packet, borrowed.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        match self {
            Decoded::Packet(packet) => *packet,
            Decoded::Binary(bytes) => Packet::Message(Message::Binary(bytes)),
        }
    }
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

pub(crate) fn decode_base64(base64: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let standard: Cow<'_, [u8]> = if base64.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        let swap = |byte: &u8| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        Cow::Owned(base64.iter().map(swap).collect())
    } else {
        Cow::Borrowed(base64)
    };
    STANDARD.decode(&*standard).map_err(|_| DecodeError::Base64)
}

/// Appends `b` and the base64 of `bytes`: how a binary message travels where only text can.
pub fn encode_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'b');
    push_base64(bytes, out);
}

/// Appends the base64 of `bytes`.
pub(crate) fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + base64::encoded_len(bytes.len(), true).expect("a message is far below usize::MAX"), 0);
    let written = base64::engine::general_purpose::STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("the space was measured for exactly these bytes");
    out.truncate(start + written);
}
