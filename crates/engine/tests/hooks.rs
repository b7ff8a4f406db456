//! The application's say: middlewares, gates, ids, headers, the first packet, and what it is told of.

mod support;

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use parking_lot::Mutex;
use sockeye_engine::body::Body;
use sockeye_engine::gate::AllowRequest;
use sockeye_engine::hooks::{ChangeHeaders, GenerateId, OnConnectionError};
use sockeye_engine::middleware::{EngineMiddleware, Step};
use sockeye_engine::options::{Cookie, Cors, Options};
use sockeye_engine::refusal::BadRequest;
use sockeye_engine::sid::Sid;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::session::Wire;
use support::Server;
use support::http::{POLLING, once};
use support::websocket::{Came, TARGET, UPGRADE, WebSocket};
use support::world::{Reply, World, sid};

const SSE: &str = "/engine.io/?EIO=4&transport=sse";

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

/// What somebody noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

/// A GET that asks for a WebSocket where there is none to be had.
fn upgrade(world: &World, target: &str) -> Reply {
    let mut request = Request::get(target);
    for line in UPGRADE.split_terminator("\r\n") {
        let (name, value) = line.split_once(": ").expect("a header");
        request = request.header(name, value);
    }
    world.request(request.body(Empty::<bytes::Bytes>::new()).expect("a request"))
}

// The first packet.

#[test]
fn the_initial_packet_is_in_the_first_payload_of_each_technique() {
    let message = Message::Text("hi");
    let world = World::new(options(|options| options.initial_packet = Some(Frame::message(message))));
    let body = world.get(POLLING).body().expect("an answer");
    assert!(body.starts_with("0{") && body.ends_with("\u{1e}4hi"), "{body}");
    let stream = world.get(SSE).take();
    assert!(stream.contains("\ndata: 0{") && stream.ends_with("\ndata: 4hi\n\n"), "{stream}");
    let mut socket = world.websocket(TARGET);
    let texts = socket.texts(&world);
    assert!(texts[0].starts_with("0{") && texts[1..] == ["4hi"], "{texts:?}");
}

#[test]
fn an_initial_packet_of_bytes_is_base64_for_those_that_cannot_take_them() {
    let message = Message::Binary(&[1, 2, 3]);
    let world = World::new(options(|options| options.initial_packet = Some(Frame::message(message))));
    assert!(world.get(POLLING).body().expect("an answer").ends_with("\u{1e}bAQID"));
    let mut socket = world.websocket(TARGET);
    assert_eq!(socket.came(&world)[1..], [Came::Binary(vec![1, 2, 3])]);
    let mut socket = world.websocket(&format!("{TARGET}&b64=1"));
    assert_eq!(socket.came(&world)[1..], [Came::Text("bAQID".into())]);
}

// Headers.

#[tokio::test]
async fn headers_may_be_changed_on_first_answers_and_on_all_the_101_included() {
    let hook = |name: &'static str| {
        ChangeHeaders::new(move |request, headers| {
            let query = request.uri.query().unwrap_or_default();
            headers.insert(name, HeaderValue::from_str(query).expect("a query"));
        })
    };
    let server = Server::start(options(|options| {
        options.initial_headers = Some(hook("x-first"));
        options.headers = Some(hook("x-all"));
        options.cors = Some(Cors::default());
    }));
    let first = once(server.address, "GET", POLLING, "", b"").await;
    assert_eq!(first.header("x-first"), Some("EIO=4&transport=polling"));
    assert_eq!(first.header("x-all"), Some("EIO=4&transport=polling"));
    let target = format!("{POLLING}&wait=0&sid={}", first.sid());
    let others = [
        once(server.address, "GET", &target, "", b"").await,
        once(server.address, "POST", &target, "", b"4a").await,
        once(server.address, "OPTIONS", POLLING, "", b"").await,
        once(server.address, "GET", "/engine.io/?EIO=4&transport=none", "", b"").await,
    ];
    for other in others {
        assert_eq!(other.header("x-first"), None);
        assert!(other.header("x-all").is_some_and(|query| query.starts_with("EIO=4")), "{other:?}");
    }
    let mut socket = WebSocket::open(server.address, TARGET).await;
    assert_eq!(socket.answer.header("x-first"), Some("EIO=4&transport=websocket"));
    socket.text().await;
    let socket = WebSocket::open(server.address, &format!("{TARGET}&sid={}", first.sid())).await;
    assert_eq!(socket.answer.header("x-first"), None, "it opens no session");
    assert!(socket.answer.header("x-all").is_some());
}

