//! Behind a proxy: whose connection it is, and whose page.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sockeye_engine::gate::AllowRequest;
use sockeye_engine::options::{AllowedOrigin, Cors};
use sockeye_engine::origins::Origins;
use sockeye_engine::proxies::TrustedProxies;
use sockeye_server::server::{Builder, Server};
use sockeye_server::socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that tells each socket whom it takes it for.
async fn serve(builder: Builder) -> (Server, SocketAddr) {
    let server = builder.build();
    server.on_connect(async |socket: Socket| {
        let handshake = socket.handshake().expect("kept by default");
        let address = handshake.address().expect("a connection has one");
        socket.emit("you", (address.ip().to_string(), handshake.is_secure()));
    });
    let bound = server.bind("127.0.0.1:0").await.expect("a port");
    let address = bound.address();
    tokio::spawn(bound.serve());
    (server, address)
}

fn behind(proxies: &[&str]) -> Builder {
    Server::builder().trusted_proxies(TrustedProxies::new(proxies).expect("addresses"))
}

fn request(address: SocketAddr, headers: &[(&'static str, &str)]) -> Request {
    let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let mut request = target.into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    request
}

/// What the server says of a peer that joins over a WebSocket.
async fn you<S>(mut socket: WebSocketStream<S>) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text("40")).await.expect("it is taken");
    loop {
        let came = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
        let text = came.expect("a message").expect("a healthy connection").into_text().expect("text");
        if let Some(said) = text.strip_prefix("42[\"you\",") {
            return said.trim_end_matches(']').to_owned();
        }
    }
}

async fn open(
    address: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
    match connect_async(request(address, headers)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("no answer: {error}"),
    }
}

#[tokio::test]
async fn a_handler_sees_the_client_that_a_trusted_proxy_names() {
    let said = [("x-forwarded-for", "192.0.2.66, 203.0.113.9"), ("x-forwarded-proto", "https")];
    for (proxies, expected) in [
        (&["127.0.0.1"][..], r#""203.0.113.9",true"#),
        (&["10.0.0.0/8"], r#""127.0.0.1",false"#),
        (&[], r#""127.0.0.1",false"#),
    ] {
        let (_server, address) = serve(behind(proxies)).await;
        let socket = open(address, &said).await.expect("it upgrades");
        assert_eq!(you(socket).await, expected, "{proxies:?}");
    }
}

#[tokio::test]
async fn a_gate_sees_the_client_that_a_trusted_proxy_names() {
    let gate = || {
        AllowRequest::new(|request| {
            let client = request.address().map(|address| address.ip().to_string());
            let is_welcome = client.as_deref() == Some("203.0.113.9") && request.is_secure();
            Box::pin(async move { if is_welcome { Ok(()) } else { Err("not from there".into()) } })
        })
    };
    let said = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
    let (_server, address) = serve(behind(&["127.0.0.1"]).allow_request(gate())).await;
    assert!(open(address, &said).await.is_ok());
    assert_eq!(open(address, &said[..1]).await.err(), Some(400));
    let (_server, address) = serve(behind(&[]).allow_request(gate())).await;
    assert_eq!(open(address, &said).await.err(), Some(400));
}

#[tokio::test]
async fn a_handler_sees_the_client_that_a_balancer_of_tcp_names() {
    let balancers = TrustedProxies::new(["127.0.0.1"]).expect("an address");
    let builder = Server::builder().accept_loop(|listen| listen.proxy_protocol = balancers);
    let (_server, address) = serve(builder).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n").await.expect("it is taken");
    let (socket, _) = client_async(request(address, &[]), stream).await.expect("it upgrades");
    assert_eq!(you(socket).await, r#""203.0.113.9",false"#);
    // Without the header there is no connection.
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /socket.io/ HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is taken");
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time");
    assert!(ended.is_err() || answer.is_empty(), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn a_foreign_page_opens_no_websocket_with_the_users_cookies() {
    let page = |origin: &'static str| [("origin", origin), ("cookie", "login=1")];
    let evil = page("https://evil.example");
    let mut cors = Cors::default();
    cors.origin = AllowedOrigin::List(vec!["https://app.example".to_owned()]);
    let (server, address) = serve(Server::builder().cors(cors)).await;
    assert_eq!(open(address, &evil).await.err(), Some(403));
    assert!(open(address, &evil[..1]).await.is_ok());
    assert!(open(address, &page("https://app.example")).await.is_ok());
    let own: &'static str = format!("http://{address}").leak();
    assert!(open(address, &page(own)).await.is_ok());
    let counters = server.counters();
    assert_eq!((counters.foreign_origins, counters.requests_refused), (1, 1));

    let (_server, address) = serve(Server::builder().origins(Origins::Strict)).await;
    assert_eq!(open(address, &evil[..1]).await.err(), Some(403));
    assert!(open(address, &[]).await.is_ok());
    let (_server, address) = serve(Server::builder().origins(Origins::Any)).await;
    assert!(open(address, &evil).await.is_ok());
    let forwarded = [evil[0], evil[1], ("x-forwarded-host", "evil.example")];
    let (_server, address) = serve(behind(&["127.0.0.1"])).await;
    assert!(open(address, &forwarded).await.is_ok(), "the proxy says that it is our own");
}
