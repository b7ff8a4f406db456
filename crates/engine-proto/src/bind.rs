//! How a wire takes over a session that may move: `5<received>.<first>.<turn>`.
//!
//! Spec: `spec/extensions.md` 0.3.

use std::fmt;

/// What a new wire says first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bind {
    /// The number of the last message that the client has.
    pub received: u32,
    /// The number of the first message that follows on this wire.
    pub first: u32,
    /// Which takeover of the session it is, counted from 1. Wires do not keep the order of each other's packets: one that
    /// comes behind a later one is too late, and its wire carries nothing.
    pub turn: u32,
}

impl Bind {
    /// Reads what follows the `5`. `None` where it is not three numbers: of decimal digits alone, below 2^32.
    #[must_use]
    pub fn parse(data: &str) -> Option<Bind> {
        let mut numbers = data.split('.').map(parse_number);
        let bind = Bind { received: numbers.next()??, first: numbers.next()??, turn: numbers.next()?? };
        numbers.next().is_none().then_some(bind)
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.received, self.first, self.turn)
    }
}

/// A number of a message, or none: what is no number of decimal digits, or has more than 32 bits.
#[must_use]
pub fn parse_number(digits: &str) -> Option<u32> {
    // `parse` takes a sign, too.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_reads_as_it_is_written() {
        for (received, first, turn) in [(0, 1, 1), (7, 8, 2), (u32::MAX, u32::MAX, u32::MAX)] {
            let bind = Bind { received, first, turn };
            assert_eq!(Bind::parse(&bind.to_string()), Some(bind));
        }
    }

    #[test]
    fn what_is_not_three_numbers_is_none() {
        for data in [
            "",
            "1",
            "1.1",
            "..",
            "1.1.",
            "1..1",
            "-1.1.1",
            "1.+1.1",
            "1.1.1.1",
            "4294967296.1.1",
            "1.1.1x",
            " 1.1.1",
        ] {
            assert_eq!(Bind::parse(data), None, "{data}");
        }
    }
}