#[tokio::test]
async fn a_peer_that_offers_subprotocols_gets_the_first() {
    let server = Server::start(Options::default());
    for (offered, chosen) in [("a.b, c", Some("a.b")), ("c", Some("c")), ("", None), ("(x), c", None)] {
        let headers = format!("{UPGRADE}Sec-WebSocket-Protocol: {offered}\r\n");
        let answer = once(server.address, "GET", TARGET, &headers, b"").await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, chosen), "{offered}");
    }
}

// Middlewares.

#[test]
fn middlewares_see_each_request_in_order_and_may_change_answer_or_fail() {
    let notes = Notes::default();
    let noted = notes.clone();
    let first = EngineMiddleware::new(move |request, headers| {
        let noted = noted.clone();
        Box::pin(async move {
            noted.note(format!("first {}", request.method));
            headers.append(SET_COOKIE, HeaderValue::from_static("mine=1"));
            headers.insert("content-type", HeaderValue::from_static("text/nonsense"));
            headers.insert("x-mine", HeaderValue::from_static("1"));
            request.headers.insert("x-seen", HeaderValue::from_static("1"));
            Ok(Step::Next)
        })
    });
    let noted = notes.clone();
    let second = EngineMiddleware::new(move |request, _| {
        let noted = noted.clone();
        Box::pin(async move {
            noted.note(format!("second {}", request.headers.contains_key("x-seen")));
            match request.uri.query().unwrap_or_default() {
                query if query.contains("teapot") => {
                    let mut answer = Response::new(Body::full("short and stout"));
                    *answer.status_mut() = StatusCode::IM_A_TEAPOT;
                    Ok(Step::Answer(answer))
                }
                query if query.contains("fail") => Err("not today".into()),
                _ => Ok(Step::Next),
            }
        })
    });
    let world = World::new(options(|options| {
        options.middlewares = vec![first, second];
        options.cookie = Some(Cookie::default());
    }));
    let opened = world.get(POLLING);
    assert_eq!(opened.status(), Some(200));
    assert_eq!(opened.header("content-type").as_deref(), Some("text/plain; charset=UTF-8"), "ours stays");
    assert_eq!(opened.header("x-mine").as_deref(), Some("1"));
    let cookies = opened.headers(SET_COOKIE.as_str());
    assert!(cookies.len() == 2 && cookies[0].starts_with("io=") && cookies[1] == "mine=1", "{cookies:?}");
    assert_eq!(notes.take(), ["first GET", "second true"]);

    let answered = world.get(&format!("{POLLING}&teapot"));
    assert_eq!(answered.status(), Some(418));
    assert_eq!(answered.header("x-mine").as_deref(), Some("1"));
    assert_eq!(answered.body().as_deref(), Some("short and stout"));
    assert_eq!(upgrade(&world, &format!("{TARGET}&teapot")).status(), Some(418), "instead of the 101");

    let failed = world.get(&format!("{POLLING}&fail"));
    assert_eq!(failed.status(), Some(400));
    assert_eq!(failed.body().as_deref(), Some("{\"code\":3,\"message\":\"Bad request\"}"));
    let failed = upgrade(&world, &format!("{TARGET}&fail"));
    assert_eq!((failed.status(), failed.body().as_deref()), (Some(400), Some("Bad request")));
    assert_eq!(world.engine.sessions().len(), 1);
    assert_eq!(world.engine.counters().refused_with(3), 2);

    notes.take();
    let mut socket = world.websocket(TARGET);
    assert_eq!(socket.texts(&world).len(), 1);
    assert_eq!(notes.take(), ["first GET", "second true"]);
}

// Gates.

#[test]
fn the_gate_is_asked_about_what_opens_and_what_moves_and_about_nothing_else() {
    let notes = Notes::default();
    let noted = notes.clone();
    let gate = AllowRequest::new(move |request| {
        noted.note(format!("{:?} {}", request.purpose(), request.method));
        let refused = request.uri.query().is_some_and(|query| query.contains("stranger"));
        Box::pin(async move { if refused { Err("who are you?".into()) } else { Ok(()) } })
    });
    let world = World::new(options(|options| options.allow_request = Some(gate)));
    let sid = sid(&world.get(POLLING).body().expect("an answer"));
    assert_eq!(notes.take(), ["Open(Polling) GET"]);
    let target = format!("{POLLING}&sid={sid}");
    assert_eq!(world.post(&target, "4a").status(), Some(200));
    assert_eq!(world.get(&format!("{target}&wait=0")).status(), Some(200));
    assert_eq!(notes.take(), Vec::<String>::new());

    let told = |reply: Reply| (reply.status(), reply.body());
    let json = "{\"code\":4,\"message\":\"who are you?\"}".to_owned();
    assert_eq!(told(world.get(&format!("{POLLING}&stranger"))), (Some(403), Some(json.clone())));
    assert_eq!(told(world.get(&format!("{SSE}&sid={sid}&stranger"))), (Some(403), Some(json)));
    let moves = upgrade(&world, &format!("{TARGET}&sid={sid}&stranger"));
    assert_eq!(told(moves), (Some(400), Some("who are you?".to_owned())));
    assert_eq!(notes.take(), ["Open(Polling) GET", "Move(Sse) GET", "Move(WebSocket) GET"]);
    assert_eq!(world.session().wire(), Wire::Polling, "it stays where it is");

    let mut socket = world.websocket(&format!("{TARGET}&sid={sid}"));
    socket.send(&world, "2probe");
    socket.send(&world, "5");
    assert_eq!(world.session().wire(), Wire::WebSocket);
    assert_eq!(notes.take(), ["Move(WebSocket) GET"]);
    world.websocket(TARGET);
    world.get(SSE);
    assert_eq!(notes.take(), ["Open(WebSocket) GET", "Open(Sse) GET"]);
}

