//! JSON strings with escapes, turned into text.

use std::borrow::Cow;

/// The text of a string whose JSON, without quotes, is `inside`; borrowed when it has no escapes.
///
/// `inside` was scanned, so its escapes are whole. JavaScript's strings may hold half a surrogate pair, Rust's
/// text cannot: each lone half becomes U+FFFD.
pub(crate) fn unescape(inside: &str) -> Cow<'_, str> {
    let Some(first) = inside.find('\\') else { return Cow::Borrowed(inside) };
    let mut text = String::with_capacity(inside.len());
    text.push_str(&inside[..first]);
    let mut rest = &inside[first..];
    while let Some(escape) = rest.strip_prefix('\\') {
        let kind = escape.as_bytes().first().copied().unwrap_or(b'\\');
        rest = escape.get(1..).unwrap_or("");
        let character = match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => take_unicode(&mut rest),
            itself => char::from(itself),
        };
        text.push(character);
        let plain = rest.find('\\').unwrap_or(rest.len());
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(text)
}

/// Takes the four digits behind `\u`, and the second half when they are the first half of a pair.
fn take_unicode(rest: &mut &str) -> char {
    let unit = take_unit(rest);
    if let 0xD800..=0xDBFF = unit
        && let Some(mut behind) = rest.strip_prefix("\\u")
        && let low @ 0xDC00..=0xDFFF = take_unit(&mut behind)
    {
        *rest = behind;
        let both = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Takes four hexadecimal digits; what is none becomes a lone surrogate, so U+FFFD.
fn take_unit(rest: &mut &str) -> u32 {
    const LONE: u32 = 0xD800;
    let digits = rest.get(..4).unwrap_or("");
    *rest = &rest[digits.len()..];
    u32::from_str_radix(digits, 16).unwrap_or(LONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_text() {
        assert!(matches!(unescape("plain é"), Cow::Borrowed("plain é")));
        assert_eq!(unescape(r#"\"\\\/\b\f\n\r\t\u00e9é\u0000x"#), "\"\\/\u{8}\u{c}\n\r\té\u{e9}\0x");
        assert_eq!(unescape(r"a\ud83d\ude00b"), "a😀b");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        assert_eq!(unescape(r"\ud800"), "\u{fffd}");
        assert_eq!(unescape(r"\ud800x\udc00"), "\u{fffd}x\u{fffd}");
        assert_eq!(unescape(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(unescape(r"\ud800\u0041"), "\u{fffd}A");
        assert_eq!(unescape(r"\ud800\n"), "\u{fffd}\n");
    }
}
