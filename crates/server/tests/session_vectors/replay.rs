//! Plays one recorded scenario, and says where it went otherwise.

use std::time::Duration;

use serde_json::{Value, json};
use sockeye_engine::listen::bind;
use sockeye_engine_proto::packet::Message;
use sockeye_server::binary::Binary;
use sockeye_server::handler::args::Args;
use sockeye_server::namespace::Namespace;
use sockeye_server::parser::Parser;
use sockeye_server::parser::msgpack::MessagePack;
use sockeye_server::server::Server;
use sockeye_socket_proto::limits::Limits;

use crate::application::{Seen, build};
use crate::own::Own;
use crate::peer::{Came, Kind, Peer};

/// How long the server's side may take to see what the peer did.
const PATIENCE: Duration = Duration::from_secs(5);

const BROADCAST: &str = "rooms and broadcast, ids shared in a namespace";

/// Plays a scenario over a technique.
pub(crate) async fn replay(scenario: &Value, kind: Kind) -> Result<(), String> {
    let name = scenario["name"].as_str().expect("a name");
    let seen = Seen::default();
    let server = build(name, &scenario["server_options"], &seen);
    let listener = bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.listen_with(listener, std::future::pending()).await }
    });
    let own = Own::new(!scenario["server_options"]["connectionStateRecovery"].is_null());
    let mut stage = Stage { name, server, seen, scenario, own, peers: Vec::new() };
    let open = async |target: &str| Peer::open(kind, &stage.server, address, target).await;
    let mut peers = Vec::new();
    for step in scenario["steps"].as_array().expect("steps") {
        if let Some(target) = step["websocket"].as_str() {
            peers.push((open(target).await?, step["frames"].as_array().expect("frames").clone()));
        } else if let Some(packets) = step["observed_engine_packets"].as_array() {
            let protocol = if name.contains("client 2.5") { 3 } else { 4 };
            let peer = open(&format!("/socket.io/?EIO={protocol}&transport=websocket")).await?;
            peers.push((peer, observed(packets, protocol)));
        }
    }
    let played = if name == BROADCAST { stage.broadcast(peers).await } else { stage.play(peers).await };
    let played = match played {
        Ok(()) => stage.compare_events().await,
        Err(difference) => Err(difference),
    };
    serving.abort();
    played
}

/// A scenario in which something was missed, with CONNECT in front of it.
pub(crate) fn connect_first(scenario: &Value) -> Option<Value> {
    let mut scenario = scenario.clone();
    let mut is_mended = false;
    for step in scenario["steps"].as_array_mut().expect("steps") {
        let lists = step.as_object_mut().into_iter().flat_map(|step| step.values_mut());
        for list in lists.filter_map(Value::as_array_mut) {
            let says = |frame: &Value, side: &str, text: &str| {
                let said = frame[side].as_str().and_then(|frame| frame.strip_prefix('4'));
                said.or(frame[if side == "send" { "client" } else { "server" }]["text"].as_str())
                    .is_some_and(|said| said.starts_with(text))
            };
            let asked = list.iter().position(|frame| says(frame, "send", "0{\"pid\""));
            let granted = list.iter().rposition(|frame| says(frame, "recv", "0{\"sid\""));
            if let (Some(asked), Some(granted)) = (asked, granted)
                && granted > asked + 1
            {
                list[asked + 1..=granted].rotate_right(1);
                is_mended = true;
            }
        }
    }
    is_mended.then_some(scenario)
}

/// Frames of a session that was recorded inside of the server: its client ends it.
fn observed(packets: &[Value], protocol: u8) -> Vec<Value> {
    let mut frames = vec![json!({ "recv": "0{...}" })];
    for packet in packets {
        for (side, text, hex) in [("client", "send", "send_hex"), ("server", "recv", "recv_hex")] {
            if let Some(message) = packet[side]["text"].as_str() {
                frames.push(json!({ text: format!("4{message}") }));
            } else if let Some(bytes) = packet[side]["hex"].as_str() {
                let kind = if protocol == 3 { "04" } else { "" };
                frames.push(json!({ hex: format!("{kind}{bytes}") }));
            }
        }
    }
    frames.push(json!({ "closed": 1005 }));
    frames
}

struct Stage<'s> {
    name: &'s str,
    server: Server,
    seen: Seen,
    scenario: &'s Value,
    own: Own,
    /// Those that are still there.
    peers: Vec<Peer>,
}

