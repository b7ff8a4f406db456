//! A reader without IO: keeps the tail that the decoder leaves, and writes down what came.

use sockeye_websocket::{
    close::Close,
    decoder::{Decoded, Decoder, Role},
    error::ProtocolError,
    event::Event,
    limits::Limits,
};

/// An event that owns what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl Seen {
    fn of(event: Event<'_>) -> Option<Self> {
        match event {
            Event::Text(text) => Some(Self::Text(text.into_owned())),
            Event::Binary(bytes) => Some(Self::Binary(bytes.into_owned())),
            Event::Ping(payload) => Some(Self::Ping(payload.to_vec())),
            Event::Pong(payload) => Some(Self::Pong(payload.to_vec())),
            Event::Close(close) => {
                Some(Self::Close(close.map(|Close { code, reason }| (code.value(), reason.to_owned()))))
            }
            Event::Fragment => None,
        }
    }
}

/// What one connection has read so far.
pub(crate) struct Reader {
    decoder: Decoder,
    role: Role,
    limits: Limits,
    deflate: bool,
    tail: Vec<u8>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) error: Option<ProtocolError>,
}

impl Reader {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(),
            role,
            limits,
            deflate: false,
            tail: Vec::new(),
            seen: Vec::new(),
            error: None,
        }
    }

    /// One whose messages may be compressed.
    pub(crate) fn deflating(role: Role, limits: Limits) -> Self {
        Self { deflate: true, ..Self::new(role, limits) }
    }

    /// Reads `piece` behind the tail, up to the first error. Gives what the decoder says that it needs.
    pub(crate) fn read(&mut self, piece: &[u8]) -> usize {
        self.tail.extend_from_slice(piece);
        let mut at = 0;
        let needed = loop {
            if self.error.is_some() {
                break 0;
            }
            let bytes = &mut self.tail[at..];
            let before = bytes.to_vec();
            match self.decoder.decode_with(bytes, self.role, &self.limits, self.deflate) {
                Ok(Decoded::Frame { event, consumed }) => {
                    assert!(
                        (2..=before.len()).contains(&consumed),
                        "consumed {consumed} of {}",
                        before.len()
                    );
                    self.seen.extend(Seen::of(event));
                    assert_eq!(self.tail[at + consumed..], before[consumed..], "the next frame is untouched");
                    at += consumed;
                }
                Ok(Decoded::Incomplete { needed }) => {
                    assert!(needed > before.len(), "needs {needed}, has {}", before.len());
                    assert_eq!(self.tail[at..], before, "a tail is untouched");
                    break needed;
                }
                Err(error) => self.error = Some(error),
            }
        };
        self.tail.drain(..at);
        needed
    }

    /// Whether nothing at all is kept between two reads.
    pub(crate) fn is_idle(&self) -> bool {
        self.decoder.is_idle() && self.tail.is_empty()
    }
}
