//! `cargo run --release --example conformance -- B --listen 127.0.0.1:4001`: the applications that the official suites
//! test a server with.
//!
//! `spec/conformance.md` says what A, B, C, D and E do. `PING_INTERVAL`, `PING_TIMEOUT` and `CONNECT_TIMEOUT`
//! (milliseconds) and `PORT` in the environment override it, and `PER_MESSAGE_DEFLATE` (bytes) has C compress messages of
//! WebSockets from that size on, and with `PARSER=msgpack` write packets as MessagePack. With `--recovery` C recovers connections.
//! How slow a peer may be says the table of `patience`, in milliseconds too.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Deserialize;
use sockeye::engine::engine::{Application, Engine, Flow};
use sockeye::engine::handshake::Handshake;
use sockeye::engine::listen::{Listen, NotFound, bind};
use sockeye::engine::options::Options;
use sockeye::engine::proto::frame::Frame;
use sockeye::engine::proto::packet::Message;
use sockeye::engine::proto::reason::CloseReason;
use sockeye::engine::proto::tick::Tick;
use sockeye::engine::session::Session;
use sockeye::runtime::Runtime;
use sockeye::{
    Ack, AckError, AllowRequest, Args, Auth, Binary, Builder, Cors, Data, DisconnectReason, MessagePack,
    PerMessageDeflate, Recovery, Refusal, Reply, Server, Socket, State, Value,
};

/// What the benchmarks measure is a server with jemalloc, as the `sockeye` binary is.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "usage: conformance <A|B|C|D|E> [--listen 127.0.0.1:PORT] [--recovery]";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let application = arguments.next().ok_or(USAGE)?;
    let mut address: SocketAddr = "127.0.0.1:3000".parse().expect("an address");
    let mut recovers = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--recovery" => recovers = true,
            "--listen" => {
                let value = arguments.next().ok_or(USAGE)?;
                address = value.parse().map_err(|error| format!("--listen {value}: {error}"))?;
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    if let Some(port) = number("PORT")? {
        address.set_port(u16::try_from(port).map_err(|_| format!("PORT={port} is no port"))?);
    }
    let listener = bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let local = listener.local_addr().map_err(|error| error.to_string())?;
    let server = match application.as_str() {
        "A" => {
            println!("Listening on {local}, application A.");
            let engine = Engine::new(Echo, engine_options()?, Runtime::tokio());
            Listen::default().serve(engine, listener, NotFound, interrupted()).await;
            return Ok(());
        }
        "B" => protocol_suite(strict(Server::builder())?),
        "C" => {
            let builder = Server::builder().cors(Cors::default()).max_payload(1_000_000).allow_eio3(true);
            let builder = settings(builder)?.per_message_deflate(deflate()?);
            let builder = match std::env::var("PARSER") {
                Ok(parser) if parser == "msgpack" => builder.parser(MessagePack),
                _ => builder,
            };
            interop(builder.connection_state_recovery(recovers.then(Recovery::default)))
        }
        "D" => client_suite(settings(client_suite_options())?),
        "E" => cuts(settings(Server::builder().connection_state_recovery(Recovery::default()))?),
        _ => return Err(USAGE.to_owned()),
    };
    println!("Listening on {local}, application {application}.");
    server.listen_with(listener, interrupted()).await;
    Ok(())
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot listen for Ctrl-C: {error}");
        std::future::pending::<()>().await;
    }
}

/// A number from the environment.
fn number(name: &str) -> Result<Option<u64>, String> {
    match std::env::var(name) {
        Ok(value) => value.parse().map(Some).map_err(|_| format!("{name}={value} is no number")),
        Err(_) => Ok(None),
    }
}

fn milliseconds(name: &str) -> Result<Option<Duration>, String> {
    Ok(number(name)?.map(Duration::from_millis))
}

/// Compression from the size on that the environment gives.
fn deflate() -> Result<Option<PerMessageDeflate>, String> {
    Ok(number("PER_MESSAGE_DEFLATE")?.map(|threshold| {
        let mut deflate = PerMessageDeflate::default();
        deflate.threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        deflate
    }))
}

/// What the environment overrides.
fn settings(mut builder: Builder) -> Result<Builder, String> {
    if let Some(interval) = milliseconds("PING_INTERVAL")? {
        builder = builder.ping_interval(interval);
    }
    if let Some(timeout) = milliseconds("PING_TIMEOUT")? {
        builder = builder.ping_timeout(timeout);
    }
    if let Some(timeout) = milliseconds("CONNECT_TIMEOUT")? {
        builder = builder.connect_timeout(timeout);
    }
    patience(builder)
}

