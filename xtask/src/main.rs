//! Tasks of this repository: `cargo xtask`.

mod application;
mod bench;
mod budgets;
mod conformance;
mod counts;
mod faults;
mod fuzz;
mod gates;
mod hardness;
mod house;
mod instruments;
mod load;
mod oracle;
mod process;
mod repository;
mod soak;
mod suites;
mod tools;

use std::{env, io, process::ExitCode};

const USAGE: &str = "\
cargo xtask check                      the quick half: format, lints, docs, house, Rust and TypeScript tests
cargo xtask test [--only SUITE]        all tests, after installing what they need
cargo xtask conformance [--own]        our own conformance cases, and the Autobahn suite where Python 2 answers
cargo xtask hardness [--long]          attacks on a server process; --long has real times, and writes a report
cargo xtask faults recovery            500 cuts under 10,000 events: what is recovered, each once and in order
cargo xtask oracle                     100,000 random packets through ours and the original parsers
cargo xtask fuzz [TARGET…] [--runs N] [--minutes M] [--jobs N]
                                       each decoder, and whole sessions, under libFuzzer
cargo xtask soak [--events N] [--sockets N] [--minutes M]
                                       10,000,000 numbered events over 1,000 sockets: each once and in order
cargo xtask bench [--quick] [--only TOPIC]
                                       figures beside their budgets and the peers'
cargo xtask house                      import circles, floors, words, lockfiles, named files, named tests";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task that the command line names; whether all held.
fn dispatch(arguments: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => suites::check(),
        ["test", options @ ..] => suites::test(&values(options, "--only")?),
        ["conformance", options @ ..] => {
            let own = flag(options, "--own")?;
            let counts = conformance::report(own)?;
            println!("\n{} passed, {} failed", counts.passed, counts.failed);
            Ok(counts.failed == 0)
        }
        ["hardness", options @ ..] => {
            let counts = hardness::report(flag(options, "--long")?)?;
            println!("\n{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
            Ok(counts.failed == 0 && counts.passed > 0)
        }
        ["faults", "recovery"] => {
            let counts = faults::recovery()?;
            println!("\n{} passed, {} failed", counts.passed, counts.failed);
            Ok(counts.failed == 0 && counts.passed > 0)
        }
        ["oracle"] => {
            let counts = oracle::long()?;
            println!("\n{} passed, {} failed", counts.passed, counts.failed);
            Ok(counts.failed == 0 && counts.passed > 0)
        }
        ["fuzz", words @ ..] => {
            let (targets, options) =
                words.split_at(words.iter().take_while(|word| !word.starts_with("--")).count());
            let only: Vec<String> = targets.iter().map(|word| (*word).to_owned()).collect();
            let mut length = fuzz::Length::default();
            for pair in options.chunks(2) {
                match pair {
                    ["--runs", number] => length.runs = count(number)?,
                    ["--minutes", number] => length.minutes = count(number)?,
                    ["--jobs", number] => length.jobs = count(number)?,
                    _ => return Err(io::Error::other(USAGE)),
                }
            }
            fuzz::run(&only, length)
        }
        ["soak", options @ ..] => {
            let mut size = soak::Size::default();
            for pair in options.chunks(2) {
                match pair {
                    ["--events", number] => size.events = count(number)?,
                    ["--sockets", number] => size.sockets = count(number)?,
                    ["--minutes", number] => size.minutes = count(number)?,
                    _ => return Err(io::Error::other(USAGE)),
                }
            }
            soak::long(size)
        }
        ["bench", options @ ..] => {
            let quick = options.contains(&"--quick");
            let rest: Vec<&str> = options.iter().copied().filter(|option| *option != "--quick").collect();
            bench::run(&bench::Settings { quick, only: values(&rest, "--only")? }).map(|()| true)
        }
        ["house"] => Ok(house::report()?.failed == 0),
        _ => Err(io::Error::other(USAGE)),
    }
}

/// The values of an option that may stand several times, and nothing else.
fn values(options: &[&str], name: &str) -> io::Result<Vec<String>> {
    options
        .chunks(2)
        .map(|pair| match pair {
            [option, value] if *option == name => Ok((*value).to_owned()),
            _ => Err(io::Error::other(USAGE)),
        })
        .collect()
}

/// A number above zero.
fn count(word: &str) -> io::Result<u64> {
    word.parse().ok().filter(|number| *number > 0).ok_or_else(|| io::Error::other(USAGE))
}

/// Whether an option stands there, and nothing else.
fn flag(options: &[&str], name: &str) -> io::Result<bool> {
    match options {
        [] => Ok(false),
        [option] if *option == name => Ok(true),
        _ => Err(io::Error::other(USAGE)),
    }
}
