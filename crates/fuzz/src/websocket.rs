//! WebSockets: frames, compressed messages, what a handshake says.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use sockeye_websocket::close::Close;
use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::encode::{encode, encode_fragment};
use sockeye_websocket::error::ProtocolError;
use sockeye_websocket::event::Event;
use sockeye_websocket::extensions::negotiate;
use sockeye_websocket::handshake::{HandshakeError, check_request};
use sockeye_websocket::header::{COMPRESSED, OpCode};
use sockeye_websocket::limits::Limits;

use crate::input::Input;

/// Longer inputs are not read a byte at a time.
const BY_BYTES: usize = 600;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Frames of one connection: however the same bytes are cut, the same events and the same error come of them.
pub fn websocket_frames(data: &[u8]) {
    let mut input = Input::new(data);
    let choices = input.byte();
    let mut cuts = u64::from(input.byte()) + 1;
    let role = if choices & 1 == 0 { Role::Client } else { Role::Server };
    let limits = match choices >> 2 & 1 {
        0 => Limits { max_message: 1 << 16, max_fragments: 64 },
        _ => Limits { max_message: 40, max_fragments: 3 },
    };
    let reader = || Reader::new(role, limits, choices & 2 != 0);
    let bytes = input.all();
    let mut whole = reader();
    whole.read(bytes);
    let mut cut = reader();
    let mut rest = bytes;
    while !rest.is_empty() {
        cuts = cuts.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (piece, behind) = rest.split_at(rest.len().min((cuts >> 33) as usize % 20 + 1));
        cut.read(piece);
        rest = behind;
    }
    assert_eq!((&whole.seen, whole.error), (&cut.seen, cut.error), "cut at random");
    if bytes.len() <= BY_BYTES {
        let mut slow = reader();
        bytes.chunks(1).for_each(|byte| slow.read(byte));
        assert_eq!((&whole.seen, whole.error), (&slow.seen, slow.error), "a byte at a time");
    }
    for seen in &whole.seen {
        if let Seen::Text(_, size) | Seen::Binary(_, size) = seen {
            assert!(*size <= limits.max_message, "{size} bytes");
        }
    }
}

/// A compressed message: what comes of it is within the limit, and what another implementation makes of it; and what we
/// compress comes back.
pub fn websocket_deflate(data: &[u8]) {
    let mut input = Input::new(data);
    let choices = input.byte();
    let limit = [64, 1_000, 65_536, 1_000_000][usize::from(choices >> 2 & 3)];
    let limits = Limits { max_message: limit, max_fragments: 16 };
    let payload = input.all();
    if let Ok(inflated) = inflate(payload, choices & 1 == 1, limits) {
        assert!(inflated.len() <= limit, "{} bytes", inflated.len());
        let theirs = inflate_otherwise(payload, limit);
        assert!(theirs.as_ref() == Some(&inflated), "{theirs:?}, ours {inflated:?}");
    }
    let agreement = Agreement::new(9 + choices % 7).expect("a window that there is");
    let mut compressed = Vec::new();
    agreement.compress(u32::from(choices >> 4), payload, &mut compressed);
    let roomy = Limits { max_message: payload.len(), max_fragments: 16 };
    assert_eq!(inflate(&compressed, choices & 1 == 1, roomy).as_deref(), Ok(payload));
}

