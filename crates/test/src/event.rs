//! An event that came to a client, and the answer that it may ask for.

use std::fmt;

use serde::de::DeserializeOwned;
use sockeye::EventArguments;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::packet::Packet;
use sockeye_socket_proto::parser::json::encode_ack;

use crate::arguments::read;
use crate::error::ArgumentsError;
use crate::line::Line;

/// An event that the server sent.
///
/// It prints as its name and its arguments: `"said" ["lobby","hello"]`.
#[derive(Clone)]
pub struct Event(Incoming<'static>);

impl Event {
    pub(crate) fn new(incoming: Incoming<'static>) -> Event {
        Event(incoming)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.packet().event().map(|name| name.into_owned()).unwrap_or_default()
    }

    /// Its arguments, read as a `T`: a tuple is several, `()` none, and anything else one.
    ///
    /// # Panics
    /// When they are something else, or more, or fewer.
    #[must_use]
    #[track_caller]
    pub fn arguments<T: DeserializeOwned>(&self) -> T {
        match self.try_arguments() {
            Ok(arguments) => arguments,
            Err(error) => panic!("the event {self}: {error}"),
        }
    }

    /// As [`arguments`](Event::arguments), for tests that may get something else.
    ///
    /// # Errors
    /// When they are something else, or more, or fewer.
    pub fn try_arguments<T: DeserializeOwned>(&self) -> Result<T, ArgumentsError> {
        read(self.0.packet().arguments())
    }

    /// Whether the server asks for an acknowledgement.
    #[must_use]
    pub fn asks_for_ack(&self) -> bool {
        self.ack_id().is_some()
    }

    pub(crate) fn ack_id(&self) -> Option<u64> {
        self.0.packet().id()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.name(), shown(&self.0.packet()))?;
        if self.asks_for_ack() { f.write_str(" which asks for an acknowledgement") } else { Ok(()) }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The arguments of a packet, for people.
pub(crate) fn shown(packet: &Packet<'_>) -> String {
    match packet.attachment_count() {
        0 => format!("[{}]", packet.arguments().raw()),
        1 => format!("[{}] with 1 attachment", packet.arguments().raw()),
        count => format!("[{}] with {count} attachments", packet.arguments().raw()),
    }
}

/// The answer that the server waits for. Dropped, nothing is sent, and the server waits in vain.
#[derive(Debug)]
pub struct Ack {
    line: Line,
    namespace: String,
    id: u64,
}

impl Ack {
    pub(crate) fn new(line: Line, namespace: &str, id: u64) -> Ack {
        Ack { line, namespace: namespace.to_owned(), id }
    }

    /// Sends it: a tuple is several arguments, `()` none, and anything else one.
    ///
    /// Once the connection has ended nothing happens.
    ///
    /// # Panics
    /// When an argument refuses to be serialized.
    #[track_caller]
    pub fn send(self, arguments: impl EventArguments) {
        match encode_ack(&self.namespace, self.id, &arguments) {
            Ok(packet) => self.line.send(packet),
            Err(error) => panic!("the acknowledgement cannot be sent: {error}"),
        }
    }
}
