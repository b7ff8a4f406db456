//! Requests of foreign origins, over every technique, and whom proxies speak for.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use sockeye_engine::gate::AllowRequest;
use sockeye_engine::hooks::OnConnectionError;
use sockeye_engine::options::{AllowedOrigin, Cors, Options};
use sockeye_engine::origins::Origins;
use sockeye_engine::proxies::TrustedProxies;
use sockeye_engine_proto::session::Wire;
use support::Server;
use support::http::{Answer, Client, POLLING, once};
use support::websocket::{TARGET, UPGRADE};

const SSE: &str = "/engine.io/?EIO=4&transport=sse";
const JSONP: &str = "/engine.io/?EIO=4&transport=polling&j=0";

const MODES: [Origins; 3] = [Origins::Strict, Origins::Credentials, Origins::Any];

fn server(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options::default();
    change(&mut options);
    Server::start(options)
}

fn trusted(proxies: &[&str]) -> TrustedProxies {
    TrustedProxies::new(proxies).expect("addresses")
}

/// A request on a connection of its own, of which the head is enough where the answer does not end.
async fn ask(address: SocketAddr, method: &str, target: &str, headers: &str, body: &str) -> Answer {
    let mut client = Client::connect(address).await;
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n");
    client.write(format!("{head}{headers}\r\n{body}")).await;
    let mut answer = client.head().await.expect("an answer");
    if answer.status == 403 {
        let length = answer.header("content-length").expect("a length").parse().expect("a number");
        while client.buffer.len() < length {
            assert!(client.read().await, "the answer is whole");
        }
        answer.body = client.buffer.split_off(0);
    }
    answer
}

