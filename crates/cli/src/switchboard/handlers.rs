//! The Switchboard's events.
//!
//! Whatever numbers lines or lists people does so under the exchange's lock, together with the broadcast of
//! what it did: so all hearers hear the lines in the order of their numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sockeye::{Reply, Server, Socket, SocketId, State, Wire};

use crate::switchboard::exchange::{Exchange, Hello, People, Refusal, Said, Via, Welcome};

/// The room of those who said hello.
const HEARERS: &str = "hearers";

/// The chat, for handlers.
#[derive(Clone)]
pub(crate) struct Switchboard(Arc<Mutex<Exchange>>);

impl Switchboard {
    /// An empty chat, told from those of other processes by the moment it began.
    pub(crate) fn new() -> Switchboard {
        Switchboard(Arc::new(Mutex::new(Exchange::new(format!(
            "{:x}-{}",
            milliseconds(),
            std::process::id()
        )))))
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        // Each method of the exchange leaves it whole, so a panic between two of them harms nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers the Switchboard's events.
pub(crate) fn install(server: &Server) {
    server.of("/").on_connect(async |socket: Socket| {
        socket.on("hello", hello);
        socket.on("say", say);
        socket.on("typing", typing);
        socket.on("ping", ping);
        socket.on_disconnect(gone);
    });
}

/// An acknowledgement: what was asked for, or what was wrong.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<T> {
    Good(T),
    Refused(Refusal),
}

#[derive(Serialize)]
struct Number {
    n: u64,
}

#[derive(Serialize)]
struct Carried {
    via: Via,
}

#[derive(Serialize)]
struct Typing {
    id: u64,
    on: bool,
}

async fn hello(socket: Socket, State(board): State<Switchboard>, hello: Hello) -> Reply<Answer<Welcome>> {
    let mut exchange = board.lock();
    let (welcome, changed) = match exchange.hello(&name(&socket), via(&socket), &hello) {
        Ok(welcome) => welcome,
        Err(refusal) => return Reply(Answer::Refused(refusal)),
    };
    socket.join(HEARERS);
    if changed {
        tell_people(&socket, &exchange.people());
    }
    Reply(Answer::Good(welcome))
}

async fn say(
    socket: Socket,
    State(board): State<Switchboard>,
    text: String,
    nonce: String,
) -> Reply<Answer<Number>> {
    let mut exchange = board.lock();
    see_technique(&mut exchange, &socket);
    let said = exchange.say(&name(&socket), via(&socket), &text, &nonce, milliseconds());
    Reply(match said {
        Ok(Said::New(line)) => {
            socket.within(HEARERS).emit("line", &line);
            Answer::Good(Number { n: line.number() })
        }
        Ok(Said::Before(n)) => Answer::Good(Number { n }),
        Err(refusal) => Answer::Refused(refusal),
    })
}

async fn typing(socket: Socket, State(board): State<Switchboard>, on: bool) {
    let mut exchange = board.lock();
    see_technique(&mut exchange, &socket);
    if let Some(id) = exchange.person(&name(&socket)) {
        socket.to(HEARERS).emit("typing", Typing { id, on });
    }
}

async fn ping(socket: Socket, State(board): State<Switchboard>) -> Reply<Carried> {
    see_technique(&mut board.lock(), &socket);
    Reply(Carried { via: via(&socket) })
}

async fn gone(socket: Socket, State(board): State<Switchboard>) {
    let mut exchange = board.lock();
    if exchange.gone(&name(&socket)) {
        tell_people(&socket, &exchange.people());
    }
}

/// An upgrade shows at the next event.
fn see_technique(exchange: &mut Exchange, socket: &Socket) {
    if exchange.heard(&name(socket), via(socket)) {
        tell_people(socket, &exchange.people());
    }
}

fn tell_people(socket: &Socket, people: &People) {
    socket.within(HEARERS).emit("people", people);
}

fn name(socket: &Socket) -> String {
    let id: SocketId = socket.id();
    id.to_string()
}

fn via(socket: &Socket) -> Via {
    match socket.transport() {
        Wire::WebSocket => Via::Websocket,
        Wire::Sse => Via::Sse,
        _ if socket.conn().is_short_polling() => Via::ShortPolling,
        _ => Via::LongPolling,
    }
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
