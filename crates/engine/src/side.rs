//! What stands under a session's lock, and what can be said of it without a wire.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::outbox::{Outbox, Overflow};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::{Core, Wire};
use sockeye_engine_proto::slow::{Mark, WhenSlow};
use sockeye_engine_proto::tick::Tick;
use sockeye_engine_proto::wire::v3;
use sockeye_websocket::deflate::Agreement;

use crate::dialect::Dialect;
use crate::link::Link;
use crate::terms::Terms;

/// A wire's claim on a session: the number of the wire, and below it that of its stream, where streams follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seat(pub(crate) u16);

impl Seat {
    /// The lower half counts streams.
    const WIRE: u16 = 0xff00;

    /// A seat for another wire.
    pub(crate) fn next_wire(self) -> Seat {
        Seat((self.0 & Seat::WIRE).wrapping_add(0x100))
    }

    /// A seat for another stream of the same wire.
    pub(crate) fn next_stream(self) -> Seat {
        Seat(self.0 & Seat::WIRE | self.0.wrapping_add(1) & !Seat::WIRE)
    }

    /// Whether both are the same wire's. What comes by POST belongs to it, whichever stream carries what goes.
    pub(crate) fn is_same_wire(self, other: Seat) -> bool {
        self.0 & Seat::WIRE == other.0 & Seat::WIRE
    }
}

/// Why a frame was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The peer does not read; the session closes for it.
    #[error("the peer does not read")]
    SlowReader,
}

/// What somebody who came for frames got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// Frames. `last` is the number of the last countable one ever written, where a stream carries the session; else 0.
    Frames {
        /// The number.
        last: u32,
    },
    /// Another wire carries the session.
    Superseded,
    /// The session is closed and nothing waits.
    Closed(CloseReason),
}

/// What somebody who walks by sees of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Glance {
    pub(crate) wire: Wire,
    pub(crate) is_open: bool,
    /// Bytes that wait for the peer.
    pub(crate) queued: usize,
    /// The same as the limits count it.
    pub(crate) held: usize,
    /// Messages that came.
    pub(crate) received: u32,
    /// Messages that were queued for the peer.
    pub(crate) sent: u32,
}

/// Two requests of a kind at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a second request of its kind came while one was pending")]
pub struct Overlap;

/// Everything under the session's lock.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) core: Core,
    pub(crate) outbox: Outbox,
    pub(crate) link: Link,
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) seat: u16,
    pub(crate) last_seat: u16,
    /// The tick of its entry on the wheel; entries of other ticks are stale.
    pub(crate) look: Tick,
    pub(crate) writer: Writer,
    pub(crate) flags: Flags,
    /// What the WebSocket that carries it agreed on.
    pub(crate) deflate: Option<Agreement>,
}

/// What is so or not, a bit each: as `bool`s they would put a session into the next size of memory block.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// A read batch runs: its answers leave together.
    pub(crate) const CORKED: Flags = Flags(1);
    /// On somebody's list of sessions to flush.
    pub(crate) const DIRTY: Flags = Flags(1 << 1);
    /// The peer asked for base64 instead of binary frames.
    pub(crate) const BASE64: Flags = Flags(1 << 2);
    /// Closed, and its wire told so.
    pub(crate) const CUT: Flags = Flags(1 << 3);
    /// A GET is pending.
    pub(crate) const POLLING: Flags = Flags(1 << 4);
    /// The last poll would not wait.
    pub(crate) const SHORT: Flags = Flags(1 << 5);
    /// A POST is under way.
    pub(crate) const POSTING: Flags = Flags(1 << 6);
    /// The peer speaks protocol 3.
    pub(crate) const V3: Flags = Flags(1 << 7);
    /// Frames are rewritten for the peer.
    const REWRITES: Flags = Flags(Flags::BASE64.0 | Flags::V3.0);

    /// Whether it is so; of several, whether one is.
    pub(crate) fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Flags, on: bool) {
        self.0 = if on { self.0 | flag.0 } else { self.0 & !flag.0 };
    }

    /// Sets a flag; answers what it was.
    pub(crate) fn replace(&mut self, flag: Flags, on: bool) -> bool {
        let was = self.has(flag);
        self.set(flag, on);
        was
    }
}

/// Who writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Writer {
    Idle,
    Writing,
    /// The socket is full; a task waits for room.
    Blocked,
}

