//! `cargo run --release -p sockeye-load --example ledger -- --listen 127.0.0.1:4001 [--recovery]`: the server of
//! `sockeye_load::scenario::ledger`. It notices itself when a put is not the next.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use sockeye::{Auth, Recovery, Reply, Server, Socket};

/// As the `sockeye` binary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Puts of which one is told to the room.
const NEWS: u64 = 8;

/// What a client says of itself. It is in its room until it goes for good.
#[derive(Deserialize)]
struct Who {
    number: u64,
    room: String,
}

/// What is kept with a socket, over cuts, too.
#[derive(Clone)]
struct Account {
    number: u64,
    room: Arc<str>,
    last: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (address, recovers) = match words.as_slice() {
        ["--listen", address] => (*address, false),
        ["--listen", address, "--recovery"] => (*address, true),
        _ => {
            eprintln!("usage: ledger --listen 127.0.0.1:PORT [--recovery]");
            return ExitCode::FAILURE;
        }
    };
    let server = Server::builder().connection_state_recovery(recovers.then(Recovery::default)).build();
    server.on_connect(greet);
    match server.listen(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn greet(socket: Socket, Auth(who): Auth<Who>) {
    if !socket.recovered() {
        let last = Arc::default();
        socket.set_data(Account { number: who.number, room: who.room.as_str().into(), last });
        socket.join(who.room);
    }
    socket.on("put", async |socket: Socket, number: u64| {
        let Some(Account { number: of, room, last }) = socket.data::<Account>() else {
            socket.emit("wrong", (number, 0));
            return Reply(number);
        };
        let before = last.swap(number, Ordering::Relaxed);
        if number != before + 1 {
            socket.emit("wrong", (number, before));
        }
        // Handlers that wait, and handlers that do not, in an order of no pattern.
        match of.wrapping_mul(31).wrapping_add(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58 {
            0 => tokio::time::sleep(Duration::from_millis(1 + number % 4)).await,
            1..8 => tokio::task::yield_now().await,
            _ => {}
        }
        socket.emit("got", number);
        if number.is_multiple_of(NEWS) {
            socket.within(&*room).emit("news", (of, number / NEWS));
        }
        Reply(number)
    });
}
