//! What hostile peers send: the rows `packet` of our list of attacks. A neighbour is served throughout.

use std::time::Duration;

use sockeye_server::binary::Binary;
use sockeye_server::handler::args::{Args, Auth, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;
use sockeye_server::value::Value;

use crate::compatibility::{away, get, post};
use crate::world::{Notes, World};

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

fn world() -> World {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, Auth(auth): Auth<Value>| {
        socket.on("echo", async |value: Value| Reply(value));
        socket.on("args", async |args: Args| Reply(args));
        socket.emit("auth", auth);
    });
    world
}

/// Sends these to a server whose peer has joined; what comes back, and whether the connection closed.
fn send(messages: &[&str]) -> (Vec<String>, bool) {
    let world = world();
    let (canary, _) = world.join();
    let (peer, _) = world.join();
    peer.take();
    peer.send(messages);
    let came = peer.take();
    canary.take();
    canary.send(&[r#"20["echo","alive"]"#]);
    assert_eq!(canary.take(), [r#"30["alive"]"#], "the neighbour is served");
    assert_eq!(world.server.counters().panics, 0);
    let closed = peer.is_closed();
    assert_eq!(world.server.counters().sessions, if closed { 1 } else { 2 });
    (came, closed)
}

#[track_caller]
fn closes(messages: &[&str]) {
    assert_eq!(send(messages), (vec![], true), "{:?}", &messages[0][..messages[0].len().min(80)]);
}

#[track_caller]
fn lives(messages: &[&str], answers: &[&str]) {
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    assert_eq!(send(messages), (answers, false), "{:?}", &messages[0][..messages[0].len().min(80)]);
}

#[test]
fn attachments_that_are_not_what_was_announced_close() {
    closes(&[&format!("51-[\"x\",{PLACEHOLDER}]"), r#"2["y"]"#]);
    for count in ["51", "5-", "50-", "51.5-", "5-1-", "511-", "5e1-", "599999999999999999999-"] {
        closes(&[&format!("{count}[\"x\",{PLACEHOLDER}]"), "bAQ=="]);
    }
    closes(&[r#"51-["x",{"_placeholder":true,"num":3}]"#, "bAQ=="]);
    closes(&[r#"51-["x",{"_placeholder":true,"num":-1}]"#, "bAQ=="]);
    closes(&[r#"51-["x",{"_placeholder":true,"num":"0"}]"#, "bAQ=="]);
    closes(&["bAQ=="]);
}

#[test]
fn an_attachment_that_nobody_names_is_delivered_without() {
    lives(&[r#"51-0["echo","plain"]"#, "bAQ=="], &[r#"30["plain"]"#]);
}

#[test]
fn one_attachment_named_often_is_bounded() {
    let many = |count: usize| format!("51-0[\"echo\",[{}]]", vec![PLACEHOLDER; count].join(","));
    let (came, closed) = send(&[&many(3), "bAQ=="]);
    assert!(!closed);
    assert_eq!(came.len(), 4, "the same bytes three times are three attachments");
    let large = format!("b{}", "AAAA".repeat(100_000));
    closes(&[&many(10), &large]);
}

#[test]
fn names_of_events_are_text_or_numbers() {
    for name in ["null", "{}", "[]", "true"] {
        closes(&[&format!("2[{name},1]")]);
    }
    closes(&["2[]"]);
    closes(&[r#"2{"a":1}"#]);
    closes(&[r#"2["newListener"]"#]);
    closes(&[r#"2["disconnecti\u006eg"]"#]);
    lives(&["2[1]", r#"2["error","x"]"#, r#"2["",1]"#, r#"2["constructor"]"#], &[]);
}

#[test]
fn keys_of_prototypes_are_plain_data() {
    let value = r#"{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}}}"#;
    lives(&[&format!("20[\"echo\",{value}]")], &[&format!("30[{value}]")]);
}

#[test]
fn nesting_beyond_the_limit_closes_and_below_it_is_echoed() {
    for levels in [200, 20_000] {
        let arrays = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        for value in [&arrays, &objects] {
            closes(&[&format!("20[\"echo\",{value}]")]);
            closes(&[&format!("51-0[\"echo\",{value},{PLACEHOLDER}]"), "bAQ=="]);
            closes(&[&format!("30[{value}]")]);
        }
        // Without an end it is no better.
        closes(&[&format!("20[\"echo\",{}", "[".repeat(levels))]);
        let world = world();
        let peer = world.open();
        peer.send(&[&format!("0{objects}")]);
        assert!(peer.is_closed());
    }
    let arrays = format!("{}{}", "[".repeat(127), "]".repeat(127));
    lives(&[&format!("20[\"echo\",{arrays}]")], &[&format!("30[{arrays}]")]);
}

#[test]
fn odd_ids_of_acks_close_or_are_ignored() {
    lives(&[r#"30["never asked"]"#, "3[]", "399999999999[]"], &[]);
    closes(&[r#"299999999999999999999999["echo",1]"#]);
    lives(&[r#"29007199254740993["echo",1]"#], &["39007199254740993[1]"]);
}

#[test]
fn packets_that_only_a_server_sends_close() {
    closes(&[r#"4{"message":"x"}"#]);
    closes(&[r#"4"x""#]);
    closes(&["0"]);
}

#[test]
fn connect_wants_an_object_or_nothing() {
    for auth in ["[]", "null", "-1", "\"x\"", "{", "{}x"] {
        let world = world();
        let peer = world.open();
        peer.send(&[&format!("0{auth}")]);
        assert!(peer.is_closed(), "{auth}");
        assert_eq!(world.server.counters().undecodable, 1);
    }
}

#[test]
fn packets_of_namespaces_that_were_not_joined_close() {
    for packet in [r#"2/unknown,["x"]"#, "1/unknown,", "3/unknown,0[]", r#"2/unknown["x"]"#] {
        closes(&[packet]);
    }
    for packet in [r#"2["x"]"#, "1", "30[]", "", "9", "{}", "b"] {
        let world = world();
        let peer = world.open();
        peer.send(&[packet]);
        assert!(peer.is_closed(), "{packet:?} before CONNECT");
        assert_eq!(world.server.counters().events, 0);
    }
}

#[test]
fn odd_names_of_namespaces_are_refused_and_kept_nowhere() {
    let world = world();
    let peer = world.open();
    for name in
        ["/../etc/passwd", "/a/b/c", "/\u{202e}", "/__proto__", "/%00", &format!("/{}", "x".repeat(100_000))]
    {
        peer.send(&[&format!("0{name},")]);
        assert_eq!(peer.take(), [format!("4{name},{{\"message\":\"Invalid namespace\"}}")]);
    }
    assert_eq!(world.server.counters().connected.len(), 1);
    assert!(!peer.is_closed());
}

#[test]
fn what_javascript_accepts_does_not_lose_the_connection() {
    lives(&[r#"20["echo",1e999]"#, r#"21["echo",-1e999]"#], &["30[null]", "31[null]"]);
    lives(&[r#"20["echo","\ud800"]"#], &["30[\"\u{fffd}\"]"]);
    lives(&[r#"20["echo",{"a":1,"a":2}]"#], &[r#"30[{"a":1,"a":2}]"#]);
    lives(&[r#"20["args",123456789012345678901234567890]"#], &["30[123456789012345678901234567890]"]);
    for json in ["NaN", "[1,]", "\"\u{1}\"", "'x'", "undefined", "01", "\"\\x\""] {
        closes(&[&format!("20[\"echo\",{json}]")]);
    }
}

#[test]
fn a_disconnect_carries_nothing() {
    closes(&["1{}"]);
    closes(&["1x"]);
}

#[test]
fn an_attachment_that_does_not_come_closes_in_time_and_each_that_comes_gives_time_for_the_next() {
    let world = World::with(|builder| builder.attachment_timeout(Duration::from_secs(3)));
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| Reply(args));
    });
    let two = r#"52-0["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let (peer, _) = world.join();
    peer.take();
    peer.send(&[two]);
    world.advance(2_900);
    peer.send(&["bAQ=="]);
    world.advance(2_900);
    assert!(!peer.is_closed());
    peer.send(&["bAg=="]);
    assert_eq!(peer.take().len(), 3, "the ack and both attachments");
    world.advance(10_000);
    assert!(!peer.is_closed(), "nothing is missing");

    peer.send(&[two, "bAQ=="]);
    world.advance(2_900);
    assert!(!peer.is_closed());
    world.advance(300);
    assert!(peer.is_closed());
    assert_eq!(world.server.counters().packet_limits[3], ("time", 1));
}

#[test]
fn the_time_of_an_attachment_stands_still_while_we_do_not_read() {
    let world = World::with(|builder| {
        builder.attachment_timeout(Duration::from_secs(3)).engine(|options| options.soft_limit = 2_000)
    });
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| Reply(args));
    });
    let (target, socket) = away(&world);
    socket.emit("long", "x".repeat(3_000));
    // More waits for it than may, so what is behind the first packet is read when it has come for that.
    let header = r#"452-0["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let posted = post(&world, &target, &format!("{header}\u{1e}bAQ==\u{1e}bAg=="));
    world.advance(6_000);
    assert!(!posted.is_answered() && socket.is_connected());
    assert!(get(&world, &target).starts_with(r#"42["long","#));
    world.run();
    assert!(posted.is_answered());
    assert_eq!(get(&world, &target).matches("_placeholder").count(), 2, "the ack");
    assert!(socket.is_connected());
}

#[test]
fn what_has_more_attachments_than_clients_take_does_not_go_out_unless_it_is_asked_for() {
    fn much() -> Vec<Binary> {
        vec![Binary(vec![1]); 11]
    }
    for (limit, went_out) in [(None, false), (Some(11), true)] {
        let world = World::with(|builder| match limit {
            Some(limit) => builder.max_outgoing_attachments(limit),
            None => builder,
        });
        world.server.on_connect(async |socket: Socket| {
            socket.on("ack", async || Reply(much()));
            socket.on("returned", async |socket: Socket| socket.emit("x", much()));
            socket.on("emit", async |socket: Socket, server: Server, State(notes): State<Notes>| {
                let second = Duration::from_secs(1);
                notes.note(format!("{:?}", socket.emit("x", much()).result()));
                notes.note(format!("{:?}", server.emit("x", much()).result()));
                notes.note(format!(
                    "{:?}",
                    server
                        .everybody()
                        .timeout(second)
                        .emit_with_ack::<Args>("x", much())
                        .await
                        .map(|answers| answers.len())
                ));
                notes.note(format!(
                    "{:?}",
                    socket.timeout(second).emit_with_ack::<Args>("x", much()).await.map(drop)
                ));
            });
        });
        let (peer, _) = world.join();
        peer.take();
        peer.send(&[r#"20["ack"]"#, r#"2["returned"]"#]);
        assert_eq!(world.server.counters().errors, if went_out { 0 } else { 2 });
        assert_eq!(peer.take().len(), if went_out { 2 * 12 } else { 0 });
        peer.send(&[r#"2["emit"]"#]);
        world.advance(1_200);
        world.advance(1_200);
        let refused = "Err(TooManyAttachments { count: 11, limit: 10 })";
        let expected = match went_out {
            true => ["Ok(())", "Ok(())", "Ok(1)", "Err(TimedOut)"],
            false => [refused, refused, refused, "Err(Emit(TooManyAttachments { count: 11, limit: 10 }))"],
        };
        assert_eq!(world.notes.take(), expected);
        assert_eq!(peer.take().len(), if went_out { 4 * 12 } else { 0 });
        assert!(!peer.is_closed());
    }
}
