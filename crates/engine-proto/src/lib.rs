//! Engine.IO, protocols 4 and 3, without IO: bytes and a [`Tick`](tick::Tick) are arguments, an
//! [`Effect`](session::Effect) is the answer.
//!
//! Server, client, tests and fuzzers share these machines. Nothing here reads a clock, owns a socket or
//! waits; `clippy.toml` holds it to that.

pub mod bind;
pub mod frame;
mod heartbeat;
pub mod outbox;
pub mod packet;
pub mod rate;
pub mod reason;
pub mod receipt;
pub mod session;
pub mod slow;
pub mod tick;
pub mod timing;
mod upgrade;
pub mod wire;
