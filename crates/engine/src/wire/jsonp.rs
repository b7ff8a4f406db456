//! JSONP: polling for pages that can only load scripts and send forms.
//!
//! ```text
//! ___eio[<callback>]("<payload>");      the answer to a GET is a script
//! d=<payload>                           the body of a POST is a form
//! ```
//! A form's line breaks are not what the page wrote, so it writes its own as `\n`, and what looked like one as `\\n`.
//!
//! Spec: engine.md, section 4.7.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The script that hands a payload to the page.
pub(crate) fn script(callback: u32, payload: &[u8]) -> Vec<u8> {
    let payload = serde_json::Value::from(String::from_utf8_lossy(payload)).to_string();
    // Line breaks in scripts that are older than JSON's rules.
    let payload = payload.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    format!("___eio[{callback}]({payload});").into_bytes()
}

/// The payload in a form. None when the form has none; the last of several counts.
pub(crate) fn payload(form: &[u8]) -> Option<Vec<u8>> {
    let fields = form.split(|byte| *byte == b'&');
    let field = fields.filter_map(|field| field.strip_prefix(b"d=")).next_back()?;
    let spaced: Vec<u8> = field.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let written: Cow<'_, [u8]> = percent_decode(&spaced).into();
    Some(unescape(&written))
}

fn unescape(mut rest: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\\\n") {
            payload.extend_from_slice(b"\\n");
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"\\n") {
            payload.push(b'\n');
            rest = after;
        } else {
            payload.push(byte);
            rest = after;
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_payload_ends_its_string_or_its_line() {
        let script = script(7, "4a\"\\\n\u{2028}\u{2029}\u{1e}4b".as_bytes());
        assert_eq!(
            String::from_utf8(script).as_deref(),
            Ok("___eio[7](\"4a\\\"\\\\\\n\\u2028\\u2029\\u001e4b\");")
        );
    }

    #[test]
    fn a_form_gives_back_the_payload_and_its_line_breaks() {
        for (form, written) in [
            ("d=4he%22llo%5Cnx%5C%5Cny", "4he\"llo\nx\\ny"),
            ("d=a+b%2B", "a b+"),
            ("x=1&d=4a&y", "4a"),
            ("d=4a&d=4b", "4b"),
            ("d=", ""),
            ("d=%5C%5C%5Cn", "\\\\n"),
            ("d=%", "%"),
        ] {
            assert_eq!(payload(form.as_bytes()).as_deref(), Some(written.as_bytes()), "{form}");
        }
        for none in ["", "4plain", "D=1", "xd=1"] {
            assert_eq!(payload(none.as_bytes()), None, "{none}");
        }
    }
}
