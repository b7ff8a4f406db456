//! The namespaces of a server, by number and by name.
//!
//! Those that were made by name are there for good, and are read without a lock or a count: events look for
//! them. Children of a parent come and go, so whoever needs one holds it; the table lets go of a child when
//! nobody else holds it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::RwLock;

use crate::arena::{Arena, CAPACITY};
use crate::parents::Parent;
use crate::recovery::Recovery;
use crate::recovery::keeper::Keeper;
use crate::recovery::log::TAG;
use crate::space::{Settings, Space};

/// Numbers from here on are children's.
const CHILD: u16 = 1 << 15;

/// How many children there can be at a time.
pub(crate) const CHILDREN: usize = (u16::MAX - CHILD) as usize;

/// How many children that may be empty are looked at when another one is: all at once would cost who comes or goes
/// as much as there are.
const FEW: usize = 4;

/// Whether the namespace with that number comes and goes.
pub(crate) fn is_child(number: u16) -> bool {
    number >= CHILD
}

/// The namespaces of a server.
pub(crate) struct Spaces<H: ?Sized> {
    fixed: Arena<Space<H>>,
    named: RwLock<Named<H>>,
    /// How connections are recovered, if they are, and what names this process in offsets.
    recovery: Option<(Recovery, [u8; TAG])>,
    room_limit: usize,
    /// Bytes of the logs of all namespaces.
    log_bytes: Arc<AtomicUsize>,
}

struct Named<H: ?Sized> {
    /// Peers choose names of children, so how they are hashed is a secret.
    numbers: HashMap<Box<str>, u16>,
    children: Vec<Child<H>>,
    free: Vec<u16>,
    /// Children that may be empty, to be looked at in turn.
    emptied: VecDeque<u16>,
}

struct Child<H: ?Sized> {
    space: Option<Arc<Space<H>>>,
    /// It stands among those that may be empty. Its number is given again behind that only, since the next child of
    /// that number is another one.
    waits: bool,
}

/// A namespace, found by its number.
pub(crate) enum Found<'s, H: ?Sized> {
    Fixed(&'s Space<H>),
    Child(Arc<Space<H>>),
}

impl<H: ?Sized> Deref for Found<'_, H> {
    type Target = Space<H>;

    fn deref(&self) -> &Space<H> {
        match self {
            Found::Fixed(space) => space,
            Found::Child(space) => space,
        }
    }
}

/// A namespace that stays while this is held. A child keeps its number meanwhile.
pub(crate) struct Held<H: ?Sized> {
    number: u16,
    child: Option<Arc<Space<H>>>,
}

impl<H: ?Sized> Clone for Held<H> {
    fn clone(&self) -> Held<H> {
        Held { number: self.number, child: self.child.clone() }
    }
}

impl<H: ?Sized> Held<H> {
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// What holds it, if it needs to be.
    pub(crate) fn child(&self) -> Option<Arc<Space<H>>> {
        self.child.clone()
    }

    pub(crate) fn space<'s>(&'s self, spaces: &'s Spaces<H>) -> &'s Space<H> {
        match &self.child {
            Some(child) => child,
            None => spaces.fixed(self.number),
        }
    }
}

/// A namespace's name that cannot be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoSpace {
    /// A comma ends a namespace on the wire.
    Comma,
    Full,
}

impl fmt::Display for NoSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSpace::Comma => f.write_str("a comma ends a namespace's name on the wire"),
            NoSpace::Full => {
                write!(f, "a server has at most {CAPACITY} namespaces by name and {CHILDREN} by patterns")
            }
        }
    }
}

impl<H: ?Sized> Spaces<H> {
    /// The default namespace alone.
    pub(crate) fn new(recovery: Option<(Recovery, [u8; TAG])>, room_limit: usize) -> Spaces<H> {
        let named = Named {
            numbers: HashMap::new(),
            children: Vec::new(),
            free: Vec::new(),
            emptied: VecDeque::new(),
        };
        let spaces = Spaces {
            fixed: Arena::default(),
            named: RwLock::new(named),
            recovery,
            room_limit,
            log_bytes: Arc::default(),
        };
        spaces.find_or_new("/", None, false).expect("an empty table takes its first namespace");
        spaces
    }

