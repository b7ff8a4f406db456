//! Everything is numbered, and held to what was sent: nothing lost, nothing doubled, nothing out of order.
//!
//! ```text
//! client ── put n ──▶ server      its handler waits now and then; whoever is not the next is told `wrong`
//! client ◀── ack n, got n ──      each in its order
//! room   ◀── news: s, k ──        of each eighth put, to the ten sockets of the room
//! ```
//! With cuts a connection ends without a goodbye, half of them in the middle of a frame, and comes back with what
//! recovery asks: it must be the socket that it was, and what the others of its room sent meanwhile must come, once and in
//! order. It is cut when its own questions are answered: what becomes of a question on the way is nobody's promise.
//!
//! The server is `examples/ledger.rs` of this crate.

use std::time::Duration;

use serde_json::Value;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    connection::Connection,
    error::{LoadError, patiently},
    event::Said,
    history::{Stream, Wrong},
    report::{Meter, Report},
    scenario::{crowd, share},
    target::Target,
};

/// Puts of which one is told to the room.
const NEWS: u64 = 8;
/// Sockets of a room.
const ROOM: usize = 10;
/// Puts that a socket has on the way at most.
const IN_FLIGHT: u64 = 16;
/// How long a client that was cut stays away, at least, in milliseconds.
const AWAY: u64 = 20;

/// A crowd whose every word is numbered.
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    /// How many sockets, a WebSocket each. Rounded up to whole rooms.
    pub sockets: usize,
    /// How many events, those of clients and those of the server together, a broadcast counted once.
    pub events: u64,
    /// How many connections are cut, spread over all. The server must recover them.
    pub cuts: u64,
}

/// What one client found.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    puts: u64,
    delivered: u64,
    cuts: u64,
}

impl Ledger {
    /// Runs it against `target`, whose process is `server` where its cost is wanted.
    ///
    /// Figures: `count` of all events, `deliveries` to clients, `acks`, `cuts`, and what an event cost.
    ///
    /// # Errors
    /// [`LoadError::History`] and [`LoadError::NotRecovered`], which is what it looks for; or something did not come at all.
    pub async fn run(self, target: &Target, server: Option<u32>) -> Result<Report, LoadError> {
        if self.sockets == 0 || self.events == 0 {
            return Err(LoadError::Impossible("a ledger needs a socket and an event".to_owned()));
        }
        let sockets = self.sockets.next_multiple_of(ROOM);
        // A put, its `got`, and an eighth of a broadcast.
        let puts = (self.events * NEWS).div_ceil((2 * NEWS + 1) * sockets as u64).next_multiple_of(NEWS);
        let mut number = 0;
        let clients = crowd::open(sockets, || {
            let (target, of) = (target.clone(), number);
            number += 1;
            async move { Client::open(target, of).await }
        })
        .await?;
        let meter = Meter::start(server)?;
        let mut running = JoinSet::new();
        for client in clients {
            let cuts = share(self.cuts, client.number, sockets);
            running.spawn(client.run(puts, cuts));
        }
        let mut all = Account::default();
        while let Some(ended) = running.join_next().await {
            let account = ended??;
            all.puts += account.puts;
            all.delivered += account.delivered;
            all.cuts += account.cuts;
        }
        let mut report = Report::default();
        meter.stop(all.puts * (2 * NEWS + 1) / NEWS, &mut report)?;
        report.set("sockets", sockets as f64);
        report.set("puts", all.puts as f64);
        // Each put was answered, in order, or the run would have failed.
        report.set("acks", all.puts as f64);
        report.set("deliveries", all.delivered as f64);
        report.set("cuts", all.cuts as f64);
        Ok(report)
    }
}

struct Client {
    target: Target,
    number: usize,
    connection: Connection,
    heard: Heard,
}

/// What a client knows of what came.
#[derive(Clone, Debug)]
struct Heard {
    socket: usize,
    acks: Stream,
    got: Stream,
    /// Of each socket of its room.
    news: [Stream; ROOM],
    /// The socket's id, and what it needs to come back.
    sid: String,
    pid: String,
    offset: String,
    /// Of what, and what.
    wrong: Option<(String, Wrong)>,
}

