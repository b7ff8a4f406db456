//! Whatever depends on time, with a clock that the test moves: heartbeat, upgrade, close, waits.

mod support;

use http::Request;
use sockeye_engine::options::Options;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use support::http::POLLING;
use support::websocket::{Came, TARGET};
use support::world::{Dripping, World, sid};
use support::{Event, Recorder};

const SSE: &str = "/engine.io/?EIO=4&transport=sse";

/// A polling session, and the target of its requests.
fn polling(world: &World) -> String {
    let body = world.get(POLLING).body().expect("an answer");
    format!("{POLLING}&sid={}", sid(&body))
}

#[test]
fn the_first_ping_goes_out_after_the_ping_interval_and_the_next_counts_from_the_pong() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let poll = world.get(&target);
    world.advance(24_900);
    assert_eq!(poll.body(), None);
    world.advance(200);
    assert_eq!(poll.body().as_deref(), Some("2"));
    world.advance(10_000);
    assert_eq!(world.post(&target, "3").body().as_deref(), Some("ok"));
    let poll = world.get(&target);
    world.advance(24_900);
    assert_eq!(poll.body(), None);
    world.advance(200);
    assert_eq!(poll.body().as_deref(), Some("2"));
}

#[test]
fn pings_keep_their_interval_where_a_pong_may_take_longer_than_it() {
    let mut options = Options::default();
    options.ping_interval = std::time::Duration::from_millis(300);
    options.ping_timeout = std::time::Duration::from_secs(20);
    let world = World::new(options);
    let target = polling(&world);
    for _ in 0..20 {
        let poll = world.get(&target);
        world.advance(450);
        assert_eq!(poll.body().as_deref(), Some("2"));
        assert_eq!(world.post(&target, "3").body().as_deref(), Some("ok"));
    }
}

#[test]
fn a_peer_that_does_not_answer_a_ping_is_closed_and_its_poll_told() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let poll = world.get(&target);
    world.advance(25_100);
    assert_eq!(poll.body().as_deref(), Some("2"));
    let poll = world.get(&target);
    world.advance(19_800);
    assert_eq!(world.application().closed(), []);
    world.advance(300);
    assert_eq!(poll.body().as_deref(), Some("1"));
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
    assert_eq!(world.get(&target).status(), Some(400));
}

#[test]
fn any_packet_extends_the_deadline_of_a_pong_once() {
    let world = World::new(Options::default());
    let mut socket = world.websocket(TARGET);
    world.advance(25_100);
    assert_eq!(socket.texts(&world).last().map(String::as_str), Some("2"));
    world.advance(15_000);
    socket.send(&world, "4a");
    world.advance(15_000);
    socket.send(&world, "4b");
    assert_eq!(world.application().closed(), []);
    world.advance(5_200);
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
    assert_eq!(socket.came(&world), [Came::Close(None), Came::End]);
}

#[test]
fn an_abandoned_handshake_is_given_back_after_the_ping_timeout() {
    let world = World::new(Options::default());
    (0..100).for_each(|_| drop(world.get(POLLING)));
    assert_eq!(world.engine.sessions().len(), 100);
    world.advance(45_600);
    assert_eq!(world.engine.sessions().len(), 0);
    assert_eq!(world.application().closed().len(), 100);
}

#[test]
fn a_poll_that_waits_gets_a_noop_100_ms_after_the_probe_and_again_until_the_upgrade() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let poll = world.get(&target);
    let mut socket = world.websocket(&format!("{TARGET}&sid={}", &target[target.len() - 20..]));
    socket.send(&world, "2probe");
    assert_eq!(socket.came(&world), [Came::Text("3probe".into())]);
    assert_eq!(poll.body(), None);
    world.advance(150);
    assert_eq!(poll.body().as_deref(), Some("6"));
    let poll = world.get(&target);
    world.advance(150);
    assert_eq!(poll.body().as_deref(), Some("6"));
    let poll = world.get(&target);
    world.send("over polling");
    assert_eq!(poll.body().as_deref(), Some("4over polling"));
    world.send("held");
    socket.send(&world, "5");
    assert_eq!(socket.texts(&world), ["4held"]);
    assert_eq!(world.session().wire(), Wire::WebSocket);
    assert_eq!(world.engine.counters().upgraded(), 1);
    assert_eq!(world.get(&target).status(), Some(400));
    world.advance(1_000);
    world.send("alone");
    assert_eq!(socket.texts(&world), ["4alone"], "and not one noop more");
}

