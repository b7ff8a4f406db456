//! Messages that are compressed: permessage-deflate, as far as it is bytes.
//!
//! ```text
//! payload ── compress ──▶ DEFLATE blocks, without the `00 00 ff ff` that a flush leaves at their end
//! those, from the peer ── inflate, which puts it back ──▶ payload, or what was wrong
//! ```
//! Each message is compressed by itself, in both directions ("no context takeover"), so a connection owns nothing: each
//! thread has one inflater, and a compressor for each window that peers asked for. What they cost, some 300 KB, a
//! thread pays when it first meets a compressed message, and keeps.
//!
//! What the ends agree on is in [`extensions`](crate::extensions), where it stands in frames in
//! [`decoder`](crate::decoder).
//!
//! Spec: RFC 7692, section 7.2; RFC 1951.

use std::{cell::RefCell, num::NonZeroU8};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::ProtocolError;

/// The smallest window that a compressor takes, in bits.
const MIN_WINDOW_BITS: u8 = 9;
/// The largest window that there is, in bits: 32 KiB.
const MAX_WINDOW_BITS: u8 = 15;

/// The empty block of a flush, which is not sent.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The tail, and an empty last block. A stream that is whole is between two blocks behind the tail, so it ends with
/// this one; one that was cut takes these bytes for something else.
const TAIL_AND_END: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];

/// How many times its compressed size room is made for at first.
const USUAL_RATIO: usize = 4;
/// The least room that is made, in bytes.
const LEAST_ROOM: usize = 256;

thread_local! {
    static COMPRESSORS: RefCell<Compressors> = const { RefCell::new([const { None }; 7]) };
    static INFLATER: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// One for each window from 9 bits to 15, with its level.
type Compressors = [Option<(u32, Compress)>; (MAX_WINDOW_BITS - MIN_WINDOW_BITS + 1) as usize];

/// What both ends of a connection agreed on: messages may be compressed, each by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreement {
    window_bits: NonZeroU8,
}

const _: () = assert!(size_of::<Option<Agreement>>() == 1);

impl Agreement {
    /// That what the server compresses refers back by at most 2 to the power of `bits` bytes: 9 to 15.
    ///
    /// None for other numbers. A window of 8 bits could be agreed on, but no compressor in use keeps to it.
    pub const fn new(bits: u8) -> Option<Self> {
        match NonZeroU8::new(bits) {
            Some(window_bits) if MIN_WINDOW_BITS <= bits && bits <= MAX_WINDOW_BITS => {
                Some(Self { window_bits })
            }
            _ => None,
        }
    }

    /// The window of what the server compresses, in bits.
    pub const fn window_bits(self) -> u8 {
        self.window_bits.get()
    }

    /// Appends the payload of a compressed message. Its frame is marked as such by
    /// [`COMPRESSED`](crate::header::COMPRESSED).
    ///
    /// `level` is zlib's: 1 is the fastest, 9 the smallest, and 0 compresses nothing; higher ones are 9. What holds no
    /// redundancy becomes longer, by some bytes: whoever sends it had better send it as it was.
    pub fn compress(self, level: u32, payload: &[u8], out: &mut Vec<u8>) {
        let (level, bits) = (level.min(9), self.window_bits());
        let start = out.len();
        COMPRESSORS.with_borrow_mut(|compressors| {
            let slot = &mut compressors[usize::from(bits - MIN_WINDOW_BITS)];
            let compressor = match slot {
                Some((made_for, compressor)) if *made_for == level => {
                    compressor.reset();
                    compressor
                }
                _ => {
                    let compressor = Compress::new_with_window_bits(Compression::new(level), false, bits);
                    &mut slot.insert((level, compressor)).1
                }
            };
            out.reserve(payload.len() / 2 + LEAST_ROOM);
            loop {
                // A message's bytes fit in memory, so they fit in `usize`.
                let rest = &payload[compressor.total_in() as usize..];
                let status = compressor.compress_vec(rest, out, FlushCompress::Sync);
                status.expect("a compressor in a good state takes any bytes");
                if out.len() < out.capacity() {
                    break; // all of it is out: else it would have gone on to the end
                }
                out.reserve(payload.len() / 4 + LEAST_ROOM);
            }
        });
        debug_assert!(out[start..].ends_with(&TAIL), "a flush ends with an empty block");
        out.truncate(out.len() - TAIL.len());
    }
}

/// The most that a message of `payload` bytes may be in its compressed form, with the least able compressor: blocks of a
/// hundred bytes that could not be made smaller, each behind a header of five.
pub(crate) const fn most_compressed(payload: usize) -> usize {
    payload.saturating_add(payload / 8).saturating_add(64)
}

