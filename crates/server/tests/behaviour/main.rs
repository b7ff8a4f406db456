//! What a server does, sentence by sentence, under virtual time.

// What derives name.
extern crate sockeye_server as sockeye;

mod basics;
mod broadcasts;
mod compatibility;
mod compression;
mod dynamic;
mod failures;
mod formats;
mod hostile;
mod legacy;
mod limits;
mod listeners;
mod namespaces;
mod packets;
mod recovery;
mod rooms;
mod slow;
mod turns;
mod typed;
mod world;
