//! Peers and servers that are not ours: an independent WebSocket client, and hyper without our accept loop.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sockeye_engine::engine::Engine;
use sockeye_engine::options::Options;
use sockeye_engine::service::{EngineLayer, EngineService};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_runtime::runtime::Runtime;
use support::http::{Client, POLLING, once};
use support::websocket::{TARGET, WebSocket};
use support::{Recorder, Server, eventually};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tower_layer::Layer as _;
use tower_service::Service;

#[tokio::test]
async fn an_independent_client_is_understood_and_understands() {
    let server = Server::with(Recorder::echo(), Options::default(), Default::default());
    let url = format!("ws://{}{TARGET}", server.address);
    let (mut socket, answer) = tokio_tungstenite::connect_async(url).await.expect("a websocket");
    assert_eq!(answer.status(), 101);
    let open = socket.next().await.expect("the open packet").expect("a frame");
    assert!(open.to_text().expect("text").starts_with("0{"));
    for length in [0, 1, 125, 126, 65_535, 65_536, 900_000] {
        let text = format!("4{}", "é".repeat(length / 2));
        socket.send(Message::text(text.clone())).await.expect("sent");
        assert_eq!(socket.next().await.expect("an answer").expect("a frame"), Message::text(text));
        let bytes = vec![length as u8; length];
        socket.send(Message::binary(bytes.clone())).await.expect("sent");
        assert_eq!(socket.next().await.expect("an answer").expect("a frame"), Message::binary(bytes));
    }
    socket.send(Message::Ping(Bytes::from_static(b"there?"))).await.expect("sent");
    let pong = socket.next().await.expect("an answer").expect("a frame");
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"there?")));
    socket.close(None).await.expect("a close");
    while let Some(Ok(_)) = socket.next().await {}
    eventually(|| server.application().closed() == [CloseReason::TransportClose]).await;
}

#[tokio::test]
async fn an_independent_client_sees_our_close() {
    let mut options = Options::default();
    options.max_payload = 100;
    let server = Server::start(options);
    let url = format!("ws://{}{TARGET}", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("a websocket");
    socket.next().await;
    server.engine.close(&server.session(0), CloseReason::ForcedClose);
    assert_eq!(socket.next().await.expect("a close").expect("a frame"), Message::Close(None));
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("a websocket");
    socket.next().await;
    socket.send(Message::text("4".repeat(200))).await.expect("sent");
    let Message::Close(Some(close)) = socket.next().await.expect("a close").expect("a frame") else {
        panic!("no close");
    };
    assert_eq!(close.code, CloseCode::Size);
}

/// hyper as anybody would use it.
async fn serve<S>(service: S) -> SocketAddr
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<sockeye_engine::body::Body>>,
    S: Clone + Send + 'static,
    S::Error: std::error::Error + Send + Sync,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let service = service.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| service.clone().call(request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                connection.await.ok();
            });
        }
    });
    address
}

fn engine() -> Arc<Engine<Recorder>> {
    Engine::new(Recorder::echo(), Options::default(), Runtime::tokio())
}

#[tokio::test]
async fn a_plain_hyper_server_serves_the_engine() {
    let engine = engine();
    let address = serve(EngineService::new(engine.clone())).await;
    let mut client = Client::connect(address).await;
    let target = format!("{POLLING}&sid={}", client.get(POLLING).await.sid());
    assert_eq!(client.post(&target, "4hello").await.text(), "ok");
    assert_eq!(client.get(&target).await.text(), "4hello");
    let mut socket = WebSocket::open(address, TARGET).await;
    socket.text().await;
    socket.send("4bare").await;
    assert_eq!(socket.text().await, "4bare");
    assert_eq!(once(address, "GET", "/other", "", b"").await.status, 404);
    drop(socket);
    eventually(|| engine.application().closed() == [CloseReason::TransportClose]).await;
}

#[tokio::test]
async fn a_layer_leaves_other_paths_to_the_service_behind_it() {
    #[derive(Clone)]
    struct Hello;
    impl<B> Service<Request<B>> for Hello {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<B>) -> Self::Future {
            std::future::ready(Ok(Response::new(Full::from(request.uri().path().to_owned()))))
        }
    }
    let address = serve(EngineLayer::new(engine()).layer(Hello)).await;
    assert_eq!(once(address, "GET", "/hello", "", b"").await.text(), "/hello");
    let mut socket = WebSocket::open(address, TARGET).await;
    assert!(socket.text().await.starts_with("0{"));
}
