//! `cargo run --example binary`: bytes in events and in acknowledgements: a board that shows one picture to everybody.
//!
//! A client hangs one up with `socket.emit("hang", { title: "Sunflowers", image: file })`, where `file` is an
//! `ArrayBuffer`, a `Uint8Array`, or in browsers a `File`; it hears `picture`, and the image is an `ArrayBuffer` again.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use sockeye::{Bytes, Emitted, Reply, Server, Socket, State};

/// Bytes may stand at any depth. As `Bytes` or `Binary` they travel beside the JSON, as they are; a `Vec<u8>` would
/// become an array of numbers in it.
#[derive(Clone, Serialize, Deserialize)]
struct Picture {
    title: String,
    image: Bytes, // a handle: all who are shown it share one copy
}

/// No lock is held while anybody is waited for, so the locks of `std` are right here.
#[derive(Clone, Default)]
struct Board(Arc<RwLock<Option<Picture>>>);

impl Board {
    fn hang(&self, picture: Picture) {
        *self.0.write().expect("nobody panics with the lock") = Some(picture);
    }

    fn picture(&self) -> Option<Picture> {
        self.0.read().expect("nobody panics with the lock").clone()
    }
}

async fn hang(socket: Socket, State(board): State<Board>, picture: Picture) -> Emitted {
    board.hang(picture.clone());
    socket.everybody().emit("picture", picture)
}

/// Text and bytes as two arguments of an acknowledgement, and `null`s when there is no picture.
async fn look(State(board): State<Board>) -> Reply<(Option<String>, Option<Bytes>)> {
    Reply(board.picture().map(|Picture { title, image }| (title, image)).unzip())
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    // Larger pictures close the connection. The default is 1 MB, as it is in other servers.
    let server = Server::builder().max_payload(5_000_000).state(Board::default()).build();
    server.on_connect(async |socket: Socket| {
        socket.on("hang", hang).on("look", look);
    });
    println!("Listening on http://{address}.");
    server.listen(address).await
}
