//! What holds for every packet and for every input.

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::binary::Binary;
use sockeye_socket_proto::error::{DecodeError, EncodeError};
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::packet::{Kind, Packet, is_reserved};
use sockeye_socket_proto::parser::msgpack::MessagePack;
use sockeye_socket_proto::parser::{Parser, json as parser};
use sockeye_socket_proto::value::{Number, Value};

/// Attachments are no matter here, save where a test says so.
const ROOMY: Limits = Limits { depth: 128, attachments: 10_000, packet_bytes: 10_000_000 };

fn decode(encoded: &Encoded) -> Incoming<'static> {
    let mut assembly = Assembly::new();
    let mut frames = encoded.frames().peekable();
    while let Some(frame) = frames.next() {
        let came = assembly.handle_message(message(frame), &ROOMY).expect("what we encode can be decoded");
        if let Some(incoming) = came {
            assert!(frames.peek().is_none(), "the packet was complete before its last frame");
            return incoming.into_owned();
        }
    }
    panic!("the packet was not complete with its last frame");
}

fn message(frame: &Frame) -> Message<'_> {
    if frame.is_binary() {
        return Message::Binary(frame.packet());
    }
    Message::Text(std::str::from_utf8(&frame.packet()[1..]).unwrap())
}

fn arguments(packet: &Packet<'_>) -> Vec<Value> {
    packet.arguments().map(|argument| argument.parse().unwrap()).collect()
}

/// Arguments whose number is not known when this is compiled.
struct Spread<'v>(&'v [Value]);

impl Serialize for Spread<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|value| tuple.serialize_element(value))?;
        tuple.end()
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\\u{0}-\u{20}\u{7f}a\u{2028}é😀]{0,20}".prop_map(Value::from),
        vec(any::<u8>(), 0..20).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((any::<String>(), inner), 0..6).prop_map(Value::Object),
        ]
    })
    .prop_filter("an object that says it is a placeholder becomes one", |value| !mentions_placeholder(value))
}

fn mentions_placeholder(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(mentions_placeholder),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name == "_placeholder" || mentions_placeholder(value))
        }
        _ => false,
    }
}

fn any_namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[^,]{0,20}"]
}

/// What a value is when it has been on the wire.
fn same(sent: &Value, came: &Value) -> bool {
    match (sent, came) {
        (Value::Number(Number::Float(sent)), Value::Null) => !sent.is_finite(),
        (Value::Number(Number::Float(sent)), Value::Number(came)) => *sent == came.as_f64(),
        (Value::Array(sent), Value::Array(came)) => {
            sent.len() == came.len() && sent.iter().zip(came).all(|(sent, came)| same(sent, came))
        }
        (Value::Object(sent), Value::Object(came)) => {
            sent.len() == came.len()
                && sent.iter().zip(came).all(|(sent, came)| sent.0 == came.0 && same(&sent.1, &came.1))
        }
        _ => sent == came,
    }
}

/// JSON that is nearly right, and often enough right.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "0", "1", "2", "3", "4", "5", "6", "51-", "62-", "/a,", "/", ",", "[", "]", "{", "}", "\"", ":", "\"a\"",
            "\"a\":", "[\"e\",", "\\", "\\ud800", "\\u0041", "\\\"", "true", "false", "null", "1e5", "-", ".", "e", " ",
            "\n", "{\"_placeholder\":true,\"num\":0}", "{\"_placeholder\":true,\"num\":", "\"connect\"", "1e999",
            "99999999999999999999", "\0", "é", "[[[[[[[[", "]]]]]]]]",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// MessagePack that is nearly right, and often enough right.
fn any_messagepack() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data"[..], b"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x05\xa4data",
            b"\xa4type", b"\xa3nsp", b"\xa4data", b"\xa2id", b"\x80", b"\x81", b"\x82", b"\x90", b"\x91", b"\x92",
            b"\x93", b"\xa1e", b"\xa0", b"\xa2\xc3\xa9", b"\xa1\xff", b"\xc0", b"\xc1", b"\xc2", b"\xc3", b"\xc4\x00",
            b"\xc4\x01\xaa", b"\xc7\x01\x00\xaa", b"\xc7\x01\x05\xaa", b"\xd4\x00\x00", b"\xd4\x01\x02",
            b"\xd6\xff\x00\x00\x00\x01", b"\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00", b"\xca\x3f\x80\x00\x00",
            b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\xcc\xff", b"\xd0\x80",
            b"\xd9\x01a", b"\xdc\x00\x01", b"\xdd\xff\xff\xff\xff", b"\xde\x00\x01", b"\xff", b"\x01",
            b"\xa7connect", b"\xac_placeholder\xc3\xa3num\x00",
        ]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A packet of any kind that a peer of MessagePack may send.
