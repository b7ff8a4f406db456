//! `cargo run --release --example hardness -- --listen 127.0.0.1:4001`: an application whose own handlers misbehave.
//!
//! `tests/hardness` attacks it: they panic, never end, block their thread, join rooms when their socket is gone, and ask
//! what nobody answers. `PING_INTERVAL`, `PING_TIMEOUT` and `RECOVERY` (how long a cut connection may come back;
//! milliseconds), `CORS=credentials` and `CLEANUP=1` in the environment are options of the server.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sockeye::engine::listen::bind;
use sockeye::{
    AckError, AllowedOrigin, Args, Auth, Builder, Cors, DisconnectReason, Recovery, Refusal, Reply, Server,
    Socket, State, Value, WhenSlow,
};

/// As in the `sockeye` binary: what memory it gives back is looked at.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "usage: hardness [--listen 127.0.0.1:PORT]";

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
    let mut address: SocketAddr = "127.0.0.1:3000".parse().expect("an address");
    while let Some(argument) = arguments.next() {
        let value = arguments.next().filter(|_| argument == "--listen").ok_or(USAGE)?;
        address = value.parse().map_err(|error| format!("--listen {value}: {error}"))?;
    }
    let listener = bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let local = listener.local_addr().map_err(|error| error.to_string())?;
    let server = application(builder()?);
    println!("Listening on {local}.");
    server.listen_with(listener, interrupted()).await;
    Ok(())
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot listen for Ctrl-C: {error}");
        pending::<()>().await;
    }
}

fn milliseconds(name: &str) -> Result<Option<Duration>, String> {
    match std::env::var(name) {
        Ok(value) => {
            let number = value.parse().map_err(|_| format!("{name}={value} is no number"))?;
            Ok(Some(Duration::from_millis(number)))
        }
        Err(_) => Ok(None),
    }
}

fn builder() -> Result<Builder, String> {
    let mut builder = Server::builder();
    if let Some(interval) = milliseconds("PING_INTERVAL")? {
        builder = builder.ping_interval(interval);
    }
    if let Some(timeout) = milliseconds("PING_TIMEOUT")? {
        builder = builder.ping_timeout(timeout);
    }
    if let Some(time) = milliseconds("RECOVERY")? {
        let mut recovery = Recovery::default();
        recovery.max_disconnection_duration = time;
        builder = builder.connection_state_recovery(recovery);
    }
    if std::env::var("CORS").is_ok_and(|cors| cors == "credentials") {
        let mut cors = Cors::default();
        cors.origin = AllowedOrigin::Any;
        cors.credentials = true;
        builder = builder.cors(cors);
    }
    let cleanup = std::env::var("CLEANUP").is_ok();
    Ok(builder.cleanup_empty_child_namespaces(cleanup))
}

/// Who disconnected, told by themselves in a handler of their end.
#[derive(Clone, Default)]
struct Gone(Arc<Mutex<HashMap<String, u64>>>);

impl Gone {
    fn count(&self, what: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what.to_owned()).or_default() += 1;
    }

    fn number(&self, what: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied().unwrap_or_default()
    }
}

fn application(builder: Builder) -> Server {
    let server = builder.state(Gone::default()).build();
    server.on_connect(main_namespace);
    server.of("/middleware").with(async |Auth(auth): Auth<Value>| {
        assert!(auth.get("panic").is_none(), "a middleware panics");
        Ok::<(), Refusal>(())
    });
    server.of("/connect").on_connect(async |socket: Socket, Auth(auth): Auth<Value>| {
        socket.on("echo", async |args: Args| Reply(args));
        assert!(auth.get("panic").is_none(), "a connection handler panics");
    });
    server.of(|name: &str| name.starts_with("/removed/")).on_connect(
        async |server: Server, socket: Socket| {
            let name = socket.namespace().to_owned();
            socket.on_disconnect(move || {
                let (server, name) = (server.clone(), name.clone());
                async move {
                    server.of(name.as_str()).remove();
                }
            });
        },
    );
    server
}

async fn main_namespace(socket: Socket) {
    socket.on("echo", async |args: Args| Reply(args));
    socket.on("broadcast", async |socket: Socket, data: Args| socket.everybody().emit("broadcast", data));
    failing(&socket);
    waiting(&socket);
    leaving(&socket);
    socket.on("ask in vain", ask_in_vain);
    socket.on("when slow", async |socket: Socket, rule: String| {
        let rules = [("drop oldest", WhenSlow::DropOldest), ("keep latest", WhenSlow::KeepLatest)];
        let rule = rules.into_iter().find(|(name, _)| *name == rule).map(|(_, rule)| rule);
        socket.set_when_slow(rule.unwrap_or_default());
        Reply(())
    });
    socket.on("rooms", async |server: Server| Reply(server.of("/").rooms().len()));
    socket.on("sockets", async |server: Server| Reply(server.of("/").len()));
    socket.on("namespaces", async |server: Server| Reply(server.namespaces().len()));
    socket.on("gone", async |State(gone): State<Gone>, what: String| Reply(gone.number(&what)));
}

/// Handlers that panic: at once, after they have waited, in a task of their own, and when their socket has gone.
fn failing(socket: &Socket) {
    socket.on("panic", async || {
        if true {
            panic!("a handler panics");
        }
    });
    socket.on("panic later", async || {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if true {
            panic!("a handler panics after it has waited");
        }
    });
    socket.on("panic at the end", async |socket: Socket| {
        socket.on_disconnect(async || {
            if true {
                panic!("a handler of the end panics");
            }
        });
    });
}

/// Handlers that keep their socket, or their thread.
fn waiting(socket: &Socket) {
    socket.on("never", async |socket: Socket| {
        socket.on_disconnect(async |_reason: DisconnectReason, State(gone): State<Gone>| gone.count("never"));
        pending::<()>().await;
    });
    socket.on("block", async |milliseconds: u64| {
        std::thread::sleep(Duration::from_millis(milliseconds.min(5_000)));
        Reply("blocked")
    });
}

/// Handlers that join a room when their socket has left.
fn leaving(socket: &Socket) {
    socket.on("leave, then join", async |socket: Socket, room: String| {
        socket.disconnect(false);
        socket.join(room);
    });
    socket.on("wait, then join", async |socket: Socket, room: String, State(gone): State<Gone>| {
        while socket.is_connected() {
            tokio::task::yield_now().await;
        }
        socket.join(room);
        gone.count("wait, then join");
    });
}

/// Asks so many questions at once, and says how many were not answered.
async fn ask_in_vain(socket: Socket, questions: u32) {
    tokio::spawn(async move {
        let asked: Vec<_> = (0..questions)
            .map(|_| socket.timeout(Duration::from_millis(200)).emit_with_ack::<Args>("question", ()))
            .collect();
        let mut unanswered = 0_u32;
        for question in asked {
            unanswered += u32::from(matches!(question.await, Err(AckError::TimedOut)));
        }
        socket.emit("unanswered", unanswered);
    });
}
