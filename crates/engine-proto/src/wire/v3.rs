//! What protocol 3 writes otherwise than protocol 4. Its packets are the same.
//!
//! ```text
//! a binary message    04 <bytes> on a WebSocket, b4<base64> to who takes text only
//! a payload, text     <length>:<packet> …              counted in UTF-16 code units
//! a payload, binary   <0 text, 1 binary> <the length's digits, a byte each> ff <packet> …       counted in bytes
//! ```
//! Control packets may come as binary, too; what such a one says beside its type is dropped.
//!
//! Spec: engine.md, section 5.2.

use std::str;

use sockeye_websocket::header::OpCode;

use crate::frame::Frame;
use crate::packet::{DecodeError, Decoded, Message, Packet, decode_base64, push_base64};

/// The type of a message, as the first byte of a binary packet.
const MESSAGE: u8 = 4;

/// What ends a length in a binary payload.
const END_OF_LENGTH: u8 = 0xff;

/// The frame as a peer of protocol 3 takes it: a binary message with its type in front, and in base64 for who takes
/// `base64` only. Text is itself.
#[must_use]
pub fn translate(frame: &Frame, base64: bool) -> Frame {
    if !frame.is_binary() {
        return frame.clone();
    }
    if !base64 {
        return frame.rewritten(OpCode::Binary, &[&[MESSAGE], frame.packet()]);
    }
    let mut text = Vec::with_capacity(frame.packet().len() * 4 / 3 + 6);
    text.extend_from_slice(b"b4");
    push_base64(frame.packet(), &mut text);
    frame.rewritten(OpCode::Text, &[&text])
}

/// Joins [translated](translate) frames in one HTTP body; says whether it is binary, which it is when a packet is.
#[must_use]
pub fn payload(frames: &[Frame]) -> (Vec<u8>, bool) {
    let binary = frames.iter().any(Frame::is_binary);
    let mut body = Vec::new();
    if frames.is_empty() {
        body.extend_from_slice(b"0:");
    }
    for frame in frames {
        let packet = frame.packet();
        if binary {
            body.push(u8::from(frame.is_binary()));
            body.extend(packet.len().to_string().bytes().map(|digit| digit - b'0'));
            body.push(END_OF_LENGTH);
        } else {
            body.extend_from_slice(utf16_length(packet).to_string().as_bytes());
            body.push(b':');
        }
        body.extend_from_slice(packet);
    }
    (body, binary)
}

/// How many UTF-16 code units UTF-8 text is: one for each character, and one more for those of four bytes.
fn utf16_length(text: &[u8]) -> usize {
    let units = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    };
    text.iter().map(units).sum()
}

/// Decodes a packet that came as text: a type digit and its data, or `b`, a type digit and base64.
///
/// # Errors
/// See [`DecodeError`]; base64 is read as in protocol 4.
pub fn decode_text(text: &str) -> Result<Decoded<'_>, DecodeError> {
    match text.as_bytes() {
        [b'b', b'4', base64 @ ..] => Ok(Decoded::Binary(decode_base64(base64)?)),
        [b'b', digit, ..] => decode_control(digit.wrapping_sub(b'0')).map(Decoded::Packet),
        [b'b'] => Err(DecodeError::Empty),
        _ => Packet::decode_text(text).map(Decoded::Packet),
    }
}

/// Decodes a packet that came as bytes: a type and its data.
///
/// # Errors
/// [`DecodeError::Empty`] and [`DecodeError::UnknownType`].
pub fn decode_binary(bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    match bytes {
        [] => Err(DecodeError::Empty),
        [MESSAGE, data @ ..] => Ok(Packet::Message(Message::Binary(data))),
        [kind, ..] => decode_control(*kind),
    }
}

fn decode_control(kind: u8) -> Result<Packet<'static>, DecodeError> {
    match kind {
        0 => Ok(Packet::Open("")),
        1 => Ok(Packet::Close),
        2 => Ok(Packet::Ping("")),
        3 => Ok(Packet::Pong("")),
        5 => Ok(Packet::Upgrade),
        6 => Ok(Packet::Noop),
        found => Err(DecodeError::UnknownType { found }),
    }
}

