//! The engine: its sessions, its clock, and what it asks of the application above it.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use smallvec::SmallVec;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::rate::{Allowance, Gauge};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_runtime::runtime::Runtime;
use sockeye_runtime::turns::let_others_run;
use sockeye_websocket::deflate::Agreement;

use crate::body::Body;
use crate::counters::Counters;
use crate::deflate::Forms;
use crate::dialect::Dialect;
use crate::entrance::{Busy, Entrance};
use crate::handshake::Handshake;
use crate::log::SESSION;
use crate::memory;
use crate::options::Options;
use crate::origin_check::Told;
use crate::session::{Ended, Enqueued, Look, Parting, Session};
use crate::sid::Sid;
use crate::side::SendError;
use crate::table::Table;
use crate::terms::Terms;
use crate::traffic::Traffic;

/// Sessions that one thread writes for before it lets others run.
const SLICE: usize = 64;

/// Sessions that a drain closes in each tick at least.
const DRAINED: usize = 50;

/// Sessions that are weighed before others run.
const WEIGHED: u32 = 1024;

/// How often what is held is weighed.
const WEIGH_EVERY: Duration = Duration::from_secs(1);

/// What stands above the engine: it is told what happens to sessions.
///
/// All methods are called in order for one session, from the task of whatever wire carries it, with no lock
/// held. They must not block; what takes time is a task of the application's own.
///
/// Of the reference's events some are no method, since they would cost every packet: `packet` is
/// [`message`](Application::message) and [`heartbeat`](Application::heartbeat), which leaves out what means nothing to
/// an application; `packetCreate` happens where the application makes its frame; and who wants to know of `flush` and
/// `drain` awaits [`Engine::room`], or reads [`Session::queued`].
pub trait Application: Send + Sync + Sized + 'static {
    /// What it keeps beside each session, inline.
    type Connection: Send + Sync + 'static;

    /// Answers a request under the engine's path that is the application's own business, such as a file. Asked
    /// first. By default there is none.
    fn answer(&self, request: &http::request::Parts) -> Option<http::Response<Body>> {
        let _ = request;
        None
    }

    /// Whether one more session may be opened: the application's own limit, asked before `allow_request`. A peer that may
    /// not is refused with [`Busy::Application`]. By default it may.
    fn admits(&self) -> bool {
        true
    }

    /// A peer asks to open a session: what is kept beside it? The session does not exist yet.
    fn connect(&self, handshake: Handshake) -> Self::Connection;

    /// A session is open, and its open packet queued.
    fn opened(&self, engine: &Arc<Engine<Self>>, session: &Arc<Session<Self::Connection>>);

    /// A better wire has probed the session and may soon carry it, or not. The reference's `upgrading`.
    fn upgrading(
        &self,
        engine: &Arc<Engine<Self>>,
        session: &Arc<Session<Self::Connection>>,
        from: Wire,
        to: Wire,
    ) {
        let _ = (engine, session, from, to);
    }

    /// A better wire carries the session from here on. The reference's `upgrade`.
    fn upgraded(
        &self,
        engine: &Arc<Engine<Self>>,
        session: &Arc<Session<Self::Connection>>,
        from: Wire,
        to: Wire,
    ) {
        let _ = (engine, session, from, to);
    }

    /// The peer answered a ping, or in protocol 3 sent one. The reference's `heartbeat`.
    fn heartbeat(&self, engine: &Arc<Engine<Self>>, session: &Arc<Session<Self::Connection>>) {
        let _ = (engine, session);
    }

    /// A message came. It borrows from the wire's buffer.
    fn message(
        &self,
        engine: &Arc<Engine<Self>>,
        session: &Arc<Session<Self::Connection>>,
        message: Message<'_>,
    ) -> Flow;

    /// After [`Flow::Wait`]: whether the wire may go on reading; else `cx` is woken when it may. A session
    /// that is closed has room, and whoever waits for it is woken.
    fn poll_room(&self, session: &Arc<Session<Self::Connection>>, cx: &mut Context<'_>) -> Poll<()>;

    /// A session's entry on the wheel fired. Answers when the application wants to be asked again.
    fn timeout(
        &self,
        engine: &Arc<Engine<Self>>,
        session: &Arc<Session<Self::Connection>>,
        now: Tick,
    ) -> Option<Tick>;

    /// Bytes that the application holds for a session beside what waits for its peer. Asked each second, under a lock of
    /// the engine's: it must not come back. By default 0.
    fn held(&self, session: &Session<Self::Connection>) -> usize {
        let _ = session;
        0
    }

    /// A session has closed. Called once, after everything else.
    fn closed(
        &self,
        engine: &Arc<Engine<Self>>,
        session: &Arc<Session<Self::Connection>>,
        reason: CloseReason,
    );
}

