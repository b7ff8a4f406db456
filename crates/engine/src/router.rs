//! From a request to the wire that answers it: what is refused, and in which order.
//!
//! ```text
//! preflight? ─▶ middlewares ─▶ transport? ─▶ origin? ─▶ sid? ─┬─ known: does it fit its session? ─▶ wire
//!                                                             └─ none:  may it open one?         ─▶ wire
//! ```
//! Spec: engine.md, sections 3, 4.1 and 10; extensions.md, section 1.1.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, SET_COOKIE, UPGRADE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;
use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::reason::CloseReason;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::wire::event_stream::parse_id;
use sockeye_websocket::extensions::{Negotiated, negotiate};
use sockeye_websocket::handshake::{check_request, has_token};
use tracing::{Instrument as _, Level};

use crate::body::Body;
use crate::cookie::set_cookie;
use crate::cors;
use crate::engine::{Application, Engine};
use crate::forwarded::said;
use crate::gate::{Asking, Purpose, Sender};
use crate::handshake::Handshake;
use crate::hooks::ConnectionError;
use crate::link::Link;
use crate::log::{REQUEST, SESSION};
use crate::middleware::{self, Step, run_all};
use crate::origin_check;
use crate::peer::{PeerAddr, Secure};
use crate::query::{Asked, Query};
use crate::refusal::{BadRequest, Refusal, refused_for};
use crate::session::Session;
use crate::sid::Sid;
use crate::wire::{polling, sse, upgraded, upload};

impl<A: Application> Engine<A> {
    /// Whether requests for this path are the engine's: it begins with [`Options::path`](crate::options::Options), or
    /// is that without its last slash.
    pub fn serves(&self, path: &str) -> bool {
        let ours = &self.options().path;
        path.starts_with(ours) || ours.strip_suffix('/').is_some_and(|ours| !ours.is_empty() && path == ours)
    }

    /// Answers a request, whatever its path. The address of the peer is the extension [`PeerAddr`], if any.
    ///
    /// Dropping the future of a GET that waits, or of a POST that is not yet received, closes its session with
    /// `transport error`: the peer's connection is gone. A WebSocket needs a server that lets hyper upgrade the
    /// connection.
    ///
    /// # Errors
    /// None: what is wrong with a request becomes its answer; see [`Refusal`].
    pub async fn handle<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: HttpBody,
    {
        let address = request.extensions().get().map(|PeerAddr(address)| *address);
        self.handle_from(request, address).await
    }

    pub(crate) async fn handle_from<B>(
        self: Arc<Self>,
        request: Request<B>,
        address: Option<SocketAddr>,
    ) -> Response<Body>
    where
        B: HttpBody,
    {
        let (request, body) = request.into_parts();
        if tracing::span_enabled!(target: REQUEST, Level::DEBUG) {
            // Nothing else of the target: the session's id is a secret.
            let wire = Query::parse(request.uri.query().unwrap_or_default()).wire;
            let (method, transport) = (request.method.as_str(), wire.map(Wire::as_str));
            let span = tracing::debug_span!(target: REQUEST, "request", method, transport);
            return self.answer(request, body, address).instrument(span).await;
        }
        self.answer(request, body, address).await
    }

    async fn answer<B>(
        self: Arc<Self>,
        mut request: Parts,
        body: B,
        address: Option<SocketAddr>,
    ) -> Response<Body>
    where
        B: HttpBody,
    {
        let mut answer = match &self.options().cors {
            Some(cors) if request.method == Method::OPTIONS => cors::preflight(cors, &request.headers),
            _ if let Some(answer) = self.application().answer(&request) => answer,
            _ => {
                let mut added = HeaderMap::new();
                let passed = run_all(&self.options().middlewares, &mut request, &mut added).await;
                let answered = match passed {
                    Ok(Step::Next) => route(&self, &mut request, body, address).await,
                    Ok(Step::Answer(answer)) => Ok(answer),
                    Err(refusal) => Err(refusal),
                };
                let mut answer = answered.unwrap_or_else(|refusal| self.refuse(&request, &refusal));
                middleware::add_headers(&added, answer.headers_mut());
                answer
            }
        };
        if let Some(cors) = &self.options().cors {
            cors::add_headers(cors, &request.headers, answer.headers_mut());
        }
        if let Some(hook) = &self.options().headers {
            hook.change(&request, answer.headers_mut());
        }
        answer
    }

