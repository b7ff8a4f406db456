//! Looks at the `Origin` of each request, and warns of those that are refused.
//!
//! Costs a request without `Origin` one look for that header, and one without credentials (by default) two more.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, ORIGIN};
use http::request::Parts;
use parking_lot::Mutex;
use sockeye_engine_proto::tick::Tick;

use crate::cors;
use crate::forwarded::said;
use crate::log::REQUEST;
use crate::options::Options;
use crate::origins::is_origin_of;

/// Whether the request is refused by [`Options::origins`]; `peer` is who it came from.
pub(crate) fn is_refused(options: &Options, request: &Parts, peer: Option<SocketAddr>) -> bool {
    let mut origins = request.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    let has_credentials = [COOKIE, AUTHORIZATION].iter().any(|name| request.headers.contains_key(name));
    if !options.origins.looks_at(has_credentials) {
        return false;
    }
    let Some(origin) = origin.to_str().ok().filter(|_| origins.next().is_none()) else { return true };
    let is_ours = own_host(request).is_some_and(|host| is_origin_of(origin, host))
        || options.cors.as_ref().is_some_and(|cors| cors::allows(cors, origin, has_credentials))
        || said(&options.trusted_proxies, peer, &request.headers)
            .host
            .is_some_and(|host| is_origin_of(origin, &host));
    !is_ours
}

/// The host that the request is for, if it names one: in its target, as of HTTP/2, or else in its one `Host`.
fn own_host(request: &Parts) -> Option<&str> {
    if let Some(authority) = request.uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    hosts.next().filter(|_| hosts.next().is_none())?.to_str().ok()
}

/// Origins that were told of in the log lately: each once in an hour, and no more than some.
#[derive(Debug, Default)]
pub(crate) struct Told {
    origins: Mutex<(Tick, Vec<u64>)>,
    hasher: RandomState,
}

/// Origins that are told of in an hour.
const MOST: usize = 32;

const HOUR: Duration = Duration::from_secs(3600);

/// Bytes of an origin, and of a host, that are worth a log's while.
const SHOWN: usize = 100;

impl Told {
    /// Warns that a request was refused, unless its origin was told of already.
    pub(crate) fn warn(&self, headers: &HeaderMap, now: Tick) {
        let origin = headers.get(ORIGIN).map_or(&b""[..], HeaderValue::as_bytes);
        if !self.is_new(origin, now) {
            return;
        }
        let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
        let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        tracing::warn!(
            target: REQUEST,
            origin = ?shown(origin),
            host = ?shown(host),
            "refused a request of a foreign origin; the option `cors` may name the origin, `trusted_proxies` the proxy \
             whose X-Forwarded-Host is believed, and `origins` has `Any`",
        );
    }

