//! The PROXY protocol: what balancers of TCP write in front of a connection, to say whose it is.
//!
//! ```text
//! PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n                    version 1: text, 107 bytes at most
//! \r\n\r\n\0\r\nQUIT\n · version, command · family · length · …     version 2: 16 bytes, and as many as it says
//! ```
//! No byte behind the header is read: that is the first request's. The header's extensions are read and not looked at.
//!
//! Decoded here, since the exact framing is most of the work, and crates that decode want to have read too much already.
//!
//! Spec: "The PROXY protocol, versions 1 & 2", HAProxy.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What version 2 begins with. Version 1 is longer than this, too.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

const TEXT: &[u8] = b"PROXY ";

/// The longest header of version 1, as its authors count.
const MAX_TEXT: usize = 107;

/// The longest header of version 2 that is read, of the 64 KiB that it could have: no balancer sends half of this.
const MAX_BINARY: usize = 4096;

/// Why there is no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the connection begins with something else than a PROXY header")]
    Missing,
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the PROXY header is too long")]
    TooLong,
}

/// How far the bytes of a header go.
#[derive(Debug, Eq, PartialEq)]
enum Decoded {
    /// That many more belong to it for certain.
    Wants(usize),
    /// It is whole.
    Whole(Source),
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// A client's.
    Client(SocketAddr),
    /// The balancer's own, as for its health checks.
    Balancer,
    /// Somebody's whose address is none of TCP, or unknown. It is not the balancer who speaks: nothing is believed for that.
    Unknown,
}

/// Reads the header that `stream` begins with, and answers with the source that it names.
///
/// # Errors
/// Those of the stream, its end, and [`HeaderError`] as [`io::ErrorKind::InvalidData`].
pub(crate) async fn read_source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Source> {
    let mut header = Vec::with_capacity(128);
    loop {
        match decode(&header).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            Decoded::Whole(source) => return Ok(source),
            Decoded::Wants(more) => {
                let read = (&mut *stream).take(more as u64).read_buf(&mut header).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

fn decode(header: &[u8]) -> Result<Decoded, HeaderError> {
    if header.starts_with(TEXT) {
        return decode_text(header);
    }
    let signed = header.len().min(SIGNATURE.len());
    if header[..signed] == SIGNATURE[..signed] && !header.is_empty() {
        return decode_binary(header);
    }
    if TEXT.starts_with(header) {
        Ok(Decoded::Wants(TEXT.len() - header.len()))
    } else {
        Err(HeaderError::Missing)
    }
}

/// Version 1. Its end is not announced, so as much is asked for as its end has at least.
fn decode_text(header: &[u8]) -> Result<Decoded, HeaderError> {
    let line = header.strip_suffix(b"\r\n");
    if header.len() > MAX_TEXT || line.is_none() && header.len() == MAX_TEXT {
        return Err(HeaderError::TooLong);
    }
    let Some(line) = line else {
        let ends = header.ends_with(b"\r");
        return Ok(Decoded::Wants(if ends { 1 } else { 2 }));
    };
    let line = std::str::from_utf8(&line[TEXT.len()..]).map_err(|_| HeaderError::Malformed)?;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(Decoded::Whole(Source::Unknown));
    }
    source_of(line).map(|source| Decoded::Whole(Source::Client(source))).ok_or(HeaderError::Malformed)
}

/// Of `TCP4 source destination port port`, or of `TCP6`.
fn source_of(line: &str) -> Option<SocketAddr> {
    let mut words = line.split(' ');
    let family = words.next()?;
    let mut ip = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse().ok().map(|ip: Ipv4Addr| ip.into()),
            "TCP6" => word.parse().ok().map(|ip: Ipv6Addr| ip.into()),
            _ => None,
        }
    };
    let (source, _destination) = (ip()?, ip()?);
    let mut port = || -> Option<u16> {
        let word = words.next()?;
        word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
    };
    let (port, _destination) = (port()?, port()?);
    words.next().is_none().then(|| SocketAddr::new(source.to_canonical(), port))
}

