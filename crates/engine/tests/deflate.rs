//! Compressed WebSocket messages, both ways: who gets them, and what peers may not do with them.

mod support;

use sockeye_engine::listen::Listen;
use sockeye_engine::options::{Options, PerMessageDeflate};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::encode::encode_fragment;
use sockeye_websocket::header::{COMPRESSED, OpCode};
use support::http::{Client, POLLING};
use support::websocket::{Came, TARGET, UPGRADE, WebSocket};
use support::world::World;
use support::{Event, Recorder, Server, eventually};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

const MASK: [u8; 4] = [1, 2, 3, 4];

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    options.per_message_deflate = Some(PerMessageDeflate::default());
    change(&mut options);
    options
}

fn server(change: impl FnOnce(&mut Options)) -> Server {
    Server::with(Recorder::echo(), options(change), Listen::default())
}

/// A WebSocket that has seen its open packet.
async fn open(server: &Server, target: &str, headers: &str) -> WebSocket {
    let mut socket = WebSocket::try_open_with(server.address, target, headers).await.expect("a 101");
    assert!(socket.text().await.starts_with('0') && !socket.marked);
    socket
}

/// A polling session with the target of its requests, and the WebSocket that may carry it.
async fn upgrading(server: &Server) -> (Client, String, WebSocket) {
    let mut polling = Client::connect(server.address).await;
    let sid = polling.get(POLLING).await.sid();
    let target = format!("{TARGET}&sid={sid}");
    let socket = WebSocket::try_open_with(server.address, &target, OFFER).await.expect("a 101");
    (polling, format!("{POLLING}&sid={sid}"), socket)
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Agreement::new(15).expect("a window").compress(1, payload, &mut out);
    out
}

/// A client's message in parts, the first of them marked as compressed.
fn message<'p>(opcode: OpCode, parts: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut parts = parts.into_iter().peekable();
    let (mut bytes, mut opcode) = (Vec::new(), opcode);
    while let Some(part) = parts.next() {
        encode_fragment(opcode, parts.peek().is_none(), part, Some(MASK), &mut bytes);
        opcode = OpCode::Continuation;
    }
    bytes[0] |= COMPRESSED;
    bytes
}

fn text(length: usize) -> String {
    "compressible ".repeat(length / 13 + 1)[..length].to_owned()
}

/// Long messages may be short on the wire, and lie in one read by the hundred.
#[tokio::test]
async fn messages_that_are_long_inside_let_others_run_and_all_arrive() {
    const MESSAGES: usize = 16;
    let server = Server::with(Recorder::default(), options(|_| {}), Listen::default());
    let mut socket = open(&server, TARGET, OFFER).await;
    let mut other = open(&server, TARGET, "").await;
    let mut flood = Vec::new();
    for number in 0..MESSAGES {
        let packed = compressed(format!("4{number} {}", "x".repeat(300_000)).as_bytes());
        flood.extend(message(OpCode::Text, [&packed[..]]));
    }
    assert!(flood.len() < 64 * 1024, "one read takes them all");
    socket.client.write(flood).await;
    other.send("4between").await;
    eventually(|| server.application().texts().len() > MESSAGES).await;
    let mut texts = server.application().texts();
    let at = texts.iter().position(|text| text == "between").expect("it was heard");
    assert!(at < MESSAGES, "behind all of them");
    texts.remove(at);
    for (number, text) in texts.iter().enumerate() {
        assert!(text.starts_with(&format!("{number} x")), "{number} is not in its place");
    }
}

#[tokio::test]
async fn it_is_agreed_on_where_the_server_wants_it_and_the_peer_offers_it() {
    let extensions = async |server: &Server, headers: &str| {
        let socket = open(server, TARGET, headers).await;
        socket.answer.header("sec-websocket-extensions").map(str::to_owned)
    };
    let plain = Server::start(Options::default());
    assert_eq!(extensions(&plain, OFFER).await, None, "off by default");
    let server = server(|_| {});
    assert_eq!(extensions(&server, "").await, None);
    assert_eq!(extensions(&server, "Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n").await, None);
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(extensions(&server, OFFER).await.as_deref(), Some(both));
    let narrow = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n";
    let answer = format!("{both}; server_max_window_bits=10");
    assert_eq!(extensions(&server, narrow).await, Some(answer));
    let two =
        "Sec-WebSocket-Extensions: permessage-deflate; x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    assert_eq!(extensions(&server, two).await.as_deref(), Some(both));
}

