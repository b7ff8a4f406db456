//! `cargo xtask conformance`: our own cases, and the Autobahn suite where a Python 2 answers.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    application::{self, Application},
    counts::Counts,
    process::{self, Finished},
    repository, tools,
};

/// The suite that judges WebSocket implementations, and its version.
const AUTOBAHN: &str = "autobahntestsuite==0.8.2";

const INSTALL_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Of 517 cases 216 compress, a thousand messages each: they take most of the time.
const FUZZING_LIMIT: Duration = Duration::from_secs(60 * 60);
const OWN_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Our own cases, one per sentence of `spec/conformance.md`.
const OWN: &str = "tests/conformance";

/// Runs our own cases, and Autobahn's unless only `own` ones are wanted; prints, and keeps what Autobahn said.
pub(crate) fn report(own: bool) -> io::Result<Counts> {
    let mut cargo = repository::cargo();
    cargo.args([
        "build",
        "--release",
        "--package",
        "sockeye",
        "--example",
        "conformance",
        "--example",
        "ws_echo",
    ]);
    let built =
        process::run(cargo, &repository::scratch().join("logs/conformance-build.log"), INSTALL_LIMIT)?;
    if !built.success {
        return Err(io::Error::other(built.output));
    }
    fs::create_dir_all(repository::root().join("reports"))?;
    let finished =
        own_cases(&["--summary", &repository::root().join("reports/conformance.txt").display().to_string()])?;
    let mut counts = Counts::read(&finished.output);
    if !finished.success && counts.failed == 0 {
        counts.add(Counts::FAILED);
    }
    if counts.failed > 0 || counts.passed == 0 {
        println!("{}", finished.output);
    }
    println!("own cases: {} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if !own {
        match autobahn()? {
            Ok(judged) => counts.add(judged),
            Err(missing) => println!("the Autobahn suite was not run: {missing}"),
        }
    }
    Ok(counts)
}

/// Runs our own cases against the applications that `examples/conformance` is.
pub(crate) fn own() -> io::Result<Finished> {
    own_cases(&[])
}

fn own_cases(options: &[&str]) -> io::Result<Finished> {
    let log = repository::scratch().join("logs/conformance.log");
    let folder = repository::root().join(OWN);
    if !folder.join("package.json").is_file() {
        return Ok(Finished { success: false, output: format!("{OWN}/package.json is missing\n") });
    }
    tools::npm(OWN.as_ref())?;
    // `{application}` is one of A, B, C, D.
    let command = json!(application::ours("{application}")).to_string();
    let mut run = Command::new("npm");
    run.args(["test", "--silent", "--"]).args(options).current_dir(folder);
    run.env("CONFORMANCE_COMMAND", command);
    process::run(run, &log, OWN_LIMIT)
}

/// Runs the fuzzing client against our codec; says what is missing where it cannot run.
fn autobahn() -> io::Result<Result<Counts, String>> {
    let Some(python) = python2() else {
        return Ok(Err("no Python 2 answers as $PYTHON2 or python2.7".to_owned()));
    };
    let home = repository::scratch().join("autobahn");
    let client = match install(&python, &home)? {
        Ok(client) => client,
        Err(why) => return Ok(Err(format!("it could not be installed ({why})"))),
    };

    let program = repository::release("examples/ws_echo").display().to_string();
    let command = [program, "--deflate".to_owned(), "--listen".to_owned(), application::LISTEN.to_owned()];
    let server = Application::start(&command, &repository::scratch().join("logs/ws_echo.log"))?;
    let reports = home.join("reports");
    let settings = json!({
        "outdir": reports, "cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {},
        "servers": [{ "agent": "sockeye", "url": format!("ws://{}", server.address) }],
    });
    let settings_file = home.join("fuzzingclient.json");
    fs::write(&settings_file, settings.to_string())?;
    let mut fuzz = Command::new(client);
    fuzz.args(["--mode", "fuzzingclient", "--spec"]).arg(&settings_file).current_dir(&home);
    println!("the Autobahn suite runs: some minutes, most of them compression");
    let finished = process::run(fuzz, &repository::scratch().join("logs/autobahn.log"), FUZZING_LIMIT)?;
    drop(server);
    if !finished.success {
        return Err(io::Error::other(finished.output));
    }

    let index: Value =
        serde_json::from_slice(&fs::read(reports.join("index.json"))?).map_err(io::Error::other)?;
    let summary = summarize(&index);
    fs::create_dir_all(repository::root().join("reports"))?;
    fs::write(repository::root().join("reports/autobahn.txt"), &summary.text)?;
    print!("{}", summary.text);
    Ok(Ok(summary.counts))
}

struct Summary {
    text: String,
    counts: Counts,
}

