//! Cross-origin headers: what a browser lets a page of another origin read.
//!
//! They are on every answer, errors and the 101 included. They refuse nobody: a request from an origin that
//! is not named is served, and the browser keeps the answer from the page. What is refused, the option `origins` says;
//! it asks here which origins are allowed.
//!
//! Spec: engine.md, section 10; the Fetch standard, "CORS protocol".

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, HeaderMap, ORIGIN, VARY,
};
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::options::{AllowedOrigin, Cors};

/// Adds what every answer to a request with these headers says.
pub(crate) fn add_headers(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) {
    let asks = request.get(ORIGIN);
    let named = match &cors.origin {
        // `*` and credentials exclude each other.
        AllowedOrigin::Any if !cors.credentials => Some(HeaderValue::from_static("*")),
        // No browser calls itself so, and said back it would be for everybody who is behind the same cache.
        AllowedOrigin::Any | AllowedOrigin::Mirror => asks.filter(|asks| *asks != "*").cloned(),
        AllowedOrigin::Exact(origin) => HeaderValue::from_str(origin).ok(),
        AllowedOrigin::List(_) | AllowedOrigin::Matching(_) => {
            asks.filter(|asks| asks.to_str().is_ok_and(|asks| names(cors, asks))).cloned()
        }
    };
    if cors.origin != AllowedOrigin::Any || cors.credentials {
        answer.append(VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = named {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if cors.credentials {
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(exposed) = joined(&cors.exposed_headers) {
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Whether requests of this origin are wanted. Who allows any means those without credentials, unless it says otherwise.
pub(crate) fn allows(cors: &Cors, origin: &str, has_credentials: bool) -> bool {
    match &cors.origin {
        AllowedOrigin::Any | AllowedOrigin::Mirror => cors.credentials || !has_credentials,
        _ => names(cors, origin),
    }
}

/// Whether the option speaks of this origin in particular.
fn names(cors: &Cors, asks: &str) -> bool {
    match &cors.origin {
        AllowedOrigin::Any | AllowedOrigin::Mirror => false,
        AllowedOrigin::Exact(origin) => origin == asks,
        AllowedOrigin::List(origins) => origins.iter().any(|origin| origin == asks),
        AllowedOrigin::Matching(matcher) => matcher.fits(asks),
    }
}

/// The answer to any OPTIONS, without what [`add_headers`] adds.
pub(crate) fn preflight(cors: &Cors, request: &HeaderMap) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    if let Some(methods) = joined(&cors.methods) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let allowed = match &cors.allowed_headers {
        Some(allowed) => joined(allowed),
        None => {
            headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
            request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned()
        }
    };
    if let Some(allowed) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    if let Some(age) = cors.max_age {
        headers.insert(ACCESS_CONTROL_MAX_AGE, age.as_secs().into());
    }
    headers.insert(http::header::CONTENT_LENGTH, 0.into());
    answer
}

fn joined(names: &[String]) -> Option<HeaderValue> {
    if names.is_empty() { None } else { HeaderValue::from_str(&names.join(",")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cors: &Cors, origin: Option<&'static str>) -> HeaderMap {
        let mut request = HeaderMap::new();
        if let Some(origin) = origin {
            request.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let mut answer = HeaderMap::new();
        add_headers(cors, &request, &mut answer);
        answer
    }

    #[test]
    fn any_origin_is_a_star_unless_credentials_travel() {
        let any = Cors::default();
        assert_eq!(answer(&any, Some("http://a.com"))[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer(&any, Some("http://a.com")).contains_key(VARY));
        let credentials = Cors { credentials: true, ..Cors::default() };
        let answer = answer(&credentials, Some("http://a.com"));
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "http://a.com");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[VARY], "Origin");
    }

    #[test]
    fn a_star_that_a_peer_sends_is_not_said_back() {
        for origin in [AllowedOrigin::Any, AllowedOrigin::Mirror] {
            let cors = Cors { origin, credentials: true, ..Cors::default() };
            assert!(!answer(&cors, Some("*")).contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        }
    }

    #[test]
    fn a_listed_origin_is_named_and_another_is_not() {
        let origins = vec!["http://a.com".to_owned(), "http://b.com".to_owned()];
        let list = Cors { origin: AllowedOrigin::List(origins.clone()), ..Cors::default() };
        let fits = AllowedOrigin::matching(move |origin| origins.iter().any(|known| known == origin));
        let matching = Cors { origin: fits, ..Cors::default() };
        for cors in [list, matching] {
            assert_eq!(answer(&cors, Some("http://b.com"))[ACCESS_CONTROL_ALLOW_ORIGIN], "http://b.com");
            for other in [Some("http://b.com.evil.example"), Some("null"), None] {
                let answer = answer(&cors, other);
                assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
                assert_eq!(answer[VARY], "Origin");
            }
        }
    }
}
