//! A socket between threads, in every order of its connection's critical sections: see
//! [`interleaving`](sockeye_runtime::interleaving).
//!
//! What a socket's threads share stands under its connection's lock, so this is where they meet. What stands under other
//! locks, a namespace's rooms and a session's queue, is changed in one piece here: those locks are held by leaves of the
//! house and have tests of their own. Handlers have points of their own, so that what must not overlap has a chance to.
//!
//! A thread is what threads are: a wire that brings packets, the application, the world that runs tasks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use sockeye_engine::engine::{Application, Flow};
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_runtime::interleaving::{Explored, Threads, explore, point};
use sockeye_runtime::simulation::Simulation;
use tokio::task::yield_now;
use tower_service::Service as _;

use crate::handler::args::State;
use crate::hub::{Engine, Session};
use crate::room_event::RoomEvent;
use crate::server::{Builder, Server};
use crate::socket::Socket;

/// Orders in which a thread is stopped more often than this are only drawn at random.
const PREEMPTIONS: usize = 2;
/// How many orders are tried before others are drawn.
const ORDERS: usize = 500;

/// What handlers note.
#[derive(Clone, Default)]
struct Log(Arc<Noted>);

#[derive(Default)]
struct Noted {
    started: Mutex<Vec<u32>>,
    active: AtomicUsize,
    most: AtomicUsize,
    sockets: Mutex<Vec<Socket>>,
    presence: Mutex<Vec<String>>,
}

/// A server, one session, and who may come.
struct Scene {
    simulation: Simulation,
    server: Server,
    engine: Arc<Engine>,
    session: Arc<Session>,
    log: Arc<Noted>,
}

impl Scene {
    fn new(build: impl FnOnce(Builder) -> Builder, set: impl FnOnce(&Server)) -> Scene {
        let simulation = Simulation::new(1);
        let log = Log::default();
        let builder = Server::builder().runtime(simulation.runtime()).state(log.clone());
        let server = build(builder).build();
        set(&server);
        let mut service = server.service();
        simulation.runtime().spawn(async move {
            let target = "/socket.io/?EIO=4&transport=polling";
            let request = Request::get(target).body(Full::<Bytes>::default()).expect("a request");
            let Ok(answer) = service.call(request).await;
            answer.into_body().collect().await.expect("an open packet");
        });
        simulation.run();
        let engine = server.engine.clone();
        let session = engine.sessions().all().pop().expect("a session");
        Scene { simulation, server, engine, session, log: log.0 }
    }

    /// A packet comes; what it says of the wire.
    fn bring(&self, text: &str) -> Flow {
        let flow = self.engine.application().message(&self.engine, &self.session, Message::Text(text));
        if let Flow::Close(reason) = flow {
            self.close(reason);
        }
        flow
    }

    fn close(&self, reason: CloseReason) {
        self.engine.close(&self.session, reason);
    }

    fn world(&self) {
        self.simulation.run();
    }

    fn is_open(&self) -> bool {
        self.session.closed().is_none()
    }

    /// Lets everything end, time-outs included, once all have gone.
    fn rest(&self) {
        self.world();
        self.simulation.advance(Duration::from_secs(1));
    }
}

/// Notes that it runs, and how many do at once; every second one waits.
async fn handle(State(Log(log)): State<Log>, number: u32) {
    log.started.lock().push(number);
    let active = log.active.fetch_add(1, Ordering::Relaxed) + 1;
    log.most.fetch_max(active, Ordering::Relaxed);
    point();
    if number.is_multiple_of(2) {
        yield_now().await;
        point();
    }
    log.active.fetch_sub(1, Ordering::Relaxed);
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn report(name: &str, explored: Explored) {
    println!("{name}: {} orders, all: {}", explored.orders, explored.all);
    assert!(explored.orders > 50, "the threads met nowhere");
}

#[test]
fn each_event_is_started_once_in_its_turn_and_none_is_left_in_a_lane() {
    for (concurrent, holds) in [(1, false), (1, true), (2, false), (2, true)] {
        let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
            let scene = Arc::new(Scene::new(
                |builder| builder,
                |server| {
                    server.of("/").concurrent(concurrent);
                    server.of("/").on_connect(move |socket: Socket| async move {
                        socket.on("e", handle);
                        if holds {
                            // Events wait until it ends.
                            yield_now().await;
                            point();
                        }
                    });
                },
            ));
            scene.bring("0");
            let (wire, world, another) = (scene.clone(), scene.clone(), scene.clone());
            threads.spawn(move || {
                for number in 1..=4 {
                    wire.bring(&format!("2[\"e\",{number}]"));
                }
            });
            threads.spawn(move || world.world());
            threads.spawn(move || another.world());
            threads.run();
            scene.rest();
            assert_eq!(*scene.log.started.lock(), [1, 2, 3, 4]);
            let most = scene.log.most.load(Ordering::Relaxed);
            assert!((1..=usize::from(concurrent)).contains(&most), "{most} at once");
            assert!(!scene.session.connection().is_full(0), "something is left in the lane");
        });
        report("the runner's token", explored);
    }
}

