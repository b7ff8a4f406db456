//! Bytes to events: one frame a call, unmasked where it lies.
//!
//! ```text
//! buffer: [ frame ][ frame ][ fra              decode ──▶ Frame { event, consumed }
//!                   ▲ next call starts here    decode ──▶ Incomplete { needed }: the tail stays the caller's
//! ```
//! Owns no buffer: whoever reads keeps the tail in front of what it reads next. Answers no ping and no close;
//! what was wrong ends the connection, and the decoder with it.
//!
//! Spec: RFC 6455, sections 5 and 8.1; RFC 7692, section 6.

use std::borrow::Cow;

use crate::{
    assembly::{Assembly, Kind, owned},
    close::{Close, CloseCode},
    deflate::inflate,
    error::ProtocolError,
    event::Event,
    header::{Header, OpCode, Parsed},
    limits::Limits,
};

/// Which end of the connection decodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Frames that come must be masked.
    Server,
    /// Frames that come must not be masked.
    Client,
}

/// What [`Decoder::decode`] found at the front of the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decoded<'b> {
    /// A whole frame.
    Frame {
        /// What it means.
        event: Event<'b>,
        /// Bytes that it took; the next frame starts behind them.
        consumed: usize,
    },
    /// Not a whole frame yet. Nothing is consumed, and the bytes are as they were.
    Incomplete {
        /// Bytes from the front that the next call needs to go on: those of the whole frame as soon as its header
        /// is there, of the header (at most 14) before. It is the peer's word, checked against
        /// [`Limits::max_message`] only: what is reserved for it is the caller's to bound.
        needed: usize,
    },
}

/// Decodes the frames of one connection.
///
/// It is 8 bytes, and owns heap only while a fragmented message, or a text frame that is cut, is under way.
#[derive(Debug, Default)]
pub struct Decoder {
    assembly: Option<Box<Assembly>>,
}

const _: () = assert!(size_of::<Decoder>() == size_of::<usize>(), "an idle connection pays one pointer");

impl Decoder {
    /// At the start of a connection, behind the handshake.
    pub const fn new() -> Self {
        Self { assembly: None }
    }

    /// Whether a message is under way of which parts have been consumed or checked.
    ///
    /// When it isn't, the decoder owns nothing. A binary frame or a header that is cut is in the caller's tail
    /// alone, and does not count.
    pub const fn is_idle(&self) -> bool {
        self.assembly.is_none()
    }

    /// Bytes that it keeps of a message under way.
    pub fn held(&self) -> usize {
        self.assembly.as_ref().map_or(0, |assembly| assembly.held())
    }

