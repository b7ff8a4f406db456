//! One row or one test for each rule of RFC 6455 that a decoder can keep.

use std::borrow::Cow;

use sockeye_websocket::{
    close::CloseCode,
    decoder::{Decoded, Decoder, Role},
    encode::{encode, encode_fragment},
    error::ProtocolError,
    event::Event,
    header::OpCode,
    limits::Limits,
};

use crate::reader::{Reader, Seen};

fn read(role: Role, limits: Limits, bytes: &[u8]) -> (Vec<Seen>, Option<ProtocolError>) {
    let mut reader = Reader::new(role, limits);
    reader.read(bytes);
    (reader.seen, reader.error)
}

/// What a server sent, so that the rows are legible.
fn as_client(bytes: &[u8]) -> (Vec<Seen>, Option<ProtocolError>) {
    read(Role::Client, Limits::default(), bytes)
}

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

#[test]
fn an_idle_decoder_is_eight_bytes_and_returns_to_it() {
    assert_eq!(size_of::<Decoder>(), 8);
    let mut reader = Reader::new(Role::Client, Limits::default());
    for (bytes, idle) in [
        (b"\x81\x01a" as &[u8], true),
        (b"\x01\x01a", false),
        (b"\x89\x00", false),
        (b"\x80\x01b", true),
        (b"\x81\x02a", false), // text that is cut: how far it was checked
        (b"b", true),
        (b"\x8a\x00\x82\x01b", true),
    ] {
        reader.read(bytes);
        assert_eq!((reader.is_idle(), reader.error), (idle, None), "after {bytes:x?}");
    }
}

#[test]
fn whole_frames_of_every_kind_are_read() {
    let rows: [(&[u8], Seen); 11] = [
        (b"\x81\x05Hello", text("Hello")),
        (b"\x81\x00", text("")),
        (b"\x81\x06\xce\xba\xf0\x9f\x90\x9f", text("\u{3ba}\u{1f41f}")),
        (b"\x82\x03\x00\xff\x80", Seen::Binary(vec![0, 255, 128])),
        (b"\x82\x00", Seen::Binary(vec![])),
        (b"\x89\x05Hello", Seen::Ping(b"Hello".to_vec())),
        (b"\x89\x00", Seen::Ping(vec![])),
        (b"\x8a\x01\xff", Seen::Pong(vec![0xff])),
        (b"\x88\x00", Seen::Close(None)),
        (b"\x88\x02\x03\xe8", Seen::Close(Some((1000, String::new())))),
        (b"\x88\x05\x0f\xa0bye", Seen::Close(Some((4000, "bye".to_owned())))),
    ];
    for (bytes, expected) in rows {
        assert_eq!(as_client(bytes), (vec![expected], None), "{bytes:x?}");
    }
}

#[test]
fn the_three_forms_of_a_length_are_read() {
    for size in [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..size).map(|at| at as u8).collect();
        for (role, mask) in [(Role::Server, Some([9, 8, 7, 250])), (Role::Client, None)] {
            let mut bytes = Vec::new();
            encode(OpCode::Binary, &payload, mask, &mut bytes);
            let expected = (vec![Seen::Binary(payload.clone())], None);
            assert_eq!(read(role, Limits::default(), &bytes), expected, "{size} bytes, {role:?}");
        }
    }
}

