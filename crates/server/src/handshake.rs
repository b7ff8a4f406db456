//! What a peer said when it came.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::HeaderMap;
use http::request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, Serializer};
use sockeye_engine::handshake::Handshake as Request;
use sockeye_socket_proto::error::ArgumentError;
use sockeye_socket_proto::limits::{Limits, MAX_DEPTH};
use sockeye_socket_proto::parser::json::decode;
use sockeye_socket_proto::value::Value;

/// The request that opened the connection, and the payload of the socket's CONNECT.
///
/// Serialized it is the `handshake` object of other Socket.IO servers. Spec: `spec/socketio.md` 3.
#[derive(Clone, Debug)]
pub struct Handshake {
    request: Request,
    auth: Option<Box<str>>,
}

impl Handshake {
    pub(crate) fn new(request: Request, auth: Option<Box<str>>) -> Handshake {
        Handshake { request, auth }
    }

    /// The path and query, as they came.
    #[must_use]
    pub fn url(&self) -> &str {
        self.request.url()
    }

    /// The members of the query, decoded, in order.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.request.query().as_bytes())
    }

    /// The first member of the query with that name, decoded.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        self.request.headers()
    }

    /// The first header of that name, in lower case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.request.header(name)?).ok()
    }

    /// Method, target and headers, for code that wants `http` types.
    #[must_use]
    pub fn parts(&self) -> request::Parts {
        self.request.parts()
    }

    /// The address of the TCP peer, where the server knows it: behind a proxy, the proxy's, unless it is one of the
    /// [trusted](crate::server::Builder::trusted_proxies). Then it is the client's, with port 0 where the proxy says none.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.request.address()
    }

    /// When the connection was opened.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.request.time()
    }

    /// Whether it came over TLS, as far as this process sees, or as a trusted proxy says.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.request.is_secure()
    }

    /// Reads the payload of CONNECT, `{}` when there was none.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, ArgumentError> {
        read_auth(self.auth.as_deref())
    }
}

/// The payload of a CONNECT, kept as the packet that it came in, and as small as that.
pub(crate) fn keep_auth(payload: &str) -> Box<str> {
    format!("0{payload}").into()
}

/// Reads what [`keep_auth`] kept.
pub(crate) fn read_auth<T: DeserializeOwned>(kept: Option<&str>) -> Result<T, ArgumentError> {
    let limits = Limits { depth: MAX_DEPTH, packet_bytes: usize::MAX, ..Limits::default() };
    let packet = decode(kept.unwrap_or("0{}"), &limits).expect("it was decoded when it came");
    packet.payload_as()
}

impl Serialize for Handshake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = self.time();
        let issued = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("headers", &Headers(&self.headers()))?;
        map.serialize_entry("time", &httpdate::fmt_http_date(time))?;
        map.serialize_entry("address", &self.address().map(|address| address.ip()))?;
        map.serialize_entry("xdomain", &self.header("origin").is_some())?;
        map.serialize_entry("secure", &self.is_secure())?;
        map.serialize_entry("issued", &u64::try_from(issued).unwrap_or_default())?;
        map.serialize_entry("url", self.url())?;
        map.serialize_entry("query", &Query(self))?;
        map.serialize_entry("auth", &self.auth::<Value>().unwrap_or(Value::Object(Vec::new())))?;
        map.end()
    }
}

/// Headers as an object; one that came several times is joined by commas.
struct Headers<'h>(&'h HeaderMap);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| {
            let values = self.0.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            (name.as_str(), values.collect::<Vec<_>>().join(", "))
        }))
    }
}

/// The query as an object; the last of repeated members counts.
struct Query<'h>(&'h Handshake);

impl Serialize for Query<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members: BTreeMap<_, _> = self.0.query().collect();
        serializer.collect_map(members)
    }
}