/// The packets of a text payload, in order. An empty one is an error, as a packet is that has no length.
#[must_use]
pub fn split(payload: &str) -> Packets<'_> {
    if payload.is_empty() { Packets(Rest::Failed(DecodeError::Empty)) } else { Packets(Rest::Text(payload)) }
}

/// The packets of a binary payload, in order.
#[must_use]
pub fn split_binary(payload: &[u8]) -> Packets<'_> {
    Packets(Rest::Binary(payload))
}

/// An iterator over the packets of a payload, from [`split`] and [`split_binary`].
///
/// The first thing that is no packet is answered as an error and ends it. Packets of length 0 are passed over.
#[derive(Clone, Debug)]
pub struct Packets<'p>(Rest<'p>);

#[derive(Clone, Copy, Debug)]
enum Rest<'p> {
    Text(&'p str),
    Binary(&'p [u8]),
    Failed(DecodeError),
    Over,
}

impl<'p> Iterator for Packets<'p> {
    type Item = Result<Decoded<'p>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let taken = match self.0 {
                Rest::Over | Rest::Text("") | Rest::Binary([]) => return None,
                Rest::Failed(error) => Err(error),
                Rest::Text(payload) => take_text(payload).map(|(packet, rest)| {
                    self.0 = Rest::Text(rest);
                    (!packet.is_empty()).then(|| decode_text(packet))
                }),
                Rest::Binary(payload) => take_binary(payload).map(|(packet, rest)| {
                    self.0 = Rest::Binary(rest);
                    packet
                }),
            };
            let decoded = match taken {
                Ok(None) => continue,
                Ok(Some(decoded)) => decoded,
                Err(error) => Err(error),
            };
            if decoded.is_err() {
                self.0 = Rest::Over;
            }
            return Some(decoded);
        }
    }
}

/// The first packet of a text payload, and what follows it.
fn take_text(payload: &str) -> Result<(&str, &str), DecodeError> {
    let (length, rest) = payload.split_once(':').ok_or(DecodeError::Length)?;
    let is_number = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
    let length: usize = is_number.then(|| length.parse().ok()).flatten().ok_or(DecodeError::Length)?;
    rest.split_at_checked(utf16_prefix(rest, length)?).ok_or(DecodeError::Length)
}

/// Bytes of the first `units` UTF-16 code units of a text.
fn utf16_prefix(text: &str, units: usize) -> Result<usize, DecodeError> {
    // No text has more code units than bytes, and ASCII has as many.
    if text.as_bytes().get(..units).is_some_and(<[u8]>::is_ascii) {
        return Ok(units);
    }
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Ok(at);
        }
        left = left.checked_sub(character.len_utf16()).ok_or(DecodeError::Length)?;
    }
    if left == 0 { Ok(text.len()) } else { Err(DecodeError::Length) }
}

/// A packet, unless it is empty, and what follows it.
type Taken<'p> = (Option<Result<Decoded<'p>, DecodeError>>, &'p [u8]);

