//! A session between threads, in every order of its critical sections: see [`sockeye_runtime::interleaving`].
//!
//! All that a session's threads share stands under its one lock, and the lock is open only while bytes are written, which
//! is a point of its own here. So these orders are all that there are, up to the bound on preemptions; what a thread does
//! is a call, as wires and senders make it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Wake;

use sockeye_engine_proto::outbox::Limits;
use sockeye_engine_proto::timing::Timing;
use sockeye_runtime::interleaving::{Threads, explore, point};
use sockeye_runtime::simulation::Simulation;

use super::*;

/// Orders in which a thread is stopped more often than this are only drawn at random.
const PREEMPTIONS: usize = 3;
/// How many orders are tried before others are drawn.
const ORDERS: usize = 3_000;

/// A session that polls, and everybody who may come for it.
struct Scene {
    simulation: Simulation,
    terms: Arc<Terms>,
    session: Arc<Session<()>>,
    taken: parking_lot::Mutex<Vec<String>>,
    accepted: parking_lot::Mutex<Vec<String>>,
    ended: AtomicUsize,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(Limits { soft: 1_000, hard: 2_000, stall: 400 })
    }

    fn with(limits: Limits) -> Scene {
        let simulation = Simulation::new(1);
        let timing = Timing { ping_interval: 2, ping_timeout: 2, upgrade_timeout: 1, resume: 3 };
        let terms = Arc::new(Terms::new(timing, limits, 0, simulation.runtime()));
        let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
        let session = Session::new(sid, 0, Wire::Polling, Dialect::default(), None, &terms, ());
        Scene {
            simulation,
            terms,
            session: Arc::new(session),
            taken: parking_lot::Mutex::default(),
            accepted: parking_lot::Mutex::default(),
            ended: AtomicUsize::new(0),
        }
    }

    /// Sends frames `<name>1`, `<name>2`, …; what is accepted is owed to the peer.
    fn send(&self, name: &str, count: usize) {
        for number in 1..=count {
            let text = format!("4{name}{number}");
            match self.session.send(&self.terms, [Frame::text(&[text.as_bytes()])]) {
                Ok(()) => self.accepted.lock().push(text),
                Err(error) => assert_eq!(error, SendError::Closed),
            }
        }
    }

    fn close(&self, reason: CloseReason) {
        if self.session.shut(&self.terms, reason, reason.into()).is_some() {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A tick passes, as the engine has it.
    fn tick(&self) {
        self.terms.tick();
        if let Some(Look::Close(reason)) = self.session.handle_timeout(&self.terms, &Frame::text(&[b"2"])) {
            self.close(reason);
        }
    }

    fn take(&self, seat: Seat, cx: &mut Context<'_>) -> Poll<Taken> {
        let mut came = Vec::new();
        let taken = self.session.poll_take(&self.terms, seat, cx, usize::MAX, |frame| {
            came.push(String::from_utf8(frame.packet().to_vec()).expect("text"));
        });
        self.taken.lock().extend(came);
        taken
    }

    /// What was taken, heartbeats and answers to probes aside.
    fn messages(&self) -> Vec<String> {
        let taken = self.taken.lock();
        taken.iter().filter(|packet| packet.starts_with('4')).cloned().collect()
    }
}

/// Somebody who comes for frames, and waits for a while when there are none.
#[derive(Default)]
struct Taker {
    woken: Arc<Flag>,
    /// What the last look said.
    waits: bool,
    over: Option<Taken>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Taker {
    /// Looks up to `looks` times, each time that it was woken; in between others may run.
    fn come(&mut self, scene: &Scene, seat: Seat, looks: usize) {
        let waker = Waker::from(self.woken.clone());
        for _ in 0..looks {
            point();
            if self.over.is_some() || (self.waits && !self.woken.0.swap(false, Ordering::Relaxed)) {
                continue;
            }
            self.waits = false;
            match scene.take(seat, &mut Context::from_waker(&waker)) {
                Poll::Pending => self.waits = true,
                Poll::Ready(Taken::Frames { .. }) => {}
                Poll::Ready(over) => self.over = Some(over),
            }
        }
    }

    /// Comes until it is over, or waits with nobody having called it.
    fn finish(&mut self, scene: &Scene, seat: Seat) {
        while self.over.is_none() && (!self.waits || self.woken.0.load(Ordering::Relaxed)) {
            self.come(scene, seat, 1);
        }
    }
}

fn report(name: &str, explored: sockeye_runtime::interleaving::Explored) {
    println!("{name}: {} orders, all: {}", explored.orders, explored.all);
    assert!(explored.orders > 50, "the threads met nowhere");
}

#[test]
fn a_frame_is_taken_or_its_sender_hears_that_the_session_is_closed() {
    let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new());
        let (seat, _) = scene.session.seat();
        let taker = Arc::new(parking_lot::Mutex::new(Taker::default()));
        for name in ["a", "b"] {
            let scene = scene.clone();
            threads.spawn(move || scene.send(name, 2));
        }
        for _ in 0..2 {
            let scene = scene.clone();
            threads.spawn(move || scene.close(CloseReason::ForcedClose));
        }
        let (comes, takes) = (scene.clone(), taker.clone());
        threads.spawn(move || {
            let mut taker = std::mem::take(&mut *takes.lock());
            taker.come(&comes, seat, 3);
            *takes.lock() = taker;
        });
        threads.run();
        let mut taker = taker.lock();
        taker.finish(&scene, seat);
        assert_eq!(taker.over, Some(Taken::Closed(CloseReason::ForcedClose)), "whoever waits is woken");
        let (mut accepted, taken) = (scene.accepted.lock().clone(), scene.messages());
        for name in ["4a", "4b"] {
            let of = |all: &[String]| -> Vec<String> {
                all.iter().filter(|text| text.starts_with(name)).cloned().collect()
            };
            assert_eq!(of(&accepted), of(&taken), "in the order of their sender");
        }
        accepted.sort();
        let mut taken = taken;
        taken.sort();
        assert_eq!(accepted, taken);
        assert_eq!(scene.ended.load(Ordering::Relaxed), 1);
        assert_eq!(scene.session.queued(), 0);
    });
    report("queue against close", explored);
}

