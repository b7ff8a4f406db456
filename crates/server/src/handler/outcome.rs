//! What a handler may return.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use sockeye_socket_proto::outgoing::EventArguments;
use sockeye_socket_proto::parser::json::encode_ack;

use crate::connection::Stay;
use crate::emitted::Emitted;
use crate::error::{EmitError, Fault, HandlerError, Refusal};
use crate::formats::read_again;
pub use crate::handler::reply::Reply;
use crate::hub::{Context, Engine, Later, Session, Turn, Wanted, frames};

/// What a handler may return: `()`, what an emit gave back, [`Reply`], and each of them in a
/// `Result<_, HandlerError>`.
///
/// `()` and what an emit gave back acknowledge nothing.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "this handler's answer",
    note = "a handler returns `()`, what `emit` returned, `Reply(value)` to acknowledge, or a `Result` of one of them with `HandlerError`"
)]
pub trait Outcome {
    /// Does what the handler's answer asks for.
    #[doc(hidden)]
    fn finish(self, answer: &Answer<'_>) -> Result<(), HandlerError>;
}

/// Where a handler's answer goes.
pub struct Answer<'a> {
    engine: &'a Arc<Engine>,
    session: &'a Arc<Session>,
    stay: Stay,
    ack: Option<&'a Wanted>,
    /// The handler has not waited: the peer cannot have left and come in again.
    at_once: bool,
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ack", &self.ack).finish_non_exhaustive()
    }
}

impl Outcome for () {
    fn finish(self, _answer: &Answer<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl Outcome for Emitted {
    fn finish(self, _answer: &Answer<'_>) -> Result<(), HandlerError> {
        match self.result() {
            // The peer has gone: nothing that the handler did wrong.
            Ok(()) | Err(EmitError::Disconnected | EmitError::SlowReader) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<T: EventArguments> Outcome for Reply<T> {
    fn finish(self, answer: &Answer<'_>) -> Result<(), HandlerError> {
        match answer.ack {
            Some(wanted) => {
                let space = answer.engine.application().space(answer.stay.namespace);
                let asked_in = (!answer.at_once).then_some(answer.stay);
                Ok(acknowledge(answer.engine, answer.session, asked_in, &space.name, wanted, &self.0)?)
            }
            None => Ok(()),
        }
    }
}

impl<O: Outcome> Outcome for Result<O, HandlerError> {
    fn finish(self, answer: &Answer<'_>) -> Result<(), HandlerError> {
        self?.finish(answer)
    }
}

/// Sends an ack. Order and limits are those of an emit. Nothing is sent to who has left the stay that it was asked in and come
/// in again, if that can be.
pub(crate) fn acknowledge<A: EventArguments + ?Sized>(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    asked_in: Option<Stay>,
    name: &str,
    wanted: &Wanted,
    arguments: &A,
) -> Result<(), EmitError> {
    let hub = engine.application();
    let mut ack = encode_ack(name, wanted.id, arguments)?;
    let running = wanted.running();
    let answer = running.and_then(|_| read_again(ack.frames()).map(Box::new));
    hub.finish(&mut ack)?;
    if !wanted.claim() {
        return Ok(());
    }
    if let Some((running, answer)) = running.zip(answer) {
        running.answer(*answer, engine.now(), &hub.options.deduplication);
    }
    if asked_in.is_none_or(|stay| session.connection().may_be_answered(stay)) {
        hub.tally.acks_sent.add_one();
        // A peer that has gone wants no answer any more.
        engine.send(session, frames(ack)).ok();
    }
    Ok(())
}

/// Polls a handler once, where it was called.
pub(crate) fn poll_once<F>(handler: F, context: &Context<'_>) -> Result<Turn, Fault>
where
    F: Future<Output: Outcome> + Send + 'static,
{
    let mut handler = Box::pin(handler);
    let stay = context.stay;
    if let Poll::Ready(outcome) = handler.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        let ack = context.ack.as_ref();
        outcome.finish(&Answer {
            engine: context.engine,
            session: context.session,
            stay,
            ack,
            at_once: true,
        })?;
        return Ok(Turn::Done);
    }
    let (engine, session, ack) = (context.engine.clone(), context.session.clone(), context.ack.clone());
    let later: Later = Box::pin(async move {
        let outcome = handler.await;
        outcome.finish(&Answer {
            engine: &engine,
            session: &session,
            stay,
            ack: ack.as_ref(),
            at_once: false,
        })?;
        Ok(())
    });
    Ok(Turn::Waits(later))
}

/// Polls a middleware once, where it was called.
pub(crate) fn poll_middleware_once<F>(middleware: F) -> Result<Turn, Fault>
where
    F: Future<Output = Result<(), Refusal>> + Send + 'static,
{
    let mut middleware = Box::pin(middleware);
    match middleware.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map(|()| Turn::Done).map_err(Fault::Refused),
        Poll::Pending => Ok(Turn::Waits(Box::pin(async move { middleware.await.map_err(Fault::Refused) }))),
    }
}
