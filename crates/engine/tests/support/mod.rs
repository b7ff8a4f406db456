//! What the tests of the engine share: an application that records, a server in this process, raw peers.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod http;
pub(crate) mod websocket;
pub(crate) mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use sockeye_engine::engine::{Application, Engine, Flow};
use sockeye_engine::handshake::Handshake;
use sockeye_engine::listen::{Listen, NotFound, bind};
use sockeye_engine::options::Options;
use sockeye_engine::session::Session;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_runtime::runtime::Runtime;

/// What happened to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    Opened(String),
    Text(String),
    Binary(Vec<u8>),
    Closed(CloseReason),
}

/// An application that writes down what it is told.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) events: Mutex<Vec<(u32, Event)>>,
    pub(crate) sessions: Mutex<Vec<Arc<Session<()>>>>,
    /// Whom each session is of: the address, and whether it came over TLS.
    pub(crate) peers: Mutex<Vec<(Option<SocketAddr>, bool)>>,
    /// Moves and heartbeats, in words.
    pub(crate) signs: Mutex<Vec<String>>,
    /// Send messages back?
    pub(crate) echo: bool,
    /// After each message the wire waits, until the test gives room.
    pub(crate) waits: bool,
    full: Mutex<bool>,
    room: Mutex<Vec<Waker>>,
}

impl Recorder {
    pub(crate) fn echo() -> Recorder {
        Recorder { echo: true, ..Recorder::default() }
    }

    pub(crate) fn waiting() -> Recorder {
        Recorder { waits: true, ..Recorder::default() }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().iter().map(|(_, event)| event.clone()).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |event| if let Event::Text(text) = event { Some(text) } else { None };
        self.events().into_iter().filter_map(text).collect()
    }

    pub(crate) fn closed(&self) -> Vec<CloseReason> {
        let reason = |event| if let Event::Closed(reason) = event { Some(reason) } else { None };
        self.events().into_iter().filter_map(reason).collect()
    }

    pub(crate) fn session(&self, index: usize) -> Arc<Session<()>> {
        self.sessions.lock()[index].clone()
    }

    pub(crate) fn forget_sessions(&self) {
        self.sessions.lock().clear();
    }

    pub(crate) fn give_room(&self) {
        *self.full.lock() = false;
        self.room.lock().drain(..).for_each(Waker::wake);
    }

    fn record(&self, session: &Session<()>, event: Event) {
        self.events.lock().push((session.slot(), event));
    }
}

impl Application for Recorder {
    type Connection = ();

    fn connect(&self, handshake: Handshake) {
        self.peers.lock().push((handshake.address(), handshake.is_secure()));
    }

    fn opened(&self, _: &Arc<Engine<Self>>, session: &Arc<Session<()>>) {
        self.sessions.lock().push(session.clone());
        self.record(session, Event::Opened(session.wire().to_string()));
    }

    fn upgrading(&self, _: &Arc<Engine<Self>>, session: &Arc<Session<()>>, from: Wire, to: Wire) {
        self.signs.lock().push(format!("{from} probed by {to}, is {}", session.wire()));
    }

    fn upgraded(&self, _: &Arc<Engine<Self>>, session: &Arc<Session<()>>, from: Wire, to: Wire) {
        self.signs.lock().push(format!("{from} moved to {to}, is {}", session.wire()));
    }

    fn heartbeat(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>) {
        self.signs.lock().push("heartbeat".to_owned());
    }

    fn message(&self, engine: &Arc<Engine<Self>>, session: &Arc<Session<()>>, message: Message<'_>) -> Flow {
        let (event, answer) = match message {
            Message::Text("panic") => panic!("on purpose"),
            Message::Text(text) => (Event::Text(text.to_owned()), Frame::text(&[b"4", text.as_bytes()])),
            Message::Binary(bytes) => (Event::Binary(bytes.to_vec()), Frame::binary(bytes)),
        };
        self.record(session, event);
        if self.echo {
            engine.send(session, [answer]).ok();
        }
        if self.waits {
            *self.full.lock() = true;
            return Flow::Wait;
        }
        Flow::Continue
    }

    fn poll_room(&self, session: &Arc<Session<()>>, cx: &mut Context<'_>) -> Poll<()> {
        if session.closed().is_some() || !*self.full.lock() {
            return Poll::Ready(());
        }
        self.room.lock().push(cx.waker().clone());
        Poll::Pending
    }

    fn timeout(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, _: Tick) -> Option<Tick> {
        None
    }

    fn closed(&self, _: &Arc<Engine<Self>>, session: &Arc<Session<()>>, reason: CloseReason) {
        self.record(session, Event::Closed(reason));
        self.room.lock().drain(..).for_each(Waker::wake);
    }
}

/// A server in this process, on a port of its own.
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine<Recorder>>,
    pub(crate) address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(options: Options) -> Server {
        Server::with(Recorder::default(), options, Listen::default())
    }

    pub(crate) fn with(application: Recorder, options: Options, listen: Listen) -> Server {
        let engine = Engine::new(application, options, Runtime::tokio());
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = engine.clone();
        let served = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            listen.serve(serving, listener, NotFound, stopped).await;
        });
        Server { engine, address, stop: Some(stop), served: Some(served) }
    }

    pub(crate) fn application(&self) -> &Recorder {
        self.engine.application()
    }

    pub(crate) fn session(&self, index: usize) -> Arc<Session<()>> {
        self.application().session(index)
    }

    pub(crate) fn send(&self, index: usize, text: &str) {
        let frame = Frame::text(&[b"4", text.as_bytes()]);
        self.engine.send(&self.session(index), [frame]).expect("the session is open");
    }

    /// Tells the accept loop to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.served.take().expect("a server that runs").await.expect("an orderly end");
    }
}

/// Waits until `holds`: real sockets answer when they answer.
///
/// # Panics
/// When it does not within five seconds.
#[track_caller]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..1000 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{place}: it never came to hold");
    }
}
