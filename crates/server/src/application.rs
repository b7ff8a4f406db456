//! What the engine tells us, and where it goes.
//!
//! ```text
//! message ─▶ packet complete? ─▶ CONNECT    ─▶ admission
//!                                EVENT      ─▶ lane ─▶ handler
//!                                ACK        ─▶ who waits for it
//!                                DISCONNECT ─▶ departure
//! timeout ─▶ acks that did not come, and the first CONNECT that did not
//! closed  ─▶ departure of every socket
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use sockeye_engine::engine::{Application, Flow};
use sockeye_engine::handshake::Handshake;
use sockeye_engine_proto::packet::Message;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_socket_proto::assembly::Incoming;
use sockeye_socket_proto::error::DecodeError;
use sockeye_socket_proto::limits::PacketLimit;
use sockeye_socket_proto::packet::Kind;
use sockeye_socket_proto::parser::json::decode;
use sockeye_socket_proto::reason::DisconnectReason;

use crate::admission::{greet, handle_connect};
use crate::connection::{Connection, Stay};
use crate::departure::leave;
use crate::error::AckError;
use crate::hub::{Engine, Handle, Held, Hub, Session, VIOLATION};
use crate::lane::handle_event;
use crate::legacy;
use crate::log::SESSION;
use crate::moves::{Move, tell_moved};
use crate::table::Table;

impl Application for Hub {
    type Connection = Connection<Table<dyn Handle>>;

    #[cfg(feature = "client-script")]
    fn answer(&self, request: &http::request::Parts) -> Option<http::Response<sockeye_engine::body::Body>> {
        crate::client_script::answer(self.options.client_path.as_deref()?, request)
    }

    fn admits(&self) -> bool {
        self.unjoined.load(Ordering::Relaxed) < self.options.unjoined_limit
    }

    fn held(&self, session: &Session) -> usize {
        session.connection().held()
    }

    fn connect(&self, handshake: Handshake) -> Self::Connection {
        Connection::new(Some(handshake))
    }

    fn opened(&self, engine: &Arc<Engine>, session: &Arc<Session>) {
        let deadline = engine.now().after(Tick::ticks(self.options.connect_timeout));
        session.connection().expect_connect(deadline);
        self.unjoined.fetch_add(1, Ordering::Relaxed);
        engine.schedule(session, deadline);
        if legacy::is_spoken(session) {
            greet(engine, session);
        }
    }

    fn upgrading(&self, engine: &Arc<Engine>, session: &Arc<Session>, _from: Wire, to: Wire) {
        tell_moved(engine, session, Move::Upgrading, to);
    }

    fn upgraded(&self, engine: &Arc<Engine>, session: &Arc<Session>, _from: Wire, to: Wire) {
        tell_moved(engine, session, Move::Upgrade, to);
    }

    fn heartbeat(&self, _engine: &Arc<Engine>, session: &Arc<Session>) {
        if self.options.recovery.is_none() {
            return;
        }
        // What was sent before a ping that is answered has arrived.
        for stay in session.connection().stays() {
            let space = self.spaces.hold(stay.namespace);
            let Some(keeper) = &space.space(&self.spaces).keeper else { continue };
            let mut log = keeper.log.lock();
            if let Some(member) = session.connection().member(stay) {
                log.answered(member.index());
            }
        }
    }

    fn message(&self, engine: &Arc<Engine>, session: &Arc<Session>, message: Message<'_>) -> Flow {
        // Most messages are events without attachments. What is in assembly is looked at when they are admitted.
        if let Message::Text(text) = message
            && self.options.parser.is_none()
            && let Ok(packet) = decode(text, &self.options.limits)
            && packet.kind() == Kind::Event
            && let Some(incoming) = Incoming::whole(&packet)
        {
            return self.event(engine, session, incoming);
        }
        self.assemble(engine, session, message)
    }

