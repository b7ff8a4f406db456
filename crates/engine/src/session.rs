//! A session: one peer, whatever carries it.
//!
//! ```text
//!  any thread ── send ──▶ outbox ──▶ link: direct  ──▶ socket      the sender writes
//!                                    link: parked  ──▶ a poll, a stream, a task comes and takes
//!  a wire ── receive(seat, packet) ──▶ core ──▶ what is to be done
//! ```
//! **The writer's token.** Who finds nobody writing writes until the queue is empty; all others only push.
//! The lock is never held over a system call, a wake-up or user code.
//!
//! **Seats.** A wire holds a seat. A move gives the session a new seat, link and wire in one step; whoever
//! comes with the old one learns that it is superseded. A wire that asks to take over is the *candidate*
//! and has a seat of its own from the start.
//!
//! Knows no engine: who calls it passes the [`Terms`], and cleans up after a close.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::SockRef;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::outbox::{Forgotten, Outbox};
use sockeye_engine_proto::packet::{Message, Packet};
use sockeye_engine_proto::rate::{Allowance, Bucket};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::{Control, Effect, Pinger, Wire};
use sockeye_engine_proto::slow::WhenSlow;
use sockeye_engine_proto::tick::Tick;
use sockeye_websocket::close::{Close, CloseCode};
use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::encode::{EMPTY_CLOSE, encode_close};
use tokio::net::TcpStream;

use crate::deflate::Deflate;
use crate::dialect::Dialect;
use crate::link::{Link, has_ended, limit_silence};
use crate::lock::{Mutex, MutexGuard};
use crate::sid::Sid;
use crate::side::{Candidate, Flags, Glance, Overlap, Seat, SendError, Side, Taken, Writer};
use crate::terms::Terms;

/// Bytes that leave in one system call, and that a corked session queues before it writes all the same.
const WRITE_SIZE: usize = 64 * 1024;

/// Bytes that may wait for a peer before its pings, those of a WebSocket and of protocol 3, are no longer answered.
const PONG_LIMIT: usize = 64 * 1024;

/// How long a peer may take to answer a Close frame before its connection is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    /// Taken out for the length of a write, so that nothing can find it in use.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One Engine.IO session, shared by all threads. `C` is what the application keeps beside it.
#[derive(Debug)]
pub struct Session<C> {
    sid: Sid,
    slot: u32,
    /// What the peer has said lately: a bucket. Who reads for the session, of whom there is one, changes it.
    said: AtomicU32,
    side: Mutex<Side>,
    connection: C,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Received<'p> {
    /// Nothing is to be done.
    Nothing,
    /// The application's message.
    Message {
        /// The message.
        message: Message<'p>,
        /// More than the soft limit waits for the peer: once the message is handled the wire reads no further,
        /// until [`Session::poll_room`] lets it go on.
        full: bool,
    },
    /// The peer is alive: a pong, or in protocol 3 a ping, which is answered.
    Heartbeat,
    /// The wire that asked has probed, and is answered; this one carries the session so far.
    Probed {
        /// Which wire.
        from: Wire,
    },
    /// The wire that asked carries the session from here on.
    Adopted {
        /// The wire that did until now.
        from: Wire,
    },
    /// The wire has no business here: it is to be closed, the session goes on.
    Refused,
    /// The session is to be closed.
    Close(CloseReason),
}

/// What became of a frame that a broadcast queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enqueued {
    /// It leaves with what somebody writes already, or the session is closed.
    Done,
    /// The caller is to flush the session.
    Dirty,
}

// One field more costs every idle session a size class of the allocator.
const _: () = assert!(size_of::<Session<()>>() <= 112);

impl<C> Session<C> {
    pub(crate) fn new(
        sid: Sid,
        slot: u32,
        wire: Wire,
        dialect: Dialect,
        deflate: Option<Agreement>,
        terms: &Terms,
        connection: C,
    ) -> Session<C> {
        let side = Side::new(wire, dialect, deflate, terms);
        Session { sid, slot, said: AtomicU32::default(), side: Mutex::new(side), connection }
    }

    /// Its id, a secret between the peer and us.
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// Its dense number, for tables. Given again once the session is gone.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// What the application keeps beside it.
    pub fn connection(&self) -> &C {
        &self.connection
    }
}

