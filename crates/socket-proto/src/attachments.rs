//! Attachments: the binary that follows a packet, and where its JSON names it.
//!
//! In a packet with attachments every object with `"_placeholder":true` stands for the attachment that its
//! `num` counts. In any other packet such an object is plain data, and nothing here looks at it.
//!
//! Spec: `spec/socketio.md` 1, "Decoding rules".

use std::io;

use crate::error::DecodeError;
use crate::json::number::{self, Parsed};
use crate::json::scan::Scanner;
use crate::json::string::unescape;
use crate::limits::Limits;

/// The attachments of one packet, complete.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attachments {
    parts: Vec<Vec<u8>>,
    /// In the order of the text; no two overlap.
    placeholders: Vec<Placeholder>,
}

/// An object in the JSON that stands for an attachment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Placeholder {
    start: u32,
    end: u32,
    /// Which attachment; [`NOWHERE`] when its `num` is missing or no integer.
    part: u32,
}

const NOWHERE: u32 = u32::MAX;

/// What a packet without attachments has.
pub(crate) static NONE: Attachments = Attachments { parts: Vec::new(), placeholders: Vec::new() };

impl Attachments {
    /// Joins what came with the placeholders in `text`, whose JSON begins at `payload`.
    pub(crate) fn join(
        text: &str,
        payload: Option<usize>,
        parts: Vec<Vec<u8>>,
        limits: &Limits,
    ) -> Result<Attachments, DecodeError> {
        let placeholders = match payload {
            Some(start) => find_placeholders(text, start)?,
            None => Vec::new(),
        };
        let mut size = text.len() + parts.iter().map(Vec::len).sum::<usize>();
        let mut named = vec![false; parts.len()];
        for placeholder in &placeholders {
            let Some(part) = parts.get(placeholder.part as usize) else {
                return Err(DecodeError::Placeholder { attachments: parts.len() as u32 });
            };
            // A value made from this packet holds the attachment once more for each time it is named again, so
            // one attachment and many placeholders would grow without bound.
            if std::mem::replace(&mut named[placeholder.part as usize], true) {
                size = size.saturating_add(part.len());
                if size > limits.packet_bytes {
                    return Err(DecodeError::TooLarge { size, limit: limits.packet_bytes });
                }
            }
        }
        Ok(Attachments { parts, placeholders })
    }

    /// None yet: see [`push`](Attachments::push).
    pub(crate) fn new() -> Attachments {
        Attachments { parts: Vec::new(), placeholders: Vec::new() }
    }

    /// Appends one more, and to `text` the placeholder that stands for it. Whatever else in the text looks like one is
    /// plain data.
    pub(crate) fn push(&mut self, bytes: Vec<u8>, text: &mut Vec<u8>) {
        let start = text.len() as u32;
        let part = self.parts.len();
        write_placeholder(part, text).expect("a Vec takes what is written");
        self.placeholders.push(Placeholder { start, end: text.len() as u32, part: part as u32 });
        self.parts.push(bytes);
    }

    /// The attachments as they came.
    pub(crate) fn parts(&self) -> &[Vec<u8>] {
        &self.parts
    }

    /// Whether an object in the value at `start` of the text only looks like a placeholder: a packet of another format
    /// may have one, where the default format could not tell it from the others.
    pub(crate) fn has_look_alike(&self, text: &str, start: usize) -> bool {
        let is_one = |found: &Placeholder| self.at(found.start as usize).is_some();
        !find_placeholders(text, start).is_ok_and(|found| found.iter().all(is_one))
    }

    /// The attachment that the object at `start` of the text stands for, and where that object ends.
    pub(crate) fn at(&self, start: usize) -> Option<(&[u8], usize)> {
        let key = |placeholder: &Placeholder| placeholder.start as usize;
        let found = self.placeholders[self.placeholders.binary_search_by_key(&start, key).ok()?];
        Some((&self.parts[found.part as usize], found.end as usize))
    }
}

