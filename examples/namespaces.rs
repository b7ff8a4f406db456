//! `cargo run --example namespaces`: namespaces that are made when somebody asks for them, and go when all have left.
//!
//! `io("http://127.0.0.1:3000/doc-7")` makes a namespace; `/doc-x` is none; `/home-ada` is for Ada alone.

use serde::Deserialize;
use sockeye::{Auth, Handshake, Namespace, Refusal, Server, Socket, predicate};

#[derive(Deserialize)]
struct Claim {
    name: String,
}

/// A closure says which names are documents. The names are the clients' to invent, so it is strict.
fn is_document(name: &str) -> bool {
    name.strip_prefix("/doc-").is_some_and(|number| number.parse::<u16>().is_ok())
}

/// One set of handlers for all documents; who is meant by `broadcast` and rooms are those of one.
async fn document_opened(socket: Socket) {
    socket.on("edit", async |socket: Socket, text: String| socket.broadcast().emit("edited", text));
    let document = socket.namespace().to_owned();
    socket.emit("opened", document);
}

/// A predicate may take its time, and knows who asks: the request and what was said as `auth`.
async fn is_home_of(name: String, handshake: Handshake) -> bool {
    let claim = handshake.auth::<Claim>();
    claim.is_ok_and(|claim| name == format!("/home-{}", claim.name))
}

/// It is asked only while there is no such namespace. Once Ada is at home, this says who else may come: nobody.
async fn is_at_home(socket: Socket, Auth(claim): Auth<Claim>) -> Result<(), Refusal> {
    if socket.namespace() == format!("/home-{}", claim.name) {
        return Ok(());
    }
    Err(Refusal::new("not your home"))
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    // Without the clean-up every name that was ever asked for stays.
    let server = Server::builder().cleanup_empty_child_namespaces(true).build();
    server.on_new_namespace(|namespace: Namespace| println!("{} is new", namespace.name()));
    server.of(is_document).on_connect(document_opened);
    server.of(predicate(is_home_of)).with(is_at_home);
    println!("Listening on http://{address}.");
    server.listen(address).await
}
