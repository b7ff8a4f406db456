//! Events as types: one Rust type carries an event's name, its arguments and its acknowledgement.
//!
//! ```
//! # extern crate sockeye_server as sockeye;
//! # use sockeye_server::{event::Event, handler::outcome::Reply, server::Server, socket::Socket};
//! /// Somebody says something.
//! #[derive(Event)]
//! #[event(args(from, text))]
//! struct Message(String, String);
//!
//! /// How long a text is, in characters.
//! #[derive(Event)]
//! #[event(ack = usize)]
//! struct Measure(String);
//!
//! # fn register(server: &Server) {
//! server.on_connect(async |socket: Socket| {
//!     socket.on_event(async |socket: Socket, message: Message| socket.broadcast().emit_event(message));
//!     socket.on_event(async |Measure(text): Measure| Reply(text.chars().count()));
//! });
//! # }
//! ```
//! On the wire nothing differs from `emit("message", (from, text))` and `on("message", …)`, which stay as they
//! are: one socket may use both.
//!
//! # What the derive reads
//!
//! | written | on the wire |
//! |---|---|
//! | `struct Message(String, u32);` | `["message", "text", 1]`: the fields are the arguments, in order |
//! | `struct Typing;` | `["typing"]` |
//! | `struct Joined { name: String }`, with serde's derives | `["joined", { "name": "Ada" }]`: one argument, an object |
//!
//! - `#[event(name = "chat message")]`: its name. Without, it is the type's in camelCase, `struct UserJoined` is
//!   `userJoined`, since it becomes a member of a TypeScript interface.
//! - `#[event(ack = u32)]`: what it is acknowledged with: a tuple is several values, `()` none, anything else one.
//!   Without, it asks for no acknowledgement.
//! - `#[event(args(from, text))]`: what the fields are called in contracts. Without, `value`, or `arg0`, `arg1`, ….
//! - `#[event(key)]`, beside `ack`: its first field, a `String`, is the key by which it is
//!   [handled once](crate::socket::Socket::on_deduplicated_event).
//! - `#[event(crate = path)]`: where this crate is, when it is not `::sockeye`.
//!
//! Fields and the acknowledgement implement `Serialize` and `Deserialize`, and own what they hold: an event has
//! no type parameters and no lifetimes. Of a tuple, an `Option` that is missing at the end is `None`, more
//! arguments than it has are ignored, and `None` is sent as `null`. A name that the protocol keeps for itself
//! does not compile:
//!
//! ```compile_fail
//! # extern crate sockeye_server as sockeye;
//! # use sockeye_server::event::Event;
//! #[derive(Event)]
//! struct Disconnect; // `disconnect` is reserved
//! ```
//!
//! # Asking
//!
//! `emit_event_with_ack` is there for events with an acknowledgement, and gives it in its type:
//!
//! ```
//! # extern crate sockeye_server as sockeye;
//! # use sockeye_server::{error::HandlerError, event::Event, socket::Socket};
//! #[derive(Event)]
//! #[event(ack = (String, u32))]
//! struct WhoAreYou;
//!
//! # async fn ask(socket: Socket) -> Result<(), HandlerError> {
//! let (name, age) = socket.emit_event_with_ack(WhoAreYou).await?;
//! # let _: (String, u32) = (name, age);
//! # Ok(())
//! # }
//! ```
//! What handlers of typed events look like is said at [`on_event`](crate::socket::Socket::on_event).

/// What reads and writes an event.
pub use sockeye_socket_proto::arguments::Arguments;
pub use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::error::EncodeError;
use sockeye_socket_proto::outgoing::ArgumentWriter;
pub use sockeye_socket_proto::outgoing::EventArguments;

use crate::broadcast::Broadcast;
use crate::emitted::Emitted;
use crate::handler::args::Args;
use crate::namespace::Namespace;
use crate::replies::Requests;
use crate::request::Request;
use crate::server::Server;
use crate::socket::{Emitter, Socket};

/// Derives [`Event`](trait@Event): see the [module](self).
#[cfg(feature = "macros")]
pub use sockeye_macros::Event;

