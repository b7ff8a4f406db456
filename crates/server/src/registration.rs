//! Changing the handlers of one socket.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::connection::{Handlers, Stay};
use crate::hub::{Handle, Session, Space};
use crate::table::Entry;

/// A handler without its type, and what is left of it.
pub(crate) struct Erased {
    pub(crate) handler: Arc<dyn Handle>,
    /// Its type, when that alone says what it does: a function, or a closure that captures nothing.
    pub(crate) kind: Option<TypeId>,
}

/// No handler: something is to be handled no more.
struct Off;

/// Registers a handler of a socket: in a table that sockets share, if the handler's type says all about it.
pub(crate) fn register(space: &Space, session: &Session, stay: Stay, entry: Entry, erased: Erased) {
    if let Entry::Outgoing | Entry::PrependOutgoing = entry {
        space.watches_outgoing.store(true, Ordering::Relaxed);
    }
    change(space, session, stay, entry, erased.kind, Some(erased.handler));
}

/// Something is to be handled no more.
pub(crate) fn unregister(space: &Space, session: &Session, stay: Stay, entry: Entry) {
    change(space, session, stay, entry, Some(TypeId::of::<Off>()), None);
}

/// Takes out a handler that is to run once. Says whether the caller did: else another event was quicker, or there is
/// another handler for it by now.
pub(crate) fn take_once(
    space: &Space,
    session: &Session,
    stay: Stay,
    name: &str,
    handler: &Arc<dyn Handle>,
    off: Entry,
) -> bool {
    let (connection, tables) = (session.connection(), &space.settings.tables);
    while let Some(Handlers::Shared(from)) = connection.table(stay) {
        if !tables.get(from).is_some_and(|table| table.has(name, handler)) {
            return false;
        }
        let Some(to) = tables.with(from, &off, TypeId::of::<Off>(), None) else { break };
        if connection.share_table(stay, from, to) {
            return true;
        }
    }
    let taken = connection.own_table(
        stay,
        |from| tables.get(from).cloned().unwrap_or_default(),
        |table| table.has(name, handler).then(|| table.change(off, None)),
    );
    taken.flatten().is_some()
}

fn change(
    space: &Space,
    session: &Session,
    stay: Stay,
    entry: Entry,
    kind: Option<TypeId>,
    handler: Option<Arc<dyn Handle>>,
) {
    let (connection, tables) = (session.connection(), &space.settings.tables);
    while let (Some(kind), Some(Handlers::Shared(from))) = (kind, connection.table(stay)) {
        let Some(to) = tables.with(from, &entry, kind, handler.as_ref()) else { break };
        if connection.share_table(stay, from, to) {
            return;
        }
    }
    let replaced = connection.own_table(
        stay,
        |from| tables.get(from).cloned().unwrap_or_default(),
        |table| table.change(entry, handler),
    );
    // What it captured is dropped here, where no lock is held.
    drop(replaced);
}
