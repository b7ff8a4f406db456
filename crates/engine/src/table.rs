//! Sessions by slot and by id.
//!
//! A slot is a dense number of 4 bytes that rooms, the wheel and other tables keep instead of a pointer; it
//! is given again after its session is gone.

use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::session::Session;
use crate::sid::Sid;

/// All sessions of an engine.
#[derive(Debug)]
pub struct Table<C> {
    slots: RwLock<Slots<C>>,
}

#[derive(Debug)]
struct Slots<C> {
    sessions: Vec<Option<Arc<Session<C>>>>,
    free: Vec<u32>,
    by_sid: HashTable<u32>,
}

impl<C> Default for Table<C> {
    fn default() -> Table<C> {
        Table {
            slots: RwLock::new(Slots { sessions: Vec::new(), free: Vec::new(), by_sid: HashTable::new() }),
        }
    }
}

impl<C> Table<C> {
    /// Gives a slot to the session that `make` builds for it. None when there is one with that id.
    pub(crate) fn insert(
        &self,
        sid: Sid,
        make: impl FnOnce(u32) -> Arc<Session<C>>,
    ) -> Option<Arc<Session<C>>> {
        let mut slots = self.slots.write();
        let Slots { sessions, free, by_sid } = &mut *slots;
        let is_it = |slot: &u32| sessions[*slot as usize].as_ref().is_some_and(|found| found.sid() == sid);
        if by_sid.find(sid.hash(), is_it).is_some() {
            return None;
        }
        let slot = free.pop().unwrap_or_else(|| {
            sessions.push(None);
            u32::try_from(sessions.len() - 1).expect("memory ends before 2^32 sessions")
        });
        let session = make(slot);
        sessions[slot as usize] = Some(session.clone());
        by_sid.insert_unique(sid.hash(), slot, |slot| {
            sessions[*slot as usize].as_ref().map_or(0, |session| session.sid().hash())
        });
        Some(session)
    }

    /// Frees the session's slot, if it still holds it; `with` hears of it before the slot may be another's.
    pub(crate) fn remove(&self, session: &Arc<Session<C>>, with: impl FnOnce(u32)) -> bool {
        let slot = session.slot();
        let mut slots = self.slots.write();
        let held = slots.sessions.get(slot as usize).and_then(Option::as_ref);
        if !held.is_some_and(|held| Arc::ptr_eq(held, session)) {
            return false;
        }
        if let Ok(entry) = slots.by_sid.find_entry(session.sid().hash(), |found| *found == slot) {
            entry.remove();
        }
        let gone = slots.sessions[slot as usize].take();
        with(slot);
        slots.free.push(slot);
        drop(slots);
        drop(gone);
        true
    }

    /// The session with that id.
    #[must_use]
    pub fn find(&self, sid: &Sid) -> Option<Arc<Session<C>>> {
        let slots = self.slots.read();
        let session = |slot: u32| slots.sessions[slot as usize].as_ref();
        let slot =
            slots.by_sid.find(sid.hash(), |slot| session(*slot).is_some_and(|found| found.sid() == *sid));
        slot.and_then(|slot| session(*slot).cloned())
    }

    /// The session in that slot.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<Arc<Session<C>>> {
        self.slots.read().sessions.get(slot as usize).cloned().flatten()
    }

    /// Calls `visit` with the session of each slot, under one read lock: it must neither block nor come back.
    pub(crate) fn visit(
        &self,
        slots: &mut dyn Iterator<Item = u32>,
        mut visit: impl FnMut(&Arc<Session<C>>),
    ) {
        let table = self.slots.read();
        for slot in slots {
            if let Some(Some(session)) = table.sessions.get(slot as usize) {
                visit(session);
            }
        }
    }

    /// How many slots there are, taken or free.
    pub(crate) fn slots(&self) -> u32 {
        // As many as `insert` made, which are fewer than 2^32.
        self.slots.read().sessions.len() as u32
    }

    /// Every session there is.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Session<C>>> {
        self.slots.read().sessions.iter().flatten().cloned().collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let slots = self.slots.read();
        slots.sessions.len() - slots.free.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use sockeye_engine_proto::outbox::Limits;
    use sockeye_engine_proto::session::Wire;
    use sockeye_engine_proto::timing::Timing;
    use sockeye_runtime::simulation::Simulation;

    use super::*;
    use crate::dialect::Dialect;
    use crate::terms::Terms;

    #[test]
    fn an_id_is_one_sessions_until_that_is_gone() {
        let timing = Timing { ping_interval: 500, ping_timeout: 400, upgrade_timeout: 200, resume: 300 };
        let limits = Limits { soft: 100, hard: 100, stall: 400 };
        let terms = Terms::new(timing, limits, 0, Simulation::new(1).runtime());
        let table = Table::default();
        let insert = |text: &str| {
            let sid = Sid::parse(text).expect("an id");
            table.insert(sid, |slot| {
                Arc::new(Session::new(sid, slot, Wire::Polling, Dialect::default(), None, &terms, ()))
            })
        };
        let first = insert("AAAAAAAAAAAAAAAAAAAA").expect("a slot");
        let second = insert("AAAAAAAAAAAAAAAAAAAB").expect("a slot");
        assert!(insert("AAAAAAAAAAAAAAAAAAAA").is_none());
        assert_eq!((first.slot(), second.slot(), table.len()), (0, 1, 2), "and no slot was taken for it");
        assert!(table.remove(&first, |_| {}) && !table.remove(&first, |_| {}));
        assert_eq!(insert("AAAAAAAAAAAAAAAAAAAA").expect("a slot").slot(), 0);
    }
}