/// Version 2.
fn decode_binary(header: &[u8]) -> Result<Decoded, HeaderError> {
    const FIXED: usize = SIGNATURE.len() + 4;
    let Some((fixed, rest)) = header.split_first_chunk::<FIXED>() else {
        return Ok(Decoded::Wants(FIXED - header.len()));
    };
    let (command, family) = (fixed[12], fixed[13]);
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    // Version 2; the balancer itself, as for its health checks, or on behalf of a client.
    if !matches!(command, 0x20 | 0x21) {
        return Err(HeaderError::Malformed);
    }
    if FIXED + length > MAX_BINARY {
        return Err(HeaderError::TooLong);
    }
    if rest.len() < length {
        return Ok(Decoded::Wants(length - rest.len()));
    }
    let source = match (command, family) {
        (0x20, _) => Source::Balancer,
        (_, 0x11) => {
            let addresses = rest.first_chunk::<12>().ok_or(HeaderError::Malformed)?;
            let ip: [u8; 4] = addresses[..4].try_into().expect("four bytes");
            Source::Client(SocketAddr::new(ip.into(), u16::from_be_bytes([addresses[8], addresses[9]])))
        }
        (_, 0x21) => {
            let addresses = rest.first_chunk::<36>().ok_or(HeaderError::Malformed)?;
            let ip: [u8; 16] = addresses[..16].try_into().expect("sixteen bytes");
            let ip = IpAddr::from(ip).to_canonical();
            Source::Client(SocketAddr::new(ip, u16::from_be_bytes([addresses[32], addresses[33]])))
        }
        // Unspecified, of datagrams, of Unix sockets: nothing that a TCP address could stand for.
        (_, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => Source::Unknown,
        _ => return Err(HeaderError::Malformed),
    };
    Ok(Decoded::Whole(source))
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use tokio::io::ReadBuf;

    use super::*;

    /// A stream that gives at most so many bytes at a time, and then ends.
    struct Dripping<'b> {
        bytes: &'b [u8],
        most: usize,
    }

    impl AsyncRead for Dripping<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let (now, later) = self.bytes.split_at(self.most.min(buffer.remaining()).min(self.bytes.len()));
            buffer.put_slice(now);
            self.bytes = later;
            Poll::Ready(Ok(()))
        }
    }

    /// The source, and what is left on the stream, read in steps of `most`.
    fn read(bytes: &[u8], most: usize) -> (io::Result<Source>, Vec<u8>) {
        let mut stream = Dripping { bytes, most };
        let read = {
            let mut reading = pin!(read_source(&mut stream));
            match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(read) => read,
                Poll::Pending => panic!("the stream is always ready"),
            }
        };
        (read, stream.bytes.to_vec())
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("a short body").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    const V4: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb];

    fn v6() -> Vec<u8> {
        let (source, to): (Ipv6Addr, Ipv6Addr) =
            ("2001:db8::7".parse().expect("an address"), Ipv6Addr::LOCALHOST);
        [&source.octets()[..], &to.octets(), &[0x12, 0x67, 1, 0xbb]].concat()
    }

    #[test]
    fn a_header_names_its_source_and_nothing_behind_it_is_read() {
        let extensions = [&V4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        let long = [&V4[..], &vec![0; MAX_BINARY - 16 - 12]].concat();
        let mapped = [&[0; 10][..], &[0xff; 2], &[203, 0, 113, 9], &[0; 16], &[0x12, 0x67, 1, 0xbb]].concat();
        let unknown = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_TEXT - 16)).into_bytes();
        assert_eq!(unknown.len(), MAX_TEXT);
        for (header, expected) in [
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n".to_vec(), "203.0.113.9:4711"),
            (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".to_vec(), "[2001:db8::7]:4711"),
            (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 443\r\n".to_vec(), "203.0.113.9:4711"),
            (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n".to_vec(), "0.0.0.0:0"),
            (b"PROXY UNKNOWN\r\n".to_vec(), "unknown"),
            (b"PROXY UNKNOWN \xff\r".iter().map(|byte| byte & 0x7f).chain(*b"\r\n").collect(), "unknown"),
            (unknown, "unknown"),
            (binary(0x21, 0x11, &V4), "203.0.113.9:4711"),
            (binary(0x21, 0x11, &extensions), "203.0.113.9:4711"),
            (binary(0x21, 0x11, &long), "203.0.113.9:4711"),
            (binary(0x21, 0x21, &v6()), "[2001:db8::7]:4711"),
            (binary(0x21, 0x21, &mapped), "203.0.113.9:4711"),
            (binary(0x20, 0x11, &V4), "balancer"),
            (binary(0x20, 0x00, &[]), "balancer"),
            (binary(0x20, 0xff, &[1, 2, 3]), "balancer"),
            (binary(0x21, 0x00, &[]), "unknown"),
            (binary(0x21, 0x12, &V4), "unknown"),
            (binary(0x21, 0x31, &[0; 216]), "unknown"),
        ] {
            for most in [1, 2, 7, usize::MAX] {
                let (source, left) = read(&[&header[..], b"GET / HTTP/1.1\r\n"].concat(), most);
                let source = match source.expect("a header") {
                    Source::Client(address) => address.to_string(),
                    Source::Balancer => "balancer".to_owned(),
                    Source::Unknown => "unknown".to_owned(),
                };
                assert_eq!(source, expected, "{}", header.escape_ascii());
                assert_eq!(left, b"GET / HTTP/1.1\r\n", "{}", header.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        let [over, long] = [1, MAX_TEXT]
            .map(|over| format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_TEXT - 16 + over)).into_bytes());
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], HeaderError::Missing),
            (b"PROXZ TCP4 203.0.113.9 192.0.2.1 4711 443\r\n", HeaderError::Missing),
            (b"proxy TCP4 203.0.113.9 192.0.2.1 4711 443\r\n", HeaderError::Missing),
            (b"\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0", HeaderError::Missing),
            (b"\r\nPROXY UNKNOWN\r\n", HeaderError::Missing),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443 1\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443 \r\n", HeaderError::Malformed),
            (b"PROXY TCP4  203.0.113.9 192.0.2.1 4711 443\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 +711 443\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 203.0.113.256 192.0.2.1 4711 443\r\n", HeaderError::Malformed),
            (b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n", HeaderError::Malformed),
            (b"PROXY TCP6 203.0.113.9 192.0.2.1 4711 443\r\n", HeaderError::Malformed),
            (b"PROXY UDP4 203.0.113.9 192.0.2.1 4711 443\r\n", HeaderError::Malformed),
            (b"PROXY UNKNOWNX\r\n", HeaderError::Malformed),
            (b"PROXY \r\n", HeaderError::Malformed),
            (b"PROXY TCP4 \xff\xff\r\n", HeaderError::Malformed),
            (&over, HeaderError::TooLong),
            (&long, HeaderError::TooLong),
            (&binary(0x11, 0x11, &V4), HeaderError::Malformed),
            (&binary(0x22, 0x11, &V4), HeaderError::Malformed),
            (&binary(0x21, 0x41, &V4), HeaderError::Malformed),
            (&binary(0x21, 0x13, &V4), HeaderError::Malformed),
            (&binary(0x21, 0x11, &V4[..11]), HeaderError::Malformed),
            (&binary(0x21, 0x21, &v6()[..35]), HeaderError::Malformed),
            (&binary(0x21, 0x11, &vec![0; MAX_BINARY - 15]), HeaderError::TooLong),
            (&binary(0x20, 0x00, &vec![0; 65_535]), HeaderError::TooLong),
        ] {
            for most in [1, usize::MAX] {
                let (read, _) = read(bytes, most);
                let error = read.expect_err("no header");
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                let expected = expected.to_string();
                assert_eq!(error.to_string(), expected, "{}", bytes[..bytes.len().min(60)].escape_ascii());
            }
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error() {
        for header in [binary(0x21, 0x11, &V4), b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n".to_vec()] {
            for end in 0..header.len() {
                let (read, _) = read(&header[..end], usize::MAX);
                assert_eq!(read.expect_err("half a header").kind(), io::ErrorKind::UnexpectedEof);
            }
        }
    }
}