/// Writes what stands for attachment `number` in the text.
pub(crate) fn write_placeholder<W: io::Write + ?Sized>(number: usize, out: &mut W) -> io::Result<()> {
    out.write_all(b"{\"_placeholder\":true,\"num\":")?;
    out.write_all(itoa::Buffer::new().format(number).as_bytes())?;
    out.write_all(b"}")
}

/// Whether a value that is being sent has exactly the placeholders of its `count` attachments.
///
/// An object of the application's own (or of a peer whose data it passes on) may look like one; in a packet
/// with attachments its receiver would take it for one, and close the connection.
pub(crate) fn has_its_own_placeholders(json: &str, count: usize) -> bool {
    let counts_up =
        |found: &[Placeholder]| found.iter().map(|placeholder| placeholder.part).eq(0..count as u32);
    find_placeholders(json, 0).is_ok_and(|found| counts_up(&found))
}

/// What is open around the value that is looked at.
enum Level {
    Array,
    Object {
        start: usize,
        member: Member,
        is_placeholder: bool,
        part: u32,
        /// How many placeholders stood in front of this object.
        before: usize,
    },
}

/// Which member of an object a value belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Member {
    Placeholder,
    Num,
    Other,
}

/// What a value says about the object it is a member of.
enum Scalar {
    True,
    Integer(u32),
    Other,
}

/// Finds the placeholders in JSON that was scanned before. As in JavaScript the last of repeated members
/// counts, and what else stands in a placeholder is nothing, another placeholder included.
fn find_placeholders(text: &str, payload: usize) -> Result<Vec<Placeholder>, DecodeError> {
    let mut found: Vec<Placeholder> = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut scanner = Scanner::new(text, payload);
    loop {
        scanner.skip_space();
        let start = scanner.at();
        let mut scalar = Scalar::Other;
        match scanner.peek() {
            b'[' => {
                scanner.expect(b'[')?;
                scanner.skip_space();
                if !scanner.eat(b']') {
                    levels.push(Level::Array);
                    continue;
                }
            }
            b'{' => {
                scanner.expect(b'{')?;
                scanner.skip_space();
                if !scanner.eat(b'}') {
                    let member = take_member(&mut scanner)?;
                    let before = found.len();
                    levels.push(Level::Object {
                        start,
                        member,
                        is_placeholder: false,
                        part: NOWHERE,
                        before,
                    });
                    continue;
                }
            }
            b't' => {
                scanner.literal("true")?;
                scalar = Scalar::True;
            }
            b'-' | b'0'..=b'9' => {
                scanner.number()?;
                scalar = integer(scanner.since(start));
            }
            // A limit was held when the text was scanned; no level is left that this could open.
            _ => scanner.value(0)?,
        }
        loop {
            scanner.skip_space();
            let Some(level) = levels.last_mut() else { return Ok(found) };
            let Level::Object { start, member, is_placeholder, part, before } = level else {
                scalar = Scalar::Other;
                if scanner.eat(b',') {
                    break;
                }
                scanner.expect(b']')?;
                levels.pop();
                continue;
            };
            match (*member, scalar) {
                (Member::Placeholder, value) => *is_placeholder = matches!(value, Scalar::True),
                (Member::Num, Scalar::Integer(number)) => *part = number,
                (Member::Num, _) => *part = NOWHERE,
                (Member::Other, _) => {}
            }
            scalar = Scalar::Other;
            if scanner.eat(b',') {
                scanner.skip_space();
                *member = take_member(&mut scanner)?;
                break;
            }
            scanner.expect(b'}')?;
            if *is_placeholder {
                found.truncate(*before);
                found.push(Placeholder { start: *start as u32, end: scanner.at() as u32, part: *part });
            }
            levels.pop();
        }
    }
}

fn take_member(scanner: &mut Scanner<'_>) -> Result<Member, DecodeError> {
    let start = scanner.at() + 1;
    scanner.string()?;
    let name = &scanner.text()[start..scanner.at() - 1];
    let member = match &*unescape(name) {
        "_placeholder" => Member::Placeholder,
        "num" => Member::Num,
        _ => Member::Other,
    };
    scanner.skip_space();
    scanner.expect(b':')?;
    Ok(member)
}

