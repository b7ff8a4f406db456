//! An event that waits for its acknowledgement.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::de::DeserializeOwned;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::error::ArgumentError;
use tokio::sync::oneshot;

use crate::acks::{Answer, Waiting};
use crate::connection::{AckRefused, Stay};
use crate::error::AckError;
use crate::hub::{Engine, Session, Space};

/// What an acknowledgement can be read as: any type that can be deserialized, from the first argument, or
/// [`Args`](crate::handler::args::Args), which are all of them.
pub trait FromReply: Sized + Send + 'static {
    /// Reads it.
    ///
    /// # Errors
    /// When the argument is missing, or of another type.
    #[doc(hidden)]
    fn from_reply(reply: Incoming<'static>) -> Result<Self, ArgumentError>;
}

impl<T: DeserializeOwned + Send + 'static> FromReply for T {
    fn from_reply(reply: Incoming<'static>) -> Result<T, ArgumentError> {
        reply.packet().arguments().next_as()
    }
}

/// An acknowledgement to come, from `emit_with_ack`. The event went out when it was called.
///
/// Dropping it gives up waiting; the answer is then ignored. Cancel-safe.
#[must_use = "the acknowledgement is ignored unless this is awaited; `emit` asks for none"]
pub struct Request<T> {
    session: Arc<Session>,
    stay: Stay,
    id: u64,
    state: State,
    read: Read<T>,
}

/// Reads an acknowledgement.
pub(crate) type Read<T> = fn(Incoming<'static>) -> Result<T, ArgumentError>;

enum State {
    Failed(AckError),
    Waits(oneshot::Receiver<Answer>),
    Over,
}

impl<T> Future for Request<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, AckError>> {
        let state = &mut self.state;
        let answer = match std::mem::replace(state, State::Over) {
            State::Failed(error) => Err(error),
            State::Waits(mut receiver) => match Pin::new(&mut receiver).poll(cx) {
                Poll::Pending => {
                    *state = State::Waits(receiver);
                    return Poll::Pending;
                }
                Poll::Ready(answer) => answer.unwrap_or(Err(AckError::Disconnected)),
            },
            State::Over => Err(AckError::Disconnected),
        };
        Poll::Ready(answer.and_then(|reply| (self.read)(reply).map_err(AckError::Argument)))
    }
}

impl<T> Drop for Request<T> {
    fn drop(&mut self) {
        if let State::Waits(_) = self.state {
            drop(self.session.connection().take_ack(self.stay, self.id));
        }
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Registers who waits for the ack with that id.
pub(crate) fn await_ack(
    engine: &Arc<Engine>,
    session: &Arc<Session>,
    stay: Stay,
    id: u64,
    timeout: Option<Duration>,
    waiting: Waiting,
) -> Result<(), AckError> {
    let options = &engine.application().options;
    let deadline = timeout.map(|timeout| engine.now().after(Tick::ticks(timeout)));
    let limits = (options.ack_limit, options.lane_limit);
    match session.connection().await_ack(stay, id, deadline, waiting, limits) {
        Ok(readers) => {
            if let Some(deadline) = deadline {
                engine.schedule(session, deadline);
            }
            readers.into_iter().for_each(Waker::wake);
            Ok(())
        }
        Err(AckRefused::Gone) => Err(AckError::Disconnected),
        Err(AckRefused::TooMany) => {
            engine.application().tally.acks_refused.add_one();
            Err(AckError::TooMany { limit: options.ack_limit })
        }
    }
}

impl<T> Request<T> {
    /// The same, read otherwise.
    pub(crate) fn read_as<U>(mut self, read: Read<U>) -> Request<U> {
        let state = std::mem::replace(&mut self.state, State::Over);
        Request { session: self.session.clone(), stay: self.stay, id: self.id, state, read }
    }
}

impl<T: FromReply> Request<T> {
    /// Asks: registers the ack, then sends with `send`.
    pub(crate) fn new(
        engine: &Arc<Engine>,
        session: &Arc<Session>,
        space: &Space,
        stay: Stay,
        timeout: Option<Duration>,
        send: impl FnOnce(u64) -> Result<(), AckError>,
    ) -> Request<T> {
        let timeout = timeout.or(engine.application().options.ack_timeout);
        let id = space.next_ack.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        // Registered first: the answer may come before `send` returns.
        let asked = await_ack(engine, session, stay, id, timeout, Waiting::One(sender))
            .and_then(|()| send(id).inspect_err(|_| drop(session.connection().take_ack(stay, id))));
        let state = match asked {
            Ok(()) => State::Waits(receiver),
            Err(error) => State::Failed(error),
        };
        Request { session: session.clone(), stay, id, state, read: T::from_reply }
    }
}
