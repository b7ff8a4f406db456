//! One event through all that a socket has for it: middlewares, handlers of every event, the event's own.
//!
//! ```text
//! middleware ─▶ middleware ─▶ any ─▶ any ─▶ once? take it out ─▶ handler
//!     └─ Err: nothing more runs
//! ```
//! Each is polled once where the event was read; when one waits, a future goes on with it and the rest behind it,
//! and the event is kept. Most sockets have only the last one: [`start_handler`].

use std::sync::Arc;

use smallvec::SmallVec;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::parser::json::encode_ack;

use crate::connection::Stay;
use crate::error::{EmitError, Fault};
use crate::hub::{Context, Engine, Handle, Later, Session, Space, Turn, Wanted, frames};
use crate::log::EMIT;
use crate::once::{Attempt, Waiter};
use crate::registration::take_once;
use crate::run::{Rest, start};
use crate::table::{Named, Table};

/// Whose event it is.
#[derive(Clone, Copy)]
pub(crate) struct To<'e> {
    pub(crate) engine: &'e Arc<Engine>,
    pub(crate) session: &'e Arc<Session>,
    pub(crate) stay: Stay,
    pub(crate) space: &'e Space,
}

/// An event's handler, and those in front of it.
pub(crate) fn start_event(
    to: To<'_>,
    incoming: &Incoming<'_>,
    table: &Table<dyn Handle>,
) -> Result<Turn, Fault> {
    let ack = incoming.packet().id();
    if table.middlewares().is_empty() && table.any().is_empty() {
        return start_handler(to, incoming, table, ack.map(Wanted::new));
    }
    let middlewares =
        table.middlewares().iter().map(|handler| Step { handler: handler.clone(), decides: true });
    let any = table.any().iter().map(|handler| Step { handler: handler.clone(), decides: false });
    let mut steps: SmallVec<[Step; 4]> = middlewares.chain(any).collect();
    steps.reverse();
    let mut chain = Chain { steps, ack: ack.map(Wanted::shared) };
    while let Some(step) = chain.steps.pop() {
        match step.start(to, incoming, &chain.ack) {
            Ok(Turn::Waits(later)) => return Ok(Turn::Waits(chain.wait(to, incoming, step.decides, later))),
            ended => step.ended(to, incoming, ended.map(|_| ()))?,
        }
    }
    chain.start_handler(to, incoming)
}

/// The event's own handler, or the one that takes what nobody else does. Counted if there is neither.
fn start_handler(
    to: To<'_>,
    incoming: &Incoming<'_>,
    table: &Table<dyn Handle>,
    ack: Option<Wanted>,
) -> Result<Turn, Fault> {
    let packet = incoming.packet();
    let named = packet.event().and_then(|name| table.event(&name));
    if let Some(named) = named
        && let Some(off) = named.once()
        && !take_once(to.space, to.session, to.stay, named.name(), &named.handler, off)
    {
        // As the handlers are now. Each turn is one that somebody else has taken.
        return match to.session.connection().table(to.stay) {
            Some(handlers) => start_handler(to, incoming, to.space.settings.table(&handlers), ack),
            None => Ok(Turn::Done),
        };
    }
    let Some(handler) = named.map(|named| &*named.handler).or(table.fallback()) else {
        to.engine.application().tally.unhandled.add_one();
        return Ok(Turn::Done);
    };
    let ack = match ack {
        Some(wanted) if named.is_some_and(Named::is_deduplicated) => match begin(to, incoming, wanted)? {
            Some(wanted) => Some(wanted),
            None => return Ok(Turn::Done),
        },
        ack => ack,
    };
    let mut context = context(to, incoming, ack);
    start(handler, &mut context)
}

