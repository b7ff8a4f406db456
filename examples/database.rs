//! `cargo run --example database`: a chat that remembers, in SQLite: what was acknowledged outlives the process.
//!
//! A client says with `await socket.emitWithAck("say", "hello")`. It comes back with the id of the last message that it
//! has, and gets the rest: `io(url, { auth: (send) => send({ after: last }) })` asks for it at each connection. The
//! second argument of the example is the file, by default `messages.sqlite`.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sockeye::{Auth, HandlerError, Reply, Server, Socket, State};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";
/// The newest that the client has not; the oldest of them first.
const NEWEST: &str =
    "SELECT * FROM (SELECT id, text FROM messages WHERE id > ? ORDER BY id DESC LIMIT 100) ORDER BY id";

#[derive(Serialize)]
struct Message {
    id: i64,
    text: String,
}

/// What handlers get as `State<Store>`: a handle, cloned for each call.
#[derive(Clone)]
struct Store(Arc<Mutex<Connection>>);

impl Store {
    fn open(file: &str) -> rusqlite::Result<Store> {
        let connection = Connection::open(file)?;
        connection.execute(SCHEMA, ())?;
        Ok(Store(Arc::new(Mutex::new(connection))))
    }

    /// SQLite waits for the disk, and what waits on a thread of the runtime holds up other sockets; so it is asked on a
    /// thread that is there for waiting. A database over the network needs no such thing: its client is async.
    async fn ask<T: Send + 'static>(
        self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, HandlerError> {
        let ask = move || question(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(ask).await??)
    }
}

#[derive(Deserialize)]
struct Have {
    #[serde(default)]
    after: i64,
}

/// What others say meanwhile may come in front of `history` and be in it, too: clients go by the ids.
async fn connected(
    socket: Socket,
    State(store): State<Store>,
    Auth(have): Auth<Have>,
) -> Result<(), HandlerError> {
    socket.on("say", say);
    let newest = store.ask(move |connection| {
        let mut newest = connection.prepare(NEWEST)?;
        let message =
            newest.query_map([have.after], |row| Ok(Message { id: row.get(0)?, text: row.get(1)? }))?;
        message.collect::<rusqlite::Result<Vec<_>>>()
    });
    socket.emit("history", newest.await?);
    Ok(())
}

/// The acknowledgement is a promise: the message is stored. When that fails there is none, and the client tries again.
async fn say(socket: Socket, State(store): State<Store>, text: String) -> Result<Reply<i64>, HandlerError> {
    let message = store.ask(move |connection| {
        connection.execute("INSERT INTO messages (text) VALUES (?)", [&text])?;
        Ok(Message { id: connection.last_insert_rowid(), text })
    });
    let message = message.await?;
    socket.broadcast().emit("said", &message);
    Ok(Reply(message.id))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let file = arguments.next().unwrap_or_else(|| "messages.sqlite".to_owned());
    let server = Server::builder().state(Store::open(&file)?).build();
    server.on_connect(connected);
    println!("Listening on http://{address}, remembering in {file}.");
    Ok(server.listen(address).await?)
}
