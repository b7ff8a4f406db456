//! What a client does, on every technique.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use sockeye::engine::gate::AllowRequest;
use sockeye::{Args, Auth, Binary, DisconnectReason, Refusal, Reply, Server, Socket, State, Value};
use sockeye_test::{AckError, Client, ConnectError, TestServer, Transport};
use tokio::sync::mpsc;

type Told = mpsc::UnboundedSender<String>;

/// A server that answers, repeats, asks, and tells who has gone.
fn server(told: Told) -> Server {
    let server = Server::builder().state(told).build();
    let everywhere = async |socket: Socket| {
        socket.on("echo", async |socket: Socket, arguments: Args| socket.emit("echo", arguments));
        socket.on("add", async |a: u32, b: u32| Reply(a + b));
        socket.on("both", async |first: Value, second: Value| Reply((first, second)));
        socket.on("ask", async |socket: Socket, text: String| {
            let answer: Args = socket.emit_with_ack("question", text).await?;
            Ok(Reply(format!("{} {}", answer.get::<String>(0)?, answer.get::<u32>(1)?)))
        });
        socket.on("never", async || std::future::pending::<()>().await);
        socket.on("leave me", async |socket: Socket| socket.disconnect(false));
        socket.on("close", async |socket: Socket| socket.disconnect(true));
        socket.on_disconnect(async |socket: Socket, State(told): State<Told>, reason: DisconnectReason| {
            told.send(format!("{} {reason}", socket.namespace()))?;
            Ok(())
        });
    };
    server.of("/").on_connect(everywhere);
    server.of("/chat").on_connect(everywhere);
    server
}

