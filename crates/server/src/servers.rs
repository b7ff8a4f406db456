//! What the servers of a namespace emit to each other.
//!
//! On one node a server has only itself to tell, which it does: an application that will run on several can be
//! written, and tried, on one.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::outgoing::{Encoded, EventArguments};
use sockeye_socket_proto::parser::json::encode_event;
use tokio::sync::oneshot;

use crate::acks::Answer;
use crate::emitted::{Emitted, encoded};
use crate::error::{AckError, EmitError, Fault};
use crate::formats::read_again;
use crate::handler::server_side::{Answering, ServerSideContext, start};
use crate::hub::{Engine, Held};
use crate::request::FromReply;
use crate::run::Guarded;

/// How long a server may take to answer: as the reference.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Emits to the servers of a namespace.
pub(crate) fn emit(
    engine: &Arc<Engine>,
    space: &Held,
    name: &str,
    arguments: &impl EventArguments,
) -> Emitted {
    Emitted::many(tell(engine, space, name, arguments, None).map(drop))
}

/// Emits to the servers of a namespace, and asks for their acknowledgements.
pub(crate) fn ask<T>(
    engine: &Arc<Engine>,
    space: &Held,
    name: &str,
    arguments: &impl EventArguments,
) -> ServerSideRequests<T> {
    ServerSideRequests { asked: tell(engine, space, name, arguments, Some(0)), reply: PhantomData }
}

fn tell(
    engine: &Arc<Engine>,
    space: &Held,
    name: &str,
    arguments: &impl EventArguments,
    ack: Option<u64>,
) -> Result<oneshot::Receiver<Answer>, EmitError> {
    let packet = encoded(name, encode_event("/", ack, name, arguments))?;
    let (answer, answered) = oneshot::channel();
    // What cannot be read again is nested too deep to be handled.
    match read(packet).map(|incoming| handle(engine, space, &incoming)) {
        Some(Some(answering)) => {
            let (engine, space, name) = (engine.clone(), space.clone(), name.to_owned());
            engine.runtime().clone().spawn(async move {
                let answered = match finish(&engine, answering).await {
                    Ok(packet) => packet.and_then(read).ok_or(AckError::Unanswered),
                    Err(None) => Err(AckError::TimedOut),
                    Err(Some(fault)) => {
                        let hub = engine.application();
                        hub.report_in(space.space(&hub.spaces), None, &name, fault);
                        Err(AckError::Unanswered)
                    }
                };
                // Whoever asked may have gone.
                drop(answer.send(answered));
            });
        }
        Some(None) | None => drop(answer.send(Err(AckError::Unanswered))),
    }
    Ok(answered)
}

fn read(packet: Encoded) -> Option<Incoming<'static>> {
    read_again(packet.frames())
}

/// Calls the handler of this server, if it has one.
fn handle(engine: &Arc<Engine>, space: &Held, incoming: &Incoming<'_>) -> Option<Answering> {
    let hub = engine.application();
    let space = space.space(&hub.spaces);
    let packet = incoming.packet();
    let event = packet.event()?;
    let handler = space.settings.server_side.read().get(&*event).cloned()?;
    let mut context = ServerSideContext { states: &hub.states, incoming, arguments: packet.arguments() };
    start(&*handler, &mut context).map_err(|fault| hub.report_in(space, None, &event, fault)).ok()
}

/// Awaits a handler, but not for ever. No fault: the time was over.
async fn finish(engine: &Engine, answering: Answering) -> Result<Option<Encoded>, Option<Fault>> {
    let mut limit = engine.runtime().sleep(TIMEOUT);
    let mut answering = Guarded(answering);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut answering).poll(cx) {
            return Poll::Ready(match ended {
                Ok(ended) => ended.map_err(Some),
                Err(panic) => Err(Some(Fault::panic(&*panic))),
            });
        }
        Pin::new(&mut limit).poll(cx).map(|()| Err(None))
    })
    .await
}

/// Acknowledgements to come from servers, from `server_side_emit_with_ack`. The event went out when it was called.
///
/// Awaited, one result for each server that was asked; on one node that is this server itself. Dropping it gives up
/// waiting. Cancel-safe.
#[must_use = "the acknowledgements are ignored unless this is awaited"]
pub struct ServerSideRequests<T> {
    asked: Result<oneshot::Receiver<Answer>, EmitError>,
    reply: PhantomData<fn() -> T>,
}

impl<T> ServerSideRequests<T> {
    pub(crate) fn failed(error: EmitError) -> ServerSideRequests<T> {
        ServerSideRequests { asked: Err(error), reply: PhantomData }
    }
}

impl<T: FromReply> Future for ServerSideRequests<T> {
    type Output = Result<Vec<Result<T, AckError>>, EmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let receiver = match &mut self.asked {
            Ok(receiver) => receiver,
            Err(error) => return Poll::Ready(Err(error.clone())),
        };
        Pin::new(receiver).poll(cx).map(|answer| {
            let answer = answer.unwrap_or(Err(AckError::Unanswered));
            Ok(vec![answer.and_then(|reply| T::from_reply(reply).map_err(AckError::Argument))])
        })
    }
}

impl<T> fmt::Debug for ServerSideRequests<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSideRequests").finish_non_exhaustive()
    }
}