/// How slow a peer may be, where the environment says so: the tests of hardness cannot wait as long as a server does.
fn patience(mut builder: Builder) -> Result<Builder, String> {
    type Set<T> = fn(&mut T, Duration);
    const ACCEPT_LOOP: [(&str, Set<Listen>); 3] = [
        ("HEAD_TIMEOUT", |listen, time| listen.head_timeout = time),
        ("KEEP_ALIVE", |listen, time| listen.keep_alive = time),
        ("WRITE_TIMEOUT", |listen, time| listen.write_timeout = time),
    ];
    const ENGINE: [(&str, Set<Options>); 5] = [
        ("UPGRADE_TIMEOUT", |options, time| options.upgrade_timeout = time),
        ("BODY_TIMEOUT", |options, time| options.body_timeout = time),
        ("STALL_TIMEOUT", |options, time| options.stall_timeout = time),
        ("RESUME_TIMEOUT", |options, time| options.resume_timeout = time),
        ("CLOSE_TIMEOUT", |options, time| options.close_timeout = time),
    ];
    for (name, set) in ACCEPT_LOOP {
        if let Some(time) = milliseconds(name)? {
            builder = builder.accept_loop(|listen| set(listen, time));
        }
    }
    for (name, set) in ENGINE {
        if let Some(time) = milliseconds(name)? {
            builder = builder.engine(|options| set(options, time));
        }
    }
    if let Some(time) = milliseconds("ATTACHMENT_TIMEOUT")? {
        builder = builder.attachment_timeout(time);
    }
    Ok(builder)
}

// ---- A: a bare Engine.IO server that says back what it hears ----------------------------------------------

fn engine_options() -> Result<Options, String> {
    let mut options = Options::default();
    options.ping_interval = milliseconds("PING_INTERVAL")?.unwrap_or(Duration::from_millis(300));
    options.ping_timeout = milliseconds("PING_TIMEOUT")?.unwrap_or(Duration::from_millis(200));
    options.max_payload = 1_000_000;
    options.cors = Some(Cors::default());
    Ok(options)
}

struct Echo;

impl Application for Echo {
    type Connection = ();

    fn connect(&self, _handshake: Handshake) {}

    fn opened(&self, _engine: &Arc<Engine<Echo>>, _session: &Arc<Session<()>>) {}