/// Whether each request that a peer makes is refused with these headers: those that open a session, and those of one.
async fn refused(server: &Server, headers: &str) -> bool {
    let address = server.address;
    let upgrade = format!("{UPGRADE}{headers}");
    let sid = once(address, "GET", POLLING, "", b"").await.sid();
    let on_poll = format!("{POLLING}&sid={sid}");
    let scripted = once(address, "GET", JSONP, "", b"").await.text();
    let scripted = support::world::sid(&scripted.replace('\\', ""));
    let mut stream = Client::connect(address).await;
    stream.write(format!("GET {SSE} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    stream.head().await.expect("a stream");
    let event = String::from_utf8(stream.chunk().await.expect("an event")).expect("text");
    let streamed = support::world::sid(&event);
    let number = event.split_once(&format!("id: {streamed}.")).expect("an id").1;
    let number = number.split('\n').next().expect("a number");
    let again = format!("Last-Event-ID: {streamed}.{number}\r\n{headers}");
    let refused = server.engine.counters().foreign_origins();
    let heard = server.application().texts().len();
    let requests = [
        ("GET", POLLING.to_owned(), headers, ""),
        ("GET", JSONP.to_owned(), headers, ""),
        ("GET", SSE.to_owned(), headers, ""),
        ("GET", TARGET.to_owned(), &upgrade, ""),
        ("POST", on_poll.clone(), headers, "4a"),
        ("POST", format!("{JSONP}&sid={scripted}"), headers, "d=4a"),
        ("GET", format!("{on_poll}&wait=0"), headers, ""),
        ("GET", format!("{JSONP}&sid={scripted}&wait=0"), headers, ""),
        ("POST", format!("{SSE}&sid={streamed}"), headers, "4a"),
        ("GET", format!("{SSE}&sid={streamed}&ack={number}"), headers, ""),
        ("GET", SSE.to_owned(), &again, ""),
        ("GET", format!("{SSE}&sid={sid}"), headers, ""),
        ("GET", format!("{TARGET}&sid={sid}"), &upgrade, ""),
    ];
    let mut statuses = Vec::new();
    for (method, target, headers, body) in &requests {
        let answer = ask(address, method, target, headers, body).await;
        if answer.status == 403 {
            assert_eq!(answer.text(), "{\"code\":4,\"message\":\"Origin not allowed\"}", "{target}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{target}");
        } else {
            assert!([200, 101].contains(&answer.status), "{method} {target} {headers}: {answer:?}");
        }
        statuses.push(answer.status);
    }
    let count = statuses.iter().filter(|status| **status == 403).count();
    assert!(count == 0 || count == requests.len(), "all or none: {headers} {statuses:?}");
    assert_eq!(server.engine.counters().foreign_origins(), refused + count as u64);
    if count > 0 {
        // The session is where it was, and nothing has reached it.
        assert_eq!(ask(address, "POST", &on_poll, "", "4own").await.status, 200);
        assert_eq!(server.application().texts()[heard..], ["own"]);
    }
    count > 0
}

const EVIL: &str = "Origin: https://evil.example\r\n";
const COOKIE: &str = "Cookie: io=1\r\n";

#[tokio::test]
async fn every_request_of_a_foreign_origin_is_refused_over_every_technique_as_the_option_says() {
    for (headers, expected) in [
        ("", [false; 3]),
        (COOKIE, [false; 3]),
        ("Origin: http://localhost\r\nCookie: io=1\r\n", [false; 3]),
        (EVIL, [true, false, false]),
        (&format!("{EVIL}{COOKIE}"), [true, true, false]),
        (&format!("{EVIL}Authorization: Bearer x\r\n"), [true, true, false]),
        (&format!("Origin: null\r\n{COOKIE}"), [true, true, false]),
        (&format!("Origin: http://localhost\r\n{EVIL}{COOKIE}"), [true, true, false]),
        (&format!("Origin: http://localhost:3000\r\n{COOKIE}"), [true, true, false]),
        // Nobody said that this peer's word is to be believed.
        (&format!("{EVIL}{COOKIE}X-Forwarded-Host: evil.example\r\n"), [true, true, false]),
    ] {
        for (origins, expected) in MODES.into_iter().zip(expected) {
            let server = server(|options| options.origins = origins);
            assert_eq!(refused(&server, headers).await, expected, "{origins:?} {headers}");
        }
    }
}

#[tokio::test]
async fn by_default_it_is_credentials_that_are_looked_at() {
    assert!(refused(&server(|_| ()), &format!("{EVIL}{COOKIE}")).await);
    assert!(!refused(&server(|_| ()), EVIL).await);
}

#[tokio::test]
async fn origins_that_cors_names_are_served() {
    let cors = |origin: AllowedOrigin, credentials| {
        let mut cors = Cors::default();
        cors.origin = origin;
        cors.credentials = credentials;
        cors
    };
    let list = || AllowedOrigin::List(vec!["https://app.example".to_owned()]);
    for (cors, origin, expected) in [
        (cors(list(), true), "https://app.example", [false; 3]),
        (cors(list(), false), "https://app.example", [false; 3]),
        (cors(list(), true), "https://evil.example", [true, true, false]),
        (cors(AllowedOrigin::Any, false), "https://evil.example", [true, true, false]),
        (cors(AllowedOrigin::Mirror, false), "https://evil.example", [true, true, false]),
        (cors(AllowedOrigin::Mirror, true), "https://evil.example", [false; 3]),
    ] {
        for (origins, expected) in MODES.into_iter().zip(expected) {
            let server = server(|options| {
                options.origins = origins;
                options.cors = Some(cors.clone());
            });
            let headers = format!("Origin: {origin}\r\n{COOKIE}");
            assert_eq!(refused(&server, &headers).await, expected, "{origins:?} {cors:?} {origin}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_trusted_says_which_host_is_our_own() {
    let headers = format!("Origin: https://app.example\r\n{COOKIE}X-Forwarded-Host: app.example\r\n");
    for (proxies, expected) in [(&["127.0.0.1"][..], false), (&["10.0.0.0/8"], true), (&[], true)] {
        for origins in [Origins::Strict, Origins::Credentials] {
            let server = server(|options| {
                options.origins = origins;
                options.trusted_proxies = trusted(proxies);
            });
            assert_eq!(refused(&server, &headers).await, expected, "{origins:?} {proxies:?}");
            let evil = headers.replace("Origin: https://app.example", "Origin: https://evil.example");
            assert!(refused(&server, &evil).await, "{origins:?} {proxies:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_origin_is_told_and_counted_and_no_gate_is_asked() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let (noted, asked) = (notes.clone(), notes.clone());
    let server = server(|options| {
        options.allow_request = Some(AllowRequest::new(move |_| {
            asked.lock().push("asked".to_owned());
            Box::pin(async { Err("closed".into()) })
        }));
        options.connection_error = Some(OnConnectionError::new(move |error| {
            let context = error.context().map_or("none", |context| context.as_str());
            noted.lock().push(format!("{} {} {context}", error.code(), error.message()));
        }));
    });
    let evil = format!("{EVIL}{COOKIE}");
    assert_eq!(ask(server.address, "GET", POLLING, &evil, "").await.status, 403);
    assert_eq!(ask(server.address, "GET", TARGET, &format!("{UPGRADE}{evil}"), "").await.status, 403);
    // What the gate refuses is answered as ever.
    assert_eq!(ask(server.address, "GET", TARGET, &format!("{UPGRADE}{EVIL}"), "").await.status, 400);
    let told = std::mem::take(&mut *notes.lock());
    let foreign = "4 Origin not allowed FOREIGN_ORIGIN";
    assert_eq!(told, [foreign, foreign, "asked", "4 closed none"]);
    let counters = server.engine.counters();
    assert_eq!((counters.refused_with(4), counters.foreign_origins(), counters.refused()), (3, 2, 3));
    assert!(Wire::ALL.iter().all(|wire| counters.opened(*wire) == 0));
}

// Whom proxies speak for.

/// Whom the sessions are of that are opened with these headers: the same over every technique.
async fn peer(server: &Server, headers: &str) -> (SocketAddr, bool) {
    server.application().peers.lock().clear();
    for (target, headers) in
        [(POLLING, headers), (JSONP, headers), (SSE, headers), (TARGET, &format!("{UPGRADE}{headers}"))]
    {
        let answer = ask(server.address, "GET", target, headers, "").await;
        assert!([200, 101].contains(&answer.status), "{answer:?}");
    }
    support::eventually(|| server.application().peers.lock().len() == 4).await;
    let mut peers = server.application().peers.lock().clone();
    for (address, _) in &mut peers {
        if let Some(address) = address
            && address.ip().is_loopback()
        {
            address.set_port(1); // each has its own
        }
    }
    assert!(peers.iter().all(|peer| *peer == peers[0]), "{peers:?}");
    (peers[0].0.expect("an address"), peers[0].1)
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[tokio::test]
async fn the_client_is_whom_trusted_proxies_name_over_every_technique() {
    let ourselves = address("127.0.0.1:1");
    let x_forwarded = "X-Forwarded-For: 192.0.2.66, 203.0.113.9, 10.0.0.7\r\nX-Forwarded-Proto: https\r\n";
    let forwarded = "Forwarded: for=192.0.2.66, for=\"203.0.113.9:81\";proto=https, for=10.0.0.7\r\n";
    let malformed = "X-Forwarded-For: 203.0.113.9, somebody\r\nForwarded: for\r\n";
    let behind_proxies = server(|options| options.trusted_proxies = trusted(&["127.0.0.1", "10.0.0.0/8"]));
    assert_eq!(peer(&behind_proxies, x_forwarded).await, (address("203.0.113.9:0"), true));
    assert_eq!(peer(&behind_proxies, forwarded).await, (address("203.0.113.9:81"), true));
    assert_eq!(peer(&behind_proxies, malformed).await, (ourselves, false));
    assert_eq!(peer(&behind_proxies, "").await, (ourselves, false));
    for proxies in [&[][..], &["10.0.0.0/8", "127.0.0.2"]] {
        let server = server(|options| options.trusted_proxies = trusted(proxies));
        assert_eq!(peer(&server, x_forwarded).await, (ourselves, false), "spoofed by a stranger");
        assert_eq!(peer(&server, forwarded).await, (ourselves, false), "spoofed by a stranger");
    }
}