#[test]
fn an_upgrade_that_stalls_is_closed_and_polling_goes_on() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let websocket = format!("{TARGET}&sid={}", &target[target.len() - 20..]);
    let mut socket = world.websocket(&websocket);
    socket.send(&world, "2probe");
    world.advance(5_000);
    world.send("still here");
    assert_eq!(world.get(&target).body().as_deref(), Some("4still here"));
    assert_eq!(socket.came(&world), [Came::Text("3probe".into())]);
    world.advance(5_200);
    assert_eq!(socket.came(&world), [Came::Close(None), Came::End]);
    let mut second = world.websocket(&websocket);
    second.send(&world, "2probe");
    second.send(&world, "5");
    assert_eq!(second.came(&world), [Came::Text("3probe".into())]);
    assert_eq!(world.session().wire(), Wire::WebSocket);
}

#[test]
fn a_poll_that_waits_when_the_upgrade_comes_is_told_to_close() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let poll = world.get(&target);
    let mut socket = world.websocket(&format!("{TARGET}&sid={}", &target[target.len() - 20..]));
    socket.send(&world, "2probe");
    socket.send(&world, "5");
    assert_eq!(poll.body().as_deref(), Some("1"));
    assert_eq!(world.application().closed(), []);
}

#[test]
fn a_lost_pong_during_an_upgrade_leaves_no_zombie() {
    let world = World::new(Options::default());
    let target = polling(&world);
    world.advance(25_100);
    assert_eq!(world.get(&target).body().as_deref(), Some("2"));
    let mut socket = world.websocket(&format!("{TARGET}&sid={}", &target[target.len() - 20..]));
    socket.send(&world, "2probe");
    socket.send(&world, "5");
    world.advance(45_200);
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
    assert!(world.engine.sessions().is_empty());
}

#[test]
fn a_closed_session_lingers_until_a_poll_has_been_told_or_30_s() {
    let world = World::new(Options::default());
    let target = polling(&world);
    world.send("last");
    world.engine.close(&world.session(), CloseReason::ForcedClose);
    world.simulation.run();
    assert_eq!(world.application().closed(), [CloseReason::ForcedClose]);
    assert_eq!(world.post(&target, "4ignored").body().as_deref(), Some("ok"));
    assert_eq!(world.get(&target).body().as_deref(), Some("4last"));
    assert_eq!(world.get(&target).body().as_deref(), Some("6\u{1e}1"));
    assert_eq!(world.get(&target).status(), Some(400));
    assert_eq!(world.application().texts(), Vec::<String>::new());

    let other = polling(&world);
    world.engine.close(&world.application().session(1), CloseReason::ForcedClose);
    world.advance(29_900);
    assert_eq!(world.engine.sessions().len(), 1);
    world.advance(200);
    assert_eq!(world.engine.sessions().len(), 0);
    assert_eq!(world.get(&other).status(), Some(400));
}

#[test]
fn an_empty_poll_waits_as_long_as_it_says() {
    let world = World::new(Options::default());
    let target = polling(&world);
    assert_eq!(world.get(&format!("{target}&wait=0")).body().as_deref(), Some("6"));
    let poll = world.get(&format!("{target}&wait=5"));
    world.advance(4_900);
    assert_eq!(poll.body(), None);
    world.advance(200);
    assert_eq!(poll.body().as_deref(), Some("6"));
    world.send("queued");
    assert_eq!(world.get(&format!("{target}&wait=0")).body().as_deref(), Some("4queued"));
}

#[test]
fn the_longest_wait_is_the_servers_to_say() {
    let mut options = Options::default();
    options.max_wait = Some(std::time::Duration::from_secs(3));
    let world = World::new(options);
    let target = polling(&world);
    for asked in ["", "&wait=20"] {
        let poll = world.get(&format!("{target}{asked}"));
        world.advance(2_900);
        assert_eq!(poll.body(), None);
        world.advance(200);
        assert_eq!(poll.body().as_deref(), Some("6"));
    }
}

