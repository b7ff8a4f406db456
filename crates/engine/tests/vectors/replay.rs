//! Plays one recorded scenario against a server of its own, and compares.

use std::collections::HashMap;
use std::io::Read as _;
use std::time::Duration;

use serde_json::Value as Json;
use sockeye_engine::gate::AllowRequest;
use sockeye_engine::options::{AllowedOrigin, Cookie, Cors, Options, SameSite};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_websocket::header::OpCode;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::script::{Act, At, refuses_with, script, server_closes};
use crate::support::http::{Answer, Client};
use crate::support::websocket::{Came, UPGRADE, WebSocket};
use crate::support::{Event, Recorder, Server, eventually};

/// How long a request that is held is given to arrive, before the next step.
const ARRIVE: Duration = Duration::from_millis(100);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The headers that engine.md names. All others are of the HTTP server, not of the protocol.
const HEADERS: [&str; 14] = [
    "content-type",
    "cache-control",
    "content-encoding",
    "set-cookie",
    "vary",
    "upgrade",
    "sec-websocket-accept",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "x-xss-protection",
];

/// One scenario that is being played.
pub(crate) struct Scenario {
    name: String,
    steps: Vec<Json>,
    server: Server,
    /// Captured ids, and ours in their place.
    ids: HashMap<String, String>,
    answers: HashMap<usize, Pending>,
    sockets: HashMap<usize, WebSocket>,
    taken: Vec<usize>,
    half: Option<Client>,
}

/// An answer that comes or came, and whether the connection ended behind it.
struct Pending {
    coming: JoinHandle<(Option<Answer>, Vec<u8>, bool)>,
}

type Outcome = Result<(), String>;

impl Scenario {
    pub(crate) async fn replay(recorded: Json) -> Outcome {
        let name = recorded["name"].as_str().expect("a name").to_owned();
        let options = options(&name, &recorded["server_options"]);
        let server = Server::with(Recorder::default(), options, Default::default());
        let steps = recorded["steps"].as_array().expect("steps").clone();
        let mut scenario = Scenario {
            name,
            steps,
            server,
            ids: HashMap::new(),
            answers: HashMap::new(),
            sockets: HashMap::new(),
            taken: Vec::new(),
            half: None,
        };
        for step in 0..scenario.steps.len() {
            scenario.act(At::Step(step)).await?;
            scenario.take(step).await?;
        }
        scenario.act(At::End).await?;
        scenario.close_sockets().await?;
        // A held request that nobody answers is dropped by its peer.
        let pending: Vec<usize> = scenario.answers.keys().copied().collect();
        for step in pending {
            scenario.answered(step).await?;
        }
        scenario.compare_events(&recorded["server_events"]).await
    }

