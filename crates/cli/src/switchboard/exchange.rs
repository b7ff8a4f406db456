//! The Switchboard's chat, without IO: who is here, and the numbered lines.
//!
//! Every method is one moment; whoever holds the exchange across a method and the broadcast of what it
//! answers gives all hearers the same order. Spec: `assets/CONTRACT.md`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Lines that are kept for those who come or come back.
const KEPT_LINES: usize = 100;
/// People that are named; the others are counted.
const NAMED_PEOPLE: usize = 100;
/// Characters of a name; more are cut.
const NAME_LENGTH: usize = 32;
/// Characters of a line; more are refused.
const TEXT_LENGTH: usize = 2000;

/// The technique that carries a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Via {
    ShortPolling,
    LongPolling,
    Sse,
    Websocket,
}

/// One line of the chat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Line {
    /// From 1, without gaps.
    n: u64,
    /// The number of the person who said it.
    id: u64,
    from: String,
    text: String,
    /// Milliseconds since 1970.
    at: u64,
    via: Via,
}

/// One who is here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Person {
    id: u64,
    name: String,
    via: Via,
}

/// All who are here.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct People {
    count: usize,
    list: Vec<Person>,
}

/// What a page says first.
#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    name: String,
    key: String,
    #[serde(default)]
    chat: Option<String>,
    #[serde(default)]
    last: Option<u64>,
}

/// The answer to [`Hello`].
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Welcome {
    chat: String,
    you: You,
    people: People,
    lines: Vec<Line>,
    last: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct You {
    id: u64,
    name: String,
}

/// What the page got wrong, in the words of the contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "error")]
pub(crate) enum Refusal {
    EmptyName,
    BadKey,
    BadNonce,
    Empty,
    TooLong,
    NoHello,
}

/// What became of a line that was said.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// It is new: all hearers are to be told.
    New(Line),
    /// It was said before, under this number.
    Before(u64),
}

/// The chat of one process.
#[derive(Debug)]
pub(crate) struct Exchange {
    chat: String,
    lines: VecDeque<Kept>,
    last: u64,
    people: Vec<Present>,
    last_id: u64,
}

#[derive(Debug)]
struct Kept {
    line: Line,
    nonce: String,
    /// Who said it: a page that was away comes back with the same key, and perhaps as another person.
    key: String,
}

#[derive(Debug)]
struct Present {
    person: Person,
    key: String,
    /// The id of the socket that stands for this person now.
    socket: String,
}

impl Exchange {
    /// An empty chat; `chat` tells it from others.
    pub(crate) fn new(chat: String) -> Exchange {
        Exchange { chat, lines: VecDeque::new(), last: 0, people: Vec::new(), last_id: 0 }
    }

    /// A page arrives, comes back, or changes its name. Says whether the list of people changed.
    pub(crate) fn hello(
        &mut self,
        socket: &str,
        via: Via,
        hello: &Hello,
    ) -> Result<(Welcome, bool), Refusal> {
        let visible: String = hello.name.chars().filter(|c| !c.is_control() && !is_format(*c)).collect();
        let name: String = visible.trim().chars().take(NAME_LENGTH).collect();
        if name.is_empty() {
            return Err(Refusal::EmptyName);
        }
        if !(16..=64).contains(&hello.key.chars().count()) {
            return Err(Refusal::BadKey);
        }
        // A socket stands for one person: with another key it has become somebody else.
        let mut changed = false;
        if let Some(other) = self.people.iter().position(|it| it.socket == socket && it.key != hello.key) {
            self.people.remove(other);
            changed = true;
        }
        let known = self.people.iter_mut().find(|present| present.key == hello.key);
        let id = if let Some(present) = known {
            present.socket = socket.to_owned();
            let person = Person { id: present.person.id, name: name.clone(), via };
            changed |= present.person != person;
            present.person = person;
            present.person.id
        } else {
            self.last_id += 1;
            let person = Person { id: self.last_id, name: name.clone(), via };
            self.people.push(Present { person, key: hello.key.clone(), socket: socket.to_owned() });
            changed = true;
            self.last_id
        };
        let seen = if hello.chat.as_ref() == Some(&self.chat) { hello.last.unwrap_or(0) } else { 0 };
        let missed = self.lines.iter().filter(|kept| kept.line.n > seen);
        let welcome = Welcome {
            chat: self.chat.clone(),
            you: You { id, name },
            people: self.people(),
            lines: missed.map(|kept| kept.line.clone()).collect(),
            last: self.last,
        };
        Ok((welcome, changed))
    }

