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

/// A change of a table: what a handler is for, or what is to be handled no more.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Entry {
    Event(Cow<'static, str>),
    /// An event that is handled once.
    Once(Cow<'static, str>),
    /// An event whose first argument is a key, handled once for each.
    Deduplicated(Cow<'static, str>),
    /// Events that nobody else takes.
    Fallback,
    /// Every event, before its handler: behind those that were there, or in front.
    Any,
    PrependAny,
    /// Every event that goes out.
    Outgoing,
    PrependOutgoing,
    /// Says whether an event goes on to its handler.
    Middleware,
    /// A better transport asks to carry the connection, and carries it.
    Upgrading,
    Upgrade,
    Disconnecting,
    Disconnect,
    Off(Cow<'static, str>),
    OffAny,
    OffOutgoing,
    OffAll,
}

impl Entry {
    /// Whether its name was made at run time: tables that have it are not worth sharing.
    fn is_made(&self) -> bool {
        match self {
            Entry::Event(name) | Entry::Once(name) | Entry::Deduplicated(name) | Entry::Off(name) => {
                matches!(name, Cow::Owned(_))
            }
            _ => false,
        }
    }
}

/// How many names are looked at one by one.
const FEW: usize = 16;

/// How many listeners of one kind a table has that is shared: a socket that has more adds them event by event, and
/// each step would be a table.
const MANY: usize = 64;

/// The handler of an event.
#[derive(Debug)]
pub(crate) struct Named<H: ?Sized> {
    name: Cow<'static, str>,
    pub(crate) handler: Arc<H>,
    mode: Mode,
}

/// How often an event's handler runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Always,
    Once,
    /// Once for each key.
    Deduplicated,
}

impl<H: ?Sized> Named<H> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What takes it out, if it is to run once.
    pub(crate) fn once(&self) -> Option<Entry> {
        (self.mode == Mode::Once).then(|| Entry::Off(self.name.clone()))
    }

    pub(crate) fn is_deduplicated(&self) -> bool {
        self.mode == Mode::Deduplicated
    }

    fn is_same(&self, other: &Named<H>) -> bool {
        self.name == other.name && self.mode == other.mode && Arc::ptr_eq(&self.handler, &other.handler)
    }
}

/// The handlers of a socket.
#[derive(Debug)]
pub(crate) struct Table<H: ?Sized> {
    /// By name; most sockets have few.
    events: Vec<Named<H>>,
    fallback: Option<Arc<H>>,
    disconnecting: Option<Arc<H>>,
    disconnect: Option<Arc<H>>,
    rare: Option<Box<Rare<H>>>,
}

/// What few sockets have.
#[derive(Debug)]
struct Rare<H: ?Sized> {
    middlewares: Vec<Arc<H>>,
    any: Vec<Arc<H>>,
    outgoing: Vec<Arc<H>>,
    upgrading: Option<Arc<H>>,
    upgrade: Option<Arc<H>>,
}

impl<H: ?Sized> Clone for Named<H> {
    fn clone(&self) -> Named<H> {
        Named { name: self.name.clone(), handler: self.handler.clone(), mode: self.mode }
    }
}

impl<H: ?Sized> Clone for Rare<H> {
    fn clone(&self) -> Rare<H> {
        Rare {
            middlewares: self.middlewares.clone(),
            any: self.any.clone(),
            outgoing: self.outgoing.clone(),
            upgrading: self.upgrading.clone(),
            upgrade: self.upgrade.clone(),
        }
    }
}

impl<H: ?Sized> Default for Rare<H> {
    fn default() -> Rare<H> {
        Rare {
            middlewares: Vec::new(),
            any: Vec::new(),
            outgoing: Vec::new(),
            upgrading: None,
            upgrade: None,
        }
    }
}

impl<H: ?Sized> Clone for Table<H> {
    fn clone(&self) -> Table<H> {
        Table {
            events: self.events.clone(),
            fallback: self.fallback.clone(),
            disconnecting: self.disconnecting.clone(),
            disconnect: self.disconnect.clone(),
            rare: self.rare.clone(),
        }
    }
}

impl<H: ?Sized> Default for Table<H> {
    fn default() -> Table<H> {
        Table { events: Vec::new(), fallback: None, disconnecting: None, disconnect: None, rare: None }
    }
}

impl<H: ?Sized> Table<H> {
    /// Registers a handler, which an `Off…` has none of; answers those that are no longer there.
    pub(crate) fn change(&mut self, entry: Entry, handler: Option<Arc<H>>) -> Vec<Arc<H>> {
        match (entry, handler) {
            (Entry::Event(name), Some(handler)) => self.name(Named { name, handler, mode: Mode::Always }),
            (Entry::Once(name), Some(handler)) => self.name(Named { name, handler, mode: Mode::Once }),
            (Entry::Deduplicated(name), Some(handler)) => {
                self.name(Named { name, handler, mode: Mode::Deduplicated })
            }
            (Entry::Fallback, handler @ Some(_)) => replace(&mut self.fallback, handler),
            (Entry::Disconnecting, handler @ Some(_)) => replace(&mut self.disconnecting, handler),
            (Entry::Disconnect, handler @ Some(_)) => replace(&mut self.disconnect, handler),
            (Entry::Upgrading, handler @ Some(_)) => replace(&mut self.rare().upgrading, handler),
            (Entry::Upgrade, handler @ Some(_)) => replace(&mut self.rare().upgrade, handler),
            (Entry::Middleware, Some(handler)) => add(&mut self.rare().middlewares, handler),
            (Entry::Any, Some(handler)) => add(&mut self.rare().any, handler),
            (Entry::Outgoing, Some(handler)) => add(&mut self.rare().outgoing, handler),
            (Entry::PrependAny, Some(handler)) => prepend(&mut self.rare().any, handler),
            (Entry::PrependOutgoing, Some(handler)) => prepend(&mut self.rare().outgoing, handler),
            (Entry::Off(name), _) => match self.find(&name) {
                Ok(at) => vec![self.events.remove(at).handler],
                Err(_) => Vec::new(),
            },
            (Entry::OffAny, _) => {
                self.rare.as_mut().map(|rare| std::mem::take(&mut rare.any)).unwrap_or_default()
            }
            (Entry::OffOutgoing, _) => {
                self.rare.as_mut().map(|rare| std::mem::take(&mut rare.outgoing)).unwrap_or_default()
            }
            (Entry::OffAll, _) => {
                let events = std::mem::take(&mut self.events).into_iter().map(|named| named.handler);
                let others = [&mut self.fallback, &mut self.disconnecting, &mut self.disconnect];
                let mut gone: Vec<_> = events.chain(others.into_iter().filter_map(Option::take)).collect();
                if let Some(rare) = &mut self.rare {
                    gone.append(&mut rare.any);
                    gone.append(&mut rare.outgoing);
                    gone.extend(rare.upgrading.take());
                    gone.extend(rare.upgrade.take());
                }
                gone
            }
            (_, None) => Vec::new(),
        }
    }

    fn rare(&mut self) -> &mut Rare<H> {
        self.rare.get_or_insert_default()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.events.binary_search_by(|known| known.name.as_ref().cmp(name))
    }

    fn name(&mut self, named: Named<H>) -> Vec<Arc<H>> {
        match self.find(&named.name) {
            Ok(at) => vec![std::mem::replace(&mut self.events[at], named).handler],
            Err(at) => {
                self.events.insert(at, named);
                Vec::new()
            }
        }
    }

    /// Whether it is the same handlers for the same.
    fn is_same(&self, other: &Table<H>) -> bool {
        let one = |a: &Option<Arc<H>>, b: &Option<Arc<H>>| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let list = |a: &[Arc<H>], b: &[Arc<H>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        let moves = |table: &Table<H>| {
            let rare = table.rare.as_ref();
            rare.map_or((None, None), |rare| (rare.upgrading.clone(), rare.upgrade.clone()))
        };
        let ((upgrading, upgrade), (others_upgrading, others_upgrade)) = (moves(self), moves(other));
        self.events.len() == other.events.len()
            && self.events.iter().zip(&other.events).all(|(a, b)| a.is_same(b))
            && one(&self.fallback, &other.fallback)
            && one(&self.disconnecting, &other.disconnecting)
            && one(&self.disconnect, &other.disconnect)
            && list(self.middlewares(), other.middlewares())
            && list(self.any(), other.any())
            && list(self.outgoing(), other.outgoing())
            && one(&upgrading, &others_upgrading)
            && one(&upgrade, &others_upgrade)
    }

    /// Whether that handler, and no other, handles the event of that name.
    pub(crate) fn has(&self, name: &str, handler: &Arc<H>) -> bool {
        self.event(name).is_some_and(|named| Arc::ptr_eq(&named.handler, handler))
    }

    /// Who handles the event of that name, if somebody does by name.
    #[inline]
    pub(crate) fn event(&self, name: &str) -> Option<&Named<H>> {
        // Few names mostly differ in length, which is quicker told than their order.
        if self.events.len() <= FEW {
            self.events.iter().find(|known| known.name == name)
        } else {
            self.find(name).ok().map(|at| &self.events[at])
        }
    }

    /// The names that have handlers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|named| &*named.name)
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

    pub(crate) fn upgrading(&self) -> Option<&H> {
        self.rare.as_ref()?.upgrading.as_deref()
    }

    pub(crate) fn upgrade(&self) -> Option<&H> {
        self.rare.as_ref()?.upgrade.as_deref()
    }

    /// Those who say whether an event goes on.
    pub(crate) fn middlewares(&self) -> &[Arc<H>] {
        self.rare.as_ref().map_or(&[], |rare| &rare.middlewares)
    }

    /// Those who handle every event.
    pub(crate) fn any(&self) -> &[Arc<H>] {
        self.rare.as_ref().map_or(&[], |rare| &rare.any)
    }

    /// Those who hear what goes out.
    pub(crate) fn outgoing(&self) -> &[Arc<H>] {
        self.rare.as_ref().map_or(&[], |rare| &rare.outgoing)
    }
}

fn replace<H: ?Sized>(place: &mut Option<Arc<H>>, handler: Option<Arc<H>>) -> Vec<Arc<H>> {
    std::mem::replace(place, handler).into_iter().collect()
}

fn add<H: ?Sized>(list: &mut Vec<Arc<H>>, handler: Arc<H>) -> Vec<Arc<H>> {
    list.push(handler);
    Vec::new()
}

fn prepend<H: ?Sized>(list: &mut Vec<Arc<H>>, handler: Arc<H>) -> Vec<Arc<H>> {
    list.insert(0, handler);
    Vec::new()
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

    /// The number of the table that is the one at `from` with this change, which `kind` alone tells from others:
    /// the type of the handler, if there is one. `None` when it cannot be shared: the name was made at run time, or
    /// a program registers so many combinations that sharing has no end.
    pub(crate) fn with(
        &self,
        from: u16,
        entry: &Entry,
        kind: TypeId,
        handler: Option<&Arc<H>>,
    ) -> Option<u16> {
        if entry.is_made() {
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
        if self.tables.is_full() {
            return None;
        }
        let mut table = self.tables.get(from)?.clone();
        table.change(entry.clone(), handler.cloned());
        if [table.middlewares(), table.any(), table.outgoing()].iter().any(|list| list.len() > MANY) {
            return None;
        }
        // A socket that takes back what it registered, event by event, comes to where it was.
        let known = self.tables.iter().find(|(_, known)| known.is_same(&table)).map(|(number, _)| number);
        let number = match known {
            Some(number) => number,
            None => self.tables.push(table).ok()?,
        };
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
            let one = tables.with(0, &event("a"), TypeId::of::<u8>(), Some(&a)).unwrap();
            tables.with(one, &event("b"), TypeId::of::<u16>(), Some(&b)).unwrap()
        };
        let table = walk();
        assert_eq!(table, walk());
        assert_eq!(tables.get(table).unwrap().event("a").map(|named| &*named.handler), Some("handler a"));
        assert_eq!(tables.get(table).unwrap().event("b").map(|named| &*named.handler), Some("handler b"));
        assert!(tables.get(table).unwrap().event("c").is_none());
        let other = tables.with(0, &event("a"), TypeId::of::<u32>(), Some(&b)).unwrap();
        assert_eq!(tables.get(other).unwrap().event("a").map(|named| &*named.handler), Some("handler b"));
    }

    #[test]
    fn a_handler_is_found_among_few_and_among_many() {
        for count in [3, 100] {
            let mut table: Table<str> = Table::default();
            let names: Vec<String> = (0..count).map(|n| format!("{n}")).collect();
            for name in &names {
                assert!(
                    table
                        .change(Entry::Event(Cow::Owned(name.clone())), Some(name.as_str().into()))
                        .is_empty()
                );
            }
            assert!(names.iter().all(|name| table.event(name).is_some_and(|named| *named.handler == **name)));
            assert!(table.event("x").is_none());
            table.change(Entry::Fallback, Some("fallback".into()));
            assert_eq!(table.fallback(), Some("fallback"));
            let gone = table.change(Entry::Off(names[1].clone().into()), None);
            assert!(*gone[0] == *names[1] && table.event(&names[1]).is_none());
            assert!(table.change(Entry::Off("x".into()), None).is_empty());
            assert_eq!(table.change(Entry::OffAll, None).len(), count);
            assert!(table.names().next().is_none() && table.fallback().is_none());
        }
    }

    #[test]
    fn listeners_of_all_events_are_many_and_in_order() {
        let mut table: Table<str> = Table::default();
        for (entry, name) in [(Entry::Any, "b"), (Entry::Any, "c"), (Entry::PrependAny, "a")] {
            table.change(entry, Some(name.into()));
        }
        assert!(table.any().iter().map(|any| &**any).eq(["a", "b", "c"]));
        assert_eq!(table.change(Entry::OffAny, None).len(), 3);
        assert!(table.any().is_empty() && table.outgoing().is_empty());
    }

    #[test]
    fn who_registers_and_takes_back_for_ever_needs_no_more_tables() {
        let tables: Tables<str> = Tables::default();
        let (a, b): (Arc<str>, Arc<str>) = ("handler a".into(), "handler b".into());
        let changes = [
            (event("a"), Some(&a)),
            (Entry::Once(Cow::Borrowed("b")), Some(&b)),
            (Entry::Off(Cow::Borrowed("b")), None),
            (Entry::Any, Some(&b)),
            (Entry::OffAny, None),
            (Entry::Off(Cow::Borrowed("a")), None),
        ];
        let mut number = 0;
        for _ in 0..CAPACITY {
            for (entry, handler) in &changes {
                number = tables.with(number, entry, TypeId::of::<u8>(), *handler).expect("it is shared");
            }
            assert!(number < 8, "{number}");
        }
        for _ in 0..MANY {
            number = tables.with(number, &Entry::Any, TypeId::of::<u8>(), Some(&a)).expect("it is shared");
        }
        assert_eq!(tables.with(number, &Entry::Any, TypeId::of::<u8>(), Some(&a)), None);
    }

    #[test]
    fn sharing_has_an_end() {
        let tables: Tables<str> = Tables::default();
        let handler: Arc<str> = "handler".into();
        let made = Entry::Event(Cow::Owned("made".to_owned()));
        assert_eq!(tables.with(0, &made, TypeId::of::<u8>(), Some(&handler)), None);
        let mut shared = 0;
        let names: Vec<&'static str> = (0..2 * CAPACITY).map(|n| &*format!("{n}").leak()).collect();
        while let Some(next) = tables.with(0, &event(names[shared]), TypeId::of::<u8>(), Some(&handler)) {
            assert_eq!(usize::from(next), shared + 1);
            shared += 1;
        }
        assert_eq!(shared, CAPACITY - 1);
    }
}
