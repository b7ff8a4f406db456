//! What a frame that came means to whoever reads.

use std::borrow::Cow;

use crate::close::Close;

/// One frame's meaning. Borrows from the bytes given to the decoder, save for a message that came in
/// fragments: that one is handed over whole, and the decoder keeps nothing of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event<'b> {
    /// A text message.
    Text(Cow<'b, str>),
    /// A binary message.
    Binary(Cow<'b, [u8]>),
    /// A ping, to be answered by a pong with the same payload, at most 125 bytes.
    Ping(&'b [u8]),
    /// A pong; one that nobody asked for is legal and needs no answer.
    Pong(&'b [u8]),
    /// The peer sends nothing more; `None` when it gave no status. To be answered by a close frame, if none
    /// went out before; whatever follows it is to be thrown away unread.
    Close(Option<Close<'b>>),
    /// A part of a message that goes on. Nothing to do.
    Fragment,
}
