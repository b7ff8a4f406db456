//! `cargo run --example auth`: who may connect, and who may do what. A middleware reads a token; events have another.
//!
//! A client comes with `io("http://127.0.0.1:3000", { auth: { token: "ada-token" } })`; one that is refused learns why
//! by `connect_error`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use sockeye::{Auth, Data, EventName, HandlerError, Refusal, Reply, Server, Socket, State};

/// What the client says as `auth`.
#[derive(Deserialize)]
struct Credentials {
    token: String,
}

#[derive(Clone)]
struct User {
    name: &'static str,
    is_moderator: bool,
}

/// Whose token is whose. In earnest: a signed token that is verified, or a store of sessions that is asked.
#[derive(Clone)]
struct Tokens(Arc<HashMap<&'static str, User>>);

/// Runs before the socket is there: with `Err` it never will be, and what the refusal says is for the client. One
/// whose `auth` has no token does not get this far: it is refused with `Invalid auth`.
async fn authenticate(
    socket: Socket,
    State(Tokens(tokens)): State<Tokens>,
    Auth(credentials): Auth<Credentials>,
) -> Result<(), Refusal> {
    let Some(user) = tokens.get(credentials.token.as_str()) else {
        return Err(Refusal::new("unknown token").with_data("log in again"));
    };
    // All handlers of this socket find it as `Data<User>`.
    socket.set_data(user.clone());
    Ok(())
}

/// Runs before each event's handler. An event that is refused has none, and its acknowledgement is not sent.
async fn authorize(EventName(event): EventName, Data(user): Data<User>) -> Result<(), HandlerError> {
    match event.as_str() {
        "clear" if !user.is_moderator => Err(HandlerError::new(format!("{} is no moderator", user.name))),
        _ => Ok(()),
    }
}

async fn connected(socket: Socket) {
    socket.with(authorize);
    socket.on("who am i", async |Data(user): Data<User>| Reply(user.name));
    socket.on("clear", async |socket: Socket, Data(user): Data<User>| {
        socket.everybody().emit("cleared", user.name);
        Reply("done")
    });
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let tokens = Tokens(Arc::new(HashMap::from([
        ("ada-token", User { name: "Ada", is_moderator: true }),
        ("bob-token", User { name: "Bob", is_moderator: false }),
    ])));
    let builder = Server::builder().state(tokens);
    // Clients are not told of failures; somebody should be.
    let server = builder.on_error(|failure| eprintln!("{failure}")).build();
    server.with(authenticate).on_connect(connected);
    println!("Listening on http://{address}.");
    server.listen(address).await
}
