//! Socket.IO, protocol 5, without IO: Engine.IO messages in, packets out, and back.
//!
//! - [`assembly`] joins messages to packets; [`packet`] and [`arguments`] read them.
//! - [`parser`] makes frames of events, acks and the rest, and reads and writes other formats than the default;
//!   [`outgoing`] says what arguments may be.
//! - [`acks`] remembers who waits for an answer.
//!
//! ```
//! use sockeye_engine_proto::packet::Message;
//! use sockeye_socket_proto::{assembly::Assembly, limits::Limits, parser::json};
//!
//! let mut assembly = Assembly::new();
//! let message = Message::Text(r#"2/chat,7["say","hello",{"loud":true}]"#);
//! let incoming = assembly.handle_message(message, &Limits::default())?.expect("it has no attachments");
//! let packet = incoming.packet();
//! assert_eq!(packet.namespace(), "/chat");
//! assert_eq!(packet.event().as_deref(), Some("say"));
//!
//! let mut arguments = packet.arguments();
//! let text: &str = arguments.next_as()?;
//! let answer = json::encode_ack(packet.namespace(), packet.id().expect("an ack is wanted"), &(text, 1.0))?;
//! assert_eq!(answer.text.packet(), br#"43/chat,7["hello",1]"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here reads a clock, owns a socket or waits; `clippy.toml` holds it to that.

pub mod acks;
pub mod arguments;
pub mod assembly;
mod attachments;
pub mod binary;
mod draft;
pub mod error;
mod json;
pub mod limits;
pub mod outgoing;
pub mod packet;
pub mod parser;
pub mod payload;
pub mod reason;
pub mod value;
