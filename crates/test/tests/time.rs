//! What is said of time: when it stands still, when it moves, and how far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sockeye::runtime::Runtime;
use sockeye::{Reply, Server, Socket, State};
use sockeye_test::{TestServer, Transport};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A server with handlers that wait, by tokio's own clock.
fn server() -> Server {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("later", async |socket: Socket, seconds: u64| {
            tokio::time::sleep(SECOND * seconds as u32).await;
            socket.emit("now", seconds);
        });
        socket.on("relay", async |socket: Socket, steps: u32| {
            // Each step is a task of its own, and gives its turn away.
            let (mut sender, first) = tokio::sync::oneshot::channel::<()>();
            tokio::spawn(async move {
                first.await.expect("it is told");
                socket.emit("relayed", steps);
            });
            for _ in 0..steps {
                let (next, told) = tokio::sync::oneshot::channel::<()>();
                let before = std::mem::replace(&mut sender, next);
                tokio::spawn(async move {
                    told.await.expect("it is told");
                    tokio::task::yield_now().await;
                    before.send(()).expect("it waits");
                });
            }
            sender.send(()).expect("it waits");
        });
        socket.on("add", async |a: u32, b: u32| Reply(a + b));
    });
    server
}

#[tokio::test(start_paused = true)]
async fn what_is_expected_may_take_virtual_time_and_no_other_does() {
    let kit = TestServer::new(server());
    for transport in Transport::ALL {
        let start = Instant::now();
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        assert_eq!(client.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
        client.emit("later", 3).await;
        client.expect_nothing().await;
        assert_eq!(start.elapsed(), Duration::ZERO, "over {transport}");
        assert_eq!(client.expect::<u64>("now").await, 3);
        let late = if transport == Transport::ShortPolling { SECOND / 4 } else { Duration::ZERO };
        assert!((SECOND * 3..=SECOND * 3 + late).contains(&start.elapsed()), "over {transport}");
    }
}

#[tokio::test(start_paused = true)]
async fn advance_goes_exactly_as_far_as_it_is_told_and_all_that_is_due_has_happened() {
    let kit = TestServer::new(server());
    for transport in Transport::ALL {
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        let start = Instant::now();
        client.emit("later", 2).await;
        kit.advance(SECOND * 2 - Duration::from_millis(1)).await;
        client.expect_nothing().await;
        kit.advance(Duration::from_millis(1)).await;
        client.expect_no("other").await;
        assert_eq!(client.unread().len(), 1);
        client.skip().await;
        client.expect_nothing().await;
        assert_eq!(start.elapsed(), SECOND * 2, "over {transport}");
    }
}

#[tokio::test(start_paused = true)]
async fn to_settle_is_to_wait_for_whatever_follows_from_what_is_ready() {
    let kit = TestServer::new(server());
    let start = Instant::now();
    for transport in Transport::ALL {
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        client.emit("relay", 50).await;
        client.expect_no("other").await;
        assert_eq!(client.unread().len(), 1, "over {transport}");
        client.skip().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_settles_as_one_does() {
    let server = server();
    let kit = TestServer::new(&server);
    let mut crowd = Vec::new();
    for number in 0..400 {
        let transport = Transport::ALL[number % 4];
        crowd.push(kit.client().transport(transport).connect().await.expect("it may come in"));
    }
    server.emit("all", 1);
    for client in &mut crowd {
        client.expect_no("other").await;
        assert_eq!(client.unread().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_answer_pings_stay() {
    let server = server();
    let kit = TestServer::new(&server);
    let mut clients = Vec::new();
    for transport in Transport::ALL {
        clients.push(kit.client().transport(transport).connect().await.expect("it may come in"));
    }
    kit.advance(SECOND * 600).await;
    for client in &mut clients {
        assert!(client.is_connected());
        client.expect_nothing().await;
    }
    assert_eq!(server.counters().sessions, 4);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_gone_after_interval_and_timeout() {
    for transport in Transport::ALL {
        let server = server();
        let kit = TestServer::new(&server);
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        client.fall_silent();
        kit.advance(SECOND * 44).await;
        assert!(client.is_connected());
        kit.advance(SECOND * 2).await;
        let timeouts = |(reason, count): &(&str, u64)| (*reason == "ping timeout").then_some(*count);
        assert_eq!(server.counters().closed.iter().find_map(timeouts), Some(1), "over {transport}");
        let reason = client.disconnected().await;
        assert!(reason == "transport close" || transport == Transport::ShortPolling, "{reason}");
    }
}

#[tokio::test]
async fn a_clock_that_runs_works_too() {
    let kit = TestServer::new(server());
    for transport in Transport::ALL {
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        client.emit("relay", 50).await;
        assert_eq!(client.expect::<u32>("relayed").await, 50);
        client.expect_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_threads_work_too() {
    let kit = TestServer::new(server());
    for transport in Transport::ALL {
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        assert_eq!(client.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
        client.emit("relay", 50);
        assert_eq!(client.expect::<u32>("relayed").await, 50);
    }
}

#[tokio::test]
#[should_panic(expected = "the clock runs by itself")]
async fn a_clock_that_runs_cannot_be_moved() {
    TestServer::new(server()).advance(SECOND).await;
}

/// Two peers count on one number without a lock between reading and writing it.
#[test]
fn a_seed_is_a_schedule_and_many_seeds_find_an_order_that_breaks() {
    fn counting(runtime: Runtime) -> Server {
        let server = Server::builder().state(Arc::new(AtomicU32::new(0))).runtime(runtime).build();
        server.on_connect(async |socket: Socket| {
            socket.on("count", async |State(total): State<Arc<AtomicU32>>| {
                let seen = total.load(Ordering::Relaxed);
                let mut turns = 0;
                // Others may run here.
                std::future::poll_fn(|cx| {
                    turns += 1;
                    cx.waker().wake_by_ref();
                    if turns < 4 { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
                })
                .await;
                total.store(seen + 1, Ordering::Relaxed);
                Reply(seen + 1)
            });
        });
        server
    }
    let run = |seed| {
        sockeye_test::simulate(seed, counting, async |kit| {
            let (ada, bob) = (kit.connect("/").await, kit.connect("/").await);
            let (ada, bob) = (ada.expect("she may come in"), bob.expect("he may come in"));
            let counted = (ada.emit_with_ack::<u32>("count", ()), bob.emit_with_ack::<u32>("count", ()));
            (counted.0.await.expect("an answer"), counted.1.await.expect("an answer"))
        })
    };
    let runs: Vec<(u32, u32)> = (0..30).map(run).collect();
    assert_eq!(runs, (0..30).map(run).collect::<Vec<_>>(), "one seed is one schedule");
    assert!(runs.contains(&(1, 1)), "some lose a count: {runs:?}");
    assert!(runs.contains(&(1, 2)) || runs.contains(&(2, 1)), "and some do not: {runs:?}");
}

#[test]
fn a_simulated_world_has_every_technique_and_moves_its_own_clock() {
    fn simulated(runtime: Runtime) -> Server {
        let server = Server::builder().state(runtime.clone()).runtime(runtime).build();
        server.on_connect(async |socket: Socket| {
            socket.on("later", async |socket: Socket, State(runtime): State<Runtime>, seconds: u64| {
                runtime.sleep(Duration::from_secs(seconds)).await;
                socket.emit("now", seconds);
            });
        });
        server
    }
    for transport in Transport::ALL {
        sockeye_test::simulate(11, simulated, async |kit| {
            let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
            client.emit("later", 3);
            kit.advance(SECOND * 2).await;
            client.expect_nothing().await;
            assert_eq!(client.expect::<u64>("now").await, 3);
            client.fall_silent();
            kit.advance(SECOND * 46).await;
            client.disconnected().await;
        });
    }
}
