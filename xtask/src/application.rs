//! The servers that suites and benchmarks talk to, each in its own process on a port of its own.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    process::{self, Background},
    repository,
};

/// How long a server may take until it listens; under valgrind it takes seconds.
const START: Duration = Duration::from_secs(60);

/// The word that [`ours`] and its likes put where the address goes.
pub(crate) const LISTEN: &str = "{listen}";

/// A server that runs until it is dropped.
pub(crate) struct Application {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Background,
}

impl Application {
    /// Starts a server from its command line, `{listen}` in it replaced by a free address.
    pub(crate) fn start(command: &[String], log: &Path) -> io::Result<Self> {
        let started = Instant::now();
        let mut last = None;
        // A port that was free may be taken by the time the server binds it.
        while started.elapsed() < START {
            let address = process::free_address()?;
            let mut words = command.iter().map(|word| word.replace(LISTEN, &address.to_string()));
            let program = words.next().ok_or_else(|| io::Error::other("a server without a program"))?;
            let mut process =
                Background::start(Command::new(program).args(words).current_dir(repository::root()), log)?;
            match process.listens(address, START) {
                Ok(()) => return Ok(Self { address, process }),
                Err(error) if process.output().contains("in use") => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no free port")))
    }

    /// `http://ADDRESS`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process that was started: the server, or the instrument that it runs under.
    pub(crate) fn process(&mut self) -> &mut Background {
        &mut self.process
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// How to start one of our applications of `spec/conformance.md`.
pub(crate) fn ours(application: &str) -> Vec<String> {
    let program = repository::release("examples/conformance").display().to_string();
    vec![program, application.to_owned(), "--listen".to_owned(), LISTEN.to_owned()]
}

/// The same, with `switches` of the program.
pub(crate) fn ours_with(application: &str, switches: &[&str]) -> Vec<String> {
    let mut command = ours(application);
    command.extend(switches.iter().map(|switch| (*switch).to_owned()));
    command
}

/// How to start application C on the original server.
pub(crate) fn node() -> Vec<String> {
    ["node", "benches/peers/node/server.js", "--listen", LISTEN].map(str::to_owned).to_vec()
}

/// How to start application C on socketioxide.
pub(crate) fn socketioxide() -> Vec<String> {
    let program = repository::root().join("benches/peers/socketioxide/target/release/peer-socketioxide");
    vec![program.display().to_string(), "--listen".to_owned(), LISTEN.to_owned()]
}
