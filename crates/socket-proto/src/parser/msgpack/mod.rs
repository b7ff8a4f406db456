//! The MessagePack parser: each packet is one binary message, a map that has its bytes inside of it.
//!
//! ```text
//! {"type": 2, "nsp": "/chat", "id": 7, "data": ["say", "hello", <bytes>]}
//! ```
//! Understands `socket.io-msgpack-parser` on notepack.io, python-socketio's `MsgPackPacket` and socketioxide's parser,
//! and what it writes they understand.
//!
//! A peer of this format is heard as one of the default format would be: a date is its ISO text, `undefined` is `null`
//! in an array and left out of an object, text that is not UTF-8 has U+FFFD in it, and an extension that nobody knows
//! is an array of its type and its bytes. Integers keep their 64 bits.
//!
//! Spec: `spec/socketio.md` 6; what is answered otherwise than by the original stands in `spec/differences.md`.

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;

use crate::assembly::Incoming;
use crate::error::{DecodeError, EncodeError};
use crate::limits::Limits;
use crate::packet::Packet;
use crate::parser::Parser;
use crate::parser::json::with_scratch;

mod date;
mod decode;
mod encode;
mod tokens;

/// The official parser with MessagePack.
///
/// A packet with bytes is as good as any other: there are no attachments to wait for, and no limit of their number.
///
/// ```
/// use sockeye_engine_proto::packet::Message;
/// use sockeye_socket_proto::limits::Limits;
/// use sockeye_socket_proto::parser::{Parser, msgpack::MessagePack};
///
/// let message = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa5hello\xc4\x02\x01\x02";
/// let incoming = MessagePack.decode(Message::Binary(message), &Limits::default())?;
/// assert_eq!(incoming.packet().event().as_deref(), Some("hello"));
/// assert_eq!(incoming.packet().attachments(), [[1, 2]]);
/// assert_eq!(MessagePack.encode(&incoming.packet())?.packet(), message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MessagePack;

