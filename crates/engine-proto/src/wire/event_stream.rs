//! Packets as server-sent events.
//!
//! ```text
//! retry: 1000                   once, in front of the first event
//! id: <sid>.<n>                 n: number of the last message up to here
//! data: <packet>                one line a packet
//! data: <packet>
//!
//! :                             a comment, so that nothing on the way thinks the stream idle
//! ```
//! Text stands as it is, a binary message as `b` and base64, and a packet with a line break inside (no JSON
//! has one) as `B` and the base64 of the whole packet, since a break would end its line.
//!
//! Spec: extensions.md, section 1.3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::frame::Frame;

/// What opens a stream: an EventSource that lost it comes back after a second.
pub const RETRY: &[u8] = b"retry: 1000\n";

/// A comment: a byte on an idle stream.
pub const COMMENT: &[u8] = b":\n\n";

/// Appends one event of `frames`, after which the peer has every message up to number `last`.
pub fn write_event<'f>(
    sid: &str,
    last: u32,
    frames: impl IntoIterator<Item = &'f Frame>,
    stream: &mut Vec<u8>,
) {
    stream.extend_from_slice(b"id: ");
    stream.extend_from_slice(sid.as_bytes());
    stream.push(b'.');
    stream.extend_from_slice(last.to_string().as_bytes());
    stream.push(b'\n');
    for frame in frames {
        write_data(frame, stream);
    }
    stream.push(b'\n');
}

fn write_data(frame: &Frame, stream: &mut Vec<u8>) {
    stream.extend_from_slice(b"data: ");
    let packet = frame.packet();
    if !frame.is_binary() && packet.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        stream.push(b'B');
        stream.extend_from_slice(STANDARD.encode(packet).as_bytes());
    } else {
        frame.write_text(stream);
    }
    stream.push(b'\n');
}

/// The session id and number of an event's `id:`, which a stream that comes back says in `Last-Event-ID`.
#[must_use]
pub fn parse_id(id: &str) -> Option<(&str, u32)> {
    let (sid, number) = id.rsplit_once('.')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((sid, digits.then(|| number.parse().ok())??))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(frames: &[Frame]) -> String {
        let mut stream = Vec::new();
        write_event("sid", 7, frames, &mut stream);
        String::from_utf8(stream).expect("a stream is text")
    }

    #[test]
    fn an_event_is_its_number_and_a_line_for_each_packet() {
        let frames = [Frame::text(&[b"42[\"a\"]"]), Frame::text(&[b"2"]), Frame::binary(&[1, 2, 3])];
        assert_eq!(event(&frames), "id: sid.7\ndata: 42[\"a\"]\ndata: 2\ndata: bAQID\n\n");
    }

    #[test]
    fn a_line_break_inside_a_packet_cannot_end_its_line() {
        for text in ["4a\nb", "4a\rb", "4\r\n\r\ndata: 1"] {
            let event = event(&[Frame::text(&[text.as_bytes()])]);
            let (_, packet) = event.split_once("data: B").expect("the marked line");
            assert_eq!(STANDARD.decode(packet.trim_end()).as_deref(), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        assert_eq!(parse_id("abc.12"), Some(("abc", 12)));
        for odd in ["", "abc", "abc.", "abc.-1", "abc.+1", "abc.99999999999"] {
            assert_eq!(parse_id(odd), None, "{odd}");
        }
    }
}
