//! Members and rooms as dense numbers.
//!
//! A room is a `Vec` of members; a member knows its place in each of its rooms, so leaving is a
//! `swap_remove`. "Everybody" is the table of members itself. One room is inline in its member.
//!
//! Memory follows how many there are, and not how many there once were.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::adapter::Moved;
use crate::numbers::{FreeNumbers, excess, give_back};
use crate::places::{Place, Places};

/// The slot of a place that nobody holds.
const NOBODY: u32 = u32::MAX;

/// The tables of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    members: Vec<Entry>,
    free_members: FreeNumbers,
    /// How many members are somebody.
    len: usize,
    rooms: Vec<Room>,
    free_rooms: FreeNumbers,
    names: HashTable<u32>,
    /// Keyed per process: peers choose names.
    hasher: RandomState,
}

/// A member: 24 bytes with one room.
#[derive(Debug)]
struct Entry {
    slot: u32,
    places: Places,
}

const _: () = assert!(size_of::<Entry>() == 24);

#[derive(Debug, Default)]
struct Room {
    name: Box<str>,
    members: Vec<u32>,
}

impl Rooms {
    pub(crate) fn add(&mut self, slot: u32) -> u32 {
        let entry = Entry { slot, places: Places::Few(None) };
        self.len += 1;
        if let Some(member) = self.free_members.take(self.members.len()) {
            self.members[member as usize] = entry;
            return member;
        }
        self.members.push(entry);
        u32::try_from(self.members.len() - 1).expect("memory ends before 2^32 members")
    }

    pub(crate) fn remove(&mut self, member: u32) {
        if self.slot(member).is_none() {
            return;
        }
        while let Some(place) = self.members[member as usize].places.pop() {
            self.vacate(place);
        }
        self.members[member as usize].slot = NOBODY;
        self.len -= 1;
        self.free_members.put(member, &mut self.members, |entry| entry.slot == NOBODY);
    }

    /// Joins a room, unless it is in `limit` already.
    pub(crate) fn join(&mut self, member: u32, name: &str, limit: usize) -> Moved {
        if self.slot(member).is_none() {
            return Moved::Nothing;
        }
        let known = self.find(name);
        if known.is_some_and(|room| self.is_in(member, room)) {
            return Moved::Nothing;
        }
        if self.members[member as usize].places.len() >= limit {
            return Moved::Full;
        }
        let room = known.unwrap_or_else(|| self.create(name));
        let members = &mut self.rooms[room as usize].members;
        let position = members.len() as u32;
        members.push(member);
        self.members[member as usize].places.push(Place { room, position });
        if position == 0 { Moved::Alone } else { Moved::Moved }
    }

    pub(crate) fn leave(&mut self, member: u32, name: &str) -> Moved {
        let room = self.slot(member).and_then(|_| self.find(name));
        let place = room.and_then(|room| self.members[member as usize].places.remove(room));
        match place {
            None => Moved::Nothing,
            Some(place) if self.vacate(place) => Moved::Alone,
            Some(_) => Moved::Moved,
        }
    }

    /// Takes whoever stood at `place` out of the room's list. True when the room is gone for it.
    fn vacate(&mut self, place: Place) -> bool {
        let room = place.room;
        let members = &mut self.rooms[room as usize].members;
        members.swap_remove(place.position as usize);
        if let Some(moved) = members.get(place.position as usize)
            && let Some(its) = self.members[*moved as usize].places.get_mut(room)
        {
            its.position = place.position;
        }
        let members = &mut self.rooms[room as usize].members;
        let is_empty = members.is_empty();
        if is_empty {
            self.destroy(room);
        } else {
            give_back(members);
        }
        is_empty
    }

    fn create(&mut self, name: &str) -> u32 {
        let room = self.free_rooms.take(self.rooms.len()).unwrap_or_else(|| {
            self.rooms.push(Room::default());
            u32::try_from(self.rooms.len() - 1).expect("memory ends before 2^32 rooms")
        });
        self.rooms[room as usize].name = name.into();
        let (rooms, hasher) = (&self.rooms, &self.hasher);
        let hash = |room: &u32| hasher.hash_one(&*rooms[*room as usize].name);
        self.names.insert_unique(hasher.hash_one(name), room, hash);
        room
    }

    fn destroy(&mut self, room: u32) {
        let gone = std::mem::take(&mut self.rooms[room as usize]);
        let hash = self.hasher.hash_one(&*gone.name);
        if let Ok(entry) = self.names.find_entry(hash, |found| *found == room) {
            entry.remove();
        }
        if let Some(to) = excess(self.names.capacity(), self.names.len()) {
            let (rooms, hasher) = (&self.rooms, &self.hasher);
            self.names.shrink_to(to, |room| hasher.hash_one(&*rooms[*room as usize].name));
        }
        self.free_rooms.put(room, &mut self.rooms, |room| room.members.is_empty());
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let is_named = |room: &u32| &*self.rooms[*room as usize].name == name;
        self.names.find(self.hasher.hash_one(name), is_named).copied()
    }

