//! `cargo run --example hello`: the smallest chat. Whoever says something is heard by all others in the lobby.

use sockeye::{Server, Socket};

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.join("lobby");
        socket.on("message", async |socket: Socket, text: String| socket.to("lobby").emit("message", text));
    });
    println!("Listening on http://{address}, for any Socket.IO client.");
    server.listen(address).await
}
