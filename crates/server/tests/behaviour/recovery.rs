//! A peer that was cut comes back as the socket that it was.

use std::time::Duration;

use serde_json::{Value, json};
use sockeye_server::error::{EmitError, Refusal};
use sockeye_server::handler::args::State;
use sockeye_server::recovery::Recovery;
use sockeye_server::runtime::Runtime;
use sockeye_server::server::Builder;
use sockeye_server::socket::Socket;

use crate::world::{Notes, Peer, World, sleep};

fn recovering(builder: Builder) -> Builder {
    builder.connection_state_recovery(Recovery::default())
}

fn with(change: impl Fn(&mut Recovery)) -> impl Fn(Builder) -> Builder {
    move |builder| {
        let mut recovery = Recovery::default();
        change(&mut recovery);
        builder.connection_state_recovery(recovery)
    }
}

/// A server whose sockets are in `room`, keep a number, and say whether they are recovered.
fn world(build: impl Fn(Builder) -> Builder) -> World {
    let world = World::with(build);
    let notes = world.notes.clone();
    world.server.on_unrecovered(move |namespace, cause| notes.note(format!("{namespace} {cause}")));
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        let kept = socket.data::<u32>();
        notes.note(format!("recovered {} {:?} {:?}", socket.recovered(), socket.rooms(), kept));
        if !socket.recovered() {
            socket.join("room");
            socket.set_data(7u32);
        }
    });
    world
}

/// What a client remembers.
#[derive(Clone, Debug, Default)]
struct Memory {
    sid: String,
    pid: String,
    offset: Option<String>,
    heard: Vec<Value>,
    connected: bool,
    /// Events that came before CONNECT wait for it, also over a cut.
    early: Vec<(usize, String)>,
}

impl Memory {
    /// Reads what came, as the official client does.
    fn read(&mut self, packets: Vec<String>) {
        for packet in packets {
            if let Some(connect) = packet.strip_prefix('0') {
                let connect: Value = serde_json::from_str(connect).expect("json");
                self.sid = connect["sid"].as_str().expect("a sid").to_owned();
                self.pid = connect["pid"].as_str().expect("a pid").to_owned();
                self.connected = true;
                let early = std::mem::take(&mut self.early);
                early.into_iter().for_each(|(id, event)| self.hear(id, &event));
            } else if let Some(event) = packet.strip_prefix('2') {
                let id = event.len() - event.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
                match self.connected {
                    true => self.hear(id, &event[id..]),
                    false => self.early.push((id, event[id..].to_owned())),
                }
            }
        }
    }

    fn hear(&mut self, id: usize, event: &str) {
        let mut event: Vec<Value> = serde_json::from_str(event).expect("json");
        if let (0, Some(Value::String(offset))) = (id, event.last()) {
            self.offset = Some(offset.clone());
            event.pop();
        }
        self.heard.push(Value::Array(event));
    }

    fn auth(&self) -> String {
        match &self.offset {
            Some(offset) => format!("0{}", json!({ "pid": self.pid, "offset": offset })),
            None => format!("0{}", json!({ "pid": self.pid })),
        }
    }

    fn take_heard(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.heard)
    }
}

fn join(world: &World) -> (Peer<'_>, Memory) {
    let (peer, mut memory) = (world.open(), Memory::default());
    peer.send(&["0"]);
    memory.read(peer.take());
    (peer, memory)
}

fn cut(peer: &Peer<'_>) {
    peer.post_raw("1".to_owned());
    assert!(peer.is_closed());
}

/// Comes back; whether it is recovered.
fn come_back<'w>(world: &'w World, memory: &mut Memory) -> (Peer<'w>, bool) {
    let peer = world.open();
    let before = memory.clone();
    memory.connected = false;
    peer.send(&[&memory.auth()]);
    memory.read(peer.take());
    assert_eq!(memory.pid == before.pid, memory.sid == before.sid);
    let recovered = memory.pid == before.pid;
    (peer, recovered)
}

