//! The first packet of a session.

use serde::Deserialize;
use sockeye::engine::proto::packet::{Decoded, Packet};

use crate::error::ConnectError;

/// What a client needs of it.
#[derive(Deserialize)]
struct Open {
    sid: String,
}

/// The id of the session.
pub(crate) fn sid(packet: &str) -> Result<String, ConnectError> {
    let not_understood = || ConnectError::NotUnderstood(packet.to_owned());
    let Ok(Decoded::Packet(Packet::Open(open))) = Decoded::from_text(packet) else {
        return Err(not_understood());
    };
    let open: Open = serde_json::from_str(open).map_err(|_| not_understood())?;
    Ok(open.sid)
}
