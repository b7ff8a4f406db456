//! Ids, and offsets of recovery: ours, where the recording has its own.

use std::collections::HashMap;

/// What stands for an id in recordings that were made inside of the server.
const SOME: &str = "...";

/// What of ours stands for what of the recording.
#[derive(Default)]
pub(crate) struct Own {
    ours: HashMap<String, String>,
    recovers: bool,
}

impl Own {
    /// `recovers`: whether events end in an offset.
    pub(crate) fn new(recovers: bool) -> Own {
        Own { ours: HashMap::new(), recovers }
    }

    /// Whether a text is as recorded, but for ids and offsets: those of one recorded value are the same, and those of
    /// two differ.
    pub(crate) fn compare(&mut self, recorded: &str, came: &str) -> Result<(), String> {
        let ((shape, theirs), (our_shape, ours)) = (self.shape(recorded), self.shape(came));
        let differs = || format!("{came} came, not {recorded}");
        if shape != our_shape {
            return Err(differs());
        }
        for (key, value) in theirs.into_iter().zip(ours) {
            let is_some = key == SOME;
            let is_new = !self.ours.values().any(|known| *known == value);
            match self.ours.insert(key, value.clone()) {
                Some(before) if !is_some && before != value => return Err(differs()),
                None if !is_some && !is_new => return Err(differs()),
                _ => {}
            }
        }
        Ok(())
    }

    /// What the peer sends where the recorded one sent this.
    pub(crate) fn translate(&self, recorded: &str) -> String {
        let quoted = |word: &str| format!("\"{word}\"");
        let swap =
            |text: String, (theirs, ours): (&String, &String)| text.replace(&quoted(theirs), &quoted(ours));
        self.ours.iter().fold(recorded.to_owned(), swap)
    }

    /// A text without its ids and its offset, and what they are. Of ids their lengths remain, except of a pid: ours are longer.
    /// It is named last, as it is what peers give back.
    fn shape(&self, text: &str) -> (String, Vec<String>) {
        let (mut shape, mut values) = (text.to_owned(), Vec::new());
        for (before, word) in [("{\"sid\":\"", "sid"), ("\",\"pid\":\"", "pid")] {
            let Some((head, rest)) = shape.split_once(before) else { break };
            let Some((id, tail)) = rest.split_once('"') else { break };
            let length = if id == SOME || word == "pid" { 20 } else { id.len() };
            values.push(id.to_owned());
            shape = format!("{head}{before}<{word} of {length}>\"{tail}");
        }
        let is_numbered = text.starts_with("42[") || text.starts_with("45") && text.contains("-[");
        if self.recovers
            && is_numbered
            && let Some((head, offset)) = text.strip_suffix("\"]").and_then(|text| text.rsplit_once(",\""))
        {
            values.push(offset.to_owned());
            shape = format!("{head},<offset>]");
        }
        (shape, values)
    }
}
