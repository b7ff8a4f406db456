//! The namespaces of a server, by number and by name.
//!
//! Those that were made by name are there for good, and are read without a lock or a count: events look for
//! them. Children of a parent come and go, so whoever needs one holds it; the table lets go of a child when
//! nobody else holds it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

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
}

struct Named<H: ?Sized> {
    numbers: HashMap<Box<str>, u16, FxBuildHasher>,
    children: Vec<Option<Arc<Space<H>>>>,
    free: Vec<u16>,
    /// Children that may be empty, to be looked at.
    emptied: Vec<u16>,
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
    pub(crate) fn new(recovery: Option<(Recovery, [u8; TAG])>) -> Spaces<H> {
        let named = Named {
            numbers: HashMap::default(),
            children: Vec::new(),
            free: Vec::new(),
            emptied: Vec::new(),
        };
        let spaces = Spaces { fixed: Arena::default(), named: RwLock::new(named), recovery };
        spaces.find_or_new("/", None).expect("an empty table takes its first namespace");
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
        let child = self.named.read().children[usize::from(number - CHILD)].clone();
        child.expect("a child is there while somebody holds it")
    }

    /// The namespace with that number, to be held.
    pub(crate) fn hold(&self, number: u16) -> Held<H> {
        let child = if is_child(number) { Some(self.child(number)) } else { None };
        Held { number, child }
    }

    /// The namespace with that number, if there still is one.
    pub(crate) fn hold_if_there(&self, number: u16) -> Option<Held<H>> {
        let child = match number.checked_sub(CHILD) {
            Some(at) => Some(self.named.read().children.get(usize::from(at))?.clone()?),
            None => None,
        };
        Some(Held { number, child })
    }

    /// The number of the namespace with that name: for who holds it, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<u16> {
        if name == "/" { Some(0) } else { self.named.read().numbers.get(name).copied() }
    }

    /// The namespace with that name.
    pub(crate) fn find_held(&self, name: &str) -> Option<Held<H>> {
        if name == "/" {
            return Some(Held { number: 0, child: None });
        }
        self.named.read().held(name)
    }

    /// The namespace with that name, which is made if it is new: as a child of `parent`, if there is one. Says
    /// whether it is new.
    pub(crate) fn find_or_new(
        &self,
        name: &str,
        parent: Option<&Parent<H>>,
    ) -> Result<(Held<H>, bool), NoSpace> {
        if name.contains(',') {
            return Err(NoSpace::Comma);
        }
        let mut named = self.named.write();
        if let Some(held) = named.held(name) {
            return Ok((held, false));
        }
        let keeper = self.recovery.as_ref().map(|(recovery, tag)| Keeper::new(recovery, *tag));
        let held = match parent {
            Some(parent) => {
                named.add_child(Space::new(name, parent.settings.copy(), Some(parent.number), keeper))?
            }
            None => {
                let space = Space::new(name, Settings::default(), None, keeper);
                let number = self.fixed.push(space).map_err(|_| NoSpace::Full)?;
                Held { number, child: None }
            }
        };
        named.numbers.insert(name.into(), held.number);
        Ok((held, true))
    }

    /// Forgets a namespace's name. Its number stays taken, for a child until nobody holds it.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let mut named = self.named.write();
        let Some(number) = named.numbers.remove(name) else { return false };
        if is_child(number) {
            named.emptied.push(number);
        }
        let _gone = named.prune();
        drop(named);
        true
    }

    /// A child may be empty: it is removed when nobody holds it, now or at a later look.
    pub(crate) fn emptied(&self, number: u16) {
        let mut named = self.named.write();
        if is_child(number) && !named.emptied.contains(&number) {
            named.emptied.push(number);
        }
        let _gone = named.prune();
        drop(named);
    }

    /// All that have a name: the fixed ones in the order in which they were made, then the children.
    pub(crate) fn all(&self) -> Vec<Held<H>> {
        let named = self.named.read();
        let mut numbers: Vec<u16> = named.numbers.values().copied().collect();
        numbers.sort_unstable();
        let hold = |number: u16| {
            let child = number.checked_sub(CHILD).map(|at| named.children[usize::from(at)].clone());
            Held { number, child: child.flatten() }
        };
        numbers.into_iter().map(hold).collect()
    }
}

