//! One Socket.IO client over HTTP: long polling, or a stream of events.
//!
//! Spec: `spec/engine.md` 4, `spec/extensions.md` 1.

use crate::{
    error::{LoadError, patiently},
    event::Said,
    http::Http,
    target::Target,
};

/// Packets of one payload are separated by this.
const SEPARATOR: char = '\u{1e}';

/// A client that polls, on two connections that are kept: one for its GET, one for its POSTs.
#[derive(Debug)]
pub struct Polling {
    target: Target,
    path: String,
    poll: Http,
    /// Opened when it is first needed: who only waits needs one.
    post: Option<Http>,
}

impl Polling {
    /// Opens a session and joins the default namespace, over one TCP connection.
    ///
    /// # Errors
    /// The server cannot be reached, or answers otherwise than a Socket.IO server does.
    pub async fn open(target: &Target) -> Result<Self, LoadError> {
        patiently("session", async {
            let mut poll = Http::open(target).await?;
            poll.get(target, &target.request("polling")).await?;
            let sid = poll.answer(sid_in).await??;
            let path = format!("{}&sid={sid}", target.request("polling"));
            poll.post(target, &path, "40").await?;
            poll.answer(|_| ()).await?;
            let mut joined = false;
            while !joined {
                poll.get(target, &path).await?;
                joined = poll
                    .answer(|payload| packets(payload).any(|said| matches!(said, Said::Connected(_))))
                    .await?;
            }
            Ok(Self { target: target.clone(), path, poll, post: None })
        })
        .await
    }

    /// Leaves a GET at the server, to be answered when there is something.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn ask(&mut self) -> Result<(), LoadError> {
        self.poll.get(&self.target, &self.path).await
    }

    /// Waits for the answer to the GET, gives its packets to `each`, and answers pings.
    ///
    /// # Errors
    /// The connection broke, or the session is gone.
    pub async fn receive(&mut self, mut each: impl FnMut(Said<'_>)) -> Result<(), LoadError> {
        let mut ping = false;
        self.poll
            .answer(|payload| {
                for said in packets(payload) {
                    ping |= said == Said::Ping;
                    each(said);
                }
            })
            .await?;
        if ping { self.send("3").await } else { Ok(()) }
    }

    /// Sends one payload and waits until it was taken.
    ///
    /// # Errors
    /// The connection broke, or the session is gone.
    pub async fn send(&mut self, payload: &str) -> Result<(), LoadError> {
        let post = match &mut self.post {
            Some(post) => post,
            none => none.insert(Http::open(&self.target).await?),
        };
        post.post(&self.target, &self.path, payload).await?;
        post.answer(|_| ()).await
    }

    /// Keeps a GET at the server for ever, as a client does that only listens.
    ///
    /// # Errors
    /// The connection broke, or the session is gone; it never ends otherwise.
    pub async fn listen(mut self) -> Result<(), LoadError> {
        loop {
            self.ask().await?;
            self.receive(|_| {}).await?;
        }
    }
}

/// A client whose packets come as a stream of server-sent events.
#[derive(Debug)]
pub struct Streaming {
    target: Target,
    path: String,
    stream: Http,
}

impl Streaming {
    /// Opens a stream and joins the default namespace; the connection of the one POST that this takes is closed.
    ///
    /// # Errors
    /// The server cannot be reached, or has no streams.
    pub async fn open(target: &Target) -> Result<Self, LoadError> {
        patiently("stream", async {
            let mut stream = Http::open(target).await?;
            stream.get(target, &target.request("sse")).await?;
            let sid =
                stream.until(|text| sid_in(text.split_once("data: ")?.1.split_once('\n')?.0).ok()).await?;
            let path = format!("{}&sid={sid}", target.request("sse"));
            let mut post = Http::open(target).await?;
            post.post(target, &path, "40").await?;
            post.answer(|_| ()).await?;
            stream.until(|text| text.contains("data: 40").then_some(())).await?;
            stream.forget();
            Ok(Self { target: target.clone(), path, stream })
        })
        .await
    }

    /// Listens for ever, answering pings.
    ///
    /// # Errors
    /// The stream ended; it never ends otherwise.
    pub async fn listen(mut self) -> Result<(), LoadError> {
        loop {
            self.stream.until(|text| text.contains("data: 2\n").then_some(())).await?;
            self.stream.forget();
            let mut post = Http::open(&self.target).await?;
            post.post(&self.target, &self.path, "3").await?;
            post.answer(|_| ()).await?;
        }
    }
}

/// The packets of a payload.
fn packets(payload: &str) -> impl Iterator<Item = Said<'_>> {
    payload.split(SEPARATOR).map(Said::read)
}

/// The session's id in an open packet.
fn sid_in(packet: &str) -> Result<String, LoadError> {
    let odd = || LoadError::unexpected("an open packet", packet);
    let first = packet.split(SEPARATOR).next().unwrap_or_default();
    let Said::Open(json) = Said::read(first) else { return Err(odd()) };
    let open: serde_json::Value = serde_json::from_str(json).map_err(|_| odd())?;
    open["sid"].as_str().map(str::to_owned).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::{packets, sid_in};
    use crate::event::Said;

    #[test]
    fn a_payload_is_cut_at_its_separators() {
        let said: Vec<_> = packets("40{}\u{1e}2\u{1e}430[1]").collect();
        assert_eq!(said, [Said::Connected("{}"), Said::Ping, Said::Ack(0)]);
    }

    #[test]
    fn the_sid_is_found_in_the_open_packet() {
        assert_eq!(sid_in(r#"0{"sid":"abc","upgrades":[]}"#).expect("it has one"), "abc");
        assert!(sid_in("40").is_err());
    }
}
