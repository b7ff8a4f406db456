//! Many peers at once on real threads, while namespaces are removed under them: nothing is left behind.
//!
//! What each does is drawn from a seed; who is when, from the machine. So it may pass where something is wrong, but
//! never fails where nothing is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use sockeye_server::error::Refusal;
use sockeye_server::handler::args::Args;
use sockeye_server::handler::outcome::Reply;
use sockeye_server::room_event::RoomEvent;
use sockeye_server::server::Server;
use sockeye_server::service::ServerService;
use sockeye_server::socket::Socket;
use tokio::task::yield_now;
use tower_service::Service;

/// How many peers there are at a time, and how often each comes and goes.
const PEERS: u64 = 12;
const VISITS: usize = 60;
/// How long all may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// Who is in which room, as the rooms' events tell; and how often they told what cannot be.
#[derive(Clone, Default)]
struct Presence {
    known: Arc<Mutex<HashMap<String, isize>>>,
    wrong: Arc<AtomicUsize>,
}

impl Presence {
    fn hear(&self, event: &RoomEvent<'_>) {
        let (key, by) = match event {
            RoomEvent::Joined { room, socket } => (format!("{socket} {room}"), 1),
            RoomEvent::Left { room, socket } => (format!("{socket} {room}"), -1),
            _ => return,
        };
        let mut known = self.known.lock();
        let count = known.entry(key.clone()).or_default();
        *count += by;
        if !(0..=1).contains(count) {
            self.wrong.fetch_add(1, Ordering::Relaxed);
        }
        if *count == 0 {
            known.remove(&key);
        }
    }
}

async fn wait_a_little() {
    for _ in 0..3 {
        yield_now().await;
    }
}

fn greet(socket: &Socket) {
    socket.on("once", async |socket: Socket| {
        socket.once("x", async || ());
    });
    socket.on("off", async |socket: Socket| {
        socket.off("x").off_any();
    });
    socket.on("any", async |socket: Socket| {
        socket.on_any(async |_: Args| wait_a_little().await);
        socket.on_any_outgoing(async |_: Args| ());
    });
    socket.on("join", async |socket: Socket, room: String| {
        socket.join(&room);
        wait_a_little().await;
        socket.leave("b");
        socket.to(&room).emit("news", 1);
    });
    socket.on("ask", async |socket: Socket| {
        let answer = socket.timeout(Duration::from_millis(200)).emit_with_ack::<u32>("question", ());
        drop(answer);
        let answer = socket.timeout(Duration::from_millis(50)).emit_with_ack::<u32>("question", ());
        // Nobody answers: the time is over, or the peer has gone.
        answer.await.expect_err("an answer");
    });
    socket.on("wait", async || {
        wait_a_little().await;
        Reply(1)
    });
    socket.on("kick", async |socket: Socket| {
        wait_a_little().await;
        socket.broadcast().to("a").disconnect_sockets(false);
    });
    socket.on("leave", async |socket: Socket| socket.disconnect(true));
    socket.on_disconnecting(async |socket: Socket| {
        socket.leave("a");
        wait_a_little().await;
    });
    socket.on_disconnect(async |socket: Socket| {
        socket.to("a").emit("gone", ());
        wait_a_little().await;
    });
}

async fn call(service: &mut ServerService, request: Request<Full<Bytes>>) -> Option<String> {
    let answer = service.call(request).await.expect("the service never fails");
    if !answer.status().is_success() {
        return None;
    }
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    String::from_utf8(body.to_vec()).ok()
}

