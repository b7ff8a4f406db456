//! Packets that are made of their parts, and written from them: what parsers of other formats do.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::binary::Binary;
use sockeye_socket_proto::error::DecodeError;
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::packet::{Kind, RESERVED_EVENTS};
use sockeye_socket_proto::parser::json;
use sockeye_socket_proto::parser::{Parser, msgpack::MessagePack};
use sockeye_socket_proto::value::Value;

fn make<T: Serialize + ?Sized>(kind: Kind, payload: &T) -> Result<Incoming<'static>, DecodeError> {
    Incoming::new(kind, "/", None, Some(payload), &Limits::default())
}

fn message(frame: &Frame) -> Message<'_> {
    Message::Binary(frame.packet())
}

fn look_alike(num: u64) -> Value {
    Value::Object(vec![("_placeholder".into(), true.into()), ("num".into(), num.into())])
}

#[test]
fn a_packet_is_made_of_its_parts() {
    let incoming =
        Incoming::new(Kind::Event, "/n", Some(7), Some(&("e", 1.0, [true])), &Limits::default()).unwrap();
    let packet = incoming.packet();
    assert_eq!((packet.kind(), packet.namespace(), packet.id()), (Kind::Event, "/n", Some(7)));
    assert_eq!(packet.event().unwrap(), "e");
    assert_eq!(packet.arguments().raw(), "1,[true]");
    assert_eq!(packet.payload_as::<(&str, u8, [bool; 1])>().unwrap(), ("e", 1, [true]));

    let incoming = Incoming::new(Kind::Ack, "/", Some(7), Some(&("a", 1)), &Limits::default()).unwrap();
    assert_eq!(incoming.packet().payload_as::<(String, u8)>().unwrap(), ("a".into(), 1));
    let incoming = Incoming::new(Kind::Disconnect, "/n", None, None::<&()>, &Limits::default()).unwrap();
    assert!(incoming.packet().payload().is_none() && incoming.packet().payload_value().is_none());
}

#[test]
fn bytes_become_attachments_at_any_depth() {
    let nested = BTreeMap::from([("k", vec![Some(Binary::from([2])), None])]);
    let incoming = make(Kind::Event, &("e", Binary::from([1]), nested, Binary::default())).unwrap();
    let packet = incoming.packet();
    assert_eq!(packet.attachments(), [vec![1], vec![2], vec![]]);
    assert_eq!(packet.attachment_count(), 3);
    let mut arguments = packet.arguments();
    assert_eq!(arguments.next_as::<&[u8]>().unwrap(), [1]);
    assert_eq!(arguments.next_as::<BTreeMap<String, (Binary, ())>>().unwrap()["k"].0.0, [2]);
    assert_eq!(arguments.next().unwrap().as_attachment(), Some(&[][..]));
    assert_eq!(incoming.len(), 1 + packet.payload().unwrap().len() + 2);
}

