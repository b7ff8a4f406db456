//! What is promised of order and delivery, with real threads and sockets.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sockeye_engine::engine::Engine;
use sockeye_engine::options::Options;
use sockeye_engine::session::Session;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::slow::{Mark, WhenSlow};
use support::http::{Client, POLLING};
use support::websocket::{Came, TARGET, WebSocket};
use support::{Recorder, Server, eventually};

const THREADS: usize = 4;
const EACH: usize = 4000;

/// Sends `4<thread>,<number>` from threads of their own.
fn send_from_threads(
    engine: &Arc<Engine<Recorder>>,
    session: &Arc<Session<()>>,
) -> Vec<std::thread::JoinHandle<()>> {
    let send = |thread: usize| {
        let (engine, session) = (engine.clone(), session.clone());
        std::thread::spawn(move || {
            for number in 0..EACH {
                let text = format!("4{thread},{number}");
                engine.send(&session, [Frame::text(&[text.as_bytes()])]).expect("a session that is open");
                if number % 64 == 63 {
                    std::thread::yield_now();
                }
            }
        })
    };
    (0..THREADS).map(send).collect()
}

/// Holds what came to the promise.
#[derive(Default)]
struct Ledger {
    next: HashMap<usize, usize>,
    total: usize,
}

impl Ledger {
    fn note(&mut self, packet: &str) {
        let Some(text) = packet.strip_prefix('4') else { return };
        let (thread, number) = text.split_once(',').expect("a numbered line");
        let next = self.next.entry(thread.parse().expect("a thread")).or_default();
        assert_eq!(number.parse(), Ok(*next), "thread {thread}");
        *next += 1;
        self.total += 1;
    }

