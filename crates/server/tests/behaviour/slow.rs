//! What becomes of events for a peer that reads slowly, by whose rule.

use sockeye_server::binary::Binary;
use sockeye_server::parser::msgpack::MessagePack;
use sockeye_server::recovery::Recovery;
use sockeye_server::server::Builder;
use sockeye_server::slow::WhenSlow;
use sockeye_server::socket::Socket;

use crate::world::{Peer, World};

const SOFT: usize = 1_000;

fn world(build: impl FnOnce(Builder) -> Builder) -> World {
    World::with(|builder| {
        build(builder.engine(|options| {
            options.soft_limit = SOFT;
            options.hard_limit = 20 * SOFT;
        }))
    })
}

/// A peer in the default namespace that reads nothing yet, and its socket.
fn deaf(world: &World) -> (Peer<'_>, Socket) {
    let before = world.server.of("/").sockets();
    let peer = world.open_deaf();
    peer.send(&["0"]);
    let socket = world.server.of("/").sockets().into_iter().find(|socket| !before.contains(socket));
    (peer, socket.expect("it has joined"))
}

/// The numbers of the events that come when it reads, with the first letter of their names.
fn heard(peer: &Peer<'_>) -> Vec<String> {
    peer.listen();
    let read = |packet: String| {
        let (_, event) = packet.split_once("[\"")?;
        let (name, rest) = event.split_once("\",")?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("{}{number}", &name[..1]))
    };
    peer.take().into_iter().filter_map(read).collect()
}

fn numbers(name: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{name}{number}")).collect()
}

fn dropped(world: &World, rule: WhenSlow) -> u64 {
    let counters = world.server.counters();
    counters.dropped.iter().find(|(name, _)| *name == rule.as_str()).expect("it is counted").1
}

#[test]
fn of_one_key_only_the_latest_waits_behind_what_was_emitted_before_it() {
    let world = world(|builder| builder);
    let (peer, socket) = deaf(&world);
    for number in 0..1_000 {
        socket.keep_latest("a").emit("state", (number, "x".repeat(100)));
        if number % 500 == 0 {
            socket.emit("event", number);
            socket.keep_latest("b").emit("state", number + 1);
            socket.keep_latest("a").emit("other", number + 2);
        }
    }
    assert_eq!(heard(&peer), ["e0", "e500", "s501", "o502", "s999"]);
    assert_eq!(dropped(&world, WhenSlow::KeepLatest), 999 + 2);
    assert_eq!(dropped(&world, WhenSlow::DropOldest), 0);
}

#[test]
fn a_peer_that_reads_as_fast_as_they_come_gets_every_one() {
    let world = world(|builder| builder);
    let (peer, _) = world.join();
    let socket = world.server.of("/").sockets().remove(0);
    for number in 0..100 {
        socket.keep_latest("a").emit("state", number);
        socket.when_slow(WhenSlow::DropOldest).emit("move", number);
        world.run();
    }
    assert_eq!(peer.take().len(), 200);
    assert_eq!(dropped(&world, WhenSlow::KeepLatest) + dropped(&world, WhenSlow::DropOldest), 0);
}

#[test]
fn a_room_whose_oldest_are_dropped_costs_a_slow_peer_its_oldest_and_nobody_else_anything() {
    let world = world(|builder| builder);
    world.server.on_connect(async |socket: Socket| socket.join("cursors"));
    world.server.of("/").set_when_slow("cursors", WhenSlow::DropOldest);
    let (canary, _) = world.join();
    let (peer, socket) = deaf(&world);
    canary.take();
    let padding = "x".repeat(80);
    for number in 0..5_000 {
        world.server.to("cursors").emit("move", (number, &padding));
        assert!(socket.conn().queued() <= SOFT);
        assert_eq!(canary.take().len(), 1, "{number}");
    }
    let came = heard(&peer);
    assert!((5..=10).contains(&came.len()), "{came:?}");
    assert_eq!(came, numbers("m", 5_000 - came.len()..5_000));
    assert_eq!(dropped(&world, WhenSlow::DropOldest), 5_000 - came.len() as u64);
    assert!(!peer.is_closed());
    let (peer, _) = deaf(&world);
    for number in 0..5_000 {
        world.server.to("cursors").when_slow(WhenSlow::Close).emit("move", (number, &padding));
        world.run();
    }
    world.advance(200);
    peer.listen();
    assert!(peer.is_closed(), "the emit's own word holds");
    assert!(world.server.counters().closed.contains(&("slow reader", 1)));
}

#[test]
fn a_sockets_rule_is_for_all_that_is_emitted_to_it_where_nothing_else_is_said() {
    let world = world(|builder| builder);
    world.server.of("/other");
    let (peer, socket) = deaf(&world);
    peer.send(&["0/other,"]);
    let other = world.server.of("/other").sockets().remove(0);
    socket.set_when_slow(WhenSlow::KeepLatest);
    for number in 0..10 {
        socket.emit("direct", number);
        world.server.emit("all", number);
        socket.keep_latest(number % 2).emit("parity", number);
        other.emit("other", number);
        world.server.of("/other").emit("all", number);
    }
    let came = heard(&peer);
    let of = |name: char| -> Vec<String> {
        came.iter().filter(|event| event.starts_with(name)).cloned().collect()
    };
    assert_eq!((of('d'), of('p')), (vec!["d9".to_owned()], vec!["p8".to_owned(), "p9".to_owned()]));
    assert_eq!(of('o'), numbers("o", 0..10));
    // Ten of the other namespace, and the last of this one.
    assert_eq!(of('a').len(), 11);
}

