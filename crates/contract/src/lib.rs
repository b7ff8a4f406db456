//! Typed events, written down for those at the other end: the TypeScript declarations that the official client takes,
//! and an AsyncAPI 3 document.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use sockeye::Event;
//! use sockeye_contract::Contract;
//!
//! /// Somebody says something.
//! #[derive(Event)]
//! #[event(args(from, text))]
//! struct Message(String, String);
//!
//! #[derive(Deserialize, Event, JsonSchema, Serialize)]
//! struct Joined {
//!     name: String,
//! }
//!
//! #[derive(Event)]
//! #[event(ack = u32, args(text))]
//! struct Question(String);
//!
//! fn contract() -> Contract {
//!     Contract::new("chat", "1.0.0")
//!         .client_to_server::<Message>()
//!         .client_to_server::<Question>()
//!         .server_to_client::<Message>()
//!         .server_to_client::<Joined>()
//! }
//!
//! # let typescript = contract().typescript();
//! # let expected = "\
//! # export interface ServerToClientEvents {
//! #   /** Somebody says something. */
//! #   message: (from: string, text: string) => void;
//! #   joined: (joined: Joined) => void;
//! # }
//! #
//! # export interface ClientToServerEvents {
//! #   /** Somebody says something. */
//! #   message: (from: string, text: string) => void;
//! #   question: (text: string, ack: (answer: number) => void) => void;
//! # }
//! #
//! # export interface Joined {
//! #   name: string;
//! # }
//! # ";
//! # assert!(typescript.ends_with(expected), "{typescript}");
//! // With `#[test]`, in the tests of the package.
//! fn the_contract_is_written_down() {
//!     contract().check("contract/events.d.ts");
//!     contract().check("contract/asyncapi.json");
//! }
//! ```
//! The test writes the files where they are missing or stale, and then fails, so the first run makes them, and a run
//! elsewhere fails until they are committed. `events.d.ts` is what `Socket<ServerToClientEvents, ClientToServerEvents>`
//! of socket.io-client and of `sockeye-client` take:
//!
//! ```ts
//! export interface ServerToClientEvents {
//!   /** Somebody says something. */
//!   message: (from: string, text: string) => void;
//!   joined: (joined: Joined) => void;
//! }
//! ```
//!
//! Types describe themselves by [`schemars::JsonSchema`], which reads serde's attributes. [`Binary`] is `ArrayBuffer |
//! Uint8Array`, and so are [`Bytes`](bytes::Bytes). An `Option` at the end of what a client sends may be left out. A
//! type that is read otherwise than it is written, such as one with `#[serde(default)]`, is declared twice: `Person`
//! is what a client gets, `PersonInput` what it sends.
//!
//! [`Binary`]: sockeye_socket_proto::binary::Binary

mod async_api;
mod contract;
mod declared;
mod types;
mod typescript;

pub use contract::Contract;
pub use declared::Description;
