//! How many sockets there are, told in a list that peers cannot lengthen.

use std::collections::BTreeMap;

use crate::parents::Matcher;
use crate::server::Server;

/// The sockets that were connected at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Census {
    /// Of each namespace that was made by name, in the order of their making.
    pub named: Vec<(String, usize)>,
    /// Of all children together of each parent that is a pattern, by the pattern's text, in the order of the texts.
    pub patterns: Vec<(String, usize)>,
    /// Of all children together of parents that are closures or predicates, which have no name.
    pub others: usize,
}

impl Server {
    /// Counts the sockets that are connected now. It looks at each namespace once, at some 100 ns each.
    #[must_use]
    pub fn census(&self) -> Census {
        let hub = self.engine.application();
        let parents = hub.parents.all();
        let mut patterns: BTreeMap<&str, usize> = BTreeMap::new();
        for parent in parents.iter() {
            if let Matcher::Pattern(_, text) = &parent.matcher {
                patterns.insert(text, 0);
            }
        }
        let mut census = Census::default();
        for held in hub.spaces.all() {
            let space = held.space(&hub.spaces);
            let sockets = space.adapter.len();
            let matcher =
                space.parent.map(|number| parents.get(number as usize).map(|parent| &parent.matcher));
            match matcher {
                None => census.named.push((space.name.to_string(), sockets)),
                Some(Some(Matcher::Pattern(_, text))) => *patterns.entry(text).or_default() += sockets,
                Some(_) => census.others += sockets,
            }
        }
        census.patterns = patterns.into_iter().map(|(text, sockets)| (text.to_owned(), sockets)).collect();
        census
    }
}
