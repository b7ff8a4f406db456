//! A WebSocket over anything that is not bare TCP: TLS, an HTTP/2 stream, what another server accepted.
//!
//! One task owns the stream and does both halves: it parks in the session's link, is woken for each frame,
//! and takes it. Slower than bare TCP by that wake, and otherwise the same.
//!
//! Spec: engine.md, section 8.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::runtime::Sleep;
use sockeye_runtime::turns::wake_behind_others;
use sockeye_websocket::encode::EMPTY_CLOSE;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::{Application, Engine};
use crate::session::Session;
use crate::side::{Seat, Taken};
use crate::wire::buffer;
use crate::wire::frames::{After, End, Inbound, Partial, Stage, Turn};

/// Bytes taken from the session before they are written.
const WRITE_SIZE: usize = 64 * 1024;

/// Reads in one turn, before other tasks run.
const READS: usize = 4;

/// How long a peer may take to read what is left, and to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// One WebSocket, both ways.
pub(crate) struct Foreign<A: Application> {
    engine: Arc<Engine<A>>,
    io: TokioIo<Upgraded>,
    session: Arc<Session<A::Connection>>,
    partial: Option<Box<Partial>>,
    seat: Seat,
    stage: Stage,
    deflate: bool,
    is_v3: bool,
    waits: bool,
    over: bool,
    out: Out,
}

/// What is under way to the peer.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    written: usize,
    flushed: bool,
    /// Nothing follows these bytes.
    last: bool,
    /// How long they are given then.
    patience: Option<Sleep>,
}

impl<A: Application> Foreign<A> {
    pub(crate) fn new(
        engine: Arc<Engine<A>>,
        io: TokioIo<Upgraded>,
        session: Arc<Session<A::Connection>>,
        seat: Seat,
        stage: Stage,
        deflate: bool,
    ) -> Foreign<A> {
        let out = Out { flushed: true, ..Out::default() };
        let is_v3 = session.protocol() == 3;
        Foreign {
            engine,
            io,
            session,
            partial: None,
            seat,
            stage,
            deflate,
            is_v3,
            waits: false,
            over: false,
            out,
        }
    }

    fn inbound<T>(&mut self, act: impl FnOnce(&mut Inbound<'_, A>) -> T) -> T {
        act(&mut Inbound {
            engine: &self.engine,
            session: &self.session,
            seat: self.seat,
            is_v3: self.is_v3,
            stage: &mut self.stage,
            deflate: self.deflate,
            partial: &mut self.partial,
            replies: &mut self.out.bytes,
        })
    }

    fn receive(&mut self, read: &mut [u8]) -> bool {
        self.engine.terms().traffic.count_received(Wire::WebSocket, read.len());
        match self.inbound(|inbound| inbound.receive(read)) {
            Turn::More => true,
            Turn::Wait => {
                self.waits = true;
                self.session.pause(self.engine.terms(), self.seat, true);
                true
            }
            Turn::End(end) => self.end(end),
        }
    }

    /// Says whether there is anything left to do.
    fn end(&mut self, end: End) -> bool {
        if end == End::Refused {
            self.out.bytes.extend_from_slice(&EMPTY_CLOSE);
        }
        let after = self.inbound(|inbound| inbound.end(end));
        if after == After::Release {
            self.session.release(self.seat);
        }
        self.over = after != After::Drain;
        end != End::Gone
    }

    /// Writes what is there and what the session has; `Ready` when nothing will ever follow.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.out.written < self.out.bytes.len() {
                let rest = &self.out.bytes[self.out.written..];
                match Pin::new(&mut self.io).poll_write(cx, rest) {
                    Poll::Ready(Ok(length)) if length > 0 => {
                        self.engine.terms().traffic.count_sent(Wire::WebSocket, length);
                        self.out.written += length;
                        self.out.flushed = false;
                        continue;
                    }
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return self.poll_patience(cx),
                }
            }
            if !self.out.bytes.is_empty() {
                self.out.bytes = Vec::new();
                self.out.written = 0;
            }
            if !self.out.flushed {
                match Pin::new(&mut self.io).poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.out.flushed = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.poll_patience(cx),
                }
            }
            if self.out.last {
                // An error means that the connection is gone already, which is the aim.
                ready!(Pin::new(&mut self.io).poll_shutdown(cx)).ok();
                return if self.over { Poll::Ready(()) } else { self.poll_patience(cx) };
            }
            ready!(self.poll_take(cx));
        }
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.out.bytes.len() < WRITE_SIZE {
            let bytes = &mut self.out.bytes;
            let taken = self.session.poll_take(self.engine.terms(), self.seat, cx, usize::MAX, |frame| {
                bytes.extend_from_slice(frame.websocket());
            });
            match taken {
                Poll::Ready(Taken::Frames { .. }) => {}
                Poll::Ready(Taken::Superseded) => {
                    if !self.over {
                        self.out.bytes.extend_from_slice(&EMPTY_CLOSE);
                    }
                    self.over = true;
                    self.out.last = true;
                    return Poll::Ready(());
                }
                Poll::Ready(Taken::Closed(_)) => {
                    self.stage = Stage::Draining;
                    self.out.last = true;
                    return Poll::Ready(());
                }
                Poll::Pending if self.out.bytes.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }

    /// The peer does not read, or does not close. Once the session is closed it has a while to do so.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.over && ready!(self.session.poll_closed(cx)).is_abrupt() {
            return Poll::Ready(());
        }
        let sleep = || self.engine.runtime().sleep(CLOSE_TIMEOUT);
        Pin::new(self.out.patience.get_or_insert_with(sleep)).poll(cx)
    }

    /// `Ready` when the wire is over.
    fn turn(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        for _ in 0..READS {
            if self.poll_write(cx).is_ready() {
                if !self.over {
                    self.end(End::Gone);
                    self.over = true;
                }
                return Poll::Ready(());
            }
            if self.over {
                return Poll::Pending; // the last bytes are on their way
            }
            let goes_on = if self.waits {
                ready!(self.inbound(|inbound| inbound.poll_room(cx)));
                self.waits = false;
                self.session.pause(self.engine.terms(), self.seat, false);
                self.receive(&mut [])
            } else {
                let mut read = ReadBuf::new(buffer);
                match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                    Ok(()) if !read.filled().is_empty() => {
                        let length = read.filled().len();
                        self.receive(&mut buffer[..length])
                    }
                    _ => self.end(End::Gone),
                }
            };
            if !goes_on {
                return Poll::Ready(());
            }
        }
        wake_behind_others(self.engine.runtime(), cx);
        Poll::Pending
    }
}

impl<A: Application> Future for Foreign<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        buffer::lend(|buffer| self.get_mut().turn(cx, buffer))
    }
}

impl<A: Application> Drop for Foreign<A> {
    /// The application panicked, or the runtime ends.
    fn drop(&mut self) {
        match self.stage {
            _ if self.over => {}
            Stage::Candidate => self.session.release(self.seat),
            Stage::Live | Stage::Draining => {
                self.session.uncork(self.engine.terms());
                self.engine.close(&self.session, CloseReason::TransportError);
            }
        }
    }
}
