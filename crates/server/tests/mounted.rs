//! Under an axum application that has routes, state and a shutdown of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use sockeye_server::handler::args::State;
use sockeye_server::reason::DisconnectReason;
use sockeye_server::server::Server;
use sockeye_server::socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(5);

async fn text<S>(socket: &mut S) -> String
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    let came = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
    came.expect("a message").expect("a healthy connection").into_text().expect("text").to_string()
}

/// An HTTP request by hand; the whole answer.
async fn http(address: std::net::SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it is taken");
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("bytes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn it_lives_in_an_axum_application_with_its_own_state_and_shutdown() {
    let (told, mut hears) = mpsc::unbounded_channel::<String>();
    let server = Server::builder().state(told).build();
    server.on_connect(async |socket: Socket, State(told): State<mpsc::UnboundedSender<String>>| {
        let handshake = socket.handshake().expect("kept by default");
        let parts = handshake.parts();
        told.send(format!("{} {:?}", parts.uri, parts.headers.get("authorization"))).expect("it is heard");
        socket.on_disconnect(
            async |State(told): State<mpsc::UnboundedSender<String>>, reason: DisconnectReason| {
                told.send(reason.to_string()).expect("it is heard");
            },
        );
    });

    async fn announce(Shared(shared): Shared<Arc<(Server, &'static str)>>) -> &'static str {
        shared.0.emit("news", shared.1);
        "announced"
    }
    let shared = Arc::new((server.clone(), "from a route"));
    let application = Router::new().route("/announce", get(announce)).with_state(shared);
    let application = application.layer(server.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = server.clone();
        async move {
            let shutdown = async move {
                stopped.await.expect("the test stops it");
                server.close();
            };
            axum::serve(listener, application).with_graceful_shutdown(shutdown).await.expect("it serves");
        }
    });

    let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&q=1");
    let mut request = target.into_client_request().expect("a request");
    request.headers_mut().insert("authorization", "Bearer x".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("it upgrades");
    assert!(text(&mut socket).await.starts_with("0{\"sid\""));
    socket.send(Message::text("40")).await.expect("it is taken");
    assert!(text(&mut socket).await.starts_with("40{\"sid\""));
    let heard = hears.recv().await.expect("the connection handler tells");
    assert_eq!(heard, "/socket.io/?EIO=4&transport=websocket&q=1 Some(\"Bearer x\")");

    assert!(http(address, "/announce").await.ends_with("announced"));
    assert_eq!(text(&mut socket).await, r#"42["news","from a route"]"#);
    assert!(http(address, "/nowhere").await.starts_with("HTTP/1.1 404"), "axum's own answer");
    assert!(http(address, "/socket.io/?EIO=4&transport=polling").await.contains("\r\n\r\n0{\"sid\""));
    assert!(http(address, "/socket.io/socket.io.js").await.contains("\r\netag: W/\""));

    stop.send(()).expect("it serves");
    assert_eq!(hears.recv().await.as_deref(), Some("server shutting down"));
    tokio::time::timeout(PATIENCE, serving).await.expect("in time").expect("it ended well");
}

#[tokio::test]
async fn its_own_listener_serves_until_it_is_told_to_stop() {
    let server = Server::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.listen_with(listener, async move { stopped.await.expect("the test stops it") }).await }
    });
    let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(target).await.expect("it upgrades");
    text(&mut socket).await;
    assert_eq!(server.counters().sessions, 1);
    stop.send(()).expect("it serves");
    let end = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
    assert!(matches!(end, Some(Ok(Message::Close(None)))), "{end:?}");
    drop(socket);
    tokio::time::timeout(PATIENCE, serving).await.expect("in time").expect("it ended well");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_the_address_in_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = Server::new().listen(address).await.expect_err("it is in use");
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}

#[tokio::test]
async fn connect_leaves_with_what_the_connection_handler_emits_also_behind_a_middleware_that_waits() {
    let server = Server::new();
    server.with(async |_: Socket| {
        tokio::task::yield_now().await;
        Ok(())
    });
    server.on_connect(|socket: Socket| {
        // Over a wire that any thread writes to, what is not held back has left already.
        socket.emit("queued", socket.conn().queued() > 0);
        async move {}
    });
    let bound = server.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.address();
    tokio::spawn(bound.serve());
    let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(target).await.expect("a WebSocket");
    assert!(text(&mut socket).await.starts_with('0'));
    socket.send(Message::text("40")).await.expect("it is taken");
    assert!(text(&mut socket).await.starts_with("40{"));
    assert_eq!(text(&mut socket).await, "42[\"queued\",true]");
}

#[tokio::test]
async fn a_connection_is_secure_when_its_server_says_so_and_never_on_the_peers_word() {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.emit("secure", socket.handshake().expect("kept by default").is_secure());
    });
    let bound = server.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.address();
    tokio::spawn(bound.serve());
    let sid = |answer: &str| answer.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
    // The target of a request may name a scheme, as it does to a proxy.
    let open = http(address, "https://somewhere/socket.io/?EIO=4&transport=polling").await;
    let sid = sid(&open);
    let post = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n40"
    );
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(post.as_bytes()).await.expect("it is taken");
    let mut answer = [0; 64];
    assert!(stream.read(&mut answer).await.expect("an answer") > 0);
    let packets = http(address, &format!("/socket.io/?EIO=4&transport=polling&sid={sid}")).await;
    assert!(packets.contains("42[\"secure\",false]"), "{packets}");

    let mut service = server.service();
    let mut request = http::Request::get("/socket.io/?EIO=4&transport=polling");
    request.extensions_mut().expect("a request").insert(sockeye_engine::peer::Secure);
    let request = request.body(http_body_util::Full::<bytes::Bytes>::default()).expect("a request");
    let open = tower_service::Service::call(&mut service, request).await.expect("it never fails");
    let open = http_body_util::BodyExt::collect(open.into_body()).await.expect("no stream").to_bytes();
    let text = String::from_utf8_lossy(&open);
    let sid = text.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let request = http::Request::post(&target)
        .body(http_body_util::Full::<bytes::Bytes>::from("40"))
        .expect("a request");
    tower_service::Service::call(&mut service, request).await.expect("it never fails");
    let packets = http(address, &target).await;
    assert!(packets.contains("42[\"secure\",true]"), "{packets}");
}
