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
//! Empty it owns no heap, and with one frame neither. It knows no wire and no clock.

use std::collections::VecDeque;

use crate::frame::Frame;
use crate::tick::Tick;

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
    /// When bytes last left, or when the backlog arose.
    moved: Tick,
}

/// How much may wait.
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
#[error("the peer does not read: {waiting} bytes wait")]
pub struct Overflow {
    /// Bytes that wait already.
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
    pub fn push(&mut self, frame: Frame, now: Tick, limits: &Limits) -> Result<(), Overflow> {
        let waiting = self.bytes();
        if waiting > 0 && self.is_over(waiting + frame.len(), now, limits) {
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
        let backlog = self.backlog(now);
        backlog.bytes += length;
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.backlog(now).rest.push_back(frame);
        }
    }

    fn is_over(&self, bytes: usize, now: Tick, limits: &Limits) -> bool {
        let stalled = |backlog: &Backlog| backlog.moved.after(limits.stall).is_due(now);
        bytes > limits.hard || (bytes > limits.soft && self.more.as_deref().is_some_and(stalled))
    }

    /// Whether more than the soft limit waits and nothing has left for too long.
    #[must_use]
    pub fn is_stalled(&self, now: Tick, limits: &Limits) -> bool {
        self.bytes() > limits.soft && self.is_over(self.bytes(), now, &Limits { hard: usize::MAX, ..*limits })
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.more {
            Some(backlog) => backlog.bytes,
            None => self.first.as_ref().map_or(0, Frame::len),
        }
    }

    /// Whether nothing waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.more {
            None => self.first.is_none(),
            Some(backlog) => self.get(backlog.kept).is_none(),
        }
    }

    /// Frames that wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.len() - self.kept()
    }

    /// The first frame that waits.
    #[must_use]
    pub fn next(&self) -> Option<&Frame> {
        self.get(self.kept())
    }

    /// Appends the WebSocket bytes of what waits, up to `limit` bytes in `out`: whole frames, except that a
    /// first frame longer than the limit is cut.
    pub fn gather(&self, out: &mut Vec<u8>, limit: usize) {
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
                }
                return;
            }
            out.extend_from_slice(bytes);
            index += 1;
            offset = 0;
        }
    }

    /// `written` WebSocket bytes of what [`gather`](Outbox::gather) gave have left.
    pub fn advance(&mut self, mut written: usize, now: Tick) {
        if self.more.is_none() && self.first.as_ref().is_some_and(|only| only.len() == written) {
            self.first = None;
            return;
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
        let keep = keep && frame.is_countable();
        if keep {
            self.backlog(now);
        }
        let kept = self.kept();
        if let Some(backlog) = &mut self.more {
            backlog.bytes -= left;
            backlog.offset = 0;
            backlog.moved = now;
            if keep {
                backlog.kept += 1;
                backlog.kept_bytes += length;
                return;
            }
            if kept > 0 {
                backlog.rest.remove(kept - 1);
                return;
            }
        }
        self.pop();
    }

    /// The peer has every countable packet up to number `number`.
    ///
    /// # Errors
    /// [`Forgotten`] when a packet after `number` is no longer kept, or `number` was never sent: then the
    /// peer cannot be brought up to date, and nothing has changed.
    pub fn acknowledge(&mut self, number: u32) -> Result<(), Forgotten> {
        let kept = self.kept();
        let missing = self.last_written().wrapping_sub(number) as usize;
        if missing > kept {
            return Err(Forgotten);
        }
        self.forget(kept - missing);
        Ok(())
    }

    /// What was kept waits again: for a new wire that starts over.
    pub fn rewind(&mut self) {
        if let Some(backlog) = &mut self.more {
            backlog.bytes += backlog.kept_bytes + backlog.offset;
            backlog.kept = 0;
            backlog.kept_bytes = 0;
            backlog.offset = 0;
        }
    }

    /// Forgets the oldest kept frames until at most `limit` bytes are kept.
    pub fn trim(&mut self, limit: usize) {
        while self.more.as_ref().is_some_and(|backlog| backlog.kept_bytes > limit) {
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
        let kept = self.kept();
        let waiting = (0..self.waiting()).filter(|i| self.get(kept + i).is_some_and(Frame::is_countable));
        self.sent.wrapping_sub(waiting.count() as u32)
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
        self.more.get_or_insert_with(|| Box::new(Backlog { bytes, moved: now, ..Backlog::default() }))
    }

    fn pop(&mut self) {
        self.first = self.more.as_mut().and_then(|backlog| backlog.rest.pop_front());
        let done = |backlog: &Backlog| backlog.rest.is_empty() && backlog.kept == 0 && backlog.offset == 0;
        if self.more.as_deref().is_some_and(done) {
            self.more = None;
        }
    }
}

/// The packets after an acknowledged number are no longer there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the packets after the acknowledged number are no longer kept")]
pub struct Forgotten;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Tick = Tick::new(7);
    const LIMITS: Limits = Limits { soft: 100, hard: 200, stall: 10 };

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
        frames.map(|frame| String::from_utf8_lossy(&frame.packet()[1..]).into_owned()).collect()
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
        outbox.rewind();
        assert_eq!(texts(&outbox), ["2", "3", "4"]);
        assert_eq!(outbox.bytes(), (0..3).filter_map(|i| outbox.get(i)).map(Frame::len).sum::<usize>());
    }

    #[test]
    fn a_number_that_is_no_longer_kept_or_was_never_sent_is_refused() {
        let mut outbox = outbox(5);
        (0..5).for_each(|_| outbox.written(true, NOW));
        outbox.trim(2 * frame("0").len());
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
        outbox.rewind();
        assert_eq!(texts(&outbox), ["0", "1"]);
    }

    #[test]
    fn an_empty_queue_takes_a_frame_over_the_limit() {
        let mut outbox = Outbox::default();
        let long = frame(&"x".repeat(500));
        assert_eq!(outbox.push(long.clone(), NOW, &LIMITS), Ok(()));
        assert_eq!(outbox.push(frame("a"), NOW, &LIMITS), Err(Overflow { waiting: long.len() }));
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

    proptest! {
        #[test]
        fn any_schedule_of_writes_acknowledgements_and_rewinds_loses_nothing(
            steps in prop::collection::vec((0..6u8, 0..40usize), 1..200)
        ) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut acked, mut next) = (0u32, 0u32, 0u32);
            for (step, amount) in steps {
                match step {
                    0 | 1 => {
                        outbox.push_unchecked(frame(&pushed.to_string()), NOW);
                        pushed += 1;
                    }
                    2 | 3 => {
                        if let Some(frame) = outbox.next() {
                            let number: u32 = String::from_utf8_lossy(&frame.packet()[1..]).parse().unwrap();
                            prop_assert_eq!(number, next);
                            next += 1;
                        }
                        outbox.written(true, NOW);
                    }
                    4 => {
                        acked += (amount as u32).min(next - acked);
                        prop_assert_eq!(outbox.acknowledge(acked), Ok(()));
                    }
                    _ => {
                        outbox.rewind();
                        next = acked;
                    }
                }
                prop_assert_eq!(outbox.waiting() as u32, pushed - next);
                let bytes: usize = (outbox.kept()..outbox.len()).filter_map(|i| outbox.get(i)).map(Frame::len).sum();
                prop_assert_eq!(outbox.bytes(), bytes);
            }
        }
    }
}
