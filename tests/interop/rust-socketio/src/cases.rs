//! The cases, and where one is known to fail.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    peer::{Kind, Peer, Settings, Way},
    target,
};

/// A sentence, and the function that shows it.
pub struct Case {
    pub sentence: &'static str,
    pub run: fn(&Setting),
    /// Where it must fail, and why. Whoever mends that is told by the case that holds.
    pub fault: Option<Fault>,
}

/// What is wrong with a client, whichever server it speaks to.
pub struct Fault {
    pub why: &'static str,
    pub there: fn(Kind, Way) -> bool,
}

/// One client over one way.
#[derive(Clone, Copy)]
pub struct Setting {
    pub kind: Kind,
    pub way: Way,
}

impl Setting {
    fn settings(&self) -> Settings {
        Settings {
            kind: self.kind,
            way: self.way,
            url: target::url(),
            namespace: "/",
            auth: None,
            reconnect: false,
            at_connect: None,
        }
    }

    fn connected(&self) -> Peer {
        Peer::connected(&self.settings())
    }
}

const fn holds(sentence: &'static str, run: fn(&Setting)) -> Case {
    Case { sentence, run, fault: None }
}

const fn fails(
    sentence: &'static str,
    run: fn(&Setting),
    why: &'static str,
    there: fn(Kind, Way) -> bool,
) -> Case {
    Case { sentence, run, fault: Some(Fault { why, there }) }
}

pub const CASES: &[Case] = &[
    holds("a client connects", connects),
    holds("the server sees the auth payload", auth),
    holds("without a payload the auth is an empty object", no_auth),
    holds("a named namespace works by itself", namespace),
    holds("an unknown namespace is refused by name", unknown_namespace),
    holds("what is emitted at once when connected is heard", early),
    holds("every kind of JSON comes back as it went", json_kinds),
    holds("several arguments keep their places both ways", several_arguments),
    holds("an event without arguments is acknowledged without arguments", no_arguments),
    holds("an event that nobody handles harms nothing", unhandled),
    holds("1,000 events arrive in order, and so do the 1,000 that they cause", order),
    holds("50 acks in a row are each the answer to their question", acks),
    holds("binary comes back byte for byte", binary),
    fails(
        "binary with the byte 0x1e comes back",
        separator,
        "it looks for separators within an attachment",
        off_polling,
    ),
    fails(
        "an empty attachment comes back",
        empty_attachment,
        "it takes an empty attachment for half a packet",
        off_polling,
    ),
    holds("text and binary events keep their order", mixed_order),
    fails(
        "an event with binary is acknowledged",
        binary_ack,
        "it sends such an event as a binary acknowledgement",
        everywhere,
    ),
    fails(
        "a question of the server is answered",
        question,
        "it hides that an event wants an answer",
        everywhere,
    ),
    fails(
        "an event without arguments is heard by its name",
        bare_event,
        "it takes the name of such an event for a message",
        everywhere,
    ),
    holds("a broadcast reaches everyone, its sender too", broadcast),
    holds("a room hears its events and nobody else does", room),
    holds("a room of one namespace is not that of another", rooms_of_namespaces),
    holds("the client leaves", client_leaves),
    holds("the server sends a socket away", server_disconnects_socket),
    holds("the server sends a connection away", server_disconnects_connection),
    holds("a client comes back by itself after the server's restart", restart),
    holds("a quiet connection lives through its heartbeats", heartbeats),
    fails(
        "a text just under the limit comes back",
        large_text,
        "it takes each part of an answer's body for a payload",
        async_polling,
    ),
    fails(
        "binary just under the limit comes back",
        large_binary,
        "it takes each part of an answer's body for a payload",
        async_polling,
    ),
];

fn everywhere(_: Kind, _: Way) -> bool {
    true
}

fn off_polling(_: Kind, way: Way) -> bool {
    way != Way::Polling
}

fn async_polling(kind: Kind, way: Way) -> bool {
    (kind, way) == (Kind::Async, Way::Polling)
}

/// What `peer` heard of rooms until a broadcast.
fn rooms_until_broadcast(peer: &Peer) -> Vec<Value> {
    peer.next("broadcast");
    peer.taken("room").into_iter().flatten().collect()
}

// ---- connection ----------------------------------------------------------------------------------------------

fn connects(setting: &Setting) {
    let peer = setting.connected();
    assert_eq!(peer.answer("echo", json!("here")), [json!("here")]);
}

