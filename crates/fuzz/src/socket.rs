//! Socket.IO: packets as text and as MessagePack, their arguments, and the JSON in them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::binary::Binary;
use sockeye_socket_proto::error::{DecodeError, EncodeError};
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::packet::Packet;
use sockeye_socket_proto::parser::msgpack::MessagePack;
use sockeye_socket_proto::parser::{Parser, json};
use sockeye_socket_proto::value::{Number, Value};

/// For what we encoded ourselves, which may have become longer.
const ROOMY: Limits = Limits { depth: 512, attachments: 100_000, packet_bytes: 1 << 30 };

/// The messages of one connection, with 0x1E between them; one that begins with `b` is binary.
pub fn socket_text(data: &[u8]) {
    let limits = Limits { packet_bytes: 4_096, ..Limits::default() };
    let mut assembly = Assembly::new();
    for piece in data.split(|byte| *byte == SEPARATOR) {
        let message = match (piece, std::str::from_utf8(piece)) {
            ([b'b', bytes @ ..], _) => Message::Binary(bytes),
            (_, Ok(text)) => Message::Text(text),
            (_, Err(_)) => continue,
        };
        match assembly.handle_message(message, &limits) {
            Ok(Some(incoming)) => {
                assert!(incoming.len() <= limits.packet_bytes && !assembly.is_waiting());
                read_everything(&incoming);
                translate(&incoming.packet());
            }
            Ok(None) => assert!(assembly.is_waiting()),
            // The connection closes.
            Err(_) => {
                assert!(!assembly.is_waiting());
                return;
            }
        }
    }
}

/// The same packet for peers of the other format.
fn translate(packet: &Packet<'_>) {
    match MessagePack.encode(packet) {
        Ok(frame) => {
            let again = MessagePack.decode(as_message(&frame), &ROOMY).expect("what we encode");
            let again = again.packet();
            assert_eq!((again.kind(), again.namespace()), (packet.kind(), packet.namespace()));
            assert_eq!((again.id(), again.event()), (packet.id(), packet.event()));
        }
        Err(error) => {
            assert!(matches!(error, EncodeError::NoPayload { .. }) && packet.payload().is_none(), "{error}")
        }
    }
}

/// What stands between the messages of [`socket_text`].
pub(crate) const SEPARATOR: u8 = 0x1e;

/// One packet of MessagePack.
pub fn socket_msgpack(data: &[u8]) {
    let limits = Limits { packet_bytes: 4_096, ..Limits::default() };
    let Ok(incoming) = MessagePack.decode(Message::Binary(data), &limits) else { return };
    read_everything(&incoming);
    let packet = incoming.packet();
    let frame = MessagePack.encode(&packet).expect("what came in may go out");
    let again = MessagePack.decode(as_message(&frame), &ROOMY).expect("what we encode can be decoded");
    assert_eq!(seen(&again.packet()), seen(&packet));
    // What is beyond a double stays so in the one, and is null in the other.
    if packet.payload().is_some_and(|payload| payload.contains("e999")) {
        return;
    }
    let payload = packet.payload_value();
    let parts = Incoming::new(packet.kind(), packet.namespace(), packet.id(), payload.as_ref(), &ROOMY);
    assert_eq!(seen(&parts.expect("the parts of a packet are one").packet()), seen(&packet));
}

/// JSON: ours takes what a strict parser takes, up to its own limits, and reads the same values.
pub fn socket_json(data: &[u8]) {
    let Ok(payload) = std::str::from_utf8(data) else { return };
    let text = format!("3[0,{payload}]");
    let ours = json::decode(&text, &ROOMY);
    if let Err(DecodeError::TooDeep { .. }) = ours {
        return;
    }
    let strict = serde_json::from_str::<IgnoredAny>(&text[1..]);
    assert_eq!(ours.is_ok(), strict.is_ok(), "{ours:?}, {strict:?}");
    let (Ok(packet), Ok(strict)) = (ours, serde_json::from_str::<Vec<serde_json::Value>>(&text[1..])) else {
        return;
    };
    // Its own limit of depth is lower, and it refuses doubles beyond the range and halves of surrogate pairs.
    let values: Vec<Value> = packet.arguments().map(|argument| argument.parse().expect("JSON")).collect();
    assert!(
        values.len() == strict.len() && values.iter().zip(&strict).all(|(a, b)| same(a, b)),
        "{values:?}"
    );
    let written = json::encode_ack("/", 0, &packet.arguments()).expect("without attachments");
    assert_eq!(written.text.packet(), format!("430[{}]", packet.arguments().raw()).as_bytes());
}

