//! The part of application C of spec/conformance.md that the benchmarks drive, on socketioxide.
//!
//! `peer-socketioxide --listen 127.0.0.1:0` prints `listening on http://ADDRESS` when it takes connections.

use std::{env, error::Error, net::SocketAddr, time::Duration};

use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef, TryData},
};
use tokio::net::TcpSocket;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Handlers in the form that the library's own examples use.
async fn connected(socket: SocketRef, TryData(auth): TryData<Value>) {
    let auth = auth.unwrap_or_else(|_| Value::Object(Default::default()));
    if let Err(error) = socket.emit("auth", &auth) {
        eprintln!("auth was not sent: {error}");
    }
    socket.on("echo", async |Data::<Value>(argument), ack: AckSender| {
        if let Err(error) = ack.send(&argument) {
            eprintln!("an ack was not sent: {error}");
        }
    });
    socket.on("broadcast", async |io: SocketIo, Data::<Value>(data)| {
        if let Err(error) = io.emit("broadcast", &data).await {
            eprintln!("a broadcast was not sent: {error}");
        }
    });
    socket.on("join", async |socket: SocketRef, Data::<String>(room)| socket.join(room));
    socket.on("room", async |io: SocketIo, Data::<(String, Value)>((room, data))| {
        if let Err(error) = io.to(room).emit("room", &data).await {
            eprintln!("a room's event was not sent: {error}");
        }
    });
}

fn milliseconds(name: &str, otherwise: u64) -> Result<Duration, Box<dyn Error>> {
    match env::var(name) {
        Ok(value) => Ok(Duration::from_millis(value.parse()?)),
        Err(_) => Ok(Duration::from_millis(otherwise)),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address: SocketAddr = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--listen"), Some(address)) => address.parse()?,
        _ => return Err("usage: peer-socketioxide --listen ADDRESS:PORT".into()),
    };
    let (layer, io) = SocketIo::builder()
        .ping_interval(milliseconds("PING_INTERVAL", 25_000)?)
        .ping_timeout(milliseconds("PING_TIMEOUT", 20_000)?)
        .connect_timeout(milliseconds("CONNECT_TIMEOUT", 45_000)?)
        .max_payload(1_000_000)
        .build_layer();
    io.ns("/", connected);
    io.ns("/custom", connected);

    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(4_096)?;
    println!("listening on http://{}", listener.local_addr()?);
    // As ours does: without it small answers wait for the peer's delayed acknowledgement.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY was not set: {error}");
        }
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}
