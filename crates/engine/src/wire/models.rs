//! Wires of one session that meet, in every order of its critical sections: see [`sockeye_runtime::interleaving`].
//!
//! ```text
//! a client   GETs, or a stream         ──▶ router, polling.rs, sse.rs
//!            POSTs                     ──▶ router, upload.rs     the wires' own code, of which each call of the
//!            moves to a WebSocket, or  ──▶ frames.rs             session is a point where others may come first
//!            to a stream with POSTs    ──▶ router, sse.rs, upload.rs
//! beside it  the application sends, the clock ticks, somebody closes
//! ```
//! The client is the official one: it moves when it has heard `3probe`, once its GET and its POST are over, or it has the
//! last `6` of its stream. A hasty one waits for nothing. Nobody looks unless it was woken, and when all wait nobody has
//! missed anything.

mod client;
mod mover;
mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sockeye_engine_proto::packet::Packet;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::interleaving::{Explored, Threads, explore, point};

use client::{Down, Up};
use mover::Mover;
use scene::{PING_INTERVAL, SAID, Scene, Twist};

/// Orders in which a thread is stopped more often than this are only drawn at random.
const PREEMPTIONS: usize = 2;
/// How many orders are tried before others are drawn.
const ORDERS: usize = 200;

/// All moves that there are.
const MOVES: [[Wire; 2]; 3] =
    [[Wire::Polling, Wire::WebSocket], [Wire::Sse, Wire::WebSocket], [Wire::Polling, Wire::Sse]];

/// Everybody that a thread plays.
struct Cast {
    down: Down,
    up: Up,
    mover: Mover,
}

type Place<T> = Arc<Mutex<Option<T>>>;

/// A thread that plays somebody for so many looks, and leaves them in their place.
fn spawn<T: Send + 'static>(
    threads: &mut Threads<'_>,
    scene: &Arc<Scene>,
    looks: usize,
    mut somebody: T,
    look: fn(&mut T, &Scene) -> bool,
) -> Place<T> {
    let (scene, place) = (scene.clone(), Place::default());
    let leaves = place.clone();
    threads.spawn(move || {
        (0..looks).for_each(|_| _ = look(&mut somebody, &scene));
        *leaves.lock() = Some(somebody);
    });
    place
}

fn left<T>(place: &Place<T>) -> T {
    place.lock().take().expect("its thread has ended")
}

/// Plays one order of it.
fn play(threads: &mut Threads<'_>, wires: [Wire; 2], hasty: bool, twist: Twist) -> (Arc<Scene>, Cast) {
    let scene = Arc::new(Scene::new(wires, hasty, twist));
    let (is_quiet, breaks) = (twist == Twist::Quiet, twist == Twist::Breaks);
    let looks = if is_quiet { [2, 6, 0] } else { [6, 16, 4] };
    let down = spawn(threads, &scene, looks[0], Down::new(&scene), Down::look);
    let mover = spawn(threads, &scene, looks[1], Mover::new(scene.new, breaks), Mover::look);
    let up = spawn(threads, &scene, looks[2], Up::new(), Up::look);
    if !is_quiet {
        let (sends, ticks) = (scene.clone(), scene.clone());
        threads.spawn(move || sends.send());
        threads.spawn(move || {
            for _ in 0..5 {
                point();
                ticks.tick();
            }
        });
    }
    if twist == Twist::Closes {
        let closes = scene.clone();
        threads.spawn(move || {
            (0..25).for_each(|_| point());
            closes.engine.close(&closes.session, CloseReason::ForcedClose);
        });
    }
    threads.run();
    if is_quiet {
        scene.send();
    }
    let mut cast = Cast { down: left(&down), up: left(&up), mover: left(&mover) };
    rest(&scene, &mut cast);
    (scene, cast)
}

/// All that waits goes on for as long as somebody is woken, and then for some ticks.
fn rest(scene: &Scene, cast: &mut Cast) {
    for _ in 0..10 {
        loop {
            scene.simulation.run();
            let looks = [cast.down.look(scene), cast.up.look(scene), cast.mover.look(scene)];
            if looks == [false; 3] {
                break;
            }
        }
        // Whoever waits was woken for all that there is.
        let heard = scene.heard.lock().len();
        cast.down.knock(scene);
        cast.mover.knock(scene);
        assert_eq!(scene.heard.lock().len(), heard, "it waits, and nobody calls it");
        scene.tick();
    }
}

