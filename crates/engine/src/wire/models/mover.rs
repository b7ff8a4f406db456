//! The wire that a client moves to: a WebSocket, or a stream with POSTs.

use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use http::Request;
use http_body::Body as HttpBody;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::interleaving::point;
use sockeye_websocket::encode::encode;
use sockeye_websocket::header::OpCode;

use super::client::{Events, Exchange, post};
use super::scene::{Boxed, Flag, Kept, Scene, exchange};
use crate::body::Body;
use crate::link::Link;
use crate::side::{Seat, Taken};
use crate::wire::frames::{After, End, Inbound, Partial, Stage, Turn};

/// How far the move is, as the client has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Open,
    Probe,
    Await,
    Pause,
    Live,
    Over,
}

/// What a wire has for the client.
enum Came {
    /// It was not woken.
    Nothing,
    Packets(Vec<String>),
    /// It has ended, and carried the session until then, or not.
    End {
        carried: bool,
    },
}

/// Where a client can move to.
trait Way: Send {
    /// Asks to take over; whether the session lets it.
    fn open(&mut self, scene: &Scene) -> bool;
    /// Begins to send a packet.
    fn write(&mut self, scene: &Scene, packet: &str) -> Option<Came>;
    /// Goes on with that; whether anything happened, if it is not over.
    fn push(&mut self, scene: &Scene) -> Option<bool>;
    fn take(&mut self, scene: &Scene) -> Came;
    /// It is lost.
    fn cut(&mut self, scene: &Scene) -> Came;
    fn knock(&mut self);
}

/// Who moves.
pub(super) struct Mover {
    step: Step,
    way: Box<dyn Way>,
    /// It is lost before it has moved.
    breaks: bool,
}

impl Mover {
    pub(super) fn new(to: Wire, breaks: bool) -> Mover {
        let way: Box<dyn Way> = match to {
            Wire::WebSocket => Box::new(Socket {
                woken: Flag::fresh(),
                seat: Seat(0),
                stage: Stage::Candidate,
                partial: None,
            }),
            _ => Box::new(Stream {
                woken: Flag::fresh(),
                body: None,
                events: Events::default(),
                posted: Flag::fresh(),
                post: None,
            }),
        };
        Mover { step: Step::Open, way, breaks }
    }

    /// One look; whether anything happened.
    pub(super) fn look(&mut self, scene: &Scene) -> bool {
        point();
        match self.way.push(scene) {
            Some(true) => return true,
            Some(false) => return self.take(scene),
            None => {}
        }
        match self.step {
            Step::Over => return false,
            Step::Open => {
                if self.way.open(scene) {
                    self.step = Step::Probe;
                    self.take(scene);
                } else {
                    assert!(scene.session.closed().is_some(), "there is no other candidate");
                    self.step = Step::Over;
                }
                return true;
            }
            Step::Probe => {
                self.step = Step::Await;
                self.write(scene, "2probe");
                return true;
            }
            Step::Pause if self.breaks => {
                let end = self.way.cut(scene);
                self.came(scene, end);
                return true;
            }
            Step::Pause => {
                let busy = [&scene.getting, &scene.posting].iter().any(|it| it.load(Ordering::Relaxed));
                if scene.hasty || !busy {
                    // Whatever becomes of it, the client thinks that it has moved.
                    scene.moved.store(true, Ordering::Relaxed);
                    self.step = Step::Live;
                    self.write(scene, "5");
                    return true;
                }
            }
            Step::Live => {
                if let Some(text) = scene.say() {
                    self.write(scene, &text);
                    return true;
                }
            }
            Step::Await => {}
        }
        self.take(scene)
    }

    /// What nobody called it for.
    pub(super) fn knock(&mut self, scene: &Scene) {
        let step = self.step;
        self.way.knock();
        self.look(scene);
        assert_eq!(self.step, step, "it is to go on, and nobody says so");
    }

    fn write(&mut self, scene: &Scene, packet: &str) {
        if let Some(end) = self.way.write(scene, packet) {
            self.came(scene, end);
        }
    }

    fn take(&mut self, scene: &Scene) -> bool {
        if self.step == Step::Over {
            return false;
        }
        let came = self.way.take(scene);
        self.came(scene, came)
    }

    fn came(&mut self, scene: &Scene, came: Came) -> bool {
        match came {
            Came::Nothing => return false,
            Came::Packets(packets) => {
                for packet in packets {
                    if packet == "3probe" {
                        scene.pausing.store(true, Ordering::Relaxed);
                        self.step = Step::Pause;
                    } else {
                        scene.hear(&packet);
                    }
                }
            }
            // The session with it, or the client goes on as before.
            Came::End { carried: true } => {
                self.step = Step::Over;
                scene.over.store(true, Ordering::Relaxed);
            }
            Came::End { carried: false } => {
                self.step = Step::Over;
                scene.moved.store(false, Ordering::Relaxed);
                scene.pausing.store(false, Ordering::Relaxed);
            }
        }
        true
    }
}

