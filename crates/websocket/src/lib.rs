//! RFC 6455 and RFC 7692 without IO: frames in, frames out, no buffer of its own.
//!
//! ```text
//! bytes read ──▶ Decoder::decode ──▶ Event, borrowed from those bytes
//! bytes to write ◀── encode ◀── payload
//! ```
//! A connection that is idle keeps the 8 bytes of a [`decoder::Decoder`] and nothing else: whoever reads
//! lends the buffer, frames are unmasked where they lie, and only the parts of a fragmented message are ever
//! copied. Both roles are here, since the server, the clients and the tests speak through the same code. A message that
//! came compressed is inflated into memory of its own; with what, [`deflate`] says.
//!
//! Knows no socket, no clock, no random numbers (a client passes the mask in), and no HTTP types:
//! [`handshake`] takes header names and values as they are.
//!
//! ```
//! use sockeye_websocket::decoder::{Decoded, Decoder, Role};
//! use sockeye_websocket::encode::encode;
//! use sockeye_websocket::event::Event;
//! use sockeye_websocket::header::OpCode;
//! use sockeye_websocket::limits::Limits;
//!
//! let mut bytes = Vec::new();
//! encode(OpCode::Text, b"hello", Some([1, 2, 3, 4]), &mut bytes); // a client masks
//!
//! let mut decoder = Decoder::new();
//! let frame = decoder.decode(&mut bytes, Role::Server, &Limits::default());
//! assert_eq!(frame, Ok(Decoded::Frame { event: Event::Text("hello".into()), consumed: 11 }));
//! ```
//!
//! Spec: RFC 6455; RFC 7692.

pub mod close;
pub mod decoder;
pub mod deflate;
pub mod encode;
pub mod error;
pub mod event;
pub mod extensions;
pub mod handshake;
pub mod header;
pub mod limits;
pub mod mask;

mod assembly;
mod utf8;