#[test]
fn a_socket_that_comes_back_says_so_anew() {
    let world = world(|builder| builder);
    let (peer, socket) = deaf(&world);
    socket.set_when_slow(WhenSlow::KeepLatest);
    peer.send(&["1", "0"]);
    socket.set_when_slow(WhenSlow::KeepLatest);
    let socket = world.server.of("/").sockets().remove(0);
    (0..3).for_each(|number| drop(socket.emit("event", number)));
    assert_eq!(heard(&peer), ["e0", "e1", "e2"]);
}

#[test]
fn an_emit_that_says_that_it_waits_is_not_replaced_by_what_comes_later() {
    let world = world(|builder| builder);
    let (peer, _) = world.join();
    peer.take();
    let socket = world.server.of("/").sockets().remove(0);
    socket.when_slow(WhenSlow::Close).emit("state", 1);
    socket.set_when_slow(WhenSlow::KeepLatest);
    (2..5).for_each(|number| drop(socket.emit("state", number)));
    assert_eq!(peer.take(), [r#"2["state",1]"#, r#"2["state",4]"#]);
}

#[test]
fn a_rule_that_is_taken_back_holds_no_longer() {
    let world = world(|builder| builder);
    let namespace = world.server.of("/");
    let (peer, socket) = deaf(&world);
    socket.join("states");
    namespace.set_when_slow(["states", "others"], WhenSlow::KeepLatest);
    (0..3).for_each(|number| drop(namespace.to("states").emit("room", number)));
    namespace.set_when_slow("states", WhenSlow::Close);
    (3..6).for_each(|number| drop(namespace.to("states").emit("room", number)));
    socket.set_when_slow(WhenSlow::KeepLatest);
    (0..3).for_each(|number| drop(socket.emit("socket", number)));
    socket.set_when_slow(WhenSlow::Close);
    (3..6).for_each(|number| drop(socket.emit("socket", number)));
    assert_eq!(heard(&peer), ["r2", "r3", "r4", "r5", "s2", "s3", "s4", "s5"]);
}

#[test]
fn what_asks_for_an_acknowledgement_and_what_has_attachments_is_never_dropped() {
    let world = world(|builder| builder);
    let (peer, socket) = deaf(&world);
    socket.set_when_slow(WhenSlow::DropOldest);
    let padding = "x".repeat(80);
    for number in 0..100u8 {
        socket.emit("plain", (number, &padding));
        if number % 10 == 0 {
            socket.emit("bytes", (number, Binary::from(vec![number; 3])));
            drop(socket.emit_with_ack::<u8>("question", number));
            drop(world.server.emit_with_ack::<u8>("questions", number));
        }
    }
    peer.listen();
    let came = peer.take();
    let with = |part: &str| came.iter().filter(|packet| packet.contains(part)).count();
    assert_eq!((with("[\"bytes\""), with("[\"question\""), with("[\"questions\"")), (10, 10, 10));
    assert!(with("[\"plain\"") < 10);
    let attachments = came.iter().filter(|packet| packet.starts_with('b')).count();
    assert_eq!(attachments, 10);
    for (at, packet) in came.iter().enumerate().filter(|(_, packet)| packet.contains("[\"bytes\"")) {
        assert!(came[at + 1].starts_with('b'), "{packet} is followed by its attachment");
    }
}

#[test]
fn it_is_the_same_where_connections_are_recovered_and_in_another_format() {
    let recovering = world(|builder| builder.connection_state_recovery(Recovery::default()));
    let (peer, socket) = deaf(&recovering);
    socket.set_when_slow(WhenSlow::KeepLatest);
    for number in 0..10 {
        socket.emit("direct", number);
        recovering.server.keep_latest("key").emit("all", number);
    }
    assert_eq!(heard(&peer), ["d9", "a9"]);

    let other = world(|builder| builder.parser(MessagePack));
    let peer = other.open_deaf();
    // CONNECT: { type: 0, nsp: "/" }
    peer.send(&["bgqR0eXBlAKNuc3ChLw=="]);
    let socket = other.server.of("/").sockets().remove(0);
    socket.set_when_slow(WhenSlow::KeepLatest);
    (0..10).for_each(|number| drop(socket.emit("direct", number)));
    peer.listen();
    let came = peer.take();
    assert_eq!(came.len(), 2, "CONNECT and the last event: {came:?}");
    assert_eq!(dropped(&other, WhenSlow::KeepLatest), 9);
}

#[test]
fn an_emit_that_waits_for_room_goes_on_when_others_were_dropped() {
    let world = world(|builder| builder);
    let (_peer, socket) = deaf(&world);
    for number in 0..9 {
        socket.when_slow(WhenSlow::DropOldest).emit("move", (number, "x".repeat(80)));
    }
    let (emitting, notes) = (socket.clone(), world.notes.clone());
    world.simulation.runtime().spawn(async move {
        emitting.emit("event", "y".repeat(300)).await.expect("it is connected");
        notes.note("room");
    });
    world.run();
    assert_eq!(world.notes.take(), [""; 0]);
    socket.when_slow(WhenSlow::DropOldest).emit("move", 9);
    world.advance(200);
    assert_eq!(world.notes.take(), ["room"]);
}
