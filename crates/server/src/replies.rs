//! What many answer to one event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::acks::Answers;
use crate::error::{AckError, EmitError};
use crate::id::SocketId;
use crate::request::{FromReply, Read};

/// The answers to come, or why nobody was asked.
pub(crate) type Asked = Result<oneshot::Receiver<Answers>, EmitError>;

/// Acknowledgements to come from many, from `emit_with_ack` of a broadcast. The event went out when it was called.
///
/// Dropping it gives up waiting; the answers are then ignored. Cancel-safe.
#[must_use = "the acknowledgements are ignored unless this is awaited; `emit` asks for none"]
pub struct Requests<T> {
    asked: Asked,
    read: Read<T>,
}

impl<T: FromReply> Requests<T> {
    pub(crate) fn new(asked: Asked) -> Requests<T> {
        Requests { asked, read: T::from_reply }
    }
}

impl<T> Requests<T> {
    /// The same, read otherwise.
    pub(crate) fn read_as<U>(self, read: Read<U>) -> Requests<U> {
        Requests { asked: self.asked, read }
    }
}

impl<T> Future for Requests<T> {
    type Output = Result<Replies<T>, EmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let read = self.read;
        let receiver = match &mut self.asked {
            Ok(receiver) => receiver,
            Err(error) => return Poll::Ready(Err(error.clone())),
        };
        Pin::new(receiver).poll(cx).map(|answers| {
            let replies = answers.unwrap_or_default().into_iter().map(|(socket, answer)| {
                (socket, answer.and_then(|reply| read(reply).map_err(AckError::Argument)))
            });
            Ok(Replies(replies.collect()))
        })
    }
}

impl<T> fmt::Debug for Requests<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

/// The answers to a broadcast that asked for acknowledgements: each socket that was meant, and what it answered, in
/// the order in which the answers came. Those that did not answer in time, or went, are in it as well.
///
/// Iterating gives pairs of a socket's id and its result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replies<T>(Vec<(SocketId, Result<T, AckError>)>);

impl<T> Replies<T> {
    /// How many sockets were meant.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody was meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all that were meant have answered, and as was asked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(|(_, reply)| reply.is_ok())
    }

    /// What was answered.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|(_, reply)| reply.as_ref().ok())
    }

    /// What was answered, to be kept.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.0.into_iter().filter_map(|(_, reply)| reply.ok()).collect()
    }

    /// Who has not answered, and why.
    pub fn missing(&self) -> impl Iterator<Item = (SocketId, &AckError)> {
        self.0.iter().filter_map(|(socket, reply)| Some((*socket, reply.as_ref().err()?)))
    }

    /// What one socket answered, if it was meant.
    #[must_use]
    pub fn of(&self, socket: &SocketId) -> Option<&Result<T, AckError>> {
        self.0.iter().find(|(meant, _)| meant == socket).map(|(_, reply)| reply)
    }

    /// The pairs, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, (SocketId, Result<T, AckError>)> {
        self.0.iter()
    }
}

impl<T> IntoIterator for Replies<T> {
    type Item = (SocketId, Result<T, AckError>);
    type IntoIter = std::vec::IntoIter<(SocketId, Result<T, AckError>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'r, T> IntoIterator for &'r Replies<T> {
    type Item = &'r (SocketId, Result<T, AckError>);
    type IntoIter = std::slice::Iter<'r, (SocketId, Result<T, AckError>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
