//! What a session keeps of its peer's sockets, in 32 bytes while little is known.
//!
//! ```text
//! Apart ── CONNECT ──▶ Asking ── middlewares ──▶ Joined ── disconnect ──▶ Apart
//!            (a stay begins)                       │ lane, acks, data      (the stay may linger until
//!                                                  ▼                        its last handler has ended)
//! ```
//! One peer in one namespace, from CONNECT to disconnect, is a *stay*. The first stay in the default
//! namespace lies inline; all that few peers have is in a box that comes and goes.
//!
//! Runs nothing and sends nothing: who calls it does what it answers. Its lock comes before the adapter's.
//!
//! **Turns.** Events of a stay start in order. Who finds nobody *starting* starts events until none can: it
//! calls the handler and polls it once. A handler that waits is *active*; while as many are active as may be
//! (one, by default), or the connection handler holds them back, events wait in the *lane*.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::Waker;

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use sockeye_adapter::adapter::Member;
use sockeye_engine::handshake::Handshake;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::acks::Acks;
use sockeye_socket_proto::assembly::{Assembly, Incoming};

use crate::acks::Waiting;
use crate::id::SocketId;
use crate::table::OWN;

/// While an acknowledgement of the peer is awaited its lane may be this much longer, since the ack comes
/// behind what fills the lane.
const PATIENCE: usize = 16;

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

struct State<T> {
    first: Place,
    handshake: Option<Handshake>,
    rare: Option<Box<Rare<T>>>,
}

/// What every stay has, in 8 bytes.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// In the namespace's adapter. Before the first CONNECT of the connection: the tick by which it must come.
    member: u32,
    /// The number of its table of handlers.
    table: u16,
    flags: u8,
    /// Handlers that wait.
    active: u8,
}

const NO_MEMBER: u32 = u32::MAX;

impl Place {
    /// CONNECT came, and is not answered.
    const ASKING: u8 = 1;
    /// CONNECT is granted.
    const JOINED: u8 = 1 << 1;
    /// It disconnects.
    const LEAVING: u8 = 1 << 2;
    /// The connection handler runs: events are held back.
    const HELD: u8 = 1 << 3;
    /// Somebody starts events.
    const STARTING: u8 = 1 << 4;
    /// Handlers of its disconnect run.
    const DEPARTING: u8 = 1 << 5;
    /// The connection has joined a namespace once. Kept in the first place only.
    const GREETED: u8 = 1 << 6;

    const EMPTY: Place = Place { member: NO_MEMBER, table: 0, flags: 0, active: 0 };

    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u8) {
        self.flags |= flag;
    }

    fn clear(&mut self, flag: u8) {
        self.flags &= !flag;
    }

    fn is_busy(&self) -> bool {
        self.active > 0 || self.is(Place::HELD | Place::STARTING | Place::DEPARTING)
    }
}

/// What few connections have.
struct Rare<T> {
    assembly: Assembly,
    /// The number of the first place's stay.
    first: u32,
    /// The number of the next stay.
    next: u32,
    cold: Option<Box<Cold<T>>>,
    /// Further namespaces.
    others: Vec<Other<T>>,
    /// Stays that are over, and whose handlers are not.
    lingering: Vec<Other<T>>,
    /// Bytes in all lanes.
    lanes: usize,
    /// The wire that waits for room in them.
    reader: Option<Waker>,
}

impl<T> Default for Rare<T> {
    fn default() -> Rare<T> {
        Rare {
            assembly: Assembly::new(),
            first: 0,
            next: 1,
            cold: None,
            others: Vec::new(),
            lingering: Vec::new(),
            lanes: 0,
            reader: None,
        }
    }
}

struct Other<T> {
    stay: Stay,
    place: Place,
    cold: Option<Box<Cold<T>>>,
}

impl<T> Other<T> {
    /// Whether it is still needed although its stay is over.
    fn is_busy(&self) -> bool {
        self.place.is_busy() || self.cold.as_ref().is_some_and(|cold| !cold.lane.is_empty())
    }
}

