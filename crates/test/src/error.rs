//! What can go wrong between a client and the server that a test may want to see.

use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use sockeye::Value;
use sockeye_socket_proto::error::ArgumentError;

use crate::reason::Reason;

/// Why a client did not connect, or did not move to another technique.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The namespace refused: a middleware said no, or there is no such namespace.
    #[error("{namespace} refused: {}", message.as_deref().unwrap_or("it did not say why"))]
    Refused {
        /// The namespace.
        namespace: String,
        /// Its words.
        message: Option<String>,
        /// What it added to them.
        data: Option<Value>,
    },
    /// The request was answered with an error before there was a session.
    #[error("the server answered {status}: {body}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The text of the answer.
        body: String,
    },
    /// The connection ended before.
    #[error("disconnected meanwhile: {0}")]
    Disconnected(Reason),
    /// Nothing came within the client's patience.
    #[error("no answer within {limit:?}")]
    TimedOut {
        /// How long it waited.
        limit: Duration,
    },
    /// The server answered what no client understands.
    #[error("the server's answer is not understood: {0}")]
    NotUnderstood(String),
}

impl ConnectError {
    /// The words of a refusal.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            ConnectError::Refused { message, .. } => message.as_deref(),
            _ => None,
        }
    }

    /// The data of a refusal, read as a `T`. `None` when there is none, or it is no `T`.
    #[must_use]
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        let ConnectError::Refused { data: Some(data), .. } = self else { return None };
        serde_json::from_value(serde_json::to_value(data).ok()?).ok()
    }
}

/// Why no acknowledgement came.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// Nothing came within the client's patience.
    #[error("{event:?} was not acknowledged within {limit:?}")]
    TimedOut {
        /// The event that was sent.
        event: String,
        /// How long it waited.
        limit: Duration,
    },
    /// The socket disconnected before.
    #[error("disconnected before {event:?} was acknowledged: {reason}")]
    Disconnected {
        /// The event that was sent.
        event: String,
        /// Why it disconnected.
        reason: Reason,
    },
    /// What came is not what was asked for.
    #[error("the acknowledgement of {event:?}: {cause}; it was {found}")]
    Arguments {
        /// The event that was sent.
        event: String,
        /// What is wrong.
        cause: ArgumentsError,
        /// What came.
        found: String,
    },
}

/// Why arguments are not what the test asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// There are more or fewer than the type has places.
    #[error("expected {expected} arguments, got {found}")]
    Count {
        /// How many the type takes.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// One is of another type, or missing.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}
