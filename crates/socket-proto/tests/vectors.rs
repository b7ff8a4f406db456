//! Replays `spec/vectors/socketio_json.json` and `socketio_msgpack.json`: what the original parsers encode, decode and
//! refuse.

#[path = "../../../tests/support/differences.rs"]
mod differences;
#[path = "support/sha256.rs"]
mod sha256;

use serde_json::{Value as Json, json};
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::error::DecodeError;
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::packet::{Kind, Packet};
use sockeye_socket_proto::parser::msgpack::MessagePack;
use sockeye_socket_proto::parser::{Parser, json as parser};
use sockeye_socket_proto::value::{Number, Value};

use crate::differences::Differences;

const JSON: &str = "socketio_json.json";
const MSGPACK: &str = "socketio_msgpack.json";

/// A file of vectors.
struct Vectors {
    tables: Json,
    /// The same, where objects keep the order of their members.
    ordered: Value,
}

impl Vectors {
    fn of(file: &str) -> Vectors {
        let path = format!("{}/../../spec/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        Vectors {
            tables: serde_json::from_str(&text).unwrap(),
            ordered: serde_json::from_str(&text).unwrap(),
        }
    }

    fn rows(&self, table: &str) -> &[Json] {
        self.tables[table].as_array().unwrap()
    }

    /// The rows of `encode`, each with its packet.
    fn packets(&self) -> impl Iterator<Item = (&Json, &Value)> {
        let packets = self.ordered.get("encode").unwrap().as_array().unwrap();
        self.rows("encode").iter().zip(packets.iter().map(|row| row.get("packet").unwrap()))
    }
}

#[test]
fn every_row_is_answered_as_by_the_original_or_listed() {
    let vectors = Vectors::of(JSON);
    let mut differences = Differences::of(JSON);
    for (row, packet) in vectors.packets() {
        let ours = encode(packet);
        differences.check(row["name"].as_str().unwrap(), same_messages(&ours, &row["encoded"]));
    }
    for row in vectors.rows("decode").iter().chain(vectors.rows("malformed")) {
        let key = row["in"].to_string();
        let ours = decode_all(&row["in"]);
        differences.check(&key, same(&ours, &row["out"]));
        if let Some(older) = row.get("parser_3_4_5") {
            differences.check(&format!("{key} parser_3_4_5"), same(&ours, older));
        }
    }
    assert_eq!(differences.finish(), 48 + 43 + 88 + 16);
}

#[test]
fn every_row_of_messagepack_is_answered_as_by_the_original_or_listed() {
    let vectors = Vectors::of(MSGPACK);
    let mut differences = Differences::of(MSGPACK);
    let key = |table: &str, row: &Json| format!("{table} {}", row["name"].as_str().unwrap());
    for (row, packet) in vectors.packets() {
        let packet = if packet.as_str().is_some() { &long_packet() } else { packet };
        let ours = incoming(packet);
        let ours = MessagePack.encode(&ours.packet()).unwrap();
        assert!(ours.is_binary());
        let (found, expected) = match row["hex_sha256"].as_str() {
            Some(digest) => (hex(&sha256::digest(ours.packet())), digest),
            None => (hex(ours.packet()), row["hex"].as_str().unwrap()),
        };
        let outcome = if found == expected { Ok(()) } else { Err(format!("{found} instead of {expected}")) };
        differences.check(&key("encode", row), outcome);
    }
    for table in ["decode", "malformed"] {
        for row in vectors.rows(table) {
            differences.check(&key(table, row), same_packet(&row["in"], &row["out"]));
        }
    }
    assert_eq!(differences.finish(), 49 + 11 + 16);
}

// Encoding.

fn same_messages(ours: &Encoded, expected: &Json) -> Result<(), String> {
    let ours: Json = ours.frames().map(engine_message).collect();
    if ours == *expected { Ok(()) } else { Err(format!("{ours} instead of {expected}")) }
}

fn engine_message(frame: &sockeye_engine_proto::frame::Frame) -> Json {
    if frame.is_binary() {
        return json!({ "hex": hex(frame.packet()) });
    }
    let text = frame.packet().strip_prefix(b"4").expect("a Socket.IO packet is an Engine.IO message");
    json!({ "text": std::str::from_utf8(text).unwrap(), "utf8_hex": hex(text) })
}