#[test]
fn a_peer_that_comes_back_has_its_id_rooms_data_and_what_it_missed() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    world.server.emit("all", 1);
    world.server.to("room").emit("room", "text");
    memory.read(peer.take());
    assert_eq!(memory.take_heard(), [json!(["all", 1]), json!(["room", "text"])]);
    cut(&peer);
    world.server.emit("all", 2);
    world.server.to("room").emit("room", ());
    world.server.to("other").emit("no", ());
    world.server.except("room").emit("no", ());
    world.server.volatile().emit("no", ());
    world.server.to(memory.sid.as_str()).emit("mine", ());
    world.notes.take();
    let (peer, recovered) = come_back(&world, &mut memory);
    assert!(recovered);
    assert_eq!(memory.take_heard(), [json!(["all", 2]), json!(["room"]), json!(["mine"])]);
    assert_eq!(world.notes.take(), [r#"recovered true ["room"] Some(7)"#]);
    world.server.to("room").emit("room", 3);
    memory.read(peer.take());
    assert_eq!(memory.take_heard(), [json!(["room", 3])]);
    assert_eq!((world.server.counters().recovered, world.server.of("/").len()), (1, 1));
}

#[test]
fn who_is_cut_while_it_gets_what_it_missed_hears_nothing_twice() {
    for read in 0..5 {
        let world = world(recovering);
        let (peer, mut memory) = join(&world);
        cut(&peer);
        (0..3).for_each(|n| drop(world.server.emit("missed", n)));
        let back = world.open();
        memory.connected = false;
        back.send(&[&memory.auth()]);
        memory.read(back.take().into_iter().take(read).collect());
        cut(&back);
        assert!(come_back(&world, &mut memory).1);
        let all = [json!(["missed", 0]), json!(["missed", 1]), json!(["missed", 2])];
        assert_eq!(memory.take_heard(), all, "{read} packets were read");
    }
}

#[test]
fn who_left_and_joined_anew_gets_nothing_from_before() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    world.server.emit("heard", ());
    memory.read(peer.take());
    peer.send(&["1"]);
    world.server.emit("while it was nobody", ());
    memory.take_heard();
    // The official client names the offset of the socket that it was.
    let (peer, recovered) = come_back(&world, &mut memory);
    assert!(!recovered);
    cut(&peer);
    world.server.emit("missed", ());
    assert!(come_back(&world, &mut memory).1);
    assert_eq!(memory.take_heard(), [json!(["missed"])]);
}

#[test]
fn who_has_heard_nothing_is_a_new_socket_where_that_is_asked_for() {
    let world = world(with(|recovery| recovery.before_first_event = false));
    let (peer, mut memory) = join(&world);
    cut(&peer);
    assert!(!come_back(&world, &mut memory).1);
    let (peer, mut memory) = join(&world);
    world.server.emit("one", ());
    memory.read(peer.take());
    cut(&peer);
    assert!(come_back(&world, &mut memory).1);
}

#[test]
fn what_a_middleware_emits_to_who_comes_back_stands_behind_what_it_missed() {
    let world = world(with(|recovery| recovery.skip_middlewares = false));
    world.server.with(async |socket: Socket| {
        socket.emit("from a middleware", socket.recovered());
        Ok(())
    });
    let (peer, mut memory) = join(&world);
    cut(&peer);
    world.server.emit("missed", ());
    memory.take_heard();
    assert!(come_back(&world, &mut memory).1);
    assert_eq!(memory.take_heard(), [json!(["missed"]), json!(["from a middleware", true])]);
}

#[test]
fn who_is_cut_while_its_middlewares_are_asked_may_come_back_again() {
    let world = world(with(|recovery| recovery.skip_middlewares = false));
    world.server.with(async |State(runtime): State<Runtime>| {
        sleep(&runtime, 1_000).await;
        Ok(())
    });
    let (peer, mut memory) = (world.open(), Memory::default());
    peer.send(&["0"]);
    world.advance(1_000);
    memory.read(peer.take());
    cut(&peer);
    world.server.emit("missed", 1);
    let back = world.open();
    memory.connected = false;
    back.send(&[&memory.auth()]);
    cut(&back);
    world.server.emit("missed", 2);
    world.advance(1_000);
    let back = world.open();
    back.send(&[&memory.auth()]);
    world.advance(1_000);
    let before = memory.sid.clone();
    memory.read(back.take());
    assert_eq!(memory.sid, before);
    assert_eq!(memory.take_heard(), [json!(["missed", 1]), json!(["missed", 2])]);
}

