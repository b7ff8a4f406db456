//! gzip and deflate, for polling answers that are worth it.
//!
//! Spec: engine.md, section 4.2; RFC 9110, section 12.5.3.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::HeaderValue;

/// The codings that are spoken, the preferred one first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    /// The one that `Accept-Encoding` likes best; gzip when it likes both alike.
    pub(crate) fn accepted(accept: &HeaderValue) -> Option<Coding> {
        let accept = accept.to_str().ok()?;
        let quality = |name: &str| {
            let of = |wanted: &str| {
                accept.split(',').find_map(|item| {
                    let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
                    coding.trim().eq_ignore_ascii_case(wanted).then(|| weight(parameters))
                })
            };
            of(name).or_else(|| of("*")).unwrap_or(0.0)
        };
        let (gzip, deflate) = (quality("gzip"), quality("deflate"));
        match () {
            () if gzip > 0.0 && gzip >= deflate => Some(Coding::Gzip),
            () if deflate > 0.0 => Some(Coding::Deflate),
            () => None,
        }
    }

    /// The name in `Content-Encoding`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }

    /// `bytes`, compressed.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let out = Vec::with_capacity(bytes.len() / 3);
        let written = match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(out, Compression::fast());
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(out, Compression::fast());
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
        };
        written.expect("a vector takes every byte")
    }
}

/// The `q` among the parameters; 1 when there is none, 0 when it is no number.
fn weight(parameters: &str) -> f32 {
    let q = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    q.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_the_peer_likes_best_is_chosen() {
        let accepted = |value: &'static str| Coding::accepted(&HeaderValue::from_static(value));
        assert_eq!(accepted("gzip, deflate, br"), Some(Coding::Gzip));
        assert_eq!(accepted("deflate"), Some(Coding::Deflate));
        assert_eq!(accepted("gzip;q=0.5, deflate;q=0.8"), Some(Coding::Deflate));
        assert_eq!(accepted("gzip;q=0, *"), Some(Coding::Deflate));
        assert_eq!(accepted("*"), Some(Coding::Gzip));
        for none in ["br", "", "identity", "gzip;q=0, deflate;q=x"] {
            assert_eq!(accepted(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let text = "a".repeat(2000).into_bytes();
        let (gzip, deflate) = (Coding::Gzip.encode(&text), Coding::Deflate.encode(&text));
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_end(&mut back).expect("gzip");
        flate2::read::ZlibDecoder::new(&*deflate).read_to_end(&mut back).expect("zlib");
        assert_eq!(back, [text.clone(), text].concat());
    }
}
