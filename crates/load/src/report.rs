//! What a scenario measured.

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::usage::Usage;

/// Figures by name; each name ends in its unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    figures: Map<String, Value>,
}

impl Report {
    /// Adds a figure.
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        // Four digits are more than any of them is worth.
        self.figures.insert(name.to_owned(), json!((value * 1e4).round() / 1e4));
    }

    /// A figure by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.get(name)?.as_f64()
    }

    /// One JSON object with all figures.
    pub fn to_json(&self) -> Value {
        Value::Object(self.figures.clone())
    }
}

/// Measures from a moment on what server and generator use.
#[derive(Debug)]
pub(crate) struct Meter {
    server: Option<u32>,
    began: Instant,
    before: (Option<Usage>, Usage),
}

impl Meter {
    /// Begins now; `server` is the server's process, where there is one to look at.
    pub(crate) fn start(server: Option<u32>) -> io::Result<Self> {
        Ok(Self { server, before: usage(server)?, began: Instant::now() })
    }

    /// Adds to `report` what each of `count` things cost since then.
    pub(crate) fn stop(&self, count: u64, report: &mut Report) -> io::Result<()> {
        let time = self.began.elapsed();
        let (server, own) = usage(self.server)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count.max(1) as f64;
        report.set("count", count as f64);
        report.set("seconds", time.as_secs_f64());
        report.set("per_second", count as f64 / time.as_secs_f64());
        report.set("load_cpu_us", each(own.cpu_since(&self.before.1)));
        if let (Some(server), Some(before)) = (server, self.before.0) {
            report.set("server_cpu_us", each(server.cpu_since(&before)));
            report.set(
                "server_switches",
                server.switches.saturating_sub(before.switches) as f64 / count.max(1) as f64,
            );
            report.set("server_resident_bytes", server.resident as f64);
        }
        Ok(())
    }
}

fn usage(server: Option<u32>) -> io::Result<(Option<Usage>, Usage)> {
    Ok((server.map(Usage::of).transpose()?, Usage::own()?))
}
