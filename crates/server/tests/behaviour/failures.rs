//! Handlers that fail harm nobody.

use std::fmt;

use sockeye_server::error::{Cause, HandlerError};
use sockeye_server::handler::args::{Data, OrDefault, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// A server that notes failures, and a socket with handlers that fail in every way.
fn world() -> World {
    let notes = Notes::default();
    let told = notes.clone();
    let mut world = World::with(|builder| {
        builder.on_error(move |failure| {
            let kind = match &failure.cause {
                Cause::Argument(_) => "argument",
                Cause::Error(_) => "error",
                Cause::Panic(_) => "panic",
                _ => "another",
            };
            let position = failure.position().map_or("-".to_owned(), |position| position.to_string());
            told.note(format!("{} {position} {kind}: {}", failure.event, failure.cause));
        })
    });
    world.notes = notes;
    world.server.on_connect(async |socket: Socket| {
        socket.on("numbers", async |first: u8, second: u8| Reply(u32::from(first) + u32::from(second)));
        socket.on("fails", async || -> Result<Reply<u8>, HandlerError> { Err(Broken)? });
        socket.on("fails later", async |State(runtime): State<Runtime>| -> Result<(), HandlerError> {
            sleep(&runtime, 10).await;
            Err(HandlerError::new("too late"))
        });
        socket.on("panics", panics);
        socket.on("panics later", async |State(runtime): State<Runtime>| {
            sleep(&runtime, 10).await;
            fall_over("after a while");
        });
        socket.on("reserved", async |socket: Socket| socket.emit("disconnect", ()));
        socket.on("data", async |Data(number): Data<u8>| Reply(number));
        socket
            .on("echo", async |text: Option<String>, OrDefault(number): OrDefault<u8>| Reply((text, number)));
    });
    world
}

fn fall_over(message: &str) {
    panic!("{message}");
}

async fn panics() {
    panic!("on purpose, {}", 7);
}

#[test]
fn a_wrong_argument_reaches_on_error_with_event_and_position() {
    let world = world();
    let (peer, _) = world.join();
    peer.send(&[r#"21["numbers",1,"x"]"#, r#"22["numbers",1]"#, r#"23["numbers",1,256]"#]);
    let notes = world.notes.take();
    assert_eq!(notes.len(), 3);
    assert!(notes[0].starts_with("numbers 1 argument: argument 1: invalid type: string"), "{notes:?}");
    assert_eq!(notes[1], "numbers 1 argument: argument 1: missing");
    assert!(notes[2].starts_with("numbers 1 argument: argument 1: invalid value"), "{notes:?}");
    assert_eq!(world.server.counters().wrong_arguments, 3);
    assert_eq!(peer.take(), [""; 0], "no ack");
    assert!(!peer.is_closed());
}

#[test]
fn an_error_of_a_handler_reaches_on_error_and_acknowledges_nothing() {
    let world = world();
    let (peer, _) = world.join();
    peer.send(&[r#"21["fails"]"#, r#"22["fails later"]"#]);
    world.advance(10);
    assert_eq!(world.notes.take(), ["fails - error: broken", "fails later - error: too late"]);
    assert_eq!(world.server.counters().errors, 2);
    peer.send(&[r#"23["echo","alive"]"#]);
    assert_eq!(peer.take(), [r#"33["alive",0]"#]);
}

#[test]
fn a_panic_reaches_on_error_and_the_next_event_is_handled() {
    let world = world();
    let (peer, _) = world.join();
    let (neighbour, _) = world.join();
    peer.send(&[r#"21["panics"]"#, r#"22["panics later"]"#, r#"23["echo"]"#]);
    assert_eq!(peer.take(), [""; 0]);
    world.advance(10);
    assert_eq!(
        world.notes.take(),
        ["panics - panic: panic: on purpose, 7", "panics later - panic: panic: after a while"]
    );
    assert_eq!(peer.take(), [r#"33[null,0]"#]);
    assert_eq!(world.server.counters().panics, 2);
    neighbour.send(&[r#"20["echo","fine",1]"#]);
    assert_eq!(neighbour.take(), [r#"30["fine",1]"#]);
}

#[test]
fn an_emit_that_cannot_be_is_an_error_of_the_handler_that_returns_it() {
    let world = world();
    let (peer, _) = world.join();
    peer.send(&[r#"2["reserved"]"#]);
    assert_eq!(world.notes.take(), [r#"reserved - error: "disconnect" is a reserved event name"#]);
    assert_eq!(peer.take(), [""; 0]);
}

#[test]
fn data_that_was_never_set_is_an_argument_error() {
    let world = world();
    let (peer, _) = world.join();
    peer.send(&[r#"20["data"]"#]);
    assert_eq!(world.notes.take(), ["data 0 argument: argument 0: missing"]);
}

#[test]
fn extra_arguments_are_ignored_and_missing_ones_only_where_the_type_says_so() {
    let world = world();
    let (peer, _) = world.join();
    peer.send(&[r#"20["numbers",1,2,"extra",{}]"#, r#"21["echo"]"#, r#"22["echo",null,3]"#]);
    assert_eq!(peer.take(), ["30[3]", "31[null,0]", "32[null,3]"]);
    peer.send(&[r#"23["echo","x",null]"#]);
    assert_eq!(world.notes.take().len(), 1, "null is an argument, and no number");
}

#[test]
fn a_connection_handler_that_fails_leaves_the_socket_connected() {
    let world = World::new();
    world.server.of("/panics").on_connect(async || fall_over("at once"));
    world.server.of("/fails").on_connect(async || -> Result<(), HandlerError> { Err(Broken)? });
    let peer = world.open();
    peer.connect("/panics");
    peer.connect("/fails");
    assert!(!peer.is_closed());
    assert_eq!((world.server.counters().panics, world.server.counters().errors), (1, 1));
    peer.send(&[r#"2/panics,["x"]"#]);
    assert_eq!(world.server.counters().unhandled, 1, "it is served, not held for ever");
}

#[test]
#[should_panic(expected = "State<alloc::string::String>")]
fn a_handler_that_wants_a_state_that_is_not_there_panics_where_it_is_registered() {
    let world = World::new();
    world.server.on_connect(async |_socket: Socket, State(_missing): State<String>| {});
}

#[test]
fn nested_registration_of_an_absent_state_is_a_panic_of_the_connection_handler() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("x", async |State(_missing): State<String>| {});
    });
    world.join();
    assert_eq!(world.server.counters().panics, 1);
}

#[test]
fn a_reserved_event_has_no_handler() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("disconnect", async || {});
    });
    world.join();
    assert_eq!(world.server.counters().panics, 1);
}
