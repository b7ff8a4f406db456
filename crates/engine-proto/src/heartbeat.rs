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
//! While nothing is read from the peer its silence is ours. Where reading stops and goes on again and again, the
//! silence counts anew when it goes on for the first time, and no other: else no moment would ever come to ping it, or to
//! see whether it is still there.
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
    rest: Rest,
    pinger: Pinger,
}

/// Whether the peer was read all the time since its silence was last judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    /// It was.
    Never,
    /// It was not.
    Paused,
    /// Its silence was counted anew when reading went on, and it was read since.
    Resumed,
    /// Reading stopped once more since then.
    Again,
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
    /// What was due may lie unread: the peer has one more ping timeout, and is to hear of us.
    Excused,
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
                rest: Rest::Never,
                pinger,
            },
            Pinger::Client => Heartbeat {
                deadline: now.after(timing.ping_interval + timing.ping_timeout),
                awaiting: true,
                extended: true,
                rest: Rest::Never,
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
        *self = Heartbeat { rest: self.rest, ..Heartbeat::new(self.pinger, now, timing) };
    }

    /// A packet that is no pong.
    pub(crate) fn heard(&mut self, now: Tick, timing: &Timing) {
        if self.awaiting && !self.extended {
            self.extended = true;
            self.deadline = now.after(timing.ping_timeout);
        }
    }

    /// We do not listen for now.
    pub(crate) fn pause(&mut self, now: Tick, timing: &Timing) {
        self.rest = match self.rest {
            Rest::Never => Rest::Paused,
            Rest::Resumed => Rest::Again,
            Rest::Paused | Rest::Again => return,
        };
        match self.pinger {
            Pinger::Client => self.excuse(now, timing),
            // The wait for a pong may have begun anew: for who waits for our next ping it must not last two time-outs.
            Pinger::Server if self.awaiting => {
                self.deadline = self.deadline.earlier(now.after(timing.ping_interval));
            }
            Pinger::Server => {}
        }
    }

    /// We listen again. A ping that is still to come is due when it was.
    pub(crate) fn resume(&mut self, now: Tick, timing: &Timing) {
        let anew = self.counted_anew(now, timing);
        match self.rest {
            Rest::Paused => {
                self.rest = Rest::Resumed;
                self.deadline = anew;
            }
            // It was counted anew at this very moment.
            Rest::Again if self.deadline == anew => self.rest = Rest::Resumed,
            Rest::Never | Rest::Resumed | Rest::Again => {}
        }
    }

    /// The deadline of a peer that is silent from now on.
    fn counted_anew(&self, now: Tick, timing: &Timing) -> Tick {
        match self.pinger {
            Pinger::Server if !self.awaiting => self.deadline,
            Pinger::Server => now.after(timing.ping_timeout),
            Pinger::Client => now.after(timing.ping_interval + timing.ping_timeout),
        }
    }

    /// The peer's silence is ours, and it hears of us before it would give us up.
    fn excuse(&mut self, now: Tick, timing: &Timing) {
        self.deadline = now.after(match self.pinger {
            Pinger::Server => timing.ping_timeout,
            // A ping that it sent at once lies unread, and is given one ping timeout.
            Pinger::Client => (timing.ping_timeout / 2).max(1),
        });
    }

    /// Whether a sign of life is missing for too long, and may lie unread.
    pub(crate) fn is_excused(&self, now: Tick) -> bool {
        self.awaiting && self.deadline.is_due(now) && self.rested()
    }

    fn rested(&self) -> bool {
        matches!(self.rest, Rest::Paused | Rest::Again)
    }

    /// What is due now; `paused` is whether nothing is read.
    pub(crate) fn poll(&mut self, paused: bool, now: Tick, timing: &Timing) -> Beat {
        if !self.deadline.is_due(now) {
            return Beat::Early;
        }
        let rested = self.rested();
        self.rest = if paused { Rest::Paused } else { Rest::Never };
        if self.awaiting {
            match (rested, paused) {
                (false, _) => return Beat::Dead,
                (true, true) => self.excuse(now, timing),
                (true, false) => self.deadline = self.counted_anew(now, timing),
            }
            return Beat::Excused;
        }
        self.deadline = now.after(timing.ping_timeout);
        self.awaiting = true;
        self.extended = false;
        Beat::Ping
    }
}
