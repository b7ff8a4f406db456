//! `cargo run --example acks`: acknowledgements, both ways: what a client asks, and what it is asked.
//!
//! A client asks with `await socket.emitWithAck("divide", 7, 2)`, and answers with
//! `socket.on("question", (text, answer) => answer("42"))`.

use std::time::Duration;

use serde::Serialize;
use sockeye::{Ack, AckError, Emitted, HandlerError, Reply, Server, Socket};

/// How long a client may think. Without it, one that never answers is awaited until it disconnects.
const PATIENCE: Duration = Duration::from_millis(500);

/// A handler that fails acknowledges nothing, and the client waits for its time-out; so what the client should know
/// about a failure is an answer like any other.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Division {
    Done { quotient: f64 },
    NotPossible { reason: &'static str },
}

/// The answer is what the handler returns.
async fn divide(dividend: f64, divisor: f64) -> Reply<Division> {
    if divisor == 0.0 {
        return Reply(Division::NotPossible { reason: "the divisor is zero" });
    }
    Reply(Division::Done { quotient: dividend / divisor })
}

/// The answer goes out in the middle: the client learns that its order was taken, then that it is ready.
async fn order(socket: Socket, dish: String, ack: Ack) -> Result<Emitted, HandlerError> {
    ack.send("taken")?;
    tokio::time::sleep(Duration::from_millis(50)).await; // here somebody cooks
    Ok(socket.emit("ready", dish))
}

/// The server asks. Events of this socket wait meanwhile, acknowledgements do not: a handler may await one.
async fn quiz(socket: Socket) -> Reply<String> {
    let answer = socket.timeout(PATIENCE).emit_with_ack::<String>("question", "the answer to everything?");
    Reply(match answer.await {
        Ok(answer) if answer == "42" => "right".to_owned(),
        Ok(answer) => format!("not {answer}"),
        Err(AckError::TimedOut) => "too late".to_owned(),
        // An answer that is no text, say.
        Err(error) => error.to_string(),
    })
}

#[derive(Serialize)]
struct Votes {
    yes: usize,
    no: usize,
    missing: usize,
}

/// The server asks everybody, and takes what has come when time is over.
async fn vote(socket: Socket, motion: String) -> Result<Reply<Votes>, HandlerError> {
    let replies = socket.everybody().timeout(PATIENCE).emit_with_ack::<bool>("vote", motion).await?;
    let yes = replies.values().filter(|yes| **yes).count();
    let no = replies.values().count() - yes;
    Ok(Reply(Votes { yes, no, missing: replies.missing().count() }))
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("divide", divide).on("order", order).on("quiz", quiz).on("vote", vote);
    });
    println!("Listening on http://{address}.");
    server.listen(address).await
}
