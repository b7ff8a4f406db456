//! Joining, refusing, leaving.

use serde::Deserialize;
use sockeye_server::error::Refusal;
use sockeye_server::handler::args::{Auth, Data, State};
use sockeye_server::reason::DisconnectReason;
use sockeye_server::runtime::Runtime;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;
use sockeye_server::value::Value;

use crate::world::{Notes, World, sleep};

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// A server whose `/secret` wants a token, after a while.
fn world() -> World {
    let world = World::new();
    world.server.of("/admin");
    world.server.of("/secret").with(
        async |socket: Socket, State(runtime): State<Runtime>, Auth(auth): Auth<Token>| {
            sleep(&runtime, 100).await;
            if auth.token != "right" {
                let data = Value::Object(vec![("code".to_owned(), Value::from(42_u64))]);
                return Err(Refusal::new("not authorized").with_data(data));
            }
            socket.set_data(auth.token);
            socket.join("trusted");
            Ok(())
        },
    );
    world.server.of("/secret").on_connect(async |socket: Socket, Data(token): Data<String>| {
        socket.emit("rooms", (token, socket.rooms()));
    });
    world
}

#[test]
fn an_unknown_namespace_is_refused_and_the_connection_lives() {
    let world = world();
    let peer = world.open();
    peer.send(&["0/nope,", "0/admin?x=1,", "0/a\"b,"]);
    assert_eq!(
        peer.take(),
        [
            r#"4/nope,{"message":"Invalid namespace"}"#,
            r#"4/admin?x=1,{"message":"Invalid namespace"}"#,
            r#"4/a"b,{"message":"Invalid namespace"}"#,
        ]
    );
    peer.connect("/admin");
}

