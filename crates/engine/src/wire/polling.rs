//! GETs that wait for packets: long polling, and short polling when `wait=` says so.
//!
//! ```text
//! client ── GET ──▶              answered at once with what is queued, else held
//! client ◀── packet ──           the packet that came meanwhile, alone: the next GET brings what follows
//! ```
//! One GET may be pending; a GET whose connection drops takes its session with it.
//!
//! Spec: engine.md, sections 4.2, 4.4 and 4.6; extensions.md, section 2.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT,
    X_XSS_PROTECTION,
};
use http::{Response, StatusCode};
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::{payload, v3};
use sockeye_runtime::runtime::Sleep;

use crate::body::Body;
use crate::compression::Coding;
use crate::dialect::Dialect;
use crate::engine::{Application, Engine};
use crate::memory::Holding;
use crate::refusal::refused_for;
use crate::session::Session;
use crate::side::{Seat, Taken};
use crate::wire::jsonp;

/// A GET that waits. Dropped before it is answered, it closes the session.
struct Pending<'s, A: Application> {
    engine: &'s Arc<Engine<A>>,
    session: &'s Arc<Session<A::Connection>>,
    seat: Seat,
    answered: bool,
}

impl<A: Application> Drop for Pending<'_, A> {
    fn drop(&mut self) {
        // After a move the seat is another's, and so is the session.
        if self.session.end_poll(self.seat) && !self.answered {
            self.engine.close(self.session, CloseReason::TransportError);
        }
    }
}

/// The packets of an answer, as the peer reads them.
enum Payload {
    V4(Vec<u8>),
    /// How it is written depends on all of them.
    V3(Vec<Frame>),
}

impl Payload {
    fn push(&mut self, frame: &Frame) {
        match self {
            Payload::V4(body) => payload::push(frame, body),
            Payload::V3(frames) => frames.push(frame.clone()),
        }
    }

    fn push_control(&mut self, packet: &[u8]) {
        self.push(&Frame::text(&[packet]));
    }

    /// The body, and whether it is binary.
    fn finish(self, callback: Option<u32>) -> (Vec<u8>, bool) {
        let (body, binary) = match self {
            Payload::V4(body) => (body, false),
            Payload::V3(frames) => v3::payload(&frames),
        };
        match callback {
            Some(callback) => (jsonp::script(callback, &body), false),
            None => (body, binary),
        }
    }
}

/// Answers one GET of the polling session's wire that holds `seat`. An empty one is held for `wait`, or for as long as it
/// takes.
pub(crate) async fn answer<A: Application>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    seat: Seat,
    dialect: Dialect,
    wait: Option<Duration>,
    request: &HeaderMap,
) -> Response<Body> {
    let short = wait.is_some_and(|wait| wait.is_zero());
    if session.begin_poll(seat, short).is_err() {
        engine.close_here(session, CloseReason::TransportError, CloseReason::TransportError.into());
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return answer;
    }
    let mut pending = Pending { engine, session, seat, answered: false };
    let mut payload = if dialect.is_v3 { Payload::V3(Vec::new()) } else { Payload::V4(Vec::new()) };
    // One packet that may be is enough, as in the reference.
    let mut may_compress = false;
    let mut waited = false;
    let mut sleep: Option<Sleep> = None;
    let taken = poll_fn(|cx| {
        let limit = if waited { 1 } else { engine.options().max_packets };
        let taken = session.poll_take(engine.terms(), seat, cx, limit, |frame| {
            may_compress |= frame.may_compress();
            payload.push(frame);
        });
        if let Poll::Ready(taken) = taken {
            return Poll::Ready(Some(taken));
        }
        waited = true;
        match wait {
            None => Poll::Pending,
            Some(wait) if wait.is_zero() => Poll::Ready(None),
            Some(wait) => {
                let sleep = sleep.get_or_insert_with(|| engine.runtime().sleep(wait));
                Pin::new(sleep).poll(cx).map(|()| None)
            }
        }
    })
    .await;
    pending.answered = true;
    drop(pending);
    match taken {
        Some(Taken::Frames { .. }) => {}
        None => payload.push_control(b"6"),
        Some(Taken::Superseded) => payload.push_control(b"1"),
        Some(Taken::Closed(CloseReason::TransportClose)) if waited => payload.push_control(b"6"),
        Some(Taken::Closed(reason)) if waited => payload.push_control(reason.packet().as_bytes()),
        Some(Taken::Closed(reason)) => {
            payload.push_control(b"6");
            payload.push_control(reason.packet().as_bytes());
            engine.forget(session);
        }
    }
    let (mut body, binary) = payload.finish(dialect.jsonp);
    let threshold = engine.options().http_compression.filter(|_| may_compress);
    let worth_it = threshold.is_some_and(|threshold| body.len() >= threshold);
    let coding = request.get(ACCEPT_ENCODING).filter(|_| worth_it).and_then(Coding::accepted);
    if let Some(coding) = coding {
        body = coding.encode(&body);
    }
    engine.terms().traffic.count_sent(Wire::Polling, body.len());
    let body = if let Some(Taken::Frames { .. }) = taken {
        let mut holding = Holding::default();
        let unread = holding.set(&engine.terms().memory, session.slot(), body.len());
        if unread > engine.options().hard_limit && unread > body.len() {
            // It asks for more and more, and reads none of it.
            engine.close_here(session, CloseReason::SlowReader, CloseReason::SlowReader.into());
            return refused_for(CloseReason::SlowReader);
        }
        // Nobody else has them, so an answer that nobody reads closes the session.
        let (engine, session) = (engine.clone(), session.clone());
        Body::only(body, holding, move || engine.close(&session, CloseReason::TransportError))
    } else {
        Body::full(body)
    };
    respond(body, binary, coding, request)
}

fn respond(body: Body, binary: bool, coding: Option<Coding>, request: &HeaderMap) -> Response<Body> {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    let kind = if binary { "application/octet-stream" } else { "text/plain; charset=UTF-8" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    protect(request, headers);
    answer
}

/// Old Internet Explorers took an answer for a page and filtered it.
pub(crate) fn protect(request: &HeaderMap, answer: &mut HeaderMap) {
    let is_old = |agent: &HeaderValue| {
        let agent = agent.as_bytes();
        let names = |name: &[u8]| agent.windows(name.len()).any(|part| part == name);
        names(b";MSIE") || names(b"Trident/")
    };
    if request.get(USER_AGENT).is_some_and(is_old) {
        answer.insert(X_XSS_PROTECTION, HeaderValue::from_static("0"));
    }
}
