//! Members and rooms as dense numbers.
//!
//! A room is a `Vec` of members; a member knows its place in each of its rooms, so leaving is a
//! `swap_remove`. "Everybody" is the table of members itself. One room is inline in its member.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// The slot of a place that nobody holds.
const NOBODY: u32 = u32::MAX;

/// The tables of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    members: Vec<Entry>,
    free_members: Vec<u32>,
    rooms: Vec<Room>,
    free_rooms: Vec<u32>,
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

/// Where a member stands in its rooms.
#[derive(Debug)]
enum Places {
    Few(Option<Place>),
    #[expect(clippy::box_collection, reason = "thin, so that a member without rooms stays at 24 bytes")]
    Many(Box<Vec<Place>>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    room: u32,
    position: u32,
}

#[derive(Debug, Default)]
struct Room {
    name: Box<str>,
    members: Vec<u32>,
}

impl Places {
    fn as_slice(&self) -> &[Place] {
        match self {
            Places::Few(place) => place.as_slice(),
            Places::Many(places) => places,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Place] {
        match self {
            Places::Few(place) => place.as_mut_slice(),
            Places::Many(places) => places,
        }
    }

    fn push(&mut self, place: Place) {
        match self {
            Places::Few(first @ None) => *first = Some(place),
            Places::Few(Some(first)) => *self = Places::Many(Box::new(vec![*first, place])),
            Places::Many(places) => places.push(place),
        }
    }

    fn pop(&mut self) -> Option<Place> {
        match self {
            Places::Few(place) => place.take(),
            Places::Many(places) => places.pop(),
        }
    }

    fn remove(&mut self, room: u32) -> Option<Place> {
        match self {
            Places::Few(first) => first.take_if(|place| place.room == room),
            Places::Many(places) => {
                let index = places.iter().position(|place| place.room == room)?;
                let place = places.swap_remove(index);
                if let [last] = places[..] {
                    *self = Places::Few(Some(last));
                }
                Some(place)
            }
        }
    }
}

impl Rooms {
    pub(crate) fn add(&mut self, slot: u32) -> u32 {
        let entry = Entry { slot, places: Places::Few(None) };
        if let Some(member) = self.free_members.pop() {
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
        self.free_members.push(member);
    }

    pub(crate) fn join(&mut self, member: u32, name: &str) {
        if self.slot(member).is_none() {
            return;
        }
        let room = self.find(name).unwrap_or_else(|| self.create(name));
        if self.is_in(member, room) {
            return;
        }
        let members = &mut self.rooms[room as usize].members;
        let position = members.len() as u32;
        members.push(member);
        self.members[member as usize].places.push(Place { room, position });
    }

    pub(crate) fn leave(&mut self, member: u32, name: &str) {
        if self.slot(member).is_some()
            && let Some(room) = self.find(name)
        {
            self.leave_room(member, room);
        }
    }

    fn leave_room(&mut self, member: u32, room: u32) {
        if let Some(place) = self.members[member as usize].places.remove(room) {
            self.vacate(place);
        }
    }

    /// Takes whoever stood at `place` out of the room's list.
    fn vacate(&mut self, place: Place) {
        let room = place.room;
        let members = &mut self.rooms[room as usize].members;
        members.swap_remove(place.position as usize);
        if let Some(moved) = members.get(place.position as usize) {
            let places = self.members[*moved as usize].places.as_mut_slice();
            if let Some(its) = places.iter_mut().find(|its| its.room == room) {
                its.position = place.position;
            }
        }
        if self.rooms[room as usize].members.is_empty() {
            self.destroy(room);
        }
    }

    fn create(&mut self, name: &str) -> u32 {
        let room = self.free_rooms.pop().unwrap_or_else(|| {
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
        self.free_rooms.push(room);
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let is_named = |room: &u32| &*self.rooms[*room as usize].name == name;
        self.names.find(self.hasher.hash_one(name), is_named).copied()
    }

    pub(crate) fn is_in(&self, member: u32, room: u32) -> bool {
        // Whichever list is shorter: one peer in very many rooms must not cost the others time.
        let (places, members) = (self.members[member as usize].places.as_slice(), self.members(room));
        if members.len() < places.len() {
            return members.contains(&member);
        }
        places.iter().any(|place| place.room == room)
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
        let places = entry.map_or(&[][..], |entry| entry.places.as_slice());
        places.iter().map(|place| &*self.rooms[place.room as usize].name)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len() - self.free_members.len()
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
            rooms.join(member, &room.to_string());
        }
        rooms.remove(member);
        assert_eq!((rooms.len(), rooms.find("7"), rooms.rooms.len()), (0, None, rooms.free_rooms.len()));
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
                        rooms.join(member, names[room]);
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
