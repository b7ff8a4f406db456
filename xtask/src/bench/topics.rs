//! What is measured, and how: each topic starts a server of its own and gives some figures.

use std::io;

use crate::{
    application::Application,
    bench::results::Server,
    gates,
    instruments::{self, Instrument, Message},
    load, repository,
};

/// Figures by their keys in the table of budgets.
type Figures = Vec<(&'static str, f64)>;

/// A part of the benchmark.
pub(crate) struct Topic {
    /// How it is chosen: `cargo xtask bench --only NAME`.
    pub(crate) name: &'static str,
    /// The peers have nothing like it, or it says something about our code only.
    pub(crate) ours_only: bool,
    /// Peers that this instrument says nothing about.
    pub(crate) skips: &'static [&'static str],
    /// Measures one server, more shortly when `quick`.
    pub(crate) measure: fn(server: &Server, quick: bool) -> io::Result<Figures>,
}

const fn topic(name: &'static str, measure: fn(&Server, bool) -> io::Result<Figures>) -> Topic {
    Topic { name, ours_only: false, skips: &[], measure }
}

/// All topics, in the order of the table.
pub(crate) const TOPICS: &[Topic] = &[
    topic("idle", idle),
    Topic { ours_only: true, ..topic("idle-polling", idle_polling) },
    Topic { ours_only: true, ..topic("idle-sse", idle_sse) },
    topic("echo", echo),
    topic("latency", latency),
    topic("fan-out", fan_out),
    // Apart from the one above: a peer that fails here has figures there.
    topic("fan-out-10000", fan_out_far),
    topic("burst", burst),
    topic("connect", connect),
    topic("polling", polling),
    topic("slow-reader", slow_reader),
    topic("system-calls", system_calls),
    // A virtual machine's instructions are not those of its program.
    Topic { skips: &["Node"], ..topic("instructions", instructions) },
    Topic { ours_only: true, ..topic("recovery", recovery) },
];

/// Runs of a figure that noise touches; the one in the middle counts.
const RUNS: usize = 3;

fn start(server: &Server) -> io::Result<Application> {
    Application::start(&server.command, &repository::scratch().join("logs/bench-server.log"))
}

/// Runs `scenario` on a server of its own, `runs` times; the middle one of the figure called `name`.
fn middle(server: &Server, scenario: &str, name: &str, runs: usize) -> io::Result<f64> {
    let server = start(server)?;
    let mut values = Vec::with_capacity(runs);
    for _ in 0..runs {
        values.push(load::run(scenario, server.address, Some(server.pid()))?.get(name)?);
    }
    values.sort_by(f64::total_cmp);
    Ok(values[runs / 2])
}

fn runs(quick: bool) -> usize {
    if quick { 1 } else { RUNS }
}

fn idle(server: &Server, quick: bool) -> io::Result<Figures> {
    let scenario =
        if quick { "idle --clients 2000 --hold-ms 3000" } else { "idle --clients 10000 --hold-ms 12000" };
    let server = start(server)?;
    let figures = load::run(scenario, server.address, Some(server.pid()))?;
    Ok(vec![("idle", figures.get("bytes_per_client")?), ("left", figures.get("left_part")? * 100.0)])
}

fn idle_polling(server: &Server, quick: bool) -> io::Result<Figures> {
    Ok(vec![("idle-polling", idle_over(server, "polling", quick)?)])
}

fn idle_sse(server: &Server, quick: bool) -> io::Result<Figures> {
    Ok(vec![("idle-sse", idle_over(server, "sse", quick)?)])
}

fn idle_over(server: &Server, wire: &str, quick: bool) -> io::Result<f64> {
    let (clients, hold) = if quick { (1_000, 3_000) } else { (5_000, 12_000) };
    let scenario = format!("idle --wire {wire} --clients {clients} --hold-ms {hold}");
    middle(server, &scenario, "bytes_per_client", 1)
}

fn echo(server: &Server, quick: bool) -> io::Result<Figures> {
    let scenario = if quick { "echo --clients 100 --ms 1500" } else { "echo --clients 100 --ms 5000" };
    Ok(vec![("echo", middle(server, scenario, "server_cpu_us", runs(quick))?)])
}