#[test]
fn events_that_ask_for_an_ack_have_no_number_and_are_never_sent_again() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    world.server.emit("numbered", ());
    memory.read(peer.take());
    let before = memory.offset.clone();
    let (namespace, notes) = (world.server.of("/"), world.notes.clone());
    world.notes.take();
    world.simulation.runtime().spawn(async move {
        let replies = namespace.emit_with_ack::<u8>("asked", 5).await.expect("it goes out");
        notes.note(format!("{:?}", replies.into_iter().map(|(_, reply)| reply).collect::<Vec<_>>()));
    });
    let packets = peer.take();
    assert_eq!(packets, [r#"20["asked",5]"#]);
    memory.read(packets);
    assert_eq!(memory.offset, before);
    cut(&peer);
    assert_eq!(world.notes.take(), ["[Err(Disconnected)]"]);
    memory.take_heard();
    assert!(come_back(&world, &mut memory).1);
    assert!(memory.take_heard().is_empty());
}

#[test]
fn a_volatile_event_carries_the_number_of_the_last_that_is_kept() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    world.server.emit("kept", ());
    memory.read(peer.take());
    let kept = memory.offset.clone();
    world.server.volatile().emit("tick", "text");
    memory.read(peer.take());
    assert_eq!(memory.offset, kept, "a client that takes the last argument for an offset is right");
    assert_eq!(memory.take_heard(), [json!(["kept"]), json!(["tick", "text"])]);
    cut(&peer);
    world.server.emit("missed", ());
    assert!(come_back(&world, &mut memory).1);
    assert_eq!(memory.take_heard(), [json!(["missed"])]);
}

#[test]
fn a_peer_that_has_heard_nothing_yet_is_recovered_too() {
    let world = world(recovering);
    world.server.emit("before", ());
    let (peer, mut memory) = join(&world);
    cut(&peer);
    world.server.to("room").emit("missed", ());
    assert_eq!(memory.offset, None);
    assert!(come_back(&world, &mut memory).1);
    assert_eq!(memory.take_heard(), [json!(["missed"])]);
}

#[test]
fn a_state_is_given_once_and_may_be_asked_for_again_after_the_next_cut() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    cut(&peer);
    let mut thief = memory.clone();
    let (mut peer, recovered) = come_back(&world, &mut memory);
    assert!(recovered);
    for n in 0..5 {
        cut(&peer);
        world.server.emit("missed", n);
        let (back, recovered) = come_back(&world, &mut memory);
        assert!(recovered);
        assert_eq!(memory.take_heard(), [json!(["missed", n])]);
        peer = back;
    }
    peer.send(&["1"]);
    world.notes.take();
    assert!(!come_back(&world, &mut thief).1, "who left is not recovered");
    assert_eq!(world.notes.take()[0], "/ unknown");
}

#[test]
fn who_comes_back_before_its_old_connection_is_known_to_be_gone_takes_over() {
    let world = world(recovering);
    let (old, mut memory) = join(&world);
    world.server.emit("one", ());
    memory.read(old.take());
    let (new, recovered) = come_back(&world, &mut memory);
    assert!(recovered && old.is_closed() && !new.is_closed());
    assert_eq!(world.server.of("/").len(), 1);
    let reasons = world.server.counters().closed;
    assert!(reasons.contains(&("transport close", 1)), "{reasons:?}");
    let (newer, recovered) = come_back(&world, &mut memory);
    assert!(recovered && new.is_closed() && !newer.is_closed());
}