    fn refuse(&self, request: &Parts, refusal: &Refusal) -> Response<Body> {
        self.counters().count_refused(refusal);
        tracing::debug!(target: REQUEST, code = refusal.code(), context = refusal.cause(), "refused");
        if let Some(hook) = &self.options().connection_error {
            hook.tell(&ConnectionError { request, refusal });
        }
        if wants_upgrade(request) { refusal.text() } else { refusal.json() }
    }
}

/// Whether the peer asks to leave HTTP.
fn wants_upgrade(request: &Parts) -> bool {
    let asks = |value: &HeaderValue| has_token(value.as_bytes(), "upgrade");
    request.headers.contains_key(UPGRADE) && request.headers.get_all(CONNECTION).iter().any(asks)
}

/// The order of the checks is the protocol's: the first that fails decides the answer.
async fn route<A, B>(
    engine: &Arc<Engine<A>>,
    request: &mut Parts,
    body: B,
    address: Option<SocketAddr>,
) -> Result<Response<Body>, Refusal>
where
    A: Application,
    B: HttpBody,
{
    let upgrades = wants_upgrade(request);
    let query = Query::parse(request.uri.query().unwrap_or_default());
    // Protocol 3 knows of no streams.
    let is_known = |wire: &Wire| query.is_v4 || *wire != Wire::Sse;
    let wire = query.wire.filter(|wire| engine.options().transports.contains(wire) && is_known(wire));
    let wire = wire.ok_or(Refusal::UnknownTransport)?;
    if let Some(origin) = request.headers.get(ORIGIN) {
        if !is_header_text(origin) {
            return Err(Refusal::BadRequest(BadRequest::InvalidOrigin));
        }
        if origin_check::is_refused(engine.options(), request, address) {
            engine.foreign_origins().warn(&request.headers, engine.now());
            return Err(Refusal::ForeignOrigin);
        }
    }
    if wire == Wire::Sse
        && request.method == Method::GET
        && let Some(last) = request.headers.get("last-event-id")
    {
        return resume_event_source(engine, last);
    }
    let session = match query.sid {
        Asked::New => return open(engine, request, wire, query, upgrades, address).await,
        Asked::Nonsense => return Err(Refusal::UnknownSession),
        Asked::Known(sid) => engine.sessions().find(&sid).ok_or(Refusal::UnknownSession)?,
    };
    // Whatever it asks for.
    if !engine.admit_request(&session, 0) {
        return Ok(refused_for(CloseReason::RateLimit));
    }
    if upgrades {
        if wire != Wire::WebSocket {
            return Err(Refusal::BadRequest(BadRequest::TransportMismatch));
        }
        if query.is_v4 != (session.protocol() == 4) {
            return Err(Refusal::BadRequest(BadRequest::ProtocolMismatch));
        }
        ask(engine, request, Purpose::Move(wire), sender(engine, request, address)).await?;
        return websocket(engine, request, None, |_| upgraded::Purpose::Take {
            session,
            base64: query.base64,
        });
    }
    let (seat, carrier, dialect) = session.carrier();
    let candidate = if wire == Wire::Sse { session.candidate_seat(wire) } else { None };
    let opens_probe = wire == Wire::Sse && carrier == Wire::Polling && request.method == Method::GET;
    let fits = wire == carrier || candidate.is_some() || opens_probe;
    if !fits || wire == Wire::WebSocket {
        return Err(Refusal::BadRequest(BadRequest::TransportMismatch));
    }
    if query.is_v4 == dialect.is_v3 {
        return Err(Refusal::BadRequest(BadRequest::ProtocolMismatch));
    }
    Ok(match (request.method.as_str(), wire) {
        ("GET", Wire::Polling) => {
            let (asked, most) = (query.wait, engine.options().max_wait);
            let wait = asked.map_or(most, |asked| Some(most.map_or(asked, |most| asked.min(most))));
            polling::answer(engine, &session, seat, dialect, wait, &request.headers).await
        }
        ("GET", _) if opens_probe => {
            ask(engine, request, Purpose::Move(wire), sender(engine, request, address)).await?;
            let seat = session.claim(engine.terms(), Wire::Sse, Link::away(), false, None);
            sse::answer(engine, session, seat.ok_or(Refusal::BadRequest(BadRequest::TransportMismatch))?)
        }
        ("GET", _) => {
            let number = query.ack.ok_or(Refusal::BadRequest(BadRequest::TransportMismatch))?;
            resume(engine, session, number).ok_or(Refusal::UnknownSession)?
        }
        ("POST", _) => {
            let seat = candidate.unwrap_or(seat);
            upload::answer(engine, &session, seat, wire, dialect, &request.headers, body).await
        }
        _ => status(StatusCode::INTERNAL_SERVER_ERROR),
    })
}