    fn is_complete(&self) -> bool {
        self.total == THREADS * EACH
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_four_threads_all_come_each_threads_in_order() {
    let server = Server::start(Options::default());
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let threads = send_from_threads(&server.engine, &server.session(0));
    let mut ledger = Ledger::default();
    while !ledger.is_complete() {
        ledger.note(&socket.text().await);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a thread that ends"));
    assert_eq!(server.session(0).queued(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_four_threads_stay_in_order_through_a_move_from_polling() {
    let server = Server::start(Options::default());
    let mut client = Client::connect(server.address).await;
    let target = format!("{POLLING}&sid={}", client.get(POLLING).await.sid());
    let threads = send_from_threads(&server.engine, &server.session(0));
    let mut ledger = Ledger::default();
    let poll = async |client: &mut Client, ledger: &mut Ledger| {
        client.get(&target).await.text().split('\u{1e}').for_each(|packet| ledger.note(packet));
    };
    for _ in 0..20 {
        poll(&mut client, &mut ledger).await;
    }
    let mut socket =
        WebSocket::open(server.address, &format!("{TARGET}&sid={}", &target[target.len() - 20..])).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    for _ in 0..20 {
        poll(&mut client, &mut ledger).await;
    }
    assert!(!ledger.is_complete(), "the move is in the middle");
    socket.send("5").await;
    while !ledger.is_complete() {
        ledger.note(&socket.text().await);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a thread that ends"));
    assert_eq!(server.session(0).wire(), Wire::WebSocket);
}

/// Threads send as fast as they can, one of them what is never dropped. Whatever is dropped for it in the middle of a write,
/// what comes is whole and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_while_others_write_leaves_the_rest_whole_and_in_order() {
    let mut options = Options::default();
    options.soft_limit = 20_000;
    let server = Server::start(options);
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let rules = [WhenSlow::Close, WhenSlow::DropOldest, WhenSlow::KeepLatest];
    let event = |from: usize, number: usize, rule| {
        let text = format!("4{from},{number},{}", "x".repeat(number % 700));
        Frame::text(&[text.as_bytes()]).marked(Mark { rule: Some(rule), channel: 0, key: number as u64 % 5 })
    };
    let dropped =
        || WhenSlow::DROPPING.into_iter().map(|rule| server.engine.traffic().dropped(rule)).sum::<u64>();
    // Nobody reads yet, so what the kernel holds for the peer is full sooner or later.
    let first = (699..).step_by(700).find_map(|number| {
        let frame = event(rules.len(), number, WhenSlow::DropOldest);
        server.engine.send(&server.session(0), [frame]).expect("a session that is open");
        (dropped() > 0).then_some(number / 700 + 1)
    });
    let first = first.expect("something is dropped");
    let send = |thread: usize| {
        let (engine, session) = (server.engine.clone(), server.session(0));
        let rule = rules[thread];
        std::thread::spawn(move || {
            for number in 0..EACH {
                engine.send(&session, [event(thread, number, rule)]).expect("a session that is open");
            }
        })
    };
    let threads: Vec<_> = (0..rules.len()).map(send).collect();
    let mut came = [const { Vec::new() }; 4];
    // The last of each key, and all of the first thread, come in any case.
    let is_complete = |came: &[Vec<usize>; 4]| {
        came[0].len() == EACH && (EACH - 5..EACH).all(|number| came[2].contains(&number))
    };
    while !is_complete(&came) {
        let packet = socket.text().await;
        let mut parts = packet[1..].splitn(3, ',');
        let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok()).expect("a number");
        let (thread, number) = (number(), number());
        assert_eq!(parts.next().map(str::len), Some(number % 700));
        assert!(came[thread].last().is_none_or(|last| *last < number), "{thread}: {number}");
        came[thread].push(number);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a thread that ends"));
    eventually(|| server.session(0).queued() == 0).await;
    server.engine.send(&server.session(0), [Frame::text(&[b"4end"])]).expect("a session that is open");
    loop {
        match socket.text().await.as_str() {
            "4end" => break,
            packet => came[usize::from(packet.as_bytes()[1] - b'0')].push(0),
        }
    }
    let came = came.iter().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(came + dropped(), (first + 3 * EACH) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_is_closed_at_its_limit_and_others_get_everything() {
    const BROADCASTS: usize = 2000;
    let mut options = Options::default();
    options.soft_limit = 200_000;
    options.hard_limit = 1_000_000;
    options.stall_timeout = Duration::from_millis(500);
    let server = Server::start(options);
    let mut slow = WebSocket::open(server.address, TARGET).await;
    slow.text().await;
    let mut readers = Vec::new();
    for _ in 0..5 {
        let mut socket = WebSocket::open(server.address, TARGET).await;
        socket.text().await;
        readers.push(tokio::spawn(async move {
            for number in 0..BROADCASTS {
                let text = socket.text().await;
                assert!(text.starts_with(&format!("4{number} ")), "{}", &text[..20]);
            }
        }));
    }
    let padding = "x".repeat(10_000);
    let mut most = 0;
    for number in 0..BROADCASTS {
        let frame = Frame::text(&[format!("4{number} {padding}").as_bytes()]);
        let mut dirty = Vec::new();
        server.engine.enqueue(&mut (0..6), &[frame], false, &mut dirty);
        server.engine.flush(dirty);
        most = most.max(server.session(0).queued());
        // Those that read are given the time to: the machine is shared by all of them.
        let behind = || (1..6).any(|index| server.session(index).queued() > 100_000);
        while behind() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for reader in readers {
        reader.await.expect("a reader that got everything");
    }
    eventually(|| server.application().closed().contains(&CloseReason::SlowReader)).await;
    assert!(most <= 1_000_000, "{most}");
    assert_eq!(server.session(0).queued(), 0, "what waited is given back");
    assert_eq!(server.session(0).closed(), Some(CloseReason::SlowReader));
    let lost = server.application().closed().into_iter().filter(|reason| *reason == CloseReason::SlowReader);
    assert_eq!(lost.count(), 1);
}

#[tokio::test]
async fn one_message_larger_than_every_limit_is_taken_by_an_empty_queue() {
    let mut options = Options::default();
    options.soft_limit = 1000;
    options.hard_limit = 10_000;
    let server = Server::start(options);
    let mut socket = WebSocket::open(server.address, TARGET).await;
    socket.text().await;
    let history = "x".repeat(5_000_000);
    server.send(0, &history);
    let Came::Text(text) = socket.recv().await else { panic!("no text") };
    assert_eq!(text.len(), 1 + history.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_one_peer_are_heard_in_order_whatever_else_happens() {
    let server = Server::with(Recorder::echo(), Options::default(), Default::default());
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(WebSocket::open(server.address, TARGET).await);
    }
    let peers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            tokio::spawn(async move {
                socket.text().await;
                for round in 0..20 {
                    for number in 0..50 {
                        socket.send(&format!("4{}", round * 50 + number)).await;
                    }
                    for number in 0..50 {
                        assert_eq!(socket.text().await, format!("4{}", round * 50 + number));
                    }
                }
            })
        })
        .collect();
    for peer in peers {
        peer.await.expect("answers in order");
    }
}
