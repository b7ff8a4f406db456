//! The browser client, served under the server's path: `/socket.io/socket.io.js` and its kin.
//!
//! The files are compressed when the crate is built, and embedded.
//!
//! Spec: `spec/socketio.md` 10.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use sockeye_engine::body::Body;

struct File {
    name: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/client_script.rs"));

/// The version of the files, and a hash of what is in them.
const VERSION: &str = concat!("\"", env!("CARGO_PKG_VERSION"), "-", env!("CLIENT_SCRIPT_HASH"), "\"");
/// As it is sent: weak, since one tag stands for the plain and the compressed bytes.
const TAG: &str = concat!("W/\"", env!("CARGO_PKG_VERSION"), "-", env!("CLIENT_SCRIPT_HASH"), "\"");

/// Answers a request for one of the files under `path`.
pub(crate) fn answer(path: &str, request: &Parts) -> Option<Response<Body>> {
    if request.method != Method::GET && request.method != Method::HEAD {
        return None;
    }
    let name = request.uri.path().strip_prefix(path)?;
    let file = FILES.iter().find(|file| file.name == name)?;
    let mut answer = Response::new(Body::empty());
    let is_known = request.headers.get_all(IF_NONE_MATCH).iter().any(matches_version);
    let headers = answer.headers_mut();
    headers.insert(ETAG, HeaderValue::from_static(TAG));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(answer);
    }
    let kind = match name.ends_with(".map") {
        true => "application/json; charset=utf-8",
        false => "application/javascript; charset=utf-8",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let (coding, bytes) = if accepts(&request.headers, "br") {
        (Some("br"), file.brotli)
    } else if accepts(&request.headers, "gzip") {
        (Some("gzip"), file.gzip)
    } else {
        (None, file.plain)
    };
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if request.method == Method::GET {
        *answer.body_mut() = Body::full(Bytes::from_static(bytes));
    }
    Some(answer)
}

/// Whether one of the tags is ours, weak or not.
fn matches_version(tags: &HeaderValue) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == VERSION)
}

/// Whether the peer takes a coding: it is named, and not with `q=0`.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        is_named && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use http::Request;
    use http_body::Body as _;

    use super::*;

    fn ask(target: &str, headers: &[(&str, &str)]) -> Option<Response<Body>> {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer("/socket.io/", &request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_client_is_served_in_the_coding_that_the_peer_takes() {
        let plain = ask("/socket.io/socket.io.js?x=1", &[]).expect("a file");
        assert_eq!(plain.headers()[CONTENT_TYPE], "application/javascript; charset=utf-8");
        assert!(plain.headers().get(CONTENT_ENCODING).is_none());
        let length = plain.body().size_hint().exact().expect("a length");
        for coding in ["br", "gzip"] {
            let answer = ask("/socket.io/socket.io.js", &[("accept-encoding", coding)]).expect("a file");
            assert_eq!(answer.headers()[CONTENT_ENCODING], coding);
            assert!(answer.body().size_hint().exact().expect("a length") < length / 2);
        }
        let refused = ask("/socket.io/socket.io.js", &[("accept-encoding", "gzip;q=0, br;q=0")]);
        assert!(refused.expect("a file").headers().get(CONTENT_ENCODING).is_none());
    }

    #[test]
    fn a_browser_that_has_it_gets_304() {
        let tag = ask("/socket.io/socket.io.min.js", &[]).expect("a file").headers()[ETAG].clone();
        let tag = tag.to_str().expect("text");
        let strong = tag.strip_prefix("W/").expect("one tag stands for all codings");
        for tags in [tag, strong, &format!("\"other\", {tag}"), "*"] {
            let answer = ask("/socket.io/socket.io.min.js", &[("if-none-match", tags)]).expect("a file");
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        }
        let answer = ask("/socket.io/socket.io.min.js", &[("if-none-match", "\"old\"")]).expect("a file");
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn what_is_compressed_is_what_was_there() {
        for file in FILES {
            let mut bytes = Vec::new();
            GzDecoder::new(file.gzip).read_to_end(&mut bytes).expect("gzip");
            assert_eq!(bytes, file.plain, "{}", file.name);
            let mut bytes = Vec::new();
            brotli::Decompressor::new(file.brotli, 4096).read_to_end(&mut bytes).expect("brotli");
            assert_eq!(bytes, file.plain, "{}", file.name);
        }
    }

    #[test]
    fn anything_else_under_the_path_is_the_engines() {
        for target in ["/socket.io/", "/socket.io/?EIO=4", "/socket.io/other.js", "/socket.io.js"] {
            assert!(ask(target, &[]).is_none(), "{target}");
        }
    }
}
