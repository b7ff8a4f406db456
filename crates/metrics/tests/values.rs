//! What a scrape says of sessions, sockets and events, over each technique.

mod support;

use std::time::Duration;

use regex::Regex;
use sockeye::engine::proto::reason::CloseReason;
use sockeye::engine::refusal::BadRequest;
use sockeye::{DisconnectReason, HandlerError, Recovery, Reply, Server, Socket, Unrecovered, Wire};
use sockeye_test::{TestServer, Transport};

use support::page::Page;
use support::peer::World;
use support::scrape;

fn echo() -> Server {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("echo", async |socket: Socket, text: String| socket.emit("echo", text));
        socket.on("ask", async || Reply("yes"));
        socket.on("all", async |server: Server| server.emit("news", ()));
        socket.on("fail", async || Err::<(), _>(HandlerError::new("no")));
        socket.on("panic", async || -> () { panic!("ouch") });
        socket.on("question", async |socket: Socket| {
            socket.timeout(Duration::from_secs(1)).emit_with_ack::<String>("why", ()).await?;
            Ok(())
        });
    });
    server
}

#[tokio::test(start_paused = true)]
async fn each_technique_moves_its_own_counters() {
    let labels = [
        (Transport::Polling, Wire::Polling),
        (Transport::ShortPolling, Wire::Polling),
        (Transport::Sse, Wire::Sse),
        (Transport::WebSocket, Wire::WebSocket),
    ];
    for (transport, wire) in labels {
        let server = echo();
        let kit = TestServer::new(&server);
        let label = [("transport", wire.as_str())];
        let before = scrape(&server);
        assert_eq!(before.sum("sockeye_sessions"), 0.0);

        let mut client = kit.client().transport(transport).connect().await.expect("it joins");
        let text = "x".repeat(1_000);
        client.emit("echo", &text);
        assert_eq!(client.expect::<String>("echo").await, text);
        let during = scrape(&server);
        assert_eq!(during.value("sockeye_sessions", &label), 1.0, "{transport}");
        assert_eq!(during.sum("sockeye_sessions"), 1.0);
        assert_eq!(during.value("sockeye_sessions_opened_total", &label), 1.0);
        assert_eq!(during.sum("sockeye_sessions_closed_total"), 0.0);
        for name in ["sockeye_received_bytes_total", "sockeye_sent_bytes_total"] {
            let (bytes, all) = (during.value(name, &label), during.sum(name));
            assert!((1_000.0..2_000.0).contains(&bytes), "{transport}: {name} {bytes}");
            assert_eq!(bytes, all, "{transport}: {name}");
        }
        // CONNECT and the event, each way.
        assert_eq!(during.value("sockeye_messages_received_total", &[]), 2.0, "{transport}");
        assert_eq!(during.value("sockeye_messages_sent_total", &[]), 2.0, "{transport}");
        assert_eq!(during.value("sockeye_events_received_total", &[]), 1.0);
        assert_eq!(during.value("sockeye_events_sent_total", &[]), 1.0);
        assert_eq!(during.value("sockeye_sockets", &[("namespace", "/")]), 1.0);

        client.cut().await;
        kit.advance(Duration::from_secs(60)).await;
        let after = scrape(&server);
        assert_eq!(after.sum("sockeye_sessions"), 0.0, "{transport}");
        assert_eq!(after.sum("sockeye_sessions_closed_total"), 1.0, "{transport}");
        assert_eq!(after.value("sockeye_sockets", &[("namespace", "/")]), 0.0);
        assert_eq!(after.value("sockeye_sockets_connected_total", &[]), 1.0);
        assert_eq!(after.sum("sockeye_sockets_disconnected_total"), 1.0);
        assert_eq!(
            after.value("sockeye_messages_received_total", &[]),
            2.0,
            "those of a session that is gone"
        );
        only_grow(&[before, during, after]);
    }
}

