//! The wires that a client has before it moves: GETs or a stream, and POSTs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::event_stream::parse_id;
use sockeye_runtime::interleaving::point;

use super::scene::{Boxed, Flag, Scene, Twist, exchange};
use crate::body::Body;

pub(super) type Exchange = Boxed<dyn Future<Output = Response<Body>> + Send>;

/// What carries packets to the client before it moves: GETs, or a stream.
pub(super) struct Down {
    woken: Arc<Flag>,
    pub(super) get: Option<Exchange>,
    pub(super) stream: Option<Boxed<Body>>,
    events: Events,
    /// The stream has said its last `6`, perhaps before the client has heard `3probe`.
    has_noop: bool,
}

impl Down {
    pub(super) fn new(scene: &Scene) -> Down {
        Down {
            woken: Flag::fresh(),
            get: None,
            stream: scene.first.lock().take(),
            events: Events::default(),
            has_noop: false,
        }
    }

    /// One look; whether anything happened.
    pub(super) fn look(&mut self, scene: &Scene) -> bool {
        point();
        if self.get.is_none() && self.stream.is_none() {
            let stays = scene.over.load(Ordering::Relaxed) || scene.moved.load(Ordering::Relaxed);
            if stays || scene.pausing.load(Ordering::Relaxed) {
                return false;
            }
            let more =
                if scene.old == Wire::Sse { format!("&ack={}", self.events.number) } else { String::new() };
            let request =
                Request::get(scene.target(scene.old, &more)).body(Body::empty()).expect("a request");
            scene.getting.store(true, Ordering::Relaxed);
            self.has_noop = false;
            self.events = Events { number: self.events.number, ..Events::default() };
            self.get = Some(Box::pin(exchange(scene.engine.clone(), request)));
            self.woken = Flag::fresh();
        }
        if !self.woken.was_woken() {
            return self.cut(scene);
        }
        let waker = Waker::from(self.woken.clone());
        let mut cx = Context::from_waker(&waker);
        if let Some(get) = &mut self.get {
            let Poll::Ready(answer) = get.as_mut().poll(&mut cx) else { return true };
            self.get = None;
            self.answered(scene, answer);
        }
        while let Some(stream) = &mut self.stream {
            match stream.as_mut().poll_frame(&mut cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    for packet in self.events.read(&bytes) {
                        let goes_on = self.has_noop && scene.twist == Twist::Nothing;
                        assert!(!goes_on, "{packet} behind the stream's last noop");
                        self.has_noop |= packet == "6";
                        scene.hear(&packet);
                    }
                }
                Poll::Ready(_) => {
                    self.stream = None;
                    scene.getting.store(false, Ordering::Relaxed);
                }
            }
        }
        self.cut(scene);
        true
    }

    /// What nobody called it for.
    pub(super) fn knock(&mut self, scene: &Scene) {
        let before = (self.get.is_some(), self.stream.is_some());
        self.woken.set();
        self.look(scene);
        assert_eq!((self.get.is_some(), self.stream.is_some()), before, "it ends, and nobody says so");
    }

    /// A stream that has said its last `6` is cut when the client moves.
    fn cut(&mut self, scene: &Scene) -> bool {
        let cuts = self.stream.is_some() && self.has_noop && scene.pausing.load(Ordering::Relaxed);
        if cuts {
            scene.cut.store(true, Ordering::Relaxed);
            self.stream = None;
            scene.getting.store(false, Ordering::Relaxed);
        }
        cuts
    }

    fn answered(&mut self, scene: &Scene, answer: Response<Body>) {
        if answer.status() != 200 {
            let fine = scene.hasty || scene.session.closed().is_some();
            assert!(fine, "{} for a GET of an open session", answer.status());
            scene.over.store(!scene.hasty, Ordering::Relaxed);
            scene.getting.store(false, Ordering::Relaxed);
            return;
        }
        let mut body = Box::pin(answer.into_body());
        if scene.old == Wire::Sse {
            self.stream = Some(body);
            scene.cut.store(false, Ordering::Relaxed);
            return;
        }
        let bytes = match body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            _ => Bytes::new(),
        };
        let text = std::str::from_utf8(&bytes).expect("text");
        // A client that moved while its GET was pending is told `1` of the old transport alone.
        let left = scene.hasty && scene.moved.load(Ordering::Relaxed) && text == "1";
        for packet in text.split('\u{1e}').filter(|_| !left) {
            scene.hear(packet);
        }
        scene.getting.store(false, Ordering::Relaxed);
    }
}

/// Server-sent events, as a client reads them.
#[derive(Default)]
pub(super) struct Events {
    /// What came of an event whose end did not.
    came: String,
    /// The last number that was said.
    pub(super) number: u32,
}

impl Events {
    /// The packets in what came.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        self.came.push_str(std::str::from_utf8(bytes).expect("a stream is text"));
        let mut packets = Vec::new();
        while let Some(end) = self.came.find("\n\n") {
            let event: String = self.came.drain(..end + 2).collect();
            for line in event.lines() {
                if let Some((_, number)) = line.strip_prefix("id: ").and_then(parse_id) {
                    self.number = number;
                } else if let Some(packet) = line.strip_prefix("data: ") {
                    packets.push(packet.to_owned());
                }
            }
        }
        packets
    }
}

/// A body that is not there at once.
struct Arriving {
    bytes: Option<Bytes>,
    waited: bool,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        if !std::mem::replace(&mut self.waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

/// A POST that is under way.
pub(super) fn post(scene: &Scene, wire: Wire, packets: String) -> Exchange {
    let body = Arriving { bytes: Some(packets.into()), waited: false };
    let request = Request::post(scene.target(wire, "")).body(body).expect("a request");
    Box::pin(exchange(scene.engine.clone(), request))
}

/// What carries packets to the server before the client moves.
pub(super) struct Up {
    woken: Arc<Flag>,
    pub(super) post: Option<Exchange>,
}

impl Up {
    pub(super) fn new() -> Up {
        Up { woken: Flag::fresh(), post: None }
    }

    pub(super) fn look(&mut self, scene: &Scene) -> bool {
        point();
        if self.post.is_none() {
            let moves = scene.pausing.load(Ordering::Relaxed) || scene.moved.load(Ordering::Relaxed);
            if scene.over.load(Ordering::Relaxed) || moves {
                return false;
            }
            // Two at a time, so that one may be received before the other wire is heard, and one behind.
            let texts: Vec<String> = [scene.say(), scene.say()].into_iter().flatten().collect();
            if texts.is_empty() {
                return false;
            }
            scene.posting.store(true, Ordering::Relaxed);
            self.post = Some(post(scene, scene.old, texts.join("\u{1e}")));
            self.woken = Flag::fresh();
        }
        if !self.woken.was_woken() {
            return false;
        }
        let waker = Waker::from(self.woken.clone());
        let post = self.post.as_mut().expect("it was begun");
        if let Poll::Ready(answer) = post.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.post = None;
            scene.posting.store(false, Ordering::Relaxed);
            let fine = scene.hasty || scene.session.closed().is_some();
            assert!(answer.status() == 200 || fine, "{} for a POST of an open session", answer.status());
        }
        true
    }
}