/// The first packet of a binary payload, and what follows it.
fn take_binary(payload: &[u8]) -> Result<Taken<'_>, DecodeError> {
    let (&kind, rest) = payload.split_first().ok_or(DecodeError::Length)?;
    let end = rest.iter().position(|byte| *byte == END_OF_LENGTH).ok_or(DecodeError::Length)?;
    let (digits, rest) = (&rest[..end], &rest[end + 1..]);
    let add = |length: usize, digit: &u8| {
        let digit = (*digit <= 9).then_some(usize::from(*digit))?;
        length.checked_mul(10)?.checked_add(digit)
    };
    let length = digits.iter().try_fold(0, add).filter(|_| !digits.is_empty()).ok_or(DecodeError::Length)?;
    let (packet, rest) = rest.split_at_checked(length).ok_or(DecodeError::Length)?;
    let decoded = match kind {
        _ if packet.is_empty() => None,
        0 => Some(str::from_utf8(packet).map_err(|_| DecodeError::NotText).and_then(decode_text)),
        1 => Some(decode_binary(packet).map(Decoded::Packet)),
        found => Some(Err(DecodeError::UnknownType { found })),
    };
    Ok((decoded, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_counts_utf16_code_units() {
        let frames = [Frame::message(Message::Text("€")), Frame::message(Message::Text("😀"))];
        let (body, binary) = payload(&frames);
        assert_eq!((str::from_utf8(&body), binary), (Ok("2:4€3:4😀"), false));
    }

    #[test]
    fn a_binary_message_has_its_type_in_front() {
        let frame = Frame::binary(&[1, 2, 3, 4]);
        assert_eq!(translate(&frame, false).websocket(), b"\x82\x05\x04\x01\x02\x03\x04");
        assert_eq!(translate(&frame, true).websocket(), b"\x81\x0ab4AQIDBA==");
        assert!(translate(&frame, true).is_countable());
        let text = Frame::message(Message::Text("a"));
        assert_eq!(translate(&text, true).packet(), b"4a");
        assert!(!translate(&frame.without_compression(), false).may_compress());
    }

    #[test]
    fn a_length_that_lies_is_an_error_and_ends_the_payload() {
        for lie in ["9:4hello", "2:4😀", "99999999999999999999999:4", "-1:4", "+1:4", ":4", "1", "4hello"] {
            let packets: Vec<_> = split(lie).collect();
            assert_eq!(packets, [Err(DecodeError::Length)], "{lie}");
        }
        for lie in
            [&b"\x00"[..], b"\x00\xff4", b"\x00\x02\xff4", b"\x01\x0a\xff\x04", b"\x00\x01\x00\x08\xff"]
        {
            let packets: Vec<_> = split_binary(lie).collect();
            assert_eq!(packets, [Err(DecodeError::Length)], "{lie:?}");
        }
        let digits = [&[0][..], &[9; 400], &[0xff, 0x34]].concat();
        assert_eq!(split_binary(&digits).collect::<Vec<_>>(), [Err(DecodeError::Length)]);
    }

    #[test]
    fn text_that_is_not_utf8_reaches_nobody() {
        let packets: Vec<_> = split_binary(b"\x00\x02\xff4\xff").collect();
        assert_eq!(packets, [Err(DecodeError::NotText)]);
    }

    fn messages() -> impl Strategy<Value = Vec<Result<String, Vec<u8>>>> {
        let text = ".{0,9}".prop_map(Ok);
        let binary = prop::collection::vec(any::<u8>(), 0..9).prop_map(Err);
        prop::collection::vec(prop_oneof![text, binary], 1..20)
    }

    proptest! {
        #[test]
        fn what_was_joined_splits_into_the_same_messages(messages in messages(), base64: bool) {
            let frame = |message: &Result<String, Vec<u8>>| match message {
                Ok(text) => Frame::message(Message::Text(text)),
                Err(bytes) => translate(&Frame::binary(bytes), base64),
            };
            let frames: Vec<Frame> = messages.iter().map(frame).collect();
            let (body, binary) = payload(&frames);
            prop_assert!(!(binary && base64));
            let packets = match binary {
                true => split_binary(&body),
                false => split(str::from_utf8(&body).expect("a text payload is text")),
            };
            let packets: Vec<Decoded<'_>> = packets.collect::<Result<_, _>>().expect("what we wrote");
            prop_assert_eq!(packets.len(), messages.len());
            for (packet, message) in packets.iter().zip(&messages) {
                let message = match message {
                    Ok(text) => Message::Text(text),
                    Err(bytes) => Message::Binary(bytes),
                };
                prop_assert_eq!(packet.packet(), Packet::Message(message));
            }
        }

        #[test]
        fn no_payload_panics_and_an_error_is_the_last(text in "[0-9:b4a€😀]{0,40}", bytes: Vec<u8>) {
            for packets in [split(&text).collect::<Vec<_>>(), split_binary(&bytes).collect()] {
                let errors = packets.iter().filter(|packet| packet.is_err()).count();
                prop_assert!(errors == 0 || (errors == 1 && packets.last().expect("one at least").is_err()));
            }
        }
    }
}
