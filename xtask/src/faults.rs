//! `cargo xtask faults`: what goes wrong on purpose, for longer than a suite may take.

use std::{fs, io, process::Command, time::Duration};

use serde_json::json;

use crate::{
    application,
    counts::Counts,
    process::{self, Finished},
    repository, tools,
};

/// Where the official clients are.
const INTEROP: &str = "tests/interop";

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Connections that are cut and recovered, 60 times.
pub(crate) fn suite() -> io::Result<Finished> {
    cuts(&[])
}

/// The same, 500 times under 10,000 events; prints, and keeps what came of it.
pub(crate) fn recovery() -> io::Result<Counts> {
    let mut cargo = repository::cargo();
    cargo.args(["build", "--release", "--package", "sockeye", "--example", "conformance"]);
    let built = process::run(cargo, &repository::scratch().join("logs/recovery-build.log"), BUILD_LIMIT)?;
    if !built.success {
        return Err(io::Error::other(built.output));
    }
    fs::create_dir_all(repository::root().join("reports"))?;
    let summary = repository::root().join("reports/recovery.txt").display().to_string();
    let finished =
        cuts(&[("RECOVERY_CUTS", "500"), ("RECOVERY_EVENTS", "10000"), ("RECOVERY_SUMMARY", &summary)])?;
    println!("{}", finished.output);
    let mut counts = Counts::read(&finished.output);
    if !finished.success && counts.failed == 0 {
        counts.add(Counts::FAILED);
    }
    Ok(counts)
}

fn cuts(env: &[(&str, &str)]) -> io::Result<Finished> {
    tools::npm(INTEROP.as_ref())?;
    let mut run = Command::new("npm");
    run.args(["run", "--silent", "recovery"]).current_dir(repository::root().join(INTEROP));
    run.env("TARGET_COMMAND", json!(application::ours("E")).to_string()).envs(env.iter().copied());
    process::run(run, &repository::scratch().join("logs/recovery.log"), LIMIT)
}