/// What few stays have.
struct Cold<T> {
    /// Where it is not derived.
    id: Option<SocketId>,
    /// Its CONNECT, if it had a payload.
    auth: Option<Box<str>>,
    /// A table that nobody shares.
    own: Option<Arc<T>>,
    lane: VecDeque<Incoming<'static>>,
    acks: Acks<Waiting>,
    data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    /// Rooms that a middleware joined.
    early_rooms: Vec<String>,
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
    fn is_empty(&self) -> bool {
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

/// What becomes of an event.
pub(crate) enum Admission<'p, T> {
    /// The caller starts it.
    Start(Stay, Incoming<'p>, Handlers<T>),
    /// It waits in the lane.
    Queued {
        /// The wire is to stop reading.
        full: bool,
    },
    /// The namespace is not joined.
    Stranger,
}

/// The next event of a lane, for who starts them.
pub(crate) struct Next<T> {
    pub(crate) incoming: Incoming<'static>,
    pub(crate) handlers: Handlers<T>,
    /// The wire may read on.
    pub(crate) reader: Option<Waker>,
}

impl<T> State<T> {
    /// The rare part, made if it was not there.
    fn rare(&mut self) -> &mut Rare<T> {
        self.rare.get_or_insert_default()
    }

    fn first_number(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.first)
    }

    fn is_first(&self, stay: Stay) -> bool {
        stay.namespace == 0
            && stay.number == self.first_number()
            && self.first.is(Place::ASKING | Place::JOINED)
    }

    fn other(&self, stay: Stay) -> Option<&Other<T>> {
        let rare = self.rare.as_ref()?;
        rare.others.iter().chain(&rare.lingering).find(|other| other.stay == stay)
    }

    fn other_mut(&mut self, stay: Stay) -> Option<&mut Other<T>> {
        let rare = self.rare.as_mut()?;
        rare.others.iter_mut().chain(&mut rare.lingering).find(|other| other.stay == stay)
    }

    /// The stay's place, also when it lingers.
    fn place(&mut self, stay: Stay) -> Option<&mut Place> {
        if self.is_first(stay) {
            return Some(&mut self.first);
        }
        self.other_mut(stay).map(|other| &mut other.place)
    }

    fn cold(&self, stay: Stay) -> Option<&Cold<T>> {
        if self.is_first(stay) {
            return self.rare.as_ref()?.cold.as_deref();
        }
        self.other(stay)?.cold.as_deref()
    }

    fn cold_mut(&mut self, stay: Stay) -> Option<&mut Cold<T>> {
        if self.is_first(stay) {
            return self.rare.as_mut()?.cold.as_deref_mut();
        }
        self.other_mut(stay)?.cold.as_deref_mut()
    }

    /// The cold part, made if it was not there. `None` when the stay is over.
    fn make_cold(&mut self, stay: Stay) -> Option<&mut Cold<T>> {
        if self.is_first(stay) {
            return Some(self.rare().cold.get_or_insert_default());
        }
        Some(self.other_mut(stay)?.cold.get_or_insert_default())
    }

    /// The stay in that namespace, while it asks or is joined.
    fn current(&self, namespace: u16) -> Option<(Stay, Place)> {
        if namespace == 0 {
            let stay = Stay { namespace, number: self.first_number() };
            return self.first.is(Place::ASKING | Place::JOINED).then_some((stay, self.first));
        }
        let others = &self.rare.as_ref()?.others;
        others.iter().find(|other| other.stay.namespace == namespace).map(|other| (other.stay, other.place))
    }

    fn is_joined(&mut self, stay: Stay) -> bool {
        self.place(stay).is_some_and(|place| place.is(Place::JOINED))
    }

    fn handlers(&mut self, stay: Stay) -> Option<Handlers<T>> {
        let table = self.place(stay)?.table;
        if table != OWN {
            return Some(Handlers::Shared(table));
        }
        self.cold(stay)?.own.clone().map(Handlers::Own)
    }

    /// Whether so much waits in lanes that the wire must not read on.
    fn is_full(&self, limit: usize) -> bool {
        let Some(rare) = self.rare.as_ref() else { return false };
        rare.lanes > limit && (rare.lanes > limit.saturating_mul(PATIENCE) || !rare.awaits_acks())
    }

    fn take_reader(&mut self, limit: usize) -> Option<Waker> {
        if self.is_full(limit) {
            return None;
        }
        self.rare.as_mut()?.reader.take()
    }
}

impl<T> Rare<T> {
    fn is_empty(&self) -> bool {
        self.next == 1
            && self.cold.is_none()
            && self.others.is_empty()
            && self.lingering.is_empty()
            && self.reader.is_none()
            && !self.assembly.is_waiting()
    }

