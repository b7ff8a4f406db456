//! The codec as its callers use it: rule by rule, by properties, and against an independent peer.

mod compressed;
mod peer;
mod properties;
mod reader;
mod rules;
