//! Whatever application code and peers do wrong: others are served meanwhile, and nothing stays behind.

use std::future::pending;
use std::time::Duration;

use sockeye_server::error::{HandlerError, Refusal};
use sockeye_server::handler::outcome::Reply;
use sockeye_server::socket::Socket;

use crate::world::{Peer, World};

/// A server with everything that can go wrong, in one namespace each or by one event each.
fn world() -> World {
    let world = World::with(|builder| builder.connect_timeout(Duration::from_secs(45)));
    let server = &world.server;
    server.of("/refuses").with(async || Err::<(), _>(Refusal::new("no")));
    server.of("/panics").with(async |socket: Socket| {
        socket.join("early");
        assert!(socket.namespace().is_empty(), "as asked");
        Ok(())
    });
    server.of("/never").with(async |socket: Socket| {
        socket.join("early");
        socket.set_data(7u8);
        pending::<()>().await;
        Ok(())
    });
    server.of("/handler-panics").on_connect(|socket: Socket| {
        socket.join("room");
        assert!(!socket.is_connected(), "as asked");
        async {}
    });
    server.of("/handler-never").on_connect(async |socket: Socket| {
        socket.join("room");
        pending::<()>().await;
    });
    server.on_connect(async |socket: Socket| {
        socket.join(["room", "another"]);
        socket.set_data(7u8);
        socket.on("echo", async |text: String| Reply(text));
        socket.on("panics", async |socket: Socket| assert!(!socket.is_connected(), "as asked"));
        socket.on("fails", async || -> Result<(), HandlerError> { Err(HandlerError::new("as asked")) });
        socket.on("never", async || pending::<()>().await);
        socket.on("asks", async |socket: Socket| {
            let second = Duration::from_secs(1);
            drop(socket.timeout(second).emit_with_ack::<u8>("asked", ()).await);
        });
        socket
            .on("asks for ever", async |socket: Socket| drop(socket.emit_with_ack::<u8>("asked", ()).await));
        socket.on("leaves", async |socket: Socket| {
            socket.disconnect(false);
            socket.join("too late");
            socket.emit("too late", ());
        });
        socket.on_disconnect(async |socket: Socket| {
            socket.join("too late");
            assert!(socket.is_connected(), "as asked");
        });
    });
    world
}

/// What a hostile peer sends, and what it gets for it.
const DEEDS: &[(&[&str], &[&str])] = &[
    (&["0/refuses,"], &[r#"4/refuses,{"message":"no"}"#]),
    (&["0/panics,"], &[r#"4/panics,{"message":"Internal error"}"#]),
    (&["0/never,"], &[]),
    (&[r#"21["panics"]"#, r#"22["echo","x"]"#], &[r#"32["x"]"#]),
    (&[r#"21["fails"]"#, r#"22["echo","x"]"#], &[r#"32["x"]"#]),
    (&[r#"21["never"]"#, r#"22["echo","x"]"#], &[]),
    (&[r#"2["asks"]"#], &[r#"2N["asked"]"#]),
    (&[r#"2["asks for ever"]"#], &[r#"2N["asked"]"#]),
    (&["30[1]", "30[1]", "399[1]"], &[]),
    (&[r#"2["leaves"]"#], &["1"]),
];

/// An ack id is the namespace's next, whatever that is.
fn without_id(packet: &str) -> String {
    match packet.strip_prefix('2') {
        Some(rest) if rest.ends_with("[\"asked\"]") => r#"2N["asked"]"#.to_owned(),
        _ => packet.to_owned(),
    }
}

fn answers(peer: &Peer<'_>) -> Vec<String> {
    peer.take().iter().map(|packet| without_id(packet)).collect()
}

#[test]
fn whatever_goes_wrong_others_are_served_and_nothing_stays_behind() {
    let world = world();
    let (canary, _) = world.join();
    for (sent, got) in DEEDS {
        let (peer, _) = world.join();
        peer.send(sent);
        assert_eq!(answers(&peer), *got, "{sent:?}");
        assert!(!peer.is_closed(), "{sent:?}");
        canary.send(&[r#"20["echo","still here"]"#]);
        assert_eq!(canary.take(), [r#"30["still here"]"#], "{sent:?}");
        let (new, _) = world.join();
        new.post_raw("1".to_owned());
        peer.post_raw("1".to_owned());
        world.run();
        let rest = || {
            let counters = world.server.counters();
            let connected: usize = counters.connected.iter().map(|(_, sockets)| sockets).sum();
            (counters.sessions, connected, world.server.of("/").rooms().len())
        };
        assert_eq!(rest(), (1, 1, 2), "{sent:?}");
        for namespace in world.server.namespaces().iter().filter(|namespace| namespace.name() != "/") {
            assert!(namespace.rooms().is_empty() && namespace.is_empty(), "{sent:?}");
        }
    }
    assert!(!canary.is_closed());
}

#[test]
fn a_connection_handler_that_panics_or_never_ends_leaves_a_socket_like_any_other() {
    let world = world();
    let (canary, _) = world.join();
    let peer = world.open();
    peer.connect("/handler-panics");
    peer.connect("/handler-never");
    canary.send(&[r#"20["echo","still here"]"#]);
    assert_eq!(canary.take(), [r#"30["still here"]"#]);
    assert_eq!(world.server.of("/handler-never").room_len("room"), 1);
    assert_eq!(world.server.counters().panics, 1);
    peer.send(&["1/handler-panics,"]);
    peer.post_raw("1".to_owned());
    world.run();
    assert_eq!(world.server.counters().sessions, 1);
    for name in ["/handler-panics", "/handler-never"] {
        assert!(world.server.of(name).rooms().is_empty() && world.server.of(name).is_empty(), "{name}");
    }
}

#[test]
fn acks_that_are_waited_for_are_all_gone_with_their_socket() {
    let world = World::with(|builder| builder.ack_limit(100));
    world.server.on_connect(async |socket: Socket| {
        socket.on("ask", async |socket: Socket| {
            // As many as may be, each waited for, and one more.
            let asked: Vec<_> = (0..101).map(|_| socket.emit_with_ack::<u8>("asked", ())).collect();
            for request in asked {
                drop(request.await);
            }
            socket.emit("all over", ());
        });
    });
    let (canary, _) = world.join();
    for _ in 0..3 {
        let (peer, _) = world.join();
        peer.send(&[r#"2["ask"]"#]);
        assert_eq!(peer.take().len(), 100);
        peer.post_raw("1".to_owned());
        world.run();
        assert_eq!(world.server.counters().sessions, 1);
    }
    assert_eq!(world.server.counters().acks_refused, 3);
    let (peer, _) = world.join();
    peer.send(&[r#"2["ask"]"#]);
    let ids: Vec<String> = peer.take().iter().map(|asked| asked[1..asked.len() - 9].to_owned()).collect();
    let acks: Vec<String> = ids.iter().map(|id| format!("3{id}[1]")).collect();
    peer.send(&acks.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(peer.take(), [r#"2["all over"]"#], "the places of those before are free again");
    assert!(!canary.is_closed());
}
