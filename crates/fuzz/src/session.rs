//! Whole sessions: the input says what several peers do to one server, and when.
//!
//! ```text
//! input ── steps ──▶ peers that poll, stream, have WebSockets, upgrade, send what is right and what is not, vanish
//!                    the clock, the application's own doings
//!                    one honest client, which no step touches
//! ```
//! Held after each step: what waits for a peer is bounded, answers to one peer's questions come at most once and in
//! order. Held at the end: the honest client is served; when all others are gone nothing of them is left.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use parking_lot::Mutex;
use sockeye_engine_proto::packet::{Message, Packet};
use sockeye_engine_proto::wire::payload;
use sockeye_server::conn::Conn;
use sockeye_server::counters::Counters;
use sockeye_server::handler::args::{Args, State};
use sockeye_server::handler::outcome::Reply as Answer;
use sockeye_server::runtime::Runtime;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;
use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::encode::{encode, encode_close, encode_fragment};
use sockeye_websocket::event::Event;
use sockeye_websocket::header::OpCode;
use sockeye_websocket::limits::Limits;

use crate::input::Input;
use crate::panics;
use crate::world::{Line, Reply, World, until};

const TARGET: &str = "/socket.io/?transport=polling";
const MASK: [u8; 4] = [1, 2, 3, 4];

/// Peers of one input, and steps, at most: so each input ends soon.
const PEERS: usize = 6;
const STEPS: usize = 200;

/// The server's limits, small so that inputs reach them.
const SOFT: usize = 2_000;
const HARD: usize = 8_000;
const MAX_PAYLOAD: usize = 4_000;
/// What may wait for one peer: the hard limit, one message over it, and control packets.
const MOST: usize = HARD + 2 * MAX_PAYLOAD + 1_000;

/// Ids of questions begin here. Garbage that holds such a number is no garbage: see [`Peer::garbage`].
const FIRST_QUESTION: u64 = 700_000;

/// One input: see the module.
pub fn session(data: &[u8]) {
    play(data);
}

/// Plays an input; what the server has done at its end, and how many answers came.
fn play(data: &[u8]) -> (Counters, usize) {
    let mut input = Input::new(data);
    let choices = input.byte();
    let conns: Conns = Conns::default();
    let world = World::new(u64::from(input.byte()), |builder| {
        let builder = builder
            .allow_eio3(true)
            .max_payload(MAX_PAYLOAD)
            .http_compression(None)
            .state(conns.clone())
            .cleanup_empty_child_namespaces(choices & 1 == 1)
            .lane_limit(1_000);
        builder.engine(|options| {
            options.soft_limit = SOFT;
            options.hard_limit = HARD;
            options.advertise_sse = true;
        })
    });
    serve(&world.server, 1 + choices / 64);
    let mut honest = Honest::new(&world);
    let mut peers: Vec<Peer> = Vec::new();
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        let wait = step(&world, &mut input, &mut peers, &conns);
        honest.wait(&world, wait);
        for conn in conns.0.lock().iter() {
            assert!(conn.queued() <= MOST, "{} bytes wait", conn.queued());
        }
    }
    world.run();
    peers.iter_mut().for_each(|peer| peer.look(&world));
    let answers = peers.iter().map(|peer| peer.answered.len()).sum();
    honest.asks(&world);
    drop(peers);
    // The honest one answers pings meanwhile, the others are gone or silent.
    until(|| world.server.counters().sessions == 1, |milliseconds| honest.wait(&world, milliseconds));
    honest.asks(&world);
    conns.0.lock().clear();
    let counters = world.server.counters();
    assert_eq!((counters.sessions, world.server.clients_count()), (1, 1), "sessions are left: {counters:?}");
    let sockets: usize = counters.connected.iter().map(|(_, sockets)| sockets).sum();
    assert_eq!(sockets, 1, "sockets are left: {counters:?}");
    let rooms: usize = world.server.namespaces().iter().map(|namespace| namespace.rooms().len()).sum();
    assert!(rooms <= 1, "rooms are left");
    honest.leaves(&world);
    assert_eq!(world.server.counters().sessions, 0, "the honest one is left");
    assert_eq!((world.server.counters().panics, panics::taken()), (0, 0));
    let counters = world.server.counters();
    world.end();
    (counters, answers)
}

