//! What an emit to one socket gives back: nothing to worry about, or something to wait for.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use sockeye_engine::side::SendError;
use sockeye_socket_proto::error::EncodeError;
use sockeye_socket_proto::outgoing::Encoded;

use crate::connection::Stay;
use crate::error::EmitError;
use crate::hub::{Engine, Session, Space, frames};
use crate::log::EMIT;
use crate::outgoing_listeners::Outgoing;
use crate::recovery::numbered;

/// An emit that happened: the event is queued, in order behind all that was emitted to the socket before, and
/// no call waited for the peer.
///
/// May be ignored. Awaited, it waits until less than the soft limit is queued for the peer, so that a loop
/// that awaits never fills memory. Returned from a handler it acknowledges nothing.
pub struct Emitted {
    result: Result<(), EmitError>,
    to: Option<(Arc<Engine>, Arc<Session>)>,
}

impl Emitted {
    /// To one socket.
    pub(crate) fn one(
        engine: &Arc<Engine>,
        session: &Arc<Session>,
        result: Result<(), EmitError>,
    ) -> Emitted {
        let to = result.is_ok().then(|| (engine.clone(), session.clone()));
        Emitted { result, to }
    }

    /// To many, who are not waited for.
    pub(crate) fn many(result: Result<(), EmitError>) -> Emitted {
        Emitted { result, to: None }
    }

    /// What became of it, without waiting.
    ///
    /// # Errors
    /// See [`EmitError`].
    pub fn result(&self) -> Result<(), EmitError> {
        self.result.clone()
    }
}

impl IntoFuture for Emitted {
    type Output = Result<(), EmitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<(), EmitError>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if let Some((engine, session)) = &self.to {
                engine.room(session).await;
            }
            self.result
        })
    }
}

impl fmt::Debug for Emitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Emitted").field(&self.result).finish()
    }
}

/// What the application asked for could not be said: it hears of it even if it ignores the answer.
pub(crate) fn encoded(name: &str, encoded: Result<Encoded, EncodeError>) -> Result<Encoded, EmitError> {
    encoded.map_err(|error| {
        tracing::error!(target: EMIT, event = name, "an event was not emitted: {error}");
        EmitError::Encode(error)
    })
}

/// How an event is emitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Emit {
    Plain,
    /// Dropped where it cannot leave at once.
    Volatile,
    /// An acknowledgement is asked for: it is never sent again.
    Asking,
}

/// Sends an event to one socket, and counts it.
pub(crate) fn send(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    space: &Space,
    stay: Stay,
    mut packet: Encoded,
    kind: Emit,
) -> Result<(), EmitError> {
    if let Some(keeper) = space.keeper.as_ref().filter(|_| kind != Emit::Asking) {
        let frames = numbered::send(engine, session, space, keeper, stay, &packet, kind == Emit::Volatile)?;
        engine.application().tally.sent.add_one();
        if let Some(outgoing) = Outgoing::new(engine.application(), space, &frames) {
            outgoing.tell(engine, session, space, stay);
        }
        return Ok(());
    }
    if !session.connection().may_hear(stay) {
        return Err(EmitError::Disconnected);
    }
    engine.application().finish(&mut packet)?;
    let outgoing = Outgoing::new(engine.application(), space, packet.frames());
    let sent = if kind == Emit::Volatile {
        engine.send_volatile(session, frames(packet))
    } else {
        engine.send(session, frames(packet)).map(|()| true)
    };
    let is_queued = sent.map_err(|error| match error {
        SendError::SlowReader => EmitError::SlowReader,
        _ => EmitError::Disconnected,
    })?;
    if !is_queued {
        return Ok(());
    }
    engine.application().tally.sent.add_one();
    if let Some(outgoing) = outgoing {
        outgoing.tell(engine, session, space, stay);
    }
    Ok(())
}