/// What few sessions have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    pub(crate) candidate: Option<Candidate>,
    /// The callback of a peer that polls by JSONP.
    pub(crate) jsonp: Option<u32>,
    /// Those that wait for room, or for the end.
    pub(crate) waiting: SmallVec<[Waker; 1]>,
    /// What becomes of events of these channels when the peer is slow; of others all wait.
    pub(crate) rules: SmallVec<[(u16, WhenSlow); 1]>,
}

/// A wire that asks to carry the session.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) seat: u16,
    pub(crate) wire: Wire,
    pub(crate) link: Link,
    pub(crate) base64: bool,
    pub(crate) deflate: Option<Agreement>,
    /// Control packets for it.
    pub(crate) out: VecDeque<Frame>,
    /// How many frames the old stream may still take: up to the `6` that ends it.
    pub(crate) hold: Option<usize>,
    pub(crate) posting: bool,
}

impl Side {
    /// A side that opens now.
    pub(crate) fn new(wire: Wire, dialect: Dialect, deflate: Option<Agreement>, terms: &Terms) -> Side {
        let mut flags = Flags::default();
        flags.set(Flags::BASE64, dialect.base64);
        flags.set(Flags::V3, dialect.is_v3);
        let jsonp = |jsonp| Box::new(Rare { jsonp: Some(jsonp), ..Rare::default() });
        Side {
            core: Core::new(wire, dialect.pinger(), terms.now(), &terms.timing),
            outbox: Outbox::default(),
            link: Link::away(),
            rare: dialect.jsonp.map(jsonp),
            seat: 0,
            last_seat: 0,
            look: terms.now(),
            writer: Writer::Idle,
            flags,
            deflate,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, frame: Frame, terms: &Terms, slot: u32) -> Result<(), SendError> {
        if self.core.closed().is_some() {
            return Err(SendError::Closed);
        }
        let frame = self.rewrite(frame);
        let pushed = match frame.mark() {
            None => self.outbox.push(frame, terms.now(), &terms.limits),
            Some(mark) => self.push_marked(frame, mark, terms, slot),
        };
        if pushed.is_err() {
            self.mark_slow(terms, slot);
            return Err(SendError::SlowReader);
        }
        self.watch(terms, slot);
        Ok(())
    }

    /// A frame that may be dropped while it waits, or others for it.
    #[cold]
    fn push_marked(&mut self, frame: Frame, mark: Mark, terms: &Terms, slot: u32) -> Result<(), Overflow> {
        let rare = self.rare.as_deref();
        // What an old stream is still to take is counted: it does not change then.
        let held = rare.and_then(|rare| rare.candidate.as_ref()?.hold).unwrap_or_default();
        let of_channel =
            || rare?.rules.iter().find(|(channel, _)| *channel == mark.channel).map(|(_, rule)| *rule);
        let rule = mark.rule.or_else(of_channel).unwrap_or_default();
        let untouched = held.max(usize::from(self.writer == Writer::Writing));
        let dropped = self.outbox.push_droppable(frame, rule, untouched, terms.now(), &terms.limits)?;
        if dropped > 0 {
            terms.traffic.count_dropped(rule, dropped);
            if self.rare.as_ref().is_some_and(|rare| !rare.waiting.is_empty()) {
                // There may be room for them. A broadcast holds locks: the wheel's next tick wakes them.
                self.look_at(terms, slot, terms.now().after(1));
            }
        }
        Ok(())
    }

    /// What becomes of events of a channel when the peer is slow.
    pub(crate) fn set_rule(&mut self, channel: u16, rule: WhenSlow) {
        if rule == WhenSlow::Close && self.rare.is_none() {
            return;
        }
        let rules = &mut self.rare.get_or_insert_default().rules;
        rules.retain(|(other, _)| *other != channel);
        if rule != WhenSlow::Close {
            rules.push((channel, rule));
        }
        self.shrink();
    }

    /// The frame as the peer takes it.
    #[inline]
    fn rewrite(&self, frame: Frame) -> Frame {
        if self.flags.has(Flags::REWRITES) { self.rewritten(&frame) } else { frame }
    }

    #[cold]
    fn rewritten(&self, frame: &Frame) -> Frame {
        let base64 = self.flags.has(Flags::BASE64);
        if self.flags.has(Flags::V3) { v3::translate(frame, base64) } else { frame.to_base64() }
    }

    pub(crate) fn glance(&self) -> Glance {
        Glance {
            wire: self.core.wire(),
            is_open: self.core.closed().is_none(),
            queued: self.outbox.bytes(),
            held: self.outbox.held(),
            received: self.outbox.received(),
            sent: self.outbox.sent(),
        }
    }

    /// How the peer writes.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect {
            is_v3: self.flags.has(Flags::V3),
            base64: self.flags.has(Flags::BASE64),
            jsonp: self.rare.as_ref().and_then(|rare| rare.jsonp),
        }
    }

    /// While more than the soft limit waits, the wheel looks whether anything leaves.
    pub(crate) fn watch(&mut self, terms: &Terms, slot: u32) {
        if self.outbox.held() > terms.limits.soft {
            self.look_at(terms, slot, terms.now().after(terms.limits.stall));
        }
    }

    /// A slow reader is only marked, since a broadcast holds locks: the wheel's next tick cleans up.
    pub(crate) fn mark_slow(&mut self, terms: &Terms, slot: u32) {
        self.core.close(CloseReason::SlowReader);
        self.look_at(terms, slot, terms.now().after(1));
    }

    pub(crate) fn look_at_deadline(&mut self, terms: &Terms, slot: u32) {
        self.look_at(terms, slot, self.core.deadline());
    }

    /// Adds an entry to the wheel unless there is one that comes as early.
    pub(crate) fn look_at(&mut self, terms: &Terms, slot: u32, at: Tick) {
        let now = terms.now();
        if !self.look.is_due(now) && self.look.is_due(at) {
            return;
        }
        self.look = terms.wheel.schedule(slot, at, now);
    }

    pub(crate) fn push_unchecked(&mut self, frame: Frame, now: Tick) {
        let frame = self.rewrite(frame);
        self.outbox.push_unchecked(frame, now);
    }

    /// Whether a frame would leave at once.
    pub(crate) fn is_writable(&self, terms: &Terms) -> bool {
        match &self.link {
            Link::Direct(_) => self.writer != Writer::Blocked && self.outbox.held() <= terms.limits.soft,
            Link::Parked(_) => self.link.is_waiting() && self.outbox.is_empty(),
        }
    }

    /// Whether who holds `seat` speaks for the peer.
    pub(crate) fn speaks(&self, seat: Seat) -> bool {
        Seat(self.seat).is_same_wire(seat)
    }

    /// Whether a POST is under way for the wire that holds `seat`.
    pub(crate) fn set_posting(&mut self, seat: Seat, on: bool) -> bool {
        if self.speaks(seat) {
            return self.flags.replace(Flags::POSTING, on);
        }
        self.candidate(seat).is_some_and(|candidate| std::mem::replace(&mut candidate.posting, on))
    }

    pub(crate) fn candidate(&mut self, seat: Seat) -> Option<&mut Candidate> {
        self.rare.as_mut()?.candidate.as_mut().filter(|candidate| Seat(candidate.seat) == seat)
    }

    /// `cx` is woken when there is room, and at the end.
    pub(crate) fn wait(&mut self, cx: &mut Context<'_>) {
        let waiting = &mut self.rare.get_or_insert_default().waiting;
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
    }

    /// Emits that waited for room that is there now.
    #[inline]
    pub(crate) fn take_waiting(&mut self, terms: &Terms) -> Option<SmallVec<[Waker; 1]>> {
        if self.rare.is_none() || self.outbox.held() > terms.limits.soft {
            return None;
        }
        let waiting = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.waiting));
        self.shrink();
        waiting
    }

    /// Frees the box of rare things when it holds none.
    pub(crate) fn shrink(&mut self) {
        let is_empty = |rare: &Rare| {
            rare.candidate.is_none()
                && rare.waiting.is_empty()
                && rare.jsonp.is_none()
                && rare.rules.is_empty()
        };
        if self.rare.as_deref().is_some_and(is_empty) {
            self.rare = None;
        }
    }

    /// Takes out those that are to hear of the end.
    pub(crate) fn take_rest(&mut self) -> (Option<Candidate>, SmallVec<[Waker; 1]>) {
        let Some(rare) = &mut self.rare else { return (None, SmallVec::new()) };
        let rest = (rare.candidate.take(), std::mem::take(&mut rare.waiting));
        self.shrink();
        rest
    }
}

impl Candidate {
    pub(crate) fn new(
        seat: u16,
        wire: Wire,
        link: Link,
        base64: bool,
        deflate: Option<Agreement>,
    ) -> Candidate {
        Candidate { seat, wire, link, base64, deflate, out: VecDeque::new(), hold: None, posting: false }
    }

    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(&Frame)) -> Poll<Taken> {
        if self.out.is_empty() {
            self.link = Link::Parked(cx.waker().clone());
            return Poll::Pending;
        }
        self.out.drain(..).for_each(|frame| take(&frame));
        Poll::Ready(Taken::Frames { last: 0 })
    }
}
