//! Events of a stay, in turn.

use std::collections::VecDeque;
use std::task::Waker;

use sockeye_socket_proto::assembly::{Assembly, Incoming};

use crate::connection::state::{Connection, Handlers, Place, Stay};

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

/// What an event in a lane counts as: what it takes in memory, since a tiny one is mostly its own frame.
fn weight(incoming: &Incoming<'_>) -> usize {
    /// What an allocator adds to the text's block, about.
    const BLOCK: usize = 16;
    incoming.len() + size_of::<Incoming<'_>>() + BLOCK
}

impl<T> Connection<T> {
    /// Takes what was begun, if a packet is in assembly.
    pub(crate) fn take_assembly(&self) -> Assembly {
        let mut state = self.lock();
        state.rare.as_mut().map(|rare| std::mem::take(&mut rare.assembly)).unwrap_or_default()
    }

    /// Keeps what was begun.
    pub(crate) fn keep_assembly(&self, assembly: Assembly) {
        self.lock().rare().assembly = assembly;
    }

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
            let weight = weight(&incoming);
            if let Some(cold) = state.make_cold(stay) {
                cold.lane.push_back(incoming.into_owned());
            }
            state.rare().lanes += weight;
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
        rare.lanes = rare.lanes.saturating_sub(weight(&incoming));
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

    /// Whether the wire must not read on.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.lock().is_full(limit)
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
}
