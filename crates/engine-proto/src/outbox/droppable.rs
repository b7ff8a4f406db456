//! Where the frames of a queue are that may be dropped.
//!
//! A place counts the frames that ever waited, so it does not change when those in front leave. An index counts those that
//! wait now.

use std::collections::{HashMap, VecDeque};

use crate::slow::WhenSlow;

/// Entries, or holes, that may be of no use before they are cleared away.
const SLACK: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Droppable {
    /// The place of the first that waits.
    front: u32,
    /// Of those under [`WhenSlow::DropOldest`], in order; some may have left.
    oldest: VecDeque<u32>,
    /// The latest of each key under [`WhenSlow::KeepLatest`]; some may have left.
    latest: HashMap<u64, u32>,
    /// Frames that were dropped and whose places still stand among those that wait.
    pub(super) holes: usize,
}

impl Droppable {
    /// The frame at `index` may be dropped; `waiting` wait, with holes.
    pub(super) fn enter(&mut self, index: usize, rule: WhenSlow, key: u64, waiting: usize) {
        let place = self.front.wrapping_add(index as u32);
        match rule {
            WhenSlow::Close => {}
            WhenSlow::DropOldest => {
                while self.oldest.front().is_some_and(|place| self.index(*place).is_none()) {
                    self.oldest.pop_front();
                }
                self.oldest.push_back(place);
            }
            WhenSlow::KeepLatest => {
                if self.latest.len() > 2 * waiting + SLACK {
                    let front = self.front;
                    self.latest.retain(|_, place| index_of(*place, front).is_some());
                }
                self.latest.insert(key, place);
            }
        }
    }

    /// The index of the latest of that key, if it waits.
    pub(super) fn latest(&self, key: u64) -> Option<usize> {
        self.index(*self.latest.get(&key)?)
    }

    /// The index of the oldest that waits, is not among the first `leaving`, and may be dropped: it is entered no more.
    pub(super) fn take_oldest(&mut self, leaving: usize) -> Option<usize> {
        let is_before = |place: &u32| index_of(*place, self.front).is_none_or(|index| index < leaving);
        let at = self.oldest.partition_point(is_before);
        let place = self.oldest.remove(at)?;
        self.index(place)
    }

    /// The first so many no longer wait.
    pub(super) fn left(&mut self, count: usize) {
        self.front = self.front.wrapping_add(count as u32);
    }

    /// So many wait again, in front of all others. They are dropped no more.
    pub(super) fn returned(&mut self, count: usize) {
        let front = self.front;
        self.latest.retain(|_, place| index_of(*place, front).is_some());
        self.oldest.retain(|place| index_of(*place, front).is_some());
        self.front = front.wrapping_sub(count as u32);
    }

    /// Whether more holes than frames wait.
    pub(super) fn has_too_many_holes(&self, waiting: usize) -> bool {
        self.holes > SLACK && 2 * self.holes > waiting
    }

    /// All holes go, which are where `is_hole` says it of those that wait.
    pub(super) fn close_holes(&mut self, is_hole: &[bool]) {
        let front = self.front;
        let mut before = 0;
        let moved: Vec<Option<u32>> = is_hole
            .iter()
            .zip(0..)
            .map(|(is_hole, index)| {
                before += u32::from(*is_hole);
                (!is_hole).then(|| front.wrapping_add(index - before))
            })
            .collect();
        let place = |place: u32| moved.get(index_of(place, front)?).copied().flatten();
        self.oldest = self.oldest.iter().filter_map(|old| place(*old)).collect();
        self.latest = self.latest.iter().filter_map(|(key, old)| Some((*key, place(*old)?))).collect();
        self.holes = 0;
    }

    /// How many entries it holds.
    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.oldest.len() + self.latest.len()
    }

    fn index(&self, place: u32) -> Option<usize> {
        index_of(place, self.front)
    }
}

/// The index of a place where that of the first that waits is `front`. None if it has left.
fn index_of(place: u32, front: u32) -> Option<usize> {
    let index = place.wrapping_sub(front);
    (index <= u32::MAX / 2).then_some(index as usize)
}
