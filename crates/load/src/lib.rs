//! A load generator for Socket.IO servers: many connections from one process, cheap enough that two cores hold it and
//! the server beside each other.
//!
//! It speaks to application C of `spec/conformance.md` (`echo`, `broadcast`, `join`, `room`), on whichever server that
//! is, and reads from `/proc` what the server's process paid: so it runs where the server runs, on Linux.
//!
//! ```text
//! scenario ── opens ──▶ connection (WebSocket) · session (polling, SSE)      what is done, and in what order
//!     │                     └── source: 127.x.y.z, so that ports do not run out
//!     └── measures ──▶ usage (CPU, memory, of server and self) · latency ──▶ report
//! ```
//!
//! One scenario asks for no figures but for the truth: [`scenario::ledger`], which has its own application
//! (`examples/ledger.rs`), numbers everything and holds what comes to [`history`].
//!
//! All connections of a thread share one read buffer. A message that does not come within [`error::PATIENCE`] ends the
//! scenario with an error: a figure of a run that lost something would be no figure.

pub mod connection;
pub mod error;
pub mod event;
pub mod history;
pub mod http;
pub mod latency;
pub mod report;
pub mod scenario;
pub mod session;
pub mod source;
pub mod target;
pub mod usage;