    /// Decodes the frame at the front of `bytes`, which begin where the last call's `consumed` ended.
    ///
    /// What can be told from a part is told from a part: a wrong header by its first wrong byte, a message over
    /// a limit by the header alone, text that is not UTF-8 by the first byte that no text can have there, even
    /// in a frame whose end has not come. Cutting the same bytes differently gives the same events and the same
    /// error.
    ///
    /// A compressed message is an error here: see [`decode_with`](Decoder::decode_with).
    ///
    /// # Errors
    /// What the peer did wrong; [`ProtocolError::close_code`] says how to close. Nothing that a decoder answers
    /// after an error or a close frame means anything.
    #[inline]
    pub fn decode<'b>(
        &mut self,
        bytes: &'b mut [u8],
        role: Role,
        limits: &Limits,
    ) -> Result<Decoded<'b>, ProtocolError> {
        self.decode_with(bytes, role, limits, false)
    }

    /// As [`decode`](Decoder::decode), on a connection whose ends may have agreed on [`deflate`](crate::deflate): then a
    /// message that is marked as compressed is inflated, and is owned by its event.
    ///
    /// Whether its text is UTF-8 is seen when the whole of it is there.
    ///
    /// # Errors
    /// As `decode`.
    #[inline]
    pub fn decode_with<'b>(
        &mut self,
        bytes: &'b mut [u8],
        role: Role,
        limits: &Limits,
        deflate: bool,
    ) -> Result<Decoded<'b>, ProtocolError> {
        let header = match Header::decode(bytes, role == Role::Server, deflate)? {
            Parsed::Header(header) => header,
            Parsed::Needs(needed) => return Ok(Decoded::Incomplete { needed }),
        };
        let whole = self.admit(&header, limits)?;
        if bytes.len() < whole {
            self.look_ahead(&header, &bytes[header.size..])?;
            return Ok(Decoded::Incomplete { needed: whole });
        }

        let payload = &mut bytes[header.size..whole];
        if let Some(mask) = header.mask {
            crate::mask::apply_mask(payload, mask);
        }
        let event = self.interpret(&header, payload, limits)?;
        Ok(Decoded::Frame { event, consumed: whole })
    }

    /// Whether a frame may come here at all; the bytes that it has in all.
    fn admit(&self, header: &Header, limits: &Limits) -> Result<usize, ProtocolError> {
        let before = self.assembly.as_deref().and_then(Assembly::fragments);
        let kind = before.map_or(Kind { is_text: false, compressed: header.compressed }, |(kind, ..)| kind);
        let size = match (header.opcode, before) {
            (OpCode::Close | OpCode::Ping | OpCode::Pong, _) => 0, // at most 125 bytes, and no part of a message
            (OpCode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (OpCode::Continuation, Some((_, bytes, count))) => {
                if count >= limits.max_fragments {
                    return Err(ProtocolError::TooManyFragments { limit: limits.max_fragments });
                }
                header.length.saturating_add(bytes as u64)
            }
            (OpCode::Text | OpCode::Binary, Some(_)) => return Err(ProtocolError::UnfinishedMessage),
            (OpCode::Text | OpCode::Binary, None) => header.length,
        };
        let limit = kind.limit(limits);
        let too_large = ProtocolError::TooLarge { size, limit };
        if size > limit as u64 {
            return Err(too_large);
        }
        // Fails only where addresses have 32 bits and the limit is switched off.
        usize::try_from(header.length)
            .ok()
            .and_then(|length| length.checked_add(header.size))
            .ok_or(too_large)
    }

    /// Checks what has come of a text frame that is cut.
    #[cold]
    fn look_ahead(&mut self, header: &Header, payload: &[u8]) -> Result<(), ProtocolError> {
        let is_plain_text = match header.opcode {
            OpCode::Text => !header.compressed,
            OpCode::Continuation => {
                let before = self.assembly.as_deref().and_then(Assembly::fragments);
                before.is_some_and(|(kind, ..)| kind.is_plain_text())
            }
            OpCode::Binary | OpCode::Close | OpCode::Ping | OpCode::Pong => false,
        };
        if is_plain_text && !payload.is_empty() {
            self.assembly.get_or_insert_default().look_ahead(payload, header.mask)?;
        }
        Ok(())
    }

    #[inline]
    fn interpret<'b>(
        &mut self,
        header: &Header,
        payload: &'b [u8],
        limits: &Limits,
    ) -> Result<Event<'b>, ProtocolError> {
        match header.opcode {
            OpCode::Text | OpCode::Binary if header.compressed && header.last => {
                owned(header.opcode == OpCode::Text, inflate(payload, limits.max_message)?)
            }
            OpCode::Text if header.last => {
                self.assembly = None; // no message, only how far this very frame was checked
                let text = simdutf8::basic::from_utf8(payload).map_err(|_| ProtocolError::InvalidText)?;
                Ok(Event::Text(Cow::Borrowed(text)))
            }
            OpCode::Binary if header.last => Ok(Event::Binary(Cow::Borrowed(payload))),
            OpCode::Text | OpCode::Binary => {
                let kind = Kind { is_text: header.opcode == OpCode::Text, compressed: header.compressed };
                self.assembly.get_or_insert_default().begin(kind, payload, limits)?;
                Ok(Event::Fragment)
            }
            OpCode::Continuation => {
                let Some(mut assembly) = self.assembly.take() else {
                    return Err(ProtocolError::UnexpectedContinuation);
                };
                assembly.append(payload, limits)?;
                if header.last {
                    return assembly.finish(limits);
                }
                self.assembly = Some(assembly);
                Ok(Event::Fragment)
            }
            OpCode::Ping => Ok(Event::Ping(payload)),
            OpCode::Pong => Ok(Event::Pong(payload)),
            OpCode::Close => decode_close(payload).map(Event::Close),
        }
    }
}

/// Spec: RFC 6455, section 5.5.1.
fn decode_close(payload: &[u8]) -> Result<Option<Close<'_>>, ProtocolError> {
    match payload {
        [] => Ok(None),
        [_] => Err(ProtocolError::TruncatedCloseCode),
        [high, low, reason @ ..] => {
            let found = u16::from_be_bytes([*high, *low]);
            let code = CloseCode::new(found).ok_or(ProtocolError::InvalidCloseCode { found })?;
            let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
            Ok(Some(Close { code, reason }))
        }
    }
}