/// Types that handlers ask for.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read, and not looked at")]
struct Shape<'p> {
    #[serde(borrow)]
    name: Option<std::borrow::Cow<'p, str>>,
    #[serde(default)]
    numbers: Vec<i32>,
    kind: Option<Kind>,
    bytes: Option<Binary>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read, and not looked at")]
enum Kind {
    Unit,
    One(f32),
    Two(u8, String),
    Named { a: bool },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "read, and not looked at")]
enum Either {
    Number(f64),
    Text(String),
    Many(Vec<Either>),
    Map(BTreeMap<String, Either>),
}

fn read_everything(incoming: &Incoming<'_>) {
    let packet = incoming.packet();
    let name = packet.event();
    let _ = packet.payload_as::<Value>();
    let _ = packet.payload_as::<Shape<'_>>();
    let values: Vec<Value> =
        packet.arguments().map(|argument| argument.parse().expect("any value can be read")).collect();
    assert_eq!(values.len(), packet.arguments().len());
    let _ = packet.arguments().next_as::<Shape<'_>>();
    let _ = packet.arguments().next_as::<Kind>();
    let _ = packet.arguments().next_as::<Either>();
    let _ = packet.arguments().next_as::<(f64, Vec<u8>)>();
    let _ = packet.arguments().next_as::<BTreeMap<i32, serde_json::Value>>();
    let _ = packet.arguments().next_as::<&str>();
    let _ = packet.arguments().next_as::<&[u8]>();
    let mut typed = packet.arguments();
    let _ = (typed.next_as::<String>(), typed.next_as::<Binary>(), typed.next_as::<Option<u32>>());
    let _ = (typed.next_as::<i128>(), typed.next_as::<char>(), typed.next_as::<()>());
    let kept = incoming.clone().into_owned();
    assert_eq!(kept.packet().event(), name);
    match json::encode_ack("/", 0, &packet.arguments()) {
        Ok(sent_on) => {
            let again = decode(&sent_on);
            let again: Vec<Value> =
                again.packet().arguments().map(|argument| argument.parse().expect("a value")).collect();
            assert_eq!(again, values);
        }
        Err(error) => {
            assert_eq!(error, EncodeError::Placeholder);
            assert!(packet.attachment_count() > 0 && values.iter().any(mentions_placeholder));
        }
    }
}

fn decode(encoded: &Encoded) -> Incoming<'static> {
    Assembly::read(encoded.frames(), &Limits::OURS).expect("what we encode can be decoded")
}

fn as_message(frame: &Frame) -> Message<'_> {
    frame.as_message().expect("a packet is a message")
}

type Parts<'p> = (sockeye_socket_proto::packet::Kind, &'p str, Option<u64>, Option<&'p str>, &'p [Vec<u8>]);

/// All of a packet that can be seen from outside.
fn seen<'p>(packet: &Packet<'p>) -> Parts<'p> {
    (packet.kind(), packet.namespace(), packet.id(), packet.payload(), packet.attachments())
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

/// Whether two parsers read the same.
fn same(ours: &Value, strict: &serde_json::Value) -> bool {
    match (ours, strict) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(strict)) => ours == strict,
        (Value::String(ours), serde_json::Value::String(strict)) => ours == strict,
        (Value::Number(ours), serde_json::Value::Number(strict)) => same_number(ours, strict),
        (Value::Array(ours), serde_json::Value::Array(strict)) => {
            ours.len() == strict.len() && ours.iter().zip(strict).all(|(ours, strict)| same(ours, strict))
        }
        // Of a key that is repeated the strict one keeps the last.
        (Value::Object(ours), serde_json::Value::Object(strict)) => strict.iter().all(|(name, strict)| {
            let last = ours.iter().rev().find(|(ours, _)| ours == name);
            last.is_some_and(|(_, ours)| same(ours, strict))
        }),
        _ => false,
    }
}

fn same_number(ours: &Number, strict: &serde_json::Number) -> bool {
    let (ours, strict) = (ours.as_f64(), strict.as_f64().unwrap_or(f64::NAN));
    // The strict one may round the last digit the other way.
    ours == strict || (ours - strict).abs() <= strict.abs() * 1e-15 || (ours - strict).abs() < 1e-300
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oracle_that_reads_another_value_is_noticed() {
        let strict = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert!(same(&value(r#"{"a":[1,"x"]}"#), &strict(r#"{"a":[1,"x"]}"#)));
        assert!(!same(&value(r#"{"a":[1,"x"]}"#), &strict(r#"{"a":[2,"x"]}"#)));
        assert!(!same(&value("[]"), &strict("{}")) && !same(&value("1"), &strict("1.0000001")));
    }
}
