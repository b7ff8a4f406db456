//! Namespaces that are made when peers ask for them, and namespaces that go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sockeye_server::error::Refusal;
use sockeye_server::handler::args::State;
use sockeye_server::handshake::Handshake;
use sockeye_server::naming::predicate;
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;

use crate::world::{Notes, World, sleep};

const INVALID: &str = r#"{"message":"Invalid namespace"}"#;

fn fail() {
    panic!("as asked");
}

fn names(world: &World) -> Vec<String> {
    world.server.namespaces().iter().map(|namespace| namespace.name().to_owned()).collect()
}

#[test]
fn a_child_is_made_for_who_asks_and_has_its_parents_handlers() {
    let world = World::new();
    let teams = world.server.of(|name: &str| name.starts_with("/team-"));
    teams
        .with(async |socket: Socket| match socket.namespace() {
            "/team-0" => Err(Refusal::new("nobody")),
            _ => Ok(()),
        })
        .on_connect(async |socket: Socket| {
            socket.on("who", async |socket: Socket| socket.emit("you", socket.namespace().to_owned()));
        });
    let peer = world.open();
    peer.connect("/team-1");
    peer.connect("/team-22");
    peer.send(&[r#"2/team-1,["who"]"#, r#"2/team-22,["who"]"#]);
    assert_eq!(peer.take(), [r#"2/team-1,["you","/team-1"]"#, r#"2/team-22,["you","/team-22"]"#]);
    peer.send(&["0/team-0,", "0/other,"]);
    assert_eq!(peer.take(), [r#"4/team-0,{"message":"nobody"}"#.to_owned(), format!("4/other,{INVALID}")]);
    let mut children: Vec<String> = teams.children().iter().map(|child| child.name().to_owned()).collect();
    children.sort_unstable();
    assert_eq!(children, ["/team-1", "/team-22"], "nobody was let into the other");
    assert!(!peer.is_closed());
}

#[test]
fn the_first_parent_that_fits_has_the_name_and_names_that_are_there_are_nobodys() {
    let world = World::new();
    world.server.of("/team-x").on_connect(async |socket: Socket| socket.emit("by", "name"));
    world.server.of(|_: &str| false);
    world.server.of(|name: &str| name.starts_with("/team-")).on_connect(async |s: Socket| s.emit("by", 1));
    world.server.of(|name: &str| name.starts_with("/")).on_connect(async |s: Socket| s.emit("by", 2));
    let peer = world.open();
    for (name, by) in [("/team-x", r#""name""#), ("/team-1", "1"), ("/other", "2")] {
        peer.connect(name);
        assert_eq!(peer.take(), [format!("2{name},[\"by\",{by}]")]);
    }
}

#[cfg(feature = "regex")]
#[test]
fn a_pattern_takes_names_of_peers_and_of_the_application() {
    let world = World::new();
    let parent = world.server.of(regex::Regex::new(r"^/dynamic-\d+$").expect("a pattern"));
    parent.on_connect(async |socket: Socket| socket.emit("hi", ()));
    let made = world.server.of("/dynamic-7");
    assert_eq!(parent.children().len(), 1);
    let peer = world.open();
    peer.connect("/dynamic-7");
    peer.connect("/dynamic-8");
    assert_eq!(peer.take().len(), 2);
    assert_eq!(made.len(), 1);
    peer.send(&["0/dynamic-x,"]);
    assert_eq!(peer.take(), [format!("4/dynamic-x,{INVALID}")]);
}

#[test]
fn a_parent_speaks_to_all_its_children_and_to_nobody_else() {
    let world = World::new();
    world.server.of("/else");
    let teams = world.server.of(|name: &str| name.starts_with("/team-"));
    teams.on_connect(async |socket: Socket| {
        socket.on("join", async |socket: Socket, room: String| socket.join(room));
        socket.on("leave all", async |socket: Socket| {
            socket.join(["x", "y"]);
            socket.leave_all();
        });
    });
    let (one, two) = (world.open(), world.open());
    one.connect("/team-1");
    one.connect("/else");
    two.connect("/team-2");
    one.send(&[r#"2/team-1,["join","a"]"#]);
    teams.emit("all", 1);
    teams.send("text");
    teams.to("a").emit("in a", ());
    teams.except("a").compress(false).local().emit("out of a", ());
    let packets = |event: &str, team: u8| format!("2/team-{team},[{event}]");
    assert_eq!(one.take(), [r#""all",1"#, r#""message","text""#, r#""in a""#].map(|event| packets(event, 1)));
    assert_eq!(
        two.take(),
        [r#""all",1"#, r#""message","text""#, r#""out of a""#].map(|event| packets(event, 2))
    );
    teams.everybody().sockets_join("b");
    teams.within("a").sockets_leave("b");
    assert_eq!((teams.to("b").count(), teams.everybody().count()), (1, 2));
    two.send(&[r#"2/team-2,["leave all"]"#]);
    assert_eq!(teams.to(["b", "x", "y"]).count(), 0);
    assert_eq!(world.server.clients_count(), 2);
    teams.everybody().disconnect_sockets(false);
    assert_eq!((one.take(), two.take()), (vec!["1/team-1,".to_owned()], vec!["1/team-2,".to_owned()]));
    assert!(!one.is_closed());
}

#[test]
fn a_predicate_may_take_time_and_knows_who_asks() {
    let world = World::new();
    let runtime = world.simulation.runtime();
    world.server.of(predicate(move |name: String, handshake: Handshake| {
        let runtime = runtime.clone();
        async move {
            sleep(&runtime, 100).await;
            let auth: serde_json::Value = handshake.auth().expect("an object");
            name.starts_with("/user-") && auth["token"] == "good" && handshake.header("x-test").is_some()
        }
    }));
    let peer = world.open();
    peer.send(&[r#"0/user-1,{"token":"good"}"#, r#"0/user-2,{"token":"bad"}"#]);
    assert!(peer.take().is_empty());
    world.advance(100);
    let packets = peer.take();
    assert!(packets[0].starts_with(r#"0/user-1,{"sid":"#), "{packets:?}");
    assert_eq!(packets[1..], [format!("4/user-2,{INVALID}")]);
    assert_eq!(names(&world), ["/", "/user-1"]);
}

#[test]
fn a_predicate_that_panics_is_a_no_and_one_that_never_answers_is_bounded() {
    let world = World::new();
    world.server.of(|name: &str| if name == "/panic" { panic!("as asked") } else { false });
    world.server.of(predicate(async |name: String, _: Handshake| match &*name {
        "/never" => std::future::pending().await,
        "/late" => panic!("as asked"),
        _ => true,
    }));
    let peer = world.open();
    peer.send(&["0/late,"]);
    assert_eq!(peer.take(), [format!("4/late,{INVALID}")]);
    peer.connect("/panic");
    for _ in 0..16 {
        peer.send(&["0/never,"]);
    }
    assert!(!peer.is_closed());
    peer.send(&["0/never,"]);
    assert!(peer.is_closed(), "a parent thinks about so many of one connection at a time");
    let (other, _) = world.join();
    assert!(!other.is_closed());
}

#[test]
fn who_goes_while_a_predicate_thinks_leaves_nothing_behind() {
    let world = World::with(|builder| builder.cleanup_empty_child_namespaces(true));
    let runtime = world.simulation.runtime();
    world.server.of(predicate(move |_: String, _: Handshake| {
        let runtime = runtime.clone();
        async move {
            sleep(&runtime, 1000).await;
            true
        }
    }));
    let peer = world.open();
    peer.send(&["0/slow,"]);
    peer.post_raw("1".to_owned());
    world.advance(1000);
    assert_eq!(world.server.counters().sessions, 0);
    assert_eq!(world.server.counters().connected.iter().map(|(_, sockets)| sockets).sum::<usize>(), 0);
}

#[test]
fn new_namespaces_are_told_before_anybody_joins() {
    let world = World::new();
    let notes = world.notes.clone();
    world.server.on_new_namespace(move |namespace| {
        notes.note(format!("{} {}", namespace.name(), namespace.len()));
        namespace.concurrent(2);
    });
    world.server.of("/static");
    world.server.of("/static");
    world.server.of(|_: &str| true).on_connect(async |State(notes): State<Notes>| notes.note("joined"));
    world.open().connect("/child");
    assert_eq!(world.notes.take(), ["/static 0", "/child 0", "joined"]);
}

#[test]
fn empty_children_go_where_that_is_asked_for() {
    for (cleanup, left) in [(true, vec!["/"]), (false, vec!["/", "/team-1"])] {
        let world = World::with(|builder| builder.cleanup_empty_child_namespaces(cleanup));
        world.server.of(|name: &str| name.starts_with("/team-")).on_connect(async |socket: Socket| {
            socket.on_disconnect(async |State(runtime): State<Runtime>| sleep(&runtime, 50).await);
        });
        let (one, two) = (world.open(), world.open());
        one.connect("/team-1");
        two.connect("/team-1");
        one.send(&["1/team-1,"]);
        world.advance(50);
        assert_eq!(names(&world), ["/", "/team-1"]);
        two.send(&["1/team-1,"]);
        assert_eq!(names(&world), ["/", "/team-1"], "its disconnect handler has not ended");
        world.advance(50);
        assert_eq!(names(&world), left);
        one.connect("/team-1");
    }
}

#[test]
fn a_child_that_refuses_everybody_or_whose_peer_is_cut_goes_too() {
    let world = World::with(|builder| builder.cleanup_empty_child_namespaces(true));
    world.server.of(|name: &str| name.starts_with("/no")).with(async || Err::<(), _>(Refusal::new("no")));
    world.server.of(|name: &str| name.starts_with("/yes"));
    let peer = world.open();
    for n in 0..100 {
        peer.send(&[&format!("0/no-{n},")]);
        assert_eq!(peer.take().len(), 1);
    }
    assert_eq!(names(&world), ["/"]);
    for n in 0..100 {
        peer.connect(&format!("/yes-{n}"));
    }
    assert_eq!(names(&world).len(), 101);
    peer.post_raw("1".to_owned());
    world.run();
    assert_eq!(names(&world), ["/"]);
}

#[test]
fn a_handle_of_a_socket_outlives_its_namespace_and_does_nothing() {
    let world = World::with(|builder| builder.cleanup_empty_child_namespaces(true));
    let kept: Arc<parking_lot::Mutex<Vec<Socket>>> = Arc::default();
    let keep = kept.clone();
    world.server.of(|_: &str| true).on_connect(move |socket: Socket| {
        keep.lock().push(socket);
        async {}
    });
    let peer = world.open();
    peer.connect("/a");
    peer.send(&["1/a,"]);
    peer.connect("/b");
    let a = kept.lock()[0].clone();
    assert_eq!(a.namespace(), "/a");
    assert!(!a.is_connected() && a.emit("x", ()).result().is_err());
    a.to("room").emit("x", ());
    a.join("room");
    a.disconnect(false);
    assert!(a.rooms().is_empty() && a.handshake().is_some());
    kept.lock().clear();
    drop(a);
    peer.send(&["1/b,"]);
    assert_eq!(names(&world), ["/"]);
    assert!(peer.take().is_empty());
}

#[test]
fn a_connection_is_in_so_many_namespaces_and_in_others_when_it_has_left_some() {
    let world = World::with(|builder| builder.namespaces_per_connection(2));
    world.server.of(|_: &str| true);
    let peer = world.open();
    peer.connect("/a");
    peer.connect("/b");
    peer.send(&["0/c,"]);
    assert_eq!(peer.take(), [r#"4/c,{"message":"Too many namespaces"}"#]);
    assert_eq!(names(&world), ["/", "/a", "/b"], "it was not made for who may not be in it");
    peer.connect("/");
    peer.send(&["1/a,"]);
    peer.connect("/c");
    assert!(!peer.is_closed());
}

#[test]
fn what_all_namespaces_of_a_connection_are_told_is_bounded_together() {
    let world = World::with(|builder| builder.max_payload(1_000));
    world.server.of(|_: &str| true);
    let peer = world.open();
    let auth = format!(r#"{{"token":"{}"}}"#, "x".repeat(600));
    peer.send(&[format!("0/a,{auth}").as_str()]);
    assert!(peer.take()[0].starts_with("0/a,{"));
    peer.send(&[format!("0/b,{auth}").as_str()]);
    assert_eq!(peer.take(), [r#"4/b,{"message":"Too much auth"}"#]);
    peer.connect("/b");
    peer.send(&["1/a,"]);
    peer.send(&[format!("0/c,{auth}").as_str()]);
    assert!(peer.take()[0].starts_with("0/c,{"), "what it left is given back");
    assert!(!peer.is_closed());
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let world = World::with(|builder| builder.namespace_name_limit(10));
    world.server.of(|_: &str| true);
    let peer = world.open();
    peer.connect("/123456789");
    peer.send(&["0/1234567890,"]);
    assert_eq!(peer.take(), [format!("4/1234567890,{INVALID}")]);
}

#[test]
fn a_namespace_can_be_removed_in_its_own_disconnect_handler() {
    let world = World::new();
    let removed = Arc::new(AtomicUsize::new(0));
    let (server, count) = (world.server.clone(), removed.clone());
    world.server.of("/gone").on_connect(move |socket: Socket| {
        let (server, count) = (server.clone(), count.clone());
        socket.on_disconnect(move |_: Socket| {
            let namespace = server.namespaces().into_iter().find(|namespace| namespace.name() == "/gone");
            count.fetch_add(
                namespace.map_or(0, |namespace| usize::from(namespace.remove())),
                Ordering::Relaxed,
            );
            async {}
        });
        async {}
    });
    let (one, two) = (world.open(), world.open());
    one.connect("/gone");
    two.connect("/gone");
    one.send(&["1/gone,"]);
    assert_eq!(removed.load(Ordering::Relaxed), 1);
    assert_eq!(two.take(), ["1/gone,"], "the others disconnect");
    one.send(&["0/gone,"]);
    assert_eq!(one.take(), [format!("4/gone,{INVALID}")]);
    assert!(!one.is_closed() && !two.is_closed());
    assert_eq!(names(&world), ["/"]);
    assert!(world.server.of("/gone").is_empty());
    one.connect("/gone");
}

#[test]
fn a_peer_joins_so_many_namespaces_and_no_more() {
    let world = World::with(|builder| builder.namespaces_per_connection(3));
    world.server.of(|_: &str| true);
    let peer = world.open();
    ["/a", "/b", "/c"].iter().for_each(|name| _ = peer.connect(name));
    peer.send(&["0/d,"]);
    assert_eq!(peer.take(), [r#"4/d,{"message":"Too many namespaces"}"#]);
    peer.send(&["1/a,"]);
    peer.connect("/d");
    let other = world.open();
    other.connect("/a");
    assert!(!peer.is_closed());
}

#[test]
fn one_peer_that_asks_for_very_many_names_leaves_them_to_others() {
    let world = World::new();
    world.server.of(|name: &str| name.starts_with("/no")).with(async || Err::<(), _>(Refusal::new("no")));
    world.server.of(|name: &str| name.starts_with("/yes"));
    let (flooder, other) = (world.open(), world.open());
    for n in 0..40_000 {
        flooder.post(&[&format!("0/no-{n},")]);
    }
    world.run();
    assert_eq!(flooder.take().len(), 40_000);
    other.connect("/yes-1");
    assert_eq!(names(&world), ["/", "/yes-1"], "nobody was let into the others, so nothing keeps them");
}

#[test]
fn who_is_told_of_new_namespaces_may_panic() {
    let world = World::with(|builder| builder.cleanup_empty_child_namespaces(true));
    world.server.on_new_namespace(|_| fail());
    world.server.of(|_: &str| true);
    let peer = world.open();
    peer.connect("/child");
    peer.send(&["1/child,"]);
    assert!(!peer.is_closed());
    assert_eq!(names(&world), ["/"]);
}

#[test]
fn who_is_in_a_middleware_when_the_namespace_is_removed_is_refused() {
    async fn think(State(runtime): State<Runtime>) -> Result<(), Refusal> {
        sleep(&runtime, 100).await;
        Ok(())
    }
    for is_child in [false, true] {
        let world = World::new();
        if is_child {
            world.server.of(|_: &str| true).with(think);
        } else {
            world.server.of("/gone").with(think);
        }
        let peer = world.open();
        peer.send(&["0/gone,"]);
        let gone = world.server.namespaces().pop().expect("it is there");
        assert!(gone.name() == "/gone" && gone.remove());
        world.advance(100);
        assert_eq!(peer.take(), [format!("4/gone,{INVALID}")]);
        assert!(gone.is_empty() && !peer.is_closed());
    }
}