    fn awaits_acks(&self) -> bool {
        let mut others = self.others.iter().filter_map(|other| other.cold.as_ref());
        self.cold.as_ref().is_some_and(|cold| !cold.acks.is_empty())
            || others.any(|cold| !cold.acks.is_empty())
    }
}

/// The state, locked. What it lets go of is dropped when the lock is open again: values and handlers are the
/// application's, and may do anything when they are dropped.
struct Locked<'c, T> {
    state: MutexGuard<'c, State<T>>,
    // Behind the guard, as fields are dropped in their order.
    #[expect(clippy::vec_box, reason = "as they lie: unboxing would copy them")]
    garbage: Vec<Box<Cold<T>>>,
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
    fn shrink(&mut self) {
        let state = &mut *self.state;
        let Some(rare) = state.rare.as_mut() else { return };
        rare.cold.take_if(|cold| cold.is_empty());
        if rare.others.is_empty() {
            rare.others = Vec::new();
        }
        let gone = rare.lingering.extract_if(.., |other| !other.is_busy());
        self.garbage.extend(gone.filter_map(|other| other.cold));
        if rare.lingering.is_empty() {
            rare.lingering = Vec::new();
        }
        if rare.is_empty() {
            state.rare = None;
        }
    }

    /// Ends a stay that nothing was done for.
    fn end(&mut self, stay: Stay) {
        let state = &mut *self.state;
        if state.is_first(stay) {
            let greeted = state.first.is(Place::GREETED);
            let member = if greeted { NO_MEMBER } else { state.first.member };
            state.first = Place { member, flags: state.first.flags & Place::GREETED, ..Place::EMPTY };
            let rare = state.rare();
            // The next one must not be taken for this one, which somebody may still hold.
            rare.next += u32::from(stay == Stay::FIRST);
            self.garbage.extend(rare.cold.take());
        } else if let Some(rare) = state.rare.as_mut() {
            let gone = rare.others.extract_if(.., |other| other.stay == stay);
            self.garbage.extend(gone.filter_map(|other| other.cold));
        }
        self.shrink();
    }
}

impl<T> Connection<T> {
    /// A peer of which only the handshake is known.
    pub(crate) fn new(handshake: Option<Handshake>) -> Connection<T> {
        Connection(Mutex::new(State { first: Place::EMPTY, handshake, rare: None }))
    }