#[test]
fn events_that_came_before_a_disconnect_are_handled_and_later_ones_are_not() {
    let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new(
            |builder| builder,
            |server| {
                server.on_connect(async |socket: Socket, State(Log(log)): State<Log>| {
                    socket.on("e", handle);
                    log.sockets.lock().push(socket);
                });
            },
        ));
        scene.bring("0");
        let socket = scene.log.sockets.lock().pop().expect("it connected");
        let (wire, world) = (scene.clone(), scene.clone());
        let taken = Arc::new(AtomicUsize::new(0));
        let takes = taken.clone();
        threads.spawn(move || {
            for number in 1..=3 {
                if let Flow::Close(_) = wire.bring(&format!("2[\"e\",{number}]")) {
                    return;
                }
                takes.store(number, Ordering::Relaxed);
            }
        });
        threads.spawn(move || socket.disconnect(false));
        threads.spawn(move || world.world());
        threads.run();
        scene.rest();
        let expected: Vec<u32> = (1..=taken.load(Ordering::Relaxed) as u32).collect();
        assert_eq!(*scene.log.started.lock(), expected);
        assert_eq!(scene.log.active.load(Ordering::Relaxed), 0);
        assert!(!scene.session.connection().is_full(0), "something of the stay lingers");
        assert_eq!(scene.server.counters().connected, [("/".to_owned(), 0)]);
    });
    report("events against disconnect", explored);
}

#[test]
fn nobody_is_left_in_a_room_when_it_is_joined_while_its_socket_disconnects() {
    for by_close in [false, true] {
        let gone = AtomicUsize::new(0);
        let explored = explore(PREEMPTIONS + 1, ORDERS, |threads: &mut Threads<'_>| {
            let scene = Arc::new(Scene::new(
                |builder| builder,
                |server| {
                    server.on_connect(async |socket: Socket, State(Log(log)): State<Log>| {
                        socket.on_disconnecting(async |socket: Socket| socket.join("last"));
                        log.sockets.lock().push(socket);
                    });
                },
            ));
            let heard = scene.log.clone();
            scene.server.of("/").on_room(move |event| match event {
                RoomEvent::Joined { room, .. } => heard.presence.lock().push((*room).to_owned()),
                RoomEvent::Left { room, .. } => {
                    let mut presence = heard.presence.lock();
                    let at = presence.iter().position(|there| there == room);
                    presence.remove(at.expect("nobody leaves a room that it was not told to have joined"));
                }
                _ => {}
            });
            scene.bring("0");
            let socket = scene.log.sockets.lock().pop().expect("it connected");
            for rooms in [["a", "b"], ["b", "c"]] {
                let socket = socket.clone();
                threads.spawn(move || {
                    rooms.iter().for_each(|room| socket.join(*room));
                    socket.leave(rooms[0]);
                });
            }
            let ends = scene.clone();
            let leaves = socket.clone();
            threads.spawn(move || {
                if by_close {
                    ends.close(CloseReason::TransportError);
                    ends.world();
                } else {
                    leaves.disconnect(false);
                }
            });
            threads.run();
            scene.rest();
            let namespace = scene.server.of("/");
            assert_eq!(namespace.rooms(), [], "rooms are left");
            assert_eq!(scene.server.counters().connected, [("/".to_owned(), 0)]);
            assert!(scene.log.presence.lock().is_empty(), "{:?}", scene.log.presence.lock());
            assert!(socket.rooms().is_empty() && !socket.is_connected());
            gone.fetch_add(1, Ordering::Relaxed);
        });
        report("join against disconnect", explored);
    }
}

