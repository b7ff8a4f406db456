//! What goes out: arguments of an event or an ack, and the frames that carry them.

use serde::Serialize;
use sockeye_engine_proto::frame::Frame;

use crate::error::EncodeError;
use crate::json::ser;

/// What can be the arguments of an event or an ack.
///
/// - A tuple is several arguments: `("text", 1)`. So is an array of fixed length, which serde does not tell
///   from a tuple: write `([1, 2, 3],)` or use a slice or a `Vec` for an array that is one argument.
/// - `()` is none. So is what else serializes as a unit, `serde_json`'s null among them: write `(null,)`, or use
///   [`Value::Null`](crate::value::Value::Null) or `None`, which are `null`.
/// - Any other value is one argument.
///
/// Bytes ([`Binary`](crate::binary::Binary), `serde_bytes` and their like) become attachments wherever they
/// stand. Numbers are written as `JSON.stringify` writes them: `1.0` is `1`, and what is not finite is `null`.
///
/// [`Arguments`](crate::arguments::Arguments) that came in may go out again as they are: nothing is read, and
/// their attachments follow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of an event",
    note = "a value is one argument and a tuple several: all of them must implement `serde::Serialize`"
)]
pub trait EventArguments {
    /// Appends the arguments.
    ///
    /// # Errors
    /// [`EncodeError::Argument`] when a `Serialize` implementation refuses, [`EncodeError::Placeholder`] when an
    /// object beside attachments looks like one of their placeholders.
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError>;
}

impl<T: Serialize + ?Sized> EventArguments for T {
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError> {
        ser::write_arguments(self, writer.json, writer.attachments)
    }
}

/// Where [`EventArguments`] are written to.
#[derive(Debug)]
pub struct ArgumentWriter<'w> {
    /// An array, open.
    json: &'w mut Vec<u8>,
    attachments: &'w mut Vec<Frame>,
}

impl<'w> ArgumentWriter<'w> {
    /// Writes into `json`, which ends inside of an array: behind its bracket or an element.
    pub(crate) fn new(json: &'w mut Vec<u8>, attachments: &'w mut Vec<Frame>) -> ArgumentWriter<'w> {
        ArgumentWriter { json, attachments }
    }

    /// Appends arguments that are JSON already, with commas between, and the attachments that placeholders in
    /// them count from 0.
    pub(crate) fn raw(&mut self, arguments: &str, attachments: &[Vec<u8>]) {
        if !arguments.is_empty() {
            if self.json.last() != Some(&b'[') {
                self.json.push(b',');
            }
            self.json.extend_from_slice(arguments.as_bytes());
        }
        self.attachments.extend(attachments.iter().map(|bytes| Frame::binary(bytes)));
    }
}

/// An encoded packet: the frame of its text, and the frames of its attachments, which must follow it with no
/// other frame of the connection in between.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The packet's text.
    pub text: Frame,
    /// Its attachments, in order; mostly none.
    ///
    /// The peer may refuse more than ten: the original does, unless its `maxAttachments` says otherwise.
    pub attachments: Vec<Frame>,
}

impl Encoded {
    /// All frames, in the order in which they must be sent.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.text).chain(&self.attachments)
    }
}

impl Encoded {
    /// The same packet, marked as not worth compressing: see [`Frame::without_compression`].
    #[must_use]
    pub fn without_compression(&self) -> Encoded {
        let attachments = self.attachments.iter().map(Frame::without_compression).collect();
        Encoded { text: self.text.without_compression(), attachments }
    }
}

impl From<Frame> for Encoded {
    fn from(text: Frame) -> Encoded {
        Encoded { text, attachments: Vec::new() }
    }
}
