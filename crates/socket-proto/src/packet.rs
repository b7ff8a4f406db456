//! A Socket.IO packet: what kind it is, its namespace and ack id, and its JSON, unread.
//!
//! Borrows from the message it came in. The JSON was scanned once, and is read when someone asks for an
//! argument; it never becomes a tree on the way.
//!
//! Spec: `spec/socketio.md` 1.

use std::borrow::Cow;

use serde::Deserialize;

use crate::arguments::Arguments;
use crate::attachments::{self, Attachments};
use crate::error::{ArgumentCause, ArgumentError};
use crate::json::de::{Deserializer, IsMissing, Missing};
use crate::json::number::{parse_float, to_javascript_string};
use crate::json::string::unescape;
use crate::payload::Payload;

/// Event names that neither side may send: they would look like the library's own events.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether `name` is one of the [`RESERVED_EVENTS`].
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    // Most names are told apart by their length.
    matches!(name.len(), 7 | 10 | 11 | 13 | 14) && RESERVED_EVENTS.contains(&name)
}

/// What a packet is for. Whether it has attachments is no kind of its own, as on the wire, but a count.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// `0`: asks to join a namespace, or grants it. Its payload is an object, or absent.
    Connect,
    /// `1`: leaves a namespace. No payload.
    Disconnect,
    /// `2`, with attachments `5`: an event. Its payload is an array of its name and its arguments.
    Event,
    /// `3`, with attachments `6`: answers an event that asked for it. Its payload is an array of arguments.
    Ack,
    /// `4`: refuses a CONNECT. Its payload is an object or a string.
    ConnectError,
}

impl Kind {
    /// The number that it has in every format, 0 to 4.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Kind::Connect => 0,
            Kind::Disconnect => 1,
            Kind::Event => 2,
            Kind::Ack => 3,
            Kind::ConnectError => 4,
        }
    }

    /// The kind with this number, if there is one: 5 and 6 are of the default format alone.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Kind> {
        use Kind::{Ack, Connect, ConnectError, Disconnect, Event};
        [Connect, Disconnect, Event, Ack, ConnectError].get(usize::from(number)).copied()
    }
}

/// Where the parts of a packet stand in its text: all that decoding found out, without a lifetime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) id: Option<u64>,
    pub(crate) attachments: u32,
    /// Empty when the packet does not name one.
    pub(crate) namespace: Span,
    /// Empty when there is none.
    pub(crate) payload: Span,
    /// The arguments of an event or an ack, with commas between.
    pub(crate) arguments: Span,
    pub(crate) argument_count: u32,
}

/// A range of bytes in the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// The name of an event, as it stands in the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Name {
    Absent,
    /// Without its quotes.
    Plain(Span),
    /// Without its quotes, and with escapes.
    Escaped(Span),
    Number(Span),
}

/// One packet, complete with its attachments, borrowed from what came.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'p> {
    text: &'p str,
    layout: Layout,
    attachments: &'p Attachments,
}

impl<'p> Packet<'p> {
    pub(crate) fn new(text: &'p str, layout: Layout) -> Packet<'p> {
        Packet { text, layout, attachments: &attachments::NONE }
    }

    pub(crate) fn with_attachments(
        text: &'p str,
        layout: Layout,
        attachments: &'p Attachments,
    ) -> Packet<'p> {
        Packet { text, layout, attachments }
    }

    pub(crate) fn text(&self) -> &'p str {
        self.text
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// What the packet is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.layout.kind
    }

    /// The namespace it belongs to, `/` when it names none.
    ///
    /// As it came: the part behind a `?` is not cut off.
    #[must_use]
    pub fn namespace(&self) -> &'p str {
        if self.layout.namespace.is_empty() { "/" } else { self.layout.namespace.of(self.text) }
    }

    /// On an event the id that its ack must carry, on an ack the id of the event it answers.
    ///
    /// CONNECT, DISCONNECT and CONNECT_ERROR may carry one too, which means nothing.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.layout.id
    }

    /// How many attachments it announces.
    #[must_use]
    pub fn attachment_count(&self) -> u32 {
        self.layout.attachments
    }

    /// The attachments that came, in order; empty while they are missing.
    #[must_use]
    pub fn attachments(&self) -> &'p [Vec<u8>] {
        self.attachments.parts()
    }

    /// The JSON, if there is any.
    #[must_use]
    pub fn payload(&self) -> Option<&'p str> {
        (!self.layout.payload.is_empty()).then(|| self.layout.payload.of(self.text))
    }

    /// The payload to write in another format, attachments in their places; see [`Parser`](crate::parser::Parser).
    #[must_use]
    pub fn payload_value(&self) -> Option<Payload<'p>> {
        let start = self.layout.payload.start as usize;
        (!self.layout.payload.is_empty()).then(|| Payload::new(self.text, start, self.attachments))
    }

    /// Reads the whole payload as a `T`; an absent one is `None` for an `Option`.
    ///
    /// That of an event is an array of its name and its arguments, that of an ack an array of its arguments. `T` may
    /// borrow from the packet, as in [`Arguments::next_as`].
    ///
    /// # Errors
    /// [`ArgumentCause::Missing`] when there is none and `T` needs one, [`ArgumentCause::Type`] when `T` cannot hold it.
    /// The position is 0.
    pub fn payload_as<T: Deserialize<'p>>(&self) -> Result<T, ArgumentError> {
        let error = |cause| ArgumentError { position: 0, cause };
        if self.layout.payload.is_empty() {
            return T::deserialize(Missing).map_err(|IsMissing| error(ArgumentCause::Missing));
        }
        let at = self.layout.payload.start as usize;
        let mut deserializer = Deserializer::new(self.text, at, self.attachments);
        T::deserialize(&mut deserializer).map_err(|cause| error(ArgumentCause::Type(cause.0)))
    }

    /// The name of an event. `None` for any other kind, and for an event without payload, which no handler
    /// can be meant by.
    ///
    /// A number is what JavaScript makes of it as a text: `1.0` is `1`. Owned only when it had to be decoded.
    #[must_use]
    pub fn event(&self) -> Option<Cow<'p, str>> {
        match self.layout.name {
            Name::Absent => None,
            Name::Plain(span) => Some(Cow::Borrowed(span.of(self.text))),
            Name::Escaped(span) => Some(unescape(span.of(self.text))),
            Name::Number(span) => Some(Cow::Owned(to_javascript_string(parse_float(span.of(self.text))))),
        }
    }

    /// The arguments of an event, behind its name, or of an ack; empty for any other kind.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'p> {
        let Span { start, end } = self.layout.arguments;
        Arguments::new(self.text, start as usize, end as usize, self.layout.argument_count, self.attachments)
    }
}
