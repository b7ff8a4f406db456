//! Limits of the whole server, each with what the peer gets, what is counted, and that nobody else is disturbed.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use sockeye_engine::peer::PeerAddr;
use sockeye_engine_proto::rate::Rate;
use sockeye_server::handler::args::{Args, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::reason::DisconnectReason;
use sockeye_server::server::Builder;
use sockeye_server::socket::Socket;
use tower_service::Service;

use crate::compatibility::{away, get};
use crate::world::{Notes, World};

fn world(build: impl FnOnce(Builder) -> Builder) -> World {
    let world = World::with(build);
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| Reply(args));
        socket.on("join", async |socket: Socket, rooms: Vec<String>| socket.join(rooms));
        socket.on_disconnect(async |State(notes): State<Notes>, reason: DisconnectReason| {
            notes.note(reason.as_str());
        });
    });
    world
}

/// The status of a handshake from that address, and whether it asks for patience.
fn handshake(world: &World, address: Option<&str>) -> (StatusCode, bool) {
    let mut request = Request::get("/socket.io/?EIO=4&transport=polling")
        .body(Full::<bytes::Bytes>::default())
        .expect("a request");
    if let Some(address) = address {
        let address: SocketAddr = address.parse().expect("an address");
        request.extensions_mut().insert(PeerAddr(address));
    }
    let mut service = world.server.service();
    let (told, answered) = std::sync::mpsc::channel();
    world.simulation.runtime().spawn(async move {
        let answer = service.call(request).await.expect("the service never fails");
        let patience = answer.headers().contains_key("retry-after");
        let status = answer.status();
        answer.into_body().collect().await.expect("no stream");
        told.send((status, patience)).expect("the test waits");
    });
    world.run();
    answered.try_recv().expect("it is answered at once")
}

const TOO_MANY: (StatusCode, bool) = (StatusCode::TOO_MANY_REQUESTS, true);
const BUSY: (StatusCode, bool) = (StatusCode::SERVICE_UNAVAILABLE, true);
const FINE: (StatusCode, bool) = (StatusCode::OK, false);

fn busy(world: &World, what: &str) -> u64 {
    let counters = world.server.counters();
    counters.busy.iter().find(|(name, _)| *name == what).expect("it is counted").1
}

