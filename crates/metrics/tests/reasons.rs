//! One word for each reason: in the server's event, the log, the metric, the page for operators, and at the client.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sockeye::engine::proto::reason::CloseReason;
use sockeye::{DisconnectReason, Server, Socket, State};

use support::lines::Lines;
use support::peer::{Peer, World};
use support::scrape;

/// What handlers were told.
type Told = Arc<Mutex<Vec<String>>>;

fn page(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("the repository has it")
}

/// How a socket in `/` comes to its end for that reason; `None` where this server has no such end.
fn end(reason: DisconnectReason, world: &World, peer: &Peer<'_>) -> Option<()> {
    match reason {
        DisconnectReason::ClientNamespaceDisconnect => drop(peer.post("41")),
        DisconnectReason::ServerNamespaceDisconnect => world.server.disconnect_sockets(false),
        DisconnectReason::ServerShuttingDown => world.server.close(),
        DisconnectReason::TransportClose => drop(peer.post("1")),
        DisconnectReason::TransportError => {
            peer.get();
            peer.get();
        }
        DisconnectReason::PingTimeout => world.simulation.advance(std::time::Duration::from_secs(60)),
        DisconnectReason::ParseError => drop(peer.post("9")),
        DisconnectReason::ForcedClose => drop(peer.post("4nonsense")),
        DisconnectReason::SlowReader => {
            for _ in 0..3 {
                world.server.emit("news", "x".repeat(1_000));
            }
        }
        DisconnectReason::RateLimit => drop(peer.post(&["42[\"x\"]"; 6].join("\u{1e}"))),
        DisconnectReason::MemoryBudget => drop(world.server.emit("news", "x".repeat(200_000))),
        DisconnectReason::PacketLimit => drop(peer.post(&format!("42[\"x\",{}", "[".repeat(200)))),
        // There is no socket yet that could leave: see below.
        DisconnectReason::ConnectTimeout => return None,
        // The reference's word where a poll is missing; here it is a forced close all the same.
        DisconnectReason::ForcedServerClose => return None,
        other => panic!("how does {other} come about?"),
    }
    world.simulation.advance(std::time::Duration::from_secs(2));
    Some(())
}

#[test]
fn a_reason_is_the_same_word_wherever_an_operator_meets_it() {
    let operations = page("docs/operations.md");
    for reason in DisconnectReason::ALL {
        let word = reason.as_str();
        assert_eq!(reason.to_string(), word);
        assert!(operations.contains(&format!("`{word}`")), "docs/operations.md has no {word}");

        let (told, lines) = (Told::default(), Lines::default());
        let _guard = lines.listen();
        let state = told.clone();
        let world = World::new(|builder| {
            builder.state(state).engine(|options| {
                options.hard_limit = if reason == DisconnectReason::MemoryBudget { 1_000_000 } else { 1_500 };
                options.memory_budget = 100_000;
                options.max_body_packets = 5;
            })
        });
        world.server.on_connect(async |socket: Socket| {
            socket.on_disconnect(async |reason: DisconnectReason, State(told): State<Told>| {
                told.lock().expect("nobody panicked").push(reason.to_string());
            });
        });
        let peer = world.join();
        if end(reason, &world, &peer).is_none() {
            continue;
        }
        assert_eq!(*told.lock().expect("nobody panicked"), [word], "the server's event");
        let log = lines.text();
        let has = |target: &str, message: &str| {
            let field = format!("reason=\"{word}\"");
            log.lines().any(|line| line.contains(&format!("{target}: {message}")) && line.contains(&field))
        };
        assert!(has("sockeye::socket", "left"), "the log of {word}: {log}");
        let scraped = scrape(&world.server);
        assert_eq!(scraped.value("sockeye_sockets_disconnected_total", &[("reason", word)]), 1.0);
        if let Some(closed) =
            CloseReason::ALL.into_iter().find(|closed| DisconnectReason::from(*closed) == reason)
        {
            assert_eq!(closed.as_str(), word);
            assert!(has("sockeye::session", "closed"), "the log of {word}: {log}");
            assert_eq!(scraped.value("sockeye_sessions_closed_total", &[("reason", word)]), 1.0);
        }
    }
}

#[test]
fn a_session_that_joins_nothing_closes_for_a_reason_of_its_own() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let world = World::new(|builder| builder);
    let peer = world.open();
    world.simulation.advance(std::time::Duration::from_secs(26));
    assert_eq!(peer.get().text(), "2");
    peer.post("3");
    world.simulation.advance(std::time::Duration::from_secs(20));
    let word = CloseReason::ConnectTimeout.as_str();
    assert!(lines.text().contains(&format!("reason=\"{word}\"")), "{}", lines.text());
    let scraped = scrape(&world.server);
    assert_eq!(scraped.value("sockeye_sessions_closed_total", &[("reason", word)]), 1.0);
    assert!(peer.get().text().ends_with('1'), "as the reference does it, without a word");
}

#[test]
fn every_end_of_a_session_is_one_of_its_sockets_in_the_same_word() {
    let words: BTreeSet<&str> = DisconnectReason::ALL.map(DisconnectReason::as_str).into();
    for reason in CloseReason::ALL {
        assert_eq!(DisconnectReason::from(reason).as_str(), reason.as_str());
        assert!(words.contains(reason.as_str()));
    }
}

/// Words between quotes in the definition of a type of TypeScript.
fn words_of<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
    let start = source.find(&format!("export type {name} =")).expect("the type is there");
    let definition = source[start..].split(';').next().expect("it ends");
    definition.split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_client_says_what_both_ends_know_in_the_same_words() {
    let ours: BTreeSet<&str> = DisconnectReason::ALL.map(DisconnectReason::as_str).into();
    // The protocol's own names at a client of the two ends that are asked for.
    let at_clients = ["io server disconnect", "io client disconnect"];
    let (session, socket) =
        (page("clients/typescript/src/engine/session.ts"), page("clients/typescript/src/socket/socket.ts"));
    let words: Vec<&str> =
        words_of(&session, "CloseReason").into_iter().chain(words_of(&socket, "DisconnectReason")).collect();
    assert!(words.len() >= 6, "{words:?}");
    for word in words {
        assert!(ours.contains(word) || at_clients.contains(&word), "{word}");
    }
}

#[test]
fn a_server_that_closes_says_so_once_for_each_session() {
    let world = World::new(|builder| builder);
    let _peers: Vec<_> = (0..5).map(|_| world.join()).collect();
    Server::close(&world.server);
    world.simulation.run();
    let scraped = scrape(&world.server);
    let reason = [("reason", CloseReason::ServerShuttingDown.as_str())];
    assert_eq!(scraped.value("sockeye_sessions_closed_total", &reason), 5.0);
    assert_eq!(scraped.value("sockeye_sockets_disconnected_total", &reason), 5.0);
}
