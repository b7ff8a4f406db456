//! Rooms: their names, and who joins and leaves them.

use std::sync::Arc;

use sockeye_adapter::adapter::{Member, Moved};

use crate::connection::Stay;
use crate::hub::{Engine, Session, Space};
use crate::id::SocketId;
use crate::log::SOCKET;
use crate::untold::Watched;

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

/// Who is to be told of a socket's rooms, if anybody is.
pub(crate) fn watched(engine: &Engine, space: &Space, session: &Session, stay: Stay) -> Option<Watched> {
    Some(Watched::new(space.settings.on_room()?, engine.application().id(session, stay)))
}

/// A socket joins rooms. While its middlewares run they are only noted; after a disconnect nothing happens.
pub(crate) fn join(engine: &Arc<Engine>, space: &Space, session: &Session, stay: Stay, rooms: &impl Rooms) {
    let watched = watched(engine, space, session, stay);
    rooms.each(&mut |room| {
        let join = |member| {
            if join_room(space, member, room, watched.as_ref()) == Moved::Full {
                engine.application().tally.rooms_refused.add_one();
                tracing::warn!(target: SOCKET, namespace = &*space.name, "a socket is in as many rooms as it may be");
            }
        };
        session.connection().join(stay, room, join);
        if watched.is_some() {
            space.untold.tell();
        }
    });
}

/// A socket leaves rooms. Nothing happens with those that it is not in.
pub(crate) fn leave(engine: &Arc<Engine>, space: &Space, session: &Session, stay: Stay, rooms: &impl Rooms) {
    let watched = watched(engine, space, session, stay);
    rooms.each(&mut |room| {
        let leave = |member| leave_room(space, member, room, watched.as_ref());
        session.connection().leave(stay, room, leave);
        if watched.is_some() {
            space.untold.tell();
        }
    });
}

/// Under the connection's lock; what is noted is to be told when that is open.
pub(crate) fn join_room(space: &Space, member: Member, room: &str, watched: Option<&Watched>) -> Moved {
    let moved = space.adapter.join(member, room);
    if let Some(watched) = watched {
        space.untold.note(watched, true, room, moved);
    }
    moved
}

fn leave_room(space: &Space, member: Member, room: &str, watched: Option<&Watched>) {
    let moved = space.adapter.leave(member, room);
    if let Some(watched) = watched {
        space.untold.note(watched, false, room, moved);
    }
}

/// A member goes, under the connection's lock; what is noted is to be told when that is open.
pub(crate) fn remove(space: &Space, member: Member, watched: Option<&Watched>) {
    if watched.is_some() {
        for room in space.adapter.rooms(member) {
            leave_room(space, member, &room, watched);
        }
    }
    space.adapter.remove(member);
}
