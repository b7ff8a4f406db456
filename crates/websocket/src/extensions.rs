//! Which extensions a client offers, and what a server takes of them: permessage-deflate, if that.
//!
//! ```text
//! client ── Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits ──▶ server    negotiate
//! client ◀── permessage-deflate; server_no_context_takeover; client_no_context_takeover ── server
//! ```
//! A server asks for no context takeover in either direction, whatever was offered, so that a connection owns neither
//! compressor nor window. It limits the client's window no further, and keeps to the limit that the client sets for its
//! own.
//!
//! Spec: RFC 6455, section 9.1; RFC 7692, sections 5.1 and 7.1.

use std::fmt::Write as _;

use crate::{deflate::Agreement, handshake::HandshakeError};

/// What is agreed on when no limit is asked for.
const WIDEST: Agreement = Agreement::new(15).expect("windows have up to 15 bits");

/// What a server agrees to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// What both ends keep to.
    pub agreement: Agreement,
    /// The `Sec-WebSocket-Extensions` of the answer.
    pub answer: String,
}

/// Takes the first offer of permessage-deflate that can be kept, of all values of `Sec-WebSocket-Extensions` in their
/// order; none when there is no such offer.
///
/// Offers with parameters that are unknown, doubled, or of a value that they can't have are passed over, as are those
/// that limit the server's window to 8 bits. Each byte is looked at once.
///
/// # Errors
/// [`HandshakeError::Extensions`] when a value is no list of extensions.
pub fn negotiate<'h>(
    values: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Option<Negotiated>, HandshakeError> {
    let mut taken = None;
    for value in values {
        let mut list = List { rest: value };
        while let Some(name) = list.name()? {
            let mut offer = Offer::default();
            while let Some((name, value)) = list.parameter()? {
                offer.see(name, value);
            }
            if taken.is_none() && name.eq_ignore_ascii_case(b"permessage-deflate") {
                taken = offer.accept();
            }
        }
    }
    Ok(taken)
}

/// The parameters of one offer of permessage-deflate.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    client_max_window_bits: bool,
    server_max_window_bits: Option<u8>,
    /// Something in it is against the rules.
    wrong: bool,
}

impl Offer {
    fn see(&mut self, name: &[u8], value: Option<&[u8]>) {
        let (seen, right) = match name {
            b"server_no_context_takeover" => (&mut self.server_no_context_takeover, value.is_none()),
            b"client_no_context_takeover" => (&mut self.client_no_context_takeover, value.is_none()),
            b"client_max_window_bits" => {
                (&mut self.client_max_window_bits, value.is_none_or(|value| window_bits(value).is_some()))
            }
            b"server_max_window_bits" if self.server_max_window_bits.is_none() => {
                self.server_max_window_bits = value.and_then(window_bits);
                self.wrong |= self.server_max_window_bits.is_none();
                return;
            }
            _ => {
                self.wrong = true;
                return;
            }
        };
        self.wrong |= *seen || !right;
        *seen = true;
    }

    fn accept(&self) -> Option<Negotiated> {
        if self.wrong {
            return None;
        }
        let mut answer =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover".to_owned();
        let mut agreement = WIDEST;
        if let Some(bits) = self.server_max_window_bits {
            agreement = Agreement::new(bits)?;
            write!(answer, "; server_max_window_bits={bits}").expect("a string takes all");
        }
        Some(Negotiated { agreement, answer })
    }
}

/// A number from 8 to 15, without zeros in front.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// A list of extensions, as far as it is not read.
struct List<'h> {
    rest: &'h [u8],
}

