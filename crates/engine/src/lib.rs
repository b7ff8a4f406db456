//! Engine.IO sessions that live, and the wires that carry them.
//!
//! ```text
//!  router ── which wire? ──▶ wire/{polling, sse, upload, websocket, foreign}
//!                              │ receive, poll_take, bind
//!                              ▼
//!  engine ── table, wheel ──▶ session ── outbox, link
//!     │ message, closed
//!     ▼
//!  Application (Socket.IO, or your own)
//! ```
//! Knows nothing of Socket.IO: what a message means is its [`Application`](engine::Application)'s business.

pub mod body;
mod compression;
mod cookie;
mod cors;
pub mod counters;
mod deflate;
mod dialect;
pub mod engine;
pub mod entrance;
mod forwarded;
pub mod gate;
mod guarded;
pub mod handshake;
pub mod hooks;
pub mod link;
pub mod listen;
mod lock;
mod log;
mod memory;
pub mod middleware;
pub mod options;
mod origin_check;
pub mod origins;
pub mod peer;
pub mod proxies;
mod proxy_protocol;
mod query;
pub mod refusal;
mod router;
pub mod service;
pub mod session;
pub mod sid;
pub mod side;
pub mod survey;
pub mod table;
pub mod terms;
pub mod traffic;
pub mod wheel;
mod wire;

/// The machines without IO underneath: packets, frames, a session's core.
pub use sockeye_engine_proto as proto;
