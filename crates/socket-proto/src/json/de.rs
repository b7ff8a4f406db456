//! Arguments become values: a serde `Deserializer` over JSON that was scanned, with its attachments.
//!
//! What a type cannot hold is an error of that argument. What JavaScript takes and strict parsers refuse is
//! taken: half a surrogate pair becomes U+FFFD, a number beyond a double infinity, and a number without a
//! fraction, however it is written (`1.0`, `1e2`), is an integer. An attachment is bytes wherever its
//! placeholder stands.
//!
//! Recursion is as deep as the JSON, whose depth was limited when it was scanned.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::attachments::Attachments;
use crate::error::DecodeError;
use crate::json::number::{self, Parsed};
use crate::json::scan::Scanner;
use crate::json::string::unescape;
use crate::limits::MAX_DEPTH;

/// Why a value is not what a type asked for, in serde's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(pub(crate) Box<str>);

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string().into())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Error {
        de::Error::custom(error)
    }
}

/// Reads values from scanned JSON, one after another.
pub(crate) struct Deserializer<'de> {
    pub(crate) scanner: Scanner<'de>,
    attachments: &'de Attachments,
}

impl<'de> Deserializer<'de> {
    pub(crate) fn new(text: &'de str, at: usize, attachments: &'de Attachments) -> Deserializer<'de> {
        Deserializer { scanner: Scanner::new(text, at), attachments }
    }

    /// The attachment whose placeholder begins here; steps over it.
    fn take_attachment(&mut self) -> Option<&'de [u8]> {
        self.scanner.skip_space();
        let (bytes, end) = self.attachments.at(self.scanner.at())?;
        self.scanner = Scanner::new(self.scanner.text(), end);
        Some(bytes)
    }

    fn take_string(&mut self) -> Result<Cow<'de, str>, Error> {
        let start = self.scanner.at() + 1;
        let escapes = self.scanner.string()?;
        let inside = &self.scanner.text()[start..self.scanner.at() - 1];
        Ok(if escapes { unescape(inside) } else { Cow::Borrowed(inside) })
    }

    fn take_number(&mut self) -> Result<&'de str, Error> {
        let start = self.scanner.at();
        self.scanner.number()?;
        Ok(self.scanner.since(start))
    }

    fn starts_number(&mut self) -> bool {
        self.scanner.skip_space();
        matches!(self.scanner.peek(), b'-' | b'0'..=b'9')
    }

    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        if !self.starts_number() {
            return de::Deserializer::deserialize_any(self, visitor);
        }
        visit_integer(self.take_number()?, visitor)
    }

    /// Text is asked for: an attachment is none, though its bytes may be UTF-8.
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.take_attachment() {
            Some(bytes) => Err(de::Error::invalid_type(Unexpected::Bytes(bytes), &visitor)),
            None => de::Deserializer::deserialize_any(self, visitor),
        }
    }

    /// A sequence is asked for: an attachment is one, of bytes.
    fn visit_sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.take_attachment() {
            Some(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            None => de::Deserializer::deserialize_any(self, visitor),
        }
    }
}

fn visit_string<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, Error> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

fn visit_parsed<'de, V: Visitor<'de>>(parsed: Parsed, visitor: V) -> Result<V::Value, Error> {
    match parsed {
        Parsed::Unsigned(number) => visitor.visit_u64(number),
        Parsed::Signed(number) => visitor.visit_i64(number),
        Parsed::Float(number) => visitor.visit_f64(number),
    }
}

