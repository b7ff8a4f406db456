//! The events of a namespace that peers may ask for again.
//!
//! They are numbered without gaps, so the place of a number is a subtraction. Knows no clock and no peer: who was meant
//! is a list of rooms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrayvec::ArrayString;
use smallvec::SmallVec;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::tick::Tick;

/// Characters of an offset that name the process: a number of another is none of ours.
pub(crate) const TAG: usize = 4;

/// What peers are told of a number: the tag, and the number in hexadecimal digits.
pub(crate) type Offset = ArrayString<{ TAG + 16 }>;

/// Who was meant by an event: these rooms, or everybody if there are none; a socket's id is a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audience {
    pub(crate) rooms: SmallVec<[Box<str>; 1]>,
    pub(crate) except: SmallVec<[Box<str>; 1]>,
}

impl Audience {
    fn includes(&self, is_in: &impl Fn(&str) -> bool) -> bool {
        let any = |rooms: &[Box<str>]| rooms.iter().any(|room| is_in(room));
        (self.rooms.is_empty() || any(&self.rooms)) && !any(&self.except)
    }

    fn bytes(&self) -> usize {
        self.rooms.iter().chain(&self.except).map(|room| room.len() + 2 * size_of::<usize>()).sum()
    }
}

#[derive(Debug)]
struct Entry {
    at: Tick,
    audience: Audience,
    frames: SmallVec<[Frame; 1]>,
}

impl Entry {
    /// What it takes in memory, about.
    fn bytes(&self) -> usize {
        let frames: usize = self.frames.iter().map(|frame| frame.len() + 2 * size_of::<usize>()).sum();
        size_of::<Entry>() + frames + self.audience.bytes()
    }
}

/// What is known to have reached a member.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    /// All up to this number.
    surely: u64,
    /// All up to this one once the next ping is answered: they were sent before it.
    soon: u64,
}

/// The log of one namespace.
#[derive(Debug)]
pub(crate) struct Log {
    tag: [u8; TAG],
    entries: VecDeque<Entry>,
    /// The number of the last event; the first is 1.
    last: u64,
    bytes: usize,
    /// Bytes of all logs of the server.
    all: Arc<AtomicUsize>,
    /// By the numbers of members.
    reached: Vec<Reached>,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What was asked for is no longer all there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooShort;

impl Log {
    /// An empty log of the process that `tag` names.
    pub(crate) fn new(tag: [u8; TAG], all: Arc<AtomicUsize>) -> Log {
        Log { tag, entries: VecDeque::new(), last: 0, bytes: 0, all, reached: Vec::new() }
    }

    /// The number of the last event, 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// What peers are told of a number.
    pub(crate) fn offset(&self, number: u64) -> Offset {
        let mut offset = Offset::new();
        self.tag.into_iter().for_each(|letter| offset.push(char::from(letter)));
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
        for at in (0..digits).rev() {
            offset.push(char::from(b"0123456789abcdef"[(number >> (4 * at) & 15) as usize]));
        }
        offset
    }

    /// The number that an offset tells, if it is one of ours.
    pub(crate) fn number(&self, offset: &str) -> Option<u64> {
        let digits = offset.as_bytes().strip_prefix(&self.tag)?;
        if digits.iter().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let number = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        (number <= self.last).then_some(number)
    }

    /// Adds the event whose number is the one behind the last. The log may have `limit` bytes, and all logs of the server
    /// together the second: who adds to what is too much lets go of its own.
    pub(crate) fn push(
        &mut self,
        at: Tick,
        audience: Audience,
        frames: SmallVec<[Frame; 1]>,
        (limit, of_all): (usize, usize),
    ) {
        let entry = Entry { at, audience, frames };
        let bytes = entry.bytes();
        self.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
        self.last += 1;
        self.entries.push_back(entry);
        while !self.entries.is_empty() && (self.bytes > limit || self.all.load(Ordering::Relaxed) > of_all) {
            self.pop();
        }
    }

    /// Forgets all: nobody is left who could ask for it.
    pub(crate) fn clear(&mut self) {
        while !self.entries.is_empty() {
            self.pop();
        }
        self.entries = VecDeque::new();
    }

