//! What a session has yet to send, and what it may have to send again.
//!
//! ```text
//!   kept: written, not acknowledged │ waiting: not written
//!   ────────────────────────────────┼──────────────────────▶ push
//!   ◀── acked                  rewind, written
//! ```
//! Frames that a wire has written leave at once, unless the wire resumes (SSE): then they stay in front of
//! the waiting ones until acknowledged, and a new wire that starts over only sets `kept` to 0.
//!
//! A waiting frame that is [marked](crate::slow::Mark) may be dropped for a later one. It leaves a hole, so that all others
//! stay where they are; holes are never written, and the first waiting frame is none. What is dropped has no number: those
//! behind it get the numbers that they would have had without it, which nobody was told yet.
//!
//! Empty it owns no heap, and with one frame neither. It knows no wire and no clock.

use std::collections::VecDeque;

use crate::frame::Frame;
use crate::outbox::droppable::Droppable;
use crate::slow::WhenSlow;
use crate::tick::Tick;

mod droppable;

/// The queue of one session. 24 bytes.
#[derive(Debug, Default)]
pub struct Outbox {
    first: Option<Frame>,
    more: Option<Box<Backlog>>,
    /// Number of the last countable packet pushed.
    sent: u32,
    /// How many countable packets came.
    received: u32,
}

const _: () = assert!(size_of::<Outbox>() == 24);

#[derive(Debug, Default)]
struct Backlog {
    /// All frames but the first.
    rest: VecDeque<Frame>,
    /// Bytes that wait.
    bytes: usize,
    /// Bytes of the first waiting frame that are written.
    offset: usize,
    /// Frames at the front that are written and kept.
    kept: usize,
    /// Bytes of the kept frames.
    kept_bytes: usize,
    /// Frames at the front of those that wait that were written before the queue started over: the peer may have them.
    rewound: usize,
    /// Waiting frames that have no number: control packets. They are not dropped.
    control: usize,
    /// When bytes last left, or when the backlog arose.
    moved: Tick,
    /// Waiting frames that somebody writes just now.
    gathered: usize,
    /// Where those are that may be dropped, once there was one.
    droppable: Option<Box<Droppable>>,
}

/// What a frame that waits counts beside its bytes: about the memory that it takes however short it is. A peer that makes
/// others send it many short ones costs what the limits say, and not a multiple of it.
pub const FRAME_COST: usize = 64;

/// How much may wait, as [`Outbox::held`] counts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes over which a peer counts as slow: volatile packets are dropped, an awaited emit waits, and the
    /// session closes once nothing has left for [`stall`](Limits::stall).
    pub soft: usize,
    /// Bytes over which the session closes at once.
    pub hard: usize,
    /// Ticks without a byte leaving, while over the soft limit, after which the session closes.
    pub stall: u32,
}

/// The peer does not read: the queue is over its limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the peer does not read: what waits takes {waiting} bytes")]
pub struct Overflow {
    /// What waits already takes so many bytes, as [`Outbox::held`] counts them.
    pub waiting: usize,
}

impl Outbox {
    /// Appends a frame.
    ///
    /// A frame larger than a limit is accepted by an empty queue, so a long history sent at connect is not a
    /// slow reader.
    ///
    /// # Errors
    /// [`Overflow`] when the frame would bring the queue over the hard limit, or when the queue is over the
    /// soft limit and nothing has left it for too long. The frame is then not in the queue.
    #[inline]
    pub fn push(&mut self, frame: Frame, now: Tick, limits: &Limits) -> Result<(), Overflow> {
        if self.first.is_none() && self.more.is_none() {
            self.sent = self.sent.wrapping_add(u32::from(frame.is_countable()));
            self.first = Some(frame);
            return Ok(());
        }
        self.push_behind(frame, now, limits)
    }

    fn push_behind(&mut self, frame: Frame, now: Tick, limits: &Limits) -> Result<(), Overflow> {
        let waiting = self.held();
        if waiting > 0 && self.is_over(waiting + cost(&frame), now, limits) {
            return Err(Overflow { waiting });
        }
        self.push_unchecked(frame, now);
        Ok(())
    }

