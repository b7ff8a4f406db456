//! Which requests of foreign pages are refused, and which origins are a server's own.
//!
//! A page of another origin can have a browser send requests here, and open WebSockets, with the cookies that a user
//! has of this place. That it cannot read the answers ([`Cors`](crate::options::Cors)) does not keep it from a WebSocket,
//! nor from what a POST does.
//!
//! Spec: RFC 6454, sections 4 and 7; the Fetch standard, "Origin header"; RFC 6455, section 10.2.

use std::net::Ipv6Addr;

/// Which requests are refused for their `Origin`: 403 and code 4, over every transport, of new sessions and of those that
/// there are.
///
/// An origin is foreign unless it is
/// - the request's own host (`Host`, `:authority`), the port included, which is the scheme's where none is named;
/// - the host that a proxy of [`trusted_proxies`](crate::options::Options::trusted_proxies) says it was asked for;
/// - named by [`Cors::origin`](crate::options::Cors::origin): the one, one of the list, or one that fits. `Any` and
///   `Mirror` name nobody: they let in what carries no credentials, and everything with
///   [`Cors::credentials`](crate::options::Cors::credentials), which says that any page may send some.
///
/// Several `Origin` fields in one request, `null` and what else is no origin are foreign. A request without `Origin` is
/// served: browsers send it with every WebSocket and every request that crosses origins, but scripts' and forms'.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Origins {
    /// Requests of foreign origins are refused.
    Strict,
    /// They are refused when they carry credentials that a browser adds by itself: a `Cookie` or an `Authorization`.
    #[default]
    Credentials,
    /// None is refused: as the reference.
    Any,
}

impl Origins {
    /// Whether a request with an `Origin`, with credentials or without, is to be looked at.
    pub(crate) fn looks_at(self, has_credentials: bool) -> bool {
        match self {
            Origins::Strict => true,
            Origins::Credentials => has_credentials,
            Origins::Any => false,
        }
    }
}

/// Whether `origin` is that of pages of `host`, which is as in `Host`. The scheme says nothing but the port that is meant
/// where none is named: TLS may end in front of us.
pub(crate) fn is_origin_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is = |names: [&str; 2]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name));
    // `ws` is no page's: clients that are no browsers say it of the address that they connect to.
    let port = match () {
        () if is(["https", "wss"]) => 443,
        () if is(["http", "ws"]) => 80,
        () => return false,
    };
    let origin = Place::parse(authority, port);
    origin.is_some() && origin == Place::parse(host, port)
}

/// `origin` as browsers write it, in lower case and without the port that its scheme means; `None` when it is none that a page
/// could have, as with a path, a `/` at the end or a `*`.
pub(crate) fn normal_origin(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    let (scheme, authority) = origin.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_lowercase()) || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => 0,
    };
    // Browsers write no `*`, which a name may have elsewhere.
    let place = Place::parse(authority, port).filter(|_| !authority.contains('*'))?;
    let host = match place.host {
        Host::Ipv6(ip) => format!("[{ip}]"),
        Host::Name(name) => name,
    };
    Some(if place.port == port {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{}", place.port)
    })
}

/// A host and a port, in the one way of writing them.
#[derive(Eq, PartialEq)]
struct Place {
    host: Host,
    port: u16,
}

#[derive(Eq, PartialEq)]
enum Host {
    Ipv6(Ipv6Addr),
    Name(String),
}