    /// Forgets what is older than `since`.
    pub(crate) fn forget_before(&mut self, since: Tick) {
        while self.entries.front().is_some_and(|entry| entry.at.is_due(since)) {
            self.pop();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            let bytes = entry.bytes();
            self.bytes -= bytes;
            self.all.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether all events behind `number` are there.
    pub(crate) fn reaches(&self, number: u64) -> bool {
        number <= self.last && number + self.entries.len() as u64 >= self.last
    }

    /// What somebody who has all up to `number` has missed.
    pub(crate) fn missed(&self, number: u64, is_in: impl Fn(&str) -> bool) -> Result<Vec<Frame>, TooShort> {
        if !self.reaches(number) {
            return Err(TooShort);
        }
        let behind = self.entries.len() - (self.last - number) as usize;
        let missed = self.entries.range(behind..).filter(|entry| entry.audience.includes(&is_in));
        Ok(missed.flat_map(|entry| entry.frames.iter().cloned()).collect())
    }

    // ---- What has reached whom ------------------------------------------------------------------------

    /// A member comes, and has all up to `number`.
    pub(crate) fn add_member(&mut self, member: u32, number: u64) {
        let at = member as usize;
        if self.reached.len() <= at {
            self.reached.resize(at + 1, Reached::default());
        }
        self.reached[at] = Reached { surely: number, soon: number };
    }

    /// A member has answered a ping: what was sent before that ping has reached it.
    pub(crate) fn answered(&mut self, member: u32) {
        let last = self.last;
        if let Some(reached) = self.reached.get_mut(member as usize) {
            *reached = Reached { surely: reached.soon, soon: last };
        }
    }

    /// The number up to which all has reached a member, for sure.
    pub(crate) fn reached(&self, member: u32) -> u64 {
        self.reached.get(member as usize).map_or(0, |reached| reached.surely)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> SmallVec<[Frame; 1]> {
        [Frame::text(&[text.as_bytes()])].into_iter().collect()
    }

    fn to(rooms: &[&str], except: &[&str]) -> Audience {
        let boxed = |rooms: &[&str]| rooms.iter().map(|room| Box::from(*room)).collect();
        Audience { rooms: boxed(rooms), except: boxed(except) }
    }

    fn texts(frames: &[Frame]) -> Vec<&str> {
        frames.iter().map(|frame| std::str::from_utf8(frame.packet()).unwrap()).collect()
    }

    #[test]
    fn what_was_missed_is_what_was_meant_for_the_rooms_behind_the_number() {
        let mut log = Log::new(*b"abcd", Arc::default());
        let all = [
            (to(&[], &[]), "4all"),
            (to(&["a"], &[]), "4a"),
            (to(&["b"], &[]), "4b"),
            (to(&[], &["a"]), "4not a"),
        ];
        for (audience, text) in all {
            log.push(Tick::new(0), audience, event(text), (usize::MAX, usize::MAX));
        }
        let missed = |number, rooms: &[&str]| log.missed(number, |room| rooms.contains(&room)).unwrap();
        assert_eq!(texts(&missed(0, &["a"])), ["4all", "4a"]);
        assert_eq!(texts(&missed(1, &["a", "b"])), ["4a", "4b"]);
        assert_eq!(texts(&missed(2, &[])), ["4not a"]);
        assert!(missed(4, &[]).is_empty());
        assert!(log.missed(5, |_| true).is_err(), "nobody has what was never sent");
    }

    #[test]
    fn a_log_is_bounded_in_bytes_and_age_and_says_what_it_lacks() {
        let mut log = Log::new(*b"abcd", Arc::default());
        for number in 0..1000 {
            log.push(Tick::new(number), to(&[], &[]), event("4text"), (10_000, usize::MAX));
        }
        assert!(log.bytes <= 10_000 && !log.entries.is_empty());
        let kept = log.entries.len() as u64;
        assert_eq!(log.missed(1000 - kept, |_| true).unwrap().len() as u64, kept);
        assert_eq!(log.missed(999 - kept, |_| true).unwrap_err(), TooShort);
        log.forget_before(Tick::new(989));
        assert_eq!(log.entries.len(), 10);
        log.forget_before(Tick::new(1000));
        assert!(log.is_empty() && log.bytes == 0);
        assert!(log.missed(1000, |_| true).unwrap().is_empty(), "who has all has missed nothing");
    }

    #[test]
    fn an_offset_is_the_tag_and_the_number_in_hexadecimal_digits() {
        let log = Log::new(*b"abcd", Arc::default());
        for number in [0, 1, 15, 16, 0xfff, 0x1000, u64::MAX] {
            assert_eq!(*log.offset(number), format!("abcd{number:x}"));
        }
    }

    #[test]
    fn an_offset_of_another_process_or_of_later_or_of_nobody_is_unknown() {
        let mut log = Log::new(*b"abcd", Arc::default());
        log.push(Tick::new(0), to(&[], &[]), event("4a"), (usize::MAX, usize::MAX));
        assert_eq!(log.number(&log.offset(1)), Some(1));
        assert_eq!(log.number(&log.offset(0)), Some(0));
        for text in ["", "1", "abcd2", "abce1", "abcd", "abcd+1", "abcdx", "text", "abcdffffffffffffffffff"] {
            assert_eq!(log.number(text), None, "{text}");
        }
    }

    #[test]
    fn what_reached_a_member_is_what_was_sent_before_a_ping_that_it_answered() {
        let mut log = Log::new(*b"abcd", Arc::default());
        log.add_member(3, 0);
        log.push(Tick::new(0), to(&[], &[]), event("4a"), (usize::MAX, usize::MAX));
        log.answered(3);
        assert_eq!(log.reached(3), 0, "the event may be younger than the ping");
        log.push(Tick::new(0), to(&[], &[]), event("4b"), (usize::MAX, usize::MAX));
        log.answered(3);
        assert_eq!(log.reached(3), 1);
        log.add_member(3, 2);
        assert_eq!((log.reached(3), log.reached(7)), (2, 0));
    }

    #[test]
    fn logs_share_what_all_of_them_may_have() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut logs = [Log::new(*b"abcd", all.clone()), Log::new(*b"abcd", all.clone())];
        for log in &mut logs {
            (0..1_000)
                .for_each(|_| log.push(Tick::new(0), to(&[], &[]), event("4text"), (usize::MAX, 50_000)));
        }
        let [first, second] = logs;
        assert!((40_000..=50_000).contains(&all.load(Ordering::Relaxed)));
        assert!(second.entries.is_empty() && first.reaches(1_000), "who comes late finds no room");
        assert!(second.reaches(1_000) && !second.reaches(999));
        drop(first);
        assert_eq!(all.load(Ordering::Relaxed), 0);
        let mut second = second;
        second.push(Tick::new(0), to(&[], &[]), event("4text"), (usize::MAX, 50_000));
        assert!(second.reaches(1_000));
        second.clear();
        assert_eq!((all.load(Ordering::Relaxed), second.last()), (0, 1_001));
    }
}
