//! Handlers of a socket by event name, shared by all sockets that registered the same.
//!
//! A connection handler registers its handlers anew for each socket. When these are functions or closures
//! that capture nothing, ten thousand sockets end with the same table, so it is one: a socket holds the
//! number of a table, and registering follows a transition from table to table, as a JavaScript engine shares
//! the shapes of objects. A handler that captures gives the socket a table of its own.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use crate::arena::{Arena, CAPACITY};

/// What a handler is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Entry {
    Event(Cow<'static, str>),
    /// Events that nobody else takes.
    Fallback,
    Disconnecting,
    Disconnect,
}

/// How many names are looked at one by one.
const FEW: usize = 16;

/// The handlers of a socket.
#[derive(Debug)]
pub(crate) struct Table<H: ?Sized> {
    /// By name; most sockets have few.
    events: Vec<(Cow<'static, str>, Arc<H>)>,
    fallback: Option<Arc<H>>,
    disconnecting: Option<Arc<H>>,
    disconnect: Option<Arc<H>>,
}

impl<H: ?Sized> Clone for Table<H> {
    fn clone(&self) -> Table<H> {
        Table {
            events: self.events.clone(),
            fallback: self.fallback.clone(),
            disconnecting: self.disconnecting.clone(),
            disconnect: self.disconnect.clone(),
        }
    }
}

impl<H: ?Sized> Default for Table<H> {
    fn default() -> Table<H> {
        Table { events: Vec::new(), fallback: None, disconnecting: None, disconnect: None }
    }
}

impl<H: ?Sized> Table<H> {
    /// Registers a handler; answers the one that was there for the same.
    pub(crate) fn insert(&mut self, entry: Entry, handler: Arc<H>) -> Option<Arc<H>> {
        match entry {
            Entry::Event(name) => match self.events.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => Some(std::mem::replace(&mut self.events[at].1, handler)),
                Err(at) => {
                    self.events.insert(at, (name, handler));
                    None
                }
            },
            Entry::Fallback => self.fallback.replace(handler),
            Entry::Disconnecting => self.disconnecting.replace(handler),
            Entry::Disconnect => self.disconnect.replace(handler),
        }
    }

    /// Who handles the event of that name.
    pub(crate) fn event(&self, name: &str) -> Option<&H> {
        // Few names mostly differ in length, which is quicker told than their order.
        let found = if self.events.len() <= FEW {
            self.events.iter().find(|(known, _)| *known == name)
        } else {
            let at = self.events.binary_search_by(|(known, _)| known.as_ref().cmp(name));
            at.ok().map(|at| &self.events[at])
        };
        found.map(|(_, handler)| &**handler).or(self.fallback.as_deref())
    }

    pub(crate) fn fallback(&self) -> Option<&H> {
        self.fallback.as_deref()
    }

    pub(crate) fn disconnecting(&self) -> Option<&H> {
        self.disconnecting.as_deref()
    }

    pub(crate) fn disconnect(&self) -> Option<&H> {
        self.disconnect.as_deref()
    }
}

/// The number of a socket's table when it is its own.
pub(crate) const OWN: u16 = u16::MAX;

/// The tables that the sockets of a namespace share. Number 0 is the empty one.
#[derive(Debug)]
pub(crate) struct Tables<H: ?Sized> {
    tables: Arena<Table<H>>,
    transitions: RwLock<HashMap<(u16, Entry, TypeId), u16, FxBuildHasher>>,
}

impl<H: ?Sized> Default for Tables<H> {
    fn default() -> Tables<H> {
        let tables = Arena::default();
        assert!(tables.push(Table::default()).is_ok(), "the first of {CAPACITY} tables fits");
        Tables { tables, transitions: RwLock::default() }
    }
}

impl<H: ?Sized> Tables<H> {
    /// The table with that number.
    pub(crate) fn get(&self, number: u16) -> Option<&Table<H>> {
        self.tables.get(number)
    }

    /// The number of the table that is the one at `from` and this handler, whose type alone says what it does.
    /// `None` when it cannot be shared: the name was made at run time, or a program registers so many
    /// combinations that sharing has no end.
    pub(crate) fn with(&self, from: u16, entry: &Entry, kind: TypeId, handler: &Arc<H>) -> Option<u16> {
        if let Entry::Event(Cow::Owned(_)) = entry {
            return None;
        }
        let key = (from, entry.clone(), kind);
        if let Some(number) = self.transitions.read().get(&key) {
            return Some(*number);
        }
        let mut transitions = self.transitions.write();
        if let Some(number) = transitions.get(&key) {
            return Some(*number);
        }
        let mut table = self.tables.get(from)?.clone();
        table.insert(entry.clone(), handler.clone());
        let number = self.tables.push(table).ok()?;
        transitions.insert(key, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &'static str) -> Entry {
        Entry::Event(Cow::Borrowed(name))
    }

    #[test]
    fn the_same_handlers_in_the_same_order_are_one_table() {
        let tables: Tables<str> = Tables::default();
        let (a, b): (Arc<str>, Arc<str>) = ("handler a".into(), "handler b".into());
        let walk = || {
            let one = tables.with(0, &event("a"), TypeId::of::<u8>(), &a).unwrap();
            tables.with(one, &event("b"), TypeId::of::<u16>(), &b).unwrap()
        };
        let table = walk();
        assert_eq!(table, walk());
        assert_eq!(tables.get(table).unwrap().event("a"), Some("handler a"));
        assert_eq!(tables.get(table).unwrap().event("b"), Some("handler b"));
        assert_eq!(tables.get(table).unwrap().event("c"), None);
        let other = tables.with(0, &event("a"), TypeId::of::<u32>(), &b).unwrap();
        assert_eq!(tables.get(other).unwrap().event("a"), Some("handler b"));
    }

    #[test]
    fn a_handler_is_found_among_few_and_among_many() {
        for count in [3, 100] {
            let mut table: Table<str> = Table::default();
            let names: Vec<String> = (0..count).map(|n| format!("{n}")).collect();
            for name in &names {
                assert!(table.insert(Entry::Event(Cow::Owned(name.clone())), name.as_str().into()).is_none());
            }
            assert!(names.iter().all(|name| table.event(name) == Some(name.as_str())));
            assert_eq!(table.event("x"), None);
            table.insert(Entry::Fallback, "fallback".into());
            assert_eq!(table.event("x"), Some("fallback"));
        }
    }

    #[test]
    fn sharing_has_an_end() {
        let tables: Tables<str> = Tables::default();
        let handler: Arc<str> = "handler".into();
        let made = Entry::Event(Cow::Owned("made".to_owned()));
        assert_eq!(tables.with(0, &made, TypeId::of::<u8>(), &handler), None);
        let mut number = 0;
        let mut shared = 0;
        while let Some(next) = tables.with(number, &Entry::Fallback, TypeId::of::<u8>(), &handler) {
            number = next;
            shared += 1;
        }
        assert_eq!(shared, CAPACITY - 1);
    }
}
