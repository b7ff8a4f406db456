//! Where a member stands in its rooms: inline, in a list, or in a table, as they are one, some or very many.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// From here on rooms are looked for in a table: one peer in very many rooms must not cost the others time.
const MANY: usize = 32;

/// A member's place in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) room: u32,
    pub(crate) position: u32,
}

/// The places of a member, in 16 bytes.
#[derive(Debug)]
pub(crate) enum Places {
    Few(Option<Place>),
    #[expect(clippy::box_collection, reason = "thin, so that a member without rooms stays at 24 bytes")]
    Some(Box<Vec<Place>>),
    Many(Box<HashTable<Place>>),
}

/// Rooms are numbers that nobody outside chooses.
fn hash(room: u32) -> u64 {
    FxBuildHasher.hash_one(room)
}

impl Places {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        let (list, table) = match self {
            Places::Few(place) => (place.as_slice(), None),
            Places::Some(places) => (&places[..], None),
            Places::Many(places) => (&[][..], Some(places.iter())),
        };
        list.iter().chain(table.into_iter().flatten())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Places::Few(place) => usize::from(place.is_some()),
            Places::Some(places) => places.len(),
            Places::Many(places) => places.len(),
        }
    }

    pub(crate) fn contains(&self, room: u32) -> bool {
        match self {
            Places::Many(places) => places.find(hash(room), |place| place.room == room).is_some(),
            _ => self.iter().any(|place| place.room == room),
        }
    }

    /// The place in that room, to be changed.
    pub(crate) fn get_mut(&mut self, room: u32) -> Option<&mut Place> {
        match self {
            Places::Few(place) => place.as_mut().filter(|place| place.room == room),
            Places::Some(places) => places.iter_mut().find(|place| place.room == room),
            Places::Many(places) => places.find_mut(hash(room), |place| place.room == room),
        }
    }

    pub(crate) fn push(&mut self, place: Place) {
        match self {
            Places::Few(first @ None) => *first = Some(place),
            Places::Few(Some(first)) => *self = Places::Some(Box::new(vec![*first, place])),
            Places::Some(places) if places.len() < MANY => places.push(place),
            Places::Some(places) => {
                let mut table = HashTable::with_capacity(2 * MANY);
                for place in places.iter().copied().chain([place]) {
                    table.insert_unique(hash(place.room), place, |place| hash(place.room));
                }
                *self = Places::Many(Box::new(table));
            }
            Places::Many(places) => {
                places.insert_unique(hash(place.room), place, |place| hash(place.room));
            }
        }
    }

    /// Takes out any one.
    pub(crate) fn pop(&mut self) -> Option<Place> {
        match self {
            Places::Few(place) => place.take(),
            Places::Some(places) => places.pop(),
            Places::Many(_) => {
                // All are about to go: a list is emptied from its end, a table would be searched from its start.
                let list: Vec<Place> = self.iter().copied().collect();
                *self = Places::Some(Box::new(list));
                self.pop()
            }
        }
    }

    pub(crate) fn remove(&mut self, room: u32) -> Option<Place> {
        match self {
            Places::Few(first) => first.take_if(|place| place.room == room),
            Places::Some(places) => {
                let index = places.iter().position(|place| place.room == room)?;
                let place = places.swap_remove(index);
                if let [last] = places[..] {
                    *self = Places::Few(Some(last));
                }
                Some(place)
            }
            Places::Many(places) => {
                let found = places.find_entry(hash(room), |place| place.room == room).ok()?;
                let (place, _) = found.remove();
                if places.len() <= MANY / 2 {
                    *self = Places::Some(Box::new(places.iter().copied().collect()));
                }
                Some(place)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_whatever_their_number() {
        for count in [0, 1, 2, MANY as u32, MANY as u32 + 1, 1000] {
            let mut places = Places::Few(None);
            for room in 0..count {
                places.push(Place { room, position: room * 2 });
            }
            assert_eq!(places.iter().count(), count as usize);
            assert!((0..count).all(|room| places.contains(room)) && !places.contains(count));
            for room in 0..count {
                places.get_mut(room).unwrap().position += 1;
            }
            let mut seen: Vec<u32> = places.iter().map(|place| place.position).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq((0..count).map(|room| room * 2 + 1)));
            for room in (0..count).step_by(2) {
                assert_eq!(places.remove(room).map(|place| place.room), Some(room));
                assert_eq!(places.remove(room), None);
            }
            let mut rest = 0;
            while places.pop().is_some() {
                rest += 1;
            }
            assert_eq!(rest, count / 2);
        }
    }
}
