//! The application's say on who may open a session.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;

/// What [`AllowRequest`] answers: nothing, or the reason that the peer is told.
pub type Verdict = Result<(), Cow<'static, str>>;

type Ask = dyn for<'r> Fn(&'r Parts) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'r>> + Send + Sync;

/// Asked about every request that would open a session, before it does.
///
/// A refused peer gets 403 and code 4 with the reason, or 400 and the reason when it asked for a WebSocket.
///
/// ```
/// use sockeye_engine::gate::AllowRequest;
///
/// let gate = AllowRequest::new(|request| {
///     Box::pin(async move {
///         if request.headers.contains_key("authorization") { Ok(()) } else { Err("who are you?".into()) }
///     })
/// });
/// ```
#[derive(Clone)]
pub struct AllowRequest(Arc<Ask>);

impl AllowRequest {
    /// A gate that asks `ask`.
    pub fn new<F>(ask: F) -> AllowRequest
    where
        F: for<'r> Fn(&'r Parts) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'r>>,
        F: Send + Sync + 'static,
    {
        AllowRequest(Arc::new(ask))
    }

    pub(crate) async fn ask(&self, request: &Parts) -> Verdict {
        (self.0)(request).await
    }
}

impl fmt::Debug for AllowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AllowRequest")
    }
}