fn encode(packet: &Value) -> Encoded {
    let number = |name| packet.get(name).and_then(Value::as_f64).map(|number| number as u64);
    let namespace = packet.get("nsp").unwrap().as_str().unwrap();
    let id = number("id");
    let payload = packet.get("data").map(untag);
    let mut elements = match payload.clone() {
        Some(Value::Array(elements)) => elements.into_iter(),
        _ => Vec::new().into_iter(),
    };
    match number("type").unwrap() {
        0 => parser::encode_connect(namespace, payload.as_ref()).unwrap().into(),
        1 => parser::encode_disconnect(namespace).into(),
        2 => {
            let name = match elements.next().unwrap() {
                Value::String(name) => name,
                number => number_name(&number),
            };
            parser::encode_event(namespace, id, &name, &Spread(elements.collect())).unwrap()
        }
        3 => parser::encode_ack(namespace, id.unwrap(), &Spread(elements.collect())).unwrap(),
        4 => parser::encode_connect_error(namespace, &payload.unwrap()).unwrap().into(),
        other => panic!("type {other}"),
    }
}

/// Arguments whose number is not known when this is compiled.
struct Spread(Vec<Value>);

impl serde::Serialize for Spread {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|value| tuple.serialize_element(value))?;
        tuple.end()
    }
}

// MessagePack.

fn incoming(packet: &Value) -> Incoming<'static> {
    let number = |name| packet.get(name).and_then(Value::as_f64).map(|number| number as u64);
    let kind = Kind::from_number(number("type").unwrap() as u8).unwrap();
    let namespace = packet.get("nsp").unwrap().as_str().unwrap();
    let payload = packet.get("data").map(untag);
    Incoming::new(kind, namespace, number("id"), payload.as_ref(), &Limits::default()).unwrap()
}

/// The packet that its row describes in words: an event "s" with strings of 31, 32, 255, 256 and 65536 "a", and arrays
/// of 15 and 16 zeros.
fn long_packet() -> Value {
    let texts = [31, 32, 255, 256, 65536].map(|length| Value::from("a".repeat(length)));
    let arrays = [15, 16].map(|length| Value::Array(vec![0_u64.into(); length]));
    let data = [Value::from("s")].into_iter().chain(texts).chain(arrays).collect();
    Value::Object(vec![
        ("type".into(), 2_u64.into()),
        ("nsp".into(), "/".into()),
        ("data".into(), Value::Array(data)),
    ])
}

fn same_packet(message: &Json, expected: &Json) -> Result<(), String> {
    let bytes = message["hex"].as_str().map(unhex);
    let message = match &bytes {
        Some(bytes) => Message::Binary(bytes),
        None => Message::Text(message["text"].as_str().unwrap()),
    };
    let (ours, same) = match MessagePack.decode(message, &Limits::default()) {
        Ok(incoming) => {
            let ours = describe(&incoming.packet());
            let mut expected = expected["decoded"][0].clone();
            // The original hands on what else stands in the map, and nobody reads it.
            if let Some(parts) = expected.as_object_mut() {
                parts.retain(|name, _| ["type", "nsp", "id", "data"].contains(&name.as_str()));
            }
            (ours.to_string(), equal(&ours, &expected))
        }
        Err(error) => {
            let thrown = expected["throws"].as_str();
            (error.to_string(), thrown.is_some_and(|thrown| says_the_same(&error, thrown)))
        }
    };
    if same { Ok(()) } else { Err(format!("{ours} instead of {expected}")) }
}

fn says_the_same(error: &DecodeError, thrown: &str) -> bool {
    match error {
        DecodeError::Part { part, .. } => thrown == format!("invalid {part}"),
        DecodeError::Payload { .. } => thrown == "invalid payload",
        DecodeError::Malformed { .. } => thrown == "Could not parse" || thrown.ends_with("trailing bytes"),
        // What is no map the original looks through all the same, and misses the first part.
        DecodeError::Format { .. } => true,
        other => panic!("the original has no words for {other}"),
    }
}

// Decoding.

/// What came of the messages of one row, in the form of the vectors' `out`.
struct Outcome {
    decoded: Vec<Json>,
    failed: Option<(usize, DecodeError)>,
}

fn decode_all(messages: &Json) -> Outcome {
    let mut assembly = Assembly::new();
    let mut decoded = Vec::new();
    for (at, message) in messages.as_array().unwrap().iter().enumerate() {
        let bytes = message["hex"].as_str().map(unhex);
        let message = match &bytes {
            Some(bytes) => Message::Binary(bytes),
            None => Message::Text(message["text"].as_str().unwrap()),
        };
        match assembly.handle_message(message, &Limits::default()) {
            Ok(Some(incoming)) => decoded.push(describe(&incoming.packet())),
            Ok(None) => {}
            Err(error) => return Outcome { decoded, failed: Some((at, error)) },
        }
    }
    Outcome { decoded, failed: None }
}

