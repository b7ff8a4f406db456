//! What can go wrong with a handler, a middleware or an emit.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;
use sockeye_socket_proto::error::{ArgumentError, EncodeError};
use sockeye_socket_proto::value::Value;

use crate::id::SocketId;
use crate::log::EMIT;

/// What a handler failed with. Anything that is an error becomes one, so `?` works; it is none itself.
pub struct HandlerError(Box<dyn Error + Send + Sync>);

impl HandlerError {
    /// An error that is only a message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> HandlerError {
        HandlerError(message.into().into())
    }

    /// The error itself.
    #[must_use]
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> HandlerError {
        HandlerError(Box::new(error))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A middleware's no: the peer gets it as CONNECT_ERROR, its connection stays open.
///
/// What stands in it is public. Spec: `spec/socketio.md` 3.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Refusal {
    /// A refusal with a message for the peer.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { message: Some(message.into()), data: None }
    }

    /// A refusal that says nothing: the payload is `{}`.
    #[must_use]
    pub fn silent() -> Refusal {
        Refusal::default()
    }

    /// Adds data for the peer's `connect_error` handler: anything that JSON can say. Data that refuses to be serialized
    /// is logged, and left out.
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Refusal {
        let json = serde_json::to_string(&data);
        match json.and_then(|json| serde_json::from_str(&json)) {
            Ok(data) => self.data = Some(data),
            Err(error) => tracing::error!(target: EMIT, "the data of a refusal was left out: {error}"),
        }
        self
    }

    /// What peers of protocol 3 are told: its data, or else its message.
    pub(crate) fn bare(&self) -> Value {
        let message = || Value::String(self.message.clone().unwrap_or_default().into_owned());
        self.data.clone().unwrap_or_else(message)
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

/// What went wrong in application code, as its `on_error` is told. Nothing was sent, nothing was closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure<'f> {
    /// The namespace.
    pub namespace: &'f str,
    /// The socket; none where servers talked to each other.
    pub socket: Option<SocketId>,
    /// The event's name; for other handlers `connection`, `disconnecting` or `disconnect`.
    pub event: &'f str,
    /// What went wrong.
    pub cause: Cause,
}

impl Failure<'_> {
    /// Which argument was wrong, counted from 0 behind the event's name.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match &self.cause {
            Cause::Argument(error) => Some(error.position),
            Cause::Error(_) | Cause::Panic(_) => None,
        }
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket {
            Some(socket) => write!(f, "{:?} of {socket} in {}: {}", self.event, self.namespace, self.cause),
            None => write!(f, "{:?} among servers in {}: {}", self.event, self.namespace, self.cause),
        }
    }
}

/// Why a handler did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An argument is missing or of another type than the handler asked for; the handler did not run.
    #[error("{0}")]
    Argument(ArgumentError),
    /// The handler returned an error.
    #[error("{0}")]
    Error(HandlerError),
    /// The handler panicked with this message.
    #[error("panic: {0}")]
    Panic(String),
}

impl Cause {
    /// The cause in a word: `argument`, `error` or `panic`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Cause::Argument(_) => "argument",
            Cause::Error(_) => "error",
            Cause::Panic(_) => "panic",
        }
    }
}

/// How a handler of any kind may end early.
#[derive(Debug)]
#[doc(hidden)]
pub enum Fault {
    Failed(Cause),
    Refused(Refusal),
    /// The socket was gone before the handler could run.
    Gone,
}

impl Fault {
    /// What a panic left.
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Fault {
        let message = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        Fault::Failed(Cause::Panic(message.unwrap_or_else(|| "without a message".to_owned())))
    }
}

impl From<ArgumentError> for Fault {
    fn from(error: ArgumentError) -> Fault {
        Fault::Failed(Cause::Argument(error))
    }
}

impl From<HandlerError> for Fault {
    fn from(error: HandlerError) -> Fault {
        Fault::Failed(Cause::Error(error))
    }
}

/// Why an emit did not go out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket is not connected, or no longer.
    #[error("the socket is not connected")]
    Disconnected,
    /// More waits for the peer than a queue may hold; its session closes.
    #[error("the peer does not read")]
    SlowReader,
    /// It has more attachments than its receivers may take: see
    /// [`max_outgoing_attachments`](crate::server::Builder::max_outgoing_attachments).
    #[error("{count} attachments, and clients may take {limit}")]
    TooManyAttachments {
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The name is reserved, or an argument refused to be serialized.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why no acknowledgement came.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The time was over.
    #[error("operation has timed out")]
    TimedOut,
    /// The socket disconnected before.
    #[error("socket has been disconnected")]
    Disconnected,
    /// So many acknowledgements are outstanding that the event was not sent.
    #[error("{limit} acks are outstanding already")]
    TooMany {
        /// How many may be outstanding.
        limit: usize,
    },
    /// Nobody answers: the server that was asked has no handler for it, or one that acknowledges nothing.
    #[error("nobody answers")]
    Unanswered,
    /// What came is not what was asked for.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The event did not go out.
    #[error(transparent)]
    Emit(#[from] EmitError),
}
