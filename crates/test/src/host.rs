//! What the clients of one server share.

use sockeye::{Counters, Server};

use crate::clock::Clock;
use crate::service::Door;

/// The server under test.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) clock: Clock,
    pub(crate) door: Door,
    pub(crate) path: String,
    /// Unless a service was given in its place.
    pub(crate) server: Option<Server>,
    /// What it had counted before the test.
    pub(crate) before: Counters,
}

impl Host {
    /// What went wrong on the server since the test began, for whoever wonders why something did not come.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let Some(server) = &self.server else { return Vec::new() };
        let (now, before) = (server.counters(), &self.before);
        let troubles = [
            (now.unhandled - before.unhandled, "an event that no handler takes"),
            (now.wrong_arguments - before.wrong_arguments, "arguments that the handler does not take"),
            (now.errors - before.errors, "a handler that returned an error"),
            (now.panics - before.panics, "a handler that panicked"),
            (now.undecodable - before.undecodable, "a connection closed, since what came was no packet"),
            (now.violations - before.violations, "a connection closed, since a packet was not allowed then"),
        ];
        let troubles = troubles.into_iter().filter(|(count, _)| *count > 0);
        troubles.map(|(count, what)| format!("{count} × {what}")).collect()
    }
}