/// The connections whose queues are looked at: all that had a socket.
#[derive(Clone, Default)]
struct Conns(Arc<Mutex<Vec<Conn>>>);

fn serve(server: &Server, concurrent: u8) {
    server.with(async |State(runtime): State<Runtime>, socket: Socket| {
        if socket.handshake().is_some_and(|handshake| handshake.url().contains("slow")) {
            runtime.sleep(Duration::from_millis(700)).await;
        }
        socket.join("all");
        Ok(())
    });
    server.on_connect(greet);
    server.of("/a").concurrent(concurrent).on_connect(greet);
    server.of(|name: &str| name.starts_with("/c-")).on_connect(greet);
}

async fn greet(socket: Socket, State(conns): State<Conns>) {
    conns.0.lock().push(socket.conn());
    socket.on("echo", async |socket: Socket, arguments: Args| socket.emit("echo", arguments));
    socket.on("ask", async |number: u64| Answer(number));
    socket.on("later", async |State(runtime): State<Runtime>, number: u64| {
        runtime.sleep(Duration::from_millis(number * 37 % 900)).await;
        Answer(number)
    });
    socket.on("join", async |socket: Socket, room: String| socket.join(&room));
    socket.on("leave", async |socket: Socket, room: String| socket.leave(&room));
    socket.on("say", async |socket: Socket, room: String, arguments: Args| {
        socket.to(&room).emit("said", arguments);
    });
    socket.on("question", async |socket: Socket| {
        let answer = socket.timeout(Duration::from_secs(3)).emit_with_ack::<u32>("question", 1);
        // Mostly nobody answers.
        answer.await.ok();
    });
    socket.on("flood", async |socket: Socket, bytes: u16| {
        socket.emit("flood", "x".repeat(usize::from(bytes) % MAX_PAYLOAD));
    });
    socket.on("go", async |socket: Socket, close: bool| socket.disconnect(close));
    socket.on_disconnect(async |socket: Socket, State(runtime): State<Runtime>| {
        runtime.sleep(Duration::from_millis(50)).await;
        socket.to("all").emit("gone", ());
    });
}

/// One thing that happens; how long the clock is to be moved then, in milliseconds.
fn step(world: &World, input: &mut Input<'_>, peers: &mut Vec<Peer>, conns: &Conns) -> u64 {
    let what = input.byte();
    // The highest bit leaves out the run behind it, so that several things happen at once.
    let runs = what & 0x80 == 0;
    match what & 0x7f {
        0 if peers.len() < PEERS => peers.push(Peer::polls(world, input)),
        1 if peers.len() < PEERS => peers.push(Peer::has_websocket(world, input)),
        2 if peers.len() < PEERS => peers.push(Peer::streams(world, input)),
        3 => return [1, 50, 300, 1_000, 2_000, 3_000, 6_000, 11_000][input.choice(8)],
        4 => _ = world.server.within("all").except("honest").emit("news", input.choice(3)),
        5 => _ = world.server.emit("all", "x".repeat(usize::from(input.byte()) * 8)),
        6 => {
            let conns: Vec<Conn> = conns.0.lock().iter().skip(1).cloned().collect();
            if let Some(conn) = conns.get(input.choice(conns.len())) {
                conn.close();
            }
        }
        7 => world.server.within("all").except("honest").disconnect_sockets(input.choice(2) == 1),
        8 => {
            let method = [Method::GET, Method::POST, Method::OPTIONS, Method::PUT][input.choice(4)].clone();
            let target = format!("/socket.io/?{}", String::from_utf8_lossy(input.piece()).replace(' ', "+"));
            if let Ok(request) = Request::builder().method(method).uri(target).body(body(input.piece())) {
                world.ask(request).drop_it();
            }
        }
        other => {
            let count = peers.len();
            if let Some(peer) = peers.get_mut(input.choice(count)) {
                peer.act(world, other, input);
            }
        }
    }
    if runs {
        world.run();
        peers.iter_mut().for_each(|peer| peer.look(world));
    }
    0
}

fn body(bytes: &[u8]) -> Full<Bytes> {
    Full::from(Bytes::copy_from_slice(bytes))
}

fn get(target: &str) -> Request<Full<Bytes>> {
    Request::get(target).body(Full::default()).expect("a target of ours")
}

