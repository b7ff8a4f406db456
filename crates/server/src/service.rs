//! The server on the network: an accept loop of our own, a tower service, a layer in front of another.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use sockeye_engine::body::Body;
use sockeye_engine::listen::{NotFound, bind};
use sockeye_engine::service::{EngineLayer, EngineService, Layered};
use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};
use tower_layer::Layer;
use tower_service::Service;

use crate::hub::Hub;
use crate::server::Server;

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address means nothing, or could not be looked up.
    #[error("cannot resolve the address to listen on: {0}")]
    Resolve(#[source] io::Error),
    /// The port is in use, or not ours to take.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Server {
    /// Listens on an address, for ever. Who wants to know where (port 0 is any that is free), or to end it, uses
    /// [`bind`](Server::bind).
    ///
    /// # Errors
    /// [`ListenError`], at once.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> Result<(), ListenError> {
        self.bind(address).await?.serve().await;
        Ok(())
    }

    /// Takes an address, and serves it when it is told to: peers that come meanwhile wait.
    ///
    /// ```no_run
    /// # async fn doc(server: sockeye_server::server::Server) -> Result<(), sockeye_server::service::ListenError> {
    /// let bound = server.bind("127.0.0.1:0").await?;
    /// println!("Listening on http://{}.", bound.address());
    /// bound.serve_until(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn bind(&self, address: impl ToSocketAddrs) -> Result<Bound, ListenError> {
        let mut addresses = lookup_host(address).await.map_err(ListenError::Resolve)?;
        let nothing = || ListenError::Resolve(io::ErrorKind::AddrNotAvailable.into());
        let address = addresses.next().ok_or_else(nothing)?;
        let listener = bind(address).map_err(|source| ListenError::Bind { address, source })?;
        let address = listener.local_addr().map_err(|source| ListenError::Bind { address, source })?;
        Ok(Bound { server: self.clone(), listener, address })
    }

    /// Accepts connections of `listener` until `shutdown` is ready. Then every session closes with `server
    /// shutting down`, and this returns when all have been told, or after 10 s.
    ///
    /// Slow peers are cut: 10 s for the head of a request, 65 s between two of them, unless
    /// [`accept_loop`](crate::server::Builder::accept_loop) says otherwise.
    pub async fn listen_with(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        self.listen_beside(listener, NotFound, shutdown).await;
    }

    /// As [`listen_with`](Server::listen_with), with another service for all requests outside of the server's
    /// path: a page, an API.
    pub async fn listen_beside<S>(&self, listener: TcpListener, others: S, shutdown: impl Future<Output = ()>)
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let server = self.clone();
        let stop = async move {
            shutdown.await;
            let within = server.engine.application().options.drain_timeout;
            if !within.is_zero() {
                server.drain(within).await;
            }
            server.close();
        };
        self.listen.serve(self.engine.clone(), listener, others, stop).await;
    }

    /// The server as a tower service: its own path, and 404 for all others.
    ///
    /// Mount it where the path reaches it whole, on a server that upgrades connections (`with_upgrades` in
    /// hyper). That server then has to cut slow peers.
    #[must_use]
    pub fn service(&self) -> ServerService {
        ServerService(EngineService::new(self.engine.clone()))
    }

    /// The server as a layer in front of another service, such as an axum router:
    /// `router.layer(server.layer())`. Requests outside of its path go through untouched.
    ///
    /// That server has to cut slow peers, to call [`close`](Server::close) as its shutdown begins, since a poll that waits
    /// is a request that is answered, and to say who the peers are, as the extension
    /// [`PeerAddr`](sockeye_engine::peer::PeerAddr) and, over TLS, [`Secure`](sockeye_engine::peer::Secure):
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::{ConnectInfo, Request};
    /// use axum::{Router, middleware};
    /// # use sockeye_engine::peer::PeerAddr;
    /// # async fn doc(server: sockeye_server::server::Server, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    ///
    /// let tells = |ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request| async move {
    ///     request.extensions_mut().insert(PeerAddr(peer));
    ///     request
    /// };
    /// let router = Router::new().layer(server.layer()).layer(middleware::map_request(tells));
    /// axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> ServerLayer {
        ServerLayer(EngineLayer::new(self.engine.clone()))
    }
}

/// A server that has its address, from [`Server::bind`].
#[derive(Debug)]
#[must_use = "nobody is answered until it serves"]
pub struct Bound {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever.
    pub async fn serve(self) {
        self.serve_until(std::future::pending()).await;
    }

    /// Serves until `shutdown` is ready: see [`Server::listen_with`].
    pub async fn serve_until(self, shutdown: impl Future<Output = ()>) {
        self.server.listen_with(self.listener, shutdown).await;
    }
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

/// A server as a tower service, from [`Server::service`]. A cheap clone.
#[derive(Clone, Debug)]
pub struct ServerService(EngineService<Hub>);

impl<B> Service<Request<B>> for ServerService
where
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
        self.0.call(request)
    }
}

/// A server in front of another service, from [`Server::layer`].
#[derive(Clone, Debug)]
pub struct ServerLayer(EngineLayer<Hub>);

impl<S> Layer<S> for ServerLayer {
    type Service = ServerLayered<S>;

    fn layer(&self, inner: S) -> ServerLayered<S> {
        ServerLayered(self.0.layer(inner))
    }
}

/// What [`ServerLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct ServerLayered<S>(Layered<Hub, S>);

impl<S, B, R> Service<Request<B>> for ServerLayered<S>
where
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
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request)
    }
}
