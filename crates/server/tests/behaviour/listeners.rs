//! Handlers that come and go, and those in front of and behind them.

use sockeye_server::error::HandlerError;
use sockeye_server::handler::ack::Ack;
use sockeye_server::handler::args::{Args, EventName, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

async fn note(State(notes): State<Notes>, EventName(event): EventName, arguments: Args) {
    notes.note(format!("{event}{}", arguments.len()));
}

fn fail() {
    panic!("as asked");
}

#[test]
fn once_handles_one_event_and_off_none() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.once("a", note);
        socket.on("b", note);
        socket.on("off", async |socket: Socket| {
            socket.off("b");
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["a"]"#, r#"2["a"]"#, r#"2["b"]"#, r#"2["off"]"#, r#"2["b"]"#, r#"2["a"]"#]);
    assert_eq!(world.notes.take(), ["a0", "b0"]);
    assert_eq!(world.server.counters().unhandled, 3);
    let (again, _) = world.join();
    again.send(&[r#"2["a"]"#]);
    assert_eq!(world.notes.take(), ["a0"], "another socket has handlers of its own");
}

#[test]
fn once_holds_with_handlers_that_wait_and_overlap() {
    let world = World::new();
    world.server.of("/").concurrent(8).on_connect(async |socket: Socket| {
        socket.once("a", async |State(runtime): State<Runtime>, State(notes): State<Notes>| {
            notes.note("a");
            sleep(&runtime, 100).await;
        });
        socket.with(async |State(runtime): State<Runtime>| sleep(&runtime, 10).await);
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["a"]"#, r#"2["a"]"#]);
    world.advance(200);
    assert_eq!(world.notes.take(), ["a"]);
}

#[test]
fn handlers_of_every_event_run_in_their_order_before_the_events_own() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("a", async |State(notes): State<Notes>| notes.note("own"));
        socket.on_any(async |State(notes): State<Notes>, State(runtime): State<Runtime>| {
            notes.note("first");
            sleep(&runtime, 50).await;
            notes.note("first ends");
        });
        socket.on_any(note);
        socket.prepend_any(async |State(notes): State<Notes>| notes.note("zeroth"));
        assert_eq!((socket.any_len(), socket.event_names()), (3, vec!["a".to_owned()]));
        socket.on("off", async |socket: Socket| {
            socket.off_any();
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["a",1,2]"#, r#"2["nobody"]"#]);
    assert_eq!(world.notes.take(), ["zeroth", "first"]);
    world.advance(50);
    assert_eq!(world.notes.take(), ["first ends", "a2", "own", "zeroth", "first"]);
    world.advance(50);
    assert_eq!(world.notes.take(), ["first ends", "nobody0"]);
    assert_eq!(world.server.counters().unhandled, 1);
    peer.send(&[r#"2["off"]"#]);
    world.advance(50);
    world.notes.take();
    peer.send(&[r#"2["a"]"#]);
    assert_eq!(world.notes.take(), ["own"]);
}

#[test]
fn a_handler_of_every_event_that_fails_does_not_stop_the_event() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_any(async || -> Result<(), HandlerError> { Err(HandlerError::new("no matter")) });
        socket.on_any(async |State(runtime): State<Runtime>| {
            sleep(&runtime, 10).await;
            fail();
        });
        socket.on("a", async || Reply("fine"));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"27["a"]"#]);
    world.advance(10);
    assert_eq!(peer.take(), [r#"37["fine"]"#]);
    assert_eq!((world.server.counters().errors, world.server.counters().panics), (1, 1));
}

/// A socket whose middleware refuses some events, at once or later.
fn guarded() -> World {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.with(async |State(runtime): State<Runtime>, EventName(event): EventName| match &*event {
            "refused" => Err(HandlerError::new("refused")),
            "refused later" => {
                sleep(&runtime, 10).await;
                Err(HandlerError::new("refused"))
            }
            "later" => {
                sleep(&runtime, 10).await;
                Ok(())
            }
            "panics" => panic!("as asked"),
            "never" => std::future::pending().await,
            _ => Ok(()),
        });
        socket.with(async |State(notes): State<Notes>| notes.note("second"));
        socket.on_fallback(async |State(notes): State<Notes>, EventName(event): EventName, number: u8| {
            notes.note(event);
            Reply(number)
        });
    });
    world
}

#[test]
fn middlewares_of_a_socket_run_in_order_and_an_error_ends_the_event() {
    let world = guarded();
    let (peer, _) = world.join();
    peer.send(&[r#"21["refused",1]"#, r#"22["a",2]"#, r#"23["panics",3]"#]);
    assert_eq!(world.notes.take(), ["second", "a"]);
    assert_eq!(peer.take(), ["32[2]"], "the peer of a refused event gets no acknowledgement");
    peer.send(&[r#"24["refused later",4]"#, r#"25["later",5]"#, r#"26["b",6]"#]);
    world.advance(20);
    assert_eq!(peer.take(), ["35[5]", "36[6]"], "events behind one that waits keep their order");
    assert_eq!(world.notes.take(), ["second", "later", "second", "b"]);
    assert_eq!((world.server.counters().errors, world.server.counters().panics), (2, 1));
    assert!(!peer.is_closed());
}

#[test]
fn a_middleware_that_never_answers_holds_its_socket_and_nobody_else() {
    let world = guarded();
    let (peer, _) = world.join();
    let (other, _) = world.join();
    peer.send(&[r#"2["never",1]"#, r#"2["a",1]"#]);
    other.send(&[r#"29["a",1]"#]);
    assert_eq!(other.take(), ["39[1]"]);
    assert_eq!(world.notes.take(), ["second", "a"]);
    peer.post_raw("1".to_owned());
    world.run();
    assert_eq!(world.server.of("/").len(), 1, "its disconnect does not wait");
}

#[test]
fn a_middleware_may_answer_in_the_handlers_place_and_leaves_the_ack_to_it_otherwise() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.with(async |EventName(event): EventName, ack: Ack| {
            assert!(ack.is_wanted());
            match &*event {
                "no" => {
                    ack.send("refused")?;
                    Err(HandlerError::new("refused"))
                }
                "first" => Ok(ack.send("middleware")?),
                _ => Ok(()),
            }
        });
        socket.on("yes", async || Reply("handled"));
        socket.on("first", async || Reply("handled"));
        socket.on("by hand", async |ack: Ack| Ok(ack.send("handled")?));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"21["no"]"#, r#"22["yes"]"#, r#"23["first"]"#, r#"24["by hand"]"#]);
    assert_eq!(
        peer.take(),
        [r#"31["refused"]"#, r#"32["handled"]"#, r#"33["middleware"]"#, r#"34["handled"]"#]
    );
}

#[test]
fn a_handler_reaches_its_server() {
    let world = World::new();
    world.server.on_connect(async |server: sockeye_server::server::Server, socket: Socket| {
        socket
            .on("all", async |server: sockeye_server::server::Server, text: String| server.emit("all", text));
        server.emit("came", socket.id().to_string().len());
    });
    let (one, _) = world.join();
    let (two, _) = world.join();
    two.send(&[r#"2["all","text"]"#]);
    assert_eq!(one.take(), [r#"2["came",20]"#, r#"2["came",20]"#, r#"2["all","text"]"#]);
    assert_eq!(two.take(), [r#"2["came",20]"#, r#"2["all","text"]"#]);
}

#[test]
fn what_goes_out_is_told_to_those_who_listen() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join("room");
        socket.on("quiet", async |socket: Socket| {
            socket.off_any_outgoing();
        });
    });
    let (_deaf, _) = world.join();
    world.server.on_connect(async |socket: Socket| {
        socket.join("room");
        socket.on_any_outgoing(note);
        socket.prepend_any_outgoing(
            async |socket: Socket, State(notes): State<Notes>, EventName(event): EventName| {
                notes.note(format!("to {}: {event}", socket.namespace()));
                // It is not told of this, or there would be no end.
                socket.emit("echo", ());
            },
        );
        socket.on("ask", async |socket: Socket| {
            let asked = socket.emit_with_ack::<u8>("asked", ());
            socket.emit("direct", (1, sockeye_server::binary::Binary(b"bytes".into())));
            Reply(asked.await.unwrap_or_default())
        });
        socket.on("quiet", async |socket: Socket| {
            assert_eq!(socket.any_outgoing_len(), 2);
            socket.off_any_outgoing();
        });
    });
    let (peer, _) = world.join();
    world.server.to("room").emit("all", "text");
    world.server.except("room").emit("nobody", ());
    assert_eq!(world.notes.take(), ["to /: all", "all1"]);
    assert_eq!(peer.take(), [r#"2["all","text"]"#, r#"2["echo"]"#]);
    peer.send(&[r#"2["ask"]"#]);
    assert_eq!(world.notes.take(), ["to /: asked", "asked0", "to /: direct", "direct2"]);
    peer.send(&["30[7]", r#"2["quiet"]"#]);
    world.server.emit("all", ());
    assert!(world.notes.take().is_empty());
}

#[test]
fn off_all_leaves_middlewares_and_nothing_else() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("a", note);
        socket.on_any(note);
        socket.on_disconnect(async |State(notes): State<Notes>| notes.note("gone"));
        socket.with(async |State(notes): State<Notes>| notes.note("middleware"));
        socket.on("off", async |socket: Socket| {
            socket.off_all();
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["off"]"#]);
    world.notes.take();
    peer.send(&[r#"2["a"]"#, "1"]);
    assert_eq!(world.notes.take(), ["middleware"]);
}

#[test]
fn an_event_that_is_sent_again_is_handled_once_and_answered_each_time() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_deduplicated(
            "order",
            async |State(notes): State<Notes>, State(runtime): State<Runtime>, key: String, order: String| {
                notes.note(format!("{key} {order}"));
                sleep(&runtime, 100).await;
                if order == "fails" {
                    return Err(HandlerError::new("as asked"));
                }
                Ok(Reply((order, sockeye_server::binary::Binary(b"!".into()))))
            },
        );
    });
    let (peer, _) = world.join();
    let (again, _) = world.join();
    peer.send(&[r#"20["order","k","tea"]"#]);
    again.send(&[r#"25["order","k","tea"]"#]);
    world.advance(100);
    let expected =
        |id: u8| vec![format!(r#"61-{id}["tea",{{"_placeholder":true,"num":0}}]"#), "bIQ==".into()];
    assert_eq!((peer.take(), again.take()), (expected(0), expected(5)));
    again.send(&[r#"26["order","k","tea"]"#]);
    assert_eq!(again.take(), expected(6), "it is done, and answered at once");
    assert_eq!(world.notes.take(), ["k tea"]);
    peer.send(&[r#"21["order","f","fails"]"#]);
    world.advance(100);
    peer.send(&[
        r#"22["order","f","fails"]"#,
        r#"23["order",7]"#,
        r#"2["order","none","tea"]"#,
        r#"2["order","none","tea"]"#,
    ]);
    world.advance(400);
    let seen = ["f fails", "f fails", "none tea", "none tea"];
    assert_eq!(world.notes.take(), seen, "what failed runs again, and so does what wants no answer");
    assert!(peer.take().is_empty() && !peer.is_closed());
    assert_eq!(world.server.counters().wrong_arguments, 1, "a key is a text");
}

#[test]
fn keys_are_forgotten_after_a_while() {
    let world = World::with(|builder| {
        let mut deduplication = sockeye_server::once::Deduplication::default();
        deduplication.duration = std::time::Duration::from_secs(1);
        builder.deduplication(deduplication)
    });
    world.server.on_connect(async |socket: Socket| {
        socket.on_deduplicated("order", async |State(notes): State<Notes>, key: String| {
            notes.note(&*key);
            Reply(1)
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"20["order","k"]"#, r#"21["order","k"]"#]);
    world.advance(1_200);
    peer.send(&[r#"22["order","k"]"#]);
    assert_eq!(world.notes.take(), ["k", "k"]);
    assert_eq!(peer.take(), ["30[1]", "31[1]", "32[1]"]);
}

#[test]
fn what_a_listener_emits_behind_its_first_wait_is_not_told_either() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_any_outgoing(
            async |socket: Socket,
                   EventName(event): EventName,
                   State(runtime): State<Runtime>,
                   State(notes): State<Notes>| {
                notes.note(event);
                sleep(&runtime, 10).await;
                socket.emit("audit", ());
            },
        );
    });
    let (_peer, _) = world.join();
    world.server.emit("x", ());
    world.advance(1000);
    assert_eq!(world.notes.take(), ["x"]);
}

#[test]
fn a_volatile_event_that_is_dropped_is_told_to_no_listener() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_any_outgoing(async |EventName(event): EventName, State(notes): State<Notes>| {
            notes.note(event)
        });
        socket.on("go", async |socket: Socket| {
            socket.emit("a", ());
            socket.volatile().emit("b", ());
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["go"]"#]);
    assert_eq!(peer.take(), [r#"2["a"]"#]);
    assert_eq!(world.notes.take(), ["a"]);
}
