//! Whom a trusted proxy says it speaks for: `Forwarded`, and its elders `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! ```text
//! X-Forwarded-For: 192.0.2.66, 203.0.113.9, 10.0.0.7        from 10.0.0.1
//!                  ▲           ▲            ▲                    ▲
//!                  anybody's   the client   trusted  ◀── read ── the TCP peer, trusted
//! ```
//! Each proxy adds behind what it was given whom it was given it by, so the lists are read from their right end, and the
//! first who is not trusted is the client: what stands to the left of it is that client's own word.
//!
//! Where a request has headers of both kinds, only what both say alike is believed: a proxy that writes one kind hands
//! on what its client wrote of the other.
//!
//! Spec: RFC 7239, sections 4 to 6.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::proxies::TrustedProxies;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Proxies behind one another that are followed. Who names more is not believed at all.
const MAX_HOPS: usize = 32;

/// What is known of a request's sender, beyond the connection that it came over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Said {
    /// The client's address; its port is 0 where nobody says it.
    pub(crate) address: Option<SocketAddr>,
    /// Whether the client speaks TLS.
    pub(crate) secure: Option<bool>,
    /// The host that the client asked for.
    pub(crate) host: Option<String>,
}

impl Said {
    /// What both say.
    fn and(self, other: Said) -> Said {
        let same = |ours: &SocketAddr| other.address.is_some_and(|theirs| theirs.ip() == ours.ip());
        Said {
            address: self.address.filter(same),
            secure: self.secure.filter(|secure| other.secure == Some(*secure)),
            host: self.host.filter(|host| other.host.as_ref() == Some(host)),
        }
    }
}

/// What the headers say, if `peer`, from whom they came, is one of `proxies`; else nothing. Nor do they where they are
/// malformed up to where the client should be.
pub(crate) fn said(proxies: &TrustedProxies, peer: Option<SocketAddr>, headers: &HeaderMap) -> Said {
    if !peer.is_some_and(|peer| proxies.contains(peer.ip())) {
        return Said::default();
    }
    let newer = headers.contains_key(FORWARDED).then(|| forwarded(proxies, headers));
    let has_older = [FOR, PROTO, HOST].iter().any(|name| headers.contains_key(name));
    let older = has_older.then(|| x_forwarded(proxies, headers));
    match (newer, older) {
        (Some(newer), Some(older)) => newer.and(older),
        (one, other) => one.or(other).unwrap_or_default(),
    }
}

/// By RFC 7239. The element that names the client was written by the proxy that the client spoke to, and so is what it
/// says of protocol and host.
fn forwarded(proxies: &TrustedProxies, headers: &HeaderMap) -> Said {
    let lines = headers.get_all(FORWARDED).iter().rev();
    let elements = lines.flat_map(|line| FromRight(Some(line.as_bytes())));
    let mut said = Said::default();
    for (before, element) in elements.filter(|element| !element.is_empty()).enumerate() {
        let Some(hop) = Hop::parse(element).filter(|_| before < MAX_HOPS) else { return Said::default() };
        said = Said { address: hop.node.as_deref().and_then(address), secure: hop.secure, host: hop.host };
        if !said.address.is_some_and(|address| proxies.contains(address.ip())) {
            break;
        }
    }
    said
}

/// By custom. Of protocols and hosts there may be as many as of addresses, or fewer where not every proxy adds one.
fn x_forwarded(proxies: &TrustedProxies, headers: &HeaderMap) -> Said {
    let mut said = Said::default();
    let mut client = 0;
    for (before, node) in listed(headers, &FOR).enumerate() {
        if before == MAX_HOPS {
            return Said::default();
        }
        client = before;
        said.address = address(node);
        if !said.address.is_some_and(|address| proxies.contains(address.ip())) {
            break;
        }
    }
    said.secure = listed(headers, &PROTO).take(client + 1).last().and_then(is_secure);
    said.host = listed(headers, &HOST).take(client + 1).last().map(str::to_owned);
    said
}

/// The values of a list, from the right. One that is no text is no value of it.
fn listed<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    let values = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    values.map(str::trim).filter(|value| !value.is_empty())
}