    async fn act(&mut self, at: At) -> Outcome {
        let acts = script(&self.name).iter().filter(|(when, _)| *when == at).flat_map(|(_, acts)| *acts);
        for act in acts {
            match *act {
                Act::Send(text) => self.server.send(0, text),
                Act::SendLetters(count) => self.server.send(0, &"a".repeat(count)),
                Act::SendBinary(bytes) => {
                    let frame = [Frame::binary(bytes)];
                    self.server
                        .engine
                        .send(&self.server.session(0), frame)
                        .map_err(|error| error.to_string())?;
                }
                Act::Close => {
                    self.server.engine.close(&self.server.session(0), CloseReason::ForcedClose);
                    self.settle().await;
                }
                Act::ShutDown => self.server.engine.shut_down(CloseReason::ForcedClose),
                Act::Hear(count) => eventually(|| self.server.application().events().len() >= count).await,
                Act::Await(step) => self.answered(step).await?,
                Act::Take(step) => Box::pin(self.take(step)).await?,
                Act::Abort(step) => {
                    let pending = self.answers.remove(&step).expect("a step that was started");
                    if pending.coming.is_finished() {
                        return Err(format!("step {step} was answered, and is recorded as held"));
                    }
                    pending.coming.abort();
                    self.settle().await;
                }
                Act::CloseSocket(step) => self.close_socket(step).await?,
                Act::Pause(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
                Act::PostHalf => {
                    let mut client = Client::connect(self.server.address).await;
                    let sid = self.ids.values().next().expect("a session");
                    let target = format!("/engine.io/?EIO=4&transport=polling&sid={sid}");
                    client
                        .write(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n4he"))
                        .await;
                    self.half = Some(client);
                    sleep(ARRIVE).await;
                }
                Act::AbortHalf => {
                    self.half = None;
                    self.settle().await;
                }
            }
        }
        Ok(())
    }

    /// What was done reaches the server's tasks.
    async fn settle(&self) {
        sleep(Duration::from_millis(40)).await;
    }

    async fn take(&mut self, index: usize) -> Outcome {
        if self.taken.contains(&index) {
            return Ok(());
        }
        self.taken.push(index);
        let step = self.steps[index].clone();
        if step["request"].is_object() {
            self.request(index, &step).await
        } else if step["websocket"].is_string() {
            self.websocket(index, &step).await
        } else if let Some(expected) = step.get("first_post_response") {
            assert_eq!(expected["text"], "", "the first POST was cut without an answer");
            let half = self.half.as_mut().expect("half a POST");
            if half.is_closed().await { Ok(()) } else { Err("the first POST was answered".to_owned()) }
        } else {
            Ok(())
        }
    }

    async fn request(&mut self, index: usize, step: &Json) -> Outcome {
        let request = self.substitute(&raw(&step["request"]));
        let address = self.server.address;
        let is_head = request.starts_with(b"HEAD ");
        let expects_end = step["connection_closed"] == true;
        let coming = tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            client.write(&request).await;
            let answer = if is_head { client.head().await } else { client.try_answer().await };
            if answer.as_ref().is_some_and(|answer| answer.status == 101) {
                // Frames follow, as many as come at once.
                while timeout(Duration::from_millis(150), client.read()).await == Ok(true) {}
            }
            let ended = expects_end && client.is_closed().await;
            (answer, client.buffer, ended)
        });
        self.answers.insert(index, Pending { coming });
        if self.is_held(index, step) {
            sleep(ARRIVE).await;
            return Ok(());
        }
        self.answered(index).await
    }

    /// Whether the step's answer came only after a later one had begun.
    fn is_held(&self, index: usize, step: &Json) -> bool {
        const HELD: [&str; 10] = [
            "two GETs at once",
            "server closes with a pending GET",
            "upgrade with pending GET",
            "upgrade while a GET is pending and never flushed (5 sent at once)",
            "message sent by server while probing goes over polling",
            "server.close() with one polling and one websocket client",
            "v3 heartbeat polling: client pings",
            "v3 upgrade",
            "v3 server close polling pending",
            "v3 two GETs at once",
        ];
        let is_post = self.name.trim_start_matches("v3 ").starts_with("post body: ");
        let is_held = is_post || HELD.contains(&self.name.as_str());
        step["pending"] == true || (is_held && index == 1) || (self.name == "post and poll" && index == 3)
    }

    /// Waits for a step's answer and compares it.
    async fn answered(&mut self, index: usize) -> Outcome {
        let Some(pending) = self.answers.remove(&index) else { return Ok(()) };
        let step = self.steps[index].clone();
        let mut coming = pending.coming;
        if step["pending"] == true {
            let early = coming.is_finished();
            coming.abort();
            self.settle().await;
            return if early {
                Err(format!("step {index} was answered, and is recorded as held"))
            } else {
                Ok(())
            };
        }
        let Ok(done) = timeout(PATIENCE, &mut coming).await else {
            coming.abort();
            return Err(format!("step {index} was not answered"));
        };
        let (answer, rest, ended) = done.expect("a request that does not panic");
        let expected = parse(&raw(&step["response"]));
        match (expected, answer) {
            (None, None) => {}
            (Some((expected, frames)), Some(answer)) => {
                self.compare(index, &expected, &answer)?;
                if answer.status == 101 {
                    self.same_body(index, &frames, &rest)?;
                }
            }
            (expected, answer) => {
                return Err(format!("step {index}: {answer:?} instead of {:?}", expected.map(|(it, _)| it)));
            }
        }
        if step["connection_closed"] == true && !ended {
            return Err(format!("step {index}: the connection lives on"));
        }
        Ok(())
    }

