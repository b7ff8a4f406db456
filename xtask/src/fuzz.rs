//! `cargo xtask fuzz`: the targets of `crates/fuzz` under libFuzzer, one after another or several at a time, and what came
//! of them.
//!
//! Time is that of the processor which a target has used, so a busy machine takes longer and tries no less.
//!
//! Inputs that reach something new are kept in the build folder, so the next run goes on from there; what is worth keeping
//! for all is put in `crates/fuzz/corpus` by hand.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::{self, Background, Finished},
    repository,
};

/// What the compiler needs to be told so that libFuzzer sees where an input goes. All of it is stable.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Given by name, so that the flags are for what is fuzzed, and not for what builds it.
const HOST: &str = "x86_64-unknown-linux-gnu";

const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
/// How many times longer than its limit of processor time a run may last, before it counts as stuck; and how long at least.
const PATIENCE: u32 = 10;
const LEAST_PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How often the processor time of a run is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// What a run may take to end when it is asked to: an input is run to its end first.
const PARTING: Duration = Duration::from_secs(60);
/// The unit of the times in `/proc`, on all processors that we know.
const CLOCK_TICKS: u64 = 100;
/// An input that takes longer hangs.
const INPUT_SECONDS: u64 = 20;
const MEMORY_MB: u64 = 2_048;

/// How long each target is fuzzed, whichever comes first, and how many at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    pub(crate) runs: u64,
    /// Of processor time.
    pub(crate) minutes: u64,
    pub(crate) jobs: u64,
}

impl Default for Length {
    fn default() -> Self {
        Self { runs: 10_000_000, minutes: 20, jobs: 1 }
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
    /// Of processor time, which libFuzzer does not say.
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
    // In the order in which they are named.
    let chosen: Vec<&Target> = match only {
        [] => targets.iter().collect(),
        _ => only.iter().filter_map(|name| targets.iter().find(|it| it.name == *name)).collect(),
    };
    let program = build()?;
    for target in &chosen {
        seeder(&["--seeds", &target.name, &seeds(&target.name).display().to_string()])?;
    }
    let path = repository::root().join("reports/fuzz.txt");
    let mut all_held = true;
    let waiting = Mutex::new(chosen.into_iter());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..length.jobs {
            let (tell, waiting, program) = (tell.clone(), &waiting, &program);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(target) = next else { return };
                    // Nobody listens any more when another one could not be run: then this is the last.
                    if tell.send((target, fuzz(program, target, length))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        // One thread prints, and writes the report each time that a target is done.
        for (target, ran) in told {
            let (outcome, found) = ran?;
            let line = line(&target.name, &outcome, found.as_deref());
            println!("{line}");
            let before = fs::read_to_string(&path).unwrap_or_default();
            fs::write(&path, report(&targets, &before, &line))?;
            all_held &= found.is_none();
        }
        Ok(all_held)
    })
}

fn line(name: &str, outcome: &Outcome, found: Option<&str>) -> String {
    let Outcome { runs, seconds, edges, kept } = outcome;
    let each_second = runs / seconds.max(&1);
    let found = found.unwrap_or("nothing");
    format!("{name:<22} {runs:>12} {seconds:>9} {each_second:>9} {edges:>7} {kept:>7}  {found}")
}

/// The report `before` with a `line` that is new. Those that were not run keep theirs, which are of their last run.
fn report(targets: &[Target], before: &str, line: &str) -> String {
    let of = |target: &Target| {
        let is_its = |line: &&str| line.split(' ').next() == Some(&target.name);
        std::iter::once(line).chain(before.lines()).find(is_its).map(str::to_owned)
    };
    let heading = format!(
        "The last run of each target of crates/fuzz under libFuzzer. Seconds are of processor time.\n\n\
         {:<22} {:>12} {:>9} {:>9} {:>7} {:>7}  found",
        "target", "inputs", "seconds", "each s", "edges", "kept"
    );
    let lines: Vec<String> = std::iter::once(heading).chain(targets.iter().filter_map(of)).collect();
    lines.join("\n") + "\n"
}

fn folder() -> PathBuf {
    repository::target().join("fuzz")
}

/// Where a target's inputs begin.
fn seeds(name: &str) -> PathBuf {
    folder().join("seeds").join(name)
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
    let [corpus, found] = ["corpus", "found"].map(|part| folder().join(part).join(name));
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder)?;
    }
    let mut command = Command::new(program);
    command.env("SOCKEYE_FUZZ", name);
    // What is new goes to the first folder; the others are only read.
    command.args([&corpus, &repository::root().join("crates/fuzz/corpus").join(name), &seeds(name)]);
    command.arg(format!("-runs={}", length.runs));
    command.arg(format!("-max_len={}", target.max_len));
    command.arg(format!("-timeout={INPUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command.args(["-use_value_profile=1", "-print_final_stats=1", "-reload=0"]);
    let limit = Duration::from_secs(length.minutes * 60);
    let (held, used, output) = run_for(&mut command, &log(name), limit)?;
    let outcome = Outcome { seconds: used.as_secs(), ..read(&output) };
    if held {
        return Ok((outcome, None));
    }
    let written = output.lines().find_map(|line| line.split_once("Test unit written to "));
    let input = written.map_or_else(|| log(name), |(_, path)| PathBuf::from(path));
    // As it is called from the repository: the report is for everybody.
    let input = input.strip_prefix(repository::root()).unwrap_or(&input).display().to_string();
    println!("{}", tail(&output));
    Ok((outcome, Some(input)))
}

/// Runs the fuzzer until it ends, or has used the processor for `limit`: then it is asked to end, which is success. Whether
/// it succeeded, how long it had the processor, and what it said.
fn run_for(command: &mut Command, log: &Path, limit: Duration) -> io::Result<(bool, Duration, String)> {
    let mut running = Background::start(command, log)?;
    let patience = Instant::now() + LEAST_PATIENCE.max(limit * PATIENCE);
    let mut used = Duration::ZERO;
    let status = loop {
        if let Some(status) = running.wait(LOOK)? {
            break Some(status);
        }
        // It keeps what it had, should it have ended just now.
        used = processor_time(running.pid()).unwrap_or(used);
        if used >= limit || Instant::now() >= patience {
            // As libFuzzer has it: it ends with the input at hand, and says what it did.
            process::signal(running.pid(), "USR1").ok();
            break running.wait(PARTING)?;
        }
    };
    Ok((status.is_some_and(|status| status.success()), used, running.output()))
}

/// How long the threads of a process had the processor.
fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    ticks(&stat).map(|ticks| Duration::from_millis(ticks * 1_000 / CLOCK_TICKS))
}