impl<H: ?Sized> Named<H> {
    fn held(&self, name: &str) -> Option<Held<H>> {
        let number = *self.numbers.get(name)?;
        let child = number.checked_sub(CHILD).map(|at| self.children[usize::from(at)].clone());
        Some(Held { number, child: child.flatten() })
    }

    fn add_child(&mut self, space: Space<H>) -> Result<Held<H>, NoSpace> {
        let space = Arc::new(space);
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.children.len() == CHILDREN => return Err(NoSpace::Full),
            None => {
                self.children.push(None);
                CHILD + (self.children.len() - 1) as u16
            }
        };
        self.children[usize::from(number - CHILD)] = Some(space.clone());
        Ok(Held { number, child: Some(space) })
    }

    /// Lets go of children that nobody else holds; under the write lock nobody can begin to. They are the
    /// caller's to drop when the lock is open: the application's handlers are in them.
    #[must_use]
    fn prune(&mut self) -> Vec<Arc<Space<H>>> {
        let Named { numbers, children, free, emptied } = self;
        let mut gone = Vec::new();
        emptied.retain(|number| {
            let child = &mut children[usize::from(*number - CHILD)];
            let Some(space) = child else { return false };
            // Nobody is in it; somebody may come back to it.
            if Arc::strong_count(space) > 1 || space.keeper.as_ref().is_some_and(Keeper::is_awaited) {
                return true;
            }
            // Its name may have been given to another one meanwhile.
            if numbers.get(&space.name) == Some(number) {
                numbers.remove(&space.name);
            }
            gone.extend(child.take());
            free.push(*number);
            false
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use crate::parents::{Matcher, Parents};

    use super::*;

    fn parent() -> Arc<Parent<str>> {
        Parents::default().add(Matcher::Name(Box::new(|_| true)))
    }

    #[test]
    fn names_are_found_again_and_the_default_namespace_is_number_0() {
        let spaces: Spaces<str> = Spaces::new(None);
        assert_eq!(spaces.find("/"), Some(0));
        let (chat, is_new) = spaces.find_or_new("/chat", None).unwrap();
        assert!(is_new && !is_child(chat.number()));
        assert_eq!(spaces.find("/chat"), Some(chat.number()));
        assert!(!spaces.find_or_new("/chat", None).unwrap().1);
        assert!(spaces.find_or_new("/a,b", None).is_err());
        assert_eq!(spaces.find("/other"), None);
        let names: Vec<_> = spaces.all().iter().map(|held| held.space(&spaces).name.to_string()).collect();
        assert_eq!(names, ["/", "/chat"]);
    }

    #[test]
    fn a_child_goes_when_nobody_holds_it_and_its_number_is_given_again() {
        let spaces: Spaces<str> = Spaces::new(None);
        let parent = parent();
        let (one, _) = spaces.find_or_new("/team-1", Some(&parent)).unwrap();
        let number = one.number();
        let kept = one.clone();
        drop(one);
        spaces.emptied(number);
        assert_eq!(spaces.find("/team-1"), Some(number), "it is held");
        drop(kept);
        let (two, _) = spaces.find_or_new("/team-2", Some(&parent)).unwrap();
        spaces.emptied(two.number());
        assert_eq!(spaces.find("/team-1"), None, "a later look finds it");
        assert_eq!(spaces.find_or_new("/team-3", Some(&parent)).unwrap().0.number(), number);
    }

    #[test]
    fn a_name_that_was_removed_can_be_given_again_while_somebody_holds_the_old_one() {
        let spaces: Spaces<str> = Spaces::new(None);
        let parent = parent();
        let (old, _) = spaces.find_or_new("/team", Some(&parent)).unwrap();
        assert!(spaces.remove("/team") && !spaces.remove("/team"));
        let (new, is_new) = spaces.find_or_new("/team", Some(&parent)).unwrap();
        assert!(is_new && new.number() != old.number());
        let number = old.number();
        drop(old);
        spaces.emptied(number);
        assert_eq!(spaces.find("/team"), Some(new.number()));
    }

    #[test]
    fn children_have_an_end() {
        let spaces: Spaces<str> = Spaces::new(None);
        let parent = parent();
        for child in 0..CHILDREN {
            assert!(spaces.find_or_new(&format!("/{child}"), Some(&parent)).is_ok());
        }
        assert!(matches!(spaces.find_or_new("/more", Some(&parent)), Err(NoSpace::Full)));
        assert!(spaces.find_or_new("/by-name", None).is_ok());
    }
}
