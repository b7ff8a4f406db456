//! The few packets of Engine.IO and Socket.IO that a load consists of, on the default namespace.
//!
//! Spec: `spec/engine.md` 2, `spec/socketio.md` 1.

/// The argument of every echo, 64 bytes as JSON: an ordinary line of a chat.
pub const ARGUMENT: &str = r#"{"from":"ada","text":"the fish are running tonight","at":123456}"#;

/// What the server said, as far as a load cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said<'t> {
    /// `0`: the session is open; JSON behind it.
    Open(&'t str),
    /// `2`: wants a pong.
    Ping,
    /// `6`: nothing; releases a poll.
    Noop,
    /// `1`, or `41`: it is over.
    Closed,
    /// `40`: the namespace is joined; JSON behind it.
    Connected(&'t str),
    /// `43`: the answer to the event with this id.
    Ack(u64),
    /// `42`: an event, as its array.
    Event(&'t str),
    /// What a load never asks for.
    Other(&'t str),
}

impl<'t> Said<'t> {
    /// Reads one packet.
    pub fn read(packet: &'t str) -> Self {
        let bytes = packet.as_bytes();
        match (bytes.first(), bytes.get(1)) {
            (Some(b'4'), Some(b'2')) => Self::Event(&packet[2..]),
            (Some(b'4'), Some(b'3')) => {
                let digits = bytes[2..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                packet[2..2 + digits].parse().map_or(Self::Other(packet), Self::Ack)
            }
            (Some(b'4'), Some(b'0')) => Self::Connected(&packet[2..]),
            (Some(b'4'), Some(b'1')) | (Some(b'1'), None) => Self::Closed,
            (Some(b'0'), _) => Self::Open(&packet[1..]),
            (Some(b'2'), None) => Self::Ping,
            (Some(b'6'), None) => Self::Noop,
            _ => Self::Other(packet),
        }
    }
}

/// Writes the event `echo` with [`ARGUMENT`], to be answered under `id`.
pub(crate) fn echo(id: u64, out: &mut String) {
    use std::fmt::Write;
    out.clear();
    write!(out, r#"42{id}["echo",{ARGUMENT}]"#).expect("a string takes whatever it is given");
}

#[cfg(test)]
mod tests {
    use super::{Said, echo};

    #[test]
    fn packets_are_told_apart() {
        let expected = [
            (r#"0{"sid":"x"}"#, Said::Open(r#"{"sid":"x"}"#)),
            ("2", Said::Ping),
            ("6", Said::Noop),
            ("1", Said::Closed),
            ("41", Said::Closed),
            (r#"40{"sid":"x"}"#, Said::Connected(r#"{"sid":"x"}"#)),
            ("4312[1]", Said::Ack(12)),
            (r#"42["auth",{}]"#, Said::Event(r#"["auth",{}]"#)),
            (r#"44{"message":"no"}"#, Said::Other(r#"44{"message":"no"}"#)),
            ("43[]", Said::Other("43[]")),
            ("", Said::Other("")),
        ];
        for (packet, said) in expected {
            assert_eq!(Said::read(packet), said);
        }
    }

    #[test]
    fn an_echo_asks_for_an_answer_under_its_id() {
        let mut packet = "left over".to_owned();
        echo(7, &mut packet);
        assert!(packet.starts_with(r#"427["echo",{"from""#) && packet.ends_with("}]"));
    }
}
