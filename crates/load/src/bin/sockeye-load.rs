//! `sockeye-load SCENARIO ADDRESS [--pid PID] [--NAME VALUE]...` puts a load on a server and prints one line of JSON.

use std::{collections::BTreeMap, env, net::SocketAddr, process::ExitCode, str::FromStr, time::Duration};

use sockeye_load::{
    error::LoadError,
    report::Report,
    scenario::{
        Length,
        connect::Connect,
        echo::Echo,
        fan_out::FanOut,
        idle::{Idle, Wire},
        ledger::Ledger,
        polling::Polling,
        slow_reader::SlowReader,
    },
    target::Target,
};

const USAGE: &str = "\
sockeye-load SCENARIO ADDRESS [--pid PID] [--path /socket.io/] [--NAME VALUE]...
  idle         --wire websocket|polling|sse  --clients 10000  --hold-ms 12000  --after-ms 2000     (needs --pid)
  echo         --clients 100  --in-flight 1  --ms 5000 | --messages N
  fan-out      --members 1000  --rounds 100  --burst 1
  connect      --connections 20000  --at-once 32
  polling      --clients 100  --ms 5000 | --messages N
  ledger       --sockets 1000  --events 100000  --cuts 0     (against examples/ledger.rs)
  slow-reader  --bytes 49000000  --message 10000  --pause-ms 2     (needs --pid)";

fn main() -> ExitCode {
    let run = || -> Result<Report, LoadError> {
        let mut options = Options::parse(env::args().skip(1))?;
        // One thread: the other core is the server's.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(options.run())?;
        Ok(report)
    };
    match run() {
        Ok(report) => {
            println!("{}", report.to_json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line, taken apart.
struct Options {
    scenario: String,
    target: Target,
    values: BTreeMap<String, String>,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, LoadError> {
        let usage = || LoadError::Impossible(USAGE.to_owned());
        let words: Vec<String> = words.collect();
        let [scenario, address, rest @ ..] = words.as_slice() else { return Err(usage()) };
        let address: SocketAddr = address.parse().map_err(|_| usage())?;
        let mut values = BTreeMap::new();
        for pair in rest.chunks(2) {
            let [name, value] = pair else { return Err(usage()) };
            values.insert(name.strip_prefix("--").ok_or_else(usage)?.to_owned(), value.clone());
        }
        let mut target = Target::new(address);
        if let Some(path) = values.remove("path") {
            target = target.with_path(&path);
        }
        Ok(Self { scenario: scenario.clone(), target, values })
    }

    /// The value of an option, taken out of those that are left, or `otherwise`.
    fn take<T: FromStr>(&mut self, name: &str, otherwise: T) -> Result<T, LoadError> {
        let Some(value) = self.values.remove(name) else { return Ok(otherwise) };
        value.parse().map_err(|_| LoadError::Impossible(format!("--{name} cannot be {value}\n{USAGE}")))
    }

    fn milliseconds(&mut self, name: &str, otherwise: u64) -> Result<Duration, LoadError> {
        self.take(name, otherwise).map(Duration::from_millis)
    }

    fn length(&mut self) -> Result<Length, LoadError> {
        let time = self.milliseconds("ms", 5_000)?;
        let messages = self.take("messages", 0)?;
        Ok(if messages > 0 { Length::Messages(messages) } else { Length::Time(time) })
    }

    async fn run(&mut self) -> Result<Report, LoadError> {
        let pid: u32 = self.take("pid", 0)?;
        let server = Some(pid).filter(|pid| *pid > 0);
        let needed = || server.ok_or_else(|| LoadError::Impossible(format!("--pid is needed\n{USAGE}")));
        let target = self.target.clone();
        match self.scenario.as_str() {
            "idle" => {
                let wire = match self.take("wire", "websocket".to_owned())?.as_str() {
                    "websocket" => Wire::WebSocket,
                    "polling" => Wire::Polling,
                    "sse" => Wire::Sse,
                    other => return Err(LoadError::Impossible(format!("--wire cannot be {other}\n{USAGE}"))),
                };
                let idle = Idle {
                    wire,
                    clients: self.take("clients", 10_000)?,
                    hold: self.milliseconds("hold-ms", 12_000)?,
                    after: self.milliseconds("after-ms", 2_000)?,
                };
                self.none_left()?;
                idle.run(&target, needed()?).await
            }
            "echo" => {
                let echo = Echo {
                    clients: self.take("clients", 100)?,
                    in_flight: self.take("in-flight", 1)?,
                    length: self.length()?,
                };
                self.none_left()?;
                echo.run(&target, server).await
            }
            "fan-out" => {
                let fan_out = FanOut {
                    members: self.take("members", 1_000)?,
                    rounds: self.take("rounds", 100)?,
                    burst: self.take("burst", 1)?,
                };
                self.none_left()?;
                fan_out.run(&target, server).await
            }
            "connect" => {
                let connect = Connect {
                    connections: self.take("connections", 20_000)?,
                    at_once: self.take("at-once", 32)?,
                };
                self.none_left()?;
                connect.run(&target, server).await
            }
            "polling" => {
                let polling = Polling { clients: self.take("clients", 100)?, length: self.length()? };
                self.none_left()?;
                polling.run(&target, server).await
            }
            "ledger" => {
                let ledger = Ledger {
                    sockets: self.take("sockets", 1_000)?,
                    events: self.take("events", 100_000)?,
                    cuts: self.take("cuts", 0)?,
                };
                self.none_left()?;
                ledger.run(&target, server).await
            }
            "slow-reader" => {
                let slow = SlowReader {
                    bytes: self.take("bytes", 49_000_000)?,
                    message: self.take("message", 10_000)?,
                    pause: self.milliseconds("pause-ms", 2)?,
                };
                self.none_left()?;
                slow.run(&target, needed()?).await
            }
            _ => Err(LoadError::Impossible(USAGE.to_owned())),
        }
    }

    fn none_left(&self) -> Result<(), LoadError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(LoadError::Impossible(format!("--{name} is no option of {}\n{USAGE}", self.scenario)))
            }
        }
    }
}
