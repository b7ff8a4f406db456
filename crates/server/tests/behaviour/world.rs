//! A server under virtual time, and peers that speak to it over polling, in either protocol. Nothing here sleeps: `run`
//! lets all that is ready happen, `advance` moves the clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use sockeye_server::runtime::Runtime;
use sockeye_server::server::{Builder, Server};
use sockeye_server::service::ServerService;
use sockeye_server::simulation::Simulation;
use tower_service::Service;

const TARGET: &str = "/socket.io/?EIO=4&transport=polling";

pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) server: Server,
    /// What handlers noted; they reach it as state.
    pub(crate) notes: Notes,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(|builder| builder)
    }

    pub(crate) fn with(build: impl FnOnce(Builder) -> Builder) -> World {
        let simulation = Simulation::new(7);
        let notes = Notes::default();
        let builder = Server::builder().runtime(simulation.runtime());
        let server = build(builder.state(simulation.runtime()).state(notes.clone())).build();
        World { simulation, server, notes }
    }

    /// Lets everything happen that is ready.
    pub(crate) fn run(&self) {
        self.simulation.run();
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.simulation.advance(Duration::from_millis(milliseconds));
    }

    /// A peer with a session, and no namespace yet.
    pub(crate) fn open(&self) -> Peer<'_> {
        self.open_at(TARGET)
    }

    pub(crate) fn open_at(&self, target: &str) -> Peer<'_> {
        let peer = self.open_deaf_at(target);
        peer.listen();
        peer
    }

    /// A peer with a session that asks for nothing, until it [listens](Peer::listen).
    pub(crate) fn open_deaf(&self) -> Peer<'_> {
        self.open_deaf_at(TARGET)
    }

    fn open_deaf_at(&self, target: &str) -> Peer<'_> {
        let peer = Peer { world: self, target: String::new(), seen: Arc::default() };
        let (mut service, seen) = (self.server.service(), peer.seen.clone());
        let request = get(target);
        self.simulation.runtime().spawn(async move {
            let text = answer(&mut service, request).await;
            seen.lock().packets.push(text);
        });
        self.run();
        let first = peer.seen.lock().packets.pop().expect("the handshake is answered at once");
        let mut packets = split(&first, target).into_iter();
        let open = packets.next().expect("the open packet");
        let sid = open.split_once("\"sid\":\"").expect("the open packet").1[..20].to_owned();
        let messages = packets.map(|packet| packet[1..].to_owned());
        peer.seen.lock().packets.extend(messages);
        Peer { target: format!("{target}&sid={sid}"), ..peer }
    }

    /// A peer in the default namespace; its id.
    pub(crate) fn join(&self) -> (Peer<'_>, String) {
        self.join_namespace("/")
    }

    pub(crate) fn join_namespace_of(&self, namespace: &str) -> (Peer<'_>, String) {
        self.server.of(namespace);
        self.join_namespace(namespace)
    }

    fn join_namespace(&self, namespace: &str) -> (Peer<'_>, String) {
        let peer = self.open();
        let id = peer.connect(namespace);
        (peer, id)
    }
}

#[derive(Default)]
struct Seen {
    packets: Vec<String>,
    closed: bool,
    /// Bodies that wait for the POST before them to be answered.
    outbox: VecDeque<String>,
    posting: bool,
    answered: usize,
    silent: bool,
    /// Sent in the tick in which CONNECT is seen.
    early: Option<&'static str>,
}

/// One peer. It always has a GET pending, as clients do.
pub(crate) struct Peer<'w> {
    world: &'w World,
    target: String,
    seen: Arc<Mutex<Seen>>,
}

