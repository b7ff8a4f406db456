//! As much of HTTP/1.1 as a load needs: requests on a connection that is kept, and answers with a length.

use std::{io, ops::Range, str};

use tokio::net::TcpStream;

use crate::{error::LoadError, target::Target};

/// The longest head that an answer may have.
const MAX_HEAD: usize = 16 * 1_024;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head<'b> {
    /// The status code.
    pub(crate) status: u16,
    /// Bytes up to the body.
    pub(crate) size: usize,
    lines: &'b str,
}

impl<'b> Head<'b> {
    /// The head at the front of `bytes`, or `None` while it is not whole.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Option<Self>, LoadError> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            if bytes.len() > MAX_HEAD {
                return Err(LoadError::unexpected("the head of an answer", &String::from_utf8_lossy(bytes)));
            }
            return Ok(None);
        };
        let odd = || LoadError::unexpected("the head of an answer", &String::from_utf8_lossy(bytes));
        let text = str::from_utf8(&bytes[..end]).map_err(|_| odd())?;
        let (first, lines) = text.split_once("\r\n").unwrap_or((text, ""));
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(odd)?;
        Ok(Some(Self { status: status.parse().map_err(|_| odd())?, size: end + 4, lines }))
    }

    /// Names and values, in order.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        self.lines
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name, value.trim().as_bytes()))
    }

    /// How many bytes follow.
    fn content_length(&self) -> Option<usize> {
        let (_, value) = self.headers().find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
        str::from_utf8(value).ok()?.parse().ok()
    }
}

/// A connection that is kept from one request to the next.
#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    received: Vec<u8>,
    out: Vec<u8>,
}

impl Http {
    /// Opens one to `target`.
    pub(crate) async fn open(target: &Target) -> Result<Self, LoadError> {
        Ok(Self { stream: target.connect(None).await?, received: Vec::new(), out: Vec::new() })
    }

    /// Sends a GET.
    pub(crate) async fn get(&mut self, target: &Target, path: &str) -> Result<(), LoadError> {
        use io::Write;
        write!(self.out, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", target.address())?;
        self.flush().await
    }

    /// Sends a POST with a payload.
    pub(crate) async fn post(&mut self, target: &Target, path: &str, payload: &str) -> Result<(), LoadError> {
        use io::Write;
        write!(
            self.out,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{payload}",
            target.address(),
            payload.len()
        )?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), LoadError> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.try_write(&self.out[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        Ok(())
    }

    async fn read(&mut self) -> Result<(), LoadError> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.received) {
                Ok(0) => return Err(LoadError::Closed),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the answer to the oldest request; gives its body to `with`. It must be a 200 with a length.
    pub(crate) async fn answer<T>(&mut self, with: impl FnOnce(&str) -> T) -> Result<T, LoadError> {
        let body = loop {
            if let Some(body) = self.whole_body()? {
                break body;
            }
            self.read().await?;
        };
        let text = str::from_utf8(&self.received[body.clone()])
            .map_err(|_| LoadError::unexpected("text", &String::from_utf8_lossy(&self.received)))?;
        let result = with(text);
        self.received.drain(..body.end);
        Ok(result)
    }

    fn whole_body(&self) -> Result<Option<Range<usize>>, LoadError> {
        let Some(head) = Head::parse(&self.received)? else { return Ok(None) };
        let odd = || LoadError::unexpected("a 200 with a length", &String::from_utf8_lossy(&self.received));
        let length = head.content_length().ok_or_else(odd)?;
        let body = head.size..head.size + length;
        if self.received.len() < body.end {
            return Ok(None);
        }
        if head.status == 200 { Ok(Some(body)) } else { Err(odd()) }
    }

    /// Reads a stream that has no end until `wanted` finds something in all that came of it.
    pub(crate) async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, LoadError> {
        loop {
            let text = String::from_utf8_lossy(&self.received);
            if let Some(found) = wanted(&text) {
                return Ok(found);
            }
            if let Some(head) = Head::parse(&self.received)?
                && head.status != 200
            {
                return Err(LoadError::unexpected("a stream", &text));
            }
            self.read().await?;
        }
    }

    /// Forgets what came of a stream so far.
    pub(crate) fn forget(&mut self) {
        self.received = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn a_head_is_whole_at_its_empty_line() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok";
        for cut in 0..bytes.len() - 2 {
            assert!(Head::parse(&bytes[..cut]).expect("so far it is one").is_none());
        }
        let head = Head::parse(bytes).expect("it is one").expect("it is whole");
        assert_eq!((head.status, head.content_length()), (200, Some(2)));
        assert_eq!(&bytes[head.size..], b"ok");
    }

    #[test]
    fn what_is_no_head_is_an_error() {
        assert!(Head::parse(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(Head::parse(&[b'x'; 20_000]).is_err());
    }
}
