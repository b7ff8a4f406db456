//! How a socket leaves its namespace.
//!
//! ```text
//! disconnecting handler (rooms are still there) ─▶ rooms left, acks given up ─▶ disconnect handler
//! ```
//! Each handler is polled where it is called; one that waits goes on in a task of its own. Nothing waits for
//! handlers of events, which may run meanwhile: what was received before is still handled.
//!
//! Spec: `spec/socketio.md` 5.

use std::sync::Arc;

use sockeye_socket_proto::packet::Kind;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::connection::{Handlers, Stay};
use crate::error::AckError;
use crate::hub::{Context, Engine, Handle, Later, Session, Space, Turn};
use crate::legacy;
use crate::log::{EMIT, SOCKET};
use crate::recovery::cut::{Cut, is_recoverable};
use crate::recovery::saved::Saved;
use crate::rooms;
use crate::run::{Rest, go_on, start};
use crate::table::Table;

/// The socket leaves, unless it does already. Tells the peer nothing.
pub(crate) fn leave(engine: &Arc<Engine>, session: &Arc<Session>, stay: Stay, reason: DisconnectReason) {
    let Some(handlers) = session.connection().begin_leave(stay) else { return };
    let departure = Departure { engine, session, stay, reason };
    if departure.leave(&handlers) {
        departure.end();
    }
}

/// We make the socket leave, and tell the peer.
pub(crate) fn dismiss(engine: &Arc<Engine>, session: &Arc<Session>, space: &Space, stay: Stay) {
    if session.connection().is_joined(stay) {
        // A session that has closed is told nothing, and leaves for that reason.
        match engine.application().control(Kind::Disconnect, &space.name, None::<&()>) {
            Ok(frame) => _ = engine.send(session, [frame]),
            Err(error) => tracing::error!(target: EMIT, "DISCONNECT was not sent: {error}"),
        }
    }
    leave(engine, session, stay, DisconnectReason::ServerNamespaceDisconnect);
}

struct Departure<'d> {
    engine: &'d Arc<Engine>,
    session: &'d Arc<Session>,
    stay: Stay,
    reason: DisconnectReason,
}

impl Departure<'_> {
    /// True when no handler waits.
    fn leave(&self, handlers: &Handlers<Table<dyn Handle>>) -> bool {
        let hub = self.engine.application();
        let space = hub.space(self.stay.namespace);
        let table = space.settings.table(handlers);
        let disconnecting = table.disconnecting().and_then(|handler| self.run(handler, "disconnecting"));
        if let Some(later) = disconnecting {
            go_on(self.engine, self.session, self.stay, later, "disconnecting");
        }
        let id = hub.id(self.session, self.stay);
        let watched = rooms::watched(self.engine, &space, self.session, self.stay);
        let cut = space.keeper.as_ref().map(|keeper| Cut::begin(keeper, hub.pid(&id)));
        let data = cut.as_ref().map(|_| self.session.connection().all_data(self.stay));
        let mut state = None;
        let farewell = self.session.connection().finish_leave(self.stay, |member| {
            if let Some(member) = member {
                hub.tally.left[self.reason as usize].add_one();
                state = cut.as_ref().map(|cut| (space.adapter.rooms(member), cut.reached(member)));
                rooms::remove(&space, member, watched.as_ref());
                space.ids.remove(id.hash(), self.session.slot());
            }
        });
        if let (Some(cut), Some((rooms, reached))) = (cut, state) {
            let saved = Saved { id, rooms, data: data.unwrap_or_default(), reached };
            // Peers of protocol 3 have no way to ask for it, and would take the place of those that have.
            let is_kept = is_recoverable(self.reason) && !legacy::is_spoken(self.session);
            cut.end(self.engine, &space, self.session.slot(), is_kept.then_some(saved));
        }
        tracing::debug!(
            target: SOCKET,
            session = self.session.slot(),
            namespace = &*space.name,
            socket = %id,
            reason = self.reason.as_str(),
            "left",
        );
        if watched.is_some() {
            space.untold.tell();
        }
        for (_, waiting) in farewell {
            waiting.complete(Err(AckError::Disconnected));
        }
        match table.disconnect().and_then(|handler| self.run(handler, "disconnect")) {
            Some(later) => {
                self.end_behind(later);
                false
            }
            None => true,
        }
    }

    fn run(&self, handler: &dyn Handle, event: &str) -> Option<Later> {
        let mut context = Context::new(self.engine, self.session, self.stay);
        context.reason = Some(self.reason);
        match start(handler, &mut context) {
            Ok(Turn::Done) => None,
            Ok(Turn::Waits(later)) => Some(later),
            Err(fault) => {
                self.engine.application().report(self.session, self.stay, event, fault);
                None
            }
        }
    }

    /// The disconnect handler waits: what is left ends with it.
    fn end_behind(&self, later: Later) {
        let (engine, session, stay, reason) =
            (self.engine.clone(), self.session.clone(), self.stay, self.reason);
        self.engine.runtime().spawn(async move {
            if let Err(fault) = Rest(later).await {
                engine.application().report(&session, stay, "disconnect", fault);
            }
            Departure { engine: &engine, session: &session, stay, reason }.end();
        });
    }

    /// Nothing more is to be done about the stay.
    fn end(&self) {
        self.session.connection().forget(self.stay);
        self.engine.application().vacated(self.stay.namespace);
    }
}
