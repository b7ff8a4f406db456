//! A Socket.IO server: namespaces, sockets, events and acknowledgements over the sessions of an engine.
//!
//! ```text
//! engine ─▶ application ─▶ admission    CONNECT: middlewares, connection handler
//!                       ─▶ lane         EVENT: one handler after another, inline while it can
//!                       ─▶ departure    DISCONNECT, or the session closed
//! server, namespace, socket ─▶ broadcast ─▶ adapter ─▶ engine
//! ```
//! What a session keeps of all this is its `connection`'s 32 bytes. `hub` ties the knot: below it files
//! know neither sessions nor engines of a certain application.
//!
//! Spec: `spec/socketio.md`.

mod acks;
mod admission;
mod application;
mod arena;
pub mod broadcast;
pub mod census;
mod chain;
#[cfg(feature = "client-script")]
mod client_script;
pub mod conn;
mod connection;
pub mod counters;
mod departure;
pub mod emitted;
pub mod error;
pub mod event;
mod formats;
pub mod handler;
pub mod handshake;
mod hub;
pub mod id;
mod lane;
mod legacy;
mod lock;
mod log;
#[cfg(test)]
mod models;
mod moves;
pub mod namespace;
pub mod naming;
pub mod once;
mod outgoing_listeners;
pub mod parent_namespace;
mod parents;
pub mod recovery;
mod registration;
pub mod remote_socket;
pub mod replies;
pub mod request;
pub mod room_event;
pub mod rooms;
mod run;
pub mod server;
pub mod servers;
pub mod service;
mod slots;
pub mod slow;
pub mod socket;
mod space;
mod spaces;
mod states;
mod table;
mod untold;

pub use sockeye_runtime::{runtime, simulation};
pub use sockeye_socket_proto::{arguments, binary, outgoing, parser, reason, value};
