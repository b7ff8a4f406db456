//! `cargo xtask fuzz`: the targets of `crates/fuzz` under libFuzzer, one after another, and what came of them.
//!
//! Inputs that reach something new are kept in the build folder, so the next run goes on from there; what is worth keeping
//! for all is put in `crates/fuzz/corpus` by hand.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    process::{self, Finished},
    repository,
};

/// What the compiler needs to be told so that libFuzzer sees where an input goes. All of it is stable.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Given by name, so that the flags are for what is fuzzed, and not for what builds it.
const HOST: &str = "x86_64-unknown-linux-gnu";

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
/// What a run may take beyond its own limit: the corpus is read first.
const SLACK: Duration = Duration::from_secs(10 * 60);
/// An input that takes longer hangs.
const INPUT_SECONDS: u64 = 20;
const MEMORY_MB: u64 = 2_048;

/// How long each target is fuzzed: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    pub(crate) runs: u64,
    pub(crate) minutes: u64,
}

impl Default for Length {
    fn default() -> Self {
        Self { runs: 10_000_000, minutes: 20 }
    }
}

/// A target, and how long its inputs may be.
struct Target {
    name: String,
    max_len: u64,
}

/// How one went.
#[derive(Debug, Default, Eq, PartialEq)]
struct Outcome {
    runs: u64,
    seconds: u64,
    /// Edges that some input took.
    edges: u64,
    /// Inputs that are kept, since each does something that no other does.
    kept: u64,
}

/// Runs the targets of `only`, or all; whether nothing was found. What came of all of them is kept in the reports.
pub(crate) fn run(only: &[String], length: Length) -> io::Result<bool> {
    let targets = targets()?;
    if let Some(unknown) = only.iter().find(|name| targets.iter().all(|target| target.name != **name)) {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        return Err(io::Error::other(format!(
            "no target is called {unknown}; there are: {}",
            names.join(", ")
        )));
    }
    let program = build()?;
    let path = repository::root().join("reports/fuzz.txt");
    let mut lines: Vec<String> =
        fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let mut all_held = true;
    for target in targets.iter().filter(|it| only.is_empty() || only.contains(&it.name)) {
        println!("{} ...", target.name);
        let (outcome, found) = fuzz(&program, target, length)?;
        let Outcome { runs, seconds, edges, kept } = outcome;
        let line = format!(
            "{:<22} {runs:>12} {seconds:>9} {:>9} {edges:>7} {kept:>7}  {}",
            target.name,
            runs / seconds.max(1),
            found.as_deref().unwrap_or("nothing")
        );
        println!("{line}");
        // Those that were not run keep their lines, and what they say is of their last run.
        lines.retain(|line| !line.starts_with(&format!("{} ", target.name)));
        lines.push(line);
        all_held &= found.is_none();
    }
    let table = targets.iter().filter_map(|target| {
        lines.iter().find(|line| line.starts_with(&format!("{} ", target.name))).map(String::as_str)
    });
    let heading = format!(
        "The last run of each target of crates/fuzz under libFuzzer\n\n{:<22} {:>12} {:>9} {:>9} {:>7} {:>7}  found",
        "target", "inputs", "seconds", "each s", "edges", "kept"
    );
    let report: Vec<&str> = std::iter::once(heading.as_str()).chain(table).collect();
    fs::write(path, report.join("\n") + "\n")?;
    Ok(all_held)
}

fn folder() -> PathBuf {
    repository::target().join("fuzz")
}

fn log(name: &str) -> PathBuf {
    repository::scratch().join(format!("logs/fuzz-{name}.log"))
}

/// The targets that there are, as the program names them.
fn targets() -> io::Result<Vec<Target>> {
    let listed = seeder(&["--list"])?;
    let target = |line: &str| {
        let (name, max_len) = line.split_once(' ')?;
        Some(Target { name: name.to_owned(), max_len: max_len.parse().ok()? })
    };
    Ok(listed.lines().filter_map(target).collect())
}

/// Runs the program that is built without the fuzzer: it knows the targets and their seeds.
fn seeder(words: &[&str]) -> io::Result<String> {
    let mut command = repository::cargo();
    command.args(["run", "--quiet", "--package", "sockeye-fuzz", "--"]).args(words);
    succeeded(process::run(command, &log("seeds"), BUILD_LIMIT)?)
}

