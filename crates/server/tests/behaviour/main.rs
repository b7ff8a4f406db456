//! What a server does, sentence by sentence, under virtual time.

mod basics;
mod failures;
mod namespaces;
mod packets;
mod rooms;
mod turns;
mod world;
