//! Replays `spec/vectors/socketio_sessions.json`: what peers of the reference sent, and what came back, over
//! WebSocket and once more over polling.
//!
//! Ids and offsets are ours, so they are compared by their lengths and by which are the same; frames by their order.

mod application;
#[path = "../../../../tests/support/differences.rs"]
mod differences;
mod own;
mod peer;
mod replay;

use differences::Differences;
use serde_json::Value;

#[tokio::test]
async fn every_session_goes_as_recorded_or_is_listed_as_a_difference() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/socketio_sessions.json");
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    let file: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    let mut differences = Differences::of("socketio_sessions.json");
    for scenario in file["scenarios"].as_array().expect("scenarios") {
        let name = scenario["name"].as_str().expect("a name");
        let over_websocket = replay::replay(scenario, peer::Kind::WebSocket).await;
        let over_polling = replay::replay(scenario, peer::Kind::Polling).await;
        assert_eq!(
            over_websocket.is_ok(),
            over_polling.is_ok(),
            "{name}: {over_websocket:?} {over_polling:?}"
        );
        differences.check(name, over_websocket);
        // What is listed of these is this order; all else is as recorded.
        if let Some(mended) = replay::connect_first(scenario) {
            assert_eq!(replay::replay(&mended, peer::Kind::WebSocket).await, Ok(()), "{name}");
            assert_eq!(replay::replay(&mended, peer::Kind::Polling).await, Ok(()), "{name}");
        }
    }
    assert_eq!(differences.finish(), 70);
}
