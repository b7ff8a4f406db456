//! An accept loop of our own: HTTP/1.1 over TCP, with a limit on everything a peer can be slow at.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use sockeye_engine::{engine::{Application, Engine}, listen::{Listen, NotFound, bind}};
//! # async fn doc<A: Application>(engine: Arc<Engine<A>>) -> std::io::Result<()> {
//! let listener = bind("127.0.0.1:3000".parse().expect("an address"))?;
//! Listen::default().serve(engine, listener, NotFound, std::future::pending()).await;
//! # Ok(()) }
//! ```
//! Servers of others can do without it (see [`service`](crate::service)), and then look after slow peers
//! themselves.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::counters::HttpLimit;
use crate::engine::{Application, Engine};
use crate::entrance::prefix;
use crate::guarded::{Cut, Guarded, Overdue, Patience, Served, Serving};
use crate::log::LISTEN;
use crate::peer::PeerAddr;
use crate::proxies::TrustedProxies;
use crate::proxy_protocol::{Source, read_source};
use crate::service::{begun, not_found};

/// Connections that the system holds for us between two accepts.
const BACKLOG: i32 = 4096;

/// The least that hyper reads a head into.
const MIN_HEAD: usize = 8 * 1024;

/// How long the loop rests when the process can open no more files: some will close meanwhile.
const REST: Duration = Duration::from_millis(100);

/// Options of the accept loop.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listen {
    /// From the first byte of a request's head to its end. Default 10 s. Beyond it the connection is cut, even
    /// if a byte comes each second.
    pub head_timeout: Duration,
    /// How long a connection may be idle between requests, or before its first. Default 65 s, over the 60 s
    /// that balancers commonly keep one. Beyond it the connection is closed.
    pub keep_alive: Duration,
    /// How long no byte of an answer may leave. Default 30 s. Beyond it the connection is cut.
    pub write_timeout: Duration,
    /// Bytes of a request's head. Default 64 KiB, at least 8 KiB. Beyond it the answer is 431.
    pub max_head: usize,
    /// HTTP connections that may be open; those that became WebSockets are none any more. Default 100,000. One more is
    /// closed at once.
    pub max_connections: usize,
    /// The same, from one address, or from one network of IPv6 (/64). Default 1,000; addresses of private networks are
    /// not counted, as they are proxies. One more is closed at once. Where a balancer names the client, that is who is
    /// counted.
    pub connections_per_address: usize,
    /// Whose connections begin with a header of the PROXY protocol, version 1 or 2: balancers that hand on TCP. The source
    /// that it names is the connection's address from there on; where it names none, nobody's headers are believed. Default nobody's; then no header is looked for. A
    /// connection of theirs whose header is malformed, over 4 KiB, or not there within
    /// [`head_timeout`](Listen::head_timeout) is closed.
    pub proxy_protocol: TrustedProxies,
    /// How long connections may finish their answers once the loop is told to stop. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            head_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(65),
            write_timeout: Duration::from_secs(30),
            max_head: 64 * 1024,
            max_connections: 100_000,
            connections_per_address: 1_000,
            proxy_protocol: TrustedProxies::default(),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// A listener on `address` with a backlog for crowds. Its port may be taken again at once after a restart.
///
/// # Errors
/// What the system says: most often that the port is in use, or not ours to take.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

