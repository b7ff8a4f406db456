//! The servers under test, each started by `TARGET_COMMAND`: application C as a JSON array of words, `{listen}` in
//! them replaced by an address.

use std::{
    env,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// What a server may take until it listens.
const START: Duration = Duration::from_secs(10);

/// Those that a case started: its process may not end before them.
static STARTED: Mutex<Vec<(u16, Child)>> = Mutex::new(Vec::new());

/// Names the variable that tells a case its server.
pub const URL: &str = "CASE_URL";

/// The case's server.
pub fn url() -> String {
    env::var(URL).expect("who starts a case names its server")
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("this machine has a free port");
    probe.local_addr().expect("it is bound").port()
}

/// Starts a server of the case's own on `port`; the address, once it takes connections.
pub fn start(port: u16, env: &[(&str, &str)]) -> String {
    let command =
        env::var("TARGET_COMMAND").expect("TARGET_COMMAND says how to start application C, a JSON array");
    let words: Vec<String> = serde_json::from_str(&command).expect("TARGET_COMMAND is a JSON array of words");
    let mut words = words.into_iter().map(|word| word.replace("{listen}", &format!("127.0.0.1:{port}")));
    let child = Command::new(words.next().expect("TARGET_COMMAND names a program"))
        .args(words)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("TARGET_COMMAND starts");
    STARTED.lock().expect("nobody panics with it").push((port, child));
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < START, "no server on {port} within {START:?}");
        thread::sleep(Duration::from_millis(20));
    }
    format!("http://127.0.0.1:{port}")
}

/// Kills the server on `port`, so that its connections are cut.
pub fn stop(port: u16) {
    let mut started = STARTED.lock().expect("nobody panics with it");
    let at = started.iter().position(|(of, _)| *of == port).expect("it was started");
    end(started.remove(at).1);
}

/// Kills all servers that still run.
pub fn stop_all() {
    STARTED.lock().expect("nobody panics with it").drain(..).for_each(|(_, child)| end(child));
}

fn end(mut child: Child) {
    // One that ended by itself needs no killing.
    let _ = child.kill();
    child.wait().expect("it was started");
}
