//! `cargo xtask hardness`: a server process under the attacks of `spec/hardness.md`, with a client beside it that must be
//! answered.

use std::{fs, io, process::Command, time::Duration};

use crate::{
    counts::Counts,
    process::{self, Finished},
    repository, tools,
};

/// Where the attacks are.
const ATTACKS: &str = "tests/hardness/run.mjs";
/// Whose packages and modules they use.
const CONFORMANCE: &str = "tests/conformance";

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
const SHORT_LIMIT: Duration = Duration::from_secs(10 * 60);
/// With the times that a server has by default, each attack takes minutes.
const LONG_LIMIT: Duration = Duration::from_secs(3 * 60 * 60);

/// All attacks, with short times.
pub(crate) fn suite() -> io::Result<Finished> {
    attacks(None)
}

/// The same after a build, and printed; `long` has real times and larger numbers, and keeps what came of it.
pub(crate) fn report(long: bool) -> io::Result<Counts> {
    let mut cargo = repository::cargo();
    cargo.args(["build", "--release", "--package", "sockeye-cli", "--package", "sockeye"]);
    cargo.args(["--bins", "--example", "conformance", "--example", "hardness"]);
    let built = process::run(cargo, &repository::scratch().join("logs/hardness-build.log"), BUILD_LIMIT)?;
    if !built.success {
        return Err(io::Error::other(built.output));
    }
    let finished = if long {
        fs::create_dir_all(repository::root().join("reports"))?;
        let summary = repository::root().join("reports/hardness.txt").display().to_string();
        attacks(Some(&summary))?
    } else {
        suite()?
    };
    println!("{}", finished.output);
    let mut counts = Counts::read(&finished.output);
    if !finished.success && counts.failed == 0 {
        counts.add(Counts::FAILED);
    }
    Ok(counts)
}

/// All attacks, in the short form, or in the long one with a summary there.
fn attacks(summary: Option<&str>) -> io::Result<Finished> {
    tools::npm(CONFORMANCE.as_ref())?;
    let mut run = Command::new("node");
    run.arg(ATTACKS).current_dir(repository::root());
    if let Some(summary) = summary {
        run.args(["--long", "--summary", summary]);
        // What a peer waits for an answer, in milliseconds: more than any time that a server has by default.
        run.env("PATIENCE", "150000");
    }
    run.env("HARDNESS_CONFORMANCE", repository::release("examples/conformance"));
    run.env("HARDNESS_EXAMPLE", repository::release("examples/hardness"));
    run.env("HARDNESS_SOCKEYE", repository::release("sockeye"));
    let limit = if summary.is_some() { LONG_LIMIT } else { SHORT_LIMIT };
    process::run(run, &repository::scratch().join("logs/hardness.log"), limit)
}