/// An event that is handled once for its key: `None` when it is handled already, or about to be. Only one that asks for
/// an ack is, since it is the ack that ends its being sent again.
fn begin(to: To<'_>, incoming: &Incoming<'_>, wanted: Wanted) -> Result<Option<Wanted>, Fault> {
    let packet = incoming.packet();
    let key: String = packet.arguments().next_as()?;
    let event = packet.event();
    let (engine, session, name) = (to.engine.clone(), to.session.clone(), to.space.name.clone());
    let (id, stay) = (wanted.id, to.stay);
    let answer: Waiter = Box::new(move |answer| {
        if !session.connection().may_be_answered(stay) {
            return;
        }
        let ack = encode_ack(&name, id, &answer.packet().arguments()).map_err(EmitError::from);
        match ack.and_then(|mut ack| engine.application().finish(&mut ack).map(|()| ack)) {
            // A peer that has gone wants no answer any more.
            Ok(ack) => drop(engine.send(&session, frames(ack))),
            Err(error) => tracing::error!(target: EMIT, "an answer was not sent again: {error}"),
        }
    });
    let window = &to.space.once;
    Ok(match window.begin(event.as_deref().unwrap_or_default(), &key, to.engine.now(), answer) {
        Attempt::First(running) => Some(wanted.kept(running)),
        Attempt::Running => None,
        Attempt::Done(kept, answer) => {
            to.engine.application().tally.acks_sent.add_one();
            answer(&kept);
            None
        }
    })
}

fn context<'c>(to: To<'c>, incoming: &'c Incoming<'c>, ack: Option<Wanted>) -> Context<'c> {
    let mut context = Context::new(to.engine, to.session, to.stay);
    context.incoming = Some(incoming);
    context.arguments = Some(incoming.packet().arguments());
    context.ack = ack;
    context
}

/// A handler in front of the event's own.
struct Step {
    handler: Arc<dyn Handle>,
    /// Whether its failure ends the event.
    decides: bool,
}

impl Step {
    fn start(&self, to: To<'_>, incoming: &Incoming<'_>, ack: &Option<Wanted>) -> Result<Turn, Fault> {
        start(&*self.handler, &mut context(to, incoming, ack.clone()))
    }

    /// A failure is told, unless it ends the event: then the caller tells it.
    fn ended(&self, to: To<'_>, incoming: &Incoming<'_>, ended: Result<(), Fault>) -> Result<(), Fault> {
        match ended {
            Err(fault) if self.decides => Err(fault),
            Err(fault) => {
                let event = incoming.packet().event();
                let event = event.as_deref().unwrap_or_default();
                to.engine.application().report(to.session, to.stay, event, fault);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// What is still to be run, the next one last.
struct Chain {
    steps: SmallVec<[Step; 4]>,
    ack: Option<Wanted>,
}

impl Chain {
    /// The event's own handler, as it is registered now.
    fn start_handler(&self, to: To<'_>, incoming: &Incoming<'_>) -> Result<Turn, Fault> {
        match to.session.connection().table(to.stay) {
            Some(handlers) => {
                start_handler(to, incoming, to.space.settings.table(&handlers), self.ack.clone())
            }
            None => Ok(Turn::Done),
        }
    }

    /// One waits: the rest runs behind it.
    fn wait(mut self, to: To<'_>, incoming: &Incoming<'_>, decides: bool, later: Later) -> Later {
        let (engine, session, stay) = (to.engine.clone(), to.session.clone(), to.stay);
        let space = engine.application().spaces.hold(stay.namespace);
        let incoming = incoming.clone().into_owned();
        let waits = async move {
            let space = space.space(&engine.application().spaces);
            let to = To { engine: &engine, session: &session, stay, space };
            let mut waits = Some((later, decides));
            loop {
                if let Some((later, decides)) = waits.take() {
                    // Who waits is told of by its own failure only: its handler is gone into `later`.
                    match Rest(later).await {
                        Err(fault) if decides => return Err(fault),
                        Err(fault) => {
                            let event = incoming.packet().event();
                            let event = event.as_deref().unwrap_or_default();
                            engine.application().report(&session, stay, event, fault);
                        }
                        Ok(()) => {}
                    }
                }
                let Some(step) = self.steps.pop() else { break };
                match step.start(to, &incoming, &self.ack) {
                    Ok(Turn::Waits(later)) => waits = Some((later, step.decides)),
                    ended => step.ended(to, &incoming, ended.map(|_| ()))?,
                }
            }
            match self.start_handler(to, &incoming)? {
                Turn::Waits(later) => Rest(later).await,
                Turn::Done => Ok(()),
            }
        };
        Box::pin(waits)
    }
}
