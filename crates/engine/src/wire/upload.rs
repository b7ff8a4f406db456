//! POSTs: packets from the client of a polling or SSE session.
//!
//! The body is read whole, within its limits of size and time, then its packets are received in order; the
//! answer goes out after the last. When the application cannot take more, or the peer does not come for what waits
//! for it, the rest and the answer wait.
//!
//! Spec: engine.md, sections 4.3-4.5.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body as HttpBody;
use sockeye_engine_proto::packet::{DecodeError, Decoded};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::{payload, v3};
use sockeye_runtime::runtime::Sleep;
use sockeye_runtime::turns::let_sockets_go_first;

use crate::body::Body;
use crate::counters::HttpLimit;
use crate::dialect::Dialect;
use crate::engine::{Application, Engine, Flow};
use crate::guarded;
use crate::memory::Holding;
use crate::refusal::refused_for;
use crate::session::{Received, Session};
use crate::side::Seat;
use crate::wire::jsonp;
use crate::wire::polling::protect;

/// Packets after which a long payload lets other tasks run.
const SLICE: usize = 256;

/// A POST under way. Dropped before its packets are all received, it closes the session: they are lost.
struct Posting<'s, A: Application> {
    engine: &'s Arc<Engine<A>>,
    session: &'s Arc<Session<A::Connection>>,
    seat: Seat,
    done: bool,
}

impl<A: Application> Drop for Posting<'_, A> {
    fn drop(&mut self) {
        self.session.end_post(self.seat);
        if self.done {
            return;
        }
        if self.session.speaks(self.seat) {
            self.session.uncork(self.engine.terms());
            self.engine.close(self.session, CloseReason::TransportError);
        } else {
            self.session.release(self.seat);
        }
    }
}

/// Why a body did not come whole.
enum Unread {
    TooLarge,
    Stalled,
    Aborted,
    /// The session closed meanwhile.
    Closed,
}

/// The packets of a body, as the peer writes them.
enum Packets<'p> {
    V4(payload::Packets<'p>),
    V3(v3::Packets<'p>),
}

impl<'p> Iterator for Packets<'p> {
    type Item = Result<Decoded<'p>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Packets::V4(packets) => packets.next(),
            Packets::V3(packets) => packets.next(),
        }
    }
}

/// Answers one POST for the wire that holds `seat`.
pub(crate) async fn answer<A, B>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    seat: Seat,
    wire: Wire,
    dialect: Dialect,
    request: &HeaderMap,
    body: B,
) -> Response<Body>
where
    A: Application,
    B: HttpBody,
{
    if session.begin_post(seat).is_err() {
        fail(engine, session, seat, CloseReason::TransportError);
        return refuse(StatusCode::BAD_REQUEST);
    }
    let mut posting = Posting { engine, session, seat, done: false };
    let is_binary = is_octet_stream(request);
    if is_binary && !dialect.is_v3 {
        return refuse(StatusCode::BAD_REQUEST);
    }
    let body = match read(engine, session, request, body).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            posting.done = true;
            engine.counters().count_over_limit(HttpLimit::BodyBytes);
            return refuse(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Err(Unread::Stalled) => {
            engine.counters().count_over_limit(HttpLimit::BodyTime);
            return refuse(StatusCode::REQUEST_TIMEOUT);
        }
        Err(Unread::Aborted) => return refuse(StatusCode::BAD_REQUEST),
        Err(Unread::Closed) => {
            posting.done = true;
            let mut answer = refuse(StatusCode::BAD_REQUEST);
            answer.extensions_mut().insert(guarded::Cut);
            return answer;
        }
    };
    engine.terms().traffic.count_received(wire, body.len());
    // A form without a payload says nothing, and an empty payload is an error.
    let body = if dialect.jsonp.is_some() { jsonp::payload(&body).map(Bytes::from) } else { Some(body) };
    let mut ended = None;
    if let Some(body) = &body {
        let packets = match std::str::from_utf8(body) {
            _ if is_binary && dialect.jsonp.is_none() => Packets::V3(v3::split_binary(body)),
            Ok(text) if dialect.is_v3 => Packets::V3(v3::split(text)),
            Ok(text) => Packets::V4(payload::split(text)),
            Err(_) => {
                posting.done = true;
                fail(engine, session, seat, CloseReason::ParseError);
                return refuse(StatusCode::BAD_REQUEST);
            }
        };
        ended = receive(engine, session, seat, packets, body.len()).await;
    }
    posting.done = true;
    drop(posting);
    let cut_short = ended.filter(|reason| *reason == CloseReason::RateLimit);
    if let Some(reason) = cut_short.or_else(|| session.closed().filter(|reason| reason.is_abrupt())) {
        // The rest of the payload was not received: the peer must not think it was.
        return refused_for(reason);
    }
    let mut answer = Response::new(Body::full(Bytes::from_static(b"ok")));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    protect(request, headers);
    answer
}

