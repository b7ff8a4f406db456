//! The requests of one client: its path, its query, its headers.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use sockeye::engine::peer::PeerAddr;

use crate::clock::Clock;
use crate::error::ConnectError;
use crate::service::{Answering, BoxError, Door};

/// What all requests of a client have in common.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) clock: Clock,
    pub(crate) door: Door,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) address: Option<SocketAddr>,
}

impl Requests {
    /// A request for a technique; `more` goes behind the client's own query.
    pub(crate) fn build(
        &self,
        method: Method,
        transport: &str,
        more: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Request<Full<Bytes>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("EIO", "4").append_pair("transport", transport);
        query.extend_pairs(&self.query).extend_pairs(more);
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = method;
        let uri = format!("{}?{}", self.path, query.finish());
        *request.uri_mut() = uri.parse().expect("the path of a server is one of an address");
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        request
    }

    /// Calls the service, as a server does that knows the address of its peer.
    pub(crate) fn call(&self, mut request: Request<Full<Bytes>>) -> Answering {
        if let Some(address) = self.address {
            request.extensions_mut().insert(PeerAddr(address));
        }
        self.door.call(request)
    }
}

/// What an answer says that is no success.
pub(crate) async fn failure<B>(answer: Response<B>) -> ConnectError
where
    B: http_body::Body,
{
    let status = answer.status();
    let body = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    ConnectError::Status { status, body: String::from_utf8_lossy(&body).into_owned() }
}

/// The text of an answer.
pub(crate) async fn text(answer: Response<UnsyncBoxBody<Bytes, BoxError>>) -> Result<String, ConnectError> {
    if answer.status() != StatusCode::OK {
        return Err(failure(answer).await);
    }
    let body = answer.into_body().collect().await.map(|body| body.to_bytes());
    let body = body.map_err(|error| ConnectError::NotUnderstood(error.to_string()))?;
    String::from_utf8(body.to_vec()).map_err(|error| ConnectError::NotUnderstood(error.to_string()))
}
