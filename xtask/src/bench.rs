//! `cargo xtask bench`: our server beside its budgets and its peers, in one run.
//!
//! Each server runs in its own process, the load generator in another. CPU is what the server's process used, never
//! what the machine did meanwhile.

mod page;
mod results;
mod topics;

use std::{io, process::Command, time::Duration};

use crate::{
    application,
    bench::{
        results::{Results, Server},
        topics::{TOPICS, Topic},
    },
    process, repository, tools,
};

pub(crate) use results::Settings;

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Builds, measures, prints; a whole run is also written into `benches/README.md` and `reports/bench.txt`.
pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let chosen: Vec<&Topic> = TOPICS
        .iter()
        .filter(|topic| settings.only.is_empty() || settings.only.iter().any(|name| name == topic.name))
        .collect();
    if chosen.is_empty() || chosen.len() < settings.only.len() {
        let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
        return Err(io::Error::other(format!("the benchmark has these topics: {}", names.join(", "))));
    }
    build()?;
    let servers = [
        Server { name: "Sockeye", command: application::ours("C") },
        Server { name: "socketioxide", command: application::socketioxide() },
        Server { name: "Node", command: application::node() },
    ];
    let mut results = Results::new();
    // What a peer could not do is said in the page; what ours could not do fails the run.
    let (mut faults, mut gaps) = (Vec::new(), Vec::new());
    for topic in chosen {
        for server in &servers[..if topic.ours_only { 1 } else { servers.len() }] {
            if topic.skips.contains(&server.name) {
                continue;
            }
            println!("{} ... {}", topic.name, server.name);
            match (topic.measure)(server, settings.quick) {
                Ok(figures) => {
                    for (key, value) in figures {
                        results.entry(key).or_default().insert(server.name, value);
                    }
                }
                // The other figures are worth having all the same.
                Err(error) => {
                    let said = error.to_string();
                    let why = said.lines().next().unwrap_or_default();
                    println!("{said}");
                    let list = if server.name == "Sockeye" { &mut faults } else { &mut gaps };
                    list.push(format!("No figures for {} of {}: {why}.", topic.name, server.name));
                }
            }
        }
    }
    let names: Vec<&'static str> = servers.iter().map(|server| server.name).collect();
    let mut text = page::text(&results, &names, settings)?;
    for gap in &gaps {
        text.push_str(&format!("\n{gap}\n"));
    }
    println!("\n{text}");
    if settings.only.is_empty() && !settings.quick && faults.is_empty() {
        page::keep(&text)?;
    }
    if faults.is_empty() { Ok(()) } else { Err(io::Error::other(faults.join("\n"))) }
}

/// Builds our server, the generator and the peers.
fn build() -> io::Result<()> {
    tools::npm("benches/peers/node".as_ref())?;
    let mut ours = repository::cargo();
    ours.args([
        "build",
        "--release",
        "--package",
        "sockeye-load",
        "--package",
        "sockeye",
        "--bins",
        "--example",
        "conformance",
    ]);
    let mut peer: Command = repository::cargo();
    peer.args(["build", "--release", "--locked"]);
    // From inside the repository, so that the allocator's settings are the same for both.
    peer.current_dir(repository::root().join("benches/peers/socketioxide")).env_remove("CARGO_TARGET_DIR");
    for (command, name) in [(ours, "ours"), (peer, "socketioxide")] {
        println!("building {name} ...");
        let log = repository::scratch().join(format!("logs/bench-build-{name}.log"));
        let finished = process::run(command, &log, BUILD_LIMIT)?;
        if !finished.success {
            return Err(io::Error::other(finished.output));
        }
    }
    Ok(())
}
