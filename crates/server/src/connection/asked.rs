//! What a socket asks: its rooms, its data, its handlers, the acks that it waits for.

use std::any::{Any, TypeId};
use std::sync::Arc;

use sockeye_adapter::adapter::Member;
use sockeye_engine::handshake::Handshake;
use sockeye_engine_proto::tick::Tick;

use crate::acks::Waiting;
use crate::connection::state::{Connection, Handlers, NO_MEMBER, Place, Readers, Stay};
use crate::id::SocketId;
use crate::table::OWN;

impl<T> Connection<T> {
    pub(crate) fn handshake(&self) -> Option<Handshake> {
        self.lock().handshake.clone()
    }

    pub(crate) fn drop_handshake(&self) {
        let mut state = self.lock();
        state.handshake = None;
    }

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

    pub(crate) fn is_recovered(&self, stay: Stay) -> bool {
        self.lock().place(stay).is_some_and(|place| place.is(Place::RECOVERED))
    }

    /// All that is kept with the socket.
    pub(crate) fn all_data(&self, stay: Stay) -> Vec<(TypeId, Arc<dyn Any + Send + Sync>)> {
        self.lock().cold(stay).map(|cold| cold.data.clone()).unwrap_or_default()
    }

    pub(crate) fn is_joined(&self, stay: Stay) -> bool {
        self.lock().is_joined(stay)
    }

    /// Whether what was asked in that stay may still be answered: not once the peer has left and come in again, since ids that
    /// it gave before may be those of other questions now.
    pub(crate) fn may_be_answered(&self, stay: Stay) -> bool {
        self.lock().current(stay.namespace).is_none_or(|(now, _)| now == stay)
    }

    /// Whether packets may be sent to it: also while its middlewares run.
    pub(crate) fn may_hear(&self, stay: Stay) -> bool {
        self.lock().place(stay).is_some_and(|place| place.is(Place::ASKING | Place::JOINED))
    }

    /// Whether it is about to be the socket that it was: no member yet.
    pub(crate) fn returns(&self, stay: Stay) -> bool {
        self.lock().place(stay).is_some_and(|place| {
            let is_member = !place.is(Place::ASKING) && place.member != NO_MEMBER;
            place.is(Place::RECOVERED) && place.is(Place::ASKING | Place::JOINED) && !is_member
        })
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
            // The same room twice is nothing new when they are joined.
            if let Some(cold) = state.make_cold(stay) {
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

    /// Waits for an ack. Answers readers to wake, since the lane may be longer meanwhile; gives back who
    /// cannot wait.
    pub(crate) fn await_ack(
        &self,
        stay: Stay,
        id: u64,
        deadline: Option<Tick>,
        waiting: Waiting,
        limits: (usize, usize),
    ) -> Result<Readers, AckRefused> {
        let (acks, lane) = limits;
        let mut state = self.lock();
        if !state.place(stay).is_some_and(|place| place.is(Place::ASKING | Place::JOINED)) {
            return Err(AckRefused::Gone);
        }
        let cold = state.make_cold(stay).ok_or(AckRefused::Gone)?;
        cold.acks.insert(id, deadline, waiting, acks).map_err(|_| AckRefused::TooMany)?;
        Ok(state.take_readers(lane))
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
