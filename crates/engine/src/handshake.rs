//! The request that opened a session, kept small.
//!
//! It stays for as long as the session, so it is one block of memory: its target, then each header. Common
//! names are a number there, and the headers that only made the connection a WebSocket are left out.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, Method, Version, header, header::HeaderMap, request};
use triomphe::ThinArc;

/// What the first request of a session said. A handle of 8 bytes, cheap to clone.
///
/// All headers are there, in their order, but `Connection`, `Upgrade` and the `Sec-WebSocket-…` ones that
/// concern this connection alone (not `Sec-WebSocket-Protocol`). Of a request of more than 16 KiB, the headers that no
/// longer fit are missing; a target that long is cut.
#[derive(Clone)]
pub struct Handshake(ThinArc<Head, u8>);

const _: () = assert!(size_of::<Option<Handshake>>() == 8);

/// What is known beside the text.
struct Head {
    /// As IPv6; an IPv4 address is mapped.
    ip: [u8; 16],
    /// Since 1970.
    microseconds: u64,
    /// Bytes of the target.
    target: u32,
    port: u16,
    has_address: bool,
    secure: bool,
}

/// Headers that browsers and proxies send. The number of a name is its place here, from 1; only append.
static COMMON: [HeaderName; 20] = [
    header::HOST,
    header::USER_AGENT,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::COOKIE,
    header::ORIGIN,
    header::REFERER,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::DNT,
    header::FORWARDED,
    header::VIA,
    header::UPGRADE_INSECURE_REQUESTS,
    header::SEC_WEBSOCKET_PROTOCOL,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Bytes that are kept of one request: a session must not cost what its peer likes. With what stands in front of them they
/// take 14 KiB, the largest block of which jemalloc gives no more: from 16 KiB on it begins them anywhere in a page, and so
/// takes one page more.
const LIMIT: usize = 14 * 1024 - 64;

/// Headers that say nothing once the connection stands.
const LEFT_OUT: [HeaderName; 5] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_EXTENSIONS,
];

impl Handshake {
    /// Copies what matters of a request.
    #[must_use]
    pub fn new(
        parts: &request::Parts,
        address: Option<SocketAddr>,
        secure: bool,
        time: SystemTime,
    ) -> Handshake {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = &target[..target.floor_char_boundary(LIMIT)];
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(target.as_bytes());
        for (name, value) in parts.headers.iter().filter(|(name, _)| !LEFT_OUT.contains(name)) {
            if bytes.len() + name.as_str().len() + value.len() + 5 > LIMIT {
                continue;
            }
            match COMMON.iter().position(|common| common == name) {
                Some(place) => bytes.push(place as u8 + 1),
                None => {
                    bytes.push(0);
                    push(&mut bytes, name.as_str().as_bytes());
                }
            }
            push(&mut bytes, value.as_bytes());
        }
        let ip = match address.map(|address| address.ip()) {
            Some(IpAddr::V4(ip)) => ip.to_ipv6_mapped(),
            Some(IpAddr::V6(ip)) => ip,
            None => Ipv6Addr::UNSPECIFIED,
        };
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = Head {
            ip: ip.octets(),
            microseconds: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
            target: target.len() as u32,
            port: address.map_or(0, |address| address.port()),
            has_address: address.is_some(),
            secure,
        };
        Handshake(ThinArc::from_header_and_slice(head, &bytes))
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    /// The path and query, as they came.
    #[must_use]
    pub fn url(&self) -> &str {
        std::str::from_utf8(&self.0.slice[..self.head().target as usize]).unwrap_or("/")
    }

    /// The query, as it came; empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.url().split_once('?').map_or("", |(_, query)| query)
    }