    fn is_new(&self, origin: &[u8], now: Tick) -> bool {
        let hash = self.hasher.hash_one(origin);
        let (until, origins) = &mut *self.origins.lock();
        if until.is_due(now) {
            *until = now.after(Tick::ticks(HOUR));
            origins.clear();
        }
        let is_new = origins.len() < MOST && !origins.contains(&hash);
        if is_new {
            origins.push(hash);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::Arc;

    use http::Request;
    use tracing::field::Field;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;
    use crate::options::{AllowedOrigin, Cors};
    use crate::origins::Origins;
    use crate::proxies::TrustedProxies;

    fn request(target: &str, headers: &[(&str, &[u8])]) -> Parts {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).expect("a value"));
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn options(origins: Origins) -> Options {
        Options { origins, ..Options::default() }
    }

    /// Whether Strict, Credentials and Any refuse it.
    fn refused(change: impl Fn(&mut Options), headers: &[(&str, &[u8])]) -> [bool; 3] {
        [Origins::Strict, Origins::Credentials, Origins::Any].map(|origins| {
            let mut options = options(origins);
            change(&mut options);
            let peer = "10.0.0.1:1".parse().expect("an address");
            is_refused(&options, &request("/", headers), Some(peer))
        })
    }

    const HOST: (&str, &[u8]) = ("host", b"a.example");
    const OWN: (&str, &[u8]) = ("origin", b"https://a.example");
    const EVIL: (&str, &[u8]) = ("origin", b"https://evil.example");
    const COOKIE: (&str, &[u8]) = ("cookie", b"a=1");
    const LOGIN: (&str, &[u8]) = ("authorization", b"Basic YTph");

    #[test]
    fn each_option_refuses_what_it_says() {
        for (headers, expected) in [
            (vec![HOST], [false; 3]),
            (vec![HOST, COOKIE, LOGIN], [false; 3]),
            (vec![HOST, OWN, COOKIE], [false; 3]),
            (vec![HOST, EVIL], [true, false, false]),
            (vec![HOST, EVIL, COOKIE], [true, true, false]),
            (vec![HOST, EVIL, LOGIN], [true, true, false]),
            (vec![HOST, ("origin", b"null"), COOKIE], [true, true, false]),
            (vec![HOST, ("origin", b""), COOKIE], [true, true, false]),
            (vec![HOST, ("origin", b"https://a.ex\xe9mple"), COOKIE], [true, true, false]),
            (vec![HOST, OWN, EVIL, COOKIE], [true, true, false]),
            (vec![HOST, OWN, OWN, COOKIE], [true, true, false]),
            (vec![OWN, COOKIE], [true, true, false]),
            (vec![HOST, ("host", b"b.example"), OWN, COOKIE], [true, true, false]),
            (
                vec![("host", b"a.ex\xe9mple"), ("origin", b"https://a.ex\xe9mple"), COOKIE],
                [true, true, false],
            ),
            // Nobody is trusted to say another host.
            (vec![HOST, EVIL, COOKIE, ("x-forwarded-host", b"evil.example")], [true, true, false]),
        ] {
            assert_eq!(refused(|_| (), &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_host_of_a_target_comes_before_the_header() {
        let headers = [("host", &b"evil.example"[..]), OWN, COOKIE];
        let at = |target: &str| is_refused(&options(Origins::Credentials), &request(target, &headers), None);
        assert!(!at("https://a.example/engine.io/"));
        assert!(at("/engine.io/"));
    }

    #[test]
    fn cors_allows_whom_it_names_and_anybody_where_it_says_that_anybody_may_send_credentials() {
        let evil = "https://evil.example".to_owned();
        let names = |named: String| {
            let list = vec!["https://other.example".to_owned(), named.clone()];
            let exact = AllowedOrigin::Exact(named.clone());
            let matching = AllowedOrigin::matching(move |origin| origin == named);
            [exact, AllowedOrigin::List(list), matching]
        };
        let check = |origin: AllowedOrigin, credentials, expected: [bool; 2]| {
            let cors = Cors { origin, credentials, ..Cors::default() };
            let told = format!("{cors:?}");
            let change = |options: &mut Options| options.cors = Some(cors.clone());
            let with = refused(change, &[HOST, EVIL, COOKIE]);
            let without = refused(change, &[HOST, EVIL]);
            assert_eq!((with, without[0]), ([expected[0], expected[0], false], expected[1]), "{told}");
            assert_eq!(without[1..], [false, false], "{told}");
        };
        for credentials in [false, true] {
            for (named, is_refused) in
                [(evil.clone(), false), (evil.to_uppercase(), true), (format!("{evil}.org"), true)]
            {
                for origin in names(named) {
                    check(origin, credentials, [is_refused; 2]);
                }
            }
        }
        for anybody in [AllowedOrigin::Any, AllowedOrigin::Mirror] {
            check(anybody.clone(), false, [true, false]);
            check(anybody, true, [false, false]);
        }
    }

    #[test]
    fn a_trusted_proxy_says_which_host_was_asked_for() {
        let trust = |options: &mut Options| {
            options.trusted_proxies = TrustedProxies::new(["10.0.0.1"]).expect("an address");
        };
        let inside = ("host", &b"app:3000"[..]);
        for (header, expected) in [
            (("x-forwarded-host", &b"a.example"[..]), false),
            (("x-forwarded-host", b"a.example:443"), false),
            (("x-forwarded-host", b"evil.example, a.example"), false),
            (("x-forwarded-host", b"a.example, evil.example"), true),
            (("x-forwarded-host", b"a.example:80"), true),
            (("forwarded", b"for=203.0.113.9;host=a.example"), false),
            (("forwarded", b"for=203.0.113.9;host=evil.example"), true),
        ] {
            let headers = [inside, OWN, COOKIE, header];
            assert_eq!(refused(trust, &headers), [expected, expected, false], "{header:?}");
            assert_eq!(refused(|_| (), &headers), [true, true, false], "{header:?}");
        }
    }

    /// A log that keeps its lines.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = event.metadata().level().to_string();
            event.record(&mut |field: &Field, value: &dyn Debug| line += &format!(" {field}={value:?}"));
            self.0.lock().push(line);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_warning_names_the_origin_and_what_would_allow_it_in_one_short_line() {
        let (log, told) = (Log::default(), Told::default());
        let evil = request("/", &[HOST, EVIL]).headers;
        let long = request("/", &[HOST, ("origin", &[b'\xff'; 60_000])]).headers;
        tracing::subscriber::with_default(log.clone(), || {
            told.warn(&evil, Tick::new(1));
            told.warn(&evil, Tick::new(2));
            told.warn(&long, Tick::new(3));
        });
        let lines = log.0.lock();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("WARN "), "{}", lines[0]);
        for part in [
            "origin=\"https://evil.example\"",
            "host=\"a.example\"",
            "`cors`",
            "`trusted_proxies`",
            "`origins`",
        ] {
            assert!(lines[0].contains(part), "{}", lines[0]);
        }
        assert!(lines.iter().all(|line| line.len() < 1000 && !line.contains('\n')));
    }

    #[test]
    fn an_origin_is_told_of_once_an_hour_and_some_at_most() {
        let told = Told::default();
        let start = Tick::new(1);
        assert!(told.is_new(b"https://a.example", start));
        assert!(!told.is_new(b"https://a.example", start));
        for number in 1..MOST {
            assert!(told.is_new(format!("https://{number}.example").as_bytes(), start));
        }
        for number in MOST..1000 {
            assert!(!told.is_new(format!("https://{number}.example").as_bytes(), start.after(1)));
        }
        assert_eq!(told.origins.lock().1.len(), MOST);
        assert!(!told.is_new(b"https://a.example", start.after(59 * 60 * 20)));
        assert!(told.is_new(b"https://a.example", start.after(61 * 60 * 20)));
    }
}
