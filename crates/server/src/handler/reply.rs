//! The answer that a handler returns.

/// Acknowledges the event with these arguments: a tuple is several, `()` none, anything else one.
///
/// Where the peer asked for no acknowledgement, or an [`Ack`](crate::handler::ack::Ack) argument took it,
/// nothing is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reply<T>(pub T);
