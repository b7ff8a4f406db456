//! The answer that a handler returns.

/// Acknowledges the event with these arguments: a tuple is several, `()` none, anything else one.
///
/// Where the peer asked for no acknowledgement, or an [`Ack`](crate::handler::ack::Ack) argument took it,
/// nothing is sent; nor when the peer has left the namespace and come in again meanwhile, since what it asks now may have
/// the same id.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reply<T>(pub T);
