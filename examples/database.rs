//! `cargo run --example database`: a chat that remembers, in SQLite: nothing is lost when it, or a client, starts again.
//!
//! A client says with `await socket.emitWithAck("say", "hello")`, and comes back with the id of the last message that it
//! has: `io(url, { auth: { after: 17 } })`. The second argument of the example is the file.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sockeye::{Auth, HandlerError, Reply, Server, Socket, State};

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)";
/// The newest that the client has not, in the order in which they were said.
const NEWEST: &str = "SELECT id, text FROM (SELECT id, text FROM messages WHERE id > ?1 ORDER BY id DESC LIMIT 100) ORDER BY id";

#[derive(Clone, Serialize)]
struct Message {
    id: i64,
    text: String,
}

/// What handlers get as `State<Messages>`: a handle, cloned for each call.
#[derive(Clone)]
struct Messages(Arc<Mutex<Connection>>);

impl Messages {
    fn open(file: &str) -> rusqlite::Result<Messages> {
        let connection = Connection::open(file)?;
        connection.execute(SCHEMA, ())?;
        Ok(Messages(Arc::new(Mutex::new(connection))))
    }

    /// SQLite waits for the disk, and whoever waits on a thread of the runtime holds up all its sockets; so it is asked
    /// on a thread that is there for waiting. A database over the network needs no such thing: its client is async.
    async fn ask<T: Send + 'static>(
        self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, HandlerError> {
        let ask = move || question(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(ask).await??)
    }

    async fn add(self, text: String) -> Result<Message, HandlerError> {
        self.ask(move |connection| {
            connection.execute("INSERT INTO messages (text) VALUES (?1)", [&text])?;
            Ok(Message { id: connection.last_insert_rowid(), text })
        })
        .await
    }

    async fn since(self, id: i64) -> Result<Vec<Message>, HandlerError> {
        self.ask(move |connection| {
            let mut newest = connection.prepare(NEWEST)?;
            newest.query_map([id], |row| Ok(Message { id: row.get(0)?, text: row.get(1)? }))?.collect()
        })
        .await
    }
}

#[derive(Deserialize)]
struct Have {
    #[serde(default)]
    after: i64,
}

/// Events come in while the database is asked; so they are registered first. A message that is said meanwhile may come
/// in front of `history` and be in it too: clients go by its id.
async fn connected(
    socket: Socket,
    State(messages): State<Messages>,
    Auth(have): Auth<Have>,
) -> Result<(), HandlerError> {
    socket.on("say", say);
    socket.emit("history", messages.since(have.after).await?);
    Ok(())
}

/// The acknowledgement is a promise: the message is stored. When storing fails there is none, and the client may try again.
async fn say(
    socket: Socket,
    State(messages): State<Messages>,
    text: String,
) -> Result<Reply<i64>, HandlerError> {
    let message = messages.add(text).await?;
    socket.broadcast().emit("said", &message);
    Ok(Reply(message.id))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let file = arguments.next().unwrap_or_else(|| "messages.sqlite".to_owned());
    let server = Server::builder().state(Messages::open(&file)?).build();
    server.on_connect(connected);
    println!("Listening on http://{address}, remembering in {file}.");
    Ok(server.listen(address).await?)
}
