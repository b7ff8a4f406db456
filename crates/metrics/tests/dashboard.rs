//! The dashboard and the page for operators name what is exported, and all of it.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use support::page::Page;
use support::peer::World;
use support::scrape;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("the repository has it")
}

/// Every series of a server.
fn exported() -> Page {
    scrape(&World::new(|builder| builder).server)
}

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("sockeye_") || word.starts_with("process_")).collect()
}

/// What panels ask for: expressions, wherever they stand.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if ["expr", "definition", "query"].contains(&key.as_str()) => {
                        found.push(text.clone());
                    }
                    other => queries(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read("docs/grafana/sockeye.json")).expect("the dashboard is JSON")
}

#[test]
fn every_metric_of_the_dashboard_is_exported_with_the_labels_it_asks_for() {
    let (page, dashboard) = (exported(), dashboard());
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    let exported = page.names();
    let asked: BTreeSet<&str> = found.iter().flat_map(|query| names(query)).collect();
    assert!(asked.len() > 25, "{asked:?}");
    if cfg!(target_os = "linux") {
        let unknown: Vec<_> = asked.difference(&exported).collect();
        assert!(unknown.is_empty(), "the dashboard asks for {unknown:?}");
    }
    for query in &found {
        let Some((_, rest)) = query.split_once("sum by (") else { continue };
        let (labels, rest) = rest.split_once(')').expect("it ends");
        let name = names(rest).into_iter().next().expect("a metric");
        let (known, _) = page.each(name).next().expect("it is exported");
        for label in labels.split(", ") {
            assert!(known.contains_key(label), "{name} has no label {label}");
        }
    }
}

#[test]
fn the_dashboard_can_be_imported_and_shows_what_operators_ask_for() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null() && dashboard["uid"].is_string() && dashboard["title"] == "Sockeye");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    assert!(
        variables.iter().any(|variable| variable["type"] == "datasource" && variable["name"] == "datasource")
    );
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut places = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "ids are there once");
        let place = &panel["gridPos"];
        assert!(
            places.insert((place["y"].as_u64(), place["x"].as_u64())),
            "panels do not lie on each other: {panel}"
        );
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(
            !targets.is_empty()
                && targets.iter().all(|target| target["datasource"]["uid"] == "${datasource}")
        );
    }
    // Each family of ours is in some panel.
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    let asked: BTreeSet<&str> = found.iter().flat_map(|query| names(query)).collect();
    for family in exported().families.keys() {
        assert!(asked.iter().any(|name| name.starts_with(family.as_str())), "no panel shows {family}");
    }
}

#[test]
fn the_page_for_operators_lists_every_metric_and_no_other() {
    let (page, operations) = (exported(), read("docs/operations.md"));
    let rows: BTreeSet<&str> =
        operations.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let series = page.names();
    let listed: BTreeSet<&str> = names(&operations);
    let family = |name: &str| name.strip_suffix("_total").unwrap_or(name).to_owned();
    for (name, kind) in &page.families {
        let written = if kind == "counter" { format!("{name}_total") } else { name.clone() };
        assert!(rows.contains(written.as_str()), "docs/operations.md has no row of {written}");
    }
    if cfg!(target_os = "linux") {
        for name in listed {
            let is_known = series.contains(name) || page.families.contains_key(&family(name));
            assert!(is_known, "docs/operations.md speaks of {name}");
        }
    }
    // Labels, too.
    for name in series.iter().filter(|name| !name.ends_with("_bucket")) {
        let (labels, _) = page.each(name).next().expect("a series");
        let row = operations.lines().find(|line| line.starts_with(&format!("| `{name}`")));
        for label in labels.keys() {
            assert!(row.is_some_and(|row| row.contains(&format!("`{label}`"))), "{name}: {label}");
        }
    }
}
