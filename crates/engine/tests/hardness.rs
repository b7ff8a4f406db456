//! What peers do wrong, on purpose or not, over real TCP: each is answered or cut, and nobody else notices.
//!
//! The names follow the rows of hardness.md, `http`, `session` and `frame`.

mod support;

use std::time::{Duration, Instant};

use sockeye_engine::counters::HttpLimit;
use sockeye_engine::listen::Listen;
use sockeye_engine::options::{Cors, Options};
use sockeye_engine::sid::Sid;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::rate::Rate;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_websocket::header::OpCode;
use support::http::{Answer, Client, POLLING, once};
use support::websocket::{Came, TARGET, UPGRADE, WebSocket};
use support::{Event, Recorder, Server, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// A polling session: its client, and the target of its requests.
async fn polling(server: &Server) -> (Client, String) {
    let mut client = Client::connect(server.address).await;
    let sid = client.get(POLLING).await.sid();
    (client, format!("{POLLING}&sid={sid}"))
}

/// Somebody else still gets an answer, over both ways.
async fn canary(server: &Server) {
    let (mut client, target) = polling(server).await;
    assert_eq!(client.post(&target, "4canary").await.text(), "ok");
    let mut socket = WebSocket::open(server.address, TARGET).await;
    assert!(socket.text().await.starts_with('0'));
}

fn listen(change: impl FnOnce(&mut Listen)) -> Listen {
    let mut listen = Listen::default();
    change(&mut listen);
    listen
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

// http

#[tokio::test]
async fn a_head_that_drips_is_cut_and_others_are_served() {
    let listen = listen(|listen| listen.head_timeout = Duration::from_millis(400));
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let mut slow = Client::connect(server.address).await;
    let start = Instant::now();
    let mut bytes =
        b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nX-Slow: ".iter().chain([&b'a'; 1000]);
    canary(&server).await;
    // One byte at a time, faster than any limit between two bytes would notice.
    for byte in bytes.by_ref() {
        if tokio::io::AsyncWriteExt::write_all(&mut slow.stream, &[*byte]).await.is_err() {
            break;
        }
        if let Ok(closed) = tokio::time::timeout(Duration::from_millis(20), slow.is_closed()).await {
            assert!(closed, "it is not answered");
            break;
        }
    }
    let lasted = start.elapsed();
    assert!(lasted >= Duration::from_millis(400) && lasted < Duration::from_secs(3), "{lasted:?}");
    canary(&server).await;
}

#[tokio::test]
async fn a_connection_that_stays_idle_is_closed_and_one_that_waits_for_an_answer_is_not() {
    let listen = listen(|listen| {
        listen.keep_alive = Duration::from_millis(300);
        listen.head_timeout = Duration::from_millis(300);
    });
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let (mut client, target) = polling(&server).await;
    client.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let mut idle = Client::connect(server.address).await;
    assert!(idle.is_closed().await);
    tokio::time::sleep(Duration::from_millis(400)).await;
    server.send(0, "late");
    assert_eq!(client.answer().await.text(), "4late");
    assert!(client.is_closed().await, "after the answer it is idle");
}

#[tokio::test]
async fn a_connection_that_was_answered_may_be_idle_for_longer_than_a_head_may_take() {
    let listen = listen(|listen| listen.head_timeout = Duration::from_millis(200));
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let (mut client, target) = polling(&server).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(client.post(&target, "4a").await.text(), "ok");
    }
}

#[tokio::test]
async fn half_a_head_behind_a_whole_request_is_cut_as_any_other() {
    let listen = listen(|listen| listen.head_timeout = Duration::from_millis(300));
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let mut client = Client::connect(server.address).await;
    client.write(format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")).await;
    assert_eq!(client.answer().await.status, 200);
    let start = Instant::now();
    assert!(client.is_closed().await, "long before an idle connection would be");
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_request_that_does_not_say_once_which_host_it_wants_is_400() {
    let server = Server::start(Options::default());
    for headers in ["", "Host: a\r\nHost: b\r\n", "Hosts: a\r\n"] {
        let mut client = Client::connect(server.address).await;
        client.write(format!("GET {POLLING} HTTP/1.1\r\n{headers}\r\n")).await;
        assert_eq!(client.answer().await.status, 400, "{headers:?}");
        assert!(client.is_closed().await);
    }
    for request in ["GET {} HTTP/1.0\r\n\r\n", "GET {} HTTP/1.1\r\nHost:\r\n\r\n"] {
        let mut client = Client::connect(server.address).await;
        client.write(request.replace("{}", POLLING)).await;
        assert_eq!(client.answer().await.status, 200, "{request:?}");
    }
}

#[tokio::test]
async fn a_huge_content_length_is_refused_by_the_head_alone() {
    let server = Server::start(Options::default());
    let (_client, target) = polling(&server).await;
    for length in ["1000001", "999999999999", "9223372036854775807"] {
        let mut attack = Client::connect(server.address).await;
        attack.write(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")).await;
        assert_eq!(attack.answer().await.status, 413, "{length}");
        assert!(attack.is_closed().await);
    }
    assert_eq!(server.application().closed(), []);
}

#[tokio::test]
async fn a_post_over_the_limit_is_refused_and_the_session_lives_also_when_it_is_chunked() {
    let server = Server::start(options(|options| options.max_payload = 1000));
    let (mut client, target) = polling(&server).await;
    let mut attack = Client::connect(server.address).await;
    attack.write(format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    for _ in 0..3 {
        attack.write(format!("190\r\n{}\r\n", "4".repeat(400))).await;
    }
    assert_eq!(attack.answer().await.status, 413);
    assert_eq!(client.post(&target, format!("4{}", "a".repeat(999))).await.text(), "ok");
    assert_eq!(server.application().texts(), ["a".repeat(999)]);
}

#[tokio::test]
async fn a_bad_chunk_size_ends_the_request() {
    let server = Server::start(Options::default());
    for size in ["zz", "fffffffffffffffff", "-1", "0x5"] {
        let (_client, target) = polling(&server).await;
        let mut attack = Client::connect(server.address).await;
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        attack.write(format!("{head}{size}\r\n4hello\r\n0\r\n\r\n")).await;
        let answer = attack.try_answer().await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{size}");
    }
    assert_eq!(server.application().texts(), Vec::<String>::new());
    canary(&server).await;
}

#[tokio::test]
async fn a_body_that_is_smuggled_is_no_request() {
    let server = Server::start(Options::default());
    let (_client, target) = polling(&server).await;
    let mut attack = Client::connect(server.address).await;
    let inner = format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\n\r\n");
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n");
    attack.write(format!("{head}\r\n2\r\n4a\r\n0\r\n\r\n{inner}")).await;
    match attack.try_answer().await {
        Some(Answer { status: 400, .. }) | None => {}
        // The chunks win. What follows them is a request of its own, and says so by its answer.
        Some(answer) => assert_eq!(answer.text(), "ok"),
    }
    assert!(server.engine.sessions().len() <= 2);
    canary(&server).await;
}

#[tokio::test]
async fn what_is_no_base64_closes_the_session_and_reaches_nobody() {
    let server = Server::start(Options::default());
    for body in ["b!!!!", "bAQ ID", "b=", "bAQID\u{1e}b*"] {
        let (mut client, target) = polling(&server).await;
        let status = client.post(&target, body).await.status;
        assert!(status == 200 || status == 400, "{body}: {status}");
        assert_eq!(client.get(&target).await.status, 400, "{body}");
    }
    let messages = server.application().events();
    let messages = messages.iter().filter(|event| matches!(event, Event::Binary(_)));
    assert_eq!(messages.collect::<Vec<_>>(), [&Event::Binary(vec![1, 2, 3])]);
    assert_eq!(server.application().closed(), [CloseReason::ParseError; 4]);
}

#[tokio::test]
async fn a_flood_of_separators_ends_at_the_first_empty_packet() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    client.post(&target, vec![0x1e; 900_000]).await;
    assert_eq!(server.application().closed(), [CloseReason::ParseError]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_flood_of_packets_in_one_post_lets_others_run() {
    let mut options = Options::default();
    options.max_body_packets = usize::MAX;
    options.rate = None;
    let server = Server::start(options);
    let (mut client, target) = polling(&server).await;
    let flood = "4\u{1e}".repeat(333_000) + "4";
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", flood.len());
    client.write(head + &flood).await;
    eventually(|| server.application().events().len() > 300).await;
    canary(&server).await;
    let sofar = server.application().events().len();
    assert!(sofar < 300_000, "the canary was answered in the middle of the flood, not behind it: {sofar}");
    assert_eq!(client.answer().await.text(), "ok");
}

#[tokio::test]
async fn odd_queries_are_refused_and_never_an_error_of_ours() {
    let server = Server::start(Options::default());
    let odd = [
        "sid[]=1",
        "transport[]=polling",
        "EIO[a]=4",
        "%",
        "%ff%fe",
        "&&&===",
        "sid=%00",
        "sid=..%2f..%2fetc",
        "j=%27",
        "transport=polling%00",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=constructor",
        "EIO=4&transport=polling&sid=toString",
        "EIO=4&transport=polling&sid[]=a&sid=b",
    ];
    for query in odd {
        let answer = once(server.address, "GET", &format!("/engine.io/?{query}"), "", b"").await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let long = format!("/engine.io/?EIO=4&transport=polling&sid={}", "a".repeat(30_000));
    assert_eq!(once(server.address, "GET", &long, "", b"").await.status, 400);
    canary(&server).await;
}

#[tokio::test]
async fn an_upgrade_header_on_polling_is_refused_and_the_session_untouched() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    for target in [POLLING, &target] {
        let answer = once(server.address, "GET", target, UPGRADE, b"").await;
        assert_eq!((answer.status, answer.text().as_str()), (400, "Bad request"));
        let answer =
            once(server.address, "GET", target, "Connection: Upgrade\r\nUpgrade: h2c\r\n", b"").await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(client.post(&target, "4alive").await.text(), "ok");
}

#[tokio::test]
async fn a_bad_websocket_handshake_is_never_upgraded() {
    let server = Server::start(Options::default());
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let bad = [
        upgrade.to_owned(),
        format!("{upgrade}{key}"),
        format!("{upgrade}{version}"),
        format!("{upgrade}{version}Sec-WebSocket-Key: short\r\n"),
        format!("{upgrade}{version}{key}{key}"),
        format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n"),
        format!("{version}{key}Upgrade: websocket\r\n"),
        format!("{version}{key}Connection: Upgrade\r\n"),
        format!("{version}{key}Connection: Upgrade\r\nUpgrade: nonsense\r\n"),
    ];
    for headers in bad {
        let status = once(server.address, "GET", TARGET, &headers, b"").await.status;
        assert!(status == 400 || status == 426, "{status} for {headers}");
    }
    let answer = once(server.address, "POST", TARGET, UPGRADE, b"").await;
    assert_eq!(answer.status, 400);
    assert!(server.engine.sessions().is_empty());
}

#[tokio::test]
async fn long_lists_in_headers_take_linear_time() {
    let server = Server::start(Options::default());
    let start = Instant::now();
    for list in [" ,".repeat(25_000), "a;".repeat(25_000), "x".repeat(50_000), "\"\\".repeat(25_000)] {
        for name in ["Connection", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Accept-Encoding"] {
            let headers = format!("{UPGRADE}{name}: {list}\r\n");
            let mut client = Client::connect(server.address).await;
            client.write(format!("GET {TARGET} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
            assert_eq!(client.head().await.expect("an answer").status, 101);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_oversized_head_is_431() {
    let server = Server::start(Options::default());
    let headers = format!("X-Long: {}\r\n", "a".repeat(70_000));
    let mut client = Client::connect(server.address).await;
    client.write(format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
    assert_eq!(client.answer().await.status, 431);
    canary(&server).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    let post = |text: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    };
    let get = format!("GET {target}&wait=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    client.write([post("4one"), get.clone(), post("4two"), get, post("4three")].concat()).await;
    for expected in ["ok", "6", "ok", "6", "ok"] {
        assert_eq!(client.answer().await.text(), expected);
    }
    assert_eq!(server.application().texts(), ["one", "two", "three"]);
}

#[tokio::test]
async fn who_announces_too_much_is_not_told_to_continue() {
    let server = Server::start(Options::default());
    let (_client, target) = polling(&server).await;
    let mut attack = Client::connect(server.address).await;
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n");
    attack.write(format!("{head}\r\n")).await;
    assert_eq!(attack.answer().await.status, 413);
    let mut honest = Client::connect(server.address).await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n");
    honest.write(format!("{head}\r\n")).await;
    assert_eq!(honest.head().await.expect("an answer").status, 100);
    honest.write("4a").await;
    assert_eq!(honest.answer().await.text(), "ok");
}

#[tokio::test]
async fn no_origin_is_allowed_unless_configured_and_never_any_with_credentials() {
    let evil = "Origin: https://evil.example\r\nCookie: a=1\r\n";
    let server = Server::start(Options::default());
    let answer = once(server.address, "GET", POLLING, evil, b"").await;
    assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
    let cors = |origin: sockeye_engine::options::AllowedOrigin| {
        let mut cors = Cors::default();
        cors.credentials = true;
        cors.origin = origin;
        cors
    };
    let any = cors(sockeye_engine::options::AllowedOrigin::Any);
    let server = Server::start(options(|options| options.cors = Some(any)));
    let answer = once(server.address, "GET", POLLING, evil, b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://evil.example"));
}

#[tokio::test]
async fn the_cookie_is_on_every_first_answer_and_on_no_other() {
    let server = Server::start(options(|options| options.cookie = Some(Default::default())));
    let mut client = Client::connect(server.address).await;
    let first = client.get(POLLING).await;
    let cookie = format!("io={}; Path=/; HttpOnly; SameSite=Lax", first.sid());
    assert_eq!(first.header("set-cookie"), Some(cookie.as_str()));
    let second = client.get(&format!("{POLLING}&sid={}&wait=0", first.sid())).await;
    assert_eq!(second.header("set-cookie"), None);
    let mut socket = WebSocket::open(server.address, TARGET).await;
    let sid = support::world::sid(&socket.text().await);
    let cookie = socket.answer.header("set-cookie").expect("a cookie on the 101");
    assert!(cookie.starts_with(&format!("io={sid};")), "{cookie}");
    let mut stream = Client::connect(server.address).await;
    stream.write("GET /engine.io/?EIO=4&transport=sse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = stream.head().await.expect("a stream");
    let event = String::from_utf8(stream.chunk().await.expect("an event")).expect("text");
    let cookie = head.header("set-cookie").expect("a cookie on the stream");
    assert!(cookie.starts_with(&format!("io={};", support::world::sid(&event))), "{cookie}");
}

// session

#[tokio::test]
async fn a_session_is_not_touched_over_a_transport_that_is_not_its_own() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    let sid = &target[target.len() - 20..];
    for transport in ["websocket", "webtransport", "nonsense"] {
        let other = format!("/engine.io/?EIO=4&transport={transport}&sid={sid}");
        for method in ["GET", "POST"] {
            assert_eq!(once(server.address, method, &other, "", b"4stolen").await.status, 400, "{transport}");
        }
    }
    let other = format!("/engine.io/?EIO=4&transport=sse&sid={sid}");
    assert_eq!(once(server.address, "POST", &other, "", b"4stolen").await.status, 400);
    let mut socket = WebSocket::open(server.address, TARGET).await;
    let victim = support::world::sid(&socket.text().await);
    for transport in ["polling", "sse"] {
        let other = format!("/engine.io/?EIO=4&transport={transport}&sid={victim}");
        for method in ["GET", "POST"] {
            assert_eq!(once(server.address, method, &other, "", b"4stolen").await.status, 400, "{transport}");
        }
    }
    assert_eq!(client.post(&target, "4mine").await.text(), "ok");
    socket.send("4mine too").await;
    eventually(|| server.application().texts() == ["mine", "mine too"]).await;
}

#[tokio::test]
async fn an_upgrade_without_a_probe_is_closed_and_the_session_goes_on() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    let mut socket =
        WebSocket::open(server.address, &format!("{TARGET}&sid={}", &target[target.len() - 20..])).await;
    socket.send("5").await;
    assert_eq!(socket.recv().await, Came::Close(None));
    server.send(0, "polled");
    assert_eq!(client.get(&target).await.text(), "4polled");
    assert_eq!(server.session(0).wire(), Wire::Polling);
}

#[tokio::test]
async fn a_candidate_that_talks_nonsense_takes_only_itself() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    let websocket = format!("{TARGET}&sid={}", &target[target.len() - 20..]);
    for (nonsense, status) in
        [(&b"zz"[..], None), (b"", None), (b"b!!!", None), (b"4early", None), (b"\xff", Some(1007))]
    {
        let mut socket = WebSocket::open(server.address, &websocket).await;
        socket.frame(OpCode::Ping, b"hello").await;
        assert_eq!(socket.recv().await, Came::Pong(b"hello".to_vec()));
        socket.frame(OpCode::Text, nonsense).await;
        assert_eq!(socket.recv().await, Came::Close(status), "{nonsense:?}");
        assert_eq!(socket.recv().await, Came::End);
    }
    assert_eq!(client.post(&target, "4alive").await.text(), "ok");
    assert_eq!(server.application().texts(), ["alive"]);
}

#[tokio::test]
async fn of_two_upgrades_at_once_one_wins() {
    let server = Server::start(Options::default());
    let (_client, target) = polling(&server).await;
    let websocket = format!("{TARGET}&sid={}", &target[target.len() - 20..]);
    let mut first = WebSocket::open(server.address, &websocket).await;
    first.send("2probe").await;
    assert_eq!(first.text().await, "3probe");
    let mut second = WebSocket::open(server.address, &websocket).await;
    assert_eq!(second.recv().await, Came::Close(None));
    first.send("5").await;
    eventually(|| server.session(0).wire() == Wire::WebSocket).await;
    server.send(0, "won");
    assert_eq!(first.text().await, "4won");
}

#[tokio::test]
async fn a_session_that_closes_during_an_upgrade_takes_the_candidate_with_it() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    let mut socket =
        WebSocket::open(server.address, &format!("{TARGET}&sid={}", &target[target.len() - 20..])).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    assert_eq!(client.post(&target, "1").await.text(), "ok");
    assert_eq!(socket.recv().await, Came::Close(None));
    assert_eq!(socket.recv().await, Came::End);
    eventually(|| server.engine.sessions().is_empty()).await;
    assert_eq!(server.application().closed(), [CloseReason::TransportClose]);
}

#[tokio::test]
async fn a_flood_of_pongs_is_ignored() {
    let server = Server::start(Options::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    for _ in 0..2000 {
        socket.send("3").await;
    }
    socket.send("4after").await;
    eventually(|| server.application().texts() == ["after"]).await;
    assert_eq!(server.session(0).queued(), 0);
}

// frame

/// What a server says to these bytes on a fresh WebSocket, and that nobody else is disturbed.
async fn say(server: &Server, bytes: &[u8]) -> Came {
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    socket.client.write(bytes).await;
    let came = socket.recv().await;
    assert_eq!(socket.recv().await, Came::End, "a close ends the connection");
    came
}

/// A client's frame, masked with zeros: what stands here is what goes out.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test]
async fn frames_against_the_protocol_are_closed_with_1002() {
    let server = Server::start(Options::default());
    let wrong: [(&str, Vec<u8>); 11] = [
        ("unmasked", b"\x81\x024a".to_vec()),
        ("reserved bit 1", frame(0xc1, b"4a")),
        ("reserved bit 3", frame(0x91, b"4a")),
        ("reserved opcode 3", frame(0x83, b"4a")),
        ("reserved opcode 11", frame(0x8b, b"")),
        ("fragmented control", frame(0x09, b"a")),
        ("continuation first", frame(0x80, b"a")),
        ("text inside fragment", [frame(0x01, b"4a"), frame(0x81, b"4b")].concat()),
        ("length 2^63", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("bad close code", frame(0x88, &[0x03, 0xed])),
        ("close of one byte", frame(0x88, &[0x03])),
    ];
    for (name, bytes) in wrong {
        assert_eq!(say(&server, &bytes).await, Came::Close(Some(1002)), "{name}");
    }
    assert_eq!(server.application().closed(), [CloseReason::TransportError; 11]);
    canary(&server).await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_closed_with_1007_also_when_it_is_split() {
    let server = Server::start(Options::default());
    let split = [frame(0x01, b"4\xe2\x82"), frame(0x80, b"\x28")].concat();
    for bytes in [frame(0x81, b"4\xff"), split] {
        assert_eq!(say(&server, &bytes).await, Came::Close(Some(1007)));
    }
}

#[tokio::test]
async fn messages_over_the_limit_are_closed_with_1009_by_their_header() {
    let server = Server::start(options(|options| options.max_payload = 1000));
    let announced = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec();
    assert_eq!(say(&server, &announced).await, Came::Close(Some(1009)));
    let fragments: Vec<u8> = std::iter::once(frame(0x02, &[1; 100]))
        .chain((0..10).map(|_| frame(0x00, &[1; 100])))
        .flatten()
        .collect();
    assert_eq!(say(&server, &fragments).await, Came::Close(Some(1009)));
}

#[tokio::test]
async fn a_message_in_tiny_fragments_is_closed_with_1008() {
    let server = Server::start(Options::default());
    let flood: Vec<u8> =
        std::iter::once(frame(0x02, b"a")).chain((0..8192).map(|_| frame(0x00, b"a"))).flatten().collect();
    assert_eq!(say(&server, &flood).await, Came::Close(Some(1008)));
}

#[tokio::test]
async fn pings_whose_pongs_nobody_reads_are_bounded() {
    let mut options = Options::default();
    options.rate = None;
    let server = Server::start(options);
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let pings = frame(0x89, &[7; 120]).repeat(5000);
    for _ in 0..20 {
        socket.client.write(&pings).await;
        assert!(server.session(0).queued() <= 65 * 1024, "{}", server.session(0).queued());
    }
    socket.send("4after").await;
    eventually(|| server.application().texts() == ["after"]).await;
    assert!(server.session(0).queued() <= 65 * 1024);
    canary(&server).await;
}

#[tokio::test]
async fn a_websocket_that_is_half_closed_is_closed_at_once() {
    let server = Server::start(Options::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    tokio::io::AsyncWriteExt::shutdown(&mut socket.client.stream).await.expect("half a close");
    eventually(|| server.application().closed() == [CloseReason::TransportClose]).await;
    assert!(matches!(socket.recv().await, Came::End | Came::Close(_)));
}

#[tokio::test]
async fn a_close_is_answered_with_its_own_status() {
    let server = Server::start(Options::default());
    for (payload, status) in [(&[0x03, 0xe8][..], Some(1000)), (&[], None), (&[0x0f, 0xa0], Some(4000))] {
        assert_eq!(say(&server, &frame(0x88, payload)).await, Came::Close(status));
    }
    assert_eq!(server.application().closed(), [CloseReason::TransportClose; 3]);
}

#[tokio::test]
async fn any_cut_of_the_bytes_gives_the_same_messages() {
    let server = Server::with(Recorder::echo(), Options::default(), Listen::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let mut bytes = Vec::new();
    for text in [&b"4a"[..], b"4bc", b"4\xe2\x82\xac", b"4"] {
        bytes.extend(frame(0x81, text));
    }
    bytes.extend(frame(0x89, b"ping"));
    bytes.extend([frame(0x01, b"4half"), frame(0x80, b" and half")].concat());
    for cut in 1..8 {
        for part in bytes.chunks(cut) {
            socket.client.write(part).await;
            tokio::task::yield_now().await;
        }
        for expected in ["4a", "4bc", "4€", "4"] {
            assert_eq!(socket.text().await, expected);
        }
        assert_eq!(socket.recv().await, Came::Pong(b"ping".to_vec()));
        assert_eq!(socket.text().await, "4half and half");
    }
}

// Our own loop.

#[tokio::test]
async fn the_loop_stops_when_told_and_lets_held_polls_be_answered() {
    let server = Server::start(Options::default());
    let (mut client, target) = polling(&server).await;
    client.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let mut idle = Client::connect(server.address).await;
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (engine, address) = (server.engine.clone(), server.address);
    let stopped = tokio::spawn(server.stop());
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;
    assert!(!stopped.is_finished(), "a poll is held");
    engine.shut_down(CloseReason::ServerShuttingDown);
    assert_eq!(client.answer().await.text(), "1");
    assert!(idle.is_closed().await);
    assert_eq!(socket.recv().await, Came::Close(None));
    tokio::time::timeout(Duration::from_secs(2), stopped).await.expect("at once").expect("an orderly end");
}

#[tokio::test]
async fn half_a_head_does_not_hold_up_the_end() {
    let server = Server::start(Options::default());
    let mut fresh = Client::connect(server.address).await;
    fresh.write("GET / HT").await;
    let (mut used, _) = polling(&server).await;
    used.write("POST / HTTP/1.1\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::time::timeout(Duration::from_secs(2), server.stop()).await.expect("at once");
    assert!(fresh.is_closed().await && used.is_closed().await);
}

#[tokio::test]
async fn a_flood_whose_answers_nobody_reads_stops_and_goes_on_when_they_are_read() {
    const MESSAGES: usize = 20_000;
    let server = Server::with(Recorder::echo(), Options::default(), Listen::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let (mut read, mut write) = socket.client.stream.into_split();
    let padding = "x".repeat(1000);
    let flood = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let mut bytes = Vec::new();
            let text = format!("4{number} {padding}");
            sockeye_websocket::encode::encode(OpCode::Text, text.as_bytes(), Some([1; 4]), &mut bytes);
            tokio::io::AsyncWriteExt::write_all(&mut write, &bytes).await.expect("a server that reads on");
        }
        write
    });
    eventually(|| server.session(0).queued() > 900_000).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(server.session(0).queued() < 1_100_000, "{}", server.session(0).queued());
    let heard = server.application().events().len();
    assert!(heard < MESSAGES, "20 MB do not fit into the soft limit and the system's buffers");
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let frame = 4 + format!("4{number} ").len() + 1000;
        while bytes.len() < frame {
            let length = tokio::io::AsyncReadExt::read_buf(&mut read, &mut bytes).await.expect("an answer");
            assert!(length > 0, "the end at {number}: {:?}", server.application().closed());
        }
        assert!(bytes[4..frame].starts_with(format!("4{number} x").as_bytes()));
        bytes.drain(..frame);
    }
    flood.await.expect("all of it was sent");
}

#[tokio::test]
async fn who_asks_for_answers_and_reads_none_of_them_is_closed_for_what_they_hold() {
    const LENGTH: usize = 8_000_000;
    let server = Server::start(options(|options| options.hard_limit = 1_000_000));
    let (mut client, target) = polling(&server).await;
    let mut unread = Vec::new();
    for _ in 0..2 {
        let text = format!("4{}", "x".repeat(LENGTH));
        server
            .engine
            .send(&server.session(0), [Frame::text(&[text.as_bytes()])])
            .expect("an empty queue takes it");
        // What the system takes for this end is little, and half of the answer stays with the server.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a size");
        let mut stream = socket.connect(server.address).await.expect("a server that listens");
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a server that reads");
        eventually(|| server.engine.sessions().is_empty() || server.session(0).queued() == 0).await;
        unread.push(stream);
    }
    assert_eq!(server.application().closed(), [CloseReason::SlowReader]);
    // The first answer is still theirs who asked for it.
    let mut first = Vec::new();
    while first.len() < LENGTH {
        let read = unread[0].read_buf(&mut first).await.expect("the rest");
        assert!(read > 0, "{}", first.len());
    }
    assert_eq!(client.get(&target).await.text(), "6\u{1e}1slow reader");
    assert_eq!(client.get(&target).await.status, 400, "it is gone");
}

#[tokio::test]
async fn requests_of_a_session_count_whatever_they_ask_for() {
    for (method, change) in
        [("PUT", ("", "")), ("OPTIONS", ("", "")), ("GET", ("EIO=4", "EIO=3")), ("POST", ("EIO=4", "EIO=3"))]
    {
        let mut rate = Rate::default();
        rate.messages = 10;
        rate.burst = Duration::from_secs(1);
        let server = Server::start(options(|options| options.rate = Some(rate)));
        let (mut client, target) = polling(&server).await;
        let target = target.replacen(change.0, change.1, 1) + "&ack=9";
        let mut last = String::new();
        for _ in 0..20 {
            let mut client = Client::connect(server.address).await;
            last = client.request(method, &target, "", b"").await.text();
            if last.contains("rate limit") {
                break;
            }
        }
        assert_eq!(last, r#"{"message":"rate limit"}"#, "{method} {target}");
        assert_eq!(server.application().closed(), [CloseReason::RateLimit]);
        assert_eq!(client.get(&target).await.status, 400);
    }
}

#[tokio::test]
async fn each_refusal_is_counted_once_under_the_code_that_was_answered() {
    let server = Server::start(options(|options| options.max_sessions = 1));
    let counted = || {
        let refusals = server.engine.counters().refusals().filter(|(.., count)| *count > 0);
        refusals.collect::<Vec<_>>()
    };
    let foreign = "Origin: https://elsewhere.example\r\nCookie: user=1\r\n";
    let mut client = Client::connect(server.address).await;
    let answer = client.request("GET", POLLING, foreign, b"").await;
    assert!(answer.status == 403 && answer.text().contains("\"code\":4"));
    assert_eq!(counted(), [(4, "FOREIGN_ORIGIN", 1)]);
    let (mut client, _target) = polling(&server).await;
    assert_eq!(client.get(POLLING).await.status, 503);
    assert_eq!(counted(), [(4, "FOREIGN_ORIGIN", 1), (4, "TOO_MANY_SESSIONS", 1)]);
    assert_eq!(client.get(&POLLING.replace("EIO=4", "EIO=3")).await.status, 503);
    assert_eq!(client.get(&format!("{POLLING}&sid=nobody")).await.status, 400);
    assert_eq!(counted(), [(1, "UNKNOWN_SID", 1), (4, "FOREIGN_ORIGIN", 1), (4, "TOO_MANY_SESSIONS", 2)]);
}

#[tokio::test]
async fn what_goes_beyond_http_is_counted_by_limit() {
    let mut options = Options::default();
    options.max_payload = 1_000;
    options.body_timeout = Duration::from_millis(100);
    let listen = listen(|listen| {
        listen.head_timeout = Duration::from_millis(100);
        listen.write_timeout = Duration::from_millis(100);
        listen.max_head = 8 * 1024;
    });
    let server = Server::with(Recorder::default(), options, listen);
    let counted = || {
        let counters = server.engine.counters();
        HttpLimit::ALL.map(|limit| counters.over_limit(limit))
    };
    let (mut client, target) = polling(&server).await;
    assert_eq!(client.post(&target, vec![b'4'; 2_000]).await.status, 413);
    assert_eq!(counted(), [0, 0, 1, 0, 0, 0]);
    let (mut client, target) = polling(&server).await;
    client.write(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4")).await;
    assert_eq!(client.answer().await.status, 408);
    assert_eq!(counted(), [0, 0, 1, 1, 0, 0]);
    for length in [9 * 1024, 90 * 1024] {
        let mut client = Client::connect(server.address).await;
        let head = format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(length));
        // The server may have closed before it took all of it.
        client.stream.write_all(head.as_bytes()).await.ok();
        if let Some(answer) = client.try_answer().await {
            assert_eq!(answer.status, 431);
        }
    }
    eventually(|| counted() == [2, 0, 1, 1, 0, 0]).await;
    let mut client = Client::connect(server.address).await;
    client.write("GET / HT").await;
    assert!(client.is_closed().await);
    eventually(|| counted() == [2, 1, 1, 1, 0, 0]).await;
    let (_client, target) = polling(&server).await;
    let text = format!("4{}", "x".repeat(16_000_000));
    let mut stream = {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a size");
        socket.connect(server.address).await.expect("a server that listens")
    };
    let sid = target.split_once("&sid=").and_then(|(_, sid)| Sid::parse(sid)).expect("an id");
    let session = server.engine.sessions().find(&sid).expect("it is open");
    server.engine.send(&session, [Frame::text(&[text.as_bytes()])]).expect("an empty queue takes it");
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.expect("it reads");
    eventually(|| counted() == [2, 1, 1, 1, 1, 0]).await;
}

#[tokio::test]
async fn a_peer_that_went_while_a_handler_does_not_end_is_noticed() {
    let server = Server::with(
        Recorder::waiting(),
        options(|options| {
            options.ping_interval = Duration::from_millis(300);
            options.ping_timeout = Duration::from_millis(200);
        }),
        Listen::default(),
    );
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    socket.send("4a").await;
    socket.send("4b").await;
    eventually(|| server.application().texts() == ["a"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.application().closed(), [], "it is there, and we do not listen");
    drop(socket);
    eventually(|| server.application().closed() == [CloseReason::TransportClose]).await;
    eventually(|| server.engine.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_answer_is_cut() {
    let listen = listen(|listen| listen.write_timeout = Duration::from_millis(300));
    let server = Server::with(Recorder::default(), Options::default(), listen);
    let (mut client, target) = polling(&server).await;
    server.send(0, &"x".repeat(15_000_000));
    client.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(client.try_answer().await.is_none(), "it ends before its end");
}

#[tokio::test]
async fn frames_of_every_kind_are_taken_while_a_text_waits_in_pieces() {
    let server = Server::with(Recorder::echo(), Options::default(), Listen::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    socket.client.write(frame(0x01, b"4be")).await;
    socket.frame(OpCode::Ping, b"between").await;
    assert_eq!(socket.recv().await, Came::Pong(b"between".to_vec()));
    socket.client.write(frame(0x80, b"hind")).await;
    assert_eq!(socket.text().await, "4behind");
}

/// On several threads, as servers run: on one alone the end is seen only after the request was begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_whose_connection_ends_right_behind_it_takes_its_session_with_it() {
    const SESSIONS: usize = 200;
    let server = Server::start(Options::default());
    for _ in 0..SESSIONS {
        let (_, target) = polling(&server).await;
        let mut client = Client::connect(server.address).await;
        tokio::task::yield_now().await;
        client.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    }
    let all = eventually(|| server.application().closed().len() == SESSIONS);
    tokio::time::timeout(Duration::from_secs(5), all).await.expect("every GET that was cut is noticed");
    assert_eq!(server.application().closed(), [CloseReason::TransportError; SESSIONS]);
    canary(&server).await;
}