#[test]
fn a_session_moves_or_closes_once_and_loses_nothing_between() {
    let outcomes: [AtomicUsize; 4] = Default::default();
    let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new());
        let (old, _) = scene.session.seat();
        let takers = Arc::new(parking_lot::Mutex::new((Taker::default(), Taker::default(), None)));
        // The old wire polls; the new one probes and upgrades, and takes what its seat gives it.
        let (polls, takes) = (scene.clone(), takers.clone());
        threads.spawn(move || {
            let mut taker = std::mem::take(&mut takes.lock().0);
            taker.come(&polls, old, 2);
            takes.lock().0 = taker;
        });
        let (moves, takes) = (scene.clone(), takers.clone());
        threads.spawn(move || {
            let scene = moves;
            let Some(seat) = scene.session.claim(&scene.terms, Wire::Sse, Link::away(), false, None) else {
                assert!(scene.session.closed().is_some(), "there is no other candidate");
                return;
            };
            let mut taker = Taker::default();
            let probed = scene.session.receive(&scene.terms, seat, Packet::Ping("probe"));
            taker.come(&scene, seat, 2);
            let adopted = scene.session.receive(&scene.terms, seat, Packet::Upgrade);
            if let Received::Adopted { from } = adopted {
                assert_eq!((probed, from), (Received::Probed { from }, Wire::Polling));
            }
            taker.come(&scene, seat, 1);
            let mut takers = takes.lock();
            (takers.1, takers.2) = (taker, Some((seat, adopted)));
        });
        let sends = scene.clone();
        threads.spawn(move || sends.send("a", 2));
        let ticks = scene.clone();
        threads.spawn(move || (0..2).for_each(|_| ticks.tick()));
        let closes = scene.clone();
        threads.spawn(move || closes.close(CloseReason::ForcedClose));
        threads.run();
        let mut takers = takers.lock();
        let (old_taker, new_taker, moved) = &mut *takers;
        old_taker.finish(&scene, old);
        let adopted = match moved {
            Some((seat, adopted)) => {
                new_taker.finish(&scene, *seat);
                matches!(adopted, Received::Adopted { .. })
            }
            None => false,
        };
        assert_eq!(scene.ended.load(Ordering::Relaxed), 1, "it closes once");
        let pinged = scene.taken.lock().iter().any(|packet| packet == "2");
        for (outcome, is_so) in
            [adopted, moved.is_none(), moved.is_some() && !adopted, pinged].into_iter().enumerate()
        {
            outcomes[outcome].fetch_add(usize::from(is_so), Ordering::Relaxed);
        }
        let closed = Some(Taken::Closed(CloseReason::ForcedClose));
        if adopted {
            assert_eq!((old_taker.over, new_taker.over), (Some(Taken::Superseded), closed));
        } else {
            assert_eq!(old_taker.over, closed);
            let told = moved.is_none() || new_taker.over == Some(Taken::Superseded);
            assert!(told, "it never carried the session, and nobody says so: {:?}", new_taker.over);
        }
        assert_eq!(scene.messages(), *scene.accepted.lock(), "all of it, once and in order");
        let side = scene.session.side.lock();
        assert!(side.rare.is_none() && side.outbox.is_empty(), "{side:?}");
    });
    // It moved; it was closed before; its candidate came too late; it was pinged meanwhile.
    println!("{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.load(Ordering::Relaxed) > 0));
    report("upgrade against close against heartbeat", explored);
}