fn auth(setting: &Setting) {
    let auth = json!({ "token": "t", "nested": { "numbers": [1, 2.5], "none": null }, "text": "é 語" });
    let peer = Peer::connected(&Settings { auth: Some(auth.clone()), ..setting.settings() });
    assert_eq!(peer.arguments("auth"), [auth]);
}

fn no_auth(setting: &Setting) {
    assert_eq!(setting.connected().arguments("auth"), [json!({})]);
}

fn namespace(setting: &Setting) {
    let auth = Some(json!({ "for": "custom" }));
    let peer = Peer::connected(&Settings { namespace: "/custom", auth, ..setting.settings() });
    assert_eq!(peer.arguments("auth"), [json!({ "for": "custom" })]);
    assert_eq!(peer.answer("echo", json!("here")), [json!("here")]);
}

fn unknown_namespace(setting: &Setting) {
    let peer = Peer::connecting(&Settings { namespace: "/nowhere", ..setting.settings() });
    let error = peer.arguments("error");
    assert!(error[0].as_str().is_some_and(|error| error.contains("Invalid namespace")), "{error:?}");
}

fn early(setting: &Setting) {
    let at_connect = Some(("broadcast", json!("early")));
    let peer = Peer::connected(&Settings { at_connect, ..setting.settings() });
    assert_eq!(peer.arguments("broadcast"), [json!("early")]);
}

// ---- events ----------------------------------------------------------------------------------------------------

fn kinds() -> Vec<Value> {
    let kinds = json!([
        null, true, false, 0, 1, -1, 1.5, -0.25, 1e21, 9007199254740991u64, "", "text",
        "\"quotes\" and \\ and / and \n\t\u{0}", "é ü 日本語 Я 🐟 \u{2028}", "x".repeat(5_000), [], {}, [[]], [{}],
        [1, [2, [3, [4]]]], { "a": { "b": { "c": { "d": [null] } } } }, { "": 1, "a b": 2, "日本": 3 },
    ]);
    kinds.as_array().expect("it is a list").clone()
}

fn json_kinds(setting: &Setting) {
    let peer = setting.connected();
    for kind in kinds() {
        assert_eq!(peer.answer("echo", kind.clone()), [kind]);
    }
}

fn several_arguments(setting: &Setting) {
    let peer = setting.connected();
    assert_eq!(peer.answer("echo", kinds()), kinds());
}

fn no_arguments(setting: &Setting) {
    assert_eq!(setting.connected().answer("echo", Vec::<Value>::new()), Vec::<Value>::new());
}

fn unhandled(setting: &Setting) {
    let peer = setting.connected();
    peer.emit("nobody handles this", vec![json!(1), json!({ "two": 2 })]);
    peer.emit("", json!("an empty name"));
    assert_eq!(peer.answer("echo", json!("after")), [json!("after")]);
}

fn order(setting: &Setting) {
    let peer = setting.connected();
    for number in 0..1_000 {
        peer.emit("broadcast", json!(number));
    }
    for number in 0..1_000 {
        assert_eq!(peer.arguments("broadcast"), [json!(number)]);
    }
}

fn acks(setting: &Setting) {
    let peer = setting.connected();
    for number in 0..50 {
        assert_eq!(peer.answer("echo", json!(number)), [json!(number)]);
    }
}

// ---- binary: this client sends one attachment as the only argument, and hears the first ------------------------

/// Sends `bytes` to everyone, itself too.
fn returns(peer: &Peer, bytes: Vec<u8>) {
    peer.emit("broadcast", bytes.clone());
    assert!(peer.bytes("broadcast") == bytes, "other bytes came back");
}

fn binary(setting: &Setting) {
    let bytes = (0..=u8::MAX).filter(|byte| *byte != 0x1e).collect();
    returns(&setting.connected(), bytes);
}

fn separator(setting: &Setting) {
    returns(&setting.connected(), vec![1, 0x1e, 2]);
}

fn empty_attachment(setting: &Setting) {
    returns(&setting.connected(), Vec::new());
}

fn mixed_order(setting: &Setting) {
    let peer = setting.connected();
    // None is 0x1e.
    for number in 100..200_u8 {
        peer.emit("broadcast", vec![number, 0xff]);
        peer.emit("broadcast", json!(number));
    }
    for number in 100..200_u8 {
        assert_eq!(peer.bytes("broadcast"), [number, 0xff]);
        assert_eq!(peer.arguments("broadcast"), [json!(number)]);
    }
}

