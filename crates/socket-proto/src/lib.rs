//! Socket.IO, protocol 5, without IO: Engine.IO messages in, packets out, and back.
//!
//! - [`assembly`] joins messages to packets; [`packet`] and [`arguments`] read them.
//! - [`parser`] makes frames of events, acks and the rest; [`outgoing`] says what their arguments may be.
//! - [`acks`] remembers who waits for an answer.
//!
//! Nothing here reads a clock, owns a socket or waits; `clippy.toml` holds it to that.

pub mod acks;
pub mod arguments;
pub mod assembly;
pub mod attachments;
pub mod binary;
pub mod error;
mod json;
pub mod limits;
pub mod outgoing;
pub mod packet;
pub mod parser;
pub mod reason;
pub mod value;
