//! The suites of `cargo xtask test`, in their order, and the table at its end.
//!
//! A suite that cannot run has failed, and says why.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    application::{self, Application},
    conformance,
    counts::Counts,
    faults, gates, hardness, house, oracle,
    process::{self, Background, Finished},
    repository, soak, tools,
};

/// What any one program of a suite may take.
const LIMIT: Duration = Duration::from_secs(10 * 60);
/// What a build from nothing may take on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
/// What the suites together should take on two cores.
const BUDGET: Duration = Duration::from_secs(15 * 60);

/// The program that runs rust_socketio's clients.
const RUST_SOCKETIO: &str = "tests/interop/rust-socketio/Cargo.toml";

/// A part of the tests.
struct Suite {
    /// How it is chosen: `cargo xtask test --only NAME`.
    name: &'static str,
    /// Belongs to `cargo xtask check`, too.
    quick: bool,
    /// What is built before, so that its time is its own.
    builds: &'static [Build],
    /// Runs it.
    run: fn() -> io::Result<Finished>,
}

/// What suites run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Build {
    /// The server, the load generator and the applications, as they are released.
    Release,
    /// Tests and examples.
    Tests,
    /// The program over rust_socketio.
    RustSocketio,
    /// What clippy looks at.
    Clippy,
}

const SUITES: &[Suite] = &[
    Suite { name: "format", quick: true, builds: &[], run: || cargo(&["fmt", "--all", "--check"], "format") },
    Suite { name: "clippy", quick: true, builds: &[Build::Clippy], run: clippy },
    Suite { name: "docs", quick: true, builds: &[], run: docs },
    Suite { name: "house", quick: true, builds: &[], run: house_rules },
    Suite {
        name: "rust",
        quick: true,
        builds: &[Build::Tests],
        run: || cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"], "rust"),
    },
    Suite {
        name: "typescript types",
        quick: true,
        builds: &[],
        run: || npm("clients/typescript", "check", &[]),
    },
    Suite { name: "typescript", quick: true, builds: &[], run: || npm("clients/typescript", "test", &[]) },
    Suite {
        name: "typescript build",
        quick: true,
        builds: &[],
        run: || npm("clients/typescript", "verify", &[]),
    },
    Suite { name: "typescript live", quick: false, builds: &[Build::Release], run: typescript_live },
    Suite { name: "interop, original", quick: false, builds: &[], run: || interop(&Target::original()) },
    Suite { name: "interop", quick: false, builds: &[Build::Release], run: || interop(&Target::ours()) },
    Suite {
        name: "interop msgpack, original",
        quick: false,
        builds: &[],
        run: || interop_msgpack(&Target::original()),
    },
    Suite {
        name: "interop msgpack",
        quick: false,
        builds: &[Build::Release],
        run: || interop_msgpack(&Target::ours()),
    },
    Suite {
        name: "interop python, original",
        quick: false,
        builds: &[],
        run: || python(&Target::original()),
    },
    Suite {
        name: "interop python",
        quick: false,
        builds: &[Build::Release],
        run: || python(&Target::ours()),
    },
    Suite {
        name: "interop python msgpack",
        quick: false,
        builds: &[Build::Release],
        run: || python(&Target::ours().speaking("msgpack")),
    },
    Suite {
        name: "interop rust_socketio, original",
        quick: false,
        builds: &[Build::RustSocketio],
        run: || rust_socketio(&Target::original()),
    },
    Suite {
        name: "interop rust_socketio",
        quick: false,
        builds: &[Build::Release, Build::RustSocketio],
        run: || rust_socketio(&Target::ours()),
    },
    Suite { name: "oracle", quick: false, builds: &[Build::Tests], run: oracle::suite },
    Suite { name: "conformance", quick: false, builds: &[Build::Release], run: conformance::own },
    Suite { name: "hardness", quick: false, builds: &[Build::Release], run: hardness::suite },
    Suite { name: "recovery", quick: false, builds: &[Build::Release], run: faults::suite },
    Suite { name: "soak", quick: false, builds: &[Build::Release], run: soak::suite },
    Suite { name: "examples", quick: false, builds: &[Build::Tests], run: examples },
    Suite { name: "browser", quick: false, builds: &[Build::Release], run: browser },
    Suite { name: "gates", quick: false, builds: &[Build::Release], run: gates::suite },
];