    /// The value of the first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.pairs().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    /// The headers, in the order in which they came.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.pairs() {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        headers
    }

    /// The address of the TCP peer, where the server knows it; or that of the client, if the peer is one of the
    /// [trusted proxies](crate::options::Options::trusted_proxies) and says it. Its port is 0 where the proxy does not.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let head = self.head();
        let ip = Ipv6Addr::from(head.ip);
        let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
        head.has_address.then(|| SocketAddr::new(ip, head.port))
    }

    /// When it came, to the microsecond.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.head().microseconds)
    }

    /// Whether it came over TLS, as far as this process sees, or as a trusted proxy says.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.head().secure
    }

    /// The request's parts, built anew: method, target and headers, for code that wants `http` types.
    #[must_use]
    pub fn parts(&self) -> request::Parts {
        let mut request = http::Request::new(());
        *request.method_mut() = Method::GET;
        *request.version_mut() = Version::HTTP_11;
        if let Ok(uri) = self.url().parse() {
            *request.uri_mut() = uri;
        }
        *request.headers_mut() = self.headers();
        request.into_parts().0
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.0.slice[self.head().target as usize..];
        std::iter::from_fn(move || {
            let (place, after) = rest.split_first()?;
            rest = after;
            let name = match usize::from(*place).checked_sub(1) {
                Some(place) => COMMON.get(place)?.as_str().as_bytes(),
                None => pull(&mut rest)?,
            };
            Some((name, pull(&mut rest)?))
        })
    }
}

/// Appends a part with its length in front.
fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    let part = &part[..part.len().min(usize::from(u16::MAX))];
    bytes.extend_from_slice(&(part.len() as u16).to_le_bytes());
    bytes.extend_from_slice(part);
}

/// Takes the next part off.
fn pull<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (part, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *rest = after;
    Some(part)
}

impl fmt::Debug for Handshake {
    /// Without headers and query, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url().split('?').next().unwrap_or_default();
        f.debug_struct("Handshake")
            .field("path", &path)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_gives_back_what_the_request_said() {
        let request = http::Request::builder()
            .uri("/socket.io/?EIO=4&a=b%20c")
            .header("host", "example.org")
            .header("cookie", "a=1")
            .header("x-of-mine", "1")
            .header("cookie", "b=2")
            .body(())
            .expect("a request");
        let (parts, ()) = request.into_parts();
        for address in [None, Some("127.0.0.1:80"), Some("[2001:db8::1]:443")] {
            let address = address.map(|address| address.parse().expect("an address"));
            let handshake = Handshake::new(&parts, address, true, UNIX_EPOCH + Duration::from_secs(7));
            assert_eq!(handshake.url(), "/socket.io/?EIO=4&a=b%20c");
            assert_eq!(handshake.query(), "EIO=4&a=b%20c");
            assert_eq!(handshake.headers(), parts.headers);
            assert_eq!(handshake.header("host"), Some(&b"example.org"[..]));
            assert_eq!(handshake.header("x-of-mine"), Some(&b"1"[..]));
            assert_eq!(handshake.parts().uri, parts.uri);
            assert_eq!(handshake.address(), address);
            assert_eq!(handshake.time(), UNIX_EPOCH + Duration::from_secs(7));
            assert!(handshake.is_secure());
        }
    }

    #[test]
    fn a_long_request_keeps_no_more_than_the_limit() {
        let long = "x".repeat(30_000);
        let request = http::Request::builder()
            .uri(format!("/?{long}"))
            .header("x-long", &long)
            .header("host", "example.org")
            .body(())
            .expect("a request");
        let handshake = Handshake::new(&request.into_parts().0, None, false, UNIX_EPOCH);
        assert!(handshake.0.slice.len() <= LIMIT);
        let whole = size_of_val(&*handshake.0) + size_of::<usize>();
        assert!(whole <= 14 * 1024, "{whole} bytes, with the count of its owners");
        let request =
            http::Request::builder().header("x-long", &long).header("host", "a").body(()).expect("a request");
        let handshake = Handshake::new(&request.into_parts().0, None, false, UNIX_EPOCH);
        assert_eq!(handshake.headers().keys().collect::<Vec<_>>(), [&header::HOST]);
    }

    #[test]
    fn what_made_the_connection_a_websocket_is_left_out() {
        let request = http::Request::builder()
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "token.abc")
            .body(())
            .expect("a request");
        let handshake = Handshake::new(&request.into_parts().0, None, false, UNIX_EPOCH);
        assert_eq!(handshake.headers().keys().collect::<Vec<_>>(), [&header::SEC_WEBSOCKET_PROTOCOL]);
    }
}
