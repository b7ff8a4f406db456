//! The PROXY protocol in front of our accept loop's connections.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use sockeye_engine::listen::Listen;
use sockeye_engine::options::Options;
use sockeye_engine::proxies::TrustedProxies;
use support::http::{Client, POLLING};
use support::websocket::{TARGET, UPGRADE, WebSocket};
use support::{Recorder, Server};

const TEXT: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x12\x67\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn trusted(proxies: &[&str]) -> TrustedProxies {
    TrustedProxies::new(proxies).expect("addresses")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn behind_balancer(balancers: &[&str], options: Options) -> Server {
    let mut listen = Listen::default();
    listen.proxy_protocol = trusted(balancers);
    Server::with(Recorder::default(), options, listen)
}

fn request(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
}

fn last_peer(server: &Server) -> Option<SocketAddr> {
    server.application().peers.lock().last().expect("a session").0
}

#[tokio::test]
async fn a_balancers_header_names_the_client_in_one_segment_or_byte_by_byte() {
    let server = behind_balancer(&["127.0.0.1"], Options::default());
    for header in [TEXT, BINARY] {
        let bytes = [header, &request(POLLING, "")].concat();
        let mut client = Client::connect(server.address).await;
        client.write(&bytes).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(last_peer(&server), Some(address("203.0.113.9:4711")));
        let mut client = Client::connect(server.address).await;
        for byte in &bytes {
            client.write([*byte]).await;
            tokio::task::yield_now().await;
        }
        let target = format!("{POLLING}&wait=0&sid={}", client.answer().await.sid());
        assert_eq!(last_peer(&server), Some(address("203.0.113.9:4711")));
        // The header is the connection's, not the request's.
        assert_eq!(client.get(&target).await.status, 200);
        let mut client = Client::connect(server.address).await;
        client.write([header, &request(TARGET, UPGRADE)].concat()).await;
        assert_eq!(client.head().await.expect("an answer").status, 101);
        support::eventually(|| last_peer(&server) == Some(address("203.0.113.9:4711"))).await;
    }
}

#[tokio::test]
async fn a_balancer_that_speaks_for_itself_is_the_peer() {
    let server = behind_balancer(&["127.0.0.0/8"], Options::default());
    let mut client = Client::connect(server.address).await;
    client.write([LOCAL, &request(POLLING, "")].concat()).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(last_peer(&server), client.stream.local_addr().ok());
}

#[tokio::test]
async fn a_client_that_a_balancer_does_not_know_is_nobody_and_not_believed() {
    let mut options = Options::default();
    options.trusted_proxies = trusted(&["127.0.0.1"]);
    let server = behind_balancer(&["127.0.0.1"], options);
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
    for header in [&b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n"[..], unspecified] {
        let mut client = Client::connect(server.address).await;
        client.write([header, &request(POLLING, "X-Forwarded-For: 192.0.2.77\r\n")].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(last_peer(&server), None);
    }
}

#[tokio::test]
async fn connections_are_counted_for_the_client_that_a_balancer_names() {
    let mut listen = Listen::default();
    listen.proxy_protocol = trusted(&["127.0.0.1"]);
    listen.connections_per_address = 2;
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let other = b"PROXY TCP4 203.0.113.10 192.0.2.1 4711 443\r\n";
    let mut open = Vec::new();
    for header in [TEXT, BINARY, other] {
        let mut client = Client::connect(server.address).await;
        client.write([header, &request(POLLING, "")].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        open.push(client);
    }
    let mut third = Client::connect(server.address).await;
    third.write([TEXT, &request(POLLING, "")].concat()).await;
    assert!(third.is_closed().await, "one too many of its address");
    assert_eq!(server.engine.counters().turned_away(), 1);
    // Its place is free again once one of them has gone.
    drop(open.remove(0));
    loop {
        let mut client = Client::connect(server.address).await;
        client.write([TEXT, &request(POLLING, "")].concat()).await;
        if client.try_answer().await.is_some_and(|answer| answer.status == 200) {
            break;
        }
    }
}

#[tokio::test]
async fn a_balancers_connection_without_a_whole_header_is_closed_unanswered() {
    let mut listen = Listen::default();
    listen.proxy_protocol = trusted(&["127.0.0.1"]);
    listen.head_timeout = Duration::from_millis(200);
    let server = Server::with(Recorder::default(), Options::default(), listen);
    for bytes in [
        request(POLLING, ""),
        [b"PROXY TCP4 203.0.113.9\r\n", &request(POLLING, "")[..]].concat(),
        b"PROXY TCP4 203.0.113.9 192.0.2.1 47".to_vec(),
        BINARY[..20].to_vec(),
        b"\r".to_vec(),
        Vec::new(),
    ] {
        let mut client = Client::connect(server.address).await;
        client.write(&bytes).await;
        assert!(client.is_closed().await, "{}", bytes.escape_ascii());
    }
    assert!(server.application().events().is_empty());
    // And nobody is the worse for it.
    let mut client = Client::connect(server.address).await;
    client.write([TEXT, &request(POLLING, "")].concat()).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn from_anybody_else_no_header_is_looked_for() {
    for balancers in [&[][..], &["10.0.0.0/8", "127.0.0.2"]] {
        let server = behind_balancer(balancers, Options::default());
        for header in [TEXT, BINARY] {
            let mut client = Client::connect(server.address).await;
            client.write([header, &request(POLLING, "")].concat()).await;
            assert!(client.try_answer().await.is_none_or(|answer| answer.status == 400));
        }
        assert!(server.application().events().is_empty());
        let mut socket = WebSocket::open(server.address, TARGET).await;
        socket.text().await;
        assert_eq!(last_peer(&server), socket.client.stream.local_addr().ok());
    }
}

#[tokio::test]
async fn who_a_balancer_speaks_for_is_who_may_be_trusted() {
    let mut options = Options::default();
    options.trusted_proxies = trusted(&["203.0.113.9"]);
    let server = behind_balancer(&["127.0.0.1"], options);
    for (header, expected) in
        [(TEXT, "192.0.2.77:0"), (b"PROXY TCP4 203.0.113.8 192.0.2.1 4711 443\r\n", "203.0.113.8:4711")]
    {
        let mut client = Client::connect(server.address).await;
        client.write([header, &request(POLLING, "X-Forwarded-For: 192.0.2.77\r\n")].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(last_peer(&server), Some(address(expected)));
    }
}
