//! The HTTP exchange that opens a WebSocket, as far as it is RFC 6455's: which headers, and the key.
//!
//! ```text
//! client ── GET, Upgrade: websocket, Sec-WebSocket-Key: K ──▶ server      check_request gives A
//! client ◀── 101, Upgrade: websocket, Sec-WebSocket-Accept: A ── server   check_response compares A
//! ```
//! Reads no HTTP: headers come as pairs of name and value, in any order, a name as often as it was sent. Each is
//! looked at once, in time linear in its length. What a server makes of offers of extensions is in
//! [`extensions`](crate::extensions), and subprotocols are none of this crate's business: a server may add either to its
//! answer, and a client, which asks for none, refuses an answer with one.
//!
//! Spec: RFC 6455, sections 4.1, 4.2.1, 4.2.2 and 11.3.

use base64::{Engine, engine::general_purpose::STANDARD};

/// The only version there is: the value of `Sec-WebSocket-Version`.
pub const VERSION: &str = "13";

/// What every server appends to the key, so that an answer proves that it knows the protocol.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why a request or an answer does not open a WebSocket.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// `Upgrade` does not name `websocket`.
    #[error("the Upgrade header does not name websocket")]
    NoUpgrade,
    /// `Connection` does not name `upgrade`.
    #[error("the Connection header does not name upgrade")]
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Version` is absent, doubled, or another than 13. The answer, 400 or 426, names [`VERSION`].
    #[error("Sec-WebSocket-Version is not 13")]
    Version,
    /// `Sec-WebSocket-Key` is absent, doubled, or no 16 bytes in base64.
    #[error("Sec-WebSocket-Key is not 16 bytes in base64")]
    Key,
    /// `Sec-WebSocket-Extensions` is no list of extensions.
    #[error("Sec-WebSocket-Extensions is no list of extensions")]
    Extensions,
    /// The answer's status is not 101: the server speaks HTTP and no WebSocket.
    #[error("the answer has status {found}, expected 101")]
    Status {
        /// The status.
        found: u16,
    },
    /// `Sec-WebSocket-Accept` is absent, doubled, or belongs to another key.
    #[error("Sec-WebSocket-Accept does not answer the key")]
    Accept,
    /// The server chose an extension or a subprotocol that was not asked for.
    #[error("the answer chose an extension or a subprotocol that was not asked for")]
    NotAskedFor,
}

/// The `Sec-WebSocket-Accept` that answers a key, in base64.
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key);
    hash.update(GUID);
    let mut accept = [0; 28];
    let written = STANDARD.encode_slice(hash.digest().bytes(), &mut accept);
    debug_assert_eq!(written, Ok(28), "20 bytes are 28 in base64");
    accept
}

/// The `Sec-WebSocket-Key` of 16 random bytes, fresh for each connection.
pub fn encode_key(nonce: [u8; 16]) -> [u8; 24] {
    let mut key = [0; 24];
    let written = STANDARD.encode_slice(nonce, &mut key);
    debug_assert_eq!(written, Ok(24), "16 bytes are 24 in base64");
    key
}

/// Checks the headers of a request, and gives the `Sec-WebSocket-Accept` to answer with.
///
/// Names are compared without regard to case. That the method is `GET` and the version of HTTP at least 1.1 is
/// for the caller to see.
///
/// # Errors
/// The first thing that is missing or wrong, in the order of [`HandshakeError`].
///
/// Spec: RFC 6455, section 4.2.1.
pub fn check_request<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
) -> Result<[u8; 28], HandshakeError> {
    let mut upgrade = Upgrade::default();
    let mut version = Single::Absent;
    let mut key = Single::Absent;
    for (name, value) in headers {
        upgrade.see(name, value);
        if name.eq_ignore_ascii_case("sec-websocket-version") {
            version = version.and(value);
        } else if name.eq_ignore_ascii_case("sec-websocket-key") {
            key = key.and(value);
        }
    }
    upgrade.check()?;
    match version {
        Single::Once(value) if value == VERSION.as_bytes() => {}
        _ => return Err(HandshakeError::Version),
    }
    match key {
        Single::Once(value) if is_key(value) => Ok(accept_key(value)),
        _ => Err(HandshakeError::Key),
    }
}

/// Checks a server's answer to `key`.
///
/// # Errors
/// The first thing that is missing or wrong: status, `Upgrade`, `Connection`, `Sec-WebSocket-Accept`, then what
/// nobody asked for.
///
/// Spec: RFC 6455, section 4.1, "Once the client's opening handshake has been sent".
pub fn check_response<'h>(
    status: u16,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    key: &[u8; 24],
) -> Result<(), HandshakeError> {
    if status != 101 {
        return Err(HandshakeError::Status { found: status });
    }
    let mut upgrade = Upgrade::default();
    let mut accept = Single::Absent;
    let mut chosen = false;
    for (name, value) in headers {
        upgrade.see(name, value);
        if name.eq_ignore_ascii_case("sec-websocket-accept") {
            accept = accept.and(value);
        } else if name.eq_ignore_ascii_case("sec-websocket-extensions")
            || name.eq_ignore_ascii_case("sec-websocket-protocol")
        {
            chosen = true;
        }
    }
    upgrade.check()?;
    match accept {
        Single::Once(value) if value == accept_key(key) => {}
        _ => return Err(HandshakeError::Accept),
    }
    if chosen { Err(HandshakeError::NotAskedFor) } else { Ok(()) }
}

/// Whether a comma-separated header value names `token`, without regard to case.
pub fn has_token(value: &[u8], token: &str) -> bool {
    value.split(|&byte| byte == b',').any(|item| trim(item).eq_ignore_ascii_case(token.as_bytes()))
}

/// The two headers that both directions need.
#[derive(Default)]
struct Upgrade {
    websocket: bool,
    connection: bool,
}

impl Upgrade {
    fn see(&mut self, name: &str, value: &[u8]) {
        if name.eq_ignore_ascii_case("upgrade") {
            self.websocket |= has_token(value, "websocket");
        } else if name.eq_ignore_ascii_case("connection") {
            self.connection |= has_token(value, "upgrade");
        }
    }

    fn check(&self) -> Result<(), HandshakeError> {
        match (self.websocket, self.connection) {
            (false, _) => Err(HandshakeError::NoUpgrade),
            (true, false) => Err(HandshakeError::NoConnectionUpgrade),
            (true, true) => Ok(()),
        }
    }
}

/// A header that may be sent once.
#[derive(Clone, Copy)]
enum Single<'h> {
    Absent,
    Once(&'h [u8]),
    Again,
}

impl<'h> Single<'h> {
    fn and(self, value: &'h [u8]) -> Self {
        match self {
            Self::Absent => Self::Once(trim(value)),
            Self::Once(_) | Self::Again => Self::Again,
        }
    }
}

/// 16 bytes in base64: 22 characters, of which the last has bits to spare, and two of padding. Those bits may be
/// set, as in the reference: nobody decodes the key.
fn is_key(value: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(value.split_at_checked(22), Some((key, b"==")) if key.iter().all(is_base64))
}

/// Without the white space that HTTP allows around a value.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{HandshakeError, accept_key, check_request, check_response, encode_key};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn request(change: &[(&'static str, &'static str)]) -> Result<[u8; 28], HandshakeError> {
        let mut headers = vec![
            ("Host", "localhost"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        headers.retain(|(name, _)| !change.iter().any(|(changed, _)| changed == name));
        headers.extend(change.iter().filter(|(_, value)| *value != "absent"));
        check_request(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    #[test]
    fn the_key_of_the_rfc_is_answered_as_in_the_rfc() {
        assert_eq!(accept_key(KEY.as_bytes()), ACCEPT.as_bytes());
        assert_eq!(encode_key(*b"the sample nonce"), KEY.as_bytes());
        assert_eq!(request(&[]).as_ref().map(<[u8; 28]>::as_slice), Ok(ACCEPT.as_bytes()));
    }

    #[test]
    fn a_request_is_taken_in_every_form_that_http_allows() {
        for change in [
            &[("Upgrade", "WebSocket")] as &[_],
            &[("Upgrade", "h2c, websocket")],
            &[("Upgrade", "h2c"), ("upgrade", "websocket")],
            &[("Connection", "keep-alive, Upgrade")],
            &[("Connection", "keep-alive"), ("CONNECTION", "\tupgrade ,")],
            &[("Sec-WebSocket-Key", " dGhlIHNhbXBsZSBub25jZQ== ")],
            &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==")], // bits that decode to nothing
            &[("Sec-WebSocket-Version", " 13")],
            &[("Sec-WebSocket-Protocol", ",,,"), ("Sec-WebSocket-Extensions", "\"")],
        ] {
            assert!(request(change).is_ok(), "{change:?}");
        }
    }

    #[test]
    fn a_bad_request_is_refused_by_its_cause() {
        for (cause, change) in [
            (HandshakeError::NoUpgrade, &[("Upgrade", "absent")] as &[_]),
            (HandshakeError::NoUpgrade, &[("Upgrade", "")]),
            (HandshakeError::NoUpgrade, &[("Upgrade", "websockets")]),
            (HandshakeError::NoUpgrade, &[("Upgrade", "web socket")]),
            (HandshakeError::NoConnectionUpgrade, &[("Connection", "absent")]),
            (HandshakeError::NoConnectionUpgrade, &[("Connection", "keep-alive")]),
            (HandshakeError::Version, &[("Sec-WebSocket-Version", "absent")]),
            (HandshakeError::Version, &[("Sec-WebSocket-Version", "12")]),
            (HandshakeError::Version, &[("Sec-WebSocket-Version", "013")]),
            (HandshakeError::Version, &[("Sec-WebSocket-Version", "13, 8")]),
            (HandshakeError::Version, &[("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Version", "13")]),
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "absent")]),
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "")]),
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=")]),
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQAA")]), // 18 bytes
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j")]),     // 15 bytes
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "dGhlIHNhbXBs\u{0}SBub25jZQ==")]),
            (HandshakeError::Key, &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j-_==")]), // the other alphabet
            (HandshakeError::Key, &[("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Key", KEY)]),
        ] {
            assert_eq!(request(change), Err(cause), "{change:?}");
        }
    }

    /// Work that grows with the square of the length would be 10^12 steps here: the test would not end.
    #[test]
    fn hostile_header_values_are_only_read_once() {
        for part in [",", " ", "\t,", "a,", "upgrade ", " ,upgradeupgrade"] {
            let value = part.repeat(1_000_000 / part.len());
            let headers = ["Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol"]
                .map(|name| (name, value.as_bytes()));
            assert_eq!(check_request(headers), Err(HandshakeError::NoUpgrade));
        }
    }

    #[test]
    fn a_client_takes_only_the_answer_to_its_own_key() {
        let key = encode_key(*b"the sample nonce");
        let good = [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", ACCEPT)];
        let check = |status, change: Option<(usize, (&'static str, &'static str))>| {
            let mut headers = good.to_vec();
            if let Some((at, header)) = change {
                headers.splice(at..(at + 1).min(headers.len()), [header]);
            }
            check_response(status, headers.iter().map(|(name, value)| (*name, value.as_bytes())), &key)
        };
        assert_eq!(check(101, None), Ok(()));
        assert_eq!(check(200, None), Err(HandshakeError::Status { found: 200 }));
        assert_eq!(check(101, Some((0, ("upgrade", "h2c")))), Err(HandshakeError::NoUpgrade));
        assert_eq!(check(101, Some((1, ("connection", "close")))), Err(HandshakeError::NoConnectionUpgrade));
        assert_eq!(check(101, Some((2, ("x", "y")))), Err(HandshakeError::Accept));
        let other = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=");
        assert_eq!(check(101, Some((2, other))), Err(HandshakeError::Accept));
        assert_eq!(check(101, Some((3, good[2]))), Err(HandshakeError::Accept));
        let deflate = ("Sec-WebSocket-Extensions", "permessage-deflate");
        assert_eq!(check(101, Some((3, deflate))), Err(HandshakeError::NotAskedFor));
        assert_eq!(
            check(101, Some((3, ("sec-websocket-protocol", "chat")))),
            Err(HandshakeError::NotAskedFor)
        );
    }
}
