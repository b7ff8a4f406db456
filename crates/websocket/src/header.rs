//! The header of a frame.
//!
//! Spec: RFC 6455, section 5.2.

use crate::error::ProtocolError;

/// What a frame carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum OpCode {
    /// The next part of a fragmented message.
    Continuation = 0x0,
    /// A text message, or the first part of one.
    Text = 0x1,
    /// A binary message, or the first part of one.
    Binary = 0x2,
    /// The peer will send nothing more.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or says "I live" unasked.
    Pong = 0xA,
}

impl OpCode {
    /// Whether a frame of this kind manages the connection, and so is short and never fragmented.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// The most that a close, a ping or a pong carries, in bytes.
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The longest header a server writes: no mask, a length of eight bytes.
pub const MAX_SERVER_HEADER: usize = 10;

/// The bit of a header's first byte that marks a compressed message, on the first of its frames: RSV1.
///
/// Spec: RFC 7692, section 6.
pub const COMPRESSED: u8 = 0x40;

/// Writes the header of one whole, unmasked frame and returns its length.
pub fn encode_header(opcode: OpCode, payload: usize, out: &mut [u8; MAX_SERVER_HEADER]) -> usize {
    out[0] = 0x80 | opcode as u8;
    if payload < 126 {
        out[1] = payload as u8;
        2
    } else if payload < 65536 {
        out[1] = 126;
        out[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
        4
    } else {
        out[1] = 127;
        out[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
        10
    }
}

/// The header of a frame that came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    /// Whether the message ends with this frame.
    pub(crate) last: bool,
    pub(crate) opcode: OpCode,
    /// The message that begins here is compressed.
    pub(crate) compressed: bool,
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub(crate) length: u64,
    /// Bytes of the header itself.
    pub(crate) size: usize,
}

/// What the first bytes of a frame say of its header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parsed {
    Header(Header),
    /// The header goes on beyond the bytes given: it needs this many.
    Needs(usize),
}

impl Header {
    /// Reads the header at the front of `bytes`, and refuses what is wrong with it alone, as soon as its byte
    /// is there. `masked` is what the peer's role asks for, `deflate` whether messages may be compressed.
    ///
    /// A length may be written longer than needed: the reference's parser takes that too.
    #[inline]
    pub(crate) fn decode(bytes: &[u8], masked: bool, deflate: bool) -> Result<Parsed, ProtocolError> {
        let &[first, ref rest @ ..] = bytes else { return Ok(Parsed::Needs(2)) };
        let last = first & 0x80 != 0;
        let reserved = first >> 4 & 0b111;
        let bits = first & 0x0F;
        let begins_message = matches!(OpCode::from_bits(bits), Some(OpCode::Text | OpCode::Binary));
        let compressed = deflate && begins_message && reserved == COMPRESSED >> 4;
        if reserved != 0 && !compressed {
            return Err(ProtocolError::ReservedBits { found: reserved });
        }
        let Some(opcode) = OpCode::from_bits(bits) else {
            return Err(ProtocolError::ReservedOpcode { found: bits });
        };
        if opcode.is_control() && !last {
            return Err(ProtocolError::FragmentedControl);
        }

        let &[second, ref rest @ ..] = rest else { return Ok(Parsed::Needs(2)) };
        match (second & 0x80 != 0, masked) {
            (false, true) => return Err(ProtocolError::Unmasked),
            (true, false) => return Err(ProtocolError::Masked),
            _ => {}
        }
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::ControlTooLong);
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let size = 2 + extended + if masked { 4 } else { 0 };
        // From here on `Needs` is one number whatever has come of the rest of the header.
        let (length, rest) = match short {
            126 => match rest {
                &[a, b, ref rest @ ..] => (u64::from(u16::from_be_bytes([a, b])), rest),
                _ => return Ok(Parsed::Needs(size)),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(Parsed::Needs(size)),
            },
            short => (u64::from(short), rest),
        };
        if length >> 63 != 0 {
            return Err(ProtocolError::LengthOverflow);
        }
        let mask = if masked {
            match rest.first_chunk::<4>() {
                Some(mask) => Some(*mask),
                None => return Ok(Parsed::Needs(size)),
            }
        } else {
            None
        };
        Ok(Parsed::Header(Self { last, opcode, compressed, mask, length, size }))
    }
}