/// Counts cases by behaviour, and names those that are not as they should be.
fn summarize(index: &Value) -> Summary {
    let mut by_behavior: BTreeMap<String, u64> = BTreeMap::new();
    let mut counts = Counts::default();
    let mut odd = Vec::new();
    for (case, result) in index["sockeye"].as_object().into_iter().flatten() {
        let behavior = result["behavior"].as_str().unwrap_or("missing").to_owned();
        let closing = result["behaviorClose"].as_str().unwrap_or("missing");
        let failed = [behavior.as_str(), closing]
            .iter()
            .any(|word| matches!(*word, "FAILED" | "WRONG CODE" | "UNCLEAN" | "missing"));
        counts.add(if failed { Counts::FAILED } else { Counts::PASSED });
        if failed || !matches!(behavior.as_str(), "OK" | "INFORMATIONAL") {
            odd.push(format!("  {case}: {behavior}, closing {closing}\n"));
        }
        *by_behavior.entry(behavior).or_default() += 1;
    }
    let mut text =
        format!("The Autobahn fuzzing client ({AUTOBAHN}) against examples/ws_echo --deflate, all cases:\n");
    let list: Vec<String> =
        by_behavior.iter().map(|(behavior, number)| format!("{number} {behavior}")).collect();
    text.push_str(&format!("{} cases: {}\n", counts.passed + counts.failed, list.join(", ")));
    odd.sort();
    odd.iter().for_each(|line| text.push_str(line));
    text.push_str(&format!("{} passed, {} failed\n", counts.passed, counts.failed));
    Summary { text, counts }
}

/// A Python 2 that really answers: a name on the `PATH` may be a stand-in that only says where others are.
fn python2() -> Option<PathBuf> {
    let candidates = [std::env::var_os("PYTHON2").map(PathBuf::from), Some(PathBuf::from("python2.7"))];
    candidates.into_iter().flatten().find(|python| {
        let asked = Command::new(python).arg("--version").stdin(Stdio::null()).output();
        asked.is_ok_and(|asked| {
            asked.status.success() && [asked.stdout, asked.stderr].concat().starts_with(b"Python 2.7")
        })
    })
}

/// Installs the suite in an environment of its own; gives its program.
fn install(python: &Path, home: &Path) -> io::Result<Result<PathBuf, String>> {
    let client = home.join("env/bin/wstest");
    if client.is_file() {
        return Ok(Ok(client));
    }
    fs::create_dir_all(home)?;
    let run = |words: &[&str], name: &str| {
        let mut command = Command::new(python);
        command.args(words).current_dir(home);
        process::run(command, &repository::scratch().join(format!("logs/autobahn-{name}.log")), INSTALL_LIMIT)
    };
    // Python 2 has no venv of its own; its pip can install into a folder, which is as good.
    let env = home.join("env");
    let target = env.join("lib");
    let installed =
        run(&["-m", "pip", "install", "--target", &target.display().to_string(), AUTOBAHN], "install")?;
    if !installed.success {
        let why =
            installed.output.lines().rev().find(|line| line.contains("ERROR") || line.contains("No module"));
        return Ok(Err(why.unwrap_or("pip failed").trim().to_owned()));
    }
    // zope.interface alone leaves its parent without the file that Python 2 needs to import it.
    fs::write(target.join("zope/__init__.py"), "")?;
    fs::create_dir_all(env.join("bin"))?;
    let start = format!(
        "#!/bin/sh\nPYTHONPATH='{}' exec '{}' -c 'from autobahntestsuite.wstest import run; run()' \"$@\"\n",
        target.display(),
        python.display()
    );
    fs::write(&client, start)?;
    let executable = Command::new("chmod").arg("+x").arg(&client).status()?;
    if executable.success() { Ok(Ok(client)) } else { Err(io::Error::other("chmod failed")) }
}

#[cfg(test)]
mod tests {
    use super::summarize;
    use crate::counts::Counts;
    use serde_json::json;

    #[test]
    fn a_failed_case_and_a_failed_closing_count_as_failed() {
        let index = json!({ "sockeye": {
            "1.1.1": { "behavior": "OK", "behaviorClose": "OK" },
            "1.1.2": { "behavior": "FAILED", "behaviorClose": "OK" },
            "1.1.3": { "behavior": "OK", "behaviorClose": "UNCLEAN" },
            "6.4.1": { "behavior": "NON-STRICT", "behaviorClose": "OK" },
            "7.1.6": { "behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL" },
        } });
        let summary = summarize(&index);
        assert_eq!(summary.counts, Counts { passed: 3, failed: 2, skipped: 0 });
        assert!(
            summary.text.contains("1.1.2")
                && summary.text.contains("1.1.3")
                && summary.text.contains("6.4.1")
        );
        assert!(!summary.text.contains("7.1.6"));
    }
}
