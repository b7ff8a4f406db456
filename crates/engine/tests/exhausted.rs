//! A process that may open no more files: accepting pauses, and goes on when some are free.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use sockeye_engine::options::Options;
use support::Server;
use support::http::POLLING;

/// Files that the server may open, of which it needs some itself.
const FILES: usize = 40;

/// Connections that come.
const CROWD: usize = 100;

/// The server, in a process of its own.
#[test]
#[ignore = "another test runs it, with few files"]
fn serve_until_the_input_ends() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _context = runtime.enter();
    let server = Server::start(Options::default());
    println!("\nlistens on {}", server.address);
    std::io::stdin().read_to_end(&mut Vec::new()).expect("an input");
}

/// That process; gone with the test, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("a process of ours");
    }
}

impl Process {
    fn start() -> (Process, SocketAddr) {
        let test = std::env::current_exe().expect("this program");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -n {FILES} && exec \"$0\" --ignored --exact --nocapture \"$1\""))
            .arg(test)
            .arg("serve_until_the_input_ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let says: BufReader<ChildStdout> = BufReader::new(child.stdout.take().expect("its output"));
        let process = Process(child);
        let address = says
            .lines()
            .find_map(|line| line.expect("text").strip_prefix("listens on ").map(str::to_owned))
            .expect("a server that listens");
        (process, address.parse().expect("an address"))
    }

    /// Hundredths of a second that it has worked.
    fn worked(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("a process");
        let (_, fields) = stat.rsplit_once(')').expect("the program's name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }
}

#[test]
fn accepting_pauses_when_no_file_can_be_opened_and_goes_on_when_some_are_free() {
    let (process, address) = Process::start();
    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("the system takes it");
            stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
            let request = format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("the system takes it");
            stream
        })
        .collect();
    let mut byte = [0];
    assert!(crowd[CROWD - 1].read(&mut byte).is_err(), "there is no file left for the last of them");
    let before = process.worked();
    std::thread::sleep(Duration::from_secs(1));
    let worked = process.worked() - before;
    assert!(worked < 30, "it rests: {worked} hundredths of a second in one");
    for (number, mut stream) in crowd.drain(..).enumerate() {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).unwrap_or_else(|error| panic!("number {number}: {error}"));
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }
}
