//! MessagePack becomes a packet: its map is looked through once, then the payload is written as JSON.

use crate::assembly::Incoming;
use crate::draft::Draft;
use crate::error::DecodeError;
use crate::json::number::{to_javascript_string, write_with_infinity};
use crate::json::ser::write_text;
use crate::limits::{Limits, MAX_DEPTH};
use crate::packet::Kind;
use crate::parser::json::{expected_payload, with_scratch};
use crate::parser::msgpack::date;
use crate::parser::msgpack::tokens::{Token, Tokens};

/// Reads a packet, which must end with `message`.
pub(super) fn decode(message: &[u8], limits: &Limits) -> Result<Incoming<'static>, DecodeError> {
    let limit = limits.packet_bytes.min(u32::MAX as usize);
    if message.len() > limit {
        return Err(DecodeError::TooLarge { size: message.len(), limit });
    }
    let parts = Parts::find(message)?;
    let (kind, namespace, id) = (parts.kind()?, parts.namespace()?, parts.id()?);
    let payload = parts.payload(kind)?;
    with_scratch(|text| {
        let mut draft = Draft::new(kind, &String::from_utf8_lossy(namespace), limits, text)?;
        if let Some(payload) = payload {
            Translation { tokens: payload, draft: &mut draft, levels: Vec::new() }.value(limits.depth)?;
        }
        draft.finish(id)
    })
}

/// Where the values stand that make a packet.
struct Parts<'m> {
    kind: Option<Tokens<'m>>,
    namespace: Option<Tokens<'m>>,
    id: Option<Tokens<'m>>,
    payload: Option<Tokens<'m>>,
}

impl<'m> Parts<'m> {
    /// Looks the map through. Of repeated keys the last counts, as in JavaScript; others mean nothing.
    fn find(message: &'m [u8]) -> Result<Parts<'m>, DecodeError> {
        let mut parts = Parts { kind: None, namespace: None, id: None, payload: None };
        let mut tokens = Tokens::new(message, 0);
        let Token::Map(members) = tokens.next()? else {
            return Err(DecodeError::Format { expected: "a map" });
        };
        for _ in 0..members {
            let part = match key(&mut tokens)? {
                Token::Text(b"type") => Some(&mut parts.kind),
                Token::Text(b"nsp") => Some(&mut parts.namespace),
                Token::Text(b"id") => Some(&mut parts.id),
                Token::Text(b"data") => Some(&mut parts.payload),
                _ => None,
            };
            let value = tokens;
            tokens.skip()?;
            if let Some(part) = part {
                *part = Some(value);
            }
        }
        tokens.expect_end()?;
        Ok(parts)
    }

    fn kind(&self) -> Result<Kind, DecodeError> {
        match token(self.kind)? {
            Token::Unsigned(number) => u8::try_from(number).ok().and_then(Kind::from_number),
            _ => None,
        }
        .ok_or(DecodeError::Part { part: "packet type", expected: "an integer from 0 to 4" })
    }

    fn namespace(&self) -> Result<&'m [u8], DecodeError> {
        match token(self.namespace)? {
            Token::Text(namespace) => Ok(namespace),
            _ => Err(DecodeError::Part { part: "namespace", expected: "text" }),
        }
    }

    fn id(&self) -> Result<Option<u64>, DecodeError> {
        match token(self.id)? {
            Token::Undefined => Ok(None),
            Token::Unsigned(id) => Ok(Some(id)),
            _ => Err(DecodeError::Part { part: "packet id", expected: "an integer that is not negative" }),
        }
    }

    /// None where a packet of this kind may be without.
    fn payload(&self, kind: Kind) -> Result<Option<Tokens<'m>>, DecodeError> {
        match (kind, token(self.payload)?) {
            (Kind::Connect | Kind::Disconnect, Token::Undefined) => Ok(None),
            // As python-socketio writes it.
            (Kind::Disconnect, Token::Nil) => Ok(None),
            (_, Token::Undefined) => Err(DecodeError::Payload { expected: expected_payload(kind) }),
            _ => Ok(self.payload),
        }
    }
}

/// The first step of a value; a value that is not there is `undefined`.
fn token(value: Option<Tokens<'_>>) -> Result<Token<'_>, DecodeError> {
    value.map_or(Ok(Token::Undefined), |mut value| value.next())
}

/// Takes the key of a map: what JavaScript can make a name of without running code.
fn key<'m>(tokens: &mut Tokens<'m>) -> Result<Token<'m>, DecodeError> {
    let start = *tokens;
    match tokens.next()? {
        key @ (Token::Text(_)
        | Token::Unsigned(_)
        | Token::Negative(_)
        | Token::Float(_)
        | Token::Bool(_)
        | Token::Nil) => Ok(key),
        _ => Err(start.error()),
    }
}

