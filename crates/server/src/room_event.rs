//! What happens to rooms, for applications that keep count of who is where.

use std::fmt;
use std::sync::Arc;

use crate::id::SocketId;

/// What happened to a room of a namespace, on this node: what other servers call `create-room`, `join-room`,
/// `leave-room` and `delete-room`.
///
/// The room of a socket's own id is not told: every socket has one for as long as it is connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RoomEvent<'r> {
    /// It has its first member. Told before that member's [`Joined`](RoomEvent::Joined).
    Created {
        /// The room.
        room: &'r str,
    },
    /// A socket has joined it.
    Joined {
        /// The room.
        room: &'r str,
        /// The socket.
        socket: SocketId,
    },
    /// A socket has left it, by itself or since it disconnects.
    Left {
        /// The room.
        room: &'r str,
        /// The socket.
        socket: SocketId,
    },
    /// Its last member has left. Told behind that member's [`Left`](RoomEvent::Left).
    Deleted {
        /// The room.
        room: &'r str,
    },
}

/// Who is told.
pub(crate) type OnRoom = Arc<dyn Fn(&RoomEvent<'_>) + Send + Sync>;

impl RoomEvent<'_> {
    /// The room.
    #[must_use]
    pub fn room(&self) -> &str {
        match self {
            RoomEvent::Created { room }
            | RoomEvent::Joined { room, .. }
            | RoomEvent::Left { room, .. }
            | RoomEvent::Deleted { room } => room,
        }
    }
}

/// As other servers call it.
impl fmt::Display for RoomEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RoomEvent::Created { .. } => "create-room",
            RoomEvent::Joined { .. } => "join-room",
            RoomEvent::Left { .. } => "leave-room",
            RoomEvent::Deleted { .. } => "delete-room",
        })
    }
}