    fn poll_room(&self, session: &Arc<Session>, cx: &mut Context<'_>) -> Poll<()> {
        let has_room = session.connection().has_room(self.options.lane_limit, cx.waker());
        // Asked after the waker was left: a close in between wakes it.
        if has_room || session.closed().is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn timeout(&self, engine: &Arc<Engine>, session: &Arc<Session>, now: Tick) -> Option<Tick> {
        let (due, next) = session.connection().take_due_acks(now);
        for (_, waiting) in due {
            self.tally.ack_timeouts.add_one();
            waiting.complete(Err(AckError::TimedOut));
        }
        let mut attachment = session.connection().attachment_deadline();
        if attachment.is_some() && session.is_paused() {
            // It may have come, and is not read: the time is ours.
            let later = now.after(Tick::ticks(self.options.attachment_timeout));
            session.connection().expect_attachment(later);
            attachment = Some(later);
        }
        if attachment.is_some_and(|deadline| deadline.is_due(now)) {
            engine.close(session, self.refuse_packet(session, &DecodeError::Late));
            return None;
        }
        let connect = session.connection().connect_deadline();
        if connect.is_some_and(|deadline| deadline.is_due(now)) {
            engine.close(session, CloseReason::ConnectTimeout);
            return None;
        }
        [next, attachment, connect].into_iter().flatten().reduce(Tick::earlier)
    }

    fn closed(&self, engine: &Arc<Engine>, session: &Arc<Session>, reason: CloseReason) {
        for stay in session.connection().stays() {
            leave(engine, session, stay, DisconnectReason::from(reason));
        }
        session.connection().take_readers().into_iter().for_each(Waker::wake);
        if session.connection().greet() {
            self.unjoined.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Hub {
    /// Any message, with what came before it.
    fn assemble(&self, engine: &Arc<Engine>, session: &Arc<Session>, message: Message<'_>) -> Flow {
        let limits = &self.options.limits;
        let mut assembly = session.connection().take_assembly();
        let decoded = match &self.options.parser {
            None => assembly.handle_message(message, limits),
            Some(parser) => parser.decode(message, limits).map(Some),
        };
        match decoded {
            Ok(Some(incoming)) => self.packet(engine, session, incoming),
            Ok(None) => {
                let deadline = engine.now().after(Tick::ticks(self.options.attachment_timeout));
                session.connection().keep_assembly(assembly, deadline);
                engine.schedule(session, deadline);
                Flow::Continue
            }
            Err(error) => Flow::Close(self.refuse_packet(session, &error)),
        }
    }

    fn event(&self, engine: &Arc<Engine>, session: &Arc<Session>, incoming: Incoming<'_>) -> Flow {
        match self.find(session, incoming.packet().namespace()) {
            Some(space) => handle_event(engine, session, &space, incoming),
            None => self.violation(),
        }
    }

    fn packet(&self, engine: &Arc<Engine>, session: &Arc<Session>, incoming: Incoming<'_>) -> Flow {
        let packet = incoming.packet();
        match packet.kind() {
            Kind::Event => self.event(engine, session, incoming),
            Kind::Ack => {
                let Some(stay) = self.joined(session, packet.namespace()) else { return self.violation() };
                let waiting = packet.id().and_then(|id| session.connection().take_ack(stay, id));
                if let Some(waiting) = waiting {
                    self.tally.acks_received.add_one();
                    waiting.complete(Ok(incoming.into_owned()));
                }
                Flow::Continue
            }
            Kind::Connect => handle_connect(engine, session, &packet),
            Kind::Disconnect => {
                let Some(stay) = self.joined(session, packet.namespace()) else { return self.violation() };
                leave(engine, session, stay, DisconnectReason::ClientNamespaceDisconnect);
                // What its handlers still do is counted: a peer that comes and goes must wait for them.
                let is_full = session.connection().is_full(self.options.lane_limit);
                if is_full { Flow::Wait } else { Flow::Continue }
            }
            Kind::ConnectError => self.violation(),
        }
    }

    /// The peer's stay in the namespace of that name.
    fn joined(&self, session: &Session, name: &str) -> Option<Stay> {
        // Held meanwhile, as its number could be another one's when it is looked for.
        let space = self.find(session, name)?;
        session.connection().joined(space.number()).map(|(stay, _)| stay)
    }

    /// The namespace of a packet.
    #[inline]
    fn find(&self, session: &Session, name: &str) -> Option<Held> {
        let found = self.spaces.find(name);
        // What most peers name is there, so they are not asked what they speak.
        if found.is_some() || !legacy::is_spoken(session) {
            return found;
        }
        self.spaces.find(legacy::split_name(name).0)
    }

    /// What came is no packet, or more than one may be: the session closes for that.
    pub(crate) fn refuse_packet(&self, session: &Session, error: &DecodeError) -> CloseReason {
        tracing::debug!(target: SESSION, session = session.slot(), error = error.to_string(), "undecodable");
        match error.limit() {
            Some(limit) => {
                self.tally.packet_limits[limit as usize].add_one();
                // The reference has this one limit, and its word for it.
                let is_its_own = limit == PacketLimit::Attachments;
                if is_its_own { CloseReason::ForcedClose } else { CloseReason::PacketLimit }
            }
            None => {
                self.tally.undecodable.add_one();
                CloseReason::ForcedClose
            }
        }
    }

    /// A packet that its sender may not send now.
    fn violation(&self) -> Flow {
        self.tally.violations.add_one();
        Flow::Close(VIOLATION)
    }
}