impl Listen {
    /// Serves the engine's requests, and gives all others to `fallback`, until `stop` is ready.
    ///
    /// Then nothing is accepted any more, connections without a whole request close, half a head or not, and those
    /// that answer have a while to end.
    /// Sessions are the caller's to close ([`Engine::shut_down`]), before or meanwhile: a GET that waits is
    /// answered by that. Returns when no HTTP connection is left, or time is over.
    pub async fn serve<A, F>(
        &self,
        engine: Arc<Engine<A>>,
        listener: TcpListener,
        fallback: F,
        stop: impl Future<Output = ()>,
    ) where
        A: Application,
        F: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
        F: Clone + Send + Sync + 'static,
        F::Future: Send,
    {
        let (alive, _) = watch::channel(());
        let crowd = Arc::new(Crowd::default());
        let mut stop = pin!(stop);
        loop {
            let accepted = poll_fn(|cx| match stop.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => listener.poll_accept(cx).map(Some),
            });
            match accepted.await {
                None => break,
                Some(Ok((stream, address))) => {
                    let limits = (self.max_connections, self.connections_per_address);
                    // What comes from a proxy comes from everybody.
                    let is_proxy = engine.options().trusted_proxies.contains(address.ip())
                        || self.proxy_protocol.contains(address.ip());
                    let Some(counted) = crowd.enter((!is_proxy).then_some(address), limits) else {
                        engine.counters().count_turned_away();
                        continue;
                    };
                    let connection = self.clone().connection(
                        engine.clone(),
                        stream,
                        address,
                        counted,
                        fallback.clone(),
                        alive.subscribe(),
                    );
                    engine.runtime().spawn(connection);
                }
                Some(Err(error)) if is_the_peers(&error) => {}
                Some(Err(error)) => {
                    tracing::warn!(target: LISTEN, %error, "cannot accept a connection; resting");
                    engine.runtime().sleep(REST).await;
                }
            }
        }
        drop(listener);
        alive.send_replace(());
        let mut drained = pin!(alive.closed());
        let mut over = pin!(engine.runtime().sleep(self.drain_timeout));
        let in_time = poll_fn(|cx| match drained.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => over.as_mut().poll(cx).map(|()| false),
        });
        if !in_time.await {
            tracing::warn!(target: LISTEN, connections = alive.receiver_count(), "connections did not end in time");
        }
    }

    /// One connection, until it closes or becomes a WebSocket's. `alive` tells when to end.
    async fn connection<A, F>(
        self,
        engine: Arc<Engine<A>>,
        mut stream: TcpStream,
        address: SocketAddr,
        mut counted: Counted,
        fallback: F,
        mut alive: watch::Receiver<()>,
    ) where
        A: Application,
        F: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target: LISTEN, %error, "the connection is gone already");
            return;
        }
        let mut source = Some(address);
        if self.proxy_protocol.contains(address.ip()) {
            let late = engine.runtime().sleep(self.head_timeout);
            let told = tokio::select! {
                told = read_source(&mut stream) => told,
                () = late => Err(io::ErrorKind::TimedOut.into()),
                _ = alive.changed() => return,
            };
            match told {
                Ok(Source::Balancer) => {}
                Ok(Source::Unknown) => source = None,
                Ok(Source::Client(client)) => {
                    let is_proxy = engine.options().trusted_proxies.contains(client.ip());
                    if !is_proxy && !counted.names(client, self.connections_per_address) {
                        engine.counters().count_turned_away();
                        return;
                    }
                    source = Some(client);
                }
                // Health checks of balancers connect, and say nothing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                Err(error) => {
                    engine.counters().count_over_limit(HttpLimit::ProxyHeader);
                    tracing::warn!(target: LISTEN, %error, %address, "a connection of `proxy_protocol` is closed");
                    return;
                }
            }
        }
        let max_head = self.max_head.max(MIN_HEAD);
        let serving = Arc::new(Serving::default());
        let patience = Patience {
            head: self.head_timeout,
            write: self.write_timeout,
            runtime: engine.runtime().clone(),
        };
        let io = Guarded::new(stream, serving.clone(), patience);
        let service = service_fn(|mut request: Request<Incoming>| {
            let served = serving.begin();
            let (engine, mut fallback) = (engine.clone(), fallback.clone());
            begun(async move {
                let answer = if head_size(&request) > max_head {
                    engine.counters().count_over_limit(HttpLimit::HeadBytes);
                    refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
                } else if !names_its_host(&request) {
                    refuse(StatusCode::BAD_REQUEST)
                } else if engine.serves(request.uri().path()) {
                    engine.handle_from(request, source).await
                } else {
                    if let Some(source) = source {
                        request.extensions_mut().insert(PeerAddr(source));
                    }
                    let ready = poll_fn(|cx| fallback.poll_ready(cx)).await;
                    let Ok(()) = ready;
                    let Ok(answer) = fallback.call(request).await;
                    answer
                };
                if answer.extensions().get::<Cut>().is_some() {
                    return Err(Unanswered);
                }
                Ok(answer.map(|body| Tracked { body, _served: served }))
            })
        });
        let connection = Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.keep_alive)
            .max_buf_size(max_head)
            .writev(false)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = alive.changed() => {
                serving.stop();
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            let limit = match Overdue::of(&error) {
                Some(Overdue::Head) => Some(HttpLimit::HeadTime),
                Some(Overdue::Answer) => Some(HttpLimit::AnswerTime),
                None => error.is_parse_too_large().then_some(HttpLimit::HeadBytes),
            };
            limit.into_iter().for_each(|limit| engine.counters().count_over_limit(limit));
            tracing::debug!(target: LISTEN, %error, %address, "an http connection ended early");
        }
    }
}

