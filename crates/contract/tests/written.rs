//! A contract with a type of every kind, written down in `tests/interop/contract`, where the official client's types
//! take the declarations, and AsyncAPI's schema the document.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sockeye::{Binary, Event, Value};
use sockeye_contract::Contract;

/// Somebody says something.
#[derive(Event)]
#[event(name = "chat message", args(from, text, default))]
struct Message(String, String, Option<Mood>);

/// How it is meant.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Friendly,
    Angry,
}

#[derive(Event)]
struct Typing;

/// Somebody has come.
///
/// Everybody hears it: /* even */ those who came later.
#[derive(Deserialize, Event, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserJoined {
    /// As others see it.
    display_name: String,
    #[serde(default)]
    age: u8,
    tags: Vec<Option<String>>,
    position: Position,
    parent: Option<Box<UserJoined>>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Position(f64, f64);

#[derive(Event)]
#[event(ack = u32, args(text))]
struct Question(String);

#[derive(Event)]
#[event(ack = (Option<String>, Option<Vec<Shape>>), args(ack))]
struct Shapes(HashMap<String, u64>);

/// Something drawn.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f64 },
    Rectangle { size: [f32; 2] },
    Nothing,
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum Step {
    Start,
    Move(i32, i32),
    Draw { shape: Shape },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Name(String),
}

#[derive(Event)]
#[event(args(steps, keys, numbers))]
struct Program(Vec<Step>, (Key, Key), BTreeMap<u32, bool>);

#[derive(Event)]
#[event(args(picture, thumbnail, anything))]
struct Picture(Binary, Option<Bytes>, Value);

#[derive(Deserialize, JsonSchema, Serialize)]
struct Page<T> {
    items: Vec<T>,
    #[serde(flatten)]
    meta: Meta,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Meta {
    next: Option<Binary>,
}

#[derive(Event)]
#[event(ack = (), args(page))]
struct Listed(Page<Position>);

#[derive(Event)]
#[event(args(level))]
struct SetLevel(u8);

fn contract() -> Contract {
    Contract::new("everything", "1.2.0")
        .client_to_server::<Message>()
        .client_to_server::<Typing>()
        .client_to_server::<Question>()
        .client_to_server::<Shapes>()
        .client_to_server::<UserJoined>()
        .client_to_server::<Picture>()
        .server_to_client::<Message>()
        .server_to_client::<UserJoined>()
        .server_to_client::<Program>()
        .server_to_client::<Picture>()
        .server_to_client::<Question>()
        .server_to_client::<Listed>()
        .namespace("/admin")
        .client_to_server::<SetLevel>()
}

#[test]
fn the_declarations_are_those_that_the_official_client_is_checked_with() {
    contract().check("../../tests/interop/contract/events.d.ts");
}

#[test]
fn the_document_is_the_one_that_is_checked_with_its_schema() {
    contract().check("../../tests/interop/contract/asyncapi.json");
}

#[test]
fn a_stale_file_fails_once_and_a_missing_one_too() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract");
    fs::remove_dir_all(&folder).ok();
    let contract = || Contract::new("small", "1").client_to_server::<Typing>();
    for name in ["events.d.ts", "asyncapi.json"] {
        let file = folder.join(name);
        assert!(catch_unwind(|| contract().check(&file)).is_err());
        contract().check(&file);
        fs::write(&file, "stale").expect("it is there");
        assert!(catch_unwind(|| contract().check(&file)).is_err());
        contract().check(&file);
    }
}

#[test]
fn an_event_is_declared_once_for_a_direction() {
    let twice = || Contract::new("small", "1").client_to_server::<Typing>().client_to_server::<Typing>();
    assert!(catch_unwind(twice).is_err());
}
