//! Rooms: their names, and who joins and leaves them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sockeye_adapter::adapter::{Member, Moved};

use crate::connection::Stay;
use crate::hub::{Engine, Session, Space};
use crate::id::SocketId;
use crate::room_event::{OnRoom, RoomEvent};

/// Names of rooms: one, or several. A socket's id is a room that only this socket is in.
pub trait Rooms {
    /// Calls `name` with each.
    #[doc(hidden)]
    fn each(&self, name: &mut dyn FnMut(&str));
}

impl Rooms for str {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        name(self);
    }
}

impl Rooms for String {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        name(self);
    }
}

impl Rooms for SocketId {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        name(&self.to_string());
    }
}

impl<T: Rooms> Rooms for Vec<T> {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        self.iter().for_each(|rooms| rooms.each(name));
    }
}

impl<T: Rooms> Rooms for [T] {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        self.iter().for_each(|rooms| rooms.each(name));
    }
}

impl<T: Rooms, const N: usize> Rooms for [T; N] {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        self.iter().for_each(|rooms| rooms.each(name));
    }
}

impl<T: Rooms + ?Sized> Rooms for &T {
    fn each(&self, name: &mut dyn FnMut(&str)) {
        (**self).each(name);
    }
}

/// A socket joins rooms. While its middlewares run they are only noted; after a disconnect nothing happens.
pub(crate) fn join(engine: &Arc<Engine>, space: &Space, session: &Session, stay: Stay, rooms: &impl Rooms) {
    rooms.each(&mut |room| {
        let mut moved = Moved::Nothing;
        session.connection().join(stay, room, |member| moved = space.adapter.join(member, room));
        if let (Moved::Moved | Moved::Alone, Some(on_room)) = (moved, space.settings.on_room()) {
            joined(&on_room, room, engine.application().id(session, stay), moved);
        }
    });
}

/// A socket leaves rooms. Nothing happens with those that it is not in.
pub(crate) fn leave(engine: &Arc<Engine>, space: &Space, session: &Session, stay: Stay, rooms: &impl Rooms) {
    rooms.each(&mut |room| {
        let mut moved = Moved::Nothing;
        session.connection().leave(stay, room, |member| moved = space.adapter.leave(member, room));
        if let (Moved::Moved | Moved::Alone, Some(on_room)) = (moved, space.settings.on_room()) {
            left(&on_room, room, engine.application().id(session, stay), moved);
        }
    });
}

/// What became of the rooms of a member that comes or goes, to be told when no lock is held.
pub(crate) struct Told {
    on_room: OnRoom,
    rooms: Vec<(String, Moved)>,
}

impl Told {
    /// A member joins rooms, in the moment in which it becomes one. `None` when nobody wants to hear.
    pub(crate) fn join_all(space: &Space, member: Member, rooms: Vec<String>) -> Option<Told> {
        let moved = rooms.into_iter().map(|room| {
            let moved = space.adapter.join(member, &room);
            (room, moved)
        });
        let rooms = moved.collect();
        Some(Told { on_room: space.settings.on_room()?, rooms })
    }

    /// A member goes. `None` when nobody wants to hear.
    pub(crate) fn remove(space: &Space, member: Member) -> Option<Told> {
        let told = space.settings.on_room().map(|on_room| {
            let rooms = space.adapter.rooms(member).into_iter();
            let rooms = rooms.map(|room| {
                let moved = space.adapter.leave(member, &room);
                (room, moved)
            });
            Told { on_room, rooms: rooms.collect() }
        });
        space.adapter.remove(member);
        told
    }

    pub(crate) fn joined(self, socket: SocketId) {
        self.rooms.iter().for_each(|(room, moved)| joined(&self.on_room, room, socket, *moved));
    }

    pub(crate) fn left(self, socket: SocketId) {
        self.rooms.iter().for_each(|(room, moved)| left(&self.on_room, room, socket, *moved));
    }
}

fn joined(on_room: &OnRoom, room: &str, socket: SocketId, moved: Moved) {
    if moved == Moved::Alone {
        tell(on_room, &RoomEvent::Created { room });
    }
    if moved != Moved::Nothing {
        tell(on_room, &RoomEvent::Joined { room, socket });
    }
}

fn left(on_room: &OnRoom, room: &str, socket: SocketId, moved: Moved) {
    if moved != Moved::Nothing {
        tell(on_room, &RoomEvent::Left { room, socket });
    }
    if moved == Moved::Alone {
        tell(on_room, &RoomEvent::Deleted { room });
    }
}

/// Rooms are left in the middle of a disconnect, which a panic of the application must not end.
fn tell(on_room: &OnRoom, event: &RoomEvent<'_>) {
    if catch_unwind(AssertUnwindSafe(|| on_room(event))).is_err() {
        tracing::error!("on_room panicked over {event} of {:?}", event.room());
    }
}
