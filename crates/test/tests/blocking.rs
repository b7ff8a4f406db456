//! A handler that blocks its thread holds that thread, and nobody who can be served by another.

use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use sockeye::{Reply, Server, Socket, State};
use sockeye_test::{TestServer, Transport};

/// What a blocking handler waits for: long enough that a machine at rest never gets there.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn others_are_served_while_a_handler_blocks_its_thread() {
    let (go_on, waits) = mpsc::channel::<()>();
    let (blocks, is_blocked) = tokio::sync::oneshot::channel::<()>();
    let waits = std::sync::Arc::new(Mutex::new((Some(waits), Some(blocks))));
    let server = Server::builder().state(waits).build();
    type Waits =
        std::sync::Arc<Mutex<(Option<mpsc::Receiver<()>>, Option<tokio::sync::oneshot::Sender<()>>)>>;
    server.on_connect(async |socket: Socket| {
        socket.on("block", async |State(waits): State<Waits>| {
            let (receiver, blocks) = {
                let mut waits = waits.lock();
                (waits.0.take().expect("once"), waits.1.take().expect("once"))
            };
            blocks.send(()).expect("the test waits");
            // As bad code does: the thread stands still.
            Reply(receiver.recv_timeout(LONG).is_ok())
        });
        socket.on("echo", async |n: u32| Reply(n));
    });
    let kit = TestServer::new(&server);
    let (blocker, other) = (kit.connect("/").await.unwrap(), kit.connect("/").await.unwrap());
    let polling = kit.client().transport(Transport::Polling).connect().await.unwrap();
    let blocked = blocker.emit_with_ack::<bool>("block", ());
    is_blocked.await.expect("the handler runs");
    for n in 0..100 {
        assert_eq!(other.emit_with_ack::<u32>("echo", n).await, Ok(n));
        assert_eq!(polling.emit_with_ack::<u32>("echo", n).await, Ok(n));
    }
    assert_eq!(kit.connect("/").await.unwrap().emit_with_ack::<u32>("echo", 7).await, Ok(7), "and new ones");
    go_on.send(()).expect("the handler still waits");
    assert_eq!(blocked.await, Ok(true));
}
