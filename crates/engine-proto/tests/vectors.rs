//! Replays `spec/vectors/engine_v4.json` and `engine_v3.json`: what the original parsers encode, decode and refuse.

#[path = "../../../tests/support/differences.rs"]
mod differences;

use serde_json::{Value as Json, json};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{DecodeError, Decoded, Message, Packet};
use sockeye_engine_proto::wire::{payload, v3};

use crate::differences::Differences;

/// The tables of a file, each row of which is checked once.
struct Vectors {
    tables: Json,
    differences: Differences,
}

impl Vectors {
    fn of(file: &'static str) -> Vectors {
        let path = format!("{}/../../spec/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the vectors");
        Vectors { tables: serde_json::from_str(&text).expect("JSON"), differences: Differences::of(file) }
    }

    fn rows(&self, table: &str) -> Vec<Json> {
        self.tables[table].as_array().expect("a table").clone()
    }

    fn check(&mut self, key: &str, ours: Json, expected: &Json) {
        let same = ours == *expected;
        self.differences.check(key, if same { Ok(()) } else { Err(format!("{ours} instead of {expected}")) });
    }
}

#[test]
fn every_row_of_protocol_4_is_answered_as_by_the_original_or_listed() {
    let mut vectors = Vectors::of("engine_v4.json");
    for row in vectors.rows("encode_packet") {
        let frame = frame(&row["packet"]);
        vectors.check(&row["packet"].to_string(), websocket(&frame), &bytes(&row["websocket"]));
        vectors.check(&row["packet"].to_string(), polling(&[frame]), &bytes(&row["polling"]));
    }
    for row in vectors.rows("decode_text") {
        let text = row["in"].as_str().expect("text");
        let ours = Decoded::from_text(text).map_or_else(|_| error(), |packet| packet_json(packet.packet()));
        vectors.check(&row["in"].to_string(), ours, &normal(&row["out"]));
    }
    for row in vectors.rows("decode_binary") {
        let bytes = unhex(row["in_hex"].as_str().expect("hex"));
        vectors.check(
            &row["in_hex"].to_string(),
            packet_json(Packet::Message(Message::Binary(&bytes))),
            &row["out"],
        );
    }
    for row in vectors.rows("encode_payload") {
        let frames: Vec<Frame> = row["packets"].as_array().expect("packets").iter().map(frame).collect();
        vectors.check(&row["packets"].to_string(), polling(&frames), &bytes(&row["encoded"]));
    }
    for row in vectors.rows("decode_payload") {
        let packets = payload::split(row["in"].as_str().expect("text"));
        vectors.check(&row["in"].to_string(), all_json(packets), &all_normal(&row["out"]));
    }
    assert_eq!(vectors.differences.finish(), 2 * 26 + 33 + 6 + 9 + 13);
}

#[test]
fn every_row_of_protocol_3_is_answered_as_by_the_original_or_listed() {
    let mut vectors = Vectors::of("engine_v3.json");
    for row in vectors.rows("encode_packet") {
        let key = row["packet"].to_string();
        for (table, base64) in [("websocket", false), ("websocket_b64", true)] {
            let frame = v3::translate(&frame(&row["packet"]), base64);
            vectors.check(&key, websocket(&frame), &bytes(&row[table]));
        }
    }
    // The same input stands in several tables.
    let key = |table: &str, input: &Json| format!("{table} {input}");
    for row in vectors.rows("decode_text") {
        let decoded = v3::decode_text(row["in"].as_str().expect("text"));
        let ours = decoded.map_or_else(|_| error(), |packet| packet_json(packet.packet()));
        vectors.check(&key("decode_text", &row["in"]), ours, &normal(&row["out"]));
    }
    for row in vectors.rows("decode_binary") {
        let decoded = unhex(row["in_hex"].as_str().expect("hex"));
        let ours = v3::decode_binary(&decoded).map_or_else(|_| error(), packet_json);
        vectors.check(&key("decode_binary", &row["in_hex"]), ours, &normal(&row["out"]));
    }
    for row in vectors.rows("encode_payload") {
        let key = row["packets"].to_string();
        for (table, base64) in [("binary_supported", false), ("b64", true)] {
            let frames = row["packets"].as_array().expect("packets").iter();
            let frames: Vec<Frame> = frames.map(|packet| v3::translate(&frame(packet), base64)).collect();
            let (body, binary) = v3::payload(&frames);
            let ours = json!([if binary { "binary" } else { "text" }, hex(&body)]);
            vectors.check(&key, ours, &bytes(&row[table]));
        }
    }
    for row in vectors.rows("decode_payload_text") {
        let packets = v3::split(row["in"].as_str().expect("text"));
        let key = key("decode_payload_text", &row["in"]);
        vectors.check(&key, all_json(packets), &all_normal(&row["out"]["packets"]));
    }
    for row in vectors.rows("decode_payload_binary") {
        let payload = unhex(row["in_hex"].as_str().expect("hex"));
        let key = key("decode_payload_binary", &row["in_hex"]);
        vectors.check(&key, all_json(v3::split_binary(&payload)), &all_normal(&row["out"]["packets"]));
    }
    assert_eq!(vectors.differences.finish(), 2 * 26 + 22 + 8 + 2 * 13 + 23 + 13);
}

