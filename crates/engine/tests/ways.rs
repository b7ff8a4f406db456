//! A handshake and messages both ways, over each way there is.

mod support;

use sockeye_engine::options::Options;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use support::http::{Client, POLLING};
use support::websocket::{Came, TARGET, WebSocket};
use support::{Event, Recorder, Server, eventually};

#[tokio::test]
async fn messages_travel_both_ways_over_polling() {
    let server = Server::start(Options::default());
    let mut client = Client::connect(server.address).await;
    let sid = client.get(POLLING).await.sid();
    let target = format!("{POLLING}&sid={sid}");
    assert_eq!(client.post(&target, "4hello\u{1e}4€\u{1e}bAQIDBA==").await.text(), "ok");
    assert_eq!(
        server.application().events()[1..],
        [Event::Text("hello".into()), Event::Text("€".into()), Event::Binary(vec![1, 2, 3, 4])]
    );
    server.send(0, "one");
    server.engine.send(&server.session(0), [Frame::binary(&[1, 2, 3])]).expect("open");
    assert_eq!(client.get(&target).await.text(), "4one\u{1e}bAQID");
}

#[tokio::test]
async fn messages_travel_both_ways_over_a_websocket() {
    let server = Server::with(Recorder::echo(), Options::default(), Default::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    assert!(socket.text().await.starts_with("0{\"sid\":\""));
    for message in ["4hello", "4€", "4"] {
        socket.send(message).await;
        assert_eq!(socket.text().await, message);
    }
    let long = format!("4{}", "x".repeat(300_000));
    socket.send(&long).await;
    assert_eq!(socket.text().await, long);
    drop(socket);
    eventually(|| server.application().closed() == [CloseReason::TransportClose]).await;
    assert!(server.engine.sessions().is_empty());
}

#[tokio::test]
async fn polling_moves_to_a_websocket() {
    let server = Server::start(Options::default());
    let mut client = Client::connect(server.address).await;
    let sid = client.get(POLLING).await.sid();
    let mut socket = WebSocket::open(server.address, &format!("{TARGET}&sid={sid}")).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    assert_eq!(client.get(&format!("{POLLING}&sid={sid}")).await.text(), "6");
    socket.send("5").await;
    eventually(|| server.engine.counters().upgraded() == 1).await;
    server.send(0, "over");
    assert_eq!(socket.text().await, "4over");
    server.engine.close(&server.session(0), CloseReason::ForcedClose);
    assert_eq!(socket.recv().await, Came::Close(None));
}

#[tokio::test]
async fn messages_travel_both_ways_over_a_stream() {
    let server = Server::with(Recorder::echo(), Options::default(), Default::default());
    let mut stream = Client::connect(server.address).await;
    stream.write("GET /engine.io/?EIO=4&transport=sse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = stream.head().await.expect("a stream");
    assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let first = String::from_utf8(stream.chunk().await.expect("an event")).expect("text");
    assert!(first.starts_with("retry: 1000\nid: "), "{first}");
    let sid = first.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
    let mut client = Client::connect(server.address).await;
    let target = format!("/engine.io/?EIO=4&transport=sse&sid={sid}");
    assert_eq!(client.post(&target, "4a\u{1e}4b").await.text(), "ok");
    let event = String::from_utf8(stream.chunk().await.expect("an event")).expect("text");
    assert_eq!(event, format!("id: {sid}.2\ndata: 4a\ndata: 4b\n\n"));
}
