//! What must hold for all input.

use proptest::{collection::vec, prelude::*, sample::Index};
use sockeye_websocket::{
    close::{Close, CloseCode},
    decoder::{Decoded, Decoder, Role},
    deflate::Agreement,
    encode::{encode, encode_close, encode_fragment},
    header::{COMPRESSED, OpCode},
    limits::Limits,
};

use crate::reader::{Reader, Seen};

/// One message or control frame, and the lengths of its fragments where it has some.
#[derive(Clone, Debug)]
struct Sent {
    seen: Seen,
    cuts: Vec<usize>,
    /// Pinged behind each of its fragments but the last.
    ping: Option<Vec<u8>>,
    /// Compressed by this, if it is a message.
    compressed: Option<Agreement>,
}

fn agreement() -> impl Strategy<Value = Agreement> {
    (9_u8..=15).prop_map(|bits| Agreement::new(bits).expect("it is between 9 and 15"))
}

fn sent() -> impl Strategy<Value = Sent> {
    let control = || vec(any::<u8>(), 0..=125);
    let seen = prop_oneof![
        4 => any::<String>().prop_map(Seen::Text),
        4 => vec(any::<u8>(), 0..400).prop_map(Seen::Binary),
        1 => control().prop_map(Seen::Ping),
        1 => control().prop_map(Seen::Pong),
        1 => (1000_u16..5000, "\\PC{0,20}").prop_map(|(code, reason)| {
            Seen::Close(CloseCode::new(code).map(|code| (code.value(), reason)))
        }),
    ];
    let compressed = prop::option::of(agreement());
    (seen, vec(0_usize..100, 0..4), prop::option::of(control()), compressed)
        .prop_map(|(seen, cuts, ping, compressed)| Sent { seen, cuts, ping, compressed })
}

/// Encodes all of it, and says what is to be seen.
fn encode_all(sent: &[Sent], role: Role, mask: [u8; 4]) -> (Vec<u8>, Vec<Seen>) {
    let mask = (role == Role::Server).then_some(mask);
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for Sent { seen, cuts, ping, compressed } in sent {
        let (opcode, payload) = match seen {
            Seen::Text(text) => (OpCode::Text, text.as_bytes()),
            Seen::Binary(binary) => (OpCode::Binary, binary.as_slice()),
            Seen::Ping(payload) => (OpCode::Ping, payload.as_slice()),
            Seen::Pong(payload) => (OpCode::Pong, payload.as_slice()),
            Seen::Close(close) => {
                let close = close.as_ref().map(|(code, reason)| Close {
                    code: CloseCode::new(*code).expect("made from a code"),
                    reason,
                });
                encode_close(close, mask, &mut bytes);
                expected.push(seen.clone());
                continue;
            }
        };
        let mut part = opcode;
        let (start, mut rest, mut deflated) = (bytes.len(), payload, Vec::new());
        let compressed = compressed.filter(|_| !opcode.is_control());
        if let Some(agreement) = compressed {
            agreement.compress(1, payload, &mut deflated);
            rest = &deflated;
        }
        if !opcode.is_control() {
            for cut in cuts {
                let (fragment, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                encode_fragment(part, false, fragment, mask, &mut bytes);
                part = OpCode::Continuation;
                if let Some(ping) = ping {
                    encode(OpCode::Ping, ping, mask, &mut bytes);
                    expected.push(Seen::Ping(ping.clone()));
                }
            }
        }
        encode(part, rest, mask, &mut bytes);
        if compressed.is_some() {
            bytes[start] |= COMPRESSED;
        }
        expected.push(seen.clone());
    }
    (bytes, expected)
}

/// Reads `bytes` in pieces that end at the given places.
fn read_in_pieces(bytes: &[u8], cuts: &[Index], role: Role, limits: Limits) -> Reader {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut reader = Reader::deflating(role, limits);
    let mut start = 0;
    for end in ends {
        reader.read(&bytes[start..end]);
        start = end;
    }
    reader
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        Just(Limits::default()),
        Just(Limits { max_message: usize::MAX, max_fragments: usize::MAX }),
        (0_usize..300, 0_usize..5)
            .prop_map(|(max_message, max_fragments)| Limits { max_message, max_fragments }),
    ]
}

/// Bytes that look like frames, and often are wrong.
fn frames_with_faults() -> impl Strategy<Value = (Role, Vec<u8>)> {
    let faults = vec((any::<Index>(), any::<u8>()), 0..4);
    (vec(sent(), 0..6), role(), any::<[u8; 4]>(), faults, any::<Index>()).prop_map(
        |(sent, role, mask, faults, end)| {
            let (mut bytes, _) = encode_all(&sent, role, mask);
            for (at, byte) in faults {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes.truncate(end.index(bytes.len() * 2 + 1)); // half of the time the whole
            (role, bytes)
        },
    )
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded_however_it_is_cut(
        sent in vec(sent(), 0..8),
        role in role(),
        mask in any::<[u8; 4]>(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let (bytes, expected) = encode_all(&sent, role, mask);
        let reader = read_in_pieces(&bytes, &cuts, role, Limits::default());
        prop_assert_eq!(&reader.seen, &expected);
        prop_assert_eq!(reader.error, None);
        prop_assert!(reader.is_idle());
    }

    #[test]
    fn any_cut_of_any_bytes_gives_the_same_events_and_the_same_error(
        (role, bytes) in prop_oneof![
            4 => frames_with_faults(),
            1 => (role(), vec(any::<u8>(), 0..200)),
        ],
        limits in limits(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let whole = read_in_pieces(&bytes, &[], role, limits);
        let pieces = read_in_pieces(&bytes, &cuts, role, limits);
        prop_assert_eq!(&whole.seen, &pieces.seen);
        prop_assert_eq!(whole.error, pieces.error);
        let mut bytewise = Reader::deflating(role, limits);
        for byte in bytes {
            bytewise.read(&[byte]);
        }
        prop_assert_eq!(&whole.seen, &bytewise.seen);
        prop_assert_eq!(whole.error, bytewise.error);
    }

    #[test]
    fn reading_just_what_is_needed_gets_to_the_frame(
        sent in sent(),
        role in role(),
        mask in any::<[u8; 4]>(),
    ) {
        let (mut bytes, _) = encode_all(&[sent], role, mask);
        let mut decoder = Decoder::new();
        let mut have = 0;
        let mut steps = 0;
        let limits = Limits::default();
        let consumed = loop {
            match decoder.decode_with(&mut bytes[..have], role, &limits, true) {
                Ok(Decoded::Incomplete { needed }) => have = needed,
                Ok(Decoded::Frame { consumed, .. }) => break consumed,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
            steps += 1;
        };
        prop_assert_eq!(consumed, have, "not a byte too many was asked for");
        prop_assert!(steps <= 3, "two bytes, the header, the frame: {} steps", steps);
    }

    /// A caller that errs (goes on after an error, gives less than before) is answered, not failed.
    #[test]
    fn no_call_panics_whatever_came_before(
        calls in vec((role(), limits(), any::<bool>(), vec(any::<u8>(), 0..40)), 0..10),
    ) {
        let mut decoder = Decoder::new();
        for (role, limits, deflate, mut bytes) in calls {
            let size = bytes.len();
            let decoded = decoder.decode_with(&mut bytes, role, &limits, deflate);
            if let Ok(Decoded::Frame { consumed, .. }) = decoded {
                prop_assert!(consumed <= size);
            }
        }
    }
}
