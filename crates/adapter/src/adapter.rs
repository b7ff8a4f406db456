//! What a namespace asks of its adapter, and the adapter of the sessions below.

use smallvec::SmallVec;
use sockeye_engine_proto::frame::Frame;

/// A socket of a namespace: a dense number that its adapter gave it, given again after it left.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Member(pub(crate) u32);

impl Member {
    /// The number.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The member with that number, for those who keep members as numbers.
    #[must_use]
    pub const fn from_index(index: u32) -> Member {
        Member(index)
    }
}

/// Who is meant: the union of rooms and single members, without those excepted. Each hears a broadcast once.
#[derive(Clone, Debug, Default)]
pub struct Selection<'a> {
    /// These rooms. With `members` empty too, everybody is meant.
    pub rooms: SmallVec<[&'a str; 2]>,
    /// These sockets: their own-id rooms.
    pub members: SmallVec<[Member; 1]>,
    /// Whether rooms or members were named that turned out to be nobody: then an empty list is not everybody.
    pub narrowed: bool,
    /// Not who is in one of these rooms.
    pub except_rooms: SmallVec<[&'a str; 2]>,
    /// Not these.
    pub except_members: SmallVec<[Member; 1]>,
}

impl Selection<'_> {
    /// Everybody.
    #[must_use]
    pub fn everybody() -> Self {
        Selection::default()
    }

    pub(crate) fn is_everybody(&self) -> bool {
        self.rooms.is_empty() && self.members.is_empty() && !self.narrowed
    }
}

/// What a broadcast carries: frames that stay together, encoded once.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The packet, and its attachments.
    pub frames: &'a [Frame],
    /// Whether it is dropped where it cannot leave at once.
    pub volatile: bool,
}

/// What became of a wish to join or leave a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moved {
    /// Nothing: it was there already, or was not.
    Nothing,
    /// It joined or left, and others were or are there.
    Moved,
    /// Nothing: it is in as many rooms as it may be.
    Full,
    /// It is the first to join, and has made the room; or it was the last to leave, and the room is gone.
    Alone,
}

/// The sessions below: all that an adapter knows of them.
pub trait Recipients {
    /// Queues the parcel for each slot and writes nothing; `dirty` receives the slots to flush. Called under
    /// the adapter's lock, so membership is exact at the moment of the emit: it takes only locks below.
    fn enqueue(&self, slots: &mut dyn Iterator<Item = u32>, parcel: Parcel<'_>, dirty: &mut Vec<u32>);

    /// Writes what was queued. Called with no lock held.
    fn flush(&self, dirty: Vec<u32>);
}

/// The members of one namespace and their rooms.
///
/// All methods are called from any thread and never wait. A member is only used between `add` and `remove`.
pub trait Adapter: Send + Sync + 'static {
    /// A socket of the session in `slot` joined the namespace. It is in no room, and hears what is for
    /// everybody.
    fn add(&self, slot: u32) -> Member;

    /// The socket left: all its rooms, and the namespace.
    fn remove(&self, member: Member);

    /// Joins a room; nothing happens when it is in it already, or in as many as it may be.
    fn join(&self, member: Member, room: &str) -> Moved;

    /// Leaves a room; nothing happens when it is not in it. An empty room is gone.
    fn leave(&self, member: Member, room: &str) -> Moved;

    /// The rooms of a socket, in no order.
    fn rooms(&self, member: Member) -> Vec<String>;

    /// The slots of those meant, each once, in no order.
    fn select(&self, selection: &Selection<'_>) -> Vec<u32>;

    /// How many sockets the namespace has on this node.
    fn len(&self) -> usize;

    /// Whether the namespace has no socket on this node.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rooms of this node and how many sockets are in each, in no order.
    fn all_rooms(&self) -> Vec<(String, usize)>;

    /// How many are meant on this node.
    fn count(&self, selection: &Selection<'_>) -> usize;

    /// How many sockets are in a room on this node.
    fn room_len(&self, room: &str) -> usize;

    /// Sends a parcel to those meant; answers how many that were on this node.
    ///
    /// Who is a member at the moment of the call hears it, in order with whatever else is emitted to it.
    fn broadcast(&self, selection: &Selection<'_>, parcel: Parcel<'_>, to: &dyn Recipients) -> usize;
}