    fn lock(&self) -> Locked<'_, T> {
        Locked { state: self.0.lock(), garbage: Vec::new() }
    }

    /// The first CONNECT must come by `deadline`.
    pub(crate) fn expect_connect(&self, deadline: Tick) {
        let mut state = self.lock();
        if !state.first.is(Place::GREETED) {
            state.first.member = deadline.count();
        }
    }

    /// Until when the first CONNECT must have been granted; `None` once one was.
    pub(crate) fn connect_deadline(&self) -> Option<Tick> {
        let state = self.lock();
        let is_expected = !state.first.is(Place::GREETED) && state.first.member != NO_MEMBER;
        is_expected.then(|| Tick::new(state.first.member))
    }

    pub(crate) fn handshake(&self) -> Option<Handshake> {
        self.lock().handshake.clone()
    }

    pub(crate) fn drop_handshake(&self) {
        let mut state = self.lock();
        state.handshake = None;
    }

    // ---- Packets that come in parts -------------------------------------------------------------------

    /// Takes what was begun, if a packet is in assembly.
    pub(crate) fn take_assembly(&self) -> Assembly {
        let mut state = self.lock();
        state.rare.as_mut().map(|rare| std::mem::take(&mut rare.assembly)).unwrap_or_default()
    }

    /// Keeps what was begun.
    pub(crate) fn keep_assembly(&self, assembly: Assembly) {
        self.lock().rare().assembly = assembly;
    }

    // ---- Coming ---------------------------------------------------------------------------------------

    /// CONNECT came. `None` when the namespace is joined or asked for already.
    pub(crate) fn ask(
        &self,
        namespace: u16,
        auth: Option<Box<str>>,
        id: impl FnOnce() -> SocketId,
    ) -> Option<Stay> {
        let mut state = self.lock();
        if state.current(namespace).is_some() {
            return None;
        }
        let place = Place { flags: Place::ASKING, ..Place::EMPTY };
        let stay = if namespace == 0 && state.rare.as_ref().is_none_or(|rare| rare.next == 1) {
            Stay::FIRST
        } else {
            let rare = state.rare();
            rare.next += 1;
            Stay { namespace, number: rare.next - 1 }
        };
        if namespace == 0 {
            let greeted = state.first.flags & Place::GREETED;
            // The member's field is the deadline until somebody is greeted.
            let member = state.first.member;
            state.first = Place { member, flags: Place::ASKING | greeted, ..Place::EMPTY };
            if stay != Stay::FIRST {
                state.rare().first = stay.number;
            }
        } else {
            state.rare().others.push(Other { stay, place, cold: None });
        }
        if stay != Stay::FIRST {
            let id = id();
            state.make_cold(stay)?.id = Some(id);
        }
        if let Some(auth) = auth {
            state.make_cold(stay)?.auth = Some(auth);
        }
        Some(stay)
    }

    /// CONNECT is refused. False when the stay is over already.
    pub(crate) fn refuse(&self, stay: Stay) -> bool {
        let mut state = self.lock();
        let is_asking = state.place(stay).is_some_and(|place| place.is(Place::ASKING));
        if is_asking {
            state.end(stay);
        }
        is_asking
    }

    /// CONNECT is granted, and events are held until [`release`](Connection::release). False when the stay
    /// is over.
    pub(crate) fn grant(&self, stay: Stay) -> bool {
        let mut state = self.lock();
        let Some(place) = state.place(stay).filter(|place| place.is(Place::ASKING)) else { return false };
        place.clear(Place::ASKING);
        place.set(Place::JOINED | Place::HELD);
        place.member = NO_MEMBER;
        if !state.first.is(Place::GREETED) {
            state.first.set(Place::GREETED);
            state.first.member = NO_MEMBER;
        }
        true
    }

    /// Makes it a member, and of the rooms that middlewares joined. `add` runs under the lock, so a disconnect
    /// comes before or after.
    pub(crate) fn enter(&self, stay: Stay, add: impl FnOnce(Vec<String>) -> Member) -> bool {
        let mut state = self.lock();
        if !state.is_joined(stay) {
            return false;
        }
        let rooms = state.cold_mut(stay).map(|cold| std::mem::take(&mut cold.early_rooms));
        let member = add(rooms.unwrap_or_default());
        if let Some(place) = state.place(stay) {
            place.member = member.index();
        }
        true
    }

    /// The connection handler has ended, or took too long. True when the caller is to start what waits.
    pub(crate) fn release(&self, stay: Stay) -> bool {
        let mut state = self.lock();
        if let Some(place) = state.place(stay) {
            place.clear(Place::HELD);
        }
        let starts = state.try_start(stay);
        state.shrink();
        starts
    }

    // ---- Turns ----------------------------------------------------------------------------------------

    /// An event came for a namespace, of whose handlers `concurrent` may wait at once.
    pub(crate) fn admit<'p>(
        &self,
        namespace: u16,
        incoming: Incoming<'p>,
        concurrent: u8,
        limit: usize,
    ) -> Admission<'p, T> {
        let mut state = self.lock();
        let Some((stay, place)) = state.current(namespace) else { return Admission::Stranger };
        if !place.is(Place::JOINED) {
            return Admission::Stranger;
        }
        if place.is(Place::HELD | Place::STARTING) || place.active >= concurrent {
            let length = incoming.len();
            if let Some(cold) = state.make_cold(stay) {
                cold.lane.push_back(incoming.into_owned());
            }
            state.rare().lanes += length;
            return Admission::Queued { full: state.is_full(limit) };
        }
        if let Some(place) = state.place(stay) {
            place.set(Place::STARTING);
        }
        match state.handlers(stay) {
            Some(handlers) => Admission::Start(stay, incoming, handlers),
            None => Admission::Stranger,
        }
    }

    /// Who starts asks for the next event. `None`: nothing can be started, and the caller no longer starts.
    pub(crate) fn next(&self, stay: Stay, concurrent: u8, limit: usize) -> Option<Next<T>> {
        let mut state = self.lock();
        let place = *state.place(stay)?;
        let mut incoming = None;
        if place.active < concurrent && !place.is(Place::HELD) {
            incoming = state.cold_mut(stay).and_then(|cold| {
                let incoming = cold.lane.pop_front();
                if cold.lane.is_empty() {
                    cold.lane = VecDeque::new();
                }
                incoming
            });
        }
        let handlers = state.handlers(stay);
        let (Some(incoming), Some(handlers)) = (incoming, handlers) else {
            if let Some(place) = state.place(stay) {
                place.clear(Place::STARTING);
            }
            state.shrink();
            return None;
        };
        let rare = state.rare();
        rare.lanes = rare.lanes.saturating_sub(incoming.len());
        let reader = state.take_reader(limit);
        Some(Next { incoming, handlers, reader })
    }

    /// Who started one event starts no more. True when the caller is to see that the next is started.
    pub(crate) fn stop(&self, stay: Stay, concurrent: u8) -> bool {
        let mut state = self.lock();
        let Some(place) = state.place(stay) else { return false };
        place.clear(Place::STARTING);
        let has_turn = place.active < concurrent;
        let starts = has_turn && state.try_start(stay);
        state.shrink();
        starts
    }

    /// A handler that was started waits. True while the caller goes on starting; else it only waits, too.
    pub(crate) fn waits(&self, stay: Stay, concurrent: u8) -> bool {
        let mut state = self.lock();
        let Some(place) = state.place(stay) else { return false };
        place.active += 1;
        if place.active < concurrent {
            return true;
        }
        place.clear(Place::STARTING);
        false
    }

    /// A handler that waited has ended. True when the caller is to start what waits.
    pub(crate) fn ended(&self, stay: Stay) -> bool {
        let mut state = self.lock();
        if let Some(place) = state.place(stay) {
            place.active = place.active.saturating_sub(1);
        }
        let starts = state.try_start(stay);
        state.shrink();
        starts
    }

    /// Whether the wire may read on; else `waker` is kept for when it may.
    pub(crate) fn has_room(&self, limit: usize, waker: &Waker) -> bool {
        let mut state = self.lock();
        if !state.is_full(limit) {
            return true;
        }
        state.rare().reader = Some(waker.clone());
        false
    }

    /// The wire that waits for room, if one does.
    pub(crate) fn take_reader(&self) -> Option<Waker> {
        let mut state = self.lock();
        let reader = state.rare.as_mut()?.reader.take();
        state.shrink();
        reader
    }

    // ---- Going ----------------------------------------------------------------------------------------

    /// The stays that ask or are joined, in the order in which they came.
    pub(crate) fn stays(&self) -> SmallVec<[Stay; 1]> {
        let state = self.lock();
        let mut stays: SmallVec<[Stay; 1]> = state.current(0).map(|(stay, _)| stay).into_iter().collect();
        if let Some(rare) = &state.rare {
            stays.extend(rare.others.iter().map(|other| other.stay));
        }
        stays.sort_unstable_by_key(|stay| stay.number);
        stays
    }

    /// A stay begins to end: its handlers, unless it does already. One that asks just ends.
    pub(crate) fn begin_leave(&self, stay: Stay) -> Option<Handlers<T>> {
        let mut state = self.lock();
        let place = state.place(stay).filter(|place| !place.is(Place::LEAVING))?;
        if place.is(Place::ASKING) {
            state.end(stay);
            return None;
        }
        if !place.is(Place::JOINED) {
            return None;
        }
        place.set(Place::LEAVING | Place::DEPARTING);
        state.handlers(stay)
    }

    /// The stay ends; what its handlers still need lingers. `remove` runs under the lock. Answers who waits for
    /// acks.
    pub(crate) fn finish_leave(
        &self,
        stay: Stay,
        remove: impl FnOnce(Option<Member>),
    ) -> Vec<(u64, Waiting)> {
        let mut state = self.lock();
        let place = state.place(stay).copied().unwrap_or(Place::EMPTY);
        let member = (place.member != NO_MEMBER).then(|| Member::from_index(place.member));
        let waiting = state.cold_mut(stay).map(|cold| cold.acks.take_all()).unwrap_or_default();
        remove(member);
        state.linger(stay);
        waiting
    }

    /// The last disconnect handler has ended.
    pub(crate) fn forget(&self, stay: Stay) {
        let mut state = self.lock();
        if let Some(place) = state.place(stay) {
            place.clear(Place::DEPARTING);
        }
        state.shrink();
    }

    // ---- What a socket asks ---------------------------------------------------------------------------

    /// The stay in that namespace, if it is joined, with its id where it is not derived.
    pub(crate) fn joined(&self, namespace: u16) -> Option<(Stay, Option<SocketId>)> {
        let state = self.lock();
        let (stay, place) = state.current(namespace)?;
        place.is(Place::JOINED).then(|| (stay, state.cold(stay).and_then(|cold| cold.id)))
    }

    pub(crate) fn member(&self, stay: Stay) -> Option<Member> {
        let mut state = self.lock();
        let place = state.place(stay).filter(|place| place.is(Place::JOINED))?;
        (place.member != NO_MEMBER).then(|| Member::from_index(place.member))
    }

    /// Calls `with` under the lock, if it is a member.
    pub(crate) fn with_member(&self, stay: Stay, with: impl FnOnce(Member)) {
        let mut state = self.lock();
        let Some(place) = state.place(stay) else { return };
        if place.is(Place::JOINED) && place.member != NO_MEMBER {
            with(Member::from_index(place.member));
        }
    }

    pub(crate) fn is_joined(&self, stay: Stay) -> bool {
        self.lock().is_joined(stay)
    }

    /// Whether packets may be sent to it: also while its middlewares run.
    pub(crate) fn may_hear(&self, stay: Stay) -> bool {
        self.lock().place(stay).is_some_and(|place| place.is(Place::ASKING | Place::JOINED))
    }

    pub(crate) fn id(&self, stay: Stay) -> Option<SocketId> {
        self.lock().cold(stay)?.id
    }

    /// Its CONNECT, if it had a payload.
    pub(crate) fn auth(&self, stay: Stay) -> Option<Box<str>> {
        self.lock().cold(stay)?.auth.clone()
    }

    pub(crate) fn drop_auth(&self, stay: Stay) {
        let mut state = self.lock();
        if let Some(cold) = state.cold_mut(stay) {
            cold.auth = None;
        }
        state.shrink();
    }

    /// Joins or leaves a room: `change` runs under the lock, so nothing is joined behind a disconnect. While
    /// middlewares run the room is only noted.
    pub(crate) fn join(&self, stay: Stay, room: &str, join: impl FnOnce(Member)) {
        let mut state = self.lock();
        let Some(place) = state.place(stay).copied() else { return };
        if place.is(Place::ASKING) {
            if let Some(cold) = state.make_cold(stay)
                && !cold.early_rooms.iter().any(|early| early == room)
            {
                cold.early_rooms.push(room.to_owned());
            }
        } else if place.is(Place::JOINED) && place.member != NO_MEMBER {
            join(Member::from_index(place.member));
        }
    }

    pub(crate) fn leave(&self, stay: Stay, room: &str, leave: impl FnOnce(Member)) {
        let mut state = self.lock();
        let Some(place) = state.place(stay).copied() else { return };
        if place.is(Place::ASKING) {
            if let Some(cold) = state.cold_mut(stay) {
                cold.early_rooms.retain(|early| early != room);
            }
        } else if place.is(Place::JOINED) && place.member != NO_MEMBER {
            leave(Member::from_index(place.member));
        }
    }

    pub(crate) fn data(&self, stay: Stay, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let state = self.lock();
        let data = &state.cold(stay)?.data;
        data.iter().find(|(known, _)| *known == kind).map(|(_, value)| value.clone())
    }

    /// Answers what was replaced, for the caller to drop outside of the lock.
    pub(crate) fn set_data(
        &self,
        stay: Stay,
        kind: TypeId,
        value: Arc<dyn Any + Send + Sync>,
    ) -> Option<Arc<dyn Any + Send + Sync>> {
        let mut state = self.lock();
        let data = &mut state.make_cold(stay)?.data;
        match data.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, held)) => Some(std::mem::replace(held, value)),
            None => {
                data.push((kind, value));
                None
            }
        }
    }

    /// The number of its table.
    pub(crate) fn table(&self, stay: Stay) -> Option<Handlers<T>> {
        self.lock().handlers(stay)
    }

    /// Sets the table, unless it is no longer `from`.
    pub(crate) fn share_table(&self, stay: Stay, from: u16, to: u16) -> bool {
        let mut state = self.lock();
        match state.place(stay) {
            Some(place) if place.table == from => {
                place.table = to;
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    /// Changes a table of its own, which `shared` makes if it has none. Answers what `change` does.
    pub(crate) fn own_table<R>(
        &self,
        stay: Stay,
        shared: impl FnOnce(u16) -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R>
    where
        T: Clone,
    {
        let mut state = self.lock();
        let from = std::mem::replace(&mut state.place(stay)?.table, OWN);
        let own = state.make_cold(stay)?.own.get_or_insert_with(|| Arc::new(shared(from)));
        Some(change(Arc::make_mut(own)))
    }

    // ---- Acks of the peer -----------------------------------------------------------------------------

    /// Waits for an ack. Answers a reader to wake, since the lane may be longer meanwhile; gives back who
    /// cannot wait.
    pub(crate) fn await_ack(
        &self,
        stay: Stay,
        id: u64,
        deadline: Option<Tick>,
        waiting: Waiting,
        limits: (usize, usize),
    ) -> Result<Option<Waker>, AckRefused> {
        let (acks, lane) = limits;
        let mut state = self.lock();
        if !state.place(stay).is_some_and(|place| place.is(Place::ASKING | Place::JOINED)) {
            return Err(AckRefused::Gone);
        }
        let cold = state.make_cold(stay).ok_or(AckRefused::Gone)?;
        cold.acks.insert(id, deadline, waiting, acks).map_err(|_| AckRefused::TooMany)?;
        Ok(state.take_reader(lane))
    }

    /// Takes out who waits for that ack.
    pub(crate) fn take_ack(&self, stay: Stay, id: u64) -> Option<Waiting> {
        let mut state = self.lock();
        let waiting = state.cold_mut(stay)?.acks.remove(id);
        state.shrink();
        waiting
    }

    /// Takes out all whose time is over; answers when to look again.
    pub(crate) fn take_due_acks(&self, now: Tick) -> (Vec<(u64, Waiting)>, Option<Tick>) {
        let mut state = self.lock();
        let Some(rare) = state.rare.as_mut() else { return (Vec::new(), None) };
        let mut due = Vec::new();
        let mut next: Option<Tick> = None;
        let others = rare.others.iter_mut().filter_map(|other| other.cold.as_mut());
        for cold in rare.cold.iter_mut().chain(others) {
            due.extend(cold.acks.take_due(now));
            if let Some(deadline) = cold.acks.deadline() {
                next = Some(next.map_or(deadline, |next| next.earlier(deadline)));
            }
        }
        if !due.is_empty() {
            state.shrink();
        }
        (due, next)
    }
}

/// Why nobody can wait for an ack.
pub(crate) enum AckRefused {
    Gone,
    TooMany,
}

impl<T> State<T> {
    /// Whether somebody is to start events now; the caller, then.
    fn try_start(&mut self, stay: Stay) -> bool {
        let waits = self.cold(stay).is_some_and(|cold| !cold.lane.is_empty());
        let Some(place) = self.place(stay) else { return false };
        if !waits || place.is(Place::HELD | Place::STARTING) {
            return false;
        }
        place.set(Place::STARTING);
        true
    }

    /// Ends a stay, and keeps it aside while it is busy.
    fn linger(&mut self, stay: Stay) {
        if self.is_first(stay) {
            let mut place = self.first;
            self.first = Place { flags: place.flags & Place::GREETED, ..Place::EMPTY };
            place.clear(Place::JOINED | Place::LEAVING | Place::GREETED);
            let rare = self.rare();
            rare.next += u32::from(stay == Stay::FIRST);
            let cold = rare.cold.take();
            rare.lingering.push(Other { stay, place, cold });
        } else if let Some(rare) = self.rare.as_mut()
            && let Some(at) = rare.others.iter().position(|other| other.stay == stay)
        {
            let mut other = rare.others.swap_remove(at);
            other.place.clear(Place::JOINED | Place::LEAVING);
            rare.lingering.push(other);
        }
    }
}
