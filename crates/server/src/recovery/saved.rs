//! The state of peers that were cut, until they come back or it is too late.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use sockeye_engine_proto::tick::Tick;

use crate::id::{Pid, SocketId};

/// What a peer gets back.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(crate) id: SocketId,
    pub(crate) rooms: Vec<String>,
    pub(crate) data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    /// The number up to which all had reached it.
    pub(crate) reached: u64,
}

struct Kept {
    /// What is left after it expired: that it was there.
    saved: Option<Saved>,
    until: Tick,
}

/// What became of a wish to get one back. Each is given once.
pub(crate) enum Taken {
    /// And until when it would have been kept.
    Saved(Saved, Tick),
    Expired,
    Unknown,
}

/// The peers of one namespace.
#[derive(Default)]
pub(crate) struct Saves {
    // Keys are hashes under a secret key: nobody chooses where they fall.
    kept: HashMap<Pid, Kept, FxBuildHasher>,
    /// In the order in which they expire; one that was taken may still stand here.
    order: VecDeque<(Tick, Pid)>,
    /// Those that have expired, in the order in which that is forgotten.
    expired: VecDeque<(Tick, Pid)>,
}

impl Saves {
    /// Keeps the state of a peer until then. Answers what had to go for it.
    pub(crate) fn save(&mut self, pid: Pid, saved: Saved, until: Tick, limit: usize) -> Option<Saved> {
        self.order.push_back((until, pid));
        let replaced = self.kept.insert(pid, Kept { saved: Some(saved), until });
        let mut gone = replaced.and_then(|kept| kept.saved);
        // What is only remembered goes first.
        while self.kept.len() > limit.max(1)
            && let Some((until, pid)) = self.expired.pop_front().or_else(|| self.order.pop_front())
        {
            gone = gone.or(self.remove(pid, until));
        }
        gone
    }

    fn remove(&mut self, pid: Pid, until: Tick) -> Option<Saved> {
        // Saved again meanwhile, it stands in the order once more.
        let is_this = self.kept.get(&pid).is_some_and(|kept| kept.until == until);
        if is_this { self.kept.remove(&pid)?.saved } else { None }
    }

    pub(crate) fn is_saved(&self, pid: &Pid) -> bool {
        self.kept.get(pid).is_some_and(|kept| kept.saved.is_some())
    }

    pub(crate) fn take(&mut self, pid: &Pid, now: Tick) -> Taken {
        match self.kept.remove(pid) {
            None => Taken::Unknown,
            Some(Kept { saved: Some(saved), until }) if !until.is_due(now) => Taken::Saved(saved, until),
            Some(_) => Taken::Expired,
        }
    }

    /// Lets go of what has expired; that it was there is remembered for `memory` ticks more. Answers what is to be
    /// dropped, where no lock is held: it is the application's.
    pub(crate) fn sweep(&mut self, now: Tick, memory: u32) -> Vec<Saved> {
        let mut gone = Vec::new();
        while let Some((until, pid)) = self.expired.front().copied()
            && until.is_due(now)
        {
            self.expired.pop_front();
            self.remove(pid, until);
        }
        while let Some((until, pid)) = self.order.front().copied()
            && until.is_due(now)
        {
            self.order.pop_front();
            let Some(kept) = self.kept.get_mut(&pid).filter(|kept| kept.until == until) else { continue };
            gone.extend(kept.saved.take());
            kept.until = now.after(memory);
            self.expired.push_back((kept.until, pid));
        }
        if self.kept.is_empty() {
            *self = Saves::default();
        }
        gone
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use sockeye_runtime::simulation::Simulation;

    use super::*;
    use crate::id::Key;

    fn somebody(seed: u64) -> (Pid, Saved) {
        let runtime = Simulation::new(seed).runtime();
        let id = SocketId::random(&runtime);
        let pid = Key::random(&Simulation::new(1).runtime()).pid(&id);
        (pid, Saved { id, rooms: Vec::new(), data: Vec::new(), reached: 0 })
    }

    #[test]
    fn a_state_is_given_once_and_in_time() {
        let mut saves = Saves::default();
        let ((one, saved), (two, other)) = (somebody(1), somebody(2));
        let id = saved.id;
        saves.save(one, saved, Tick::new(10), 100);
        saves.save(two, other, Tick::new(10), 100);
        assert!(
            matches!(saves.take(&one, Tick::new(9)), Taken::Saved(saved, until) if saved.id == id && until == Tick::new(10))
        );
        assert!(matches!(saves.take(&one, Tick::new(9)), Taken::Unknown));
        assert!(matches!(saves.take(&two, Tick::new(10)), Taken::Expired));
    }

    #[test]
    fn what_expired_is_remembered_for_a_while() {
        let mut saves = Saves::default();
        let ((one, saved), (two, other)) = (somebody(1), somebody(2));
        saves.save(one, saved, Tick::new(10), 100);
        saves.save(two, other, Tick::new(10), 100);
        assert_eq!(saves.sweep(Tick::new(9), 5).len(), 0);
        assert_eq!(saves.sweep(Tick::new(10), 5).len(), 2);
        assert!(!saves.is_saved(&one) && matches!(saves.take(&one, Tick::new(11)), Taken::Expired));
        assert_eq!(saves.sweep(Tick::new(15), 5).len(), 0);
        assert!(saves.is_empty() && matches!(saves.take(&two, Tick::new(15)), Taken::Unknown));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut saves = Saves::default();
        for seed in 0..10 {
            let (pid, saved) = somebody(seed);
            assert_eq!(saves.save(pid, saved, Tick::new(100), 5).is_some(), seed >= 5);
        }
        assert_eq!(saves.kept.len(), 5);
        assert!(!saves.is_saved(&somebody(4).0) && saves.is_saved(&somebody(5).0));
    }

    #[test]
    fn one_that_is_cut_again_is_saved_again() {
        let mut saves = Saves::default();
        let (pid, saved) = somebody(1);
        saves.save(pid, saved, Tick::new(10), 100);
        assert!(matches!(saves.take(&pid, Tick::new(5)), Taken::Saved(..)));
        saves.save(pid, somebody(1).1, Tick::new(20), 100);
        assert_eq!(saves.sweep(Tick::new(10), 5).len(), 0, "the first entry of the order is stale");
        assert!(matches!(saves.take(&pid, Tick::new(19)), Taken::Saved(..)));
    }

    #[test]
    fn what_is_only_remembered_takes_no_place_of_those_who_may_come_back() {
        let mut saves = Saves::default();
        for seed in 0..5 {
            let (pid, saved) = somebody(seed);
            saves.save(pid, saved, Tick::new(if seed < 3 { 10 } else { 19 }), 5);
        }
        assert_eq!(saves.sweep(Tick::new(10), 10).len(), 3);
        for seed in 5..8 {
            let (pid, saved) = somebody(seed);
            assert!(saves.save(pid, saved, Tick::new(30), 5).is_none());
        }
        let live: Vec<u64> = (0..8).filter(|seed| saves.is_saved(&somebody(*seed).0)).collect();
        assert_eq!(live, [3, 4, 5, 6, 7]);
    }
}