/// What the wire does after a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// It goes on, unless more than the soft limit waits for the peer.
    Continue,
    /// The message was taken, and the wire stops reading until [`Application::poll_room`] lets it go on.
    Wait,
    /// The session closes for this reason.
    Close(CloseReason),
}

/// All sessions of one application, whatever carries them. Shared by all threads.
pub struct Engine<A: Application> {
    application: A,
    options: Options,
    terms: Arc<Terms>,
    table: Table<A::Connection>,
    entrance: Entrance,
    draining: AtomicBool,
    counters: Counters,
    foreign_origins: Told,
    ping: Frame,
}

impl<A: Application> Engine<A> {
    /// An engine whose clock runs on `runtime` from now until the engine is dropped.
    #[must_use]
    pub fn new(application: A, options: Options, runtime: Runtime) -> Arc<Engine<A>> {
        let mut terms = Terms::new(options.timing(), options.limits(), options.resume_bytes, runtime);
        terms.deflate = options.per_message_deflate;
        terms.rate = options.rate.map(Gauge::from);
        let terms = Arc::new(terms);
        let entrance = Entrance::new(options.entrance());
        let engine = Arc::new(Engine {
            application,
            options,
            entrance,
            draining: AtomicBool::new(false),
            table: Table::default(),
            counters: Counters::default(),
            foreign_origins: Told::default(),
            ping: Frame::text(&[b"2"]),
            terms: terms.clone(),
        });
        terms.runtime.clone().spawn(keep_time(Arc::downgrade(&engine), terms.clone()));
        terms.runtime.clone().spawn(keep_budget(Arc::downgrade(&engine), terms));
        engine
    }

    /// The application.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// What it was told.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Where its tasks run.
    pub fn runtime(&self) -> &Runtime {
        &self.terms.runtime
    }

    /// The current tick.
    pub fn now(&self) -> Tick {
        self.terms.now()
    }

    /// Sessions that are open now. [`sessions`](Engine::sessions) may hold more: those that closed and whose peer is yet
    /// to hear of it.
    pub fn clients_count(&self) -> u64 {
        self.counters.clients()
    }

    /// Bytes that it held for its peers when that was last looked at, within the last second or so: see
    /// [`Options::memory_budget`].
    pub fn held(&self) -> usize {
        self.terms.memory.weighed()
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What went over its wires so far.
    pub fn traffic(&self) -> &Traffic {
        &self.terms.traffic
    }

    /// Its sessions.
    pub fn sessions(&self) -> &Table<A::Connection> {
        &self.table
    }

    /// Which foreign origins were told of.
    pub(crate) fn foreign_origins(&self) -> &Told {
        &self.foreign_origins
    }

    pub(crate) fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// Opens a session on `wire`: queues its open packet and what follows it at once, then tells the application. The
    /// wire attaches its link afterwards, so all of it leaves at once. None when there is a session with that id.
    pub(crate) fn open(
        self: &Arc<Self>,
        sid: Sid,
        wire: Wire,
        dialect: Dialect,
        deflate: Option<Agreement>,
        handshake: Handshake,
        open_packet: Frame,
    ) -> Option<Arc<Session<A::Connection>>> {
        let address = handshake.address();
        let connection = self.application.connect(handshake);
        let session = self.table.insert(sid, |slot| {
            Arc::new(Session::new(sid, slot, wire, dialect, deflate, &self.terms, connection))
        })?;
        self.entrance.entered(session.slot(), address);
        // Phases are spread by slot, so a crowd that came at once is not pinged at once; by little, since peers
        // wait for the first ping no longer than interval and time-out.
        let spread = 1 + (self.terms.timing.ping_timeout / 8).min(7);
        let first = self.now().after(self.terms.timing.ping_interval + session.slot() % spread);
        session.schedule(&self.terms, first);
        self.counters.count_opened(wire);
        tracing::debug!(target: SESSION, session = session.slot(), transport = wire.as_str(), "opened");
        let initial = self.options.initial_packet.clone();
        let opened = session.send(&self.terms, [open_packet].into_iter().chain(initial));
        debug_assert!(opened.is_ok(), "a fresh session takes its open packet");
        self.application.opened(self, &session);
        Some(session)
    }

    /// A session moved.
    pub(crate) fn upgraded(self: &Arc<Self>, session: &Arc<Session<A::Connection>>, from: Wire, to: Wire) {
        self.counters.count_upgraded();
        tracing::debug!(
            target: SESSION,
            session = session.slot(),
            from = from.as_str(),
            to = to.as_str(),
            "upgraded",
        );
        self.application.upgraded(self, session, from, to);
    }

    /// Queues frames, in order and with nothing between them, and writes unless somebody does. From any
    /// thread; never waits.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(
        &self,
        session: &Arc<Session<A::Connection>>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), SendError> {
        session.send(&self.terms, frames)
    }

