//! Runs every case with both of the crate's clients over every way.
//!
//! ```text
//! interop-rust-socketio [PART]       only the cases with PART in their names
//! ```
//!
//! Each case runs in a process of its own: a client whose connection has ended keeps a thread busy until its process
//! ends, and one that waits for itself would wait for ever.

mod cases;
mod peer;
mod target;

use std::{
    env,
    process::{Command, ExitCode, exit},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use cases::{CASES, Case, Fault, Setting};
use peer::{Kind, Way};

/// What one case may take.
const LIMIT: Duration = Duration::from_secs(90);
/// Cases that run beside each other; most of them wait.
const BESIDE: usize = 6;

const KINDS: &[(Kind, &str)] = &[(Kind::Blocking, "blocking"), (Kind::Async, "async")];
const WAYS: &[(Way, &str)] = &[
    (Way::Polling, "polling only"),
    (Way::WebSocket, "WebSocket only"),
    (Way::Upgrade, "upgrade"),
    (Way::Any, "any transport"),
];

/// One case with one client over one way.
struct Run {
    name: String,
    case: &'static Case,
    setting: Setting,
}

impl Run {
    /// Why it must fail, if it must.
    fn fault(&self) -> Option<&'static Fault> {
        self.case.fault.as_ref().filter(|fault| (fault.there)(self.setting.kind, self.setting.way))
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--alone", name] => {
            alone(runs().into_iter().find(|run| run.name == *name).expect("a case has that name"))
        }
        [] => all(""),
        [part] => all(part),
        _ => panic!("one part of a name at most"),
    }
}

fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    for (kind, client) in KINDS {
        for (way, over) in WAYS {
            for case in CASES {
                let name = format!("{client}, {over}: {}", case.sentence);
                runs.push(Run { name, case, setting: Setting { kind: *kind, way: *way } });
            }
        }
    }
    runs
}

/// Runs one case in this process, and ends it.
fn alone(run: Run) -> ! {
    if run.fault().is_some() {
        peer::be_impatient();
    }
    let (ends, ended) = mpsc::channel();
    thread::spawn(move || {
        (run.case.run)(&run.setting);
        ends.send(()).ok();
    });
    // A case that panics drops its end of the channel.
    let held = ended.recv_timeout(LIMIT);
    if held == Err(mpsc::RecvTimeoutError::Timeout) {
        println!("not done within {LIMIT:?}");
    }
    target::stop_all();
    exit(if held.is_ok() { 0 } else { 1 })
}

/// Runs the cases with `part` in their names, and prints how they went.
fn all(part: &str) -> ExitCode {
    let program = env::current_exe().expect("this program lies somewhere");
    let wanted: Vec<Run> = runs().into_iter().filter(|run| run.name.contains(part)).collect();
    let count = wanted.len();
    let queue = Mutex::new(wanted.into_iter());
    let failed = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                // Broadcasts reach all, so cases that run at once each have a server.
                let url = target::start(target::free_port(), &[]);
                loop {
                    let Some(run) = queue.lock().expect("nobody panics with it").next() else { break };
                    let started = Instant::now();
                    let done = Command::new(&program)
                        .args(["--alone", &run.name])
                        .env(target::URL, &url)
                        .output()
                        .expect("it starts again");
                    let took = format!("{:.2} s", started.elapsed().as_secs_f64());
                    let fault = run.fault();
                    let mut failures = failed.lock().expect("nobody panics with it");
                    match (done.status.success(), fault) {
                        (true, None) => println!("ok {} ({took})", run.name),
                        (false, Some(fault)) => println!("ok {} ({took}, fails: {})", run.name, fault.why),
                        (true, Some(fault)) => {
                            *failures += 1;
                            println!(
                                "not ok {} ({took})\nIt holds, though it is known to fail: {}",
                                run.name, fault.why
                            );
                        }
                        (false, None) => {
                            *failures += 1;
                            println!("not ok {} ({took})", run.name);
                            print!("{}", String::from_utf8_lossy(&done.stdout));
                            print!("{}", String::from_utf8_lossy(&done.stderr));
                        }
                    }
                }
            });
        }
    });
    target::stop_all();
    let failed = failed.into_inner().expect("nobody panicked with it");
    println!("{} passed, {failed} failed", count - failed);
    if failed == 0 && count > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
