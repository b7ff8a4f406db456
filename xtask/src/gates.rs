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

/// The value of one figure, and what it is made of.
fn measure(key: &str) -> io::Result<(f64, String)> {
    let command = application::ours("C");
    let (instrument, message) = match key {
        "idle" => {
            let server = Application::start(&command, &repository::scratch().join("logs/gates-server.log"))?;
            let figures = load::run(IDLE, server.address, Some(server.pid()))?;
            return Ok((figures.get("bytes_per_client")?, String::new()));
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
