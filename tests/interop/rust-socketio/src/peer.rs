//! The crate's two clients behind one face, so that each case is written once.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use rust_socketio::{ClientBuilder, Event, Payload, TransportType, asynchronous, client};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// What anything may take that is not about time itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where it is known not to come.
const IMPATIENCE: Duration = Duration::from_secs(2);

static IMPATIENT: AtomicBool = AtomicBool::new(false);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts")
});

/// Makes the case that runs fail soon.
pub fn be_impatient() {
    IMPATIENT.store(true, Ordering::Relaxed);
}

fn patience() -> Duration {
    if IMPATIENT.load(Ordering::Relaxed) { IMPATIENCE } else { PATIENCE }
}

/// Which of the clients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `rust_socketio::client::Client`.
    Blocking,
    /// `rust_socketio::asynchronous::Client`.
    Async,
}

/// How a client travels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Polling,
    WebSocket,
    Upgrade,
    /// An upgrade where the server offers it, else polling: the crate's default.
    Any,
}

impl Way {
    fn transport(self) -> TransportType {
        match self {
            Way::Polling => TransportType::Polling,
            Way::WebSocket => TransportType::Websocket,
            Way::Upgrade => TransportType::WebsocketUpgrade,
            Way::Any => TransportType::Any,
        }
    }
}

/// What a client is built from.
#[derive(Clone)]
pub struct Settings {
    pub kind: Kind,
    pub way: Way,
    pub url: String,
    pub namespace: &'static str,
    pub auth: Option<Value>,
    pub reconnect: bool,
    /// Emitted within the callback that tells of the connection.
    pub at_connect: Option<(&'static str, Value)>,
}

enum Client {
    Blocking(client::Client),
    Async(asynchronous::Client),
}

/// One connected client, and what it heard.
pub struct Peer {
    client: Client,
    heard: Receiver<(String, Payload)>,
    /// Heard, and not asked for yet.
    kept: RefCell<VecDeque<(String, Payload)>>,
}

impl Peer {
    /// Connects and waits for the namespace.
    pub fn connected(settings: &Settings) -> Self {
        let peer = Self::connecting(settings);
        peer.next("connect");
        peer
    }

    /// Begins to connect.
    pub fn connecting(settings: &Settings) -> Self {
        let (hears, heard) = channel();
        let client = match settings.kind {
            Kind::Blocking => Client::Blocking(blocking(settings, hears)),
            Kind::Async => Client::Async(asynchronous(settings, hears)),
        };
        Self { client, heard, kept: RefCell::default() }
    }

    pub fn emit(&self, event: &str, payload: impl Into<Payload>) {
        self.try_emit(event, payload).unwrap_or_else(|error| panic!("{event} was not sent: {error}"));
    }

    /// Emits, unless the client says that it cannot.
    pub fn try_emit(&self, event: &str, payload: impl Into<Payload>) -> Result<(), String> {
        let sent = match &self.client {
            Client::Blocking(client) => client.emit(event, payload),
            Client::Async(client) => RUNTIME.block_on(client.emit(event, payload)),
        };
        sent.map_err(|error| error.to_string())
    }

    /// What `event` is acknowledged with.
    pub fn ask(&self, event: &str, payload: impl Into<Payload>) -> Payload {
        let (answers, answered) = channel();
        let sent = match &self.client {
            Client::Blocking(client) => {
                client.emit_with_ack(event, payload, patience(), move |payload, _| {
                    answers.send(payload).ok();
                })
            }
            Client::Async(client) => {
                let callback = move |payload, _| {
                    answers.send(payload).ok();
                    async {}.boxed()
                };
                RUNTIME.block_on(client.emit_with_ack(event, payload, patience(), callback))
            }
        };
        sent.unwrap_or_else(|error| panic!("{event} was not sent: {error}"));
        answered
            .recv_timeout(patience())
            .unwrap_or_else(|_| panic!("no ack of {event} within {:?}", patience()))
    }

    /// The arguments of the acknowledgement of `event`.
    pub fn answer(&self, event: &str, payload: impl Into<Payload>) -> Vec<Value> {
        match self.ask(event, payload) {
            // The crate hands over the list of arguments as one argument.
            Payload::Text(mut list) => match list.pop() {
                Some(Value::Array(arguments)) if list.is_empty() => arguments,
                other => panic!("the answer to {event} is {other:?} behind {list:?}"),
            },
            other => panic!("the answer to {event} is {other:?}"),
        }
    }

