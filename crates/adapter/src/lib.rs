//! Who hears a broadcast.
//!
//! An [`Adapter`](adapter::Adapter) knows the members of one namespace and their rooms. It knows nothing of
//! sessions: what it chose is handed to its [`Recipients`](adapter::Recipients), slot by slot. The
//! [`Local`](local::Local) one lives in memory; one that spans nodes stands on the same trait.

pub mod adapter;
pub mod contract;
pub mod local;
mod numbers;
mod places;
mod rooms;
