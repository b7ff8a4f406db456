//! A packet of another format becomes what every packet is here: JSON, and attachments with their placeholders.
//!
//! ```text
//! namespace JSON        one text; where its parts stand is found by the scan of the default parser
//! ```

use std::cell::RefCell;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::assembly::Incoming;
use crate::attachments::Attachments;
use crate::error::DecodeError;
use crate::json::number::{write_double, write_single};
use crate::limits::{Limits, MAX_DEPTH};
use crate::packet::{Kind, Layout, Name, Span};
use crate::parser::json::{scan_payload, span, with_scratch};

/// What an attachment costs, however short it is: its place, its allocation and its placeholder.
const ATTACHMENT_BYTES: usize = 64;

/// A packet that is being written.
#[derive(Debug)]
pub(crate) struct Draft<'t> {
    kind: Kind,
    text: &'t mut Vec<u8>,
    namespace: Span,
    attachments: Attachments,
    attachment_bytes: usize,
    limits: &'t Limits,
}

impl<'t> Draft<'t> {
    /// Begins in `text`, which is empty.
    pub(crate) fn new(
        kind: Kind,
        namespace: &str,
        limits: &'t Limits,
        text: &'t mut Vec<u8>,
    ) -> Result<Draft<'t>, DecodeError> {
        text.extend_from_slice(namespace.as_bytes());
        let mut draft = Draft {
            kind,
            text,
            namespace: Span::default(),
            attachments: Attachments::new(),
            attachment_bytes: 0,
            limits,
        };
        draft.check_size()?;
        draft.namespace = span(0, namespace.len());
        Ok(draft)
    }

    /// Where the JSON is appended.
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        self.text
    }

    /// Writes bytes: as an attachment, or as numbers in a packet that cannot have any.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        match self.kind {
            Kind::Event | Kind::Ack => {
                self.attachment_bytes += bytes.len().max(ATTACHMENT_BYTES);
                // Before it is copied.
                self.check_size()?;
                self.attachments.push(bytes.to_vec(), self.text);
            }
            _ => CompactFormatter.write_byte_array(self.text, bytes).expect("a Vec takes what is written"),
        }
        self.check_size()
    }

    /// Whether what was written so far is within the limit.
    pub(crate) fn check_size(&self) -> Result<(), DecodeError> {
        let (size, limit) = (self.text.len() + self.attachment_bytes, self.limits.grown_bytes());
        if size > limit { Err(DecodeError::TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Checks what was written as the default parser does.
    pub(crate) fn finish(self, id: Option<u64>) -> Result<Incoming<'static>, DecodeError> {
        let text = std::str::from_utf8(self.text).expect("all that was written is text").to_owned();
        let mut layout = Layout {
            kind: self.kind,
            name: Name::Absent,
            id,
            attachments: self.attachments.parts().len() as u32,
            namespace: self.namespace,
            payload: Span::default(),
            arguments: Span::default(),
            argument_count: 0,
        };
        let payload_at = self.namespace.end as usize;
        if payload_at < text.len() {
            scan_payload(&text, payload_at, &mut layout, self.limits.depth)?;
        }
        Ok(Incoming::complete(text, layout, self.attachments))
    }
}

impl Incoming<'static> {
    /// A packet made of its parts: what a [`Parser`](crate::parser::Parser) does when it has read a message.
    ///
    /// The payload becomes JSON, its bytes attachments; CONNECT and CONNECT_ERROR have none, there bytes are arrays of
    /// numbers. An object that looks like the placeholder of an attachment is plain data, and a double that is not finite
    /// is `null`.
    ///
    /// The namespace may be any text: one that nobody could name in the default format is one that the server does
    /// not have. An empty one is `/`.
    ///
    /// # Errors
    /// What the default parser says of the same packet: see [`DecodeError`]. [`DecodeError::Payload`] when the payload
    /// cannot be serialized as JSON, [`DecodeError::TooLarge`] when it has become too large for `limits`. How large the
    /// message may be is the parser's to check.
    pub fn new<T: Serialize + ?Sized>(
        kind: Kind,
        namespace: &str,
        id: Option<u64>,
        payload: Option<&T>,
        limits: &Limits,
    ) -> Result<Incoming<'static>, DecodeError> {
        with_scratch(|text| {
            let draft = RefCell::new(Draft::new(kind, namespace, limits, text)?);
            if let Some(payload) = payload {
                let rules = Rules { draft: &draft, open: 0 };
                let mut serializer = serde_json::Serializer::with_formatter(Out(&draft), rules);
                payload.serialize(&mut serializer).map_err(|error| {
                    let nothing_json_can_say = DecodeError::Payload { expected: "what JSON can say" };
                    io::Error::from(error).downcast().unwrap_or(nothing_json_can_say)
                })?;
            }
            draft.into_inner().finish(id)
        })
    }
}

/// What serde_json writes goes to the draft.
struct Out<'d, 't>(&'d RefCell<Draft<'t>>);

impl io::Write for Out<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut draft = self.0.borrow_mut();
        draft.text().extend_from_slice(bytes);
        draft.check_size().map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How serde_json writes a draft: numbers as JavaScript does, bytes where they belong, and nothing deeper than the
/// limit.
struct Rules<'d, 't> {
    draft: &'d RefCell<Draft<'t>>,
    open: u16,
}

impl Rules<'_, '_> {
    fn open(&mut self) -> io::Result<()> {
        let limit = self.draft.borrow().limits.depth;
        if self.open == limit.min(MAX_DEPTH) {
            return Err(io::Error::other(DecodeError::TooDeep { limit }));
        }
        self.open += 1;
        Ok(())
    }
}

impl Formatter for Rules<'_, '_> {
    fn write_f32<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        write_single(value, out)
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write_double(value, out)
    }

    fn write_byte_array<W: io::Write + ?Sized>(&mut self, _out: &mut W, bytes: &[u8]) -> io::Result<()> {
        self.draft.borrow_mut().write_bytes(bytes).map_err(io::Error::other)
    }

    fn begin_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open()?;
        CompactFormatter.begin_array(out)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open -= 1;
        CompactFormatter.end_array(out)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open()?;
        CompactFormatter.begin_object(out)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open -= 1;
        CompactFormatter.end_object(out)
    }
}
