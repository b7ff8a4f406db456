//! Those who hear what is emitted to a socket.
//!
//! A packet that went out is read again as one that came in, so that they are handlers like any other. Only where
//! somebody listens: a namespace remembers whether anybody ever did.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::Message;
use sockeye_socket_proto::assembly::{Assembly, Incoming};
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH};

use crate::connection::Stay;
use crate::hub::{Context, Engine, Session, Space, Turn};
use crate::run::{Rest, start};

thread_local! {
    /// A listener runs on this thread: what it emits is told to nobody.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// A packet that goes out, for those who listen.
pub(crate) struct Outgoing(Incoming<'static>);

impl Outgoing {
    /// `None` where nobody listens.
    pub(crate) fn new(space: &Space, text: &Frame, attachments: &[Frame]) -> Option<Outgoing> {
        if !space.watches_outgoing.load(Ordering::Relaxed) || TELLING.get() {
            return None;
        }
        let limits =
            Limits { depth: MAX_DEPTH, packet_bytes: usize::MAX, attachments: u32::MAX, ..Limits::default() };
        let mut assembly = Assembly::new();
        // Behind the digit of an Engine.IO message.
        let text = std::str::from_utf8(&text.packet()[1..]).ok()?;
        let mut read = assembly.handle_message(Message::Text(text), &limits);
        for attachment in attachments {
            read = assembly.handle_message(Message::Binary(attachment.packet()), &limits);
        }
        match read {
            Ok(Some(incoming)) => Some(Outgoing(incoming.into_owned())),
            // Deeper than any peer may send, which is no reason not to send it.
            Ok(None) | Err(_) => {
                tracing::debug!("an event that went out was not told to those who listen");
                None
            }
        }
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
            TELLING.set(true);
            let turn = start(&**handler, &mut context);
            TELLING.set(false);
            match turn {
                Ok(Turn::Done) => {}
                Ok(Turn::Waits(later)) => {
                    let (engine, session, event) = (engine.clone(), session.clone(), event.to_owned());
                    let space = engine.application().spaces.hold(stay.namespace);
                    engine.runtime().clone().spawn(async move {
                        if let Err(fault) = Rest(later).await {
                            engine.application().report(&session, stay, &event, fault);
                        }
                        drop(space);
                        engine.application().vacated(stay.namespace);
                    });
                }
                Err(fault) => engine.application().report(session, stay, event, fault),
            }
        }
    }
}
