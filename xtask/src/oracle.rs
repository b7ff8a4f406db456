//! `cargo xtask oracle`: random packets through ours and the original parsers, more of them than a suite may take.

use std::{fs, io, process::Command, time::Duration};

use crate::{
    counts::Counts,
    process::{self, Finished},
    repository, tools,
};

/// Where the original parsers are.
const INTEROP: &str = "tests/interop";
const PACKETS: &str = "100000";

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// 10,000 packets, through the program that the build of the tests made.
pub(crate) fn suite() -> io::Result<Finished> {
    run("debug", &[])
}

/// The same with 100,000; prints, and keeps what came of it.
pub(crate) fn long() -> io::Result<Counts> {
    let mut cargo = repository::cargo();
    cargo.args(["build", "--release", "--package", "sockeye-socket-proto", "--example", "oracle"]);
    let built = process::run(cargo, &repository::scratch().join("logs/oracle-build.log"), BUILD_LIMIT)?;
    if !built.success {
        return Err(io::Error::other(built.output));
    }
    fs::create_dir_all(repository::root().join("reports"))?;
    let summary = repository::root().join("reports/oracle.txt").display().to_string();
    let finished = run("release", &[("PACKETS", PACKETS), ("ORACLE_SUMMARY", &summary)])?;
    println!("{}", finished.output);
    let mut counts = Counts::read(&finished.output);
    if !finished.success && counts.failed == 0 {
        counts.add(Counts::FAILED);
    }
    Ok(counts)
}

fn run(profile: &str, env: &[(&str, &str)]) -> io::Result<Finished> {
    tools::npm(INTEROP.as_ref())?;
    let mut run = Command::new("npm");
    run.args(["run", "--silent", "oracle"]).current_dir(repository::root().join(INTEROP));
    run.env("ORACLE", repository::target().join(profile).join("examples/oracle")).envs(env.iter().copied());
    process::run(run, &repository::scratch().join("logs/oracle.log"), LIMIT)
}
