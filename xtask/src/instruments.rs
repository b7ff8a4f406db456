//! System calls and user instructions of one message, which no noise touches.
//!
//! A server runs twice under an instrument, from its start to its end, with the same crowd and a different number of
//! messages; the difference is what the messages cost. Start, connections and end cancel.

use std::{
    collections::BTreeMap,
    fs, io, thread,
    time::{Duration, Instant},
};

use crate::{application::Application, load, process, repository};

/// Sockets of a server that serves nobody: the one that listens, and what its runtime uses for itself.
const FEW: usize = 4;

/// How long a server may take to end when told to.
const END: Duration = Duration::from_secs(30);

/// What counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Instrument {
    /// `strace`: system calls of all threads.
    Strace,
    /// `valgrind --tool=callgrind`: instructions in user space.
    Callgrind,
}

/// What one message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Message {
    /// `echo` and its ack, over a WebSocket.
    Echo,
    /// One delivery of a broadcast, over a WebSocket.
    Delivery,
    /// An event that asks for no ack, and its one delivery to who sent it, over a WebSocket.
    Event,
    /// A GET and a POST with an `echo`, both answered.
    PollingRoundTrip,
}

/// Clients of each run: so many that waiting for events is shared by many messages, as it is under load.
const CLIENTS: u64 = 100;

impl Message {
    /// A scenario with `hundreds` of messages of this kind.
    fn scenario(self, hundreds: u64) -> String {
        match self {
            Self::Echo => format!("echo --clients {CLIENTS} --messages {}", hundreds * 100),
            Self::Delivery => format!("fan-out --members {CLIENTS} --rounds {}", hundreds * 100 / CLIENTS),
            Self::Event => format!("fan-out --members 1 --rounds {}", hundreds * 100),
            Self::PollingRoundTrip => format!("polling --clients {CLIENTS} --messages {}", hundreds * 100),
        }
    }
}

/// The messages of the two runs, in hundreds.
const RUNS: (u64, u64) = (10, 60);

/// What one `message` costs the server that `command` starts: a number for each kind of cost.
pub(crate) fn cost(
    command: &[String],
    instrument: Instrument,
    message: Message,
) -> io::Result<BTreeMap<String, f64>> {
    let few = run(command, instrument, &message.scenario(RUNS.0))?;
    let many = run(command, instrument, &message.scenario(RUNS.1))?;
    let messages = ((RUNS.1 - RUNS.0) * 100) as f64;
    let names = few.keys().chain(many.keys());
    Ok(names
        .map(|name| {
            let count = |of: &BTreeMap<String, u64>| of.get(name).copied().unwrap_or(0) as f64;
            (name.clone(), (count(&many) - count(&few)) / messages)
        })
        .collect())
}

/// One run from the server's start to its end; what was counted, by name.
fn run(command: &[String], instrument: Instrument, scenario: &str) -> io::Result<BTreeMap<String, u64>> {
    let folder = repository::scratch();
    fs::create_dir_all(&folder)?;
    let file = folder.join(match instrument {
        Instrument::Strace => "strace.txt",
        Instrument::Callgrind => "callgrind.out",
    });
    let mut words: Vec<String> = match instrument {
        Instrument::Strace => ["strace", "-f", "-c", "-o"].map(str::to_owned).to_vec(),
        Instrument::Callgrind => ["valgrind", "--tool=callgrind"].map(str::to_owned).to_vec(),
    };
    words.push(match instrument {
        Instrument::Strace => file.display().to_string(),
        Instrument::Callgrind => format!("--callgrind-out-file={}", file.display()),
    });
    words.extend_from_slice(command);

    let mut server = Application::start(&words, &folder.join("logs/instrument.log"))?;
    load::run(scenario, server.address, None)?;
    // strace starts the server and ends with it; under valgrind the server is valgrind's own process.
    let pid = match instrument {
        Instrument::Strace => process::descendants(server.pid()).first().copied(),
        Instrument::Callgrind => Some(server.pid()),
    };
    let pid = pid.ok_or_else(|| io::Error::other("the server ended before its instrument"))?;
    settle(pid)?;
    process::signal(pid, "TERM")?;
    if server.process().wait(END)?.is_none() {
        return Err(io::Error::other(format!("{} did not end when told to", command.join(" "))));
    }
    match instrument {
        Instrument::Strace => calls(&fs::read_to_string(&file)?),
        Instrument::Callgrind => instructions(&server.process().output()),
    }
}

/// Waits until the server has closed the connections of the load, so that every run pays for the end of all of them.
fn settle(pid: u32) -> io::Result<()> {
    let deadline = Instant::now() + END;
    let connections = || -> io::Result<usize> {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))?;
        // A file may be closed between the listing and the look.
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        Ok(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
    };
    while connections()? > FEW {
        if Instant::now() > deadline {
            return Err(io::Error::other("the server did not close the connections of the load"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The table of `strace -c`: calls by name.
fn calls(summary: &str) -> io::Result<BTreeMap<String, u64>> {
    let mut calls = BTreeMap::new();
    for line in summary.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // % time, seconds, usecs/call, calls, perhaps errors, name
        if let [_, _, _, number, .., name] = fields.as_slice()
            && let Ok(number) = number.parse()
            && *name != "total"
        {
            calls.insert((*name).to_owned(), number);
        }
    }
    if calls.is_empty() {
        Err(io::Error::other(format!("strace counted nothing:\n{summary}")))
    } else {
        Ok(calls)
    }
}

/// What callgrind says at the end.
fn instructions(output: &str) -> io::Result<BTreeMap<String, u64>> {
    let number = output
        .lines()
        .filter_map(|line| line.split_once("Collected :"))
        .find_map(|(_, number)| number.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("callgrind counted nothing:\n{output}")))?;
    Ok(BTreeMap::from([("instructions".to_owned(), number)]))
}

/// The sum of all costs.
pub(crate) fn total(costs: &BTreeMap<String, f64>) -> f64 {
    costs.values().sum()
}

/// The costs that are worth naming, the largest first.
pub(crate) fn named(costs: &BTreeMap<String, f64>) -> String {
    /// Less often than once in so many messages is not worth a name.
    const RARE: f64 = 0.01;
    let mut costs: Vec<_> = costs.iter().filter(|(_, each)| each.abs() >= RARE).collect();
    costs.sort_by(|one, other| other.1.total_cmp(one.1));
    costs.iter().map(|(name, each)| format!("{name} {each:.2}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{calls, instructions, named};

    #[test]
    fn calls_are_read_from_straces_table() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     60.00    0.000600           1       600           sendto\n \
                     40.00    0.000400           1       500        12 recvfrom\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.001000           0      1100        12 total\n";
        let calls = calls(table).expect("it is a table");
        assert_eq!(
            calls.into_iter().collect::<Vec<_>>(),
            [("recvfrom".to_owned(), 500), ("sendto".to_owned(), 600)]
        );
    }

    #[test]
    fn no_calls_are_an_error() {
        assert!(calls("strace: exec: not found\n").is_err());
        assert!(instructions("==1== killed\n").is_err());
    }

    #[test]
    fn instructions_are_read_from_callgrinds_end() {
        assert_eq!(
            instructions("==7== Events    : Ir\n==7== Collected : 123456\n").expect("it is there")["instructions"],
            123_456
        );
    }

    #[test]
    fn frequent_costs_are_named_first() {
        let costs =
            [("a", 0.5), ("b", 1.25), ("c", 0.001)].map(|(name, each)| (name.to_owned(), each)).into();
        assert_eq!(named(&costs), "b 1.25, a 0.50");
    }
}
