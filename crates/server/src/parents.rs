//! Parents: namespaces that are made when a peer asks for one whose name fits.
//!
//! A parent has no sockets. What is registered with it is copied to each child when that child is made.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::handshake::Handshake;
use crate::space::Settings;

/// Whether a peer may have a namespace of that name.
pub(crate) type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Asks the application.
pub(crate) type Ask = Box<dyn Fn(&str, &Handshake) -> Answer + Send + Sync>;

/// Which names are a parent's.
pub(crate) enum Matcher {
    /// Names that fit, whoever asks: the application, too. With the pattern as text.
    #[cfg_attr(not(feature = "regex"), expect(dead_code, reason = "regular expressions are a feature"))]
    Pattern(Box<dyn Fn(&str) -> bool + Send + Sync>, Box<str>),
    /// A peer asks: the name decides.
    Name(Box<dyn Fn(&str) -> bool + Send + Sync>),
    /// A peer asks: the name and what it said of itself decide, sooner or later.
    Peer(Ask),
}

/// One parent.
pub(crate) struct Parent<H: ?Sized> {
    pub(crate) number: u32,
    pub(crate) matcher: Matcher,
    pub(crate) settings: Settings<H>,
}

/// All of them, in the order in which they were made: the first that fits has the name.
pub(crate) struct Parents<H: ?Sized>(RwLock<Arc<[Arc<Parent<H>>]>>);

impl<H: ?Sized> Default for Parents<H> {
    fn default() -> Parents<H> {
        Parents(RwLock::new(Arc::new([])))
    }
}

impl<H: ?Sized> Parents<H> {
    pub(crate) fn add(&self, matcher: Matcher) -> Arc<Parent<H>> {
        let mut parents = self.0.write();
        let number = u32::try_from(parents.len()).expect("nobody registers 2^32 parents");
        let parent = Arc::new(Parent { number, matcher, settings: Settings::default() });
        *parents = parents.iter().cloned().chain([parent.clone()]).collect();
        parent
    }

    pub(crate) fn all(&self) -> Arc<[Arc<Parent<H>>]> {
        self.0.read().clone()
    }

    /// The parent whose pattern the name fits.
    pub(crate) fn by_pattern(&self, name: &str) -> Option<Arc<Parent<H>>> {
        let fits =
            |parent: &&Arc<Parent<H>>| matches!(&parent.matcher, Matcher::Pattern(fits, _) if fits(name));
        self.all().iter().find(fits).cloned()
    }
}