fn integer(number: &str) -> Scalar {
    let parsed = match number::parse(number) {
        Parsed::Float(float) => number::integral(float),
        exact => Some(exact),
    };
    match parsed {
        Some(Parsed::Unsigned(number)) => Scalar::Integer(u32::try_from(number).unwrap_or(NOWHERE)),
        _ => Scalar::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(text: &str, parts: &[&[u8]]) -> Result<Attachments, DecodeError> {
        Attachments::join(text, Some(0), parts.iter().map(|part| part.to_vec()).collect(), &Limits::default())
    }

    #[test]
    fn a_placeholder_is_known_whatever_its_members_and_their_order() {
        for text in [
            r#"{"_placeholder":true,"num":0}"#,
            r#"{"num":0,"_placeholder":true}"#,
            r#"{ "num" : 0 , "_placeholder" : true }"#,
            r#"{"x":[{"y":1},2],"_placeholder":true,"num":0,"z":"}"}"#,
            r#"{"_pl\u0061ceholder":true,"num":0}"#,
            r#"{"_placeholder":false,"num":7,"_placeholder":true,"num":0}"#,
            r#"{"_placeholder":true,"num":0.0}"#,
            r#"{"_placeholder":true,"num":-0}"#,
            r#"{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":9}}"#,
        ] {
            let attachments = join(text, &[b"bytes"]).unwrap();
            assert_eq!(attachments.at(0), Some((&b"bytes"[..], text.len())), "{text}");
            assert_eq!(attachments.placeholders.len(), 1);
        }
    }

    #[test]
    fn an_object_that_only_looks_alike_is_data() {
        for text in [
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"{"_placeholder":[true],"num":0}"#,
            r#"{"_placeholder":true,"_placeholder":null,"num":5}"#,
            r#"{"placeholder":true,"num":5}"#,
            r#"["_placeholder",true,{"num":3}]"#,
            r#"true"#,
        ] {
            assert_eq!(join(text, &[b"bytes"]).unwrap().placeholders, [], "{text}");
        }
    }

    #[test]
    fn a_placeholder_must_count_an_attachment_that_came() {
        for num in
            ["1", "-1", "0.5", "\"0\"", "null", "1e999", "4294967295", "4294967296", "[0]", "true", "{}"]
        {
            let text = format!(r#"[1,{{"a":{{"_placeholder":true,"num":{num}}}}}]"#);
            assert_eq!(join(&text, &[b"x"]), Err(DecodeError::Placeholder { attachments: 1 }), "{num}");
        }
        assert!(join(r#"{"_placeholder":true}"#, &[b"x"]).is_err());
        assert!(join(r#"{"_placeholder":true,"num":0,"num":1}"#, &[b"x"]).is_err());
    }

    #[test]
    fn placeholders_are_found_by_where_they_stand() {
        let text = r#"["n",{"_placeholder":true,"num":1},[[],{},{"a":{"_placeholder":true,"num":0}}]]"#;
        let attachments = join(text, &[b"zero", b"one"]).unwrap();
        let at = |needle: &str| attachments.at(text.find(needle).unwrap()).map(|found| found.0);
        assert_eq!(at(r#"{"_placeholder":true,"num":1"#), Some(&b"one"[..]));
        assert_eq!(at(r#"{"_placeholder":true,"num":0"#), Some(&b"zero"[..]));
        assert_eq!(at(r#"{"a""#), None);
    }

    #[test]
    fn an_attachment_named_again_counts_again() {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        let text = format!("[{}]", [placeholder; 9].join(","));
        assert!(join(&text, &[&[7; 100_000]]).is_ok());
        let text = format!("[{}]", [placeholder; 10].join(","));
        assert!(matches!(join(&text, &[&[7; 100_000]]), Err(DecodeError::TooLarge { .. })));
    }
}
