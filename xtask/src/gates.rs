//! The figures that noise cannot touch, held against their gates: a part of the tests.

use std::io;

use crate::{
    application::{self, Application},
    budgets::{BUDGETS, budget},
    instruments::{self, Instrument, Message},
    load,
    process::Finished,
    repository,
};

/// Half of what the benchmark opens, and a shorter rest: pages go back after a second.
const IDLE: &str = "idle --clients 5000 --hold-ms 4000 --after-ms 0";

/// Measures each figure that has a gate.
pub(crate) fn suite() -> io::Result<Finished> {
    let mut output = String::new();
    let (mut passed, mut failed) = (0, 0);
    for gate in BUDGETS.iter().filter(|budget| budget.gate.is_some()) {
        let line = match measure(gate.key) {
            Ok((value, detail)) => {
                let limit = gate.gate.expect("only those with a gate are here");
                let holds = value <= limit;
                if holds {
                    passed += 1
                } else {
                    failed += 1
                }
                let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
                let budget = gate
                    .budget
                    .map_or_else(String::new, |budget| format!(", the budget {}", gate.show(budget)));
                format!(
                    "{}: {} {verdict}, the gate is {}{budget}{detail}",
                    gate.key,
                    gate.show(value),
                    gate.show(limit)
                )
            }
            Err(error) => {
                failed += 1;
                format!("{}: could not be measured: {error}", gate.key)
            }
        };
        println!("  {line}");
        output.push_str(&line);
        output.push('\n');
    }
    output.push_str(&format!("{passed} passed, {failed} failed\n"));
    Ok(Finished { success: failed == 0, output })
}

/// Bytes per idle WebSocket.
fn idle(command: &[String]) -> io::Result<f64> {
    let server = Application::start(command, &repository::scratch().join("logs/gates-server.log"))?;
    load::run(IDLE, server.address, Some(server.pid()))?.get("bytes_per_client")
}

/// The value of one figure, and what it is made of.
pub(crate) fn measure(key: &str) -> io::Result<(f64, String)> {
    let command = application::ours("C");
    let recovering = application::ours_with("C", &["--recovery"]);
    let (instrument, message) = match key {
        "idle" => return Ok((idle(&command)?, String::new())),
        "recovery-idle" => {
            let (without, with) = (idle(&command)?, idle(&recovering)?);
            return Ok((with - without, format!(" ({with:.0} B, and {without:.0} B without it)")));
        }
        "recovery-event" | "recovery-delivery" => {
            let message = if key == "recovery-event" { Message::Event } else { Message::Delivery };
            let cost = |command: &[String]| -> io::Result<f64> {
                Ok(instruments::total(&instruments::cost(command, Instrument::Callgrind, message)?))
            };
            let (without, with) = (cost(&command)?, cost(&recovering)?);
            return Ok((with - without, format!(" ({with:.0}, and {without:.0} without it)")));
        }
        "calls-echo" => (Instrument::Strace, Message::Echo),
        "calls-delivery" => (Instrument::Strace, Message::Delivery),
        "calls-polling" => (Instrument::Strace, Message::PollingRoundTrip),
        "instructions-echo" => (Instrument::Callgrind, Message::Echo),
        "instructions-delivery" => (Instrument::Callgrind, Message::Delivery),
        "instructions-polling" => (Instrument::Callgrind, Message::PollingRoundTrip),
        other => return Err(io::Error::other(format!("nothing measures {}", budget(other).label))),
    };
    let costs = instruments::cost(&command, instrument, message)?;
    let detail = match instrument {
        Instrument::Strace => format!(" ({})", instruments::named(&costs)),
        Instrument::Callgrind => String::new(),
    };
    Ok((instruments::total(&costs), detail))
}
