//! A Socket.IO peer over any technique, for tests: whole messages in, whole messages out.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sockeye::Server;
use sockeye::engine::listen::bind;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What carries a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Technique {
    LongPolling,
    ShortPolling,
    Sse,
    WebSocket,
    /// Opened over polling; it moves to a WebSocket while the scenario runs.
    Moving,
}

/// Serves in the background until the test ends.
pub(crate) fn serve(server: &Server) -> SocketAddr {
    let listener = bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = server.clone();
    tokio::spawn(async move { server.listen_with(listener, std::future::pending()).await });
    address
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A peer with a session.
pub(crate) struct Peer {
    came: mpsc::UnboundedReceiver<String>,
    out: Out,
    tasks: Vec<JoinHandle<()>>,
}

enum Out {
    /// Posts each payload to this target.
    Http {
        connection: Http,
        target: String,
    },
    WebSocket(SplitSink<Socket, Message>),
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Peer {
    /// Opens a session.
    pub(crate) async fn open(address: SocketAddr, technique: Technique) -> Peer {
        let (tell, came) = mpsc::unbounded_channel();
        match technique {
            Technique::WebSocket => {
                let (mut sink, mut stream) = websocket(address, "").await;
                let open = next_text(&mut stream).await;
                assert!(open.starts_with("0{"), "{open}");
                sink.flush().await.expect("an open connection");
                let tasks = vec![tokio::spawn(read_websocket(stream, tell))];
                Peer { came, out: Out::WebSocket(sink), tasks }
            }
            Technique::Sse => {
                let stream = Http::connect(address).await;
                let mut lines = stream.open_stream("/socket.io/?EIO=4&transport=sse").await;
                let open = next_data(&mut lines).await.expect("the open packet");
                let target = format!("/socket.io/?EIO=4&transport=sse&sid={}", sid(&open));
                let tasks = vec![tokio::spawn(read_stream(lines, tell))];
                Peer { came, out: Out::Http { connection: Http::connect(address).await, target }, tasks }
            }
            Technique::LongPolling | Technique::ShortPolling | Technique::Moving => {
                let mut connection = Http::connect(address).await;
                let target = "/socket.io/?EIO=4&transport=polling";
                let open = connection.get(target).await.expect("the open packet");
                let target = format!("{target}&sid={}", sid(&open));
                let wait = if technique == Technique::ShortPolling { "&wait=20" } else { "" };
                let polls = poll(connection, format!("{target}{wait}"), tell.clone());
                let mut tasks = vec![tokio::spawn(polls)];
                let mut out = Out::Http { connection: Http::connect(address).await, target: target.clone() };
                if technique == Technique::Moving {
                    let (mut sink, mut stream) = websocket(address, &format!("&sid={}", sid(&open))).await;
                    sink.send(Message::text("2probe")).await.expect("an open connection");
                    assert_eq!(next_text(&mut stream).await, "3probe");
                    sink.send(Message::text("5")).await.expect("an open connection");
                    tasks.push(tokio::spawn(read_websocket(stream, tell)));
                    out = Out::WebSocket(sink);
                }
                Peer { came, out, tasks }
            }
        }
    }

    /// Opens a session and joins the default namespace.
    pub(crate) async fn join(address: SocketAddr, technique: Technique) -> Peer {
        let mut peer = Peer::open(address, technique).await;
        peer.send(&["0"]).await;
        let connect = peer.recv().await;
        assert!(connect.starts_with("0{\"sid\":\""), "{connect}");
        peer
    }

    /// Sends messages in one write.
    pub(crate) async fn send(&mut self, messages: &[&str]) {
        match &mut self.out {
            Out::WebSocket(sink) => {
                for message in messages {
                    sink.feed(Message::text(format!("4{message}"))).await.expect("an open connection");
                }
                sink.flush().await.expect("an open connection");
            }
            Out::Http { connection, target } => {
                let packets: Vec<String> = messages.iter().map(|message| format!("4{message}")).collect();
                connection.post(target, &packets.join("\u{1e}")).await;
            }
        }
    }

    /// The next message.
    pub(crate) async fn recv(&mut self) -> String {
        timeout(PATIENCE, self.came.recv()).await.expect("in time").expect("an open connection")
    }
}

fn sid(open: &str) -> &str {
    &open.split_once("\"sid\":\"").unwrap_or_else(|| panic!("no open packet: {open}")).1[..20]
}

/// Hands on the messages among packets; says whether the session goes on.
fn hand_on(packet: &str, tell: &mpsc::UnboundedSender<String>) -> bool {
    match packet.strip_prefix('4') {
        Some(message) => tell.send(message.to_owned()).is_ok(),
        None => packet != "1",
    }
}

async fn websocket(address: SocketAddr, query: &str) -> (SplitSink<Socket, Message>, SplitStream<Socket>) {
    let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket{query}");
    connect_async(target).await.expect("it upgrades").0.split()
}

async fn next_text(stream: &mut SplitStream<Socket>) -> String {
    let came = timeout(PATIENCE, stream.next()).await.expect("in time");
    came.expect("a message").expect("a healthy connection").into_text().expect("text").to_string()
}

async fn read_websocket(mut stream: SplitStream<Socket>, tell: mpsc::UnboundedSender<String>) {
    while let Some(Ok(Message::Text(text))) = stream.next().await {
        if !hand_on(&text, &tell) {
            return;
        }
    }
}

async fn poll(mut connection: Http, target: String, tell: mpsc::UnboundedSender<String>) {
    while let Some(body) = connection.get(&target).await {
        if !body.split('\u{1e}').all(|packet| packet == "6" || hand_on(packet, &tell)) {
            return;
        }
    }
}

async fn read_stream(mut lines: BufReader<TcpStream>, tell: mpsc::UnboundedSender<String>) {
    while let Some(data) = next_data(&mut lines).await {
        if !hand_on(&data, &tell) {
            return;
        }
    }
}

/// The next `data` line of a stream.
async fn next_data(lines: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(data.trim_end_matches(['\r', '\n']).to_owned());
        }
    }
}

/// One kept connection that speaks HTTP by hand.
struct Http(BufReader<TcpStream>);

impl Http {
    async fn connect(address: SocketAddr) -> Http {
        Http(BufReader::new(TcpStream::connect(address).await.expect("a connection")))
    }

    async fn get(&mut self, target: &str) -> Option<String> {
        self.request(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }

    async fn post(&mut self, target: &str, body: &str) {
        let length = body.len();
        let head = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        let answer = self.request(&format!("{head}{body}")).await;
        assert_eq!(answer.as_deref(), Some("ok"));
    }

    async fn request(&mut self, request: &str) -> Option<String> {
        self.0.write_all(request.as_bytes()).await.expect("an open connection");
        let head = self.head().await?;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.0.read_exact(&mut body).await.ok()?;
        Some(String::from_utf8(body).expect("text"))
    }

    async fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Some(head)
    }

    /// Begins a response that does not end.
    async fn open_stream(mut self, target: &str) -> BufReader<TcpStream> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.expect("an open connection");
        let head = self.head().await.expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        self.0
    }
}