#[test]
fn what_cannot_be_recovered_says_why_and_is_a_new_socket() {
    let world = world(with(|recovery| recovery.log_bytes = 5_000));
    let (peer, mut memory) = join(&world);
    world.server.emit("one", ());
    memory.read(peer.take());
    cut(&peer);
    let kept = memory.clone();
    // Forged, foreign, of another type.
    for auth in [
        json!({ "pid": "AAAAAAAAAAAAAAAAAAAA", "offset": kept.offset }),
        json!({ "pid": kept.sid, "offset": kept.offset }),
        json!({ "pid": "short" }),
        json!({ "pid": 5 }),
    ] {
        let peer = world.open();
        world.notes.take();
        peer.send(&[&format!("0{auth}")]);
        assert_eq!(world.notes.take(), ["/ unknown", "recovered false [] None"], "{auth}");
        assert!(!peer.is_closed());
    }
    for offset in [json!("text"), json!(7), json!("zzzz1")] {
        let (peer, memory) = join(&world);
        cut(&peer);
        world.notes.take();
        let back = world.open();
        back.send(&[&format!("0{}", json!({ "pid": memory.pid, "offset": offset }))]);
        assert_eq!(world.notes.take()[0], "/ unknown", "{offset}");
    }
    for n in 0..100 {
        world.server.emit("much", n);
    }
    world.notes.take();
    assert!(!come_back(&world, &mut memory).1);
    assert_eq!(world.notes.take(), ["/ log too short", "recovered false [] None"]);
    let unrecovered = world.server.counters().unrecovered;
    assert_eq!(unrecovered, [("expired", 0), ("log too short", 1), ("unknown", 7)]);
}

#[test]
fn who_comes_back_too_late_is_told_apart_from_a_stranger() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    cut(&peer);
    world.advance(119_000);
    let mut early = memory.clone();
    let (peer, recovered) = come_back(&world, &mut early);
    assert!(recovered);
    cut(&peer);
    world.notes.take();
    world.advance(121_000);
    assert!(!come_back(&world, &mut memory).1);
    assert_eq!(world.notes.take()[0], "/ expired");
}

#[test]
fn a_quiet_peer_is_recovered_although_the_log_has_forgotten_what_it_heard_last() {
    let world = world(recovering);
    let (peer, mut memory) = join(&world);
    world.server.emit("long ago", ());
    memory.read(peer.take());
    world.advance(600_000);
    world.server.to("other").emit("for others", ());
    world.advance(60_000);
    cut(&peer);
    world.server.emit("missed", ());
    memory.take_heard();
    assert!(come_back(&world, &mut memory).1, "pings that it answered tell what has reached it");
    assert_eq!(memory.take_heard(), [json!(["missed"])]);
}

#[test]
fn middlewares_are_skipped_or_asked_as_the_server_was_told() {
    for skip in [true, false] {
        let world = world(with(|recovery| recovery.skip_middlewares = skip));
        let banned = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let is_banned = banned.clone();
        world.server.with(
            move |socket: Socket, State(runtime): State<Runtime>, State(notes): State<Notes>| {
                let is_banned = is_banned.clone();
                async move {
                    sleep(&runtime, 10).await;
                    notes.note(format!("asked, with {:?}", socket.data::<u32>()));
                    if is_banned.load(std::sync::atomic::Ordering::Relaxed) {
                        return Err(Refusal::new("banned"));
                    }
                    Ok(())
                }
            },
        );
        let (peer, mut memory) = (world.open(), Memory::default());
        peer.send(&["0"]);
        world.advance(10);
        memory.read(peer.take());
        cut(&peer);
        banned.store(true, std::sync::atomic::Ordering::Relaxed);
        world.notes.take();
        let back = world.open();
        back.send(&[&memory.auth()]);
        world.advance(10);
        let packets = back.take();
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].starts_with("0{"), skip);
        if !skip {
            assert_eq!(packets[0], r#"4{"message":"banned"}"#);
            assert_eq!(world.notes.take(), ["asked, with Some(7)"]);
            banned.store(false, std::sync::atomic::Ordering::Relaxed);
            back.send(&[&memory.auth()]);
            world.advance(10);
            assert!(back.take()[0].starts_with("0{"), "its state is used up, and it is a new socket");
        }
    }
}

#[test]
fn what_is_emitted_to_a_socket_that_is_away_waits_for_it() {
    let world = world(recovering);
    let kept: std::sync::Arc<parking_lot::Mutex<Option<Socket>>> = std::sync::Arc::default();
    let keep = kept.clone();
    world.server.on_connect(move |socket: Socket| {
        keep.lock().get_or_insert(socket);
        async {}
    });
    let (peer, mut memory) = join(&world);
    let socket = kept.lock().clone().expect("it was kept");
    cut(&peer);
    assert_eq!(socket.emit("direct", 1).result(), Ok(()));
    assert_eq!(socket.volatile().emit("direct", 2).result(), Err(EmitError::Disconnected));
    assert!(come_back(&world, &mut memory).1);
    assert_eq!(memory.take_heard(), [json!(["direct", 1])]);
    assert_eq!(socket.emit("old handle", ()).result(), Err(EmitError::Disconnected));
}