    fn compare(&mut self, index: usize, expected: &Answer, answer: &Answer) -> Outcome {
        if answer.status != expected.status {
            return Err(format!("step {index}: {} instead of {}", answer.status, expected.status));
        }
        self.same_body(index, &decoded(expected), &decoded(answer))?;
        for name in HEADERS {
            let values = |answer: &Answer| {
                let of = answer.headers.iter().filter(|(found, _)| found == name);
                let mut values: Vec<String> = of.map(|(_, value)| value.clone()).collect();
                values.sort();
                values
            };
            let ours = values(answer);
            let expected: Vec<String> =
                values(expected).into_iter().map(|value| self.substituted(&value)).collect();
            if ours != expected {
                return Err(format!("step {index}: {name} is {ours:?} instead of {expected:?}"));
            }
        }
        Ok(())
    }

    fn same_body(&mut self, index: usize, expected: &[u8], ours: &[u8]) -> Outcome {
        self.learn(expected, ours);
        let expected = self.substitute(expected);
        if ours == expected {
            return Ok(());
        }
        let (ours, expected) = (String::from_utf8_lossy(ours), String::from_utf8_lossy(&expected));
        Err(format!("step {index}: {ours:?} instead of {expected:?}"))
    }

    async fn websocket(&mut self, index: usize, step: &Json) -> Outcome {
        let target = self.substituted(step["websocket"].as_str().expect("a target"));
        let frames = step["frames"].as_array().expect("frames").clone();
        if let Some(status) = frames.first().and_then(|frame| frame["http_status"].as_u64()) {
            let mut client = Client::connect(self.server.address).await;
            client.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n")).await;
            let answer = client.answer().await;
            let same = u64::from(answer.status) == status && frames[0]["body"] == *answer.text();
            return if same { Ok(()) } else { Err(format!("step {index}: {answer:?}")) };
        }
        self.sockets.insert(index, WebSocket::try_open(self.server.address, &target).await?);
        for (number, frame) in frames.iter().enumerate() {
            self.act(At::Frame(index, number)).await?;
            let mut socket = self.sockets.remove(&index).expect("a socket that is open");
            if let Some(text) = frame["send"].as_str() {
                socket.send(text).await;
            } else if let Some(hex) = frame["send_hex"].as_str() {
                socket.frame(OpCode::Binary, &unhex(hex)).await;
            } else if let Some(text) = frame["recv"].as_str() {
                let came = recv(&mut socket, index).await?;
                self.same_body(index, text.as_bytes(), &bytes(came, index, OpCode::Text)?)?;
            } else if let Some(hex) = frame["recv_hex"].as_str() {
                let came = recv(&mut socket, index).await?;
                self.same_body(index, &unhex(hex), &bytes(came, index, OpCode::Binary)?)?;
            } else if server_closes(&self.name, index) && frame["closed"].is_object() {
                let status = match frame["closed"]["code"].as_u64() {
                    Some(1005) | None => None,
                    Some(code) => Some(code as u16),
                };
                let came = recv(&mut socket, index).await?;
                if came != Came::Close(status) {
                    return Err(format!("step {index}: {came:?} instead of a close with {status:?}"));
                }
                return Ok(());
            }
            self.sockets.insert(index, socket);
        }
        Ok(())
    }

    /// The peer closes; nothing must have come before, and the answer is a Close frame.
    async fn close_socket(&mut self, index: usize) -> Outcome {
        let Some(mut socket) = self.sockets.remove(&index) else { return Ok(()) };
        if let Ok(came) = timeout(Duration::from_millis(40), socket.recv()).await {
            return Err(format!("step {index}: {came:?} came"));
        }
        socket.frame(OpCode::Close, &[]).await;
        match recv(&mut socket, index).await? {
            Came::Close(None) => Ok(()),
            other => Err(format!("step {index}: {other:?} instead of a close")),
        }
    }

