//! The adapter of one node: everything in memory.

use std::fmt;

use parking_lot::RwLock;
use smallvec::SmallVec;

use crate::adapter::{Adapter, Member, Moved, Parcel, Recipients, Selection};
use crate::rooms::Rooms;

/// Members and rooms in memory. Delivers to sockets of this process only.
pub struct Local {
    rooms: RwLock<Rooms>,
    /// In how many rooms a member may be.
    room_limit: usize,
}

impl Local {
    /// An adapter without members, each of which may be in so many rooms.
    #[must_use]
    pub fn new(room_limit: usize) -> Local {
        Local { rooms: RwLock::default(), room_limit }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({} members)", self.len())
    }
}

/// Calls `found` with an iterator over the slots of those meant, each once.
fn choose<T>(
    rooms: &Rooms,
    selection: &Selection<'_>,
    found: impl FnOnce(&mut dyn Iterator<Item = u32>) -> T,
) -> T {
    let except: SmallVec<[u32; 4]> =
        selection.except_rooms.iter().filter_map(|name| rooms.find(name)).collect();
    let is_meant = |member: &u32| {
        !selection.except_members.contains(&Member(*member))
            && !except.iter().any(|room| rooms.is_in(*member, *room))
    };
    let slot = |member: u32| rooms.slot(member);
    if selection.is_everybody() {
        return found(&mut rooms.everybody().filter(is_meant).filter_map(slot));
    }
    let named: SmallVec<[u32; 4]> = selection.rooms.iter().filter_map(|name| rooms.find(name)).collect();
    if let ([room], []) = (&named[..], &selection.members[..]) {
        return found(&mut rooms.members(*room).iter().copied().filter(is_meant).filter_map(slot));
    }
    let mut members: Vec<u32> = named.iter().flat_map(|room| rooms.members(*room)).copied().collect();
    members.extend(selection.members.iter().map(|member| member.0));
    members.sort_unstable();
    members.dedup();
    found(&mut members.into_iter().filter(|member| slot(*member).is_some()).filter(is_meant).filter_map(slot))
}

impl Adapter for Local {
    fn add(&self, slot: u32) -> Member {
        Member(self.rooms.write().add(slot))
    }

    fn remove(&self, member: Member) {
        self.rooms.write().remove(member.0);
    }

    fn join(&self, member: Member, room: &str) -> Moved {
        self.rooms.write().join(member.0, room, self.room_limit)
    }

    fn leave(&self, member: Member, room: &str) -> Moved {
        self.rooms.write().leave(member.0, room)
    }

    fn rooms(&self, member: Member) -> Vec<String> {
        self.rooms.read().names(member.0).map(str::to_owned).collect()
    }

    fn select(&self, selection: &Selection<'_>) -> Vec<u32> {
        choose(&self.rooms.read(), selection, |slots| slots.collect())
    }

    fn all_rooms(&self) -> Vec<(String, usize)> {
        self.rooms.read().all().map(|(name, members)| (name.to_owned(), members)).collect()
    }

    fn count(&self, selection: &Selection<'_>) -> usize {
        choose(&self.rooms.read(), selection, |slots| slots.count())
    }

    fn len(&self) -> usize {
        self.rooms.read().len()
    }

    fn room_len(&self, room: &str) -> usize {
        let rooms = self.rooms.read();
        rooms.find(room).map_or(0, |room| rooms.members(room).len())
    }

    fn broadcast(&self, selection: &Selection<'_>, parcel: Parcel<'_>, to: &dyn Recipients) -> usize {
        let mut dirty = Vec::new();
        let mut count = 0;
        // Under the lock frames are pushed and nothing is written, so who is a member now hears it, and a
        // later emit to one of them cannot overtake.
        choose(&self.rooms.read(), selection, |slots| {
            to.enqueue(&mut slots.inspect(|_| count += 1), parcel, &mut dirty);
        });
        to.flush(dirty);
        count
    }
}

#[cfg(test)]
mod tests {
    use crate::contract;

    use super::*;

    #[test]
    fn the_local_adapter_keeps_the_contract() {
        contract::check(&|| Local::new(usize::MAX));
    }
}
