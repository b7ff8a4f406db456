//! How a stay ends.

use smallvec::SmallVec;
use sockeye_adapter::adapter::Member;

use crate::acks::Waiting;
use crate::connection::state::{Connection, Handlers, NO_MEMBER, Place, Stay};

impl<T> Connection<T> {
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
}
