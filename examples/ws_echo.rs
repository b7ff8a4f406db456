//! `cargo run --release --example ws_echo -- --listen 127.0.0.1:9002`
//!
//! A WebSocket that says back whatever it hears: the codec alone, over a bare TCP listener, without Engine.IO and
//! without Socket.IO. With `--deflate` it agrees to compression (permessage-deflate), and says compressed back whatever
//! that makes shorter. It is what the Autobahn suite tests, so its limits are wide: messages of up to 64 MiB, in
//! any number of fragments. A server that strangers reach takes `Limits::default()`.

use std::{io, process::ExitCode, time::Duration};

use sockeye_websocket::{
    close::Close,
    decoder::{Decoded, Decoder, Role},
    deflate::Agreement,
    encode::{encode, encode_close},
    event::Event,
    extensions::{Negotiated, negotiate},
    handshake::{HandshakeError, VERSION, check_request},
    header::{COMPRESSED, OpCode},
    limits::Limits,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const DEFAULT_ADDRESS: &str = "127.0.0.1:9002";
const LIMITS: Limits = Limits { max_message: 64 << 20, max_fragments: usize::MAX };

/// The longest request head that is read, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How long a request head may take, and how long we wait for a peer to hang up after a close.
const PATIENCE: Duration = Duration::from_secs(10);
/// Room made for each read, and answers that are held back until the bytes at hand are decoded.
const BATCH: usize = 64 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (deflate, address) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, DEFAULT_ADDRESS),
        ["--deflate"] => (true, DEFAULT_ADDRESS),
        ["--listen", address] => (false, address),
        ["--deflate", "--listen", address] | ["--listen", address, "--deflate"] => (true, address),
        _ => {
            eprintln!("usage: ws_echo [--deflate] [--listen ADDRESS:PORT], by default {DEFAULT_ADDRESS}");
            return ExitCode::from(2);
        }
    };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("ws_echo cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("ws://{address} says back what it hears");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, deflate).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => {
                // Most likely too many open files: it passes when others leave, and until then must not spin.
                eprintln!("accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One connection, from its first byte to its last.
async fn serve(mut stream: TcpStream, deflate: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    let answer = match timeout(PATIENCE, read_head(&mut stream, &mut bytes)).await {
        Err(_) => return Ok(()), // too slow to be told
        Ok(Err(error)) => return Err(error),
        Ok(Ok(None)) => return Ok(()), // left without a request
        Ok(Ok(Some(head))) => answer(&head, deflate),
    };
    match answer {
        Ok((switching, agreement)) => {
            stream.write_all(switching.as_bytes()).await?;
            echo(&mut stream, bytes, agreement).await?;
        }
        Err(refusal) => stream.write_all(refusal.as_bytes()).await?,
    }
    hang_up(stream).await
}

/// Takes the request head off the front of what is read; the rest of `bytes` are frames already. `None` when
/// the peer leaves before the end of it; an empty head when it is too long.
async fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut searched: usize = 0;
    loop {
        let from = searched.saturating_sub(END.len() - 1);
        if let Some(at) = bytes[from..].windows(END.len()).position(|window| window == END) {
            let frames = bytes.split_off(from + at + END.len());
            return Ok(Some(std::mem::replace(bytes, frames)));
        }
        searched = bytes.len();
        if searched >= MAX_HEAD {
            return Ok(Some(Vec::new()));
        }
        bytes.reserve(4096);
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// The answer that opens the WebSocket and what it agrees to, or the one that refuses it.
fn answer(head: &[u8], deflate: bool) -> Result<(String, Option<Agreement>), String> {
    let refuse = |status: &str| {
        format!(
            "HTTP/1.1 {status}\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: {VERSION}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    if head.is_empty() {
        return Err(refuse("431 Request Header Fields Too Large"));
    }
    let (request_line, headers) = parse_head(head).ok_or_else(|| refuse("400 Bad Request"))?;
    match request_line.split(' ').collect::<Vec<_>>()[..] {
        ["GET", target, "HTTP/1.1"] if !target.is_empty() => {}
        [_, _, "HTTP/1.1"] => return Err(refuse("405 Method Not Allowed")),
        _ => return Err(refuse("400 Bad Request")),
    }
    let offers = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"));
    let offers = offers.filter(|_| deflate).map(|(_, value)| *value);
    let checked = check_request(headers.iter().copied()).and_then(|accept| Ok((accept, negotiate(offers)?)));
    let (accept, negotiated) = checked.map_err(|error| match error {
        HandshakeError::Version | HandshakeError::NoUpgrade => refuse("426 Upgrade Required"),
        _ => refuse("400 Bad Request"),
    })?;
    let (extensions, agreement) = match negotiated {
        Some(Negotiated { agreement, answer }) => {
            (format!("Sec-WebSocket-Extensions: {answer}\r\n"), Some(agreement))
        }
        None => (String::new(), None),
    };
    let switching = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{extensions}\r\n",
        String::from_utf8_lossy(&accept)
    );
    Ok((switching, agreement))
}

type Header<'h> = (&'h str, &'h [u8]);

/// The request line, and the names and values behind it.
fn parse_head(head: &[u8]) -> Option<(&str, Vec<Header<'_>>)> {
    let mut lines = head.strip_suffix(b"\r\n\r\n")?.split(|&byte| byte == b'\n');
    let request_line = std::str::from_utf8(lines.next()?).ok()?.trim_end_matches('\r');
    let headers = lines.map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then_some((name, &line[colon + 1..]))
    });
    Some((request_line, headers.collect::<Option<_>>()?))
}

/// Says back what comes, until either side closes. What the peer does not read stops us from reading more.
async fn echo(stream: &mut TcpStream, mut bytes: Vec<u8>, agreement: Option<Agreement>) -> io::Result<()> {
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match decoder.decode_with(&mut bytes[at..], Role::Server, &LIMITS, agreement.is_some()) {
            Ok(Decoded::Frame { event, consumed }) => {
                at += consumed;
                match event {
                    Event::Text(text) => say(OpCode::Text, text.as_bytes(), agreement, &mut out),
                    Event::Binary(binary) => say(OpCode::Binary, &binary, agreement, &mut out),
                    Event::Ping(payload) => encode(OpCode::Pong, payload, None, &mut out),
                    Event::Pong(_) | Event::Fragment => {}
                    Event::Close(close) => {
                        encode_close(close, None, &mut out); // the same status back
                        return stream.write_all(&out).await;
                    }
                }
                if out.len() >= BATCH {
                    stream.write_all(&out).await?;
                    out.clear();
                }
            }
            Ok(Decoded::Incomplete { .. }) => {
                stream.write_all(&out).await?;
                out.clear();
                bytes.drain(..at);
                at = 0;
                // Grows with what has come, not with what was announced.
                bytes.reserve(BATCH);
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
            }
            Err(error) => {
                let close = Close { code: error.close_code(), reason: &error.to_string() };
                encode_close(Some(close), None, &mut out);
                return stream.write_all(&out).await;
            }
        }
    }
}

/// Appends a message, compressed where that makes it shorter.
fn say(opcode: OpCode, payload: &[u8], agreement: Option<Agreement>, out: &mut Vec<u8>) {
    let mut compressed = Vec::new();
    if let Some(agreement) = agreement {
        agreement.compress(1, payload, &mut compressed);
    }
    if agreement.is_some() && compressed.len() < payload.len() {
        let start = out.len();
        encode(opcode, &compressed, None, out);
        out[start] |= COMPRESSED;
    } else {
        encode(opcode, payload, None, out);
    }
}

/// Sends the end, and reads the rest unseen: hanging up on unread bytes would reset the connection, and the peer
/// could lose our last frame.
async fn hang_up(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = vec![0; BATCH];
    let until_end = async {
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    timeout(PATIENCE, until_end).await.unwrap_or(Ok(()))
}