#[tokio::test]
async fn what_is_no_list_of_extensions_is_400_where_it_is_read() {
    let malformed = "Sec-WebSocket-Extensions: permessage-deflate; =\r\n";
    let server = server(|_| {});
    let mut client = Client::connect(server.address).await;
    client.write(format!("GET {TARGET} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{malformed}\r\n")).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "Invalid or unacceptable Sec-WebSocket-Extensions header");
    assert_eq!(server.application().events(), []);
    let plain = Server::start(Options::default());
    assert!(WebSocket::try_open_with(plain.address, TARGET, malformed).await.is_ok());
}

#[tokio::test]
async fn what_is_long_enough_leaves_compressed_unless_it_says_no() {
    let server = server(|_| {});
    let mut socket = open(&server, TARGET, OFFER).await;
    let mut sent = async |frame: Frame, volatile: bool| {
        let (session, frames) = (server.session(0), [frame]);
        match volatile {
            false => server.engine.send(&session, frames).expect("open"),
            true => assert_eq!(server.engine.send_volatile(&session, frames), Ok(true)),
        }
        (socket.recv().await, socket.marked)
    };
    let frame = |length| Frame::message(Message::Text(&text(length)));
    let came = |length| Came::Text(format!("4{}", text(length)));
    // The type's digit is a part of the packet.
    assert_eq!(sent(frame(1022), false).await, (came(1022), false));
    assert_eq!(sent(frame(1023), false).await, (came(1023), true));
    assert_eq!(sent(frame(1_500_000), false).await, (came(1_500_000), true));
    assert_eq!(sent(frame(5000).without_compression(), false).await, (came(5000), false));
    assert_eq!(sent(frame(5000), true).await, (came(5000), true));
    assert_eq!(sent(Frame::binary(&[7; 2000]), false).await, (Came::Binary(vec![7; 2000]), true));
    let noise: Vec<u8> = (0..2000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let random = Frame::binary(&noise);
    let (came, marked) = sent(random.clone(), false).await;
    assert_eq!(came, Came::Binary(noise));
    assert_eq!(marked, random.compressed(Agreement::new(15).expect("a window"), 1).is_some());
}

#[tokio::test]
async fn what_is_never_shorter_leaves_as_it_is() {
    let server = server(|options| {
        let deflate = options.per_message_deflate.as_mut().expect("it is on");
        (deflate.threshold, deflate.level) = (0, 9);
    });
    let mut socket = WebSocket::try_open_with(server.address, TARGET, OFFER).await.expect("a 101");
    assert!(socket.text().await.starts_with('0') && socket.marked, "the open packet as any other");
    server.send(0, "x");
    assert_eq!((socket.text().await.as_str(), socket.marked), ("4x", false));
    server.send(0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert_eq!((socket.text().await.len(), socket.marked), (37, true));
}

#[tokio::test]
async fn a_broadcast_reaches_each_in_the_form_that_it_agreed_on() {
    let server = server(|_| {});
    let narrow = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
    let mut sockets = [
        open(&server, TARGET, OFFER).await,
        open(&server, TARGET, "").await,
        open(&server, TARGET, narrow).await,
        open(&server, TARGET, OFFER).await,
    ];
    let mut polling = Client::connect(server.address).await;
    let target = format!("{POLLING}&sid={}", polling.get(POLLING).await.sid());
    let frames = [
        Frame::message(Message::Text(&text(5000))),
        Frame::binary(&[7; 3000]),
        Frame::message(Message::Text(&text(4000))).without_compression(),
    ];
    for volatile in [false, true] {
        let mut dirty = Vec::new();
        server.engine.enqueue(&mut (0..5), &frames, volatile, &mut dirty);
        server.engine.flush(dirty);
        for (index, socket) in sockets.iter_mut().enumerate() {
            let compressed = index != 1;
            assert_eq!(socket.recv().await, Came::Text(format!("4{}", text(5000))));
            assert_eq!(socket.marked, compressed, "{index}");
            assert_eq!(socket.recv().await, Came::Binary(vec![7; 3000]));
            assert_eq!(socket.marked, compressed, "{index}");
            assert_eq!(socket.text().await, format!("4{}", text(4000)));
            assert!(!socket.marked);
        }
    }
    let polled = polling.get(&target).await.text();
    assert!(polled.starts_with(&format!("4{}\u{1e}b", text(5000))), "one packet after another, and plain");
    assert!(polled.ends_with(&text(4000)));
}

#[tokio::test]
async fn a_session_that_moves_to_a_websocket_gets_compressed_what_is_sent_from_then_on() {
    let server = server(|_| {});
    let (_polling, _, mut socket) = upgrading(&server).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    server.send(0, &text(2000));
    // The upgrade comes compressed, as any packet may.
    socket.client.write(message(OpCode::Text, [&compressed(b"5")[..]])).await;
    assert_eq!((socket.text().await, socket.marked), (format!("4{}", text(2000)), false));
    server.send(0, &text(2000));
    assert_eq!((socket.text().await, socket.marked), (format!("4{}", text(2000)), true));
}

#[tokio::test]
async fn a_candidate_that_sends_no_stream_takes_nothing_with_it_but_itself() {
    let server = server(|_| {});
    let (mut polling, target, mut socket) = upgrading(&server).await;
    socket.client.write(message(OpCode::Text, [b"\xff\xff" as &[u8]])).await;
    assert_eq!(socket.recv().await, Came::Close(Some(1007)));
    server.send(0, "still here");
    assert_eq!(polling.get(&target).await.text(), "4still here");
}

#[tokio::test]
async fn a_peer_that_wants_base64_gets_it_plain_and_may_compress_itself() {
    let server = server(|_| {});
    let mut socket = open(&server, &format!("{TARGET}&b64=1"), OFFER).await;
    socket.client.write(message(OpCode::Binary, [&compressed(&[0; 3000])[..]])).await;
    assert_eq!((socket.text().await, socket.marked), (format!("b{}", "AAAA".repeat(1000)), false));
}

#[tokio::test]
async fn compressed_messages_are_heard_in_one_frame_and_in_many() {
    let server = server(|_| {});
    let mut socket = open(&server, TARGET, OFFER).await;
    let payload = compressed(format!("4{}", text(4000)).as_bytes());
    socket.client.write(message(OpCode::Text, [&payload[..]])).await;
    assert_eq!(socket.text().await, format!("4{}", text(4000)));
    socket.client.write(message(OpCode::Text, payload.chunks(1))).await;
    assert_eq!(socket.text().await, format!("4{}", text(4000)));
    // The last byte comes behind a ping that is answered, and an empty message behind it.
    let mut bytes = message(OpCode::Binary, payload.chunks(payload.len() - 1));
    let rest = bytes.split_off(bytes.len() - 7);
    socket.client.write(bytes).await;
    socket.frame(OpCode::Ping, b"between").await;
    assert_eq!(socket.recv().await, Came::Pong(b"between".to_vec()));
    socket.client.write(rest).await;
    assert_eq!(socket.recv().await, Came::Binary(format!("4{}", text(4000)).into_bytes()));
    socket.client.write(message(OpCode::Binary, [b"\x00" as &[u8]])).await;
    assert_eq!(socket.recv().await, Came::Binary(vec![]));
    socket.client.write(message(OpCode::Binary, [b"" as &[u8]])).await;
    assert_eq!(socket.recv().await, Came::Binary(vec![]));
    socket.send("4plain").await;
    assert_eq!(socket.text().await, "4plain");
}

#[tokio::test]
async fn a_message_may_be_as_long_as_max_payload_inflated_and_not_a_byte_longer() {
    let server = server(|options| options.max_payload = 100_000);
    let mut socket = open(&server, TARGET, OFFER).await;
    socket.client.write(message(OpCode::Binary, [&compressed(&vec![0; 100_000])[..]])).await;
    assert_eq!(socket.recv().await, Came::Binary(vec![0; 100_000]));
    socket.client.write(message(OpCode::Binary, [&compressed(&vec![0; 100_001])[..]])).await;
    assert_eq!(socket.recv().await, Came::Close(Some(1009)));
    assert_eq!(server.application().closed(), [CloseReason::TransportError]);
}

#[tokio::test]
async fn a_bomb_in_frames_of_a_kilobyte_is_1009() {
    let server = server(|_| {});
    let mut socket = open(&server, TARGET, OFFER).await;
    let bomb = compressed(&vec![0; 100_000_000]);
    assert!(bomb.len() < 1_000_000);
    socket.client.write(message(OpCode::Binary, bomb.chunks(1024))).await;
    assert_eq!(socket.recv().await, Came::Close(Some(1009)));
    // And one in a single frame, and many that are each within the limit.
    let mut socket = open(&server, TARGET, OFFER).await;
    socket.client.write(message(OpCode::Text, [&bomb[..]])).await;
    assert_eq!(socket.recv().await, Came::Close(Some(1009)));
    let mut socket = open(&server, TARGET, OFFER).await;
    let small = message(OpCode::Binary, [&compressed(&vec![0; 1_000_000])[..]]);
    for _ in 0..20 {
        socket.client.write(&small).await;
        assert_eq!(socket.recv().await, Came::Binary(vec![0; 1_000_000]));
    }
}

#[tokio::test]
async fn what_peers_may_not_do_is_told_by_its_code_and_others_go_on() {
    let server = server(|_| {});
    let mut canary = open(&server, TARGET, OFFER).await;
    let hello = compressed(b"4hello, hello, hello, hello");
    let marked = |opcode, last, payload: &[u8]| {
        let mut bytes = Vec::new();
        encode_fragment(opcode, last, payload, Some(MASK), &mut bytes);
        bytes[0] |= COMPRESSED;
        bytes
    };
    let first = message(OpCode::Text, [&hello[..3], &hello[3..]])[..9].to_vec();
    for (what, headers, bytes, code) in [
        ("not agreed on", "", marked(OpCode::Text, true, &hello), 1002),
        ("a ping", OFFER, marked(OpCode::Ping, true, b""), 1002),
        ("a close", OFFER, marked(OpCode::Close, true, b""), 1002),
        ("a second mark", OFFER, [first, marked(OpCode::Continuation, true, &hello[3..])].concat(), 1002),
        ("cut", OFFER, marked(OpCode::Text, true, &hello[..hello.len() - 2]), 1007),
        ("garbage", OFFER, marked(OpCode::Binary, true, b"garbage"), 1007),
        ("no text", OFFER, marked(OpCode::Text, true, &compressed(b"4\xff")), 1007),
        ("tiny fragments", OFFER, message(OpCode::Text, vec![b"" as &[u8]; 10_000]), 1008),
    ] {
        let mut socket = open(&server, TARGET, headers).await;
        socket.client.write(bytes).await;
        assert_eq!(socket.recv().await, Came::Close(Some(code)), "{what}");
        canary.client.write(message(OpCode::Text, [&hello[..]])).await;
        assert_eq!(canary.text().await, "4hello, hello, hello, hello", "{what}");
    }
    assert_eq!(server.application().closed(), [CloseReason::TransportError; 8]);
}

#[test]
fn a_websocket_over_anything_but_tcp_compresses_alike() {
    let world = World::with(Recorder::echo(), options(|options| options.max_payload = 100_000));
    let mut socket = world.websocket_with(TARGET, OFFER);
    assert_eq!(socket.came(&world).len(), 1, "the open packet");
    let payload = compressed(format!("4{}", text(4000)).as_bytes());
    socket.write(&world, &message(OpCode::Text, payload.chunks(20)));
    let before = socket.received;
    assert_eq!(socket.came(&world), [Came::Text(format!("4{}", text(4000)))]);
    assert!(socket.received - before < 1000, "it came compressed");
    assert_eq!(world.application().events()[1], Event::Text(text(4000)));
    socket.write(&world, &message(OpCode::Text, [&compressed(&vec![b'4'; 100_001])[..]]));
    assert_eq!(socket.came(&world), [Came::Close(Some(1009)), Came::End]);

    let mut plain = world.websocket(TARGET);
    assert_eq!(plain.came(&world).len(), 1);
    plain.write(&world, &message(OpCode::Text, [&payload[..]]));
    assert_eq!(plain.came(&world), [Came::Close(Some(1002)), Came::End]);
}
