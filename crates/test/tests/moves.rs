//! What a server tells its sockets of moves, and what it compresses: seen by clients in the same process.

use std::sync::Arc;

use parking_lot::Mutex;
use sockeye::{Server, Socket, State, Wire};
use sockeye_test::{TestServer, Transport};

type Notes = Arc<Mutex<Vec<String>>>;

#[tokio::test(start_paused = true)]
async fn sockets_are_told_of_moves_and_lose_nothing() {
    let notes = Notes::default();
    let server = Server::builder().state(notes.clone()).build();
    for name in ["/", "/two"] {
        server.of(name).on_connect(async |socket: Socket, at: Wire, State(notes): State<Notes>| {
            notes.lock().push(format!("{} over {at}", socket.namespace()));
            socket.on_upgrading(async |socket: Socket, to: Wire, State(notes): State<Notes>| {
                notes.lock().push(format!("{} from {} to {to}", socket.namespace(), socket.transport()));
            });
            socket.on_upgrade(async |socket: Socket, State(notes): State<Notes>| {
                notes.lock().push(format!("{} on {}", socket.namespace(), socket.conn().transport()));
                socket.emit("moved", ());
            });
        });
    }
    let kit = TestServer::new(&server);
    let mut client = kit.client().transport(Transport::Polling).connect().await.expect("it joins");
    let mut two = client.connect("/two").await.expect("it joins");
    client.upgrade().await.expect("it moves");
    client.expect::<()>("moved").await;
    two.expect::<()>("moved").await;
    assert_eq!(
        *notes.lock(),
        [
            "/ over polling",
            "/two over polling",
            "/ from polling to websocket",
            "/two from polling to websocket",
            "/ on websocket",
            "/two on websocket",
        ]
    );
}
