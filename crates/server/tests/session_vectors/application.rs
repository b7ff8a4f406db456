//! The applications that the sessions were recorded against, on our API. Each notes what its handlers see, as
//! the recording has it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use sockeye_server::binary::Binary;
use sockeye_server::error::{AckError, Refusal};
use sockeye_server::handler::ack::Ack;
use sockeye_server::handler::args::{Args, Auth, EventName, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::namespace::Namespace;
use sockeye_server::parser::msgpack::MessagePack;
use sockeye_server::reason::DisconnectReason;
use sockeye_server::recovery::Recovery;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;

/// What handlers saw, in order.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    pub(crate) fn push(&self, what: Value) {
        self.0.lock().push(what);
    }

    pub(crate) fn all(&self) -> Vec<Value> {
        self.0.lock().clone()
    }
}

/// The server of a scenario.
pub(crate) fn build(name: &str, options: &Value, seen: &Seen) -> Server {
    let mut builder = Server::builder().state(seen.clone());
    if let Some(timeout) = options["connectTimeout"].as_u64() {
        builder = builder.connect_timeout(Duration::from_millis(timeout));
    }
    if let Some(milliseconds) = options["connectionStateRecovery"]["maxDisconnectionDuration"].as_u64() {
        let mut recovery = Recovery::default();
        recovery.max_disconnection_duration = Duration::from_millis(milliseconds);
        builder = builder.connection_state_recovery(recovery);
    }
    if options["parser"] == "socket.io-msgpack-parser" {
        builder = builder.parser(MessagePack);
    }
    let server = builder.allow_eio3(options["allowEIO3"] == true).build();
    let namespaces: &[&str] = match name {
        // The reference has a pattern where we name the one namespace that the peer joins.
        "namespaces" => &["/", "/admin", "/dyn-1"],
        "official client 4.8: two namespaces, disconnect one" => &["/", "/a", "/b"],
        "server disconnect(false) and disconnect(true)"
        | "io.disconnectSockets(true) with two namespaces" => &["/", "/a"],
        "EIO3: implicit default namespace, namespace query, events"
        | "EIO3: event namespace with query is resolved by path"
        | "official client 2.5: custom namespace with query" => &["/", "/admin"],
        _ => &["/"],
    };
    namespaces.iter().for_each(|name| hook(&server.of(name)));
    match name {
        "namespaces" => {
            let data = vec![("code".to_owned(), 42_u64.into())];
            let refusal =
                Refusal::new("not authorized").with_data(sockeye_server::value::Value::Object(data));
            refuse(&server.of("/secret"), refusal);
            refuse(&server.of("/plain"), Refusal::new("nope"));
        }
        "middleware error with non-Error data, undefined message" => {
            refuse(&server.of("/a"), Refusal::new("m").with_data("d"));
            refuse(&server.of("/b"), Refusal::silent());
        }
        "EIO3: implicit default namespace, namespace query, events" => {
            refuse(&server.of("/secret"), Refusal::new("not authorized"));
            refuse(&server.of("/secret2"), Refusal::new("m").with_data(json!({ "code": 1 })));
            server.on_connect(hello_and_ask);
        }
        "EIO3: middleware refuses the default namespace" => refuse(&server.of("/"), Refusal::new("refused")),
        "server emits every kind of value" => {
            server.on_connect(every_kind_of_value);
        }
        "rooms and broadcast, ids shared in a namespace" => {
            server.on_connect(async |socket: Socket, State(seen): State<Seen>, Auth(auth): Auth<Value>| {
                connected(&socket, &seen, &auth);
                socket.join("r");
            });
        }
        "recovery: success" => {
            server.on_connect(kept);
        }
        "recovery: skipMiddlewares default true" => {
            server.with(async |State(seen): State<Seen>| {
                seen.push(json!({ "middleware": true }));
                Ok(())
            });
        }
        _ => {}
    }
    server
}

