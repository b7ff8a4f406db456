//! Both roles against tokio-tungstenite, over a pipe in memory.

use futures_util::{SinkExt, StreamExt};
use sockeye_websocket::{
    close::{Close, CloseCode},
    decoder::{Decoded, Decoder, Role},
    encode::{encode, encode_close, encode_fragment},
    event::Event,
    handshake::{check_request, check_response, encode_key},
    header::OpCode,
    limits::Limits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode as PeerCode},
};

const SIZES: [usize; 8] = [0, 1, 125, 126, 65_535, 65_536, 100_001, 1_000_000];

/// Reads a head of HTTP; what came behind it stays in the stream.
async fn read_head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head comes whole"));
    }
    String::from_utf8(head).expect("a head in ASCII")
}

fn headers(head: &str) -> impl Iterator<Item = (&str, &[u8])> {
    head.lines().skip(1).filter_map(|line| line.split_once(':').map(|(name, value)| (name, value.as_bytes())))
}

/// Gives back whatever comes, until the peer closes.
async fn echo(mut stream: DuplexStream, role: Role, mask: Option<[u8; 4]>) {
    let mut decoder = Decoder::new();
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    loop {
        match decoder.decode(&mut bytes, role, &Limits::default()).expect("the peer speaks the protocol") {
            Decoded::Incomplete { .. } => {
                let read = stream.read_buf(&mut bytes).await.expect("the pipe is open");
                assert_ne!(read, 0, "the peer closes before it leaves");
            }
            Decoded::Frame { event, consumed } => {
                let closed = matches!(event, Event::Close(_));
                match event {
                    Event::Text(text) => encode(OpCode::Text, text.as_bytes(), mask, &mut out),
                    Event::Binary(binary) => encode(OpCode::Binary, &binary, mask, &mut out),
                    Event::Ping(payload) => encode(OpCode::Pong, payload, mask, &mut out),
                    Event::Close(close) => encode_close(close, mask, &mut out),
                    Event::Pong(_) | Event::Fragment => {}
                }
                bytes.drain(..consumed);
                stream.write_all(&out).await.expect("the pipe is open");
                out.clear();
                if closed {
                    return;
                }
            }
        }
    }
}

/// A text of that many bytes, with characters of all lengths.
fn text_of(size: usize) -> String {
    let mut text: String = "aé\u{20ac}\u{1f41f}".chars().cycle().take(size * 4 / 10).collect();
    text.extend(std::iter::repeat_n('.', size - text.len()));
    text
}

#[tokio::test]
async fn as_a_server_all_that_the_peer_sends_comes_back_and_the_close_is_clean() {
    let (client, mut server) = duplex(4_096);
    let server = async {
        let head = read_head(&mut server).await;
        let accept = check_request(headers(&head)).expect("the peer's request is right");
        let accept = str::from_utf8(&accept).expect("base64");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        server.write_all(answer.as_bytes()).await.expect("the pipe is open");
        echo(server, Role::Server, None).await;
    };
    let client = async {
        let (mut client, _) = tokio_tungstenite::client_async("ws://localhost/", client).await.expect("101");
        for size in SIZES {
            for message in [Message::text(text_of(size)), Message::binary(vec![0xa5; size])] {
                client.send(message.clone()).await.expect("sent");
                assert_eq!(client.next().await.expect("an echo").expect("frames in order"), message);
            }
        }
        client.send(Message::Ping("?".into())).await.expect("sent");
        assert_eq!(client.next().await.expect("a pong").expect("frames in order"), Message::Pong("?".into()));
        let close = CloseFrame { code: PeerCode::Library(4_321), reason: "done".into() };
        client.close(Some(close.clone())).await.expect("sent");
        let answer = client.next().await.expect("a close").expect("frames in order");
        assert_eq!(answer, Message::Close(Some(close)));
        assert!(client.next().await.is_none());
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn as_a_client_all_that_the_peer_sends_comes_back_and_the_close_is_clean() {
    let (mut client, server) = duplex(4_096);
    let client = async {
        let key = encode_key(*b"sixteen of chaos");
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            str::from_utf8(&key).expect("base64")
        );
        client.write_all(request.as_bytes()).await.expect("the pipe is open");
        let head = read_head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 101 "));
        check_response(101, headers(&head), &key).expect("the peer's answer is right");

        // Fragments, which the peer never makes itself, come first; their echo is the peer's.
        let (mut bytes, mask) = (Vec::new(), Some([0xde, 0xad, 0xbe, 0xef]));
        encode_fragment(OpCode::Text, false, "\u{1f41f}".as_bytes(), mask, &mut bytes);
        encode(OpCode::Ping, b"between", mask, &mut bytes);
        encode_fragment(OpCode::Continuation, false, b"", mask, &mut bytes);
        encode_fragment(OpCode::Continuation, true, b"!", mask, &mut bytes);
        client.write_all(&bytes).await.expect("the pipe is open");
        echo(client, Role::Client, mask).await;
    };
    let server = async {
        let mut server = tokio_tungstenite::accept_async(server).await.expect("the request is right");
        assert_eq!(
            server.next().await.expect("a ping").expect("frames in order"),
            Message::Ping("between".into())
        );
        assert_eq!(
            server.next().await.expect("a text").expect("frames in order"),
            Message::text("\u{1f41f}!")
        );
        for size in SIZES {
            for message in [Message::text(text_of(size)), Message::binary(vec![0xa5; size])] {
                server.send(message.clone()).await.expect("sent");
                assert_eq!(server.next().await.expect("an echo").expect("frames in order"), message);
            }
        }
        let close = CloseFrame { code: PeerCode::Away, reason: "".into() };
        server.close(Some(close.clone())).await.expect("sent");
        let answer = server.next().await.expect("a close").expect("frames in order");
        assert_eq!(answer, Message::Close(Some(close)));
    };
    tokio::join!(client, server);
}

#[tokio::test]
async fn the_peer_understands_why_we_close() {
    let (client, mut server) = duplex(4_096);
    let mut bytes = Vec::new();
    encode_close(Some(Close { code: CloseCode::TOO_LARGE, reason: "too large" }), None, &mut bytes);
    server.write_all(&bytes).await.expect("the pipe is open");
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut client = tokio_tungstenite::WebSocketStream::from_raw_socket(client, role, None).await;
    let close = client.next().await.expect("a close").expect("frames in order");
    let expected = CloseFrame { code: PeerCode::Size, reason: "too large".into() };
    assert_eq!(close, Message::Close(Some(expected)));
}