#[test]
fn an_offer_of_sse_is_made_to_those_that_know_it() {
    let world = World::new(Options::default());
    let offer = |query: &str| {
        let body = world.get(&format!("{POLLING}{query}")).body().expect("an answer");
        body.split_once("\"upgrades\":[").expect("an offer").1.split_once(']').expect("its end").0.to_owned()
    };
    assert_eq!(offer(""), "\"websocket\"");
    assert_eq!(offer("&sse=1"), "\"websocket\",\"sse\"");
    assert!(world.get(SSE).take().contains("\"upgrades\":[\"websocket\"]"));
}

#[test]
fn a_poll_whose_connection_drops_closes_its_session() {
    let world = World::new(Options::default());
    let target = polling(&world);
    world.get(&target).abort(&world);
    assert_eq!(world.application().closed(), [CloseReason::TransportError]);
    assert_eq!(world.get(&target).status(), Some(400));
}

#[test]
fn a_poll_that_drops_after_the_move_takes_nothing_with_it() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let poll = world.get(&target);
    let mut socket = world.websocket(&format!("{TARGET}&sid={}", &target[target.len() - 20..]));
    socket.send(&world, "2probe");
    socket.send(&world, "5");
    poll.abort(&world);
    assert_eq!(world.application().closed(), []);
}

#[test]
fn a_body_that_stalls_is_given_up_after_its_time() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let body = Dripping::default();
    let post = world.request(Request::post(&target).body(body.clone()).expect("a request"));
    body.give(&world, "4a");
    world.advance(15_000);
    body.give(&world, "b");
    world.advance(15_000);
    assert_eq!(post.status(), None);
    world.advance(5_100);
    assert_eq!(post.status(), Some(408));
    assert_eq!(world.application().closed(), [CloseReason::TransportError]);
    assert_eq!(world.application().texts(), Vec::<String>::new());
}

#[test]
fn a_second_post_ends_the_first_and_the_session() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let first = world.request(Request::post(&target).body(Dripping::default()).expect("a request"));
    assert_eq!(world.post(&target, "4second").status(), Some(400));
    assert_eq!(first.status(), Some(400));
    assert_eq!(world.application().closed(), [CloseReason::TransportError]);
}

#[test]
fn a_peer_that_we_keep_waiting_is_not_timed_out_and_its_post_is_answered_when_there_is_room() {
    let world = World::with(Recorder::waiting(), Options::default());
    let target = polling(&world);
    let post = world.post(&target, "4a\u{1e}4b");
    assert_eq!(world.application().texts(), ["a"]);
    world.advance(25_100);
    assert_eq!(world.get(&target).body().as_deref(), Some("2"));
    for _ in 0..5 {
        world.advance(20_100);
        assert_eq!(world.get(&target).body().as_deref(), Some("2"), "its own clock runs on");
    }
    assert_eq!(post.status(), None);
    assert_eq!(world.application().closed(), []);
    for _ in 0..2 {
        world.application().give_room();
        world.simulation.run();
    }
    assert_eq!(world.application().texts(), ["a", "b"]);
    assert_eq!(post.body().as_deref(), Some("ok"));
    world.advance(19_800);
    assert_eq!(world.application().closed(), []);
    world.advance(300);
    assert_eq!(world.application().closed(), [CloseReason::PingTimeout]);
}

#[test]
fn a_websocket_that_we_keep_waiting_reads_on_when_there_is_room() {
    let world = World::with(Recorder::waiting(), Options::default());
    let mut socket = world.websocket(TARGET);
    for text in ["4a", "4b", "4c"] {
        socket.send(&world, text);
    }
    assert_eq!(world.application().texts(), ["a"]);
    world.advance(100_000);
    assert_eq!(world.application().closed(), []);
    for expected in [&["a", "b"][..], &["a", "b", "c"]] {
        world.application().give_room();
        world.simulation.run();
        assert_eq!(world.application().texts(), expected);
    }
}

/// A message of a thousand bytes that says its number.
fn numbered(number: usize) -> String {
    format!("4{number:0999}")
}

