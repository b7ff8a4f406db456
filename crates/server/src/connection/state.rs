//! What stands under a connection's lock: its stays, and the boxes that few of them need.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::Waker;

use sockeye_engine::handshake::Handshake;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::acks::Acks;
use sockeye_socket_proto::assembly::{Assembly, Incoming};

use crate::acks::Waiting;
use crate::id::SocketId;
use crate::lock::{Mutex, MutexGuard};
use crate::table::OWN;

/// While an acknowledgement of the peer is awaited its lane may be this much longer, since the ack comes
/// behind what fills the lane.
const PATIENCE: usize = 16;

/// What a stay that is over counts as in its connection's lanes until its last handler has ended. So a peer that
/// comes and goes while handlers do not end is read no further.
const LINGERING: usize = 1024;

/// Wires that wait for room.
pub(crate) type Readers = Vec<Waker>;

/// What stands beside a session. `T` is a table of handlers.
pub(crate) struct Connection<T>(Mutex<State<T>>);

const _: () = assert!(size_of::<Connection<()>>() == 32);

/// One stay of a peer in a namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stay {
    /// The namespace's number.
    pub(crate) namespace: u16,
    /// Counts the stays of a connection. The first one in the default namespace is number 0.
    pub(crate) number: u32,
}

impl Stay {
    /// The one that lies inline, and whose id is derived from the session's.
    pub(crate) const FIRST: Stay = Stay { namespace: 0, number: 0 };
}

pub(super) struct State<T> {
    pub(super) first: Place,
    pub(super) handshake: Option<Handshake>,
    pub(super) rare: Option<Box<Rare<T>>>,
}

/// What every stay has, in 8 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In the namespace's adapter. Before the first CONNECT of the connection: the tick by which it must come.
    pub(super) member: u32,
    /// The number of its table of handlers.
    pub(super) table: u16,
    pub(super) flags: u8,
    /// Handlers that wait.
    pub(super) active: u8,
}

pub(super) const NO_MEMBER: u32 = u32::MAX;

impl Place {
    /// CONNECT came, and is not answered.
    pub(super) const ASKING: u8 = 1;
    /// CONNECT is granted.
    pub(super) const JOINED: u8 = 1 << 1;
    /// It disconnects.
    pub(super) const LEAVING: u8 = 1 << 2;
    /// The connection handler runs: events are held back.
    pub(super) const HELD: u8 = 1 << 3;
    /// Somebody starts events.
    pub(super) const STARTING: u8 = 1 << 4;
    /// Handlers of its disconnect run.
    pub(super) const DEPARTING: u8 = 1 << 5;
    /// The connection has joined a namespace once. Kept in the first place only.
    pub(super) const GREETED: u8 = 1 << 6;

    /// It is the socket that it was before a cut.
    pub(super) const RECOVERED: u8 = 1 << 7;

    pub(super) const EMPTY: Place = Place { member: NO_MEMBER, table: 0, flags: 0, active: 0 };

    pub(super) fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u8) {
        self.flags |= flag;
    }

    pub(super) fn clear(&mut self, flag: u8) {
        self.flags &= !flag;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.active > 0 || self.is(Place::HELD | Place::STARTING | Place::DEPARTING)
    }
}

/// What few connections have.
pub(super) struct Rare<T> {
    pub(super) assembly: Assembly,
    /// When the next attachment of what is in assembly must have come.
    pub(super) attachment_by: Tick,
    /// The number of the first place's stay.
    pub(super) first: u32,
    /// The number of the next stay.
    pub(super) next: u32,
    pub(super) cold: Option<Box<Cold<T>>>,
    /// Further namespaces.
    pub(super) others: Vec<Other<T>>,
    /// Stays that are over, and whose handlers are not.
    pub(super) lingering: Vec<Other<T>>,
    /// Bytes in all lanes.
    pub(super) lanes: usize,
    /// Namespaces that were asked for and whose parents think.
    pub(super) choices: u8,
    /// The wires that wait for room in them: one, and perhaps one that another has taken over from.
    pub(super) readers: Readers,
}

impl<T> Default for Rare<T> {
    fn default() -> Rare<T> {
        Rare {
            assembly: Assembly::new(),
            attachment_by: Tick::default(),
            first: 0,
            next: 1,
            cold: None,
            others: Vec::new(),
            lingering: Vec::new(),
            lanes: 0,
            choices: 0,
            readers: Readers::new(),
        }
    }
}

pub(super) struct Other<T> {
    pub(super) stay: Stay,
    pub(super) place: Place,
    /// Its namespace, if that must be held. Nobody asks for it: it is there.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) keeps: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) cold: Option<Box<Cold<T>>>,
}

impl<T> Other<T> {
    /// Whether it is still needed although its stay is over.
    pub(super) fn is_busy(&self) -> bool {
        self.place.is_busy() || self.cold.as_ref().is_some_and(|cold| !cold.lane.is_empty())
    }
}

