//! What `COMPATIBILITY.md` says of the engine, where no other test shows it.

mod support;

use sockeye_engine::options::Options;
use support::Server;
use support::http::{Client, POLLING, once};
use support::websocket::UPGRADE;
use support::world::{World, sid};

#[tokio::test]
async fn an_upgrade_outside_of_the_path_is_answered_404_at_once() {
    let server = Server::start(Options::default());
    let answer = once(server.address, "GET", "/other/?EIO=4&transport=websocket", UPGRADE, b"").await;
    assert_eq!(answer.status, 404);
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.request("GET", "/other/", UPGRADE, b"").await.status, 404);
    assert!(server.engine.sessions().is_empty());
}

#[test]
fn a_polling_answer_carries_as_many_packets_as_the_option_says() {
    for (limit, expected) in [(None, [16, 4]), (Some(15), [15, 5])] {
        let mut options = Options::default();
        options.max_packets = limit.unwrap_or(options.max_packets);
        let world = World::new(options);
        let target = format!("{POLLING}&sid={}", sid(&world.get(POLLING).body().expect("an answer")));
        (0..20).for_each(|number| world.send(&number.to_string()));
        let taken = expected.map(|_| world.get(&target).body().expect("an answer"));
        assert_eq!(taken.each_ref().map(|body| body.split('\u{1e}').count()), expected);
        let numbers = (0..20).map(|number| format!("4{number}")).collect::<Vec<_>>().join("\u{1e}");
        assert_eq!(taken.join("\u{1e}"), numbers);
    }
}
