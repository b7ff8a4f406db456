//! Clients of Engine.IO 3, and pages that poll by JSONP, under a clock that the test moves. What the original does is in
//! `vectors`; here is what no recording shows.

mod support;

use http::Request;
use http_body_util::Full;
use sockeye_engine::options::Options;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_websocket::header::OpCode;
use support::http::POLLING;
use support::websocket::Came;
use support::world::{Foreign, Reply, World, sid};
use support::{Event, Recorder};

const POLLING_3: &str = "/engine.io/?EIO=3&transport=polling";
const TARGET_3: &str = "/engine.io/?EIO=3&transport=websocket";

fn world() -> World {
    world_of(Recorder::default())
}

fn world_of(application: Recorder) -> World {
    let mut options = Options::default();
    options.allow_eio3 = true;
    World::with(application, options)
}

/// A session that polls, and the target of its requests.
fn polling(world: &World, target: &str) -> String {
    let body = world.get(target).body().expect("an answer");
    format!("{target}&sid={}", sid(&body.replace('\\', "")))
}

/// The WebSocket that the session of these requests moves to.
fn upgraded(world: &World, polling: &str) -> Foreign {
    let mut socket = world.websocket(&polling.replace("transport=polling", "transport=websocket"));
    socket.send(world, "2probe");
    assert_eq!(socket.texts(world), ["3probe"]);
    socket.send(world, "5");
    socket
}

fn post_binary(world: &World, target: &str, body: &'static [u8]) -> Reply {
    let request = Request::post(target).header("content-type", "application/octet-stream");
    world.request(request.body(Full::<bytes::Bytes>::from(body)).expect("a request"))
}

fn send_binary(world: &World, bytes: &[u8]) {
    world.engine.send(&world.session(), [Frame::binary(bytes)]).expect("the session is open");
    world.simulation.run();
}

// Heartbeat

#[test]
fn a_peer_that_pings_lives_and_is_closed_once_it_no_longer_does() {
    let world = world();
    let target = polling(&world, POLLING_3);
    for _ in 0..3 {
        let poll = world.get(&target);
        world.advance(44_000);
        assert_eq!(poll.body(), None, "it is not pinged");
        assert_eq!(world.post(&target, "1:2").body().as_deref(), Some("ok"));
        assert_eq!(poll.body().as_deref(), Some("1:3"));
    }
    let poll = world.get(&target);
    world.advance(44_900);
    assert_eq!(world.application().closed(), []);
    world.advance(300);
    assert_eq!(poll.body().as_deref(), Some("1:1"));
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
    assert_eq!(*world.application().signs.lock(), ["heartbeat"; 3]);
}

#[test]
fn a_session_that_has_moved_is_closed_when_its_peer_no_longer_pings() {
    let world = world();
    let target = polling(&world, POLLING_3);
    world.advance(30_000);
    let mut socket = upgraded(&world, &target);
    world.advance(44_000);
    socket.send(&world, "2");
    assert_eq!(socket.texts(&world), ["3"]);
    world.advance(44_900);
    assert_eq!(world.application().closed(), []);
    world.advance(300);
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
    assert_eq!(socket.came(&world), [Came::Close(None), Came::End]);
}

#[test]
fn a_peer_that_is_not_read_hears_of_us_in_time() {
    let world = world_of(Recorder::waiting());
    let mut socket = world.websocket(TARGET_3);
    socket.send(&world, "4a");
    // It pings at once, and waits for 20 s.
    socket.send(&world, "2");
    socket.came(&world);
    for _ in 0..10 {
        world.advance(10_100);
        assert_eq!(socket.texts(&world), ["3"]);
    }
    assert_eq!(world.application().closed(), []);
    world.application().give_room();
    world.simulation.run();
    assert_eq!(socket.texts(&world), ["3"], "its ping was there all the while");
    world.advance(45_200);
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
}

