//! What a server does, sentence by sentence, under virtual time.

// What derives name.
extern crate sockeye_server as sockeye;

mod basics;
mod failures;
mod namespaces;
mod packets;
mod rooms;
mod turns;
mod typed;
mod world;