    /// At the end of the recording, where some sockets were closed and others left open.
    async fn close_sockets(&mut self) -> Outcome {
        let mut open: Vec<usize> = self.sockets.keys().copied().collect();
        open.sort_unstable();
        for index in open {
            self.close_socket(index).await?;
        }
        Ok(())
    }

    /// What the application heard. Sessions that the recording left open are closed by now.
    async fn compare_events(&self, recorded: &Json) -> Outcome {
        let recorded = recorded.as_array().expect("events");
        let expected: Vec<Event> = recorded.iter().filter_map(event).collect();
        let count = |kind: &str| recorded.iter().filter(|event| event.get(kind).is_some()).count() as u64;
        let mut ours = Vec::new();
        for _ in 0..60 {
            ours = self.server.application().events();
            // The recording ended while these lived; our peer closed them.
            let open = expected.iter().filter(|event| matches!(event, Event::Opened(_))).count()
                - expected.iter().filter(|event| matches!(event, Event::Closed(_))).count();
            for _ in 0..open {
                if ours.len() > expected.len()
                    && ours.last() == Some(&Event::Closed(CloseReason::TransportClose))
                {
                    ours.pop();
                }
            }
            if ours == expected {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        if ours != expected {
            return Err(format!("the application heard {ours:?} instead of {expected:?}"));
        }
        let upgraded = self.server.engine.counters().upgraded();
        if upgraded != count("upgrade") {
            return Err(format!("{upgraded} upgrades instead of {}", count("upgrade")));
        }
        let signs = self.server.application().signs.lock();
        let heartbeats = signs.iter().filter(|sign| *sign == "heartbeat").count() as u64;
        if heartbeats != count("heartbeat") {
            return Err(format!("{heartbeats} heartbeats instead of {}", count("heartbeat")));
        }
        let counters = self.server.engine.counters();
        let refused = counters.refused() - counters.unfit_handshakes();
        if refused != count("connection_error") {
            return Err(format!("{refused} requests refused instead of {}", count("connection_error")));
        }
        Ok(())
    }

    /// Notes which of our ids stands for which captured one.
    fn learn(&mut self, expected: &[u8], ours: &[u8]) {
        let sid = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace('\\', "");
            Some(text.split_once("\"sid\":\"")?.1.get(..20)?.to_owned())
        };
        if let (Some(expected), Some(ours)) = (sid(expected), sid(ours)) {
            self.ids.insert(expected, ours);
        }
    }

    fn substitute(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (captured, ours) in &self.ids {
            let at = bytes.windows(captured.len()).position(|part| part == captured.as_bytes());
            if let Some(at) = at {
                bytes[at..at + captured.len()].copy_from_slice(ours.as_bytes());
            }
        }
        bytes
    }

    fn substituted(&self, text: &str) -> String {
        String::from_utf8(self.substitute(text.as_bytes())).expect("text stays text")
    }
}

async fn recv(socket: &mut WebSocket, index: usize) -> Result<Came, String> {
    timeout(PATIENCE, socket.recv()).await.map_err(|_| format!("step {index}: nothing came"))
}

fn bytes(came: Came, index: usize, opcode: OpCode) -> Result<Vec<u8>, String> {
    match (came, opcode) {
        (Came::Text(text), OpCode::Text) => Ok(text.into_bytes()),
        (Came::Binary(bytes), OpCode::Binary) => Ok(bytes),
        (other, _) => Err(format!("step {index}: {other:?} came")),
    }
}

fn event(event: &Json) -> Option<Event> {
    if let Some(connection) = event.get("connection") {
        return Some(Event::Opened(connection["transport"].as_str()?.to_owned()));
    }
    if let Some(message) = event.get("message") {
        return Some(match message["text"].as_str() {
            Some(text) => Event::Text(text.to_owned()),
            None => Event::Binary(unhex(message["hex"].as_str()?)),
        });
    }
    let reason = event.get("close")?;
    CloseReason::ALL.into_iter().find(|known| *reason == known.as_str()).map(Event::Closed)
}

fn raw(bytes: &Json) -> Vec<u8> {
    match bytes["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => unhex(bytes["hex"].as_str().unwrap_or_default()),
    }
}

/// The recorded answer, and what stood behind a 101.
fn parse(bytes: &[u8]) -> Option<(Answer, Vec<u8>)> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let rest = bytes[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let is_chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
    let (body, frames) = match status {
        101 => (Vec::new(), rest),
        _ if is_chunked => (unchunk(&rest), Vec::new()),
        _ => (rest, Vec::new()),
    };
    Some((Answer { status, headers, body }, frames))
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = bytes.windows(2).position(|part| part == b"\r\n") {
        let length = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..line]), 16).expect("a size");
        body.extend_from_slice(&bytes[line + 2..line + 2 + length]);
        bytes = &bytes[line + 2 + length + 2..];
    }
    body
}

