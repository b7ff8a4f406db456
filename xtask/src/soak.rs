//! `cargo xtask soak`: numbered events over many sockets, held to what was sent; see `sockeye_load::scenario::ledger`.
//!
//! Once with connections that stay, once with as many cuts as there are sockets, and recovery.

use std::{
    fs, io,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    application::{Application, LISTEN},
    process::{self, Finished},
    repository,
};

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
const LIMIT: Duration = Duration::from_secs(3 * 60 * 60);

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) events: u64,
    pub(crate) sockets: u64,
    /// Begin again until so many have passed; 0 is once.
    pub(crate) minutes: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self { events: 10_000_000, sockets: 1_000, minutes: 0 }
    }
}

/// A small one, with the programs that the build of the suites made.
pub(crate) fn suite() -> io::Result<Finished> {
    let size = Size { events: 100_000, sockets: 200, minutes: 0 };
    let mut output = String::new();
    let mut success = true;
    for recovers in [false, true] {
        let line = match round(size, recovers) {
            Ok(line) => format!("{line}\n1 passed, 0 failed\n"),
            Err(error) => {
                success = false;
                format!("{error}\n0 passed, 1 failed\n")
            }
        };
        output.push_str(&line);
    }
    Ok(Finished { success, output })
}

/// The whole; prints, and keeps what came of it.
pub(crate) fn long(size: Size) -> io::Result<bool> {
    let mut cargo = repository::cargo();
    cargo.args([
        "build",
        "--release",
        "--package",
        "sockeye-load",
        "--bin",
        "sockeye-load",
        "--example",
        "ledger",
    ]);
    let built = process::run(cargo, &log("build"), BUILD_LIMIT)?;
    if !built.success {
        return Err(io::Error::other(built.output));
    }
    let mut report =
        "Numbered events: none lost, none doubled, none out of order, and each put answered in its turn\n"
            .to_owned();
    let began = Instant::now();
    let mut held = true;
    loop {
        for recovers in [false, true] {
            let line = round(size, recovers).unwrap_or_else(|error| {
                held = false;
                format!("DOES NOT HOLD: {error}")
            });
            println!("{line}");
            report.push_str(&line);
            report.push('\n');
        }
        if !held || began.elapsed() >= Duration::from_secs(size.minutes * 60) {
            break;
        }
    }
    fs::write(repository::root().join("reports/soak.txt"), report)?;
    Ok(held)
}

fn log(name: &str) -> PathBuf {
    repository::scratch().join(format!("logs/soak-{name}.log"))
}

/// One run against a server of its own; says in a line what it was.
fn round(size: Size, recovers: bool) -> io::Result<String> {
    let program = repository::release("examples/ledger").display().to_string();
    let mut command = vec![program, "--listen".to_owned(), LISTEN.to_owned()];
    command.extend(recovers.then(|| "--recovery".to_owned()));
    let server = Application::start(&command, &log("server"))?;
    let mut load = Command::new(repository::release("sockeye-load"));
    load.args(["ledger", &server.address.to_string(), "--pid", &server.pid().to_string()]);
    let cuts = if recovers { size.sockets } else { 0 };
    for (name, value) in [("events", size.events), ("sockets", size.sockets), ("cuts", cuts)] {
        load.args([format!("--{name}"), value.to_string()]);
    }
    let finished = process::run(load, &log("load"), LIMIT)?;
    let failed = || io::Error::other(finished.output.trim().to_owned());
    if !finished.success {
        return Err(failed());
    }
    let figures: Value = serde_json::from_str(&finished.output).map_err(|_| failed())?;
    let figure = |name: &str| figures[name].as_f64().unwrap_or(f64::NAN);
    if figure("count") < size.events as f64 || figure("cuts") < cuts as f64 {
        return Err(io::Error::other(format!("less was done than asked for: {figures}")));
    }
    Ok(format!(
        "{} events over {} sockets, {} deliveries, {} answers, {} cuts{} in {:.0} s; {:.0} MB in the server at the end",
        figure("count"),
        figure("sockets"),
        figure("deliveries"),
        figure("acks"),
        figure("cuts"),
        if recovers { ", each recovered," } else { "" },
        figure("seconds"),
        figure("server_resident_bytes") / 1e6
    ))
}
