//! The Switchboard's files over HTTP.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

/// The policy of the page: its own scripts and styles, and connections back to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const INDEX: &str = include_str!("../../assets/index.html");

/// One file: its path, its type, its bytes.
type File = (&'static str, &'static str, &'static str);

include!(concat!(env!("OUT_DIR"), "/switchboard_files.rs"));

/// Answers a request for the page or one of its files.
pub(crate) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response<String> {
    if path == "/" {
        let japanese = prefers_japanese(headers);
        let html = if japanese {
            INDEX.replacen("<html lang=\"en\">", "<html lang=\"ja\">", 1)
        } else {
            INDEX.to_owned()
        };
        let mut response = file(method, headers, HTML, html);
        let language = HeaderValue::from_static(if japanese { "ja" } else { "en" });
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Language"));
        return response;
    }
    match FILES.iter().find(|(name, ..)| *name == path) {
        Some((_, kind, text)) => file(method, headers, kind, (*text).to_owned()),
        None => plain(StatusCode::NOT_FOUND, "Not found. The Switchboard is at /\n"),
    }
}

fn file(method: &Method, headers: &HeaderMap, kind: &'static str, text: String) -> Response<String> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh =
        known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
    let (status, length, body) = match (fresh, method == Method::HEAD) {
        (true, _) => (StatusCode::NOT_MODIFIED, None, String::new()),
        (false, true) => (StatusCode::OK, Some(text.len()), String::new()),
        (false, false) => (StatusCode::OK, None, text),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is hexadecimal"));
    secure(headers);
    response
}

fn plain(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    secure(headers);
    response
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
}

/// Whether Japanese is wanted before English: by quality, and on a tie by what was named first.
fn prefers_japanese(headers: &HeaderMap) -> bool {
    let languages = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<(f32, bool)> = None;
    for range in languages.flat_map(|value| value.split(',')) {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let primary = tag.trim().split('-').next().unwrap_or("");
        let japanese = primary.eq_ignore_ascii_case("ja");
        if !japanese && !primary.eq_ignore_ascii_case("en") {
            continue;
        }
        let quality = parameters.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        if quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
            best = Some((quality, japanese));
        }
    }
    best.is_some_and(|(_, japanese)| japanese)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a header"))])
    }

    fn language(accept: &str) -> String {
        let response = answer(&Method::GET, "/", &headers(header::ACCEPT_LANGUAGE, accept));
        response.headers()[header::CONTENT_LANGUAGE].to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn the_language_is_the_one_that_is_preferred() {
        for (accept, expected) in [
            ("ja", "ja"),
            ("en-GB,en;q=0.9,ja;q=0.8", "en"),
            ("fr, ja-JP;q=0.5, en;q=0.4", "ja"),
            ("ja;q=0.5,en;q=0.5", "ja"),
            ("ja;q=0", "en"),
            ("fr", "en"),
            ("", "en"),
        ] {
            assert_eq!(language(accept), expected, "{accept}");
        }
    }

    #[test]
    fn the_page_says_its_language() {
        let page = |accept| answer(&Method::GET, "/", &headers(header::ACCEPT_LANGUAGE, accept)).into_body();
        assert!(page("ja").contains("<html lang=\"ja\">"));
        assert!(page("en").contains("<html lang=\"en\">"));
    }

    #[test]
    fn every_file_that_the_page_names_is_served() {
        for name in INDEX
            .split('"')
            .filter(|part| part.starts_with('/') && !part.starts_with("/socket.io/") && !part.contains('>'))
        {
            assert_eq!(answer(&Method::GET, name, &HeaderMap::new()).status(), StatusCode::OK, "{name}");
        }
        assert!(FILES.iter().any(|(name, ..)| *name == "/switchboard.js"));
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let first = answer(&Method::GET, "/switchboard.css", &HeaderMap::new());
        let tag = first.headers()[header::ETAG].to_str().expect("ASCII");
        let again = answer(&Method::GET, "/switchboard.css", &headers(header::IF_NONE_MATCH, tag));
        assert_eq!((again.status(), again.body().as_str()), (StatusCode::NOT_MODIFIED, ""));
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        assert_eq!(answer(&Method::GET, "/../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert_eq!(answer(&Method::POST, "/", &HeaderMap::new()).status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
