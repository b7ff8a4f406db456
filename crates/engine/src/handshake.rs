//! The request that opened a session, kept small.

use std::net::SocketAddr;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, Method, Version, header::HeaderMap, request};

/// What the first request of a session said.
///
/// It is kept in one block of the bytes that came (name and value of each header, and the target), and is
/// read back into a [`HeaderMap`] when somebody asks.
#[derive(Debug)]
pub struct Handshake {
    /// The target, then each header as length-prefixed name and value.
    bytes: Box<[u8]>,
    target: u32,
    address: Option<SocketAddr>,
    time: SystemTime,
    secure: bool,
}

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
        let pair = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
        let mut bytes = Vec::with_capacity(target.len() + parts.headers.iter().map(pair).sum::<usize>());
        bytes.extend_from_slice(target.as_bytes());
        for (name, value) in &parts.headers {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                let part = &part[..part.len().min(usize::from(u16::MAX))];
                bytes.extend_from_slice(&(part.len() as u16).to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        Handshake { target: target.len() as u32, bytes: bytes.into(), address, time, secure }
    }

    /// The path and query, as they came.
    #[must_use]
    pub fn url(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.target as usize]).unwrap_or("/")
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

    /// The address of the TCP peer, where the server knows it.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// When it came.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Whether it came over TLS, as far as this process sees.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
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
        let mut rest = &self.bytes[self.target as usize..];
        let mut part = move || {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (part, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            rest = after;
            Some(part)
        };
        std::iter::from_fn(move || Some((part()?, part()?)))
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
            .header("cookie", "b=2")
            .body(())
            .expect("a request");
        let (parts, ()) = request.into_parts();
        let handshake = Handshake::new(&parts, None, true, SystemTime::UNIX_EPOCH);
        assert_eq!(handshake.url(), "/socket.io/?EIO=4&a=b%20c");
        assert_eq!(handshake.query(), "EIO=4&a=b%20c");
        assert_eq!(handshake.headers(), parts.headers);
        assert_eq!(handshake.header("host"), Some(&b"example.org"[..]));
        assert_eq!(handshake.parts().uri, parts.uri);
    }
}