fn latency(server: &Server, quick: bool) -> io::Result<Figures> {
    let scenario = if quick { "echo --clients 1000 --ms 2000" } else { "echo --clients 1000 --ms 8000" };
    let server = start(server)?;
    let figures = load::run(scenario, server.address, Some(server.pid()))?;
    let (p50, p99) = (figures.get("p50_ms")?, figures.get("p99_ms")?);
    Ok(vec![("echo-p50", p50), ("echo-p99", p99), ("echo-ratio", p99 / p50)])
}

fn fan_out(server: &Server, quick: bool) -> io::Result<Figures> {
    let rounds = if quick { 50 } else { 300 };
    let scenario = format!("fan-out --members 1000 --rounds {rounds}");
    Ok(vec![("fan-out-1000", middle(server, &scenario, "server_cpu_us", runs(quick))?)])
}

fn fan_out_far(server: &Server, quick: bool) -> io::Result<Figures> {
    let scenario =
        if quick { "fan-out --members 5000 --rounds 10" } else { "fan-out --members 10000 --rounds 30" };
    Ok(vec![("fan-out-10000", middle(server, scenario, "server_cpu_us", runs(quick))?)])
}

fn burst(server: &Server, quick: bool) -> io::Result<Figures> {
    let rounds = if quick { 20 } else { 100 };
    let scenario = format!("fan-out --members 1000 --rounds {rounds} --burst 10");
    Ok(vec![("fan-out-burst", middle(server, &scenario, "server_cpu_us", runs(quick))?)])
}

fn connect(server: &Server, quick: bool) -> io::Result<Figures> {
    let connections = if quick { 2_000 } else { 15_000 };
    let scenario = format!("connect --connections {connections}");
    Ok(vec![("connect", middle(server, &scenario, "server_cpu_us", runs(quick))?)])
}

fn polling(server: &Server, quick: bool) -> io::Result<Figures> {
    let scenario = if quick { "polling --clients 100 --ms 1500" } else { "polling --clients 100 --ms 5000" };
    Ok(vec![("polling", middle(server, scenario, "server_cpu_us", runs(quick))?)])
}

fn slow_reader(server: &Server, _quick: bool) -> io::Result<Figures> {
    let server = start(server)?;
    let figures = load::run("slow-reader", server.address, Some(server.pid()))?;
    let (delivered, broadcasts) = (figures.get("delivered")?, figures.get("broadcasts")?);
    if delivered < broadcasts {
        return Err(io::Error::other(format!("the other reader got {delivered} of {broadcasts}")));
    }
    Ok(vec![("slow-grown", figures.get("grown_bytes")? / 1e6), ("slow-kept", 1.0 - figures.get("closed")?)])
}

fn system_calls(server: &Server, _quick: bool) -> io::Result<Figures> {
    let messages = [
        ("calls-echo", Message::Echo),
        ("calls-delivery", Message::Delivery),
        ("calls-polling", Message::PollingRoundTrip),
    ];
    costs(server, Instrument::Strace, &messages)
}

fn instructions(server: &Server, _quick: bool) -> io::Result<Figures> {
    let messages = [
        ("instructions-echo", Message::Echo),
        ("instructions-delivery", Message::Delivery),
        ("instructions-polling", Message::PollingRoundTrip),
    ];
    costs(server, Instrument::Callgrind, &messages)
}

fn recovery(_server: &Server, _quick: bool) -> io::Result<Figures> {
    let keys = ["recovery-idle", "recovery-event", "recovery-delivery"];
    keys.into_iter().map(|key| Ok((key, gates::measure(key)?.0))).collect()
}

fn costs(
    server: &Server,
    instrument: Instrument,
    messages: &[(&'static str, Message)],
) -> io::Result<Figures> {
    let mut figures = Figures::new();
    for (key, message) in messages {
        let costs = instruments::cost(&server.command, instrument, *message)?;
        if instrument == Instrument::Strace {
            println!("  {key}: {}", instruments::named(&costs));
        }
        figures.push((key, instruments::total(&costs)));
    }
    Ok(figures)
}