#[test]
fn a_websocket_whose_answers_pile_up_is_read_no_further_and_goes_on_however_slowly_its_peer_reads() {
    let mut options = Options::default();
    options.soft_limit = 20_000;
    let world = World::with(Recorder::echo(), options);
    let mut socket = world.websocket(TARGET);
    socket.texts(&world);
    (0..140).for_each(|number| socket.send(&world, &numbered(number)));
    // 64 KiB are on their way to the peer, and as many on the way from it.
    let heard = world.application().texts().len();
    assert!(heard > 70 && heard < 100, "{heard}");
    assert!(world.session().queued() < 25_000, "{}", world.session().queued());
    let mut sent = 140;
    for _ in 0..40 {
        world.advance(2_000);
        socket.sip(&world, 16_000);
        (sent..sent + 15).for_each(|number| socket.send(&world, &numbered(number)));
        sent += 15;
        assert!(world.session().queued() < 25_000, "{}", world.session().queued());
    }
    assert_eq!(world.application().closed(), [], "its pongs lie unread, and that is our doing");
    let mut texts = socket.texts(&world);
    texts.retain(|text| text != "2");
    assert_eq!(texts, (0..sent).map(numbered).collect::<Vec<_>>());
}

#[test]
fn a_websocket_that_does_not_read_its_answers_is_closed_when_none_has_left_for_ten_seconds() {
    let mut options = Options::default();
    options.soft_limit = 20_000;
    let world = World::with(Recorder::echo(), options);
    let mut socket = world.websocket(TARGET);
    (0..140).for_each(|number| socket.send(&world, &numbered(number)));
    world.advance(9_900);
    assert_eq!(world.application().closed(), []);
    world.advance(300);
    assert_eq!(world.application().closed(), [CloseReason::SlowReader]);
    assert!(world.engine.sessions().is_empty());
}

#[test]
fn a_post_whose_answers_pile_up_is_answered_when_its_peer_has_come_for_them() {
    let mut options = Options::default();
    options.soft_limit = 20_000;
    let world = World::with(Recorder::echo(), options);
    let target = polling(&world);
    let flood: Vec<String> = (0..100).map(numbered).collect();
    let post = world.post(&target, &flood.join("\u{1e}"));
    assert!(world.application().texts().len() < 30);
    let mut came = Vec::new();
    while came.len() < 100 {
        assert!(came.len() > 64 || post.status().is_none(), "{}", came.len());
        assert!(world.session().queued() < 25_000, "{}", world.session().queued());
        world.advance(9_000);
        let body = world.get(&target).body().expect("an answer");
        came.extend(body.split('\u{1e}').filter(|packet| *packet != "2").map(str::to_owned));
    }
    assert_eq!(came, flood);
    assert_eq!(post.body().as_deref(), Some("ok"));
    assert_eq!(world.application().closed(), []);
}

#[test]
fn a_peer_that_posts_and_never_comes_for_the_answers_is_closed() {
    let mut options = Options::default();
    options.soft_limit = 20_000;
    let world = World::with(Recorder::echo(), options);
    let target = polling(&world);
    let flood: Vec<String> = (0..100).map(numbered).collect();
    let post = world.post(&target, &flood.join("\u{1e}"));
    world.advance(9_900);
    assert_eq!(post.status(), None);
    world.advance(300);
    assert_eq!(post.status(), Some(400), "not all of it was received");
    assert_eq!(world.application().closed(), [CloseReason::SlowReader]);
    assert!(world.application().texts().len() < 30);
}

#[test]
fn an_idle_stream_carries_a_comment_every_15_s() {
    let world = World::new(Options::default());
    let stream = world.get(SSE);
    assert!(stream.take().starts_with("retry: 1000\nid: "));
    world.advance(14_900);
    assert_eq!(stream.take(), "");
    world.advance(200);
    assert_eq!(stream.take(), ":\n\n");
    world.send("a");
    assert!(stream.take().ends_with(".1\ndata: 4a\n\n"));
    world.advance(10_000);
    assert!(stream.take().ends_with(".1\ndata: 2\n\n"), "the ping after 25 s");
}

/// A stream, its session's id, and its number so far.
fn stream(world: &World) -> (support::world::Reply, String) {
    let stream = world.get(SSE);
    let sid = sid(&stream.take());
    (stream, sid)
}

fn reopen(world: &World, last: &str) -> support::world::Reply {
    let request =
        Request::get(SSE).header("last-event-id", last).body(http_body_util::Empty::<bytes::Bytes>::new());
    world.request(request.expect("a request"))
}

