//! Compressed messages: rule by rule, and against an implementation of DEFLATE that shares no line with ours.

use miniz_oxide::{
    DataFormat, MZFlush,
    deflate::{core::CompressorOxide, stream::deflate},
    inflate::decompress_to_vec_with_limit,
};
use proptest::{collection::vec, prelude::*};
use sockeye_websocket::{
    close::CloseCode, decoder::Role, deflate::Agreement, encode::encode_fragment, error::ProtocolError,
    header::COMPRESSED, header::OpCode, limits::Limits,
};

use crate::reader::{Reader, Seen};

const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
const END: [u8; 2] = [0x03, 0x00];

fn agreement(bits: u8) -> Agreement {
    Agreement::new(bits).expect("it is between 9 and 15")
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    agreement(15).compress(1, payload, &mut out);
    out
}

/// A message in parts, the first of them marked as compressed.
fn message(opcode: OpCode, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let opcode = if index == 0 { opcode } else { OpCode::Continuation };
        encode_fragment(opcode, index + 1 == parts.len(), part, None, &mut bytes);
    }
    bytes[0] |= COMPRESSED;
    bytes
}

fn read(limits: Limits, bytes: &[u8]) -> (Vec<Seen>, Option<ProtocolError>) {
    let mut reader = Reader::deflating(Role::Client, limits);
    reader.read(bytes);
    (reader.seen, reader.error)
}

fn read_by_default(bytes: &[u8]) -> (Vec<Seen>, Option<ProtocolError>) {
    read(Limits::default(), bytes)
}

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

#[test]
fn a_message_is_inflated_whole_and_in_parts_and_others_come_as_they_are() {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(read_by_default(&message(OpCode::Text, &[hello])), (vec![text("Hello")], None));
    let binary = Seen::Binary(b"Hello".to_vec());
    assert_eq!(read_by_default(&message(OpCode::Binary, &[hello])), (vec![binary], None));
    let parts = message(OpCode::Text, &[&hello[..3], b"", &hello[3..]]);
    assert_eq!(read_by_default(&parts), (vec![text("Hello")], None));
    let mixed = [b"\x81\x01a" as &[u8], &parts, b"\x81\x01b\x01\x01c\x80\x01d"].concat();
    let seen = ["a", "Hello", "b", "cd"].map(text).to_vec();
    assert_eq!(read_by_default(&mixed), (seen, None));
}

#[test]
fn an_empty_message_may_be_an_empty_block_or_nothing() {
    for empty in [b"\x00" as &[u8], b"", b"\x02\x00"] {
        assert_eq!(read_by_default(&message(OpCode::Text, &[empty])), (vec![text("")], None), "{empty:x?}");
        let parts = message(OpCode::Binary, &[b"", empty, b""]);
        assert_eq!(read_by_default(&parts), (vec![Seen::Binary(vec![])], None), "{empty:x?}");
    }
}

#[test]
fn the_mark_means_something_on_the_first_frame_of_a_message_alone() {
    let broken = |found| Some(ProtocolError::ReservedBits { found });
    for (bytes, found) in [
        (b"\xc8\x00" as &[u8], 0b100),        // a close
        (b"\xc9\x00", 0b100),                 // a ping
        (b"\xca\x00", 0b100),                 // a pong
        (b"\xa1\x00", 0b010),                 // RSV2
        (b"\xd1\x00", 0b101),                 // RSV3 beside it
        (b"\x01\x01a\xc0\x01b", 0b100),       // a continuation of a plain message
        (b"\x41\x01\xf2\xc0\x01\x48", 0b100), // and of a compressed one
    ] {
        assert_eq!(read_by_default(bytes), (vec![], broken(found)), "{bytes:x?}");
    }
    assert_eq!(broken(0b100).expect("an error").close_code(), CloseCode::PROTOCOL_ERROR);
    // An opcode that does not exist is told as such, marked or not.
    assert_eq!(read_by_default(b"\x83\x00").1, Some(ProtocolError::ReservedOpcode { found: 3 }));
    let mut reader = Reader::new(Role::Client, Limits::default());
    reader.read(b"\xc1\x01\x00");
    assert_eq!(reader.error, broken(0b100), "nothing was agreed on");
}

