//! Replays `spec/vectors/engine_v4.json`: what the original parser encodes, decodes and refuses.

#[path = "../../../tests/support/differences.rs"]
mod differences;

use serde_json::{Value as Json, json};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{Decoded, Message, Packet};
use sockeye_engine_proto::wire::payload;

use crate::differences::Differences;

const FILE: &str = "engine_v4.json";

#[test]
fn every_row_is_answered_as_by_the_original_or_listed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/engine_v4.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let vectors: Json = serde_json::from_str(&text).expect("JSON");
    let rows = |table: &str| vectors[table].as_array().expect("a table").clone();
    let mut differences = Differences::of(FILE);
    let mut check = |key: &str, ours: Json, expected: &Json| {
        let same = ours == *expected;
        differences.check(key, if same { Ok(()) } else { Err(format!("{ours} instead of {expected}")) });
    };
    for row in rows("encode_packet") {
        let frame = frame(&row["packet"]);
        check(&row["packet"].to_string(), websocket(&frame), &bytes(&row["websocket"]));
        check(&row["packet"].to_string(), polling(&[frame]), &bytes(&row["polling"]));
    }
    for row in rows("decode_text") {
        let text = row["in"].as_str().expect("text");
        let ours = Decoded::from_text(text).map_or_else(|_| error(), |packet| packet_json(packet.packet()));
        check(&row["in"].to_string(), ours, &normal(&row["out"]));
    }
    for row in rows("decode_binary") {
        let bytes = unhex(row["in_hex"].as_str().expect("hex"));
        check(&row["in_hex"].to_string(), packet_json(Packet::Message(Message::Binary(&bytes))), &row["out"]);
    }
    for row in rows("encode_payload") {
        let frames: Vec<Frame> = row["packets"].as_array().expect("packets").iter().map(frame).collect();
        check(&row["packets"].to_string(), polling(&frames), &bytes(&row["encoded"]));
    }
    for row in rows("decode_payload") {
        let packets = payload::split(row["in"].as_str().expect("text"));
        let ours: Json = packets
            .map(|packet| packet.map_or_else(|_| error(), |packet| packet_json(packet.packet())))
            .collect();
        let expected: Json = row["out"].as_array().expect("packets").iter().map(normal).collect();
        check(&row["in"].to_string(), ours, &expected);
    }
    assert_eq!(differences.finish(), 2 * 26 + 33 + 6 + 9 + 13);
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

/// The original leaves the data out when there is none, and so do we.
fn normal(packet: &Json) -> Json {
    let mut packet = packet.clone();
    if packet["type"] == "error" {
        return error();
    }
    if packet["text"] == "" {
        packet.as_object_mut().expect("an object").remove("text");
    }
    packet
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