/// What is kept with a socket.
#[derive(Clone)]
struct Kept(&'static str);

async fn kept(socket: Socket, State(seen): State<Seen>, Auth(auth): Auth<Value>) {
    connected(&socket, &seen, &auth);
    if !socket.recovered() {
        socket.join("room");
        socket.set_data(Kept("v"));
        return;
    }
    let mut rooms = vec!["<own id>".to_owned()];
    rooms.extend(socket.rooms());
    let data = socket.data::<Kept>().map(|Kept(value)| json!({ "k": value }));
    seen.push(json!({ "data": data, "rooms": rooms }));
}

fn refuse(namespace: &Namespace, refusal: Refusal) {
    namespace.with(move || {
        let refusal = refusal.clone();
        async move { Err(refusal) }
    });
}

/// What every hooked namespace of the recording does.
fn hook(namespace: &Namespace) {
    namespace.on_connect(async |socket: Socket, State(seen): State<Seen>, Auth(auth): Auth<Value>| {
        connected(&socket, &seen, &auth);
    });
}

fn connected(socket: &Socket, seen: &Seen, auth: &Value) {
    let mut connection = json!({ "connection": { "nsp": socket.namespace(), "auth": auth } });
    if socket.recovered() {
        connection["connection"]["recovered"] = json!(true);
    }
    seen.push(connection);
    socket.on("echo", async |socket: Socket, State(seen): State<Seen>, ack: Ack, args: Args| {
        note(&socket, &seen, "echo", &args, ack.is_wanted());
        match ack.is_wanted() {
            true => ack.send(args)?,
            false => drop(socket.emit("echo", args)),
        }
        Ok(())
    });
    socket.on("noack-args", async |socket: Socket, State(seen): State<Seen>, args: Args| {
        note(&socket, &seen, "noack-args", &args, true);
        Reply(())
    });
    // The second ack that the recorded application sends cannot be said here: an `Ack` is used up.
    socket.on("twice", async |socket: Socket, State(seen): State<Seen>, args: Args| {
        note(&socket, &seen, "twice", &args, true);
        Reply(1)
    });
    socket.on("ask", async |socket: Socket, State(seen): State<Seen>, args: Args| {
        note(&socket, &seen, "ask", &args, false);
        let reply: Args = socket.emit_with_ack("question", "a").await?;
        seen.push(json!({ "ack_received": values(&reply) }));
        Ok(())
    });
    socket.on_fallback(
        async |socket: Socket, State(seen): State<Seen>, EventName(name): EventName, ack: Ack, args: Args| {
            note(&socket, &seen, &name, &args, ack.is_wanted());
        },
    );
    socket.on_disconnecting(async |State(seen): State<Seen>, reason: DisconnectReason| {
        seen.push(json!({ "disconnecting": reason.as_str() }));
    });
    socket.on_disconnect(async |socket: Socket, State(seen): State<Seen>, reason: DisconnectReason| {
        seen.push(json!({ "disconnect": reason.as_str(), "nsp": socket.namespace() }));
    });
}

fn note(socket: &Socket, seen: &Seen, name: &str, args: &Args, ack: bool) {
    let mut all = vec![json!(name)];
    all.extend(values(args));
    // What has no name is an event of no arguments in the recording.
    if name.is_empty() {
        all.clear();
    }
    let mut event = json!({ "nsp": socket.namespace(), "args": all });
    if ack {
        event["ack"] = json!(true);
    }
    seen.push(json!({ "event": event }));
}

fn values(args: &Args) -> Vec<Value> {
    let value = |argument: sockeye_server::arguments::Argument<'_>| match argument.as_attachment() {
        Some(bytes) => {
            json!({ "$bin": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
        }
        None => serde_json::from_str(argument.raw()).expect("JSON"),
    };
    args.arguments().map(value).collect()
}

async fn hello_and_ask(socket: Socket, State(seen): State<Seen>, Auth(auth): Auth<Value>) {
    connected(&socket, &seen, &auth);
    socket.emit("hello", Binary::from(&[1, 2][..]));
    let asked = socket.emit_with_ack::<Args>("ask", ());
    tokio::spawn(async move {
        if let Ok(reply) = asked.await {
            seen.push(json!({ "ack": values(&reply) }));
        }
    });
}

async fn every_kind_of_value(socket: Socket, State(seen): State<Seen>, Auth(auth): Auth<Value>) {
    connected(&socket, &seen, &auth);
    let (nothing, bytes) = (None::<u8>, |bytes: &[u8]| Binary::from(bytes));
    let date = json!({ "d": "1970-01-01T00:00:00.000Z" });
    let (not_a_number, infinite, zero, empty) = (f64::NAN, f64::INFINITY, -0.0, [0_u8; 0].as_slice());
    let (one, two) = (bytes(&[1]), bytes(&[2, 3]));
    socket.emit(
        "v",
        (1, "a", nothing, nothing, not_a_number, infinite, zero, 1e21, true, date, empty, one, two),
    );
    socket.emit("u", "€😀\u{2028}");
    socket.emit("no args", ());
    socket.emit("123", ());
    socket.emit("message", "msg");
    socket.volatile().emit("vol", ());
    socket.emit("nc", ());
    let asked = socket.timeout(Duration::from_millis(50)).emit_with_ack::<Args>("t", ());
    tokio::spawn(async move {
        if let Err(AckError::TimedOut) = asked.await {
            seen.push(json!({ "ack_timeout": "Error: operation has timed out" }));
        }
    });
}
