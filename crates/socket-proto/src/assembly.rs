//! Joins a packet and the attachments behind it.
//!
//! ```text
//! 52-["a",{…0},{…1}]    text: two attachments are missing
//! <bytes>               binary: one is missing
//! <bytes>               binary: complete
//! ```
//! Until then no other packet may come on this connection, whatever its namespace. Knows no clock: how long
//! a peer may take is its owner's decision, see [`Assembly::is_waiting`].
//!
//! Spec: `spec/socketio.md` 1, "Decoding rules".

use std::borrow::Cow;

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;

use crate::attachments::Attachments;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::packet::{Layout, Packet};
use crate::parser::json;

/// One connection's decoder. Idle it is 8 bytes and owns nothing.
#[derive(Debug, Default)]
pub struct Assembly {
    pending: Option<Box<Pending>>,
}

const _: () = assert!(size_of::<Assembly>() == 8);

/// A packet some of whose attachments are missing.
#[derive(Debug)]
struct Pending {
    text: String,
    layout: Layout,
    parts: Vec<Vec<u8>>,
    /// Text and parts together.
    bytes: usize,
}

impl Assembly {
    /// An idle one.
    #[must_use]
    pub fn new() -> Assembly {
        Assembly::default()
    }

    /// Whether a packet has begun whose attachments are missing.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Bytes that it holds of a packet whose attachments are missing.
    #[must_use]
    pub fn held(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.bytes)
    }

    /// Reads the frames of one packet of our own. `None` when it is beyond these limits, or not whole.
    #[must_use]
    pub fn read<'f>(
        frames: impl IntoIterator<Item = &'f Frame>,
        limits: &Limits,
    ) -> Option<Incoming<'static>> {
        let mut assembly = Assembly::new();
        let mut complete = None;
        for frame in frames {
            complete = assembly.handle_message(frame.as_message()?, limits).ok()?;
        }
        complete.map(Incoming::into_owned)
    }

    /// Takes the next message of the connection; answers with a packet when one is complete.
    ///
    /// A packet without attachments borrows from `message` and nothing is copied.
    ///
    /// # Errors
    /// See [`DecodeError`]. The connection must close: what follows could not be told apart. What was begun
    /// is dropped.
    pub fn handle_message<'p>(
        &mut self,
        message: Message<'p>,
        limits: &Limits,
    ) -> Result<Option<Incoming<'p>>, DecodeError> {
        match (message, self.pending.take()) {
            (Message::Text(text), None) => {
                let packet = json::decode(text, limits)?;
                let layout = packet.layout();
                if layout.attachments == 0 {
                    return Ok(Some(Incoming { text: Cow::Borrowed(text), layout, attachments: None }));
                }
                let pending = Pending { text: text.to_owned(), layout, parts: Vec::new(), bytes: text.len() };
                self.pending = Some(Box::new(pending));
                Ok(None)
            }
            (Message::Binary(part), Some(pending)) => self.handle_part(part, pending, limits),
            (Message::Text(_), Some(pending)) => {
                Err(DecodeError::UnexpectedText { missing: pending.missing() })
            }
            (Message::Binary(_), None) => Err(DecodeError::UnexpectedBinary),
        }
    }

    fn handle_part<'p>(
        &mut self,
        part: &[u8],
        mut pending: Box<Pending>,
        limits: &Limits,
    ) -> Result<Option<Incoming<'p>>, DecodeError> {
        let size = pending.bytes.saturating_add(part.len());
        if size > limits.packet_bytes {
            return Err(DecodeError::TooLarge { size, limit: limits.packet_bytes });
        }
        pending.bytes = size;
        pending.parts.push(part.to_vec());
        if pending.missing() > 0 {
            self.pending = Some(pending);
            return Ok(None);
        }
        let Pending { text, layout, parts, .. } = *pending;
        let payload = Packet::new(&text, layout).payload().map(|_| layout.payload.start as usize);
        let attachments = Attachments::join(&text, payload, parts, limits)?;
        Ok(Some(Incoming::complete(text, layout, attachments)))
    }
}

impl Assembly {
    /// How many attachments are missing of the packet that is not complete, 0 where none is.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.pending.as_ref().map_or(0, |pending| pending.missing())
    }
}

impl Pending {
    fn missing(&self) -> u32 {
        self.layout.attachments - self.parts.len() as u32
    }
}

/// A complete packet, as it came or kept for later.
#[derive(Clone, Debug)]
pub struct Incoming<'p> {
    text: Cow<'p, str>,
    layout: Layout,
    attachments: Option<Box<Attachments>>,
}

impl Incoming<'static> {
    /// A packet that was laid out, with the attachments that stand in it.
    pub(crate) fn complete(text: String, layout: Layout, attachments: Attachments) -> Incoming<'static> {
        let attachments = (layout.attachments > 0).then(|| Box::new(attachments));
        Incoming { text: Cow::Owned(text), layout, attachments }
    }
}