#[test]
fn of_two_wires_that_upgrade_at_once_one_carries_the_session() {
    let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new());
        let adopted = Arc::new(AtomicUsize::new(0));
        for wire in [Wire::Sse, Wire::WebSocket] {
            let (scene, adopted) = (scene.clone(), adopted.clone());
            threads.spawn(move || {
                let Some(seat) = scene.session.claim(&scene.terms, wire, Link::away(), false, None) else {
                    return;
                };
                scene.session.receive(&scene.terms, seat, Packet::Ping("probe"));
                if let Received::Adopted { .. } = scene.session.receive(&scene.terms, seat, Packet::Upgrade) {
                    adopted.fetch_add(1, Ordering::Relaxed);
                } else {
                    scene.session.release(seat);
                }
            });
        }
        let sends = scene.clone();
        threads.spawn(move || sends.send("a", 2));
        threads.run();
        let moves = adopted.load(Ordering::Relaxed);
        assert!((1..=2).contains(&moves), "{moves} moves");
        let mut taker = Taker::default();
        let (seat, _) = scene.session.seat();
        taker.finish(&scene, seat);
        assert_eq!(scene.messages(), *scene.accepted.lock());
        assert!(scene.session.side.lock().rare.is_none(), "no candidate is left");
    });
    report("two upgrades at once", explored);
}

#[test]
fn whoever_waits_for_room_is_woken_when_there_is_some() {
    for closes in [false, true] {
        let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
            let scene = Arc::new(Scene::with(Limits { soft: 4, hard: 2_000, stall: 400 }));
            let (seat, _) = scene.session.seat();
            let flags: [Arc<Flag>; 2] = Default::default();
            let waits: Arc<[AtomicBool; 2]> = Arc::default();
            scene.send("a", 2);
            for (number, flag) in flags.iter().enumerate() {
                let (scene, flag, waits) = (scene.clone(), flag.clone(), waits.clone());
                threads.spawn(move || {
                    let waker = Waker::from(flag);
                    let room = scene.session.poll_room(&scene.terms, &mut Context::from_waker(&waker));
                    waits[number].store(room.is_pending(), Ordering::Relaxed);
                });
            }
            let (takes, sends, ends) = (scene.clone(), scene.clone(), scene.clone());
            threads.spawn(move || Taker::default().come(&takes, seat, 1));
            threads.spawn(move || sends.send("b", 2));
            if closes {
                threads.spawn(move || ends.close(CloseReason::TransportClose));
            }
            threads.run();
            let is_full = scene.session.closed().is_none() && scene.session.queued() > 4;
            for (number, flag) in flags.iter().enumerate() {
                let waits = waits[number].load(Ordering::Relaxed);
                assert!(
                    is_full || !waits || flag.0.load(Ordering::Relaxed),
                    "there is room, and nobody says so"
                );
            }
        });
        report("room", explored);
    }
}

/// Bytes are written outside of the lock, by whoever has the token.
#[test]
fn one_thread_at_a_time_writes_and_none_leaves_a_frame_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let explored = explore(PREEMPTIONS, 600, |threads: &mut Threads<'_>| {
        let scene = Arc::new(Scene::new());
        let mut peer = std::net::TcpStream::connect(address).expect("a connection");
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("a socket");
        let stream = runtime.block_on(async {
            let stream = Arc::new(TcpStream::from_std(stream).expect("a socket"));
            stream.writable().await.expect("room");
            stream
        });
        scene.session.attach(&scene.terms, Link::Direct(stream));
        for name in ["a", "b"] {
            let scene = scene.clone();
            threads.spawn(move || scene.send(name, 2));
        }
        let reads = scene.clone();
        threads.spawn(move || {
            // A reader's batch: its answers leave when it is over.
            reads.session.cork();
            reads.send("c", 1);
            reads.session.uncork(&reads.terms);
        });
        threads.run();
        assert_eq!(scene.session.queued(), 0, "a frame is left, and nobody to write it");
        assert_eq!(scene.session.side.lock().writer, Writer::Idle);
        drop(scene.simulation.runtime());
        let accepted = scene.accepted.lock().clone();
        drop(scene);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut peer, &mut bytes).expect("all, and the end");
        let came: Vec<String> = bytes
            .chunks(5)
            .map(|frame| {
                assert_eq!(frame[..2], [0x81, 3], "frames are whole: {bytes:?}");
                String::from_utf8(frame[2..].to_vec()).expect("text")
            })
            .collect();
        for name in ["4a", "4b", "4c"] {
            let of = |all: &[String]| -> Vec<String> {
                all.iter().filter(|text| text.starts_with(name)).cloned().collect()
            };
            assert_eq!(of(&came), of(&accepted), "{came:?}");
        }
        assert_eq!(came.len(), 5);
    });
    report("the writer's token", explored);
}