// Ids.

#[test]
fn ids_may_be_the_applications_own() {
    let next = Mutex::new(0u8);
    let ids = GenerateId::new(move |_| {
        *next.lock() += 1;
        let number = *next.lock();
        Box::pin(async move {
            match number {
                3 => Err("no more".into()),
                4 => Ok(Sid::parse("AAAAAAAAAAAAAAAAAAAB").expect("an id")),
                number => Ok(Sid::from_bytes(std::array::from_fn(|at| if at == 14 { number } else { 0 }))),
            }
        })
    });
    let world = World::new(options(|options| options.generate_id = Some(ids)));
    assert_eq!(sid(&world.get(POLLING).body().expect("an answer")), "AAAAAAAAAAAAAAAAAAAB");
    let mut socket = world.websocket(TARGET);
    assert_eq!(sid(&socket.texts(&world)[0]), "AAAAAAAAAAAAAAAAAAAC");
    for why in ["it failed", "there is such a session"] {
        let refused = world.get(POLLING);
        assert_eq!(refused.body().as_deref(), Some("{\"code\":3,\"message\":\"Bad request\"}"), "{why}");
    }
    assert_eq!(world.engine.sessions().len(), 2);
    assert_eq!(
        world.post(&format!("{POLLING}&sid=AAAAAAAAAAAAAAAAAAAB"), "4a").body().as_deref(),
        Some("ok")
    );
}

// What the application is told of.

#[test]
fn each_refused_request_is_told_with_its_context_and_counted_by_its_code() {
    let notes = Notes::default();
    let noted = notes.clone();
    let failing = EngineMiddleware::new(|request, _| {
        let fails = request.headers.contains_key("x-fail");
        Box::pin(async move { if fails { Err("no".into()) } else { Ok(Step::Next) } })
    });
    let world = World::new(options(|options| {
        options.middlewares = vec![failing];
        options.generate_id = Some(GenerateId::new(|_| Box::pin(async { Err("none left".into()) })));
        let gate = |request: sockeye_engine::gate::Asking<'_>| request.headers.contains_key("x-closed");
        options.allow_request = Some(AllowRequest::new(move |request| {
            let closed = gate(request);
            Box::pin(async move { if closed { Err("closed".into()) } else { Ok(()) } })
        }));
        options.connection_error = Some(OnConnectionError::new(move |error| {
            let context = error.context().map_or_else(String::new, |context| format!(" {context}"));
            noted.note(format!("{} {}{context}, {}", error.code(), error.message(), error.request.method));
        }));
    }));
    let ask = |method: &str, query: &str, header: &'static str| {
        let request = Request::builder().method(method).uri(format!("/engine.io/?{query}"));
        let request =
            request.header(header, HeaderValue::from_bytes(b"\x01").unwrap_or(HeaderValue::from_static("1")));
        world.request(request.body(Empty::<bytes::Bytes>::new()).expect("a request"));
    };
    ask("GET", "EIO=4&transport=none", "x");
    ask("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAB", "x");
    ask("PUT", "EIO=4&transport=polling", "x");
    ask("GET", "EIO=4&transport=websocket", "x");
    ask("GET", "EIO=4&transport=polling", "x-closed");
    ask("GET", "EIO=3&transport=polling", "x");
    ask("GET", "EIO=4&transport=polling", "x");
    ask("GET", "EIO=4&transport=polling", "x-fail");
    upgrade(&world, TARGET);
    assert_eq!(
        notes.take(),
        [
            "0 Transport unknown, GET",
            "1 Session ID unknown, GET",
            "2 Bad handshake method, PUT",
            "3 Bad request TRANSPORT_HANDSHAKE_ERROR, GET",
            "4 closed, GET",
            "5 Unsupported protocol version, GET",
            "3 Bad request ID_GENERATION_ERROR, GET",
            "3 Bad request MIDDLEWARE_FAILURE, GET",
            "3 Bad request ID_GENERATION_ERROR, GET",
        ]
    );
    let counters = world.engine.counters();
    let counted: Vec<u64> = (0..6).map(|code| counters.refused_with(code)).collect();
    assert_eq!(counted, [1, 1, 1, 4, 1, 1]);
    assert_eq!((counters.refused(), counters.refused_with(6)), (9, 0));
}