/// A WebSocket: what reads it is the wires' own, what writes is as in `foreign.rs`.
struct Socket {
    woken: Arc<Flag>,
    seat: Seat,
    stage: Stage,
    partial: Option<Box<Partial>>,
}

impl Socket {
    fn inbound<T>(&mut self, scene: &Scene, act: impl FnOnce(&mut Inbound<'_, Kept>) -> T) -> T {
        act(&mut Inbound {
            engine: &scene.engine,
            session: &scene.session,
            seat: self.seat,
            is_v3: false,
            stage: &mut self.stage,
            deflate: false,
            partial: &mut self.partial,
            replies: &mut Vec::new(),
        })
    }

    fn end(&mut self, scene: &Scene, end: End) -> Came {
        let carried = self.stage != Stage::Candidate;
        if self.inbound(scene, |inbound| inbound.end(end)) == After::Release {
            scene.session.release(self.seat);
        }
        Came::End { carried }
    }
}

impl Way for Socket {
    fn open(&mut self, scene: &Scene) -> bool {
        let terms = scene.engine.terms();
        let seat = scene.session.claim(terms, Wire::WebSocket, Link::away(), false, None);
        self.seat = seat.unwrap_or(self.seat);
        seat.is_some()
    }

    fn write(&mut self, scene: &Scene, packet: &str) -> Option<Came> {
        let mut bytes = Vec::new();
        encode(OpCode::Text, packet.as_bytes(), Some([1, 2, 3, 4]), &mut bytes);
        match self.inbound(scene, |inbound| inbound.receive(&mut bytes)) {
            Turn::More => None,
            Turn::Wait => unreachable!("there is room"),
            Turn::End(end) => Some(self.end(scene, end)),
        }
    }

    fn push(&mut self, _: &Scene) -> Option<bool> {
        None
    }

    fn take(&mut self, scene: &Scene) -> Came {
        if !self.woken.was_woken() {
            return Came::Nothing;
        }
        let waker = Waker::from(self.woken.clone());
        let mut packets = Vec::new();
        let taken = scene.session.poll_take(
            scene.engine.terms(),
            self.seat,
            &mut Context::from_waker(&waker),
            1,
            // Frames of the WebSocket itself are no packets.
            |frame| packets.extend((frame.websocket()[0] == 0x81).then(|| frame.packet().to_vec())),
        );
        match taken {
            Poll::Pending => {}
            Poll::Ready(Taken::Frames { .. }) => self.woken.set(),
            Poll::Ready(Taken::Superseded) => return Came::End { carried: false },
            Poll::Ready(Taken::Closed(_)) => return Came::End { carried: true },
        }
        Came::Packets(packets.into_iter().map(|packet| String::from_utf8(packet).expect("text")).collect())
    }

    fn cut(&mut self, scene: &Scene) -> Came {
        self.end(scene, End::Gone)
    }

    fn knock(&mut self) {
        self.woken.set();
    }
}

/// A stream that probes by POSTs.
struct Stream {
    woken: Arc<Flag>,
    body: Option<Boxed<Body>>,
    events: Events,
    posted: Arc<Flag>,
    post: Option<Exchange>,
}

impl Way for Stream {
    fn open(&mut self, scene: &Scene) -> bool {
        let request = Request::get(scene.target(Wire::Sse, "")).body(Body::empty()).expect("a request");
        let mut get = Box::pin(exchange(scene.engine.clone(), request));
        match get.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) if answer.status() == 200 => {
                self.body = Some(Box::pin(answer.into_body()));
                true
            }
            Poll::Ready(_) => false,
            Poll::Pending => unreachable!("nothing is waited for"),
        }
    }

    fn write(&mut self, scene: &Scene, packet: &str) -> Option<Came> {
        self.post = Some(post(scene, Wire::Sse, packet.to_owned()));
        self.posted = Flag::fresh();
        None
    }

    fn push(&mut self, scene: &Scene) -> Option<bool> {
        let post = self.post.as_mut()?;
        if !self.posted.was_woken() {
            return Some(false);
        }
        let waker = Waker::from(self.posted.clone());
        if let Poll::Ready(answer) = post.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.post = None;
            let fine = scene.session.closed().is_some();
            assert!(answer.status() == 200 || fine, "{} for a POST of an open session", answer.status());
        }
        Some(true)
    }

    fn take(&mut self, _: &Scene) -> Came {
        let Some(body) = &mut self.body else { return Came::Nothing };
        if !self.woken.was_woken() {
            return Came::Nothing;
        }
        let waker = Waker::from(self.woken.clone());
        match body.as_mut().poll_frame(&mut Context::from_waker(&waker)) {
            Poll::Pending => Came::Packets(Vec::new()),
            Poll::Ready(Some(Ok(frame))) => {
                self.woken.set();
                Came::Packets(self.events.read(&frame.into_data().unwrap_or_default()))
            }
            // A session that closes says `1` before.
            Poll::Ready(_) => Came::End { carried: false },
        }
    }

    fn cut(&mut self, _: &Scene) -> Came {
        (self.body, self.post) = (None, None);
        Came::End { carried: false }
    }

    fn knock(&mut self) {
        self.woken.set();
    }
}
