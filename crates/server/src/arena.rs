//! Things that are added and never removed, read without a lock.
//!
//! Namespaces and handler tables are read for every event from every thread. A count of references, or a
//! lock, would be one cache line that all threads write to.

use std::sync::OnceLock;

use parking_lot::Mutex;

const CHUNK: usize = 64;
const CHUNKS: usize = 64;

type Chunk<T> = Box<[OnceLock<T>]>;

/// At most [`CAPACITY`] things, by index.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Box<[OnceLock<Chunk<T>>]>,
    next: Mutex<usize>,
}

/// How many things an arena takes.
pub(crate) const CAPACITY: usize = CHUNK * CHUNKS;

impl<T> Default for Arena<T> {
    fn default() -> Arena<T> {
        Arena { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), next: Mutex::new(0) }
    }
}

impl<T> Arena<T> {
    /// Adds a thing; answers its index, or gives the thing back when the arena is full.
    pub(crate) fn push(&self, thing: T) -> Result<u16, T> {
        let mut next = self.next.lock();
        let index = *next;
        let Some(chunk) = self.chunks.get(index / CHUNK) else { return Err(thing) };
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        chunk[index % CHUNK].set(thing)?;
        *next += 1;
        Ok(index as u16)
    }

    /// Whether it takes nothing more.
    pub(crate) fn is_full(&self) -> bool {
        *self.next.lock() == CAPACITY
    }

    /// All things with their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &T)> {
        (0..).map_while(|index| Some((index, self.get(index)?)))
    }

    /// The thing at `index`.
    pub(crate) fn get(&self, index: u16) -> Option<&T> {
        let index = usize::from(index);
        self.chunks.get(index / CHUNK)?.get()?[index % CHUNK].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_keep_their_index_and_a_full_arena_gives_back() {
        let arena = Arena::default();
        for index in 0..CAPACITY {
            assert_eq!(arena.push(index), Ok(index as u16));
        }
        assert_eq!(arena.push(7), Err(7));
        assert!(arena.is_full());
        assert!(
            arena.iter().map(|(index, thing)| (usize::from(index), *thing)).eq((0..CAPACITY).map(|n| (n, n)))
        );
        assert_eq!(arena.get(4095), Some(&4095));
        assert_eq!(arena.get(u16::MAX), None);
    }
}
