//! A WebSocket over bare TCP: a future that reads. Writing is the session's, from any thread.
//!
//! Idle it owns no buffer. Frames are unmasked where they were read, and only an unfinished one is kept.
//!
//! Spec: engine.md, section 8; design decision D3 in ARCHITECTURE.md.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_runtime::turns::wake_behind_others;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::engine::{Application, Engine};
use crate::session::Session;
use crate::side::Seat;
use crate::wire::buffer;
use crate::wire::frames::{After, End, Inbound, Partial, Stage, Turn};

/// Reads in one turn, before other tasks run.
const READS: usize = 4;

/// The reading half of one WebSocket.
pub(crate) struct Reader<A: Application> {
    engine: Arc<Engine<A>>,
    stream: Arc<TcpStream>,
    session: Arc<Session<A::Connection>>,
    partial: Option<Box<Partial>>,
    seat: Seat,
    stage: Stage,
    deflate: bool,
    is_v3: bool,
    /// It reads no further until there is room, in the application and on the way to the peer.
    waits: bool,
    /// Nobody needs to hear that it ends.
    over: bool,
}

impl<A: Application> Reader<A> {
    pub(crate) fn new(
        engine: Arc<Engine<A>>,
        stream: Arc<TcpStream>,
        session: Arc<Session<A::Connection>>,
        seat: Seat,
        stage: Stage,
        deflate: bool,
    ) -> Reader<A> {
        const { assert!(size_of::<Reader<A>>() <= 40, "with tokio's header it fits a task of 256 bytes") }
        let is_v3 = session.protocol() == 3;
        Reader {
            engine,
            stream,
            session,
            partial: None,
            seat,
            stage,
            deflate,
            is_v3,
            waits: false,
            over: false,
        }
    }

    fn inbound<T>(&mut self, act: impl FnOnce(&mut Inbound<'_, A>) -> T) -> T {
        let mut replies = Vec::new();
        let done = act(&mut Inbound {
            engine: &self.engine,
            session: &self.session,
            seat: self.seat,
            is_v3: self.is_v3,
            stage: &mut self.stage,
            deflate: self.deflate,
            partial: &mut self.partial,
            replies: &mut replies,
        });
        if !replies.is_empty() && self.stream.try_write(&replies).ok() != Some(replies.len()) {
            // A candidate whose peer does not read, cut in the middle of a frame: it is of no use.
            self.session.release(self.seat);
        }
        done
    }

    /// Handles what was read; says whether the wire goes on.
    pub(crate) fn receive(&mut self, read: &mut [u8]) -> bool {
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

    fn end(&mut self, end: End) -> bool {
        match self.inbound(|inbound| inbound.end(end)) {
            After::Drain => return true,
            After::Release => self.session.release(self.seat),
            After::Over => {}
        }
        self.over = true;
        false
    }

    /// `Ready` when the wire is over.
    fn turn(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        for _ in 0..READS {
            let goes_on = if self.waits {
                ready!(self.inbound(|inbound| inbound.poll_room(cx)));
                self.waits = false;
                self.session.pause(self.engine.terms(), self.seat, false);
                self.receive(&mut [])
            } else {
                match ready!(poll_read(&self.stream, cx, buffer)) {
                    Ok(0) | Err(_) => self.end(End::Gone),
                    Ok(length) => self.receive(&mut buffer[..length]),
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

impl<A: Application> Future for Reader<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        buffer::lend(|buffer| self.get_mut().turn(cx, buffer))
    }
}

impl<A: Application> Drop for Reader<A> {
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

/// One system call a message: a read that did not fill the buffer has emptied the socket, so readiness is
/// cleared at once, with the event taken before the read. Cleared any later, a wake-up in between is lost.
fn poll_read(stream: &TcpStream, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let mut short = None;
        let read = stream.try_io(Interest::READABLE, || match stream.try_read(buffer) {
            Ok(length) if length > 0 && length < buffer.len() => {
                short = Some(length);
                Err(io::ErrorKind::WouldBlock.into())
            }
            other => other,
        });
        match (read, short) {
            (_, Some(length)) => return Poll::Ready(Ok(length)),
            (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => {}
            (read, None) => return Poll::Ready(read),
        }
    }
}
