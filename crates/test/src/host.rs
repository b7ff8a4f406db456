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
            (now.unhandled - before.unhandled, "came that no handler takes"),
            (now.wrong_arguments - before.wrong_arguments, "had arguments that its handler does not take"),
            (now.errors - before.errors, "made a handler return an error"),
            (now.panics - before.panics, "made a handler panic"),
            (now.undecodable - before.undecodable, "was no packet, which closed its connection"),
            (now.violations - before.violations, "was not allowed then, which closed its connection"),
        ];
        let times = |count| if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let troubles = troubles.into_iter().filter(|(count, _)| *count > 0);
        troubles.map(|(count, what)| format!("{}: something {what}", times(count))).collect()
    }
}
