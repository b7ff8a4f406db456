//! Why a load could not be put on a server.

use std::{future::Future, io, time::Duration};

use crate::history::Wrong;
use sockeye_websocket::{error::ProtocolError, handshake::HandshakeError};

/// How long anything may take that was asked of the server.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why a scenario ended without figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The connection could not be opened, read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server ended a connection that the scenario still needed.
    #[error("the server closed a connection")]
    Closed,
    /// The WebSocket handshake was not answered as it should be.
    #[error("the handshake failed: {0}")]
    Handshake(#[from] HandshakeError),
    /// The server's frames break the protocol.
    #[error("the server's frames break the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// Something else came than what was asked for.
    #[error("expected {expected}, got {found}")]
    Unexpected {
        /// What was asked for.
        expected: &'static str,
        /// What came, cut after a few words.
        found: String,
    },
    /// What was asked for did not come within [`PATIENCE`].
    #[error("no {what} within {} s", PATIENCE.as_secs())]
    Late {
        /// What was asked for.
        what: &'static str,
    },
    /// What came is not what was sent: something is lost, doubled or out of order.
    #[error("socket {socket}: {what}: {wrong}")]
    History {
        /// The number of who noticed.
        socket: usize,
        /// Of what.
        what: String,
        /// What is wrong.
        wrong: Wrong,
    },
    /// A connection that was cut did not come back as what it was.
    #[error("socket {socket} was not recovered")]
    NotRecovered {
        /// Its number.
        socket: usize,
    },
    /// A task of the generator ended by a panic.
    #[error("a task of the generator failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The scenario cannot be run as it was described.
    #[error("{0}")]
    Impossible(String),
}

impl LoadError {
    /// [`LoadError::Unexpected`] with what came cut to a line.
    pub(crate) fn unexpected(expected: &'static str, found: &str) -> Self {
        const LINE: usize = 120;
        Self::Unexpected { expected, found: found.chars().take(LINE).collect() }
    }
}

/// `work`, for at most [`PATIENCE`].
pub(crate) async fn patiently<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, LoadError>>,
) -> Result<T, LoadError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| LoadError::Late { what })?
}
