//! Which events reach a WebSocket compressed.

use std::time::Duration;

use sockeye_engine::options::PerMessageDeflate;
use sockeye_server::binary::Binary;
use sockeye_server::recovery::Recovery;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;
use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::encode::encode;
use sockeye_websocket::event::Event;
use sockeye_websocket::header::{COMPRESSED, OpCode};
use sockeye_websocket::limits::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(5);

const REQUEST: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// A peer that has agreed to compression and joined the default namespace.
struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
    decoder: Decoder,
    /// What it was told when it was let in.
    connect_packet: String,
}

impl Peer {
    async fn join(address: std::net::SocketAddr) -> Peer {
        Peer::join_with(address, "40").await
    }

    async fn join_with(address: std::net::SocketAddr, connect: &str) -> Peer {
        let stream = TcpStream::connect(address).await.expect("a server that listens");
        let mut peer =
            Peer { stream, read: Vec::new(), decoder: Decoder::new(), connect_packet: String::new() };
        peer.stream.write_all(REQUEST.as_bytes()).await.expect("it is taken");
        let end = loop {
            if let Some(end) = peer.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            peer.more().await;
        };
        let head = String::from_utf8_lossy(&peer.read[..end]).into_owned();
        assert!(head.contains("permessage-deflate; server_no_context_takeover"), "{head}");
        peer.read.drain(..end + 4);
        peer.send(connect).await;
        while !peer.connect_packet.starts_with("40") {
            peer.connect_packet = peer.message().await.0;
        }
        peer
    }

    async fn send(&mut self, text: &str) {
        let mut bytes = Vec::new();
        encode(OpCode::Text, text.as_bytes(), Some([1, 2, 3, 4]), &mut bytes);
        self.stream.write_all(&bytes).await.expect("it is taken");
    }

    async fn more(&mut self) {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("in time");
        assert!(read.expect("an open connection") > 0, "the server closed");
    }

    /// The next message, of which the binary are `b` and their length, and whether it came compressed.
    async fn message(&mut self) -> (String, bool) {
        loop {
            let compressed = self.read.first().is_some_and(|first| first & COMPRESSED != 0);
            let limits = Limits { max_message: usize::MAX, ..Limits::default() };
            let decoded = self.decoder.decode_with(&mut self.read, Role::Client, &limits, true);
            let (message, consumed) = match decoded.expect("a server that keeps the protocol") {
                Decoded::Incomplete { .. } => {
                    self.more().await;
                    continue;
                }
                Decoded::Frame { event: Event::Text(text), consumed } => (text.into_owned(), consumed),
                Decoded::Frame { event: Event::Binary(bytes), consumed } => {
                    (format!("b{}", bytes.len()), consumed)
                }
                other => panic!("{other:?}"),
            };
            self.read.drain(..consumed);
            return (message, compressed);
        }
    }

    /// The first characters of the next messages, and whether each came compressed.
    async fn messages(&mut self, count: usize) -> Vec<(String, bool)> {
        let mut messages = Vec::new();
        for _ in 0..count {
            let (text, compressed) = self.message().await;
            messages.push((text.chars().take(9).collect(), compressed));
        }
        messages
    }
}

fn long() -> String {
    "compressible ".repeat(200)
}

#[tokio::test]
async fn events_reach_websockets_compressed_unless_they_say_no() {
    let server = Server::builder().per_message_deflate(Some(PerMessageDeflate::default())).build();
    server.on_connect(async |socket: Socket| {
        socket.join("room");
        socket.on("me", async |socket: Socket| {
            socket.emit("short", "text");
            socket.emit("long", long());
            socket.compress(false).emit("long", long());
            socket.emit("bytes", Binary::from(vec![7; 2000]));
            socket.compress(false).emit("bytes", Binary::from(vec![7; 2000]));
        });
        socket.on("all", async |socket: Socket| {
            socket.everybody().emit("long", long());
            socket.within("room").compress(false).emit("long", long());
            socket.within("room").volatile().emit("bytes", Binary::from(vec![7; 2000]));
        });
    });
    let bound = server.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.address();
    tokio::spawn(bound.serve());
    let (mut peer, mut other) = (Peer::join(address).await, Peer::join(address).await);
    let seen = |rows: &[(&str, bool)]| {
        rows.iter().map(|(text, compressed)| ((*text).to_owned(), *compressed)).collect::<Vec<_>>()
    };
    peer.send("42[\"me\"]").await;
    let expected = [
        ("42[\"short", false),
        ("42[\"long\"", true),
        ("42[\"long\"", false),
        ("451-[\"byt", false),
        ("b2000", true),
        ("451-[\"byt", false),
        ("b2000", false),
    ];
    assert_eq!(peer.messages(7).await, seen(&expected));
    peer.send("42[\"all\"]").await;
    let expected = [("42[\"long\"", true), ("42[\"long\"", false), ("451-[\"byt", false), ("b2000", true)];
    assert_eq!(peer.messages(4).await, seen(&expected));
    assert_eq!(other.messages(4).await, seen(&expected));
}

#[tokio::test]
async fn so_do_questions_to_many_and_what_is_numbered_and_sent_again_where_connections_are_recovered() {
    let builder = Server::builder().per_message_deflate(Some(PerMessageDeflate::default()));
    let server = builder.connection_state_recovery(Recovery::default()).build();
    server.on_connect(async |socket: Socket| {
        socket.emit("long", long());
        socket.on("ask", async |server: Server| {
            // Nobody answers.
            drop(server.emit_with_ack::<u8>("long", long()));
            server.emit("long", long());
        });
    });
    let bound = server.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.address();
    tokio::spawn(bound.serve());
    let mut peer = Peer::join(address).await;
    let (event, compressed) = peer.message().await;
    assert!(event.starts_with("42[\"long\"") && compressed, "to one");
    peer.send("42[\"ask\"]").await;
    let expected = [("420[\"long".to_owned(), true), ("42[\"long\"".to_owned(), true)];
    assert_eq!(peer.messages(2).await, expected);

    let offset = event.rsplit('"').nth(1).expect("its number").to_owned();
    let granted = peer.connect_packet;
    let pid = granted.split_once("\"pid\":\"").expect("a pid").1.split('"').next().expect("a pid").to_owned();
    drop(peer.stream);
    let connect = format!("40{{\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}");
    let mut back = Peer::join_with(address, &connect).await;
    assert!(back.connect_packet.contains(&pid), "it is recovered: {}", back.connect_packet);
    assert_eq!(back.messages(1).await, [("42[\"long\"".to_owned(), true)], "what it missed");
}