/// One of the peers that the input moves.
struct Peer {
    /// With the session's id, once it is known.
    target: String,
    sid: Option<String>,
    is_v3: bool,
    /// GETs, POSTs and streams that are not over.
    gets: Vec<Reply>,
    posts: Vec<Reply>,
    stream: Option<(Reply, Vec<u8>)>,
    /// Streams that came back may repeat what they said.
    resumed: bool,
    socket: Option<WebSocket>,
    /// The question that is asked next, and the answers that came.
    next: u64,
    answered: Vec<(String, u64)>,
}

struct WebSocket {
    line: Line,
    upgraded: bool,
    decoder: Decoder,
}

impl Peer {
    fn new(target: String, is_v3: bool) -> Peer {
        Peer {
            target,
            sid: None,
            is_v3,
            gets: Vec::new(),
            posts: Vec::new(),
            stream: None,
            resumed: false,
            socket: None,
            next: FIRST_QUESTION,
            answered: Vec::new(),
        }
    }

    fn polls(world: &World, input: &mut Input<'_>) -> Peer {
        let choice = input.byte();
        let is_v3 = choice & 1 == 1;
        let extra = ["", "&b64=1", "&slow=1", "&sse=1"][usize::from(choice >> 1 & 3)];
        let target = format!("{TARGET}&EIO={}{extra}", if is_v3 { 3 } else { 4 });
        let mut peer = Peer::new(target, is_v3);
        peer.gets.push(world.ask(get(&peer.target)));
        peer
    }

    fn streams(world: &World, input: &mut Input<'_>) -> Peer {
        let extra = ["", "&slow=1"][input.choice(2)];
        let mut peer = Peer::new(format!("{TARGET}&EIO=4{extra}"), false);
        let target = peer.target.replace("polling", "sse");
        peer.stream = Some((world.ask(get(&target)), Vec::new()));
        peer
    }

    fn has_websocket(world: &World, input: &mut Input<'_>) -> Peer {
        let choice = input.byte();
        let is_v3 = choice & 1 == 1;
        let extra = ["", "&b64=1", "&slow=1", "&sid="][usize::from(choice >> 1 & 3)];
        let target = format!("{TARGET}&EIO={}{extra}", if is_v3 { 3 } else { 4 });
        let mut peer = Peer::new(target, is_v3);
        peer.open_socket(world);
        peer
    }

