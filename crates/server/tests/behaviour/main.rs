//! What a server does, sentence by sentence, under virtual time.

mod basics;
mod broadcasts;
mod compatibility;
mod dynamic;
mod failures;
mod listeners;
mod namespaces;
mod packets;
mod rooms;
mod turns;
mod world;
