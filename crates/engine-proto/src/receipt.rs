//! What came of a session that may move between wires, and what of that the peer knows.
//!
//! ```text
//!   came, and told │ came, not told │ next
//!   ───────────────┼────────────────┼─────▶ numbers
//!                told            received
//! ```
//! A message that comes twice, since a POST was sent again or a wire was taken over, is known by its number. The peer keeps
//! what it was not told of, so it is told soon: after some messages, some bytes, or a second.
//!
//! Spec: `spec/extensions.md` 0.3.

use crate::tick::Tick;

/// Messages that may have come before the peer is told.
pub const MESSAGES: u32 = 64;

/// Bytes of messages that may have come before the peer is told.
pub const BYTES: u32 = 64 * 1024;

/// Ticks that a message may be untold.
pub const UNTOLD: u32 = 1_000 / Tick::LENGTH.as_millis() as u32;

/// What a numbered message is to its receiver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// The next one.
    Next,
    /// One that came before, to be dropped.
    Again,
    /// Others are missing in front of it: the sender is to begin behind `last`.
    Gap {
        /// The number of the last that came.
        last: u32,
    },
}

/// The receiving end of one direction. 16 bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Receipt {
    received: u32,
    told: u32,
    /// Bytes of those that are not told.
    bytes: u32,
    /// When the first of those came.
    since: Tick,
}

const _: () = assert!(size_of::<Receipt>() == 16);

impl Receipt {
    /// Number of the last message that came; 0 before the first.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.received
    }

    /// A message of `bytes` came on a wire that gives no numbers, since it keeps their order.
    pub fn take_next(&mut self, bytes: usize, now: Tick) {
        if self.is_told() {
            self.since = now;
        }
        self.received = self.received.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// A message of `bytes` came that says its number.
    pub fn take(&mut self, number: u32, bytes: usize, now: Tick) -> Arrival {
        match number.wrapping_sub(self.received) {
            1 => {
                self.take_next(bytes, now);
                Arrival::Next
            }
            ahead if ahead > 1 && ahead <= u32::MAX / 2 => Arrival::Gap { last: self.received },
            _ => Arrival::Again,
        }
    }

    /// Whether the peer knows of all that came.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told == self.received
    }

    /// Whether the peer is to be told now.
    #[must_use]
    pub fn is_due(&self, now: Tick) -> bool {
        let untold = self.received.wrapping_sub(self.told);
        untold >= MESSAGES || self.bytes >= BYTES || self.deadline().is_some_and(|at| at.is_due(now))
    }

    /// When the peer is to be told at the latest, where there is something to tell.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        (!self.is_told()).then(|| self.since.after(UNTOLD))
    }

    /// The number to tell the peer; it counts as told, as whoever loses that is told more later.
    pub fn tell(&mut self) -> u32 {
        self.told = self.received;
        self.bytes = 0;
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick::new(7);

    #[test]
    fn a_message_is_taken_once_and_none_before_those_in_front_of_it() {
        let mut receipt = Receipt::default();
        assert_eq!(receipt.take(2, 1, NOW), Arrival::Gap { last: 0 });
        assert_eq!(receipt.take(1, 1, NOW), Arrival::Next);
        assert_eq!(receipt.take(1, 1, NOW), Arrival::Again);
        receipt.take_next(1, NOW);
        assert_eq!(receipt.take(2, 1, NOW), Arrival::Again);
        assert_eq!(receipt.take(9, 1, NOW), Arrival::Gap { last: 2 });
        assert_eq!(receipt.take(0, 1, NOW), Arrival::Again);
        assert_eq!(receipt.received(), 2);
    }

    #[test]
    fn numbers_go_on_behind_the_largest() {
        let mut receipt = Receipt { received: u32::MAX, told: u32::MAX, ..Receipt::default() };
        assert_eq!(receipt.take(u32::MAX, 1, NOW), Arrival::Again);
        assert_eq!(receipt.take(1, 1, NOW), Arrival::Gap { last: u32::MAX });
        assert_eq!(receipt.take(0, 1, NOW), Arrival::Next);
        assert_eq!(receipt.take(1, 1, NOW), Arrival::Next);
    }

    #[test]
    fn the_peer_is_told_after_a_second_many_messages_or_many_bytes() {
        let mut receipt = Receipt::default();
        assert!(!receipt.is_due(NOW) && receipt.deadline().is_none());
        receipt.take_next(10, NOW);
        receipt.take_next(10, NOW.after(5));
        let due = NOW.after(UNTOLD);
        assert_eq!(receipt.deadline(), Some(due));
        assert!(!receipt.is_due(due.before(1)) && receipt.is_due(due));
        assert_eq!(receipt.tell(), 2);
        assert!(!receipt.is_due(due));
        (1..MESSAGES).for_each(|_| receipt.take_next(1, due));
        assert!(!receipt.is_due(due));
        receipt.take_next(1, due);
        assert!(receipt.is_due(due));
        receipt.tell();
        receipt.take_next(BYTES as usize, due);
        assert!(receipt.is_due(due));
        assert_eq!(receipt.tell(), 2 + MESSAGES + 1);
    }
}
