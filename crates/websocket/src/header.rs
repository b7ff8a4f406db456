//! The header of a frame.
//!
//! Spec: RFC 6455, section 5.2.

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

/// The longest header a server writes: no mask, a length of eight bytes.
pub const MAX_SERVER_HEADER: usize = 10;

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