    /// Sends frames if the wire takes them now; says whether it did.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn send_volatile(
        &self,
        session: &Arc<Session<A::Connection>>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<bool, SendError> {
        session.send_volatile(&self.terms, frames)
    }

    /// Queues frames for one session, all or none, and writes nothing. True when the caller is to
    /// [`flush_one`](Engine::flush_one) it. Safe under the caller's own locks. They are compressed as those of
    /// [`enqueue`](Engine::enqueue).
    pub fn queue(&self, session: &Session<A::Connection>, frames: &[Frame], volatile: bool) -> bool {
        let mut forms = Forms::new(frames);
        session.enqueue(&self.terms, forms.of(session.deflate(&self.terms)), volatile) == Enqueued::Dirty
    }

    /// The same for many sessions, of which each frame is compressed once; answers the slots to
    /// [`flush`](Engine::flush).
    pub fn queue_all<'s>(
        &self,
        sessions: impl IntoIterator<Item = &'s Arc<Session<A::Connection>>>,
        frames: &[Frame],
        volatile: bool,
    ) -> Vec<u32> {
        let mut forms = Forms::new(frames);
        let mut dirty = Vec::new();
        for session in sessions {
            let frames = forms.of(session.deflate(&self.terms));
            if session.enqueue(&self.terms, frames, volatile) == Enqueued::Dirty {
                dirty.push(session.slot());
            }
        }
        dirty
    }

    /// Calls `batch`; what it sends to the session leaves together behind it, unless a read batch does so later.
    pub fn corked<T>(&self, session: &Arc<Session<A::Connection>>, batch: impl FnOnce() -> T) -> T {
        let was_corked = session.cork();
        let done = batch();
        if !was_corked {
            session.uncork(&self.terms);
        }
        done
    }

    /// Writes what was queued for one session.
    pub fn flush_one(&self, session: &Arc<Session<A::Connection>>) {
        session.flush(&self.terms);
    }

    /// Waits until less than the soft limit waits for the peer, or the session is closed. Cancel-safe.
    pub async fn room(&self, session: &Arc<Session<A::Connection>>) {
        poll_fn(|cx| session.poll_room(&self.terms, cx)).await;
    }

    /// Queues frames for many sessions and writes nothing; `dirty` receives the slots to
    /// [`flush`](Engine::flush). Safe under the caller's own locks: it takes the table's read lock and one
    /// session's lock at a time.
    ///
    /// Frames are compressed on the way, once for all that agreed on the same window: some 10 µs for each kilobyte of
    /// what is worth it, during which those locks of the caller's are held, and no session's.
    pub fn enqueue(
        &self,
        slots: &mut dyn Iterator<Item = u32>,
        frames: &[Frame],
        volatile: bool,
        dirty: &mut Vec<u32>,
    ) {
        let mut forms = Forms::new(frames);
        self.table.visit(slots, |session| {
            let frames = forms.of(session.deflate(&self.terms));
            if session.enqueue(&self.terms, frames, volatile) == Enqueued::Dirty {
                dirty.push(session.slot());
            }
        });
    }

    /// Writes what a broadcast queued: a slice now, the rest from a task that lets others run in between.
    pub fn flush(self: &Arc<Self>, mut dirty: Vec<u32>) {
        let rest = if dirty.len() > SLICE { dirty.split_off(SLICE) } else { Vec::new() };
        self.flush_slice(&dirty);
        if !rest.is_empty() {
            let engine = self.clone();
            self.terms.runtime.spawn(async move {
                for slice in rest.chunks(SLICE) {
                    engine.flush_slice(slice);
                    let_others_run().await;
                }
            });
        }
    }

    fn flush_slice(&self, slots: &[u32]) {
        let mut sessions: SmallVec<[_; SLICE]> = SmallVec::new();
        self.table.visit(&mut slots.iter().copied(), |session| sessions.push(session.clone()));
        sessions.iter().for_each(|session| session.flush(&self.terms));
    }

    /// Takes what a peer said from what it may say. False when it is more.
    pub(crate) fn take(&self, allowance: &mut Allowance, bytes: usize) -> bool {
        self.terms.rate.as_ref().is_none_or(|gauge| allowance.take(gauge, bytes))
    }

    /// What came with a request that was counted already.
    pub(crate) fn take_bytes(&self, allowance: &mut Allowance, bytes: usize) {
        if let Some(gauge) = &self.terms.rate {
            // Too many show at the first message that they bring.
            allowance.take_bytes(gauge, bytes);
        }
    }

    /// Keeps what is left of what a peer may say, and tells when that is little.
    #[inline]
    pub(crate) fn spend(&self, session: &Session<A::Connection>, allowance: Allowance) {
        if session.spend(&self.terms, allowance) {
            self.tell_loud(session);
        }
    }

    #[cold]
    fn tell_loud(&self, session: &Session<A::Connection>) {
        self.counters.count_loud();
        let (session, wire) = (session.slot(), session.wire());
        tracing::warn!(target: SESSION, session, %wire, "a peer has said half of what it may at once");
    }

    /// One request, of a session: false when the peer may not, and the session is closed for it.
    pub(crate) fn admit_request(
        self: &Arc<Self>,
        session: &Arc<Session<A::Connection>>,
        bytes: usize,
    ) -> bool {
        let mut allowance = session.allowance(&self.terms);
        let may = self.take(&mut allowance, bytes);
        self.spend(session, allowance);
        if !may {
            self.close_here(session, CloseReason::RateLimit, CloseReason::RateLimit.into());
        }
        may
    }

    /// Asks the application about the session again at `at`.
    pub fn schedule(&self, session: &Session<A::Connection>, at: Tick) {
        session.schedule(&self.terms, at);
    }

    /// Closes a session in an orderly way: what waits is sent before. The application hears of it from a
    /// task of its own, so this may be called from anywhere.
    pub fn close(self: &Arc<Self>, session: &Arc<Session<A::Connection>>, reason: CloseReason) {
        if let Some(ended) = session.shut(&self.terms, reason, reason.into()) {
            let (engine, session) = (self.clone(), session.clone());
            self.terms.runtime.spawn(async move { engine.finish(&session, ended) });
        }
    }

    /// Closes a session from its wire's own task, where no lock is held.
    pub(crate) fn close_here(
        self: &Arc<Self>,
        session: &Arc<Session<A::Connection>>,
        reason: CloseReason,
        parting: Parting,
    ) {
        if let Some(ended) = session.shut(&self.terms, reason, parting) {
            self.finish(session, ended);
        }
    }

    fn finish(self: &Arc<Self>, session: &Arc<Session<A::Connection>>, ended: Ended) {
        self.counters.count_closed(ended.reason);
        tracing::debug!(
            target: SESSION,
            session = session.slot(),
            transport = session.wire().as_str(),
            reason = ended.reason.as_str(),
            "closed",
        );
        self.application.closed(self, session, ended.reason);
        if !ended.lingers {
            return self.forget(session);
        }
        let sleep = self.terms.runtime.sleep(self.options.close_timeout);
        let (engine, session) = (Arc::downgrade(self), session.clone());
        self.terms.runtime.spawn(async move {
            sleep.await;
            if let Some(engine) = engine.upgrade() {
                engine.forget(&session);
            }
        });
    }

    /// The peer of a lingering session knows that it is closed.
    pub(crate) fn forget(&self, session: &Arc<Session<A::Connection>>) {
        // Before its slot is another's.
        if self.table.remove(session, |slot| self.entrance.left(slot)) {
            let glance = session.glance();
            self.terms.traffic.settle(glance.received, glance.sent);
        }
    }

    /// Whether one more session may be opened from that address.
    pub(crate) fn admit(&self, address: Option<SocketAddr>) -> Result<(), Busy> {
        if self.is_draining() {
            return Err(Busy::Draining);
        }
        self.entrance.admit(self.now(), self.table.len(), address)?;
        if self.application.admits() { Ok(()) } else { Err(Busy::Application) }
    }

    /// Adds up what is held, and closes the sessions that hold most where it is too much.
    async fn weigh(self: Arc<Self>) {
        let mut total = 0;
        let mut heavy = Vec::new();
        let unfinished: HashMap<u32, usize> = self.terms.memory.unfinished().into_iter().collect();
        let mut from = 0;
        while from < self.table.slots() {
            let to = from + WEIGHED;
            self.table.visit(&mut (from..to), |session| {
                let bytes = session.held()
                    + unfinished.get(&session.slot()).copied().unwrap_or_default()
                    + self.application.held(session);
                total += bytes;
                if memory::is_heavy(bytes) {
                    heavy.push((bytes, session.clone()));
                }
            });
            from = to;
            let_others_run().await;
        }
        self.terms.memory.set_weighed(total);
        let chosen = memory::choose(heavy, total, self.options.memory_budget);
        if !chosen.is_empty() {
            tracing::warn!(target: SESSION, held = total, closed = chosen.len(), "the memory budget is spent");
        }
        for session in chosen {
            self.close_here(&session, CloseReason::MemoryBudget, CloseReason::MemoryBudget.into());
        }
    }

    /// Whether its sessions are being let go: no new one is opened.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Lets go of all sessions, so that they come back to another server, and not all at once: from now on none is opened,
    /// and those that there are close with `server shutting down`, spread over the better part of `within`. What waits for
    /// a peer is sent before. Returns when none is left, or `within` is over and the rest was closed.
    ///
    /// Requests must be served meanwhile: a peer that polls is told by its next GET. Dropped, it closes no more of them, and
    /// none is opened all the same.
    pub async fn drain(self: &Arc<Self>, within: Duration) {
        self.draining.store(true, Ordering::Relaxed);
        let mut sessions = self.table.all();
        let spread = (within.as_millis() * 4 / 5 / Tick::LENGTH.as_millis()).max(1);
        let batch = sessions.len().div_ceil(spread as usize).max(DRAINED);
        let until = self.terms.runtime.now() + within;
        while !sessions.is_empty() && self.terms.runtime.now() < until {
            for session in sessions.drain(..batch.min(sessions.len())) {
                self.close(&session, CloseReason::ServerShuttingDown);
            }
            self.terms.runtime.sleep(Tick::LENGTH).await;
        }
        self.shut_down(CloseReason::ServerShuttingDown);
        while !self.table.is_empty() && self.terms.runtime.now() < until {
            self.terms.runtime.sleep(Tick::LENGTH).await;
        }
    }

    /// Closes every session.
    pub fn shut_down(self: &Arc<Self>, reason: CloseReason) {
        for session in self.table.all() {
            self.close(&session, reason);
        }
    }

    /// A tick has passed.
    fn tick(self: &Arc<Self>) {
        let now = self.terms.tick();
        let mut ended = Vec::new();
        for slot in self.terms.wheel.take(now) {
            let Some(session) = self.table.get(slot) else { continue };
            match session.handle_timeout(&self.terms, &self.ping) {
                None => {}
                Some(Look::Close(reason)) => ended.push((session, reason)),
                Some(Look::Live) => {
                    if let Some(again) = self.application.timeout(self, &session, now) {
                        session.schedule(&self.terms, again);
                    }
                }
            }
        }
        if ended.is_empty() {
            return;
        }
        let engine = self.clone();
        self.terms.runtime.spawn(async move {
            for slice in ended.chunks(SLICE) {
                slice
                    .iter()
                    .for_each(|(session, reason)| engine.close_here(session, *reason, (*reason).into()));
                let_others_run().await;
            }
        });
    }
}

/// Weighs what is held, from time to time, until the engine is gone.
async fn keep_budget<A: Application>(engine: Weak<Engine<A>>, terms: Arc<Terms>) {
    loop {
        terms.runtime.sleep(WEIGH_EVERY).await;
        let Some(engine) = engine.upgrade() else { return };
        engine.weigh().await;
    }
}

/// Turns the wheel until the engine is gone. Ticks that a busy machine was late for are made up for.
async fn keep_time<A: Application>(engine: Weak<Engine<A>>, terms: Arc<Terms>) {
    let start = terms.runtime.now();
    for tick in 1u32.. {
        let wait = (start + Tick::LENGTH * tick).saturating_sub(terms.runtime.now());
        if !wait.is_zero() {
            terms.runtime.sleep(wait).await;
        }
        let Some(engine) = engine.upgrade() else { return };
        engine.tick();
    }
}

impl<A: Application> fmt::Debug for Engine<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} sessions)", self.table.len())
    }
}