    /// A WebSocket of its own, or one that is to carry the session.
    fn open_socket(&mut self, world: &World) {
        let mut line = world.connect();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.target.replace("polling", "websocket")
        );
        line.write(head.as_bytes());
        self.socket = Some(WebSocket { line, upgraded: false, decoder: Decoder::new() });
    }

    fn act(&mut self, world: &World, what: u8, input: &mut Input<'_>) {
        match what {
            // A poll, which waits or does not; a second one at once is against the rules, and may happen.
            9 if self.sid.is_some() => {
                let wait = ["", "&wait=0", "&wait=1"][input.choice(3)];
                self.gets.push(world.ask(get(&format!("{}{wait}", self.target))));
            }
            10 => self.gets.drain(..).for_each(|get| get.drop_it()),
            11 => {
                let packets = self.packets(input);
                self.post(world, packets.as_bytes());
            }
            12 => {
                let garbage = Peer::garbage(input);
                self.post(world, garbage);
            }
            13 => self.posts.drain(..).for_each(|post| post.drop_it()),
            14 => self.open_socket(world),
            15 => {
                let packet = self.packet(input);
                self.frame(OpCode::Text, packet.as_bytes());
            }
            16 => self.frame(OpCode::Text, b"2probe"),
            17 => self.frame(OpCode::Text, b"5"),
            18 => {
                let garbage = Peer::garbage(input);
                if let Some(socket) = &mut self.socket {
                    socket.line.write(garbage);
                }
            }
            19 => {
                let opcode = [OpCode::Text, OpCode::Binary, OpCode::Ping, OpCode::Pong][input.choice(4)];
                let garbage = Peer::garbage(input);
                let length = garbage.len().min(125);
                self.frame(opcode, &garbage[..length]);
            }
            20 => {
                let mut bytes = Vec::new();
                encode_close(None, Some(MASK), &mut bytes);
                if let Some(socket) = &mut self.socket {
                    socket.line.write(&bytes);
                }
            }
            21 => self.socket = None,
            22 => {
                // A stream, or one that comes back, or one that is to carry the session.
                let ack = ["", "&ack=0", "&ack=1", "&ack=9"][input.choice(4)];
                self.resumed = true;
                let target = format!("{}{ack}", self.target.replace("polling", "sse"));
                self.stream = Some((world.ask(get(&target)), Vec::new()));
            }
            23 => {
                if let Some((stream, _)) = self.stream.take() {
                    stream.drop_it();
                }
            }
            24 => {
                let (first, rest) = (self.packet(input), input.piece());
                let mut bytes = Vec::new();
                encode_fragment(OpCode::Text, false, first.as_bytes(), Some(MASK), &mut bytes);
                encode_fragment(OpCode::Continuation, true, rest, Some(MASK), &mut bytes);
                if let Some(socket) = self.socket.as_mut().filter(|_| !holds_question(rest)) {
                    socket.line.write(&bytes);
                }
            }
            25 => {
                // Several at once, in one write.
                for _ in 0..input.choice(20) {
                    let packet = self.packet(input);
                    self.frame(OpCode::Text, packet.as_bytes());
                }
            }
            _ => {
                let packet = self.packet(input);
                self.post(world, packet.as_bytes());
            }
        }
    }

    fn frame(&mut self, opcode: OpCode, payload: &[u8]) {
        let Some(socket) = &mut self.socket else { return };
        let mut bytes = Vec::new();
        encode(opcode, payload, Some(MASK), &mut bytes);
        socket.line.write(&bytes);
    }

    fn post(&mut self, world: &World, bytes: &[u8]) {
        let transport = if self.stream.is_some() { "sse" } else { "polling" };
        if self.sid.is_some() && self.posts.len() < 4 {
            let request = Request::post(self.target.replace("polling", transport)).body(body(bytes));
            self.posts.push(world.ask(request.expect("a target of ours")));
        }
    }

    /// Bytes that are no question of ours by accident.
    fn garbage<'d>(input: &mut Input<'d>) -> &'d [u8] {
        let garbage = input.piece();
        if holds_question(garbage) { &[] } else { garbage }
    }

    /// A payload of packets that a client might send.
    fn packets(&mut self, input: &mut Input<'_>) -> String {
        let packets: Vec<String> = (0..1 + input.choice(5)).map(|_| self.packet(input)).collect();
        if !self.is_v3 {
            return packets.join("\u{1e}");
        }
        packets.iter().map(|packet| format!("{}:{packet}", packet.encode_utf16().count())).collect()
    }

    /// A packet that a client might send.
    fn packet(&mut self, input: &mut Input<'_>) -> String {
        let namespace = ["", "/a,", "/c-1,", "/c-2,", "/none,"][input.choice(5)];
        let room = ["all", "b", "honest", ""][usize::from(input.byte() & 3)];
        match input.choice(14) {
            0 => format!("40{namespace}"),
            1 => format!("41{namespace}"),
            2 => "2".to_owned(),
            3 => "3".to_owned(),
            4 => "1".to_owned(),
            5 => "5".to_owned(),
            6 => format!("42{namespace}[\"echo\",1]"),
            7 => format!("42{namespace}[\"join\",\"{room}\"]"),
            8 => format!("42{namespace}[\"say\",\"{room}\",2]"),
            9 => format!("42{namespace}[\"question\"]"),
            10 => format!("42{namespace}[\"flood\",{}]", u16::from(input.byte()) * 16),
            11 => format!("42{namespace}[\"go\",{}]", input.choice(2) == 1),
            12 => format!("43{namespace}{}[1]", input.choice(4)),
            _ => {
                let id = self.next;
                self.next += 1;
                let event = ["ask", "later"][input.choice(2)];
                format!("42{namespace}{id}[\"{event}\",{id}]")
            }
        }
    }

    /// Reads all that came.
    fn look(&mut self, world: &World) {
        let _ = world;
        let mut texts: Vec<String> = Vec::new();
        for get in self.gets.iter().filter(|get| get.has_ended()) {
            let body = get.take();
            if get.status().is_some_and(|status| status == 200)
                && let Ok(body) = std::str::from_utf8(&body)
            {
                self.sid = self.sid.take().or_else(|| sid(body));
                texts.extend(messages(body, self.is_v3));
            }
        }
        self.gets.retain(|get| !get.has_ended());
        self.posts.retain(|post| !post.has_ended());
        if let Some((stream, came)) = &mut self.stream {
            came.extend(stream.take());
            while let Some(end) = came.windows(2).position(|end| end == b"\n\n") {
                let event: Vec<u8> = came.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("a stream is text");
                for data in event.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    self.sid = self.sid.take().or_else(|| sid(data));
                    texts.extend(data.strip_prefix('4').map(str::to_owned));
                }
            }
        }
        if let Some(socket) = &mut self.socket {
            texts.extend(socket.take(&mut self.sid));
        }
        if let Some(sid) = &self.sid
            && !self.target.contains("&sid=")
        {
            self.target = format!("{}&sid={sid}", self.target);
        }
        texts.iter().for_each(|text| self.hear(text));
    }

    /// An answer to a question: once, and behind the answers to those that were asked before in that namespace, where one
    /// handler runs at a time.
    fn hear(&mut self, text: &str) {
        let Some(rest) = text.strip_prefix('3') else { return };
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(rest) => rest.split_once(',').unwrap_or(("", "")),
            None => ("", rest),
        };
        let Some((id, answer)) = rest.split_once('[') else { return };
        let Ok(id) = id.parse::<u64>() else { return };
        assert_eq!(answer, format!("{id}]"), "{text}");
        assert!((FIRST_QUESTION..self.next).contains(&id), "nobody asked {text}");
        if self.resumed {
            return;
        }
        for (of, before) in &self.answered {
            assert_ne!(*before, id, "answered twice");
            if of == namespace && namespace != "a" {
                assert!(*before < id, "{before} was answered before {id} in {namespace:?}");
            }
        }
        self.answered.push((namespace.to_owned(), id));
    }
}

