//! Arguments that came, read as the type that a test asks for.
//!
//! A tuple is several arguments, `()` is none, and anything else is one: the mirror of
//! [`EventArguments`](sockeye::EventArguments). Which of the three a type is, is found by asking it.

use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use sockeye::engine::proto::packet::Message;
use sockeye_socket_proto::arguments::Arguments;
use sockeye_socket_proto::assembly::Assembly;
use sockeye_socket_proto::error::{ArgumentCause, ArgumentError};
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH};

use crate::error::ArgumentsError;

/// What a client takes. Attachments are limited as in the official client, so that one too many is noticed.
pub(crate) fn limits() -> Limits {
    Limits { depth: MAX_DEPTH, packet_bytes: u32::MAX as usize, ..Limits::default() }
}

/// Reads all of `arguments` as a `T`.
pub(crate) fn read<T: DeserializeOwned>(mut arguments: Arguments<'_>) -> Result<T, ArgumentsError> {
    let found = arguments.len();
    match T::deserialize(Asked) {
        Err(Places(Some(expected))) if found != expected => Err(ArgumentsError::Count { expected, found }),
        Err(Places(Some(_))) => read_array(arguments),
        _ if found > 1 => Err(ArgumentsError::Count { expected: 1, found }),
        // None may be enough: for an `Option`.
        _ => Ok(arguments.next_as()?),
    }
}

/// All of them as one array, which is what an acknowledgement's payload is.
fn read_array<T: DeserializeOwned>(arguments: Arguments<'_>) -> Result<T, ArgumentsError> {
    if arguments.len() == 0 {
        let unit = de::value::UnitDeserializer::<de::value::Error>::new();
        let refused = |error: de::value::Error| ArgumentError {
            position: 0,
            cause: ArgumentCause::Type(error.to_string().into()),
        };
        return T::deserialize(unit).map_err(|error| refused(error).into());
    }
    let count = arguments.attachments().len();
    let kind = if count == 0 { "3".to_owned() } else { format!("6{count}-") };
    let text = format!("{kind}[{}]", arguments.raw());
    let limits = Limits { attachments: u32::MAX, ..limits() };
    let mut assembly = Assembly::new();
    let parts = arguments.attachments().iter().map(|part| Message::Binary(part));
    let mut incoming = None;
    for message in std::iter::once(Message::Text(&text)).chain(parts) {
        incoming = assembly.handle_message(message, &limits).expect("these arguments were decoded before");
    }
    let incoming = incoming.expect("all attachments are there");
    Ok(incoming.packet().payload_as()?)
}

/// Asks a type for how many arguments it takes, by refusing whatever it asks of us.
struct Asked;

/// How many places a tuple has; `None` is anything that is one argument.
#[derive(Debug)]
struct Places(Option<usize>);

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} places", self.0)
    }
}

impl std::error::Error for Places {}

impl de::Error for Places {
    fn custom<T: fmt::Display>(_: T) -> Places {
        Places(None)
    }
}

impl<'de> Deserializer<'de> for Asked {
    type Error = Places;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Places> {
        Err(Places(None))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Places> {
        Err(Places(Some(0)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, places: usize, _: V) -> Result<V::Value, Places> {
        Err(Places(Some(places)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use sockeye::{Binary, Value};
    use sockeye_socket_proto::parser::json::decode;

    use super::*;

    fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, ArgumentsError> {
        read(decode(text, &limits()).expect("a packet").arguments())
    }

    #[test]
    fn a_tuple_is_several_arguments_a_unit_none_and_anything_else_one() {
        assert_eq!(read_text::<(String, u32)>(r#"2["a","b",7]"#), Ok(("b".to_owned(), 7)));
        assert_eq!(read_text::<()>(r#"2["a"]"#), Ok(()));
        assert_eq!(read_text::<String>(r#"2["a","b"]"#).as_deref(), Ok("b"));
        assert_eq!(read_text::<Vec<u8>>(r#"2["a",[1,2]]"#), Ok(vec![1, 2]));
        assert_eq!(read_text::<((u8, u8),)>(r#"2["a",[1,2]]"#), Ok(((1, 2),)));
        assert_eq!(read_text::<Option<u8>>(r#"2["a"]"#), Ok(None));
        assert_eq!(read_text::<Value>(r#"3[true]"#), Ok(Value::Bool(true)));
    }

    #[test]
    fn too_many_too_few_and_wrong_ones_are_errors() {
        let count = |expected, found| ArgumentsError::Count { expected, found };
        assert_eq!(read_text::<()>(r#"2["a",1]"#), Err(count(0, 1)));
        assert_eq!(read_text::<u8>(r#"2["a",1,2]"#), Err(count(1, 2)));
        assert_eq!(read_text::<(u8, u8)>(r#"2["a",1]"#), Err(count(2, 1)));
        let missing = ArgumentError { position: 0, cause: ArgumentCause::Missing };
        assert_eq!(read_text::<u8>(r#"2["a"]"#), Err(missing.into()));
        assert!(matches!(read_text::<(u8, u8)>(r#"2["a",1,"x"]"#), Err(ArgumentsError::Argument(_))));
    }

    #[test]
    fn attachments_are_read_wherever_they_stand() {
        let mut assembly = Assembly::new();
        let text = r#"52-["a",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]"#;
        assembly.handle_message(Message::Text(text), &limits()).expect("a packet");
        assembly.handle_message(Message::Binary(b"zero"), &limits()).expect("an attachment");
        let incoming = assembly.handle_message(Message::Binary(b"one"), &limits()).expect("an attachment");
        let incoming = incoming.expect("the last attachment");
        let (one, zero): (Binary, Vec<Binary>) = read(incoming.packet().arguments()).expect("both");
        assert_eq!((&*one, &*zero[0]), (&b"one"[..], &b"zero"[..]));
    }
}