/// A type that is an event; [derived](self#what-the-derive-reads).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "an event is a struct with `#[derive(Event)]`"
)]
pub trait Event: Sized + Send + 'static {
    /// Its name on the wire.
    const NAME: &'static str;

    /// What it is acknowledged with; [`NoAck`] when it asks for no acknowledgement.
    type Ack;

    /// Its arguments, to be sent.
    fn arguments(&self) -> impl EventArguments;

    /// Reads it from the arguments that came.
    ///
    /// # Errors
    /// When an argument is missing, or of another type.
    fn read(arguments: &mut Arguments<'_>) -> Result<Self, ArgumentError>;
}

/// An event that is acknowledged.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no acknowledgement",
    label = "asks for no acknowledgement",
    note = "say what it is acknowledged with, `#[event(ack = Type)]`, or emit it with `emit_event`"
)]
pub trait EventWithAck: Event {
    /// The acknowledgement's arguments, to be sent.
    fn ack_arguments(ack: &Self::Ack) -> impl EventArguments;

    /// Reads the acknowledgement from the arguments that came.
    ///
    /// # Errors
    /// When an argument is missing, or of another type.
    fn read_ack(arguments: &mut Arguments<'_>) -> Result<Self::Ack, ArgumentError>;
}

/// An event whose first argument is the key by which it is handled once: see
/// [`on_deduplicated_event`](crate::socket::Socket::on_deduplicated_event). Derived with `#[event(ack = .., key)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key",
    label = "not handled once for a key",
    note = "say that its first field, a `String`, is one: `#[event(ack = Type, key)]`"
)]
pub trait KeyedEvent: EventWithAck {
    /// What tells it from others of its kind.
    fn key(&self) -> &str;
}

/// The acknowledgement of an event that has none: there is no such value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoAck {}

/// An event that can describe itself to a `D`, which is what contracts are written from. Derived with
/// [`Event`](trait@Event); only who describes has to know what the types of its fields are.
pub trait Described<D>: Event {
    /// What its documentation says.
    const DOC: &'static str;
    /// Whether it is acknowledged.
    const HAS_ACK: bool;

    /// Tells `describer` the types of its arguments, then of its acknowledgement's, in order.
    fn describe(describer: &mut D);
}

/// Can describe a `T`.
pub trait Describe<T> {
    /// Is told that the next value of that part is a `T`, and what it is called.
    fn describe(&mut self, part: Part, name: &'static str);
}

/// What a described value is a part of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The event's arguments.
    Arguments,
    /// Its acknowledgement's.
    Ack,
}

/// An event's arguments, owned.
struct Written<E>(E);

impl<E: Event> EventArguments for Written<E> {
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError> {
        self.0.arguments().write(writer)
    }
}

macro_rules! emits {
    ($($type:ty, $where:literal;)*) => {
        $(impl $type {
            #[doc = concat!("Emits an event ", $where, ", as `emit` does with its name and its arguments.")]
            pub fn emit_event<E: Event>(&self, event: E) -> Emitted {
                self.emit(E::NAME, Written(event))
            }
        })*
    };
}

emits! {
    Socket, "to the peer";
    Emitter<'_>, "to the peer";
    Broadcast, "to all that are meant";
    Namespace, "to all sockets of the namespace";
    Server, "to all sockets of the default namespace";
}

macro_rules! asks {
    ($($type:ty)*) => {
        $(impl $type {
            /// Emits an event and waits for its acknowledgement, as `emit_with_ack` does.
            pub fn emit_event_with_ack<E: EventWithAck>(&self, event: E) -> Request<E::Ack> {
                let request: Request<Args> = self.emit_with_ack(E::NAME, Written(event));
                request.read_as(|reply| E::read_ack(&mut reply.packet().arguments()))
            }
        })*
    };
}

asks! { Socket Emitter<'_> }

macro_rules! collects {
    ($($type:ty)*) => {
        $(impl $type {
            /// Emits an event and collects the acknowledgement of each socket that is meant, as `emit_with_ack`
            /// does.
            pub fn emit_event_with_ack<E: EventWithAck>(&self, event: E) -> Requests<E::Ack> {
                let requests: Requests<Args> = self.emit_with_ack(E::NAME, Written(event));
                requests.read_as(|reply| E::read_ack(&mut reply.packet().arguments()))
            }
        })*
    };
}

collects! { Broadcast Namespace Server }