#[test]
fn pings_whose_pongs_nobody_fetches_are_bounded() {
    let world = world();
    let target = polling(&world, POLLING_3);
    for _ in 0..10 {
        assert_eq!(world.post(&target, &"1:2".repeat(5_000)).body().as_deref(), Some("ok"));
    }
    assert!(world.session().queued() <= 64 * 1024 + 16, "{}", world.session().queued());
    assert_eq!(world.application().closed(), []);
}

// Bytes

#[test]
fn what_waits_moves_to_the_websocket_in_order_binary_included() {
    for b64 in ["", "&b64=1"] {
        let world = world();
        let target = polling(&world, &format!("{POLLING_3}{b64}"));
        world.send("€");
        send_binary(&world, &[1, 2]);
        // A WebSocket takes binary, whatever polling did.
        let mut socket = upgraded(&world, &target.replace("&b64=1", ""));
        send_binary(&world, &[3]);
        let queued = match b64 {
            "" => Came::Binary(vec![4, 1, 2]),
            _ => Came::Text("b4AQI=".to_owned()),
        };
        assert_eq!(socket.came(&world), [Came::Text("4€".to_owned()), queued, Came::Binary(vec![4, 3])]);
        socket.frame(&world, OpCode::Binary, &[4, 9]);
        socket.send(&world, "b4CQ==");
        let came = world.application().events();
        assert_eq!(came[1..], [Event::Binary(vec![9]), Event::Binary(vec![9])]);
        assert_eq!(world.get(&target).status(), Some(400), "it polls no longer");
    }
}

