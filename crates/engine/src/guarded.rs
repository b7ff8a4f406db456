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

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

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
}

impl Serving {
    /// A request is whole; until the guard is dropped it is being answered.
    pub(crate) fn begin(self: &Arc<Serving>) -> Served {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Served(self.clone())
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

/// A TCP stream with limits on a peer's slowness.
#[derive(Debug)]
pub(crate) struct Guarded {
    stream: TokioIo<TcpStream>,
    serving: Arc<Serving>,
    head_timeout: Duration,
    write_timeout: Duration,
    /// The clock of a head, and how many requests had begun when it was started.
    head: Option<(u32, Pin<Box<Sleep>>)>,
    write: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn new(
        stream: TcpStream,
        serving: Arc<Serving>,
        head_timeout: Duration,
        write_timeout: Duration,
    ) -> Guarded {
        let stream = TokioIo::new(stream);
        Guarded { stream, serving, head_timeout, write_timeout, head: None, write: None }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Starts the clock if it stands still; `Ready` when the time is over.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let stall = self.write.get_or_insert_with(|| Box::pin(sleep(timeout)));
        stall.as_mut().poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, "the peer does not read"))
    }
}

impl Read for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let begun = self.serving.begun();
        if self.head.as_ref().is_some_and(|(before, _)| *before != begun) {
            self.head = None; // that head became a request
        }
        if let Some((_, head)) = &mut self.head
            && head.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head does not end")));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() && self.head.is_none() && !self.serving.is_busy() {
            self.head = Some((begun, Box::pin(sleep(self.head_timeout))));
        }
        read
    }
}

impl Write for Guarded {
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
