//! WebSocket frames that came, up to what the session makes of them: the half of a WebSocket that does not
//! depend on what carries its bytes.
//!
//! Spec: engine.md, section 8; RFC 6455, sections 5.5 and 7; RFC 7692.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::packet::{Decoded as Text, Message, Packet};
use sockeye_engine_proto::rate::Allowance;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::v3;
use sockeye_websocket::close::{Close, CloseCode};
use sockeye_websocket::decoder::{Decoded, Decoder, Role};
use sockeye_websocket::encode::{encode, encode_close};
use sockeye_websocket::event::Event;
use sockeye_websocket::header::OpCode;
use sockeye_websocket::limits::Limits;

use crate::engine::{Application, Engine, Flow};
use crate::memory::Holding;
use crate::session::{Parting, Received, Session};
use crate::side::Seat;

/// Bytes of pongs that a candidate gets in one turn.
const CANDIDATE_PONG_LIMIT: usize = 4096;

/// Bytes that compressed messages may add to what came, before other tasks run: what was read is 64 KiB, which may
/// become as many messages of the longest.
const INFLATED_LIMIT: usize = 256 * 1024;

/// How far the wire is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// It asks to carry the session.
    Candidate,
    /// It carries the session.
    Live,
    /// We closed: what comes is thrown away until the peer closes too.
    Draining,
}

/// What follows a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// The next read.
    More,
    /// The application, or the way to the peer, cannot take more for now; or it took much, and others are to run.
    Wait,
    /// Nothing good.
    End(End),
}

/// How a WebSocket ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The connection is gone, or half of it.
    Gone,
    /// The peer closed, with this status.
    Closed(Option<CloseCode>),
    /// The peer broke the WebSocket protocol.
    Broken(CloseCode),
    /// The session is to close.
    Session(CloseReason),
    /// The session does not want this wire, and has told it so.
    Refused,
    /// A candidate said what is no packet.
    Nonsense,
}

/// What is kept of a WebSocket between reads: nothing, unless a frame or a message is unfinished.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    decoder: Decoder,
    /// Bytes that are not a whole frame yet, or wait for room.
    tail: Vec<u8>,
    /// The same, where it is much.
    holding: Holding,
}

/// A WebSocket as its session sees it.
pub(crate) struct Inbound<'w, A: Application> {
    pub(crate) engine: &'w Arc<Engine<A>>,
    pub(crate) session: &'w Arc<Session<A::Connection>>,
    pub(crate) seat: Seat,
    pub(crate) is_v3: bool,
    pub(crate) stage: &'w mut Stage,
    /// Messages may come compressed.
    pub(crate) deflate: bool,
    pub(crate) partial: &'w mut Option<Box<Partial>>,
    /// Frames for a candidate's peer, which the session does not send.
    pub(crate) replies: &'w mut Vec<u8>,
}

