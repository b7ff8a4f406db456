//! How packets are bytes. The parser is an option of a whole server, and never negotiated.
//!
//! [`json`] is what every client speaks unless told otherwise: text with attachments behind it. [`msgpack`] is the
//! other format that official clients have, and a [`Parser`] as everybody may write one. Another parser is another
//! file here.

use std::fmt;

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;

use crate::assembly::{Assembly, Incoming};
use crate::error::{DecodeError, EncodeError};
use crate::limits::{Limits, MAX_DEPTH};
use crate::outgoing::Encoded;
use crate::packet::Packet;

pub mod json;
pub mod msgpack;

/// Another format than the default: one packet a message, its bytes inside of it.
///
/// Above it a packet is what it always is, JSON and attachments; a parser translates. The default format is no
/// `Parser`: its packets borrow from their messages, and their attachments are messages of their own, which an
/// [`Assembly`] joins.
///
/// [`Incoming::new`] makes a packet of what was read, and checks it; [`Packet::payload_value`] is what is to be written.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sockeye_engine_proto::{frame::Frame, packet::Message};
/// use sockeye_socket_proto::assembly::Incoming;
/// use sockeye_socket_proto::error::{DecodeError, EncodeError};
/// use sockeye_socket_proto::limits::Limits;
/// use sockeye_socket_proto::packet::{Kind, Packet};
/// use sockeye_socket_proto::parser::Parser;
///
/// /// Each packet is one object of JSON in a binary message; bytes are arrays of numbers.
/// #[derive(Debug)]
/// struct OneObject;
///
/// #[derive(Deserialize, Serialize)]
/// struct Parts<P> {
///     kind: u8,
///     namespace: String,
///     id: Option<u64>,
///     payload: Option<P>,
/// }
///
/// impl Parser for OneObject {
///     fn decode(&self, message: Message<'_>, limits: &Limits) -> Result<Incoming<'static>, DecodeError> {
///         let Message::Binary(bytes) = message else {
///             return Err(DecodeError::Format { expected: "binary" });
///         };
///         let parts: Parts<serde_json::Value> = serde_json::from_slice(bytes)
///             .map_err(|_| DecodeError::Format { expected: "an object of JSON" })?;
///         let kind = Kind::from_number(parts.kind)
///             .ok_or(DecodeError::Part { part: "packet type", expected: "a number from 0 to 4" })?;
///         Incoming::new(kind, &parts.namespace, parts.id, parts.payload.as_ref(), limits)
///     }
///
///     fn encode(&self, packet: &Packet<'_>) -> Result<Frame, EncodeError> {
///         let parts = Parts {
///             kind: packet.kind().number(),
///             namespace: packet.namespace().to_owned(),
///             id: packet.id(),
///             payload: packet.payload_value(),
///         };
///         let bytes = serde_json::to_vec(&parts)
///             .map_err(|error| EncodeError::Argument { message: error.to_string() })?;
///         Ok(Frame::binary(&bytes))
///     }
/// }
///
/// let message = br#"{"kind":2,"namespace":"/chat","id":7,"payload":["say","hello"]}"#;
/// let incoming = OneObject.decode(Message::Binary(message), &Limits::default())?;
/// let packet = incoming.packet();
/// assert_eq!((packet.namespace(), packet.event().as_deref()), ("/chat", Some("say")));
/// assert_eq!(packet.arguments().next_as::<&str>()?, "hello");
/// assert_eq!(OneObject.encode(&packet)?.packet(), message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Parser: fmt::Debug + Send + Sync + 'static {
    /// Reads one message of Engine.IO as one packet.
    ///
    /// It must not panic, whatever the peer sends, and not recurse as deep as the peer likes.
    ///
    /// # Errors
    /// See [`DecodeError`]; each closes the connection.
    fn decode(&self, message: Message<'_>, limits: &Limits) -> Result<Incoming<'static>, DecodeError>;

    /// Writes one packet as one message.
    ///
    /// # Errors
    /// See [`EncodeError`]; the packet is not sent.
    fn encode(&self, packet: &Packet<'_>) -> Result<Frame, EncodeError>;
}

/// A packet of the default format in that of `parser`; what is said of it stays.
///
/// # Errors
/// Those of the parser; [`EncodeError::Argument`] when it is nested deeper than [`MAX_DEPTH`].
pub fn translate(parser: &dyn Parser, packet: &Encoded) -> Result<Frame, EncodeError> {
    let too_deep =
        || EncodeError::Argument { message: format!("it is nested deeper than {MAX_DEPTH} levels") };
    let read = Assembly::read(packet.frames(), &Limits::OURS).ok_or_else(too_deep)?;
    Ok(parser.encode(&read.packet())?.said_as(&packet.text))
}