#[test]
fn a_stream_that_comes_back_goes_on_behind_the_last_event_it_saw() {
    let world = World::new(Options::default());
    let (first, sid) = stream(&world);
    ["a", "b", "c"].iter().for_each(|text| world.send(text));
    assert_eq!(first.take().matches("data: ").count(), 3);
    first.abort(&world);
    world.send("d");
    world.advance(14_000);
    let second = reopen(&world, &format!("{sid}.1"));
    assert_eq!(second.status(), Some(200));
    assert_eq!(second.take(), format!("retry: 1000\nid: {sid}.4\ndata: 4b\ndata: 4c\ndata: 4d\n\n"));
    assert_eq!(world.engine.counters().resumed(), 1);
    let third = world.get(&format!("{SSE}&sid={sid}&ack=3"));
    assert_eq!(third.take(), format!("retry: 1000\nid: {sid}.4\ndata: 4d\n\n"));
    assert!(second.has_ended(), "the newer stream wins");
    assert_eq!(world.application().closed(), []);
}

#[test]
fn a_session_whose_stream_does_not_come_back_closes_after_15_s() {
    let world = World::new(Options::default());
    let (first, sid) = stream(&world);
    first.abort(&world);
    world.advance(14_900);
    assert_eq!(world.application().closed(), []);
    world.advance(200);
    assert_eq!(world.application().closed(), [CloseReason::TransportClose]);
    assert_eq!(reopen(&world, &format!("{sid}.0")).status(), Some(204));
    assert_eq!(world.get(&format!("{SSE}&sid={sid}&ack=0")).status(), Some(400));
}

#[test]
fn a_stream_that_lost_more_than_is_kept_is_told_to_stop_and_its_session_closes() {
    let mut options = Options::default();
    options.resume_bytes = 100;
    let world = World::new(options);
    let (first, sid) = stream(&world);
    (0..20).for_each(|_| world.send("twenty bytes at least"));
    first.abort(&world);
    assert_eq!(reopen(&world, &format!("{sid}.3")).status(), Some(204));
    assert_eq!(world.application().closed(), [CloseReason::TransportClose]);
    for odd in ["", "nonsense", "AAAAAAAAAAAAAAAAAAAA.1", "a.b.c"] {
        assert_eq!(reopen(&world, odd).status(), Some(204), "{odd}");
    }
}

#[test]
fn a_stream_says_when_its_session_closes() {
    let world = World::new(Options::default());
    let (stream, sid) = stream(&world);
    world.send("last");
    world.engine.close(&world.session(), CloseReason::ForcedClose);
    world.simulation.run();
    let body = stream.body().expect("the end");
    assert!(body.ends_with("data: 1\n\n") && body.contains("data: 4last\n"), "{body}");
    assert_eq!(reopen(&world, &format!("{sid}.1")).status(), Some(204));
}

#[test]
fn polling_moves_to_a_stream_that_was_probed_by_posts() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let sid = &target[target.len() - 20..];
    let on_stream = format!("{SSE}&sid={sid}");
    let poll = world.get(&target);
    let stream = world.get(&on_stream);
    assert_eq!((stream.status(), stream.take().as_str()), (Some(200), ""));
    assert_eq!(world.post(&on_stream, "2probe").body().as_deref(), Some("ok"));
    assert!(stream.take().ends_with("data: 3probe\n\n"));
    world.advance(150);
    assert_eq!(poll.body().as_deref(), Some("6"));
    world.send("held");
    assert_eq!(world.post(&on_stream, "5\u{1e}4up").body().as_deref(), Some("ok"));
    assert_eq!(world.session().wire(), Wire::Sse);
    assert_eq!(world.application().texts(), ["up"]);
    assert!(stream.take().ends_with(&format!("id: {sid}.1\ndata: 4held\n\n")));
    assert_eq!(world.get(&target).status(), Some(400));
    assert_eq!(world.engine.counters().upgraded(), 1);
}

#[test]
fn a_probe_stream_that_ends_leaves_polling_as_it_was() {
    let world = World::new(Options::default());
    let target = polling(&world);
    let on_stream = format!("{SSE}&sid={}", &target[target.len() - 20..]);
    let stream = world.get(&on_stream);
    stream.abort(&world);
    assert_eq!(world.post(&on_stream, "2probe").status(), Some(400));
    world.send("polled");
    assert_eq!(world.get(&target).body().as_deref(), Some("4polled"));
    let second = world.get(&on_stream);
    world.post(&on_stream, "4before the probe");
    assert!(second.has_ended(), "what is no probe ends it");
    assert_eq!(world.application().events().len(), 1);
}