impl<A: Application> Inbound<'_, A> {
    /// Receives what was read, behind what was left of earlier reads; answers leave together at the end.
    pub(crate) fn receive(&mut self, read: &mut [u8]) -> Turn {
        if *self.stage == Stage::Draining {
            return Turn::More;
        }
        let corked = *self.stage == Stage::Live;
        if corked {
            self.session.cork();
        }
        let mut allowance = self.session.allowance(self.engine.terms());
        let turn = match self.partial.take() {
            None => {
                let mut decoder = Decoder::new();
                let (used, turn) = self.decode(&mut decoder, read, &mut allowance);
                if used < read.len() || !decoder.is_idle() {
                    self.keep(decoder, read[used..].to_vec(), Holding::default());
                }
                turn
            }
            Some(partial) => {
                let Partial { mut decoder, mut tail, holding } = *partial;
                tail.extend_from_slice(read);
                let (used, turn) = self.decode(&mut decoder, &mut tail, &mut allowance);
                if used > 0 {
                    tail = tail[used..].to_vec();
                }
                if !tail.is_empty() || !decoder.is_idle() {
                    self.keep(decoder, tail, holding);
                }
                turn
            }
        };
        self.engine.spend(self.session, allowance);
        if corked {
            self.session.uncork(self.engine.terms());
        }
        if let Turn::End(_) = turn {
            *self.partial = None;
        }
        turn
    }

    fn keep(&mut self, decoder: Decoder, tail: Vec<u8>, mut holding: Holding) {
        holding.set(&self.engine.terms().memory, self.session.slot(), tail.capacity() + decoder.held());
        *self.partial = Some(Box::new(Partial { decoder, tail, holding }));
    }

    fn decode(
        &mut self,
        decoder: &mut Decoder,
        bytes: &mut [u8],
        allowance: &mut Allowance,
    ) -> (usize, Turn) {
        let limits = Limits { max_message: self.engine.options().max_payload, ..Limits::default() };
        let (mut at, mut inflated) = (0, 0);
        loop {
            if at == bytes.len() {
                return (at, Turn::More);
            }
            match decoder.decode_with(&mut bytes[at..], Role::Server, &limits, self.deflate) {
                Err(error) => return (at, Turn::End(End::Broken(error.close_code()))),
                Ok(Decoded::Incomplete { .. }) => return (at, Turn::More),
                Ok(Decoded::Frame { event, consumed }) => {
                    at += consumed;
                    let length = payload_length(&event);
                    if !self.engine.take(allowance, consumed.max(length)) {
                        return (at, self.close(CloseReason::RateLimit));
                    }
                    if self.deflate {
                        inflated += length.saturating_sub(consumed);
                    }
                    match self.handle(&event) {
                        Turn::More if inflated > INFLATED_LIMIT => return (at, Turn::Wait),
                        Turn::More => {}
                        other => return (at, other),
                    }
                }
            }
        }
    }

    fn handle(&mut self, event: &Event<'_>) -> Turn {
        match event {
            Event::Text(text) => {
                let decoded = if self.is_v3 { v3::decode_text(text) } else { Text::from_text(text) };
                match decoded {
                    Ok(packet) => self.handle_packet(packet.packet()),
                    Err(_) => self.close(CloseReason::ParseError),
                }
            }
            Event::Binary(bytes) if self.is_v3 => match v3::decode_binary(bytes) {
                Ok(packet) => self.handle_packet(packet),
                Err(_) => self.close(CloseReason::ParseError),
            },
            Event::Binary(bytes) => self.handle_packet(Packet::Message(Message::Binary(bytes))),
            Event::Ping(payload) => {
                self.pong(payload);
                Turn::More
            }
            Event::Close(close) => Turn::End(End::Closed(close.as_ref().map(|close| close.code))),
            Event::Pong(_) | Event::Fragment => Turn::More,
        }
    }

    fn handle_packet(&mut self, packet: Packet<'_>) -> Turn {
        match self.session.receive(self.engine.terms(), self.seat, packet) {
            Received::Nothing => Turn::More,
            Received::Message { message, full } => {
                match self.engine.application().message(self.engine, self.session, message) {
                    Flow::Continue if full => Turn::Wait,
                    Flow::Continue => Turn::More,
                    Flow::Wait => Turn::Wait,
                    Flow::Close(reason) => self.close(reason),
                }
            }
            Received::Heartbeat => {
                self.engine.application().heartbeat(self.engine, self.session);
                Turn::More
            }
            Received::Probed { from } => {
                self.engine.application().upgrading(self.engine, self.session, from, Wire::WebSocket);
                Turn::More
            }
            Received::Adopted { from } => {
                *self.stage = Stage::Live;
                self.engine.upgraded(self.session, from, Wire::WebSocket);
                Turn::More
            }
            Received::Refused => Turn::End(End::Refused),
            Received::Close(reason) => self.close(reason),
        }
    }

    /// Whether what made the wire wait has room again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.engine.application().poll_room(self.session, cx));
        self.session.poll_room(self.engine.terms(), cx)
    }

    /// A candidate that misbehaves takes nothing with it but itself.
    fn close(&self, reason: CloseReason) -> Turn {
        Turn::End(match *self.stage {
            Stage::Candidate => End::Nonsense,
            Stage::Live | Stage::Draining => End::Session(reason),
        })
    }

    fn pong(&mut self, payload: &[u8]) {
        if *self.stage == Stage::Candidate {
            if self.replies.len() < CANDIDATE_PONG_LIMIT {
                encode(OpCode::Pong, payload, None, self.replies);
            }
            return;
        }
        let mut frame = Vec::with_capacity(payload.len() + 2);
        encode(OpCode::Pong, payload, None, &mut frame);
        self.session.pong(self.engine.terms(), Frame::websocket_control(&frame));
    }

    /// Tells session and peer of the end. Afterwards the stage says whether the peer is waited for.
    pub(crate) fn end(&mut self, end: End) -> After {
        let code = match end {
            End::Closed(code) => code,
            End::Broken(code) => Some(code),
            End::Gone | End::Session(_) | End::Refused | End::Nonsense => None,
        };
        let mut frame = Vec::new();
        encode_close(code.map(|code| Close { code, reason: "" }), None, &mut frame);
        match *self.stage {
            Stage::Draining => return After::Over,
            Stage::Candidate => {
                if let End::Closed(_) | End::Broken(_) | End::Nonsense = end {
                    self.replies.extend_from_slice(&frame);
                }
                return After::Release;
            }
            Stage::Live => {}
        }
        let frame = Frame::websocket_control(&frame);
        let (reason, parting) = match end {
            End::Gone | End::Refused | End::Nonsense => (CloseReason::TransportClose, Parting::Gone),
            End::Closed(_) => (CloseReason::TransportClose, Parting::Answer(frame)),
            End::Broken(_) => (CloseReason::TransportError, Parting::Close(frame)),
            End::Session(reason) => (reason, reason.into()),
        };
        let waits = matches!(parting, Parting::Close(_));
        self.engine.close_here(self.session, reason, parting);
        if !waits {
            return After::Over;
        }
        *self.stage = Stage::Draining;
        After::Drain
    }
}

fn payload_length(event: &Event<'_>) -> usize {
    match event {
        Event::Text(text) => text.len(),
        Event::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// What the wire does when its session no longer needs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum After {
    /// It ends.
    Over,
    /// It sends its replies, then gives up the candidate's seat and ends.
    Release,
    /// It reads on, and throws away, until the peer closes.
    Drain,
}