/// The body without its compression, whose bytes are each library's own.
fn decoded(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut plain),
        Some("deflate") => flate2::read::ZlibDecoder::new(&*answer.body).read_to_end(&mut plain),
        _ => return answer.body.clone(),
    }
    .expect("what it says it is");
    plain
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// The recorded server's options, as ours.
fn options(name: &str, recorded: &Json) -> Options {
    let mut options = Options::default();
    let milliseconds = |key: &str| recorded[key].as_u64().map(Duration::from_millis);
    options.ping_interval = milliseconds("pingInterval").unwrap_or(options.ping_interval);
    options.ping_timeout = milliseconds("pingTimeout").unwrap_or(options.ping_timeout);
    options.upgrade_timeout = milliseconds("upgradeTimeout").unwrap_or(options.upgrade_timeout);
    options.allow_eio3 = recorded["allowEIO3"] == true;
    options.allow_upgrades = recorded["allowUpgrades"].as_bool().unwrap_or(true);
    if let Some(size) = recorded["maxHttpBufferSize"].as_u64() {
        options.max_payload = size as usize;
    }
    if let Some(transports) = recorded["transports"].as_array() {
        let wire = |name: &Json| Wire::ALL.into_iter().find(|wire| *name == wire.as_str());
        options.transports = transports.iter().filter_map(wire).collect();
    }
    options.cookie = match &recorded["cookie"] {
        Json::Bool(true) => Some(Cookie::default()),
        Json::Object(cookie) => {
            let mut ours = Cookie::default();
            ours.name = cookie["name"].as_str().expect("a name").to_owned();
            ours.path = cookie["path"].as_str().map(str::to_owned);
            ours.http_only = cookie["httpOnly"] == true;
            ours.secure = cookie["secure"] == true;
            ours.max_age = cookie["maxAge"].as_u64().map(Duration::from_secs);
            ours.same_site = (cookie["sameSite"] == "none").then_some(SameSite::None);
            Some(ours)
        }
        _ => None,
    };
    options.initial_packet =
        recorded["initialPacket"].as_str().map(|text| Frame::message(Message::Text(text)));
    options.cors = recorded.get("cors").map(cors);
    options.allow_request = refuses_with(name)
        .map(|reason| AllowRequest::new(move |_| Box::pin(async move { Err(reason.into()) })));
    options
}

fn cors(recorded: &Json) -> Cors {
    let texts = |list: &Json| -> Option<Vec<String>> {
        list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let mut cors = Cors::default();
    cors.origin = match &recorded["origin"] {
        Json::Bool(true) => AllowedOrigin::Mirror,
        Json::String(any) if any == "*" => AllowedOrigin::Any,
        Json::String(one) => AllowedOrigin::Exact(one.clone()),
        list => AllowedOrigin::List(texts(list).expect("a list of origins")),
    };
    cors.credentials = recorded["credentials"] == true;
    cors.methods = texts(&recorded["methods"]).unwrap_or(cors.methods);
    cors.allowed_headers = texts(&recorded["allowedHeaders"]);
    cors
}
