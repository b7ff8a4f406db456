//! What is asked of many sockets, and what is told about rooms and between servers.

use std::time::Duration;

use sockeye_server::binary::Binary;
use sockeye_server::error::{AckError, EmitError, HandlerError};
use sockeye_server::handler::args::{Args, EventName, OrDefault, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::id::SocketId;
use sockeye_server::room_event::RoomEvent;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

/// Notes what becomes of rooms, sockets by the order in which they came.
fn watched(world: &World) {
    let notes = world.notes.clone();
    let known = parking_lot::Mutex::new(Vec::<SocketId>::new());
    world.server.of("/").on_room(move |event| {
        let socket = match event {
            RoomEvent::Joined { socket, .. } | RoomEvent::Left { socket, .. } => {
                let mut known = known.lock();
                if !known.contains(socket) {
                    known.push(*socket);
                }
                known.iter().position(|other| other == socket).map_or(String::new(), |at| format!(" {at}"))
            }
            _ => String::new(),
        };
        notes.note(format!("{event} {}{socket}", event.room()));
    });
}

#[test]
fn rooms_tell_when_they_are_made_joined_left_and_gone() {
    let world = World::new();
    watched(&world);
    world.server.on_connect(async |socket: Socket| {
        socket.on("join", async |socket: Socket, room: String| socket.join(room));
        socket.on("leave", async |socket: Socket, room: String| socket.leave(room));
    });
    let ((one, _), (two, _)) = (world.join(), world.join());
    one.send(&[r#"2["join","a"]"#, r#"2["join","a"]"#, r#"2["leave","b"]"#]);
    two.send(&[r#"2["join","a"]"#]);
    assert_eq!(world.notes.take(), ["create-room a", "join-room a 0", "join-room a 1"]);
    one.send(&[r#"2["leave","a"]"#]);
    world.server.of("/").to("a").sockets_join("b");
    two.send(&["1"]);
    let mut notes = world.notes.take();
    assert_eq!(notes.drain(..3).collect::<Vec<_>>(), ["leave-room a 0", "create-room b", "join-room b 1"]);
    notes.sort_unstable();
    assert_eq!(notes, ["delete-room a", "delete-room b", "leave-room a 1", "leave-room b 1"]);
}

#[test]
fn a_room_that_a_middleware_joins_is_told_when_the_peer_is_let_in() {
    let world = World::new();
    watched(&world);
    world.server.with(async |socket: Socket| {
        socket.join("early");
        Ok(())
    });
    world.server.on_connect(async |State(notes): State<Notes>| notes.note("in"));
    world.join();
    assert_eq!(world.notes.take(), ["create-room early", "join-room early 0", "in"]);
}

#[test]
fn who_watches_rooms_may_ask_for_them_and_may_panic() {
    let world = World::new();
    let (server, notes) = (world.server.clone(), world.notes.clone());
    world.server.of("/").on_room(move |event| {
        notes.note(format!("{event} {}", server.of("/").room_len(event.room())));
        panic!("as asked");
    });
    world.server.on_connect(async |socket: Socket| {
        socket.on("join", async |socket: Socket, room: String| socket.join(room));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["join","a"]"#, "1"]);
    assert_eq!(world.notes.take(), ["create-room 1", "join-room 1", "leave-room 0", "delete-room 0"]);
    assert_eq!(world.server.of("/").len(), 0);
}

#[test]
fn what_happens_while_rooms_are_told_is_told_behind_it() {
    let world = World::new();
    let (server, notes) = (world.server.clone(), world.notes.clone());
    world.server.of("/").on_room(move |event| {
        notes.note(event.to_string());
        if let RoomEvent::Created { .. } = event {
            server.of("/").disconnect_sockets(false);
        }
    });
    world.server.on_connect(async |socket: Socket| socket.join("a"));
    let (_peer, _) = world.join();
    assert_eq!(world.notes.take(), ["create-room", "join-room", "leave-room", "delete-room"]);
}

#[test]
fn rooms_and_sockets_are_counted_without_being_fetched() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| socket.join(["a", "b"]));
    let (_one, id) = world.join();
    let _two = world.join();
    let namespace = world.server.of("/");
    namespace.to(id.as_str()).sockets_leave("b");
    let mut rooms = namespace.rooms();
    rooms.sort_unstable();
    assert_eq!(rooms, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!((namespace.len(), namespace.room_len("a"), namespace.room_len("c")), (2, 2, 0));
    assert_eq!(namespace.to(["a", "b"]).count(), 2);
    assert_eq!(namespace.to("a").except("b").count(), 1);
    assert_eq!(namespace.to(id.as_str()).local().count(), 1);
    namespace.sockets_leave("a");
    namespace.sockets_join("c");
    assert_eq!((namespace.room_len("a"), namespace.room_len("c")), (0, 2));
}

#[test]
fn fetched_sockets_say_who_they_are_and_take_what_sockets_take() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join("a");
        socket.set_data(7u8);
        socket.on_disconnect(async |State(notes): State<Notes>| notes.note("gone"));
    });
    let ((one, id), (two, _)) = (world.join(), world.join());
    let (namespace, notes) = (world.server.of("/"), world.notes.clone());
    world.simulation.runtime().spawn(async move {
        let fetched = namespace.to(id.as_str()).fetch_sockets().await;
        assert!(fetched.is_complete() && fetched.len() == 1);
        let socket = fetched[0].clone();
        assert_eq!((socket.id().to_string(), socket.rooms()), (id, &["a".to_owned()][..]));
        assert_eq!(socket.handshake().and_then(|it| it.header("x-test").map(str::to_owned)).unwrap(), "yes");
        assert_eq!(socket.local().and_then(Socket::data::<u8>), Some(7));
        socket.join("b");
        socket.leave("a");
        socket.emit("hello", 1);
        notes.note(format!("{:?}", socket.emit_with_ack::<u8>("asked", ()).await));
        notes.note(format!(
            "{:?}",
            socket.clone().timeout(Duration::from_secs(1)).emit_with_ack::<u8>("q", ()).await
        ));
        socket.disconnect(false);
        notes.note(format!("{:?}", socket.emit_with_ack::<u8>("late", ()).await));
        assert_eq!(namespace.fetch_sockets().await.into_iter().count(), 1);
    });
    assert_eq!(one.take(), [r#"2["hello",1]"#, r#"20["asked"]"#]);
    assert_eq!(world.server.of("/").room_len("b"), 1);
    one.send(&["30[9]"]);
    assert_eq!(one.take(), [r#"21["q"]"#]);
    world.advance(1_100);
    assert_eq!(world.notes.take(), ["Ok(9)", "Err(TimedOut)", "gone", "Err(Disconnected)"]);
    assert_eq!(one.take(), ["1"]);
    assert!(two.take().is_empty() && !two.is_closed());
}

#[test]
fn send_emits_message() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| socket.send("one"));
    let (peer, _) = world.join();
    world.server.send("all");
    world.server.of("/").everybody().send(("a", 1));
    assert_eq!(peer.take(), [r#"2["message","one"]"#, r#"2["message","all"]"#, r#"2["message","a",1]"#]);
}

#[test]
fn the_connection_beneath_is_shared_and_can_be_closed() {
    let world = World::new();
    world.server.of("/two");
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        let conn = socket.conn();
        notes.note(format!("{} {} {}", conn.transport(), conn.protocol(), conn.is_short_polling()));
        socket.on("close", async |socket: Socket| {
            let conn = socket.conn();
            conn.close();
            assert!(conn.closed().is_some() && conn == socket.conn());
        });
        socket.on_disconnect(
            async |State(notes): State<Notes>, reason: sockeye_server::reason::DisconnectReason| {
                notes.note(reason.to_string());
            },
        );
    });
    let (peer, _) = world.join();
    peer.connect("/two");
    peer.send(&[r#"2["close"]"#]);
    assert_eq!(world.notes.take(), ["polling 4 false", "forced close"]);
    assert!(peer.is_closed());
    assert_eq!(world.server.of("/two").len(), 0);
}

#[test]
fn a_server_that_is_alone_tells_itself() {
    let world = World::new();
    let namespace = world.server.of("/admin");
    namespace
        .on_server_side("sum", async |a: u32, OrDefault(b): OrDefault<u32>| Reply(a + b))
        .on_server_side("bytes", async |Binary(bytes): Binary, rest: Args| Reply((rest.len(), Binary(bytes))))
        .on_server_side("name", async |EventName(name): EventName, State(notes): State<Notes>| {
            notes.note(name)
        })
        .on_server_side("slow", async |State(runtime): State<Runtime>| {
            sleep(&runtime, 4_900).await;
            Reply("at last")
        })
        .on_server_side("never", async || std::future::pending::<()>().await)
        .on_server_side("fails", async || -> Result<Reply<u8>, HandlerError> { Err(HandlerError::new("no")) })
        .on_server_side("panics", async || -> Reply<u8> { panic!("as asked") });
    namespace.server_side_emit("name", "x");
    namespace.server_side_emit("nobody", ());
    world.run();
    assert_eq!(world.notes.take(), ["name"]);
    let notes = world.notes.clone();
    world.simulation.runtime().spawn(async move {
        let two = namespace.server_side_emit_with_ack::<u32>("sum", (1, 2)).await;
        notes.note(format!("{two:?}"));
        notes.note(format!("{:?}", namespace.server_side_emit_with_ack::<u32>("sum", 1).await));
        notes.note(format!("{:?}", namespace.server_side_emit_with_ack::<u32>("sum", "x").await));
        let bytes = namespace.server_side_emit_with_ack::<u8>("bytes", (Binary(b"abc".into()), 1)).await;
        notes.note(format!("{bytes:?}"));
        for event in ["name", "nobody", "fails", "panics", "slow", "never"] {
            let answer = namespace.server_side_emit_with_ack::<String>(event, ()).await.expect("it goes out");
            notes.note(format!("{event}: {answer:?}"));
        }
    });
    world.run();
    world.advance(5_000);
    world.advance(5_000);
    let notes = world.notes.take();
    assert_eq!(notes[..2], ["Ok([Ok(3)])", "Ok([Ok(1)])"]);
    assert_eq!(notes[2..4], ["Ok([Err(Unanswered)])", "Ok([Ok(1)])"]);
    let unanswered = |event: &str| format!("{event}: [Err(Unanswered)]");
    assert_eq!(notes[4], "name");
    assert_eq!(notes[5..9], ["name", "nobody", "fails", "panics"].map(unanswered));
    assert_eq!(notes[9..], ["slow: [Ok(\"at last\")]", "never: [Err(TimedOut)]"]);
    let counters = world.server.counters();
    assert_eq!((counters.errors, counters.panics, counters.wrong_arguments), (1, 1, 1));
}

#[test]
fn names_that_mean_something_else_are_no_events_between_servers() {
    let world = World::new();
    for name in ["connect", "connection", "new_namespace", "disconnect"] {
        let result = world.server.of("/").server_side_emit(name, ()).result();
        assert!(matches!(result, Err(EmitError::Encode(_))), "{name}");
    }
}

#[test]
#[should_panic(expected = "is no event between servers")]
fn a_reserved_name_has_no_server_side_handler() {
    World::new().server.of("/").on_server_side("connection", async || {});
}

#[test]
fn acks_that_never_come_come_twice_or_were_never_asked_for_leave_nothing() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(notes): State<Notes>| {
        socket.on("ask", async |socket: Socket, State(notes): State<Notes>| {
            let answer = socket.timeout(Duration::from_secs(1)).emit_with_ack::<u8>("asked", ()).await;
            notes.note(match answer {
                Ok(value) => value.to_string(),
                Err(error @ AckError::TimedOut) => error.to_string(),
                Err(_) => "another".to_owned(),
            });
        });
        notes.note("in");
    });
    let (peer, _) = world.join();
    let (other, _) = world.join();
    world.notes.take();
    peer.send(&[r#"2["ask"]"#, "30[1]", "30[2]", "3999[3]", "318446744073709551615[4]"]);
    assert_eq!(world.notes.take(), ["1"]);
    peer.send(&[r#"2["ask"]"#]);
    world.advance(1_100);
    assert_eq!(world.notes.take(), ["operation has timed out"]);
    peer.send(&["31[5]"]);
    assert!(world.notes.take().is_empty() && !peer.is_closed() && !other.is_closed());
    assert_eq!((world.server.counters().acks_received, world.server.counters().ack_timeouts), (1, 1));
}

#[test]
fn a_server_may_say_how_long_acks_are_awaited() {
    let world = World::with(|builder| builder.ack_timeout(Some(Duration::from_secs(1))));
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket, State(notes): State<Notes>| {
            notes.note(format!("{:?}", socket.emit_with_ack::<u8>("asked", ()).await));
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["ask"]"#]);
    world.advance(900);
    assert!(world.notes.take().is_empty());
    world.advance(200);
    assert_eq!(world.notes.take(), ["Err(TimedOut)"]);
}

#[test]
fn a_hundred_thousand_rooms_of_one_socket_are_left_at_once_and_cost_the_others_nothing() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join("shared");
        socket.on("flood", async |socket: Socket| {
            for n in 0..100_000 {
                socket.join(n.to_string());
            }
        });
    });
    let ((flooder, _), (same, _), (other, _)) = (world.join(), world.join(), world.join());
    flooder.send(&[r#"2["flood"]"#]);
    same.send(&[r#"2["flood"]"#]);
    assert_eq!(world.server.of("/").rooms().len(), 100_001);
    world.server.to("shared").emit("still", "here");
    assert_eq!(other.take(), [r#"2["still","here"]"#]);
    world.server.to("7").emit("only", 2);
    assert_eq!((flooder.take().len(), same.take().len(), other.take().len()), (2, 2, 0));
    flooder.send(&["1"]);
    same.send(&["1"]);
    assert_eq!(world.server.of("/").rooms(), [("shared".to_owned(), 1)]);
}

#[test]
fn a_handler_may_leave_the_room_that_it_was_called_from_and_disconnect_itself() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join("room");
        socket.on("leave", async |socket: Socket| {
            socket.leave("room");
            socket.to("room").emit("left", ());
            socket.disconnect(false);
            socket.join("room");
            socket.emit("nothing", ());
        });
    });
    let ((one, _), (two, _)) = (world.join(), world.join());
    one.send(&[r#"2["leave"]"#]);
    assert_eq!((one.take(), two.take()), (vec!["1".to_owned()], vec![r#"2["left"]"#.to_owned()]));
    assert_eq!(world.server.of("/").rooms(), [("room".to_owned(), 1)]);
}

#[test]
fn a_middleware_of_a_namespace_that_never_answers_holds_nobody_else() {
    let world = World::with(|builder| builder.connect_timeout(Duration::from_secs(45)));
    world.server.of("/").with(async |socket: Socket| {
        if socket.handshake().is_some_and(|it| it.query_value("wait").is_some()) {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let waits = world.open_at("/socket.io/?EIO=4&transport=polling&wait=60000");
    waits.send(&["0"]);
    let (other, _) = world.join();
    assert!(waits.take().is_empty() && !other.is_closed());
    world.advance(46_000);
    assert!(waits.is_closed() && !other.is_closed(), "it has joined no namespace in time");
    assert_eq!((world.server.counters().sessions, world.server.of("/").len()), (1, 1));
}
