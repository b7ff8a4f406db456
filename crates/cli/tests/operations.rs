//! The binary as operators meet it: its endpoints, and how it ends.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is gone when the test is.
struct Served {
    child: Child,
    /// Where the Switchboard is, and where the endpoints are.
    public: String,
    operators: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Served {
    fn start(arguments: &[&str]) -> Served {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut address = |what: &str| loop {
            let line = said.next().expect("it says where it listens").expect("a line");
            if line.contains(what) {
                let (_, rest) = line.split_once("http://").expect("an address");
                return rest.split('/').next().expect("a port").to_owned();
            }
        };
        let (public, operators) = (address("Switchboard"), address("Operators"));
        Served { child, public, operators }
    }
}

fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn endpoints_are_beside_the_switchboard_unless_they_have_an_address_of_their_own() {
    let beside = Served::start(&[]);
    assert_eq!(beside.public, beside.operators);
    assert_eq!(get(&beside.public, "/healthz"), Some((200, "ok".to_owned())));
    assert_eq!(get(&beside.public, "/readyz").map(|(status, _)| status), Some(200));
    let (status, page) = get(&beside.public, "/metrics").expect("it answers");
    assert!(status == 200 && page.contains("sockeye_sessions{transport=\"websocket\"} 0"), "{page}");
    assert_eq!(get(&beside.public, "/").map(|(status, _)| status), Some(200));

    let apart = Served::start(&["--admin-listen", "127.0.0.1:0"]);
    assert_ne!(apart.public, apart.operators);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(get(&apart.public, path).map(|(status, _)| status), Some(404), "{path}");
        assert_eq!(get(&apart.operators, path).map(|(status, _)| status), Some(200), "{path}");
    }
    assert_eq!(get(&apart.operators, "/").map(|(status, _)| status), Some(404));
}

/// The status of a handshake with these fields.
fn handshake(served: &Served, fields: &str) -> u16 {
    let mut stream = TcpStream::connect(&served.public).expect("it listens");
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nConnection: close";
    write!(stream, "{request}\r\n{fields}\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn foreign_pages_come_in_as_the_options_say() {
    const COOKIE: &str = "Host: here.example\r\nCookie: user=1\r\nOrigin: https://there.example";
    const PLAIN: &str = "Host: here.example\r\nOrigin: https://there.example";
    const FORWARDED: &str = "Host: inside\r\nX-Forwarded-Host: there.example\r\nX-Forwarded-Proto: https\r\n\
                             Cookie: user=1\r\nOrigin: https://there.example";
    let answers = |arguments: &[&str]| {
        let served = Served::start(arguments);
        [PLAIN, COOKIE, FORWARDED].map(|fields| handshake(&served, fields))
    };
    assert_eq!(answers(&[]), [200, 403, 403]);
    assert_eq!(answers(&["--trusted-proxy", "127.0.0.1"]), [200, 403, 200]);
    assert_eq!(answers(&["--trusted-proxy", "192.0.2.0/24"]), [200, 403, 403]);
    assert_eq!(answers(&["--foreign-origins", "refuse"]), [403, 403, 403]);
    assert_eq!(answers(&["--foreign-origins", "allow"]), [200, 200, 200]);
    assert_eq!(answers(&["--allow-origin", "https://there.example"]), [200, 200, 200]);
    assert_eq!(answers(&["--allow-origin", "https://elsewhere.example"]), [200, 403, 403]);
}

#[test]
fn an_option_that_could_mean_nobody_is_told_with_its_name() {
    for (option, value) in [
        ("--trusted-proxy", "nginx"),
        ("--proxy-protocol", "nginx"),
        ("--allow-origin", "https://example.com/"),
        ("--allow-origin", "example.com"),
        ("--allow-origin", "*"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        let output = command.args(["serve", "--listen", "127.0.0.1:0", option, value]).output();
        let output = output.expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(value) && said.contains(option), "{said}");
    }
}

#[test]
fn a_server_that_is_told_to_end_is_not_ready_while_it_drains() {
    let mut served = Served::start(&["--admin-listen", "127.0.0.1:0"]);
    assert_eq!(get(&served.operators, "/readyz"), Some((200, "ready".to_owned())));
    // Answers that nobody reads keep a connection, and so the server, from ending: more than systems buffer.
    let mut stuck = TcpStream::connect(&served.public).expect("it listens");
    stuck.set_nonblocking(true).expect("a socket");
    let request = format!("GET /switchboard.js HTTP/1.1\r\nHost: {}\r\n\r\n", served.public);
    let requests = request.repeat(2_000);
    let deadline = Instant::now() + Duration::from_secs(10);
    let (mut written, mut unread, mut rounds) = (0, 0, 0);
    let mut buffer = vec![0; 64 << 20];
    // Stuck once no more has come for a while.
    while rounds < 20 && Instant::now() < deadline {
        written += stuck.write(&requests.as_bytes()[written..]).unwrap_or_default();
        let length = stuck.peek(&mut buffer).unwrap_or_default();
        rounds = if length > 0 && length == unread { rounds + 1 } else { 0 };
        unread = length;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(rounds, 20, "it is stuck with {unread} bytes");
    let told =
        Command::new("kill").arg("-TERM").arg(served.child.id().to_string()).status().expect("kill runs");
    assert!(told.success());
    let deadline = Instant::now() + Duration::from_secs(8);
    let drains = loop {
        match get(&served.operators, "/readyz") {
            Some((503, text)) => break text,
            Some((200, _)) if Instant::now() < deadline => std::thread::yield_now(),
            other => panic!("it ended without a word: {other:?}"),
        }
    };
    assert_eq!(drains, "draining");
    assert_eq!(get(&served.operators, "/healthz"), Some((200, "ok".to_owned())), "it still serves");
    drop(stuck);
    assert!(served.child.wait().expect("it ends").success());
}