#[test]
fn a_middleware_refuses_with_message_and_data() {
    let world = world();
    let peer = world.open();
    peer.send(&[r#"0/secret,{"token":"wrong"}"#]);
    assert_eq!(peer.take(), [""; 0]);
    world.advance(100);
    assert_eq!(peer.take(), [r#"4/secret,{"message":"not authorized","data":{"code":42}}"#]);
    peer.send(&["0/secret,{}"]);
    assert_eq!(peer.take(), [r#"4/secret,{"message":"Invalid auth"}"#]);
    let refused = world.server.counters().refused;
    assert_eq!(refused[0], ("application", 2));
    assert_eq!(refused.iter().map(|(_, count)| count).sum::<u64>(), 2);
    assert!(world.server.of("/secret").is_empty());
}

#[test]
fn what_a_middleware_keeps_and_joins_is_there_when_the_peer_is_let_in() {
    let world = world();
    let peer = world.open();
    peer.send(&[r#"0/secret,{"token":"right"}"#]);
    assert_eq!(world.server.of("/secret").to("trusted").count(), 0, "not let in, not in a room");
    world.advance(100);
    let packets = peer.take();
    assert!(packets[0].starts_with(r#"0/secret,{"sid":"#), "{packets:?}");
    assert_eq!(packets[1..], [r#"2/secret,["rooms","right",["trusted"]]"#]);
    assert_eq!(world.server.of("/secret").to("trusted").count(), 1);
}

#[test]
fn middlewares_run_in_order_and_the_first_refusal_ends_it() {
    let world = World::new();
    let chat = world.server.of("/chat");
    chat.with(async |State(notes): State<Notes>| {
        notes.note("first");
        Ok(())
    });
    chat.with(async |State(notes): State<Notes>| {
        notes.note("second");
        Err(Refusal::silent())
    });
    chat.with(async |State(notes): State<Notes>| {
        notes.note("third");
        Ok(())
    });
    let peer = world.open();
    peer.send(&["0/chat,"]);
    assert_eq!(peer.take(), ["4/chat,{}"]);
    assert_eq!(world.notes.take(), ["first", "second"]);
}

#[test]
fn a_middleware_that_panics_refuses_and_tells_the_peer_nothing() {
    let world = World::new();
    world.server.with(async || -> Result<(), Refusal> { panic!("the secret is 42") });
    let peer = world.open();
    peer.send(&["0"]);
    assert_eq!(peer.take(), [r#"4{"message":"Internal error"}"#]);
    assert_eq!(world.server.counters().panics, 1);
}

#[test]
fn what_a_middleware_emits_reaches_the_peer_before_connect() {
    let world = World::new();
    world.server.with(async |socket: Socket| {
        socket.emit("early", ());
        Ok(())
    });
    let peer = world.open();
    peer.send(&["0"]);
    let packets = peer.take();
    assert_eq!(packets[0], r#"2["early"]"#);
    assert!(packets[1].starts_with("0{"));
}

#[test]
fn while_middlewares_run_any_other_packet_and_a_second_connect_close_the_connection() {
    for packet in [r#"2/secret,["x"]"#, r#"0/secret,{"token":"right"}"#, "1/secret,", "3/secret,0[]"] {
        let world = world();
        let peer = world.open();
        peer.send(&[r#"0/secret,{"token":"right"}"#]);
        peer.send(&[packet]);
        assert!(peer.is_closed(), "{packet}");
        world.advance(200);
        assert_eq!(world.server.counters().violations, 1);
        assert!(world.server.of("/secret").is_empty());
        assert_eq!(world.server.counters().sessions, 0);
    }
}

#[test]
fn a_connection_handler_that_wants_another_auth_refuses() {
    let world = World::new();
    world.server.on_connect(async |State(notes): State<Notes>, Auth(auth): Auth<Token>| {
        notes.note(auth.token);
    });
    let peer = world.open();
    peer.send(&["0", r#"0{"token":7}"#]);
    assert_eq!(peer.take(), [r#"4{"message":"Invalid auth"}"#; 2]);
    peer.send(&[r#"0{"token":"x"}"#]);
    assert!(peer.take()[0].starts_with("0{\"sid\""));
    assert_eq!(world.notes.take(), ["x"]);
}

#[test]
fn a_connection_without_a_namespace_closes_at_the_connect_timeout() {
    let world = World::new();
    let idle = world.open();
    let refused = world.open();
    refused.send(&["0/nope,"]);
    let (joined, _) = world.join_namespace_of("/admin");
    world.advance(44_900);
    assert!(!idle.is_closed() && !refused.is_closed());
    world.advance(200);
    assert!(idle.is_closed() && refused.is_closed());
    assert!(!joined.is_closed());
    joined.send(&["1/admin,"]);
    world.advance(200_000);
    assert!(!joined.is_closed(), "not armed again after the last namespace was left");
}

#[test]
fn ids_are_fresh_for_each_namespace_and_each_connect() {
    let world = world();
    let peer = world.open();
    let sid = peer.sid().to_owned();
    let first = peer.connect("/");
    let admin = peer.connect("/admin");
    peer.send(&["1"]);
    let second = peer.connect("/");
    peer.send(&["1"]);
    let third = peer.connect("/");
    let mut ids = vec![sid, first, admin, second, third];
    assert!(ids.iter().all(|id| id.len() == 20));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn the_id_that_connect_tells_is_the_sockets() {
    let world = world();
    for namespace in ["/", "/admin"] {
        let (_peer, id) = world.join_namespace_of(namespace);
        let id = id.parse().expect("an id");
        let socket = world.server.of(namespace).socket(&id).expect("it is found by its id");
        assert_eq!((socket.id(), socket.namespace()), (id, namespace));
    }
}

#[test]
fn a_disconnect_runs_disconnecting_in_the_rooms_then_disconnect_outside_of_them() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join(["a", "b"]);
        socket.set_data(7_u8);
        socket.on_disconnecting(
            async |socket: Socket, State(notes): State<Notes>, reason: DisconnectReason| {
                let mut rooms = socket.rooms();
                rooms.sort_unstable();
                notes.note(format!("disconnecting {reason} {rooms:?} {}", socket.is_connected()));
            },
        );
        socket.on_disconnect(async |socket: Socket, State(notes): State<Notes>, Data(data): Data<u8>| {
            notes.note(format!("disconnect {:?} {} {data}", socket.rooms(), socket.is_connected()));
        });
    });
    let (peer, _) = world.join();
    peer.send(&["1"]);
    let client = "disconnecting client namespace disconnect";
    assert_eq!(world.notes.take(), [&format!("{client} [\"a\", \"b\"] true"), "disconnect [] false 7"]);
    assert!(!peer.is_closed(), "the connection lives on");
    peer.connect("/");
}

#[test]
fn the_reasons_are_the_protocols() {
    let world = World::new();
    for namespace in ["/", "/b"] {
        world.server.of(namespace).on_connect(async |socket: Socket| {
            socket.on("leave", async |socket: Socket, close: bool| socket.disconnect(close));
            socket.on_disconnect(
                async |socket: Socket, State(notes): State<Notes>, reason: DisconnectReason| {
                    notes.note(format!("{} {reason}", socket.namespace()));
                },
            );
        });
    }
    let (peer, _) = world.join();
    peer.connect("/b");
    peer.send(&[r#"2/b,["leave",false]"#]);
    assert_eq!(peer.take(), ["1/b,"]);
    assert_eq!(world.notes.take(), ["/b server namespace disconnect"]);
    peer.connect("/b");
    peer.send(&[r#"2/b,["leave",true]"#]);
    assert_eq!(peer.take(), ["1", "1/b,"]);
    assert!(peer.is_closed());
    let server = "server namespace disconnect";
    assert_eq!(world.notes.take(), [format!("/ {server}"), format!("/b {server}")]);

    let (peer, _) = world.join();
    peer.send(&[r#"2["disconnect"]"#]);
    assert!(peer.is_closed());
    assert_eq!(world.notes.take(), ["/ forced close"]);

    let (silent, _) = world.join();
    silent.fall_silent();
    world.advance(45_500);
    assert_eq!(world.notes.take(), ["/ ping timeout"]);

    let (peer, _) = world.join();
    world.server.close();
    assert!(peer.is_closed());
    assert_eq!(world.notes.take(), ["/ server shutting down"]);
    assert_eq!(world.server.counters().sessions, 0);
}

#[test]
fn after_a_disconnect_a_handle_does_nothing() {
    let world = World::new();
    let (peer, id) = world.join();
    let namespace = world.server.of("/");
    let socket = namespace.socket(&id.parse().expect("an id")).expect("it is there");
    for _ in 0..1000 {
        peer.post(&["1", "0"]);
    }
    world.run();
    assert!(!socket.is_connected());
    socket.join("room");
    assert_eq!(namespace.to("room").count(), 0);
    assert!(socket.emit("x", ()).result().is_err());
    socket.set_data(1_u8);
    assert_eq!(socket.data::<u8>(), None);
    assert_eq!(namespace.len(), 1, "the last of the thousand");
}

#[test]
fn the_handshake_is_readable_in_handlers() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        let handshake = socket.handshake().expect("kept by default");
        let json = serde_json::to_value(&handshake).expect("serializes");
        notes.note(json["query"]["&a"].to_string());
        notes.note(json["auth"].to_string());
        notes.note(json["headers"]["x-test"].to_string());
        notes.note(handshake.query_value("transport").unwrap_or_default());
        notes.note(json.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" "));
    });
    let peer = world.open_at("/socket.io/?EIO=4&transport=polling&%26a=%26%3D%3Fa");
    peer.send(&[r#"0{"token":"x"}"#]);
    assert_eq!(
        world.notes.take(),
        [
            r#""&=?a""#,
            r#"{"token":"x"}"#,
            r#""yes""#,
            "polling",
            "address auth headers issued query secure time url xdomain"
        ]
    );
}

#[test]
fn a_server_that_wants_to_be_small_forgets_the_handshake() {
    let world = World::with(|builder| builder.keep_handshake(false));
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        notes.note(socket.handshake().is_some().to_string());
    });
    let (_peer, id) = world.join();
    let socket = world.server.of("/").socket(&id.parse().expect("an id")).expect("it is there");
    assert_eq!(world.notes.take(), ["true"]);
    assert!(socket.handshake().is_none());
}

/// Uses its socket when it is dropped.
#[derive(Clone)]
struct Clingy {
    _last: std::sync::Arc<Last>,
}

struct Last {
    socket: Socket,
    notes: Notes,
}

impl Drop for Last {
    fn drop(&mut self) {
        self.socket.join("nowhere");
        self.notes.note(format!("dropped with {} rooms", self.socket.rooms().len()));
    }
}

#[test]
fn values_and_handlers_may_use_their_socket_when_they_are_dropped() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        let last = || Last { socket: socket.clone(), notes: notes.clone() };
        let clingy = || Clingy { _last: std::sync::Arc::new(last()) };
        socket.set_data(clingy());
        socket.set_data(clingy());
        for captured in [clingy(), clingy()] {
            socket.on("x", move || {
                let _captured = &captured;
                async {}
            });
        }
    });
    let (peer, _) = world.join();
    assert_eq!(world.notes.take().len(), 2, "each was replaced once");
    peer.send(&["1"]);
    assert_eq!(world.notes.take(), ["dropped with 0 rooms", "dropped with 0 rooms"]);
}

/// Registers something when it is dropped.
struct Busy(Server);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.on_connect(async |State(notes): State<Notes>| notes.note("the last"));
        self.0.of("/").on_room(|_| ());
        self.0.on_new_namespace(|_| ());
    }
}

#[test]
fn what_a_replaced_handler_captured_may_use_the_server_when_it_is_dropped() {
    let world = World::new();
    let busy = || Busy(world.server.clone());
    let (connects, room, new) = (busy(), busy(), busy());
    world.server.on_connect(move |_: Socket| {
        let _captured = &connects;
        async {}
    });
    world.server.of("/").on_room(move |_| _ = &room);
    world.server.on_new_namespace(move |_| _ = &new);
    world.server.on_connect(async || ());
    let (_peer, _) = world.join();
    assert_eq!(world.notes.take(), ["the last"]);
}