    /// A line is said.
    pub(crate) fn say(
        &mut self,
        socket: &str,
        via: Via,
        text: &str,
        nonce: &str,
        at: u64,
    ) -> Result<Said, Refusal> {
        let Some(present) = self.people.iter().find(|present| present.socket == socket) else {
            return Err(Refusal::NoHello);
        };
        if !(8..=64).contains(&nonce.chars().count()) {
            return Err(Refusal::BadNonce);
        }
        if text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if text.chars().count() > TEXT_LENGTH {
            return Err(Refusal::TooLong);
        }
        let (id, key) = (present.person.id, &present.key);
        if let Some(kept) = self.lines.iter().find(|kept| kept.key == *key && kept.nonce == nonce) {
            return Ok(Said::Before(kept.line.n));
        }
        self.last += 1;
        let name = present.person.name.clone();
        let line = Line { n: self.last, id, from: name, text: text.to_owned(), at, via };
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Kept { line: line.clone(), nonce: nonce.to_owned(), key: key.clone() });
        Ok(Said::New(line))
    }

    /// The person a socket stands for, if it said hello.
    pub(crate) fn person(&self, socket: &str) -> Option<u64> {
        self.people.iter().find(|present| present.socket == socket).map(|present| present.person.id)
    }

    /// A socket was heard over `via`. Says whether the list of people changed.
    pub(crate) fn heard(&mut self, socket: &str, via: Via) -> bool {
        let present = self.people.iter_mut().find(|present| present.socket == socket);
        present.is_some_and(|present| std::mem::replace(&mut present.person.via, via) != via)
    }

    /// A socket is gone. Says whether the list of people changed: not when another stands for its person.
    pub(crate) fn gone(&mut self, socket: &str) -> bool {
        let before = self.people.len();
        self.people.retain(|present| present.socket != socket);
        self.people.len() != before
    }

    /// Who is here.
    pub(crate) fn people(&self) -> People {
        let list = self.people.iter().take(NAMED_PEOPLE).map(|present| present.person.clone());
        People { count: self.people.len(), list: list.collect() }
    }
}