/// A request that may open a session.
async fn open<A: Application>(
    engine: &Arc<Engine<A>>,
    request: &mut Parts,
    wire: Wire,
    query: Query,
    upgrades: bool,
    address: Option<SocketAddr>,
) -> Result<Response<Body>, Refusal> {
    if request.method != Method::GET {
        return Err(Refusal::BadMethod);
    }
    if upgrades != (wire == Wire::WebSocket) {
        return Err(Refusal::BadRequest(BadRequest::TransportHandshakeError));
    }
    let sender = sender(engine, request, address);
    engine.admit(sender.address).map_err(Refusal::Busy)?;
    ask(engine, request, Purpose::Open(wire), sender).await?;
    if !query.is_v4 && !engine.options().allow_eio3 {
        return Err(Refusal::UnsupportedProtocol);
    }
    let dialect = query.dialect();
    let sid = fresh_sid(engine, request).await?;
    let taken = || Refusal::BadRequest(BadRequest::IdGenerationError);
    let open_packet = open_packet(engine, &sid, wire, &query);
    let Sender { address, secure } = sender;
    let handshake = |request: &Parts| Handshake::new(request, address, secure, engine.runtime().date());
    let mut answer = match wire {
        Wire::WebSocket => {
            return websocket(engine, request, Some(&sid), |request| upgraded::Purpose::Open {
                sid,
                open_packet,
                handshake: handshake(request),
                dialect,
            });
        }
        Wire::Sse => {
            let session = engine.open(sid, wire, dialect, None, handshake(request), open_packet);
            let session = session.ok_or_else(taken)?;
            let (seat, _) = session.seat();
            sse::answer(engine, session, seat)
        }
        _ => {
            let session = engine.open(sid, wire, dialect, None, handshake(request), open_packet);
            let session = session.ok_or_else(taken)?;
            let (seat, _) = session.seat();
            polling::answer(engine, &session, seat, dialect, query.wait, &request.headers).await
        }
    };
    welcome(engine, &sid, request, answer.headers_mut());
    Ok(answer)
}

/// The application's say on a request that opens or moves a session.
async fn ask<A: Application>(
    engine: &Engine<A>,
    request: &Parts,
    purpose: Purpose,
    sender: Sender,
) -> Result<(), Refusal> {
    match &engine.options().allow_request {
        Some(gate) => gate.ask(Asking::new(request, purpose, sender)).await.map_err(Refusal::Forbidden),
        None => Ok(()),
    }
}

/// Who sends a request that came from `peer`.
fn sender<A: Application>(engine: &Engine<A>, request: &Parts, peer: Option<SocketAddr>) -> Sender {
    let said = said(&engine.options().trusted_proxies, peer, &request.headers);
    // A target with a scheme is the peer's word, and says nothing of the connection.
    let secure = said.secure.unwrap_or_else(|| request.extensions.get::<Secure>().is_some());
    Sender { address: said.address.or(peer), secure }
}

/// An id for a session that a request opens.
async fn fresh_sid<A: Application>(engine: &Engine<A>, request: &Parts) -> Result<Sid, Refusal> {
    let Some(ids) = &engine.options().generate_id else { return Ok(Sid::random(engine.runtime())) };
    match ids.generate(request).await {
        Ok(sid) if engine.sessions().find(&sid).is_none() => return Ok(sid),
        Ok(_) => tracing::debug!(target: REQUEST, "the id that was generated is a session's already"),
        Err(error) => tracing::debug!(target: REQUEST, %error, "no id was generated"),
    }
    Err(Refusal::BadRequest(BadRequest::IdGenerationError))
}

