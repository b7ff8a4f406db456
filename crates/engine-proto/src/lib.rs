//! Engine.IO without IO: a tick and bytes are arguments, an effect is the answer.
