//! The targets of log lines, which stay what they are when files move. `docs/operations.md` lists them.
//!
//! What peers chose is a field and no part of the message: subscribers escape it there.

/// Connections: what came over them was no packet, or not allowed.
pub(crate) const SESSION: &str = "sockeye::session";

/// Sockets that join a namespace, are refused, come back and leave.
pub(crate) const SOCKET: &str = "sockeye::socket";

/// What the application gave us to call, and failed.
pub(crate) const HANDLER: &str = "sockeye::handler";

/// What was to be sent, and could not be said.
pub(crate) const EMIT: &str = "sockeye::emit";