async fn each(test: impl AsyncFn(TestServer, Client, &mut mpsc::UnboundedReceiver<String>)) {
    for transport in Transport::ALL {
        println!("over {transport}");
        let (told, mut hears) = mpsc::unbounded_channel();
        let kit = TestServer::new(server(told));
        let client = kit.client().transport(transport).connect().await.expect("it may come in");
        assert_eq!(client.transport(), transport);
        test(kit, client, &mut hears).await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_go_and_come_in_order_with_all_their_arguments() {
    each(async |_, mut client, _| {
        client.emit("echo", ("a", 1));
        client.emit("echo", ());
        client.emit("echo", (vec![1, 2],));
        client.emit("echo", "b");
        assert_eq!(client.expect::<(String, u32)>("echo").await, ("a".to_owned(), 1));
        let event = client.next_event().await;
        assert_eq!((event.name().as_str(), event.asks_for_ack()), ("echo", false));
        assert_eq!(event.try_arguments::<()>(), Ok(()));
        assert_eq!(client.expect::<Vec<u32>>("echo").await, [1, 2]);
        assert_eq!(client.expect::<String>("echo").await, "b");
        client.expect_nothing().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn bytes_go_and_come_as_attachments() {
    each(async |_, mut client, _| {
        let large = Binary(vec![7; 300_000]);
        let map = BTreeMap::from([("picture", Binary(vec![1, 2, 3]))]);
        client.emit("echo", (&large, "between", &map));
        let (first, text, second): (Binary, String, BTreeMap<String, Binary>) = client.expect("echo").await;
        assert_eq!((&first, text.as_str()), (&large, "between"));
        assert_eq!(*second["picture"], [1, 2, 3]);
        let answer = client.emit_with_ack::<(Binary, Binary)>("both", (&large, &map["picture"]));
        assert_eq!(answer.await.expect("an answer"), (large, map["picture"].clone()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn both_sides_may_ask_for_acknowledgements() {
    each(async |_, mut client, _| {
        assert_eq!(client.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
        let answer = client.emit_with_ack::<String>("ask", "how many?");
        let (question, ack) = client.expect_with_ack::<String>("question").await;
        assert_eq!(question, "how many?");
        ack.send(("some", 7));
        assert_eq!(answer.await.as_deref(), Ok("some 7"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_does_not_come_is_an_error() {
    each(async |_, mut client, _| {
        let error = client.emit_with_ack::<u32>("never", ()).await.expect_err("it never answers");
        assert!(matches!(error, AckError::TimedOut { .. }), "{error}");
        let answer = client.emit_with_ack::<u32>("never", ());
        client.disconnect();
        let error = answer.await.expect_err("it is gone");
        assert_eq!(error.to_string(), "disconnected before \"never\" was acknowledged: io client disconnect");
        assert_eq!(client.disconnected().await, "io client disconnect");
    })
    .await;
    each(async |_, client, _| {
        let error = client.emit_with_ack::<String>("add", (1, 2)).await.expect_err("it is a number");
        assert!(error.to_string().ends_with("; it was [3]"), "{error}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_connection_carries_several_namespaces() {
    each(async |kit, mut client, hears| {
        let mut chat = client.connect("/chat").await.expect("it may come in");
        assert_ne!(chat.id(), client.id());
        chat.emit("echo", "in the chat");
        client.emit("echo", "outside");
        assert_eq!(chat.expect::<String>("echo").await, "in the chat");
        assert_eq!(client.expect::<String>("echo").await, "outside");
        client.disconnect().await;
        assert_eq!(hears.recv().await.as_deref(), Some("/ client namespace disconnect"));
        assert_eq!(client.disconnected().await, "io client disconnect");
        assert!(chat.is_connected() && !client.is_connected());
        assert_eq!(chat.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
        let again = chat.connect("/").await.expect("it may come back");
        assert_ne!(again.id(), client.id());
        kit.settle().await;
        assert!(hears.try_recv().is_err(), "nobody else has gone");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_ends_with_its_last_namespace() {
    each(async |kit, client, hears| {
        let chat = client.connect("/chat").await.expect("it may come in");
        client.disconnect();
        chat.disconnect().await;
        assert_eq!(hears.recv().await.as_deref(), Some("/ client namespace disconnect"));
        assert_eq!(hears.recv().await.as_deref(), Some("/chat client namespace disconnect"));
        kit.settle().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_disconnects_one_namespace_or_all() {
    each(async |_, mut client, hears| {
        let mut chat = client.connect("/chat").await.expect("it may come in");
        chat.emit("leave me", ());
        assert_eq!(chat.disconnected().await, "io server disconnect");
        assert!(client.is_connected());
        client.emit("close", ());
        assert_eq!(client.disconnected().await, "io server disconnect");
        assert_eq!(hears.recv().await.as_deref(), Some("/chat server namespace disconnect"));
        assert_eq!(hears.recv().await.as_deref(), Some("/ server namespace disconnect"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_ends_connections() {
    for transport in Transport::ALL {
        let server = Server::new();
        let kit = TestServer::new(&server);
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        server.emit("last words", ());
        server.close();
        assert!(["transport close", "transport error"].contains(&client.disconnected().await.as_str()));
        // A server that goes down keeps nothing for polls to come.
        if transport != Transport::ShortPolling {
            client.expect::<()>("last words").await;
        }
        assert_eq!(server.counters().sessions, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_is_noticed_as_a_network_would_let_it() {
    each(async |kit, mut client, hears| {
        client.cut();
        assert_eq!(client.disconnected().await, "transport close");
        let reason = match client.transport() {
            Transport::Polling => "/ transport error",
            Transport::WebSocket => "/ transport close",
            Transport::Sse => {
                kit.settle().await;
                assert!(hears.try_recv().is_err(), "a stream may come back");
                kit.advance(std::time::Duration::from_secs(16)).await;
                "/ transport close"
            }
            // Nothing is open that could break: the server finds out by its ping.
            Transport::ShortPolling => {
                kit.advance(std::time::Duration::from_secs(46)).await;
                "/ ping timeout"
            }
        };
        assert_eq!(hears.try_recv().as_deref(), Ok(reason));
        let again = kit.connect("/").await.expect("it may come back");
        assert_eq!(again.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_is_gone() {
    each(async |kit, client, hears| {
        let chat = client.connect("/chat").await.expect("it may come in");
        drop(client);
        kit.settle().await;
        assert!(hears.try_recv().is_err(), "the other holds the connection");
        drop(chat);
        kit.advance(std::time::Duration::from_secs(46)).await;
        assert!(hears.try_recv().is_ok() && hears.try_recv().is_ok());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn clients_may_live_in_tasks_of_their_own() {
    each(async |kit, client, _| {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..10 {
            let kit = kit.clone();
            let transport = client.transport();
            tasks.spawn(async move {
                let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
                client.emit("echo", number).await;
                assert_eq!(client.expect::<u32>("echo").await, number);
                client.emit_with_ack::<u32>("add", (number, 1)).await.expect("an answer")
            });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<u32>(), 55);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn bad_input_can_be_sent_and_closes_the_connection() {
    each(async |kit, mut client, hears| {
        client.send_raw("42[\"echo\",1]");
        assert_eq!(client.expect::<u32>("echo").await, 1);
        client.send_raw("451-[\"echo\",{\"_placeholder\":true,\"num\":0}]");
        client.send_raw_binary(b"bytes");
        assert_eq!(*client.expect::<Binary>("echo").await, b"bytes"[..]);
        client.send_raw("42[\"echo\"");
        assert_eq!(client.disconnected().await, "transport close");
        kit.settle().await;
        let heard = hears.try_recv().expect("it is told");
        assert!(["/ forced close", "/ forced server close"].contains(&heard.as_str()), "{heard}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_values() {
    #[derive(Deserialize)]
    struct Login {
        token: u32,
    }
    let server = Server::new();
    server.of("/staff").with(async |Auth(login): Auth<Login>| match login.token {
        1 => Ok(()),
        token => Err(Refusal::new("unknown token").with_data(u64::from(token))),
    });
    let kit = TestServer::new(server);
    for transport in Transport::ALL {
        let staff = kit.client().transport(transport).namespace("staff");
        let error = staff.clone().auth(json!({ "token": 2 })).connect().await.expect_err("unknown");
        assert_eq!((error.message(), error.data()), (Some("unknown token"), Some(2u32)));
        assert_eq!(error.to_string(), "/staff refused: unknown token");
        let client = staff.auth(json!({ "token": 1 })).connect().await.expect("it may come in");
        assert_eq!(client.namespace(), "/staff");
        let error = client.connect("/nowhere").await.expect_err("there is none");
        assert_eq!(error.message(), Some("Invalid namespace"));
        let other = client.connect_with("/", json!({ "token": 3 })).await.expect("a connection goes on");
        assert!(other.is_connected());
    }
}

#[tokio::test(start_paused = true)]
async fn requests_say_what_the_test_wants_and_a_gate_may_refuse_them() {
    let gate = AllowRequest::new(|request| {
        Box::pin(async move {
            if request.headers.contains_key("authorization") { Ok(()) } else { Err("no".into()) }
        })
    });
    let server = Server::builder().path("/live").allow_request(gate).build();
    server.on_connect(async |socket: Socket| {
        let handshake = socket.handshake().expect("kept by default");
        let address = handshake.address().map(|address| address.to_string());
        socket.emit("you", (handshake.query_value("q"), handshake.header("authorization"), address));
    });
    let kit = TestServer::new(server);
    for transport in Transport::ALL {
        let error = kit.client().transport(transport).connect().await.expect_err("the gate says no");
        assert!(matches!(&error, ConnectError::Status { body, .. } if body.contains("no")), "{error}");
        let client = kit.client().transport(transport).query("q", "a&b ü").header("authorization", "me");
        let client = client.address("10.0.0.1:99".parse().expect("an address")).connect().await;
        let (query, header, address): (String, String, String) =
            client.expect("the gate says yes").expect("you").await;
        assert_eq!((query.as_str(), header.as_str(), address.as_str()), ("a&b ü", "me", "10.0.0.1:99"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_moves_to_a_websocket_and_loses_nothing() {
    for transport in [Transport::Polling, Transport::ShortPolling, Transport::Sse] {
        let server = Server::new();
        let kit = TestServer::new(&server);
        let mut client = kit.client().transport(transport).connect().await.expect("it may come in");
        server.emit("count", 1);
        let counting = async {
            for number in 2..50 {
                server.emit("count", number);
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let (upgraded, ()) = tokio::join!(client.upgrade(), counting);
        upgraded.expect("it may move");
        assert_eq!(client.transport(), Transport::WebSocket);
        for number in 1..50 {
            assert_eq!(client.expect::<u32>("count").await, number, "from {transport}");
        }
        assert_eq!(server.counters().upgraded, 1);
        let error = client.upgrade().await.expect_err("it is there");
        assert!(matches!(error, ConnectError::NotUnderstood(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_that_the_server_refuses_leaves_the_client_where_it_is() {
    let server = Server::builder().transports([sockeye::Wire::Polling]).build();
    server.on_connect(async |socket: Socket| {
        socket.on("add", async |a: u32, b: u32| Reply(a + b));
    });
    let kit = TestServer::new(server);
    let mut client = kit.client().transport(Transport::Polling).connect().await.expect("it may come in");
    assert!(matches!(client.upgrade().await, Err(ConnectError::Status { .. })));
    assert_eq!(client.transport(), Transport::Polling);
    assert_eq!(client.emit_with_ack::<u32>("add", (1, 2)).await, Ok(3));
}