/// Elements of a list, from the right: commas in quotes separate nothing. Nobody's element can hide those that were
/// written behind it, whatever quotes it leaves open.
struct FromRight<'h>(Option<&'h [u8]>);

impl<'h> Iterator for FromRight<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let rest = self.0.take()?;
        let mut quoted = false;
        let mut at = rest.len();
        while at > 0 {
            at -= 1;
            match rest[at] {
                b'"' => {
                    // Behind an odd number of backslashes it is a part of the text.
                    let slashes = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                    quoted ^= slashes % 2 == 0;
                    at -= slashes;
                }
                b',' if !quoted => {
                    self.0 = Some(&rest[..at]);
                    return Some(rest[at + 1..].trim_ascii());
                }
                _ => {}
            }
        }
        Some(rest.trim_ascii())
    }
}

/// One element of `Forwarded`.
#[derive(Debug, Default, Eq, PartialEq)]
struct Hop<'h> {
    node: Option<Cow<'h, str>>,
    secure: Option<bool>,
    host: Option<String>,
}

impl<'h> Hop<'h> {
    /// Pairs with semicolons between them; each name at most once.
    fn parse(element: &'h [u8]) -> Option<Hop<'h>> {
        let mut rest = std::str::from_utf8(element).ok()?;
        let mut hop = Hop::default();
        let mut seen = [false; 3];
        loop {
            rest = rest.trim_start_matches([';', ' ', '\t']);
            if rest.is_empty() {
                return Some(hop);
            }
            let (name, behind) = rest.split_once('=')?;
            let (value, behind) = value(behind)?;
            let place = ["for", "proto", "host"].iter().position(|known| name.eq_ignore_ascii_case(known));
            if place.is_some_and(|place| std::mem::replace(&mut seen[place], true)) {
                return None;
            }
            match place {
                Some(0) => hop.node = Some(value),
                Some(1) => hop.secure = is_secure(&value),
                Some(2) => hop.host = Some(value.into_owned()),
                _ => {}
            }
            rest = behind.trim_start();
            if !rest.is_empty() && !rest.starts_with(';') {
                return None;
            }
        }
    }
}

/// A value, in quotes or not, and what stands behind it. Without quotes some write what a token must not hold, such as a
/// colon.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (Cow::Borrowed(&text[..end]), &text[end..]));
    };
    let mut plain = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(plain), &quoted[at + 1..])),
            '\\' => plain.push(characters.next()?.1),
            _ => plain.push(character),
        }
    }
    None
}

