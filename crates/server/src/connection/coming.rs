//! How a stay begins: CONNECT, middlewares, the connection handler.

use std::any::{Any, TypeId};
use std::sync::Arc;

use sockeye_adapter::adapter::Member;
use sockeye_engine_proto::tick::Tick;

use crate::connection::state::{Connection, NO_MEMBER, Other, Place, Stay};
use crate::id::SocketId;

impl<T> Connection<T> {
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

    /// CONNECT came. `None` when the namespace is joined or asked for already. `keeps` is the namespace, where it
    /// must be held: for as long as the stay is needed. `known` is the id that a socket gets back.
    pub(crate) fn ask(
        &self,
        namespace: u16,
        keeps: Option<Arc<dyn Any + Send + Sync>>,
        auth: Option<Box<str>>,
        known: Option<SocketId>,
        id: impl FnOnce() -> SocketId,
    ) -> Option<Stay> {
        let mut state = self.lock();
        if state.current(namespace).is_some() {
            return None;
        }
        let place = Place { flags: Place::ASKING, ..Place::EMPTY };
        let is_first = namespace == 0 && known.is_none();
        let stay = if is_first && state.rare.as_ref().is_none_or(|rare| rare.next == 1) {
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
            state.rare().others.push(Other { stay, place, keeps, cold: None });
        }
        if stay != Stay::FIRST {
            let id = known.unwrap_or_else(id);
            state.make_cold(stay)?.id = Some(id);
        }
        if known.is_some() {
            state.place(stay)?.set(Place::RECOVERED);
        }
        if let Some(auth) = auth {
            state.make_cold(stay)?.auth = Some(auth);
        }
        Some(stay)
    }

    /// The socket gets back what was kept with it.
    pub(crate) fn restore_data(&self, stay: Stay, data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>) {
        let mut state = self.lock();
        if let Some(cold) = state.make_cold(stay).filter(|_| !data.is_empty()) {
            cold.data = data;
        }
        state.shrink();
    }

    /// It is not recovered after all: it gets another id.
    pub(crate) fn rename(&self, stay: Stay, id: SocketId) {
        let mut state = self.lock();
        if let Some(cold) = state.make_cold(stay) {
            cold.id = Some(id);
        }
        if let Some(place) = state.place(stay) {
            place.clear(Place::RECOVERED);
        }
    }

    /// How many namespaces are joined or asked for, besides the default one.
    pub(crate) fn namespaces(&self) -> usize {
        let state = self.lock();
        state.rare.as_ref().map_or(0, |rare| rare.others.len() + usize::from(rare.choices))
    }

    /// Bytes of what CONNECTs said that is still kept, for all namespaces.
    pub(crate) fn auth_bytes(&self) -> usize {
        let state = self.lock();
        let Some(rare) = &state.rare else { return 0 };
        let colds = rare.cold.iter().chain(rare.others.iter().filter_map(|other| other.cold.as_ref()));
        colds.filter_map(|cold| cold.auth.as_ref()).map(|auth| auth.len()).sum()
    }

    /// A namespace is asked for whose parent must think. False when as many as `limit` are already.
    pub(crate) fn begin_choice(&self, limit: u8) -> bool {
        let mut state = self.lock();
        let rare = state.rare();
        let may = rare.choices < limit;
        rare.choices += u8::from(may);
        may
    }

    /// The parent has decided.
    pub(crate) fn end_choice(&self) {
        let mut state = self.lock();
        state.rare().choices -= 1;
        state.shrink();
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
        true
    }

    /// The first CONNECT is no longer waited for: it was granted, or the connection is over. True once.
    pub(crate) fn greet(&self) -> bool {
        let mut state = self.lock();
        if state.first.is(Place::GREETED) {
            return false;
        }
        state.first.set(Place::GREETED);
        state.first.member = NO_MEMBER;
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
}