/// What few stays have.
pub(super) struct Cold<T> {
    /// Where it is not derived.
    pub(super) id: Option<SocketId>,
    /// Its CONNECT, if it had a payload.
    pub(super) auth: Option<Box<str>>,
    /// A table that nobody shares.
    pub(super) own: Option<Arc<T>>,
    pub(super) lane: VecDeque<Incoming<'static>>,
    pub(super) acks: Acks<Waiting>,
    pub(super) data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    /// Rooms that a middleware joined.
    pub(super) early_rooms: Vec<String>,
}

impl<T> Default for Cold<T> {
    fn default() -> Cold<T> {
        Cold {
            id: None,
            auth: None,
            own: None,
            lane: VecDeque::new(),
            acks: Acks::new(),
            data: Vec::new(),
            early_rooms: Vec::new(),
        }
    }
}

impl<T> Cold<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none()
            && self.auth.is_none()
            && self.own.is_none()
            && self.lane.is_empty()
            && self.acks.is_empty()
            && self.data.is_empty()
            && self.early_rooms.is_empty()
    }
}

/// Where the handlers of a stay are.
pub(crate) enum Handlers<T> {
    /// In the namespace's table with that number.
    Shared(u16),
    /// In this one.
    Own(Arc<T>),
}

impl<T> State<T> {
    /// The rare part, made if it was not there.
    pub(super) fn rare(&mut self) -> &mut Rare<T> {
        self.rare.get_or_insert_default()
    }

    pub(super) fn first_number(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.first)
    }

    pub(super) fn is_first(&self, stay: Stay) -> bool {
        stay.namespace == 0
            && stay.number == self.first_number()
            && self.first.is(Place::ASKING | Place::JOINED)
    }

    pub(super) fn other(&self, stay: Stay) -> Option<&Other<T>> {
        let rare = self.rare.as_ref()?;
        rare.others.iter().chain(&rare.lingering).find(|other| other.stay == stay)
    }

    pub(super) fn other_mut(&mut self, stay: Stay) -> Option<&mut Other<T>> {
        let rare = self.rare.as_mut()?;
        rare.others.iter_mut().chain(&mut rare.lingering).find(|other| other.stay == stay)
    }

    /// The stay's place, also when it lingers.
    pub(super) fn place(&mut self, stay: Stay) -> Option<&mut Place> {
        if self.is_first(stay) {
            return Some(&mut self.first);
        }
        self.other_mut(stay).map(|other| &mut other.place)
    }

    pub(super) fn cold(&self, stay: Stay) -> Option<&Cold<T>> {
        if self.is_first(stay) {
            return self.rare.as_ref()?.cold.as_deref();
        }
        self.other(stay)?.cold.as_deref()
    }

    pub(super) fn cold_mut(&mut self, stay: Stay) -> Option<&mut Cold<T>> {
        if self.is_first(stay) {
            return self.rare.as_mut()?.cold.as_deref_mut();
        }
        self.other_mut(stay)?.cold.as_deref_mut()
    }

    /// The cold part, made if it was not there. `None` when the stay is over.
    pub(super) fn make_cold(&mut self, stay: Stay) -> Option<&mut Cold<T>> {
        if self.is_first(stay) {
            return Some(self.rare().cold.get_or_insert_default());
        }
        Some(self.other_mut(stay)?.cold.get_or_insert_default())
    }

    /// The stay in that namespace, while it asks or is joined.
    pub(super) fn current(&self, namespace: u16) -> Option<(Stay, Place)> {
        if namespace == 0 {
            let stay = Stay { namespace, number: self.first_number() };
            return self.first.is(Place::ASKING | Place::JOINED).then_some((stay, self.first));
        }
        let others = &self.rare.as_ref()?.others;
        others.iter().find(|other| other.stay.namespace == namespace).map(|other| (other.stay, other.place))
    }

    pub(super) fn is_joined(&mut self, stay: Stay) -> bool {
        self.place(stay).is_some_and(|place| place.is(Place::JOINED))
    }

    pub(super) fn handlers(&mut self, stay: Stay) -> Option<Handlers<T>> {
        let table = self.place(stay)?.table;
        if table != OWN {
            return Some(Handlers::Shared(table));
        }
        self.cold(stay)?.own.clone().map(Handlers::Own)
    }

    /// Whether so much waits in lanes that the wire must not read on.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        let Some(rare) = self.rare.as_ref() else { return false };
        let waits = rare.lanes + rare.lingering.len() * LINGERING;
        waits > limit && (waits > limit.saturating_mul(PATIENCE) || !rare.awaits_acks())
    }

    pub(super) fn take_readers(&mut self, limit: usize) -> Readers {
        if self.is_full(limit) {
            return Readers::new();
        }
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.readers)).unwrap_or_default()
    }
}

impl<T> Rare<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.next == 1
            && self.cold.is_none()
            && self.others.is_empty()
            && self.lingering.is_empty()
            && self.readers.is_empty()
            && self.choices == 0
            && !self.assembly.is_waiting()
    }

    pub(super) fn awaits_acks(&self) -> bool {
        let mut others = self.others.iter().filter_map(|other| other.cold.as_ref());
        self.cold.as_ref().is_some_and(|cold| !cold.acks.is_empty())
            || others.any(|cold| !cold.acks.is_empty())
    }
}

