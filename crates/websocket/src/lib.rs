//! RFC 6455 without IO: frames in, frames out, no buffer of its own.

pub mod header;
