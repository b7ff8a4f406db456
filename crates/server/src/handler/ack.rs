//! Acknowledging by hand.

use std::fmt;

use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::outgoing::EventArguments;

use crate::error::EmitError;
use crate::handler::event::FromEvent;
use crate::handler::outcome::acknowledge;
use crate::hub::{Context, Wanted};
use crate::socket::Socket;

/// The peer's wish for an acknowledgement, as an argument of an event handler.
///
/// It may be kept and answered later; dropped, it answers nothing. [`Reply`](crate::handler::outcome::Reply)
/// is the shorter way where the answer is there at the end.
pub struct Ack {
    socket: Socket,
    wanted: Option<Wanted>,
}

impl Ack {
    /// Whether the peer asked for an acknowledgement.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// Acknowledges: a tuple is several arguments, `()` none, anything else one. Nothing is sent when the
    /// peer asked for nothing, has gone or left and come in again, or has been answered already: by a middleware of the socket's events, or a
    /// handler of every event.
    ///
    /// # Errors
    /// [`EmitError::Encode`] when an argument cannot be serialized.
    pub fn send(self, arguments: impl EventArguments) -> Result<(), EmitError> {
        match &self.wanted {
            Some(wanted) => self.socket.acknowledge(wanted, &arguments),
            None => Ok(()),
        }
    }
}

impl Socket {
    fn acknowledge(&self, wanted: &Wanted, arguments: &impl EventArguments) -> Result<(), EmitError> {
        let (engine, session) = self.parts();
        acknowledge(engine, session, Some(self.stay()), self.namespace(), wanted, arguments)
    }
}

impl FromEvent for Ack {
    fn from_event(context: &mut Context<'_>) -> Result<Ack, ArgumentError> {
        Ok(Ack { socket: context.socket(), wanted: context.ack.take() })
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ack").field(&self.wanted.as_ref().map(|wanted| wanted.id)).finish()
    }
}
