//! What happened between the recorded steps: the application's part, and the order of what overlapped.
//!
//! Taken from the script that made the recording, `capture/gen_http.js`.

/// When something happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum At {
    /// In front of a step.
    Step(usize),
    /// In front of a frame of a step's WebSocket.
    Frame(usize, usize),
    /// Behind the last step.
    End,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// The application sends text to the first session.
    Send(&'static str),
    /// That many of the letter `a`.
    SendLetters(usize),
    SendBinary(&'static [u8]),
    /// The application closes the first session.
    Close,
    /// The application closes all.
    ShutDown,
    /// The application has heard so much, the opening included, before the next.
    Hear(usize),
    /// A step's answer is waited for.
    Await(usize),
    /// A step is taken here already.
    Take(usize),
    /// The peer drops the connection of a step.
    Abort(usize),
    /// The peer closes the WebSocket of a step.
    CloseSocket(usize),
    /// Milliseconds go by.
    Pause(u64),
    /// The peer posts half of a body.
    PostHalf,
    /// The peer drops the connection with that half.
    AbortHalf,
}

use Act::{
    Abort, AbortHalf, Await, Close, CloseSocket, Hear, Pause, PostHalf, Send, SendBinary, SendLetters,
    ShutDown, Take,
};
use At::{End, Frame, Step};

/// The part of a scenario that its steps do not show.
pub(crate) fn script(name: &str) -> &'static [(At, &'static [Act])] {
    match name {
        "post and poll" => &[
            (Step(2), &[Send("one"), SendBinary(&[1, 2, 3]), Send("€"), Send("")]),
            (Step(4), &[Send("late"), Send("later"), Await(3)]),
        ],
        "post body: unexpected pong"
        | "post body: open"
        | "post body: upgrade on polling"
        | "post body: noop" => &[(Step(3), &[Abort(1)])],
        "pending GET aborted by client" => &[(Step(2), &[Abort(1)])],
        "two POSTs at once" => &[(Step(1), &[PostHalf])],
        "POST aborted by client" => &[(End, &[PostHalf, AbortHalf])],
        "server closes with a pending GET" => &[(Step(2), &[Close, Await(1)])],
        "server closes without a pending GET" => &[(Step(1), &[Close])],
        "server closes with buffered packet and no pending GET" => &[(Step(1), &[Send("last"), Close])],
        "heartbeat v4 polling" => &[(Step(2), &[Await(1)]), (Step(5), &[Await(3), Pause(350)])],
        "heartbeat v4: any packet extends the pong deadline once" => {
            &[(Frame(0, 3), &[Pause(100)]), (Frame(0, 4), &[Pause(150)])]
        }
        "gzip above 1024 bytes" => &[
            (Step(1), &[SendLetters(2000)]),
            (Step(2), &[SendLetters(1022)]),
            (Step(3), &[SendLetters(1100)]),
        ],
        "jsonp v4" => &[(Step(2), &[Send("a\u{2028}b\"\n")])],
        "websocket session" => &[
            (Frame(0, 4), &[Send("text"), SendBinary(&[0xff, 0]), Send("")]),
            (Frame(0, 7), &[Hear(3), Close]),
        ],
        "upgrade with pending GET" => {
            &[(Frame(2, 3), &[Await(1), Send("buffered while upgrading")]), (Frame(2, 6), &[Send("after")])]
        }
        "message sent by server while probing goes over polling" => {
            &[(Frame(2, 3), &[Send("x"), Await(1), Take(3), Await(3)])]
        }
        "upgrade: wrong first packet" | "upgrade timeout" => &[(Step(2), &[Send("x")])],
        "upgrade: upgrade packet without a probe is accepted" => &[(Frame(1, 2), &[Pause(60), Send("x")])],
        "upgrade: websocket closed before upgrade packet" => {
            &[(Step(2), &[CloseSocket(1), Pause(50), Send("still polling")])]
        }
        "upgrade: second websocket while upgrading" => &[(Frame(1, 3), &[Take(2)])],
        "second websocket with the sid of a websocket session" => &[(Frame(0, 2), &[Take(1)])],
        "server.close() with one polling and one websocket client" => &[(Frame(2, 2), &[ShutDown])],
        "b64 query on v4 websocket: binary still binary?" => &[(Frame(0, 2), &[SendBinary(&[1, 2, 3])])],
        "v3 handshake polling" => {
            &[(Step(2), &[Send("€"), Send("😀")]), (Step(3), &[Send("€"), SendBinary(&[1, 2, 255])])]
        }
        "v3 b64=1" => &[(Step(1), &[Send("€"), SendBinary(&[1, 2, 255])])],
        "v3 heartbeat polling: client pings" => &[(Step(4), &[Await(1), Pause(450)])],
        "v3 websocket" => &[(Frame(0, 8), &[Send("text"), SendBinary(&[1, 2])])],
        "v3 websocket b64=1" => &[(Frame(0, 2), &[SendBinary(&[1, 2, 3])])],
        "v3 upgrade" => &[(Frame(2, 3), &[Await(1)])],
        "v3 server close polling pending" => &[(End, &[Close, Await(1)])],
        "v3 jsonp" => &[(Step(2), &[Send("x\ny")])],
        "v3 client polling session joined by EIO=4 query on later requests" => &[(Step(1), &[Send("x")])],
        _ => &[],
    }
}

/// Whether the recorded end of a step's WebSocket was the server's doing, there and then. All others were
/// closed by the peer, or left open, at the end of the scenario.
pub(crate) fn server_closes(name: &str, step: usize) -> bool {
    matches!(
        (name, step),
        ("heartbeat v4: any packet extends the pong deadline once", _)
            | ("heartbeat v4 websocket ping timeout", _)
            | ("websocket session", _)
            | ("websocket frame: text garbage", _)
            | ("websocket frame: empty text", _)
            | ("websocket frame: ping (wrong direction)", _)
            | ("websocket frame: ping probe", _)
            | ("websocket message above maxHttpBufferSize", _)
            | ("v3 websocket", _)
            | ("v3 websocket frame: unknown type", _)
            | ("upgrade: wrong first packet", _)
            | ("upgrade: ping without probe", _)
            | ("upgrade timeout", _)
            | ("upgrade: second websocket while upgrading", 2)
            | ("server.close() with one polling and one websocket client", _)
    )
}

/// What `allowRequest` answered, where it refused.
pub(crate) fn refuses_with(name: &str) -> Option<&'static str> {
    match name {
        "allowRequest false with message" | "upgrade request forbidden" => Some("no entry"),
        "allowRequest false without message" => Some("Forbidden"),
        _ => None,
    }
}