fn binary_ack(setting: &Setting) {
    setting.connected().ask("echo", vec![1, 2, 3]);
}

fn large_binary(setting: &Setting) {
    // Over polling it is base64.
    let size = if setting.way == Way::Polling { 700_000 } else { 950_000 };
    returns(&setting.connected(), vec![7; size]);
}

fn large_text(setting: &Setting) {
    let text = "x".repeat(999_900);
    assert!(setting.connected().answer("echo", json!(text)) == [json!(text)]);
}

// ---- questions of the server -----------------------------------------------------------------------------------

fn question(setting: &Setting) {
    let peer = setting.connected();
    peer.emit("ask", json!("anyone?"));
    peer.next("ask");
    peer.next("answered");
}

fn bare_event(setting: &Setting) {
    let peer = setting.connected();
    peer.emit("ask", json!("anyone?"));
    peer.next("ask");
    peer.next("unanswered");
}

// ---- rooms -------------------------------------------------------------------------------------------------------

fn broadcast(setting: &Setting) {
    let peers = [setting.connected(), setting.connected(), setting.connected()];
    peers[0].emit("broadcast", json!("for all"));
    for peer in &peers {
        assert_eq!(peer.arguments("broadcast"), [json!("for all")]);
    }
}

fn room(setting: &Setting) {
    let (inside, outside) = (setting.connected(), setting.connected());
    assert_eq!(inside.answer("join", json!("room")), Vec::<Value>::new());
    outside.emit("room", vec![json!("room"), json!("first")]);
    outside.emit("room", vec![json!("room"), json!({ "second": 2 })]);
    outside.emit("room", vec![json!("empty"), json!("for no one")]);
    outside.emit("broadcast", json!("end"));
    assert_eq!(rooms_until_broadcast(&inside), [json!("first"), json!({ "second": 2 })]);
    assert_eq!(rooms_until_broadcast(&outside), Vec::<Value>::new());
}

fn rooms_of_namespaces(setting: &Setting) {
    let main = setting.connected();
    let custom = Peer::connected(&Settings { namespace: "/custom", ..setting.settings() });
    for (peer, word) in [(&main, "main"), (&custom, "custom")] {
        peer.answer("join", json!("room"));
        peer.emit("room", vec![json!("room"), json!(word)]);
    }
    for (peer, word) in [(&main, "main"), (&custom, "custom")] {
        peer.emit("broadcast", json!("end"));
        assert_eq!(rooms_until_broadcast(peer), [json!(word)]);
    }
}

// ---- the end -------------------------------------------------------------------------------------------------------

fn client_leaves(setting: &Setting) {
    let (peer, other) = (setting.connected(), setting.connected());
    peer.disconnect();
    assert!(peer.try_emit("echo", json!("nobody is there")).is_err());
    assert_eq!(other.answer("echo", json!("still here")), [json!("still here")]);
}

fn server_disconnects_socket(setting: &Setting) {
    let peer = Peer::connected(&Settings { namespace: "/custom", ..setting.settings() });
    peer.emit("kick", json!(false));
    peer.next("close");
}

fn server_disconnects_connection(setting: &Setting) {
    let peer = setting.connected();
    peer.emit("kick", json!(true));
    peer.next("close");
}

fn restart(setting: &Setting) {
    let port = target::free_port();
    let url = target::start(port, &[]);
    let auth = Some(json!({ "kept": true }));
    let peer = Peer::connected(&Settings { url, reconnect: true, auth: auth.clone(), ..setting.settings() });
    assert_eq!(peer.arguments("auth"), [json!({ "kept": true })]);
    target::stop(port);
    target::start(port, &[]);
    peer.next("connect");
    assert_eq!(peer.arguments("auth"), [json!({ "kept": true })]);
    assert_eq!(peer.answer("echo", json!("new")), [json!("new")]);
}

fn heartbeats(setting: &Setting) {
    let url = target::start(target::free_port(), &[("PING_INTERVAL", "300"), ("PING_TIMEOUT", "2000")]);
    let peer = Peer::connected(&Settings { url, ..setting.settings() });
    // The client does not tell of pings; without its pongs the server would close after 2.3 s.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(peer.answer("echo", json!("alive")), [json!("alive")]);
}
