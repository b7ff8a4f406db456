//! Moves in the worst moments, forced: a write under way, and a writer that waits for room.

use std::cell::RefCell;
use std::sync::Arc;

use sockeye_engine_proto::outbox::Limits;
use sockeye_engine_proto::slow::{Mark, WhenSlow};
use sockeye_engine_proto::timing::Timing;
use sockeye_runtime::runtime::Runtime;
use sockeye_runtime::simulation::Simulation;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;

const TIMING: Timing = Timing { ping_interval: 500, ping_timeout: 400, upgrade_timeout: 200, resume: 300 };
const LIMITS: Limits = Limits { soft: 50_000_000, hard: 50_000_000, stall: 400 };

thread_local! {
    static WHILE_UNLOCKED: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Runs what a test wants to happen between a write and the lock that follows it. In a model anything may.
pub(super) fn while_unlocked() {
    sockeye_runtime::interleaving::point();
    if let Some(act) = WHILE_UNLOCKED.take() {
        act();
    }
}

/// Two ends of a connection: ours, and the peer's.
async fn pair() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (stream, _) = listener.accept().await.expect("a connection");
    (Arc::new(stream), peer)
}

fn terms() -> Arc<Terms> {
    Arc::new(Terms::new(TIMING, LIMITS, 0, Runtime::tokio()))
}

/// A session that writes directly and may still move: the core takes it for a polling one.
fn session(terms: &Arc<Terms>, stream: Arc<TcpStream>) -> Arc<Session<()>> {
    let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
    let session = Arc::new(Session::new(sid, 0, Wire::Polling, Dialect::default(), None, terms, ()));
    session.attach(terms, Link::Direct(stream));
    session
}

/// A session that a stream carries.
fn streaming(terms: &Arc<Terms>) -> Arc<Session<()>> {
    let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
    Arc::new(Session::new(sid, 0, Wire::Sse, Dialect::default(), None, terms, ()))
}

/// What there is for who holds `seat`, and whether that is an answer.
fn take(session: &Session<()>, terms: &Terms, seat: Seat) -> (Vec<String>, bool) {
    let mut came = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    let taken = session.poll_take(terms, seat, &mut cx, usize::MAX, |frame| {
        came.push(String::from_utf8(frame.packet().to_vec()).expect("text"));
    });
    (came, taken.is_ready())
}

/// A frame of ten bytes.
fn frame(number: usize) -> Frame {
    Frame::text(&[format!("4{number:07}").as_bytes()])
}

fn move_to(session: &Arc<Session<()>>, terms: &Arc<Terms>, stream: Arc<TcpStream>) {
    let seat = session.claim(terms, Wire::WebSocket, Link::Direct(stream), false, None).expect("a seat");
    let from = Wire::Polling;
    assert_eq!(session.receive(terms, seat, Packet::Ping("probe")), Received::Probed { from });
    assert_eq!(session.receive(terms, seat, Packet::Upgrade), Received::Adopted { from });
}

/// The numbers of the frames that came, behind `skip` bytes.
async fn numbers(peer: &mut TcpStream, skip: usize, count: usize) -> Vec<usize> {
    let mut bytes = vec![0; skip + count * 10];
    let read = tokio::time::timeout(Duration::from_secs(5), peer.read_exact(&mut bytes));
    read.await.expect("all of it within five seconds").expect("what was sent");
    let number = |frame: &[u8]| {
        assert_eq!(frame[..3], [0x81, 8, b'4'], "a frame begins at its header");
        std::str::from_utf8(&frame[3..]).expect("text").parse().expect("a number")
    };
    bytes[skip..].chunks(10).map(number).collect()
}

/// The bytes of `3probe` in its frame.
const PROBE_ANSWER: usize = 8;

#[tokio::test]
async fn a_write_under_way_during_a_move_does_not_advance_the_queue_it_finds() {
    let terms = terms();
    let (old, mut old_peer) = pair().await;
    let (new, mut new_peer) = pair().await;
    let session = session(&terms, old);
    let (moved, on) = (session.clone(), terms.clone());
    WHILE_UNLOCKED.set(Some(Box::new(move || {
        move_to(&moved, &on, new);
        moved.send(&on, [frame(1), frame(2)]).expect("open");
    })));
    session.send(&terms, [frame(0)]).expect("open");
    // The first went out on the old wire, and again on the new one: what came there is the peer's to number.
    assert_eq!(numbers(&mut old_peer, 0, 1).await, [0]);
    assert_eq!(numbers(&mut new_peer, PROBE_ANSWER, 3).await, [0, 1, 2]);
    assert_eq!(session.queued(), 0);
}