impl Stage<'_> {
    async fn play(&mut self, peers: Vec<(Peer, Vec<Value>)>) -> Result<(), String> {
        let events = self.scenario["server_events"].as_array().expect("events");
        // Where it says nothing of the end, the recording was over before the end was.
        let ends = events.iter().any(|event| event.get("engine_close").is_some());
        for (index, (mut peer, frames)) in peers.into_iter().enumerate() {
            let mut is_closed = false;
            for frame in &frames {
                self.act(index, frame);
                is_closed = frame.get("closed").is_some();
                if is_closed && self.server_closes(index) {
                    expect(&Came::Closed, &peer.recv().await)?;
                    is_closed = false;
                    break;
                }
                self.frame(&mut peer, frame).await?;
            }
            if is_closed && ends {
                peer.close().await;
            } else {
                self.peers.push(peer);
            }
        }
        Ok(())
    }

    /// Sends or expects one frame.
    async fn frame(&mut self, peer: &mut Peer, frame: &Value) -> Result<(), String> {
        if let Some(text) = frame["send"].as_str() {
            peer.send_text(&self.own.translate(text)).await;
        } else if let Some(hex) = frame["send_hex"].as_str() {
            peer.send_binary(unhex(hex)).await;
        } else if let Some(hex) = frame["recv_hex"].as_str() {
            let expected = Came::Binary(unhex(hex));
            match (&expected, peer.recv().await) {
                (Came::Binary(expected), Came::Binary(came)) if self.server.parser().is_some() => {
                    // Members of a packet are in another order, and the ids in it are our own.
                    self.own.compare(&as_text(expected)?, &as_text(&came)?)?;
                }
                (_, came) => expect(&expected, &came)?,
            }
        } else if let Some(text) = frame["recv"].as_str() {
            let came = peer.recv().await;
            if text == "0{...}" {
                let is_open = matches!(&came, Came::Text(open) if open.starts_with("0{\"sid\":\""));
                return if is_open { Ok(()) } else { Err(format!("no open packet but {came:?}")) };
            }
            match came {
                Came::Text(came) => self.own.compare(text, &came)?,
                other => expect(&Came::Text(text.to_owned()), &other)?,
            }
        }
        Ok(())
    }

    /// What the recorded application did by itself, before the frame that shows it.
    fn act(&self, index: usize, frame: &Value) {
        let root = self.server.of("/");
        if self.name.contains("recovery") {
            let shown = frame["recv"].as_str().or(frame["send"].as_str());
            emit_numbered(&root, index, shown.unwrap_or_default());
        }
        match (self.name, index, frame["recv"].as_str()) {
            ("server disconnect(false) and disconnect(true)", 0, Some("41/a,")) => {
                self.server.of("/a").disconnect_sockets(false);
            }
            ("server disconnect(false) and disconnect(true)", _, Some("41"))
            | ("io.disconnectSockets(true) with two namespaces", _, Some("41"))
            | ("EIO3: server disconnect(true)", _, Some("41")) => {
                root.disconnect_sockets(true);
            }
            ("io.close()", _, None) if frame.get("closed").is_some() => self.server.close(),
            _ => {}
        }
    }

    /// Whether it was the server that closed this peer's connection.
    fn server_closes(&self, index: usize) -> bool {
        let events = self.scenario["server_events"].as_array().expect("events");
        let mut closes = events.iter().filter_map(|event| event["engine_close"].as_str());
        closes.nth(index).is_some_and(|reason| reason != "transport close")
    }

    /// Two peers at once: what each sends and hears is in order, what the two do overlaps.
    async fn broadcast(&mut self, mut peers: Vec<(Peer, Vec<Value>)>) -> Result<(), String> {
        let (root, seen) = (self.server.of("/"), self.seen.clone());
        let ask = move |event: &'static str, milliseconds: u64| {
            let (namespace, seen) = (root.clone(), seen.clone());
            let asked = async move {
                let asked = namespace.timeout(Duration::from_millis(milliseconds));
                let answers = asked.emit_with_ack::<Args>(event, ()).await.expect("it goes out");
                let first = |answer: &Args| answer.get::<String>(0).expect("text");
                let mut responses: Vec<String> = answers.values().map(first).collect();
                responses.sort_unstable();
                let late = (!answers.is_complete()).then_some("operation has timed out");
                seen.push(json!({ "broadcast_ack": { "err": late, "responses": responses } }));
            };
            tokio::spawn(asked)
        };
        for (peer, frames) in &mut peers {
            for frame in frames.drain(..3) {
                self.frame(peer, &frame).await?;
            }
        }
        self.server.to("r").emit("b", 1);
        let first = ask("ack", 1000);
        let mut rest = Vec::new();
        for (mut peer, frames) in peers {
            let (sends, comes): (Vec<Value>, Vec<Value>) = frames
                .into_iter()
                .filter(|frame| frame.get("closed").is_none())
                .partition(|frame| frame.get("send").is_some());
            for frame in [&comes[0], &comes[1], &sends[0]] {
                self.frame(&mut peer, frame).await?;
            }
            rest.push((peer, comes[2].clone(), sends[1].clone()));
        }
        first.await.expect("it ends");
        let second = ask("ack2", 100);
        let [(one, comes_one, sends_one), (two, comes_two, sends_two)] = &mut rest[..] else {
            return Err("two peers".to_owned());
        };
        self.frame(one, comes_one).await?;
        self.frame(two, comes_two).await?;
        self.frame(one, sends_one).await?;
        second.await.expect("it ends");
        self.frame(two, sends_two).await?;
        for (peer, _, _) in rest {
            peer.close().await;
        }
        Ok(())
    }

    /// Whether our handlers saw what the reference's saw. Its `error` events and the engine's own are no
    /// handlers of ours.
    async fn compare_events(&self) -> Result<(), String> {
        let ours = |event: &&Value| event.get("engine_close").is_none() && event.get("error").is_none();
        let is_clients =
            |event: &&Value| event.get("client_ack").is_some() || event.get("client_recovered").is_some();
        let recorded = self.scenario["server_events"].as_array().expect("events");
        let expected: Vec<Value> =
            recorded.iter().filter(ours).filter(|event| !is_clients(event)).map(named).collect();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.seen.all().len() < expected.len() && tokio::time::Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        let seen: Vec<Value> = self.seen.all().iter().map(named).collect();
        let mut sorted = (expected.clone(), seen.clone());
        // Several peers are not ordered among each other.
        for list in [&mut sorted.0, &mut sorted.1] {
            if self.scenario["steps"].as_array().is_some_and(|steps| steps.len() > 1) {
                list.sort_by_key(Value::to_string);
            }
        }
        if sorted.0 == sorted.1 {
            return Ok(());
        }
        Err(format!("handlers saw {seen:?}, not {expected:?}"))
    }
}

