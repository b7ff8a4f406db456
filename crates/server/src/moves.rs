//! A connection that moves to a better transport, as its sockets are told.

use std::sync::Arc;

use sockeye_engine_proto::session::Wire;

use crate::hub::{Context, Engine, Handle, Session, Turn};
use crate::run::{go_on, start};
use crate::table::Table;

/// How far the move is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// The transport asks to carry the connection.
    Upgrading,
    /// It carries it.
    Upgrade,
}

impl Move {
    fn name(self) -> &'static str {
        match self {
            Move::Upgrading => "upgrading",
            Move::Upgrade => "upgrade",
        }
    }

    fn handler(self, table: &Table<dyn Handle>) -> Option<&dyn Handle> {
        match self {
            Move::Upgrading => table.upgrading(),
            Move::Upgrade => table.upgrade(),
        }
    }
}

/// Calls the handlers of all sockets of the connection, in the order in which they joined.
pub(crate) fn tell_moved(engine: &Arc<Engine>, session: &Arc<Session>, moved: Move, to: Wire) {
    let hub = engine.application();
    for stay in session.connection().stays() {
        // It may leave meanwhile: only if it is there when its namespace is held, that is its namespace.
        let Some(space) = hub.spaces.try_hold(stay.namespace) else { continue };
        let Some(handlers) = session.connection().table(stay) else { continue };
        let table = space.space(&hub.spaces).settings.table(&handlers);
        let Some(handler) = moved.handler(table) else { continue };
        let mut context = Context::new(engine, session, stay);
        context.to = Some(to);
        match start(handler, &mut context) {
            Ok(Turn::Done) => {}
            Ok(Turn::Waits(later)) => go_on(engine, session, stay, later, moved.name()),
            Err(fault) => hub.report(session, stay, moved.name(), fault),
        }
    }
}