    fn message(&self, engine: &Arc<Engine<Echo>>, session: &Arc<Session<()>>, message: Message<'_>) -> Flow {
        let frame = match message {
            Message::Text(text) => Frame::text(&[b"4", text.as_bytes()]),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        // A session that closed meanwhile hears nothing.
        engine.send(session, [frame]).ok();
        Flow::Continue
    }

    fn poll_room(&self, _session: &Arc<Session<()>>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn timeout(&self, _engine: &Arc<Engine<Echo>>, _session: &Arc<Session<()>>, _now: Tick) -> Option<Tick> {
        None
    }

    fn closed(&self, _engine: &Arc<Engine<Echo>>, _session: &Arc<Session<()>>, _reason: CloseReason) {}
}

// ---- B: the official Socket.IO protocol suite ---------------------------------------------------------------

fn strict(builder: Builder) -> Result<Builder, String> {
    settings(
        builder
            .ping_interval(Duration::from_millis(300))
            .ping_timeout(Duration::from_millis(200))
            .connect_timeout(Duration::from_secs(1))
            .max_payload(1_000_000)
            .cors(Cors::default()),
    )
}

fn protocol_suite(builder: Builder) -> Server {
    let server = builder.build();
    server.on_connect(async |socket: Socket, Auth(auth): Auth<Value>| {
        socket.on("message", async |socket: Socket, args: Args| socket.emit("message-back", args));
        socket.on("message-with-ack", async |args: Args| Reply(args));
        socket.emit("auth", auth);
    });
    server
        .of("/custom")
        .on_connect(async |socket: Socket, Auth(auth): Auth<Value>| socket.emit("auth", auth));
    server
}

// ---- C: load and interop ------------------------------------------------------------------------------------

/// Why sockets disconnected: the last thousand.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<VecDeque<(String, DisconnectReason)>>>);

const REASONS: usize = 1000;

/// How often each order was handled, by its key.
#[derive(Clone, Default)]
struct Orders(Arc<Mutex<HashMap<String, u32>>>);

/// How long an order takes.
const ORDER: Duration = Duration::from_millis(300);

fn interop(builder: Builder) -> Server {
    let server = builder.state(Reasons::default()).state(Orders::default()).build();
    server.on_connect(serve);
    server.of("/custom").on_connect(serve);
    server.of(is_dynamic).on_connect(serve);
    server
}

/// `/dyn/` and a word.
fn is_dynamic(namespace: &str) -> bool {
    let is_word = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    namespace.strip_prefix("/dyn/").is_some_and(|word| !word.is_empty() && is_word(word))
}

async fn serve(socket: Socket, Auth(auth): Auth<Value>) {
    socket.on("echo", async |args: Args| Reply(args));
    socket.on("broadcast", async |socket: Socket, data: Args| socket.everybody().emit("broadcast", data));
    socket.on("join", async |socket: Socket, room: String, ack: Ack| {
        socket.join(room);
        ack.send(())?;
        Ok(())
    });
    socket
        .on("room", async |socket: Socket, room: String, data: Args| socket.within(room).emit("room", data));
    socket.on("ask", async |socket: Socket, args: Args| {
        match socket.timeout(Duration::from_secs(1)).emit_with_ack::<Args>("ask", args).await {
            Ok(answer) => socket.emit("answered", answer),
            Err(_) => socket.emit("unanswered", ()),
        }
    });
    socket.on("kick", async |socket: Socket, close: Option<bool>| {
        socket.disconnect(close.unwrap_or(false));
    });
    socket.on("reason", async |State(Reasons(reasons)): State<Reasons>, id: String| {
        let reasons = reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reasons.iter().rev().find(|(known, _)| *known == id);
        Reply(known.map(|(_, reason)| reason.as_str()))
    });
    socket.on_deduplicated("order", async |State(Orders(orders)): State<Orders>, key: String| {
        let times = {
            let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            let times = orders.entry(key).or_insert(0_u32);
            *times += 1;
            *times
        };
        tokio::time::sleep(ORDER).await;
        Reply(times)
    });
    socket.on_disconnect(remember);
    socket.emit("auth", auth);
}

async fn remember(socket: Socket, reason: DisconnectReason, State(Reasons(reasons)): State<Reasons>) {
    let mut reasons = reasons.lock().unwrap_or_else(PoisonError::into_inner);
    if reasons.len() == REASONS {
        reasons.pop_front();
    }
    reasons.push_back((socket.id().to_string(), reason));
}

// ---- D: the official JavaScript client's own tests ----------------------------------------------------------

/// How long each request waits before it is let in: the suite tests connections that take a moment.
const DELAY: Duration = Duration::from_millis(10);

const DATE: &str = "2026-01-01T00:00:00.000Z";

const TEXTS: [&str; 5] = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];

#[derive(Deserialize)]
struct WithBytes {
    hello: String,
    message: Binary,
    goodbye: String,
}

impl WithBytes {
    fn is_expected(&self) -> bool {
        self.hello == "lol" && !self.message.is_empty() && self.goodbye == "gotcha"
    }
}

/// How many of the buffers that must come in order have come.
#[derive(Clone, Copy, Default, PartialEq)]
struct Buffers(u8);

#[derive(Clone, Copy, Default, PartialEq)]
struct Blobs(u8);

#[derive(Clone)]
struct Bytes(Binary);

fn client_suite_options() -> Builder {
    let mut recovery = Recovery::default();
    // "should change socket.id upon reconnection" has heard no event.
    recovery.before_first_event = false;
    Server::builder().ping_interval(Duration::from_secs(2)).connection_state_recovery(recovery)
}

fn client_suite(builder: Builder) -> Server {
    let gate = AllowRequest::new(|_request| {
        Box::pin(async {
            tokio::time::sleep(DELAY).await;
            Ok(())
        })
    });
    let server = builder.allow_request(gate).state(Bytes(Binary::from(&b"asdfasdf"[..]))).build();
    server.with(async |socket: Socket| {
        let fails = socket.handshake().and_then(|handshake| handshake.query_value("fail"));
        match fails {
            Some(value) if !value.is_empty() => Err(Refusal::new("Auth failed (main namespace)")),
            _ => Ok(()),
        }
    });
    server.on_connect(main_namespace);
    server.of("/foo").on_connect(async |socket: Socket| {
        socket.on("getId", async |socket: Socket| Reply(socket.id()));
    });
    server.of("/abc").on_connect(async |socket: Socket| socket.emit("handshake", socket.handshake()));
    for quiet in ["/timeout_socket", "/valid", "/asd"] {
        server.of(quiet);
    }
    server.of("/no").with(async || Err(Refusal::new("Auth failed (custom namespace)")));
    server
}

async fn main_namespace(socket: Socket) {
    socket.on("hi", async |socket: Socket| socket.emit("hi", ()));
    socket.on("echo", async |argument: Value| Reply(argument));
    socket.on("ack", ask);
    socket.on("getAckDate", async || Reply(DATE));
    socket.on("getDate", async |socket: Socket| socket.emit("takeDate", DATE));
    socket.on("getDateObj", async |socket: Socket| {
        socket.emit("takeDateObj", serde_json::json!({ "date": DATE }))
    });
    socket.on("getUtf8", async |socket: Socket| {
        for text in TEXTS {
            socket.emit("takeUtf8", text);
        }
    });
    socket.on("false", async |socket: Socket| socket.emit("false", false));
    socket.on("doge", async |socket: Socket, State(Bytes(bytes)): State<Bytes>| socket.emit("doge", bytes));
    socket.on("getbin", async |socket: Socket, State(Bytes(bytes)): State<Bytes>| {
        socket.emit("takebin", bytes)
    });
    socket.on("getHandshake", async |socket: Socket| Reply(socket.handshake()));
    socket.on("getId", async |socket: Socket| Reply(socket.id()));
    binary_events(&socket);
}

/// Asks the client for an acknowledgement. Nobody waits for it: some tests never answer.
async fn ask(socket: Socket) {
    let answer = socket.emit_with_ack::<Args>("ack", ());
    tokio::spawn(async move {
        let Ok(answer) = answer.await else { return };
        let (first, second) = (answer.get::<i64>(0), answer.get::<Value>(1));
        let is_test = second.is_ok_and(|second| second.get("test") == Some(&Value::Bool(true)));
        if first == Ok(5) && is_test {
            socket.emit("got it", ());
        }
    });
}

fn binary_events(socket: &Socket) {
    socket.on("buffa", async |socket: Socket, _bytes: Binary| socket.emit("buffack", ()));
    socket.on("jsonbuff", async |socket: Socket, object: WithBytes| {
        if object.is_expected() {
            socket.emit("jsonbuff-ack", ());
        }
    });
    socket.on("abuff1", async |socket: Socket, _bytes: Binary| socket.set_data(Buffers(1)));
    socket.on("abuff2", async |socket: Socket, Data(buffers): Data<Buffers>, _text: String| {
        if buffers == Buffers(1) {
            socket.emit("abuff2-ack", ());
        }
    });
    socket.on("blob", async |socket: Socket, _bytes: Binary| socket.emit("back", ()));
    socket.on("jsonblob", async |socket: Socket, object: WithBytes| {
        if object.is_expected() {
            socket.emit("jsonblob-ack", ());
        }
    });
    socket.on("blob1", async |socket: Socket, _bytes: Binary| socket.set_data(Blobs(1)));
    socket.on("blob2", async |socket: Socket, Data(blobs): Data<Blobs>, text: String| {
        if blobs == Blobs(1) && text == "second" {
            socket.set_data(Blobs(2));
        }
    });
    socket.on("blob3", async |socket: Socket, Data(blobs): Data<Blobs>, _bytes: Binary| {
        if blobs == Blobs(2) {
            socket.emit("blob3-ack", ());
        }
    });
}

// ---- E: connections that are cut ----------------------------------------------------------------------------

/// Who hears what the server learns.
const OBSERVERS: &str = "observers";

fn cuts(builder: Builder) -> Server {
    let server = builder.build();
    server.on_connect(async |socket: Socket, Auth(rooms): Auth<Rooms>| {
        if !socket.recovered() {
            socket.join(rooms.rooms);
        }
        socket.on("flow", async |socket: Socket, events: Vec<Numbered>, ack: Ack| {
            events.into_iter().for_each(|event| emit(&socket, event));
            ack.send(())?;
            Ok(())
        });
        socket.on("put", async |socket: Socket, number: u64| {
            socket.within(OBSERVERS).emit("was put", (socket.id(), number));
            Reply(number)
        });
    });
    server
}

/// What a peer of E says of itself: its rooms, which it names once.
#[derive(Deserialize)]
struct Rooms {
    rooms: Vec<String>,
}

/// How, to which room (everybody, if it has no name), and which number.
#[derive(Deserialize)]
struct Numbered(String, String, u64);

/// A text stands last, as it does in what clients take for an offset.
fn emit(socket: &Socket, Numbered(how, room, number): Numbered) {
    let everybody = socket.everybody();
    let meant = if room.is_empty() { everybody } else { everybody.to(room) };
    match how.as_str() {
        "volatile" => drop(meant.volatile().emit("volatile", (number, "text"))),
        "asked" => {
            let asked = meant.timeout(Duration::from_secs(1)).emit_with_ack::<u64>("asked", (number, "text"));
            let observers = socket.within(OBSERVERS);
            tokio::spawn(async move {
                let Ok(replies) = asked.await else { return };
                let outcome = |reply: Result<u64, AckError>| match reply {
                    Ok(answer) if answer == number => "answered".to_owned(),
                    Ok(answer) => format!("answered {answer}"),
                    Err(error) => error.to_string(),
                };
                let outcomes: Vec<_> = replies.into_iter().map(|(id, reply)| (id, outcome(reply))).collect();
                observers.emit("outcomes", (number, outcomes));
            });
        }
        _ => drop(meant.emit("event", (number, "text"))),
    }
}
