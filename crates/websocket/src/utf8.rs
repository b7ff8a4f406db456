//! UTF-8 that comes in pieces, checked as early as a byte can be known to be wrong.
//!
//! Keeps the 0-3 bytes of a character that the next piece must finish, and no text.

/// The text so far is not UTF-8, whatever follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidUtf8;

/// Where the check of one text stands.
#[derive(Debug, Default)]
pub(crate) struct Utf8Check {
    unfinished: [u8; 4],
    length: usize,
}

impl Utf8Check {
    /// Checks the next piece.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.length > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            self.unfinished[self.length] = byte;
            self.length += 1;
            match std::str::from_utf8(&self.unfinished[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => {} // at most three bytes can still be unfinished, so a fourth has its place
            }
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
            Err(error) => {
                let rest = &piece[error.valid_up_to()..];
                self.length = rest.len();
                self.unfinished[..rest.len()].copy_from_slice(rest);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidUtf8, Utf8Check};

    #[test]
    fn a_wrong_byte_is_seen_when_it_comes() {
        // text, and how many of its bytes are needed to know that it is wrong
        let rows: [(&[u8], usize); 9] = [
            (b"\x80", 1),
            (b"\xc0\x80", 1),              // a start that no character has
            (b"\xe0\x80\x80", 2),          // longer than needed
            (b"\xed\xa0\x80", 2),          // a surrogate
            (b"\xf4\x90\x80\x80", 2),      // beyond U+10FFFF
            (b"\xf5\x80\x80\x80", 1),      // a start that no character has
            (b"a\xce\xba\xe1\xbd\x41", 6), // a character that stops
            (b"\xf0\x9f\x98\x41", 4),
            (b"abc\xff", 4),
        ];
        for (text, at) in rows {
            let mut check = Utf8Check::default();
            for (index, byte) in text.iter().take(at).enumerate() {
                let expected = if index + 1 == at { Err(InvalidUtf8) } else { Ok(()) };
                assert_eq!(check.push(&[*byte]), expected, "{text:x?} at {index}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_a_text_gives_the_verdict_of_the_whole(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                any::<String>().prop_map(String::into_bytes),
                (any::<String>(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
                    let mut bytes = text.into_bytes();
                    bytes.insert(at.index(bytes.len() + 1), byte);
                    bytes
                }),
            ],
            cuts in proptest::collection::vec(0_usize..40, 0..6),
        ) {
            let mut check = Utf8Check::default();
            let mut rest = bytes.as_slice();
            let mut verdict = Ok(());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                rest = after;
                verdict = verdict.and_then(|()| check.push(piece));
            }
            verdict = verdict.and_then(|()| check.push(rest));
            let expected = match std::str::from_utf8(&bytes) {
                Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
                _ => Ok(()),
            };
            prop_assert_eq!(verdict, expected);
        }
    }
}
