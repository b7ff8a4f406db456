//! Rooms, broadcasts, acknowledgements with time-outs.

use std::time::Duration;

use sockeye_server::error::AckError;
use sockeye_server::handler::args::{Args, State};
use sockeye_server::id::SocketId;
use sockeye_server::socket::Socket;

use crate::world::{Notes, Peer, World};

/// A server with three peers: the first in `a`, the second in `a` and `b`, the third in `b`.
fn three(world: &World) -> [(Peer<'_>, String); 3] {
    world.server.on_connect(async |socket: Socket| {
        socket.on("join", async |socket: Socket, rooms: Vec<String>| socket.join(rooms));
        socket.on("leave", async |socket: Socket, room: String| socket.leave(room));
        socket.on("to", async |socket: Socket, room: String| socket.to(room).emit("hear", ()));
        socket.on("within", async |socket: Socket, room: String| socket.within(room).emit("hear", ()));
        socket.on("others", async |socket: Socket| socket.broadcast().emit("hear", ()));
    });
    let peers = [world.join(), world.join(), world.join()];
    for ((peer, _), rooms) in peers.iter().zip([r#"["a"]"#, r#"["a","b"]"#, r#"["b"]"#]) {
        peer.send(&[&format!("2[\"join\",{rooms}]")]);
    }
    peers
}

/// Who of them heard something, once.
fn heard(peers: &[(Peer<'_>, String)]) -> Vec<usize> {
    let heard = |(index, (peer, _)): (usize, &(Peer<'_>, String))| {
        let packets = peer.take();
        assert!(packets.len() <= 1, "heard twice: {packets:?}");
        (!packets.is_empty()).then_some(index)
    };
    peers.iter().enumerate().filter_map(heard).collect()
}

#[test]
fn to_means_the_union_of_rooms_without_the_sender_and_except_takes_away() {
    let world = World::new();
    let peers = three(&world);
    peers[0].0.send(&[r#"2["to","a"]"#]);
    assert_eq!(heard(&peers), [1]);
    peers[0].0.send(&[r#"2["within","a"]"#]);
    assert_eq!(heard(&peers), [0, 1]);
    peers[0].0.send(&[r#"2["others"]"#]);
    assert_eq!(heard(&peers), [1, 2]);
    world.server.to(["a", "b"]).emit("hear", ());
    assert_eq!(heard(&peers), [0, 1, 2]);
    world.server.to("a").to("b").except("a").emit("hear", ());
    assert_eq!(heard(&peers), [2]);
    world.server.except("b").emit("hear", ());
    assert_eq!(heard(&peers), [0]);
    world.server.to("nobody").emit("hear", ());
    assert_eq!(heard(&peers), [0; 0]);
    world.server.to(Vec::<String>::new()).emit("hear", ());
    assert_eq!(heard(&peers), [0; 0], "a list without rooms, perhaps a peer's, is nobody");
    world.server.to(Vec::<String>::new()).to("b").except(Vec::<String>::new()).emit("hear", ());
    assert_eq!(heard(&peers), [1, 2]);
    world.server.emit("hear", ());
    assert_eq!(heard(&peers), [0, 1, 2]);
    peers[1].0.send(&[r#"2["leave","a"]"#]);
    world.server.to("a").emit("hear", ());
    assert_eq!(heard(&peers), [0]);
}

#[test]
fn a_sockets_own_id_is_a_room() {
    let world = World::new();
    let peers = three(&world);
    world.server.to(&*peers[2].1).emit("hear", ());
    assert_eq!(heard(&peers), [2]);
    world.server.to("b").except(&*peers[2].1).emit("hear", ());
    assert_eq!(heard(&peers), [1]);
    world.server.to([&*peers[0].1, "b"]).emit("hear", ());
    assert_eq!(heard(&peers), [0, 1, 2]);
    // Who joins a room of that name hears what is for it, too.
    peers[0].0.send(&[&format!("2[\"join\",[\"{}\"]]", peers[2].1)]);
    world.server.to(&*peers[2].1).emit("hear", ());
    assert_eq!(heard(&peers), [0, 2]);
    peers[2].0.send(&["1"]);
    world.server.to(&*peers[2].1).emit("hear", ());
    assert_eq!(heard(&peers), [0]);
}

#[test]
fn sockets_can_be_found_moved_and_disconnected_from_outside() {
    let world = World::new();
    let peers = three(&world);
    let namespace = world.server.of("/");
    assert_eq!(namespace.len(), 3);
    assert_eq!(namespace.to("a").sockets().len(), 2);
    namespace.to("a").sockets_join("c");
    namespace.to("b").sockets_leave("c");
    assert_eq!(namespace.to("c").count(), 1);
    namespace.to("c").disconnect_sockets(false);
    assert_eq!(peers[0].0.take(), ["1"]);
    assert_eq!(namespace.len(), 2);
    namespace.disconnect_sockets(true);
    assert!(peers[1].0.is_closed() && peers[2].0.is_closed() && !peers[0].0.is_closed());
}

#[test]
fn bytes_travel_as_attachments_both_ways() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |socket: Socket, args: Args| socket.emit("echo", args));
        socket.on("size", async |socket: Socket, bytes: bytes::Bytes| {
            socket.broadcast().emit("sized", (bytes.len(), bytes))
        });
    });
    let (peer, _) = world.join();
    let (other, _) = world.join();
    peer.send(&[r#"51-["echo",{"_placeholder":true,"num":0}]"#, "bAQI="]);
    assert_eq!(peer.take(), [r#"51-["echo",{"_placeholder":true,"num":0}]"#, "bAQI="]);
    peer.send(&[r#"51-["size",{"_placeholder":true,"num":0}]"#, "bAQID"]);
    assert_eq!(other.take(), [r#"51-["sized",3,{"_placeholder":true,"num":0}]"#, "bAQID"]);
}

#[test]
fn an_ack_that_does_not_come_in_time_is_an_error_and_a_late_one_is_ignored() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket, State(notes): State<Notes>| {
            let asks = socket.timeout(Duration::from_secs(2));
            match asks.emit_with_ack::<String>("question", ()).await {
                Ok(answer) => notes.note(answer),
                Err(error) => notes.note(error.to_string()),
            }
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["ask"]"#]);
    world.advance(1_900);
    assert_eq!(world.notes.take(), [""; 0]);
    world.advance(200);
    assert_eq!(world.notes.take(), ["operation has timed out"]);
    peer.send(&[r#"30["late"]"#, r#"2["ask"]"#]);
    assert_eq!(peer.take(), [r#"20["question"]"#, r#"21["question"]"#]);
    peer.send(&[r#"31["in time"]"#]);
    assert_eq!(world.notes.take(), ["in time"]);
    assert_eq!(world.server.counters().ack_timeouts, 1);
}

#[test]
fn who_awaits_an_ack_hears_of_a_disconnect_and_of_a_wrong_type() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket, State(notes): State<Notes>| {
            let answer = socket.emit_with_ack::<u8>("question", ()).await;
            notes.note(match answer {
                Ok(number) => number.to_string(),
                Err(AckError::Argument(error)) => format!("position {}", error.position),
                Err(error) => error.to_string(),
            });
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["ask"]"#, r#"2["ask"]"#, r#"2["ask"]"#]);
    peer.send(&[r#"30["text"]"#]);
    peer.send(&["31[]"]);
    assert_eq!(world.notes.take(), ["position 0", "position 0"]);
    peer.send(&["1"]);
    assert_eq!(world.notes.take(), ["socket has been disconnected"]);
}

#[test]
fn a_request_that_is_dropped_is_forgotten_and_too_many_are_refused() {
    let world = World::with(|builder| builder.ack_limit(2));
    let (_peer, id) = world.join();
    let socket = world.server.of("/").socket(&id.parse().expect("an id")).expect("it is there");
    for _ in 0..10 {
        drop(socket.emit_with_ack::<u8>("question", ()));
    }
    let held = [socket.emit_with_ack::<u8>("question", ()), socket.emit_with_ack::<u8>("question", ())];
    let refused = socket.emit_with_ack::<u8>("question", ());
    let (notes, told) = (world.notes.clone(), held);
    world.simulation.runtime().spawn(async move {
        if let Err(error) = refused.await {
            notes.note(error.to_string());
        }
        drop(told);
    });
    world.run();
    assert_eq!(world.notes.take(), ["2 acks are outstanding already"]);
}

#[test]
fn a_broadcast_collects_acks_until_all_have_answered_or_time_is_over() {
    let world = World::new();
    let (one, one_id) = world.join();
    let (two, two_id) = world.join();
    let ask = || {
        let (namespace, notes) = (world.server.of("/"), world.notes.clone());
        let names = [(one_id.clone(), "one"), (two_id.clone(), "two")];
        world.simulation.runtime().spawn(async move {
            let asked = namespace.timeout(Duration::from_secs(1));
            let answers = asked.emit_with_ack::<String>("ack", ()).await.expect("it goes out");
            assert_eq!(answers.is_complete(), answers.values().count() == answers.len());
            let name =
                |id: &SocketId| names.iter().find(|(known, _)| *known == id.to_string()).expect("it").1;
            answers.iter().for_each(|(id, answer)| notes.note(format!("{}: {answer:?}", name(id))));
            answers
                .missing()
                .for_each(|(id, error)| notes.note(format!("{} is missing: {error}", name(&id))));
        });
        world.run();
    };
    ask();
    assert_eq!((one.take(), two.take()), (vec![r#"20["ack"]"#.into()], vec![r#"20["ack"]"#.into()]));
    two.send(&[r#"30["two"]"#]);
    assert_eq!(world.notes.take(), [""; 0]);
    one.send(&[r#"30["one"]"#]);
    assert_eq!(world.notes.take(), [r#"two: Ok("two")"#, r#"one: Ok("one")"#]);
    ask();
    one.send(&[r#"31["one"]"#]);
    world.advance(1_100);
    assert_eq!(
        world.notes.take(),
        [r#"one: Ok("one")"#, "two: Err(TimedOut)", "two is missing: operation has timed out"]
    );
    two.send(&[r#"31["late"]"#]);
    assert!(!two.is_closed());
}

#[test]
fn two_thousand_acks_asked_for_in_one_write_come_complete_and_in_order() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| sockeye_server::handler::outcome::Reply(args));
    });
    let (peer, _) = world.join();
    let asked: Vec<String> = (0..2000).map(|n| format!("2{n}[\"echo\",{n}]")).collect();
    peer.send(&asked.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(peer.take(), (0..2000).map(|n| format!("3{n}[{n}]")).collect::<Vec<_>>());
}

#[test]
fn clients_that_send_in_the_tick_in_which_they_see_connect_lose_nothing() {
    let world = World::new();
    world.server.with(async |State(runtime): State<sockeye_server::runtime::Runtime>| {
        crate::world::sleep(&runtime, 5).await;
        Ok(())
    });
    world.server.on_connect(
        async |socket: Socket, State(runtime): State<sockeye_server::runtime::Runtime>| {
            crate::world::sleep(&runtime, 3).await;
            socket.on("early", async |args: Args| sockeye_server::handler::outcome::Reply(args));
        },
    );
    let peers: Vec<Peer<'_>> = (0..200).map(|_| world.open()).collect();
    peers.iter().for_each(|peer| peer.answer_connect_with(r#"20["early","first"]"#));
    peers.iter().for_each(|peer| peer.post(&["0"]));
    world.advance(20);
    for peer in &peers {
        let packets = peer.take();
        assert!(packets[0].starts_with("0{"), "{packets:?}");
        assert_eq!(packets[1..], [r#"30["first"]"#]);
    }
    assert_eq!(world.server.counters().unhandled, 0);
}
