//! Whether the peer lives.
//!
//! ```text
//!  open ──ping interval──▶ 2 ──ping timeout──▶ close
//!                          3 (pong) ──ping interval──▶ 2 …
//! ```
//! The server pings, counted from the last pong. While a pong is missing, the first other packet gives the
//! peer one more ping timeout. Liveness belongs to the session: no change of transport stops the count.
//!
//! ```text
//!  open ──ping interval + ping timeout──▶ close
//!   2 (ping) starts it again, and is answered by 3 (pong)
//! ```
//! In protocol 3 the client pings, and nothing else counts.
//!
//! Spec: engine.md, section 6.

use crate::tick::Tick;
use crate::timing::Timing;

/// The heartbeat of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    deadline: Tick,
    /// A pong; in protocol 3 the next ping, always.
    awaiting: bool,
    extended: bool,
    pinger: Pinger,
}

/// Who pings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pinger {
    /// The server: protocol 4.
    Server,
    /// The client: protocol 3.
    Client,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Beat {
    /// Nothing yet.
    Early,
    /// A ping.
    Ping,
    /// The peer is gone.
    Dead,
}

impl Heartbeat {
    pub(crate) fn new(pinger: Pinger, now: Tick, timing: &Timing) -> Heartbeat {
        match pinger {
            Pinger::Server => Heartbeat {
                deadline: now.after(timing.ping_interval),
                awaiting: false,
                extended: false,
                pinger,
            },
            Pinger::Client => Heartbeat {
                deadline: now.after(timing.ping_interval + timing.ping_timeout),
                awaiting: true,
                extended: true,
                pinger,
            },
        }
    }

    pub(crate) fn pinger(&self) -> Pinger {
        self.pinger
    }

    pub(crate) fn deadline(&self) -> Tick {
        self.deadline
    }

    /// A sign of life that was due, or a new wire that has just spoken: the next ping is a whole interval away.
    pub(crate) fn restart(&mut self, now: Tick, timing: &Timing) {
        *self = Heartbeat::new(self.pinger, now, timing);
    }

    /// A packet that is no pong.
    pub(crate) fn heard(&mut self, now: Tick, timing: &Timing) {
        if self.awaiting && !self.extended {
            self.extended = true;
            self.deadline = now.after(timing.ping_timeout);
        }
    }

    /// We do not listen for now: the peer's silence is ours, and it hears of us before it would give us up.
    pub(crate) fn excuse(&mut self, now: Tick, timing: &Timing) {
        self.deadline = now.after(match self.pinger {
            Pinger::Server => timing.ping_timeout,
            // A ping that it sent at once lies unread, and is given one ping timeout.
            Pinger::Client => (timing.ping_timeout / 2).max(1),
        });
    }

    /// We listen again.
    pub(crate) fn resume(&mut self, now: Tick, timing: &Timing) {
        match self.pinger {
            Pinger::Server => self.excuse(now, timing),
            Pinger::Client => self.restart(now, timing),
        }
    }

    /// Whether a sign of life is missing for too long.
    pub(crate) fn is_overdue(&self, now: Tick) -> bool {
        self.awaiting && self.deadline.is_due(now)
    }

    pub(crate) fn poll(&mut self, now: Tick, timing: &Timing) -> Beat {
        if !self.deadline.is_due(now) {
            return Beat::Early;
        }
        if self.awaiting {
            return Beat::Dead;
        }
        self.deadline = now.after(timing.ping_timeout);
        self.awaiting = true;
        self.extended = false;
        Beat::Ping
    }
}