fn succeeded(finished: Finished) -> io::Result<String> {
    if finished.success { Ok(finished.output) } else { Err(io::Error::other(finished.output)) }
}

/// The fuzzer. It is built beside everything else, whose flags are others.
fn build() -> io::Result<PathBuf> {
    println!("build ...");
    let mut cargo = repository::cargo();
    cargo.args(["build", "--package", "sockeye-fuzz", "--profile", "fuzz", "--target", HOST, "--target-dir"]);
    cargo.arg(folder()).env("RUSTFLAGS", FLAGS);
    succeeded(process::run(cargo, &log("build"), BUILD_LIMIT)?)?;
    Ok(folder().join(HOST).join("fuzz/sockeye-fuzz"))
}

/// Fuzzes one target; what came of it, and where the input is that broke it.
fn fuzz(program: &Path, target: &Target, length: Length) -> io::Result<(Outcome, Option<String>)> {
    let name = &target.name;
    let [corpus, seeds, found] = ["corpus", "seeds", "found"].map(|part| folder().join(part).join(name));
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder)?;
    }
    seeder(&["--seeds", name, &seeds.display().to_string()])?;
    let limit = Duration::from_secs(length.minutes * 60);
    let mut command = Command::new(program);
    command.env("SOCKEYE_FUZZ", name);
    // What is new goes to the first folder; the others are only read.
    command.args([&corpus, &repository::root().join("crates/fuzz/corpus").join(name), &seeds]);
    command.arg(format!("-runs={}", length.runs));
    command.arg(format!("-max_total_time={}", limit.as_secs()));
    command.arg(format!("-max_len={}", target.max_len));
    command.arg(format!("-timeout={INPUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command.args(["-use_value_profile=1", "-print_final_stats=1", "-reload=0"]);
    let finished = process::run(command, &log(name), limit + SLACK)?;
    let outcome = read(&finished.output);
    if finished.success {
        return Ok((outcome, None));
    }
    let written = finished.output.lines().find_map(|line| line.split_once("Test unit written to "));
    let input = written.map_or_else(|| finished.output.clone(), |(_, path)| path.to_owned());
    println!("{}", tail(&finished.output));
    Ok((outcome, Some(input)))
}

/// What libFuzzer says of itself: the last line that begins with `#`, and the statistics at the end.
fn read(output: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let number = |text: &str| text.split(['/', ' ']).next()?.parse().ok();
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix('#') {
            outcome.runs = number(rest.split(['\t', ' ']).next().unwrap_or_default()).unwrap_or(outcome.runs);
            let words: Vec<&str> = rest.split_whitespace().collect();
            for pair in words.windows(2) {
                match pair[0] {
                    "cov:" => outcome.edges = number(pair[1]).unwrap_or(outcome.edges),
                    "corp:" => outcome.kept = number(pair[1]).unwrap_or(outcome.kept),
                    _ => {}
                }
            }
        } else if let Some(rest) = line.strip_prefix("stat::number_of_executed_units:") {
            outcome.runs = rest.trim().parse().unwrap_or(outcome.runs);
        } else if let Some((_, rest)) = line.split_once(" runs in ")
            && line.starts_with("Done ")
        {
            outcome.seconds = number(rest).unwrap_or_default();
        }
    }
    outcome
}

fn tail(output: &str) -> &str {
    let start = output.len().saturating_sub(4_000);
    &output[output.ceil_char_boundary(start)..]
}

#[cfg(test)]
mod tests {
    use super::{Outcome, read};

    #[test]
    fn what_libfuzzer_says_is_read() {
        let output = "INFO: Seed: 1\n#2\tINITED cov: 7 ft: 7 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                      #16209\tNEW    cov: 10 ft: 12 corp: 4/13b lim: 156 exec/s: 0 rss: 27Mb L: 4/4 MS: 3 ChangeByte-\n\
                      #1000000\tDONE   cov: 11 ft: 12 corp: 5/13b lim: 4096 exec/s: 0 rss: 27Mb\n\
                      Done 1000000 runs in 61 second(s)\nstat::number_of_executed_units: 1000001\n";
        assert_eq!(read(output), Outcome { runs: 1_000_001, seconds: 61, edges: 11, kept: 5 });
        assert_eq!(read("no such thing"), Outcome::default());
    }
}
