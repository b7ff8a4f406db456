//! Where inputs begin: what `spec/vectors` has for a target, and the files of `corpus/`.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;
use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::encode::encode;
use sockeye_websocket::header::OpCode;

use crate::request::FIRST_SID;
use crate::socket::SEPARATOR;

/// The vectors that a target can start from, as its inputs.
///
/// # Panics
/// When the vectors are not there.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = match target {
        "engine_packet" => {
            let texts = [vectors("engine_v4", "decode_text"), vectors("engine_v3", "decode_text")].concat();
            let binary = vectors("engine_v3", "decode_binary");
            texts.iter().filter_map(text_in).chain(binary.iter().filter_map(hex_in)).collect()
        }
        "engine_payload_v4" => {
            let written = vectors("engine_v4", "encode_payload");
            let written = written.iter().filter_map(|row| hex(&row["encoded"]["utf8_hex"]));
            vectors("engine_v4", "decode_payload").iter().filter_map(text_in).chain(written).collect()
        }
        "engine_payload_v3" => {
            let text = vectors("engine_v3", "decode_payload_text");
            let binary = vectors("engine_v3", "decode_payload_binary");
            let behind = |choices: [u8; 2]| move |body: Vec<u8>| [&choices, &body[..]].concat();
            let text = text.iter().filter_map(text_in).map(behind([0, 0]));
            text.chain(binary.iter().filter_map(hex_in).map(behind([1, 0]))).collect()
        }
        "socket_text" => packets().iter().map(|messages| messages.join(&SEPARATOR)).collect(),
        "socket_msgpack" => {
            let rows = ["decode", "malformed"].map(|table| vectors("socketio_msgpack", table)).concat();
            let written = vectors("socketio_msgpack", "encode");
            let written = written.iter().filter_map(|row| hex(&row["hex"]));
            rows.iter().filter_map(|row| hex(&row["in"]["hex"])).chain(written).collect()
        }
        "socket_json" => packets().iter().filter_map(|messages| json_of(messages.first()?)).collect(),
        "websocket_frames" => packets().iter().map(|messages| frames(messages)).collect(),
        "websocket_deflate" => packets()
            .iter()
            .flatten()
            .map(|message| {
                let mut compressed = vec![0x10];
                let agreement = Agreement::new(15).expect("a window that there is");
                agreement.compress(1, message, &mut compressed);
                compressed
            })
            .collect(),
        "requests" => scenarios(),
        "request_handshake" => scenarios().iter().filter_map(|connection| lines_of(connection)).collect(),
        _ => Vec::new(),
    };
    let max_len = crate::target(target).map_or(0, |target| target.max_len);
    seeds.retain(|seed| !seed.is_empty() && seed.len() <= max_len);
    seeds.sort();
    seeds.dedup();
    seeds
}

/// The files that are kept for a target: inputs that once broke something, and those that reach far.
///
/// # Errors
/// When its folder cannot be read.
pub fn corpus(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files.push((path.display().to_string(), fs::read(path)?));
    }
    files.sort();
    Ok(files)
}

fn vectors(file: &str, table: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../spec/vectors/{file}.json"));
    let text = fs::read_to_string(&path).expect("the vectors are in the repository");
    let file: Value = serde_json::from_str(&text).expect("vectors are JSON");
    file[table].as_array().cloned().expect("a table of that name")
}

fn text_in(row: &Value) -> Option<Vec<u8>> {
    row["in"].as_str().map(|text| text.as_bytes().to_vec())
}

fn hex_in(row: &Value) -> Option<Vec<u8>> {
    hex(&row["in_hex"])
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The messages of the packets of the default parser; binary ones with `b` in front.
fn packets() -> Vec<Vec<Vec<u8>>> {
    let rows = ["decode", "malformed"].map(|table| vectors("socketio_json", table)).concat();
    let message = |message: &Value| {
        let text = message["text"].as_str().map(|text| text.as_bytes().to_vec());
        let binary = ["hex", "binary_hex"].iter().find_map(|name| hex(&message[*name]));
        text.or_else(|| binary.map(|bytes| [b"b", &bytes[..]].concat()))
    };
    let read = rows.iter().filter_map(|row| row["in"].as_array());
    let written = vectors("socketio_json", "encode");
    let written = written.iter().filter_map(|row| row["encoded"].as_array());
    read.chain(written).map(|messages| messages.iter().filter_map(message).collect()).collect()
}

fn json_of(text: &[u8]) -> Option<Vec<u8>> {
    let at = text.iter().position(|byte| matches!(byte, b'[' | b'{'))?;
    Some(text[at..].to_vec())
}

/// Messages as frames of a server's, which are not masked.
fn frames(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    for message in messages {
        match message.strip_prefix(b"b") {
            Some(binary) => encode(OpCode::Binary, binary, None, &mut bytes),
            None => encode(OpCode::Text, &[b"4", &message[..]].concat(), None, &mut bytes),
        }
    }
    bytes
}

/// What clients sent over one connection, for the session that the first request opens.
fn scenarios() -> Vec<Vec<u8>> {
    vectors("engine_http", "scenarios")
        .iter()
        .map(|scenario| {
            let steps = scenario["steps"].as_array().expect("steps");
            let requests = steps.iter().filter_map(|step| step["request"]["text"].as_str());
            let mut bytes: String = requests.collect();
            let mut from = 0;
            while let Some(at) = bytes[from..].find("sid=") {
                let start = from + at + 4;
                if bytes.get(start..start + FIRST_SID.len()).is_some_and(|sid| !sid.contains(['&', ' '])) {
                    bytes.replace_range(start..start + FIRST_SID.len(), FIRST_SID);
                }
                from = start;
            }
            bytes.into_bytes()
        })
        .collect()
}

/// The target and the headers of the first request, a line each.
fn lines_of(connection: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(connection).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let target = lines.next()?.split(' ').nth(1)?;
    let headers: Vec<String> = lines.map(|line| line.replacen(": ", ":", 1)).collect();
    Some([target.to_owned()].into_iter().chain(headers).collect::<Vec<_>>().join("\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_found_for_each_target_that_has_some() {
        for (target, least) in [
            ("engine_packet", 40),
            ("engine_payload_v4", 15),
            ("engine_payload_v3", 20),
            ("socket_text", 100),
            ("socket_msgpack", 50),
            ("socket_json", 50),
            ("websocket_frames", 100),
            ("websocket_deflate", 100),
            ("requests", 60),
            ("request_handshake", 30),
        ] {
            let count = seeds(target).len();
            assert!(count >= least, "{target}: {count}");
        }
        let connections = seeds("requests");
        let names = |bytes: &[u8]| bytes.windows(FIRST_SID.len()).any(|part| part == FIRST_SID.as_bytes());
        assert!(connections.iter().filter(|bytes| names(bytes)).count() > 20);
    }
}
