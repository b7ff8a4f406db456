//! What no input may break: a target for each decoder, and one for whole sessions.
//!
//! ```text
//! cargo test -p sockeye-fuzz          each file of corpus/, each seed of spec/vectors, and changes of them
//! cargo xtask fuzz [TARGET…]          the same targets under libFuzzer, which follows what the code does with an input
//! cargo run -p sockeye-fuzz -- TARGET FILE…      one input again
//! ```
//! A target takes bytes and panics when what it holds does not hold. It keeps nothing between two inputs, so an input
//! is all that there is to say of a failure.
//!
//! libFuzzer is built only with `--cfg fuzzing`, which the task sets: it needs a C++ compiler, and the flags by which the
//! compiler counts edges. Those are stable; the sanitizers are not, and safe code has less need of them.

mod engine;
mod input;
mod panics;
mod request;
mod seeds;
mod session;
mod socket;
mod websocket;
mod world;

pub use engine::{engine_packet, engine_payload_v3, engine_payload_v4};
pub use request::{request_handshake, request_jsonp, requests};
pub use seeds::{corpus, seeds};
pub use session::session;
pub use socket::{socket_json, socket_msgpack, socket_text};
pub use websocket::{websocket_deflate, websocket_extensions, websocket_frames};

/// What can be run, by name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As its function.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Longer inputs teach nothing more.
    pub max_len: usize,
}

/// All there are.
pub const TARGETS: &[Target] = &[
    Target { name: "engine_packet", run: engine_packet, max_len: 200 },
    Target { name: "engine_payload_v4", run: engine_payload_v4, max_len: 1_000 },
    Target { name: "engine_payload_v3", run: engine_payload_v3, max_len: 1_000 },
    Target { name: "socket_text", run: socket_text, max_len: 2_000 },
    Target { name: "socket_msgpack", run: socket_msgpack, max_len: 1_000 },
    Target { name: "socket_json", run: socket_json, max_len: 1_000 },
    Target { name: "websocket_frames", run: websocket_frames, max_len: 1_000 },
    Target { name: "websocket_deflate", run: websocket_deflate, max_len: 1_000 },
    Target { name: "websocket_extensions", run: websocket_extensions, max_len: 400 },
    Target { name: "request_handshake", run: request_handshake, max_len: 3_000 },
    Target { name: "request_jsonp", run: request_jsonp, max_len: 1_000 },
    Target { name: "requests", run: requests, max_len: 4_000 },
    Target { name: "session", run: session, max_len: 1_000 },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
