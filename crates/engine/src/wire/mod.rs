//! What carries sessions: one file a way.
//!
//! A wire is no trait but a file with a future or a body. It calls the session (`receive`, `poll_take`, `claim`,
//! `release`) and tells the engine when its session is over; the session knows none of them.

mod buffer;
mod foreign;
mod frames;
mod jsonp;
pub(crate) mod polling;
pub(crate) mod sse;
pub(crate) mod upgraded;
pub(crate) mod upload;
mod websocket;

#[cfg(test)]
mod models;