/// What the application of a scenario of recovery emitted: to its first peer, and while that was away.
fn emit_numbered(namespace: &Namespace, index: usize, shown: &str) {
    let bytes = |byte: u8| Binary::from(&[byte][..]);
    let is = |start: &str| shown.starts_with(start);
    match index {
        0 if is("42[\"a\",1,") => drop(namespace.emit("a", 1)),
        0 if is("42[\"a\",") => drop(namespace.emit("a", ())),
        0 if is("451-[\"b\"") => drop(namespace.emit("b", bytes(1))),
        // Nobody waits for the answer.
        0 if is("420[") => {
            namespace.sockets().iter().for_each(|socket| drop(socket.emit_with_ack::<Args>("with-ack", ())));
        }
        1 if is("40{\"pid\":\"kINlf9AE6U1wA4h8AAA0\"") => {
            namespace.emit("missed1", ());
            namespace.to("room").emit("missed2", json!({ "x": 1 }));
            namespace.to("other").emit("not for you", ());
            namespace.except("room").emit("excluded", ());
            namespace.emit("missed bin", bytes(7));
        }
        1 if is("40{\"pid\":\"...\"") => drop(namespace.emit("missed", 2)),
        _ => {}
    }
}

/// Names of events are text with us, and ids and offsets ours.
fn named(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(Value::Number(number)) = event.pointer("/event/args/0") {
        event["event"]["args"][0] = Value::String(number.to_string());
    }
    if event
        .pointer("/connection/auth/pid")
        .and_then(Value::as_str)
        .is_some_and(|pid| [20, 24].contains(&pid.len()))
    {
        event["connection"]["auth"]["pid"] = json!("<pid>");
        event["connection"]["auth"]["offset"] = json!("<offset>");
    }
    event
}

fn expect(expected: &Came, came: &Came) -> Result<(), String> {
    if expected == came { Ok(()) } else { Err(format!("{came:?} came, not {expected:?}")) }
}

/// A packet of MessagePack in the default format, its bytes behind it.
fn as_text(bytes: &[u8]) -> Result<String, String> {
    let decoded = MessagePack.decode(Message::Binary(bytes), &Limits::default());
    let incoming = decoded.map_err(|error| error.to_string())?;
    let packet = incoming.packet();
    let namespace = match packet.namespace() {
        "/" => String::new(),
        name => format!("{name},"),
    };
    let id = packet.id().map(|id| id.to_string()).unwrap_or_default();
    let (kind, payload) = (packet.kind().number(), packet.payload().unwrap_or_default());
    let bytes: String = packet.attachments().iter().map(|part| format!(" {part:?}")).collect();
    Ok(format!("4{kind}{namespace}{id}{payload}{bytes}"))
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}
