//! Which crate may use which: arrows point down.

use std::{io, path::Path};

use serde_json::Value;

use crate::repository;

/// Each crate's floor. A crate uses crates of lower floors only, in its library as in its programs; tests may look up.
const FLOORS: &[(&str, u8)] = &[
    ("sockeye-websocket", 1),
    ("sockeye-runtime", 1),
    ("sockeye-macros", 1),
    ("sockeye-engine-proto", 2),
    ("sockeye-socket-proto", 3),
    ("sockeye-engine", 3),
    ("sockeye-adapter", 4),
    ("sockeye-server", 5),
    ("sockeye-load", 5),
    ("sockeye-contract", 6),
    ("sockeye-metrics", 6),
    ("sockeye", 7),
    ("sockeye-test", 8),
    ("sockeye-cli", 8),
    ("sockeye-examples", 8),
    ("sockeye-fuzz", 8),
    ("xtask", 9),
];

/// What points up, sideways, or stands on no floor.
pub(super) fn faults(_root: &Path) -> io::Result<Vec<String>> {
    let metadata = repository::cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !metadata.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&metadata.stderr).into_owned()));
    }
    let metadata: Value = serde_json::from_slice(&metadata.stdout).map_err(io::Error::other)?;
    Ok(upward(&metadata))
}

fn upward(metadata: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = text(package, "name");
        let Some(floor) = floor(&name) else {
            faults.push(format!("{name} stands on no floor"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = text(dependency, "name");
            if dependency["kind"] != "dev"
                && let Some(below) = self::floor(&other)
                && below >= floor
            {
                faults.push(format!("{name} (floor {floor}) uses {other} (floor {below})"));
            }
        }
    }
    faults
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(of, _)| *of == name).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::upward;
    use serde_json::json;

    #[test]
    fn a_dependency_that_points_up_is_a_fault_and_one_of_tests_is_not() {
        let package = |kind| {
            json!({ "packages": [{ "name": "sockeye-engine", "dependencies": [
            { "name": "sockeye-engine-proto", "kind": null }, { "name": "sockeye-server", "kind": kind } ] }] })
        };
        assert_eq!(upward(&package(json!(null))), ["sockeye-engine (floor 3) uses sockeye-server (floor 5)"]);
        assert!(upward(&package(json!("dev"))).is_empty());
    }

    #[test]
    fn a_crate_without_a_floor_is_a_fault() {
        let metadata = json!({ "packages": [{ "name": "sockeye-new", "dependencies": [] }] });
        assert_eq!(upward(&metadata), ["sockeye-new stands on no floor"]);
    }
}