#[test]
fn what_cannot_be_inflated_ends_the_connection_as_data_that_contradicts_its_type() {
    let whole = compressed(b"not half of this, and not a letter of it twice");
    for bytes in [&whole[..whole.len() - 2], b"\xff\xff", b"\x07", b"Hello"] {
        let (seen, error) = read_by_default(&message(OpCode::Text, &[bytes]));
        assert_eq!((seen, error), (vec![], Some(ProtocolError::InvalidDeflate)), "{bytes:x?}");
    }
    assert_eq!(ProtocolError::InvalidDeflate.close_code(), CloseCode::INVALID_DATA);
    let no_text = compressed(b"caf\xe9");
    let parts = [&no_text[..2], &no_text[2..]];
    assert_eq!(read_by_default(&message(OpCode::Text, &[&no_text])).1, Some(ProtocolError::InvalidText));
    assert_eq!(read_by_default(&message(OpCode::Text, &parts)).1, Some(ProtocolError::InvalidText));
    assert_eq!(read_by_default(&message(OpCode::Binary, &parts)).1, None);
}

#[test]
fn the_limit_is_of_the_inflated_message_and_what_cannot_be_compressed_may_come_in_full() {
    let limits = Limits { max_message: 1_000_000, ..Limits::default() };
    let whole = read(limits, &message(OpCode::Binary, &[&compressed(&vec![0; 1_000_000])]));
    assert_eq!(whole, (vec![Seen::Binary(vec![0; 1_000_000])], None));
    let too_large = ProtocolError::TooLarge { size: 1_000_001, limit: 1_000_000 };
    let bomb = compressed(&vec![0; 50_000_000]);
    assert_eq!(read(limits, &message(OpCode::Binary, &[&bomb])), (vec![], Some(too_large)));
    let in_frames: Vec<&[u8]> = bomb.chunks(1000).collect();
    assert_eq!(read(limits, &message(OpCode::Binary, &in_frames)), (vec![], Some(too_large)));
    assert_eq!(too_large.close_code(), CloseCode::TOO_LARGE);

    let plain = vec![7; 1_000_000];
    let mut stored = Vec::new();
    agreement(15).compress(0, &plain, &mut stored);
    assert!(stored.len() > plain.len());
    assert_eq!(read(limits, &message(OpCode::Binary, &[&stored])), (vec![Seen::Binary(plain)], None));
    // What no message of that size can be is refused by its header, before any of it is there.
    let header = b"\xc2\x7f\x00\x00\x00\x00\x00\x20\x00\x00";
    let limit = 1_000_000 + 125_000 + 64;
    assert_eq!(read(limits, header).1, Some(ProtocolError::TooLarge { size: 0x20_0000, limit }));
}

#[test]
fn many_tiny_fragments_are_limited_as_those_of_any_message() {
    let parts = vec![b"" as &[u8]; 10_000];
    let limit = Limits::default().max_fragments;
    assert_eq!(
        read_by_default(&message(OpCode::Text, &parts)).1,
        Some(ProtocolError::TooManyFragments { limit })
    );
    let payload = compressed(&[b'a'; 4000]);
    let bytes: Vec<&[u8]> = payload.chunks(1).collect();
    assert_eq!(read_by_default(&message(OpCode::Text, &bytes)), (vec![text(&"a".repeat(4000))], None));
}

/// Bytes with some redundancy, or with none.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..2000),
        vec(b'a'..b'e', 0..20_000),
        (vec(any::<u8>(), 1..2000), 1_usize..40).prop_map(|(part, times)| part.repeat(times)),
    ]
}