/// How a suite went.
struct Ran {
    name: &'static str,
    counts: Counts,
    time: Duration,
}

/// Runs all suites, or those of `only`; whether nothing failed.
pub(crate) fn test(only: &[String]) -> io::Result<bool> {
    let unknown: Vec<&String> =
        only.iter().filter(|name| SUITES.iter().all(|suite| suite.name != **name)).collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(io::Error::other(format!(
            "no suite is called {unknown:?}; there are: {}",
            names.join(", ")
        )));
    }
    let chosen = |suite: &&Suite| only.is_empty() || only.iter().any(|name| name == suite.name);
    let downloads = timed("downloads", download)?;
    let builds: Vec<Build> = SUITES.iter().filter(chosen).flat_map(|suite| suite.builds).copied().collect();
    let build = timed("first build", || build(&builds))?;
    let ran: Vec<Ran> = SUITES.iter().filter(chosen).map(run).collect();
    Ok(table(&ran, &[("downloads", downloads), ("first build", build)]))
}

/// Runs the quick half.
pub(crate) fn check() -> io::Result<bool> {
    let downloads = timed("downloads", || {
        tools::npm(Path::new("clients/typescript"))?;
        fetch()
    })?;
    let ran: Vec<Ran> = SUITES.iter().filter(|suite| suite.quick).map(run).collect();
    Ok(table(&ran, &[("downloads", downloads)]))
}

fn run(suite: &Suite) -> Ran {
    println!("{} ...", suite.name);
    let started = Instant::now();
    let finished =
        (suite.run)().unwrap_or_else(|error| Finished { success: false, output: format!("{error}\n") });
    let time = started.elapsed();
    let mut counts = Counts::read(&finished.output);
    // Programs that count nothing, like a formatter, are one check each; so is one that failed outside its tests.
    if finished.success && counts == Counts::default() {
        counts = Counts::PASSED;
    } else if !finished.success && counts.failed == 0 {
        counts.add(Counts::FAILED);
    } else if finished.success && counts.passed == 0 {
        counts.add(Counts::FAILED);
        println!("{}: all tests were skipped", suite.name);
    }
    if counts.failed > 0 {
        println!("{}", finished.output);
    }
    let verdict = if counts.failed == 0 { "passed" } else { "FAILED" };
    println!("{} {verdict} in {}", suite.name, seconds(time));
    Ran { name: suite.name, counts, time }
}

