//! The cookie that names a session.
//!
//! Spec: engine.md, section 4.1; RFC 6265, section 4.1.

use std::fmt::Write as _;

use http::HeaderValue;

use crate::options::{Cookie, SameSite};
use crate::sid::Sid;

/// The value of `Set-Cookie`. `None` when the options hold what no header can.
pub(crate) fn set_cookie(cookie: &Cookie, sid: &Sid) -> Option<HeaderValue> {
    let mut value = format!("{}={sid}", cookie.name);
    if let Some(age) = cookie.max_age {
        write!(value, "; Max-Age={}", age.as_secs()).ok()?;
    }
    if let Some(domain) = &cookie.domain {
        write!(value, "; Domain={domain}").ok()?;
    }
    if let Some(path) = &cookie.path {
        write!(value, "; Path={path}").ok()?;
    }
    if cookie.http_only {
        value.push_str("; HttpOnly");
    }
    if cookie.secure {
        value.push_str("; Secure");
    }
    value.push_str(match cookie.same_site {
        None => "",
        Some(SameSite::Strict) => "; SameSite=Strict",
        Some(SameSite::Lax) => "; SameSite=Lax",
        Some(SameSite::None) => "; SameSite=None",
    });
    HeaderValue::from_maybe_shared(bytes::Bytes::from(value)).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_cookie_says_what_the_options_say() {
        let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
        let value = |cookie: &Cookie| set_cookie(cookie, &sid).expect("a header");
        assert_eq!(value(&Cookie::default()), "io=AAAAAAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax");
        let cookie = Cookie {
            name: "test".to_owned(),
            path: Some("/custom".to_owned()),
            max_age: Some(Duration::from_secs(3600)),
            http_only: false,
            secure: true,
            same_site: Some(SameSite::None),
            ..Cookie::default()
        };
        assert_eq!(
            value(&cookie),
            "test=AAAAAAAAAAAAAAAAAAAA; Max-Age=3600; Path=/custom; Secure; SameSite=None"
        );
    }

    #[test]
    fn a_name_that_no_header_can_hold_sets_no_cookie() {
        let sid = Sid::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
        assert_eq!(set_cookie(&Cookie { name: "a\r\nb".to_owned(), ..Cookie::default() }, &sid), None);
    }
}
