//! A socket that goes, and may come back: what is kept of it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::MutexGuard;
use sockeye_adapter::adapter::Member;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::hub::{Engine, Space};
use crate::id::Pid;
use crate::recovery::keeper::Keeper;
use crate::recovery::log::Log;
use crate::recovery::saved::Saved;

/// Whether a peer that went for this reason may come back as what it was: neither side wanted it to go.
pub(crate) fn is_recoverable(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::TransportClose
            | DisconnectReason::TransportError
            | DisconnectReason::PingTimeout
            | DisconnectReason::ForcedClose
            | DisconnectReason::ForcedServerClose
            | DisconnectReason::ServerShuttingDown
            | DisconnectReason::SlowReader
            | DisconnectReason::MemoryBudget
    )
}

/// A socket is about to leave: while this is held nothing is emitted in its namespace.
pub(crate) struct Cut<'k> {
    keeper: &'k Keeper,
    log: MutexGuard<'k, Log>,
    pid: Pid,
}

impl<'k> Cut<'k> {
    pub(crate) fn begin(keeper: &'k Keeper, pid: Pid) -> Cut<'k> {
        Cut { keeper, log: keeper.log.lock(), pid }
    }

    /// The number up to which all has reached it, for sure.
    pub(crate) fn reached(&self, member: Member) -> u64 {
        self.log.reached(member.index())
    }

    /// It has left, and is kept or not.
    pub(crate) fn end(self, engine: &Arc<Engine>, space: &Space, slot: u32, saved: Option<Saved>) {
        let Cut { keeper, mut log, pid } = self;
        keeper.pids.remove(pid.hash(), slot);
        let mut saves = keeper.saves.lock();
        let gone = saved.and_then(|saved| {
            let until = engine.now().after(keeper.duration);
            saves.save(pid, saved, until, keeper.options.sessions)
        });
        if saves.is_empty() && space.adapter.is_empty() {
            log.clear();
        }
        drop(saves);
        drop(log);
        // The application's values: dropped where no lock is held.
        drop(gone);
        sweep(engine, space, keeper);
    }
}

/// Sees that what is kept goes again: one task for a namespace, while it keeps something.
pub(crate) fn sweep(engine: &Arc<Engine>, space: &Space, keeper: &Keeper) {
    if keeper.is_swept.swap(true, Ordering::AcqRel) {
        return;
    }
    let Some(number) = engine.application().spaces.find(&space.name).map(|held| held.number()) else {
        return;
    };
    let pause = (keeper.options.max_disconnection_duration / 4).max(Duration::from_millis(100));
    let (engine, runtime) = (Arc::downgrade(engine), engine.runtime().clone());
    runtime.clone().spawn(async move {
        loop {
            runtime.sleep(pause).await;
            if sweep_once(&engine, number) {
                return;
            }
        }
    });
}

/// True when there is nothing more to do.
fn sweep_once(engine: &Weak<Engine>, number: u16) -> bool {
    let Some(engine) = engine.upgrade() else { return true };
    let hub = engine.application();
    let Some(space) = hub.spaces.try_hold(number) else { return true };
    let is_done = match &space.space(&hub.spaces).keeper {
        // Whoever keeps something from here on starts the next task.
        Some(keeper) if keeper.sweep(engine.now()) => {
            keeper.is_swept.store(false, Ordering::Release);
            // What was kept in between found a task that is about to end.
            keeper.sweep(engine.now()) || keeper.is_swept.swap(true, Ordering::AcqRel)
        }
        Some(_) => false,
        None => true,
    };
    drop(space);
    if is_done {
        hub.vacated(number);
    }
    is_done
}