#[test]
fn a_stream_is_held_during_the_probe_of_a_websocket_and_nothing_is_lost() {
    let world = World::new(Options::default());
    let (stream, sid) = stream(&world);
    let mut socket = world.websocket(&format!("{TARGET}&sid={sid}"));
    world.send("before");
    socket.send(&world, "2probe");
    assert!(stream.take().ends_with("data: 6\n\n"), "one last noop");
    assert_eq!(socket.texts(&world), ["3probe"]);
    world.send("held");
    assert_eq!(stream.take(), "");
    socket.send(&world, "5");
    assert_eq!(socket.texts(&world), ["4held"]);
    assert!(stream.has_ended());
    assert_eq!(world.session().wire(), Wire::WebSocket);
}

#[test]
fn a_stream_goes_on_when_the_probe_of_a_websocket_dies() {
    let world = World::new(Options::default());
    let (stream, sid) = stream(&world);
    let mut socket = world.websocket(&format!("{TARGET}&sid={sid}"));
    socket.send(&world, "2probe");
    world.send("held");
    stream.take();
    drop(socket);
    world.simulation.run();
    assert!(stream.take().ends_with("data: 4held\n\n"));
}

#[test]
fn a_panic_of_the_application_closes_that_session_and_no_other() {
    let world = World::new(Options::default());
    let (mut victim, mut other) = (world.websocket(TARGET), world.websocket(TARGET));
    victim.send(&world, "4panic");
    world.simulation.run();
    assert_eq!(world.application().closed(), [CloseReason::TransportError]);
    other.send(&world, "4fine");
    assert_eq!(world.application().events().last(), Some(&Event::Text("fine".into())));
}

#[test]
fn a_foreign_peer_that_does_not_read_is_closed_and_its_task_ends() {
    let mut options = Options::default();
    options.soft_limit = 50_000;
    options.hard_limit = 100_000;
    let world = World::new(options);
    let mut socket = world.websocket(TARGET);
    let frame = || [sockeye_engine_proto::frame::Frame::text(&[b"4", &[b'x'; 10_000]])];
    let mut taken = 0;
    while world.engine.send(&world.session(), frame()).is_ok() {
        world.simulation.run();
        taken += 1;
        assert!(taken < 100, "it is bounded");
    }
    world.advance(200);
    assert_eq!(world.application().closed(), [CloseReason::SlowReader]);
    assert!(world.engine.sessions().is_empty());
    assert_eq!(socket.came(&world).last(), Some(&Came::End));
}

#[test]
fn what_a_foreign_peer_was_sent_arrives_before_the_close() {
    let world = World::new(Options::default());
    let mut socket = world.websocket(TARGET);
    let long = "x".repeat(200_000);
    world.send(&long);
    world.send("last");
    world.engine.close(&world.session(), CloseReason::ForcedClose);
    let mut came = Vec::new();
    while came.last() != Some(&Came::End) {
        came.extend(socket.came(&world));
        // The peer's own close, once it has ours.
        if came.last() == Some(&Came::Close(None)) {
            socket.frame(&world, sockeye_websocket::header::OpCode::Close, &[]);
        }
        assert!(came.len() < 10, "{came:?}");
    }
    assert_eq!(came[came.len() - 3..], [Came::Text("4last".into()), Came::Close(None), Came::End]);
    assert_eq!(came[1], Came::Text(format!("4{long}")));
}

#[test]
fn a_foreign_peer_that_never_answers_our_close_is_left_after_ten_seconds() {
    let world = World::new(Options::default());
    let mut socket = world.websocket(TARGET);
    world.engine.close(&world.session(), CloseReason::ForcedClose);
    world.simulation.run();
    assert_eq!(socket.came(&world)[1..], [Came::Close(None), Came::End]);
    let weak = std::sync::Arc::downgrade(&world.session());
    world.application().forget_sessions();
    world.advance(9_900);
    assert!(weak.upgrade().is_some(), "its task waits");
    world.advance(200);
    assert!(weak.upgrade().is_none(), "nobody holds the session any more");
}
