//! The engine as a tower service, and as a layer in front of another.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::Body;
use crate::engine::{Application, Engine};

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

/// Answers the engine's requests, and all others with 404. A cheap clone; it never fails.
///
/// Mount it where the path reaches it whole: a router that strips a prefix takes the engine's path away.
pub struct EngineService<A: Application> {
    engine: Arc<Engine<A>>,
}

impl<A: Application> EngineService<A> {
    /// A service of this engine.
    #[must_use]
    pub fn new(engine: Arc<Engine<A>>) -> EngineService<A> {
        EngineService { engine }
    }
}

impl<A: Application> Clone for EngineService<A> {
    fn clone(&self) -> Self {
        EngineService { engine: self.engine.clone() }
    }
}

impl<A: Application> fmt::Debug for EngineService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineService").field(&self.engine).finish()
    }
}

impl<A, B> Service<Request<B>> for EngineService<A>
where
    A: Application,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let engine = self.engine.clone();
        Box::pin(begun(async move {
            if engine.serves(request.uri().path()) {
                return Ok(engine.handle(request).await);
            }
            Ok(not_found())
        }))
    }
}

/// Puts an engine in front of a service, which gets the requests outside the engine's path.
pub struct EngineLayer<A: Application> {
    engine: Arc<Engine<A>>,
}

impl<A: Application> EngineLayer<A> {
    /// A layer of this engine.
    #[must_use]
    pub fn new(engine: Arc<Engine<A>>) -> EngineLayer<A> {
        EngineLayer { engine }
    }
}

impl<A: Application> Clone for EngineLayer<A> {
    fn clone(&self) -> Self {
        EngineLayer { engine: self.engine.clone() }
    }
}

impl<A: Application> fmt::Debug for EngineLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineLayer").field(&self.engine).finish()
    }
}

impl<A: Application, S> Layer<S> for EngineLayer<A> {
    type Service = Layered<A, S>;

    fn layer(&self, inner: S) -> Layered<A, S> {
        Layered { engine: self.engine.clone(), inner }
    }
}

/// What [`EngineLayer`] makes of a service.
pub struct Layered<A: Application, S> {
    engine: Arc<Engine<A>>,
    inner: S,
}

impl<A: Application, S: Clone> Clone for Layered<A, S> {
    fn clone(&self) -> Self {
        Layered { engine: self.engine.clone(), inner: self.inner.clone() }
    }
}

impl<A: Application, S: fmt::Debug> fmt::Debug for Layered<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").field("engine", &self.engine).field("inner", &self.inner).finish()
    }
}

impl<A, S, B, R> Service<Request<B>> for Layered<A, S>
where
    A: Application,
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Send,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.engine.serves(request.uri().path()) {
            let engine = self.engine.clone();
            let answer = begun(async move { engine.handle(request).await });
            return Box::pin(async move { Ok(answer.await) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(Body::stream)) })
    }
}

/// `answering`, polled once before anybody waits for it.
///
/// A connection that ends right behind its request is dropped by hyper with an answer that was never polled: a GET
/// that wants to wait would leave no trace, and its session would live on until the ping time-out.
pub(crate) fn begun<T>(answering: impl Future<Output = T>) -> impl Future<Output = T> {
    let mut answering = Box::pin(answering);
    // Who waits for it polls it again at once, with a waker that wakes.
    let first = answering.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    async move {
        match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => answering.await,
        }
    }
}

/// The answer to a request that nobody serves.
#[must_use]
pub fn not_found() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}
