//! The default parser: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, and attachments as binary
//! messages behind it.
//!
//! [`decode`] stops at the text; [`Assembly`](crate::assembly::Assembly) waits for the attachments. Each
//! `encode_` function makes the frames of one kind of packet. A namespace begins with `/` and has no comma;
//! `/` itself is not written.
//!
//! Spec: `spec/socketio.md` 1; what is answered otherwise than by the original stands in
//! `spec/differences.md`.

use std::cell::Cell;

use serde::Serialize;
use sockeye_engine_proto::frame::Frame;

use crate::error::{DecodeError, EncodeError};
use crate::json::scan::Scanner;
use crate::json::ser;
use crate::json::string::unescape;
use crate::limits::Limits;
use crate::outgoing::{ArgumentWriter, Encoded, EventArguments};
use crate::packet::{Kind, Layout, Name, Packet, Span, is_reserved};

/// Decodes the text of a packet, and scans its JSON, in one pass.
///
/// A packet that announces attachments is not complete with it: see [`Packet::attachment_count`].
///
/// # Errors
/// See [`DecodeError`]; each ends the connection.
pub fn decode<'p>(text: &'p str, limits: &Limits) -> Result<Packet<'p>, DecodeError> {
    let limit = limits.packet_bytes.min(u32::MAX as usize);
    if text.len() > limit {
        return Err(DecodeError::TooLarge { size: text.len(), limit });
    }
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else { return Err(DecodeError::Empty) };
    let (kind, binary) = match first {
        b'0' => (Kind::Connect, false),
        b'1' => (Kind::Disconnect, false),
        b'2' => (Kind::Event, false),
        b'3' => (Kind::Ack, false),
        b'4' => (Kind::ConnectError, false),
        b'5' => (Kind::Event, true),
        b'6' => (Kind::Ack, true),
        _ => return Err(DecodeError::UnknownType { found: text.chars().next().unwrap_or_default() }),
    };
    let mut at = 1;
    let attachments = if binary { take_attachment_count(bytes, &mut at, limits.attachments)? } else { 0 };
    let namespace = take_namespace(bytes, &mut at);
    let id = take_id(bytes, &mut at)?;
    let mut layout = Layout {
        kind,
        name: Name::Absent,
        id,
        attachments,
        namespace,
        payload: Span::default(),
        arguments: Span::default(),
        argument_count: 0,
    };
    if at < bytes.len() {
        scan_payload(text, at, &mut layout, limits.depth)?;
    }
    Ok(Packet::new(text, layout))
}