#[test]
fn a_peer_that_says_too_much_is_closed_for_it_and_told_apart_before() {
    let mut rate = Rate::default();
    rate.messages = 100;
    rate.burst = Duration::from_secs(1);
    let world = world(|builder| builder.engine(|options| options.rate = Some(rate)));
    let (canary, _) = world.join();
    let (peer, _) = world.join();
    peer.take();
    for _ in 0..3 {
        world.advance(2_000);
        peer.send(&[r#"2["echo"]"#; 40]);
        assert_eq!(world.server.counters().loud, 0);
    }
    world.advance(2_000);
    peer.send(&[r#"2["echo"]"#; 60]);
    assert!(!peer.is_closed());
    assert_eq!(world.server.counters().loud, 1);
    peer.send(&[r#"2["echo"]"#; 60]);
    assert!(peer.is_closed());
    assert_eq!(world.notes.take(), ["rate limit"]);
    canary.take();
    canary.send(&[r#"20["echo",1]"#]);
    assert_eq!(canary.take(), ["30[1]"]);
    assert!(world.server.counters().closed.contains(&("rate limit", 1)));
}

#[test]
fn a_body_has_so_many_packets_and_no_more() {
    let world = world(|builder| builder.engine(|options| options.max_body_packets = 10));
    let (peer, _) = world.join();
    peer.take();
    peer.send(&[r#"2["echo"]"#; 10]);
    assert!(!peer.is_closed());
    peer.send(&[r#"2["echo"]"#; 11]);
    assert!(peer.is_closed());
    assert_eq!(world.notes.take(), ["rate limit"]);
}

#[test]
fn one_session_too_many_is_refused_with_patience_until_another_has_gone() {
    let world = world(|builder| builder.engine(|options| options.max_sessions = 2));
    let (peer, _) = world.join();
    let (_other, _) = world.join();
    assert_eq!(handshake(&world, None), BUSY);
    assert_eq!(busy(&world, "TOO_MANY_SESSIONS"), 1);
    peer.send(&["1"]);
    peer.post_raw("1".to_owned());
    world.run();
    assert_eq!(handshake(&world, None), FINE);
}

#[test]
fn an_address_has_so_many_sessions_and_handshakes_and_no_more() {
    let world = world(|builder| {
        builder.engine(|options| {
            options.sessions_per_address = 3;
            options.handshakes_per_address = Some(2);
        })
    });
    for _ in 0..3 {
        assert_eq!(handshake(&world, Some("203.0.113.7:1")), FINE);
    }
    assert_eq!(handshake(&world, Some("203.0.113.7:2")), TOO_MANY);
    assert_eq!(busy(&world, "TOO_MANY_SESSIONS_OF_ADDRESS"), 1);
    assert_eq!(handshake(&world, Some("203.0.113.8:2")), FINE);
    // None of them ever says anything, so they go.
    world.advance(120_000);
    assert_eq!(world.server.counters().sessions, 0);
    for _ in 0..3 {
        assert_eq!(handshake(&world, Some("203.0.113.7:1")), FINE);
    }
    let mut fine = 0;
    for host in 9..40 {
        fine += u32::from(handshake(&world, Some(&format!("203.0.113.9:{host}"))) == FINE);
    }
    assert_eq!((fine, busy(&world, "TOO_MANY_SESSIONS_OF_ADDRESS")), (3, 1 + 28));
    let rare = World::with(|builder| builder.engine(|options| options.handshakes_per_address = Some(2)));
    let fine = (0..30).filter(|_| handshake(&rare, Some("203.0.113.7:1")) == FINE).count();
    assert_eq!((fine, busy(&rare, "TOO_MANY_HANDSHAKES_OF_ADDRESS")), (10, 20), "a burst of five seconds");
    let slow = World::with(|builder| builder.engine(|options| options.handshakes_per_second = Some(1)));
    let fine = (0..30).filter(|_| handshake(&slow, None) == FINE).count();
    assert_eq!((fine, busy(&slow, "TOO_MANY_HANDSHAKES")), (5, 25));
}

#[test]
fn connections_that_join_nothing_are_bounded_and_those_that_join_are_not_counted() {
    let world = world(|builder| builder.unjoined_connections(2));
    for _ in 0..5 {
        world.join();
    }
    assert_eq!(world.server.counters().unjoined, 0);
    let idle = [world.open(), world.open()];
    assert_eq!(handshake(&world, None), BUSY);
    assert_eq!((busy(&world, "APPLICATION_BUSY"), world.server.counters().unjoined), (1, 2));
    idle[0].connect("/");
    assert_eq!(handshake(&world, None), FINE);
    world.advance(120_000);
    assert_eq!(world.server.counters().unjoined, 0, "those that never joined are gone");
}

#[test]
fn a_socket_is_in_so_many_rooms_and_no_more() {
    let world = world(|builder| builder.rooms_per_socket(3));
    let (peer, _) = world.join();
    peer.send(&[r#"2["join",["a","b","a","c","d"]]"#, r#"2["join",["c"]]"#]);
    let rooms = world.server.of("/").rooms();
    assert_eq!(rooms.len(), 3, "{rooms:?}");
    assert_eq!(world.server.counters().rooms_refused, 1);
    assert!(!peer.is_closed());
}

#[test]
fn when_the_process_holds_too_much_those_that_hold_most_close_first() {
    let world = world(|builder| {
        builder.engine(|options| {
            options.memory_budget = 2_000_000;
            options.stall_timeout = Duration::from_secs(600);
        })
    });
    let sockets: Vec<Socket> = (0..4).map(|_| away(&world).1).collect();
    let fill = |socket: &Socket, times| {
        (0..times).for_each(|_| assert_eq!(socket.emit("x", "x".repeat(100_000)).result(), Ok(())));
    };
    for (socket, times) in sockets.iter().zip([9, 3, 6, 1]) {
        fill(socket, times);
    }
    world.advance(1_100);
    assert!((1_900_000..2_000_000).contains(&world.server.counters().held));
    assert!(world.notes.take().is_empty());
    fill(&sockets[3], 1);
    world.advance(1_100);
    assert_eq!(world.notes.take(), ["memory budget"]);
    let left: Vec<bool> = sockets.iter().map(Socket::is_connected).collect();
    assert_eq!(left, [false, true, true, true], "the largest alone");
    world.advance(1_100);
    assert!((1_100_000..1_200_000).contains(&world.server.counters().held));
}

#[test]
fn a_server_that_drains_lets_its_sessions_go_one_after_another_and_takes_no_new_ones() {
    let world = world(|builder| builder);
    let peers: Vec<_> = (0..200).map(|_| world.join().0).collect();
    let (target, away) = away(&world);
    away.emit("last", 1);
    let (server, notes) = (world.server.clone(), world.notes.clone());
    world.simulation.runtime().spawn(async move {
        server.drain(Duration::from_secs(1)).await;
        notes.note("drained");
    });
    world.run();
    assert!(world.server.is_draining());
    assert_eq!(handshake(&world, None), BUSY);
    assert_eq!(busy(&world, "DRAINING"), 1);
    let closed = || peers.iter().filter(|peer| peer.is_closed()).count();
    assert!((50..100).contains(&closed()), "{}", closed());
    world.advance(50);
    assert!((100..150).contains(&closed()), "{}", closed());
    world.advance(200);
    assert_eq!(closed(), 200);
    let notes = world.notes.take();
    assert!(notes.len() == 201 && notes.iter().all(|note| note == "server shutting down"), "{notes:?}");
    assert_eq!(get(&world, &target), r#"42["last",1]"#, "what waited");
    assert_eq!(get(&world, &target), "6\u{1e}1", "and the end");
    world.advance(100);
    assert_eq!(world.notes.take(), ["drained"], "before its time is over, since all have heard");
}

#[test]
fn a_drain_ends_in_time_though_a_peer_never_comes_for_its_end() {
    let world = world(|builder| builder);
    let (_target, socket) = away(&world);
    socket.emit("last", 1);
    let (server, notes) = (world.server.clone(), world.notes.clone());
    world.simulation.runtime().spawn(async move {
        server.drain(Duration::from_secs(3)).await;
        notes.note("drained");
    });
    world.advance(2_900);
    assert_eq!(world.notes.take(), ["server shutting down"]);
    world.advance(200);
    assert_eq!(world.notes.take(), ["drained"]);
}
