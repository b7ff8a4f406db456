//! `cargo run -p sockeye-socket-proto --example oracle`: reads packets, decodes and writes them again, for
//! `tests/interop/oracle.mjs`, which compares with the original parsers.
//!
//! ```text
//! {"from":"json","messages":[{"text":"51-[…]"},{"hex":"00"}]}      a line of input: the messages of one packet
//! {"raw":{"json":[…],"msgpack":[…]},"read":{"json":[…],"msgpack":[…]}}      a line of output, or {"error":"…"}
//! ```
//! `raw` sends on what came as it is, as a server does that passes arguments along; `read` makes values of the arguments,
//! and encodes those, as a handler does that looks at them. Each in both formats.

use std::io::{self, BufRead as _, Write as _};

use serde::Serialize;
use serde::ser::{SerializeTuple as _, Serializer};
use serde_json::{Value as Json, json};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::outgoing::Encoded;
use sockeye_socket_proto::packet::{Kind, Packet};
use sockeye_socket_proto::parser::msgpack::MessagePack;
use sockeye_socket_proto::parser::{Parser as _, json as text, translate};
use sockeye_socket_proto::value::Value;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let asked: Json = serde_json::from_str(&line?)?;
        let answer = answer(&asked).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn answer(asked: &Json) -> Result<Json, Failure> {
    let incoming = decode(asked)?;
    let packet = incoming.packet();
    let raw = match asked["from"].as_str() {
        Some("msgpack") => MessagePack.encode(&packet)?,
        _ => translate(&MessagePack, &sent_on(&packet)?)?,
    };
    let read = values(&packet)?;
    let packed = translate(&MessagePack, &read)?;
    Ok(json!({
        "raw": { "json": messages(sent_on(&packet)?.frames()), "msgpack": messages([&raw]) },
        "read": { "json": messages(read.frames()), "msgpack": messages([&packed]) },
    }))
}

/// The packet that came.
fn decode(asked: &Json) -> Result<Incoming<'static>, Failure> {
    let messages = asked["messages"].as_array().ok_or("no messages")?;
    let mut assembly = Assembly::new();
    for message in messages {
        let bytes = message["hex"].as_str().map(unhex).unwrap_or_default();
        let message = match message["text"].as_str() {
            Some(text) => Message::Text(text),
            None => Message::Binary(&bytes),
        };
        if asked["from"] == "msgpack" {
            return Ok(MessagePack.decode(message, &Limits::default())?);
        }
        if let Some(incoming) = assembly.handle_message(message, &Limits::default())? {
            return Ok(incoming.into_owned());
        }
    }
    Err("attachments are missing".into())
}

/// Arguments go out as they came.
fn sent_on(packet: &Packet<'_>) -> Result<Encoded, Failure> {
    let namespace = packet.namespace();
    Ok(match packet.kind() {
        Kind::Event => {
            let name = packet.event().ok_or("an event without a name")?;
            text::encode_event(namespace, packet.id(), &name, &packet.arguments())?
        }
        Kind::Ack => text::encode_ack(namespace, packet.id().ok_or("no id")?, &packet.arguments())?,
        Kind::Connect | Kind::ConnectError | Kind::Disconnect => values(packet)?,
    })
}

/// What came is read, and written.
fn values(packet: &Packet<'_>) -> Result<Encoded, Failure> {
    let namespace = packet.namespace();
    let arguments = || packet.arguments().map(|argument| argument.parse()).collect::<Result<Vec<Value>, _>>();
    Ok(match packet.kind() {
        Kind::Event => {
            let name = packet.event().ok_or("an event without a name")?;
            text::encode_event(namespace, packet.id(), &name, &Several(&arguments()?))?
        }
        Kind::Ack => text::encode_ack(namespace, packet.id().ok_or("no id")?, &Several(&arguments()?))?,
        Kind::Connect => {
            text::encode_connect(namespace, packet.payload_as::<Option<Value>>()?.as_ref())?.into()
        }
        Kind::ConnectError => text::encode_connect_error(namespace, &packet.payload_as::<Value>()?)?.into(),
        Kind::Disconnect => text::encode_disconnect(namespace).into(),
    })
}

/// Arguments whose number is not known when this is compiled.
struct Several<'v>(&'v [Value]);

impl Serialize for Several<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|value| tuple.serialize_element(value))?;
        tuple.end()
    }
}

fn messages<'f>(frames: impl IntoIterator<Item = &'f Frame>) -> Vec<Json> {
    let message = |frame: &Frame| match frame.as_message() {
        Some(Message::Text(text)) => json!({ "text": text }),
        Some(Message::Binary(bytes)) => json!({ "hex": hex(bytes) }),
        None => Json::Null,
    };
    frames.into_iter().map(message).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).filter_map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
