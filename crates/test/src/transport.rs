//! The techniques that can carry a client.

use std::fmt;

/// A technique that carries a client.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Transport {
    /// Long polling: a GET waits for packets, POSTs bring them.
    Polling,
    /// Short polling: a GET never waits. The client asks after each POST, and every 250 ms.
    ShortPolling,
    /// A stream of server-sent events, and POSTs.
    Sse,
    /// A WebSocket. The default.
    #[default]
    WebSocket,
}

impl Transport {
    /// All of them, for tests that run over each.
    pub const ALL: [Transport; 4] =
        [Transport::Polling, Transport::ShortPolling, Transport::Sse, Transport::WebSocket];

    /// Its name in a query.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Polling | Transport::ShortPolling => "polling",
            Transport::Sse => "sse",
            Transport::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::ShortPolling => "short polling",
            other => other.name(),
        })
    }
}
