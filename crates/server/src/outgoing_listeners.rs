//! Those who hear what is emitted to a socket.
//!
//! A packet that went out is read again as one that came in, so that they are handlers like any other. Only where
//! somebody listens: a namespace remembers whether anybody ever did.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use sockeye_engine_proto::frame::Frame;
use sockeye_socket_proto::assembly::Incoming;

use crate::connection::Stay;
use crate::error::Fault;
use crate::hub::{Context, Engine, Hub, Later, Session, Space, Turn};
use crate::log::HANDLER;
use crate::run::{go_on, start};

thread_local! {
    /// A listener runs on this thread: what it emits is told to nobody.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// While it is there a listener runs.
struct Telling(bool);

impl Telling {
    fn begin() -> Telling {
        Telling(TELLING.replace(true))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLING.set(self.0);
    }
}

/// A listener that waits, wherever it is polled.
struct Listens(Later);

impl Future for Listens {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Fault>> {
        let _telling = Telling::begin();
        self.0.as_mut().poll(cx)
    }
}

/// A packet that goes out, for those who listen.
pub(crate) struct Outgoing(Incoming<'static>);

impl Outgoing {
    /// What these frames are. `None` where nobody listens.
    pub(crate) fn new<'f>(
        hub: &Hub,
        space: &Space,
        frames: impl IntoIterator<Item = &'f Frame>,
    ) -> Option<Outgoing> {
        if !space.watches_outgoing.load(Ordering::Relaxed) || TELLING.get() {
            return None;
        }
        let read = hub.read_sent(frames);
        if read.is_none() {
            // Deeper than any peer may send, which is no reason not to send it.
            tracing::debug!(target: HANDLER, "an event that went out was not told to those who listen");
        }
        read.map(Outgoing)
    }

    /// Tells those who listen on that socket.
    pub(crate) fn tell(&self, engine: &Arc<Engine>, session: &Arc<Session>, space: &Space, stay: Stay) {
        let Some(handlers) = session.connection().table(stay) else { return };
        let table = space.settings.table(&handlers);
        if table.outgoing().is_empty() {
            return;
        }
        let packet = self.0.packet();
        let event = packet.event();
        let event = event.as_deref().unwrap_or_default();
        for handler in table.outgoing() {
            let mut context = Context::new(engine, session, stay);
            context.incoming = Some(&self.0);
            context.arguments = Some(packet.arguments());
            let telling = Telling::begin();
            let turn = start(&**handler, &mut context);
            drop(telling);
            match turn {
                Ok(Turn::Done) => {}
                Ok(Turn::Waits(later)) => {
                    go_on(engine, session, stay, Box::pin(Listens(later)), event.to_owned());
                }
                Err(fault) => engine.application().report(session, stay, event, fault),
            }
        }
    }
}