/// Receives the packets of a payload, in order. `Some` is why it ended before the last of them.
async fn receive<A: Application>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    seat: Seat,
    packets: Packets<'_>,
    bytes: usize,
) -> Option<CloseReason> {
    let terms = engine.terms();
    session.cork();
    let mut close = None;
    let mut allowance = session.allowance(terms);
    engine.take_bytes(&mut allowance, bytes);
    for (index, packet) in packets.enumerate() {
        if index >= engine.options().max_body_packets || !engine.take(&mut allowance, 0) {
            close = Some(CloseReason::RateLimit);
            break;
        }
        if index % SLICE == SLICE - 1 {
            let_sockets_go_first(&terms.runtime).await;
        }
        let flow = match &packet {
            Err(_) => Flow::Close(CloseReason::ParseError),
            Ok(packet) => match session.receive(terms, seat, packet.packet()) {
                Received::Nothing => Flow::Continue,
                Received::Message { message, full } => {
                    match engine.application().message(engine, session, message) {
                        Flow::Continue if full => Flow::Wait,
                        flow => flow,
                    }
                }
                Received::Heartbeat => {
                    engine.application().heartbeat(engine, session);
                    Flow::Continue
                }
                // A stream is the one candidate that speaks by POST.
                Received::Probed { from } => {
                    engine.application().upgrading(engine, session, from, Wire::Sse);
                    Flow::Continue
                }
                Received::Adopted { from } => {
                    engine.upgraded(session, from, Wire::Sse);
                    Flow::Continue
                }
                Received::Close(reason) => Flow::Close(reason),
                Received::Refused => break,
            },
        };
        match flow {
            Flow::Continue => {}
            Flow::Wait => {
                session.uncork(terms);
                session.pause(terms, seat, true);
                poll_fn(|cx| engine.application().poll_room(session, cx)).await;
                engine.room(session).await;
                session.pause(terms, seat, false);
                session.cork();
            }
            Flow::Close(reason) => {
                close = Some(reason);
                break;
            }
        }
    }
    engine.spend(session, allowance);
    session.uncork(terms);
    if let Some(reason) = close {
        fail(engine, session, seat, reason);
    }
    close
}

/// The session closes, or gives up the candidate that holds `seat`.
fn fail<A: Application>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    seat: Seat,
    reason: CloseReason,
) {
    if session.speaks(seat) {
        engine.close_here(session, reason, reason.into());
    } else {
        session.release(seat);
    }
}

/// Reads the body whole. Nothing is reserved on the word of a header.
async fn read<A, B>(
    engine: &Arc<Engine<A>>,
    session: &Arc<Session<A::Connection>>,
    request: &HeaderMap,
    body: B,
) -> Result<Bytes, Unread>
where
    A: Application,
    B: HttpBody,
{
    let limit = engine.options().max_payload as u64;
    let announced = request.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.unwrap_or(0) > limit || body.size_hint().lower() > limit {
        return Err(Unread::TooLarge);
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut whole: Option<BytesMut> = None;
    let mut patience = Patience::Fresh;
    let mut holding = Holding::default();
    loop {
        let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => patience.poll(engine, session, cx).map(Err),
        });
        let Some(frame) = frame.await? else {
            return Ok(whole.map_or(first, BytesMut::freeze));
        };
        let Ok(mut data) = frame.map_err(|_| Unread::Aborted)?.into_data() else { continue };
        patience = Patience::Fresh;
        let length = data.remaining();
        let sofar = whole.as_ref().map_or(first.len(), BytesMut::len);
        if (sofar + length) as u64 > limit {
            return Err(Unread::TooLarge);
        }
        if sofar == 0 {
            first = data.copy_to_bytes(length);
        } else {
            let whole = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
            whole.put(data);
            holding.set(&engine.terms().memory, session.slot(), whole.capacity());
        }
    }
}

/// How long a body that does not come is waited for.
enum Patience {
    Fresh,
    /// Asked once: a body that came with its head is there the second time, and no timer was needed.
    Asked,
    Waiting(Sleep),
}

impl Patience {
    fn poll<A: Application>(
        &mut self,
        engine: &Engine<A>,
        session: &Session<A::Connection>,
        cx: &mut Context<'_>,
    ) -> Poll<Unread> {
        match self {
            Patience::Fresh => {
                *self = Patience::Asked;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Patience::Asked => {
                *self = Patience::Waiting(engine.runtime().sleep(engine.options().body_timeout))
            }
            Patience::Waiting(_) => {}
        }
        if session.poll_closed(cx).is_ready() {
            return Poll::Ready(Unread::Closed);
        }
        match self {
            Patience::Waiting(sleep) => Pin::new(sleep).poll(cx).map(|()| Unread::Stalled),
            Patience::Fresh | Patience::Asked => Poll::Pending,
        }
    }
}

fn is_octet_stream(request: &HeaderMap) -> bool {
    request.get(CONTENT_TYPE).is_some_and(|value| value == "application/octet-stream")
}

/// An empty answer. What is left of the body is not read, so the connection ends with it.
fn refuse(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    if status != StatusCode::BAD_REQUEST {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
