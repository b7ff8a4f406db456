//! Connecting, emitting, acknowledging.

use sockeye_server::handler::ack::Ack;
use sockeye_server::handler::args::{Args, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World};

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