impl<'h> List<'h> {
    /// The name of the next extension; none at the end.
    fn name(&mut self) -> Result<Option<&'h [u8]>, HandshakeError> {
        while self.next_is(b',') {}
        if self.rest.is_empty() { Ok(None) } else { self.token().map(Some) }
    }

    /// The next parameter of the extension, and its value, if it has one; none behind the last.
    #[expect(clippy::type_complexity, reason = "a name, and perhaps a value")]
    fn parameter(&mut self) -> Result<Option<(&'h [u8], Option<&'h [u8]>)>, HandshakeError> {
        if !self.next_is(b';') {
            self.skip_space();
            let ends = self.rest.is_empty() || self.rest[0] == b',';
            return if ends { Ok(None) } else { Err(HandshakeError::Extensions) };
        }
        let name = self.token()?;
        let value = match self.next_is(b'=') {
            false => None,
            true if self.next_is(b'"') => Some(self.quoted()?),
            true => Some(self.token()?),
        };
        Ok(Some((name, value)))
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Takes `byte`, and white space in front of it, if it is next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn token(&mut self) -> Result<&'h [u8], HandshakeError> {
        self.skip_space();
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let length = self.rest.iter().take_while(|byte| is_token(byte)).count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        if token.is_empty() { Err(HandshakeError::Extensions) } else { Ok(token) }
    }

    /// What stands in quotes, behind the first. Escapes stay in it: no value that we know needs one.
    fn quoted(&mut self) -> Result<&'h [u8], HandshakeError> {
        let text = self.rest;
        let mut escaped = false;
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.rest = &text[at + 1..];
                    return Ok(&text[..at]);
                }
                _ => {}
            }
        }
        Err(HandshakeError::Extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::negotiate;
    use crate::handshake::HandshakeError;

    /// The window and what the answer says beyond what every answer says.
    fn answer(values: &[&str]) -> Result<Option<(u8, String)>, HandshakeError> {
        let negotiated = negotiate(values.iter().map(|value| value.as_bytes()))?;
        Ok(negotiated.map(|negotiated| {
            let always = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
            let rest = negotiated.answer.strip_prefix(always).expect("the start of every answer");
            (negotiated.agreement.window_bits(), rest.to_owned())
        }))
    }

    #[test]
    fn what_clients_in_use_offer_is_taken() {
        let plain = Ok(Some((15, String::new())));
        for offer in [
            "permessage-deflate",                         // Firefox, Safari
            "permessage-deflate; client_max_window_bits", // Chrome, Node's ws
            "permessage-deflate; client_no_context_takeover; client_max_window_bits=10",
            "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
            "x-webkit-deflate-frame, Permessage-Deflate",
            "permessage-deflate; client_max_window_bits=\"15\"",
            " , permessage-deflate\t; client_max_window_bits = 8 ,,",
            "permessage-bzip2; a=\"b,c;\\\"d\", permessage-deflate",
        ] {
            assert_eq!(answer(&[offer]), plain, "{offer}");
        }
        assert_eq!(answer(&["permessage-foo; x", "permessage-deflate"]), plain);
        // Python's websockets.
        let offer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12";
        assert_eq!(answer(&[offer]), Ok(Some((12, "; server_max_window_bits=12".to_owned()))));
    }

    #[test]
    fn each_window_is_kept_that_can_be() {
        for bits in 0..=20 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            let kept = (9..=15).contains(&bits).then(|| (bits, format!("; server_max_window_bits={bits}")));
            assert_eq!(answer(&[&offer]), Ok(kept.clone()), "{bits}");
            let with_another = answer(&[&format!("{offer}, permessage-deflate")]);
            assert_eq!(with_another, Ok(Some(kept.unwrap_or((15, String::new())))), "{bits}, or any");
        }
    }

    #[test]
    fn an_offer_against_the_rules_is_passed_over() {
        for parameters in [
            "; x",
            "; server_no_context_takeover=1",
            "; client_no_context_takeover=\"\"",
            "; server_no_context_takeover; server_no_context_takeover",
            "; client_no_context_takeover; client_no_context_takeover",
            "; client_max_window_bits; client_max_window_bits=15",
            "; client_max_window_bits=7",
            "; client_max_window_bits=16",
            "; client_max_window_bits=015",
            "; client_max_window_bits=1\t",
            "; client_max_window_bits=\"\"",
            "; client_max_window_bits=\"1\\5\"",
            "; server_max_window_bits",
            "; server_max_window_bits=+9",
            "; server_max_window_bits=9.0",
            "; server_max_window_bits=10; server_max_window_bits=10",
            "; server_max_window_bits=x; server_max_window_bits=10",
            "; server_max_window_bits=99999999999999999999999999",
            "; Server_No_Context_Takeover",
        ] {
            assert_eq!(answer(&[&format!("permessage-deflate{parameters}")]), Ok(None), "{parameters}");
        }
        for none in [&[] as &[&str], &[""], &[" ,\t,"], &["permessage-deflate2, deflate-frame"]] {
            assert_eq!(answer(none), Ok(None), "{none:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_extensions_is_an_error() {
        for value in [
            ";",
            "permessage-deflate;",
            "permessage-deflate; ;",
            "permessage-deflate; =10",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=\"10",
            "permessage-deflate; a=\"\\\"",
            "permessage-deflate server_no_context_takeover",
            "permessage-deflate, \"",
            "permessage/deflate",
            "permessage-deflate; a=b=c",
            "permessage-deflate, caf\u{e9}",
        ] {
            assert_eq!(answer(&[value]), Err(HandshakeError::Extensions), "{value}");
            assert_eq!(answer(&["permessage-deflate", value]), Err(HandshakeError::Extensions), "{value}");
        }
    }

    /// Work that grows with the square of the length would be 10^12 steps here: the test would not end.
    #[test]
    fn hostile_values_are_only_read_once() {
        for part in [",", " ", "a;", "a;b,", "a; b=\"", "a;b=\"\\\",", "permessage-deflate;x,", "\\\""] {
            let value = part.repeat(1_000_000 / part.len());
            let told = answer(&[&value]);
            assert!(matches!(told, Ok(None) | Err(HandshakeError::Extensions)), "{part}");
        }
    }
}