impl<C: Send + Sync + 'static> Session<C> {
    /// What carries it now.
    pub fn wire(&self) -> Wire {
        self.side.lock().core.wire()
    }

    /// The version of the protocol that the peer speaks: 4, or 3.
    pub fn protocol(&self) -> u8 {
        match self.side.lock().core.pinger() {
            Pinger::Server => 4,
            Pinger::Client => 3,
        }
    }

    /// Whether polling carries it and its last GET would not wait: short polling.
    pub fn is_short_polling(&self) -> bool {
        let side = self.side.lock();
        side.flags.has(Flags::SHORT) && side.core.wire() == Wire::Polling
    }

    /// Whether nothing is read from the peer for now, since much waits for it, or for its handlers.
    pub fn is_paused(&self) -> bool {
        self.side.lock().core.is_paused()
    }

    /// Why it closed, once it has.
    pub fn closed(&self) -> Option<CloseReason> {
        self.side.lock().core.closed()
    }

    /// What somebody who walks by sees.
    pub(crate) fn glance(&self) -> Glance {
        self.side.lock().glance()
    }

    /// Bytes that wait for the peer.
    pub fn queued(&self) -> usize {
        self.side.lock().outbox.bytes()
    }

    /// What its queue takes: what waits for the peer, and what is kept for when it comes back.
    pub(crate) fn held(&self) -> usize {
        self.side.lock().outbox.memory()
    }

    // ---- In: how much ---------------------------------------------------------------------------------

    /// What the peer may still say.
    #[inline]
    pub(crate) fn allowance(&self, terms: &Terms) -> Allowance {
        let said = || Bucket::from_bits(self.said.load(Ordering::Relaxed));
        terms.rate.as_ref().map_or(Allowance::UNLIMITED, |gauge| said().open(gauge, terms.now()))
    }

    /// Keeps what is left of it. True when that is less than half for the first time.
    #[inline]
    pub(crate) fn spend(&self, terms: &Terms, allowance: Allowance) -> bool {
        let Some(gauge) = &terms.rate else { return false };
        self.said.store(allowance.close(gauge, terms.now()).to_bits(), Ordering::Relaxed);
        allowance.is_loud(gauge)
    }

    // ---- Out ------------------------------------------------------------------------------------------

    /// Queues frames, in order and with nothing between them, and writes unless somebody does. From any
    /// thread; never waits.
    ///
    /// # Errors
    /// [`SendError::Closed`]; [`SendError::SlowReader`] when the queue is over its limits, which closes the
    /// session.
    pub fn send(
        self: &Arc<Self>,
        terms: &Arc<Terms>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), SendError> {
        match self.deflate(terms) {
            Some(deflate) => self.send_as_given(terms, deflate.apply_to_all(frames)),
            None => self.send_as_given(terms, frames),
        }
    }

    #[inline]
    fn send_as_given(
        self: &Arc<Self>,
        terms: &Arc<Terms>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), SendError> {
        let mut side = self.side.lock();
        for frame in frames {
            side.push(frame, terms, self.slot)?;
        }
        self.drive(terms, side);
        Ok(())
    }

    /// Sends frames if the wire takes them now; says whether it did. Never queues.
    pub fn send_volatile(
        self: &Arc<Self>,
        terms: &Arc<Terms>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<bool, SendError> {
        match self.deflate(terms) {
            // Not for a peer that gets none of it.
            Some(deflate) if self.side.lock().is_writable(terms) => {
                self.send_volatile_as_given(terms, deflate.apply_to_all(frames))
            }
            _ => self.send_volatile_as_given(terms, frames),
        }
    }

    #[inline]
    fn send_volatile_as_given(
        self: &Arc<Self>,
        terms: &Arc<Terms>,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<bool, SendError> {
        let mut side = self.side.lock();
        if side.core.closed().is_some() {
            return Err(SendError::Closed);
        }
        if !side.is_writable(terms) {
            return Ok(false);
        }
        frames.into_iter().for_each(|frame| side.push_unchecked(frame, terms.now()));
        self.drive(terms, side);
        Ok(true)
    }

    /// How its frames are compressed, if they are: not for a peer that wants base64, which has fewer bytes to save.
    #[inline]
    pub(crate) fn deflate(&self, terms: &Terms) -> Option<Deflate> {
        let options = terms.deflate?;
        let side = self.side.lock();
        let agreement = side.deflate.filter(|_| !side.flags.has(Flags::BASE64))?;
        Some(Deflate { options, agreement })
    }

    /// Queues frames for a broadcast, all or none, and writes nothing. They leave as they are given.
    pub fn enqueue(&self, terms: &Terms, frames: &[Frame], volatile: bool) -> Enqueued {
        let mut side = self.side.lock();
        if side.core.closed().is_some() || (volatile && !side.is_writable(terms)) {
            return Enqueued::Done;
        }
        for frame in frames {
            if side.push(frame.clone(), terms, self.slot).is_err() {
                return Enqueued::Done;
            }
        }
        if side.writer != Writer::Idle || side.flags.has(Flags::CORKED) || side.flags.has(Flags::DIRTY) {
            return Enqueued::Done;
        }
        side.flags.set(Flags::DIRTY, true);
        Enqueued::Dirty
    }

    /// Writes what a broadcast queued.
    pub fn flush(self: &Arc<Self>, terms: &Arc<Terms>) {
        let mut side = self.side.lock();
        side.flags.set(Flags::DIRTY, false);
        self.drive(terms, side);
    }

    /// A read batch begins: its answers are queued until [`uncork`](Session::uncork), or until they are 64
    /// KiB, and leave in one write.
    ///
    /// Answers whether one had begun already.
    pub fn cork(&self) -> bool {
        self.side.lock().flags.replace(Flags::CORKED, true)
    }

    /// The read batch is over.
    pub fn uncork(self: &Arc<Self>, terms: &Arc<Terms>) {
        let mut side = self.side.lock();
        side.flags.set(Flags::CORKED, false);
        self.drive(terms, side);
    }

    /// Whether less than the soft limit waits; else `cx` is woken when it does.
    pub fn poll_room(&self, terms: &Terms, cx: &mut Context<'_>) -> Poll<()> {
        let mut side = self.side.lock();
        if side.core.closed().is_some() || side.outbox.held() <= terms.limits.soft {
            return Poll::Ready(());
        }
        side.wait(cx);
        Poll::Pending
    }

    /// Why it closed, once its wire has been told; else `cx` is woken when it is, and perhaps before.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let mut side = self.side.lock();
        match side.core.closed() {
            Some(reason) if side.flags.has(Flags::CUT) => Poll::Ready(reason),
            _ => {
                side.wait(cx);
                Poll::Pending
            }
        }
    }

    /// What becomes of events of `channel` that are [marked](Frame::marked) and say no rule of their own, when the peer reads
    /// slowly: of those that are queued from now on.
    pub fn set_when_slow(&self, channel: u16, rule: WhenSlow) {
        self.side.lock().set_rule(channel, rule);
    }

    /// Queues an answer to the peer's ping, unless much waits: a peer that asks and does not read gets no more of them.
    pub(crate) fn pong(self: &Arc<Self>, terms: &Arc<Terms>, frame: Frame) {
        self.answer_ping(terms, self.side.lock(), frame);
    }

    fn answer_ping(self: &Arc<Self>, terms: &Arc<Terms>, mut side: MutexGuard<'_, Side>, frame: Frame) {
        if side.core.closed().is_none() && side.outbox.held() < PONG_LIMIT {
            side.push_unchecked(frame, terms.now());
            self.drive(terms, side);
        }
    }

    /// Whoever may write writes until nothing waits. The lock is open during the system call.
    fn drive(self: &Arc<Self>, terms: &Arc<Terms>, mut side: MutexGuard<'_, Side>) {
        if side.writer != Writer::Idle || (side.flags.has(Flags::CORKED) && side.outbox.bytes() < WRITE_SIZE)
        {
            return;
        }
        while !side.outbox.is_empty() {
            let stream = match &side.link {
                Link::Direct(stream) => stream.clone(),
                Link::Parked(_) => {
                    side.writer = Writer::Idle;
                    let link = side.link.take();
                    drop(side);
                    wake(link);
                    return;
                }
            };
            side.writer = Writer::Writing;
            let seat = side.seat;
            let mut bytes = SCRATCH.take();
            bytes.clear();
            side.outbox.gather(&mut bytes, WRITE_SIZE);
            let written = MutexGuard::unlocked(&mut side, || {
                let written = stream.try_write(&bytes);
                #[cfg(test)]
                tests::while_unlocked();
                written
            });
            let whole = bytes.len();
            SCRATCH.set(bytes);
            if side.seat != seat {
                continue; // moved meanwhile: the queue it left belongs to the new link
            }
            let written = match written {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => break, // the reader of this stream sees the error too, and closes
            };
            terms.traffic.count_sent(Wire::WebSocket, written);
            side.outbox.advance(written, terms.now());
            if written < whole {
                side.writer = Writer::Blocked;
                let waiting = side.take_waiting(terms);
                drop(side);
                waiting.into_iter().flatten().for_each(Waker::wake);
                return self.wait_for_room(terms, Seat(seat), stream);
            }
        }
        side.writer = Writer::Idle;
        if side.flags.has(Flags::CUT)
            && let Link::Direct(stream) = side.link.take()
        {
            drop(side);
            // Nothing follows. An error means that the connection is gone already, which is the aim.
            SockRef::from(&*stream).shutdown(Shutdown::Write).ok();
            return;
        }
        if let Some(waiting) = side.take_waiting(terms) {
            drop(side);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// The socket is full: a task of its own holds the writer's token until there is room, so a session that
    /// is not slow pays nothing.
    fn wait_for_room(self: &Arc<Self>, terms: &Arc<Terms>, seat: Seat, stream: Arc<TcpStream>) {
        let (session, terms) = (self.clone(), terms.clone());
        terms.runtime.clone().spawn(async move {
            let stall = terms.runtime.sleep(Tick::LENGTH * terms.timing.ping_timeout);
            let has_room = {
                let mut room = pin!(stream.writable());
                let mut stall = pin!(stall);
                poll_fn(|cx| match room.as_mut().poll(cx) {
                    Poll::Ready(result) => Poll::Ready(Some(result)),
                    Poll::Pending => stall.as_mut().poll(cx).map(|()| None),
                })
                .await
            };
            let mut side = session.side.lock();
            if Seat(side.seat) != seat {
                return; // a move took the token away
            }
            side.writer = Writer::Idle;
            match has_room {
                Some(Ok(())) => session.drive(&terms, side),
                _ if side.flags.has(Flags::CUT) => {
                    let link = side.link.take();
                    drop(side);
                    cut(link);
                }
                Some(Err(_)) => {}
                None => side.mark_slow(&terms, session.slot),
            }
        });
    }

    /// Somebody comes for frames: at most `limit`, and none after 64 KiB, are given to `take`: what is taken no
    /// longer counts as waiting. When none waits, `cx` is woken later.
    ///
    /// Cancel-safe: frames are gone from the queue only when this answers [`Taken::Frames`].
    pub fn poll_take(
        &self,
        terms: &Terms,
        seat: Seat,
        cx: &mut Context<'_>,
        limit: usize,
        mut take: impl FnMut(&Frame),
    ) -> Poll<Taken> {
        let mut guard = self.side.lock();
        let side = &mut *guard;
        if let Some(candidate) = side.candidate(seat) {
            return candidate.poll_take(cx, take);
        }
        if Seat(side.seat) != seat {
            return Poll::Ready(Taken::Superseded);
        }
        let mut hold = side.rare.as_mut().and_then(|rare| rare.candidate.as_mut()?.hold.as_mut());
        let limit = hold.as_ref().map_or(limit, |hold| limit.min(**hold));
        if side.outbox.is_empty() || limit == 0 {
            if let (true, Some(reason)) = (side.flags.has(Flags::CUT), side.core.closed()) {
                return Poll::Ready(Taken::Closed(reason));
            }
            side.link = Link::Parked(cx.waker().clone());
            return Poll::Pending;
        }
        side.link = Link::away();
        let keep = side.core.wire() == Wire::Sse;
        let (mut taken, mut bytes) = (0, 0);
        while taken < limit
            && bytes < WRITE_SIZE
            && let Some(frame) = side.outbox.next()
        {
            bytes += frame.len();
            take(frame);
            side.outbox.written(keep, terms.now());
            taken += 1;
        }
        if let Some(hold) = &mut hold {
            **hold -= taken;
        }
        if keep {
            side.outbox.trim(terms.kept);
        }
        // Only a stream tells it, and it is looked for.
        let last = if keep { side.outbox.last_written() } else { 0 };
        let waiting = side.take_waiting(terms);
        drop(guard);
        waiting.into_iter().flatten().for_each(Waker::wake);
        Poll::Ready(Taken::Frames { last })
    }

    // ---- In -------------------------------------------------------------------------------------------

    /// A packet came on the wire that holds `seat`.
    pub fn receive<'p>(self: &Arc<Self>, terms: &Arc<Terms>, seat: Seat, packet: Packet<'p>) -> Received<'p> {
        let now = terms.now();
        let mut side = self.side.lock();
        if side.speaks(seat) {
            if let Packet::Message(_) = packet {
                side.outbox.count_received();
            }
            return match side.core.handle_packet(packet, now, &terms.timing) {
                Effect::Message(message) => {
                    Received::Message { message, full: side.outbox.held() > terms.limits.soft }
                }
                Effect::Close(reason) => Received::Close(reason),
                Effect::Send(Control::Pong) => {
                    self.answer_ping(terms, side, Frame::text(&[b"3"]));
                    Received::Heartbeat
                }
                Effect::Nothing if matches!(packet, Packet::Pong(_)) && side.core.closed().is_none() => {
                    // The next ping may be nearer than the end of the wait for this pong.
                    side.look_at_deadline(terms, self.slot);
                    Received::Heartbeat
                }
                Effect::Nothing | Effect::Send(_) | Effect::Adopt | Effect::Abandon => Received::Nothing,
            };
        }
        let Some(wire) = side.candidate(seat).map(|candidate| candidate.wire) else {
            return Received::Refused;
        };
        let from = side.core.wire();
        match side.core.handle_candidate(packet, wire, now, &terms.timing) {
            Effect::Send(Control::ProbeAnswer) => {
                self.answer_probe(terms, side);
                Received::Probed { from }
            }
            Effect::Adopt => {
                self.adopt(terms, side);
                Received::Adopted { from }
            }
            _ => {
                self.drop_candidate(side, cut);
                Received::Refused
            }
        }
    }

    /// The wire that holds `seat` reads no further, or does again: while paused the peer's silence is ours. Another
    /// wire's word does not count.
    pub fn pause(&self, terms: &Terms, seat: Seat, paused: bool) {
        let mut side = self.side.lock();
        if !side.speaks(seat) {
            return;
        }
        side.core.pause(paused, terms.now(), &terms.timing);
        // It may be to hear of us sooner than it would have been looked at.
        side.look_at_deadline(terms, self.slot);
    }

    // ---- Wires that come and go -----------------------------------------------------------------------

    /// The seat of the wire that carries it now, with its kind.
    pub fn seat(&self) -> (Seat, Wire) {
        let side = self.side.lock();
        (Seat(side.seat), side.core.wire())
    }

    /// The seat of the wire that carries it now, with its kind, and how the peer writes.
    pub(crate) fn carrier(&self) -> (Seat, Wire, Dialect) {
        let side = self.side.lock();
        (Seat(side.seat), side.core.wire(), side.dialect())
    }

    /// Whether who holds `seat` speaks for the peer: its wire, whichever of its streams.
    pub(crate) fn speaks(&self, seat: Seat) -> bool {
        self.side.lock().speaks(seat)
    }

    /// The seat of the candidate of that kind, if there is one.
    pub fn candidate_seat(&self, wire: Wire) -> Option<Seat> {
        let side = self.side.lock();
        let candidate = side.rare.as_ref()?.candidate.as_ref()?;
        (candidate.wire == wire).then_some(Seat(candidate.seat))
    }

    /// The first wire of a fresh session says how frames leave.
    pub(crate) fn attach(self: &Arc<Self>, terms: &Arc<Terms>, link: Link) {
        let mut side = self.side.lock();
        side.link = link;
        self.drive(terms, side);
    }

    /// A new wire asks to carry the session: it gets the candidate's seat, unless there is one already or
    /// the session is on its best wire.
    pub fn claim(
        &self,
        terms: &Terms,
        wire: Wire,
        link: Link,
        base64: bool,
        deflate: Option<Agreement>,
    ) -> Option<Seat> {
        let mut side = self.side.lock();
        if side.core.wire() == wire || !side.core.claim(terms.now(), &terms.timing) {
            return None;
        }
        let mut seat = Seat(side.last_seat).next_wire();
        if side.speaks(seat) {
            seat = seat.next_wire(); // they have come round
        }
        let seat = seat.0;
        side.last_seat = seat;
        let candidate = Candidate::new(seat, wire, link, base64, deflate);
        side.rare.get_or_insert_default().candidate = Some(candidate);
        side.look_at_deadline(terms, self.slot);
        Some(Seat(seat))
    }

    /// The candidate's wire is gone, or has said goodbye itself. Was it adopted meanwhile, nothing happens.
    pub fn release(&self, seat: Seat) {
        let mut side = self.side.lock();
        if side.candidate(seat).is_some() {
            side.core.release();
            self.drop_candidate(side, end);
        }
    }

    fn answer_probe(self: &Arc<Self>, terms: &Arc<Terms>, mut side: MutexGuard<'_, Side>) {
        let answer = Frame::text(&[b"3probe"]);
        let mut old = None;
        if side.core.wire() == Wire::Sse {
            let first = side
                .rare
                .as_ref()
                .and_then(|rare| rare.candidate.as_ref())
                .is_some_and(|it| it.hold.is_none());
            if first {
                side.outbox.close_holes();
                side.outbox.push_unchecked(Frame::text(&[b"6"]), terms.now());
                let waiting = side.outbox.waiting();
                if let Some(candidate) = side.rare.as_mut().and_then(|rare| rare.candidate.as_mut()) {
                    candidate.hold = Some(waiting);
                }
                old = Some(side.link.take());
            }
        }
        side.look_at_deadline(terms, self.slot);
        let Some(candidate) = side.rare.as_mut().and_then(|rare| rare.candidate.as_mut()) else { return };
        match &candidate.link {
            Link::Direct(stream) => {
                let stream = stream.clone();
                drop(side);
                // A fresh socket takes 8 bytes; one that does not is dead and its reader sees it.
                stream.try_write(answer.websocket()).ok();
            }
            Link::Parked(_) => {
                candidate.out.push_back(answer);
                let link = candidate.link.take();
                drop(side);
                wake(link);
            }
        }
        old.into_iter().for_each(wake);
    }

    fn adopt(self: &Arc<Self>, terms: &Arc<Terms>, mut side: MutexGuard<'_, Side>) {
        let Some(rare) = &mut side.rare else { return };
        let Some(candidate) = rare.candidate.take() else { return };
        rare.jsonp = None;
        let old = std::mem::replace(&mut side.link, candidate.link);
        side.seat = candidate.seat;
        // What paused was the old wire.
        side.core.pause(false, terms.now(), &terms.timing);
        side.flags.set(Flags::BASE64, candidate.base64);
        side.deflate = candidate.deflate;
        side.flags.set(Flags::POLLING, false);
        side.flags.set(Flags::POSTING, candidate.posting);
        if side.writer == Writer::Blocked {
            side.writer = Writer::Idle;
        }
        side.outbox.trim(0);
        // A frame that the old wire cut begins anew.
        side.outbox.rewind(terms.now());
        side.shrink();
        side.look_at_deadline(terms, self.slot);
        self.drive(terms, side);
        wake(old);
    }

    fn drop_candidate(&self, mut side: MutexGuard<'_, Side>, end: fn(Link)) {
        let candidate = side.rare.as_mut().and_then(|rare| rare.candidate.take());
        side.shrink();
        // A stream that was held for the candidate goes on.
        let held = candidate.as_ref().is_some_and(|candidate| candidate.hold.is_some());
        let old = (held && !side.outbox.is_empty()).then(|| side.link.take());
        drop(side);
        candidate.into_iter().for_each(|candidate| end(candidate.link));
        old.into_iter().for_each(wake);
    }

    /// A poll begins for the wire that holds `seat`, and waits for packets unless it is `short`. Only one may be pending.
    ///
    /// The session may have moved since the seat was looked up: then the poll is to hear so, and nothing else.
    pub(crate) fn begin_poll(&self, seat: Seat, short: bool) -> Result<(), Overlap> {
        let mut side = self.side.lock();
        if Seat(side.seat) != seat {
            return Ok(());
        }
        if side.flags.has(Flags::POLLING) {
            return Err(Overlap);
        }
        side.flags.set(Flags::SHORT, short);
        side.flags.set(Flags::POLLING, true);
        Ok(())
    }

    /// The poll that holds `seat` is over. Says whether it still was the session's own.
    pub(crate) fn end_poll(&self, seat: Seat) -> bool {
        let mut side = self.side.lock();
        if Seat(side.seat) != seat {
            return false;
        }
        side.flags.set(Flags::POLLING, false);
        side.link.take();
        true
    }

    /// A POST begins for the wire that holds `seat`. Only one may be under way.
    pub(crate) fn begin_post(&self, seat: Seat) -> Result<(), Overlap> {
        let mut side = self.side.lock();
        if side.set_posting(seat, true) { Err(Overlap) } else { Ok(()) }
    }

    /// The POST is over.
    pub(crate) fn end_post(&self, seat: Seat) {
        self.side.lock().set_posting(seat, false);
    }

    /// The stream that holds `seat` ended: the session waits for another. Says whether it was the session's.
    pub(crate) fn detach(&self, terms: &Terms, seat: Seat) -> bool {
        let mut side = self.side.lock();
        if Seat(side.seat) != seat || side.core.closed().is_some() {
            return false;
        }
        side.link.take();
        side.core.detach(terms.now(), &terms.timing);
        side.look_at_deadline(terms, self.slot);
        true
    }

    /// A stream came back and has everything up to `number`: it takes over, and the rest goes out again.
    ///
    /// # Errors
    /// [`Forgotten`] when what follows `number` is no longer kept.
    pub(crate) fn resume(&self, terms: &Terms, number: u32) -> Result<Seat, Forgotten> {
        let mut side = self.side.lock();
        if side.core.wire() != Wire::Sse || side.core.closed().is_some() {
            return Err(Forgotten);
        }
        let before = side.outbox.waiting();
        side.outbox.start_over(number, terms.now())?;
        let after = side.outbox.waiting();
        // What goes out again goes in front of the `6` behind which a candidate holds the stream.
        if let Some(hold) = side.rare.as_mut().and_then(|rare| rare.candidate.as_mut()?.hold.as_mut()) {
            *hold = (*hold + after).saturating_sub(before);
        }
        side.seat = Seat(side.seat).next_stream().0;
        side.core.attach(terms.now(), &terms.timing);
        side.look_at_deadline(terms, self.slot);
        let old = side.link.take();
        let seat = Seat(side.seat);
        drop(side);
        wake(old);
        Ok(seat)
    }

    // ---- Time and end ---------------------------------------------------------------------------------

    /// Looks at it again at `at`, or before.
    pub(crate) fn schedule(&self, terms: &Terms, at: Tick) {
        self.side.lock().look_at(terms, self.slot, at);
    }

    /// The wheel came to its slot. `None` when the entry was stale.
    pub(crate) fn handle_timeout(self: &Arc<Self>, terms: &Arc<Terms>, ping: &Frame) -> Option<Look> {
        let now = terms.now();
        let mut side = self.side.lock();
        if !side.look.is_due(now) {
            return None;
        }
        if let Some(reason) = side.core.closed() {
            return (!side.flags.has(Flags::CUT)).then_some(Look::Close(reason));
        }
        if side.outbox.is_stalled(now, &terms.limits) {
            return Some(Look::Close(CloseReason::SlowReader));
        }
        if side.core.excuses(now)
            && let Link::Direct(stream) = &side.link
        {
            // Nobody reads, so nobody sees the end of the connection, or that there is no peer any more.
            let stream = stream.clone();
            let ended = MutexGuard::unlocked(&mut side, || {
                limit_silence(&stream, Tick::LENGTH * terms.timing.ping_timeout);
                has_ended(&stream)
            });
            if ended {
                return Some(Look::Close(CloseReason::TransportClose));
            }
        }
        loop {
            match side.core.handle_timeout(now, &terms.timing) {
                Effect::Nothing => break,
                Effect::Send(Control::Ping) => side.push_unchecked(ping.clone(), now),
                Effect::Send(Control::Pong) => side.push_unchecked(Frame::text(&[b"3"]), now),
                Effect::Send(_) if side.core.wire() == Wire::Polling => {
                    if side.link.is_waiting() {
                        side.push_unchecked(Frame::text(&[b"6"]), now);
                    }
                }
                Effect::Send(_) => {}
                Effect::Abandon => {
                    side.look_at_deadline(terms, self.slot);
                    self.drop_candidate(side, cut);
                    return Some(Look::Live);
                }
                Effect::Close(reason) => return Some(Look::Close(reason)),
                Effect::Message(_) | Effect::Adopt => {}
            }
        }
        side.look_at_deadline(terms, self.slot);
        side.watch(terms, self.slot);
        let waiting = side.take_waiting(terms);
        self.drive(terms, side);
        waiting.into_iter().flatten().for_each(Waker::wake);
        Some(Look::Live)
    }

    /// Closes it and tells its wire. What waits is sent before, unless the peer does not read or is gone.
    /// `None` when that was done already.
    pub(crate) fn shut(
        self: &Arc<Self>,
        terms: &Arc<Terms>,
        reason: CloseReason,
        parting: Parting,
    ) -> Option<Ended> {
        let mut side = self.side.lock();
        side.core.close(reason);
        if side.flags.replace(Flags::CUT, true) {
            return None;
        }
        let reason = side.core.closed().unwrap_or(reason);
        let wire = side.core.wire();
        let lingers = wire == Wire::Polling
            && matches!(
                reason,
                CloseReason::ForcedClose
                    | CloseReason::ServerShuttingDown
                    | CloseReason::PacketLimit
                    | CloseReason::ConnectTimeout
                    | CloseReason::SlowReader
                    | CloseReason::MemoryBudget
            )
            && (!side.flags.has(Flags::POLLING) || (!side.outbox.is_empty() && !reason.is_abrupt()));
        let (candidate, waiting) = side.take_rest();
        match (wire, parting) {
            _ if reason.is_abrupt() => {
                // Behind a frame that is written in part it would be taken for the rest of that.
                let is_told = side.writer != Writer::Writing && !side.outbox.is_cut();
                side.outbox = Outbox::default();
                let link = side.link.take();
                drop(side);
                if is_told { cut_with(link, &close_frame(reason)) } else { end(link) }
            }
            (Wire::WebSocket, Parting::Gone) => {
                side.outbox = Outbox::default();
                let link = side.link.take();
                drop(side);
                wake(link);
            }
            (Wire::WebSocket, Parting::Answer(frame)) => {
                side.push_unchecked(frame, terms.now());
                self.drive(terms, side);
            }
            (Wire::WebSocket, Parting::Close(frame)) => {
                side.push_unchecked(frame, terms.now());
                if let Link::Direct(stream) = &side.link {
                    cut_later(terms, stream.clone());
                }
                self.drive(terms, side);
            }
            _ => {
                let link = side.link.take();
                drop(side);
                wake(link);
            }
        }
        candidate.into_iter().for_each(|candidate| cut(candidate.link));
        waiting.into_iter().for_each(Waker::wake);
        Some(Ended { reason, lingers })
    }
}

