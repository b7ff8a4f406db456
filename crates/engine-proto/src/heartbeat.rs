//! Whether the peer lives.
//!
//! ```text
//!  open ──ping interval──▶ 2 ──ping timeout──▶ close
//!                          3 (pong) ──ping interval──▶ 2 …
//! ```
//! The server pings, counted from the last pong. While a pong is missing, the first other packet gives the
//! peer one more ping timeout. Liveness belongs to the session: no change of transport stops the count.
//!
//! Spec: engine.md, section 6.

use crate::tick::Tick;
use crate::timing::Timing;

/// The heartbeat of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    deadline: Tick,
    awaiting_pong: bool,
    extended: bool,
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
    pub(crate) fn new(now: Tick, timing: &Timing) -> Heartbeat {
        Heartbeat { deadline: now.after(timing.ping_interval), awaiting_pong: false, extended: false }
    }

    pub(crate) fn deadline(&self) -> Tick {
        self.deadline
    }

    /// A pong, or a new wire that has just spoken: the next ping is a whole interval away.
    pub(crate) fn restart(&mut self, now: Tick, timing: &Timing) {
        *self = Heartbeat::new(now, timing);
    }

    /// A packet that is no pong.
    pub(crate) fn heard(&mut self, now: Tick, timing: &Timing) {
        if self.awaiting_pong && !self.extended {
            self.extended = true;
            self.deadline = now.after(timing.ping_timeout);
        }
    }

    /// We stopped listening: the peer's silence is ours.
    pub(crate) fn excuse(&mut self, now: Tick, timing: &Timing) {
        self.deadline = now.after(timing.ping_timeout);
    }

    /// Whether a pong is missing for too long.
    pub(crate) fn is_overdue(&self, now: Tick) -> bool {
        self.awaiting_pong && self.deadline.is_due(now)
    }

    pub(crate) fn poll(&mut self, now: Tick, timing: &Timing) -> Beat {
        if !self.deadline.is_due(now) {
            return Beat::Early;
        }
        if self.awaiting_pong {
            return Beat::Dead;
        }
        *self = Heartbeat { deadline: now.after(timing.ping_timeout), awaiting_pong: true, extended: false };
        Beat::Ping
    }
}
