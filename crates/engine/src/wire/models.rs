//! Wires of one session that meet, in every order of its critical sections: see [`sockeye_runtime::interleaving`].
//!
//! ```text
//! a client   GETs, or a stream ──▶ router, polling.rs, sse.rs
//!            POSTs             ──▶ router, upload.rs             the wires' own code, of which each call of the
//!            a WebSocket       ──▶ frames.rs                     session is a point where others may come first
//! beside it  the application sends, the clock ticks, somebody closes
//! ```
//! The client is the official one: it moves when it has heard `3probe`, once its GET and its POST are over, or it has the
//! last `6` of its stream. A hasty one waits for nothing. Nobody looks unless it was woken, and when all wait nobody has
//! missed anything.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use parking_lot::Mutex;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{Message, Packet};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_engine_proto::wire::event_stream::parse_id;
use sockeye_runtime::interleaving::{Explored, Threads, explore, point};
use sockeye_runtime::simulation::Simulation;
use sockeye_websocket::encode::encode;
use sockeye_websocket::header::OpCode;

use crate::body::Body;
use crate::engine::{Application, Engine, Flow};
use crate::handshake::Handshake;
use crate::link::Link;
use crate::options::Options;
use crate::session::Session;
use crate::side::{Seat, SendError, Taken};
use crate::wire::frames::{After, End, Inbound, Partial, Stage, Turn};

/// Orders in which a thread is stopped more often than this are only drawn at random.
const PREEMPTIONS: usize = 2;
/// How many orders are tried before others are drawn.
const ORDERS: usize = 200;

/// Messages of the client, and of the application.
const SAID: usize = 3;
const SENT: usize = 3;

const PING_INTERVAL: Duration = Duration::from_secs(5);