/// Counters never fall, and no series comes or goes.
fn only_grow(pages: &[Page]) {
    for (before, after) in pages.iter().zip(&pages[1..]) {
        assert_eq!(before.names(), after.names());
        for name in after.names().into_iter().filter(|name| name.ends_with("_total")) {
            for (labels, value) in before.each(name) {
                let labels: Vec<_> =
                    labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                assert!(after.value(name, &labels) >= value, "{name} {labels:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_handlers_do_is_counted_by_what_became_of_it() {
    let server = echo();
    let kit = TestServer::new(&server);
    let mut client = kit.client().transport(Transport::Polling).connect().await.expect("it joins");
    let mut other = kit.connect("/").await.expect("it joins");
    client.upgrade().await.expect("it moves");
    assert_eq!(client.emit_with_ack::<String>("ask", ()).await.expect("an answer"), "yes");
    client.emit("all", ());
    client.expect::<()>("news").await;
    other.expect::<()>("news").await;
    client.emit("question", ());
    let ((), ack) = client.expect_with_ack::<()>("why").await;
    ack.send("so");
    client.emit("question", ());
    client.expect::<()>("why").await;
    kit.advance(Duration::from_secs(2)).await;
    for event in ["fail", "panic", "nobody"] {
        client.emit(event, ()).await;
    }
    client.emit("echo", 1).await;
    assert!(client.connect("/nowhere").await.is_err());

    let page = scrape(&server);
    let value = |name: &str| page.value(name, &[]);
    assert_eq!(value("sockeye_sessions_upgraded_total"), 1.0);
    assert_eq!(page.value("sockeye_sessions", &[("transport", "websocket")]), 2.0);
    assert_eq!(value("sockeye_events_received_total"), 8.0);
    assert_eq!(value("sockeye_events_unhandled_total"), 1.0);
    assert_eq!(value("sockeye_acks_sent_total"), 1.0);
    assert_eq!(value("sockeye_acks_received_total"), 1.0);
    assert_eq!(value("sockeye_acks_timed_out_total"), 1.0);
    assert_eq!(page.value("sockeye_handler_failures_total", &[("kind", "argument")]), 1.0);
    // That an acknowledgement did not come is the handler's error, too.
    assert_eq!(page.value("sockeye_handler_failures_total", &[("kind", "error")]), 2.0);
    assert_eq!(page.value("sockeye_handler_failures_total", &[("kind", "panic")]), 1.0);
    assert_eq!(value("sockeye_broadcasts_total"), 1.0);
    assert_eq!(value("sockeye_broadcast_receivers_sum"), 2.0);
    let bucket = |le: &str| page.value("sockeye_broadcast_receivers_bucket", &[("le", le)]);
    assert_eq!((bucket("1.0"), bucket("10.0"), bucket("100000.0"), bucket("+Inf")), (0.0, 1.0, 1.0, 1.0));
    assert_eq!(page.value("sockeye_connects_refused_total", &[("cause", "no namespace")]), 1.0);
}

#[test]
fn refusals_are_counted_by_code_and_context() {
    let world = World::new(|builder| builder);
    let requests = [
        ("/socket.io/?EIO=4&transport=pigeon", "0", "UNKNOWN_TRANSPORT"),
        ("/socket.io/?EIO=4&transport=polling&sid=nobody", "1", "UNKNOWN_SID"),
        ("/socket.io/?EIO=3&transport=polling", "5", "UNSUPPORTED_PROTOCOL_VERSION"),
        ("/socket.io/?EIO=4&transport=websocket", "3", "TRANSPORT_HANDSHAKE_ERROR"),
    ];
    for (target, code, context) in requests {
        world.request(target, None);
        let page = scrape(&world.server);
        assert_eq!(
            page.value("sockeye_requests_refused_total", &[("code", code), ("context", context)]),
            1.0
        );
    }
    let page = scrape(&world.server);
    assert_eq!(page.sum("sockeye_requests_refused_total"), requests.len() as f64);
    let causes = page.values("sockeye_requests_refused_total", "context");
    assert!(BadRequest::ALL.iter().all(|context| causes.iter().any(|cause| cause == context.as_str())));
    // Four codes without contexts, the application's own refusals, and what there may be too much of.
    assert_eq!(causes.len(), 4 + BadRequest::ALL.len() + 1 + 6);
}

#[test]
fn what_waits_for_peers_is_seen_while_it_waits() {
    let world = World::new(|builder| builder.engine(|options| options.soft_limit = 10_000));
    let (slow, _quick) = (world.join(), world.join());
    world.server.emit("news", "x".repeat(6_000));
    let page = scrape(&world.server);
    let (all, longest) =
        (page.value("sockeye_queued_bytes", &[]), page.value("sockeye_longest_queue_bytes", &[]));
    assert!((6_000.0..6_100.0).contains(&longest) && all == 2.0 * longest, "{all} {longest}");
    assert_eq!(page.value("sockeye_slow_sessions", &[]), 0.0);
    world.server.emit("news", "x".repeat(6_000));
    assert_eq!(scrape(&world.server).value("sockeye_slow_sessions", &[]), 2.0);
    slow.get();
    let page = scrape(&world.server);
    assert_eq!(page.value("sockeye_slow_sessions", &[]), 1.0);
    assert_eq!(page.value("sockeye_queued_bytes", &[]), page.value("sockeye_longest_queue_bytes", &[]));
}

#[test]
fn a_peer_that_comes_back_is_counted_and_one_that_does_not_with_its_cause() {
    let world = World::new(|builder| builder.connection_state_recovery(Recovery::default()));
    let peer = world.open();
    peer.post("40");
    let connect = peer.get().text();
    let pid =
        connect.split_once("\"pid\":\"").expect("a pid").1.split('"').next().expect("it ends").to_owned();
    peer.post("1");
    let back = world.open();
    back.post(&format!("40{{\"pid\":\"{pid}\"}}"));
    let page = scrape(&world.server);
    assert_eq!(page.value("sockeye_sockets_recovered_total", &[]), 1.0);
    let stranger = world.open();
    stranger.post("40{\"pid\":\"nobody\",\"offset\":\"\"}");
    let page = scrape(&world.server);
    assert_eq!(page.value("sockeye_sockets_unrecovered_total", &[("cause", "unknown")]), 1.0);
    assert_eq!(page.values("sockeye_sockets_unrecovered_total", "cause").len(), Unrecovered::ALL.len());
}

#[test]
fn ten_thousand_sessions_are_counted_to_the_last() {
    let world = World::new(|builder| builder);
    let peers: Vec<_> = (0..10_000).map(|_| world.open()).collect();
    world.simulation.run();
    // What docs/operations.md says of it: `cargo test --profile quick -p sockeye-metrics ten_thousand -- --nocapture`.
    let begun = std::time::Instant::now();
    let page = scrape(&world.server);
    println!("a scrape of 10,000 sessions took {:?}, with its strict reading", begun.elapsed());
    let begun = std::time::Instant::now();
    let survey = world.server.survey();
    println!("of which the look at each session {:?}", begun.elapsed());
    assert_eq!(survey.open.iter().sum::<u64>(), 10_000);
    assert_eq!(page.value("sockeye_sessions", &[("transport", "polling")]), 10_000.0);
    peers.iter().step_by(2).for_each(|peer| drop(peer.post("1")));
    world.simulation.run();
    assert_eq!(scrape(&world.server).value("sockeye_sessions", &[("transport", "polling")]), 5_000.0);
}

#[test]
fn packets_over_a_limit_are_counted_by_limit() {
    let world = World::new(|builder| {
        builder.max_payload(1_000).attachment_timeout(std::time::Duration::from_secs(10))
    });
    let bytes = "bAAAA".to_owned() + &"A".repeat(800);
    let deep = format!("42[\"x\",{}", "[".repeat(200));
    for (limit, packets) in [
        ("depth", vec![deep]),
        ("attachments", vec!["4511-[\"x\"]".to_owned()]),
        ("bytes", vec!["452-[\"x\"]".to_owned(), bytes.clone(), bytes]),
        ("time", vec!["451-[\"x\"]".to_owned()]),
    ] {
        let peer = world.join();
        packets.iter().for_each(|packet| drop(peer.post(packet)));
        world.simulation.advance(std::time::Duration::from_secs(11));
        let page = scrape(&world.server);
        assert_eq!(page.value("sockeye_packets_over_limit_total", &[("limit", limit)]), 1.0, "{limit}");
    }
    let page = scrape(&world.server);
    assert_eq!(page.value("sockeye_undecodable_total", &[]), 0.0);
    assert_eq!(page.value("sockeye_sessions_closed_total", &[("reason", "packet limit")]), 3.0);
    assert_eq!(page.value("sockeye_sessions_closed_total", &[("reason", "forced close")]), 1.0);
}

#[test]
fn broken_packets_are_counted_apart() {
    let world = World::new(|builder| builder);
    world.join().post("4nonsense");
    world.open().post("42[\"early\"]");
    let page = scrape(&world.server);
    assert_eq!(page.value("sockeye_undecodable_total", &[]), 1.0);
    assert_eq!(page.value("sockeye_violations_total", &[]), 1.0);
    assert_eq!(page.value("sockeye_sessions_closed_total", &[("reason", "forced close")]), 2.0);
}

#[test]
fn a_thousand_namespaces_that_peers_made_are_a_line_or_two() {
    let world = World::new(|builder| builder);
    world.server.of("/fixed");
    world.server.of(Regex::new("^/team-\\d+$").expect("a pattern"));
    world.server.of(|name: &str| name.starts_with("/user-"));
    let peers: Vec<_> = (0..10).map(|_| world.join()).collect();
    for (at, peer) in peers.iter().enumerate() {
        let names = (0..50).flat_map(|n| [format!("/team-{at}{n:02}"), format!("/user-{at}{n:02}")]);
        let connects: Vec<String> = names.map(|name| format!("40{name},")).collect();
        connects.chunks(50).for_each(|some| drop(peer.post(&some.join("\u{1e}"))));
    }
    assert!(world.server.namespaces().len() > 900, "{}", world.server.namespaces().len());
    let page = scrape(&world.server);
    assert_eq!(page.values("sockeye_sockets", "namespace"), ["/", "/fixed", "^/team-\\d+$", "other"]);
    assert_eq!(page.sum("sockeye_sockets"), page.value("sockeye_sockets_connected_total", &[]));
    let children =
        ["^/team-\\d+$", "other"].map(|name| page.value("sockeye_sockets", &[("namespace", name)]));
    assert!(children.iter().all(|sockets| *sockets > 450.0), "{children:?}");
    // Nor do names that the application makes without end.
    (0..1_000).for_each(|number| drop(world.server.of(format!("/room-{number}"))));
    assert!(
        scrape(&world.server).values("sockeye_sockets", "namespace").len() <= sockeye_metrics::NAMESPACES + 1
    );
}

#[test]
fn labels_are_the_words_of_the_library() {
    let page = scrape(&World::new(|builder| builder).server);
    let sorted = |mut words: Vec<&str>| {
        words.sort_unstable();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let values = |name, label| page.values(name, label);
    let wires = sorted(Wire::ALL.map(Wire::as_str).to_vec());
    for name in ["sockeye_sessions", "sockeye_sessions_opened_total", "sockeye_sent_bytes_total"] {
        assert_eq!(values(name, "transport"), wires);
    }
    let reasons = CloseReason::ALL.map(CloseReason::as_str).to_vec();
    assert_eq!(values("sockeye_sessions_closed_total", "reason"), sorted(reasons));
    let reasons = DisconnectReason::ALL.map(DisconnectReason::as_str).to_vec();
    assert_eq!(values("sockeye_sockets_disconnected_total", "reason"), sorted(reasons));
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_says_what_it_takes() {
    let page = scrape(&World::new(|builder| builder).server);
    let value = |name| page.value(name, &[]);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_start_time_seconds") > 1.6e9);
    assert!(value("process_cpu_seconds_total") >= 0.0);
}