#[tokio::test]
async fn a_move_while_the_writer_is_blocked_hands_over() {
    let terms = terms();
    let (old, mut old_peer) = pair().await;
    let (new, mut new_peer) = pair().await;
    let session = session(&terms, old);
    let mut sent = 0;
    while session.side.lock().writer != Writer::Blocked {
        session.send(&terms, (sent..sent + 1000).map(frame)).expect("open");
        sent += 1000;
    }
    let waiting = session.queued().div_ceil(10);
    move_to(&session, &terms, new);
    session.send(&terms, (sent..sent + 1000).map(frame)).expect("open");
    sent += 1000;
    let rest = tokio::spawn(async move {
        let came = numbers(&mut new_peer, PROBE_ANSWER, waiting + 1000).await;
        (new_peer, came)
    });
    let (mut new_peer, came) = rest.await.expect("all that waited");
    let first = sent - waiting - 1000;
    assert_eq!(came, (first..sent).collect::<Vec<_>>(), "the frame that was cut begins anew");
    // The old peer reads at last: who waited for it finds the session moved, and writes nothing.
    let mut old_bytes = vec![0; first * 10];
    old_peer.read_exact(&mut old_bytes).await.expect("what was written before the move");
    session.send(&terms, [frame(sent)]).expect("open");
    assert_eq!(numbers(&mut new_peer, 0, 1).await, [sent]);
    let mut rest = Vec::new();
    old_peer.read_to_end(&mut rest).await.expect("the end, since nobody holds the old stream");
    assert!(rest.len() < 10, "less than a frame: {}", rest.len());
}

#[tokio::test]
async fn the_end_of_a_peer_that_is_not_read_shows_when_its_silence_is_to_be_excused() {
    let terms = terms();
    let (stream, peer) = pair().await;
    let session = session(&terms, stream.clone());
    let ping = Frame::text(&[b"2"]);
    let look_after = |ticks| {
        for _ in 0..ticks {
            terms.tick();
        }
        session.handle_timeout(&terms, &ping)
    };
    session.pause(&terms, session.seat().0, true);
    assert_eq!(look_after(500), Some(Look::Live));
    for _ in 0..3 {
        assert_eq!(look_after(400), Some(Look::Live), "a peer that is there may be silent");
    }
    #[cfg(target_os = "linux")]
    assert_eq!(SockRef::from(&*stream).tcp_user_timeout().expect("an option"), Some(Duration::from_secs(20)));
    drop(peer);
    let noticed = async {
        while !has_ended(&stream) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), noticed).await.expect("the system says so");
    assert_eq!(look_after(399), None);
    assert_eq!(look_after(1), Some(Look::Close(CloseReason::TransportClose)));
}

#[tokio::test]
async fn a_pause_is_its_wires_own_and_ends_with_it() {
    let terms = terms();
    let session = session(&terms, pair().await.0);
    let (post, _) = session.seat();
    session.pause(&terms, post, true);
    let (stream, _peer) = pair().await;
    move_to(&session, &terms, stream);
    let (reader, _) = session.seat();
    for _ in 0..500 {
        terms.tick();
    }
    assert_eq!(session.handle_timeout(&terms, &Frame::text(&[b"2"])), Some(Look::Live));
    // Whether its silence would be excused, were it long by then.
    let is_paused = || session.side.lock().core.excuses(terms.now().after(2_000));
    assert!(!is_paused(), "the POST that paused is of no account");
    session.pause(&terms, reader, true);
    session.pause(&terms, post, false);
    assert!(is_paused(), "the WebSocket still reads no further");
    session.pause(&terms, reader, false);
    assert!(!is_paused());
}

#[tokio::test]
async fn volatile_frames_leave_only_where_somebody_takes_them_now() {
    let terms = terms();
    let (stream, mut peer) = pair().await;
    let direct = session(&terms, stream);
    assert_eq!(direct.send_volatile(&terms, [frame(0)]), Ok(true));
    assert_eq!(numbers(&mut peer, 0, 1).await, [0]);

    let parked = session(&terms, pair().await.0);
    parked.side.lock().link = Link::away();
    assert_eq!(parked.send_volatile(&terms, [frame(0)]), Ok(false));
    assert_eq!(parked.queued(), 0);
    let (seat, _) = parked.seat();
    let taken =
        poll_fn(|cx| match parked.poll_take(&terms, seat, cx, 1, |frame| assert_eq!(frame.len(), 10)) {
            Poll::Pending => {
                assert_eq!(parked.send_volatile(&terms, [frame(1)]), Ok(true));
                Poll::Pending
            }
            taken => taken,
        });
    assert_eq!(taken.await, Taken::Frames { last: 0 }, "a poll counts nothing");
}

#[test]
fn a_stream_that_comes_back_while_another_wire_probes_gets_all_up_to_its_last_noop() {
    let terms = Arc::new(Terms::new(TIMING, LIMITS, 1_000, Simulation::new(1).runtime()));
    let session = streaming(&terms);
    let take = |seat| take(&session, &terms, seat);
    let send =
        |number| session.send(&terms, [Frame::text(&[format!("4{number}").as_bytes()])]).expect("open");
    let (first, from) = session.seat();
    (1..=3).for_each(send);
    assert_eq!(take(first).0, ["41", "42", "43"]);
    send(4);
    let candidate = session.claim(&terms, Wire::WebSocket, Link::away(), false, None).expect("a seat");
    assert_eq!(session.receive(&terms, candidate, Packet::Ping("probe")), Received::Probed { from });
    assert_eq!(take(candidate).0, ["3probe"]);
    // What followed the first event is lost with the stream, and so is its `6`.
    assert!(session.detach(&terms, first));
    let second = session.resume(&terms, 1).expect("it is known");
    send(5);
    assert_eq!(take(second).0, ["42", "43", "44", "6"]);
    assert_eq!(take(second), (vec![], false), "the rest is the candidate's");
    // A stream that ends when it has its `6` is not missed.
    assert!(session.detach(&terms, second));
    assert_eq!(session.receive(&terms, candidate, Packet::Upgrade), Received::Adopted { from });
    assert_eq!(take(candidate).0, ["45"]);
    assert!(!session.side.lock().core.is_detached());
}

