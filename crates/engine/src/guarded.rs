//! The stream of an HTTP connection that our accept loop watches: a peer may be slow, but not for ever.
//!
//! ```text
//!  idle ── first byte of a head ──▶ head ── request is whole ──▶ serving ── answer is out ──▶ idle
//!                                    │ 10 s                        │ 30 s without a byte written
//!                                    ▼                             ▼
//!                                   cut                           cut
//! ```
//! hyper's own time-out of a head runs from the end of the last answer, so it limits how long a connection may
//! be idle; here a head is cut however slowly its bytes drip. After an upgrade the stream is taken out bare.
//!
//! A head may begin in the segment that ended the request before it, and then lies in hyper's buffer, which nobody
//! can look into. But while hyper serves a request it reads only into an empty buffer: a body is taken from what is
//! there first, and behind it one read asks whether the peer is still there. So a read that finds nothing proves the
//! buffer empty, and whatever came since such a read may be the beginning of a head.
//!
//! A connection that ends while its peer still sends, as one whose body was refused, is shut for writing first, and
//! what comes is thrown away for a while: a socket that is closed with something unread in it resets the connection,
//! and the answer is lost with it.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use sockeye_runtime::runtime::{Runtime, Sleep};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long what a peer still sends is thrown away when the connection has ended.
const LINGER: Duration = Duration::from_secs(2);

/// An answer's extension: where we own the connection it is cut, and this answer not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

/// How far the requests of a connection are.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// Requests whose head is whole, since the connection began.
    begun: AtomicU32,
    /// Those of them that are answered.
    answered: AtomicU32,
    /// No further request is waited for.
    stopped: AtomicBool,
}

impl Serving {
    /// A request is whole; until the guard is dropped it is being answered.
    pub(crate) fn begin(self: &Arc<Serving>) -> Served {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Served(self.clone())
    }

    /// The connection is to end: a head that is not whole by now never will be.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    fn is_busy(&self) -> bool {
        self.begun() != self.answered.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Served(Arc<Serving>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream, of TCP but in tests, with limits on a peer's slowness.
#[derive(Debug)]
pub(crate) struct Guarded<S = TcpStream> {
    stream: TokioIo<S>,
    serving: Arc<Serving>,
    patience: Patience,
    /// The clock of a head, and how many requests had begun when it was started.
    head: Option<(u32, Sleep)>,
    write: Option<Sleep>,
    /// We have said our last; until then the peer may say its.
    linger: Option<Sleep>,
    /// Bytes came since hyper's buffer was last known to be empty.
    holds: bool,
}

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Overdue {
    #[error("the head does not end")]
    Head,
    #[error("the peer does not read")]
    Answer,
}

impl Overdue {
    /// Which of them ended a connection, if one did.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Overdue> {
        let ours = |error: &(dyn Error + 'static)| {
            error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<Overdue>().copied()
        };
        std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source()).find_map(ours)
    }
}

/// How long a peer may take.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// From the first byte of a head to its end.
    pub(crate) head: Duration,
    /// Without a byte written.
    pub(crate) write: Duration,
    /// Whose time it is.
    pub(crate) runtime: Runtime,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, serving: Arc<Serving>, patience: Patience) -> Guarded<S> {
        let stream = TokioIo::new(stream);
        Guarded { stream, serving, patience, head: None, write: None, linger: None, holds: false }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream.into_inner()
    }

    /// Starts the clock if it stands still; `Ready` when the time is over.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = &self.patience;
        let stall = self.write.get_or_insert_with(|| patience.runtime.sleep(patience.write));
        Pin::new(stall).poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, Overdue::Answer))
    }

    /// As [`poll_stalled`](Guarded::poll_stalled), for a head behind the first `begun` requests.
    fn poll_endless(&mut self, begun: u32, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.head.as_ref().is_some_and(|(before, _)| *before != begun) {
            self.head = None; // that head became a request
        }
        let patience = &self.patience;
        let (_, head) = self.head.get_or_insert_with(|| (begun, patience.runtime.sleep(patience.head)));
        Pin::new(head).poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, Overdue::Head))
    }
}

