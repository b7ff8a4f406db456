//! Packets joined in one HTTP body: `packet (0x1E packet)*`, with binary as `b` and base64.
//!
//! Knows no limits: how many packets leave in one body, and how long a body may be, is for the wire to say.
//!
//! Spec: Engine.IO v4, "Packet encoding → HTTP long-polling"; engine.md, section 5.1.

use crate::frame::Frame;
use crate::packet::{DecodeError, Decoded};

/// What stands between two packets.
pub const SEPARATOR: u8 = 0x1e;

/// Appends a packet to a payload, behind a separator unless it is the first.
pub fn push(frame: &Frame, payload: &mut Vec<u8>) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
    frame.write_text(payload);
}

/// The packets of a payload, in order.
#[must_use]
pub fn split(payload: &str) -> Packets<'_> {
    Packets { rest: Some(payload) }
}

/// An iterator over the packets of a payload, from [`split`].
///
/// The first thing that is no packet is answered as an error and ends it: what stood in front of it counts,
/// what follows does not. An empty payload is one empty packet, and so an error.
#[derive(Clone, Debug)]
pub struct Packets<'p> {
    rest: Option<&'p str>,
}

impl<'p> Iterator for Packets<'p> {
    type Item = Result<Decoded<'p>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (packet, after) = match rest.split_once(char::from(SEPARATOR)) {
            Some((packet, after)) => (packet, Some(after)),
            None => (rest, None),
        };
        let decoded = Decoded::from_text(packet);
        if decoded.is_ok() {
            self.rest = after;
        }
        Some(decoded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{Message, Packet};

    #[test]
    fn packets_in_front_of_a_bad_one_count_and_those_behind_it_do_not() {
        let mut packets = split("4a\u{1e}z\u{1e}4b");
        let first = packets.next().expect("a packet").expect("a good one");
        assert_eq!(first.packet(), Packet::Message(Message::Text("a")));
        assert_eq!(packets.next(), Some(Err(DecodeError::UnknownType { found: b'z' })));
        assert_eq!(packets.next(), None);
    }

    #[test]
    fn the_first_empty_packet_ends_a_flood_of_separators() {
        let flood = "\u{1e}".repeat(100_000);
        assert_eq!(split(&flood).collect::<Vec<_>>(), [Err(DecodeError::Empty)]);
        assert_eq!(split("").collect::<Vec<_>>(), [Err(DecodeError::Empty)]);
    }

    proptest! {
        #[test]
        fn what_was_joined_splits_into_the_same_messages(
            messages in prop::collection::vec(prop_oneof!["[^\u{1e}]{0,9}".prop_map(Ok), prop::collection::vec(any::<u8>(), 0..9).prop_map(Err)], 1..20)
        ) {
            let mut body = Vec::new();
            for message in &messages {
                let frame = match message {
                    Ok(text) => Frame::text(&[b"4", text.as_bytes()]),
                    Err(bytes) => Frame::binary(bytes),
                };
                push(&frame, &mut body);
            }
            let body = String::from_utf8(body).expect("a payload is text");
            let packets: Vec<Decoded<'_>> = split(&body).collect::<Result<_, _>>().expect("what we wrote");
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
        fn no_payload_panics_and_an_error_is_the_last(payload in "[\u{1e}b0-9=a-f€]{0,40}") {
            let packets: Vec<_> = split(&payload).collect();
            let errors = packets.iter().filter(|packet| packet.is_err()).count();
            prop_assert!(errors == 0 || (errors == 1 && packets.last().expect("one at least").is_err()));
        }
    }
}