#[test]
fn binary_events_are_kept_with_their_attachments() {
    let world = world(recovering);
    let (peer, memory) = join(&world);
    cut(&peer);
    world.server.emit("bytes", (sockeye_server::binary::Binary(b"abc".into()), 1));
    let back = world.open();
    back.send(&[&memory.auth()]);
    let packets = back.take();
    assert!(packets[1].starts_with(r#"51-["bytes",{"_placeholder":true,"num":0},1,""#), "{packets:?}");
    assert_eq!(packets[2], "bYWJj");
}

#[test]
fn a_thousand_events_a_second_for_three_minutes_are_bounded_and_then_refused() {
    let world = world(with(|recovery| recovery.log_bytes = 1_000_000));
    let (peer, mut memory) = join(&world);
    cut(&peer);
    for _ in 0..180 {
        for n in 0..1000 {
            world.server.emit("event", ("some text of an ordinary length", n));
        }
        world.advance(500);
    }
    world.notes.take();
    assert!(!come_back(&world, &mut memory).1);
    assert_eq!(world.notes.take()[0], "/ log too short");
}

#[test]
fn nothing_is_left_of_peers_that_do_not_come_back() {
    let world = World::with(|builder| {
        let recovery = Recovery::default();
        builder.connection_state_recovery(recovery).cleanup_empty_child_namespaces(true)
    });
    world.server.of(|_: &str| true).on_connect(async |socket: Socket| {
        socket.set_data(std::sync::Arc::new(()));
        socket.emit("hello", ());
    });
    for n in 0..50 {
        let peer = world.open();
        peer.send(&[&format!("0/child-{n},")]);
        cut(&peer);
    }
    assert_eq!(world.server.namespaces().len(), 51, "somebody may come back to them");
    world.advance(600_000);
    assert_eq!(world.server.namespaces().len(), 1);
}

#[test]
fn a_log_holds_for_a_peer_that_is_cut_again_and_again_under_a_stream_of_events() {
    let world = world(recovering);
    let (mut peer, mut memory) = join(&world);
    let mut next = 0;
    for round in 0..200 {
        for _ in 0..round % 7 {
            world.server.to("room").emit("n", next);
            next += 1;
        }
        // Half of the time it has not read what came before it is cut.
        let packets = peer.take();
        if round % 2 == 0 {
            memory.read(packets);
        }
        if round % 3 == 0 {
            world.advance(26_000);
        }
        cut(&peer);
        world.server.to("room").emit("n", next);
        next += 1;
        let (back, recovered) = come_back(&world, &mut memory);
        assert!(recovered, "round {round}");
        peer = back;
    }
    memory.read(peer.take());
    let heard: Vec<Value> = memory.take_heard().iter().map(|event| event[1].clone()).collect();
    let expected: Vec<Value> = (0..next).map(Value::from).collect();
    assert_eq!(heard, expected);
}

#[test]
fn without_the_option_nothing_is_added() {
    let world = World::new();
    let (peer, _) = world.join();
    world.server.emit("a", 1);
    assert_eq!(peer.take(), [r#"2["a",1]"#]);
    assert_eq!(Duration::from_secs(120), Recovery::default().max_disconnection_duration);
}

#[test]
fn peers_of_protocol_3_take_no_place_of_those_that_can_come_back() {
    let world = world(|builder| with(|recovery| recovery.sessions = 1)(builder.allow_eio3(true)));
    let (peer, mut memory) = join(&world);
    world.server.emit("first", ());
    memory.read(peer.take());
    cut(&peer);
    let old = world.open_at("/socket.io/?EIO=3&transport=polling&b64=1");
    old.post_raw("1:1".to_owned());
    assert!(old.is_closed());
    let (_peer, recovered) = come_back(&world, &mut memory);
    assert!(recovered);
}
