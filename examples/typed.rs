//! `cargo run --example typed`: a chat whose events are types, on <http://127.0.0.1:3000>.
//!
//! What a client emits and hears is what it would without types:
//!
//! ```js
//! const socket = io('http://127.0.0.1:3000')
//! socket.on('joined', (person) => console.log(`${person.name} is here`))
//! socket.on('message', (from, text) => console.log(`${from}: ${text}`))
//! console.log('already here:', await socket.emitWithAck('join', 'Ada'))
//! socket.emit('say', 'hello')
//! ```

use serde::{Deserialize, Serialize};
use sockeye::{Data, Emitted, Event, Reply, Server, Socket};

/// A client says who it is, and hears who is there.
#[derive(Event)]
#[event(ack = Vec<String>, args(name))]
struct Join(String);

/// A client says something.
#[derive(Event)]
#[event(args(text))]
struct Say(String);

/// All others hear who came.
#[derive(Deserialize, Event, Serialize)]
struct Joined {
    name: String,
}

/// All others hear what was said.
#[derive(Event)]
#[event(args(from, text))]
struct Message(String, String);

/// Whoever has said its name.
#[derive(Clone)]
struct Name(String);

async fn join(socket: Socket, Join(name): Join) -> Reply<Vec<String>> {
    let here = socket.to("lobby").sockets();
    socket.set_data(Name(name.clone()));
    socket.join("lobby");
    socket.to("lobby").emit_event(Joined { name });
    Reply(here.iter().filter_map(Socket::data).map(|Name(name)| name).collect())
}

async fn say(socket: Socket, Data(Name(name)): Data<Name>, Say(text): Say) -> Emitted {
    socket.to("lobby").emit_event(Message(name, text))
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on_event(join).on_event(say);
    });
    println!("Listening on http://{address}, for any Socket.IO client.");
    server.listen(address).await
}
