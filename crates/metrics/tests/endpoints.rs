//! The endpoints over real sockets: what is scraped while clients speak over each technique, and what balancers hear.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use sockeye::engine::body::Body;
use sockeye::engine::listen::bind;
use sockeye::{Server, Socket};
use sockeye_metrics::Endpoints;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tower_layer::Layer;
use tower_service::Service;

use futures_util::{SinkExt, StreamExt};

use support::page::Page;

const OPEN_METRICS: &str =
    "Accept: application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5\r\n";

/// One request on a connection of its own: the head of the answer, and its body.
async fn ask(address: SocketAddr, method: &str, target: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

async fn get(address: SocketAddr, target: &str) -> (String, String) {
    ask(address, "GET", target, "", "").await
}

async fn scrape(address: SocketAddr) -> Page {
    let (head, body) = ask(address, "GET", "/metrics", OPEN_METRICS, "").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    Page::parse(&body)
}

/// The endpoints alone, on an address of their own.
async fn served(server: &Server) -> (Endpoints, SocketAddr) {
    let endpoints = Endpoints::of(server);
    let listener = bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(endpoints.clone().serve(listener));
    (endpoints, address)
}

/// A service that says of every request that it got it.
#[derive(Clone)]
struct Rest;

impl<B> Service<Request<B>> for Rest {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::full("the rest"))))
    }
}

#[tokio::test]
async fn readiness_flips_and_health_does_not() {
    let (endpoints, address) = served(&Server::new()).await;
    let ready = endpoints.ready();
    assert_eq!(get(address, "/readyz").await.1, "ready");
    let (head, body) = get(address, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && body == "ok", "{head}");
    ready.set(false);
    let (head, body) = get(address, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && body == "draining", "{head}");
    assert!(get(address, "/healthz").await.0.starts_with("HTTP/1.1 200 OK"));
    ready.set(true);
    assert!(get(address, "/readyz").await.0.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn pages_are_written_in_the_format_that_is_asked_for() {
    let (_, address) = served(&Server::new()).await;
    let (head, body) = get(address, "/metrics").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.contains("# TYPE sockeye_sessions gauge\n") && !body.contains("# EOF"), "{body}");
    scrape(address).await;
    let (head, body) = ask(address, "HEAD", "/metrics", "", "").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK") && head.contains("content-length: ") && body.is_empty(),
        "{head}"
    );
    let (head, _) = ask(address, "POST", "/metrics", "", "").await;
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("allow: GET, HEAD"), "{head}");
    assert!(get(address, "/").await.0.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn values_move_with_sessions_over_each_technique_on_one_port_with_all_else() {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("echo", async |socket: Socket, text: String| socket.emit("echo", text));
    });
    let listener = bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let endpoints = Endpoints::of(&server);
    let serving = server.clone();
    let service = endpoints.layer(Rest);
    let end = async move { _ = stopped.await };
    let task = tokio::spawn(async move { serving.listen_beside(listener, service, end).await });
    assert_eq!(get(address, "/").await.1, "the rest");
    let open = |page: &Page, transport| page.value("sockeye_sessions", &[("transport", transport)]);
    let bytes = |page: &Page, name: &str, transport| page.value(name, &[("transport", transport)]);

    // Polling, request by request.
    let (_, body) = get(address, "/socket.io/?EIO=4&transport=polling").await;
    let sid = body.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    ask(address, "POST", &target, "", "40\u{1e}42[\"echo\",\"polled\"]").await;
    let (_, first) = get(address, &target).await;
    assert!(first.contains("polled"), "{first}");
    let page = scrape(address).await;
    assert_eq!((open(&page, "polling"), open(&page, "sse"), open(&page, "websocket")), (1.0, 0.0, 0.0));
    assert_eq!(
        bytes(&page, "sockeye_received_bytes_total", "polling"),
        "40\u{1e}42[\"echo\",\"polled\"]".len() as f64
    );
    assert_eq!(bytes(&page, "sockeye_sent_bytes_total", "polling"), (body.len() + first.len()) as f64);

    // A stream.
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream
        .write_all(b"GET /socket.io/?EIO=4&transport=sse HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .expect("it reads");
    let mut seen = String::new();
    read_until(&mut stream, &mut seen, "\"sid\":\"").await;
    let sid = seen.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
    ask(
        address,
        "POST",
        &format!("/socket.io/?EIO=4&transport=sse&sid={sid}"),
        "",
        "40\u{1e}42[\"echo\",\"streamed\"]",
    )
    .await;
    read_until(&mut stream, &mut seen, "streamed").await;
    let page = scrape(address).await;
    assert_eq!((open(&page, "polling"), open(&page, "sse"), open(&page, "websocket")), (1.0, 1.0, 0.0));
    assert!(bytes(&page, "sockeye_sent_bytes_total", "sse") > 100.0);
    assert_eq!(
        bytes(&page, "sockeye_received_bytes_total", "sse"),
        "40\u{1e}42[\"echo\",\"streamed\"]".len() as f64
    );

    // A WebSocket.
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a websocket");
    let mut sent = 0;
    for text in ["40", "42[\"echo\",\"framed\"]"] {
        socket.send(Message::text(text)).await.expect("it reads");
        // Two bytes of a head and four of the mask.
        sent += text.len() + 6;
    }
    let mut came = 0;
    loop {
        let message = socket.next().await.expect("it goes on").expect("a message");
        came += message.len() + if message.len() < 126 { 2 } else { 4 };
        if message.to_text().expect("a text").contains("framed") {
            break;
        }
    }
    let page = scrape(address).await;
    assert_eq!((open(&page, "polling"), open(&page, "sse"), open(&page, "websocket")), (1.0, 1.0, 1.0));
    assert_eq!(bytes(&page, "sockeye_received_bytes_total", "websocket"), sent as f64);
    assert_eq!(bytes(&page, "sockeye_sent_bytes_total", "websocket"), came as f64);
    assert_eq!(page.value("sockeye_events_received_total", &[]), 3.0);
    assert_eq!(page.value("sockeye_messages_received_total", &[]), 6.0);
    assert_eq!(page.value("sockeye_sockets", &[("namespace", "/")]), 3.0);

    stop.send(()).expect("it serves");
    task.await.expect("it ends");
    let counters = server.counters();
    let closed = counters.closed.iter().find(|(reason, _)| *reason == "server shutting down");
    assert_eq!(closed, Some(&("server shutting down", 3)));
}

async fn read_until(stream: &mut TcpStream, seen: &mut String, end: &str) {
    let mut bytes = [0; 4096];
    while !seen.contains(end) {
        let length = stream.read(&mut bytes).await.expect("it goes on");
        assert!(length > 0, "it ended: {seen}");
        seen.push_str(std::str::from_utf8(&bytes[..length]).expect("a text"));
    }
}