/// What the other implementation makes of it, flushed behind each piece as RFC 7692 wants it.
fn deflated_elsewhere(pieces: &[Vec<u8>], level: u8) -> Vec<u8> {
    let mut compressor = CompressorOxide::default();
    compressor.set_format_and_level(DataFormat::Raw, level);
    let mut out = Vec::new();
    for piece in pieces {
        let mut rest = piece.as_slice();
        loop {
            let mut room = [0; 1000];
            let done = deflate(&mut compressor, rest, &mut room, MZFlush::Sync);
            out.extend_from_slice(&room[..done.bytes_written]);
            rest = &rest[done.bytes_consumed..];
            if rest.is_empty() && done.bytes_written < room.len() {
                break;
            }
        }
    }
    assert!(out.ends_with(&TAIL) || out.is_empty());
    out.truncate(out.len().saturating_sub(TAIL.len()));
    out
}

proptest! {
    #[test]
    fn what_we_compress_is_read_by_another_implementation(
        payload in payload(),
        bits in 9_u8..=15,
        level in 0_u32..=10,
    ) {
        let mut stream = Vec::new();
        agreement(bits).compress(level, &payload, &mut stream);
        stream.extend_from_slice(&TAIL);
        stream.extend_from_slice(&END);
        let inflated = decompress_to_vec_with_limit(&stream, payload.len());
        prop_assert_eq!(inflated.map_err(|error| error.status), Ok(payload));
    }

    /// A reader that keeps no more than the window cannot follow a reference beyond it.
    #[test]
    fn what_we_compress_refers_back_within_the_window_that_was_agreed_on(
        payload in payload(),
        bits in 9_u8..=15,
        level in 0_u32..=9,
    ) {
        let mut stream = Vec::new();
        agreement(bits).compress(level, &payload, &mut stream);
        let mut inflater = flate2::Decompress::new_with_window_bits(false, bits);
        let mut out = Vec::new();
        while out.len() < payload.len() {
            let rest = &stream[inflater.total_in() as usize..];
            let mut room = [0; 1];
            let before = inflater.total_out();
            let status = inflater.decompress(rest, &mut room, flate2::FlushDecompress::Sync);
            prop_assert!(status.is_ok(), "{status:?} behind {} bytes", out.len());
            prop_assert!(inflater.total_out() > before || inflater.total_in() > 0, "it goes on");
            out.extend_from_slice(&room[..(inflater.total_out() - before) as usize]);
        }
        prop_assert_eq!(out, payload);
    }

    #[test]
    fn what_another_implementation_compresses_is_read_however_it_was_cut(
        pieces in vec(payload(), 1..4),
        level in 0_u8..=10,
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = deflated_elsewhere(&pieces, level);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        ends.extend([0, stream.len()]);
        ends.sort_unstable();
        let parts: Vec<&[u8]> = ends.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        let expected = Seen::Binary(pieces.concat());
        prop_assert_eq!(read_by_default(&message(OpCode::Binary, &parts)), (vec![expected], None));
    }

    #[test]
    fn no_bytes_make_a_message_longer_than_the_limit_or_a_panic(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..300),
            (payload(), vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)).prop_map(|(payload, faults)| {
                let mut bytes = compressed(&payload);
                for (at, byte) in faults {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes
            }),
        ],
        max_message in 300_usize..3000,
    ) {
        let limits = Limits { max_message, ..Limits::default() };
        match read(limits, &message(OpCode::Binary, &[&bytes])) {
            (seen, None) => {
                let [Seen::Binary(inflated)] = &seen[..] else {
                    return Err(TestCaseError::fail(format!("{seen:?}")));
                };
                prop_assert!(inflated.len() <= max_message);
                if !bytes.is_empty() {
                    let stream = [&bytes[..], &TAIL, &END].concat();
                    let elsewhere = decompress_to_vec_with_limit(&stream, max_message);
                    // The other ends at the first last block, where we read on.
                    let elsewhere = elsewhere.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    prop_assert!(inflated.starts_with(&elsewhere));
                }
            }
            (_, Some(error)) => prop_assert!(matches!(
                error,
                ProtocolError::InvalidDeflate | ProtocolError::TooLarge { .. }
            ), "{error}"),
        }
    }
}
