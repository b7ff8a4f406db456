//! The targets of log lines, which stay what they are when files move. `docs/operations.md` lists them.
//!
//! A session is called by its slot, a small number that is given again: its id is a secret.

/// Sessions that open, move, resume and close.
pub(crate) const SESSION: &str = "sockeye::session";

/// Requests that are refused.
pub(crate) const REQUEST: &str = "sockeye::request";

/// Connections, and accepting them.
pub(crate) const LISTEN: &str = "sockeye::listen";
