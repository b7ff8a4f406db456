//! Server-sent events, read.
//!
//! Knows what our server writes, and no more of the format. Spec: `spec/extensions.md` 1.3.

use sockeye::engine::proto::packet::Decoded;

/// Cuts bytes into packets.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rest: Vec<u8>,
}

impl Events {
    /// The packets that are complete with these bytes. `None` when they are no such stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<Vec<String>> {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.windows(2).rposition(|pair| pair == b"\n\n") else {
            return Some(Vec::new());
        };
        let events: Vec<u8> = self.rest.drain(..end + 2).collect();
        let events = String::from_utf8(events).ok()?;
        events.lines().filter_map(|line| line.strip_prefix("data: ")).map(packet).collect()
    }
}

/// A line's packet. `B` and base64 is one with a line break inside.
fn packet(data: &str) -> Option<String> {
    let Some(base64) = data.strip_prefix('B') else { return Some(data.to_owned()) };
    match Decoded::from_text(&format!("b{base64}")).ok()? {
        Decoded::Binary(bytes) => String::from_utf8(bytes).ok(),
        Decoded::Packet(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_into_packets_however_their_bytes_come() {
        let stream = "retry: 1000\nid: s.0\ndata: 0{}\ndata: bAQI=\n\n:\n\nid: s.1\ndata: BNGEKYg==\n\n";
        let expected = ["0{}", "bAQI=", "4a\nb"];
        assert_eq!(Events::default().feed(stream.as_bytes()).expect("a stream"), expected);
        let mut events = Events::default();
        let bytes = stream.as_bytes().chunks(1);
        let packets: Vec<_> = bytes.flat_map(|byte| events.feed(byte).expect("a stream")).collect();
        assert_eq!(packets, expected);
    }
}