/// An application that keeps what it hears.
#[derive(Default)]
struct Kept {
    said: Mutex<Vec<String>>,
    moved: AtomicUsize,
    closed: Mutex<Vec<CloseReason>>,
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
struct Scene {
    simulation: Simulation,
    engine: Arc<Engine<Kept>>,
    session: Arc<Session<()>>,
    /// The stream that opened it, if one did.
    first: Mutex<Option<Boxed<Body>>>,
    old: Wire,
    hasty: bool,
    twist: Twist,
    /// What the application sent, as far as the session took it.
    accepted: Mutex<Vec<String>>,
    /// What the client heard of it.
    heard: Mutex<Vec<String>>,
    /// Pings, of which there is to be one at the end.
    pings: AtomicUsize,
    /// How many of its messages the client has sent.
    next: AtomicUsize,
    getting: AtomicBool,
    posting: AtomicBool,
    /// The candidate was answered: nothing new begins on the old wire.
    pausing: AtomicBool,
    moved: AtomicBool,
    /// The client knows that the session is over.
    over: AtomicBool,
    /// It cut its stream to move, so what follows is not to be had there.
    cut: AtomicBool,
}

impl Scene {
    fn new(old: Wire, hasty: bool, twist: Twist) -> Scene {
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

    fn target(&self, more: &str) -> String {
        format!("/engine.io/?EIO=4&transport={}&sid={}{more}", self.old, self.session.sid())
    }

    fn send(&self) {
        for number in 0..SENT {
            let text = format!("4a{number}");
            match self.engine.send(&self.session, [Frame::text(&[text.as_bytes()])]) {
                Ok(()) => self.accepted.lock().push(text),
                Err(error) => assert_eq!(error, SendError::Closed),
            }
        }
    }

    fn tick(&self) {
        self.simulation.advance(Tick::LENGTH);
    }

    /// The client got a packet.
    fn hear(&self, packet: &str) {
        match packet {
            "1" => self.over.store(true, Ordering::Relaxed),
            "2" => _ = self.pings.fetch_add(1, Ordering::Relaxed),
            "6" => {}
            text if text.starts_with('4') => self.heard.lock().push(text.to_owned()),
            other => panic!("the client got {other}"),
        }
    }

    /// The client's next message, if it has one more.
    fn say(&self) -> Option<String> {
        let number = self.next.load(Ordering::Relaxed);
        (number < SAID).then(|| {
            self.next.store(number + 1, Ordering::Relaxed);
            format!("4m{number}")
        })
    }
}

type Boxed<T> = Pin<Box<T>>;

async fn exchange<B: HttpBody + Send + 'static>(
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
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

impl Flag {
    fn fresh() -> Arc<Flag> {
        Arc::new(Flag(AtomicBool::new(true)))
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn was_woken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

type Exchange = Boxed<dyn Future<Output = Response<Body>> + Send>;

/// What carries packets to the client before it moves: GETs, or a stream.
struct Down {
    woken: Arc<Flag>,
    get: Option<Exchange>,
    stream: Option<Boxed<Body>>,
    /// What came of an event whose end did not.
    came: String,
    /// The last number that the stream said.
    number: u32,
    /// The stream has said its last `6`, perhaps before the client has heard `3probe`.
    has_noop: bool,
}

impl Down {
    fn new(scene: &Scene) -> Down {
        Down {
            woken: Flag::fresh(),
            get: None,
            stream: scene.first.lock().take(),
            came: String::new(),
            number: 0,
            has_noop: false,
        }
    }

    /// One look; whether anything happened.
    fn look(&mut self, scene: &Scene) -> bool {
        point();
        if self.get.is_none() && self.stream.is_none() {
            let stays = scene.over.load(Ordering::Relaxed) || scene.moved.load(Ordering::Relaxed);
            if stays || scene.pausing.load(Ordering::Relaxed) {
                return false;
            }
            let more = if scene.old == Wire::Sse { format!("&ack={}", self.number) } else { String::new() };
            let request = Request::get(scene.target(&more)).body(Body::empty()).expect("a request");
            scene.getting.store(true, Ordering::Relaxed);
            (self.has_noop, self.came) = (false, String::new());
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
                    self.came.push_str(std::str::from_utf8(&bytes).expect("a stream is text"));
                    self.events(scene);
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
    fn knock(&mut self, scene: &Scene) {
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

    fn events(&mut self, scene: &Scene) {
        while let Some(end) = self.came.find("\n\n") {
            let event: String = self.came.drain(..end + 2).collect();
            for line in event.lines() {
                if let Some((_, number)) = line.strip_prefix("id: ").and_then(parse_id) {
                    self.number = number;
                } else if let Some(packet) = line.strip_prefix("data: ") {
                    let goes_on = self.has_noop && scene.twist == Twist::Nothing;
                    assert!(!goes_on, "{packet} behind the stream's last noop");
                    self.has_noop |= packet == "6";
                    scene.hear(packet);
                }
            }
        }
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

/// What carries packets to the server before the client moves.
struct Up {
    woken: Arc<Flag>,
    post: Option<Exchange>,
}

impl Up {
    fn new() -> Up {
        Up { woken: Flag::fresh(), post: None }
    }

    fn look(&mut self, scene: &Scene) -> bool {
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
            let body = Arriving { bytes: Some(texts.join("\u{1e}").into()), waited: false };
            let request = Request::post(scene.target("")).body(body).expect("a request");
            self.post = Some(Box::pin(exchange(scene.engine.clone(), request)));
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

/// How far the WebSocket is, as the client has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Claim,
    Probe,
    Await,
    Pause,
    Live,
    Over,
}

/// A WebSocket that is to take over: what reads it is the wires' own, what writes as `foreign.rs` does.
struct Mover {
    woken: Arc<Flag>,
    step: Step,
    seat: Seat,
    stage: Stage,
    partial: Option<Box<Partial>>,
    /// It breaks when it would move.
    breaks: bool,
}

impl Mover {
    fn new(breaks: bool) -> Mover {
        Mover {
            woken: Flag::fresh(),
            step: Step::Claim,
            seat: Seat(0),
            stage: Stage::Candidate,
            partial: None,
            breaks,
        }
    }

    fn look(&mut self, scene: &Scene) -> bool {
        point();
        match self.step {
            Step::Over => return false,
            Step::Claim => {
                let terms = scene.engine.terms();
                match scene.session.claim(terms, Wire::WebSocket, Link::away(), false, None) {
                    Some(seat) => {
                        (self.seat, self.step) = (seat, Step::Probe);
                        self.take(scene);
                    }
                    None => {
                        assert!(scene.session.closed().is_some(), "there is no other candidate");
                        self.step = Step::Over;
                    }
                }
                return true;
            }
            Step::Probe => {
                self.step = Step::Await;
                self.write(scene, "2probe");
                return true;
            }
            Step::Pause if self.breaks => {
                self.end(scene, End::Gone);
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

    /// The client writes a packet, and the wire reads it.
    fn write(&mut self, scene: &Scene, packet: &str) {
        let mut bytes = Vec::new();
        encode(OpCode::Text, packet.as_bytes(), Some([1, 2, 3, 4]), &mut bytes);
        match self.inbound(scene, |inbound| inbound.receive(&mut bytes)) {
            Turn::More => {}
            Turn::Wait => unreachable!("there is room"),
            Turn::End(end) => self.end(scene, end),
        }
    }

    fn end(&mut self, scene: &Scene, end: End) {
        let carried = self.stage != Stage::Candidate;
        if self.inbound(scene, |inbound| inbound.end(end)) == After::Release {
            scene.session.release(self.seat);
        }
        self.gone(scene, carried);
    }

    /// The client sees the WebSocket end: the session with it, if it was carried there, else it goes on as before.
    fn gone(&mut self, scene: &Scene, carried: bool) {
        self.step = Step::Over;
        if carried {
            scene.over.store(true, Ordering::Relaxed);
        } else {
            scene.moved.store(false, Ordering::Relaxed);
            scene.pausing.store(false, Ordering::Relaxed);
        }
    }

    /// What nobody called it for.
    fn knock(&mut self, scene: &Scene) {
        let step = self.step;
        self.woken.set();
        self.look(scene);
        assert_eq!(self.step, step, "it is to go on, and nobody says so");
    }

    fn take(&mut self, scene: &Scene) -> bool {
        if !self.woken.was_woken() {
            return false;
        }
        let waker = Waker::from(self.woken.clone());
        loop {
            let mut packets = Vec::new();
            let mut cx = Context::from_waker(&waker);
            let taken = scene.session.poll_take(scene.engine.terms(), self.seat, &mut cx, 1, |frame| {
                // Frames of the WebSocket itself are no packets.
                packets.extend((frame.websocket()[0] == 0x81).then(|| frame.packet().to_vec()));
            });
            for packet in packets {
                let packet = String::from_utf8(packet).expect("text");
                if packet == "3probe" {
                    scene.pausing.store(true, Ordering::Relaxed);
                    self.step = Step::Pause;
                } else {
                    scene.hear(&packet);
                }
            }
            match taken {
                Poll::Pending => return true,
                Poll::Ready(Taken::Frames { .. }) => {}
                Poll::Ready(Taken::Superseded) => {
                    self.gone(scene, false);
                    return true;
                }
                Poll::Ready(Taken::Closed(_)) => {
                    self.gone(scene, true);
                    return true;
                }
            }
        }
    }
}

/// Everybody that a thread plays.
struct Cast {
    down: Down,
    up: Up,
    mover: Mover,
}

/// What happens beside the client's wires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Twist {
    Nothing,
    /// Not even a POST or a tick, before it is over: so few points that all orders are tried.
    Quiet,
    /// The application closes.
    Closes,
    /// The WebSocket is lost before it has moved.
    Breaks,
}

type Place<T> = Arc<Mutex<Option<T>>>;

/// A thread that plays somebody for so many looks, and leaves them in their place.
fn spawn<T: Send + 'static>(
    threads: &mut Threads<'_>,
    scene: &Arc<Scene>,
    looks: usize,
    mut somebody: T,
    look: fn(&mut T, &Scene) -> bool,
) -> Place<T> {
    let (scene, place) = (scene.clone(), Place::default());
    let leaves = place.clone();
    threads.spawn(move || {
        (0..looks).for_each(|_| _ = look(&mut somebody, &scene));
        *leaves.lock() = Some(somebody);
    });
    place
}

fn left<T>(place: &Place<T>) -> T {
    place.lock().take().expect("its thread has ended")
}

/// Plays one order of it.
fn play(threads: &mut Threads<'_>, old: Wire, hasty: bool, twist: Twist) -> (Arc<Scene>, Cast) {
    let scene = Arc::new(Scene::new(old, hasty, twist));
    let (is_quiet, breaks) = (twist == Twist::Quiet, twist == Twist::Breaks);
    let looks = if is_quiet { [2, 6, 0] } else { [6, 12, 4] };
    let down = spawn(threads, &scene, looks[0], Down::new(&scene), Down::look);
    let mover = spawn(threads, &scene, looks[1], Mover::new(breaks), Mover::look);
    let up = spawn(threads, &scene, looks[2], Up::new(), Up::look);
    if !is_quiet {
        let (sends, ticks) = (scene.clone(), scene.clone());
        threads.spawn(move || sends.send());
        threads.spawn(move || {
            for _ in 0..5 {
                point();
                ticks.tick();
            }
        });
    }
    if twist == Twist::Closes {
        let closes = scene.clone();
        threads.spawn(move || {
            (0..10).for_each(|_| point());
            closes.engine.close(&closes.session, CloseReason::ForcedClose);
        });
    }
    threads.run();
    if is_quiet {
        scene.send();
    }
    let mut cast = Cast { down: left(&down), up: left(&up), mover: left(&mover) };
    rest(&scene, &mut cast);
    (scene, cast)
}

/// All that waits goes on for as long as somebody is woken, and then for some ticks.
fn rest(scene: &Scene, cast: &mut Cast) {
    for _ in 0..10 {
        loop {
            scene.simulation.run();
            let looks = [cast.down.look(scene), cast.up.look(scene), cast.mover.look(scene)];
            if looks == [false; 3] {
                break;
            }
        }
        // Whoever waits was woken for all that there is.
        let heard = scene.heard.lock().len();
        cast.down.knock(scene);
        cast.mover.knock(scene);
        assert_eq!(scene.heard.lock().len(), heard, "it waits, and nobody calls it");
        scene.tick();
    }
}

/// What holds of each order.
fn holds(scene: &Scene, cast: &mut Cast, twist: Twist) {
    let (accepted, heard) = (scene.accepted.lock().clone(), scene.heard.lock().clone());
    let said = scene.engine.application().said.lock().clone();
    let all: Vec<String> = (0..SAID).map(|number| format!("m{number}")).collect();
    let closed = scene.engine.application().closed.lock().clone();
    let moved = scene.engine.application().moved.load(Ordering::Relaxed);
    if twist == Twist::Closes {
        assert_eq!(closed, [CloseReason::ForcedClose], "it closes once");
        assert!(scene.over.load(Ordering::Relaxed), "the client hears of it");
        assert!(cast.down.get.is_none() && cast.up.post.is_none(), "nothing is pending");
        assert!(accepted.starts_with(&heard), "{heard:?} of {accepted:?}");
        // Who has cut its stream, and was not heard on the WebSocket, has left.
        assert!(accepted == heard || scene.cut.load(Ordering::Relaxed), "{heard:?} of {accepted:?}");
        assert!(all.starts_with(&said), "{said:?}");
        scene.simulation.advance(Duration::from_secs(60));
        assert!(scene.engine.sessions().is_empty());
        return;
    }
    assert!(closed.is_empty(), "{closed:?}");
    assert_eq!(moved, usize::from(twist != Twist::Breaks));
    assert_eq!(scene.session.wire(), if moved == 1 { Wire::WebSocket } else { scene.old });
    if scene.hasty {
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts
        };
        assert_eq!(sorted(heard), sorted(accepted), "each once");
        let mut once = sorted(said);
        let count = once.len();
        once.dedup();
        assert_eq!(once.len(), count, "doubled: {once:?}");
    } else {
        assert_eq!(heard, accepted, "all of it, once and in order");
        assert_eq!(said, all, "all of it, once and in order");
    }
    assert!(cast.up.post.is_none(), "a POST is over");
    assert!(moved == 0 || (cast.down.get.is_none() && cast.down.stream.is_none()), "the old wire is over");
    assert_eq!(scene.session.queued(), 0);
    assert!(scene.session.candidate_seat(Wire::WebSocket).is_none(), "no candidate is left");
    assert_eq!(scene.pings.load(Ordering::Relaxed), 0);
    // It lives on: whatever carries it now is woken for the next ping.
    scene.simulation.advance(PING_INTERVAL);
    rest(scene, cast);
    assert_eq!(scene.pings.load(Ordering::Relaxed), 1, "a ping");
    let (seat, _) = scene.session.seat();
    scene.session.receive(scene.engine.terms(), seat, Packet::Pong(""));
    assert_eq!(scene.session.closed(), None);
}

fn report(name: &str, explored: Explored) {
    println!("{name}: {} orders, all: {}", explored.orders, explored.all);
    assert!(explored.orders > 50, "the threads met nowhere");
}

#[test]
fn a_client_that_moves_to_a_websocket_hears_and_says_all_of_it_once_and_in_order() {
    for old in [Wire::Polling, Wire::Sse] {
        for twist in [Twist::Nothing, Twist::Breaks] {
            let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
                let (scene, mut cast) = play(threads, old, false, twist);
                holds(&scene, &mut cast, twist);
            });
            report(&format!("{old}, {twist:?}"), explored);
        }
    }
}

#[test]
fn a_close_during_a_move_is_heard_once_behind_all_that_was_sent_before() {
    for old in [Wire::Polling, Wire::Sse] {
        let moves: [AtomicUsize; 2] = Default::default();
        let explored = explore(PREEMPTIONS, ORDERS, |threads: &mut Threads<'_>| {
            let (scene, mut cast) = play(threads, old, false, Twist::Closes);
            moves[scene.engine.application().moved.load(Ordering::Relaxed)].fetch_add(1, Ordering::Relaxed);
            holds(&scene, &mut cast, Twist::Closes);
        });
        assert!(moves.iter().all(|moves| moves.load(Ordering::Relaxed) > 0), "{moves:?}");
        report(&format!("{old}, closes"), explored);
    }
}

#[test]
fn of_a_client_that_moves_in_haste_each_packet_is_taken_by_one_wire() {
    for (twist, orders) in [(Twist::Nothing, ORDERS), (Twist::Quiet, 5_000)] {
        let explored = explore(PREEMPTIONS, orders, |threads: &mut Threads<'_>| {
            let (scene, mut cast) = play(threads, Wire::Polling, true, twist);
            holds(&scene, &mut cast, twist);
        });
        report(&format!("in haste, {twist:?}"), explored);
    }
}