/// A value of `Sec-WebSocket-Extensions`, or several on lines of their own: what is agreed on was offered.
pub fn websocket_extensions(data: &[u8]) {
    let values = || data.split(|byte| *byte == b'\n');
    match negotiate(values()) {
        Ok(Some(negotiated)) => {
            let offer = String::from_utf8_lossy(data).to_ascii_lowercase();
            assert!(offer.contains("permessage-deflate"));
            let bits = negotiated.agreement.window_bits();
            assert!((9..=15).contains(&bits));
            let limited = negotiated
                .answer
                .strip_prefix("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
            let limited = limited.expect("the start of every answer");
            if limited.is_empty() {
                assert_eq!(bits, 15);
            } else {
                assert_eq!(limited, format!("; server_max_window_bits={bits}"));
                assert!(offer.contains("server_max_window_bits"));
            }
        }
        Ok(None) => {}
        Err(error) => assert_eq!(error, HandshakeError::Extensions),
    }
    // The same bytes as values of the headers that are read one token at a time.
    let value = |at: usize| values().nth(at).unwrap_or_default();
    let headers = [
        ("Upgrade", value(0)),
        ("Connection", value(1)),
        ("Sec-WebSocket-Version", value(2)),
        ("Sec-WebSocket-Key", value(3)),
    ];
    if check_request(headers).is_ok() {
        assert!(value(0).to_ascii_lowercase().windows(9).any(|part| part == b"websocket"));
        assert!(value(2).trim_ascii() == b"13" && value(3).trim_ascii().len() == 24);
    }
}

/// One compressed binary message in one frame, or in two.
fn inflate(payload: &[u8], fragmented: bool, limits: Limits) -> Result<Vec<u8>, ProtocolError> {
    let mut bytes = Vec::new();
    if fragmented {
        let (first, second) = payload.split_at(payload.len() / 2);
        encode_fragment(OpCode::Binary, false, first, Some(MASK), &mut bytes);
        encode_fragment(OpCode::Continuation, true, second, Some(MASK), &mut bytes);
    } else {
        encode(OpCode::Binary, payload, Some(MASK), &mut bytes);
    }
    bytes[0] |= COMPRESSED;
    let mut decoder = Decoder::new();
    let mut at = 0;
    loop {
        match decoder.decode_with(&mut bytes[at..], Role::Server, &limits, true)? {
            Decoded::Frame { event: Event::Fragment, consumed } => at += consumed,
            Decoded::Frame { event: Event::Binary(bytes), .. } => return Ok(bytes.into_owned()),
            other => panic!("a message was encoded, and {other:?} came"),
        }
    }
}

/// What another implementation makes of a compressed message: streams one behind another, and what a flush leaves at the
/// end.
fn inflate_otherwise(payload: &[u8], limit: usize) -> Option<Vec<u8>> {
    let ended = [payload, &[0, 0, 0xff, 0xff, 3, 0]].concat();
    let mut out = vec![0; limit + 1];
    let (mut at, mut length) = (0, 0);
    while at < payload.len() {
        let mut stream = DecompressorOxide::new();
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        // A stream refers to nothing in front of it.
        let (status, taken, written) = decompress(&mut stream, &ended[at..], &mut out[length..], 0, flags);
        if status != TINFLStatus::Done {
            return None;
        }
        at += taken;
        length += written;
    }
    out.truncate(length);
    Some(out)
}

/// What came, by its bytes; of long messages their length and a sum are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    Text(u64, usize),
    Binary(u64, usize),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl Seen {
    fn of(event: &Event<'_>) -> Option<Seen> {
        Some(match event {
            Event::Text(text) => Seen::Text(sum(text.as_bytes()), text.len()),
            Event::Binary(bytes) => Seen::Binary(sum(bytes), bytes.len()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(close) => {
                let close = close.as_ref().map(|Close { code, reason }| (code.value(), (*reason).to_owned()));
                Seen::Close(close)
            }
            Event::Fragment => return None,
        })
    }
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A reader without IO, up to the first error or close.
struct Reader {
    decoder: Decoder,
    role: Role,
    limits: Limits,
    deflate: bool,
    tail: Vec<u8>,
    over: bool,
    seen: Vec<Seen>,
    error: Option<ProtocolError>,
}

impl Reader {
    fn new(role: Role, limits: Limits, deflate: bool) -> Reader {
        let decoder = Decoder::new();
        Reader {
            decoder,
            role,
            limits,
            deflate,
            tail: Vec::new(),
            over: false,
            seen: Vec::new(),
            error: None,
        }
    }

    fn read(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(piece);
        let mut at = 0;
        while !self.over {
            let bytes = &mut self.tail[at..];
            let length = bytes.len();
            match self.decoder.decode_with(bytes, self.role, &self.limits, self.deflate) {
                Ok(Decoded::Frame { event, consumed }) => {
                    assert!((2..=length).contains(&consumed), "consumed {consumed} of {length}");
                    self.over = matches!(event, Event::Close(_));
                    self.seen.extend(Seen::of(&event));
                    at += consumed;
                }
                Ok(Decoded::Incomplete { needed }) => {
                    assert!(needed > length, "needs {needed}, has {length}");
                    break;
                }
                Err(error) => {
                    self.error = Some(error);
                    self.over = true;
                }
            }
        }
        self.tail.drain(..at);
    }
}