impl<S: AsyncRead + Unpin> Read for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.serving.is_busy() {
            let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
            self.holds = read.is_ready();
            return read;
        }
        if self.serving.stopped.load(Ordering::Relaxed) && self.write.is_none() {
            return Poll::Ready(Ok(())); // the end, as if the peer had said so
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.holds |= read.is_ready();
        if self.holds {
            let begun = self.serving.begun();
            if let Poll::Ready(endless) = self.poll_endless(begun, cx) {
                return Poll::Ready(Err(endless));
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_pending() {
            return self.poll_stalled(cx).map(Err);
        }
        self.write = None;
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Guarded { stream, serving, patience, linger, .. } = &mut *self;
        if linger.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let linger = linger.get_or_insert_with(|| patience.runtime.sleep(LINGER));
        let must_end = serving.stopped.load(Ordering::Relaxed);
        if must_end || Pin::new(linger).poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut bytes = [0; 4096];
            let mut unread = ReadBuf::new(&mut bytes);
            ready!(Pin::new(stream.inner_mut()).poll_read(cx, &mut unread))?;
            if unread.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Full};
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use sockeye_runtime::simulation::Simulation;
    use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadBuf};

    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    const CHUNKED: &str =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";

    /// A connection under a clock that the test moves, served by hyper: each request is read and answered.
    struct Connection {
        simulation: Simulation,
        peer: DuplexStream,
        serving: Arc<Serving>,
    }

    impl Connection {
        fn new() -> Connection {
            let simulation = Simulation::new(3);
            let (peer, stream) = tokio::io::duplex(1 << 16);
            let serving = Arc::new(Serving::default());
            let patience = Patience {
                head: Duration::from_secs(10),
                write: Duration::from_secs(30),
                runtime: simulation.runtime(),
            };
            let guarded = Guarded::new(stream, serving.clone(), patience);
            let begins = serving.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let served = begins.begin();
                async move {
                    let body = request.into_body().collect().await;
                    drop(served);
                    Ok::<_, Infallible>(Response::new(Full::new(body.expect("a body").to_bytes())))
                }
            });
            simulation.runtime().spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .header_read_timeout(None)
                    .serve_connection(guarded, service);
                connection.await.ok();
            });
            Connection { simulation, peer, serving }
        }

        fn write(&mut self, bytes: &str) {
            let mut written = std::pin::pin!(self.peer.write_all(bytes.as_bytes()));
            let polled = written.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_ready(), "there is room for it");
            self.simulation.run();
        }

        /// Answers that came, and whether the connection has ended.
        fn read(&mut self) -> (usize, bool) {
            let mut text = String::new();
            loop {
                self.simulation.run();
                let mut bytes = [0; 4096];
                let mut read = ReadBuf::new(&mut bytes);
                let polled =
                    Pin::new(&mut self.peer).poll_read(&mut Context::from_waker(Waker::noop()), &mut read);
                let ended = polled.is_ready() && read.filled().is_empty();
                if polled.is_pending() || ended {
                    return (text.matches("HTTP/1.1 200 OK").count(), ended);
                }
                text.push_str(std::str::from_utf8(read.filled()).expect("text"));
            }
        }

        fn advance(&self, seconds: u64) {
            self.simulation.advance(Duration::from_secs(seconds));
        }
    }

    #[test]
    fn a_head_that_begins_in_the_segment_of_another_request_is_cut_as_any_other() {
        for request in [GET, POST, CHUNKED] {
            for whole in 1..4 {
                let mut connection = Connection::new();
                connection.write(&(request.repeat(whole) + "GET / HT"));
                assert_eq!(connection.read(), (whole, false), "{request}");
                connection.advance(9);
                connection.write("T");
                assert_eq!(connection.read(), (0, false), "{request}");
                connection.advance(1);
                assert_eq!(connection.read(), (0, true), "{request}");
            }
        }
    }

    #[test]
    fn a_connection_with_nothing_behind_its_last_request_may_be_idle_for_longer_than_a_head_may_take() {
        for request in [GET, POST, CHUNKED] {
            let mut connection = Connection::new();
            for whole in 1..4 {
                connection.write(&request.repeat(whole));
                assert_eq!(connection.read(), (whole, false), "{request}");
                connection.advance(60);
            }
            // Nor does a body that comes behind its head count for a head.
            let (head, body) = POST.split_at(POST.len() - 2);
            connection.write(head);
            connection.advance(60);
            connection.write(body);
            assert_eq!(connection.read(), (1, false), "{request}");
            connection.advance(60);
            assert_eq!(connection.read(), (0, false), "{request}");
        }
    }

    #[test]
    fn a_head_that_was_begun_early_becomes_a_request_when_its_rest_comes_in_time() {
        let mut connection = Connection::new();
        let (begin, rest) = GET.split_at(9);
        for _ in 0..3 {
            connection.write(&format!("{GET}{begin}"));
            connection.advance(9);
            connection.write(rest);
            assert_eq!(connection.read(), (2, false));
            connection.advance(60);
        }
        assert_eq!(connection.read(), (0, false));
    }

    #[test]
    fn a_head_that_is_not_whole_ends_with_the_server() {
        for begun in ["", "GET / HT", &format!("{GET}GET / HT")] {
            let mut connection = Connection::new();
            connection.write(begun);
            connection.read();
            connection.serving.stop();
            // The accept loop polls the connection when it stops it; here a byte does.
            connection.write("T");
            assert_eq!(connection.read(), (0, true), "{begun}");
        }
    }

    /// A service that answers without reading the body, and asks for the connection's end.
    fn refuse(simulation: &Simulation) -> DuplexStream {
        let (peer, stream) = tokio::io::duplex(1 << 16);
        let patience = Patience {
            head: Duration::from_secs(10),
            write: Duration::from_secs(30),
            runtime: simulation.runtime(),
        };
        let guarded = Guarded::new(stream, Arc::default(), patience);
        let service = service_fn(async |_: Request<Incoming>| {
            let answer = Response::builder().status(413).header("connection", "close");
            Ok::<_, Infallible>(answer.body(Full::<bytes::Bytes>::default()).expect("an answer"))
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(guarded, service);
        simulation.runtime().spawn(async move { drop(connection.await) });
        peer
    }

    /// Writes what fits; `None` when nobody reads any more.
    fn write_some(peer: &mut DuplexStream, bytes: &[u8]) -> Option<usize> {
        match Pin::new(peer).poll_write(&mut Context::from_waker(Waker::noop()), bytes) {
            Poll::Ready(written) => written.ok(),
            Poll::Pending => Some(0),
        }
    }

    #[test]
    fn a_peer_that_still_sends_gets_its_answer_and_is_read_for_a_while_and_not_for_ever() {
        let simulation = Simulation::new(4);
        let mut peer = refuse(&simulation);
        assert!(
            write_some(&mut peer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n").is_some()
        );
        let mut sent = 0;
        for _ in 0..20 {
            simulation.run();
            sent += write_some(&mut peer, &[b'x'; 30_000]).expect("what comes behind the answer is read");
            simulation.advance(Duration::from_millis(90));
        }
        assert_eq!(sent, 20 * 30_000);
        let mut bytes = [0; 4096];
        let mut read = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut peer).poll_read(&mut Context::from_waker(Waker::noop()), &mut read);
        assert!(polled.is_ready() && read.filled().starts_with(b"HTTP/1.1 413 "));
        simulation.advance(Duration::from_millis(300));
        simulation.run();
        assert_eq!(write_some(&mut peer, b"x"), None, "nobody reads any more");
    }

    #[test]
    fn a_connection_whose_peer_has_ended_is_gone_at_once() {
        let simulation = Simulation::new(5);
        let mut peer = refuse(&simulation);
        assert!(write_some(&mut peer, GET.as_bytes()).is_some());
        simulation.run();
        assert!(Pin::new(&mut peer).poll_shutdown(&mut Context::from_waker(Waker::noop())).is_ready());
        simulation.run();
        assert_eq!(write_some(&mut peer, b"x"), None);
    }
}