/// A range in a text that is no longer than `u32::MAX`, which was checked before.
pub(crate) fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// Decimal digits and a dash; the count is at least 1.
fn take_attachment_count(bytes: &[u8], at: &mut usize, limit: u32) -> Result<u32, DecodeError> {
    let count = take_digits(bytes, at);
    if bytes.get(*at) != Some(&b'-') {
        return Err(DecodeError::AttachmentCount);
    }
    *at += 1;
    match count {
        Digits::None | Digits::Number(0) => Err(DecodeError::AttachmentCount),
        Digits::Number(number) if number <= u64::from(limit) => Ok(number as u32),
        Digits::Number(_) | Digits::Overflow => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// From a `/` to the first comma, or to the end of the packet.
fn take_namespace(bytes: &[u8], at: &mut usize) -> Span {
    if bytes.get(*at) != Some(&b'/') {
        return Span::default();
    }
    let start = *at;
    let length = bytes[start..].iter().position(|byte| *byte == b',');
    let end = length.map_or(bytes.len(), |length| start + length);
    *at = (end + 1).min(bytes.len());
    span(start, end)
}

fn take_id(bytes: &[u8], at: &mut usize) -> Result<Option<u64>, DecodeError> {
    match take_digits(bytes, at) {
        Digits::None => Ok(None),
        Digits::Number(id) => Ok(Some(id)),
        Digits::Overflow => Err(DecodeError::AckId),
    }
}

/// A run of decimal digits.
enum Digits {
    None,
    Number(u64),
    /// More than 64 bits.
    Overflow,
}

fn take_digits(bytes: &[u8], at: &mut usize) -> Digits {
    let mut number = Digits::None;
    while let Some(digit @ b'0'..=b'9') = bytes.get(*at) {
        let digit = u64::from(digit - b'0');
        *at += 1;
        number = match number {
            Digits::None => Digits::Number(digit),
            Digits::Number(before) => match before.checked_mul(10).and_then(|tens| tens.checked_add(digit)) {
                Some(number) => Digits::Number(number),
                None => Digits::Overflow,
            },
            Digits::Overflow => Digits::Overflow,
        };
    }
    number
}

/// Scans the JSON from `at` to the end of `text`, which must suit the kind of packet, and notes where its parts
/// stand.
pub(crate) fn scan_payload(
    text: &str,
    at: usize,
    layout: &mut Layout,
    depth: u16,
) -> Result<(), DecodeError> {
    let mut scanner = Scanner::new(text, at);
    match (layout.kind, scanner.peek()) {
        (Kind::Connect, b'{') | (Kind::ConnectError, b'{' | b'"') => scanner.value(depth)?,
        (Kind::Event | Kind::Ack, b'[') if depth == 0 => return Err(DecodeError::TooDeep { limit: depth }),
        (Kind::Event | Kind::Ack, b'[') => scan_array(&mut scanner, layout, depth)?,
        (kind, _) => return Err(DecodeError::Payload { expected: expected_payload(kind) }),
    }
    layout.payload = span(at, scanner.at());
    scanner.expect_end()
}

/// What a packet of this kind carries, in the words of an error.
pub(crate) fn expected_payload(kind: Kind) -> &'static str {
    match kind {
        Kind::Connect => "an object",
        Kind::Disconnect => "nothing",
        Kind::Event => "an array that begins with the event's name",
        Kind::Ack => "an array",
        Kind::ConnectError => "an object or a string",
    }
}

/// Scans the array of an event or an ack: a name if it is an event, then arguments.
fn scan_array(scanner: &mut Scanner<'_>, layout: &mut Layout, depth: u16) -> Result<(), DecodeError> {
    scanner.expect(b'[')?;
    scanner.skip_space();
    let mut more = match layout.kind {
        Kind::Event => {
            layout.name = scan_name(scanner)?;
            scanner.skip_space();
            scanner.eat(b',')
        }
        _ => scanner.peek() != b']',
    };
    if more {
        scanner.skip_space();
    }
    let start = scanner.at();
    while more {
        // The array itself is one level.
        scanner.value(depth - 1).map_err(|error| match error {
            DecodeError::TooDeep { .. } => DecodeError::TooDeep { limit: depth },
            other => other,
        })?;
        layout.argument_count += 1;
        scanner.skip_space();
        more = scanner.eat(b',');
    }
    layout.arguments = span(start, scanner.at());
    scanner.expect(b']')
}

fn scan_name(scanner: &mut Scanner<'_>) -> Result<Name, DecodeError> {
    let start = scanner.at();
    match scanner.peek() {
        b'"' => {
            let escapes = scanner.string()?;
            let inside = span(start + 1, scanner.at() - 1);
            let text = &scanner.text()[start + 1..scanner.at() - 1];
            let reserved = if escapes { is_reserved(&unescape(text)) } else { is_reserved(text) };
            match (reserved, escapes) {
                (true, _) => Err(DecodeError::ReservedEvent),
                (false, true) => Ok(Name::Escaped(inside)),
                (false, false) => Ok(Name::Plain(inside)),
            }
        }
        b'-' | b'0'..=b'9' => {
            scanner.number()?;
            Ok(Name::Number(span(start, scanner.at())))
        }
        _ => Err(DecodeError::Payload { expected: expected_payload(Kind::Event) }),
    }
}

/// Encodes CONNECT: what a client sends to join, or a server to grant it.
///
/// `payload` must serialize as an object; bytes in it become arrays of numbers.
///
/// # Errors
/// [`EncodeError::Argument`] when it cannot be serialized.
pub fn encode_connect<T: Serialize + ?Sized>(
    namespace: &str,
    payload: Option<&T>,
) -> Result<Frame, EncodeError> {
    encode_plain(b'0', namespace, payload)
}

/// Encodes CONNECT_ERROR: a server refuses a CONNECT.
///
/// `payload` must serialize as an object, mostly `{"message":…}`; bytes in it become arrays of numbers.
///
/// # Errors
/// [`EncodeError::Argument`] when it cannot be serialized.
pub fn encode_connect_error<T: Serialize + ?Sized>(
    namespace: &str,
    payload: &T,
) -> Result<Frame, EncodeError> {
    encode_plain(b'4', namespace, Some(payload))
}

/// Encodes DISCONNECT.
#[must_use]
pub fn encode_disconnect(namespace: &str) -> Frame {
    with_scratch(|packet| {
        write_header(packet, b'1', namespace, None);
        Frame::text(&[packet])
    })
}

/// Encodes an event, with an `id` when its ack is wanted.
///
/// # Errors
/// [`EncodeError::ReservedEvent`], and [`EncodeError::Argument`] when an argument cannot be serialized.
pub fn encode_event<A: EventArguments + ?Sized>(
    namespace: &str,
    id: Option<u64>,
    name: &str,
    arguments: &A,
) -> Result<Encoded, EncodeError> {
    if is_reserved(name) {
        return Err(EncodeError::ReservedEvent { name: name.to_owned() });
    }
    encode_array(&EVENT, namespace, id, Some(name), arguments)
}

/// The same event with one more argument: a text that needs no escapes.
#[must_use]
pub fn with_argument(event: &Encoded, argument: &str) -> Encoded {
    let packet = event.text.packet();
    // An event ends with the bracket of its array, which has its name at least.
    let open = packet.strip_suffix(b"]").unwrap_or(packet);
    let text = Frame::text(&[open, b",\"", argument.as_bytes(), b"\"]"]);
    Encoded { text: text.said_as(&event.text), attachments: event.attachments.clone() }
}

/// Encodes the ack of the event with this `id`.
///
/// # Errors
/// [`EncodeError::Argument`] when an argument cannot be serialized.
pub fn encode_ack<A: EventArguments + ?Sized>(
    namespace: &str,
    id: u64,
    arguments: &A,
) -> Result<Encoded, EncodeError> {
    encode_array(&ACK, namespace, Some(id), None, arguments)
}

fn encode_plain<T: Serialize + ?Sized>(
    kind: u8,
    namespace: &str,
    payload: Option<&T>,
) -> Result<Frame, EncodeError> {
    with_scratch(|packet| {
        write_header(packet, kind, namespace, None);
        if let Some(payload) = payload {
            ser::write_value(payload, packet).map_err(ser::refused)?;
        }
        Ok(Frame::text(&[packet]))
    })
}

/// The types of a packet with an array, without attachments and with them.
struct Types {
    plain: u8,
    binary: &'static [u8],
}

const EVENT: Types = Types { plain: b'2', binary: b"45" };
const ACK: Types = Types { plain: b'3', binary: b"46" };

fn encode_array<A: EventArguments + ?Sized>(
    types: &Types,
    namespace: &str,
    id: Option<u64>,
    name: Option<&str>,
    arguments: &A,
) -> Result<Encoded, EncodeError> {
    with_scratch(|packet| {
        let mut attachments = Vec::new();
        write_header(packet, types.plain, namespace, id);
        packet.push(b'[');
        if let Some(name) = name {
            ser::write_text(name, packet);
        }
        arguments.write(&mut ArgumentWriter::new(packet, &mut attachments))?;
        packet.push(b']');
        let text = if attachments.is_empty() {
            Frame::text(&[packet])
        } else {
            let mut count = itoa::Buffer::new();
            let count = count.format(attachments.len()).as_bytes();
            Frame::text(&[types.binary, count, b"-", &packet[TYPE_LENGTH..]])
        };
        Ok(Encoded { text, attachments })
    })
}

/// The types of the Engine.IO packet and of ours: what stands in front of a count of attachments.
const TYPE_LENGTH: usize = 2;

/// What stands in front of the JSON, when there are no attachments: an Engine.IO message (`4`), our type,
/// namespace and id.
fn write_header(packet: &mut Vec<u8>, kind: u8, namespace: &str, id: Option<u64>) {
    packet.extend_from_slice(&[b'4', kind]);
    if namespace != "/" {
        packet.extend_from_slice(namespace.as_bytes());
        packet.push(b',');
    }
    if let Some(id) = id {
        packet.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    }
}

/// What a scratch buffer may keep between packets.
const SCRATCH_LIMIT: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends a buffer, empty. It is taken out of its place meanwhile, so that a `Serialize` implementation that
/// encodes a packet of its own finds an empty place, not our bytes.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut buffer = SCRATCH.take();
    buffer.clear();
    let answer = work(&mut buffer);
    if buffer.capacity() <= SCRATCH_LIMIT {
        SCRATCH.set(buffer);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &str) -> Packet<'_> {
        decode(text, &Limits::default()).unwrap()
    }

    #[track_caller]
    fn refuse(text: &str, error: DecodeError) {
        assert_eq!(decode(text, &Limits::default()).unwrap_err(), error, "{text:?}");
    }

    #[test]
    fn an_empty_text_is_an_error() {
        refuse("", DecodeError::Empty);
    }

    #[test]
    fn a_type_is_one_digit() {
        refuse("7", DecodeError::UnknownType { found: '7' });
        refuse("é", DecodeError::UnknownType { found: 'é' });
    }

    #[test]
    fn a_count_of_attachments_is_decimal_digits_and_a_dash() {
        for text in
            ["5", "5-", "50-", "500-", "51", "51e0-", "50x1-", "5 1-", "5+1-", "5-1-", "51.0-", "5１-"]
        {
            refuse(text, DecodeError::AttachmentCount);
        }
        assert_eq!(packet("5007-").attachment_count(), 7);
        assert_eq!(packet("610-").attachment_count(), 10);
        for text in ["511-", "5999999999-", "599999999999999999999999-"] {
            refuse(text, DecodeError::TooManyAttachments { limit: 10 });
        }
    }

    #[test]
    fn a_namespace_ends_at_the_first_comma_or_with_the_packet() {
        for (text, namespace) in [
            ("2", "/"),
            ("2/", "/"),
            ("2/,", "/"),
            ("2/a", "/a"),
            ("2/a,", "/a"),
            ("2/a[\"x\"]", "/a[\"x\"]"),
            ("0/woot?a=b&c=d,{}", "/woot?a=b&c=d"),
            ("2/ä", "/ä"),
        ] {
            assert_eq!(packet(text).namespace(), namespace);
        }
        assert_eq!(packet("2/a,[\"x\"]").payload(), Some("[\"x\"]"));
    }

    #[test]
    fn an_ack_id_is_digits_within_64_bits() {
        assert_eq!(packet("2[\"x\"]").id(), None);
        assert_eq!(packet("2007[\"x\"]").id(), Some(7));
        assert_eq!(packet("3/a,9007199254740993[]").id(), Some(9007199254740993));
        assert_eq!(packet("318446744073709551615[]").id(), Some(u64::MAX));
        refuse("318446744073709551616[]", DecodeError::AckId);
        refuse(&format!("3{}[]", "9".repeat(100_000)), DecodeError::AckId);
    }

    #[test]
    fn white_space_is_not_an_ack_id_and_stands_not_before_the_payload() {
        for text in ["2 [\"x\"]", "2\n[\"x\"]", "21 2[\"x\"]", "2/a, [\"x\"]"] {
            refuse(text, DecodeError::Payload { expected: "an array that begins with the event's name" });
        }
        assert_eq!(packet("2[\"x\"] \n").payload(), Some("[\"x\"]"));
    }

    #[test]
    fn a_name_is_text_or_a_number() {
        for (text, name) in [
            ("2[\"x\"]", "x"),
            ("2[ \"\" , 1]", ""),
            ("2[1.0]", "1"),
            ("2[-5e0]", "-5"),
            ("2[\"\\u0041\\ud800\"]", "A\u{fffd}"),
            ("2[\"error\"]", "error"),
            ("2[\"connection\"]", "connection"),
        ] {
            assert_eq!(packet(text).event().unwrap(), name);
        }
        assert_eq!(packet("2").event(), None);
        assert_eq!(packet("3[\"x\"]").event(), None);
        assert_eq!(packet("3[\"connect\"]").arguments().len(), 1);
    }

    #[test]
    fn a_reserved_name_is_refused_however_it_is_written() {
        for name in crate::packet::RESERVED_EVENTS {
            refuse(&format!("2[\"{name}\"]"), DecodeError::ReservedEvent);
            refuse(
                &format!("2[\"\\u00{:02x}{}\",1]", name.as_bytes()[0], &name[1..]),
                DecodeError::ReservedEvent,
            );
            let refused = encode_event("/", None, name, &()).unwrap_err();
            assert_eq!(refused, EncodeError::ReservedEvent { name: name.to_owned() });
        }
    }

    #[test]
    fn errors_say_where_the_json_breaks() {
        refuse("2[\"a\",tru]", DecodeError::Json { at: 6 });
        refuse("2/a,1[\"b\"]x", DecodeError::Json { at: 10 });
        refuse("2[\"a\"", DecodeError::Json { at: 5 });
        refuse("2[\"a\",]", DecodeError::Json { at: 6 });
        refuse("3[1 2]", DecodeError::Json { at: 4 });
    }
}
