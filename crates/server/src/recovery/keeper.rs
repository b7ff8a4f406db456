//! What a namespace keeps so that peers can be recovered.
//!
//! The log's lock comes before all others: who emits, comes or goes holds it while it queues and changes rooms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use parking_lot::Mutex;
use sockeye_engine_proto::tick::Tick;

use crate::recovery::Recovery;
use crate::recovery::log::{Log, TAG};
use crate::recovery::saved::Saves;
use crate::slots::Slots;

/// What is kept, and for how long.
pub(crate) struct Keeper {
    pub(crate) log: Mutex<Log>,
    pub(crate) saves: Mutex<Saves>,
    /// Where the sockets of pids are.
    pub(crate) pids: Slots,
    /// Ticks for which a peer may stay away.
    pub(crate) duration: u32,
    pub(crate) options: Recovery,
    /// Whether a task looks for what has expired.
    pub(crate) is_swept: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(options: &Recovery, tag: [u8; TAG], all: Arc<AtomicUsize>) -> Keeper {
        Keeper {
            log: Mutex::new(Log::new(tag, all)),
            saves: Mutex::default(),
            pids: Slots::default(),
            duration: Tick::ticks(options.max_disconnection_duration),
            options: options.clone(),
            is_swept: AtomicBool::new(false),
        }
    }

    /// Lets go of what is too old. True when nothing is left.
    pub(crate) fn sweep(&self, now: Tick) -> bool {
        let mut log = self.log.lock();
        log.forget_before(now.before(self.duration));
        let is_empty = log.is_empty();
        drop(log);
        let mut saves = self.saves.lock();
        let gone = saves.sweep(now, self.duration);
        let is_empty = is_empty && saves.is_empty();
        drop(saves);
        // The application's values: dropped where no lock is held.
        drop(gone);
        is_empty
    }

    /// Whether a peer may still come back to it.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.saves.lock().is_empty()
    }
}