/// Characters that are not seen and change how others are: zero width, and the direction of text.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl Line {
    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(name: &str, key: char) -> Hello {
        Hello { name: name.to_owned(), key: key.to_string().repeat(16), chat: None, last: None }
    }

    fn exchange() -> Exchange {
        let mut exchange = Exchange::new("chat".to_owned());
        exchange.hello("s1", Via::Sse, &hello("Ada", 'a')).expect("a good hello");
        exchange
    }

    fn say(exchange: &mut Exchange, nonce: usize) -> u64 {
        match exchange.say("s1", Via::Sse, "hi", &format!("{nonce:08}"), 7) {
            Ok(Said::New(line)) => line.n,
            other => panic!("expected a new line, not {other:?}"),
        }
    }

    #[test]
    fn numbers_have_no_gaps_and_the_last_hundred_are_kept() {
        let mut exchange = exchange();
        assert_eq!(
            (0..150).map(|nonce| say(&mut exchange, nonce)).collect::<Vec<_>>(),
            (1..=150).collect::<Vec<_>>()
        );
        let (welcome, _) = exchange.hello("s2", Via::Websocket, &hello("Bo", 'b')).expect("a good hello");
        assert_eq!(
            welcome.lines.iter().map(Line::number).collect::<Vec<_>>(),
            (51..=150).collect::<Vec<_>>()
        );
        assert_eq!(welcome.last, 150);
    }

    #[test]
    fn a_line_said_again_keeps_its_number() {
        let mut exchange = exchange();
        say(&mut exchange, 1);
        assert_eq!(exchange.say("s1", Via::Sse, "hi", "00000001", 8), Ok(Said::Before(1)));
    }

    #[test]
    fn a_page_that_was_away_does_not_say_a_line_twice() {
        let mut exchange = exchange();
        say(&mut exchange, 1);
        assert!(exchange.gone("s1"));
        exchange.hello("s3", Via::Sse, &hello("Ada", 'a')).expect("a good hello");
        assert_eq!(exchange.say("s3", Via::Sse, "hi", "00000001", 8), Ok(Said::Before(1)));
    }

    #[test]
    fn a_nonce_is_its_persons_own() {
        let mut exchange = exchange();
        say(&mut exchange, 1);
        exchange.hello("s2", Via::Sse, &hello("Bo", 'b')).expect("a good hello");
        let said = exchange.say("s2", Via::Sse, "hi", "00000001", 8);
        assert!(matches!(said, Ok(Said::New(line)) if line.n == 2));
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_and_is_the_same_person() {
        let mut exchange = exchange();
        for nonce in 0..3 {
            say(&mut exchange, nonce);
        }
        let again = Hello { chat: Some("chat".to_owned()), last: Some(1), ..hello("Ada", 'a') };
        let (welcome, _) = exchange.hello("s9", Via::Websocket, &again).expect("a good hello");
        assert_eq!(welcome.lines.iter().map(Line::number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(welcome.people.count, 1);
        assert!(!exchange.gone("s1"), "the older socket stands for nobody");
        assert!(exchange.gone("s9"));
    }

    #[test]
    fn another_chat_is_sent_whole() {
        let mut exchange = exchange();
        say(&mut exchange, 1);
        let other = Hello { chat: Some("other".to_owned()), last: Some(40), ..hello("Bo", 'b') };
        let (welcome, _) = exchange.hello("s2", Via::Sse, &other).expect("a good hello");
        assert_eq!(welcome.lines.len(), 1);
    }

    #[test]
    fn names_and_lines_have_their_limits() {
        let mut exchange = exchange();
        let refusal =
            |name: &str| Exchange::new(String::new()).hello("s", Via::Sse, &hello(name, 'k')).unwrap_err();
        assert_eq!(refusal(" \u{7} "), Refusal::EmptyName);
        assert_eq!(refusal("\u{202e}\u{200b}"), Refusal::EmptyName);
        let (welcome, _) =
            exchange.hello("s1", Via::Sse, &hello(&"あ".repeat(40), 'a')).expect("cut, not refused");
        assert_eq!(welcome.you.name.chars().count(), 32);
        let short = Hello { key: "k".to_owned(), ..hello("Bo", 'b') };
        assert_eq!(exchange.hello("s2", Via::Sse, &short), Err(Refusal::BadKey));
        let long = "x".repeat(2001);
        assert_eq!(exchange.say("s1", Via::Sse, &long, "12345678", 0), Err(Refusal::TooLong));
        assert_eq!(exchange.say("s1", Via::Sse, " \n", "12345678", 0), Err(Refusal::Empty));
        assert_eq!(exchange.say("s1", Via::Sse, "a", "1", 0), Err(Refusal::BadNonce));
        assert_eq!(exchange.say("s5", Via::Sse, "a", "12345678", 0), Err(Refusal::NoHello));
    }

    #[test]
    fn a_change_of_technique_is_told_once() {
        let mut exchange = exchange();
        assert!(exchange.heard("s1", Via::Websocket));
        assert!(!exchange.heard("s1", Via::Websocket));
    }

    #[test]
    fn the_words_of_the_contract_are_on_the_wire() {
        assert_eq!(serde_json::to_string(&Refusal::NoHello).expect("json"), r#"{"error":"no-hello"}"#);
        assert_eq!(serde_json::to_string(&Via::ShortPolling).expect("json"), r#""short-polling""#);
        assert_eq!(serde_json::to_string(&Via::Websocket).expect("json"), r#""websocket""#);
    }
}
