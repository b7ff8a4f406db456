//! What `COMPATIBILITY.md` says of the server, where no other test shows it.

use std::sync::Arc;
use std::time::Duration;

use http::request::Builder;
use http::response::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use sockeye_server::binary::Binary;
use sockeye_server::handler::args::State;
use sockeye_server::socket::Socket;
use tower_service::Service;

use crate::world::{Notes, World};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// One request of a peer that has no other under way; the answer, and what is in it.
fn ask(world: &World, request: Builder, body: &str) -> (Parts, bytes::Bytes) {
    let request = request.body(Full::<bytes::Bytes>::from(body.to_owned())).expect("a request");
    let (mut service, came) = (world.server.service(), Arc::new(Mutex::new(None)));
    let comes = came.clone();
    world.simulation.runtime().spawn(async move {
        let (parts, body) = service.call(request).await.expect("the service never fails").into_parts();
        let body = body.collect().await.expect("it has an end").to_bytes();
        *comes.lock() = Some((parts, body));
    });
    world.run();
    came.lock().take().expect("it is answered at once")
}

pub(crate) fn get(world: &World, target: &str) -> String {
    String::from_utf8(ask(world, Request::get(target), "").1.to_vec()).expect("text")
}

/// A POST that may not be answered at once.
pub(crate) struct Posted(Arc<Mutex<bool>>);

impl Posted {
    pub(crate) fn is_answered(&self) -> bool {
        *self.0.lock()
    }
}

pub(crate) fn post(world: &World, target: &str, body: &str) -> Posted {
    let request = Request::post(target).body(Full::<bytes::Bytes>::from(body.to_owned())).expect("a request");
    let (mut service, answered) = (world.server.service(), Arc::new(Mutex::new(false)));
    let answers = answered.clone();
    world.simulation.runtime().spawn(async move {
        service.call(request).await.expect("the service never fails");
        *answers.lock() = true;
    });
    world.run();
    Posted(answered)
}

/// A session that has joined the default namespace and waits for nothing; where it is asked for, and its socket.
pub(crate) fn away(world: &World) -> (String, Socket) {
    let open = get(world, POLLING);
    let target =
        format!("{POLLING}&sid={}", &open.split_once("\"sid\":\"").expect("the open packet").1[..20]);
    ask(world, Request::post(&target), "40");
    let connect = get(world, &target);
    let id = connect.strip_prefix("40{\"sid\":\"").expect("CONNECT")[..20].parse().expect("an id");
    let socket = world.server.of("/").socket(&id).expect("it has joined");
    (target, socket)
}

#[test]
fn a_volatile_event_is_dropped_whole_where_no_poll_waits_for_it() {
    let world = World::new();
    let (waiting, _) = world.join();
    let (target, away) = away(&world);
    away.volatile().emit("alone", Binary(b"\x01\x02".into()));
    world.server.of("/").volatile().emit("all", Binary(b"\x01\x02".into()));
    assert_eq!(waiting.take(), [r#"51-["all",{"_placeholder":true,"num":0}]"#, "bAQI="]);
    away.emit("kept", ());
    assert_eq!(get(&world, &target), r#"42["kept"]"#, "neither event nor attachment");
}

#[test]
fn a_broadcast_that_says_no_timeout_waits_for_five_seconds_and_not_for_those_who_left() {
    let world = World::new();
    let ((one, _), (two, _)) = (world.join(), world.join());
    let ask = || {
        let (namespace, notes) = (world.server.of("/"), world.notes.clone());
        world.simulation.runtime().spawn(async move {
            let answers = namespace.emit_with_ack::<u8>("ask", ()).await.expect("it goes out");
            let mut missing: Vec<String> = answers.missing().map(|(_, error)| error.to_string()).collect();
            missing.sort_unstable();
            notes.note(format!("{:?} {missing:?}", answers.values().collect::<Vec<_>>()));
        });
        world.run();
    };
    ask();
    one.send(&["30[1]"]);
    world.advance(4_900);
    assert!(world.notes.take().is_empty());
    world.advance(200);
    assert_eq!(world.notes.take(), [r#"[1] ["operation has timed out"]"#]);
    ask();
    one.send(&["31[1]"]);
    two.send(&["1"]);
    assert_eq!(world.notes.take(), [r#"[1] ["socket has been disconnected"]"#], "at once");
}

#[test]
fn what_a_parent_emits_reaches_all_its_children_and_nobody_else() {
    let world = World::new();
    let teams = world.server.of(|name: &str| name.starts_with("/team-"));
    let peer = world.open();
    for name in ["/", "/team-1", "/team-2"] {
        peer.connect(name);
    }
    teams.emit("news", 1);
    let mut packets = peer.take();
    packets.sort_unstable();
    assert_eq!(packets, [r#"2/team-1,["news",1]"#, r#"2/team-2,["news",1]"#]);
}

#[test]
fn a_handler_replaces_the_one_that_was_there_for_its_event() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("a", async |State(notes): State<Notes>| notes.note("first"));
        socket.on("a", async |State(notes): State<Notes>| notes.note("second"));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["a"]"#]);
    assert_eq!(world.notes.take(), ["second"]);
}

#[test]
fn a_socket_leaves_all_its_rooms_and_keeps_its_own() {
    let world = World::new();
    let (peer, id) = world.join();
    let namespace = world.server.of("/");
    let socket = namespace.socket(&id.parse().expect("an id")).expect("it has joined");
    socket.join(["a", "b"]);
    socket.leave(socket.rooms());
    assert!(socket.rooms().is_empty() && namespace.rooms().is_empty());
    world.server.to(&*id).emit("still", ());
    assert_eq!(peer.take(), [r#"2["still"]"#]);
}

#[test]
fn the_server_has_its_own_path_and_its_own_patience() {
    let world = World::with(|builder| {
        builder.path("/elsewhere").ping_interval(Duration::from_secs(7)).ping_timeout(Duration::from_secs(3))
    });
    let open = get(&world, "/elsewhere/?EIO=4&transport=polling");
    assert!(open.contains(r#""pingInterval":7000,"pingTimeout":3000,"#), "{open}");
    assert_eq!(ask(&world, Request::get(POLLING), "").0.status, StatusCode::NOT_FOUND);
}

#[cfg(feature = "client-script")]
#[test]
fn the_client_is_served_unless_that_is_not_wanted() {
    for (serve, status) in [(true, StatusCode::OK), (false, StatusCode::BAD_REQUEST)] {
        let world = World::with(|builder| builder.serve_client(serve));
        assert_eq!(ask(&world, Request::head("/socket.io/socket.io.js"), "").0.status, status);
    }
}

#[test]
fn an_emit_that_is_awaited_waits_until_its_peer_has_taken_what_waits() {
    let world = World::with(|builder| builder.engine(|options| options.soft_limit = 2_000));
    let (target, socket) = away(&world);
    let notes = world.notes.clone();
    world.simulation.runtime().spawn(async move {
        for number in 0..3 {
            let sent = socket.emit("long", (number, "x".repeat(1_500))).await;
            notes.note(format!("{number} {sent:?}"));
        }
    });
    world.run();
    assert_eq!(world.notes.take(), ["0 Ok(())"]);
    world.advance(5_000);
    assert!(world.notes.take().is_empty(), "3,000 bytes wait");
    assert_eq!(get(&world, &target).matches("[\"long\",").count(), 2);
    assert_eq!(world.notes.take(), ["1 Ok(())", "2 Ok(())"]);
    assert_eq!(get(&world, &target).matches("[\"long\",").count(), 1);
}
