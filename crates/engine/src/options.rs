//! What an engine can be told.
//!
//! The names are the reference's, in our spelling. Of those options that are not here:
//!
//! | option of the reference | here |
//! |---|---|
//! | `addTrailingSlash` | the path is served with and without its last slash |
//! | `destroyUpgrade`, `destroyUpgradeTimeout` | an upgrade outside the path is its server's to answer: by our accept loop 404, at once |
//! | `wsEngine` | there is one WebSocket codec, and it is ours |
//! | `allowEIO3` | [`Options::allow_eio3`] |
//! | `maxHttpBufferSize` | [`Options::max_payload`] |
//! | `generateId`, `engine.use` | [`Options::generate_id`], [`Options::middlewares`] |
//! | `initial_headers`, `headers`, `connection_error` (events) | options of these names |
//! | `clientsCount` | [`Engine::clients_count`](crate::engine::Engine::clients_count) |

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_engine_proto::frame::Frame;
use sockeye_engine_proto::outbox::Limits;
use sockeye_engine_proto::rate::Rate;
use sockeye_engine_proto::session::Wire;
use sockeye_engine_proto::tick::Tick;
use sockeye_engine_proto::timing::Timing;

use crate::entrance;
use crate::gate::AllowRequest;
use crate::hooks::{ChangeHeaders, GenerateId, OnConnectionError};
use crate::middleware::EngineMiddleware;
use crate::origins::{Origins, normal_origin};
use crate::proxies::TrustedProxies;