impl Peer<'_> {
    pub(crate) fn listen(&self) {
        let mut service = self.world.server.service();
        let (target, seen, post) = (self.target.clone(), self.seen.clone(), self.poster());
        self.world.simulation.runtime().spawn(async move {
            loop {
                let text = answer(&mut service, get(&target)).await;
                for packet in split(&text, &target) {
                    let packet = packet.as_str();
                    match packet.strip_prefix('4') {
                        Some(message) => {
                            let early = seen.lock().early.filter(|_| message.starts_with('0'));
                            early.into_iter().for_each(|early| post(format!("4{early}")));
                            seen.lock().packets.push(message.to_owned());
                        }
                        None if packet.starts_with('b') => seen.lock().packets.push(packet.to_owned()),
                        None if packet == "2" && !seen.lock().silent => post("3".to_owned()),
                        None if packet == "2" => {}
                        None if packet == "6" => {}
                        None => seen.lock().closed = true,
                    }
                }
                if seen.lock().closed {
                    return;
                }
            }
        });
        self.world.run();
    }

    /// Sends messages in one POST and lets everything happen that is ready.
    pub(crate) fn send(&self, messages: &[&str]) {
        self.post(messages);
        self.world.run();
    }

    /// Sends messages in one POST, to be handled when the world runs. `b…` is binary, as base64.
    pub(crate) fn post(&self, messages: &[&str]) {
        let packet = |message: &&str| match message.strip_prefix('b') {
            Some(_) => (*message).to_owned(),
            None => format!("4{message}"),
        };
        let packets: Vec<String> = messages.iter().map(packet).collect();
        self.post_raw(if is_v3(&self.target) {
            packets.iter().map(|packet| format!("{}:{packet}", packet.encode_utf16().count())).collect()
        } else {
            packets.join("\u{1e}")
        });
    }

    pub(crate) fn post_raw(&self, body: String) {
        self.poster()(body);
    }

    /// Posts bodies one after another, as clients do.
    fn poster(&self) -> impl Fn(String) + Send + use<> {
        let (server, runtime) = (self.world.server.clone(), self.world.simulation.runtime());
        let (target, seen) = (self.target.clone(), self.seen.clone());
        move |body| {
            let mut state = seen.lock();
            state.outbox.push_back(body);
            if std::mem::replace(&mut state.posting, true) {
                return;
            }
            drop(state);
            let (mut service, target, seen) = (server.service(), target.clone(), seen.clone());
            runtime.spawn(async move {
                loop {
                    let next = seen.lock().outbox.pop_front();
                    let Some(body) = next else { break };
                    let request = Request::post(&target).body(Full::from(body)).expect("a request");
                    answer(&mut service, request).await;
                    seen.lock().answered += 1;
                }
                seen.lock().posting = false;
            });
        }
    }

    /// Joins a namespace; its id there.
    pub(crate) fn connect(&self, namespace: &str) -> String {
        let prefix = if namespace == "/" { String::new() } else { format!("{namespace},") };
        self.send(&[&format!("0{prefix}")]);
        let mut seen = self.seen.lock();
        let start = format!("0{prefix}{{\"sid\":\"");
        let at = seen.packets.iter().position(|packet| packet.starts_with(&start));
        let Some(at) = at else { panic!("no CONNECT in {:?}", seen.packets) };
        let packet = seen.packets.remove(at);
        packet[start.len()..start.len() + 20].to_owned()
    }

    /// All messages that came since it was asked last.
    pub(crate) fn take(&self) -> Vec<String> {
        self.world.run();
        std::mem::take(&mut self.seen.lock().packets)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.world.run();
        self.seen.lock().closed
    }

    /// It answers no more pings.
    pub(crate) fn fall_silent(&self) {
        self.seen.lock().silent = true;
    }

    pub(crate) fn answer_connect_with(&self, message: &'static str) {
        self.seen.lock().early = Some(message);
    }

    /// The id of its session.
    pub(crate) fn sid(&self) -> &str {
        &self.target[self.target.len() - 20..]
    }

    /// How many POSTs are answered.
    pub(crate) fn answered(&self) -> usize {
        self.seen.lock().answered
    }
}

fn get(target: &str) -> Request<Full<bytes::Bytes>> {
    Request::get(target).header("x-test", "yes").body(Full::default()).expect("a request")
}

fn is_v3(target: &str) -> bool {
    target.contains("EIO=3")
}

/// The packets of a payload.
fn split(payload: &str, target: &str) -> Vec<String> {
    if !is_v3(target) || payload == "1" {
        return payload.split('\u{1e}').map(str::to_owned).collect();
    }
    let mut packets = Vec::new();
    let mut rest = payload;
    while let Some((length, after)) = rest.split_once(':') {
        let units: usize = length.parse().expect("a length");
        let mut sofar = 0;
        let end = after.char_indices().find(|(_, character)| {
            let reached = sofar == units;
            sofar += character.len_utf16();
            reached
        });
        let (packet, next) = after.split_at(end.map_or(after.len(), |(at, _)| at));
        packets.push(packet.to_owned());
        rest = next;
    }
    packets
}

/// The body of an answer; `1`, which closes, if it is no success.
async fn answer(service: &mut ServerService, request: Request<Full<bytes::Bytes>>) -> String {
    let answer = service.call(request).await.expect("the service never fails");
    if !answer.status().is_success() {
        return "1".to_owned();
    }
    let body = answer.into_body().collect().await.expect("no stream").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

/// Waits in virtual time, for handlers.
pub(crate) async fn sleep(runtime: &Runtime, milliseconds: u64) {
    runtime.sleep(Duration::from_millis(milliseconds)).await;
}

/// What handlers note, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn note(&self, note: impl Into<String>) {
        self.0.lock().push(note.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}