    fn fixed(&self, number: u16) -> &Space<H> {
        self.fixed.get(number).expect("numbers of namespaces are only given to those that are there")
    }

    /// The namespace with that number, which somebody holds.
    pub(crate) fn get(&self, number: u16) -> Found<'_, H> {
        if !is_child(number) {
            return Found::Fixed(self.fixed(number));
        }
        Found::Child(self.child(number))
    }

    fn child(&self, number: u16) -> Arc<Space<H>> {
        let child = self.named.read().child(number);
        child.expect("a child is there while somebody holds it")
    }

    /// The namespace with that number, to be held.
    pub(crate) fn hold(&self, number: u16) -> Held<H> {
        let child = if is_child(number) { Some(self.child(number)) } else { None };
        Held { number, child }
    }

    /// The namespace that has that number now, where nobody may hold it: it may be another one than was meant, unless
    /// what was meant is seen to be there still.
    pub(crate) fn try_hold(&self, number: u16) -> Option<Held<H>> {
        if !is_child(number) {
            return Some(Held { number, child: None });
        }
        let child = self.named.read().child(number)?;
        Some(Held { number, child: Some(child) })
    }

    /// The namespace with that name.
    pub(crate) fn find(&self, name: &str) -> Option<Held<H>> {
        if name == "/" {
            return Some(Held { number: 0, child: None });
        }
        self.named.read().held(name)
    }

    /// The namespace with that name, which is made if it is new: as a child of `parent`, if there is one. Says
    /// whether it is new; then it is the caller's to announce, if it is to be.
    pub(crate) fn find_or_new(
        &self,
        name: &str,
        parent: Option<&Parent<H>>,
        announces: bool,
    ) -> Result<(Held<H>, bool), NoSpace> {
        if name.contains(',') {
            return Err(NoSpace::Comma);
        }
        // Dropped behind the guard: the application's handlers are in them.
        let mut gone = Vec::new();
        let mut named = self.named.write();
        if let Some(held) = named.held(name) {
            return Ok((held, false));
        }
        let keeper =
            self.recovery.as_ref().map(|(recovery, tag)| Keeper::new(recovery, *tag, self.log_bytes.clone()));
        let held = match parent {
            Some(parent) => {
                let space =
                    Space::new(name, parent.settings.copy(), Some(parent.number), keeper, self.room_limit);
                named.add_child(if announces { space.unannounced() } else { space }, &mut gone)?
            }
            None => {
                let space = Space::new(name, Settings::default(), None, keeper, self.room_limit);
                let space = if announces { space.unannounced() } else { space };
                let number = self.fixed.push(space).map_err(|_| NoSpace::Full)?;
                Held { number, child: None }
            }
        };
        named.numbers.insert(name.into(), held.number);
        Ok((held, true))
    }

    /// Forgets the namespace's name, unless it has none or another one has it. Its number stays taken, for a child
    /// until nobody holds it.
    pub(crate) fn remove(&self, name: &str, number: u16) -> bool {
        // Dropped behind the guard: the application's handlers are in them.
        let mut gone = Vec::new();
        let mut named = self.named.write();
        if named.numbers.get(name) != Some(&number) {
            return false;
        }
        named.numbers.remove(name);
        if is_child(number) {
            named.look_at(number, &mut gone);
        }
        named.look_at_few(FEW, &mut gone);
        true
    }

    /// A child may be empty: it is removed when nobody holds it, now or at a later look.
    pub(crate) fn emptied(&self, number: u16) {
        // Most often it is neither empty nor new, and nothing need be locked for that.
        if self.named.read().is_known_as_held(number) {
            return;
        }
        let mut gone = Vec::new();
        let mut named = self.named.write();
        named.look_at(number, &mut gone);
        named.look_at_few(FEW, &mut gone);
    }

    /// All that have a name: the fixed ones in the order in which they were made, then the children.
    pub(crate) fn all(&self) -> Vec<Held<H>> {
        let named = self.named.read();
        let mut numbers: Vec<u16> = named.numbers.values().copied().collect();
        numbers.sort_unstable();
        let hold = |number: u16| Held { number, child: named.child(number) };
        numbers.into_iter().map(hold).collect()
    }
}