/// The times in user and kernel mode: the 14th and 15th word, of which the second may be any.
fn ticks(stat: &str) -> Option<u64> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = words.next()?.parse().ok()?;
    let kernel: u64 = words.next()?.parse().ok()?;
    Some(user + kernel)
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
    use super::{Outcome, Target, line, read, report, ticks};

    #[test]
    fn what_libfuzzer_says_is_read() {
        let output = "INFO: Seed: 1\n#2\tINITED cov: 7 ft: 7 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                      #16209\tNEW    cov: 10 ft: 12 corp: 4/13b lim: 156 exec/s: 0 rss: 27Mb L: 4/4 MS: 3 ChangeByte-\n\
                      #1000000\tDONE   cov: 11 ft: 12 corp: 5/13b lim: 4096 exec/s: 0 rss: 27Mb\n\
                      Done 1000000 runs in 61 second(s)\nstat::number_of_executed_units: 1000001\n";
        assert_eq!(read(output), Outcome { runs: 1_000_001, seconds: 0, edges: 11, kept: 5 });
        assert_eq!(read("no such thing"), Outcome::default());
    }

    #[test]
    fn a_report_has_the_last_run_of_each_target_in_their_order() {
        let target = |name: &str| Target { name: name.to_owned(), max_len: 1 };
        let targets = [target("packet"), target("packets"), target("session")];
        let outcome = |runs| Outcome { runs, seconds: 2, edges: 3, kept: 4 };
        let first = report(&targets, "", &line("session", &outcome(10), None));
        let second = report(&targets, &first, &line("packet", &outcome(20), Some("an input")));
        let third = report(&targets, &second, &line("session", &outcome(30), None));
        let words: Vec<Vec<&str>> =
            third.lines().skip(3).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            words,
            [
                vec!["packet", "20", "2", "10", "3", "4", "an", "input"],
                vec!["session", "30", "2", "15", "3", "4", "nothing"]
            ]
        );
    }

    #[test]
    fn the_processor_time_of_a_process_is_read() {
        let stat = "26087 (a ) b) S 1 26087 26087 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 99";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("nothing"), None);
        assert!(super::processor_time(std::process::id()).is_some());
    }
}
