//! The arguments of an event or an ack: JSON that was scanned, read when someone asks.

use serde::Deserialize;

use crate::attachments::Attachments;
use crate::error::{ArgumentCause, ArgumentError, EncodeError};
use crate::json::de::{Deserializer, IsMissing, Missing};
use crate::json::scan::Scanner;
use crate::limits::MAX_DEPTH;
use crate::outgoing::{ArgumentWriter, EventArguments};

/// What remains of the arguments of an event or an ack.
///
/// Cheap to copy; borrows from the packet. As an iterator it gives each [`Argument`] unread.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'p> {
    text: &'p str,
    /// Where the next argument begins, white space aside.
    at: usize,
    /// Where the bracket behind the last one stands.
    end: usize,
    remaining: u32,
    position: u32,
    attachments: &'p Attachments,
}

impl<'p> Arguments<'p> {
    pub(crate) fn new(
        text: &'p str,
        at: usize,
        end: usize,
        count: u32,
        attachments: &'p Attachments,
    ) -> Arguments<'p> {
        Arguments { text, at, end, remaining: count, position: 0, attachments }
    }

    /// The remaining arguments as they came: JSON values with commas between, empty when there is none.
    ///
    /// Where the packet has attachments, placeholders stand for them.
    #[must_use]
    pub fn raw(&self) -> &'p str {
        &self.text[self.at..self.end]
    }

    /// The packet's attachments, which placeholders in [`raw`](Arguments::raw) count from 0.
    #[must_use]
    pub fn attachments(&self) -> &'p [Vec<u8>] {
        self.attachments.parts()
    }

    /// Reads the next argument as a `T`.
    ///
    /// `T` may borrow from the packet: a `&str` works where the text has no escapes, a `&[u8]` for an
    /// attachment. When no argument is left, an `Option` is `None`. A number without a fraction is an integer
    /// however it is written (`1.0`), one beyond a double is infinite, and half a surrogate pair is U+FFFD.
    ///
    /// # Errors
    /// [`ArgumentCause::Missing`] when no argument is left and `T` needs one, [`ArgumentCause::Type`] when `T` cannot
    /// hold it. The argument counts as taken either way.
    pub fn next_as<T: Deserialize<'p>>(&mut self) -> Result<T, ArgumentError> {
        let position = self.position as usize;
        if self.remaining == 0 {
            self.position += 1;
            let missing = |IsMissing| ArgumentError { position, cause: ArgumentCause::Missing };
            return T::deserialize(Missing).map_err(missing);
        }
        let mut deserializer = Deserializer::new(self.text, self.at, self.attachments);
        match T::deserialize(&mut deserializer) {
            Ok(value) => {
                self.step(deserializer.scanner);
                Ok(value)
            }
            Err(error) => {
                // Whoever failed stopped somewhere inside.
                self.next();
                Err(ArgumentError { position, cause: ArgumentCause::Type(error.0) })
            }
        }
    }

    /// Takes all that remain, unread: there is none left behind.
    #[must_use]
    pub fn take_rest(&mut self) -> Arguments<'p> {
        let rest = *self;
        self.at = self.end;
        self.position += self.remaining;
        self.remaining = 0;
        rest
    }

    /// Goes on behind an argument, where `scanner` stands.
    fn step(&mut self, mut scanner: Scanner<'p>) {
        scanner.skip_space();
        scanner.eat(b',');
        scanner.skip_space();
        self.at = scanner.at();
        self.remaining -= 1;
        self.position += 1;
    }
}

impl<'p> Iterator for Arguments<'p> {
    type Item = Argument<'p>;

    fn next(&mut self) -> Option<Argument<'p>> {
        if self.remaining == 0 {
            return None;
        }
        let mut scanner = Scanner::new(self.text, self.at);
        scanner.value(MAX_DEPTH).expect("the arguments were scanned when the packet was decoded");
        let argument = Argument {
            text: self.text,
            at: self.at,
            end: scanner.at(),
            position: self.position,
            attachments: self.attachments,
        };
        self.step(scanner);
        Some(argument)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining as usize, Some(self.remaining as usize))
    }
}

impl ExactSizeIterator for Arguments<'_> {}

/// What remains of them goes out as it came, and all attachments with it.
impl EventArguments for Arguments<'_> {
    fn write(&self, writer: &mut ArgumentWriter<'_>) -> Result<(), EncodeError> {
        let look_alike = |argument: Argument<'_>| self.attachments.has_look_alike(self.text, argument.at);
        let mut arguments = *self;
        if !self.attachments().is_empty() && arguments.any(look_alike) {
            return Err(EncodeError::Placeholder);
        }
        writer.raw(self.raw(), self.attachments());
        Ok(())
    }
}

/// One argument, unread.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'p> {
    text: &'p str,
    at: usize,
    end: usize,
    position: u32,
    attachments: &'p Attachments,
}

impl<'p> Argument<'p> {
    /// Its JSON, as it came.
    #[must_use]
    pub fn raw(&self) -> &'p str {
        &self.text[self.at..self.end]
    }

    /// The attachment that it is, if it is one.
    #[must_use]
    pub fn as_attachment(&self) -> Option<&'p [u8]> {
        self.attachments.at(self.at).map(|(bytes, _)| bytes)
    }

    /// Reads it as a `T`, which may borrow from the packet.
    ///
    /// # Errors
    /// [`ArgumentCause::Type`] when `T` cannot hold it.
    pub fn parse<T: Deserialize<'p>>(&self) -> Result<T, ArgumentError> {
        let position = self.position as usize;
        T::deserialize(&mut Deserializer::new(self.text, self.at, self.attachments))
            .map_err(|error| ArgumentError { position, cause: ArgumentCause::Type(error.0) })
    }
}