/// Writes values as JSON, without recursion: what a peer nests costs no stack.
struct Translation<'m, 'd, 't> {
    tokens: Tokens<'m>,
    draft: &'d mut Draft<'t>,
    levels: Vec<Level>,
}

/// An array or a map that is open.
struct Level {
    is_map: bool,
    /// How many values, or pairs, are still to come.
    left: u32,
    /// Where the first of them stands in the text.
    start: usize,
}

impl Translation<'_, '_, '_> {
    /// Writes one value, in which at most `depth` levels are open at once.
    fn value(&mut self, depth: u16) -> Result<(), DecodeError> {
        loop {
            match self.tokens.next()? {
                Token::Array(length) => self.open(false, length, depth)?,
                Token::Map(length) => self.open(true, length, depth)?,
                scalar => self.scalar(scalar)?,
            }
            self.draft.check_size()?;
            if !self.go_on()? {
                return Ok(());
            }
        }
    }

    fn open(&mut self, is_map: bool, length: u32, depth: u16) -> Result<(), DecodeError> {
        if self.levels.len() >= usize::from(depth.min(MAX_DEPTH)) {
            return Err(DecodeError::TooDeep { limit: depth });
        }
        self.push(if is_map { b"{" } else { b"[" });
        self.levels.push(Level { is_map, left: length, start: self.draft.text().len() });
        Ok(())
    }

    /// Writes what stands between the value that has ended and the next one; answers whether there is one.
    fn go_on(&mut self) -> Result<bool, DecodeError> {
        while let Some(level) = self.levels.last_mut() {
            let (is_map, start) = (level.is_map, level.start);
            let Some(left) = level.left.checked_sub(1) else {
                self.levels.pop();
                self.push(if is_map { b"}" } else { b"]" });
                continue;
            };
            level.left = left;
            let before = self.draft.text().len();
            if before > start {
                self.push(b",");
            }
            if !is_map {
                return Ok(true);
            }
            self.name()?;
            if token(Some(self.tokens))? != Token::Undefined {
                return Ok(true);
            }
            // `JSON.stringify` leaves such a member out.
            self.tokens.skip()?;
            self.draft.text().truncate(before);
        }
        Ok(false)
    }

    fn scalar(&mut self, scalar: Token<'_>) -> Result<(), DecodeError> {
        match scalar {
            Token::Bool(value) => self.push(if value { b"true" } else { b"false" }),
            Token::Unsigned(number) => self.push(itoa::Buffer::new().format(number).as_bytes()),
            Token::Negative(number) => self.push(itoa::Buffer::new().format(number).as_bytes()),
            Token::Float(number) => write_with_infinity(number, self.draft.text()).expect(WRITTEN),
            Token::Text(text) => write_text(&String::from_utf8_lossy(text), self.draft.text()),
            Token::Date(milliseconds) => date::write(milliseconds, self.draft.text()).expect(WRITTEN),
            Token::Bytes(bytes) => self.draft.write_bytes(bytes)?,
            Token::Extension(kind, bytes) => {
                self.push(b"[");
                self.push(itoa::Buffer::new().format(kind).as_bytes());
                self.push(b",");
                self.draft.write_bytes(bytes)?;
                self.push(b"]");
            }
            // Nil and undefined; arrays and maps are no scalars.
            _ => self.push(b"null"),
        }
        Ok(())
    }

    /// Writes the key of a map as the text that JavaScript makes of it, and a colon.
    fn name(&mut self) -> Result<(), DecodeError> {
        let name = key(&mut self.tokens)?;
        let text = self.draft.text();
        match name {
            Token::Text(name) => write_text(&String::from_utf8_lossy(name), text),
            Token::Unsigned(number) => write_text(itoa::Buffer::new().format(number), text),
            Token::Negative(number) => write_text(itoa::Buffer::new().format(number), text),
            Token::Float(number) => write_text(&to_javascript_string(number), text),
            Token::Bool(value) => write_text(if value { "true" } else { "false" }, text),
            _ => write_text("null", text),
        }
        text.push(b':');
        Ok(())
    }

    fn push(&mut self, json: &[u8]) {
        self.draft.text().extend_from_slice(json);
    }
}

const WRITTEN: &str = "a Vec takes what is written";
