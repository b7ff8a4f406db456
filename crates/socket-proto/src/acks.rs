//! Who waits for an ack, and until when.
//!
//! Knows no clock and draws no ids: its owner counts them (a server one counter per namespace), and asks for
//! what is due when its own deadline comes. Whatever leaves the table was answered, came too late, or lost
//! its peer; an ack that is not in it is ignored, as the original does.
//!
//! Spec: `spec/socketio.md` 4.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;
use sockeye_engine_proto::tick::Tick;

/// How many acks one socket may wait for, unless its owner says otherwise.
pub const DEFAULT_LIMIT: usize = 10_000;

/// The acks that one socket waits for, each with a `T`: what to do with the answer. Empty it is 8 bytes and
/// owns nothing.
#[derive(Debug)]
pub struct Acks<T> {
    table: Option<Box<Table<T>>>,
}

#[derive(Debug)]
struct Table<T> {
    // The ids are our own, counted up: nobody can make them collide.
    waiting: HashMap<u64, Waiting<T>, FxBuildHasher>,
    /// No deadline is earlier; one may be later, since nothing looks again when the earliest is answered.
    earliest: Option<Tick>,
}

#[derive(Debug)]
struct Waiting<T> {
    deadline: Option<Tick>,
    completion: T,
}

/// Why nobody can wait for one more ack; gives back what was to be stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{limit} acks are outstanding already")]
pub struct TooManyAcks<T> {
    /// How many may be outstanding.
    pub limit: usize,
    /// What would have waited.
    pub completion: T,
}

impl<T> Default for Acks<T> {
    fn default() -> Acks<T> {
        Acks { table: None }
    }
}

impl<T> Acks<T> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Acks<T> {
        Acks::default()
    }

    /// How many are outstanding.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.waiting.len())
    }

    /// Whether none is outstanding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_none()
    }

    /// Waits for the ack with this `id`, until `deadline` if there is one.
    ///
    /// An `id` that waits already is replaced, and its completion returned: ids repeat only if their counter
    /// does.
    ///
    /// # Errors
    /// [`TooManyAcks`] when `limit` are outstanding ([`DEFAULT_LIMIT`] if nothing else was asked for).
    pub fn insert(
        &mut self,
        id: u64,
        deadline: Option<Tick>,
        completion: T,
        limit: usize,
    ) -> Result<Option<T>, TooManyAcks<T>> {
        if self.len() >= limit {
            return Err(TooManyAcks { limit, completion });
        }
        let empty = || Box::new(Table { waiting: HashMap::default(), earliest: None });
        let table = self.table.get_or_insert_with(empty);
        table.earliest = earlier(table.earliest, deadline);
        let before = table.waiting.insert(id, Waiting { deadline, completion });
        Ok(before.map(|waiting| waiting.completion))
    }

    /// Takes out who waits for this `id`; `None` when nobody does (never asked, answered, or too late).
    pub fn remove(&mut self, id: u64) -> Option<T> {
        let table = self.table.as_mut()?;
        let waiting = table.waiting.remove(&id)?;
        if table.waiting.is_empty() {
            self.table = None;
        }
        Some(waiting.completion)
    }

    /// When to call [`take_due`](Acks::take_due) next, at the earliest; it may find nothing to take.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.table.as_ref()?.earliest
    }

    /// Takes out all whose deadline has come, with their ids, in the order of the ids.
    ///
    /// Looks at all that wait, but only when something may be due.
    pub fn take_due(&mut self, now: Tick) -> Vec<(u64, T)> {
        let Some(table) = &mut self.table else { return Vec::new() };
        if !table.earliest.is_some_and(|earliest| earliest.is_due(now)) {
            return Vec::new();
        }
        let is_due =
            |_: &u64, waiting: &mut Waiting<T>| waiting.deadline.is_some_and(|deadline| deadline.is_due(now));
        let due = in_order(table.waiting.extract_if(is_due));
        table.earliest =
            table.waiting.values().fold(None, |earliest, waiting| earlier(earliest, waiting.deadline));
        if table.waiting.is_empty() {
            self.table = None;
        }
        due
    }

    /// Takes out all, with their ids, in the order of the ids: the socket is gone.
    pub fn take_all(&mut self) -> Vec<(u64, T)> {
        self.table.take().map_or_else(Vec::new, |table| in_order(table.waiting.into_iter()))
    }
}

fn in_order<T>(waiting: impl Iterator<Item = (u64, Waiting<T>)>) -> Vec<(u64, T)> {
    let mut taken: Vec<_> = waiting.map(|(id, waiting)| (id, waiting.completion)).collect();
    taken.sort_unstable_by_key(|(id, _)| *id);
    taken
}

fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.earlier(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Acks<Box<dyn FnOnce()>>>() == 8);

    fn acks(deadlines: &[(u64, Option<u32>)]) -> Acks<u64> {
        let mut acks = Acks::new();
        for (id, deadline) in deadlines {
            assert_eq!(acks.insert(*id, deadline.map(Tick::new), id * 10, DEFAULT_LIMIT), Ok(None));
        }
        acks
    }

    #[test]
    fn an_answer_is_taken_once() {
        let mut acks = acks(&[(1, None), (2, Some(5))]);
        assert_eq!(acks.remove(1), Some(10));
        assert_eq!(acks.remove(1), None);
        assert_eq!(acks.remove(7), None);
        assert_eq!(acks.remove(2), Some(20));
        assert!(acks.is_empty() && acks.deadline().is_none());
    }

    #[test]
    fn a_late_answer_finds_nobody() {
        let mut acks = acks(&[(1, Some(5)), (2, Some(6)), (3, None)]);
        assert_eq!(acks.deadline(), Some(Tick::new(5)));
        assert_eq!(acks.take_due(Tick::new(4)), []);
        assert_eq!(acks.take_due(Tick::new(5)), [(1, 10)]);
        assert_eq!(acks.remove(1), None);
        assert_eq!(acks.deadline(), Some(Tick::new(6)));
        assert_eq!(acks.take_due(Tick::new(100)), [(2, 20)]);
        assert_eq!(acks.deadline(), None);
        assert_eq!(acks.remove(3), Some(30));
    }

    #[test]
    fn deadlines_hold_across_the_wrap_of_the_clock() {
        let mut acks = acks(&[(1, Some(u32::MAX)), (2, Some(3))]);
        assert_eq!(acks.deadline(), Some(Tick::new(u32::MAX)));
        assert_eq!(acks.take_due(Tick::new(1)), [(1, 10)]);
        assert_eq!(acks.take_due(Tick::new(3)), [(2, 20)]);
    }

    #[test]
    fn a_lost_peer_gives_all_back_in_order() {
        let mut acks = acks(&[(9, None), (3, Some(1)), (5, None)]);
        assert_eq!(acks.take_all(), [(3, 30), (5, 50), (9, 90)]);
        assert!(acks.is_empty());
    }

    #[test]
    fn no_more_wait_than_the_limit() {
        let mut acks = acks(&[(1, None), (2, None)]);
        assert_eq!(acks.insert(3, None, 30, 2), Err(TooManyAcks { limit: 2, completion: 30 }));
        assert_eq!(acks.len(), 2);
    }
}