impl<H: ?Sized> Named<H> {
    fn child(&self, number: u16) -> Option<Arc<Space<H>>> {
        self.children.get(usize::from(number.checked_sub(CHILD)?))?.space.clone()
    }

    fn held(&self, name: &str) -> Option<Held<H>> {
        let number = *self.numbers.get(name)?;
        Some(Held { number, child: self.child(number) })
    }

    fn add_child(&mut self, space: Space<H>, gone: &mut Vec<Arc<Space<H>>>) -> Result<Held<H>, NoSpace> {
        if self.free.is_empty() && self.children.len() == CHILDREN {
            self.look_at_few(CHILDREN, gone);
        }
        let space = Arc::new(space);
        let child = Child { space: Some(space.clone()), waits: false };
        let number = match self.free.pop() {
            Some(number) => {
                self.children[usize::from(number - CHILD)] = child;
                number
            }
            None if self.children.len() == CHILDREN => return Err(NoSpace::Full),
            None => {
                self.children.push(child);
                CHILD + (self.children.len() - 1) as u16
            }
        };
        Ok(Held { number, child: Some(space) })
    }

    /// Whether somebody else holds a child that will be looked at later.
    fn is_known_as_held(&self, number: u16) -> bool {
        let child = number.checked_sub(CHILD).and_then(|at| self.children.get(usize::from(at)));
        child.is_none_or(|child| {
            child.waits && child.space.as_ref().is_none_or(|space| Arc::strong_count(space) > 1)
        })
    }

    /// Lets go of a child if nobody else holds it; under the write lock nobody can begin to. Else it is looked at again
    /// later. Those in `gone` are the caller's to drop when the lock is open.
    fn look_at(&mut self, number: u16, gone: &mut Vec<Arc<Space<H>>>) {
        let child = &mut self.children[usize::from(number - CHILD)];
        let is_alone = |space: &mut Arc<Space<H>>| {
            // Nobody is in it; somebody may come back to it.
            Arc::strong_count(space) == 1 && !space.keeper.as_ref().is_some_and(Keeper::is_awaited)
        };
        match child.space.take_if(is_alone) {
            Some(space) => {
                // Its name may have been given to another one meanwhile.
                if self.numbers.get(&space.name) == Some(&number) {
                    self.numbers.remove(&space.name);
                }
                if !child.waits {
                    self.free.push(number);
                }
                gone.push(space);
            }
            None if child.space.is_some() && !child.waits => {
                child.waits = true;
                self.emptied.push_back(number);
            }
            None => {}
        }
    }