/// What holds of each order.
fn holds(scene: &Scene, cast: &mut Cast, twist: Twist) {
    let (accepted, heard) = (scene.accepted.lock().clone(), scene.heard.lock().clone());
    let said = scene.engine.application().said.lock().clone();
    let all: Vec<String> = (0..SAID).map(|number| format!("m{number}")).collect();
    let closed = scene.engine.application().closed.lock().clone();
    let moved = scene.engine.application().moved.load(Ordering::Relaxed);
    if twist == Twist::Closes {
        assert_eq!(closed, [CloseReason::ForcedClose], "it closes once");
        assert!(scene.over.load(Ordering::Relaxed), "the client hears of it");
        assert!(cast.down.get.is_none() && cast.up.post.is_none(), "nothing is pending");
        assert!(accepted.starts_with(&heard), "{heard:?} of {accepted:?}");
        // Who has cut its stream, and was not heard on the WebSocket, has left.
        assert!(accepted == heard || scene.cut.load(Ordering::Relaxed), "{heard:?} of {accepted:?}");
        assert!(all.starts_with(&said), "{said:?}");
        scene.simulation.advance(Duration::from_secs(60));
        assert!(scene.engine.sessions().is_empty());
        return;
    }
    assert!(closed.is_empty(), "{closed:?}");
    assert_eq!(moved, usize::from(twist != Twist::Breaks));
    assert_eq!(scene.session.wire(), if moved == 1 { scene.new } else { scene.old });
    if scene.hasty {
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts
        };
        assert_eq!(sorted(heard), sorted(accepted), "each once");
        let mut once = sorted(said);
        let count = once.len();
        once.dedup();
        assert_eq!(once.len(), count, "doubled: {once:?}");
    } else {
        assert_eq!(heard, accepted, "all of it, once and in order");
        assert_eq!(said, all, "all of it, once and in order");
    }
    assert!(cast.up.post.is_none(), "a POST is over");
    assert!(moved == 0 || (cast.down.get.is_none() && cast.down.stream.is_none()), "the old wire is over");
    assert_eq!(scene.session.queued(), 0);
    assert!(scene.session.candidate_seat(scene.new).is_none(), "no candidate is left");
    assert_eq!(scene.pings.load(Ordering::Relaxed), 0);
    // It lives on: whatever carries it now is woken for the next ping.
    scene.simulation.advance(PING_INTERVAL);
    rest(scene, cast);
    assert_eq!(scene.pings.load(Ordering::Relaxed), 1, "a ping");
    let (seat, _) = scene.session.seat();
    scene.session.receive(scene.engine.terms(), seat, Packet::Pong(""));
    assert_eq!(scene.session.closed(), None);
}

fn report(name: &str, explored: Explored) {
    println!("{name}: {} orders, all: {}", explored.orders, explored.all);
    assert!(explored.orders > 50, "the threads met nowhere");
}

#[test]
fn a_client_that_moves_hears_and_says_all_of_it_once_and_in_order() {
    for wires in MOVES {
        for twist in [Twist::Nothing, Twist::Breaks] {
            let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
                let (scene, mut cast) = play(threads, wires, false, twist);
                holds(&scene, &mut cast, twist);
            });
            report(&format!("{wires:?}, {twist:?}"), explored);
        }
    }
}

#[test]
fn a_close_during_a_move_is_heard_once_behind_all_that_was_sent_before() {
    for wires in MOVES {
        let moves: [AtomicUsize; 2] = Default::default();
        let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
            let (scene, mut cast) = play(threads, wires, false, Twist::Closes);
            moves[scene.engine.application().moved.load(Ordering::Relaxed)].fetch_add(1, Ordering::Relaxed);
            holds(&scene, &mut cast, Twist::Closes);
        });
        assert!(moves.iter().all(|moves| moves.load(Ordering::Relaxed) > 0), "{moves:?}");
        report(&format!("{wires:?}, closes"), explored);
    }
}

#[test]
fn of_a_client_that_moves_in_haste_each_packet_is_taken_by_one_wire() {
    for (twist, orders) in [(Twist::Nothing, ORDERS), (Twist::Quiet, 5_000)] {
        let explored = explore(PREEMPTIONS, orders, |threads: &mut Threads<'_>| {
            let (scene, mut cast) = play(threads, [Wire::Polling, Wire::WebSocket], true, twist);
            holds(&scene, &mut cast, twist);
        });
        report(&format!("in haste, {twist:?}"), explored);
    }
}
