//! Closures of the application's that the engine calls on its way: headers of answers, ids, refused requests.
//!
//! None of them is on the way of a message.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;

use crate::body::BoxError;
use crate::refusal::{BadRequest, Refusal};
use crate::sid::Sid;

/// Changes the headers of an answer, given the request.
///
/// ```
/// use http::HeaderValue;
/// use sockeye_engine::hooks::ChangeHeaders;
///
/// let hook = ChangeHeaders::new(|request, headers| {
///     if request.uri.query().is_some_and(|query| query.contains("trace")) {
///         headers.insert("x-node", HeaderValue::from_static("a7"));
///     }
/// });
/// ```
#[derive(Clone)]
pub struct ChangeHeaders(Arc<Change>);

type Change = dyn Fn(&Parts, &mut HeaderMap) + Send + Sync;

impl ChangeHeaders {
    /// A hook that calls `change`, which sees the headers as they would leave and may change them all. It must not
    /// block. Those that frame the answer (`Content-Length`, `Upgrade` and the like) are better left alone.
    pub fn new(change: impl Fn(&Parts, &mut HeaderMap) + Send + Sync + 'static) -> ChangeHeaders {
        ChangeHeaders(Arc::new(change))
    }

    pub(crate) fn change(&self, request: &Parts, headers: &mut HeaderMap) {
        (self.0)(request, headers);
    }
}

impl fmt::Debug for ChangeHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeHeaders")
    }
}

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionError<'r> {
    /// The request, as the engine's middlewares left it.
    pub request: &'r Parts,
    /// Why, with all that is known.
    pub refusal: &'r Refusal,
}

impl ConnectionError<'_> {
    /// The protocol's number, 0 to 5.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.refusal.code()
    }

    /// What the peer is told.
    #[must_use]
    pub fn message(&self) -> String {
        self.refusal.to_string()
    }

    /// Which of the bad requests it is: of code 3, and of foreign origins.
    #[must_use]
    pub fn context(&self) -> Option<BadRequest> {
        self.refusal.context()
    }
}

/// Is told of each request that the engine refuses, with what the peer is told and what it is not.
#[derive(Clone)]
pub struct OnConnectionError(Arc<dyn Fn(&ConnectionError<'_>) + Send + Sync>);

impl OnConnectionError {
    /// A hook that calls `tell`, before the answer leaves. It must not block.
    pub fn new(tell: impl Fn(&ConnectionError<'_>) + Send + Sync + 'static) -> OnConnectionError {
        OnConnectionError(Arc::new(tell))
    }

    pub(crate) fn tell(&self, error: &ConnectionError<'_>) {
        (self.0)(error);
    }
}

impl fmt::Debug for OnConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnConnectionError")
    }
}

type Generating<'r> = Pin<Box<dyn Future<Output = Result<Sid, BoxError>> + Send + 'r>>;

/// Makes the ids of sessions.
///
/// An id is 20 characters of URL-safe base64, as those that the engine makes itself: what identifies a session is
/// its 15 bytes and nothing else. It is a bearer secret, so most of them should be random: a tag of the node in
/// three of them leaves 96 bits, as many as the protocol wants.
///
/// An error refuses the request: 400 and code 3, with [`BadRequest::IdGenerationError`], as does an id that a session
/// has already. What the error says is logged and not told.
///
/// ```
/// use sockeye_engine::hooks::GenerateId;
/// use sockeye_engine::sid::Sid;
///
/// # fn random() -> [u8; 12] { [0; 12] }
/// let ids = GenerateId::new(|_request| {
///     Box::pin(async {
///         let mut bytes = *b"\x00\x00\x07............";
///         bytes[3..].copy_from_slice(&random());
///         Ok(Sid::from_bytes(bytes))
///     })
/// });
/// ```
#[derive(Clone)]
pub struct GenerateId(Arc<dyn for<'r> Fn(&'r Parts) -> Generating<'r> + Send + Sync>);

impl GenerateId {
    /// Ids that `generate` makes, given the request that opens the session.
    pub fn new<F>(generate: F) -> GenerateId
    where
        F: for<'r> Fn(&'r Parts) -> Generating<'r>,
        F: Send + Sync + 'static,
    {
        GenerateId(Arc::new(generate))
    }

    pub(crate) async fn generate(&self, request: &Parts) -> Result<Sid, BoxError> {
        (self.0)(request).await
    }
}

impl fmt::Debug for GenerateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GenerateId")
    }
}
