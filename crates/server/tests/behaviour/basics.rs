//! Connecting, emitting, acknowledging.

use sockeye_server::handler::ack::Ack;
use sockeye_server::handler::args::{Args, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

#[test]
fn an_event_reaches_its_handler_and_what_it_emits_reaches_the_peer() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |socket: Socket, args: Args| socket.emit("echo", args));
    });
    let (peer, id) = world.join();
    assert_eq!(id.len(), 20);
    peer.send(&[r#"2["echo",1,"2",null,{"a":[]}]"#]);
    assert_eq!(peer.take(), [r#"2["echo",1,"2",null,{"a":[]}]"#]);
}

#[test]
fn a_reply_acknowledges_and_other_answers_do_not() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| Reply(args));
        socket.on("sum", async |a: u32, b: u32| Reply(a + b));
        socket.on("silent", async || {});
        socket.on("emits", async |socket: Socket| socket.emit("emitted", ()));
        socket.on("by hand", async |ack: Ack, text: String| ack.send((text, 2)).expect("serializes"));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"20["echo","x"]"#, r#"21["sum",20,22]"#, r#"22["silent"]"#, r#"23["emits"]"#]);
    assert_eq!(peer.take(), [r#"30["x"]"#, "31[42]", r#"2["emitted"]"#]);
    peer.send(&[r#"24["by hand","a"]"#, r#"2["echo","nobody asked"]"#]);
    assert_eq!(peer.take(), [r#"34["a",2]"#]);
}

#[test]
fn a_handler_may_await_an_ack_from_the_peer_it_serves() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket, State(notes): State<Notes>| {
            let answer: String = socket.emit_with_ack("question", "a").await?;
            notes.note(answer);
            Ok(())
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["ask"]"#]);
    assert_eq!(peer.take(), [r#"20["question","a"]"#]);
    peer.send(&[r#"30["yes",2]"#, r#"30["again"]"#, r#"399["unknown"]"#]);
    assert_eq!(world.notes.take(), ["yes"]);
    assert!(!peer.is_closed());
}

#[test]
fn who_left_and_came_in_again_gets_no_answers_to_what_it_asked_before() {
    let world = World::new();
    for namespace in ["/", "/shop"] {
        world.server.of(namespace).on_connect(async |socket: Socket| {
            socket.on("late", async |State(runtime): State<Runtime>, number: u64| {
                sleep(&runtime, 1_000).await;
                Reply(number)
            });
            socket.on("later by hand", async |State(runtime): State<Runtime>, ack: Ack, number: u64| {
                sleep(&runtime, 1_000).await;
                ack.send(number).expect("serializes");
            });
        });
    }
    for name in ["", "/shop,"] {
        for event in ["late", "later by hand"] {
            let peer = world.open();
            peer.send(&[&format!("0{name}")]);
            peer.take();
            peer.send(&[&format!("2{name}7[\"{event}\",1]")]);
            world.advance(500);
            peer.send(&[&format!("1{name}"), &format!("0{name}")]);
            assert_eq!(peer.take().len(), 1, "it is in again");
            // A client that counts from the beginning asks something else by that id.
            peer.send(&[&format!("2{name}7[\"{event}\",2]")]);
            world.advance(700);
            assert_eq!(peer.take(), [""; 0], "the answer to the first would be taken for one to the second");
            world.advance(500);
            assert_eq!(peer.take(), [format!("3{name}7[2]")]);
        }
    }
}
