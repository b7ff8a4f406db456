//! Acknowledging by hand.

use std::fmt;

use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::outgoing::EventArguments;

use crate::error::EmitError;
use crate::handler::event::FromEvent;
use crate::handler::outcome::acknowledge;
use crate::hub::Context;
use crate::socket::Socket;

/// The peer's wish for an acknowledgement, as an argument of an event handler.
///
/// It may be kept and answered later; dropped, it answers nothing. [`Reply`](crate::handler::outcome::Reply)
/// is the shorter way where the answer is there at the end.
pub struct Ack {
    socket: Socket,
    id: Option<u64>,
}

impl Ack {
    /// Whether the peer asked for an acknowledgement.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.id.is_some()
    }

    /// Acknowledges: a tuple is several arguments, `()` none, anything else one. Nothing is sent when the
    /// peer asked for nothing, or has gone.
    ///
    /// # Errors
    /// [`EmitError::Encode`] when an argument cannot be serialized.
    pub fn send(self, arguments: impl EventArguments) -> Result<(), EmitError> {
        match self.id {
            Some(id) => self.socket.acknowledge(id, &arguments),
            None => Ok(()),
        }
    }
}

impl Socket {
    fn acknowledge(&self, id: u64, arguments: &impl EventArguments) -> Result<(), EmitError> {
        let (engine, session) = self.parts();
        acknowledge(engine, session, self.namespace(), id, arguments)
    }
}

impl FromEvent for Ack {
    fn from_event(context: &mut Context<'_>) -> Result<Ack, ArgumentError> {
        Ok(Ack { socket: context.socket(), id: context.ack.take() })
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ack").field(&self.id).finish()
    }
}
