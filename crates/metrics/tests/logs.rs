//! What a server logs of a whole life, and what it does not: secrets.

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye::engine::hooks::GenerateId;
use sockeye::engine::sid::Sid;
use sockeye::{HandlerError, Recovery, Server, Socket, Value};
use sockeye_test::{TestServer, Transport};

use support::lines::Lines;
use support::peer::World;

/// Asserts that a line has that level, target and message, and these fields.
#[track_caller]
fn assert_logged(log: &str, line: &str, fields: &[&str]) {
    let is_it = |candidate: &&str| {
        candidate.trim_start().starts_with(line)
            && fields.iter().all(|field| candidate.contains(&format!(" {field}")))
    };
    assert!(log.lines().any(|candidate| is_it(&candidate)), "no {line:?} with {fields:?} in\n{log}");
}

/// Asserts that the page for operators has each target, and each message that is said of sessions and sockets.
fn assert_documented(log: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the repository has it");
    for line in log.lines() {
        let mut parts = line.trim_start().splitn(3, ' ');
        let (level, target, rest) =
            (parts.next(), parts.next().expect("a target"), parts.next().expect("a message"));
        let target = format!("`{}`", target.trim_end_matches(':'));
        let message = rest.split_inclusive(' ').take_while(|word| !word.contains('=')).collect::<String>();
        let is_listed = |row: &str| {
            row.contains(&target)
                && (level == Some("ERROR") || row.contains(&format!("`{}`", message.trim_end())))
        };
        assert!(page.lines().any(is_listed), "docs/operations.md does not list {line}");
    }
}

/// The log without the spans in front of targets.
fn without_spans(log: &str) -> String {
    let plain = |line: &str| match line.rsplit_once("}: sockeye::") {
        Some((spans, rest)) => {
            format!("{} sockeye::{rest}\n", spans.split_whitespace().next().expect("a level"))
        }
        None => format!("{line}\n"),
    };
    log.lines().map(plain).collect()
}

fn served(ids: Arc<Mutex<Vec<String>>>) -> Server {
    let generate = GenerateId::new(move |_| {
        let mut ids = ids.lock().expect("nobody panicked");
        let sid = Sid::from_bytes([ids.len() as u8 + 1; 15]);
        ids.push(sid.to_string());
        Box::pin(std::future::ready(Ok(sid)))
    });
    let server = Server::builder().generate_id(generate).build();
    server.on_connect(async |socket: Socket| {
        socket.on("echo", async |socket: Socket, text: String| socket.emit("echo", text));
        socket.on("fail", async || Err::<(), _>(HandlerError::new("no\nmore")));
        socket.on("say", async |socket: Socket, name: String| socket.emit(&name, Value::Null));
    });
    server
}