/// Options of an engine. The defaults are the reference server's where it has the option.
///
/// Spec: engine.md, section 1.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The path that is served, as a plain prefix; also without its last slash where nothing follows. Default `/engine.io/` (a Socket.IO server: `/socket.io/`).
    pub path: String,
    /// The transports that are served. Default: polling, SSE, WebSocket.
    pub transports: Vec<Wire>,
    /// Whether clients of protocol 3 are served: those of Engine.IO 3, and so of Socket.IO 1 and 2. They poll or have a
    /// WebSocket, and ping themselves. Default false: they are refused with code 5.
    pub allow_eio3: bool,
    /// From a pong, or the opening, to the next ping. Default 25 s. Rounded up, by at most 100 ms.
    pub ping_interval: Duration,
    /// How long a pong may take. Default 20 s. Beyond it the session closes with `ping timeout`.
    pub ping_timeout: Duration,
    /// How long a candidate may take from opening to its `5`. Default 10 s. Beyond it the candidate is closed.
    pub upgrade_timeout: Duration,
    /// Bytes of one POST body, one WebSocket message, one decoded packet. Default 1,000,000. A longer POST is
    /// answered 413 and the session lives; a longer WebSocket message closes with 1009.
    pub max_payload: usize,
    /// Whether upgrades are offered. Default true. As in the reference, false empties the offer and no more.
    pub allow_upgrades: bool,
    /// Whether `sse` is offered to every peer, and not only to those that send `sse=1`. Default false, since
    /// some suites compare the open packet key for key.
    pub advertise_sse: bool,
    /// The longest a GET may be held, over what `wait=` asks. Default none: as the reference.
    pub max_wait: Option<Duration>,
    /// Packets in one polling answer. Default 16: python-engineio refuses more.
    pub max_packets: usize,
    /// Polling answers from this many bytes on are compressed when the peer accepts gzip or deflate. Default
    /// 1,024; `None` switches compression off.
    pub http_compression: Option<usize>,
    /// Whether messages of WebSockets are compressed for peers that ask for it. Default `None`: they are not, as in the
    /// reference.
    pub per_message_deflate: Option<PerMessageDeflate>,
    /// A cookie with the session's id on the first response. Default none.
    pub cookie: Option<Cookie>,
    /// CORS headers. Default none.
    pub cors: Option<Cors>,
    /// Which requests of foreign pages are refused: see [`Origins`]. Default: those with credentials. The reference
    /// refuses none.
    pub origins: Origins,
    /// Whose `Forwarded` or `X-Forwarded-For`, `-Proto` and `-Host` are believed: the client's address and whether it
    /// speaks TLS ([`Handshake`](crate::handshake::Handshake)), and the host that it asked for ([`Origins`]). Default:
    /// nobody's.
    pub trusted_proxies: TrustedProxies,
    /// Asked about every request that opens a session, or moves one to another transport. Default: all may.
    pub allow_request: Option<AllowRequest>,
    /// See each request before anything is checked, in this order. Default none.
    pub middlewares: Vec<EngineMiddleware>,
    /// A message sent right behind the open packet of each session, in the same payload. Default none. Shorter than
    /// [`hard_limit`](Options::hard_limit), as all that waits.
    pub initial_packet: Option<Frame>,
    /// Makes the ids of sessions. Default: 120 random bits.
    pub generate_id: Option<GenerateId>,
    /// Changes the headers of each answer that opens a session, 101 included. Default: nothing does.
    pub initial_headers: Option<ChangeHeaders>,
    /// Changes the headers of each answer, 101, refusals and preflights included, behind `initial_headers`. Default:
    /// nothing does.
    pub headers: Option<ChangeHeaders>,
    /// Is told of each request that is refused. Default: they are only counted.
    pub connection_error: Option<OnConnectionError>,
    /// How long no byte of a POST body may come. Default 20 s. Beyond it the POST is answered 408 and the
    /// session closes with `transport error`.
    pub body_timeout: Duration,
    /// How much a peer may say: messages, control packets, frames and requests, and their bytes. Beyond it the session
    /// closes with `rate limit`, before what came is read as more than a frame; a peer that has used half of a burst is
    /// logged and counted once. Default `Some(Rate::default())`: 10,000 messages and 100 MB a second, in bursts of 10 s.
    pub rate: Option<Rate>,
    /// Packets in the body of one POST. Default 50,000. Beyond it the session closes with `rate limit`.
    pub max_body_packets: usize,
    /// Sessions that may be open. Default 1,000,000. One more is refused with 503.
    pub max_sessions: usize,
    /// Sessions that may be open from one address, or from one network of IPv6 (/64). Default 10,000; addresses of private
    /// networks are not counted, as they are proxies. One more is refused with 429.
    pub sessions_per_address: u32,
    /// Sessions that may be opened in a second, in bursts of five seconds. Default 50,000. One more is refused with 503.
    pub handshakes_per_second: Option<u32>,
    /// The same, from one address that is counted. Default 200. One more is refused with 429.
    pub handshakes_per_address: Option<u32>,
    /// Bytes waiting for a peer over which it counts as slow, and is read no further; each packet counts 64 more, since
    /// that is about what it takes however short it is. Default 1 MB.
    pub soft_limit: usize,
    /// Bytes waiting for a peer, counted in the same way, over which its session closes with `slow reader`. Default 16 MB.
    /// One message larger than that is accepted by an empty queue.
    pub hard_limit: usize,
    /// Bytes that the process may hold for its peers: what waits for them, answers that they do not read,
    /// unfinished messages of theirs, and what the application says it holds. Default 1 GiB. Looked at each second; beyond it the sessions that hold most close with
    /// `memory budget`.
    pub memory_budget: usize,
    /// How long nothing may leave while more than the soft limit waits. Default 10 s.
    pub stall_timeout: Duration,
    /// How long a session waits for an SSE stream that ended to come back. Default 15 s.
    pub resume_timeout: Duration,
    /// Bytes of an SSE stream kept for one that comes back, 64 more for each packet among them. Default 64 KiB.
    pub resume_bytes: usize,
    /// How long a polling session that we closed waits for a GET to say so. Default 30 s.
    pub close_timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            path: "/engine.io/".to_owned(),
            transports: Wire::ALL.to_vec(),
            allow_eio3: false,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            allow_upgrades: true,
            advertise_sse: false,
            max_wait: None,
            max_packets: 16,
            http_compression: Some(1024),
            per_message_deflate: None,
            cookie: None,
            cors: None,
            origins: Origins::default(),
            trusted_proxies: TrustedProxies::default(),
            allow_request: None,
            middlewares: Vec::new(),
            initial_packet: None,
            generate_id: None,
            initial_headers: None,
            headers: None,
            connection_error: None,
            body_timeout: Duration::from_secs(20),
            rate: Some(Rate::default()),
            max_body_packets: 50_000,
            max_sessions: 1_000_000,
            sessions_per_address: 10_000,
            handshakes_per_second: Some(50_000),
            handshakes_per_address: Some(200),
            soft_limit: 1_000_000,
            hard_limit: 16_000_000,
            memory_budget: 1 << 30,
            stall_timeout: Duration::from_secs(10),
            resume_timeout: Duration::from_secs(15),
            resume_bytes: 64 * 1024,
            close_timeout: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// The times in ticks.
    #[must_use]
    pub fn timing(&self) -> Timing {
        Timing::new(self.ping_interval, self.ping_timeout, self.upgrade_timeout, self.resume_timeout)
    }

    /// How many may come.
    pub(crate) fn entrance(&self) -> entrance::Limits {
        entrance::Limits {
            sessions: self.max_sessions,
            sessions_per_address: self.sessions_per_address,
            handshakes: self.handshakes_per_second,
            handshakes_per_address: self.handshakes_per_address,
        }
    }

    /// The limits of a session's queue.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { soft: self.soft_limit, hard: self.hard_limit, stall: Tick::ticks(self.stall_timeout) }
    }
}