    pub(crate) fn is_in(&self, member: u32, room: u32) -> bool {
        self.members[member as usize].places.contains(room)
    }

    pub(crate) fn slot(&self, member: u32) -> Option<u32> {
        self.members.get(member as usize).map(|entry| entry.slot).filter(|slot| *slot != NOBODY)
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = u32> {
        (0..self.members.len() as u32).filter(|member| self.slot(*member).is_some())
    }

    pub(crate) fn members(&self, room: u32) -> &[u32] {
        &self.rooms[room as usize].members
    }

    pub(crate) fn names(&self, member: u32) -> impl Iterator<Item = &str> {
        let entry = self.members.get(member as usize);
        let places = entry.into_iter().flat_map(|entry| entry.places.iter());
        places.map(|place| &*self.rooms[place.room as usize].name)
    }

    /// All rooms, with how many members each has.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, usize)> {
        let rooms = self.rooms.iter().filter(|room| !room.members.is_empty());
        rooms.map(|room| (&*room.name, room.members.len()))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_member_in_very_many_rooms_costs_no_square_of_them() {
        let mut rooms = Rooms::default();
        let member = rooms.add(1);
        // At a microsecond for each look at each other room this would take an hour.
        for room in 0..200_000 {
            rooms.join(member, &room.to_string(), usize::MAX);
        }
        rooms.remove(member);
        assert_eq!((rooms.len(), rooms.find("7"), rooms.rooms.len()), (0, None, 0));
    }

    #[test]
    fn what_a_burst_of_rooms_and_members_took_is_given_back() {
        let mut rooms = Rooms::default();
        let first = rooms.add(0);
        rooms.join(first, "lobby", usize::MAX);
        let burst: Vec<u32> = (1..=10_000).map(|slot| rooms.add(slot)).collect();
        for member in &burst {
            rooms.join(*member, "lobby", usize::MAX);
            rooms.join(*member, &member.to_string(), usize::MAX);
        }
        // Every other one first, so that those that go leave holes.
        for member in burst.iter().step_by(2).chain(burst.iter().skip(1).step_by(2)) {
            rooms.remove(*member);
        }
        let lobby = rooms.find("lobby").expect("somebody is in it");
        let kept = [
            rooms.members.capacity(),
            rooms.rooms.capacity(),
            rooms.names.capacity(),
            rooms.rooms[lobby as usize].members.capacity(),
        ];
        assert!(kept.iter().all(|kept| *kept <= 512), "{kept:?}");
        assert_eq!((rooms.len(), rooms.members(lobby)), (1, &[first][..]));
        // Numbers that were given back are not given to two.
        let again: BTreeSet<u32> = (1..=100).map(|slot| rooms.add(slot)).collect();
        assert_eq!((again.len(), again.contains(&first), rooms.len()), (100, false, 101));
    }

    proptest! {
        #[test]
        fn any_schedule_of_joins_and_leaves_agrees_with_sets(
            steps in prop::collection::vec((0..5u8, 0..6usize, 0..4usize), 1..300)
        ) {
            let names = ["a", "b", "c", "d"];
            let mut rooms = Rooms::default();
            let mut model: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
            for (step, who, room) in steps {
                let member = model.keys().copied().nth(who);
                match (step, member) {
                    (0, _) => {
                        let member = rooms.add(who as u32);
                        prop_assert!(model.insert(member, BTreeSet::new()).is_none());
                    }
                    (1, Some(member)) => {
                        rooms.remove(member);
                        model.remove(&member);
                    }
                    (2 | 3, Some(member)) => {
                        rooms.join(member, names[room], usize::MAX);
                        model.get_mut(&member).unwrap().insert(names[room]);
                    }
                    (_, Some(member)) => {
                        rooms.leave(member, names[room]);
                        model.get_mut(&member).unwrap().remove(names[room]);
                    }
                    _ => {}
                }
                prop_assert_eq!(rooms.everybody().collect::<Vec<_>>(), model.keys().copied().collect::<Vec<_>>());
                for name in names {
                    let mut found = rooms.find(name).map_or(Vec::new(), |room| rooms.members(room).to_vec());
                    found.sort_unstable();
                    let expected: Vec<u32> = model.iter().filter(|(_, its)| its.contains(name)).map(|(m, _)| *m).collect();
                    prop_assert_eq!(rooms.find(name).is_some(), !expected.is_empty(), "an empty room is gone");
                    prop_assert_eq!(found, expected);
                }
                for (member, its) in &model {
                    let mut found: Vec<&str> = rooms.names(*member).collect();
                    found.sort_unstable();
                    prop_assert_eq!(found, its.iter().copied().collect::<Vec<_>>());
                }
            }
        }
    }
}