/// The state, locked. What it lets go of is dropped when the lock is open again: values and handlers are the
/// application's, and may do anything when they are dropped.
pub(super) struct Locked<'c, T> {
    pub(super) state: MutexGuard<'c, State<T>>,
    // Behind the guard, as fields are dropped in their order. Mostly nothing, which must cost nothing: a lock is
    // taken several times for each event.
    released: Released<T>,
}

/// What a locked state lets go of, if anything.
struct Released<T>(Option<Box<Garbage<T>>>);

impl<T> Released<T> {
    fn cold(&mut self, gone: impl IntoIterator<Item = Box<Cold<T>>>) {
        gone.into_iter().for_each(|cold| self.garbage().cold.push(cold));
    }

    fn readers(&mut self, readers: &mut Readers) {
        if !readers.is_empty() {
            self.garbage().readers.append(readers);
        }
    }

    fn garbage(&mut self) -> &mut Garbage<T> {
        self.0.get_or_insert_with(|| Box::new(Garbage { cold: Vec::new(), readers: Vec::new() }))
    }
}

/// What is dropped and woken behind the lock.
struct Garbage<T> {
    #[expect(clippy::vec_box, reason = "as they lie: unboxing would copy them")]
    cold: Vec<Box<Cold<T>>>,
    /// The wires that may look again whether there is room.
    readers: Readers,
}

impl<T> Drop for Garbage<T> {
    fn drop(&mut self) {
        self.readers.drain(..).for_each(Waker::wake);
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = State<T>;

    fn deref(&self) -> &State<T> {
        &self.state
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut State<T> {
        &mut self.state
    }
}

impl<T> Locked<'_, T> {
    /// Frees what is empty.
    pub(super) fn shrink(&mut self) {
        let state = &mut *self.state;
        let Some(rare) = state.rare.as_mut() else { return };
        rare.cold.take_if(|cold| cold.is_empty());
        if rare.others.is_empty() {
            rare.others = Vec::new();
        }
        let lingered = rare.lingering.len();
        let gone = rare.lingering.extract_if(.., |other| !other.is_busy());
        self.released.cold(gone.filter_map(|other| other.cold));
        if rare.lingering.len() < lingered {
            self.released.readers(&mut rare.readers);
        }
        if rare.lingering.is_empty() {
            rare.lingering = Vec::new();
        }
        if rare.is_empty() {
            state.rare = None;
        }
    }

    /// Ends a stay that nothing was done for.
    pub(super) fn end(&mut self, stay: Stay) {
        let state = &mut *self.state;
        if state.is_first(stay) {
            let greeted = state.first.is(Place::GREETED);
            let member = if greeted { NO_MEMBER } else { state.first.member };
            state.first = Place { member, flags: state.first.flags & Place::GREETED, ..Place::EMPTY };
            let rare = state.rare();
            // The next one must not be taken for this one, which somebody may still hold.
            rare.next += u32::from(stay == Stay::FIRST);
            self.released.cold(rare.cold.take());
        } else if let Some(rare) = state.rare.as_mut() {
            let gone = rare.others.extract_if(.., |other| other.stay == stay);
            self.released.cold(gone.filter_map(|other| other.cold));
        }
        self.shrink();
    }
}

impl<T> Connection<T> {
    /// A peer of which only the handshake is known.
    pub(crate) fn new(handshake: Option<Handshake>) -> Connection<T> {
        Connection(Mutex::new(State { first: Place::EMPTY, handshake, rare: None }))
    }

    pub(super) fn lock(&self) -> Locked<'_, T> {
        Locked { state: self.0.lock(), released: Released(None) }
    }
}

impl<T> State<T> {
    /// Whether somebody is to start events now; the caller, then.
    pub(super) fn try_start(&mut self, stay: Stay) -> bool {
        let waits = self.cold(stay).is_some_and(|cold| !cold.lane.is_empty());
        let Some(place) = self.place(stay) else { return false };
        if !waits || place.is(Place::HELD | Place::STARTING) {
            return false;
        }
        place.set(Place::STARTING);
        true
    }

    /// Ends a stay, and keeps it aside while it is busy.
    pub(super) fn linger(&mut self, stay: Stay) {
        if self.is_first(stay) {
            let mut place = self.first;
            self.first = Place { flags: place.flags & Place::GREETED, ..Place::EMPTY };
            place.clear(Place::JOINED | Place::LEAVING | Place::GREETED);
            let rare = self.rare();
            rare.next += u32::from(stay == Stay::FIRST);
            let cold = rare.cold.take();
            rare.lingering.push(Other { stay, place, keeps: None, cold });
        } else if let Some(rare) = self.rare.as_mut()
            && let Some(at) = rare.others.iter().position(|other| other.stay == stay)
        {
            let mut other = rare.others.swap_remove(at);
            other.place.clear(Place::JOINED | Place::LEAVING);
            rare.lingering.push(other);
        }
    }
}
