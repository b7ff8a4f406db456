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
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::wire::payload;
use sockeye_runtime::runtime::Sleep;

use crate::body::Body;
use crate::compression::Coding;
use crate::engine::{Application, Engine};
use crate::session::{Parting, Session};
use crate::side::{Seat, Taken};

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

/// Answers one GET of a polling session. An empty one is held for `wait`, or for as long as it takes.
pub(crate) async fn answer<A: Application>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    wait: Option<Duration>,
    request: &HeaderMap,
) -> Response<Body> {
    let Ok(seat) = session.begin_poll(wait.is_some_and(|wait| wait.is_zero())) else {
        engine.close_here(session, CloseReason::TransportError, Parting::default());
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return answer;
    };
    let mut pending = Pending { engine, session, seat, answered: false };
    let mut body = Vec::new();
    // One packet that may be is enough, as in the reference.
    let mut may_compress = false;
    let mut waited = false;
    let mut sleep: Option<Sleep> = None;
    let taken = poll_fn(|cx| {
        let limit = if waited { 1 } else { engine.options().max_packets };
        let taken = session.poll_take(engine.terms(), seat, cx, limit, |frame| {
            may_compress |= frame.may_compress();
            payload::push(frame, &mut body);
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
        None => body.push(b'6'),
        Some(Taken::Superseded) => body.push(b'1'),
        Some(Taken::Closed(CloseReason::TransportClose)) if waited => body.push(b'6'),
        Some(Taken::Closed(_)) if waited => body.push(b'1'),
        Some(Taken::Closed(_)) => {
            body.extend_from_slice(b"6\x1e1");
            engine.forget(session);
        }
    }
    let threshold = engine.options().http_compression.filter(|_| may_compress);
    let worth_it = threshold.is_some_and(|threshold| body.len() >= threshold);
    let coding = request.get(ACCEPT_ENCODING).filter(|_| worth_it).and_then(Coding::accepted);
    if let Some(coding) = coding {
        body = coding.encode(&body);
    }
    let body = if let Some(Taken::Frames { .. }) = taken {
        // Nobody else has them, so an answer that nobody reads closes the session.
        let (engine, session) = (engine.clone(), session.clone());
        Body::only(body, move || engine.close(&session, CloseReason::TransportError))
    } else {
        Body::full(body)
    };
    respond(body, coding, request)
}

fn respond(body: Body, coding: Option<Coding>, request: &HeaderMap) -> Response<Body> {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
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
