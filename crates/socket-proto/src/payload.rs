//! The payload of a packet on its way out: to be written in another format than JSON.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::attachments::Attachments;
use crate::json::de::Deserializer;

/// The whole payload of a packet, serialized as what it is: arrays, objects, text, numbers, and bytes where an
/// attachment stands.
///
/// A number is an integer if it is written as one and 64 bits hold it, else a double; a number beyond a double is
/// infinite. Arrays and objects do not say their lengths before they are written. Nothing is built on the way, and
/// recursion is no deeper than [`Limits::depth`](crate::limits::Limits::depth) was when the packet was decoded.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'p> {
    text: &'p str,
    at: usize,
    attachments: &'p Attachments,
}

impl<'p> Payload<'p> {
    pub(crate) fn new(text: &'p str, at: usize, attachments: &'p Attachments) -> Payload<'p> {
        Payload { text, at, attachments }
    }

    /// Its values, one by one.
    pub(crate) fn deserializer(self) -> Deserializer<'p> {
        Deserializer::new(self.text, self.at, self.attachments)
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Next::new(&mut self.deserializer()).serialize(serializer)
    }
}

/// The next value of a deserializer. Serializing takes it, so it is good once.
struct Next<D>(Cell<Option<D>>);

impl<D> Next<D> {
    fn new(from: D) -> Next<D> {
        Next(Cell::new(Some(from)))
    }
}

impl<'de, D: de::Deserializer<'de>> Serialize for Next<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from = self.0.take().ok_or_else(|| S::Error::custom("a value was serialized twice"))?;
        from.deserialize_any(Transcode(serializer)).map_err(S::Error::custom)
    }
}

/// Hands what is read to a serializer.
struct Transcode<S>(S);

macro_rules! scalars {
    ($($visit:ident $serialize:ident $type:ty;)*) => {
        $(fn $visit<E: de::Error>(self, value: $type) -> Result<S::Ok, E> {
            self.0.$serialize(value).map_err(E::custom)
        })*
    };
}

impl<'de, S: Serializer> Visitor<'de> for Transcode<S> {
    type Value = S::Ok;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars! {
        visit_bool serialize_bool bool;
        visit_u64 serialize_u64 u64;
        visit_i64 serialize_i64 i64;
        visit_f64 serialize_f64 f64;
        visit_str serialize_str &str;
        visit_bytes serialize_bytes &[u8];
    }

    fn visit_unit<E: de::Error>(self) -> Result<S::Ok, E> {
        self.0.serialize_unit().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<S::Ok, A::Error> {
        let mut array = self.0.serialize_seq(None).map_err(de::Error::custom)?;
        while elements.next_element_seed(Element(&mut array))?.is_some() {}
        array.end().map_err(de::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<S::Ok, A::Error> {
        let mut object = self.0.serialize_map(None).map_err(de::Error::custom)?;
        while members.next_key_seed(Key(&mut object))?.is_some() {
            members.next_value_seed(Member(&mut object))?;
        }
        object.end().map_err(de::Error::custom)
    }
}

macro_rules! seeds {
    ($($(#[$doc:meta])* $name:ident $bound:ident $serialize:ident;)*) => {
        $($(#[$doc])*
        struct $name<'s, S>(&'s mut S);

        impl<'de, S: $bound> DeserializeSeed<'de> for $name<'_, S> {
            type Value = ();

            fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                self.0.$serialize(&Next::new(from)).map_err(de::Error::custom)
            }
        })*
    };
}

seeds! {
    /// The next element goes to an array.
    Element SerializeSeq serialize_element;
    /// The name of the next member goes to an object.
    Key SerializeMap serialize_key;
    /// The value of that member goes there, too.
    Member SerializeMap serialize_value;
}
