//! Events of a socket, one after another.
//!
//! ```text
//! event ──▶ nobody starts? ── yes ──▶ call the handler, poll it once ── ready ──▶ done
//!                │                                                   └─ waits ──▶ a task goes on with it
//!                └── no ──▶ lane ◀── who started, or ended last, takes the next ◀───────────┘
//! ```
//! Most events are handled where they were read: no task, no queue, no copy. Acknowledgements, heartbeats and
//! disconnects never come here, so a handler may await an ack from the peer it serves.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::Waker;

use sockeye_engine::engine::Flow;
use sockeye_runtime::turns::let_sockets_go_first;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::error::DecodeError;

use crate::chain::{To, start_event};
use crate::connection::{Admission, Handlers, Stay};
use crate::hub::{Engine, Handle, Held, Later, Session, Space, Turn, VIOLATION};
use crate::run::Rest;
use crate::table::Table;

/// Events that a task handles before it lets others run.
const SLICE: usize = 64;

/// Handles an event, or puts it in its socket's lane.
pub(crate) fn handle_event(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    namespace: &Held,
    incoming: Incoming<'_>,
) -> Flow {
    let hub = engine.application();
    let space = namespace.space(&hub.spaces);
    let concurrent = space.concurrent();
    let admission =
        session.connection().admit(namespace.number(), incoming, concurrent, hub.options.lane_limit);
    match admission {
        Admission::Stranger => {
            hub.tally.violations.add_one();
            Flow::Close(VIOLATION)
        }
        Admission::Interrupts { missing } => {
            Flow::Close(hub.refuse_packet(session, &DecodeError::UnexpectedText { missing }))
        }
        Admission::Queued { full: true } => Flow::Wait,
        Admission::Queued { full: false } => Flow::Continue,
        Admission::Start(stay, incoming, handlers) => {
            let turn = Starting { engine, session, stay, concurrent };
            if let Some(waits) = turn.run(space, &incoming, &handlers) {
                // Only if another may start, the claim is still ours, and given back here.
                if !session.connection().waits(stay, concurrent) {
                    turn.keep();
                }
                go_on(engine, session, stay, Some(waits));
            }
            Flow::Continue
        }
    }
}

/// Starts what waits in a lane: for who was told that it is to.
pub(crate) fn start_lane(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay) {
    go_on(engine, session, stay, None);
}

/// A task awaits the handler, if there is one, and goes on with the lane behind it.
fn go_on(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, waits: Option<Waits>) {
    let (engine, session) = (engine.clone(), session.clone());
    engine.runtime().clone().spawn(async move {
        let starts = match waits {
            Some(waits) => wait(&engine, &session, stay, waits).await,
            None => true,
        };
        if starts {
            drain(&engine, &session, stay).await;
        }
        engine.application().vacated(stay.namespace);
    });
}

/// A handler that waits, and the event it is for.
struct Waits {
    later: Later,
    event: Box<str>,
}

/// The claim of who starts events. Given back when it is dropped, by a panic too.
struct Starting<'s> {
    engine: &'s Arc<Engine>,
    session: &'s Arc<Session>,
    stay: Stay,
    concurrent: u8,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        if self.session.connection().stop(self.stay, self.concurrent) {
            start_lane(self.engine, self.session, self.stay);
        }
    }
}

impl Starting<'_> {
    /// Calls the handler of an event; answers with what waits.
    fn run(
        &self,
        space: &Space,
        incoming: &Incoming<'_>,
        handlers: &Handlers<Table<dyn Handle>>,
    ) -> Option<Waits> {
        let hub = self.engine.application();
        hub.tally.events.add_one();
        let to = To { engine: self.engine, session: self.session, stay: self.stay, space };
        let event = || incoming.packet().event().map(Cow::into_owned).unwrap_or_default();
        match start_event(to, incoming, space.settings.table(handlers)) {
            Ok(Turn::Done) => None,
            Ok(Turn::Waits(later)) => Some(Waits { later, event: event().into() }),
            Err(fault) => {
                hub.report(self.session, self.stay, &event(), fault);
                None
            }
        }
    }

    /// The claim was given back, or goes over to somebody else.
    fn keep(self) {
        std::mem::forget(self);
    }
}

/// Awaits a handler. True when the caller is to start what waits behind it.
async fn wait(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, waits: Waits) -> bool {
    if let Err(fault) = Rest(waits.later).await {
        engine.application().report(session, stay, &waits.event, fault);
    }
    session.connection().ended(stay)
}

/// Starts events of a lane until none can be started. The caller holds the claim.
async fn drain(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay) {
    let hub = engine.application();
    let space = hub.space(stay.namespace);
    let concurrent = space.concurrent();
    for started in 1usize.. {
        let turn = Starting { engine, session, stay, concurrent };
        let next = session.connection().next(stay, concurrent, hub.options.lane_limit);
        let Some(next) = next else { return turn.keep() };
        next.readers.into_iter().for_each(Waker::wake);
        let waits = turn.run(&space, &next.incoming, &next.handlers);
        turn.keep();
        if let Some(waits) = waits {
            if session.connection().waits(stay, concurrent) {
                go_on(engine, session, stay, Some(waits));
            } else if !wait(engine, session, stay, waits).await {
                return;
            }
        }
        if started.is_multiple_of(SLICE) {
            let_sockets_go_first(engine.runtime()).await;
        }
    }
}