/// Prints what ran and the plain line; whether nothing failed.
fn table(ran: &[Ran], before: &[(&str, Duration)]) -> bool {
    let mut total = Counts::default();
    let mut time = Duration::ZERO;
    println!("\n{:<32} {:>8} {:>8} {:>8} {:>9}", "suite", "passed", "failed", "skipped", "time");
    for Ran { name, counts, time: of } in ran {
        println!(
            "{name:<32} {:>8} {:>8} {:>8} {:>9}",
            counts.passed,
            counts.failed,
            counts.skipped,
            seconds(*of)
        );
        total.add(*counts);
        time += *of;
    }
    println!(
        "{:<32} {:>8} {:>8} {:>8} {:>9}",
        "all",
        total.passed,
        total.failed,
        total.skipped,
        seconds(time)
    );
    for (what, of) in before {
        println!("{what:<32} {:>36}", seconds(*of));
    }
    if time > BUDGET {
        println!("the suites took longer than {}", seconds(BUDGET));
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    total.failed == 0 && total.passed > 0
}

fn timed(what: &str, work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    println!("{what} ...");
    let started = Instant::now();
    work()?;
    let time = started.elapsed();
    println!("{what} took {}", seconds(time));
    Ok(time)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn download() -> io::Result<()> {
    tools::install()?;
    let mut fetch_client = repository::cargo();
    fetch_client.args(["fetch", "--locked", "--manifest-path", RUST_SOCKETIO]);
    succeeds(process::run(fetch_client, &log("fetch-rust_socketio"), BUILD_LIMIT)?)?;
    fetch()
}

fn fetch() -> io::Result<()> {
    succeeds(cargo(&["fetch", "--locked"], "fetch")?)
}

/// Builds all that the suites run, so that their times are their own.
fn build(builds: &[Build]) -> io::Result<()> {
    if builds.contains(&Build::Release) {
        let mut release = repository::cargo();
        let packages = ["--package", "sockeye-cli", "--package", "sockeye-load", "--package", "sockeye"];
        release.args(["build", "--release"]).args(packages);
        release.args(["--bins", "--example", "conformance", "--example", "ws_echo", "--example", "ledger"]);
        release.args(["--example", "hardness"]);
        succeeds(process::run(release, &log("build-release"), BUILD_LIMIT)?)?;
    }
    if builds.contains(&Build::Tests) {
        let mut tests = repository::cargo();
        tests.args(["test", "--workspace", "--all-features", "--no-run"]);
        succeeds(process::run(tests, &log("build-tests"), BUILD_LIMIT)?)?;
    }
    if builds.contains(&Build::RustSocketio) {
        let mut client = repository::cargo();
        client.args(["build", "--locked", "--manifest-path", RUST_SOCKETIO, "--target-dir"]);
        client.arg(rust_socketio_target());
        succeeds(process::run(client, &log("build-rust_socketio"), BUILD_LIMIT)?)?;
    }
    if builds.contains(&Build::Clippy) {
        let mut clippy = repository::cargo();
        clippy.args(["clippy", "--workspace", "--all-targets", "--all-features"]);
        // What it has to say is the suite's.
        process::run(clippy, &log("build-clippy"), BUILD_LIMIT)?;
    }
    Ok(())
}

fn succeeds(finished: Finished) -> io::Result<()> {
    if finished.success { Ok(()) } else { Err(io::Error::other(finished.output)) }
}

fn log(name: &str) -> PathBuf {
    repository::scratch().join(format!("logs/{}.log", name.replace(' ', "-")))
}

fn cargo(arguments: &[&str], name: &str) -> io::Result<Finished> {
    let mut command = repository::cargo();
    command.args(arguments);
    process::run(command, &log(name), BUILD_LIMIT)
}

fn clippy() -> io::Result<Finished> {
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"], "clippy")
}

fn docs() -> io::Result<Finished> {
    let mut command = repository::cargo();
    command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
    process::run(command, &log("docs"), BUILD_LIMIT)
}

fn house_rules() -> io::Result<Finished> {
    let checks = house::check()?;
    let mut output = String::new();
    for checked in &checks {
        for fault in &checked.faults {
            output.push_str(&format!("not so: {}: {fault}\n", checked.holds));
        }
    }
    let failed = checks.iter().filter(|checked| !checked.faults.is_empty()).count();
    output.push_str(&format!("{} passed, {failed} failed\n", checks.len() - failed));
    Ok(Finished { success: failed == 0, output })
}

/// Runs one script of an npm package, with `env` over ours.
fn npm(folder: &str, script: &str, env: &[(&str, String)]) -> io::Result<Finished> {
    let path = repository::root().join(folder);
    if !path.join("package.json").is_file() {
        return Ok(Finished { success: false, output: format!("{folder}/package.json is missing\n") });
    }
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent", script])
        .current_dir(path)
        .envs(env.iter().map(|(name, value)| (name, value)));
    process::run(command, &log(&format!("{folder}-{script}").replace(['/', ':'], "-")), LIMIT)
}

fn typescript_live() -> io::Result<Finished> {
    let server = Application::start(&application::ours("C"), &log("typescript-live-server"))?;
    npm("clients/typescript", "test:live", &[("SOCKEYE_URL", server.url())])
}

/// A server that clients which are not ours are run against. They are shown right on the original first: a test that
/// fails there proves nothing about ours.
struct Target {
    /// What tests know it by.
    name: &'static str,
    /// How to start application C on it.
    command: Vec<String>,
    /// How packets are written, on both sides.
    parser: &'static str,
}

impl Target {
    fn original() -> Self {
        Self { name: "original", command: absolute(application::node()), parser: "default" }
    }

    fn ours() -> Self {
        Self { name: "ours", command: application::ours("C"), parser: "default" }
    }

    fn speaking(self, parser: &'static str) -> Self {
        Self { parser, ..self }
    }

    /// What tells tests how to start it.
    fn env(&self) -> [(&'static str, String); 3] {
        let words = serde_json::Value::from(self.command.clone()).to_string();
        [("TARGET_COMMAND", words), ("TARGET", self.name.to_owned()), ("PARSER", self.parser.to_owned())]
    }
}

/// The official JavaScript clients.
fn interop(target: &Target) -> io::Result<Finished> {
    npm("tests/interop", "test", &target.env())
}

/// Those that have a parser of MessagePack, with it.
fn interop_msgpack(target: &Target) -> io::Result<Finished> {
    npm("tests/interop", "msgpack", &target.env())
}

/// python-socketio's clients.
fn python(target: &Target) -> io::Result<Finished> {
    let mut command = Command::new(tools::python());
    command.arg("run.py").current_dir(repository::root().join("tests/interop/python"));
    // No bytecode: it would lie among the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").envs(target.env());
    process::run(command, &log(&format!("interop-python-{}", target.name)), LIMIT)
}

/// rust_socketio's clients.
fn rust_socketio(target: &Target) -> io::Result<Finished> {
    let mut command = Command::new(rust_socketio_target().join("debug/interop-rust-socketio"));
    command.envs(target.env());
    process::run(command, &log(&format!("interop-rust_socketio-{}", target.name)), LIMIT)
}

/// Where its program is built: it shares nothing with ours, not even the lockfile.
fn rust_socketio_target() -> PathBuf {
    repository::target().join("rust-socketio")
}

/// The examples, as the build of the tests made them.
fn examples() -> io::Result<Finished> {
    let built = repository::target().join("debug/examples");
    npm("tests/examples", "test", &[("EXAMPLES", built.display().to_string())])
}

/// A command whose files are named from the root, for a program that runs elsewhere.
fn absolute(command: Vec<String>) -> Vec<String> {
    let whole = |word: String| {
        let file = repository::root().join(&word);
        if file.is_file() { file.display().to_string() } else { word }
    };
    command.into_iter().map(whole).collect()
}

fn browser() -> io::Result<Finished> {
    let chromium = tools::chromium().ok_or_else(|| io::Error::other("Chromium is missing"))?;
    let mut serve = Command::new(repository::release("sockeye"));
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("NO_COLOR", "1");
    let mut server = Background::start(&mut serve, &log("browser-server"))?;
    let url = server.prints_address(Duration::from_secs(10))?;
    let application_log = log("browser-application");
    let recovering = Application::start(&application::ours_with("C", &["--recovery"]), &application_log)?;
    let mut packed = vec!["env".to_owned(), "PARSER=msgpack".to_owned()];
    packed.extend(application::ours("C"));
    let packed = Application::start(&packed, &application_log)?;
    let folder = repository::root().join("tests/browser");
    if !folder.join("run.mjs").is_file() {
        return Ok(Finished { success: false, output: "tests/browser/run.mjs is missing\n".to_owned() });
    }
    let pictures = repository::target().join("screenshots");
    fs::create_dir_all(&pictures)?;
    let mut command = Command::new("node");
    command.arg("run.mjs").current_dir(folder);
    command.env("SWITCHBOARD_URL", url).env("CHROMIUM", chromium).env("SCREENSHOTS", pictures);
    command.env("RECOVERY_URL", recovering.url());
    command.env("MSGPACK_URL", packed.url());
    process::run(command, &log("browser"), LIMIT)
}