/// What the wheel found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Look {
    /// It lives.
    Live,
    /// It is to be closed.
    Close(CloseReason),
}

/// What the peer of a WebSocket that closes is told. Other wires say it in their own way.
#[derive(Clone, Debug)]
pub(crate) enum Parting {
    /// We close: this Close frame, and the peer has a while to answer.
    Close(Frame),
    /// The peer closed: this Close frame, and nothing follows from either side.
    Answer(Frame),
    /// The connection is gone.
    Gone,
}

impl From<CloseReason> for Parting {
    fn from(reason: CloseReason) -> Parting {
        Parting::Close(Frame::websocket_control(&close_frame(reason)))
    }
}

/// A Close frame without a status, as the reference sends it, unless the peer is told why.
fn close_frame(reason: CloseReason) -> Vec<u8> {
    let close =
        reason.is_told().then(|| Close { code: CloseCode::POLICY_VIOLATION, reason: reason.as_str() });
    let mut frame = Vec::new();
    encode_close(close, None, &mut frame);
    frame
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    /// Why.
    pub(crate) reason: CloseReason,
    /// Whether it stays in the table until a poll has told the peer.
    pub(crate) lingers: bool,
}

fn wake(link: Link) {
    if let Link::Parked(waker) = link {
        waker.wake();
    }
}

/// Tells a wire that it is over, and ends it.
fn cut(link: Link) {
    cut_with(link, &EMPTY_CLOSE);
}

fn cut_with(link: Link, frame: &[u8]) {
    if let Link::Direct(stream) = &link {
        // Best effort: a peer that does not read gets no Close frame.
        stream.try_write(frame).ok();
    }
    end(link);
}

/// Ends a wire at once.
fn end(link: Link) {
    match link {
        Link::Direct(stream) => {
            // An error means that the connection is gone already, which is the aim.
            SockRef::from(&*stream).shutdown(Shutdown::Both).ok();
        }
        Link::Parked(waker) => waker.wake(),
    }
}

/// Gives the peer a while to answer our Close frame, then ends the connection.
fn cut_later(terms: &Terms, stream: Arc<TcpStream>) {
    let sleep = terms.runtime.sleep(CLOSE_TIMEOUT);
    let stream = Arc::downgrade(&stream);
    terms.runtime.spawn(async move {
        sleep.await;
        if let Some(stream) = stream.upgrade() {
            SockRef::from(&*stream).shutdown(Shutdown::Both).ok();
        }
    });
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;