fn any_incoming() -> impl Strategy<Value = Incoming<'static>> {
    let kind = prop::sample::select(vec![
        Kind::Event,
        Kind::Event,
        Kind::Ack,
        Kind::Connect,
        Kind::Disconnect,
        Kind::ConnectError,
    ]);
    let name = prop_oneof![
        any::<String>().prop_filter("reserved", |name| !is_reserved(name)).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
    ];
    let look_alike = [("_placeholder".into(), true.into()), ("num".into(), 0_u64.into())];
    let argument = prop_oneof![
        6 => any_value(),
        1 => vec(any::<i64>().prop_map(Value::from), 10..30).prop_map(Value::Array),
        1 => Just(Value::Object(look_alike.into())),
    ];
    let object = vec(("[a-z]{0,9}", any_value()), 0..3).prop_map(Value::Object);
    let parts =
        (kind, any::<String>(), proptest::option::of(any::<u64>()), name, vec(argument, 0..4), object);
    parts.prop_map(|(kind, namespace, id, name, mut arguments, object)| {
        let payload = match kind {
            Kind::Event => {
                arguments.insert(0, name);
                Some(Value::Array(arguments))
            }
            Kind::Ack => Some(Value::Array(arguments)),
            Kind::Connect | Kind::ConnectError => Some(object),
            Kind::Disconnect => None,
        };
        Incoming::new(kind, &namespace, id, payload.as_ref(), &ROOMY).unwrap()
    })
}

