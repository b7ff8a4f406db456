//! What an expectation that fails says.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sockeye::{Server, Socket};
use sockeye_test::{Client, TestServer};

fn server() -> Server {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        socket.on("talk", async |socket: Socket| {
            socket.emit("said", ("lobby", 1));
            socket.emit("typing", ());
        });
        socket.on("age", async |_age: u8| {});
        socket.on("close", async |socket: Socket| socket.disconnect(true));
        socket.on("panic", async || {
            if true {
                panic!("on purpose")
            }
        });
    });
    server
}

async fn client() -> Client {
    TestServer::new(server()).connect("/").await.expect("it may come in")
}

/// The words of a panic.
async fn words<T>(test: impl Future<Output = T>) -> String {
    let mut test = pin!(test);
    let ended = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| test.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(_)) => Poll::Ready(None),
            Err(words) => Poll::Ready(Some(words)),
        }
    })
    .await;
    let words = ended.expect("it fails");
    let text = words.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| (*words.downcast_ref::<&str>().expect("words")).to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_event_that_did_not_come_is_missed_with_what_came_instead() {
    let mut client = client().await;
    client.emit("talk", ());
    client.emit("nobody", ());
    client.emit("age", "old");
    client.emit("age", "older");
    client.emit("panic", ());
    let line = line!() + 1;
    let said = words(client.expect::<String>("message")).await;
    let expected = format!(
        "expected the event \"message\" within 5s, and it did not come\n  at {}:{line}:29\n  {client:?}\n  \
         unread:\n    \"said\" [\"lobby\",1]\n    \"typing\" []\n  \
         meanwhile on the server:\n    1 × an event that no handler takes\n    \
         2 × arguments that the handler does not take\n    1 × a handler that panicked\n",
        file!()
    );
    assert_eq!(said, expected);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_disconnected_says_so_instead_of_waiting() {
    let mut client = client().await;
    let start = tokio::time::Instant::now();
    client.emit("close", ());
    let said = words(client.next_event()).await;
    assert!(
        said.starts_with("expected an event, but the socket disconnected: io server disconnect\n"),
        "{said}"
    );
    assert!(said.contains("\n  unread: nothing\n"), "{said}");
    assert_eq!(start.elapsed(), Duration::ZERO);
    let said = words(async { client.emit("talk", ()).await }).await;
    assert!(said.starts_with("\"talk\" cannot be sent: Client("), "{said}");
    assert!(said.ends_with(" is disconnected: io server disconnect"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn arguments_of_another_type_are_shown() {
    let mut client = client().await;
    client.emit("talk", ());
    let said = words(client.expect::<(u32, u32)>("said")).await;
    assert!(said.starts_with("expected that \"said\" [\"lobby\",1] is read as (u32, u32), but "), "{said}");
    let said = words(client.expect_with_ack::<()>("typing")).await;
    assert!(said.starts_with("expected that \"typing\" [] asks for an acknowledgement"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn something_where_nothing_was_expected_is_shown() {
    let mut client = client().await;
    client.emit("talk", ());
    let said = words(client.expect_nothing()).await;
    assert!(said.starts_with("expected nothing, and something came\n"), "{said}");
    assert!(said.contains("\"said\" [\"lobby\",1]"), "{said}");
    let said = words(client.expect_no("typing")).await;
    assert!(said.starts_with("expected no event \"typing\", and one came\n"), "{said}");
    client.expect_no("other").await;
    let said = words(client.disconnected()).await;
    assert!(said.starts_with("expected a disconnect within 5s, and it is connected\n"), "{said}");
}