#[test]
fn bytes_are_numbers_in_packets_without_attachments() {
    for kind in [Kind::Connect, Kind::ConnectError] {
        let incoming = make(kind, &BTreeMap::from([("k", Binary::from([0, 255]))])).unwrap();
        assert_eq!(incoming.packet().payload(), Some(r#"{"k":[0,255]}"#));
        assert_eq!(incoming.packet().attachment_count(), 0);
    }
}

#[test]
fn what_looks_like_a_placeholder_is_data_beside_bytes_too() {
    let sent = (look_alike(0), Binary::from([1]), look_alike(7), vec![look_alike(1)], Binary::from([2]));
    let incoming = make(Kind::Ack, &sent).unwrap();
    let packet = incoming.packet();
    let came: (Value, Binary, Value, Vec<Value>, Binary) = packet.payload_as().unwrap();
    assert_eq!(came, sent);
    let attachments: Vec<_> = packet.arguments().map(|argument| argument.as_attachment()).collect();
    assert_eq!(attachments, [None, Some(&[1][..]), None, None, Some(&[2])]);
    // In the default format nobody could tell them apart.
    assert!(json::encode_ack("/", 1, &packet.arguments()).is_err());
    let mut last = packet.arguments();
    last.by_ref().take(4).for_each(drop);
    assert!(json::encode_ack("/", 1, &last).is_ok(), "what looks alike is not among them");
}

#[test]
fn the_shape_is_checked_as_by_the_default_parser() {
    let payloads = ["{}", "[]", "\"text\"", "null", "7", "true", "[\"e\"]", "[7]", "[null]", "[[\"e\"]]"];
    for kind in [Kind::Connect, Kind::Disconnect, Kind::Event, Kind::Ack, Kind::ConnectError] {
        for payload in payloads {
            let value: serde_json::Value = serde_json::from_str(payload).unwrap();
            let text = format!("{}{}", kind.number(), if payload == "7" { " 7" } else { payload });
            // A number would be the ack id; behind white space it is no payload either.
            let theirs =
                json::decode(&text, &Limits::default()).map(|packet| packet.payload().map(str::to_owned));
            let ours = make(kind, &value).map(|incoming| incoming.packet().payload().map(str::to_owned));
            assert_eq!(ours, theirs, "{text}");
        }
        let none = Incoming::new(kind, "/", None, None::<&()>, &Limits::default());
        assert!(none.unwrap().packet().payload().is_none());
        assert_eq!(Kind::from_number(kind.number()), Some(kind));
    }
    for name in RESERVED_EVENTS {
        assert_eq!(make(Kind::Event, &[name]).unwrap_err(), DecodeError::ReservedEvent);
    }
    assert_eq!((Kind::from_number(5), Kind::from_number(6), Kind::from_number(255)), (None, None, None));
}

#[test]
fn what_json_cannot_say_is_an_error() {
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = make(Kind::Ack, &[keys]).unwrap_err();
    assert_eq!(error, DecodeError::Payload { expected: "what JSON can say" });
    assert_eq!(make(Kind::Ack, &[f64::NAN, f64::INFINITY]).unwrap().packet().payload(), Some("[null,null]"));
}

#[test]
fn a_namespace_may_be_any_text() {
    for namespace in ["/a,b", "x", "[\"e\"]", "/\u{0}\"", "7"] {
        let payload = ["e"];
        let incoming =
            Incoming::new(Kind::Event, namespace, None, Some(&payload), &Limits::default()).unwrap();
        let packet = incoming.packet();
        assert_eq!((packet.namespace(), packet.id(), packet.event().unwrap()), (namespace, None, "e".into()));
        let frame = MessagePack.encode(&packet).unwrap();
        let again = MessagePack.decode(message(&frame), &Limits::default()).unwrap();
        assert_eq!(again.packet().namespace(), namespace);
    }
    let incoming = Incoming::new(Kind::Connect, "", None, None::<&()>, &Limits::default()).unwrap();
    assert_eq!(incoming.packet().namespace(), "/");
}

#[test]
fn the_size_of_what_is_made_is_limited() {
    let limits = Limits { packet_bytes: 100, ..Limits::default() };
    fn make<T: Serialize>(namespace: &str, payload: &T, limits: &Limits) -> Result<(), DecodeError> {
        Incoming::new(Kind::Ack, namespace, None, Some(payload), limits).map(drop)
    }
    let at_limit = ["x".repeat(800 - r#"/[""]"#.len())];
    let too_large = |outcome| matches!(outcome, Err(DecodeError::TooLarge { limit: 800, .. }));
    assert_eq!(make("/", &at_limit, &limits), Ok(()));
    assert_eq!(make("/n", &at_limit, &limits), Err(DecodeError::TooLarge { size: 801, limit: 800 }));
    assert!(too_large(make(&"n".repeat(801), &["e"], &limits)));
    assert_eq!(make("/", &vec![Binary::default(); 7], &limits), Ok(()));
    assert!(too_large(make("/", &vec![Binary::default(); 9], &limits)), "each counts 64 and its placeholder");
    assert_eq!(make("/", &[Binary::from(vec![0; 700])], &limits), Ok(()));
    assert!(too_large(make("/", &[Binary::from(vec![0; 800])], &limits)));
}

/// An array in an array in an array, as deep as somebody follows it.
struct Bottomless;

impl Serialize for Bottomless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([Bottomless])
    }
}

#[test]
fn nothing_is_followed_deeper_than_the_limit() {
    let nested =
        |levels: usize| (1..levels).fold(Value::Array(Vec::new()), |inside, _| Value::Array(vec![inside]));
    for depth in [1, 2, 128] {
        let limits = Limits { depth, ..Limits::default() };
        let make = |payload: &Value| Incoming::new(Kind::Ack, "/", None, Some(payload), &limits).map(drop);
        assert_eq!(make(&nested(depth.into())), Ok(()));
        assert_eq!(make(&nested(usize::from(depth) + 1)), Err(DecodeError::TooDeep { limit: depth }));
        let error = Incoming::new(Kind::Ack, "/", None, Some(&Bottomless), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooDeep { limit: depth });
    }
    let beyond = Limits { depth: u16::MAX, ..Limits::default() };
    let error = Incoming::new(Kind::Ack, "/", None, Some(&Bottomless), &beyond).unwrap_err();
    assert_eq!(error, DecodeError::TooDeep { limit: u16::MAX });
}

#[test]
fn the_deepest_payload_can_be_written_on_the_stack_of_a_worker() {
    let write = || {
        let limits = Limits { depth: 512, ..Limits::default() };
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("31[{}0{}]", open.repeat(511), close.repeat(511));
            let packet = json::decode(&text, &limits).unwrap();
            let frame = MessagePack.encode(&packet).unwrap();
            let again = MessagePack.decode(message(&frame), &limits).unwrap();
            assert_eq!(again.packet().payload(), packet.payload());
            let again =
                Incoming::new(Kind::Ack, "/", Some(1), packet.payload_value().as_ref(), &limits).unwrap();
            assert_eq!(again.packet().payload(), packet.payload());
        }
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(write).unwrap().join().unwrap();
}

#[test]
fn a_payload_is_written_with_its_bytes_in_their_places() {
    let incoming =
        make(Kind::Event, &("e", Binary::from([1, 2]), vec![(Binary::from([3]), 1.5)], (), u64::MAX))
            .unwrap();
    let payload = incoming.packet().payload_value().unwrap();
    let json = serde_json::to_string(&payload).unwrap();
    assert_eq!(json, r#"["e",[1,2],[[[3],1.5]],null,18446744073709551615]"#);
    assert_eq!(serde_json::to_string(&payload).unwrap(), json, "as often as somebody likes");
}