/// The payload of a message that came compressed.
///
/// # Errors
/// [`ProtocolError::InvalidDeflate`] when it is no DEFLATE stream, or not a whole one.
/// [`ProtocolError::TooLarge`] as soon as it is longer than `limit`, however short it was when compressed: never more
/// than `limit` bytes and one are written.
pub(crate) fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolError> {
    if payload.is_empty() {
        // Not even an empty block; compressors that flush twice give it for an empty message.
        return Ok(Vec::new());
    }
    INFLATER.with_borrow_mut(|inflater| {
        let inflater = match inflater {
            Some(inflater) => {
                inflater.reset(false);
                inflater
            }
            None => inflater.insert(Decompress::new(false)),
        };
        let mut out = Vec::new();
        grow(&mut out, payload.len().saturating_mul(USUAL_RATIO), limit);
        if !feed(inflater, payload, limit, &mut out)? && !feed(inflater, &TAIL_AND_END, limit, &mut out)? {
            return Err(ProtocolError::InvalidDeflate);
        }
        Ok(out)
    })
}

/// Inflates all of `input` behind what is in `out`; says whether the last block of the stream ended with it.
fn feed(
    inflater: &mut Decompress,
    mut input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<bool, ProtocolError> {
    while !input.is_empty() || out.len() == out.capacity() {
        let before = inflater.total_in();
        let status = inflater
            .decompress_vec(input, out, FlushDecompress::Sync)
            .map_err(|_| ProtocolError::InvalidDeflate)?;
        let taken = (inflater.total_in() - before) as usize;
        input = &input[taken..];
        if out.len() > limit {
            return Err(ProtocolError::TooLarge { size: out.len() as u64, limit });
        }
        match status {
            Status::StreamEnd if input.is_empty() => return Ok(true),
            // Behind a last block another stream may begin, which does not refer back to the one before it.
            Status::StreamEnd => inflater.reset(false),
            Status::Ok | Status::BufError if out.len() == out.capacity() => {
                let more = out.len();
                grow(out, more, limit);
            }
            Status::Ok | Status::BufError if taken == 0 && !input.is_empty() => {
                return Err(ProtocolError::InvalidDeflate);
            }
            Status::Ok | Status::BufError => {}
        }
    }
    Ok(false)
}

/// Makes room for `more` bytes, but never for more than `limit` and the one that shows that it is exceeded.
fn grow(out: &mut Vec<u8>, more: usize, limit: usize) {
    let most = limit.saturating_add(1) - out.len();
    out.reserve_exact(more.max(LEAST_ROOM).min(most));
}

#[cfg(test)]
mod tests {
    use super::{Agreement, inflate};
    use crate::error::ProtocolError;

    const AGREEMENT: Agreement = Agreement::new(15).expect("it is between 9 and 15");

    fn compressed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        AGREEMENT.compress(1, payload, &mut out);
        out
    }

    /// RFC 7692, section 7.2.3.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for example in [
            b"\xf2\x48\xcd\xc9\xc9\x07\x00" as &[u8],
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", // stored
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",             // a last block, and an empty one behind it
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", // two blocks
            b"\xf3\x48\xcd\xc9\xc9\x07\x00",                 // a last block and nothing behind it
        ] {
            assert_eq!(inflate(example, 5), Ok(b"Hello".to_vec()), "{example:x?}");
            let limit = Err(ProtocolError::TooLarge { size: 5, limit: 4 });
            assert_eq!(inflate(example, 4), limit, "{example:x?}");
        }
        assert_eq!(compressed(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    }

    #[test]
    fn an_empty_message_is_empty_in_each_of_its_forms() {
        assert_eq!(compressed(b""), b"\x00");
        for empty in [b"" as &[u8], b"\x00", b"\x02\x00", b"\x03\x00", b"\x01\x00\x00\xff\xff"] {
            assert_eq!(inflate(empty, 0), Ok(Vec::new()), "{empty:x?}");
        }
    }

    #[test]
    fn what_is_no_stream_or_not_a_whole_one_is_an_error() {
        let broken = Err(ProtocolError::InvalidDeflate);
        for bytes in [
            b"\x07" as &[u8],                 // a block of the kind that does not exist
            b"\x00\x05\x00\x00\x00Hello\x00", // a stored block whose length does not match its check
            b"\x00\x50\x00\xaf\xffHello\x00", // and one that ends before its length
            b"\x04\x00\x00\x00\x00",          // codes that are none
            b"\x03\x02\x00",                  // reaches back behind the start
            b"Hello",
        ] {
            assert_eq!(inflate(bytes, 1000), broken, "{bytes:x?}");
        }
        let whole = compressed(b"what is cut anywhere but at its end is an error, and not half a message");
        for end in 1..whole.len() - 1 {
            assert_eq!(inflate(&whole[..end], 1000), broken, "cut at {end} of {}", whole.len());
        }
    }

    #[test]
    fn a_bomb_is_let_go_as_soon_as_it_is_over_the_limit() {
        let bomb = compressed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
        for limit in [0, 1, 255, 1_000_000] {
            let size = limit as u64 + 1;
            assert_eq!(inflate(&bomb, limit), Err(ProtocolError::TooLarge { size, limit }));
        }
        assert_eq!(inflate(&bomb, 64 << 20).map(|bytes| bytes.len()), Ok(64 << 20));
    }

    #[test]
    fn only_windows_that_a_compressor_takes_can_be_agreed_on() {
        for bits in 0..=u8::MAX {
            let agreed = Agreement::new(bits).map(Agreement::window_bits);
            assert_eq!(agreed, (9..=15).contains(&bits).then_some(bits));
        }
    }
}
