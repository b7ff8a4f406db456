//! Events of a stay, in turn.

use std::collections::VecDeque;
use std::task::Waker;

use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::assembly::{Assembly, Incoming};

use crate::connection::state::{Connection, Handlers, Place, Readers, Stay};

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
    /// Another packet is in assembly.
    Interrupts {
        /// How many of its attachments are missing.
        missing: u32,
    },
}

/// The next event of a lane, for who starts them.
pub(crate) struct Next<T> {
    pub(crate) incoming: Incoming<'static>,
    pub(crate) handlers: Handlers<T>,
    /// These wires may read on.
    pub(crate) readers: Readers,
}

/// What an event in a lane counts as: what it takes in memory, since a tiny one is mostly its own frame.
fn weight(incoming: &Incoming<'_>) -> usize {
    /// What an allocator adds to the text's block, about.
    const BLOCK: usize = 16;
    /// Where an attachment stands in the text.
    const ATTACHMENT: usize = 24;
    let attachments = incoming.packet().attachments().len() * (BLOCK + size_of::<Vec<u8>>() + ATTACHMENT);
    incoming.len() + attachments + size_of::<Incoming<'_>>() + BLOCK
}

impl<T> Connection<T> {
    /// Takes what was begun, if a packet is in assembly.
    pub(crate) fn take_assembly(&self) -> Assembly {
        let mut state = self.lock();
        state.rare.as_mut().map(|rare| std::mem::take(&mut rare.assembly)).unwrap_or_default()
    }

    /// Keeps what was begun; its next attachment must come by `deadline`.
    pub(crate) fn keep_assembly(&self, assembly: Assembly, deadline: Tick) {
        let mut state = self.lock();
        let rare = state.rare();
        rare.assembly = assembly;
        rare.attachment_by = deadline;
    }

    /// The next attachment may take until `deadline`.
    pub(crate) fn expect_attachment(&self, deadline: Tick) {
        if let Some(rare) = &mut self.lock().rare {
            rare.attachment_by = deadline;
        }
    }

    /// When the next attachment must have come, if one is missing.
    pub(crate) fn attachment_deadline(&self) -> Option<Tick> {
        let state = self.lock();
        state.rare.as_ref().filter(|rare| rare.assembly.is_waiting()).map(|rare| rare.attachment_by)
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
        let missing = state.rare.as_ref().map_or(0, |rare| rare.assembly.missing());
        if missing > 0 {
            return Admission::Interrupts { missing };
        }
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
        let readers = state.take_readers(limit);
        Some(Next { incoming, handlers, readers })
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

    /// Bytes that lanes and an unfinished packet hold.
    pub(crate) fn held(&self) -> usize {
        self.lock().rare.as_ref().map_or(0, |rare| rare.lanes + rare.assembly.held())
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
        let readers = &mut state.rare().readers;
        if !readers.iter().any(|known| known.will_wake(waker)) {
            readers.push(waker.clone());
        }
        false
    }

    /// The wires that wait for room.
    pub(crate) fn take_readers(&self) -> Readers {
        let mut state = self.lock();
        let readers = state.rare.as_mut().map(|rare| std::mem::take(&mut rare.readers)).unwrap_or_default();
        state.shrink();
        readers
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wire(AtomicUsize);

    impl Wake for Wire {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_wire_that_waits_is_woken_though_another_has_taken_over_and_waits_too() {
        let connection: Connection<()> = Connection::new(None);
        let stay =
            connection.ask(0, None, None, None, || unreachable!("the first one's id is derived")).unwrap();
        assert!(connection.grant(stay) && connection.begin_leave(stay).is_some());
        connection.finish_leave(stay, |_| ());
        connection.forget(stay);
        let wires: [Arc<Wire>; 2] = Default::default();
        let wakers = wires.clone().map(Waker::from);
        for waker in [&wakers[0], &wakers[1], &wakers[0]] {
            assert!(!connection.has_room(0, waker), "its connection handler runs");
        }
        connection.release(stay);
        assert!(wires.iter().all(|wire| wire.0.load(Ordering::Relaxed) == 1));
        assert!(connection.has_room(0, &wakers[0]));
    }
}