    /// The next `event` that was not taken yet.
    pub fn next(&self, event: &str) -> Payload {
        let mut kept = self.kept.borrow_mut();
        if let Some(at) = kept.iter().position(|(of, _)| of == event) {
            return kept.remove(at).expect("it is there").1;
        }
        let deadline = Instant::now() + patience();
        loop {
            match self.heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((of, payload)) if of == event => return payload,
                Ok(other) => kept.push_back(other),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {event} within {:?}; heard {kept:?}", patience())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("no {event}: the client is gone; heard {kept:?}")
                }
            }
        }
    }

    /// The arguments of each `event` that was heard while waiting for another.
    pub fn taken(&self, event: &str) -> Vec<Vec<Value>> {
        let kept = self.kept.take();
        let (taken, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(of, _)| of == event);
        self.kept.replace(others.into());
        taken.into_iter().map(|(_, payload)| arguments(payload)).collect()
    }

    /// The arguments of the next `event`.
    pub fn arguments(&self, event: &str) -> Vec<Value> {
        arguments(self.next(event))
    }

    /// The bytes of the next `event`.
    pub fn bytes(&self, event: &str) -> Vec<u8> {
        match self.next(event) {
            Payload::Binary(bytes) => bytes.to_vec(),
            other => panic!("{event} came with {other:?}"),
        }
    }

    /// Leaves.
    pub fn disconnect(&self) {
        let left = match &self.client {
            Client::Blocking(client) => client.disconnect(),
            Client::Async(client) => RUNTIME.block_on(client.disconnect()),
        };
        left.expect("a connected client can leave");
    }
}

fn arguments(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(arguments) => arguments,
        other => panic!("expected text, and {other:?} came"),
    }
}

fn blocking(settings: &Settings, hears: Sender<(String, Payload)>) -> client::Client {
    let mut builder = ClientBuilder::new(&settings.url)
        .namespace(settings.namespace)
        .transport_type(settings.way.transport())
        .reconnect(settings.reconnect)
        .reconnect_delay(20, 100);
    if let Some(auth) = &settings.auth {
        builder = builder.auth(auth.clone());
    }
    for (event, name) in [(Event::Close, "close"), (Event::Error, "error")] {
        let hears = hears.clone();
        builder = builder.on(event, move |payload, _| {
            hears.send((name.to_owned(), payload)).ok();
        });
    }
    let (connects, at_connect) = (hears.clone(), settings.at_connect.clone());
    builder
        .on(Event::Connect, move |payload, client| {
            if let Some((event, value)) = &at_connect {
                client.emit(*event, value.clone()).expect("a connected client can emit");
            }
            connects.send(("connect".to_owned(), payload)).ok();
        })
        .on_any(move |event, payload, _| {
            hears.send((event.into(), payload)).ok();
        })
        .connect()
        .expect("the connection opens")
}

fn asynchronous(settings: &Settings, hears: Sender<(String, Payload)>) -> asynchronous::Client {
    let mut builder = asynchronous::ClientBuilder::new(&settings.url)
        .namespace(settings.namespace)
        .transport_type(settings.way.transport())
        .reconnect(settings.reconnect)
        .reconnect_delay(20, 100);
    if let Some(auth) = &settings.auth {
        builder = builder.auth(auth.clone());
    }
    for (event, name) in [(Event::Close, "close"), (Event::Error, "error")] {
        let hears = hears.clone();
        builder = builder.on(event, move |payload, _| {
            hears.send((name.to_owned(), payload)).ok();
            async {}.boxed()
        });
    }
    let (connects, at_connect) = (hears.clone(), settings.at_connect.clone());
    let builder = builder
        .on(Event::Connect, move |payload, client: asynchronous::Client| {
            let (connects, at_connect) = (connects.clone(), at_connect.clone());
            async move {
                if let Some((event, value)) = at_connect {
                    client.emit(event, value).await.expect("a connected client can emit");
                }
                connects.send(("connect".to_owned(), payload)).ok();
            }
            .boxed()
        })
        .on_any(move |event, payload, _| {
            hears.send((event.into(), payload)).ok();
            async {}.boxed()
        });
    RUNTIME.block_on(builder.connect()).expect("the connection opens")
}
