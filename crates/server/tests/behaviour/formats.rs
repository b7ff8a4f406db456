//! Servers that speak MessagePack, to peers that send its bytes by hand.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sockeye_server::handler::args::Args;
use sockeye_server::handler::outcome::Reply;
use sockeye_server::parser::msgpack::MessagePack;
use sockeye_server::socket::Socket;

use crate::world::{Peer, World};

fn world() -> World {
    let world = World::with(|builder| builder.parser(MessagePack).allow_eio3(true));
    world.server.on_connect(async |socket: Socket| {
        socket.on("echo", async |args: Args| Reply(args));
    });
    world.server.of(|name: &str| name.len() < 5);
    world
}

/// A packet of these members, each written already.
fn packet(kind: u8, namespace: &str, more: &[u8]) -> Vec<u8> {
    let members = 2 + u8::from(!more.is_empty());
    let mut bytes = vec![0x80 | members];
    bytes.extend(b"\xa4type");
    bytes.push(kind);
    bytes.extend(b"\xa3nsp");
    bytes.push(0xa0 | u8::try_from(namespace.len()).expect("a short name"));
    bytes.extend(namespace.as_bytes());
    bytes.extend(more);
    bytes
}

fn send(peer: &Peer<'_>, bytes: &[u8]) {
    peer.send(&[&format!("b{}", BASE64_STANDARD.encode(bytes))]);
}

fn take(peer: &Peer<'_>) -> Vec<Vec<u8>> {
    let decode = |packet: String| BASE64_STANDARD.decode(&packet[1..]).expect("binary");
    peer.take().into_iter().map(decode).collect()
}

fn joined(world: &World) -> Peer<'_> {
    let peer = world.open();
    send(&peer, &packet(0, "/", &[]));
    assert_eq!(take(&peer).len(), 1);
    peer
}

#[test]
fn a_name_that_the_default_format_cannot_say_is_refused_in_words() {
    let world = world();
    let peer = joined(&world);
    for name in ["x", "/a,b", ","] {
        send(&peer, &packet(0, name, &[]));
        let refusal = b"\xa4data\x81\xa7message\xb1Invalid namespace";
        assert_eq!(take(&peer), [packet(4, name, refusal)], "{name}");
    }
    send(&peer, &packet(0, "/a", &[]));
    assert_eq!(take(&peer).len(), 1);
    assert!(!peer.is_closed());
    assert_eq!(world.server.counters().connected.len(), 2, "and nothing of the others is kept");
}

#[test]
fn what_is_no_packet_closes_the_connection_and_disturbs_nobody() {
    let deep = [&b"\xa4data"[..], &vec![0x91; 100_000], b"\xc0"].concat();
    let lied = b"\xa4data\xdd\xff\xff\xff\xff\xa4echo".to_vec();
    let huge = b"\xa4data\x92\xa4echo\xc6\xff\xff\xff\xff".to_vec();
    let reserved = b"\xa4data\x91\xaadisconnect".to_vec();
    let mut bad =
        vec![Vec::new(), b"\xc1".to_vec(), b"\xc0".to_vec(), b"\x91\x01".to_vec(), packet(5, "/", &[])];
    bad.extend([deep, lied, huge, reserved, b"\xa4data\x80".to_vec()].map(|more| packet(2, "/", &more)));
    bad.push([packet(1, "/", &[]), vec![0]].concat());
    for bytes in bad {
        let world = world();
        let (canary, peer) = (joined(&world), joined(&world));
        send(&peer, &bytes);
        assert!(peer.is_closed(), "{:02x?}", &bytes[..bytes.len().min(40)]);
        let counters = world.server.counters();
        let over_limit: u64 = counters.packet_limits.iter().map(|(_, count)| count).sum();
        assert_eq!(counters.undecodable + over_limit, 1);
        send(&canary, &packet(2, "/", b"\xa4data\x91\xa4echo"));
        assert_eq!((canary.is_closed(), world.server.counters().events), (false, 1));
    }
    let world = world();
    let peer = joined(&world);
    peer.send(&[r#"2["echo",1]"#]);
    assert!(peer.is_closed(), "text is no MessagePack");
}
