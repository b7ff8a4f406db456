//! The application's say on who may open a session, or move one.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use sockeye_engine_proto::session::Wire;

/// What [`AllowRequest`] answers: nothing, or the reason that the peer is told.
pub type Verdict = Result<(), Cow<'static, str>>;

type Ask = dyn for<'r> Fn(Asking<'r>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'r>> + Send + Sync;

/// A request that [`AllowRequest`] is asked about: its parts, and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'r> {
    request: &'r Parts,
    purpose: Purpose,
    sender: Sender,
}

/// Who sends a request, as far as the connection and trusted proxies say it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) secure: bool,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// It opens a session on this wire.
    Open(Wire),
    /// It asks that this wire take over a session that there is, whose id it knows.
    Move(Wire),
}

impl<'r> Asking<'r> {
    pub(crate) fn new(request: &'r Parts, purpose: Purpose, sender: Sender) -> Asking<'r> {
        Asking { request, purpose, sender }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &'r Parts {
        self.request
    }

    /// The client's address: the connection's, or what [trusted proxies](crate::options::Options::trusted_proxies) say. `None`
    /// where whoever serves the connections did not tell, by [`PeerAddr`](crate::peer::PeerAddr).
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.sender.address
    }

    /// Whether the client speaks TLS, to us or to a trusted proxy.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.sender.secure
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// The request's parts.
impl Deref for Asking<'_> {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        self.request
    }
}

/// Asked about every request that would open a session or move one to another wire, before it does. Other requests
/// of a session are not asked about: that they know its id is enough.
///
/// A refused peer gets 403 and code 4 with the reason, or 400 and the reason when it asked for a WebSocket. A session
/// that may not move stays where it is. Mind that a browser opens WebSockets and event streams without headers of the
/// page's own: a gate that wants one of those asks for it in [`Purpose::Open`] over polling alone.
///
/// ```
/// use sockeye_engine::gate::{AllowRequest, Purpose};
///
/// let gate = AllowRequest::new(|request| {
///     Box::pin(async move {
///         match request.purpose() {
///             Purpose::Open(_) if !request.headers.contains_key("authorization") => Err("who are you?".into()),
///             _ => Ok(()),
///         }
///     })
/// });
/// ```
#[derive(Clone)]
pub struct AllowRequest(Arc<Ask>);

impl AllowRequest {
    /// A gate that asks `ask`.
    pub fn new<F>(ask: F) -> AllowRequest
    where
        F: for<'r> Fn(Asking<'r>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'r>>,
        F: Send + Sync + 'static,
    {
        AllowRequest(Arc::new(ask))
    }

    pub(crate) async fn ask(&self, asking: Asking<'_>) -> Verdict {
        (self.0)(asking).await
    }
}

impl fmt::Debug for AllowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AllowRequest")
    }
}
