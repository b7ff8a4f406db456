//! What becomes of events for peers that read slowly: who says so, and whose word holds.
//!
//! ```text
//! the emit's own word  ▶  that of a room it is for  ▶  the socket's own  ▶  close
//!       └────── marked when the event is encoded ──────┘   └── asked for where it waits
//! ```
//! Where nobody ever says anything events are not marked, and cost nothing.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use sockeye_engine_proto::slow::Mark;
pub use sockeye_engine_proto::slow::WhenSlow;
use sockeye_socket_proto::outgoing::Encoded;

/// Keys are hashed so that nobody can choose two that are taken for one.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What an emit says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    rule: WhenSlow,
    /// Beside the event's name.
    key: u64,
}

impl Said {
    pub(crate) fn rule(rule: WhenSlow) -> Said {
        Said { rule, key: 0 }
    }

    pub(crate) fn keep_latest(key: impl Hash) -> Said {
        Said { rule: WhenSlow::KeepLatest, key: HASHER.hash_one(key) }
    }
}

/// What is said of the rooms of a namespace, and whether anything is said at all.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    is_used: AtomicBool,
    rooms: RwLock<HashMap<Box<str>, WhenSlow>>,
}

impl Rules {
    /// From now on events are marked.
    pub(crate) fn set_used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// What becomes of events for that room.
    pub(crate) fn set(&self, room: &str, rule: WhenSlow) {
        if rule == WhenSlow::Close {
            self.rooms.write().remove(room);
        } else {
            self.rooms.write().insert(room.into(), rule);
        }
        self.set_used();
    }

    /// The event `name`, which may be dropped as `said`, or as the first of `rooms` that has a rule has it.
    ///
    /// One with attachments is never dropped, since these would be taken for those of another.
    #[inline]
    pub(crate) fn mark(
        &self,
        packet: Encoded,
        said: Option<Said>,
        channel: u16,
        rooms: &[Box<str>],
        name: &str,
    ) -> Encoded {
        if said.is_none() && !self.is_used.load(Ordering::Relaxed) {
            return packet;
        }
        self.marked(packet, said, channel, rooms, name)
    }

    #[cold]
    fn marked(
        &self,
        packet: Encoded,
        said: Option<Said>,
        channel: u16,
        rooms: &[Box<str>],
        name: &str,
    ) -> Encoded {
        if !packet.attachments.is_empty() {
            return packet;
        }
        let of_room = || {
            let rules = self.rooms.read();
            rooms.iter().find_map(|room| rules.get(room).copied())
        };
        let rule = said.map(|said| said.rule).or_else(of_room);
        let key = HASHER.hash_one((channel, name, said.map(|said| said.key).unwrap_or_default()));
        Encoded { text: packet.text.marked(Mark { rule, channel, key }), ..packet }
    }
}