/// Section 5.2 asks senders for the shortest form. The reference's parser takes the longer ones of a data frame,
/// and so do we; nothing depends on it.
#[test]
fn a_length_written_longer_than_needed_is_taken() {
    assert_eq!(as_client(b"\x81\x7e\x00\x01a"), (vec![text("a")], None));
    assert_eq!(as_client(b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a"), (vec![text("a")], None));
}

#[test]
fn what_the_protocol_forbids_is_refused_by_its_cause() {
    use ProtocolError::*;
    let rows: [(&str, &[u8], ProtocolError, u16); 28] = [
        ("5.2: RSV1 without an extension", b"\xc1\x00", ReservedBits { found: 0b100 }, 1002),
        ("5.2: RSV2", b"\xa2\x00", ReservedBits { found: 0b010 }, 1002),
        ("5.2: RSV3", b"\x99\x00", ReservedBits { found: 0b001 }, 1002),
        ("5.2: reserved opcode 3", b"\x83\x00", ReservedOpcode { found: 3 }, 1002),
        ("5.2: reserved opcode 7", b"\x87\x00", ReservedOpcode { found: 7 }, 1002),
        ("5.2: reserved opcode 11", b"\x8b\x00", ReservedOpcode { found: 11 }, 1002),
        ("5.2: reserved opcode 15", b"\x8f\x00", ReservedOpcode { found: 15 }, 1002),
        ("5.2: length of 2^63", b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", LengthOverflow, 1002),
        ("5.5: fragmented ping", b"\x09\x00", FragmentedControl, 1002),
        ("5.5: fragmented pong", b"\x0a\x00", FragmentedControl, 1002),
        ("5.5: fragmented close", b"\x08\x00", FragmentedControl, 1002),
        ("5.5: ping of 126 bytes", b"\x89\x7e\x00\x7e", ControlTooLong, 1002),
        ("5.5: close of 2^16 bytes", b"\x88\x7f", ControlTooLong, 1002),
        ("5.5: short ping in the long form", b"\x89\x7e\x00\x01a", ControlTooLong, 1002),
        ("5.4: continuation first", b"\x80\x00", UnexpectedContinuation, 1002),
        ("5.4: continuation that goes on, first", b"\x00\x00", UnexpectedContinuation, 1002),
        ("5.4: continuation behind a whole message", b"\x81\x00\x80\x00", UnexpectedContinuation, 1002),
        (
            "5.4: continuation behind a last fragment",
            b"\x01\x00\x80\x00\x80\x00",
            UnexpectedContinuation,
            1002,
        ),
        ("5.4: text inside a message", b"\x01\x01a\x81\x01b", UnfinishedMessage, 1002),
        ("5.4: binary fragment inside a message", b"\x01\x01a\x02\x01b", UnfinishedMessage, 1002),
        ("5.5.1: close of one byte", b"\x88\x01\x03", TruncatedCloseCode, 1002),
        ("7.4.1: 1005 on the wire", b"\x88\x02\x03\xed", InvalidCloseCode { found: 1005 }, 1002),
        ("7.4.1: 1006 on the wire", b"\x88\x02\x03\xee", InvalidCloseCode { found: 1006 }, 1002),
        ("7.4.2: code under 1000", b"\x88\x02\x03\xe7", InvalidCloseCode { found: 999 }, 1002),
        ("7.4.2: code over 4999", b"\x88\x02\x13\x88", InvalidCloseCode { found: 5000 }, 1002),
        ("5.5.1: reason that is not UTF-8", b"\x88\x03\x03\xe8\xff", InvalidCloseReason, 1007),
        ("8.1: text that is not UTF-8", b"\x81\x01\xff", InvalidText, 1007),
        ("8.1: text that stops in a character", b"\x81\x02\xe2\x82", InvalidText, 1007),
    ];
    for (rule, bytes, expected, code) in rows {
        let (_, error) = as_client(bytes);
        assert_eq!(error, Some(expected), "{rule}");
        assert_eq!(expected.close_code().value(), code, "{rule}");
    }
}

#[test]
fn a_client_masks_and_a_server_does_not() {
    let masked = b"\x81\x81\x01\x00\x00\x00`";
    let plain = b"\x81\x01a";
    let limits = Limits::default();
    assert_eq!(read(Role::Server, limits, masked), (vec![text("a")], None));
    assert_eq!(read(Role::Client, limits, plain), (vec![text("a")], None));
    assert_eq!(read(Role::Server, limits, plain), (vec![], Some(ProtocolError::Unmasked)));
    assert_eq!(read(Role::Client, limits, masked), (vec![], Some(ProtocolError::Masked)));
    assert_eq!(ProtocolError::Unmasked.close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(ProtocolError::Masked.close_code(), CloseCode::PROTOCOL_ERROR);
}

#[test]
fn fragments_are_joined_and_control_frames_pass_between_them() {
    assert_eq!(
        as_client(b"\x01\x01a\x89\x01?\x00\x00\x00\x02bc\x8a\x00\x80\x01d\x81\x01e"),
        (vec![Seen::Ping(b"?".to_vec()), Seen::Pong(vec![]), text("abcd"), text("e")], None)
    );
    assert_eq!(as_client(b"\x02\x01\xff\x80\x01\xfe"), (vec![Seen::Binary(vec![0xff, 0xfe])], None));
    assert_eq!(as_client(b"\x01\x00\x00\x00\x80\x00"), (vec![text("")], None), "empty fragments");
    assert_eq!(as_client(b"\x01\x01a\x88\x00"), (vec![Seen::Close(None)], None), "a close may cut a message");
}

#[test]
fn a_character_may_be_split_between_fragments() {
    assert_eq!(
        as_client(b"\x01\x01\xf0\x00\x00\x00\x01\x9f\x00\x01\x90\x80\x01\x9f"),
        (vec![text("\u{1f41f}")], None)
    );
    let (seen, error) = as_client(b"\x01\x01\xf0\x00\x01\x9f\x80\x01\x90");
    assert_eq!((seen, error), (vec![], Some(ProtocolError::InvalidText)), "the last byte never came");
}

#[test]
fn text_that_is_not_utf8_is_refused_at_its_first_wrong_byte() {
    for (role, mask) in [(Role::Client, None), (Role::Server, Some([3, 1, 4, 1]))] {
        // A character beyond U+10FFFF, behind more than is looked at in one go.
        let payload = ["x".repeat(3_333).as_bytes(), b"\xf4\x90\x80\x80", &[b'y'; 1_000]].concat();
        let mut bytes = Vec::new();
        encode(OpCode::Text, &payload, mask, &mut bytes);
        let wrong = bytes.len() - 1_000 - 3; // \x90
        for step in [1, 7, 1_024, wrong] {
            let mut reader = Reader::new(role, Limits::default());
            bytes[..wrong].chunks(step).for_each(|piece| {
                reader.read(piece);
            });
            assert_eq!(reader.error, None, "{role:?}, {step} bytes at a time");
            reader.read(&bytes[wrong..=wrong]);
            assert_eq!(reader.error, Some(ProtocolError::InvalidText), "{role:?}, {step} bytes at a time");
        }

        // The same, in a fragment that is not the last and not complete.
        let mut bytes = Vec::new();
        encode_fragment(OpCode::Text, false, b"a\xf4", mask, &mut bytes);
        let mut reader = Reader::new(role, Limits::default());
        reader.read(&bytes);
        assert_eq!(reader.error, None);
        bytes.clear();
        encode_fragment(OpCode::Continuation, false, b"\x90zzz", mask, &mut bytes);
        let wrong = bytes.len() - 4;
        reader.read(&bytes[..wrong]);
        assert_eq!(reader.error, None);
        reader.read(&bytes[wrong..=wrong]);
        assert_eq!(reader.error, Some(ProtocolError::InvalidText), "{role:?}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_header_alone() {
    let limits = Limits { max_message: 1_000, ..Limits::default() };
    let over = |bytes: &[u8]| {
        let mut reader = Reader::new(Role::Client, limits);
        reader.read(bytes);
        (reader.error, reader.is_idle())
    };
    let too_large = |size| Some(ProtocolError::TooLarge { size, limit: 1_000 });
    assert_eq!(over(b"\x82\x7e\x03\xe8").0, None, "exactly the limit");
    assert_eq!(over(b"\x82\x7e\x03\xe9").0, too_large(1_001));
    assert_eq!(over(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff").0, too_large((1 << 63) - 1));
    assert_eq!(over(b"\x02\x01a\x80\x7e\x03\xe7").0, None, "two fragments make the limit");
    assert_eq!(over(b"\x02\x01a\x80\x7e\x03\xe8").0, too_large(1_001), "two fragments are over it");
    assert_eq!(over(b"\x02\x01a\x00\x7f\x7f\xff\xff\xff\xff\xff\xff\xff").0, too_large(1 << 63));
    assert_eq!(too_large(1_001).map(ProtocolError::close_code), Some(CloseCode::TOO_LARGE));

    // Control frames are no part of a message.
    let nothing = Limits { max_message: 0, ..Limits::default() };
    assert_eq!(
        read(Role::Client, nothing, b"\x89\x01a\x81\x00"),
        (vec![Seen::Ping(b"a".to_vec()), text("")], None)
    );
}

#[test]
fn a_limit_that_is_off_refuses_no_length() {
    let off = Limits { max_message: usize::MAX, max_fragments: usize::MAX };
    let mut decoder = Decoder::new();
    let mut bytes = *b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(
        decoder.decode(&mut bytes, Role::Client, &off),
        Ok(Decoded::Incomplete { needed: i64::MAX as usize + 10 })
    );
}

#[test]
fn a_flood_of_fragments_ends_at_the_limit() {
    let limits = Limits { max_fragments: 3, ..Limits::default() };
    let error = Some(ProtocolError::TooManyFragments { limit: 3 });
    for (first, more) in [(b"\x01\x00" as &[u8], b"\x00\x00" as &[u8]), (b"\x02\x01a", b"\x00\x01a")] {
        let three = [first, more, b"\x80\x00"].concat();
        assert_eq!(read(Role::Client, limits, &three.repeat(2)).1, None, "each message counts its own");
        assert_eq!(read(Role::Client, limits, &[first, more, more, more].concat()).1, error);
        assert_eq!(read(Role::Client, limits, &[first, more, more, b"\x80\x00"].concat()).1, error);
    }
    assert_eq!(error.map(ProtocolError::close_code), Some(CloseCode::POLICY_VIOLATION));

    let flood = [b"\x01\x00".to_vec(), b"\x00\x00".repeat(8_192)].concat();
    let error = Some(ProtocolError::TooManyFragments { limit: 8_192 });
    assert_eq!(read(Role::Client, Limits::default(), &flood).1, error, "by default");
    let off = Limits { max_fragments: usize::MAX, ..Limits::default() };
    assert_eq!(read(Role::Client, off, &flood).1, None, "switched off");
}

#[test]
fn joined_fragments_never_hold_more_than_the_limit() {
    let limits = Limits { max_message: 1_000, max_fragments: usize::MAX };
    let mut decoder = Decoder::new();
    for at in 0..1_000 {
        let mut frame = match at {
            0 => *b"\x01\x01a",
            999 => *b"\x80\x01a",
            _ => *b"\x00\x01a",
        };
        match decoder.decode(&mut frame, Role::Client, &limits) {
            Ok(Decoded::Frame { event: Event::Text(Cow::Owned(text)), .. }) if at == 999 => {
                assert_eq!(text.len(), 1_000);
                assert!(text.capacity() <= 1_000, "{} bytes are held", text.capacity());
            }
            Ok(Decoded::Frame { event: Event::Fragment, consumed: 3 }) if at < 999 => {}
            other => panic!("fragment {at}: {other:?}"),
        }
    }
    assert!(decoder.is_idle());
}

#[test]
fn what_is_needed_grows_with_what_is_known() {
    let mut bytes = Vec::new();
    encode(OpCode::Binary, &[0; 300], Some([1, 2, 3, 4]), &mut bytes);
    let mut reader = Reader::new(Role::Server, Limits::default());
    let needed: Vec<usize> = bytes[..9].iter().map(|byte| reader.read(&[*byte])).collect();
    // Two bytes, then the header's own eight, then the whole frame.
    assert_eq!(needed, [2, 8, 8, 8, 8, 8, 8, 308, 308]);
}