impl WebSocket {
    /// The Socket.IO packets that came.
    fn take(&mut self, sid: &mut Option<String>) -> Vec<String> {
        self.line.read();
        if !self.upgraded {
            let came = &self.line.came;
            let Some(end) = came.windows(4).position(|part| part == b"\r\n\r\n") else { return Vec::new() };
            if !came.starts_with(b"HTTP/1.1 101") {
                return Vec::new();
            }
            self.line.came.drain(..end + 4);
            self.upgraded = true;
        }
        let mut texts = Vec::new();
        loop {
            let limits = Limits { max_message: 1 << 20, max_fragments: 1 };
            let decoded = self.decoder.decode(&mut self.line.came, Role::Client, &limits);
            match decoded.expect("the server writes frames") {
                Decoded::Incomplete { .. } => return texts,
                Decoded::Frame { event, consumed } => {
                    if let Event::Text(text) = event {
                        if sid.is_none() {
                            *sid = self::sid(&text);
                        }
                        texts.extend(text.strip_prefix('4').map(str::to_owned));
                    }
                    self.line.came.drain(..consumed);
                }
            }
        }
    }
}

fn holds_question(bytes: &[u8]) -> bool {
    // Six digits in a row could be an id.
    bytes.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= 6)
}

/// The session's id in an open packet.
fn sid(text: &str) -> Option<String> {
    text.split_once("\"sid\":\"").filter(|(before, _)| before.ends_with("0{"))?.1.get(..20).map(str::to_owned)
}

/// The text messages of a payload.
fn messages(body: &str, is_v3: bool) -> Vec<String> {
    if is_v3 {
        // `<length>:4<text>`; what the server sends here is ASCII.
        let mut texts = Vec::new();
        let mut rest = body;
        while let Some((length, after)) = rest.split_once(':') {
            let Ok(length) = length.parse::<usize>() else { break };
            let Some((packet, behind)) = after.split_at_checked(length) else { break };
            texts.extend(packet.strip_prefix('4').map(str::to_owned));
            rest = behind;
        }
        return texts;
    }
    let text = |packet: Packet<'_>| match packet {
        Packet::Message(Message::Text(text)) => Some(text.to_owned()),
        _ => None,
    };
    payload::split(body).flatten().filter_map(|decoded| text(decoded.packet())).collect()
}

/// A client that keeps to the protocol, and is owed its due whatever the others do.
struct Honest {
    target: String,
    get: Reply,
    post: Option<Reply>,
    heard: Vec<String>,
    asked: u64,
}

