//! What happened to rooms and is to be told: in the order in which it happened to each socket, with no lock held.
//!
//! It is noted under the lock of the socket's connection, and told by whoever finds nobody telling, until nothing is
//! left. So one who tells may tell for others, and what happens while something is told comes behind it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::{Mutex, MutexGuard};
use sockeye_adapter::adapter::Moved;

use crate::id::SocketId;
use crate::log::HANDLER;
use crate::room_event::{OnRoom, RoomEvent};

/// How many notes' memory is kept when none is left.
const KEPT: usize = 64;

/// Notes of one namespace.
#[derive(Default)]
pub(crate) struct Untold(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    waiting: VecDeque<Note>,
    is_telling: bool,
}

/// A socket has joined or left a room.
struct Note {
    on_room: OnRoom,
    socket: SocketId,
    room: Box<str>,
    moved: Moved,
    joins: bool,
}

/// Who is to be told of a socket's rooms.
pub(crate) struct Watched {
    on_room: OnRoom,
    socket: SocketId,
}

impl Watched {
    pub(crate) fn new(on_room: OnRoom, socket: SocketId) -> Watched {
        Watched { on_room, socket }
    }
}

impl Untold {
    /// Notes that the socket joined the room, or left it. Nothing is told yet.
    pub(crate) fn note(&self, watched: &Watched, joins: bool, room: &str, moved: Moved) {
        if !matches!(moved, Moved::Nothing | Moved::Full) {
            let Watched { on_room, socket } = watched;
            let note = Note { on_room: on_room.clone(), socket: *socket, room: room.into(), moved, joins };
            self.0.lock().waiting.push_back(note);
        }
    }

    /// Tells all that is noted, unless somebody does already. No lock may be held.
    pub(crate) fn tell(&self) {
        let mut notes = self.0.lock();
        if std::mem::replace(&mut notes.is_telling, true) {
            return;
        }
        while let Some(note) = notes.waiting.pop_front() {
            MutexGuard::unlocked(&mut notes, || note.tell());
        }
        notes.is_telling = false;
        notes.waiting.shrink_to(KEPT);
    }
}

impl Note {
    fn tell(self) {
        let Note { on_room, socket, room, moved, joins } = self;
        let room = &*room;
        let (is_alone, moved) = (
            moved == Moved::Alone,
            match joins {
                true => RoomEvent::Joined { room, socket },
                false => RoomEvent::Left { room, socket },
            },
        );
        if joins && is_alone {
            tell(&on_room, &RoomEvent::Created { room });
        }
        tell(&on_room, &moved);
        if !joins && is_alone {
            tell(&on_room, &RoomEvent::Deleted { room });
        }
    }
}

/// Rooms are left in the middle of a disconnect, which a panic of the application must not end.
fn tell(on_room: &OnRoom, event: &RoomEvent<'_>) {
    if catch_unwind(AssertUnwindSafe(|| on_room(event))).is_err() {
        tracing::error!(target: HANDLER, room = event.room(), "on_room panicked over {event}");
    }
}