impl Place {
    fn parse(authority: &str, default: u16) -> Option<Place> {
        let (host, port) = if let Some(literal) = authority.strip_prefix('[') {
            let (ip, port) = literal.split_once(']')?;
            (Host::Ipv6(ip.parse().ok()?), port)
        } else {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            // A dot at the end says that the name is whole; some proxies leave it out.
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_name) {
                return None;
            }
            (Host::Name(name.to_ascii_lowercase()), port)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => default,
            Some("") => default,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            _ => return None,
        };
        Some(Place { host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_host_have_its_name_and_its_port() {
        for (origin, host) in [
            ("https://example.org", "example.org"),
            ("https://example.org", "example.org:443"),
            ("https://example.org:443", "example.org"),
            ("http://example.org", "example.org:80"),
            ("http://example.org", "example.org:"),
            ("https://example.org:8443", "example.org:8443"),
            ("HTTPS://Example.ORG", "eXample.org"),
            ("https://example.org.", "example.org"),
            ("https://example.org", "example.org.:443"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
            ("http://[::1]", "[0:0:0:0:0:0:0:1]:80"),
            ("https://[2001:DB8::7]", "[2001:db8:0::7]"),
            ("https://xn--bcher-kva.example", "XN--BCHER-KVA.example"),
            // Clients that are no browsers.
            ("wss://example.org", "example.org"),
            ("ws://example.org:3000", "example.org:3000"),
        ] {
            assert!(is_origin_of(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn an_origin_is_written_in_one_way_and_what_is_none_is_told() {
        for (written, normal) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM:443", "https://example.com"),
            ("http://example.com:3000", "http://example.com:3000"),
            ("https://example.com:80", "https://example.com:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ] {
            assert_eq!(normal_origin(written).as_deref(), Some(normal), "{written}");
        }
        for none in [
            "",
            "*",
            "null",
            "example.com",
            "//example.com",
            "https://",
            "https://example.com/",
            "https://example.com/path",
            "https://*.example.com",
            "https://example.com:port",
            "https://me@example.com",
            "https://a b",
            "1://example.com",
        ] {
            assert_eq!(normal_origin(none), None, "{none}");
        }
    }

    #[test]
    fn all_else_is_foreign_to_it() {
        for (origin, host) in [
            ("https://evil.example", "example.org"),
            ("https://example.org.evil.example", "example.org"),
            ("https://evil-example.org", "example.org"),
            ("https://sub.example.org", "example.org"),
            ("https://example.org", "sub.example.org"),
            ("https://example.org:444", "example.org"),
            ("https://example.org", "example.org:80"),
            ("http://example.org", "example.org:443"),
            ("http://localhost:5173", "localhost:3000"),
            ("http://localhost", "127.0.0.1"),
            ("http://[::1]", "[::2]"),
            ("http://[::1]", "::1"),
            ("http://::1", "::1"),
            ("http://[::1", "[::1"),
            ("http://[::1]x", "[::1]x"),
            ("http://[fe80::1%25eth0]", "[fe80::1%25eth0]"),
            ("https://example.org..", "example.org"),
            ("https://.", "."),
            ("https://", ""),
            ("https://:443", ":443"),
            ("null", "null"),
            ("", ""),
            ("example.org", "example.org"),
            ("//example.org", "example.org"),
            ("https:example.org", "example.org"),
            ("file://", ""),
            ("file://example.org", "example.org"),
            ("chrome-extension://example.org", "example.org"),
            ("https://example.org/", "example.org"),
            ("https://example.org/path", "example.org"),
            ("https://user@example.org", "example.org"),
            ("https://user@example.org", "user@example.org"),
            ("https://evil.example https://example.org", "example.org"),
            ("https://example.org https://evil.example", "example.org"),
            ("https://example.org, https://evil.example", "example.org"),
            ("https://example.org", "example.org, evil.example"),
            ("https://example.org:+443", "example.org"),
            ("https://example.org:443x", "example.org"),
            ("https://example.org:65979", "example.org"),
            ("https://example.org", "example.org:443:443"),
            ("https://example.org\t", "example.org"),
            ("https://bücher.example", "bücher.example"),
        ] {
            assert!(!is_origin_of(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn long_ones_are_read_once() {
        let long = "a".repeat(60_000);
        assert!(is_origin_of(&format!("https://{long}"), &long));
        assert!(!is_origin_of(&"://".repeat(20_000), &":".repeat(60_000)));
    }
}
