//! One pass over JSON text: is it JSON, how deep is it, and where do its parts end?
//!
//! Builds nothing and does not recurse, so the depth of what a peer sends costs no stack. Takes what
//! `JSON.parse` takes: escapes of lone surrogates, numbers of any size, repeated keys.
//!
//! Spec: ECMA-404; `spec/socketio.md` 1, "JavaScript JSON tolerance".

use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// A position in JSON text that only moves forward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

/// Which of the open levels are objects: one bit a level.
struct Levels {
    objects: [u64; MAX_DEPTH as usize / 64],
    open: usize,
}

impl Levels {
    fn push(&mut self, object: bool, limit: u16) -> Result<(), DecodeError> {
        if self.open >= usize::from(limit.min(MAX_DEPTH)) {
            return Err(DecodeError::TooDeep { limit });
        }
        let (word, bit) = (self.open / 64, 1 << (self.open % 64));
        if object {
            self.objects[word] |= bit;
        } else {
            self.objects[word] &= !bit;
        }
        self.open += 1;
        Ok(())
    }

    fn innermost_is_object(&self) -> bool {
        let level = self.open - 1;
        self.objects[level / 64] >> (level % 64) & 1 == 1
    }
}

impl<'t> Scanner<'t> {
    /// Starts at byte `at` of `text`.
    pub(crate) fn new(text: &'t str, at: usize) -> Scanner<'t> {
        Scanner { text, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// The text from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.at]
    }

    /// The byte here; 0, which JSON never has, at the end of the text.
    pub(crate) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Steps over `byte` if it stands here.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && self.at < self.text.len();
        self.at += usize::from(found);
        found
    }

    /// Steps over `byte`, which must stand here.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error()) }
    }

    /// Steps over JSON's white space.
    pub(crate) fn skip_space(&mut self) {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.peek() {
            self.at += 1;
        }
    }

    /// The text must end here, white space aside.
    pub(crate) fn expect_end(&mut self) -> Result<(), DecodeError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error()) }
    }

    fn error(&self) -> DecodeError {
        DecodeError::Json { at: self.at }
    }

    /// Steps over one value, white space in front of it included, with at most `limit` levels open at once.
    pub(crate) fn value(&mut self, limit: u16) -> Result<(), DecodeError> {
        self.skip_space();
        match self.peek() {
            b'[' | b'{' => self.nested(limit),
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Result<(), DecodeError> {
        match self.peek() {
            b'"' => self.string().map(|_escapes| ()),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => Err(self.error()),
        }
    }

    fn nested(&mut self, limit: u16) -> Result<(), DecodeError> {
        let mut levels = Levels { objects: [0; _], open: 0 };
        loop {
            self.skip_space();
            match self.peek() {
                b'[' => {
                    levels.push(false, limit)?;
                    self.at += 1;
                    self.skip_space();
                    if self.peek() != b']' {
                        continue;
                    }
                    self.at += 1;
                    levels.open -= 1;
                }
                b'{' => {
                    levels.push(true, limit)?;
                    self.at += 1;
                    self.skip_space();
                    if self.peek() != b'}' {
                        self.key()?;
                        continue;
                    }
                    self.at += 1;
                    levels.open -= 1;
                }
                _ => self.scalar()?,
            }
            // A value has ended: so may the levels around it, or another value follows.
            loop {
                if levels.open == 0 {
                    return Ok(());
                }
                self.skip_space();
                match (self.peek(), levels.innermost_is_object()) {
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b',', true) => {
                        self.at += 1;
                        self.skip_space();
                        self.key()?;
                        break;
                    }
                    (b']', false) | (b'}', true) => {
                        self.at += 1;
                        levels.open -= 1;
                    }
                    _ => return Err(self.error()),
                }
            }
        }
    }

    /// Steps over a member's name and its colon.
    fn key(&mut self) -> Result<(), DecodeError> {
        self.string()?;
        self.skip_space();
        self.expect(b':')
    }

    /// Steps over `word`.
    pub(crate) fn literal(&mut self, word: &str) -> Result<(), DecodeError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error());
        }
        self.at += word.len();
        Ok(())
    }

    /// Steps over a string with its quotes; answers whether there are escapes in it.
    pub(crate) fn string(&mut self) -> Result<bool, DecodeError> {
        self.expect(b'"')?;
        let mut escapes = false;
        loop {
            self.at += plain_run(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(escapes);
                }
                b'\\' => {
                    escapes = true;
                    self.escape()?;
                }
                // A control character, or the end of the text.
                _ => return Err(self.error()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), DecodeError> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_ascii_hexdigit() {
                        return Err(self.error());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.error()),
        }
        Ok(())
    }

    /// Steps over a number.
    pub(crate) fn number(&mut self) -> Result<(), DecodeError> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), DecodeError> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        if count == 0 { Err(self.error()) } else { Ok(()) }
    }
}