#[test]
fn what_does_not_fit_its_session_is_told_apart() {
    let notes = Notes::default();
    let noted = notes.clone();
    let world = World::new(options(|options| {
        options.connection_error = Some(OnConnectionError::new(move |error| {
            noted.note(error.context().map_or("none", BadRequest::as_str));
        }));
    }));
    let sid = sid(&world.get(POLLING).body().expect("an answer"));
    world.post(&format!("{SSE}&sid={sid}"), "4a");
    world.post(&format!("/engine.io/?transport=polling&sid={sid}"), "4a");
    upgrade(&world, &format!("{POLLING}&sid={sid}"));
    upgrade(&world, &format!("/engine.io/?EIO=3&transport=websocket&sid={sid}"));
    upgrade(&world, &format!("{TARGET}&sid={sid}"));
    assert_eq!(
        notes.take(),
        [
            "TRANSPORT_MISMATCH",
            "PROTOCOL_MISMATCH",
            "TRANSPORT_MISMATCH",
            "PROTOCOL_MISMATCH",
            // There is no connection under this request that could become a WebSocket's.
            "TRANSPORT_HANDSHAKE_ERROR"
        ]
    );
}

#[test]
fn sessions_that_are_open_are_counted_and_those_that_linger_are_not() {
    let world = World::new(Options::default());
    world.get(POLLING);
    let socket = world.websocket(TARGET);
    assert_eq!(world.engine.clients_count(), 2);
    drop(socket);
    world.simulation.run();
    assert_eq!(world.engine.clients_count(), 1);
    world.engine.close(&world.session(), sockeye_engine_proto::reason::CloseReason::ForcedClose);
    world.simulation.run();
    assert_eq!((world.engine.clients_count(), world.engine.sessions().len()), (0, 1));
}

#[test]
fn moves_and_heartbeats_are_told() {
    let world = World::new(Options::default());
    let sid = sid(&world.get(POLLING).body().expect("an answer"));
    world.post(&format!("{POLLING}&sid={sid}"), "3");
    let on_stream = format!("{SSE}&sid={sid}");
    let _stream = world.get(&on_stream);
    world.post(&on_stream, "2probe");
    world.post(&on_stream, "5");
    let mut socket = world.websocket(&format!("{TARGET}&sid={sid}"));
    for text in ["2probe", "2probe", "5", "3"] {
        socket.send(&world, text);
    }
    let signs = std::mem::take(&mut *world.application().signs.lock());
    assert_eq!(
        signs,
        [
            "heartbeat",
            "polling probed by sse, is polling",
            "polling moved to sse, is sse",
            "sse probed by websocket, is sse",
            "sse probed by websocket, is sse",
            "sse moved to websocket, is websocket",
            "heartbeat"
        ]
    );
}

// The rest.

#[test]
fn the_path_is_served_without_its_last_slash_too() {
    let world = World::new(Options::default());
    for (path, is_ours) in [
        ("/engine.io/", true),
        ("/engine.io", true),
        ("/engine.io/more", true),
        ("/engine.i", false),
        ("/engine.iox", false),
        ("/", false),
    ] {
        assert_eq!(world.engine.serves(path), is_ours, "{path}");
    }
    assert_eq!(world.get("/engine.io?EIO=4&transport=polling").status(), Some(200));
    let world = World::new(options(|options| "/".clone_into(&mut options.path)));
    assert!(world.engine.serves("/") && world.engine.serves("/anything"));
}

#[test]
fn an_answer_is_compressed_if_any_packet_in_it_may_be() {
    let world = World::new(Options::default());
    let target = format!("{POLLING}&wait=0&sid={}", sid(&world.get(POLLING).body().expect("an answer")));
    let long = "x".repeat(3000);
    let coding = |frames: &[Frame]| {
        world.engine.send(&world.session(), frames.iter().cloned()).expect("open");
        let request = Request::get(&target).header(ACCEPT_ENCODING, "gzip");
        world
            .request(request.body(Empty::<bytes::Bytes>::new()).expect("a request"))
            .header("content-encoding")
    };
    let frame = || Frame::message(Message::Text(&long));
    assert_eq!(coding(&[frame()]).as_deref(), Some("gzip"));
    assert_eq!(coding(&[frame().without_compression()]), None);
    assert_eq!(coding(&[frame().without_compression(), frame().without_compression()]), None);
    assert_eq!(coding(&[frame().without_compression(), frame()]).as_deref(), Some("gzip"));
}
