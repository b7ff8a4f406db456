//! What values become as arguments of an event or an ack.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::binary::Binary;
use sockeye_socket_proto::error::EncodeError;
use sockeye_socket_proto::outgoing::{Encoded, EventArguments};
use sockeye_socket_proto::parser::json::{encode_ack, encode_event};
use sockeye_socket_proto::value::Value;

#[track_caller]
fn event(arguments: &(impl EventArguments + ?Sized), json: &str) -> Encoded {
    let encoded = encode_event("/", None, "e", arguments).unwrap();
    assert_eq!(std::str::from_utf8(encoded.text.packet()).unwrap(), format!("4{json}"));
    encoded
}

#[track_caller]
fn ack(arguments: &(impl EventArguments + ?Sized), json: &str) {
    let encoded = encode_ack("/", 7, arguments).unwrap();
    assert_eq!(std::str::from_utf8(encoded.text.packet()).unwrap(), format!("437{json}"));
}

#[derive(Serialize)]
struct Point(u8, u8);

#[derive(Serialize)]
struct Wrapped((u8, u8));

#[derive(Serialize)]
struct Nothing;

#[derive(Serialize)]
enum Choice {
    None,
    One(u8),
    Two(u8, u8),
    Named { a: u8 },
}

#[test]
fn a_tuple_is_several_arguments_and_nothing_else_is() {
    event(&(), r#"2["e"]"#);
    event(&("a",), r#"2["e","a"]"#);
    event(&("a", 1, [true], ()), r#"2["e","a",1,[true],null]"#);
    event(&&("a", 1), r#"2["e","a",1]"#);
    event(&[1, 2], r#"2["e",1,2]"#);
    event(&[0_u8; 0], r#"2["e"]"#);
    event(&([1, 2],), r#"2["e",[1,2]]"#);
    event(&[1, 2][..], r#"2["e",[1,2]]"#);
    event(&vec![(1, 2)], r#"2["e",[[1,2]]]"#);
    event(&Vec::<u8>::new(), r#"2["e",[]]"#);
    event("text", r#"2["e","text"]"#);
    event(&None::<u8>, r#"2["e",null]"#);
    event(&Some((1, 2)), r#"2["e",[1,2]]"#);
    event(&Value::Null, r#"2["e",null]"#);
    event(&Point(1, 2), r#"2["e",[1,2]]"#);
    event(&Wrapped((1, 2)), r#"2["e",[1,2]]"#);
    event(&Nothing, r#"2["e",null]"#);
    event(&Choice::None, r#"2["e","None"]"#);
    event(&Choice::One(1), r#"2["e",{"One":1}]"#);
    event(&Choice::Two(1, 2), r#"2["e",{"Two":[1,2]}]"#);
    event(&Choice::Named { a: 1 }, r#"2["e",{"Named":{"a":1}}]"#);
    event(&BTreeMap::from([(1, 'c')]), r#"2["e",{"1":"c"}]"#);
    event(&std::net::Ipv4Addr::LOCALHOST, r#"2["e","127.0.0.1"]"#);
}

#[test]
fn an_ack_has_arguments_and_no_name() {
    ack(&(), "[]");
    ack(&1.0, "[1]");
    ack(&("a", f64::NAN), r#"["a",null]"#);
    ack(&vec![1], "[[1]]");
    ack(&[0_u8; 0], "[]");
    ack(&i128::MIN, "[-170141183460469231731687303715884105728]");
}

#[test]
fn bytes_become_attachments_in_the_order_of_the_text() {
    let arguments = (Binary::from([1]), vec![Some(Binary::from([2]))], Value::from(Binary::default()));
    let placeholder = |num| format!(r#"{{"_placeholder":true,"num":{num}}}"#);
    let json = format!(r#"53-["e",{},[{}],{}]"#, placeholder(0), placeholder(1), placeholder(2));
    let encoded = event(&arguments, &json);
    let attachments: Vec<&[u8]> = encoded.attachments.iter().map(Frame::packet).collect();
    assert_eq!(attachments, [&[1][..], &[2], &[]]);
    assert!(encoded.attachments.iter().all(Frame::is_binary));
    assert_eq!(encoded.frames().count(), 4);

    let encoded = encode_ack("/n", 12, &Binary::from([9])).unwrap();
    assert_eq!(encoded.text.packet(), format!("461-/n,12[{}]", placeholder(0)).as_bytes());
}

#[test]
fn a_plain_vector_of_bytes_is_an_array() {
    assert!(event(&vec![1_u8, 2], r#"2["e",[1,2]]"#).attachments.is_empty());
}

#[test]
fn an_object_that_looks_like_a_placeholder_is_refused_beside_attachments() {
    let look_alike = Value::Object(vec![("_placeholder".into(), true.into()), ("num".into(), 9_u64.into())]);
    event(&(&look_alike, 1), r#"2["e",{"_placeholder":true,"num":9},1]"#);
    for arguments in
        [(&look_alike, Binary::from([1])), (&Value::Array(vec![look_alike.clone()]), Binary::from([]))]
    {
        assert_eq!(encode_event("/", None, "e", &arguments).unwrap_err(), EncodeError::Placeholder);
        assert_eq!(encode_ack("/", 1, &(arguments,)).unwrap_err(), EncodeError::Placeholder);
    }
    let harmless = Value::Object(vec![("_placeholder".into(), 1_u64.into())]);
    assert!(encode_event("/", None, "e", &(harmless, Binary::from([1]))).is_ok());
}

/// Encodes a packet of its own while it is serialized, and may refuse then.
struct Nested {
    refuses: bool,
}

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        event(&("inner", 1), r#"2["e","inner",1]"#);
        if self.refuses {
            return Err(serde::ser::Error::custom("not today"));
        }
        serializer.serialize_str("outer")
    }
}

#[test]
fn a_value_may_encode_a_packet_while_it_is_encoded() {
    event(&("before", Nested { refuses: false }, 2), r#"2["e","before","outer",2]"#);
}

#[test]
fn a_value_that_refuses_leaves_nothing_behind() {
    let refused = encode_event("/", None, "e", &("before", Nested { refuses: true })).unwrap_err();
    assert_eq!(refused, EncodeError::Argument { message: "not today".into() });
    let refused = encode_ack("/", 1, &BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert!(refused.to_string().contains("key must be a string"), "{refused}");
    event(&("after",), r#"2["e","after"]"#);
}
