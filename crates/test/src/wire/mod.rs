//! What carries a connection: a task that brings packets and takes them.

pub(crate) mod http;
mod open_packet;
mod stream;
pub(crate) mod websocket;

use std::sync::Arc;

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::line::Orders;
use crate::reason::Reason;
use crate::requests::Requests;
use crate::transport::Transport;
use crate::wire::http::{Ended, Http};
use crate::wire::open_packet::sid;
use crate::wire::websocket::WebSocket;

/// An open session's wire.
pub(crate) enum Wire {
    Http(Box<Http>),
    WebSocket(WebSocket),
}

/// Opens a session. Packets that came behind the open packet come with it.
pub(crate) async fn open(
    requests: Requests,
    transport: Transport,
) -> Result<(Wire, Vec<String>), ConnectError> {
    if transport != Transport::WebSocket {
        let (http, packets) = Http::open(requests, transport).await?;
        return Ok((Wire::Http(Box::new(http)), packets));
    }
    let mut socket = WebSocket::open(&requests, None).await?;
    sid(&socket.text().await?)?;
    Ok((Wire::WebSocket(socket), Vec::new()))
}

/// Carries the connection until it ends.
pub(crate) async fn carry(wire: Wire, packets: Vec<String>, connection: Arc<Connection>, mut orders: Orders) {
    let carried = async {
        for packet in packets {
            if let Err(reason) = connection.receive_text(&packet) {
                return reason;
            }
        }
        let socket = match wire {
            Wire::WebSocket(socket) => socket,
            Wire::Http(http) => match http.carry(&connection, &mut orders).await {
                Ended::Reason(reason) => return reason,
                Ended::Upgraded(socket) => socket,
            },
        };
        socket.carry(&connection, &mut orders).await
    };
    // Cut, the wire is dropped with whatever it was doing.
    let reason = tokio::select! {
        biased;
        () = connection.wait_for_cut() => Reason::TransportClose,
        reason = carried => reason,
    };
    connection.end(reason);
}
