//! What the arguments of an event become, by what a handler asks for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::binary::Binary;
use sockeye_socket_proto::error::{ArgumentCause, ArgumentError};
use sockeye_socket_proto::limits::Limits;
use sockeye_socket_proto::value::{Number, Value};

/// An ack with these arguments.
fn ack(arguments: &str, attachments: &[&[u8]]) -> Incoming<'static> {
    let text = match attachments.len() {
        0 => format!("3[{arguments}]"),
        count => format!("6{count}-[{arguments}]"),
    };
    let mut assembly = Assembly::new();
    let mut came = assembly.handle_message(Message::Text(&text), &Limits::default()).unwrap();
    for attachment in attachments {
        assert!(came.is_none());
        came = assembly.handle_message(Message::Binary(attachment), &Limits::default()).unwrap();
    }
    came.unwrap().into_owned()
}

#[track_caller]
fn read<T: for<'de> Deserialize<'de>>(argument: &str) -> T {
    ack(argument, &[]).packet().arguments().next_as().unwrap()
}

#[track_caller]
fn refuse<T: for<'de> Deserialize<'de>>(argument: &str, words: &str) {
    let incoming = ack(&format!("0,{argument},\"next\""), &[b"\x01\x02"]);
    let mut arguments = incoming.packet().arguments();
    arguments.next();
    let error = arguments.next_as::<T>().map(|_| ()).unwrap_err();
    assert_eq!(error.position, 1);
    assert!(matches!(error.cause, ArgumentCause::Type(_)));
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(arguments.next_as::<String>().unwrap(), "next", "a refused argument is behind us");
}

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Upload {
    name: String,
    data: Binary,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Dot,
    Circle(f64),
    Line(i32, i32),
    Box { width: u8 },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    File { data: Binary },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Either {
    Bytes(Binary),
    Text(String),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Unit;

#[test]
fn arguments_are_read_one_after_another_and_what_is_left_is_ignored() {
    let incoming = ack(r#" "a" , [1,2] ,{"x":"]"}, 4.5,"rest" "#, &[]);
    let packet = incoming.packet();
    let mut arguments = packet.arguments();
    assert_eq!(arguments.len(), 5);
    assert_eq!(arguments.next_as::<&str>().unwrap(), "a");
    assert_eq!(arguments.next_as::<(u8, u8)>().unwrap(), (1, 2));
    assert_eq!(arguments.next().unwrap().raw(), r#"{"x":"]"}"#);
    assert_eq!(arguments.raw(), r#"4.5,"rest" "#);
    assert_eq!(arguments.next_as::<f32>().unwrap(), 4.5);
    assert_eq!(arguments.len(), 1);
}

#[test]
fn a_missing_argument_is_none_for_an_option_and_an_error_for_anything_else() {
    let incoming = ack("1", &[]);
    let mut arguments = incoming.packet().arguments();
    assert_eq!(arguments.next_as::<Option<u8>>().unwrap(), Some(1));
    assert_eq!(arguments.next_as::<Option<u8>>().unwrap(), None);
    let missing = |position| ArgumentError { position, cause: ArgumentCause::Missing };
    assert_eq!(arguments.next_as::<u8>(), Err(missing(2)));
    assert_eq!(arguments.next_as::<()>(), Err(missing(3)));
    assert_eq!(arguments.next_as::<Vec<u8>>(), Err(missing(4)));
    assert_eq!(arguments.next_as::<Value>(), Err(missing(5)));
    assert_eq!(missing(2).to_string(), "argument 2: missing");
}

#[test]
fn null_is_none_and_unit() {
    assert_eq!(read::<Option<u8>>("null"), None);
    assert_eq!(read::<Option<Option<u8>>>("null"), None);
    read::<()>("null");
    assert_eq!(read::<Unit>("null"), Unit);
    assert_eq!(read::<Value>("null"), Value::Null);
}

#[test]
fn integers_are_exact_and_a_number_without_a_fraction_is_one() {
    assert_eq!(read::<u64>("18446744073709551615"), u64::MAX);
    assert_eq!(read::<i64>("-9223372036854775808"), i64::MIN);
    assert_eq!(read::<u128>("340282366920938463463374607431768211455"), u128::MAX);
    assert_eq!(read::<i128>("-5"), -5);
    assert_eq!(read::<u8>("1.0"), 1);
    assert_eq!(read::<i16>("-1e2"), -100);
    assert_eq!(read::<u32>("-0"), 0);
    assert_eq!(read::<usize>("1e3"), 1000);
    refuse::<u8>("256", "256");
    refuse::<u8>("-1", "-1");
    refuse::<i32>("1.5", "1.5");
    refuse::<u64>("1e999", "inf");
    refuse::<u64>("18446744073709551616", "18446744073709552000");
    refuse::<u64>("\"1\"", "string");
}

#[test]
fn numbers_beyond_a_double_are_infinite() {
    assert_eq!(read::<f64>("1e999"), f64::INFINITY);
    assert_eq!(read::<f64>("-1e999"), f64::NEG_INFINITY);
    assert_eq!(read::<f32>("1e999"), f32::INFINITY);
    assert_eq!(read::<f64>("3"), 3.0);
    assert!(read::<f64>("-0").is_sign_negative());
    assert_eq!(read::<f64>("9007199254740993"), 9007199254740992.0);
    assert_eq!(read::<Value>("1e999"), Value::Number(Number::Float(f64::INFINITY)));
    assert_eq!(read::<serde_json::Value>("[1e999]"), serde_json::json!([null]));
}

#[test]
fn half_a_surrogate_pair_is_the_replacement_character() {
    assert_eq!(read::<String>(r#""\ud800""#), "\u{fffd}");
    assert_eq!(read::<HashMap<String, u8>>(r#"{"\udc00":1}"#)["\u{fffd}"], 1);
    assert_eq!(read::<char>(r#""\ud83d\ude00""#), '😀');
    assert_eq!(read::<Cow<'_, str>>(r#""a\nb""#), "a\nb");
}

#[test]
fn text_is_borrowed_where_it_has_no_escapes() {
    let incoming = ack(r#""plain","esc\u0061ped""#, &[]);
    let packet = incoming.packet();
    let mut arguments = packet.arguments();
    assert_eq!(arguments.next_as::<&str>().unwrap(), "plain");
    assert!(arguments.next_as::<&str>().is_err());
}

#[test]
fn structs_and_enums_are_read_as_serde_says() {
    let upload = ack(&format!(r#"{{"data":{PLACEHOLDER},"more":[{{}}],"name":"n"}}"#), &[b"\0\xff"]);
    let expected = Upload { name: "n".into(), data: Binary(vec![0, 255]), tags: vec![] };
    assert_eq!(upload.packet().arguments().next_as::<Upload>().unwrap(), expected);
    assert_eq!(read::<Shape>("\"Dot\""), Shape::Dot);
    assert_eq!(read::<Shape>(r#"{"Dot":null}"#), Shape::Dot);
    assert_eq!(read::<Shape>(r#"{ "Circle" : 2 }"#), Shape::Circle(2.0));
    assert_eq!(read::<Shape>(r#"{"Line":[1,-1]}"#), Shape::Line(1, -1));
    assert_eq!(read::<Shape>(r#"{"Box":{"width":3}}"#), Shape::Box { width: 3 });
    refuse::<Shape>("\"Square\"", "unknown variant");
    refuse::<Shape>(r#"{"Circle":1,"Dot":null}"#, "more members than expected");
    refuse::<Shape>("{}", "an empty object, expected a variant");
    refuse::<Shape>("1", "integer");
    refuse::<Shape>(PLACEHOLDER, "byte array");
    refuse::<Upload>(r#"{"name":"n"}"#, "missing field `data`");
    refuse::<Upload>("[]", "invalid length 0");
    refuse::<(u8, u8)>("[1,2,3]", "more elements than expected");
    refuse::<(u8, u8)>("[1]", "invalid length 1");
    refuse::<Unit>("1", "unit struct");
    refuse::<bool>("\"true\"", "string");
}

#[test]
fn names_of_members_become_the_keys_that_a_map_asks_for() {
    assert_eq!(read::<BTreeMap<i32, u8>>(r#"{"-1":1,"20":2}"#), BTreeMap::from([(-1, 1), (20, 2)]));
    assert_eq!(read::<BTreeMap<bool, u8>>(r#"{"true":1}"#), BTreeMap::from([(true, 1)]));
    assert_eq!(read::<BTreeMap<Option<u64>, u8>>(r#"{"7":1}"#), BTreeMap::from([(Some(7), 1)]));
    assert_eq!(read::<BTreeMap<String, u8>>(r#"{"a":1,"a":2}"#), BTreeMap::from([("a".into(), 2)]));
    refuse::<BTreeMap<i32, u8>>(r#"{"x":1}"#, "string \"x\"");
    refuse::<BTreeMap<u8, u8>>(r#"{"256":1}"#, "256");
}

#[test]
fn an_attachment_is_bytes_wherever_its_placeholder_stands() {
    let text = format!(
        r#"{PLACEHOLDER},[{PLACEHOLDER},{{"a":{{"_placeholder":true,"num":1}}}}],{{"kind":"file","data":{PLACEHOLDER}}},{PLACEHOLDER},{PLACEHOLDER}"#
    );
    let incoming = ack(&text, &[b"zero", b"one"]);
    let packet = incoming.packet();
    let mut arguments = packet.arguments();
    assert_eq!(packet.arguments().next().unwrap().as_attachment(), Some(&b"zero"[..]));
    assert_eq!(arguments.next_as::<&[u8]>().unwrap(), b"zero", "borrowed");
    let (bytes, map): (Vec<u8>, HashMap<String, Binary>) = arguments.next_as().unwrap();
    assert_eq!((&*bytes, &*map["a"]), (&b"zero"[..], &b"one"[..]));
    assert_eq!(arguments.next_as::<Tagged>().unwrap(), Tagged::File { data: b"zero"[..].into() });
    assert_eq!(arguments.next_as::<Either>().unwrap(), Either::Bytes(b"zero"[..].into()));
    assert_eq!(arguments.next_as::<Option<[u8; 4]>>().unwrap(), Some(*b"zero"));
    assert_eq!(arguments.len(), 0);
}

#[test]
fn an_attachment_is_nothing_but_bytes() {
    refuse::<String>(PLACEHOLDER, "byte array");
    refuse::<char>(PLACEHOLDER, "byte array");
    refuse::<u8>(PLACEHOLDER, "byte array");
    refuse::<f64>(PLACEHOLDER, "byte array");
    refuse::<bool>(PLACEHOLDER, "byte array");
    refuse::<()>(PLACEHOLDER, "byte array");
    refuse::<HashMap<String, Value>>(PLACEHOLDER, "byte array");
    refuse::<Upload>(PLACEHOLDER, "byte array");
    refuse::<[u8; 3]>(PLACEHOLDER, "invalid length 2");
    refuse::<serde_json::Value>(PLACEHOLDER, "byte array");
    refuse::<Binary>("\"text\"", "string");
    refuse::<Binary>("{}", "map");
    assert_eq!(read::<Binary>("[1,2]"), Binary(vec![1, 2]), "as formats without bytes write them");
}

#[test]
fn without_attachments_a_placeholder_is_plain_data() {
    let value: Value = read(PLACEHOLDER);
    assert_eq!(value.get("_placeholder"), Some(&Value::Bool(true)));
    assert_eq!(ack(PLACEHOLDER, &[]).packet().arguments().next().unwrap().as_attachment(), None);
}

#[test]
fn a_value_takes_everything_in_order() {
    let incoming = ack(&format!(r#"{{"z":[1,-2,0.5,"t",true,null,{PLACEHOLDER}],"a":{{}},"z":1}}"#), &[b"b"]);
    let value: Value = incoming.packet().arguments().next_as().unwrap();
    let list = Value::Array(vec![
        1_u64.into(),
        (-2_i64).into(),
        0.5.into(),
        "t".into(),
        true.into(),
        Value::Null,
        Binary::from([b'b']).into(),
    ]);
    let members =
        [("z".to_owned(), list), ("a".to_owned(), Value::Object(vec![])), ("z".to_owned(), 1_u64.into())];
    assert_eq!(value, Value::Object(members.to_vec()));
    assert_eq!(value.get("z").and_then(Value::as_f64), Some(1.0), "the last of repeated members counts");
}

#[test]
fn the_rest_can_be_taken_at_once() {
    let incoming = ack(r#"1,"two",[3]"#, &[]);
    let mut arguments = incoming.packet().arguments();
    assert_eq!(arguments.next_as(), Ok(1));
    assert_eq!(arguments.take_rest().raw(), r#""two",[3]"#);
    assert_eq!((arguments.len(), arguments.raw()), (0, ""));
    assert_eq!(arguments.next_as::<u8>().unwrap_err().position, 3);
}