#[test]
fn a_payload_is_binary_only_if_a_packet_in_it_is() {
    let world = world();
    let target = polling(&world, POLLING_3);
    world.send("a");
    let text = world.get(&target);
    assert_eq!(text.header("content-type").as_deref(), Some("text/plain; charset=UTF-8"));
    assert_eq!(text.body().as_deref(), Some("2:4a"));
    world.send("a");
    send_binary(&world, &[0xff]);
    let binary = world.get(&target);
    assert_eq!(binary.header("content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(binary.take_bytes(), b"\x00\x02\xff4a\x01\x02\xff\x04\xff");
}

#[test]
fn payloads_that_lie_close_the_session_and_what_stood_before_counts() {
    let texts =
        ["2:4a9:4hello", "2:4a1:", "2:4a99999999999999999999:4", "2:4a1:7", "2:4aboo", "2:4a6:b4!!!!"];
    for lie in texts {
        let world = world();
        let target = polling(&world, POLLING_3);
        world.post(&target, lie);
        assert_eq!(world.application().texts(), ["a"], "{lie}");
        assert_eq!(world.application().closed(), [CloseReason::ParseError], "{lie}");
    }
    let binaries: [&[u8]; 6] = [
        b"\x00\x02\xff4a\x01\x09\xff\x04",
        b"\x00\x02\xff4a\x01\x01",
        b"\x00\x02\xff4a\x07\x01\xff4",
        b"\x00\x02\xff4a\x00\x02\xff4\xff",
        b"\x00\x02\xff4a\x01\x01\xff\x09",
        b"\x00\x02\xff4a\x01\x0f\xff\x04",
    ];
    for lie in binaries {
        let world = world();
        let target = polling(&world, POLLING_3);
        post_binary(&world, &target, lie);
        assert_eq!(world.application().texts(), ["a"], "{lie:?}");
        assert_eq!(world.application().closed(), [CloseReason::ParseError], "{lie:?}");
    }
}

#[test]
fn a_binary_payload_is_not_of_protocol_4() {
    let world = world();
    let target = polling(&world, POLLING);
    assert_eq!(post_binary(&world, &target, b"\x00\x02\xff4a").status(), Some(400));
    assert_eq!(world.application().closed(), [CloseReason::TransportError]);
}

#[test]
fn a_close_is_told_in_the_peers_own_words() {
    let world = world();
    let target = polling(&world, POLLING_3);
    world.engine.close(&world.session(), CloseReason::ForcedClose);
    world.simulation.run();
    assert_eq!(world.get(&target).body().as_deref(), Some("1:61:1"));
}

// What is offered

#[test]
fn protocol_3_is_refused_unless_it_is_allowed() {
    let world = World::new(Options::default());
    for target in [POLLING_3, "/engine.io/?transport=polling"] {
        let answer = world.get(target);
        assert_eq!(answer.status(), Some(400));
        assert_eq!(answer.body().as_deref(), Some(r#"{"code":5,"message":"Unsupported protocol version"}"#));
    }
}

#[test]
fn protocol_3_knows_of_no_streams() {
    let world = world();
    let sse = world.get("/engine.io/?EIO=3&transport=sse");
    assert_eq!(sse.body().as_deref(), Some(r#"{"code":0,"message":"Transport unknown"}"#));
    let open = world.get(&format!("{POLLING_3}&sse=1")).body().expect("an answer");
    assert!(open.contains(r#""upgrades":["websocket"]"#), "{open}");
    let stream = format!("{POLLING_3}&sid={}", sid(&open)).replace("polling", "sse");
    assert_eq!(world.get(&stream).status(), Some(400));
    assert_eq!(world.get(&stream.replace("EIO=3", "EIO=4")).status(), Some(400));
    assert_eq!(world.session().wire(), Wire::Polling);
}

#[test]
fn a_session_is_asked_for_in_its_own_protocol() {
    let world = world();
    for (target, protocol) in [(polling(&world, POLLING_3), 3), (polling(&world, POLLING), 4)] {
        let foreign =
            if protocol == 3 { target.replace("EIO=3", "EIO=4") } else { target.replace("EIO=4", "EIO=3") };
        for answer in [world.get(&foreign), world.post(&foreign, "4a")] {
            assert_eq!(answer.body().as_deref(), Some(r#"{"code":3,"message":"Bad request"}"#));
        }
    }
    let protocols = [0, 1].map(|session| world.application().session(session).protocol());
    assert_eq!((protocols, world.application().closed()), ([3, 4], vec![]));
}

// JSONP

#[test]
fn a_page_that_polls_by_scripts_is_told_of_the_end_in_one() {
    for (target, told) in [
        (format!("{POLLING_3}&j=7"), "___eio[7](\"1:61:1\");"),
        (format!("{POLLING}&j=7"), "___eio[7](\"6\\u001e1\");"),
    ] {
        let world = world();
        let target = polling(&world, &target);
        send_binary(&world, &[1, 2, 3]);
        let binary = world.get(&target).body().expect("an answer");
        let expected = if target.contains("EIO=3") { "6:b4AQID" } else { "bAQID" };
        assert_eq!(binary, format!("___eio[7](\"{expected}\");"));
        world.engine.close(&world.session(), CloseReason::ForcedClose);
        world.simulation.run();
        assert_eq!(world.get(&target).body().as_deref(), Some(told));
    }
}

#[test]
fn a_page_that_polled_by_scripts_has_a_websocket_as_any_other() {
    let world = world();
    let target = polling(&world, &format!("{POLLING_3}&j=0"));
    let mut socket = upgraded(&world, &target);
    send_binary(&world, &[1]);
    assert_eq!(socket.came(&world), [Came::Binary(vec![4, 1])]);
}

#[test]
fn a_form_whose_text_is_not_utf8_closes_the_session_and_reaches_nobody() {
    let world = world();
    let target = polling(&world, &format!("{POLLING}&j=0"));
    assert_eq!(world.post(&target, "x=4a").body().as_deref(), Some("ok"));
    assert_eq!(world.post(&target, "d=4%FF").status(), Some(400));
    assert_eq!(world.application().closed(), [CloseReason::ParseError]);
    assert_eq!(world.application().texts(), [""; 0]);
}
