//! Clients of Socket.IO 1 and 2, which speak protocol 4 over Engine.IO 3.

use sockeye_server::error::Refusal;
use sockeye_server::handler::args::{Auth, State};
use sockeye_server::runtime::Runtime;
use sockeye_server::socket::Socket;
use sockeye_server::value::Value;

use crate::world::{Notes, Peer, World, sleep};

const TARGET_3: &str = "/socket.io/?EIO=3&transport=polling&b64=1";

fn world() -> World {
    let world = World::with(|builder| builder.allow_eio3(true));
    world.server.on_connect(welcome);
    world.server.of("/admin").on_connect(welcome);
    world
}

async fn welcome(socket: Socket, State(notes): State<Notes>, Auth(auth): Auth<Value>) {
    let auth = serde_json::to_string(&auth).expect("JSON");
    notes.note(format!("{} {} {auth}", socket.namespace(), socket.conn().protocol()));
    socket.on("echo", async |socket: Socket, text: String| socket.emit("echo", text));
    socket.emit("hello", socket.namespace());
}

fn open(world: &World) -> Peer<'_> {
    world.open_at(TARGET_3)
}

#[test]
fn it_has_joined_the_default_namespace_with_the_open_packet_and_hears_no_id() {
    let world = world();
    let peer = open(&world);
    assert_eq!(peer.take(), ["0", r#"2["hello","/"]"#]);
    peer.send(&[r#"2["echo","€"]"#]);
    assert_eq!(peer.take(), [r#"2["echo","€"]"#]);
    assert_eq!(world.notes.take(), ["/ 3 {}"]);
    assert_eq!(world.server.of("/").len(), 1);
}

#[test]
fn its_socket_has_an_id_of_its_own_which_is_not_the_sessions_secret() {
    let world = world();
    let peer = open(&world);
    peer.send(&["0/admin,"]);
    let ids = [world.server.of("/"), world.server.of("/admin")].map(|namespace| {
        let sockets = namespace.sockets();
        sockets[0].id().to_string()
    });
    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&peer.sid().to_owned()));
    world.server.to(ids[0].as_str()).emit("direct", ());
    assert_eq!(peer.take().last().map(String::as_str), Some(r#"2["direct"]"#));
}

#[test]
fn a_query_behind_a_namespaces_name_is_its_auth_and_no_part_of_the_name() {
    let world = world();
    let peer = open(&world);
    peer.take();
    peer.send(&["0/admin?token=1&x=a%20b,", r#"2/admin?token=1,["echo","x"]"#]);
    assert_eq!(peer.take(), ["0/admin,", r#"2/admin,["hello","/admin"]"#, r#"2/admin,["echo","x"]"#]);
    assert_eq!(world.notes.take()[1..], [r#"/admin 3 {"token":"1","x":"a b"}"#]);
    peer.send(&["1/admin?token=1,", r#"0/admin,{"token":"no query"}"#]);
    assert_eq!(peer.take()[0], "0/admin,");
    assert_eq!(world.notes.take(), ["/admin 3 {}"]);
    assert!(!peer.is_closed());
}

#[test]
fn a_namespace_that_is_made_when_it_is_asked_for_is_named_without_the_query() {
    let world = world();
    world.server.of(|name: &str| name.starts_with("/team-")).on_connect(welcome);
    let peer = open(&world);
    peer.take();
    peer.send(&["0/team-1?a=1"]);
    assert_eq!(peer.take(), ["0/team-1,", r#"2/team-1,["hello","/team-1"]"#]);
    assert!(world.server.namespaces().iter().any(|namespace| namespace.name() == "/team-1"));
}

#[test]
fn refusals_are_a_text_or_data_and_an_unknown_namespace_is_an_object() {
    let world = world();
    let refuse = |name: &'static str, refusal: Refusal| {
        world.server.of(name).with(move || {
            let refusal = refusal.clone();
            async move { Err(refusal) }
        });
    };
    refuse("/text", Refusal::new("no \"entry\""));
    refuse("/data", Refusal::new("m").with_data(7));
    refuse("/silent", Refusal::silent());
    let peer = open(&world);
    peer.take();
    peer.send(&["0/text?a=1,", "0/data", "0/silent", "0/nope?a=1"]);
    assert_eq!(
        peer.take(),
        [
            r#"4/text,"no \"entry\"""#,
            "4/data,7",
            r#"4/silent,"""#,
            r#"4/nope,{"message":"Invalid namespace"}"#,
        ]
    );
    assert!(!peer.is_closed());
}

#[test]
fn a_default_namespace_that_thinks_lets_it_wait_and_one_that_refuses_closes_it_in_time() {
    let world = World::with(|builder| builder.allow_eio3(true));
    world.server.of("/").with(async |State(runtime): State<Runtime>| {
        sleep(&runtime, 100).await;
        Err::<(), _>(Refusal::new("refused"))
    });
    let peer = open(&world);
    assert_eq!(peer.take(), [""; 0]);
    world.advance(100);
    assert_eq!(peer.take(), [r#"4"refused""#]);
    world.advance(44_000);
    assert!(!peer.is_closed());
    world.advance(1_200);
    assert!(peer.is_closed());
}

#[test]
fn a_connect_to_the_default_namespace_closes_as_any_second_one() {
    let world = world();
    let peer = open(&world);
    peer.send(&["0"]);
    assert!(peer.is_closed());
    assert_eq!(world.server.counters().violations, 1);
}

#[test]
fn a_query_in_a_name_means_nothing_to_others() {
    let world = world();
    let (peer, _) = world.join();
    peer.take();
    peer.send(&["0/admin?x=1,"]);
    assert_eq!(peer.take(), [r#"4/admin?x=1,{"message":"Invalid namespace"}"#]);
    peer.connect("/admin");
    peer.send(&[r#"2/admin?x=1,["echo","x"]"#]);
    assert!(peer.is_closed());
}

#[test]
fn a_broadcast_reaches_both_protocols_each_in_its_own_bytes() {
    let world = world();
    let old = open(&world);
    let (new, _) = world.join();
    let (_, _) = (old.take(), new.take());
    world.server.emit("bytes", sockeye_server::binary::Binary::from(&[1, 2, 3][..]));
    let event = r#"51-["bytes",{"_placeholder":true,"num":0}]"#;
    assert_eq!(old.take(), [event, "b4AQID"]);
    assert_eq!(new.take(), [event, "bAQID"]);
    old.send(&["1"]);
    assert_eq!(world.server.of("/").len(), 1);
}