impl Honest {
    fn new(world: &World) -> Honest {
        let first = world.ask(get(&format!("{TARGET}&EIO=4")));
        world.run();
        let open = String::from_utf8(first.take()).expect("text");
        let target = format!("{TARGET}&EIO=4&sid={}", sid(&open).expect("an open packet"));
        let poll = world.ask(get(&target));
        let mut honest = Honest { target, get: poll, post: None, heard: Vec::new(), asked: 0 };
        honest.post(world, "40");
        honest.until(world, |heard| heard.starts_with("0{"));
        honest.post(world, "42[\"join\",\"honest\"]\u{1e}42[\"leave\",\"all\"]");
        honest
    }

    fn post(&mut self, world: &World, packets: &str) {
        let request = Request::post(&self.target).body(body(packets.as_bytes()));
        let post = world.ask(request.expect("a target of ours"));
        world.run();
        for _ in 0..20 {
            if post.has_ended() {
                break;
            }
            world.advance(50);
            self.live(world);
        }
        assert_eq!(post.status(), Some(200), "a POST of the honest client");
        self.post = Some(post);
    }

    /// The clock moves, and it lives on.
    fn wait(&mut self, world: &World, milliseconds: u64) {
        self.live(world);
        let mut left = milliseconds;
        while left > 0 {
            let now = left.min(500);
            world.advance(now);
            self.live(world);
            left -= now;
        }
    }

    /// Polls, and answers pings.
    fn live(&mut self, world: &World) {
        for _ in 0..50 {
            world.run();
            if !self.get.has_ended() {
                return;
            }
            assert_eq!(self.get.status(), Some(200), "a GET of the honest client");
            let body = self.get.take();
            let body = std::str::from_utf8(&body).expect("text");
            self.get = world.ask(get(&self.target));
            let mut pinged = false;
            for packet in payload::split(body) {
                match packet.expect("packets").packet() {
                    Packet::Ping(_) => pinged = true,
                    Packet::Message(Message::Text(text)) => self.heard.push(text.to_owned()),
                    Packet::Noop => {}
                    other => panic!("the honest client got {other:?}"),
                }
            }
            if pinged {
                let pong = Request::post(&self.target).body(body_of("3")).expect("a target of ours");
                world.ask(pong);
            }
        }
    }

    fn until(&mut self, world: &World, says: impl Fn(&str) -> bool) {
        for _ in 0..40 {
            self.live(world);
            if self.heard.iter().any(|heard| says(heard)) {
                self.heard.clear();
                return;
            }
            world.advance(50);
        }
        panic!("the honest client waits in vain; it heard {:?}", self.heard);
    }

    /// It gets its echo and its answer.
    fn asks(&mut self, world: &World) {
        self.asked += 1;
        let (number, id) = (self.asked, self.asked);
        self.post(world, &format!("42[\"echo\",{number}]\u{1e}42{id}[\"ask\",{number}]"));
        let (echo, answer) = (format!("2[\"echo\",{number}]"), format!("3{id}[{number}]"));
        self.until(world, |heard| heard == answer);
        self.post(world, &format!("42[\"echo\",{number}]"));
        self.until(world, |heard| heard == echo);
    }

    fn leaves(self, world: &World) {
        let bye = Request::post(&self.target).body(body_of("1")).expect("a target of ours");
        world.ask(bye);
        world.run();
    }
}

fn body_of(text: &'static str) -> Full<Bytes> {
    Full::from(Bytes::from_static(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::play;

    /// A target that opened no session would hold whatever the server does.
    #[test]
    fn the_corpus_reaches_what_it_is_named_for() {
        let play = |name: &str| {
            let files = crate::corpus("session").expect("the corpus");
            let file = files.into_iter().find(|(path, _)| path.ends_with(name));
            play(&file.expect("a file of that name").1)
        };
        let (polls, answers) = play("/polls");
        assert_eq!((answers, polls.acks_sent), (2, 2 + 2), "two, and two of the honest client");
        let (upgrade, answers) = play("/upgrade");
        assert_eq!((upgrade.upgraded, answers), (1, 2));
        let (websocket, answers) = play("/websocket");
        assert!(websocket.opened.contains(&("websocket", 1)) && answers >= 2, "{websocket:?}, {answers}");
        let (stream, _) = play("/stream");
        assert!(stream.opened.contains(&("sse", 1)) && stream.events > 3, "{stream:?}");
        let (slow, _) = play("/slow-reader");
        assert!(slow.closed.contains(&("slow reader", 1)), "{slow:?}");
    }
}
