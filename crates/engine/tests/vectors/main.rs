//! Replays `spec/vectors/engine_http.json` over real TCP: what the original server answered, byte for byte
//! where the protocol says so.
//!
//! The recorded steps are played by [`replay`]; what the application did between them, which the recording does
//! not show, stands in [`script`].

#[path = "../../../../tests/support/differences.rs"]
mod differences;
mod replay;
mod script;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value as Json;

use crate::differences::Differences;
use crate::replay::Scenario;

const FILE: &str = "engine_http.json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_goes_as_with_the_original_or_is_listed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/engine_http.json");
    let text = std::fs::read_to_string(path).expect("the vectors");
    let vectors: Json = serde_json::from_str(&text).expect("JSON");
    let scenarios = vectors["scenarios"].as_array().expect("scenarios").clone();
    let only = std::env::var("SCENARIO").ok();
    // They wait more than they work, so all run at once, each against a server of its own.
    let running: Vec<_> = scenarios
        .into_iter()
        .filter(|scenario| only.as_ref().is_none_or(|only| scenario["name"] == **only))
        .map(|scenario| {
            let name = scenario["name"].as_str().expect("a name").to_owned();
            (name, tokio::spawn(Scenario::replay(scenario)))
        })
        .collect();
    let mut differences = Differences::of(FILE);
    for (name, outcome) in running {
        differences.check(&name, outcome.await.expect("a scenario that ends"));
    }
    assert_eq!(differences.finish(), 130);
}
