//! Servers whose packets are not in the default format, with all that they may carry: MessagePack, and a format of the
//! application's own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sockeye::engine::proto::frame::Frame;
use sockeye::engine::proto::packet::Message;
use sockeye::proto::assembly::Incoming;
use sockeye::proto::error::{DecodeError, EncodeError};
use sockeye::proto::limits::Limits;
use sockeye::proto::packet::{Kind, Packet};
use sockeye::proto::parser::Parser;
use sockeye::{
    Args, Auth, Binary, Builder, EmitError, EventName, MessagePack, Recovery, Refusal, Reply, Server, Socket,
    State, Value,
};
use sockeye_test::{Client, ConnectError, TestServer, Transport};
use tokio::sync::mpsc;

/// Each packet is one object of JSON, as text; bytes are arrays of numbers.
#[derive(Debug)]
struct OneObject;

#[derive(Deserialize, Serialize)]
struct Parts<P> {
    kind: u8,
    namespace: String,
    id: Option<u64>,
    payload: Option<P>,
}

impl Parser for OneObject {
    fn decode(&self, message: Message<'_>, limits: &Limits) -> Result<Incoming<'static>, DecodeError> {
        let Message::Text(text) = message else { return Err(DecodeError::Format { expected: "text" }) };
        let parts: Parts<serde_json::Value> =
            serde_json::from_str(text).map_err(|_| DecodeError::Format { expected: "an object of JSON" })?;
        let kind = Kind::from_number(parts.kind)
            .ok_or(DecodeError::Part { part: "packet type", expected: "a number from 0 to 4" })?;
        Incoming::new(kind, &parts.namespace, parts.id, parts.payload.as_ref(), limits)
    }

    fn encode(&self, packet: &Packet<'_>) -> Result<Frame, EncodeError> {
        let parts = Parts {
            kind: packet.kind().number(),
            namespace: packet.namespace().to_owned(),
            id: packet.id(),
            payload: packet.payload_value(),
        };
        let text = serde_json::to_string(&parts)
            .map_err(|error| EncodeError::Argument { message: error.to_string() })?;
        Ok(Frame::message(Message::Text(&text)))
    }
}

type Told = mpsc::UnboundedSender<String>;

fn server(builder: Builder, told: Told) -> Server {
    let server = builder.state(told).build();
    server.on_connect(async |socket: Socket, Auth(auth): Auth<Value>| {
        socket.on("echo", async |args: Args| Reply(args));
        socket.on("all", async |server: Server, args: Args| server.emit("all", args));
        socket.on("ask", async |socket: Socket, args: Args| {
            let answer: Args = socket.emit_with_ack("question", args).await?;
            Ok(Reply(answer))
        });
        socket.on("deep", async |socket: Socket| {
            let mut deep = Value::Null;
            for _ in 0..600 {
                deep = Value::Array(vec![deep]);
            }
            Reply(matches!(socket.emit("deep", (deep,)).result(), Err(EmitError::Encode(_))))
        });
        socket.on("leave", async |socket: Socket| socket.disconnect(false));
        socket.on_any_outgoing(async |State(told): State<Told>, EventName(name): EventName, args: Args| {
            told.send(format!("{name} {}", args.arguments().raw()))?;
            Ok(())
        });
        socket.on_deduplicated("once", async |key: String, text: String| Reply(format!("{key} {text}")));
        socket.emit("auth", auth);
    });
    server.of("/closed").with(async || Err(Refusal::new("closed").with_data(["since", "today"])));
    server
}

/// Runs a test with each parser, over each technique.
async fn each(
    change: fn(Builder) -> Builder,
    test: impl AsyncFn(&TestServer, Client, &mut mpsc::UnboundedReceiver<String>),
) {
    let parsers: [fn(Builder) -> Builder; 2] =
        [|builder| builder.parser(MessagePack), |builder| builder.parser(OneObject)];
    for parser in parsers {
        for transport in Transport::ALL {
            let (told, mut hears) = mpsc::unbounded_channel();
            let kit = TestServer::new(server(change(parser(Server::builder())), told));
            let auth = serde_json::json!({ "token": "t", "number": 1.5 });
            let client = kit.client().transport(transport).auth(auth).connect().await;
            let mut client = client.expect("it may come in");
            assert_eq!(client.expect::<BTreeMap<String, Value>>("auth").await["number"], Value::from(1.5));
            assert_eq!(hears.recv().await.as_deref(), Some(r#"auth {"number":1.5,"token":"t"}"#));
            test(&kit, client, &mut hears).await;
        }
    }
}

fn as_they_are(builder: Builder) -> Builder {
    builder
}

#[tokio::test(start_paused = true)]
async fn values_come_back_as_they_went() {
    each(as_they_are, async |_, client, _| {
        let values = [
            Value::Null,
            Value::from(true),
            Value::from(0_u64),
            Value::from(-1_i64),
            Value::from(u64::MAX),
            Value::from(i64::MIN),
            Value::from(0.1),
            Value::from("日本 😀 \u{0}\u{1e}"),
            Value::Array(vec![]),
            Value::Object(vec![("_placeholder".to_owned(), true.into()), ("num".to_owned(), 0_u64.into())]),
            Value::Object(vec![("".to_owned(), Value::Array(vec![Value::Null, 1_u64.into()]))]),
        ];
        for value in values {
            assert_eq!(client.emit_with_ack::<Value>("echo", (&value,)).await, Ok(value));
        }
        let several = client.emit_with_ack::<(u8, String, Vec<u8>)>("echo", (1, "two", vec![3])).await;
        assert_eq!(several, Ok((1, "two".to_owned(), vec![3])));
        assert_eq!(client.emit_with_ack::<()>("echo", ()).await, Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn bytes_come_back_as_they_went_and_may_be_many() {
    each(as_they_are, async |_, client, _| {
        let many: Vec<Binary> = (0..100).map(|byte| Binary(vec![byte; 20])).collect();
        assert_eq!(client.emit_with_ack::<Vec<Binary>>("echo", (&many,)).await, Ok(many));
        let deep = BTreeMap::from([("a", vec![Binary(vec![1, 2, 3])])]);
        let came = client.emit_with_ack::<BTreeMap<String, Vec<Binary>>>("echo", (&deep,)).await;
        assert_eq!(came.expect("an answer")["a"], deep["a"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn questions_broadcasts_and_listeners_work_as_in_the_default_format() {
    each(as_they_are, async |kit, mut client, hears| {
        let mut other = kit.connect("/").await.expect("it may come in");
        client.emit("all", ("x", 1));
        for client in [&mut client, &mut other] {
            assert_eq!(client.expect::<(String, u8)>("all").await, ("x".to_owned(), 1));
        }
        let asked = client.emit_with_ack::<(String, u8)>("ask", "why?");
        let (question, ack) = client.expect_with_ack::<String>("question").await;
        assert_eq!(question, "why?");
        ack.send(("because", 2));
        assert_eq!(asked.await, Ok(("because".to_owned(), 2)));
        kit.settle().await;
        let mut told = Vec::new();
        while let Ok(one) = hears.try_recv() {
            told.push(one);
        }
        assert_eq!(told, ["auth {}", r#"all "x",1"#, r#"all "x",1"#, r#"question "why?""#]);
        for _ in 0..2 {
            assert_eq!(client.emit_with_ack::<String>("once", ("k", "done")).await.as_deref(), Ok("k done"));
        }
        assert_eq!(client.emit_with_ack::<bool>("deep", ()).await, Ok(true), "no parser can say that");
        client.emit("leave", ());
        assert_eq!(client.disconnected().await, "io server disconnect");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_hears_why() {
    each(as_they_are, async |_, client, _| {
        let refused = client.connect("/closed").await.expect_err("it is closed");
        let ConnectError::Refused { message, data, .. } = &refused else { panic!("{refused}") };
        assert_eq!(message.as_deref(), Some("closed"));
        assert_eq!(*data, Some(Value::Array(vec!["since".into(), "today".into()])));
        let refused = client.connect("/nowhere").await.expect_err("it is nowhere");
        assert!(refused.to_string().contains("Invalid namespace"), "{refused}");
        assert_eq!(client.emit_with_ack::<u8>("echo", 1).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_parser_cannot_read_closes_the_connection_and_no_other() {
    each(as_they_are, async |kit, mut client, _| {
        let other = kit.connect("/").await.expect("it may come in");
        let (text, binary) = (r#"2["echo",1]"#, &b"\xc1"[..]);
        client.send_raw(&format!("4{text}"));
        client.send_raw_binary(binary);
        client.disconnected().await;
        assert_eq!(other.emit_with_ack::<u8>("echo", 1).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_connections_are_recovered_events_carry_their_number() {
    let recovering = |builder: Builder| builder.connection_state_recovery(Recovery::default());
    let parsers: [fn(Builder) -> Builder; 2] =
        [|builder| builder.parser(MessagePack), |builder| builder.parser(OneObject)];
    for parser in parsers {
        let (told, _hears) = mpsc::unbounded_channel();
        let server = server(recovering(parser(Server::builder())), told);
        let kit = TestServer::new(&server);
        let mut client = kit.connect("/").await.expect("it may come in");
        let (_, first): (Value, String) = client.expect("auth").await;
        server.emit("all", ("x", Binary(vec![1])));
        let (text, bytes, second): (String, Binary, String) = client.expect("all").await;
        assert_eq!((text.as_str(), &*bytes), ("x", &[1][..]));
        assert!(first.len() == 5 && second > first, "{first} {second}");
        kit.advance(Duration::from_secs(1)).await;
    }
}
