//! `cargo run --example chat`: rooms, names, acknowledgements and state, on <http://127.0.0.1:3000>.
//!
//! A client joins with `io("http://127.0.0.1:3000/chat", { auth: { name: "Ada" } })`, then emits
//! `join` with a room and gets back who is there, and `say` with a room and a text.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sockeye::{Auth, Data, DisconnectReason, Refusal, Reply, Server, Socket, SocketId, State};

/// What a client says of itself.
#[derive(Deserialize)]
struct Introduction {
    name: String,
}

/// A name, once it is taken.
#[derive(Clone)]
struct Name(String);

/// Who is here: the application's own state, shared by all handlers.
#[derive(Clone, Default)]
struct People(Arc<Mutex<BTreeMap<String, SocketId>>>);

impl People {
    /// Takes a name, unless somebody has it.
    fn take(&self, name: &str, id: SocketId) -> bool {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = !people.contains_key(name);
        if is_free {
            people.insert(name.to_owned(), id);
        }
        is_free
    }

    fn give_back(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// A middleware: nobody comes in without a name, and no name comes in twice.
async fn introduce(
    socket: Socket,
    State(people): State<People>,
    Auth(introduction): Auth<Introduction>,
) -> Result<(), Refusal> {
    let name = introduction.name.trim();
    if name.is_empty() {
        return Err(Refusal::new("a name, please"));
    }
    if !people.take(name, socket.id()) {
        return Err(Refusal::new("somebody has that name").with_data(name));
    }
    socket.set_data(Name(name.to_owned()));
    Ok(())
}

async fn connected(socket: Socket) {
    socket.on("join", join).on("say", say);
    socket.on_disconnecting(disconnecting);
    socket.on_disconnect(disconnected);
}

/// Joins a room; the client's acknowledgement is the names of who is there.
async fn join(socket: Socket, Data(Name(name)): Data<Name>, room: String) -> Reply<Vec<String>> {
    socket.join(&room);
    socket.to(&room).emit("joined", (&room, name));
    let here = socket.within(&room).sockets();
    Reply(here.iter().filter_map(|socket| socket.data()).map(|Name(name)| name).collect())
}

async fn say(socket: Socket, Data(Name(name)): Data<Name>, room: String, text: String) {
    socket.within(&room).emit("said", (room, name, text));
}

/// While a socket disconnects it is still in its rooms.
async fn disconnecting(socket: Socket, Data(Name(name)): Data<Name>) {
    for room in socket.rooms() {
        socket.to(&room).emit("left", (room, &name));
    }
}

async fn disconnected(State(people): State<People>, Data(Name(name)): Data<Name>, reason: DisconnectReason) {
    people.give_back(&name);
    println!("{name} has gone: {reason}");
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::builder().state(People::default()).build();
    server.of("/chat").with(introduce).on_connect(connected);
    println!("Listening on http://{address}, namespace /chat.");
    server.listen(address).await
}