/// The 101, behind which a task of its own opens the session or takes it over. `sid` is a new session's.
fn websocket<A: Application>(
    engine: &Arc<Engine<A>>,
    request: &mut Parts,
    sid: Option<&Sid>,
    purpose: impl FnOnce(&Parts) -> upgraded::Purpose<A::Connection>,
) -> Result<Response<Body>, Refusal> {
    let pairs = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let accept = check_request(pairs)?;
    let deflate = match engine.options().per_message_deflate {
        Some(_) => {
            let offers = request.headers.get_all(SEC_WEBSOCKET_EXTENSIONS);
            negotiate(offers.iter().map(HeaderValue::as_bytes))?
        }
        None => None,
    };
    let upgrade = request.extensions.remove::<OnUpgrade>();
    let (Some(upgrade), true) =
        (upgrade, request.method == Method::GET && request.version == Version::HTTP_11)
    else {
        return Err(Refusal::BadRequest(BadRequest::TransportHandshakeError));
    };
    let purpose = purpose(request);
    let mut answer = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::from_bytes(&accept).expect("base64 is visible ASCII");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = first_protocol(&request.headers) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    // What protocol 3 has otherwise is made for each peer as it leaves, behind where a message is compressed.
    let deflate = deflate.filter(|_| !purpose.is_v3()).map(|Negotiated { agreement, answer }| {
        let answer = HeaderValue::try_from(answer).expect("names and a number");
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, answer);
        agreement
    });
    if let Some(sid) = sid {
        welcome(engine, sid, request, headers);
    }
    upgraded::serve(engine.clone(), upgrade, purpose, deflate);
    Ok(answer)
}

/// A stream that an EventSource opened again by itself: 204 makes it stop.
fn resume_event_source<A: Application>(
    engine: &Arc<Engine<A>>,
    last: &HeaderValue,
) -> Result<Response<Body>, Refusal> {
    let known = last.to_str().ok().and_then(parse_id).and_then(|(sid, number)| {
        let session = engine.sessions().find(&Sid::parse(sid)?)?;
        Some((session, number))
    });
    let resumed = known.and_then(|(session, number)| resume(engine, session, number));
    Ok(resumed.unwrap_or_else(|| status(StatusCode::NO_CONTENT)))
}

/// A stream that came back goes on behind `number`. What is no longer kept cannot be sent again: then the
/// session closes, and there is no answer.
fn resume<A: Application>(
    engine: &Arc<Engine<A>>,
    session: Arc<Session<A::Connection>>,
    number: u32,
) -> Option<Response<Body>> {
    match session.resume(engine.terms(), number) {
        Ok(seat) => {
            engine.counters().count_resumed();
            tracing::debug!(target: SESSION, session = session.slot(), "resumed");
            Some(sse::answer(engine, session, seat))
        }
        Err(_) => {
            if session.wire() == Wire::Sse {
                engine.close_here(&session, CloseReason::TransportClose, CloseReason::TransportClose.into());
            }
            None
        }
    }
}

/// The first packet of a session; its keys and their order are the reference's.
fn open_packet<A: Application>(engine: &Engine<A>, sid: &Sid, wire: Wire, query: &Query) -> Frame {
    let options = engine.options();
    let offered = |to: &Wire| match (wire, to) {
        (Wire::Polling, Wire::Sse) => query.is_v4 && (query.knows_sse || options.advertise_sse),
        (Wire::Polling | Wire::Sse, Wire::WebSocket) => true,
        _ => false,
    };
    let upgrades: Vec<String> = [Wire::WebSocket, Wire::Sse]
        .into_iter()
        .filter(|to| options.allow_upgrades && options.transports.contains(to) && offered(to))
        .map(|to| format!("\"{to}\""))
        .collect();
    let packet = format!(
        "0{{\"sid\":\"{sid}\",\"upgrades\":[{}],\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
        upgrades.join(","),
        options.ping_interval.as_millis(),
        options.ping_timeout.as_millis(),
        options.max_payload,
    );
    Frame::text(&[packet.as_bytes()])
}

/// What the answer that opens a session says beside it.
fn welcome<A: Application>(engine: &Engine<A>, sid: &Sid, request: &Parts, answer: &mut HeaderMap) {
    if let Some(cookie) = engine.options().cookie.as_ref().and_then(|cookie| set_cookie(cookie, sid)) {
        answer.append(SET_COOKIE, cookie);
    }
    if let Some(hook) = &engine.options().initial_headers {
        hook.change(request, answer);
    }
}

/// The first of the subprotocols that the peer offers, as the reference chooses it: clients that offer some take no
/// answer without one. What it means is between the peer and the application.
fn first_protocol(request: &HeaderMap) -> Option<HeaderValue> {
    let first = request.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?.split(',').next()?.trim();
    // A token is what a header's name may be.
    HeaderName::from_bytes(first.as_bytes()).ok()?;
    HeaderValue::from_str(first).ok()
}

/// As in HTTP itself: no control characters, save the tab. Bytes from 0x80 on are allowed.
fn is_header_text(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
