//! Payloads to frames, appended to a buffer of the caller's.
//!
//! A server masks nothing. A client masks every frame, with four bytes that the peer's page cannot foresee:
//! they come from the caller's random numbers, fresh for each frame.
//!
//! Spec: RFC 6455, sections 5.2-5.5.

use crate::{
    close::Close,
    header::{MAX_CONTROL_PAYLOAD, MAX_SERVER_HEADER, OpCode, encode_header},
    mask::apply_mask,
};

/// A server's close frame without a status, which is how the reference ends a session.
pub const EMPTY_CLOSE: [u8; 2] = [0x88, 0x00];

/// The most that the reason of a close frame holds, in bytes.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Appends one whole frame; `mask` is `None` on a server.
///
/// A ping or a pong carries at most [`MAX_CONTROL_PAYLOAD`] bytes. More is the caller's mistake: it panics in
/// builds with debug assertions, and in others makes a frame that the peer refuses.
#[inline]
pub fn encode(opcode: OpCode, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    encode_fragment(opcode, true, payload, mask, out);
}

/// Appends one frame of a message that may go on: the first has the message's opcode, those after it
/// [`OpCode::Continuation`], and only the last is `last`.
#[inline]
pub fn encode_fragment(opcode: OpCode, last: bool, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    debug_assert!(
        !opcode.is_control() || (last && payload.len() <= MAX_CONTROL_PAYLOAD),
        "a control frame is whole and has at most 125 bytes"
    );
    let mut header = [0; MAX_SERVER_HEADER];
    let size = encode_header(opcode, payload.len(), &mut header);
    if !last {
        header[0] &= !FINAL;
    }
    out.reserve(size + 4 + payload.len());
    let Some(mask) = mask else {
        out.extend_from_slice(&header[..size]);
        out.extend_from_slice(payload);
        return;
    };
    header[1] |= MASKED;
    out.extend_from_slice(&header[..size]);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

/// Appends a close frame; `None` sends no status, which the peer reports as 1005.
///
/// A reason longer than [`MAX_CLOSE_REASON`] is cut in front of the character that no longer fits.
pub fn encode_close(close: Option<Close<'_>>, mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let mut payload = [0; MAX_CONTROL_PAYLOAD];
    let mut size = 0;
    if let Some(Close { code, reason }) = close {
        let reason = &reason.as_bytes()[..reason.floor_char_boundary(MAX_CLOSE_REASON)];
        size = 2 + reason.len();
        payload[..2].copy_from_slice(&code.value().to_be_bytes());
        payload[2..size].copy_from_slice(reason);
    }
    encode(OpCode::Close, &payload[..size], mask, out);
}

#[cfg(test)]
mod tests {
    use super::{EMPTY_CLOSE, encode, encode_close, encode_fragment};
    use crate::{
        close::{Close, CloseCode},
        header::OpCode,
    };

    /// RFC 6455, section 5.7.
    #[test]
    fn the_examples_of_the_rfc_come_out_byte_for_byte() {
        let encoded = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        let hello = b"Hello";
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(encoded(&|out| encode(OpCode::Text, hello, None, out)), b"\x81\x05Hello");
        assert_eq!(
            encoded(&|out| encode(OpCode::Text, hello, mask, out)),
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        );
        assert_eq!(
            encoded(&|out| {
                encode_fragment(OpCode::Text, false, b"Hel", None, out);
                encode_fragment(OpCode::Continuation, true, b"lo", None, out);
            }),
            b"\x01\x03Hel\x80\x02lo"
        );
        assert_eq!(encoded(&|out| encode(OpCode::Ping, hello, None, out)), b"\x89\x05Hello");
        assert_eq!(
            encoded(&|out| encode(OpCode::Pong, hello, mask, out)),
            b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        );
        let long = vec![0; 65536];
        assert_eq!(
            encoded(&|out| encode(OpCode::Binary, &long[..256], None, out))[..4],
            *b"\x82\x7e\x01\x00"
        );
        assert_eq!(
            encoded(&|out| encode(OpCode::Binary, &long, None, out))[..10],
            *b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
        );
    }

    #[test]
    fn a_close_says_its_code_and_reason_or_nothing() {
        let mut out = Vec::new();
        encode_close(None, None, &mut out);
        assert_eq!(out, EMPTY_CLOSE);
        out.clear();
        encode_close(Some(Close { code: CloseCode::TOO_LARGE, reason: "no" }), None, &mut out);
        assert_eq!(out, b"\x88\x04\x03\xf1no");
        out.clear();
        encode_close(Some(Close { code: CloseCode::NORMAL, reason: "" }), Some([0xff, 0, 0xff, 0]), &mut out);
        assert_eq!(out, b"\x88\x82\xff\x00\xff\x00\xfc\xe8");
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters() {
        let reason = "é".repeat(100);
        let mut out = Vec::new();
        encode_close(Some(Close { code: CloseCode::NORMAL, reason: &reason }), None, &mut out);
        assert_eq!(out[1], 124); // two bytes of code, 61 characters of two bytes
        assert_eq!(std::str::from_utf8(&out[4..]), Ok(&reason[..122]));
    }
}