/// Compression of WebSocket messages: permessage-deflate, RFC 7692.
///
/// Each message is compressed by itself ("no context takeover", in both directions), so a session costs no memory for
/// it: compressors and windows are a thread's. A broadcast is compressed once for all that agreed on the same window,
/// which is that of 32 KiB for browsers. What a peer sends counts inflated against [`Options::max_payload`].
///
/// Not for what holds a secret beside what others chose: its length then tells of the secret. Such a frame says so
/// ([`Frame::without_compression`]).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PerMessageDeflate {
    /// Packets of this many bytes or more are compressed, where that makes them shorter. Default 1,024: what is shorter
    /// leaves in as many network packets either way.
    pub threshold: usize,
    /// zlib's level, from 1, the fastest, to 9, the smallest. Default 1.
    pub level: u32,
}

impl Default for PerMessageDeflate {
    fn default() -> PerMessageDeflate {
        PerMessageDeflate { threshold: 1024, level: 1 }
    }
}

/// A cookie that names the session, for balancers that keep a session on one node.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cookie {
    /// Default `io`.
    pub name: String,
    /// Default `/`; `None` leaves the attribute out.
    pub path: Option<String>,
    /// Default none.
    pub domain: Option<String>,
    /// Default none.
    pub max_age: Option<Duration>,
    /// Default true.
    pub http_only: bool,
    /// Default false.
    pub secure: bool,
    /// Default `Lax`.
    pub same_site: Option<SameSite>,
}

impl Default for Cookie {
    fn default() -> Cookie {
        Cookie {
            name: "io".to_owned(),
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
        }
    }
}

/// The `SameSite` attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SameSite {
    /// Never sent from another site.
    Strict,
    /// Sent when the user follows a link.
    Lax,
    /// Always sent; browsers then want `secure`.
    None,
}

/// Which origins a browser lets read our answers. It refuses nobody, but its origins are no foreign
/// ones to [`Origins`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cors {
    /// The origins. Default: any, as `*`.
    pub origin: AllowedOrigin,
    /// Whether cookies may be sent along. Default false. With `*`, the request's own origin is named, since
    /// `*` and credentials exclude each other.
    pub credentials: bool,
    /// For preflights. Default `GET,HEAD,PUT,PATCH,POST,DELETE`.
    pub methods: Vec<String>,
    /// For preflights. Default: those that were asked for.
    pub allowed_headers: Option<Vec<String>>,
    /// Headers that scripts may read. Default none.
    pub exposed_headers: Vec<String>,
    /// How long a preflight may be remembered. Default: the browser's own.
    pub max_age: Option<Duration>,
}

impl Default for Cors {
    fn default() -> Cors {
        Cors {
            origin: AllowedOrigin::Any,
            credentials: false,
            methods: ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"].map(str::to_owned).to_vec(),
            allowed_headers: None,
            exposed_headers: Vec::new(),
            max_age: None,
        }
    }
}

/// The origins of [`Cors`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AllowedOrigin {
    /// `*`.
    Any,
    /// Whatever origin asks is named.
    Mirror,
    /// This one is named, whoever asks.
    Exact(String),
    /// The origin that asks is named when it is in the list.
    List(Vec<String>),
    /// The origin that asks is named when it fits: see [`AllowedOrigin::matching`].
    Matching(OriginMatcher),
}

/// What was given as an origin is none: an origin is a scheme, a host and perhaps a port, as in `https://example.com`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no origin, expected one as https://example.com, without a path")]
pub struct NotAnOrigin(pub String);

impl AllowedOrigin {
    /// A [`List`](AllowedOrigin::List) of these, written as browsers write them.
    ///
    /// # Errors
    /// [`NotAnOrigin`] for the first that no page could have, such as one with a path, a `/` at the end, or a `*`.
    pub fn list<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<AllowedOrigin, NotAnOrigin> {
        let normal =
            |origin: S| normal_origin(origin.as_ref()).ok_or_else(|| NotAnOrigin(origin.as_ref().to_owned()));
        origins.into_iter().map(normal).collect::<Result<_, _>>().map(AllowedOrigin::List)
    }

    /// The origin that asks is named when `fits` says so: for patterns, and for lists that change.
    pub fn matching(fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> AllowedOrigin {
        AllowedOrigin::Matching(OriginMatcher(Arc::new(fits)))
    }
}

/// Says of each origin whether it is allowed, from [`AllowedOrigin::matching`].
#[derive(Clone)]
pub struct OriginMatcher(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl OriginMatcher {
    pub(crate) fn fits(&self, origin: &str) -> bool {
        (self.0)(origin)
    }
}

impl fmt::Debug for OriginMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginMatcher")
    }
}

/// Clones of one are equal.
impl PartialEq for OriginMatcher {
    fn eq(&self, other: &OriginMatcher) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OriginMatcher {}
