//! Socket.IO for Rust: one event API over polling, HTTP streaming and WebSocket.
//!
//! ```no_run
//! use sockeye::{Server, Socket};
//!
//! #[tokio::main]
//! async fn main() -> sockeye::Result<()> {
//!     let server = Server::new();
//!     server.of("/chat").on_connect(async |socket: Socket| {
//!         socket.join("lobby");
//!         socket.on("message", async |socket: Socket, text: String| {
//!             socket.to("lobby").emit("message", text)
//!         });
//!     });
//!     server.listen("0.0.0.0:3000").await
//! }
//! ```
//! Official Socket.IO clients connect unchanged, and `/socket.io/socket.io.js` serves one of our own.
//!
//! The [`guide`] teaches it from the first server to deployment.
//!
//! # Events checked by the compiler
//!
//! An event may be a type, which carries its name, its arguments and its acknowledgement; handlers name it by their last
//! argument.
//!
//! ```
//! use sockeye::{Event, Reply, Server, Socket};
//!
//! #[derive(Event)]
//! struct Message(String);
//!
//! #[derive(Event)]
//! #[event(ack = usize)]
//! struct Count;
//!
//! # fn register(server: &Server) {
//! server.on_connect(async |socket: Socket| {
//!     socket.join("lobby");
//!     socket.on_event(async |socket: Socket, message: Message| socket.to("lobby").emit_event(message));
//!     socket.on_event(async |socket: Socket, _: Count| Reply(socket.within("lobby").count()));
//! });
//! # }
//! ```
//! See [`event`]. With the feature `contract`, a test writes them down for clients in TypeScript, and for others.
//!
//! # Finding one's way
//!
//! | to | see |
//! |---|---|
//! | say what a server does | [`Server`], [`Builder`], [`Namespace`] |
//! | write handlers, and reach state in them | [`handler`], [`State`], [`Auth`], [`Data`] |
//! | have events checked by the compiler | [`event`], [`Socket::on_event`], [`Socket::emit_event`] |
//! | acknowledge | [`Reply`], [`Ack`] |
//! | ask for an acknowledgement | [`Socket::emit_with_ack`] |
//! | emit to many | [`Broadcast`], [`Socket::to`], [`Server::to`] |
//! | send and take bytes | [`Binary`], [`Bytes`] |
//! | refuse a peer, or an event | [`Namespace::with`], [`Refusal`], [`Socket::with`] |
//! | see every event, in and out | [`Socket::on_any`], [`Socket::on_any_outgoing`] |
//! | make namespaces as peers ask for them | [`Server::of`], [`ParentNamespace`] |
//! | know who is where | [`Namespace::on_room`], [`Namespace::rooms`], [`Broadcast::fetch_sockets`] |
//! | tell the other servers of a cluster | [`Namespace::server_side_emit`] |
//! | refuse foreign pages, know clients behind proxies | [`Builder::origins`], [`Builder::trusted_proxies`] |
//! | see or refuse a request | [`Builder::allow_request`], [`Builder::engine_with`], [`Builder::on_connection_error`] |
//! | watch it | [`Server::counters`], the crate `sockeye-metrics` |
//! | test it, without a port and on a moved clock | the crate `sockeye-test` |
//! | mount it under another server | [`Server::service`], [`Server::layer`] |
//! | speak Engine.IO without Socket.IO | [`engine`] |
//! | speak WebSocket without either | [`websocket`] |

pub mod guide;

/// Bytes that may be shared; as an argument they are an attachment, as [`Binary`] is.
pub use bytes::Bytes;
#[cfg(feature = "contract")]
pub use sockeye_contract as contract;
pub use sockeye_engine::gate::{AllowRequest, Asking, Purpose};
pub use sockeye_engine::hooks::{ChangeHeaders, ConnectionError, GenerateId, OnConnectionError};
pub use sockeye_engine::middleware::{EngineMiddleware, Step};
pub use sockeye_engine::options::{AllowedOrigin, Cookie, Cors, NotAnOrigin, PerMessageDeflate, SameSite};
pub use sockeye_engine::origins::Origins;
pub use sockeye_engine::peer::{PeerAddr, Secure};
/// The techniques that carry a socket.
pub use sockeye_engine::proto::session::Wire;
pub use sockeye_engine::proxies::{InvalidProxy, TrustedProxies};
pub use sockeye_engine::refusal::BadRequest;
pub use sockeye_server::arguments::{Argument, Arguments};
pub use sockeye_server::binary::Binary;
pub use sockeye_server::broadcast::Broadcast;
pub use sockeye_server::census::Census;
pub use sockeye_server::conn::Conn;
pub use sockeye_server::counters::{Counters, FanOut};
pub use sockeye_server::emitted::Emitted;
pub use sockeye_server::error::{AckError, Cause, EmitError, Failure, HandlerError, Refusal};
pub use sockeye_server::event::{self, Event, EventWithAck};
pub use sockeye_server::handler;
pub use sockeye_server::handler::ack::Ack;
pub use sockeye_server::handler::args::{Args, Auth, Data, EventName, OrDefault, State};
pub use sockeye_server::handler::outcome::{Outcome, Reply};
pub use sockeye_server::handler::typed::{AckFor, Asked};
pub use sockeye_server::handshake::Handshake;
pub use sockeye_server::id::SocketId;
pub use sockeye_server::namespace::Namespace;
pub use sockeye_server::naming::{NamespaceName, predicate};
pub use sockeye_server::once::Deduplication;
pub use sockeye_server::outgoing::EventArguments;
pub use sockeye_server::parent_namespace::{ParentBroadcast, ParentNamespace};
pub use sockeye_server::parser::msgpack::MessagePack;
pub use sockeye_server::reason::DisconnectReason;
pub use sockeye_server::recovery::{Recovery, Unrecovered};
pub use sockeye_server::remote_socket::{Fetched, RemoteSocket};
pub use sockeye_server::replies::Replies;
pub use sockeye_server::room_event::RoomEvent;
pub use sockeye_server::rooms::Rooms;
pub use sockeye_server::server::{Builder, Server};
pub use sockeye_server::service::{Bound, ServerLayer, ServerService};
pub use sockeye_server::slow::WhenSlow;
pub use sockeye_server::socket::Socket;
pub use sockeye_server::value::Value;
pub use sockeye_server::{runtime, simulation};
pub use sockeye_websocket as websocket;

/// Engine.IO without Socket.IO: sessions and the wires that carry them, for an
/// [`Application`](engine::engine::Application) of your own.
pub mod engine {
    pub use sockeye_engine::*;
    /// Packets, frames, ticks and reasons, without IO.
    pub use sockeye_engine_proto as proto;
}

/// Packets without IO: for a [`Parser`](proto::parser::Parser) of your own.
pub use sockeye_socket_proto as proto;

/// How [`Server::listen`] and a `main` end.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server does not listen.
pub use sockeye_server::service::ListenError as Error;

/// The code in the README compiles, too.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
