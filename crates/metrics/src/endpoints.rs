//! `/metrics`, `/healthz`, `/readyz` over HTTP.
//!
//! ```text
//! /metrics   the registry's page: OpenMetrics if the request accepts it, or Prometheus' older text
//! /healthz   200 while the process answers
//! /readyz    200, or 503 while it drains
//! ```
//! Whoever can reach them learns how much the server is used, and a page costs a look at every session: they are for
//! operators, not for the public.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use sockeye_engine::body::Body;
use sockeye_engine::service::not_found;
use sockeye_server::server::Server;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tower_layer::Layer;
use tower_service::Service;

use crate::collector::ServerCollector;
use crate::process::ProcessCollector;
use crate::ready::Ready;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PLAIN: &str = "text/plain; charset=utf-8";

/// Connections that [`Endpoints::serve`] holds at once; others wait to be accepted.
const CONNECTIONS: usize = 64;

/// How long one of them may last: one request and its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long accepting rests when the system has no files left.
const REST: Duration = Duration::from_millis(100);

/// Answers GET and HEAD of `/metrics`, `/healthz` and `/readyz`. A cheap clone.
///
/// As a service it answers all other paths with 404; as a [`Layer`] it stands in front of another service, which gets
/// them. One page is written at a time, on a thread that may block; who asks meanwhile waits.
#[derive(Clone)]
pub struct Endpoints {
    registry: Arc<Registry>,
    ready: Ready,
    /// Whose drain is the end of that.
    server: Option<Server>,
    /// Held while a page is written.
    turn: Arc<Mutex<()>>,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("ready", &self.ready).finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Of one server and its process.
    #[must_use]
    pub fn of(server: &Server) -> Endpoints {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ServerCollector::new(server)));
        registry.register_collector(Box::new(ProcessCollector::default()));
        Endpoints { server: Some(server.clone()), ..Endpoints::new(registry) }
    }

    /// Of a registry of the application's own, with a [`ServerCollector`] in it.
    #[must_use]
    pub fn new(registry: impl Into<Arc<Registry>>) -> Endpoints {
        Endpoints { registry: registry.into(), ready: Ready::default(), server: None, turn: Arc::default() }
    }

    fn is_ready(&self) -> bool {
        self.ready.is_ready() && !self.server.as_ref().is_some_and(Server::is_draining)
    }

    /// What `/readyz` says, to be changed by the application. It says no, too, while the server
    /// [drains](Server::drain), where these endpoints are [of](Endpoints::of) it.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.ready.clone()
    }

    /// Serves them alone, on a listener of their own, for as long as it is polled: at most 64 connections at once, each
    /// for one request and 60 s.
    ///
    /// ```no_run
    /// # async fn doc(server: sockeye_server::server::Server) -> std::io::Result<()> {
    /// let endpoints = sockeye_metrics::Endpoints::of(&server);
    /// let private = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
    /// tokio::spawn(endpoints.clone().serve(private));
    /// # Ok(()) }
    /// ```
    pub async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await.expect("nobody closes it");
            while connections.try_join_next().is_some() {}
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(target: "sockeye::listen", %error, "cannot accept a connection; resting");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(self.clone());
            let connection = Builder::new()
                .header_read_timeout(None)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move {
                // Whoever asked is gone, or neither asks nor reads.
                _ = tokio::time::timeout(PATIENCE, connection).await;
                drop(place);
            });
        }
    }

    /// What a request gets, if it is one of ours.
    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Answering<Infallible>> {
        let endpoint = Endpoint::of(path)?;
        let (endpoints, is_head) = (self.clone(), method == Method::HEAD);
        if method != Method::GET && !is_head {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(Box::pin(async move { Ok(answer.map(Body::full)) }));
        }
        let is_open = accepts_open_metrics(headers);
        Some(Box::pin(async move {
            let mut answer = match endpoint {
                Endpoint::Health => plain(StatusCode::OK, "ok"),
                Endpoint::Readiness if endpoints.is_ready() => plain(StatusCode::OK, "ready"),
                Endpoint::Readiness => plain(StatusCode::SERVICE_UNAVAILABLE, "draining"),
                Endpoint::Metrics => endpoints.page(is_open).await,
            };
            let length = HeaderValue::from(answer.body().len());
            answer.headers_mut().insert(CONTENT_LENGTH, length);
            Ok(answer.map(|text| if is_head { Body::empty() } else { Body::full(text) }))
        }))
    }

    async fn page(&self, is_open: bool) -> Response<String> {
        let turn = self.turn.clone().lock_owned().await;
        let registry = self.registry.clone();
        let written = spawn_blocking(move || {
            let _turn = turn;
            let mut page = String::new();
            let encode = if is_open { text::encode } else { prometheus_text::encode };
            encode(&mut page, &registry).map(|()| page)
        });
        let Ok(Ok(page)) = written.await else {
            tracing::error!(target: "sockeye::metrics", "a page of metrics could not be written");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "no page could be written\n");
        };
        let mut answer = Response::new(page);
        let kind = if is_open { OPEN_METRICS } else { prometheus_text::CONTENT_TYPE };
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}

#[derive(Clone, Copy)]
enum Endpoint {
    Metrics,
    Health,
    Readiness,
}

impl Endpoint {
    fn of(path: &str) -> Option<Endpoint> {
        match path {
            "/metrics" => Some(Endpoint::Metrics),
            "/healthz" => Some(Endpoint::Health),
            "/readyz" => Some(Endpoint::Readiness),
            _ => None,
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<String> {
    let mut answer = Response::new(text.to_owned());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Prometheus asks for it first, and takes the older text as well.
fn accepts_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/openmetrics-text")
    })
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<B> Service<Request<B>> for Endpoints {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.answer(request.method(), request.uri().path(), request.headers());
        answer.unwrap_or_else(|| Box::pin(async { Ok(not_found()) }))
    }
}

impl<S> Layer<S> for Endpoints {
    type Service = Layered<S>;

    fn layer(&self, inner: S) -> Layered<S> {
        Layered { endpoints: self.clone(), inner }
    }
}

/// What [`Endpoints`] make of a service that they stand in front of.
#[derive(Clone, Debug)]
pub struct Layered<S> {
    endpoints: Endpoints,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Layered<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
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
        match self.endpoints.answer(request.method(), request.uri().path(), request.headers()) {
            Some(answer) => Box::pin(async move {
                let Ok(answer) = answer.await;
                Ok(answer)
            }),
            None => {
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(answer.await?.map(Body::stream)) })
            }
        }
    }
}
