//! What runs when: one test for each sentence of that decision.

use std::future::pending;

use sockeye_server::handler::args::{Args, State};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::reason::DisconnectReason;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

async fn note(State(notes): State<Notes>, note: String) {
    notes.note(note);
}

#[test]
fn connect_stands_in_front_of_what_the_connection_handler_emits_before_its_first_wait() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.emit("first", ());
        socket.join("room");
        socket.within("room").emit("second", ());
        pending::<()>().await;
    });
    let peer = world.open();
    peer.send(&["0"]);
    let packets = peer.take();
    assert!(packets[0].starts_with(r#"0{"sid":"#), "{packets:?}");
    assert_eq!(packets[1..], [r#"2["first"]"#, r#"2["second"]"#]);
}

#[test]
fn connect_goes_out_at_the_first_wait_of_the_connection_handler_and_not_at_its_end() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(runtime): State<Runtime>| {
        sleep(&runtime, 100).await;
        socket.emit("late", ());
    });
    let peer = world.open();
    peer.connect("/");
    assert_eq!(peer.take(), [""; 0]);
    world.advance(100);
    assert_eq!(peer.take(), [r#"2["late"]"#]);
}

#[test]
fn connect_goes_out_at_the_end_of_a_connection_handler_that_never_waits() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| socket.emit("welcome", ()));
    let peer = world.open();
    peer.connect("/");
    assert_eq!(peer.take(), [r#"2["welcome"]"#]);
}

#[test]
fn connect_waits_while_the_connection_handler_works_without_waiting() {
    let world = World::new();
    world.server.on_connect(|socket: Socket| {
        // The queue holds CONNECT, and nothing has left yet.
        assert!(socket.conn().queued() > 0 && socket.is_connected());
        async move {}
    });
    world.join();
    assert_eq!(world.server.counters().panics, 0);
}

#[test]
fn events_that_arrive_while_the_connection_handler_runs_are_held_until_it_returns() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(runtime): State<Runtime>| {
        socket.on("a", note);
        sleep(&runtime, 500).await;
        socket.on("b", note);
    });
    let peer = world.open();
    peer.send(&["0", r#"2["a","1"]"#, r#"2["b","2"]"#, r#"2["a","3"]"#]);
    world.advance(499);
    assert_eq!(world.notes.take(), [""; 0]);
    world.advance(1);
    assert_eq!(world.notes.take(), ["1", "2", "3"]);
}

#[test]
fn events_are_held_for_a_second_at_most_then_go_to_the_handlers_that_stand() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(runtime): State<Runtime>| {
        socket.on("a", note);
        sleep(&runtime, 1500).await;
        socket.on("b", note);
    });
    let peer = world.open();
    peer.send(&["0", r#"2["a","1"]"#, r#"2["b","2"]"#, r#"2["a","3"]"#]);
    world.advance(999);
    assert_eq!(world.notes.take(), [""; 0]);
    world.advance(1);
    assert_eq!(world.notes.take(), ["1", "3"]);
    assert_eq!(world.server.counters().unhandled, 1);
    world.advance(500);
    peer.send(&[r#"2["b","4"]"#]);
    assert_eq!(world.notes.take(), ["4"]);
}

#[test]
fn past_64_kib_of_held_events_the_wire_pauses_and_nothing_is_dropped() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket, State(runtime): State<Runtime>| {
        socket.on("n", async |State(notes): State<Notes>, n: String, _text: String| notes.note(n));
        sleep(&runtime, 800).await;
    });
    let peer = world.open();
    peer.send(&["0"]);
    let text = "x".repeat(1000);
    let events: Vec<String> = (0..200).map(|n| format!("2[\"n\",\"{n}\",\"{text}\"]")).collect();
    peer.send(&events[..50].iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(peer.answered(), 2, "50 KB are taken");
    peer.send(&events[50..].iter().map(String::as_str).collect::<Vec<_>>());
    world.advance(700);
    assert_eq!(peer.answered(), 2, "200 KB are not, and the POST waits");
    world.advance(100);
    assert_eq!(peer.answered(), 3);
    assert_eq!(world.notes.take(), (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn one_event_handler_of_a_socket_runs_to_completion_at_a_time() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>, State(notes): State<Notes>, n: u64| {
            notes.note(format!("begin {n}"));
            sleep(&runtime, n).await;
            notes.note(format!("end {n}"));
        });
        socket.on("note", note);
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait",300]"#, r#"2["note","quick"]"#, r#"2["wait",100]"#]);
    assert_eq!(world.notes.take(), ["begin 300"]);
    world.advance(300);
    assert_eq!(world.notes.take(), ["end 300", "quick", "begin 100"]);
    let (other, _) = world.join();
    other.send(&[r#"2["note","another socket"]"#]);
    assert_eq!(world.notes.take(), ["another socket"]);
    world.advance(100);
    assert_eq!(world.notes.take(), ["end 100"]);
}

#[test]
fn concurrent_handlers_start_in_order_and_overlap() {
    let world = World::new();
    world.server.of("/").concurrent(2);
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>, State(notes): State<Notes>, n: u64| {
            notes.note(format!("begin {n}"));
            sleep(&runtime, n).await;
            notes.note(format!("end {n}"));
        });
        socket.on("note", note);
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait",300]"#, r#"2["wait",200]"#, r#"2["wait",50]"#, r#"2["note","last"]"#]);
    assert_eq!(world.notes.take(), ["begin 300", "begin 200"]);
    world.advance(200);
    assert_eq!(world.notes.take(), ["end 200", "begin 50"]);
    world.advance(50);
    assert_eq!(world.notes.take(), ["end 50", "last"]);
    world.advance(50);
    assert_eq!(world.notes.take(), ["end 300"]);
}

#[test]
fn acks_are_handled_while_a_handler_runs() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket| {
            let answer: String = socket.emit_with_ack("question", ()).await?;
            Ok(Reply(answer))
        });
        socket.on("echo", async |args: Args| Reply(args));
    });
    let (peer, _) = world.join();
    // The second event waits behind the handler that waits for the ack.
    peer.send(&[r#"21["ask"]"#, r#"22["echo","behind"]"#]);
    assert_eq!(peer.take(), [r#"20["question"]"#]);
    peer.send(&[r#"30["here"]"#]);
    assert_eq!(peer.take(), [r#"31["here"]"#, r#"32["behind"]"#]);
}

#[test]
fn an_ack_behind_a_full_lane_still_reaches_the_handler_that_awaits_it() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket| {
            let answer: String = socket.emit_with_ack("question", ()).await?;
            Ok(Reply(answer))
        });
    });
    let (peer, _) = world.join();
    let long = format!("2[\"long\",\"{}\"]", "x".repeat(100_000));
    peer.send(&[r#"21["ask"]"#, &long, r#"30["here"]"#]);
    assert_eq!(peer.take(), [r#"20["question"]"#, r#"31["here"]"#]);
}

#[test]
fn heartbeats_go_on_while_a_handler_runs() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async || pending::<()>().await);
        socket.on_disconnect(async |State(notes): State<Notes>, reason: DisconnectReason| {
            notes.note(reason.as_str());
        });
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait"]"#]);
    world.advance(10 * 60 * 1000);
    assert!(!peer.is_closed());
    assert_eq!(world.notes.take(), [""; 0]);
}

#[test]
fn disconnects_and_closes_are_handled_while_a_handler_runs() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async || pending::<()>().await);
        socket.on_disconnect(async |State(notes): State<Notes>, reason: DisconnectReason| {
            notes.note(reason.as_str());
        });
    });
    let (leaves, _) = world.join();
    leaves.send(&[r#"2["wait"]"#, "1"]);
    assert_eq!(world.notes.take(), ["client namespace disconnect"]);
    let (closes, _) = world.join();
    closes.send(&[r#"2["wait"]"#]);
    closes.post_raw("1".to_owned());
    world.run();
    assert_eq!(world.notes.take(), ["transport close"]);
}

#[test]
fn what_was_received_before_a_disconnect_is_still_handled() {
    let world = World::new();
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>| sleep(&runtime, 100).await);
        socket.on("note", note);
        socket.on_disconnect(async |State(notes): State<Notes>| notes.note("gone"));
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait"]"#, r#"2["note","last words"]"#, "1"]);
    world.advance(100);
    assert_eq!(world.notes.take(), ["gone", "last words"]);
}

#[test]
fn reading_pauses_only_past_the_lanes_limit() {
    let world = World::with(|builder| builder.lane_limit(1000));
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>| sleep(&runtime, 5000).await);
        socket.on("note", note);
    });
    let (peer, _) = world.join();
    let event = |length: usize| format!("2[\"note\",\"{}\"]", "x".repeat(length));
    peer.send(&[r#"2["wait"]"#, &event(700)]);
    assert_eq!(peer.answered(), 2);
    peer.send(&[&event(200)]);
    assert_eq!(peer.answered(), 2);
    world.advance(5000);
    assert_eq!(peer.answered(), 3);
    assert_eq!(world.notes.take(), ["x".repeat(700), "x".repeat(200)]);
}

#[test]
fn tiny_events_count_as_the_memory_that_they_take() {
    let world = World::with(|builder| builder.lane_limit(10_000));
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async || pending::<()>().await);
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait"]"#]);
    let tiny = ["2[\"a\"]"; 100];
    peer.send(&tiny[..50]);
    assert_eq!(peer.answered(), 3);
    peer.send(&tiny);
    assert_eq!(peer.answered(), 3, "150 times 6 bytes are less than the limit, but not in memory");
}

#[test]
fn a_peer_that_comes_and_goes_waits_for_handlers_that_do_not_end() {
    let world = World::with(|builder| builder.lane_limit(10_000));
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>| sleep(&runtime, 1000).await);
    });
    let peer = world.open();
    for _ in 0..9 {
        peer.connect("/");
        peer.send(&[r#"2["wait"]"#, "1"]);
    }
    assert_eq!(peer.answered(), 18);
    peer.connect("/");
    peer.send(&[r#"2["wait"]"#, "1"]);
    assert_eq!(peer.answered(), 19, "ten of them are over the limit");
    world.advance(1000);
    assert_eq!(peer.answered(), 20);
    peer.connect("/");
}

#[test]
fn a_peer_that_we_paused_is_not_timed_out_for_its_silence() {
    let world = World::with(|builder| builder.lane_limit(1000));
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async |State(runtime): State<Runtime>| sleep(&runtime, 200_000).await);
        socket.on("note", note);
    });
    let (peer, _) = world.join();
    let long = format!("2[\"note\",\"{}\"]", "x".repeat(2000));
    peer.send(&[r#"2["wait"]"#, &long]);
    // Its pongs cannot be posted while the POST before them waits.
    world.advance(199_000);
    assert!(!peer.is_closed());
    world.advance(1_000);
    assert_eq!(world.notes.take().len(), 1);
    world.advance(60_000);
    assert!(!peer.is_closed());
}

#[test]
fn an_event_without_a_handler_is_counted_and_dropped() {
    let world = World::new();
    let (peer, _) = world.join();
    peer.send(&[r#"27["nobody","x"]"#, "2"]);
    assert_eq!(peer.take(), [""; 0]);
    assert!(!peer.is_closed());
    assert_eq!((world.server.counters().events, world.server.counters().unhandled), (2, 2));
}

#[test]
fn a_wire_that_waits_for_a_lane_does_not_outlive_its_session() {
    let world = World::with(|builder| builder.lane_limit(1000));
    world.server.on_connect(async |socket: Socket| {
        socket.on("wait", async || pending::<()>().await);
    });
    let (peer, _) = world.join();
    peer.send(&[r#"2["wait"]"#, &format!("2[\"note\",\"{}\"]", "x".repeat(2000))]);
    assert_eq!(peer.answered(), 1);
    world.server.close();
    world.run();
    assert_eq!(peer.answered(), 2);
}