/// An integer is asked for: a double without a fraction is one.
fn visit_integer<'de, V: Visitor<'de>>(number: &str, visitor: V) -> Result<V::Value, Error> {
    let parsed = match number::parse(number) {
        Parsed::Float(float) => number::integral(float).unwrap_or(Parsed::Float(float)),
        exact => exact,
    };
    visit_parsed(parsed, visitor)
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_integer(visitor)
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_text(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scanner.skip_space();
        match self.scanner.peek() {
            b'"' => visit_string(self.take_string()?, visitor),
            b'-' | b'0'..=b'9' => visit_parsed(number::parse(self.take_number()?), visitor),
            b'[' => {
                self.scanner.expect(b'[')?;
                let value = visitor.visit_seq(Elements { from: self, first: true })?;
                self.scanner.skip_space();
                self.scanner.expect(b']').map_err(|_| more("elements"))?;
                Ok(value)
            }
            b'{' => {
                if let Some(bytes) = self.take_attachment() {
                    return visitor.visit_borrowed_bytes(bytes);
                }
                self.scanner.expect(b'{')?;
                let value = visitor.visit_map(Members { from: self, first: true })?;
                self.scanner.skip_space();
                self.scanner.expect(b'}').map_err(|_| more("members"))?;
                Ok(value)
            }
            b't' => {
                self.scanner.literal("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.scanner.literal("false")?;
                visitor.visit_bool(false)
            }
            _ => {
                self.scanner.literal("null")?;
                visitor.visit_unit()
            }
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.starts_number() {
            return self.deserialize_any(visitor);
        }
        let number = self.take_number()?;
        match number.parse() {
            Ok(number) => visitor.visit_i128(number),
            Err(_) => visit_integer(number, visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.starts_number() {
            return self.deserialize_any(visitor);
        }
        let number = self.take_number()?;
        match number.parse() {
            Ok(number) => visitor.visit_u128(number),
            Err(_) => visit_integer(number, visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.starts_number() {
            return self.deserialize_any(visitor);
        }
        visitor.visit_f64(number::parse_float(self.take_number()?))
    }

    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scanner.skip_space();
        if self.scanner.peek() == b'n' {
            self.scanner.literal("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_sequence(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.visit_sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit_sequence(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(bytes) = self.take_attachment() {
            return Err(de::Error::invalid_type(Unexpected::Bytes(bytes), &visitor));
        }
        match self.scanner.peek() {
            b'"' => visitor.visit_enum(self.take_string()?.into_deserializer()),
            b'{' => {
                self.scanner.expect(b'{')?;
                let value = visitor.visit_enum(Variant { from: self })?;
                self.scanner.skip_space();
                self.scanner.expect(b'}').map_err(|_| more("members"))?;
                Ok(value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scanner.value(MAX_DEPTH)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bool bytes byte_buf unit unit_struct map struct }
}

fn more(what: &str) -> Error {
    de::Error::custom(format_args!("more {what} than expected"))
}

/// The elements of an array, behind its bracket.
struct Elements<'d, 'de> {
    from: &'d mut Deserializer<'de>,
    first: bool,
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let scanner = &mut self.from.scanner;
        scanner.skip_space();
        if scanner.peek() == b']' {
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            scanner.expect(b',')?;
        }
        seed.deserialize(&mut *self.from).map(Some)
    }
}

/// The members of an object, behind its brace.
struct Members<'d, 'de> {
    from: &'d mut Deserializer<'de>,
    first: bool,
}

impl<'de> de::MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let scanner = &mut self.from.scanner;
        scanner.skip_space();
        if scanner.peek() == b'}' {
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            scanner.expect(b',')?;
            scanner.skip_space();
        }
        seed.deserialize(Name { text: self.from.take_string()? }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.from.scanner.skip_space();
        self.from.scanner.expect(b':')?;
        seed.deserialize(&mut *self.from)
    }
}

/// The name of a member: text, which a map's key type may want as a number or a boolean.
struct Name<'de> {
    text: Cow<'de, str>,
}

macro_rules! name_integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let mut scanner = Scanner::new(&self.text, 0);
            match scanner.number().and_then(|()| scanner.expect_end()) {
                Ok(()) => visit_integer(&self.text, visitor),
                Err(_) => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Name<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visit_string(self.text, visitor)
    }

    name_integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut scanner = Scanner::new(&self.text, 0);
        match scanner.number().and_then(|()| scanner.expect_end()) {
            Ok(()) => visitor.visit_f64(number::parse_float(&self.text)),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.text {
            Cow::Borrowed(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Cow::Owned(text) => text.into_deserializer().deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// `{"variant": content}`, behind its brace.
struct Variant<'d, 'de> {
    from: &'d mut Deserializer<'de>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        self.from.scanner.skip_space();
        if self.from.scanner.peek() == b'}' {
            return Err(de::Error::custom("an empty object, expected a variant and its content"));
        }
        let variant = seed.deserialize(Name { text: self.from.take_string()? })?;
        self.from.scanner.skip_space();
        self.from.scanner.expect(b':')?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        de::Deserialize::deserialize(self.from)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.from)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.from.visit_sequence(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.from, visitor)
    }
}

/// Stands where an argument did not come: an `Option` is `None`, anything else an error.
pub(crate) struct Missing;

/// An argument did not come, and its type needs it.
#[derive(Debug, thiserror::Error)]
#[error("missing")]
pub(crate) struct IsMissing;

impl de::Error for IsMissing {
    fn custom<T: fmt::Display>(_message: T) -> IsMissing {
        IsMissing
    }
}

impl<'de> de::Deserializer<'de> for Missing {
    type Error = IsMissing;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, IsMissing> {
        Err(IsMissing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, IsMissing> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
