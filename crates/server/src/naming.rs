//! What a namespace is asked for by: a name, a pattern, a predicate.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::admission::make_space;
use crate::handshake::Handshake;
use crate::hub::Engine;
use crate::namespace::Namespace;
use crate::parent_namespace::ParentNamespace;
use crate::parents::Matcher;

/// What [`Server::of`](crate::server::Server::of) takes.
///
/// - A text is the name of one [`Namespace`]. A missing `/` in front is added.
/// - A closure `Fn(&str) -> bool`, a [`predicate`] and, with the feature `regex`, a `regex::Regex` say which names
///   are a [`ParentNamespace`]'s: its children are made when peers ask for them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no namespace",
    note = "a namespace is named by a text, and a family of them by a closure `|name: &str| -> bool`, by `predicate(..)`, or by a `regex::Regex` with the feature `regex`"
)]
pub trait NamespaceName {
    /// What is named.
    type Namespace;

    /// Finds it, or makes it.
    #[doc(hidden)]
    #[track_caller]
    fn resolve(self, home: Home<'_>) -> Self::Namespace;
}

/// Where namespaces are found and made.
#[doc(hidden)]
pub struct Home<'s>(pub(crate) &'s Arc<Engine>);

impl fmt::Debug for Home<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Home")
    }
}

impl NamespaceName for &str {
    type Namespace = Namespace;

    fn resolve(self, home: Home<'_>) -> Namespace {
        let name = if self.starts_with('/') { self.to_owned() } else { format!("/{self}") };
        let parents = &home.0.application().parents;
        match make_space(home.0, &name, parents.by_pattern(&name).as_deref()) {
            Ok(space) => {
                space.space(&home.0.application().spaces).is_wanted.store(true, Ordering::Relaxed);
                Namespace::new(home.0, space)
            }
            Err(error) => panic!("there can be no namespace {name:?}: {error}"),
        }
    }
}

impl NamespaceName for &&str {
    type Namespace = Namespace;

    #[track_caller]
    fn resolve(self, home: Home<'_>) -> Namespace {
        (*self).resolve(home)
    }
}

impl NamespaceName for &String {
    type Namespace = Namespace;

    #[track_caller]
    fn resolve(self, home: Home<'_>) -> Namespace {
        self.as_str().resolve(home)
    }
}

impl NamespaceName for String {
    type Namespace = Namespace;

    #[track_caller]
    fn resolve(self, home: Home<'_>) -> Namespace {
        self.as_str().resolve(home)
    }
}

impl<F> NamespaceName for F
where
    F: Fn(&str) -> bool + Send + Sync + 'static,
{
    type Namespace = ParentNamespace;

    fn resolve(self, home: Home<'_>) -> ParentNamespace {
        ParentNamespace::new(home.0, Matcher::Name(Box::new(self)))
    }
}

/// A regular expression that a part of the name must fit: write `^` and `$` for all of it.
///
/// It is asked for names that the application gives to `of`, too: a new one that fits is a child.
#[cfg(feature = "regex")]
impl NamespaceName for regex::Regex {
    type Namespace = ParentNamespace;

    fn resolve(self, home: Home<'_>) -> ParentNamespace {
        let text = self.as_str().into();
        ParentNamespace::new(home.0, Matcher::Pattern(Box::new(move |name| self.is_match(name)), text))
    }
}

/// A predicate that may take time and that knows who asks: see [`predicate`].
pub struct Predicate(Matcher);

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

/// Says by name and handshake, `auth` included, whether a peer may have a namespace that is not there yet.
///
/// ```
/// # use sockeye_server::{handshake::Handshake, naming::predicate, server::Server};
/// # fn register(server: &Server) {
/// server.of(predicate(async |name: String, handshake: Handshake| {
///     name.starts_with("/user-") && handshake.header("authorization").is_some()
/// }));
/// # }
/// ```
/// It is asked for each CONNECT to a name that is not there; once the namespace is there, its middlewares are the
/// ones who say who may join.
pub fn predicate<F, Fut>(decide: F) -> Predicate
where
    F: Fn(String, Handshake) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = bool> + Send + 'static,
{
    Predicate(Matcher::Peer(Box::new(move |name, handshake| {
        Box::pin(decide(name.to_owned(), handshake.clone()))
    })))
}

impl NamespaceName for Predicate {
    type Namespace = ParentNamespace;

    fn resolve(self, home: Home<'_>) -> ParentNamespace {
        ParentNamespace::new(home.0, self.0)
    }
}
