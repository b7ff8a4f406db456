//! In which slots the owners of hashed ids are: 8 bytes for each.

use hashbrown::HashTable;
use parking_lot::RwLock;
use smallvec::SmallVec;

struct Known {
    hash: u32,
    slot: u32,
}

/// Slots by hashes, for ids that are not kept themselves: who finds a slot looks whether its id is the one.
#[derive(Default)]
pub(crate) struct Slots(RwLock<HashTable<Known>>);

impl Slots {
    pub(crate) fn add(&self, hash: u32, slot: u32) {
        self.0.write().insert_unique(spread(hash), Known { hash, slot }, |known| spread(known.hash));
    }

    pub(crate) fn remove(&self, hash: u32, slot: u32) {
        let mut slots = self.0.write();
        if let Ok(entry) = slots.find_entry(spread(hash), |known| known.hash == hash && known.slot == slot) {
            entry.remove();
        }
        // As the table of a burst would stay for ever.
        if slots.capacity() > 4 * slots.len().max(64) {
            let to = 2 * slots.len();
            slots.shrink_to(to, |known| spread(known.hash));
        }
    }

    /// Mostly one, or none.
    pub(crate) fn of(&self, hash: u32) -> SmallVec<[u32; 1]> {
        let slots = self.0.read();
        slots.iter_hash(spread(hash)).filter(|known| known.hash == hash).map(|known| known.slot).collect()
    }
}

/// A table wants bits at both ends.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
