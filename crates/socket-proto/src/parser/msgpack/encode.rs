//! A packet becomes MessagePack, in one pass over its JSON.
//!
//! How long an array or a map is stands in front of it, and is known behind it. One byte is left for it, which is
//! enough for most; the longer lengths are put in at the end, all at once.

use std::fmt;

use rmp::Marker;
use rmp::encode::{
    ValueWriteError, write_array_len, write_bin, write_bool, write_f64, write_map_len, write_nil, write_sint,
    write_str, write_uint,
};
use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};

use crate::error::EncodeError;
use crate::json::number::{Parsed, integral};
use crate::packet::{Kind, Packet};
use crate::parser::json::expected_payload;

/// Appends a packet to `out`, which is empty.
pub(super) fn encode(packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let payload = packet.payload_value();
    if payload.is_none() && !matches!(packet.kind(), Kind::Connect | Kind::Disconnect) {
        return Err(EncodeError::NoPayload { expected: expected_payload(packet.kind()) });
    }
    write_head(packet, payload.is_some(), out).map_err(refused)?;
    if let Some(payload) = payload {
        let mut writer = Writer { out, long: Vec::new() };
        payload.deserializer().deserialize_any(&mut writer).map_err(refused)?;
        writer.finish().map_err(refused)?;
    }
    Ok(())
}

fn refused(error: impl fmt::Display) -> EncodeError {
    EncodeError::Argument { message: error.to_string() }
}

/// All but the payload, which is the last member if there is one.
fn write_head(packet: &Packet<'_>, payload: bool, out: &mut Vec<u8>) -> Result<(), ValueWriteError> {
    let id = packet.id();
    write_map_len(out, 2 + u32::from(id.is_some()) + u32::from(payload))?;
    write_str(out, "type")?;
    write_uint(out, packet.kind().number().into())?;
    write_str(out, "nsp")?;
    write_str(out, packet.namespace())?;
    if let Some(id) = id {
        write_str(out, "id")?;
        write_uint(out, id)?;
    }
    if payload {
        write_str(out, "data")?;
    }
    Ok(())
}

/// Writes values as they are read.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    long: Vec<Long>,
}

/// An array or a map whose length does not fit in the one byte that was left for it.
#[derive(Clone, Copy)]
struct Long {
    /// Where that byte stands.
    at: usize,
    is_map: bool,
    length: u32,
}

impl Writer<'_> {
    /// Leaves room for a length.
    fn open(&mut self) -> usize {
        self.out.push(0);
        self.out.len() - 1
    }

    /// Says how many values or pairs stand behind `at`.
    fn close(&mut self, at: usize, is_map: bool, length: u32) {
        /// The lengths below have markers of their own.
        const LONG: u32 = 16;
        if length < LONG {
            let short = if is_map { Marker::FixMap } else { Marker::FixArray };
            self.out[at] = short(length as u8).to_u8();
        } else {
            self.long.push(Long { at, is_map, length });
        }
    }

    /// Puts in the long lengths from back to front, so that each byte moves once.
    fn finish(mut self) -> Result<(), ValueWriteError> {
        self.long.sort_unstable_by_key(|long| long.at);
        let mut end = self.out.len();
        let mut to = end + self.long.iter().map(|long| long.width() - 1).sum::<usize>();
        self.out.resize(to, 0);
        for long in self.long.iter().rev() {
            let behind = long.at + 1..end;
            to -= behind.len();
            self.out.copy_within(behind, to);
            to -= long.width();
            let mut head = &mut self.out[to..];
            let write = if long.is_map { write_map_len } else { write_array_len };
            write(&mut head, long.length)?;
            end = long.at;
        }
        Ok(())
    }
}

impl Long {
    /// A marker, and the length behind it.
    fn width(&self) -> usize {
        if self.length <= u32::from(u16::MAX) { 3 } else { 5 }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Writer<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        write_nil(self.out).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        write_bool(self.out, value).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        write_uint(self.out, number).map(drop).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        write_sint(self.out, number).map(drop).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        match integral(number) {
            Some(Parsed::Unsigned(number)) => self.visit_u64(number),
            Some(Parsed::Signed(number)) => self.visit_i64(number),
            _ => write_f64(self.out, number).map_err(E::custom),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        write_str(self.out, text).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<(), E> {
        u32::try_from(bytes.len()).map_err(E::custom)?;
        write_bin(self.out, bytes).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let (at, mut length) = (self.open(), 0);
        while elements.next_element_seed(&mut *self)?.is_some() {
            length += 1;
        }
        self.close(at, false, length);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (at, mut length) = (self.open(), 0);
        while members.next_key_seed(&mut *self)?.is_some() {
            members.next_value_seed(&mut *self)?;
            length += 1;
        }
        self.close(at, true, length);
        Ok(())
    }
}
