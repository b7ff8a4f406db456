//! Requests that are not served, and the answer each gets.
//!
//! Plain requests are answered in JSON; those that ask for a WebSocket with a line of text, since that is all
//! such a client shows.
//!
//! Spec: engine.md, section 3.2.

use std::borrow::Cow;
use std::fmt;

use http::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION};
use http::{Response, StatusCode};
use sockeye_engine_proto::reason::CloseReason;
use sockeye_websocket::handshake::HandshakeError;

use crate::body::Body;
use crate::entrance::Busy;

/// Why a request is not served. The number of each is the protocol's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// 0: no transport of that name is served.
    #[error("Transport unknown")]
    UnknownTransport,
    /// 1: there is no such session.
    #[error("Session ID unknown")]
    UnknownSession,
    /// 2: a session is opened with GET.
    #[error("Bad handshake method")]
    BadMethod,
    /// 3: the request contradicts itself, or what its session is.
    #[error("Bad request")]
    BadRequest(BadRequest),
    /// 4: the application does not want it, for the reason it gave.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// 4, too: there is too much of something already. Another time, or another server, may do.
    #[error("{}", if .0.is_of_address() { "Too many requests" } else { "Service unavailable" })]
    Busy(Busy),
    /// 4, too: its `Origin` is foreign, and [`origins`](crate::options::Options::origins) refuses those.
    #[error("Origin not allowed")]
    ForeignOrigin,
    /// 5: protocol 3, where [`allow_eio3`](crate::options::Options::allow_eio3) does not let it in.
    #[error("Unsupported protocol version")]
    UnsupportedProtocol,
    /// 3, too: a WebSocket was asked for in a way that RFC 6455 does not allow.
    #[error("{}", handshake_text(*.0))]
    Handshake(#[from] HandshakeError),
}

/// Which of the bad requests it is, or of those that are not wanted. The peer is not told; [`OnConnectionError`](crate::hooks::OnConnectionError) is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BadRequest {
    /// Its `Origin` is no header text.
    InvalidOrigin,
    /// Its transport is not the one that carries the session, nor one that may take it over.
    TransportMismatch,
    /// Its transport cannot begin that way, such as a WebSocket without an upgrade.
    TransportHandshakeError,
    /// No id could be made for its session.
    IdGenerationError,
    /// A middleware of the engine failed.
    MiddlewareFailure,
    /// It speaks another revision of the protocol than its session.
    ProtocolMismatch,
    /// Its `Origin` is foreign. Of code 4, and not the reference's.
    ForeignOrigin,
}

/// The reference's own names of the codes.
pub(crate) const CODES: [&str; 6] = [
    "UNKNOWN_TRANSPORT",
    "UNKNOWN_SID",
    "BAD_HANDSHAKE_METHOD",
    "BAD_REQUEST",
    "FORBIDDEN",
    "UNSUPPORTED_PROTOCOL_VERSION",
];

impl BadRequest {
    /// Every one, for tables of counters.
    pub const ALL: [BadRequest; 7] = [
        BadRequest::InvalidOrigin,
        BadRequest::TransportMismatch,
        BadRequest::TransportHandshakeError,
        BadRequest::IdGenerationError,
        BadRequest::MiddlewareFailure,
        BadRequest::ProtocolMismatch,
        BadRequest::ForeignOrigin,
    ];

    /// The reference's own name for it, where it has one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            BadRequest::InvalidOrigin => "INVALID_ORIGIN",
            BadRequest::TransportMismatch => "TRANSPORT_MISMATCH",
            BadRequest::TransportHandshakeError => "TRANSPORT_HANDSHAKE_ERROR",
            BadRequest::IdGenerationError => "ID_GENERATION_ERROR",
            BadRequest::MiddlewareFailure => "MIDDLEWARE_FAILURE",
            BadRequest::ProtocolMismatch => "PROTOCOL_MISMATCH",
            BadRequest::ForeignOrigin => "FOREIGN_ORIGIN",
        }
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What clients and their users know from the library that most servers use.
fn handshake_text(error: HandshakeError) -> &'static str {
    match error {
        HandshakeError::Version => "Missing or invalid Sec-WebSocket-Version header",
        HandshakeError::Key => "Missing or invalid Sec-WebSocket-Key header",
        HandshakeError::Extensions => "Invalid or unacceptable Sec-WebSocket-Extensions header",
        _ => "Invalid Upgrade header",
    }
}

fn busy_status(busy: Busy) -> StatusCode {
    if busy.is_of_address() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE }
}

impl Refusal {
    /// [`Refusal::Forbidden`] without a reason of the application's own.
    pub const FORBIDDEN: Refusal = Refusal::Forbidden(Cow::Borrowed("Forbidden"));

    /// The protocol's number.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Refusal::UnknownTransport => 0,
            Refusal::UnknownSession => 1,
            Refusal::BadMethod => 2,
            Refusal::BadRequest(_) | Refusal::Handshake(_) => 3,
            Refusal::Forbidden(_) | Refusal::ForeignOrigin | Refusal::Busy(_) => 4,
            Refusal::UnsupportedProtocol => 5,
        }
    }

    /// The name of what is wrong, the reference's own where it has one: that of the bad request, of what there is too much of,
    /// or else of the code.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Refusal::Busy(busy) => busy.as_str(),
            _ => self.context().map_or(CODES[usize::from(self.code())], BadRequest::as_str),
        }
    }

    /// Which of the bad requests it is: of code 3, and of foreign origins.
    #[must_use]
    pub fn context(&self) -> Option<BadRequest> {
        match self {
            Refusal::BadRequest(context) => Some(*context),
            Refusal::Handshake(_) => Some(BadRequest::TransportHandshakeError),
            Refusal::ForeignOrigin => Some(BadRequest::ForeignOrigin),
            _ => None,
        }
    }

    /// The answer to a plain request.
    pub(crate) fn json(&self) -> Response<Body> {
        let message = serde_json::Value::from(self.to_string());
        let body = format!("{{\"code\":{},\"message\":{message}}}", self.code());
        let mut answer = Response::new(Body::full(body));
        *answer.status_mut() = match self {
            Refusal::Forbidden(_) | Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
            Refusal::Busy(busy) => busy_status(*busy),
            _ => StatusCode::BAD_REQUEST,
        };
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.ask_for_patience(answer.headers_mut());
        answer
    }

    fn ask_for_patience(&self, headers: &mut HeaderMap) {
        if let Refusal::Busy(_) = self {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
    }

    /// The answer to a request that asks for a WebSocket; its status is 400 whatever the code, but where there is too much
    /// of something, and for a foreign origin, whose answer is that of a plain request.
    pub(crate) fn text(&self) -> Response<Body> {
        if *self == Refusal::ForeignOrigin {
            return self.json();
        }
        let mut answer = Response::new(Body::full(self.to_string()));
        *answer.status_mut() = match self {
            Refusal::Busy(busy) => busy_status(*busy),
            _ => StatusCode::BAD_REQUEST,
        };
        self.ask_for_patience(answer.headers_mut());
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if *self == Refusal::Handshake(HandshakeError::Version) {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13, 8"));
        }
        answer
    }
}

/// The answer to a request of a session that closes for that, or did.
pub(crate) fn refused_for(reason: CloseReason) -> Response<Body> {
    // None of the words has anything to escape.
    let mut answer = Response::new(Body::full(format!(r#"{{"message":"{reason}"}}"#)));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
