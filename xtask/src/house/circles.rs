//! Circles in a graph of files.

use std::collections::{BTreeMap, BTreeSet};

/// Who imports whom, by name.
pub(super) type Graph = BTreeMap<String, BTreeSet<String>>;

/// One circle of each knot of files that reach each other, as `a -> b -> a`.
pub(super) fn find(graph: &Graph) -> Vec<String> {
    let mut circles = Vec::new();
    let mut knotted = BTreeSet::new();
    for start in graph.keys() {
        if knotted.contains(start) {
            continue;
        }
        if let Some(path) = shortest_way_back(graph, start) {
            knotted.extend(path.iter().cloned());
            circles.push(format!("{} -> {start}", path.join(" -> ")));
        }
    }
    circles
}

/// The fewest steps from `start` to itself, `start` first.
fn shortest_way_back(graph: &Graph, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut after = Vec::new();
        for at in next {
            for to in graph.get(at).into_iter().flatten() {
                if to == start {
                    let mut path = vec![at.to_owned()];
                    while path.last().is_some_and(|last| last != start) {
                        let last = path.last().expect("just seen");
                        path.push(came_from[last.as_str()].to_owned());
                    }
                    path.reverse();
                    return Some(path);
                }
                if !came_from.contains_key(to.as_str()) {
                    came_from.insert(to, at);
                    after.push(to.as_str());
                }
            }
        }
        next = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Graph, find};

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    }

    #[test]
    fn a_tree_has_no_circle() {
        assert!(find(&graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])).is_empty());
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle() {
        assert_eq!(find(&graph(&[("a", "b"), ("b", "a")])), ["a -> b -> a"]);
    }

    #[test]
    fn a_circle_off_the_way_is_found_once() {
        assert_eq!(find(&graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")])), ["b -> c -> d -> b"]);
    }
}