fn describe(packet: &Packet<'_>) -> Json {
    let mut described = json!({ "type": packet.kind().number(), "nsp": packet.namespace() });
    if let Some(id) = packet.id() {
        described["id"] = json!(id);
    }
    if packet.payload().is_some() {
        let payload: Value = packet.payload_as().expect("a value takes every payload");
        described["data"] = tag(&payload);
        check_parts(packet, &payload);
    }
    described
}

/// Name and arguments, read one by one, are the payload read at once.
fn check_parts(packet: &Packet<'_>, payload: &Value) {
    if !matches!(packet.kind(), Kind::Event | Kind::Ack) {
        assert_eq!((packet.event(), packet.arguments().len()), (None, 0));
        return;
    }
    let mut elements = payload.as_array().unwrap();
    if packet.kind() == Kind::Event {
        let (name, arguments) = elements.split_first().unwrap();
        match name {
            Value::String(name) => assert_eq!(packet.event().unwrap(), name.as_str()),
            other => assert_eq!(packet.event().unwrap(), number_name(other)),
        }
        elements = arguments;
    }
    let mut typed = packet.arguments();
    assert_eq!(typed.len(), elements.len());
    for (element, argument) in elements.iter().zip(packet.arguments()) {
        assert_eq!(&typed.next_as::<Value>().unwrap(), element);
        assert_eq!(&argument.parse::<Value>().unwrap(), element);
    }
}

/// A number as JavaScript makes a text of it, for those that stand in the vectors.
fn number_name(number: &Value) -> String {
    match number.as_f64().expect("a name is a text or a number") {
        f64::INFINITY => "Infinity".into(),
        finite => finite.to_string(),
    }
}

fn same(ours: &Outcome, expected: &Json) -> Result<(), String> {
    let said = ours.failed.map(|(at, error)| format!("{error} at {at}"));
    let found = format!("{} and {said:?} instead of {expected}", json!(ours.decoded));
    let decoded = equal(&json!(ours.decoded), &expected["decoded"]);
    let failed = match (ours.failed, expected.get("throws").and_then(Json::as_str)) {
        (None, None) => true,
        (Some((at, error)), Some(thrown)) => {
            at as u64 == expected["at"].as_u64().unwrap()
                && thrown.to_lowercase().starts_with(words_of_the_original(&error))
        }
        _ => false,
    };
    if decoded && failed { Ok(()) } else { Err(found) }
}

fn words_of_the_original(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::UnknownType { .. } => "unknown packet type",
        DecodeError::AttachmentCount | DecodeError::Placeholder { .. } => "illegal attachments",
        DecodeError::TooManyAttachments { .. } => "too many attachments",
        DecodeError::Json { .. } | DecodeError::Payload { .. } | DecodeError::ReservedEvent => {
            "invalid payload"
        }
        DecodeError::UnexpectedText { .. } => "got plaintext data when reconstructing a packet",
        DecodeError::UnexpectedBinary => "got binary data when not reconstructing a packet",
        other => panic!("the original has no words for {other}"),
    }
}

/// Equal, where 1 and 1.0 are the same number.
fn equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

// The vectors' tagged values: what JSON cannot say is an object with one name that begins with `$`.

fn untag(tagged: &Value) -> Value {
    let text = |name| tagged.get(name).and_then(Value::as_str);
    match tagged {
        Value::Array(elements) => Value::Array(elements.iter().map(untag).collect()),
        Value::Object(members) => {
            if let Some(bytes) = text("$bin") {
                Value::Binary(unhex(bytes))
            } else if let Some(number) = text("$num") {
                number.parse::<f64>().unwrap().into()
            } else if let Some(date) = text("$date") {
                date.into()
            } else if let Some(units) = text("$utf16_hex") {
                let units: Vec<u16> =
                    unhex(units).chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
                String::from_utf16_lossy(&units).into()
            } else if tagged.get("$undefined").is_some() {
                Value::Null
            } else {
                let there = members.iter().filter(|(_, value)| value.get("$undefined").is_none());
                Value::Object(there.map(|(name, value)| (name.clone(), untag(value))).collect())
            }
        }
        plain => plain.clone(),
    }
}

fn tag(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(Number::Unsigned(number)) => json!(number),
        Value::Number(Number::Signed(number)) => json!(number),
        Value::Number(Number::Float(number)) if number.is_infinite() => {
            json!({ "$num": if *number > 0.0 { "Infinity" } else { "-Infinity" } })
        }
        Value::Number(Number::Float(number)) => json!(number),
        Value::String(text) => json!(text),
        Value::Binary(bytes) => json!({ "$bin": hex(bytes) }),
        Value::Array(elements) => elements.iter().map(tag).collect(),
        Value::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), tag(value))).collect())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
