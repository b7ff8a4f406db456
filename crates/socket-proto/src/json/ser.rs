//! Values become JSON, as `JSON.stringify` writes it, and their bytes attachments.
//!
//! Spec: `spec/socketio.md` 1, "Encoding rules".

use std::io;

use serde::ser::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};
use sockeye_engine_proto::frame::Frame;

use crate::attachments::{has_its_own_placeholders, write_placeholder};
use crate::error::EncodeError;
use crate::json::number::{write_double, write_single};
use crate::json::scan::plain_run;

/// How many arguments a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    /// `()`.
    None,
    /// Anything but a tuple.
    One,
    /// A tuple.
    Several,
}

/// Appends the arguments that `value` is: of a tuple each element, of anything else itself, of `()` none.
///
/// Each stands behind a comma, unless `json` ends where an array has just begun. Bytes are appended to
/// `attachments`, which is empty, and a placeholder stands for them.
pub(crate) fn write_arguments<T: Serialize + ?Sized>(
    value: &T,
    json: &mut Vec<u8>,
    attachments: &mut Vec<Frame>,
) -> Result<(), EncodeError> {
    let start = json.len();
    let comma = json.last() != Some(&b'[');
    if comma {
        json.push(b',');
    }
    let begin = json.len();
    let mut shape = Shape::One;
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut *json, Stringify { attachments: Some(attachments) });
    value.serialize(Spread { json: &mut serializer, shape: &mut shape }).map_err(refused)?;
    if !attachments.is_empty() {
        let written = std::str::from_utf8(&json[begin..]).expect("serde_json writes UTF-8");
        if !has_its_own_placeholders(written, attachments.len()) {
            return Err(EncodeError::Placeholder);
        }
    }
    match shape {
        Shape::None => json.truncate(start),
        Shape::One => {}
        Shape::Several if json.len() == begin + 2 => json.truncate(start),
        Shape::Several => {
            // The tuple's own brackets.
            json.remove(begin);
            json.pop();
        }
    }
    Ok(())
}

/// Appends one value; bytes in it are an array of numbers, since nothing follows that could carry them.
pub(crate) fn write_value<T: Serialize + ?Sized>(
    value: &T,
    json: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(json, Stringify { attachments: None }))
}

/// Appends text as a string.
pub(crate) fn write_text(text: &str, json: &mut Vec<u8>) {
    if plain_run(text.as_bytes()) == text.len() {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    } else {
        serde_json::to_writer(json, text).expect("a vector takes what is written, and text is JSON");
    }
}

/// Why serde_json did not write a value: a vector of bytes takes everything, so the value refused.
pub(crate) fn refused(error: serde_json::Error) -> EncodeError {
    EncodeError::Argument { message: error.to_string() }
}

/// Where `JSON.stringify` writes something else than serde_json.
struct Stringify<'a> {
    /// Where bytes go; without it they are an array of numbers.
    attachments: Option<&'a mut Vec<Frame>>,
}

impl Formatter for Stringify<'_> {
    fn write_f32<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        write_single(value, out)
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write_double(value, out)
    }

    fn write_byte_array<W: io::Write + ?Sized>(&mut self, out: &mut W, bytes: &[u8]) -> io::Result<()> {
        let Some(attachments) = &mut self.attachments else {
            return CompactFormatter.write_byte_array(out, bytes);
        };
        write_placeholder(attachments.len(), out)?;
        attachments.push(Frame::binary(bytes));
        Ok(())
    }
}

type Json<'j> = serde_json::Serializer<&'j mut Vec<u8>, Stringify<'j>>;

/// Hands everything on as it is, and notes how many arguments it is.
struct Spread<'s, 'j> {
    json: &'s mut Json<'j>,
    shape: &'s mut Shape,
}

macro_rules! hand_on {
    ($($method:ident($($name:ident: $type:ty),*) -> $answer:ident;)*) => {
        $(fn $method(self, $($name: $type),*) -> Result<Self::$answer, Self::Error> {
            self.json.$method($($name),*)
        })*
    };
}

impl<'s, 'j> Serializer for Spread<'s, 'j> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = <&'s mut Json<'j> as Serializer>::SerializeSeq;
    type SerializeTuple = <&'s mut Json<'j> as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <&'s mut Json<'j> as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <&'s mut Json<'j> as Serializer>::SerializeTupleVariant;
    type SerializeMap = <&'s mut Json<'j> as Serializer>::SerializeMap;
    type SerializeStruct = <&'s mut Json<'j> as Serializer>::SerializeStruct;
    type SerializeStructVariant = <&'s mut Json<'j> as Serializer>::SerializeStructVariant;

    fn serialize_unit(self) -> Result<(), Self::Error> {
        *self.shape = Shape::None;
        Ok(())
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Self::Error> {
        *self.shape = Shape::Several;
        self.json.serialize_tuple(length)
    }

    hand_on! {
        serialize_bool(value: bool) -> Ok;
        serialize_i8(value: i8) -> Ok;
        serialize_i16(value: i16) -> Ok;
        serialize_i32(value: i32) -> Ok;
        serialize_i64(value: i64) -> Ok;
        serialize_i128(value: i128) -> Ok;
        serialize_u8(value: u8) -> Ok;
        serialize_u16(value: u16) -> Ok;
        serialize_u32(value: u32) -> Ok;
        serialize_u64(value: u64) -> Ok;
        serialize_u128(value: u128) -> Ok;
        serialize_f32(value: f32) -> Ok;
        serialize_f64(value: f64) -> Ok;
        serialize_char(value: char) -> Ok;
        serialize_str(value: &str) -> Ok;
        serialize_bytes(value: &[u8]) -> Ok;
        serialize_none() -> Ok;
        serialize_unit_struct(name: &'static str) -> Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Ok;
        serialize_seq(length: Option<usize>) -> SerializeSeq;
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeTupleVariant;
        serialize_map(length: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Self::Error> {
        self.json.serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Self::Error> {
        self.json.serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Self::Error> {
        self.json.serialize_newtype_variant(name, index, variant, value)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<(), Self::Error> {
        self.json.collect_str(value)
    }
}
