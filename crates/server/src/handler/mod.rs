//! Handlers: what the application does about events, connections and disconnects.
//!
//! A handler is a function, an async closure that captures nothing, or a closure that returns a future:
//!
//! ```
//! # use sockeye_server::{server::Server, socket::Socket};
//! # fn register(server: &Server, db: std::sync::Arc<String>) {
//! async fn hello(socket: Socket, name: Option<String>) {
//!     socket.emit("hello", name.unwrap_or_default());
//! }
//!
//! server.on_connect(async |socket: Socket| {
//!     socket.on("hello", hello);
//!     socket.on("ping", async |socket: Socket| socket.emit("pong", ()));
//! });
//! server.of("/db").on_connect(move |socket: Socket| {
//!     let db = db.clone();
//!     async move {
//!         socket.emit("size", db.len());
//!     }
//! });
//! # }
//! ```
//! An `async` closure that captures cannot be shown to be callable again from any thread: use the third form,
//! or reach what it would capture as [`State`](args::State).
//!
//! Events whose types carry their name as well are in [`event`](crate::event).

pub mod ack;
pub mod args;
pub mod event;
pub mod outcome;
pub mod reply;
pub mod server_side;
pub mod typed;
