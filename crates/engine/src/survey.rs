//! The sessions of an engine, as somebody who walks by sees them.

use sockeye_engine_proto::session::Wire;

use crate::engine::{Application, Engine};

/// Sessions that are looked at under one lock of the table.
const SLICE: u32 = 256;

/// What a walk past all sessions saw. They go on meanwhile, so it is of no single moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Survey {
    /// Sessions that are open, by what carries them, in the order of [`Wire::ALL`].
    pub open: [u64; Wire::ALL.len()],
    /// Bytes that wait for all peers.
    pub queued: u64,
    /// Bytes that wait for the peer for whom most wait.
    pub longest_queue: u64,
    /// Sessions for whose peers more than the soft limit waits.
    pub slow: u64,
    /// Messages that came since the engine started.
    pub messages_received: u64,
    /// Messages that were queued for peers since the engine started.
    pub messages_sent: u64,
}

impl<A: Application> Engine<A> {
    /// Looks at every session: some 25 ns each, in slices, so that nobody who opens or closes one waits for long. It
    /// does not wait itself, so for a great many sessions it belongs where blocking is allowed.
    pub fn survey(&self) -> Survey {
        let mut survey = Survey::default();
        let soft = self.terms().limits.soft;
        let gone = self.terms().traffic.gone();
        let mut alive = (0, 0);
        let slots = self.sessions().slots();
        for start in (0..slots).step_by(SLICE as usize) {
            let end = start.saturating_add(SLICE).min(slots);
            self.sessions().visit(&mut (start..end), |session| {
                let glance = session.glance();
                alive.0 += u64::from(glance.received);
                alive.1 += u64::from(glance.sent);
                if !glance.is_open {
                    return;
                }
                survey.open[glance.wire as usize] += 1;
                survey.queued += glance.queued as u64;
                survey.longest_queue = survey.longest_queue.max(glance.queued as u64);
                survey.slow += u64::from(glance.held > soft);
            });
        }
        (survey.messages_received, survey.messages_sent) = self.terms().traffic.messages(gone, alive);
        survey
    }
}