/// One peer comes, does this and that, and goes one way or another.
async fn visit(server: &Server, dice: &mut Dice) {
    const TARGET: &str = "/socket.io/?EIO=4&transport=polling";
    let mut service = server.service();
    let get = |target: &str| Request::get(target).body(Full::default()).expect("a request");
    let open = call(&mut service, get(TARGET)).await.expect("an open packet");
    let sid = &open.split_once("\"sid\":\"").expect("a sid").1[..20];
    let target = format!("{TARGET}&sid={sid}");
    let answered: Arc<Mutex<HashMap<String, bool>>> = Arc::default();
    let listens = {
        let (mut service, target, answered) = (server.service(), target.clone(), answered.clone());
        tokio::spawn(async move {
            while let Some(text) = call(&mut service, get(&target)).await {
                for packet in text.split('\u{1e}') {
                    let name = || packet[2..].split(',').next().unwrap_or_default().to_owned();
                    match packet.get(..2) {
                        _ if packet == "1" => return,
                        Some("40") => _ = answered.lock().insert(name(), true),
                        Some("41" | "44") => _ = answered.lock().insert(name(), false),
                        _ => {}
                    }
                }
            }
        })
    };
    'visit: for _ in 0..2 + dice.roll(6) {
        let mut packets: Vec<String> = Vec::new();
        let child = format!("/c-{}", dice.roll(6));
        if answered.lock().get(&child) != Some(&true) {
            answered.lock().remove(&child);
            let post = Request::post(&target).body(Full::from(format!("40{child},"))).expect("a request");
            if call(&mut service, post).await.is_none() {
                break;
            }
            while !answered.lock().contains_key(&child) && !listens.is_finished() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            if answered.lock().get(&child) != Some(&true) {
                continue;
            }
        }
        for _ in 0..dice.roll(6) {
            let event = match dice.roll(12) {
                0 => r#"["once"]"#,
                1 => r#"["x"]"#,
                2 => r#"["off"]"#,
                3 => r#"["any"]"#,
                4 => r#"["join","a"]"#,
                5 => r#"["join","b"]"#,
                6 => r#"["ask"]"#,
                7 => r#"["wait"]"#,
                8 => r#"["kick"]"#,
                9 if dice.roll(3) == 0 => r#"["leave"]"#,
                _ => r#"["unknown"]"#,
            };
            packets.push(format!("42{child},{event}"));
        }
        if dice.roll(2) == 0 {
            packets.push(format!("41{child},"));
            answered.lock().insert(child.clone(), false);
        }
        for part in packets.chunks(3) {
            let body = part.join("\u{1e}");
            let post = Request::post(&target).body(Full::from(body)).expect("a request");
            if call(&mut service, post).await.is_none() {
                break 'visit;
            }
            if dice.roll(3) == 0 {
                yield_now().await;
            }
        }
    }
    match dice.roll(3) {
        // The connection beneath its GET is gone.
        0 => listens.abort(),
        _ => {
            let post = Request::post(&target).body(Full::from("1")).expect("a request");
            call(&mut service, post).await;
        }
    }
    listens.await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_left_of_peers_that_come_and_go_while_namespaces_are_removed() {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = panics.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Ordering::Relaxed);
        before(panic);
    }));
    let presence = Presence::default();
    let server = Server::builder()
        .cleanup_empty_child_namespaces(true)
        .engine(|options| options.close_timeout = Duration::from_millis(100))
        .build();
    let hears = presence.clone();
    server
        .of(|name: &str| name.starts_with("/c-"))
        .with(async |socket: Socket| {
            socket.join("a");
            wait_a_little().await;
            if socket.namespace() == "/c-5" { Err(Refusal::new("nobody")) } else { Ok(()) }
        })
        .concurrent(3)
        .on_room(move |event| hears.hear(event))
        .on_connect(async |socket: Socket| {
            greet(&socket);
            wait_a_little().await;
        });
    let over = Arc::new(AtomicBool::new(false));
    let remover = {
        let (server, over) = (server.clone(), over.clone());
        tokio::spawn(async move {
            let mut dice = Dice(77);
            while !over.load(Ordering::Relaxed) {
                let namespaces = server.namespaces();
                let at = 1 + dice.roll(6) as usize;
                if let Some(namespace) = namespaces.get(at) {
                    match dice.roll(4) {
                        0 => _ = namespace.remove(),
                        1 => namespace.disconnect_sockets(false),
                        2 => namespace.everybody().sockets_leave("a"),
                        _ => _ = namespace.emit("all", ()),
                    }
                }
                drop(namespaces);
                yield_now().await;
            }
        })
    };
    let peers: Vec<_> = (1..=PEERS)
        .map(|peer| {
            let server = server.clone();
            tokio::spawn(async move {
                let mut dice = Dice(peer * 0x9e37_79b9);
                for _ in 0..VISITS {
                    visit(&server, &mut dice).await;
                }
            })
        })
        .collect();
    let all = async {
        for peer in peers {
            peer.await.expect("no peer panics");
        }
        over.store(true, Ordering::Relaxed);
        remover.await.expect("the application does not panic");
        while server.counters().sessions > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Handlers of disconnects still end; a child that somebody held then goes when others come and go.
        while server.namespaces().len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mut dice = Dice(3);
            visit(&server, &mut dice).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await;
    let left: Vec<String> = server.namespaces().iter().map(|n| format!("{n:?} {:?}", n.rooms())).collect();
    assert!(in_time.is_ok(), "left: {left:?}, sessions {}", server.counters().sessions);
    assert_eq!((server.clients_count(), server.counters().sessions), (0, 0));
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    assert!(presence.known.lock().is_empty(), "{:?}", presence.known.lock());
    assert_eq!(
        presence.wrong.load(Ordering::Relaxed),
        0,
        "somebody left a room before it was told that they joined"
    );
}