#[test]
fn nobody_is_left_when_the_session_closes_while_it_is_let_in() {
    let joined = AtomicUsize::new(0);
    let explored = explore(PREEMPTIONS + 1, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new(
            |builder| builder,
            |server| {
                server.with(async |socket: Socket| {
                    socket.join("early");
                    yield_now().await;
                    Ok(())
                });
                server.on_connect(async |socket: Socket, State(Log(log)): State<Log>| {
                    log.started.lock().push(1);
                    socket.on_disconnect(async |State(Log(log)): State<Log>| log.started.lock().push(2));
                    yield_now().await;
                    socket.join("late");
                });
            },
        ));
        let (wire, world, closes) = (scene.clone(), scene.clone(), scene.clone());
        threads.spawn(move || _ = wire.bring("0"));
        threads.spawn(move || world.world());
        threads.spawn(move || {
            point();
            closes.close(CloseReason::TransportClose);
            closes.world();
        });
        threads.run();
        scene.rest();
        assert!(!scene.is_open());
        assert_eq!(scene.server.of("/").rooms(), [], "rooms are left");
        assert_eq!(scene.server.counters().connected, [("/".to_owned(), 0)]);
        let told = scene.log.started.lock().clone();
        assert!(told.is_empty() || told == [1, 2] || told == [1], "{told:?}");
        joined.fetch_add(usize::from(told == [1, 2]), Ordering::Relaxed);
        assert!(!scene.session.connection().is_full(0), "something of the stay lingers");
    });
    assert!(joined.load(Ordering::Relaxed) > 0, "it never came in");
    report("CONNECT against close", explored);
}

#[test]
fn a_wire_that_waits_for_room_in_the_lanes_is_woken() {
    let waited = AtomicUsize::new(0);
    for disconnects in [false, true] {
        let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
            let scene = Arc::new(Scene::new(
                |builder| builder.lane_limit(1),
                |server| {
                    server.on_connect(async |socket: Socket, State(Log(log)): State<Log>| {
                        socket.on("e", handle);
                        log.sockets.lock().push(socket);
                    });
                },
            ));
            scene.bring("0");
            let socket = scene.log.sockets.lock().pop().expect("it connected");
            let flag = Arc::new(Flag::default());
            let waits = Arc::new(AtomicBool::new(false));
            let (wire, wakes, looks) = (scene.clone(), flag.clone(), waits.clone());
            threads.spawn(move || {
                for number in [2, 4, 6] {
                    match wire.bring(&format!("2[\"e\",{number}]")) {
                        Flow::Continue => {}
                        Flow::Wait => {
                            let waker = Waker::from(wakes);
                            let room = wire
                                .engine
                                .application()
                                .poll_room(&wire.session, &mut Context::from_waker(&waker));
                            return looks.store(room.is_pending(), Ordering::Relaxed);
                        }
                        Flow::Close(_) => return,
                    }
                }
            });
            let world = scene.clone();
            threads.spawn(move || world.world());
            let ends = scene.clone();
            threads.spawn(move || match disconnects {
                true => socket.disconnect(false),
                false => {
                    ends.close(CloseReason::TransportClose);
                    ends.world();
                }
            });
            threads.run();
            scene.rest();
            let waits = waits.load(Ordering::Relaxed);
            waited.fetch_add(usize::from(waits), Ordering::Relaxed);
            assert!(!waits || flag.0.load(Ordering::Relaxed), "there is room, and the wire waits for ever");
        });
        report("readers", explored);
    }
    assert!(waited.load(Ordering::Relaxed) > 0, "it never waited");
}

#[test]
fn who_awaits_an_acknowledgement_hears_of_it_or_of_the_end() {
    let outcomes: [AtomicUsize; 2] = Default::default();
    let explored = explore(PREEMPTIONS + 1, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new(
            |builder| builder,
            |server| {
                server.on_connect(async |socket: Socket, State(Log(log)): State<Log>| {
                    log.sockets.lock().push(socket)
                });
            },
        ));
        scene.bring("0");
        let socket = scene.log.sockets.lock().pop().expect("it connected");
        let answer = Arc::new(Mutex::new(None));
        let (asks, hears) = (socket.clone(), answer.clone());
        threads.spawn(move || {
            let request = asks.emit_with_ack::<u32>("question", ());
            *hears.lock() = Some(request);
        });
        let wire = scene.clone();
        threads.spawn(move || (0..2).for_each(|_| _ = wire.bring("30[7]")));
        threads.spawn(move || socket.disconnect(false));
        threads.run();
        scene.rest();
        let request = answer.lock().take().expect("it was asked");
        let Poll::Ready(answer) = pin!(request).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nobody answers any more, and it waits");
        };
        outcomes[usize::from(answer.is_ok())].fetch_add(1, Ordering::Relaxed);
    });
    assert!(outcomes.iter().all(|outcome| outcome.load(Ordering::Relaxed) > 0), "{outcomes:?}");
    report("acknowledgement against disconnect", explored);
}
