//! A packet of ours, read as one that came in: for handlers of what goes out, and of what goes to ourselves.

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH};

/// Reads the frames of one packet. `None` when it is nested deeper than a packet may be.
pub(crate) fn read_again<'f>(frames: impl IntoIterator<Item = &'f Frame>) -> Option<Incoming<'static>> {
    let limits = Limits { depth: MAX_DEPTH, packet_bytes: usize::MAX, attachments: u32::MAX };
    let mut assembly = Assembly::new();
    let mut complete = None;
    for frame in frames {
        let message = if frame.is_binary() {
            Message::Binary(frame.packet())
        } else {
            // Behind the digit of an Engine.IO message.
            Message::Text(std::str::from_utf8(frame.packet().get(1..)?).ok()?)
        };
        complete = assembly.handle_message(message, &limits).ok()?;
    }
    complete.map(Incoming::into_owned)
}
