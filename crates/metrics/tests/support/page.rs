//! A strict reader of OpenMetrics text: what is not allowed panics, with the line.
//!
//! Spec: OpenMetrics 1.0, "Text format", without timestamps and exemplars, which we do not write.

use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// A page of metrics.
#[derive(Debug)]
pub(crate) struct Page {
    /// The kind of each family, by its name.
    pub(crate) families: BTreeMap<String, String>,
    /// The value of each series.
    series: BTreeMap<(String, Labels), f64>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Page {
        let body = text.strip_suffix("# EOF\n").expect("the page ends with # EOF and a line feed");
        let mut page = Page { families: BTreeMap::new(), series: BTreeMap::new() };
        let mut family = Family::default();
        let mut helped = BTreeSet::new();
        for line in body.split_terminator('\n') {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut parts = rest.splitn(3, ' ');
                let mut part = || parts.next().unwrap_or_else(|| panic!("a part is missing: {line}"));
                let (word, name, value) = (part(), part(), part());
                if family.name != name {
                    assert!(is_name(name), "{line}");
                    family = Family { name: name.to_owned(), ..Family::default() };
                }
                assert!(!family.has_series, "metadata comes before series: {line}");
                match word {
                    "HELP" => assert!(helped.insert(name.to_owned()) && !value.trim().is_empty(), "{line}"),
                    "TYPE" => {
                        assert!(["counter", "gauge", "histogram"].contains(&value), "{line}");
                        value.clone_into(&mut family.kind);
                        let known = page.families.insert(name.to_owned(), value.to_owned());
                        assert_eq!(known, None, "a family is there once, and in one piece: {line}");
                    }
                    "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                    _ => panic!("no such metadata: {line}"),
                }
                continue;
            }
            family.has_series = true;
            let (name, labels, value) = sample(line);
            let suffix =
                name.strip_prefix(&family.name).unwrap_or_else(|| panic!("of another family: {line}"));
            let fits = match family.kind.as_str() {
                "counter" => suffix == "_total" && value >= 0.0,
                "gauge" => suffix.is_empty(),
                "histogram" => {
                    ["_bucket", "_sum", "_count"].contains(&suffix)
                        && (suffix == "_bucket") == labels.contains_key("le")
                }
                _ => false,
            };
            assert!(fits && value.is_finite(), "{line}");
            let known = page.series.insert((name.to_owned(), labels), value);
            assert_eq!(known, None, "a series is there once: {line}");
        }
        assert!(page.families.keys().all(|name| helped.contains(name)), "each family says what it is");
        page.families
            .iter()
            .filter(|(_, kind)| *kind == "histogram")
            .for_each(|(name, _)| page.check_buckets(name));
        page
    }

    fn check_buckets(&self, name: &str) {
        let mut buckets: Vec<(f64, f64)> = self
            .each(&format!("{name}_bucket"))
            .map(|(labels, count)| (labels["le"].parse().expect("a bound"), count))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "buckets hold those below: {name}");
        let (bound, count) = buckets.last().copied().expect("there are buckets");
        assert_eq!((bound, count), (f64::INFINITY, self.value(&format!("{name}_count"), &[])), "{name}");
    }

    /// Every series of that name.
    pub(crate) fn each<'p>(&'p self, name: &'p str) -> impl Iterator<Item = (&'p Labels, f64)> {
        self.series.iter().filter(move |((of, _), _)| of == name).map(|((_, labels), value)| (labels, *value))
    }

    /// The value of a series that must be there.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let found = self.series.get(&(name.to_owned(), wanted));
        *found.unwrap_or_else(|| panic!("there is no {name} {labels:?}"))
    }

    /// The values of a label.
    pub(crate) fn values(&self, name: &str, label: &str) -> Vec<String> {
        self.each(name).map(|(labels, _)| labels[label].clone()).collect()
    }

    /// All series of that name together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.each(name).map(|(_, value)| value).sum()
    }

    /// The names of all series.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.series.keys().map(|(name, _)| name.as_str()).collect()
    }
}

#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    has_series: bool,
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> (&str, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(key), "{line}");
            let (value, after) = quoted(after, line);
            assert_eq!(labels.insert(key.to_owned(), value), None, "a label is there once: {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
            assert!(after.starts_with([',', '}']), "{line}");
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name, labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

fn quoted<'t>(text: &'t str, line: &str) -> (String, &'t str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('\\' | '"'))) => escaped,
                _ => panic!("no such escape: {line}"),
            }),
            other => value.push(other),
        }
    }
    panic!("a value does not end: {line}")
}

#[test]
fn a_strict_reader_takes_no_page_that_is_wrong() {
    let good =
        "# HELP a_bytes A.\n# TYPE a_bytes gauge\n# UNIT a_bytes bytes\na_bytes{b=\"c\\n\"} 1\n# EOF\n";
    assert_eq!(Page::parse(good).value("a_bytes", &[("b", "c\n")]), 1.0);
    let wrong = [
        good.replace("# EOF\n", ""),
        good.replace("gauge", "counter"),
        good.replace("UNIT a_bytes bytes", "UNIT a_bytes seconds"),
        good.replace("\\n", "\\t"),
        good.replace(" 1\n", " one\n"),
        good.replace("# EOF", "a_bytes{b=\"c\\n\"} 2\n# EOF"),
        good.replace("# HELP a_bytes A.\n", ""),
        good.replace("# EOF", "other 2\n# EOF"),
    ];
    for page in wrong {
        assert!(std::panic::catch_unwind(|| Page::parse(&page)).is_err(), "{page}");
    }
}
