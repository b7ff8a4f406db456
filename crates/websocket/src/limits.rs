//! How much one message may ask of whoever decodes it.

/// What a peer's message may cost, decided on headers alone, and while a compressed one is inflated: beyond a limit
/// nothing is reserved or copied.
///
/// [`usize::MAX`] switches a limit off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of payload in one message, all its fragments together. Default: 1,000,000. A larger one fails with
    /// [`ProtocolError::TooLarge`](crate::error::ProtocolError::TooLarge), close code 1009.
    ///
    /// Of a compressed message it is the inflated size that counts. What comes over the wire may be larger by an
    /// eighth and 64 bytes, since what can't be compressed grows.
    pub max_message: usize,
    /// Frames that one message may be cut into, empty ones included. Default: 8,192, so that 8 MB may come in
    /// pieces of 1 KB, while browsers use a few dozen at most. More fail with
    /// [`ProtocolError::TooManyFragments`](crate::error::ProtocolError::TooManyFragments), close code 1008.
    ///
    /// It bounds work, not memory: fragments are joined as they come, in at most `max_message` bytes, with this
    /// limit off as well.
    pub max_fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message: 1_000_000, max_fragments: 8_192 }
    }
}
