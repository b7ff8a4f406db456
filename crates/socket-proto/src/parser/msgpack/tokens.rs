//! MessagePack, one step at a time: a scalar whole, of an array or a map only its length.
//!
//! Nothing is allocated, and no length is believed before its bytes are there. The types of extensions are those of
//! notepack.io, which the official clients use, and the timestamp of the format itself.
//!
//! Spec: <https://github.com/msgpack/msgpack/blob/master/spec.md>; `spec/socketio.md` 6.

use rmp::Marker;

use crate::error::DecodeError;
use crate::parser::msgpack::date;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'m> {
    Nil,
    /// JavaScript's `undefined`.
    Undefined,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    Float(f64),
    /// What should be UTF-8.
    Text(&'m [u8]),
    Bytes(&'m [u8]),
    /// Milliseconds since 1970, unless they are beyond 64 bits.
    Date(Option<i64>),
    /// Any other extension: its type and its bytes.
    Extension(i8, &'m [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs of a key and a value follow.
    Map(u32),
}

/// A position in a message, which only moves forward.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Tokens<'m> {
    /// Starts at byte `at` of `message`.
    pub(super) fn new(message: &'m [u8], at: usize) -> Tokens<'m> {
        Tokens { message, at }
    }

    pub(super) fn error(&self) -> DecodeError {
        DecodeError::Malformed { at: self.at }
    }

    /// The message must end here.
    pub(super) fn expect_end(&self) -> Result<(), DecodeError> {
        if self.at == self.message.len() { Ok(()) } else { Err(self.error()) }
    }

    /// Steps over one value with all that is in it, however deep.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        // Each step takes a byte at least, so the message ends before a length that lies is counted down.
        let mut values: u64 = 1;
        while values > 0 {
            values -= 1;
            match self.next()? {
                Token::Array(length) => values += u64::from(length),
                Token::Map(length) => values += 2 * u64::from(length),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes one step.
    pub(super) fn next(&mut self) -> Result<Token<'m>, DecodeError> {
        let start = self.at;
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Token::Nil,
            Marker::False => Token::Bool(false),
            Marker::True => Token::Bool(true),
            Marker::FixPos(number) => Token::Unsigned(number.into()),
            Marker::U8 => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(number) => signed(number.into()),
            Marker::I8 => signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => Token::Text(self.bytes(length.into())?),
            marker @ (Marker::Str8 | Marker::Str16 | Marker::Str32) => {
                let length = self.length(marker)?;
                Token::Text(self.bytes(length)?)
            }
            marker @ (Marker::Bin8 | Marker::Bin16 | Marker::Bin32) => {
                let length = self.length(marker)?;
                Token::Bytes(self.bytes(length)?)
            }
            Marker::FixArray(length) => Token::Array(length.into()),
            marker @ (Marker::Array16 | Marker::Array32) => Token::Array(self.length(marker)?),
            Marker::FixMap(length) => Token::Map(length.into()),
            marker @ (Marker::Map16 | Marker::Map32) => Token::Map(self.length(marker)?),
            Marker::FixExt1 => match self.extension(1)? {
                (0, _) => Token::Undefined,
                (kind, bytes) => Token::Extension(kind, bytes),
            },
            Marker::FixExt2 => self.extension(2)?.into(),
            Marker::FixExt4 => self.extension(4)?.into(),
            Marker::FixExt8 => match self.extension(8)? {
                (0, bytes) => Token::Date(bytes.try_into().ok().map(i64::from_be_bytes)),
                extension => extension.into(),
            },
            Marker::FixExt16 => self.extension(16)?.into(),
            marker @ (Marker::Ext8 | Marker::Ext16 | Marker::Ext32) => {
                let length = self.length(marker)?;
                match self.extension(length)? {
                    (0, bytes) => Token::Bytes(bytes),
                    extension => extension.into(),
                }
            }
            Marker::Reserved => return Err(DecodeError::Malformed { at: start }),
        })
    }

    /// The length that stands behind a marker.
    fn length(&mut self, marker: Marker) -> Result<u32, DecodeError> {
        Ok(match marker {
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => u8::from_be_bytes(self.array()?).into(),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
                u16::from_be_bytes(self.array()?).into()
            }
            _ => u32::from_be_bytes(self.array()?),
        })
    }

    fn extension(&mut self, length: u32) -> Result<(i8, &'m [u8]), DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok((kind, self.bytes(length)?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = self.message[self.at..].first_chunk().ok_or_else(|| self.ends())?;
        self.at += N;
        Ok(*array)
    }

    fn bytes(&mut self, length: u32) -> Result<&'m [u8], DecodeError> {
        let bytes = self.message[self.at..].get(..length as usize).ok_or_else(|| self.ends())?;
        self.at += bytes.len();
        Ok(bytes)
    }

    /// The message ends too early.
    fn ends(&self) -> DecodeError {
        DecodeError::Malformed { at: self.message.len() }
    }
}

fn signed(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Negative(number), Token::Unsigned)
}

/// An extension whose type means the same at any length.
impl<'m> From<(i8, &'m [u8])> for Token<'m> {
    fn from((kind, bytes): (i8, &'m [u8])) -> Token<'m> {
        /// The one type that the format itself defines.
        const TIMESTAMP: i8 = -1;
        match (kind, bytes.len()) {
            (TIMESTAMP, 4 | 8 | 12) => Token::Date(date::timestamp(bytes)),
            _ => Token::Extension(kind, bytes),
        }
    }
}
