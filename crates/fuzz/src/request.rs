//! Requests: heads and queries as peers write them, the forms of JSONP, and what is kept of a handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sockeye_engine::engine::{Application, Engine, Flow};
use sockeye_engine::handshake::Handshake;
use sockeye_engine::hooks::GenerateId;
use sockeye_engine::options::{AllowedOrigin, Cookie, Cors, Options, PerMessageDeflate};
use sockeye_engine::service::EngineService;
use sockeye_engine::session::Session;
use sockeye_engine::sid::Sid;
use sockeye_engine_proto::packet::{Message, Packet};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::tick::Tick;
use sockeye_engine_proto::wire::{payload, v3};
use sockeye_runtime::simulation::Simulation;
use sockeye_server::socket::Socket;
use tower_service::Service as _;

use crate::input::Input;
use crate::panics;
use crate::world::{GONE, World, until};

/// The id of the first session of each input; that of the next ends with `B`, then `C`. A seed may name them.
pub(crate) const FIRST_SID: &str = "AAAAAAAAAAAAAAAAAAAA";

fn ids() -> GenerateId {
    let next = AtomicU16::new(0);
    GenerateId::new(move |_| {
        let mut bytes = [0; 15];
        bytes[13..].copy_from_slice(&next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Box::pin(async move { Ok(Sid::from_bytes(bytes)) })
    })
}

/// The bytes of one HTTP connection, requests one behind another, upgrades included: the next peer is served, and when all
/// are gone nothing is left.
pub fn requests(data: &[u8]) {
    let cors = {
        let mut cors = Cors::default();
        cors.origin = AllowedOrigin::Mirror;
        cors.credentials = true;
        cors
    };
    let world = World::new(1, |builder| {
        let builder = builder.path("/engine.io/").allow_eio3(true).cors(cors).cookie(Cookie::default());
        let builder =
            builder.http_compression(Some(1)).per_message_deflate(Some(PerMessageDeflate::default()));
        builder.generate_id(ids()).engine(|options| options.advertise_sse = true)
    });
    world.server.on_connect(async |socket: Socket| {
        if let Some(handshake) = socket.handshake() {
            let _ = (handshake.url(), handshake.query(), handshake.headers(), handshake.parts());
        }
        socket.emit("hello", ());
    });
    let mut line = world.connect();
    for piece in data.chunks(8 * 1024).take(8) {
        line.write(piece);
        world.run();
        line.read();
    }
    world.advance(1_000);
    line.read();
    // Whatever it was, the next peer is served.
    let next = world
        .ask(Request::get("/engine.io/?EIO=4&transport=polling").body(Full::default()).expect("a request"));
    world.run();
    assert_eq!(next.status(), Some(200));
    drop(line);
    until(|| world.server.counters().sessions == 0, |milliseconds| world.advance(milliseconds));
    assert_eq!(world.server.counters().sessions, 0, "sessions are left");
    assert_eq!((world.server.counters().panics, panics::taken()), (0, 0));
    drop(next);
    world.end();
}

/// What is kept of a request gives it back. The input is lines: the target, then headers.
pub fn request_handshake(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let Ok(uri) = http::Uri::try_from(target) else { return };
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    for line in lines.take(200) {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    let (parts, ()) = request.into_parts();
    let time = UNIX_EPOCH + Duration::from_micros(data.len() as u64);
    let handshake = Handshake::new(&parts, None, data.len() % 2 == 1, time);
    assert_eq!((handshake.time(), handshake.address()), (time, None));
    if data.len() > 4_000 {
        return; // beyond its limit headers are left out; what is short is there
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    assert_eq!(handshake.url(), target);
    assert_eq!(handshake.query(), parts.uri.query().unwrap_or_default());
    let mut headers = parts.headers;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_EXTENSIONS] {
        headers.remove(name);
    }
    assert_eq!(handshake.headers(), headers);
    for name in headers.keys() {
        assert_eq!(handshake.header(name.as_str()), headers.get(name).map(HeaderValue::as_bytes));
    }
}

/// What a page that polls by JSONP sends: any form does no harm, and what an honest page writes is what is heard.
pub fn request_jsonp(data: &[u8]) {
    let mut input = Input::new(data);
    let choices = input.byte();
    let (is_v3, honest) = (choices & 1 == 1, choices & 2 == 2);
    let simulation = Simulation::new(1);
    let mut options = Options::default();
    options.allow_eio3 = true;
    options.generate_id = Some(ids());
    let engine = Engine::new(Heard::default(), options, simulation.runtime());
    let ask = |request: Request<Full<Bytes>>| {
        let mut service = EngineService::new(engine.clone());
        let status = Arc::new(Mutex::new(0));
        let told = status.clone();
        simulation.runtime().spawn(async move {
            let Ok(answer) = service.call(request).await;
            *told.lock() = answer.status().as_u16();
        });
        simulation.run();
        *status.lock()
    };
    let target = format!("/engine.io/?EIO={}&transport=polling&j=0", if is_v3 { 3 } else { 4 });
    assert!(opens(&engine, &simulation, &target), "a session opens");
    let body = input.all();
    let post = |body: Vec<u8>| {
        let request = Request::post(format!("{target}&sid={FIRST_SID}")).body(Full::from(body));
        ask(request.expect("a request"))
    };
    match std::str::from_utf8(body) {
        // A backslash in front of a line break is written as what looks like one.
        Ok(text) if honest && !text.contains("\\\n") => {
            let written = text.replace("\\n", "\\\\n").replace('\n', "\\n");
            let form = format!("x=1&d={}", percent_encode(written.as_bytes(), NON_ALPHANUMERIC));
            assert_eq!(post(form.into_bytes()), 200);
            let expected = messages(text, is_v3);
            let heard = engine.application().0.lock().clone();
            assert!(heard.starts_with(&expected), "{heard:?}, {expected:?}");
        }
        _ => {
            let status = post(body.to_vec());
            assert!(matches!(status, 200 | 400 | 413), "{status}");
        }
    }
    let left = Arc::downgrade(&engine);
    drop(engine);
    simulation.advance(GONE);
    assert_eq!(left.strong_count(), 0, "something holds the engine");
}

/// The messages of a payload, up to what closes a session.
fn messages(text: &str, is_v3: bool) -> Vec<Result<String, Vec<u8>>> {
    let packets: Vec<_> = if is_v3 { v3::split(text).collect() } else { payload::split(text).collect() };
    let mut messages = Vec::new();
    for packet in packets.iter().flatten() {
        match packet.packet() {
            Packet::Message(Message::Text(text)) => messages.push(Ok(text.to_owned())),
            Packet::Message(Message::Binary(bytes)) => messages.push(Err(bytes.to_vec())),
            Packet::Pong(_) | Packet::Noop if !is_v3 => {}
            Packet::Ping(_) if is_v3 => {}
            _ => break,
        }
    }
    messages
}

/// Opens a session, and reads its open packet.
fn opens(engine: &Arc<Engine<Heard>>, simulation: &Simulation, target: &str) -> bool {
    let mut service = EngineService::new(engine.clone());
    let request = Request::get(target).body(Full::<Bytes>::default()).expect("a request");
    let done = Arc::new(Mutex::new(false));
    let told = done.clone();
    simulation.runtime().spawn(async move {
        let Ok(answer) = service.call(request).await;
        let success = answer.status().is_success();
        *told.lock() = answer.into_body().collect().await.is_ok() && success;
    });
    simulation.run();
    let opened = *done.lock();
    opened && engine.clients_count() == 1
}

/// An application that keeps what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<Result<String, Vec<u8>>>>);

impl Application for Heard {
    type Connection = ();

    fn connect(&self, _: Handshake) {}

    fn opened(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>) {}

    fn message(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, message: Message<'_>) -> Flow {
        self.0.lock().push(match message {
            Message::Text(text) => Ok(text.to_owned()),
            Message::Binary(bytes) => Err(bytes.to_vec()),
        });
        Flow::Continue
    }

    fn poll_room(&self, _: &Arc<Session<()>>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn timeout(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, _: Tick) -> Option<Tick> {
        None
    }

    fn closed(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, _: CloseReason) {}
}
