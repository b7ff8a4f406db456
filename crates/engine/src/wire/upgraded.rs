//! From the 101 to the wire that reads the WebSocket.
//!
//! The wire is a fresh task: a future is as large as its largest state ever was, and the one that waits for
//! the 101 to leave is large.

use std::sync::Arc;

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::session::Wire;
use sockeye_websocket::deflate::Agreement;
use sockeye_websocket::encode::EMPTY_CLOSE;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::dialect::Dialect;
use crate::engine::{Application, Engine};
use crate::guarded::Guarded;
use crate::handshake::Handshake;
use crate::link::Link;
use crate::log::LISTEN;
use crate::session::Session;
use crate::sid::Sid;
use crate::side::Seat;
use crate::wire::foreign::Foreign;
use crate::wire::frames::Stage;
use crate::wire::websocket::Reader;

/// What a WebSocket is opened for.
pub(crate) enum Purpose<C> {
    /// A session of its own.
    Open { sid: Sid, open_packet: Frame, handshake: Handshake, dialect: Dialect },
    /// To take over a session.
    Take { session: Arc<Session<C>>, base64: bool },
}

impl<C: Send + Sync + 'static> Purpose<C> {
    /// Whether the peer speaks protocol 3.
    pub(crate) fn is_v3(&self) -> bool {
        match self {
            Purpose::Open { dialect, .. } => dialect.is_v3,
            Purpose::Take { session, .. } => session.protocol() == 3,
        }
    }
}

/// Waits in a task of its own until the connection is a WebSocket's, then opens or claims the session.
pub(crate) fn serve<A: Application>(
    engine: Arc<Engine<A>>,
    upgrade: OnUpgrade,
    purpose: Purpose<A::Connection>,
    deflate: Option<Agreement>,
) {
    engine.runtime().clone().spawn(async move {
        match upgrade.await {
            Ok(upgraded) => start(engine, upgraded, purpose, deflate),
            // The peer went before the 101 left: no session was opened for it yet.
            Err(error) => tracing::debug!(target: LISTEN, %error, "no websocket after all"),
        }
    });
}

fn start<A: Application>(
    engine: Arc<Engine<A>>,
    upgraded: Upgraded,
    purpose: Purpose<A::Connection>,
    deflate: Option<Agreement>,
) {
    match into_tcp(upgraded) {
        Ok((stream, read)) => {
            let stream = Arc::new(stream);
            let link = || Link::Direct(stream.clone());
            let Some((session, seat, stage)) = seat(&engine, purpose, deflate, link) else {
                // Best effort, like the connection itself: nobody is told but the peer.
                stream.try_write(&EMPTY_CLOSE).ok();
                return;
            };
            let mut reader = Reader::new(engine.clone(), stream, session, seat, stage, deflate.is_some());
            let mut read = read.to_vec();
            if read.is_empty() || reader.receive(&mut read) {
                engine.runtime().spawn(reader);
            }
        }
        Err(upgraded) => {
            let mut io = TokioIo::new(upgraded);
            match seat(&engine, purpose, deflate, Link::away) {
                Some((session, seat, stage)) => {
                    let deflate = deflate.is_some();
                    engine.runtime().spawn(Foreign::new(engine.clone(), io, session, seat, stage, deflate));
                }
                None => engine.runtime().spawn(async move {
                    // Best effort, like the connection itself: nobody is told but the peer.
                    if io.write_all(&EMPTY_CLOSE).await.is_ok() {
                        io.shutdown().await.ok();
                    }
                }),
            }
        }
    }
}

/// A session, the WebSocket's seat in it, and what it has there.
type Seated<A> = (Arc<Session<<A as Application>::Connection>>, Seat, Stage);

/// The session and the seat that the WebSocket gets; none when the session does not want it.
fn seat<A: Application>(
    engine: &Arc<Engine<A>>,
    purpose: Purpose<A::Connection>,
    deflate: Option<Agreement>,
    link: impl FnOnce() -> Link,
) -> Option<Seated<A>> {
    match purpose {
        Purpose::Open { sid, open_packet, handshake, dialect } => {
            // Somebody may have taken the id since the 101 was answered, if ids are the application's.
            let session = engine.open(sid, Wire::WebSocket, dialect, deflate, handshake, open_packet)?;
            let (seat, _) = session.seat();
            session.attach(engine.terms(), link());
            Some((session, seat, Stage::Live))
        }
        Purpose::Take { session, base64 } => {
            let seat = session.claim(engine.terms(), Wire::WebSocket, link(), base64, deflate)?;
            Some((session, seat, Stage::Candidate))
        }
    }
}

/// The bare stream, if it is one, with what was read of it behind the handshake.
fn into_tcp(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<Guarded>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TcpStream>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}