/// How many bytes stand in front of the first that a string cannot hold plainly: a quote, a backslash or a
/// control character.
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*eight));
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = behind;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Marks, with the highest bit of its byte, what ends a run of plain characters in a string: quote, backslash,
/// control character. Only the lowest mark is exact, since the subtractions borrow from the bytes above it.
fn special_bytes(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = eight.wrapping_sub(ONES * 0x20) & !eight;
    (zero(eight ^ (ONES * b'"' as u64)) | zero(eight ^ (ONES * b'\\' as u64)) | control) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<(), DecodeError> {
        let mut scanner = Scanner::new(text, 0);
        scanner.value(128)?;
        scanner.expect_end()
    }

    #[test]
    fn what_javascript_takes_is_json() {
        for text in [
            "0",
            "-0",
            "-1.5e+10",
            "1e999",
            "1E5",
            "0.0",
            "123456789012345678901234567890",
            "\"\\ud800\"",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
            "\"\u{2028}\u{7f}é😀\"",
            "[]",
            "{}",
            " [ 1 , 2 ] ",
            "null",
            "true",
            "false",
            "{\"a\":1,\"a\":2}",
            "{ \"a\" : { \"b\" : [ ] } }",
            "\r\n\t[\n]\t",
            "\"12345678\"",
            "\"1234567\"",
            "\"123456789\"",
            "\"éééééééééééé\"",
        ] {
            assert_eq!(scan(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_javascript_refuses_is_not_json() {
        for text in [
            "",
            " ",
            "NaN",
            "Infinity",
            "-",
            "+1",
            "01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            "-a",
            "tru",
            "truee",
            "nul",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"\\",
            "\"a\nb\"",
            "\"\u{1f}\"",
            "\"\0\"",
            "\"12345678\u{1}\"",
            "[",
            "]",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{\"a\":1]",
            "{1:2}",
            "{\"a\" 1}",
            "1 2",
            "[]x",
            "\u{feff}1",
            "'a'",
            "\u{a0}1",
            "undefined",
            "\0",
            "1\0",
        ] {
            assert!(matches!(scan(text), Err(DecodeError::Json { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_string_ends_where_it_ends_wherever_its_special_bytes_stand() {
        for before in 0..20 {
            for special in ["\\\"", "\\u0041", "é", "\u{7f}", " "] {
                let inside = format!("{}{special}{}", "x".repeat(before), "ÿ".repeat(before % 5));
                let text = format!("\"{inside}\" tail");
                let mut scanner = Scanner::new(&text, 0);
                assert_eq!(scanner.string(), Ok(special.starts_with('\\')));
                assert_eq!(scanner.at(), inside.len() + 2, "{text}");
            }
            let text = format!("\"{}\u{1f}\"", "x".repeat(before));
            assert_eq!(Scanner::new(&text, 0).string(), Err(DecodeError::Json { at: before + 1 }));
        }
    }

    #[test]
    fn depth_is_counted_without_recursion() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(scan(&nested(128)), Ok(()));
        assert_eq!(scan(&nested(129)), Err(DecodeError::TooDeep { limit: 128 }));
        assert_eq!(scan(&"{\"a\":".repeat(1_000_000)), Err(DecodeError::TooDeep { limit: 128 }));
        let many = format!("[{}1]", "[[{}]],".repeat(1000));
        assert_eq!(scan(&many), Ok(()), "siblings are not depth");
        let mut scanner = Scanner::new("[[[[1]]]]", 0);
        assert_eq!(scanner.value(3), Err(DecodeError::TooDeep { limit: 3 }));
    }

    #[test]
    fn no_limit_reaches_beyond_the_deepest_that_fits() {
        let text = "[".repeat(2000);
        assert!(matches!(Scanner::new(&text, 0).value(u16::MAX), Err(DecodeError::TooDeep { .. })));
    }
}
