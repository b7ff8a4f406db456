//! Events as types: what their handlers read, and what is emitted, is what the untyped ones do.

use serde::{Deserialize, Serialize};
use sockeye_server::binary::Binary;
use sockeye_server::emitted::Emitted;
use sockeye_server::error::{AckError, Cause, HandlerError};
use sockeye_server::event::{Event, KeyedEvent};
use sockeye_server::handler::args::{Data, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::handler::typed::{AckFor, Asked};
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

#[derive(Event)]
struct Message(String);

#[derive(Event)]
#[event(name = "said in a room")]
struct Said(String, Option<u32>);

#[derive(Event)]
struct Typing;

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
struct UserJoined {
    name: String,
    #[serde(default)]
    age: u8,
}

#[derive(Event)]
struct Matrix([f64; 3], ());

#[derive(Event)]
struct Picture(String, Binary);

#[derive(Event)]
#[event(ack = usize)]
struct Measure(String);

#[derive(Event)]
#[event(ack = (String, Option<u32>))]
struct Who;

#[derive(Event)]
#[event(ack = ())]
struct Done(u8);

#[derive(Event)]
#[event(ack = Vec<u8>)]
struct List;

async fn measure(_socket: Socket, State(_notes): State<Notes>, Measure(text): Measure) -> Reply<usize> {
    Reply(text.len())
}

async fn typing(socket: Socket, _: Typing) -> Emitted {
    socket.emit_event(Typing)
}

#[test]
fn the_last_argument_of_a_handler_says_which_event_it_handles() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(async |socket: Socket, message: Message| socket.emit_event(message));
        socket.on_event(async |socket: Socket, said: Said| socket.emit_event(said));
        socket
            .on_event(async |socket: Socket, joined: UserJoined| socket.emit_event(joined))
            .on_event(typing);
    });
    let (peer, _) = world.join();
    peer.send(&[
        r#"2["message","a","more"]"#,
        r#"2["said in a room","b"]"#,
        r#"2["said in a room","c",7]"#,
        r#"2["userJoined",{"name":"Ada"}]"#,
        r#"2["typing"]"#,
    ]);
    let echoed = [
        r#"2["message","a"]"#,
        r#"2["said in a room","b",null]"#,
        r#"2["said in a room","c",7]"#,
        r#"2["userJoined",{"name":"Ada","age":0}]"#,
        r#"2["typing"]"#,
    ];
    assert_eq!(peer.take(), echoed);
}

