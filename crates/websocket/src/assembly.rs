//! What a connection keeps while a message is unfinished.
//!
//! Either the fragments that came so far, joined as they come, so that a message costs its own bytes however
//! finely it was cut; or, of a text frame whose end is still on the way, how far its bytes have been checked.

use std::borrow::Cow;

use crate::{
    deflate::{inflate, most_compressed},
    error::ProtocolError,
    event::Event,
    limits::Limits,
    mask::apply_mask,
    utf8::{InvalidUtf8, Utf8Check},
};

/// How much of a frame is unmasked at a time to be looked at ahead of its end. A multiple of the mask's length.
const LOOK_AHEAD: usize = 1024;

impl From<InvalidUtf8> for ProtocolError {
    fn from(InvalidUtf8: InvalidUtf8) -> Self {
        Self::InvalidText
    }
}

/// The unfinished message of one connection; exists only while there is one.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    fragments: Option<Fragments>,
    /// Over all text of the message so far.
    check: Utf8Check,
    /// Payload of the frame in front that `check` has seen already.
    checked: usize,
}

/// What the first frame of a message says of the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) is_text: bool,
    pub(crate) compressed: bool,
}

impl Kind {
    /// Whether its bytes can be checked as text before all of them are there.
    pub(crate) fn is_plain_text(self) -> bool {
        self.is_text && !self.compressed
    }

    /// Bytes that such a message may have on the wire.
    pub(crate) fn limit(self, limits: &Limits) -> usize {
        if self.compressed { most_compressed(limits.max_message) } else { limits.max_message }
    }
}

#[derive(Debug)]
struct Fragments {
    kind: Kind,
    bytes: Vec<u8>,
    /// Frames, empty ones included.
    count: usize,
}

impl Assembly {
    /// The fragments that came before, if the message in front has any: kind, bytes, number.
    pub(crate) fn fragments(&self) -> Option<(Kind, usize, usize)> {
        let fragments = self.fragments.as_ref()?;
        Some((fragments.kind, fragments.bytes.len(), fragments.count))
    }

    /// Bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| fragments.bytes.capacity())
    }

    /// Checks what has come of a text frame whose end has not; `payload` grows from call to call.
    pub(crate) fn look_ahead(&mut self, payload: &[u8], mask: Option<[u8; 4]>) -> Result<(), ProtocolError> {
        let Some(fresh) = payload.get(self.checked..) else { return Ok(()) };
        match mask {
            None => self.check.push(fresh)?,
            Some(mut mask) => {
                // The bytes stay masked where they are, so that the frame is still whole when its end comes.
                mask.rotate_left(self.checked % 4);
                let mut scratch = [0; LOOK_AHEAD];
                for part in fresh.chunks(LOOK_AHEAD) {
                    let scratch = &mut scratch[..part.len()];
                    scratch.copy_from_slice(part);
                    apply_mask(scratch, mask);
                    self.check.push(scratch)?;
                }
            }
        }
        self.checked = payload.len();
        Ok(())
    }

    /// Keeps the first fragment of a message.
    pub(crate) fn begin(&mut self, kind: Kind, payload: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        self.fragments = Some(Fragments { kind, bytes: Vec::new(), count: 0 });
        self.append(payload, limits)
    }

    /// Keeps one more fragment. That it is within the limits was seen from its header.
    pub(crate) fn append(&mut self, payload: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        let Some(fragments) = &mut self.fragments else { return Err(ProtocolError::UnexpectedContinuation) };
        if fragments.kind.is_plain_text() {
            self.check.push(payload.get(self.checked..).unwrap_or_default())?;
            self.checked = 0;
        }
        let bytes = &mut fragments.bytes;
        let needed = bytes.len().saturating_add(payload.len());
        if needed > bytes.capacity() {
            // Doubling, but never past the limit: a message under way holds no more than it may have.
            let limit = fragments.kind.limit(limits);
            let capacity = bytes.capacity().saturating_mul(2).min(limit).max(needed);
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(payload);
        fragments.count += 1;
        Ok(())
    }

    /// The whole message, after its last fragment.
    pub(crate) fn finish(self, limits: &Limits) -> Result<Event<'static>, ProtocolError> {
        let Some(Fragments { kind, bytes, .. }) = self.fragments else {
            return Err(ProtocolError::UnexpectedContinuation);
        };
        let bytes = if kind.compressed { inflate(&bytes, limits.max_message)? } else { bytes };
        owned(kind.is_text, bytes)
    }
}

/// A message that is not what lay in the caller's buffer.
pub(crate) fn owned(is_text: bool, bytes: Vec<u8>) -> Result<Event<'static>, ProtocolError> {
    if !is_text {
        return Ok(Event::Binary(Cow::Owned(bytes)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Event::Text(Cow::Owned(text))),
        Err(_) => Err(ProtocolError::InvalidText),
    }
}
