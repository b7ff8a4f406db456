//! The move from one transport to a better one.
//!
//! ```text
//! client ── 2probe ──▶ server      ping on the new wire
//! client ◀── 3probe ── server      pong; a waiting poll gets a `6` (noop) every 100 ms, a stream one last `6`
//! client ──── 5 ─────▶ server      from here the old wire is silent
//! ```
//! One candidate at a time. Whatever becomes of it, the session goes on where it was.
//!
//! Spec: engine.md, section 7; extensions.md, section 1.5.

use crate::tick::Tick;
use crate::timing::Timing;

/// How long after a probe a waiting poll is released, and how often again: not before 100 ms, as clients count on, so
/// 100 ms and what is left of a tick.
const RELEASE_EVERY: u32 = 3;

/// How far the candidate is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// There is none.
    Idle,
    /// A new wire is open and has said nothing.
    Claimed,
    /// It has said `2probe`.
    Probed,
}

/// The state of an upgrade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgrade {
    until: Tick,
    /// The next release, as ticks before `until`: two bytes are enough for 54 minutes.
    release: u16,
    stage: Stage,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Nothing.
    Nothing,
    /// A waiting poll is to be answered with `6`.
    Release,
    /// The candidate took too long.
    Abandon,
}

impl Upgrade {
    pub(crate) fn new() -> Upgrade {
        Upgrade { until: Tick::default(), release: 0, stage: Stage::Idle }
    }

    pub(crate) fn claim(&mut self, now: Tick, timing: &Timing) -> bool {
        if self.stage != Stage::Idle {
            return false;
        }
        self.stage = Stage::Claimed;
        self.until = now.after(timing.upgrade_timeout);
        true
    }

    pub(crate) fn probe(&mut self, now: Tick) {
        if self.stage == Stage::Claimed {
            self.stage = Stage::Probed;
            self.release_after(now);
        }
    }

    pub(crate) fn is_probed(&self) -> bool {
        self.stage == Stage::Probed
    }

    pub(crate) fn end(&mut self) {
        self.stage = Stage::Idle;
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        match self.stage {
            Stage::Idle => None,
            Stage::Claimed => Some(self.until),
            Stage::Probed => Some(self.until.earlier(self.release())),
        }
    }

    pub(crate) fn poll(&mut self, now: Tick) -> Due {
        if self.stage == Stage::Idle {
            return Due::Nothing;
        }
        if self.until.is_due(now) {
            self.stage = Stage::Idle;
            return Due::Abandon;
        }
        if self.stage == Stage::Probed && self.release().is_due(now) {
            self.release_after(now);
            return Due::Release;
        }
        Due::Nothing
    }

    fn release(&self) -> Tick {
        self.until.before(u32::from(self.release))
    }

    fn release_after(&mut self, now: Tick) {
        let ticks = self.until.ticks_from(now.after(RELEASE_EVERY));
        self.release = u16::try_from(ticks).unwrap_or(u16::MAX);
    }
}
