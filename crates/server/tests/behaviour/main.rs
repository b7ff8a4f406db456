//! What a server does, sentence by sentence, under virtual time.

mod basics;
mod world;
