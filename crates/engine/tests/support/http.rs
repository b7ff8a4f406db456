//! HTTP by hand: what goes over the wire is what the test says.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer, as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The session's id in an open packet.
    pub(crate) fn sid(&self) -> String {
        let text = self.text();
        let (_, rest) = text.split_once("\"sid\":\"").unwrap_or_else(|| panic!("no open packet: {text}"));
        rest[..20].to_owned()
    }
}

/// A connection, kept alive.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.expect("a server that listens");
        stream.set_nodelay(true).expect("a living stream");
        Client { stream, buffer: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("a server that reads");
    }

    pub(crate) async fn request(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        let length =
            if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n");
        self.write([head.as_bytes(), body].concat()).await;
        self.answer().await
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "", b"").await
    }

    pub(crate) async fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", target, "", body.as_ref()).await
    }

    /// Reads more; says whether there was any.
    pub(crate) async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.buffer));
        let length = read.await.expect("an answer within ten seconds");
        length.is_ok_and(|length| length > 0)
    }

    /// Whether the server ended the connection, with nothing more to read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.read().await
    }

    pub(crate) async fn head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if !self.read().await {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Answer { status, headers, body: Vec::new() })
    }

    pub(crate) async fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().expect("a length");
            while self.buffer.len() < length {
                if !self.read().await {
                    return None;
                }
            }
            answer.body = self.buffer.drain(..length).collect();
        } else if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                answer.body.extend(chunk);
            }
        }
        Some(answer)
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("an answer")
    }

    /// The next chunk of a chunked body; none at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(line) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                break line;
            }
            if !self.read().await {
                return None;
            }
        };
        let length = std::str::from_utf8(&self.buffer[..line]).expect("a chunk's size");
        let length = usize::from_str_radix(length, 16).expect("a chunk's size");
        while self.buffer.len() < line + 2 + length + 2 {
            if !self.read().await {
                return None;
            }
        }
        let chunk: Vec<u8> = self.buffer.drain(..line + 2 + length + 2).collect();
        (length > 0).then(|| chunk[line + 2..line + 2 + length].to_vec())
    }
}

/// One request on a connection of its own.
pub(crate) async fn once(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    Client::connect(address).await.request(method, target, headers, body).await
}

pub(crate) const POLLING: &str = "/engine.io/?EIO=4&transport=polling";