fn frame(packet: &Json) -> Frame {
    if let Some(hex) = packet["binary_hex"].as_str() {
        return Frame::binary(&unhex(hex));
    }
    let types = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
    let digit = types.iter().position(|name| packet["type"] == *name).expect("a packet's type");
    // Half of a surrogate pair is no text of ours; on the wire it is U+FFFD.
    let text =
        if packet["text"].is_object() { "\u{fffd}" } else { packet["text"].as_str().unwrap_or_default() };
    Frame::text(&[digit.to_string().as_bytes(), text.as_bytes()])
}

fn websocket(frame: &Frame) -> Json {
    json!([if frame.is_binary() { "binary" } else { "text" }, hex(frame.packet())])
}

fn polling(frames: &[Frame]) -> Json {
    let mut body = Vec::new();
    for frame in frames {
        payload::push(frame, &mut body);
    }
    json!(["text", hex(&body)])
}

fn bytes(encoded: &Json) -> Json {
    let hex = if encoded["kind"] == "binary" { &encoded["hex"] } else { &encoded["utf8_hex"] };
    json!([encoded["kind"], hex])
}

fn packet_json(packet: Packet<'_>) -> Json {
    let with = |kind: &str, data: &str| {
        if data.is_empty() { json!({ "type": kind }) } else { json!({ "type": kind, "text": data }) }
    };
    match packet {
        Packet::Open(data) => with("open", data),
        Packet::Close => with("close", ""),
        Packet::Ping(data) => with("ping", data),
        Packet::Pong(data) => with("pong", data),
        Packet::Message(Message::Text(data)) => with("message", data),
        Packet::Message(Message::Binary(bytes)) => json!({ "type": "message", "binary_hex": hex(bytes) }),
        Packet::Upgrade => with("upgrade", ""),
        Packet::Noop => with("noop", ""),
    }
}

fn all_json<'p>(packets: impl Iterator<Item = Result<Decoded<'p>, DecodeError>>) -> Json {
    packets.map(|packet| packet.map_or_else(|_| error(), |packet| packet_json(packet.packet()))).collect()
}

/// The original leaves the data out when there is none, and so do we. Where a packet stood in its payload, and the bytes
/// of a control packet that came as binary, are nobody's.
fn normal(packet: &Json) -> Json {
    let mut packet = packet.clone();
    if packet["type"] == "error" {
        return error();
    }
    let is_control = packet["type"].is_string() && packet["type"] != "message";
    let is_empty = packet["text"] == "";
    let members = packet.as_object_mut().expect("an object");
    members.retain(|name, _| match name.as_str() {
        "text" => !is_empty,
        "binary_hex" => !is_control,
        name => !matches!(name, "index" | "total"),
    });
    packet
}

/// The packets of a payload; none where the original does not end.
fn all_normal(packets: &Json) -> Json {
    packets.as_array().into_iter().flatten().map(normal).collect()
}

fn error() -> Json {
    json!({ "type": "error" })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}
