//! Tests of Sockeye servers: server and clients in one process, on a clock that the test moves. No port, no
//! sleep, nothing shared between tests.
//!
//! ```toml
//! [dev-dependencies]
//! sockeye-test = "0.1"
//! tokio = { version = "1", features = ["macros", "rt", "test-util", "time"] }
//! ```
//! What follows stands inside of tests such as
//! `#[tokio::test(start_paused = true)] async fn a_message_is_heard() -> Result<(), Box<dyn Error>>`, where the
//! clock stands still while anything is ready, and jumps to the next timer when all tasks wait.
//!
//! # A first test
//!
//! ```
//! use sockeye::{Server, Socket};
//! use sockeye_test::TestServer;
//!
//! fn chat() -> Server {
//!     let server = Server::new();
//!     server.on_connect(async |socket: Socket| {
//!         socket.join("lobby");
//!         socket.on("message", async |socket: Socket, text: String| {
//!             socket.to("lobby").emit("message", text)
//!         });
//!     });
//!     server
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kit = TestServer::new(chat());
//! let ada = kit.connect("/").await?;
//! let mut bob = kit.connect("/").await?;
//! ada.emit("message", "hello");
//! assert_eq!(bob.expect::<String>("message").await, "hello");
//! # Ok(()) }
//! ```
//! What is expected may take virtual time, five seconds unless [`Connector::patience`] says otherwise, so a test
//! whose event never comes fails at once, and says what came instead:
//!
//! ```text
//! expected the event "message" within 5s, and it did not come
//!   at tests/chat.rs:12:20
//!   Client(cVx3gZ0lT2mWq8rYb1Ka in / over websocket)
//!   unread:
//!     "mesage" ["hello"]
//!   meanwhile on the server:
//!     1 × a handler that panicked
//! ```
//!
//! # Acknowledgements
//!
//! Both sides may ask. [`Client::emit_with_ack`] sends at once and waits when it is awaited, so a client can
//! answer a question in between. Arguments are typed as everywhere in Sockeye: a tuple is several, `()` none,
//! and anything else one.
//!
//! ```
//! # use sockeye::{Reply, Server, Socket};
//! # use sockeye_test::TestServer;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new();
//! server.on_connect(async |socket: Socket| {
//!     socket.on("add", async |a: u32, b: u32| Reply(a + b));
//!     socket.on("order", async |socket: Socket, dish: String| {
//!         let sure: bool = socket.emit_with_ack("are you sure?", &dish).await?;
//!         Ok(Reply(if sure { "it comes" } else { "never mind" }))
//!     });
//! });
//! let mut ada = TestServer::new(server).connect("/").await?;
//! assert_eq!(ada.emit_with_ack::<u32>("add", (1, 2)).await?, 3);
//!
//! let order = ada.emit_with_ack::<String>("order", "herring");
//! let (dish, ack) = ada.expect_with_ack::<String>("are you sure?").await;
//! assert_eq!(dish, "herring");
//! ack.send(true);
//! assert_eq!(order.await?, "it comes");
//! # Ok(()) }
//! ```
//!
//! # Who may come in
//!
//! Being refused is a value. One connection may carry sockets of several namespaces.
//!
//! ```
//! # use serde::Deserialize;
//! # use serde_json::json;
//! # use sockeye::{Auth, Refusal, Server};
//! # use sockeye_test::{TestServer, Transport};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(Deserialize)]
//! struct Login {
//!     token: Option<u32>,
//! }
//! let server = Server::new();
//! server.of("/staff").with(async |Auth(login): Auth<Login>| match login.token {
//!     Some(1) => Ok(()),
//!     _ => Err(Refusal::new("who are you?").with_data("try again")),
//! });
//! let kit = TestServer::new(server);
//! let error = kit.connect("/staff").await.expect_err("it wants a token");
//! assert_eq!(error.message(), Some("who are you?"));
//! assert_eq!(error.data::<String>().as_deref(), Some("try again"));
//!
//! let staff = kit.client().namespace("/staff").auth(json!({ "token": 1 }));
//! let ada = staff.transport(Transport::Polling).header("user-agent", "a test").connect().await?;
//! let everybody = ada.connect("/").await?;
//! assert_ne!(ada.id(), everybody.id());
//! # Ok(()) }
//! ```
//!
//! # Rooms, and what does not come
//!
//! [`Client::expect_nothing`] settles first: everything that is ready has then happened, and no time has passed.
//! Events that a test has not read stay unread, in order; [`Client::skip`] throws them away.
//!
//! ```
//! # use sockeye::{Server, Socket};
//! # use sockeye_test::TestServer;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new();
//! server.on_connect(async |socket: Socket| {
//!     socket.on("join", async |socket: Socket, room: String| {
//!         socket.join(&room);
//!         socket.to(&room).emit("joined", (room, socket.id().to_string()));
//!     });
//! });
//! let kit = TestServer::new(&server);
//! let (mut ada, mut bob, mut eve) = (kit.connect("/").await?, kit.connect("/").await?, kit.connect("/").await?);
//! ada.emit("join", "cellar").await; // awaited, it settles: she is in before he comes
//! bob.emit("join", "cellar").await;
//! let (room, id): (String, String) = ada.expect("joined").await;
//! assert_eq!((room.as_str(), id.as_str()), ("cellar", bob.id()));
//! bob.expect_nothing().await;
//!
//! server.to("cellar").emit("news", "we are two");
//! assert_eq!(ada.next_event().await.name(), "news");
//! assert_eq!(bob.expect::<String>("news").await, "we are two");
//! eve.expect_nothing().await;
//! # Ok(()) }
//! ```
//!
//! # Time
//!
//! [`TestServer::advance`] goes from timer to timer: heartbeats, time-outs, and every `tokio::time` of the
//! application's own.
//!
//! ```
//! # use std::time::Duration;
//! # use sockeye::{DisconnectReason, Server, Socket};
//! # use sockeye_test::TestServer;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new();
//! server.on_connect(async |socket: Socket| {
//!     socket.on_disconnect(async |socket: Socket, reason: DisconnectReason| {
//!         tokio::time::sleep(Duration::from_secs(60)).await;
//!         socket.broadcast().emit("gone", reason.as_str());
//!     });
//! });
//! let kit = TestServer::new(server);
//! let (mut ada, mut bob) = (kit.connect("/").await?, kit.connect("/").await?);
//! bob.fall_silent(); // answers no ping any more
//! kit.advance(Duration::from_secs(50)).await;
//! assert_eq!(bob.disconnected().await, "transport close");
//! ada.expect_nothing().await;
//! kit.advance(Duration::from_secs(60)).await;
//! assert_eq!(ada.expect::<String>("gone").await, "ping timeout");
//! # Ok(()) }
//! ```
//!
//! # Bad input
//!
//! [`Client::send_raw`] sends what no client would.
//!
//! ```
//! # use sockeye::{Server, Socket};
//! # use sockeye_test::TestServer;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new();
//! server.on_connect(async |socket: Socket| {
//!     socket.on("age", async |socket: Socket, age: u8| socket.emit("thanks", age));
//! });
//! let kit = TestServer::new(server);
//! let mut ada = kit.connect("/").await?;
//! ada.emit("age", "old"); // of another type: the handler does not run, and nothing is closed
//! ada.expect_nothing().await;
//! assert!(ada.is_connected());
//! ada.send_raw("42[no JSON");
//! assert_eq!(ada.disconnected().await, "transport close");
//! # Ok(()) }
//! ```
//!
//! # Your own state, and the world around
//!
//! State is given to the server as ever, so a test hands in its own: a channel that a handler tells, a map, a
//! database. A server that is mounted in an application is tested with it: [`TestServer::behind`] takes the whole
//! service.
//!
//! ```
//! # use sockeye::{Server, Socket, State};
//! # use sockeye_test::TestServer;
//! # use tokio::sync::mpsc;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (orders, mut kitchen) = mpsc::unbounded_channel::<String>();
//! let server = Server::builder().state(orders).build();
//! server.on_connect(async |socket: Socket| {
//!     socket.on("order", async |State(orders): State<mpsc::UnboundedSender<String>>, dish: String| {
//!         Ok(orders.send(dish)?)
//!     });
//! });
//! let application = axum::Router::<()>::new().layer(server.layer());
//! let ada = TestServer::behind(application, server.path()).connect("/").await?;
//! ada.emit("order", "herring");
//! assert_eq!(kitchen.recv().await.as_deref(), Some("herring"));
//! # Ok(()) }
//! ```
//! A paused clock waits for `spawn_blocking`. A database at the end of a real connection takes real time, of which
//! it knows nothing: it would jump over every time-out meanwhile. Such tests say `#[tokio::test]`. There the five
//! seconds are real ones, which a test that passes does not wait for, and [`TestServer::settle`] looks for a quiet
//! moment of 10 ms.
//!
//! # Schedules
//!
//! On a tokio runtime of one thread tasks run in the order in which they are woken. [`simulate`] draws the order
//! from a seed instead.

mod arguments;
mod client;
mod clock;
mod connection;
mod connector;
mod error;
mod event;
mod host;
mod line;
mod reason;
mod requests;
mod server;
mod service;
mod simulation;
mod transport;
mod wire;

pub use client::{Answer, Client, Emitted};
pub use connector::Connector;
pub use error::{AckError, ArgumentsError, ConnectError};
pub use event::{Ack, Event};
pub use reason::Reason;
pub use server::TestServer;
pub use simulation::simulate;
pub use transport::Transport;

/// The guide's chapter on testing, whose blocks are compiled and run here.
#[cfg(doctest)]
#[doc = include_str!("../../sockeye/src/guide/08-testing.md")]
mod chapter {}
