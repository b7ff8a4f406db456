//! The framings of packets.

pub mod event_stream;
pub mod payload;
pub mod v3;