impl Parser for MessagePack {
    fn decode(&self, message: Message<'_>, limits: &Limits) -> Result<Incoming<'static>, DecodeError> {
        match message {
            Message::Binary(message) => decode::decode(message, limits),
            Message::Text(_) => Err(DecodeError::Format { expected: "binary" }),
        }
    }

    /// Integers are as short as they can be, and so are doubles that are integers; other doubles have 64 bits. Bytes
    /// are plain bytes, `null` is nil.
    fn encode(&self, packet: &Packet<'_>) -> Result<Frame, EncodeError> {
        with_scratch(|out| {
            encode::encode(packet, out)?;
            Ok(Frame::binary(out))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Kind, RESERVED_EVENTS};

    const PAYLOAD_OF_EVENT: DecodeError =
        DecodeError::Payload { expected: "an array that begins with the event's name" };
    const TYPE: DecodeError = DecodeError::Part { part: "packet type", expected: "an integer from 0 to 4" };
    const NAMESPACE: DecodeError = DecodeError::Part { part: "namespace", expected: "text" };
    const ID: DecodeError =
        DecodeError::Part { part: "packet id", expected: "an integer that is not negative" };

    const NIL: &[u8] = b"\xc0";
    const UNDEFINED: &[u8] = b"\xd4\x00\x00";
    const DATE: &[u8] = b"\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00";

    /// A packet with these members: of each its key, and its value in MessagePack.
    fn message(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut message = vec![0x80 | members.len() as u8];
        for (key, value) in members {
            message.push(0xa0 | key.len() as u8);
            message.extend_from_slice(key.as_bytes());
            message.extend_from_slice(value);
        }
        message
    }

    /// An ack with one argument.
    fn ack(argument: &[u8]) -> Vec<u8> {
        message(&[("type", &[3]), ("nsp", b"\xa1/"), ("id", &[0]), ("data", &[b"\x91", argument].concat())])
    }

    fn read(message: &[u8]) -> Result<Incoming<'static>, DecodeError> {
        MessagePack.decode(Message::Binary(message), &Limits::default())
    }

    /// The JSON that one value becomes.
    #[track_caller]
    fn json(value: &[u8]) -> String {
        let incoming = read(&ack(value)).unwrap_or_else(|error| panic!("{value:02x?}: {error}"));
        incoming.packet().arguments().raw().to_owned()
    }

    /// The MessagePack that one argument becomes.
    #[track_caller]
    fn written(json: &str) -> Vec<u8> {
        let text = format!("30[{json}]");
        let packet = crate::parser::json::decode(&text, &Limits::default()).unwrap();
        let frame = MessagePack.encode(&packet).unwrap();
        frame.packet().strip_prefix(&ack(b"")[..]).expect("the members stand in this order").to_owned()
    }

    #[test]
    fn a_value_becomes_the_json_that_javascript_writes_for_it() {
        let float = |number: f64| [&b"\xcb"[..], &number.to_be_bytes()].concat();
        let single = |number: f32| [&b"\xca"[..], &number.to_be_bytes()].concat();
        for (value, expected) in [
            (NIL.to_vec(), "null"),
            (UNDEFINED.to_vec(), "null"),
            (b"\xd4\x00\x07".to_vec(), "null"),
            (b"\xc2".to_vec(), "false"),
            (b"\xc3".to_vec(), "true"),
            (b"\x00".to_vec(), "0"),
            (b"\x7f".to_vec(), "127"),
            (b"\xff".to_vec(), "-1"),
            (b"\xe0".to_vec(), "-32"),
            (b"\xcc\xff".to_vec(), "255"),
            (b"\xcd\xff\xff".to_vec(), "65535"),
            (b"\xce\xff\xff\xff\xff".to_vec(), "4294967295"),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), "18446744073709551615"),
            (b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01".to_vec(), "9007199254740993"),
            (b"\xd0\x05".to_vec(), "5"),
            (b"\xd0\x80".to_vec(), "-128"),
            (b"\xd1\x80\x00".to_vec(), "-32768"),
            (b"\xd2\x80\x00\x00\x00".to_vec(), "-2147483648"),
            (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00".to_vec(), "-9223372036854775808"),
            (b"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(), "9223372036854775807"),
            (float(1.5), "1.5"),
            (float(1.0), "1"),
            (float(-0.0), "0"),
            (float(1e21), "1e+21"),
            (float(5e-324), "5e-324"),
            (float(f64::NAN), "null"),
            (float(f64::INFINITY), "1e999"),
            (float(f64::NEG_INFINITY), "-1e999"),
            (single(1.5), "1.5"),
            (single(0.1), "0.10000000149011612"),
            (single(f32::NAN), "null"),
            (single(f32::INFINITY), "1e999"),
            (b"\xa0".to_vec(), "\"\""),
            (b"\xa2\xc3\xa9".to_vec(), "\"é\""),
            (b"\xa3\"\\\n".to_vec(), r#""\"\\\n""#),
            (b"\xd9\x02hi".to_vec(), "\"hi\""),
            (b"\xda\x00\x02hi".to_vec(), "\"hi\""),
            (b"\xdb\x00\x00\x00\x02hi".to_vec(), "\"hi\""),
            (b"\x90".to_vec(), "[]"),
            (b"\x92\x01\x91\x02".to_vec(), "[1,[2]]"),
            (b"\xdc\x00\x01\x01".to_vec(), "[1]"),
            (b"\xdd\x00\x00\x00\x01\x01".to_vec(), "[1]"),
            (b"\x80".to_vec(), "{}"),
            (b"\x82\xa1a\x01\xa1b\x80".to_vec(), r#"{"a":1,"b":{}}"#),
            (b"\xde\x00\x01\xa1a\x01".to_vec(), r#"{"a":1}"#),
            (b"\xdf\x00\x00\x00\x01\xa1a\x01".to_vec(), r#"{"a":1}"#),
            (b"\x82\xa1a\x01\xa1a\x02".to_vec(), r#"{"a":1,"a":2}"#),
        ] {
            assert_eq!(json(&value), expected, "{value:02x?}");
        }
    }

    #[test]
    fn undefined_is_no_member_of_an_object() {
        assert_eq!(json(b"\x93\xd4\x00\x00\x01\xd4\x00\x00"), "[null,1,null]");
        assert_eq!(json(b"\x81\xa1a\xd4\x00\x00"), "{}");
        assert_eq!(json(b"\x83\xa1a\xd4\x00\x00\xa1b\x01\xa1c\xd4\x00\x00"), r#"{"b":1}"#);
        assert_eq!(json(b"\x82\xa1a\x01\xa1b\xd4\x00\x00"), r#"{"a":1}"#);
    }

    #[test]
    fn dates_are_their_iso_text() {
        let epoch = "\"1970-01-01T00:00:00.000Z\"";
        assert_eq!(json(b"\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00"), "\"2023-11-14T22:13:20.000Z\"");
        assert_eq!(
            json(b"\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
            "\"1969-12-31T23:59:59.999Z\"",
            "before 1970"
        );
        assert_eq!(json(b"\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), "null", "no date");
        assert_eq!(json(b"\xd6\xff\x00\x00\x00\x00"), epoch);
        assert_eq!(json(b"\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x00"), epoch);
        assert_eq!(json(b"\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00"), "null", "too many nanoseconds");
        assert_eq!(json(b"\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), epoch);
    }

    #[test]
    fn bytes_are_attachments_in_whatever_form_they_come() {
        for bytes in [
            &b"\xc4\x01\xaa"[..],
            b"\xc5\x00\x01\xaa",
            b"\xc6\x00\x00\x00\x01\xaa",
            b"\xc7\x01\x00\xaa",
            b"\xc8\x00\x01\x00\xaa",
            b"\xc9\x00\x00\x00\x01\x00\xaa",
        ] {
            let incoming = read(&ack(bytes)).unwrap();
            let packet = incoming.packet();
            assert_eq!((packet.attachment_count(), packet.attachments()), (1, &[vec![0xaa]][..]));
            assert_eq!(packet.arguments().next_as::<&[u8]>().unwrap(), [0xaa]);
        }
    }

    #[test]
    fn other_extensions_are_arrays_of_their_type_and_their_bytes() {
        for (extension, kind, bytes) in [
            (&b"\xd4\x05\xaa"[..], 5, &b"\xaa"[..]),
            (b"\xd4\xff\xaa", -1, b"\xaa"),
            (b"\xd5\x00\xaa\xbb", 0, b"\xaa\xbb"),
            (b"\xd6\x00abcd", 0, b"abcd"),
            (b"\xd7\x80abcdefgh", -128, b"abcdefgh"),
            (b"\xd8\x00abcdefghijklmnop", 0, b"abcdefghijklmnop"),
            (b"\xc7\x00\x01", 1, b""),
            (b"\xc8\x00\x01\x01a", 1, b"a"),
            (b"\xc9\x00\x00\x00\x01\x01a", 1, b"a"),
        ] {
            let incoming = read(&ack(extension)).unwrap();
            let read: (i8, &[u8]) = incoming.packet().arguments().next_as().unwrap();
            assert_eq!(read, (kind, bytes));
        }
    }

    #[test]
    fn keys_are_the_text_that_javascript_makes_of_them() {
        for (key, name) in [
            (&b"\xa1a"[..], "a"),
            (b"\x07", "7"),
            (b"\xff", "-1"),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
            (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
            (b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "NaN"),
            (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "-Infinity"),
            (b"\xc2", "false"),
            (b"\xc3", "true"),
            (b"\xc0", "null"),
            (b"\xa1\xff", "\u{fffd}"),
            (b"\xa9__proto__", "__proto__"),
        ] {
            assert_eq!(json(&[b"\x81", key, b"\x01"].concat()), format!("{{\"{name}\":1}}"));
        }
        for key in [
            &b"\x90"[..],
            b"\x80",
            b"\xc4\x00",
            b"\xc7\x00\x00",
            UNDEFINED,
            b"\xd4\x05\x00",
            b"\xd6\xff\0\0\0\0",
        ] {
            let map = [b"\x81", key, b"\x01"].concat();
            let at = ack(b"").len() + 1;
            assert_eq!(read(&ack(&map)).unwrap_err(), DecodeError::Malformed { at }, "{key:02x?}");
            assert_eq!(read(&map).unwrap_err(), DecodeError::Malformed { at: 1 }, "{key:02x?}");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_has_replacement_characters() {
        assert_eq!(json(b"\xa3a\xffb"), "\"a\u{fffd}b\"");
        let members: [(&str, &[u8]); 3] =
            [("type", &[2]), ("nsp", b"\xa2/\xff"), ("data", b"\x91\xa3\xed\xa0\x80")];
        let incoming = read(&message(&members)).unwrap();
        assert_eq!(incoming.packet().namespace(), "/\u{fffd}");
        assert_eq!(incoming.packet().event().unwrap(), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn members_stand_in_any_order_the_last_of_repeated_ones_counts_and_others_mean_nothing() {
        let deep = [b"\x91".repeat(100_000), NIL.to_vec()].concat();
        let members: [(&str, &[u8]); 12] = [
            ("data", b"\xc1\xff"),
            ("options", b"\x81\xa8compress\xc3"),
            ("id", NIL),
            ("type", b"\x92\x01\x02"),
            ("nsp", &[7]),
            ("data", b"\x92\xa1e\x01"),
            ("more", &deep),
            ("id", b"\xcd\x00\x05"),
            ("Type", &[1]),
            ("nsp", b"\xd9\x02/n"),
            ("type", b"\xd3\0\0\0\0\0\0\0\x02"),
            ("", b"\x80"),
        ];
        let whole = message(&members[1..]);
        let incoming = read(&whole).unwrap();
        let packet = incoming.packet();
        assert_eq!((packet.kind(), packet.namespace(), packet.id()), (Kind::Event, "/n", Some(5)));
        assert_eq!(packet.payload(), Some(r#"["e",1]"#));
        assert!(
            matches!(read(&message(&members)), Err(DecodeError::Malformed { .. })),
            "also where it would not count"
        );

        let number_as_key = b"\x84\x01\x02\xa4type\x00\xa3nsp\xa1/\xc0\xc0";
        assert_eq!(read(number_as_key).unwrap().packet().kind(), Kind::Connect);
    }

    #[test]
    fn a_member_that_is_undefined_is_not_there() {
        let nothing = [("nsp", &b"\xa1/"[..]), ("data", UNDEFINED), ("id", UNDEFINED)];
        for kind in [0, 1] {
            let incoming = read(&message(&[&[("type", &[kind][..])], &nothing[..]].concat())).unwrap();
            assert_eq!((incoming.packet().payload(), incoming.packet().id()), (None, None));
        }
        for kind in [2, 3, 4] {
            let error = read(&message(&[&[("type", &[kind][..])], &nothing[..]].concat())).unwrap_err();
            assert!(matches!(error, DecodeError::Payload { .. }), "{kind}: {error}");
        }
    }

    #[test]
    fn a_member_of_the_wrong_kind_is_an_error() {
        let good: [(&str, &[u8]); 4] =
            [("type", &[2]), ("nsp", b"\xa1/"), ("id", &[1]), ("data", b"\x91\xa1e")];
        let wrong: [&[u8]; 11] = [
            NIL,
            UNDEFINED,
            b"\xc3",
            b"\xff",
            b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
            b"\xca\x40\x00\x00\x00",
            b"\xa10",
            b"\xc4\x011",
            b"\x91\x01",
            b"\x80",
            DATE,
        ];
        let refuse = |part: &str, value: &[u8], expected: DecodeError| {
            let members = good.map(|(key, good)| (key, if key == part { value } else { good }));
            let error = read(&message(&members)).unwrap_err();
            assert_eq!(error, expected, "{part}: {value:02x?}");
        };
        for value in wrong.into_iter().chain([&b"\x05"[..], b"\x06", b"\xcd\x01\x02"]) {
            refuse("type", value, TYPE);
        }
        for value in wrong.into_iter().chain([&b"\x00"[..]]).filter(|value| value[0] != 0xa1) {
            refuse("nsp", value, NAMESPACE);
        }
        for value in wrong.into_iter().filter(|value| *value != UNDEFINED) {
            refuse("id", value, ID);
        }
        for value in wrong {
            // `[1]` has a number for its name.
            if value != b"\x91\x01" {
                refuse("data", value, PAYLOAD_OF_EVENT);
            }
        }
        for name in [NIL, b"\xc3", b"\x90", b"\x81\xa1a\x01", b"\xc4\x01e", b"\xd4\x05\x00"] {
            refuse("data", &[b"\x92", name, b"\x01"].concat(), PAYLOAD_OF_EVENT);
        }
        refuse("data", b"\x90", PAYLOAD_OF_EVENT);

        for part in ["type", "nsp", "data"] {
            let rest: Vec<_> = good.into_iter().filter(|(key, _)| *key != part).collect();
            let expected = [("type", TYPE), ("nsp", NAMESPACE), ("data", PAYLOAD_OF_EVENT)];
            let (_, expected) = expected.into_iter().find(|(key, _)| *key == part).unwrap();
            assert_eq!(read(&message(&rest)).unwrap_err(), expected, "no {part}");
        }
        let accepted: [(u8, &[&[u8]]); 4] = [
            (0, &[UNDEFINED, b"\x80"]),
            (1, &[UNDEFINED, NIL]),
            (3, &[b"\x91\x01"]),
            // A date is text.
            (4, &[b"\xa10", b"\x80", DATE]),
        ];
        for (kind, accepted) in accepted {
            for value in wrong {
                let members = [("type", &[kind][..]), ("nsp", b"\xa1/"), ("data", value)];
                match read(&message(&members)) {
                    Ok(_) => assert!(accepted.contains(&value), "{kind} {value:02x?}"),
                    Err(DecodeError::Payload { .. }) => {
                        assert!(!accepted.contains(&value), "{kind} {value:02x?}")
                    }
                    Err(other) => panic!("{kind} {value:02x?}: {other}"),
                }
            }
        }
    }

    #[test]
    fn what_is_no_map_and_what_is_text_is_no_packet() {
        for value in [NIL, b"\x91\x01", b"\xa42[1]", b"\x00", b"\xc3", UNDEFINED] {
            assert_eq!(read(value).unwrap_err(), DecodeError::Format { expected: "a map" });
        }
        let text = MessagePack.decode(Message::Text("2[\"a\"]"), &Limits::default());
        assert_eq!(text.unwrap_err(), DecodeError::Format { expected: "binary" });
        assert_eq!(read(b"").unwrap_err(), DecodeError::Malformed { at: 0 });
        assert_eq!(read(b"\xc1").unwrap_err(), DecodeError::Malformed { at: 0 });
        assert_eq!(read(b"\x80").unwrap_err(), TYPE);
    }

    #[test]
    fn a_packet_is_all_there_and_nothing_stands_behind_it() {
        let whole = ack(b"\x9c\xc0\xcc\x01\xcd\x00\x01\xd3\0\0\0\0\0\0\0\x01\xcb\0\0\0\0\0\0\0\0\xa1a\xd9\x01a\xc4\x01a\xc7\x01\x05a\
            \xd8\x01abcdefghijklmnop\xde\x00\x01\xa1a\x01\xdd\x00\x00\x00\x01\x01");
        assert!(read(&whole).is_ok());
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]).unwrap_err(), DecodeError::Malformed { at: end });
        }
        let at = whole.len();
        assert_eq!(read(&[&whole[..], NIL].concat()).unwrap_err(), DecodeError::Malformed { at });
    }

    #[test]
    fn lengths_that_lie_cost_nothing() {
        for head in [
            &b"\xdd\xff\xff\xff\xff"[..],
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
            b"\xc9\xff\xff\xff\xff\x00",
            b"\xdc\xff\xff",
            b"\xde\xff\xff",
            b"\xda\xff\xff",
            b"\xc5\xff\xff",
            b"\xc8\xff\xff\x00",
            b"\x9f",
            b"\x8f",
            b"\xbf",
            b"\xc4\xff",
            b"\xc7\xff\x00",
        ] {
            for message in [head.to_vec(), ack(head), message(&[("x", head)]), head.repeat(1000)] {
                let error = read(&message).unwrap_err();
                let refused = matches!(error, DecodeError::Malformed { .. } | DecodeError::Format { .. });
                assert!(refused, "{head:02x?}: {error}");
            }
        }
    }

    #[test]
    fn depth_is_limited_and_counts_as_in_json() {
        let refuse = || {
            for open in [&b"\x91"[..], b"\x81\xa1a"] {
                let deep = [open.repeat(100_000), NIL.to_vec()].concat();
                assert_eq!(read(&ack(&deep)).unwrap_err(), DecodeError::TooDeep { limit: 128 });
            }
        };
        std::thread::Builder::new().stack_size(128 * 1024).spawn(refuse).unwrap().join().unwrap();

        let nested = |levels: usize, inside: &[u8]| ack(&[&b"\x91".repeat(levels - 1), inside].concat());
        for depth in [1, 2, 128, 512] {
            let limits = Limits { depth, ..Limits::default() };
            let read = |message: &[u8]| MessagePack.decode(Message::Binary(message), &limits).map(drop);
            let (depth, too_deep) = (usize::from(depth), Err(DecodeError::TooDeep { limit: depth }));
            assert_eq!(read(&nested(depth, NIL)), Ok(()));
            assert_eq!(read(&nested(depth, b"\x90")), too_deep);
            assert_eq!(read(&nested(depth, b"\x80")), too_deep);
            assert_eq!(read(&nested(depth, b"\xc4\x00")), too_deep, "the placeholder is an object");
        }
        let none = Limits { depth: 0, ..Limits::default() };
        let error = MessagePack.decode(Message::Binary(&ack(NIL)), &none).unwrap_err();
        assert_eq!(error, DecodeError::TooDeep { limit: 0 });
    }

    #[test]
    fn a_packet_does_not_grow_beyond_eight_times_the_limit() {
        let limits = Limits { packet_bytes: 10_000, ..Limits::default() };
        let many = |value: &[u8]| {
            let room = limits.packet_bytes - ack(b"").len() - 5;
            let length = room / value.len();
            let array = [&b"\xdd"[..], &(length as u32).to_be_bytes(), &value.repeat(length)].concat();
            MessagePack.decode(Message::Binary(&ack(&array)), &limits)
        };
        for value in [
            NIL,
            b"\xc2",
            b"\x90",
            b"\xa1\x01",
            b"\xa1\xff",
            b"\x81\xc0\xc0",
            b"\x81\xc2\xc2",
            b"\xca\x00\x00\x00\x01",
            b"\xcb\x80\x10\x00\x00\x00\x00\x00\x01",
            b"\xd6\xff\x00\x00\x00\x00",
            b"\xd9\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
        ] {
            let grown = many(value).unwrap_or_else(|error| panic!("{value:02x?}: {error}")).len();
            assert!(grown <= 8 * limits.packet_bytes, "{value:02x?} {grown}");
        }
        for value in [&b"\xc4\x00"[..], b"\xc4\x01\x00", b"\xd4\x05\x00", b"\xc7\x00\x00"] {
            let error = many(value).unwrap_err();
            assert!(
                matches!(error, DecodeError::TooLarge { limit: 80_000, size } if size < 80_200),
                "{error}"
            );
        }
        assert_eq!(
            many(&[0xc4; 198]).map(|incoming| incoming.packet().attachments().len()),
            Ok(50),
            "more than 10"
        );

        let long = ack(&[&b"\xdb\x00\x00\x27\x10"[..], &[b'a'; 10_000]].concat());
        let error = MessagePack.decode(Message::Binary(&long), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { size: long.len(), limit: 10_000 });
    }

    #[test]
    fn reserved_names_are_refused() {
        for name in RESERVED_EVENTS {
            let data = [&[0x91, 0xa0 | name.len() as u8], name.as_bytes()].concat();
            let members: [(&str, &[u8]); 3] = [("type", &[2]), ("nsp", b"\xa1/"), ("data", &data)];
            assert_eq!(read(&message(&members)).unwrap_err(), DecodeError::ReservedEvent);
        }
    }

    #[test]
    fn the_name_of_an_event_may_be_a_number() {
        for (name, expected) in [(&b"\x2a"[..], "42"), (b"\xcb\x7f\xf0\0\0\0\0\0\0", "Infinity")] {
            let data = [b"\x91", name].concat();
            let members: [(&str, &[u8]); 3] = [("type", &[2]), ("nsp", b"\xa1/"), ("data", &data)];
            assert_eq!(read(&message(&members)).unwrap().packet().event().unwrap(), expected);
        }
    }

    #[test]
    fn an_object_that_looks_like_a_placeholder_stays_what_it_is() {
        let look_alike = b"\x82\xac_placeholder\xc3\xa3num\x00";
        let value = [b"\x93", &look_alike[..], b"\xc4\x01\xaa", look_alike].concat();
        let whole = ack(&value);
        let incoming = read(&whole).unwrap();
        let (first, bytes, last): (crate::value::Value, &[u8], crate::value::Value) =
            incoming.packet().arguments().next_as().unwrap();
        assert_eq!(first.get("num").unwrap().as_f64(), Some(0.0));
        assert_eq!((bytes, first), (&[0xaa][..], last));
        assert_eq!(MessagePack.encode(&incoming.packet()).unwrap().packet(), whole);
    }

    #[test]
    fn bytes_are_numbers_where_a_packet_has_no_attachments() {
        for kind in [0, 4] {
            let data = b"\x81\xa1k\xc4\x02\x00\xff";
            let members: [(&str, &[u8]); 3] = [("data", data), ("nsp", b"\xa1/"), ("type", &[kind])];
            let incoming = read(&message(&members)).unwrap();
            assert_eq!(incoming.packet().payload(), Some(r#"{"k":[0,255]}"#));
            assert_eq!(incoming.packet().attachment_count(), 0);
        }
    }

    #[test]
    fn a_namespace_may_be_any_text() {
        for (namespace, read_as) in [("/a,b", "/a,b"), ("x", "x"), ("{\"a\":1}", "{\"a\":1}"), ("", "/")] {
            let text = [&[0xa0 | namespace.len() as u8], namespace.as_bytes()].concat();
            let members: [(&str, &[u8]); 3] = [("type", &[0]), ("nsp", &text), ("data", b"\x81\xa1a\x01")];
            let incoming = read(&message(&members)).unwrap();
            assert_eq!(incoming.packet().namespace(), read_as);
            assert_eq!(incoming.packet().payload(), Some(r#"{"a":1}"#));
        }
    }

    #[test]
    fn values_are_written_as_short_as_they_can_be() {
        for (json, expected) in [
            ("null", NIL),
            ("true", b"\xc3"),
            ("false", b"\xc2"),
            ("0", b"\x00"),
            ("-0", b"\x00"),
            ("127", b"\x7f"),
            ("128", b"\xcc\x80"),
            ("256", b"\xcd\x01\x00"),
            ("65536", b"\xce\x00\x01\x00\x00"),
            ("4294967296", b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
            ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("-1", b"\xff"),
            ("-32", b"\xe0"),
            ("-33", b"\xd0\xdf"),
            ("-129", b"\xd1\xff\x7f"),
            ("-32769", b"\xd2\xff\xff\x7f\xff"),
            ("-2147483649", b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
            ("1.0", b"\x01"),
            ("-1e2", b"\xd0\x9c"),
            ("1e19", b"\xcf\x8a\xc7\x23\x04\x89\xe8\x00\x00"),
            ("18446744073709551616", b"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"),
            ("1.5", b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
            ("1e999", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
            (r#""\u00e9\ud800""#, b"\xa5\xc3\xa9\xef\xbf\xbd"),
            (r#"[ ]"#, b"\x90"),
            (r#"{ "a" : [1, {}] }"#, b"\x81\xa1a\x92\x01\x80"),
        ] {
            assert_eq!(written(json), expected, "{json}");
        }
    }

    #[test]
    fn long_arrays_and_maps_have_their_lengths_wherever_they_stand() {
        let array = |length: usize, element: &str| format!("[{}]", vec![element; length].join(","));
        let map = |length: usize, value: &str| {
            let members: Vec<String> = (0..length).map(|at| format!("\"{at}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(written(&array(15, "0")), [&b"\x9f"[..], &[0; 15]].concat());
        assert_eq!(written(&array(16, "0")), [&b"\xdc\x00\x10"[..], &[0; 16]].concat());
        assert_eq!(written(&array(65_535, "0"))[..3], *b"\xdc\xff\xff");
        assert_eq!(written(&array(65_536, "0"))[..5], *b"\xdd\x00\x01\x00\x00");
        assert_eq!(written(&map(15, "0"))[..2], *b"\x8f\xa1");
        assert_eq!(written(&map(16, "0"))[..4], *b"\xde\x00\x10\xa1");
        for value in [
            array(16, &array(16, "1")),
            array(3, &array(20, &map(17, "[]"))),
            map(300, &array(16, "{}")),
            format!("[{},{}]", array(16, "1"), map(16, "2")),
            format!("[[{}],7,{}]", array(70_000, "1"), array(16, "null")),
        ] {
            assert_eq!(json(&written(&value)), value);
        }
    }

    #[test]
    fn what_has_no_payload_cannot_be_any_kind_of_packet() {
        let encode = |text| {
            let packet = crate::parser::json::decode(text, &Limits::default()).unwrap();
            MessagePack.encode(&packet)
        };
        assert_eq!(encode("0").unwrap().packet(), b"\x82\xa4type\x00\xa3nsp\xa1/");
        assert_eq!(encode("1/n").unwrap().packet(), b"\x82\xa4type\x01\xa3nsp\xa2/n");
        for (text, expected) in [
            ("2", "an array that begins with the event's name"),
            ("35", "an array"),
            ("4", "an object or a string"),
        ] {
            assert_eq!(encode(text).unwrap_err(), EncodeError::NoPayload { expected });
        }
    }
}