#[tokio::test(start_paused = true)]
async fn a_whole_life_is_logged_under_stable_names_and_no_line_has_a_session_id() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let ids = Arc::default();
    let server = served(Arc::clone(&ids));
    let kit = TestServer::new(&server);
    let mut client = kit.client().transport(Transport::Polling).connect().await.expect("it joins");
    client.emit("echo", "hello");
    client.expect::<String>("echo").await;
    client.upgrade().await.expect("it moves");
    client.emit("fail", ()).await;
    client.emit("echo", 1).await;
    client.emit("say", "connect").await;
    assert!(client.connect("/no\nwhere").await.is_err());
    client.cut().await;
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut client = kit.client().transport(transport).connect().await.expect("it joins");
        client.emit("echo", "hello");
        client.expect::<String>("echo").await;
        client.send_raw("4nonsense").await;
    }
    kit.advance(Duration::from_secs(60)).await;

    let log = without_spans(&lines.text());
    let session = |fields: &[&str], message: &str| {
        assert_logged(&log, &format!("DEBUG sockeye::session: {message}"), fields)
    };
    session(&["session=0", "transport=\"polling\""], "opened");
    session(&["session=0", "from=\"polling\"", "to=\"websocket\""], "upgraded");
    session(&["session=0", "transport=\"websocket\"", "reason=\"transport close\""], "closed");
    session(&["transport=\"sse\""], "opened");
    session(&["session=", "error="], "undecodable");
    session(&["reason=\"forced close\""], "closed");
    let socket = |fields: &[&str], message: &str| {
        assert_logged(&log, &format!("DEBUG sockeye::socket: {message}"), fields)
    };
    socket(
        &["session=0", "namespace=\"/\"", &format!("socket={}", client.id()), "recovered=false"],
        "joined",
    );
    socket(&["session=0", "namespace=\"/no\\nwhere\""], "refused");
    socket(&["namespace=\"/\"", "reason=\"transport close\""], "left");
    let failed = |fields: &[&str]| assert_logged(&log, "ERROR sockeye::handler: a handler failed", fields);
    failed(&["namespace=\"/\"", "event=\"fail\"", "kind=\"error\"", "error=\"no\\nmore\""]);
    failed(&["event=\"echo\"", "kind=\"argument\""]);
    assert_logged(&log, "ERROR sockeye::emit: an event was not emitted", &["event=\"connect\""]);

    assert_documented(&log);
    let ids = ids.lock().expect("nobody panicked");
    assert_eq!(ids.len(), 3);
    for id in ids.iter() {
        assert!(!log.contains(id), "a secret is logged: {id}\n{log}");
    }
    // What peers wrote ends no line: each is one that somebody logged.
    assert!(
        log.lines().all(|line| line
            .trim_start()
            .split(' ')
            .nth(1)
            .is_some_and(|target| target.ends_with(':')))
    );
}

#[test]
fn what_is_refused_is_logged_with_its_cause_and_what_recovers_without_its_secret() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let world = World::new(|builder| builder.connection_state_recovery(Recovery::default()));
    world.request("/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", None);
    let peer = world.open();
    peer.post("40");
    let connect = peer.get().text();
    let pid =
        connect.split_once("\"pid\":\"").expect("a pid").1.split('"').next().expect("it ends").to_owned();
    peer.post("1");
    let back = world.open();
    back.post(&format!("40{{\"pid\":\"{pid}\"}}"));
    world.open().post("40{\"pid\":\"nobody\",\"offset\":\"\"}");

    let log = without_spans(&lines.text());
    assert_logged(&log, "DEBUG sockeye::request: refused", &["code=1", "context=\"UNKNOWN_SID\""]);
    assert_logged(&log, "DEBUG sockeye::socket: joined", &["recovered=true"]);
    assert_logged(&log, "DEBUG sockeye::socket: not recovered", &["namespace=\"/\"", "cause=\"unknown\""]);
    assert_documented(&log);
    for secret in [&pid, &peer.sid, &back.sid, &"AAAAAAAAAAAAAAAAAAAA".to_owned()] {
        assert!(!log.contains(secret), "a secret is logged: {secret}\n{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_handlers_log_says_whose_event_it_is_and_over_what_it_came() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let server = Server::builder().build();
    server.on_connect(async |socket: Socket| {
        tracing::info!("welcome");
        socket.on("order", async || {
            tracing::info!("begun");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            tracing::info!("done");
        });
        socket.on_disconnect(async || tracing::info!("bye"));
    });
    let kit = TestServer::new(&server);
    let client = kit.client().transport(Transport::Polling).connect().await.expect("it joins");
    client.emit("order", ()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    client.cut().await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let log = lines.text();
    for (said, event) in
        [("welcome", "connection"), ("begun", "order"), ("done", "order"), ("bye", "disconnect")]
    {
        let line = log.lines().find(|line| line.ends_with(&format!(": {said}")));
        let line = line.unwrap_or_else(|| panic!("nothing says {said}: {log}"));
        assert!(line.contains("handler{namespace=\"/\" socket="), "{line}");
        assert!(line.contains(&format!("event=\"{event}\"}}")), "{line}");
        assert!(
            said == "bye" || line.contains("request{method=\"POST\" transport=\"polling\"}:handler{"),
            "{line}"
        );
    }
}
