//! Programs that tasks start: run to their end with a limit, or in the background until dropped.
//!
//! What they print goes to a log file, so that a suite that passes says one line and one that fails says all.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a finished program left.
pub(crate) struct Finished {
    /// Whether it ended with zero, within its limit.
    pub(crate) success: bool,
    /// Both streams, in the order of writing; at the end why it did not succeed.
    pub(crate) output: String,
}

/// Runs `command` to its end, or for `limit`, and kills then what is left of it.
pub(crate) fn run(mut command: Command, log: &Path, limit: Duration) -> io::Result<Finished> {
    let mut running = Background::start(&mut command, log)?;
    let status = running.wait(limit)?;
    drop(running);
    let mut output = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let success = match status {
        Some(status) if status.success() => true,
        Some(status) => {
            output.push_str(&format!("\n{} ended with {status}\n", name(&command)));
            false
        }
        None => {
            output.push_str(&format!("\n{} was stopped after {} s\n", name(&command), limit.as_secs()));
            false
        }
    };
    Ok(Finished { success, output })
}

/// The name of a program, for messages.
pub(crate) fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program that runs beside the task. Dropped, it is killed with all that it started.
pub(crate) struct Background {
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts `command` without input; both its streams go to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)?;
        }
        let output = File::options().create(true).write(true).truncate(true).open(log)?;
        // Two handles of one open file share their position: neither overwrites the other.
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", name(command))))?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// How it ended, or `None` when it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until it takes connections at `address`.
    pub(crate) fn listens(&mut self, address: SocketAddr, limit: Duration) -> io::Result<()> {
        self.until(limit, &format!("listen at {address}"), |_| TcpStream::connect(address).ok().map(drop))
    }

    /// Waits until it has printed an address behind `http://`, and gives that.
    pub(crate) fn prints_address(&mut self, limit: Duration) -> io::Result<String> {
        self.until(limit, "print its address", |output| {
            let start = output.find("http://")?;
            let rest = &output[start..];
            let end = rest.find(|end: char| end.is_whitespace() || end == '\u{1b}')?;
            Some(rest[..end].trim_end_matches('/').to_owned())
        })
    }

    fn until<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut(&str) -> Option<T>,
    ) -> io::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(result) = done(&self.output()) {
                return Ok(result);
            }
            if let Some(status) = self.child.try_wait()? {
                let output = self.output();
                return Err(io::Error::other(format!(
                    "ended with {status} before it could {what}:\n{output}"
                )));
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other(format!("did not {what} within {} s", limit.as_secs())));
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            for pid in descendants(self.pid()) {
                // It may have ended by itself meanwhile, and then there is nothing to say.
                let _ = signal(pid, "KILL");
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal, by its name without `SIG`.
pub(crate) fn signal(pid: u32, signal: &str) -> io::Result<()> {
    // std has no call for it, and every shell has `kill` built in.
    let sent =
        Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).stderr(Stdio::null()).status()?;
    if sent.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("SIG{signal} did not reach process {pid}")))
    }
}

/// All processes that `pid` started, and those started by them.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // pid (name with any character) state parent …
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.remove(0);
    found
}

/// An address of this machine that was free a moment ago.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