    /// Appends a frame whatever waits: for the few control frames that end or keep alive a session.
    pub fn push_unchecked(&mut self, frame: Frame, now: Tick) {
        if frame.is_countable() {
            self.sent = self.sent.wrapping_add(1);
        }
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(frame);
            return;
        }
        let length = frame.len();
        let begins = self.is_empty();
        let is_control = !frame.is_countable();
        let backlog = self.backlog(now);
        backlog.bytes += length;
        backlog.control += usize::from(is_control);
        if begins {
            // What left before is no sign that this does not.
            backlog.moved = now;
        }
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.backlog(now).rest.push_back(frame);
        }
    }

    /// Appends a frame that may be dropped by `rule` while it waits, and drops others for it; answers how many were dropped,
    /// itself among them. The first `untouched` frames that wait are left alone, and what [`gather`](Outbox::gather) gave out.
    /// More than one needs that none was dropped among them: see [`close_holes`](Outbox::close_holes).
    ///
    /// # Errors
    /// As [`push`](Outbox::push); never by [`WhenSlow::DropOldest`].
    pub fn push_droppable(
        &mut self,
        frame: Frame,
        rule: WhenSlow,
        untouched: usize,
        now: Tick,
        limits: &Limits,
    ) -> Result<usize, Overflow> {
        let mut dropped = 0;
        match rule {
            WhenSlow::Close => {}
            WhenSlow::KeepLatest => dropped += usize::from(self.drop_outdated(&frame, untouched)),
            WhenSlow::DropOldest => {
                let cost = cost(&frame);
                if !self.is_empty() && cost > limits.hard {
                    return Ok(1);
                }
                while !self.is_empty() && self.held() + cost > limits.soft && self.drop_oldest(untouched) {
                    dropped += 1;
                }
                if !self.is_empty() && self.held() + cost > limits.hard {
                    return Ok(dropped + 1);
                }
            }
        }
        let key = frame.mark().map(|mark| mark.key);
        if rule == WhenSlow::DropOldest {
            self.push_unchecked(frame, now);
        } else {
            self.push(frame, now, limits)?;
        }
        let says_so = |frame: &Frame| frame.mark().is_some_and(|mark| mark.rule == Some(rule));
        if rule == WhenSlow::KeepLatest && self.more.is_none() && !self.first.as_ref().is_some_and(says_so) {
            // Alone it needs an entry only where it does not say itself what becomes of it.
            self.backlog(now);
        }
        let last = self.raw_waiting().wrapping_sub(1);
        if let (Some(backlog), Some(key)) = (&mut self.more, key) {
            backlog.droppable.get_or_insert_default().enter(last, rule, key, last + 1);
        }
        Ok(dropped)
    }

    /// Drops the waiting frame that a newer one of its key replaces, unless it leaves just now.
    fn drop_outdated(&mut self, newer: &Frame, untouched: usize) -> bool {
        let Some(key) = newer.mark().map(|mark| mark.key) else { return false };
        let is_it = |frame: &Frame| frame.mark().is_some_and(|mark| mark.key == key);
        let says_so =
            |frame: &Frame| frame.mark().is_some_and(|mark| mark.rule == Some(WhenSlow::KeepLatest));
        // One that came when nothing else waited has no entry, but says so.
        let entered = self.droppable().and_then(|droppable| droppable.latest(key));
        let outdated =
            entered.or_else(|| self.next().is_some_and(|frame| is_it(frame) && says_so(frame)).then_some(0));
        let is_there = |index: &usize| {
            *index >= self.leaving(untouched) && self.get(self.kept() + index).is_some_and(is_it)
        };
        let Some(index) = outdated.filter(is_there) else { return false };
        self.drop_waiting(index);
        true
    }

    /// Drops the oldest frame that may be, and does not leave just now.
    fn drop_oldest(&mut self, untouched: usize) -> bool {
        let leaving = self.leaving(untouched);
        let oldest = |backlog: &mut Box<Backlog>| backlog.droppable.as_mut()?.take_oldest(leaving);
        let Some(index) = self.more.as_mut().and_then(oldest) else { return false };
        self.drop_waiting(index);
        true
    }

    fn droppable(&self) -> Option<&Droppable> {
        self.more.as_ref()?.droppable.as_deref()
    }

    /// Waiting frames, with holes, in front of which nothing is dropped: those that are being written, or are written in part,
    /// and the first `untouched`, among which there are no holes.
    fn leaving(&self, untouched: usize) -> usize {
        let gathered = self.more.as_ref().map_or(0, |backlog| backlog.gathered);
        gathered.max(untouched).max(usize::from(self.is_cut()))
    }

    /// Drops a waiting frame, of which nothing is written.
    fn drop_waiting(&mut self, index: usize) {
        let at = self.kept() + index;
        let Some(frame) = self.get(at) else { return };
        let length = frame.len();
        self.sent = self.sent.wrapping_sub(u32::from(frame.is_countable()));
        let Some(backlog) = &mut self.more else {
            self.first = None;
            return;
        };
        backlog.bytes -= length;
        if index == 0 {
            return self.remove_next();
        }
        backlog.rest[at - 1] = Frame::hole();
        let waiting = self.raw_waiting();
        let Some(backlog) = &mut self.more else { return };
        let Some(droppable) = &mut backlog.droppable else { return };
        droppable.holes += 1;
        if droppable.has_too_many_holes(waiting) && backlog.gathered == 0 {
            self.close_holes();
        }
    }

    /// Frames that were dropped no longer have a place among those that wait. While somebody writes they keep it.
    pub fn close_holes(&mut self) {
        let Some(backlog) = &mut self.more else { return };
        let Some(droppable) = &mut backlog.droppable else { return };
        if droppable.holes == 0 || backlog.gathered > 0 {
            return;
        }
        let behind_kept = backlog.kept.saturating_sub(1);
        let first_waits = backlog.kept == 0;
        let is_hole: Vec<bool> = std::iter::repeat_n(false, usize::from(first_waits))
            .chain(backlog.rest.iter().skip(behind_kept).map(|frame| frame.len() == 0))
            .collect();
        droppable.close_holes(&is_hole);
        // A kept frame is no hole.
        backlog.rest.retain(|frame| frame.len() > 0);
    }

    /// Takes the first waiting frame out, with the holes behind it.
    fn remove_next(&mut self) {
        self.remove_first(1);
    }

    /// Takes the first `frames` that wait out, none or one, with the holes behind them.
    fn remove_first(&mut self, frames: usize) {
        let kept = self.kept();
        let is_hole = |index: &usize| self.get(kept + index).is_some_and(|frame| frame.len() == 0);
        let holes = (frames..self.raw_waiting()).take_while(is_hole).count();
        let count = frames + holes;
        let Some(backlog) = &mut self.more else {
            self.first = self.first.take().filter(|_| count == 0);
            return;
        };
        if let Some(droppable) = &mut backlog.droppable {
            droppable.left(count);
            droppable.holes -= holes;
        }
        if kept > 0 {
            backlog.rest.drain(kept - 1..kept - 1 + count);
        } else {
            (0..count).for_each(|_| self.pop());
        }
    }

    fn is_over(&self, bytes: usize, now: Tick, limits: &Limits) -> bool {
        let stalled = |backlog: &Backlog| backlog.moved.after(limits.stall).is_due(now);
        bytes > limits.hard || (bytes > limits.soft && self.more.as_deref().is_some_and(stalled))
    }

    /// Whether more than the soft limit waits and nothing has left for too long.
    #[must_use]
    pub fn is_stalled(&self, now: Tick, limits: &Limits) -> bool {
        self.held() > limits.soft && self.is_over(self.held(), now, &Limits { hard: usize::MAX, ..*limits })
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.more {
            Some(backlog) => backlog.bytes,
            None => self.first.as_ref().map_or(0, Frame::len),
        }
    }

    /// What the limits count: the bytes that wait to be written, and [`FRAME_COST`] for each frame.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        match &self.more {
            None => self.first.as_ref().map_or(0, cost),
            Some(backlog) => {
                let holes = backlog.droppable.as_ref().map_or(0, |droppable| droppable.holes);
                let frames = backlog.rest.len() + usize::from(self.first.is_some());
                backlog.bytes + (frames - backlog.kept - holes) * FRAME_COST
            }
        }
    }

    /// What it takes: what waits, and what is kept, counted in the same way.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.held() + self.kept_cost()
    }

    fn kept_cost(&self) -> usize {
        self.more.as_ref().map_or(0, |backlog| backlog.kept_bytes + backlog.kept * FRAME_COST)
    }

    /// Whether nothing waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.more {
            None => self.first.is_none(),
            Some(backlog) => self.get(backlog.kept).is_none(),
        }
    }

    /// Whether the first frame that waits is written in part.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.offset() > 0
    }

    /// Frames that wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.raw_waiting() - self.droppable().map_or(0, |droppable| droppable.holes)
    }

    /// The same with holes.
    fn raw_waiting(&self) -> usize {
        self.len() - self.kept()
    }

    /// The first frame that waits.
    #[must_use]
    pub fn next(&self) -> Option<&Frame> {
        self.get(self.kept())
    }

    /// Appends the WebSocket bytes of what waits, up to `limit` bytes in `out`: whole frames, except that a
    /// first frame longer than the limit is cut. Until [`advance`](Outbox::advance) says how much of it left, nothing of it
    /// is dropped.
    pub fn gather(&mut self, out: &mut Vec<u8>, limit: usize) {
        if let (None, Some(only)) = (&self.more, &self.first) {
            let bytes = only.websocket();
            if bytes.len() <= limit.saturating_sub(out.len()) {
                return out.extend_from_slice(bytes);
            }
        }
        let mut index = self.kept();
        let mut offset = self.offset();
        while let Some(frame) = self.get(index) {
            let bytes = &frame.websocket()[offset..];
            let room = limit.saturating_sub(out.len());
            if bytes.len() > room {
                if out.is_empty() {
                    out.extend_from_slice(&bytes[..room]);
                    index += 1;
                }
                break;
            }
            out.extend_from_slice(bytes);
            index += 1;
            offset = 0;
        }
        let gathered = index - self.kept();
        if let Some(backlog) = &mut self.more {
            backlog.gathered = gathered;
        }
    }

    /// `written` WebSocket bytes of what [`gather`](Outbox::gather) gave have left.
    pub fn advance(&mut self, mut written: usize, now: Tick) {
        if self.more.is_none() && self.first.as_ref().is_some_and(|only| only.len() == written) {
            self.first = None;
            return;
        }
        if let Some(backlog) = &mut self.more {
            backlog.gathered = 0;
        }
        while let Some(frame) = self.next() {
            let left = frame.len() - self.offset();
            if written < left {
                if written > 0 {
                    let backlog = self.backlog(now);
                    backlog.offset += written;
                    backlog.bytes -= written;
                    backlog.moved = now;
                }
                return;
            }
            written -= left;
            self.written(false, now);
        }
    }

    /// The first waiting frame has left; `keep` it until it is acknowledged?
    ///
    /// Control packets are never kept: they have no number to be acknowledged by.
    pub fn written(&mut self, keep: bool, now: Tick) {
        let Some(frame) = self.next() else { return };
        let length = frame.len();
        let left = length - self.offset();
        let is_control = !frame.is_countable();
        let keep = keep && !is_control;
        if keep {
            self.backlog(now);
        }
        let kept = self.kept();
        if let Some(backlog) = &mut self.more {
            backlog.bytes -= left;
            backlog.control -= usize::from(is_control);
            backlog.rewound -= usize::from(backlog.rewound > 0);
            backlog.offset = 0;
            backlog.moved = now;
            if keep {
                backlog.kept += 1;
                backlog.kept_bytes += length;
                if let Some(droppable) = &mut backlog.droppable {
                    droppable.left(1);
                }
                return self.remove_first(0);
            }
            if kept > 0 || backlog.droppable.is_some() {
                return self.remove_next();
            }
        }
        self.pop();
    }

    /// The peer has every countable packet up to number `number`. Those of them that wait to be written again are written all
    /// the same: on a wire that gives no numbers the peer counts them. See [`start_over`](Outbox::start_over).
    ///
    /// # Errors
    /// [`Forgotten`] when a packet after `number` is no longer kept, or `number` was never sent: then the
    /// peer cannot be brought up to date, and nothing has changed.
    pub fn acknowledge(&mut self, number: u32) -> Result<(), Forgotten> {
        let kept = self.kept();
        let rewound = self.more.as_ref().map_or(0, |backlog| backlog.rewound);
        let ahead = number.wrapping_sub(self.last_written()) as usize;
        if (1..=rewound).contains(&ahead) {
            self.forget(kept);
            return Ok(());
        }
        let missing = self.last_written().wrapping_sub(number) as usize;
        if missing > kept {
            return Err(Forgotten);
        }
        self.forget(kept - missing);
        Ok(())
    }

    /// A new wire carries what comes behind number `number`, which the peer has, and begins with that.
    ///
    /// # Errors
    /// As [`acknowledge`](Outbox::acknowledge).
    pub fn start_over(&mut self, number: u32, now: Tick) -> Result<(), Forgotten> {
        let kept = self.kept();
        let rewound = self.more.as_ref().map_or(0, |backlog| backlog.rewound);
        let forgotten = self.last_written().wrapping_sub(kept as u32);
        let known = number.wrapping_sub(forgotten) as usize;
        if known > kept + rewound {
            return Err(Forgotten);
        }
        self.rewind(now);
        (0..known).for_each(|_| self.skip());
        Ok(())
    }

    /// The first waiting frame, of those that start over, is at the peer already.
    fn skip(&mut self) {
        let length = self.next().map_or(0, Frame::len);
        if let Some(backlog) = &mut self.more {
            backlog.bytes -= length;
            backlog.rewound -= 1;
        }
        self.remove_next();
    }

    /// What was kept waits again: for a new wire that starts over, and has its own time to take it.
    pub fn rewind(&mut self, now: Tick) {
        if let Some(backlog) = &mut self.more {
            backlog.moved = now;
            backlog.bytes += backlog.kept_bytes + backlog.offset;
            if let Some(droppable) = &mut backlog.droppable {
                droppable.returned(backlog.kept);
            }
            backlog.rewound += backlog.kept;
            backlog.gathered = 0;
            backlog.kept = 0;
            backlog.kept_bytes = 0;
            backlog.offset = 0;
        }
    }

    /// Forgets the oldest kept frames until at most `limit` bytes are kept, [`FRAME_COST`] for each frame among them.
    pub fn trim(&mut self, limit: usize) {
        while self.kept_cost() > limit {
            self.forget(1);
        }
    }

    /// Forgets the `count` oldest kept frames.
    fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let length = self.first.as_ref().map_or(0, Frame::len);
            if let Some(backlog) = &mut self.more {
                backlog.kept -= 1;
                backlog.kept_bytes -= length;
            }
            self.pop();
        }
    }

    /// Number of the last countable packet pushed, from 1; 0 before the first.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Number of the last countable packet that a wire has written; 0 before the first.
    #[must_use]
    pub fn last_written(&self) -> u32 {
        let control = match &self.more {
            Some(backlog) => backlog.control,
            None => usize::from(self.first.as_ref().is_some_and(|first| !first.is_countable())),
        };
        self.sent.wrapping_sub((self.waiting() - control) as u32)
    }

    /// How many countable packets came.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.received
    }

    /// A countable packet came.
    pub fn count_received(&mut self) {
        self.received = self.received.wrapping_add(1);
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.as_ref().map_or(0, |backlog| backlog.rest.len())
    }

    fn kept(&self) -> usize {
        self.more.as_ref().map_or(0, |backlog| backlog.kept)
    }

    fn offset(&self) -> usize {
        self.more.as_ref().map_or(0, |backlog| backlog.offset)
    }

    fn get(&self, index: usize) -> Option<&Frame> {
        if index == 0 { self.first.as_ref() } else { self.more.as_ref()?.rest.get(index - 1) }
    }

    fn backlog(&mut self, now: Tick) -> &mut Backlog {
        let bytes = self.bytes();
        let control = usize::from(self.first.as_ref().is_some_and(|first| !first.is_countable()));
        self.more
            .get_or_insert_with(|| Box::new(Backlog { bytes, control, moved: now, ..Backlog::default() }))
    }

    fn pop(&mut self) {
        self.first = self.more.as_mut().and_then(|backlog| backlog.rest.pop_front());
        let is_last = self.first.is_none();
        // The last one that waits may be entered as one that may be dropped.
        let done = |backlog: &Backlog| {
            let is_plain = backlog.droppable.is_none() || is_last;
            backlog.rest.is_empty()
                && backlog.kept == 0
                && backlog.offset == 0
                && backlog.rewound == 0
                && is_plain
        };
        if self.more.as_deref().is_some_and(done) {
            self.more = None;
        }
    }
}

