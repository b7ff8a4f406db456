//! What runs in front of every request of the engine, in the manner of `engine.use` of the reference.
//!
//! ```text
//! request ─▶ CORS preflight? ─▶ first ─▶ second ─▶ … ─▶ the engine's checks ─▶ answer, with the headers they set
//!                                │ answers, or fails
//!                                ▼
//!                              answer
//! ```
//! Upgrades pass here as well, and their 101 carries the headers. A tower layer around the service is the other way
//! to do such things: it sees the answers too, and works for the rest of the application at once. What only the
//! engine's requests need, where our own accept loop serves them, goes here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{HeaderMap, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderName, Response};

use crate::body::{Body, BoxError};
use crate::log::REQUEST;
use crate::refusal::{BadRequest, Refusal};

/// What becomes of a request that an [`EngineMiddleware`] has seen.
#[derive(Debug)]
pub enum Step {
    /// The next middleware has it, or the engine.
    Next,
    /// This is its answer. A peer that asked for a WebSocket gets it too, instead of the 101.
    Answer(Response<Body>),
}

type Stepping<'r> = Pin<Box<dyn Future<Output = Result<Step, BoxError>> + Send + 'r>>;
type Call = dyn for<'r> Fn(&'r mut Parts, &'r mut HeaderMap) -> Stepping<'r> + Send + Sync;

/// Sees each request of the engine before anything is checked: it may change the request, add headers to the
/// answer, answer it, or fail.
///
/// One that fails refuses the request: 400 and code 3, with [`BadRequest::MiddlewareFailure`]. What the error says is
/// logged and not told.
///
/// Headers that it adds are on the answer whatever the answer is; where the engine sets one of the same name, the
/// engine's stays, but for `Set-Cookie` and `Vary`, of which there may be several.
///
/// ```
/// use http::HeaderValue;
/// use sockeye_engine::middleware::{EngineMiddleware, Step};
///
/// let helmet = EngineMiddleware::new(|_request, headers| {
///     Box::pin(async move {
///         headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
///         Ok(Step::Next)
///     })
/// });
/// ```
#[derive(Clone)]
pub struct EngineMiddleware(Arc<Call>);

impl EngineMiddleware {
    /// A middleware that calls `run` with the request and the headers of its answer so far.
    pub fn new<F>(run: F) -> EngineMiddleware
    where
        F: for<'r> Fn(&'r mut Parts, &'r mut HeaderMap) -> Stepping<'r>,
        F: Send + Sync + 'static,
    {
        EngineMiddleware(Arc::new(run))
    }
}

impl fmt::Debug for EngineMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineMiddleware")
    }
}

/// Runs them one after another, until one does not say [`Step::Next`].
pub(crate) async fn run_all(
    middlewares: &[EngineMiddleware],
    request: &mut Parts,
    headers: &mut HeaderMap,
) -> Result<Step, Refusal> {
    for EngineMiddleware(run) in middlewares {
        match run(request, headers).await {
            Ok(Step::Next) => {}
            Ok(answer) => return Ok(answer),
            Err(error) => {
                tracing::debug!(target: REQUEST, %error, "a middleware of the engine failed");
                return Err(Refusal::BadRequest(BadRequest::MiddlewareFailure));
            }
        }
    }
    Ok(Step::Next)
}

/// Adds the headers that middlewares set to those of an answer.
pub(crate) fn add_headers(added: &HeaderMap, answer: &mut HeaderMap) {
    let is_several = |name: &HeaderName| *name == SET_COOKIE || *name == VARY;
    for name in added.keys() {
        if is_several(name) || !answer.contains_key(name) {
            for value in added.get_all(name) {
                answer.append(name, value.clone());
            }
        }
    }
}