/// The connections of an accept loop.
#[derive(Debug, Default)]
struct Crowd(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    all: usize,
    by_address: HashMap<u64, usize>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
struct Counted {
    crowd: Arc<Crowd>,
    address: Option<u64>,
}

impl Crowd {
    /// Counts a connection. `None` when it is one too many, in all or from its address.
    fn enter(self: &Arc<Crowd>, address: Option<SocketAddr>, limits: (usize, usize)) -> Option<Counted> {
        let (most, most_per_address) = limits;
        {
            let mut connections = self.0.lock();
            if connections.all >= most {
                return None;
            }
            connections.all += 1;
        }
        let mut counted = Counted { crowd: self.clone(), address: None };
        let may_stay = address.is_none_or(|address| counted.names(address, most_per_address));
        may_stay.then_some(counted)
    }
}

impl Counted {
    /// Counts it for its address, too. False when it is one too many from there.
    fn names(&mut self, address: SocketAddr, most: usize) -> bool {
        let Some(address) = prefix(address.ip()) else { return true };
        let mut connections = self.crowd.0.lock();
        let count = connections.by_address.entry(address).or_default();
        if *count >= most {
            if most == 0 {
                connections.by_address.remove(&address);
            }
            return false;
        }
        *count += 1;
        self.address = Some(address);
        true
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut connections = self.crowd.0.lock();
        connections.all -= 1;
        if let Some(address) = self.address
            && let Some(count) = connections.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                connections.by_address.remove(&address);
            }
        }
    }
}

/// Errors of `accept` that belong to the connection that was to be accepted, not to us.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Bytes of a head, about. hyper refuses what does not fit its buffer, which may be twice the limit.
fn head_size<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    target + request.headers().iter().map(field).sum::<usize>()
}

/// Since HTTP/1.1 a request says once which host it wants: RFC 9112, section 3.2.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => true,
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// The answer to what no service is to see.
fn refuse(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The connection is cut in the middle of a request, as the reference does.
#[derive(Debug, thiserror::Error)]
#[error("a request was given up")]
struct Unanswered;

/// A body whose request counts as being answered until it is dropped.
struct Tracked {
    body: Body,
    _served: Served,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A fallback that serves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotFound;

impl<B> Service<Request<B>> for NotFound {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(not_found()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_in_all_and_by_address_while_they_are_there() {
        let crowd = Arc::new(Crowd::default());
        let enter = |address: &str| {
            crowd.enter(Some(SocketAddr::new(address.parse().expect("an address"), 1)), (4, 2))
        };
        let first = enter("203.0.113.7").expect("one");
        let _second = enter("203.0.113.7").expect("two");
        assert!(enter("203.0.113.7").is_none(), "a third from there");
        let local: Vec<_> = (0..2).map(|_| enter("127.0.0.1").expect("a proxy's")).collect();
        assert!(enter("203.0.113.8").is_none(), "a fifth in all");
        drop((first, local));
        assert!(enter("203.0.113.7").is_some());
        assert_eq!(crowd.0.lock().by_address.len(), 1);
    }
}
