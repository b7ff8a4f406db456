//! Runs the load generator, in its own process.

use std::{collections::BTreeMap, io, net::SocketAddr, process::Command, time::Duration};

use serde_json::Value;

use crate::{process, repository};

/// More than any scenario takes.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// The figures of one scenario, by name.
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// A figure by its name.
    pub(crate) fn get(&self, name: &str) -> io::Result<f64> {
        self.0.get(name).copied().ok_or_else(|| io::Error::other(format!("the generator measured no {name}")))
    }
}

/// Runs `scenario`, words separated by spaces, against the server at `address`; reads what process `server` pays.
pub(crate) fn run(scenario: &str, address: SocketAddr, server: Option<u32>) -> io::Result<Figures> {
    let mut words = scenario.split_whitespace();
    let mut command = Command::new(repository::release("sockeye-load"));
    command.arg(words.next().unwrap_or_default()).arg(address.to_string());
    if let Some(pid) = server {
        command.args(["--pid", &pid.to_string()]);
    }
    command.args(words);
    let finished = process::run(command, &repository::scratch().join("logs/load.log"), LIMIT)?;
    let failed = || io::Error::other(format!("{scenario}: {}", finished.output.trim()));
    if !finished.success {
        return Err(failed());
    }
    let figures: Value = serde_json::from_str(&finished.output).map_err(|_| failed())?;
    let figures = figures.as_object().ok_or_else(failed)?;
    Ok(Figures(figures.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()))
}
