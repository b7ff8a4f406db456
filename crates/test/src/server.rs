//! The server under test: where clients and time come from.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use sockeye::{Counters, Server};
use tower_service::Service;

use crate::client::Client;
use crate::clock::Clock;
use crate::connector::Connector;
use crate::error::ConnectError;
use crate::host::Host;
use crate::service::{BoxError, Door};

/// A server under test, in this process and without a port. A cheap clone.
#[derive(Clone, Debug)]
pub struct TestServer(Arc<Host>);

impl TestServer {
    /// Tests a server, on the tokio runtime of the caller.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    #[track_caller]
    pub fn new(server: impl Borrow<Server>) -> TestServer {
        TestServer::on(Clock::tokio(), server.borrow())
    }

    pub(crate) fn on(clock: Clock, server: &Server) -> TestServer {
        TestServer(Arc::new(Host {
            clock,
            door: Door::new(server.service()),
            path: server.path().to_owned(),
            before: server.counters(),
            server: Some(server.clone()),
        }))
    }

    /// Tests a server as it stands in an application, behind its layers: `service` is the whole of it, such as
    /// an axum router, and `path` is where the server is, mostly `/socket.io/`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    #[track_caller]
    pub fn behind<S, B>(service: S, path: &str) -> TestServer
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (clock, path) = (Clock::tokio(), path.to_owned());
        let host = Host { clock, door: Door::new(service), path, server: None, before: Counters::default() };
        TestServer(Arc::new(host))
    }

    /// Connects a client to a namespace over a WebSocket.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, namespace: &str) -> Result<Client, ConnectError> {
        self.client().namespace(namespace).connect().await
    }

    /// A client to be, which can be told more before it connects.
    pub fn client(&self) -> Connector {
        Connector::new(self.0.clone())
    }

    /// Moves the clock, from timer to timer: what each wakes runs before the next. Everything that is ready
    /// at the end has happened.
    ///
    /// # Panics
    /// When the clock runs by itself: a test that moves it says `#[tokio::test(start_paused = true)]`, or calls
    /// `tokio::time::pause()` before.
    #[track_caller]
    pub fn advance(&self, duration: Duration) -> impl Future<Output = ()> + use<'_> {
        let clock = &self.0.clock;
        assert!(
            clock.is_moved(),
            "the clock runs by itself: `#[tokio::test(start_paused = true)]` lets a test move it"
        );
        clock.advance(duration)
    }

    /// Waits until everything that is ready has happened: packets have come, handlers wait for something or
    /// have ended. Time stands still meanwhile.
    ///
    /// What happens outside of this thread is not seen: a database at the end of a real connection, or a
    /// blocking task, for which expectations do wait. A task that gives up its turn a hundred times in a row
    /// counts as waiting. On a clock that runs it waits until nothing comes or goes for 10 ms.
    pub async fn settle(&self) {
        self.0.clock.settle().await;
    }
}