impl Client {
    async fn open(target: Target, number: usize) -> Result<Self, LoadError> {
        let mut heard = Heard::new(number);
        let connect = format!(r#"40{{"number":{number},"room":"r{}"}}"#, number / ROOM);
        let connection = Connection::open_saying(&target, &connect, |said| heard.hear(said)).await?;
        Ok(Self { target, number, connection, heard })
    }

    async fn run(mut self, puts: u64, cuts: u64) -> Result<Account, LoadError> {
        let mut account = Account::default();
        let mut put = 0;
        loop {
            // Cuts are spread evenly, and none is behind the last put: its news must come, too.
            let due = account.cuts < cuts && put >= puts * (account.cuts + 1) / (cuts + 1);
            while !due && put < puts && put - self.heard.acks.heard() < IN_FLIGHT {
                put += 1;
                self.connection.push(&put_packet(put));
            }
            self.heard.check()?;
            if due && self.heard.is_level(put) {
                self = self.cut(put + 1, account.cuts).await?;
                account.cuts += 1;
                continue;
            }
            if put == puts && self.heard.has_all(puts) {
                account.puts = puts;
                account.delivered = puts + puts / NEWS * ROOM as u64;
                return Ok(account);
            }
            self.connection.flush().await?;
            let heard = &mut self.heard;
            patiently("event, or answer", self.connection.receive(|said| heard.hear(said))).await?;
        }
    }

    /// Goes without a word, and comes back.
    async fn cut(mut self, next: u64, count: u64) -> Result<Self, LoadError> {
        if count.is_multiple_of(2) {
            // The server must not take what it has not whole: `next` is put again.
            self.connection.cut_in(&put_packet(next)).await?;
        } else {
            drop(self.connection);
        }
        sleep(Duration::from_millis(AWAY + self.number as u64 * 7 % 50)).await;
        let (sid, pid) = (self.heard.sid.clone(), self.heard.pid.clone());
        let connect = format!(
            r#"40{{"number":{},"room":"","pid":"{pid}","offset":"{}"}}"#,
            self.number, self.heard.offset
        );
        let heard = &mut self.heard;
        self.connection = Connection::open_saying(&self.target, &connect, |said| heard.hear(said)).await?;
        self.heard.check()?;
        if (&self.heard.sid, &self.heard.pid) != (&sid, &pid) {
            return Err(LoadError::NotRecovered { socket: self.number });
        }
        Ok(self)
    }
}

fn put_packet(number: u64) -> String {
    format!(r#"42{number}["put",{number}]"#)
}

impl Heard {
    fn new(socket: usize) -> Self {
        Self {
            socket,
            acks: Stream::default(),
            got: Stream::default(),
            news: [Stream::default(); ROOM],
            sid: String::new(),
            pid: String::new(),
            offset: String::new(),
            wrong: None,
        }
    }

    fn hear(&mut self, said: Said<'_>) {
        let (what, heard) = match said {
            Said::Ack(id) => ("answers".to_owned(), self.acks.hear(id)),
            Said::Event(event) => {
                let Some(read) = Event::read(event) else {
                    return self.note(event.to_owned(), Wrong::Gap { number: 0, heard: 0 });
                };
                if let Some(offset) = read.offset {
                    offset.clone_into(&mut self.offset);
                }
                match (read.name, read.numbers) {
                    ("got", [number, _]) => ("got".to_owned(), self.got.hear(number)),
                    ("news", [of, number]) => {
                        let place = of as usize % ROOM;
                        (format!("news of {of}"), self.news[place].hear(number))
                    }
                    // The server missed something of ours.
                    (_, [number, heard]) => ("put".to_owned(), Err(Wrong::Gap { number, heard })),
                }
            }
            Said::Connected(payload) => {
                let payload: Value = serde_json::from_str(payload).unwrap_or_default();
                let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
                (self.sid, self.pid) = (text("sid"), text("pid"));
                return;
            }
            Said::Closed => {
                return self.note("the server closed".to_owned(), Wrong::Gap { number: 0, heard: 0 });
            }
            Said::Open(_) | Said::Ping | Said::Noop | Said::Other(_) => return,
        };
        if let Err(wrong) = heard {
            self.note(what, wrong);
        }
    }

    /// The first that is wrong says why the rest is.
    fn note(&mut self, what: String, wrong: Wrong) {
        self.wrong.get_or_insert((what, wrong));
    }

    fn check(&mut self) -> Result<(), LoadError> {
        match self.wrong.take() {
            Some((what, wrong)) => Err(LoadError::History { socket: self.socket, what, wrong }),
            None => Ok(()),
        }
    }

    /// Whether nothing of its own is on the way.
    fn is_level(&self, put: u64) -> bool {
        let own = self.news[self.socket % ROOM].heard();
        self.acks.heard() == put && self.got.heard() == put && own == put / NEWS
    }

    /// Whether all came that ever will.
    fn has_all(&self, puts: u64) -> bool {
        self.is_level(puts) && self.news.iter().all(|news| news.heard() == puts / NEWS)
    }
}

/// An event of the server's: `["got",7]`, `["news",3,7]`, each perhaps with an offset behind.
#[derive(Debug, Eq, PartialEq)]
struct Event<'t> {
    name: &'t str,
    numbers: [u64; 2],
    offset: Option<&'t str>,
}

impl<'t> Event<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix("[\"")?.strip_suffix(']')?.split(',');
        let name = parts.next()?.strip_suffix('"')?;
        let mut event = Self { name, numbers: [0; 2], offset: None };
        for (at, part) in parts.enumerate() {
            match part.strip_prefix('"') {
                Some(offset) => event.offset = Some(offset.strip_suffix('"')?),
                None => *event.numbers.get_mut(at)? = part.parse().ok()?,
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_with_their_offsets() {
        let event = |name, numbers, offset| Some(Event { name, numbers, offset });
        assert_eq!(Event::read(r#"["got",7]"#), event("got", [7, 0], None));
        assert_eq!(Event::read(r#"["news",3,7,"a1b"]"#), event("news", [3, 7], Some("a1b")));
        for odd in ["", "[]", r#"["got",x]"#, r#"["got",1,2,3]"#, r#"["got"#] {
            assert_eq!(Event::read(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_lost_doubled_or_not_ours_is_noticed() {
        let first_wrong = |said: &[Said<'_>]| {
            let mut heard = Heard::new(3);
            said.iter().for_each(|said| heard.hear(*said));
            heard.check().err().map(|error| error.to_string())
        };
        let event = Said::Event;
        assert_eq!(first_wrong(&[event(r#"["got",1]"#), Said::Ack(1), event(r#"["news",13,1]"#)]), None);
        let wrong = first_wrong(&[event(r#"["got",1]"#), event(r#"["got",3]"#)]).expect("a gap");
        assert!(wrong.contains("socket 3: got: 3 came behind 1"), "{wrong}");
        assert!(first_wrong(&[Said::Ack(1), Said::Ack(1)]).is_some_and(|wrong| wrong.contains("doubled")));
        assert!(first_wrong(&[event(r#"["news",5,2]"#)]).is_some_and(|wrong| wrong.contains("news of 5")));
        assert!(first_wrong(&[event(r#"["wrong",5,2]"#)]).is_some_and(|wrong| wrong.contains("put")));
        assert!(first_wrong(&[Said::Closed]).is_some());
    }
}