#[test]
fn a_field_is_one_argument_whatever_it_is() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(async |socket: Socket, matrix: Matrix| socket.emit_event(matrix));
        socket.on_event(async |socket: Socket, picture: Picture| socket.emit_event(picture));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["matrix",[1,2.5,3],null]"#]);
    assert_eq!(peer.take(), [r#"2["matrix",[1,2.5,3],null]"#]);
    let packet = r#"51-["picture","a",{"_placeholder":true,"num":0}]"#;
    peer.send(&[packet, "bAQID"]);
    assert_eq!(peer.take(), [packet, "bAQID"]);
}

#[test]
fn a_reply_acknowledges_with_what_the_event_says() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(measure);
        socket.on_event(async |_: Who| Reply(("Ada".to_owned(), None)));
        socket.on_event(async |done: Done| {
            u8::try_from(255 + u32::from(done.0))?;
            Ok(Reply(()))
        });
        socket.on_event(async |_: List| Ok::<_, HandlerError>(Reply([1, 2].into_iter().collect())));
    });
    let (peer, _) = world.join();
    peer.send(&[
        r#"20["measure","four"]"#,
        r#"21["who"]"#,
        r#"22["done",0]"#,
        r#"23["list"]"#,
        r#"24["done",1]"#,
    ]);
    assert_eq!(peer.take(), ["30[4]", r#"31["Ada",null]"#, "32[]", "33[[1,2]]"]);
    assert_eq!(world.server.counters().errors, 1);
}

#[test]
fn an_acknowledgement_may_be_sent_by_hand_once_the_handler_has_ended() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(async |State(notes): State<Notes>, Asked(Measure(text), ack): Asked<Measure>| {
            notes.note(format!("{text} {}", ack.is_wanted()));
            ack.send(text.len())?;
            Ok(())
        });
        socket.on_event(async |socket: Socket, Asked(Who, ack): Asked<Who>| {
            let kept: AckFor<Who> = ack;
            let answer = (socket.namespace().to_owned(), Some(1));
            kept.send(answer).expect("serializes");
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"20["measure","four"]"#, r#"2["measure","nobody asked"]"#, r#"21["who"]"#]);
    assert_eq!(peer.take(), ["30[4]", r#"31["/",1]"#]);
    assert_eq!(world.notes.take(), ["four true", "nobody asked false"]);
}

#[test]
fn an_acknowledgement_is_read_as_the_events_type() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(async |socket: Socket, State(notes): State<Notes>, _: Typing| {
            let length: usize = socket.emit_event_with_ack(Measure("four".to_owned())).await?;
            let (name, age) = socket.emit_event_with_ack(Who).await?;
            socket.emit_event_with_ack(Done(1)).await?;
            let late = socket.timeout(std::time::Duration::from_secs(1)).emit_event_with_ack(List).await;
            notes.note(format!("{length} {name} {age:?} {late:?}"));
            let wrong = socket.emit_event_with_ack(Measure(String::new())).await;
            assert!(matches!(wrong, Err(AckError::Argument(error)) if error.position == 0));
            notes.note("wrong");
            Ok(())
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["typing"]"#]);
    assert_eq!(peer.take(), [r#"20["measure","four"]"#]);
    peer.send(&["30[4]"]);
    assert_eq!(peer.take(), [r#"21["who"]"#]);
    peer.send(&[r#"31["Ada"]"#]);
    assert_eq!(peer.take(), [r#"22["done",1]"#]);
    peer.send(&["32[]"]);
    assert_eq!(peer.take(), [r#"23["list"]"#]);
    world.advance(1100);
    assert_eq!(world.notes.take(), ["4 Ada None Err(TimedOut)"]);
    assert_eq!(peer.take(), [r#"24["measure",""]"#]);
    peer.send(&[r#"34["many"]"#]);
    assert_eq!(world.notes.take(), ["wrong"]);
}

#[test]
fn events_reach_all_that_are_meant_and_their_answers_are_collected() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.join("lobby");
        socket.on_event(async |socket: Socket, message: Message| socket.to("lobby").emit_event(message));
    });
    let ((one, _), (two, _)) = (world.join(), world.join());
    one.send(&[r#"2["message","a"]"#]);
    assert_eq!((one.take(), two.take()), (vec![], vec![r#"2["message","a"]"#.to_owned()]));
    world.server.emit_event(Typing);
    world.server.of("/").emit_event(Typing);
    assert_eq!((one.take().len(), two.take().len()), (2, 2));
    world.server.of("/").volatile().emit_event(Typing);
    assert_eq!((one.take().len(), two.take().len()), (1, 1));

    let (namespace, notes) = (world.server.of("/"), world.notes.clone());
    world.simulation.runtime().spawn(async move {
        let answers = namespace.emit_event_with_ack(Measure("four".to_owned())).await;
        notes.note(format!(
            "{:?}",
            answers.expect("it goes out").into_iter().map(|(_, answer)| answer.ok()).collect::<Vec<_>>()
        ));
    });
    assert_eq!(one.take(), [r#"20["measure","four"]"#]);
    one.send(&["30[4]"]);
    two.send(&[r#"30["no number"]"#]);
    assert_eq!(world.notes.take(), ["[Some(4), None]"]);
}

#[test]
fn a_wrong_argument_is_told_and_the_handler_does_not_run() {
    let notes = Notes::default();
    let told = notes.clone();
    let world = World::with(move |builder| {
        builder.on_error(move |failure| {
            assert!(matches!(failure.cause, Cause::Argument(_)));
            told.note(format!("{} {:?}", failure.event, failure.position()));
        })
    });
    world.server.on_connect(async |socket: Socket| {
        socket.on_event(async |State(notes): State<Notes>, _: Said| notes.note("ran"));
        socket.on_event(async |Data(_missing): Data<u8>, State(notes): State<Notes>, _: Typing| {
            notes.note("ran")
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["said in a room","a","b"]"#, r#"2["said in a room"]"#, r#"2["typing"]"#]);
    assert!(world.notes.take().is_empty());
    assert_eq!(notes.take(), ["said in a room Some(1)", "said in a room Some(0)", "typing Some(0)"]);
}

#[test]
fn a_handler_that_captures_and_waits_is_one_as_well() {
    let world = World::new();
    let (runtime, notes) = (world.simulation.runtime(), world.notes.clone());
    world.server.on_connect(move |socket: Socket| {
        let (runtime, notes) = (runtime.clone(), notes.clone());
        async move {
            socket.on_event(move |message: Message| {
                let (runtime, notes) = (runtime.clone(), notes.clone());
                async move {
                    sleep(&runtime, 100).await;
                    notes.note(message.0);
                }
            });
        }
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["message","a"]"#]);
    assert!(world.notes.take().is_empty());
    world.advance(150);
    assert_eq!(world.notes.take(), ["a"]);
}

#[derive(Event)]
#[event(ack = String, key)]
struct Order(String, String);

#[test]
fn an_event_with_a_key_is_handled_once_and_answered_each_time() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on_deduplicated_event(async |State(notes): State<Notes>, order: Order| {
            notes.note(format!("{} {}", order.key(), order.1));
            Reply(format!("{}!", order.1))
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"20["order","k","tea"]"#, r#"21["order","k","tea"]"#, r#"22["order","l","milk"]"#]);
    assert_eq!(peer.take(), [r#"30["tea!"]"#, r#"31["tea!"]"#, r#"32["milk!"]"#]);
    assert_eq!(world.notes.take(), ["k tea", "l milk"]);
}