#[test]
fn a_stream_that_comes_back_twice_gets_nothing_that_it_says_it_has() {
    let terms = Arc::new(Terms::new(TIMING, LIMITS, 1_000, Simulation::new(1).runtime()));
    let session = streaming(&terms);
    let send = |text: &str| session.send(&terms, [Frame::text(&[text.as_bytes()])]).expect("open");
    ["41", "42", "43"].into_iter().for_each(send);
    assert_eq!(take(&session, &terms, session.seat().0).0, ["41", "42", "43"]);
    session.resume(&terms, 1).expect("it is known");
    assert_eq!(session.resume(&terms, 4), Err(Forgotten), "that was never sent");
    let seat = session.resume(&terms, 2).expect("it is known");
    send("44");
    assert_eq!(take(&session, &terms, seat).0, ["43", "44"]);
}

#[test]
fn while_a_stream_is_held_what_it_is_still_to_take_is_not_dropped_and_what_follows_is() {
    let terms = Arc::new(Terms::new(TIMING, LIMITS, 1_000, Simulation::new(1).runtime()));
    let session = streaming(&terms);
    let take = |seat| take(&session, &terms, seat);
    let send = |text: &str| {
        let mark = Mark { rule: Some(WhenSlow::KeepLatest), channel: 0, key: 1 };
        session.send(&terms, [Frame::text(&[text.as_bytes()]).marked(mark)]).expect("open");
    };
    let (stream, from) = session.seat();
    send("41");
    send("42");
    let candidate = session.claim(&terms, Wire::WebSocket, Link::away(), false, None).expect("a seat");
    assert_eq!(session.receive(&terms, candidate, Packet::Ping("probe")), Received::Probed { from });
    assert_eq!(take(candidate).0, ["3probe"]);
    ["43", "44", "45"].into_iter().for_each(send);
    assert_eq!(take(stream).0, ["42", "6"]);
    assert_eq!(session.receive(&terms, candidate, Packet::Upgrade), Received::Adopted { from });
    assert_eq!(take(candidate).0, ["45"]);
    assert_eq!(terms.traffic.dropped(WhenSlow::KeepLatest), 3);
}

#[test]
fn who_posts_beside_a_stream_speaks_on_when_another_stream_follows() {
    let terms = Arc::new(Terms::new(TIMING, LIMITS, 1_000, Simulation::new(1).runtime()));
    let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
    let session = Arc::new(Session::new(sid, 0, Wire::Sse, Dialect::default(), None, &terms, ()));
    let (first, _) = session.seat();
    assert_eq!(session.begin_post(first), Ok(()));
    session.pause(&terms, first, true);
    let second = session.resume(&terms, 0).expect("it is known");
    let mut cx = Context::from_waker(Waker::noop());
    let taken = session.poll_take(&terms, first, &mut cx, 1, |_| {});
    assert_eq!(taken, Poll::Ready(Taken::Superseded), "the newer stream carries");
    session.pause(&terms, first, false);
    assert!(!session.is_paused(), "it read further");
    let message = Message::Text("a");
    let received = session.receive(&terms, first, Packet::Message(message));
    assert_eq!(received, Received::Message { message, full: false });
    assert_eq!(session.begin_post(second), Err(Overlap), "it is still under way");
    session.end_post(first);
    assert_eq!(session.begin_post(second), Ok(()));
    // A wire that asks to take over is another, and so is one that did.
    let candidate = session.claim(&terms, Wire::WebSocket, Link::away(), false, None).expect("a seat");
    assert!(!session.speaks(candidate) && session.speaks(second));
    session.receive(&terms, candidate, Packet::Ping("probe"));
    session.receive(&terms, candidate, Packet::Upgrade);
    assert!(session.speaks(candidate) && !session.speaks(second));
}

#[test]
fn a_candidate_never_gets_the_seat_of_the_wire_that_carries_the_session() {
    let terms = Arc::new(Terms::new(TIMING, LIMITS, 0, Simulation::new(1).runtime()));
    let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
    let session = Arc::new(Session::new(sid, 0, Wire::Polling, Dialect::default(), None, &terms, ()));
    for _ in 0..600 {
        let candidate = session.claim(&terms, Wire::WebSocket, Link::away(), false, None).expect("a seat");
        assert!(!session.speaks(candidate));
        session.release(candidate);
    }
}