/// Everything of a packet that can be seen from outside.
fn seen<'p>(packet: &Packet<'p>) -> (Kind, &'p str, Option<u64>, Option<&'p str>, &'p [Vec<u8>]) {
    (packet.kind(), packet.namespace(), packet.id(), packet.payload(), packet.attachments())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_event_arrives_as_it_was_sent(
        namespace in any_namespace(),
        id in proptest::option::of(any::<u64>()),
        name in any::<String>().prop_filter("reserved", |name| !is_reserved(name)),
        sent in vec(any_value(), 0..4),
    ) {
        let encoded = parser::encode_event(&namespace, id, &name, &Spread(&sent)).unwrap();
        let incoming = decode(&encoded);
        let packet = incoming.packet();
        prop_assert_eq!((packet.kind(), packet.namespace(), packet.id()), (Kind::Event, namespace.as_str(), id));
        prop_assert_eq!(packet.event().unwrap(), name.as_str());
        prop_assert_eq!(packet.attachments().len(), encoded.attachments.len());
        let came = arguments(&packet);
        prop_assert!(sent.len() == came.len() && sent.iter().zip(&came).all(|(s, c)| same(s, c)), "{came:?}");

        // Sent on as they came, and read again from values, they are the same.
        let raw = decode(&parser::encode_event(&namespace, id, &name, &packet.arguments()).unwrap());
        prop_assert_eq!(arguments(&raw.packet()), came.clone());
        let again = decode(&parser::encode_event(&namespace, id, &name, &Spread(&came)).unwrap());
        let again = arguments(&again.packet());
        prop_assert!(came.iter().zip(&again).all(|(s, c)| same(s, c)), "{again:?}");
    }

    #[test]
    fn an_ack_arrives_as_it_was_sent(
        namespace in any_namespace(), id in any::<u64>(), sent in vec(any_value(), 0..4),
    ) {
        let incoming = decode(&parser::encode_ack(&namespace, id, &Spread(&sent)).unwrap());
        let packet = incoming.packet();
        prop_assert_eq!((packet.kind(), packet.namespace(), packet.id()), (Kind::Ack, namespace.as_str(), Some(id)));
        let came = arguments(&packet);
        prop_assert!(sent.len() == came.len() && sent.iter().zip(&came).all(|(s, c)| same(s, c)), "{came:?}");
    }

    #[test]
    fn a_connect_arrives_as_it_was_sent(namespace in any_namespace(), members in vec((any::<String>(), any::<i64>()), 0..4)) {
        let sent = Value::Object(members.into_iter().map(|(name, number)| (name, number.into())).collect());
        for kind in [Kind::Connect, Kind::ConnectError] {
            let frame = match kind {
                Kind::Connect => parser::encode_connect(&namespace, Some(&sent)),
                _ => parser::encode_connect_error(&namespace, &sent),
            };
            let incoming = decode(&frame.unwrap().into());
            let packet = incoming.packet();
            prop_assert_eq!((packet.kind(), packet.namespace()), (kind, namespace.as_str()));
            prop_assert_eq!(packet.payload_as::<Value>().unwrap(), sent.clone());
        }
        let incoming = decode(&parser::encode_disconnect(&namespace).into());
        prop_assert_eq!((incoming.packet().kind(), incoming.packet().namespace()), (Kind::Disconnect, &*namespace));
    }

    #[test]
    fn no_input_panics_and_what_is_taken_can_be_read_and_sent_on(
        messages in vec(prop_oneof![any_text().prop_map(Ok), vec(any::<u8>(), 0..8).prop_map(Err)], 1..5),
    ) {
        let mut assembly = Assembly::new();
        for came in &messages {
            let message = match came {
                Ok(text) => Message::Text(text),
                Err(bytes) => Message::Binary(bytes),
            };
            match assembly.handle_message(message, &Limits::default()) {
                Ok(Some(incoming)) => read_everything(&incoming),
                Ok(None) => prop_assert!(assembly.is_waiting()),
                Err(error) => prop_assert!(!assembly.is_waiting(), "{error}"),
            }
        }
    }

    #[test]
    fn json_is_taken_exactly_where_a_strict_parser_takes_its_syntax(payload in any_text()) {
        // `IgnoredAny` looks at syntax only, as deep as these texts are.
        let strict = serde_json::from_str::<serde::de::IgnoredAny>(&format!("[0,{payload}]")).is_ok();
        let text = format!("3[0,{payload}]");
        let ours = parser::decode(&text, &Limits::default());
        prop_assert_eq!(ours.is_ok(), strict, "{:?}", ours);
    }

    #[test]
    fn values_are_what_a_strict_parser_reads(value in any_value()) {
        // Where there is nothing that it refuses; bytes are numbers in an array then.
        let text = serde_json::to_string(&value).unwrap();
        let strict: Value = serde_json::from_str(&text).unwrap();
        let packet = format!("3[{text}]");
        let packet = parser::decode(&packet, &Limits::default()).unwrap();
        let mut arguments = packet.arguments();
        prop_assert_eq!(arguments.raw(), text.as_str());
        prop_assert_eq!(arguments.next_as::<Value>().unwrap(), strict);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_packet_comes_out_of_messagepack_as_it_went_in(incoming in any_incoming()) {
        let packet = incoming.packet();
        let frame = MessagePack.encode(&packet).unwrap();
        prop_assert!(frame.is_binary());
        let again = MessagePack.decode(message(&frame), &ROOMY).unwrap();
        prop_assert_eq!(seen(&again.packet()), seen(&packet));
        read_everything(&again);
    }

    #[test]
    fn a_payload_that_is_serialized_is_the_same_payload(incoming in any_incoming()) {
        let packet = incoming.packet();
        let payload = packet.payload_value();
        let again = Incoming::new(packet.kind(), packet.namespace(), packet.id(), payload.as_ref(), &ROOMY).unwrap();
        prop_assert_eq!(seen(&again.packet()), seen(&packet));
        if let Some(payload) = payload {
            let value: Value = packet.payload_as().unwrap();
            prop_assert_eq!(serde_json::to_string(&payload).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn no_messagepack_panics_and_what_is_taken_can_be_read_and_sent_on(
        bytes in prop_oneof![any_messagepack(), vec(any::<u8>(), 0..40)],
    ) {
        if let Ok(incoming) = MessagePack.decode(Message::Binary(&bytes), &Limits::default()) {
            take_on(&incoming)?;
        }
    }

    #[test]
    fn no_changed_messagepack_panics(
        incoming in any_incoming(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let frame = MessagePack.encode(&incoming.packet()).unwrap();
        let mut bytes = frame.packet().to_vec();
        prop_assert!(MessagePack.decode(Message::Binary(&bytes[..cut.index(bytes.len())]), &ROOMY).is_err());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(incoming) = MessagePack.decode(Message::Binary(&bytes), &Limits::default()) {
                take_on(&incoming)?;
            }
        }
    }
}

/// What came of a peer can be read, and sent to another one.
fn take_on(incoming: &Incoming<'_>) -> Result<(), TestCaseError> {
    let packet = incoming.packet();
    read_everything(incoming);
    let frame = MessagePack.encode(&packet).unwrap();
    let again = MessagePack.decode(message(&frame), &ROOMY).unwrap();
    prop_assert_eq!(seen(&again.packet()), seen(&packet));
    Ok(())
}

fn read_everything(incoming: &Incoming<'_>) {
    let packet = incoming.packet();
    let name = packet.event();
    let _ = packet.payload_as::<Value>();
    let count = packet.arguments().len();
    let values: Vec<Value> = packet.arguments().map(|argument| argument.parse().unwrap()).collect();
    assert_eq!(values.len(), count);
    let mut typed = packet.arguments();
    let _ = (typed.next_as::<String>(), typed.next_as::<Binary>(), typed.next_as::<Option<u32>>());
    let _ = packet.arguments().next_as::<(f64, Vec<u8>)>();
    let _ = packet.arguments().next_as::<std::collections::BTreeMap<i32, serde_json::Value>>();
    let kept = incoming.clone().into_owned();
    assert_eq!(kept.packet().event(), name);
    match parser::encode_ack("/", 0, &packet.arguments()) {
        // Not the values: Infinity is equal to itself, and there is no NaN to read.
        Ok(sent_on) => assert_eq!(arguments(&decode(&sent_on).packet()), values),
        Err(error) => {
            assert_eq!(error, EncodeError::Placeholder);
            assert!(packet.attachment_count() > 0 && values.iter().any(mentions_placeholder));
        }
    }
}

#[test]
fn hundred_thousand_levels_are_refused_on_a_small_stack() {
    let refuse = || {
        let levels = 100_000;
        let many = |open: &str, close: &str| format!("{}{}", open.repeat(levels), close.repeat(levels));
        let arrays = many("[", "]");
        let objects = many("{\"a\":", "}");
        for text in [
            format!("2[\"x\",{arrays}]"),
            format!("2[\"x\",{objects}1]"),
            format!("2{arrays}"),
            format!("30{arrays}"),
            format!("0{objects}"),
            format!("4{objects}"),
            format!("51-[\"x\",{arrays}]"),
        ] {
            let error = parser::decode(&text, &ROOMY).unwrap_err();
            assert!(matches!(error, DecodeError::TooDeep { .. } | DecodeError::Payload { .. }), "{error}");
        }
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(refuse).unwrap().join().unwrap();
}

#[test]
fn the_limit_counts_the_payload_and_everything_open_inside() {
    let nested = |levels: usize| format!("2[\"x\",{}0{}]", "[".repeat(levels - 1), "]".repeat(levels - 1));
    for depth in [1, 2, 3, 128, 512] {
        let limits = Limits { depth, ..Limits::default() };
        assert!(parser::decode(&nested(depth.into()), &limits).is_ok(), "{depth}");
        let error = parser::decode(&nested(usize::from(depth) + 1), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooDeep { limit: depth });
    }
}

#[test]
fn values_of_the_greatest_depth_fit_on_the_stack_of_a_worker() {
    let build = || {
        let limits = Limits { depth: u16::MAX, ..Limits::default() };
        let inner = 511;
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("31[{}0{}]", open.repeat(inner), close.repeat(inner));
            let packet = parser::decode(&text, &limits).unwrap();
            let value: Value = packet.arguments().next_as().unwrap();
            assert_eq!(value.clone(), value);
            assert!(format!("{value:?}").len() > inner);
            let encoded = parser::encode_ack("/", 1, &(value,)).unwrap();
            assert_eq!(encoded.text.packet(), format!("4{text}").as_bytes());
            packet.arguments().next_as::<serde_json::Value>().unwrap();
        }
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(build).unwrap().join().unwrap();
}

#[test]
fn numbers_and_text_are_written_as_javascript_writes_them() {
    let recorded: serde_json::Value = serde_json::from_str(include_str!("data/stringify.json")).unwrap();
    let written = |value: &dyn Fn() -> Encoded| {
        let text = value().text.packet().to_vec();
        String::from_utf8(text).unwrap().strip_prefix("430[").unwrap().strip_suffix(']').unwrap().to_owned()
    };
    let doubles = recorded["doubles"].as_array().unwrap();
    assert!(doubles.len() > 250);
    for row in doubles {
        let float = f64::from_bits(u64::from_str_radix(row[0].as_str().unwrap(), 16).unwrap());
        let ours = written(&|| parser::encode_ack("/", 0, &float).unwrap());
        assert_eq!(ours, row[1].as_str().unwrap(), "{float:e}");
    }
    let text = recorded["text"][0].as_str().unwrap();
    assert_eq!(written(&|| parser::encode_ack("/", 0, text).unwrap()), recorded["text"][1].as_str().unwrap());
}

#[test]
fn raw_json_goes_out_as_it_is() {
    let raw = RawValue::from_string("{\"b\":1.0, \"a\":[ ]}".to_owned()).unwrap();
    let encoded = parser::encode_event("/", None, "x", &(1, &raw)).unwrap();
    assert_eq!(encoded.text.packet(), br#"42["x",1,{"b":1.0, "a":[ ]}]"#);
}
