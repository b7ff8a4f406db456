//! A server with one session, and what its client knows.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as HttpBody;
use parking_lot::Mutex;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_runtime::interleaving::point;
use sockeye_runtime::simulation::Simulation;

use crate::body::Body;
use crate::engine::{Application, Engine, Flow};
use crate::handshake::Handshake;
use crate::options::Options;
use crate::session::Session;
use crate::side::SendError;

/// Messages of the client, and of the application.
pub(super) const SAID: usize = 3;
pub(super) const SENT: usize = 3;

pub(super) const PING_INTERVAL: Duration = Duration::from_secs(5);

/// An application that keeps what it hears.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) said: Mutex<Vec<String>>,
    pub(super) moved: AtomicUsize,
    pub(super) closed: Mutex<Vec<CloseReason>>,
}

impl Application for Kept {
    type Connection = ();

    fn connect(&self, _: Handshake) {}

    fn opened(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>) {}

    fn upgraded(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, _: Wire, _: Wire) {
        self.moved.fetch_add(1, Ordering::Relaxed);
    }

    fn message(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, message: Message<'_>) -> Flow {
        // What another wire brings meanwhile is not to overtake it.
        point();
        match message {
            Message::Text(text) => self.said.lock().push(text.to_owned()),
            Message::Binary(_) => unreachable!("nobody says it"),
        }
        Flow::Continue
    }

    fn poll_room(&self, _: &Arc<Session<()>>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn timeout(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, _: Tick) -> Option<Tick> {
        None
    }

    fn closed(&self, _: &Arc<Engine<Self>>, _: &Arc<Session<()>>, reason: CloseReason) {
        self.closed.lock().push(reason);
    }
}

/// A server with one session, and what its client knows.
pub(super) struct Scene {
    pub(super) simulation: Simulation,
    pub(super) engine: Arc<Engine<Kept>>,
    pub(super) session: Arc<Session<()>>,
    /// The stream that opened it, if one did.
    pub(super) first: Mutex<Option<Boxed<Body>>>,
    pub(super) old: Wire,
    pub(super) new: Wire,
    pub(super) hasty: bool,
    pub(super) twist: Twist,
    /// What the application sent, as far as the session took it.
    pub(super) accepted: Mutex<Vec<String>>,
    /// What the client heard of it.
    pub(super) heard: Mutex<Vec<String>>,
    /// Pings, of which there is to be one at the end.
    pub(super) pings: AtomicUsize,
    /// How many of its messages the client has sent.
    pub(super) next: AtomicUsize,
    pub(super) getting: AtomicBool,
    pub(super) posting: AtomicBool,
    /// The candidate was answered: nothing new begins on the old wire.
    pub(super) pausing: AtomicBool,
    pub(super) moved: AtomicBool,
    /// The client knows that the session is over.
    pub(super) over: AtomicBool,
    /// It cut its stream to move, so what follows is not to be had there.
    pub(super) cut: AtomicBool,
}

impl Scene {
    pub(super) fn new([old, new]: [Wire; 2], hasty: bool, twist: Twist) -> Scene {
        let simulation = Simulation::new(1);
        let options = Options { ping_interval: PING_INTERVAL, rate: None, ..Options::default() };
        let engine = Engine::new(Kept::default(), options, simulation.runtime());
        let transport = old.as_str();
        let target = format!("/engine.io/?EIO=4&transport={transport}");
        let request = Request::get(target).body(Body::empty()).expect("a request");
        let mut opening = Box::pin(exchange(engine.clone(), request));
        // The answer, and of a stream the first event.
        let opened = opening.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(answer) = opened else { unreachable!("nothing is waited for") };
        let mut body = Box::pin(answer.into_body());
        let first = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(first, Poll::Ready(Some(Ok(_)))), "an open packet");
        let session = engine.sessions().all().pop().expect("a session");
        Scene {
            simulation,
            engine,
            session,
            first: Mutex::new((old == Wire::Sse).then_some(body)),
            old,
            new,
            hasty,
            twist,
            accepted: Mutex::default(),
            heard: Mutex::default(),
            pings: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            getting: AtomicBool::new(old == Wire::Sse),
            posting: AtomicBool::new(false),
            pausing: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            over: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        }
    }

    pub(super) fn target(&self, wire: Wire, more: &str) -> String {
        format!("/engine.io/?EIO=4&transport={wire}&sid={}{more}", self.session.sid())
    }

    pub(super) fn send(&self) {
        for number in 0..SENT {
            let text = format!("4a{number}");
            match self.engine.send(&self.session, [Frame::text(&[text.as_bytes()])]) {
                Ok(()) => self.accepted.lock().push(text),
                Err(error) => assert_eq!(error, SendError::Closed),
            }
        }
    }

    pub(super) fn tick(&self) {
        self.simulation.advance(Tick::LENGTH);
    }

    /// The client got a packet.
    pub(super) fn hear(&self, packet: &str) {
        match packet {
            "1" => self.over.store(true, Ordering::Relaxed),
            "2" => _ = self.pings.fetch_add(1, Ordering::Relaxed),
            "6" => {}
            text if text.starts_with('4') => self.heard.lock().push(text.to_owned()),
            other => panic!("the client got {other}"),
        }
    }

    /// The client's next message, if it has one more.
    pub(super) fn say(&self) -> Option<String> {
        let number = self.next.load(Ordering::Relaxed);
        (number < SAID).then(|| {
            self.next.store(number + 1, Ordering::Relaxed);
            format!("4m{number}")
        })
    }
}

pub(super) type Boxed<T> = Pin<Box<T>>;

pub(super) async fn exchange<B: HttpBody + Send + 'static>(
    engine: Arc<Engine<Kept>>,
    request: Request<B>,
) -> Response<Body>
where
    B::Data: Send,
    B::Error: Send,
{
    engine.handle(request).await
}

/// Something that is looked at when it was woken, and no other time.
#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

impl Flag {
    pub(super) fn fresh() -> Arc<Flag> {
        Arc::new(Flag(AtomicBool::new(true)))
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_woken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// What happens beside the client's wires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Twist {
    Nothing,
    /// Not even a POST or a tick, before it is over: so few points that all orders are tried.
    Quiet,
    /// The application closes.
    Closes,
    /// The WebSocket is lost before it has moved.
    Breaks,
}
