//! What a run of the benchmark asks for, and what it has found.

use std::collections::BTreeMap;

/// A server that is measured.
pub(crate) struct Server {
    /// Its column.
    pub(crate) name: &'static str,
    /// How it is started.
    pub(crate) command: Vec<String>,
}

/// How a benchmark is run.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Fewer runs and fewer clients, to see whether all is well.
    pub(crate) quick: bool,
    /// Only the topics of these names, or all.
    pub(crate) only: Vec<String>,
}

/// All figures of a run: by key, then by server.
pub(crate) type Results = BTreeMap<&'static str, BTreeMap<&'static str, f64>>;
