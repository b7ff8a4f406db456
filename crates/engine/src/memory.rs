//! What a process holds for its peers: queues to them, answers that they do not read, and messages of theirs that are not
//! whole.
//!
//! ```text
//! every second:  queues + answers and messages that are not whole + what the application holds  >  budget?  the largest close first
//! ```
//! Messages cost nothing for it: queues are added up when it is time, a slice of the sessions at a time, and unfinished
//! messages, and answers, are entered only when they are large.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// What a session may hold without being entered.
const SMALL: usize = 64 * 1024;

/// The large unfinished messages of an engine, and what it held when it was weighed last.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    unfinished: Mutex<HashMap<u32, usize>>,
    weighed: AtomicUsize,
}

impl Memory {
    /// Bytes of large unfinished messages, by slot.
    pub(crate) fn unfinished(&self) -> Vec<(u32, usize)> {
        self.unfinished.lock().iter().map(|(slot, bytes)| (*slot, *bytes)).collect()
    }

    pub(crate) fn weighed(&self) -> usize {
        self.weighed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_weighed(&self, bytes: usize) {
        self.weighed.store(bytes, Ordering::Relaxed);
    }
}

/// What one wire holds of a message that is not whole, or of an answer that is not read.
#[derive(Debug, Default)]
pub(crate) struct Holding(Option<Box<Entered>>);

#[derive(Debug)]
struct Entered {
    memory: Arc<Memory>,
    slot: u32,
    bytes: usize,
}

impl Holding {
    /// It holds so many bytes now. Answers what all that is entered for the slot holds, if this is.
    pub(crate) fn set(&mut self, memory: &Arc<Memory>, slot: u32, bytes: usize) -> usize {
        match &mut self.0 {
            None if bytes <= SMALL => 0,
            None => {
                let entered = Entered { memory: memory.clone(), slot, bytes };
                let mut unfinished = memory.unfinished.lock();
                let held = unfinished.entry(slot).or_default();
                *held += bytes;
                self.0 = Some(Box::new(entered));
                *held
            }
            Some(entered) => entered.set(bytes),
        }
    }

    /// It holds so many bytes fewer.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if let Some(entered) = &mut self.0 {
            entered.set(entered.bytes.saturating_sub(bytes));
        }
    }
}

impl Entered {
    fn set(&mut self, bytes: usize) -> usize {
        let mut unfinished = self.memory.unfinished.lock();
        let held = unfinished.entry(self.slot).or_default();
        *held = held.saturating_sub(self.bytes) + bytes;
        self.bytes = bytes;
        *held
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut unfinished = self.memory.unfinished.lock();
        if let Some(held) = unfinished.get_mut(&self.slot) {
            *held = held.saturating_sub(self.bytes);
            if *held == 0 {
                unfinished.remove(&self.slot);
            }
        }
    }
}

/// Which sessions close, of these with what each holds, so that no more than `budget` of `total` is left: the largest
/// first, and then some, so that it is not the same again at once.
pub(crate) fn choose<T>(mut heavy: Vec<(usize, T)>, total: usize, budget: usize) -> Vec<T> {
    if total <= budget {
        return Vec::new();
    }
    let aim = budget - budget / 8;
    heavy.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let mut left = total;
    let mut chosen = Vec::new();
    for (bytes, one) in heavy {
        if left <= aim {
            break;
        }
        left = left.saturating_sub(bytes);
        chosen.push(one);
    }
    chosen
}

/// Whether a session that holds so much may be one of those.
pub(crate) fn is_heavy(bytes: usize) -> bool {
    bytes > SMALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_close_first_until_it_is_enough() {
        let heavy = || vec![(100, 'a'), (400, 'b'), (300, 'c'), (50, 'd')];
        assert_eq!(choose(heavy(), 1_000, 1_000), []);
        assert_eq!(choose(heavy(), 1_000, 800), ['b']);
        assert_eq!(choose(heavy(), 1_000, 600), ['b', 'c']);
        assert_eq!(choose(heavy(), 1_000, 0), ['b', 'c', 'a', 'd']);
    }

    #[test]
    fn what_is_large_is_entered_while_it_is_there() {
        let memory = Arc::new(Memory::default());
        let (mut one, mut other) = (Holding::default(), Holding::default());
        one.set(&memory, 7, 1_000);
        assert_eq!(memory.unfinished(), []);
        one.set(&memory, 7, 100_000);
        other.set(&memory, 7, 200_000);
        assert_eq!(memory.unfinished(), [(7, 300_000)]);
        one.set(&memory, 7, 10);
        assert_eq!(memory.unfinished(), [(7, 200_010)]);
        drop((one, other));
        assert_eq!(memory.unfinished(), []);
    }
}