/// What a frame that waits counts.
fn cost(frame: &Frame) -> usize {
    frame.len() + FRAME_COST
}

/// The packets after an acknowledged number are no longer there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the packets after the acknowledged number are no longer kept")]
pub struct Forgotten;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::slow::Mark;

    const NOW: Tick = Tick::new(7);
    const LIMITS: Limits = Limits { soft: 100 + 3 * FRAME_COST, hard: 200 + 6 * FRAME_COST, stall: 10 };

    fn frame(text: &str) -> Frame {
        Frame::text(&[b"4", text.as_bytes()])
    }

    fn outbox(count: usize) -> Outbox {
        let mut outbox = Outbox::default();
        (0..count).for_each(|i| outbox.push_unchecked(frame(&i.to_string()), NOW));
        outbox
    }

    fn texts(outbox: &Outbox) -> Vec<String> {
        let frames = (outbox.kept()..outbox.len()).filter_map(|i| outbox.get(i));
        frames
            .filter(|frame| frame.len() > 0)
            .map(|frame| String::from_utf8_lossy(&frame.packet()[1..]).into_owned())
            .collect()
    }

    #[test]
    fn an_emptied_outbox_owns_no_heap() {
        let mut outbox = outbox(9);
        let mut bytes = Vec::new();
        outbox.gather(&mut bytes, 1000);
        assert_eq!(bytes.len(), outbox.bytes());
        outbox.advance(bytes.len(), NOW);
        assert!(outbox.is_empty() && outbox.more.is_none());
        assert_eq!((outbox.bytes(), outbox.sent()), (0, 9));
    }

    #[test]
    fn one_waiting_frame_owns_no_heap_of_the_queue() {
        assert!(outbox(1).more.is_none());
    }

    #[test]
    fn a_frame_cut_by_the_socket_goes_on_where_it_was_cut() {
        let mut outbox = outbox(3);
        let mut all = Vec::new();
        outbox.gather(&mut all, 1000);
        let mut came = Vec::new();
        while !outbox.is_empty() {
            let mut bytes = Vec::new();
            outbox.gather(&mut bytes, 1000);
            bytes.truncate(2);
            outbox.advance(bytes.len(), NOW);
            came.extend(bytes);
        }
        assert_eq!(came, all);
    }

    #[test]
    fn an_acknowledged_frame_is_freed_and_the_others_go_out_again() {
        let mut outbox = outbox(5);
        (0..3).for_each(|_| outbox.written(true, NOW));
        assert_eq!((outbox.kept(), outbox.waiting()), (3, 2));
        assert_eq!(outbox.acknowledge(2), Ok(()));
        outbox.rewind(NOW);
        assert_eq!(texts(&outbox), ["2", "3", "4"]);
        assert_eq!(outbox.bytes(), (0..3).filter_map(|i| outbox.get(i)).map(Frame::len).sum::<usize>());
    }

    #[test]
    fn a_number_that_is_no_longer_kept_or_was_never_sent_is_refused() {
        let mut outbox = outbox(5);
        (0..5).for_each(|_| outbox.written(true, NOW));
        outbox.trim(2 * cost(&frame("0")));
        assert_eq!(outbox.acknowledge(2), Err(Forgotten));
        assert_eq!(outbox.acknowledge(6), Err(Forgotten));
        assert_eq!(outbox.acknowledge(3), Ok(()));
        assert_eq!(outbox.kept(), 2);
    }

    #[test]
    fn control_packets_are_not_kept() {
        let mut outbox = outbox(1);
        outbox.push_unchecked(Frame::text(&[b"2"]), NOW);
        outbox.push_unchecked(frame("1"), NOW);
        (0..3).for_each(|_| outbox.written(true, NOW));
        assert_eq!((outbox.kept(), outbox.sent()), (2, 2));
        assert_eq!(outbox.acknowledge(0), Ok(()));
        outbox.rewind(NOW);
        assert_eq!(texts(&outbox), ["0", "1"]);
    }

    #[test]
    fn an_empty_queue_takes_a_frame_over_the_limit() {
        let mut outbox = Outbox::default();
        let long = frame(&"x".repeat(500));
        assert_eq!(outbox.push(long.clone(), NOW, &LIMITS), Ok(()));
        assert_eq!(outbox.push(frame("a"), NOW, &LIMITS), Err(Overflow { waiting: long.len() + FRAME_COST }));
    }

    #[test]
    fn a_queue_over_the_soft_limit_overflows_once_nothing_left_it_for_the_stall_time() {
        let mut outbox = Outbox::default();
        (0..3).for_each(|_| outbox.push(frame(&"x".repeat(40)), NOW, &LIMITS).expect("under the limits"));
        let later = NOW.after(LIMITS.stall);
        outbox.advance(1, NOW.after(1));
        assert_eq!(outbox.push(frame("a"), later, &LIMITS), Ok(()));
        assert!(outbox.push(frame("a"), later.after(1), &LIMITS).is_err());
    }

    fn marked(text: &str, key: u64) -> Frame {
        frame(text).marked(Mark { rule: None, channel: 0, key })
    }

    fn push(outbox: &mut Outbox, text: &str, rule: WhenSlow, key: u64) -> usize {
        outbox.push_droppable(marked(text, key), rule, 0, NOW, &LIMITS).expect("within the limits")
    }

    #[test]
    fn over_the_soft_limit_the_oldest_that_may_be_dropped_make_room() {
        let mut outbox = Outbox::default();
        let long = |name: &str| format!("{name}{}", "x".repeat(26));
        outbox.push_unchecked(frame(&long("stays")), NOW);
        for (name, dropped) in [("a", 0), ("b", 0), ("c", 1), ("d", 1)] {
            assert_eq!(push(&mut outbox, &long(name), WhenSlow::DropOldest, 0), dropped, "{name}");
            assert!(outbox.held() <= LIMITS.soft);
        }
        assert_eq!(texts(&outbox), [long("stays"), long("c"), long("d")]);
        assert_eq!((outbox.sent(), outbox.waiting()), (3, 3));
    }

    #[test]
    fn many_short_frames_overflow_though_their_bytes_are_few() {
        let mut outbox = Outbox::default();
        let taken = (0..1_000).take_while(|_| outbox.push(frame(""), NOW, &LIMITS).is_ok()).count();
        assert_eq!(taken, LIMITS.hard / cost(&frame("")));
        assert_eq!((outbox.held() / taken, outbox.bytes() / taken), (cost(&frame("")), 3));
    }

    #[test]
    fn one_that_is_over_the_hard_limit_itself_drops_nobody() {
        let mut outbox = Outbox::default();
        push(&mut outbox, "a", WhenSlow::DropOldest, 0);
        assert_eq!(push(&mut outbox, &"x".repeat(LIMITS.hard), WhenSlow::DropOldest, 0), 1);
        assert_eq!(texts(&outbox), ["a"]);
    }

    #[test]
    fn one_that_has_no_room_beside_what_is_not_to_be_dropped_is_dropped_itself() {
        let mut outbox = Outbox::default();
        outbox.push_unchecked(frame(&"x".repeat(LIMITS.hard)), NOW);
        assert_eq!(push(&mut outbox, "a", WhenSlow::DropOldest, 0), 1);
        assert_eq!((outbox.waiting(), outbox.sent()), (1, 1));
    }

    #[test]
    fn of_each_key_only_the_latest_waits_where_it_came() {
        let mut outbox = Outbox::default();
        for (text, key) in [("a1", 1), ("b1", 2), ("a2", 1), ("c1", 3), ("a3", 1), ("b2", 2)] {
            push(&mut outbox, text, WhenSlow::KeepLatest, key);
        }
        outbox.push_unchecked(frame("end"), NOW);
        assert_eq!(texts(&outbox), ["c1", "a3", "b2", "end"]);
        assert_eq!((outbox.waiting(), outbox.sent()), (4, 4));
    }

    #[test]
    fn what_is_being_written_is_not_dropped() {
        let mut outbox = Outbox::default();
        for (text, key) in [("a1", 1), ("b1", 2), ("c1", 3)] {
            push(&mut outbox, text, WhenSlow::KeepLatest, key);
        }
        let mut bytes = Vec::new();
        outbox.gather(&mut bytes, frame("a1").len() + frame("b1").len());
        for (text, key, dropped) in [("a2", 1, 0), ("b2", 2, 0), ("c2", 3, 1), ("b3", 2, 1)] {
            let latest = outbox.push_droppable(marked(text, key), WhenSlow::KeepLatest, 1, NOW, &LIMITS);
            assert_eq!(latest, Ok(dropped), "{text}");
        }
        outbox.advance(bytes.len() - 1, NOW);
        assert_eq!(push(&mut outbox, "b4", WhenSlow::KeepLatest, 2), 1, "not the one that is half written");
        assert_eq!(texts(&outbox), ["b1", "a2", "c2", "b4"]);
    }

    #[test]
    fn the_first_that_are_to_be_left_alone_are_though_some_was_dropped_among_them() {
        let mut outbox = Outbox::default();
        outbox.push_unchecked(frame("stuck"), NOW);
        for (text, key) in [("a1", 1), ("b1", 2), ("a2", 1), ("c1", 3)] {
            push(&mut outbox, text, WhenSlow::KeepLatest, key);
        }
        assert_eq!((outbox.waiting(), outbox.raw_waiting()), (4, 5));
        outbox.close_holes();
        assert_eq!((outbox.waiting(), outbox.raw_waiting()), (4, 4));
        for (text, key, dropped) in [("a3", 1, 0), ("c2", 3, 1), ("b2", 2, 0), ("a4", 1, 1)] {
            let latest = outbox.push_droppable(marked(text, key), WhenSlow::KeepLatest, 3, NOW, &LIMITS);
            assert_eq!(latest, Ok(dropped), "{text}");
        }
        assert_eq!(texts(&outbox), ["stuck", "b1", "a2", "c2", "b2", "a4"]);
    }

    #[test]
    fn a_peer_that_was_quiet_has_as_long_to_take_a_burst_as_any_other() {
        let mut outbox = Outbox::default();
        outbox.push_unchecked(frame("a"), NOW);
        outbox.written(true, NOW);
        let later = NOW.after(10 * LIMITS.stall);
        for _ in 0..3 {
            assert_eq!(outbox.push(frame(&"x".repeat(40)), later, &LIMITS), Ok(()));
        }
        assert!(outbox.held() > LIMITS.soft);
        assert_eq!(outbox.push(frame("b"), later.after(LIMITS.stall - 1), &LIMITS), Ok(()));
        assert!(outbox.push(frame("b"), later.after(LIMITS.stall + 1), &LIMITS).is_err());
        // And so has one that comes back and starts over.
        let back = later.after(LIMITS.stall + 2);
        outbox.rewind(back);
        assert!(!outbox.is_stalled(back, &LIMITS) && outbox.is_stalled(back.after(LIMITS.stall), &LIMITS));
    }

    #[test]
    fn what_is_kept_counts_as_what_waits_does() {
        let mut outbox = outbox(1_000);
        let held = outbox.held();
        (0..1_000).for_each(|_| outbox.written(true, NOW));
        assert_eq!((outbox.held(), outbox.memory()), (0, held));
        outbox.trim(held / 10);
        assert!(outbox.kept() <= 100 && outbox.memory() <= held / 10);
    }

    #[test]
    fn one_that_was_not_to_be_dropped_is_not_whatever_is_said_later() {
        let mut outbox = Outbox::default();
        push(&mut outbox, "a1", WhenSlow::Close, 1);
        push(&mut outbox, "a2", WhenSlow::KeepLatest, 1);
        push(&mut outbox, "a3", WhenSlow::KeepLatest, 1);
        assert_eq!(texts(&outbox), ["a1", "a3"]);
    }

    #[test]
    fn a_stream_that_comes_back_gets_what_it_misses_though_some_was_dropped() {
        for acknowledged in 0..=3 {
            let mut outbox = outbox(3);
            (0..3).for_each(|_| outbox.written(true, NOW));
            for text in ["s1", "s2", "s3"] {
                outbox.push_unchecked(frame(&format!("before {text}")), NOW);
                push(&mut outbox, text, WhenSlow::KeepLatest, 1);
            }
            assert_eq!((outbox.last_written(), outbox.waiting(), outbox.sent()), (3, 4, 7));
            assert_eq!(outbox.acknowledge(acknowledged), Ok(()));
            outbox.rewind(NOW);
            let all = ["0", "1", "2", "before s1", "before s2", "before s3", "s3"];
            assert_eq!(texts(&outbox), all[acknowledged as usize..]);
            // And once more, written in part.
            (0..5 - acknowledged).for_each(|_| outbox.written(true, NOW));
            assert_eq!(outbox.last_written(), 5);
            assert_eq!(outbox.acknowledge(4), Ok(()));
            outbox.rewind(NOW);
            assert_eq!(texts(&outbox), all[4..]);
        }
    }

    #[test]
    fn one_that_waits_alone_is_replaced_unless_somebody_writes_it() {
        for busy in [0, 1] {
            let mut outbox = Outbox::default();
            push(&mut outbox, "a1", WhenSlow::KeepLatest, 1);
            let latest = outbox.push_droppable(marked("a2", 1), WhenSlow::KeepLatest, busy, NOW, &LIMITS);
            assert_eq!(latest, Ok(1 - busy));
        }
    }

    #[test]
    fn a_queue_whose_events_replace_each_other_for_ever_stays_small() {
        let mut outbox = Outbox::default();
        outbox.push_unchecked(frame("stuck"), NOW);
        for round in 0..10_000u64 {
            push(&mut outbox, "state", WhenSlow::KeepLatest, round % 3);
        }
        assert_eq!(outbox.waiting(), 4);
        assert!(outbox.raw_waiting() < 100, "{}", outbox.raw_waiting());
    }

    #[test]
    fn keys_of_what_has_left_are_forgotten() {
        let mut outbox = Outbox::default();
        (0..3).for_each(|_| outbox.push_unchecked(frame("first"), NOW));
        for key in 0..10_000 {
            push(&mut outbox, "state", WhenSlow::KeepLatest, key);
            push(&mut outbox, "event", WhenSlow::DropOldest, key);
            outbox.written(false, NOW);
            outbox.written(false, NOW);
        }
        let droppable = outbox.droppable().expect("some wait");
        assert!(droppable.entries() < 100, "{}", droppable.entries());
    }

    proptest! {
        #[test]
        fn any_schedule_of_writes_acknowledgements_and_rewinds_loses_nothing(
            steps in prop::collection::vec((0..8u8, 0..40usize), 1..200)
        ) {
            let mut outbox = Outbox::default();
            // Those that wait, with their number if they have one, and those that are written and kept.
            let (mut waiting, mut kept) = (VecDeque::new(), VecDeque::new());
            let (mut pushed, mut written, mut acked) = (0u32, 0u32, 0u32);
            for (step, amount) in steps {
                match step {
                    0 | 1 => {
                        pushed += 1;
                        outbox.push_unchecked(frame(&pushed.to_string()), NOW);
                        waiting.push_back(Some(pushed));
                    }
                    2 => {
                        outbox.push_unchecked(Frame::text(&[b"2"]), NOW);
                        waiting.push_back(None);
                    }
                    3 | 4 => {
                        if let Some(frame) = outbox.next() {
                            let number = waiting.pop_front().unwrap();
                            let expected = number.map_or("2".to_owned(), |number: u32| format!("4{number}"));
                            prop_assert_eq!(frame.packet(), expected.as_bytes());
                            kept.extend(number);
                            written = written.max(number.unwrap_or_default());
                        }
                        outbox.written(true, NOW);
                    }
                    5 => {
                        // Of what was ever written; and what was not is refused.
                        let count = amount.min((written - acked) as usize);
                        acked += count as u32;
                        prop_assert_eq!(outbox.acknowledge(written + 1), Err(Forgotten));
                        prop_assert_eq!(outbox.acknowledge(acked), Ok(()));
                        kept.retain(|number| *number > acked);
                    }
                    6 => {
                        outbox.rewind(NOW);
                        while let Some(number) = kept.pop_back() {
                            waiting.push_front(Some(number));
                        }
                    }
                    _ => {
                        acked += amount.min((written - acked) as usize) as u32;
                        prop_assert_eq!(outbox.start_over(written + 1, NOW), Err(Forgotten));
                        prop_assert_eq!(outbox.start_over(acked, NOW), Ok(()));
                        while let Some(number) = kept.pop_back() {
                            waiting.push_front(Some(number));
                        }
                        waiting.retain(|number| number.is_none_or(|number| number > acked));
                    }
                }
                prop_assert_eq!(outbox.waiting(), waiting.len());
                let next = waiting.iter().flatten().next().map_or(pushed, |number| number - 1);
                prop_assert_eq!(outbox.last_written(), next);
                let bytes: usize = (outbox.kept()..outbox.len()).filter_map(|i| outbox.get(i)).map(Frame::len).sum();
                prop_assert_eq!(outbox.bytes(), bytes);
            }
        }

        #[test]
        fn whatever_is_dropped_the_rest_leaves_whole_and_in_order_and_the_latest_of_each_key_is_in_it(
            steps in prop::collection::vec((0..9u8, 0..60usize), 1..300)
        ) {
            let mut outbox = Outbox::default();
            let (mut bytes, mut dropped, mut pushed, mut busy) = (Vec::new(), 0, Vec::new(), false);
            let mut came = Vec::new();
            let mut cut = 0;
            for (step, amount) in steps {
                match step {
                    0..=4 => {
                        let (rule, key) = match step {
                            0 => (WhenSlow::Close, 0),
                            1 | 2 => (WhenSlow::DropOldest, 0),
                            _ => (WhenSlow::KeepLatest, amount as u64 % 3),
                        };
                        let text = format!("{:04}{}", pushed.len(), "x".repeat(amount / 4));
                        if rule == WhenSlow::Close {
                            outbox.push_unchecked(frame(&text), NOW);
                        } else {
                            // Large limits: what overflows is another test's.
                            let limits = Limits { hard: usize::MAX, ..LIMITS };
                            dropped += outbox.push_droppable(marked(&text, key), rule, usize::from(busy), NOW, &limits).unwrap();
                        }
                        pushed.push((text, rule, key));
                    }
                    5 if !busy => {
                        bytes.clear();
                        outbox.gather(&mut bytes, 64);
                        busy = true;
                    }
                    5 | 6 if busy => {
                        let written = bytes.len().min(amount);
                        came.extend_from_slice(&bytes[..written]);
                        outbox.advance(written, NOW);
                        cut = outbox.offset();
                        busy = false;
                    }
                    7 if !busy && cut == 0 => {
                        if let Some(frame) = outbox.next() {
                            came.extend_from_slice(frame.websocket());
                        }
                        outbox.written(amount % 2 == 0, NOW);
                        outbox.trim(0);
                    }
                    _ => {}
                }
                let waiting = (0..outbox.raw_waiting()).filter_map(|i| outbox.get(outbox.kept() + i));
                prop_assert_eq!(outbox.bytes() + outbox.offset(), waiting.clone().map(Frame::len).sum::<usize>());
                prop_assert_eq!(outbox.waiting(), waiting.filter(|frame| frame.len() > 0).count());
                prop_assert!(outbox.next().is_none_or(|frame| frame.len() > 0));
                prop_assert_eq!(outbox.sent() as usize, pushed.len() - dropped);
                prop_assert_eq!(outbox.last_written() as usize + outbox.waiting(), outbox.sent() as usize);
            }
            if busy {
                came.extend_from_slice(&bytes);
                outbox.advance(bytes.len(), NOW);
            }
            while !outbox.is_empty() {
                let mut rest = Vec::new();
                outbox.gather(&mut rest, 1_000);
                came.extend_from_slice(&rest);
                outbox.advance(rest.len(), NOW);
            }
            prop_assert_eq!(outbox.last_written() as usize, pushed.len() - dropped);
            let mut left = Vec::new();
            let mut rest = &came[..];
            while let [_, length, more @ ..] = rest {
                let (packet, behind) = more.split_at(usize::from(*length));
                left.push(String::from_utf8(packet[1..].to_vec()).unwrap());
                rest = behind;
            }
            prop_assert!(left.is_sorted(), "in order: {left:?}");
            prop_assert_eq!(left.len() + dropped, pushed.len());
            let latest: HashMap<u64, &String> = pushed
                .iter()
                .filter(|(_, rule, _)| *rule == WhenSlow::KeepLatest)
                .map(|(text, _, key)| (*key, text))
                .collect();
            let kept = pushed.iter().filter(|(_, rule, _)| *rule == WhenSlow::Close).map(|(text, ..)| text);
            for text in kept.chain(latest.into_values()) {
                prop_assert!(left.contains(text), "{text} was dropped");
            }
        }
    }
}