    /// Looks at `most` of those that may be empty.
    fn look_at_few(&mut self, most: usize, gone: &mut Vec<Arc<Space<H>>>) {
        for _ in 0..most.min(self.emptied.len()) {
            let Some(number) = self.emptied.pop_front() else { return };
            let child = &mut self.children[usize::from(number - CHILD)];
            child.waits = false;
            if child.space.is_none() {
                self.free.push(number);
            } else {
                self.look_at(number, gone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parents::{Matcher, Parents};

    use super::*;

    fn parent() -> Arc<Parent<str>> {
        Parents::default().add(Matcher::Name(Box::new(|_| true)))
    }

    fn find(spaces: &Spaces<str>, name: &str) -> Option<u16> {
        spaces.find(name).map(|held| held.number())
    }

    #[test]
    fn names_are_found_again_and_the_default_namespace_is_number_0() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        assert_eq!(find(&spaces, "/"), Some(0));
        let (chat, is_new) = spaces.find_or_new("/chat", None, false).unwrap();
        assert!(is_new && !is_child(chat.number()));
        assert_eq!(find(&spaces, "/chat"), Some(chat.number()));
        assert!(!spaces.find_or_new("/chat", None, false).unwrap().1);
        assert!(spaces.find_or_new("/a,b", None, false).is_err());
        assert_eq!(find(&spaces, "/other"), None);
        let names: Vec<_> = spaces.all().iter().map(|held| held.space(&spaces).name.to_string()).collect();
        assert_eq!(names, ["/", "/chat"]);
    }

    #[test]
    fn a_child_goes_when_nobody_holds_it_and_its_number_is_given_again() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        let (one, _) = spaces.find_or_new("/team-1", Some(&parent), false).unwrap();
        let number = one.number();
        let kept = one.clone();
        drop(one);
        spaces.emptied(number);
        assert_eq!(find(&spaces, "/team-1"), Some(number), "it is held");
        drop(kept);
        let (two, _) = spaces.find_or_new("/team-2", Some(&parent), false).unwrap();
        spaces.emptied(two.number());
        assert_eq!(find(&spaces, "/team-1"), None, "a later look finds it");
        assert_eq!(spaces.find_or_new("/team-3", Some(&parent), false).unwrap().0.number(), number);
    }

    #[test]
    fn a_name_that_was_removed_can_be_given_again_while_somebody_holds_the_old_one() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        let (old, _) = spaces.find_or_new("/team", Some(&parent), false).unwrap();
        assert!(spaces.remove("/team", old.number()) && !spaces.remove("/team", old.number()));
        let (new, is_new) = spaces.find_or_new("/team", Some(&parent), false).unwrap();
        assert!(is_new && new.number() != old.number());
        assert!(!spaces.remove("/team", old.number()), "it is another one's name");
        let number = old.number();
        drop(old);
        spaces.emptied(number);
        assert_eq!(find(&spaces, "/team"), Some(new.number()));
    }

    #[test]
    fn children_have_an_end() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        for child in 0..CHILDREN {
            assert!(spaces.find_or_new(&format!("/{child}"), Some(&parent), false).is_ok());
        }
        assert!(matches!(spaces.find_or_new("/more", Some(&parent), false), Err(NoSpace::Full)));
        assert!(spaces.find_or_new("/by-name", None, false).is_ok());
    }

    #[test]
    fn a_child_that_was_held_when_it_was_left_goes_while_others_come_and_go() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        let visit = |name: &str| {
            let (held, _) = spaces.find_or_new(name, Some(&parent), false).unwrap();
            spaces.emptied(held.number());
            held
        };
        let busy: Vec<_> = (0..100).map(|n| visit(&format!("/busy-{n}"))).collect();
        let left = visit("/left");
        let number = left.number();
        drop(left);
        assert_eq!(find(&spaces, "/left"), Some(number), "nobody said that it is empty now");
        for _ in 0..100 / FEW {
            let guest = visit("/guest").number();
            spaces.emptied(guest);
        }
        assert_eq!(find(&spaces, "/left"), None);
        assert_eq!(spaces.all().len(), 1 + busy.len());
    }

    #[test]
    fn the_next_child_of_a_number_is_not_looked_at_for_the_one_before_it() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        let (old, _) = spaces.find_or_new("/old", Some(&parent), false).unwrap();
        let number = old.number();
        spaces.emptied(number);
        drop(old);
        spaces.emptied(number);
        let new = spaces.find_or_new("/new", Some(&parent), false).unwrap().0.number();
        for n in 0..10 {
            let other = spaces.find_or_new(&format!("/{n}"), Some(&parent), false).unwrap().0.number();
            spaces.emptied(other);
        }
        assert_eq!(find(&spaces, "/new"), Some(new), "nobody said that it is empty");
    }

    #[test]
    fn where_children_are_full_those_that_nobody_holds_make_room() {
        let spaces: Spaces<str> = Spaces::new(None, usize::MAX);
        let parent = parent();
        for child in 0..CHILDREN - 1 {
            assert!(spaces.find_or_new(&format!("/{child}"), Some(&parent), false).is_ok());
        }
        let (last, _) = spaces.find_or_new("/last", Some(&parent), false).unwrap();
        assert!(spaces.remove("/last", last.number()));
        assert!(
            matches!(spaces.find_or_new("/more", Some(&parent), false), Err(NoSpace::Full)),
            "it is held"
        );
        drop(last);
        assert!(spaces.find_or_new("/more", Some(&parent), false).is_ok());
    }
}