/// The address of a node, if it names one: `unknown`, and names that hide one, do not.
fn address(node: &str) -> Option<SocketAddr> {
    let (ip, port): (IpAddr, _) = if let Some(literal) = node.strip_prefix('[') {
        let (ip, port) = literal.split_once(']')?;
        (ip.parse::<Ipv6Addr>().ok()?.into(), port)
    } else if let Ok(ip) = node.parse() {
        (ip, "")
    } else {
        let colon = node.find(':')?;
        (node[..colon].parse::<Ipv4Addr>().ok()?.into(), &node[colon..])
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => 0,
        // A port may be hidden, too.
        Some(hidden) if hidden.starts_with('_') => 0,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

fn is_secure(proto: &str) -> Option<bool> {
    let is = |names: [&str; 2]| names.iter().any(|name| proto.eq_ignore_ascii_case(name));
    if is(["https", "wss"]) { Some(true) } else { is(["http", "ws"]).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to 10.0.0.1 and its like, who are trusted, in these headers.
    fn heard(lines: &[(&str, &str)]) -> Said {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let proxies = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]).expect("prefixes");
        let peer = "10.0.0.1:4711".parse().expect("an address");
        for stranger in [None, Some("11.0.0.1:1".parse().expect("an address"))] {
            assert_eq!(said(&proxies, stranger, &headers), Said::default(), "said by no proxy of ours");
        }
        assert_eq!(said(&TrustedProxies::default(), Some(peer), &headers), Said::default());
        said(&proxies, Some(peer), &headers)
    }

    fn client(lines: &[(&str, &str)]) -> Option<String> {
        heard(lines).address.map(|address| address.to_string())
    }

    #[test]
    fn the_first_from_the_right_who_is_not_trusted_is_the_client() {
        for (value, expected) in [
            ("203.0.113.9", Some("203.0.113.9:0")),
            ("203.0.113.9:81", Some("203.0.113.9:81")),
            ("192.0.2.66, 203.0.113.9", Some("203.0.113.9:0")),
            ("192.0.2.66,203.0.113.9 ,10.2.2.2,\t10.0.0.3", Some("203.0.113.9:0")),
            ("2001:db8::7", Some("[2001:db8::7]:0")),
            ("[2001:db8::7]", Some("[2001:db8::7]:0")),
            ("[2001:db8::7]:443, fd00::1", Some("[2001:db8::7]:443")),
            ("::ffff:203.0.113.9", Some("203.0.113.9:0")),
            ("203.0.113.9, ::ffff:10.0.0.3", Some("203.0.113.9:0")),
            // All of them are trusted: then it is the one farthest away.
            ("10.9.9.9, 10.2.2.2", Some("10.9.9.9:0")),
            // What a client wrote itself is of no concern, whatever it is.
            ("garbage\", 203.0.113.9", Some("203.0.113.9:0")),
            (",,, ,203.0.113.9,", Some("203.0.113.9:0")),
            // Malformed where the client should be.
            ("unknown", None),
            ("203.0.113.9, unknown, 10.0.0.2", None),
            ("203.0.113.9.1", None),
            ("203.0.113.9:", None),
            ("203.0.113.9:+1", None),
            ("203.0.113.9:65536", None),
            ("203.0.113.256", None),
            ("[203.0.113.9]", None),
            ("[2001:db8::7", None),
            ("[2001:db8::7]x", None),
            ("fe80::1%eth0", None),
            ("\"203.0.113.9\"", None),
            ("203.0.113.9 10.0.0.1", None),
            ("é", None),
            ("", None),
            (",", None),
        ] {
            assert_eq!(client(&[("x-forwarded-for", value)]).as_deref(), expected, "{value}");
        }
        let lines = [("x-forwarded-for", "192.0.2.66, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(client(&lines).as_deref(), Some("203.0.113.9:0"), "lines are one list");
    }

    #[test]
    fn elements_of_forwarded_are_read_as_the_standard_writes_them() {
        for (value, address, secure, host) in [
            ("for=203.0.113.9", Some("203.0.113.9:0"), None, None),
            ("For=\"[2001:db8::7]:4711\";PROTO=https", Some("[2001:db8::7]:4711"), Some(true), None),
            (
                "for=203.0.113.9;proto=http;by=10.0.0.1;host=a.example",
                Some("203.0.113.9:0"),
                Some(false),
                Some("a.example"),
            ),
            (
                "host=\"a.example:8080\" ; for=203.0.113.9",
                Some("203.0.113.9:0"),
                None,
                Some("a.example:8080"),
            ),
            ("for=203.0.113.9:80;host=a.example:81", Some("203.0.113.9:80"), None, Some("a.example:81")),
            ("for=\"203.0.113.9:_hidden\";;secret=\"a,b;c\\\"d\"", Some("203.0.113.9:0"), None, None),
            ("for=192.0.2.66;proto=https;host=evil, for=203.0.113.9", Some("203.0.113.9:0"), None, None),
            ("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", Some("203.0.113.9:0"), Some(true), None),
            // Quotes that a client left open hide nothing of what stands behind them.
            ("for=\", for=203.0.113.9", Some("203.0.113.9:0"), None, None),
            ("for=\"\\, for=203.0.113.9;host=\"a\\\"b\"", Some("203.0.113.9:0"), None, Some("a\"b")),
            ("for=\"a\\\\\", for=203.0.113.9", Some("203.0.113.9:0"), None, None),
            // Who hides its client may still tell the rest.
            ("for=unknown;proto=https", None, Some(true), None),
            ("for=_7;host=a.example, for=10.0.0.2", None, None, Some("a.example")),
            ("proto=https", None, Some(true), None),
            // Malformed up to the client: nothing is believed.
            ("for=203.0.113.9;proto=https;x", None, None, None),
            ("for=203.0.113.9;for=203.0.113.8", None, None, None),
            ("for=\"203.0.113.9\"x;proto=https", None, None, None),
            ("for=\"203.0.113.9", None, None, None),
            ("for=;proto=https", None, None, None),
            ("203.0.113.9", None, None, None),
            ("for=x, for=10.0.0.2;proto", None, None, None),
            ("", None, None, None),
            (";", None, None, None),
        ] {
            let heard = heard(&[("forwarded", value)]);
            let told = (heard.address.map(|address| address.to_string()), heard.secure, heard.host);
            assert_eq!(told, (address.map(str::to_owned), secure, host.map(str::to_owned)), "{value}");
        }
    }

    #[test]
    fn protocol_and_host_are_those_that_the_client_used() {
        let told = |lines: &[(&str, &str)]| {
            let heard = heard(lines);
            (heard.secure, heard.host)
        };
        let two = ("x-forwarded-for", "203.0.113.9, 10.0.0.2");
        assert_eq!(told(&[two, ("x-forwarded-proto", "https, http")]), (Some(true), None));
        assert_eq!(told(&[two, ("x-forwarded-proto", "http, https, http")]), (Some(true), None));
        assert_eq!(told(&[two, ("x-forwarded-proto", "WSS")]), (Some(true), None));
        assert_eq!(told(&[two, ("x-forwarded-host", "a.example")]), (None, Some("a.example".to_owned())));
        let one = ("x-forwarded-for", "203.0.113.9");
        assert_eq!(told(&[one, ("x-forwarded-proto", "https, http")]), (Some(false), None));
        assert_eq!(told(&[one, ("x-forwarded-proto", "gopher")]), (None, None));
        assert_eq!(told(&[("x-forwarded-proto", "https")]), (Some(true), None));
        assert_eq!(told(&[("x-forwarded-host", "evil, a.example")]).1.as_deref(), Some("a.example"));
    }

    #[test]
    fn of_both_kinds_only_what_they_agree_on_is_believed() {
        let forwarded = ("forwarded", "for=\"203.0.113.9:1\";proto=https;host=a.example");
        let agreed = heard(&[
            forwarded,
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.example"),
        ]);
        assert_eq!(agreed, heard(&[forwarded]));
        let spoofed = heard(&[forwarded, ("x-forwarded-for", "203.0.113.8")]);
        assert_eq!(spoofed, Said::default());
        let spoofed = heard(&[("forwarded", "for=x"), ("x-forwarded-for", "203.0.113.8")]);
        assert_eq!(spoofed, Said::default());
        let spoofed = heard(&[forwarded, ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "http")]);
        assert_eq!((spoofed.secure, spoofed.host), (None, None));
    }

    #[test]
    fn who_names_proxies_without_end_is_not_believed() {
        let chain = |hop: &str, length: usize| format!("{}{hop}", format!("{hop}, ").repeat(length - 1));
        assert_eq!(client(&[("x-forwarded-for", &chain("10.0.0.2", 32))]).as_deref(), Some("10.0.0.2:0"));
        assert_eq!(client(&[("x-forwarded-for", &chain("10.0.0.2", 33))]), None);
        assert_eq!(client(&[("forwarded", &chain("for=10.0.0.2", 32))]).as_deref(), Some("10.0.0.2:0"));
        assert_eq!(client(&[("forwarded", &chain("for=10.0.0.2", 33))]), None);
    }

    #[test]
    fn hostile_lists_cost_no_more_than_their_length() {
        for hostile in ["\"", "\\", "\\\"", ",", ";", "=", "a=b;", "for=\"", ",\"", "a=\"\\\\\";", "["] {
            let long = hostile.repeat(60_000 / hostile.len());
            for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] {
                assert_eq!(heard(&[(name, &long)]).address, None, "{hostile}");
            }
            let behind = format!("{long}, for=203.0.113.9");
            assert_eq!(client(&[("forwarded", &behind)]).as_deref(), Some("203.0.113.9:0"), "{hostile}");
        }
    }
}