impl<'p> Incoming<'p> {
    /// A packet that is complete with its text. `None` when attachments must follow.
    #[must_use]
    pub fn whole(packet: &Packet<'p>) -> Option<Incoming<'p>> {
        let is_whole = packet.attachment_count() == 0;
        is_whole.then(|| Incoming {
            text: Cow::Borrowed(packet.text()),
            layout: packet.layout(),
            attachments: None,
        })
    }
}

impl Incoming<'_> {
    /// The packet.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        match &self.attachments {
            None => Packet::new(&self.text, self.layout),
            Some(attachments) => Packet::with_attachments(&self.text, self.layout, attachments),
        }
    }

    /// Keeps it beyond the message it came in: copies the text if it is borrowed, and scans nothing again.
    #[must_use]
    pub fn into_owned(self) -> Incoming<'static> {
        let Incoming { text, layout, attachments } = self;
        Incoming { text: Cow::Owned(text.into_owned()), layout, attachments }
    }

    /// Bytes of text and attachments: what a queue of these counts.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a packet is never empty: it has a type")]
    pub fn len(&self) -> usize {
        let attachments = self.attachments.as_ref().map_or(&[][..], |attachments| attachments.parts());
        self.text.len() + attachments.iter().map(Vec::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::Binary;

    const HEADER: &str = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

    fn text<'p>(assembly: &mut Assembly, text: &'p str) -> Result<Option<Incoming<'p>>, DecodeError> {
        assembly.handle_message(Message::Text(text), &Limits::default())
    }

    fn binary<'p>(assembly: &mut Assembly, bytes: &'p [u8]) -> Result<Option<Incoming<'p>>, DecodeError> {
        assembly.handle_message(Message::Binary(bytes), &Limits::default())
    }

    #[test]
    fn a_packet_is_complete_with_its_last_attachment() {
        let mut assembly = Assembly::new();
        assert!(text(&mut assembly, HEADER).unwrap().is_none() && assembly.is_waiting());
        assert!(binary(&mut assembly, b"zero").unwrap().is_none());
        let incoming = binary(&mut assembly, b"").unwrap().unwrap();
        assert!(!assembly.is_waiting());
        assert_eq!(incoming.len(), HEADER.len() + 4);
        let packet = incoming.packet();
        let mut arguments = packet.arguments();
        assert_eq!(packet.event().unwrap(), "a");
        assert_eq!(arguments.next_as::<Binary>().unwrap().0, b"zero");
        assert_eq!(arguments.next_as::<Binary>().unwrap().0, b"");
    }

    #[test]
    fn a_packet_without_attachments_is_not_copied_until_it_is_kept() {
        let message = String::from("2/n,7[\"a\",1]");
        let incoming = text(&mut Assembly::new(), &message).unwrap().unwrap();
        assert_eq!(incoming.packet().namespace().as_ptr(), message[1..].as_ptr());
        let kept = incoming.into_owned();
        drop(message);
        let packet = kept.packet();
        assert_eq!((packet.namespace(), packet.id(), packet.arguments().raw()), ("/n", Some(7), "1"));
    }

    #[test]
    fn text_while_attachments_are_missing_is_an_error() {
        let mut assembly = Assembly::new();
        text(&mut assembly, HEADER).unwrap();
        binary(&mut assembly, b"zero").unwrap();
        assert_eq!(text(&mut assembly, "2[\"b\"]").unwrap_err(), DecodeError::UnexpectedText { missing: 1 });
        assert!(!assembly.is_waiting(), "what was begun is dropped");
    }

    #[test]
    fn binary_that_nobody_announced_is_an_error() {
        let mut assembly = Assembly::new();
        assert_eq!(binary(&mut assembly, b"zero").unwrap_err(), DecodeError::UnexpectedBinary);
        text(&mut assembly, r#"51-["a"]"#).unwrap();
        assert!(binary(&mut assembly, b"zero").unwrap().is_some());
        assert_eq!(binary(&mut assembly, b"one").unwrap_err(), DecodeError::UnexpectedBinary);
    }

    #[test]
    fn a_packet_and_its_attachments_share_one_limit() {
        let limits = Limits { packet_bytes: HEADER.len() + 10, ..Limits::default() };
        let mut assembly = Assembly::new();
        assembly.handle_message(Message::Text(HEADER), &limits).unwrap();
        assembly.handle_message(Message::Binary(&[0; 4]), &limits).unwrap();
        let complete = assembly.handle_message(Message::Binary(&[0; 6]), &limits).unwrap();
        assert_eq!(complete.unwrap().len(), limits.packet_bytes);

        assembly.handle_message(Message::Text(HEADER), &limits).unwrap();
        assembly.handle_message(Message::Binary(&[0; 4]), &limits).unwrap();
        let error = assembly.handle_message(Message::Binary(&[0; 7]), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { size: HEADER.len() + 11, limit: limits.packet_bytes });
        assert!(!assembly.is_waiting());
    }

    #[test]
    fn a_text_over_the_limit_is_an_error() {
        let limits = Limits { packet_bytes: 8, ..Limits::default() };
        let error = Assembly::new().handle_message(Message::Text("2[\"abcd\"]"), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { size: 9, limit: 8 });
    }

    #[test]
    fn how_many_attachments_may_come_is_an_option() {
        let limits = Limits { attachments: 1, ..Limits::default() };
        let mut assembly = Assembly::new();
        let error = assembly.handle_message(Message::Text(HEADER), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooManyAttachments { limit: 1 });
        let none = Limits { attachments: 0, ..Limits::default() };
        let error = assembly.handle_message(Message::Text(r#"51-["a"]"#), &none).unwrap_err();
        assert_eq!(error, DecodeError::TooManyAttachments { limit: 0 });
    }

    #[test]
    fn attachments_without_json_are_a_packet_without_payload() {
        let mut assembly = Assembly::new();
        assert!(text(&mut assembly, "61-5").unwrap().is_none());
        let incoming = binary(&mut assembly, b"x").unwrap().unwrap();
        let packet = incoming.packet();
        assert_eq!((packet.id(), packet.payload(), packet.arguments().len()), (Some(5), None, 0));
        assert_eq!(packet.attachments(), [b"x".to_vec()]);
    }
}
