//! The query of a request, as far as the engine reads it.
//!
//! Parsed as a form; of a key that is repeated the last value wins, and an empty `sid` is none.
//!
//! Spec: engine.md, section 3; extensions.md, sections 0.1, 1.1 and 2.

use std::time::Duration;

use sockeye_engine_proto::session::Wire;

use crate::dialect::Dialect;
use crate::sid::Sid;

/// What the query says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query {
    /// `EIO=4`. Anything else, or nothing, means protocol 3.
    pub(crate) is_v4: bool,
    /// `transport=`, where it is a transport there is.
    pub(crate) wire: Option<Wire>,
    /// `sid=`.
    pub(crate) sid: Asked,
    /// `b64=`: the peer cannot take binary.
    pub(crate) base64: bool,
    /// `j=`: the number of its callback, for JSONP. What has no digits, or too many, is none.
    pub(crate) jsonp: Option<u32>,
    /// `wait=`: seconds that an empty GET may be held.
    pub(crate) wait: Option<Duration>,
    /// `sse=1` or `sk=1`: the peer knows SSE, so it is offered.
    pub(crate) knows_sse: bool,
    /// `ack=`: number of the last message that came on a stream.
    pub(crate) ack: Option<u32>,
}

/// The session that is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Asked {
    /// A new one.
    #[default]
    New,
    /// One whose id cannot be one of ours.
    Nonsense,
    /// That one.
    Known(Sid),
}

impl Query {
    pub(crate) fn parse(query: &str) -> Query {
        let mut asked = Query::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            asked.set(&key, &value);
        }
        asked
    }

    /// How a peer that opens a session writes.
    pub(crate) fn dialect(&self) -> Dialect {
        let jsonp = self.jsonp.filter(|_| self.wire == Some(Wire::Polling));
        let base64 = match self.wire {
            // Scripts are text.
            _ if !self.is_v4 => self.base64 || jsonp.is_some(),
            Some(Wire::WebSocket) => self.base64,
            // It gets base64 whatever it asks.
            _ => false,
        };
        Dialect { is_v3: !self.is_v4, base64, jsonp }
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "EIO" => self.is_v4 = value == "4",
            "transport" => self.wire = Wire::ALL.into_iter().find(|wire| wire.as_str() == value),
            "sid" if value.is_empty() => self.sid = Asked::New,
            "sid" => self.sid = Sid::parse(value).map_or(Asked::Nonsense, Asked::Known),
            "b64" => self.base64 = !value.is_empty(),
            "j" => {
                let digits: String = value.chars().filter(char::is_ascii_digit).collect();
                self.jsonp = digits.parse().ok();
            }
            "wait" => {
                let seconds = value.parse().ok().map(Duration::try_from_secs_f64);
                self.wait = seconds.and_then(Result::ok);
            }
            "sse" | "sk" => self.knows_sse |= value == "1",
            "ack" => self.ack = value.parse().ok(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_repeated_keys_wins() {
        assert!(Query::parse("EIO=3&EIO=4").is_v4);
        assert!(!Query::parse("EIO=4&EIO=3").is_v4);
        assert_eq!(Query::parse("transport=polling&transport=websocket").wire, Some(Wire::WebSocket));
    }

    #[test]
    fn what_is_not_exactly_four_is_protocol_three() {
        for odd in ["", "EIO=", "EIO=04", "EIO=5", "eio=4", "EIO=4%20"] {
            assert!(!Query::parse(odd).is_v4, "{odd}");
        }
    }

    #[test]
    fn an_empty_sid_is_none_and_an_odd_one_is_unknown() {
        assert_eq!(Query::parse("sid=").sid, Asked::New);
        for odd in ["sid=abc", "sid=__proto__", "sid=%FF%FE", "sid[]=a&sid=%00"] {
            assert_eq!(Query::parse(odd).sid, Asked::Nonsense, "{odd}");
        }
    }

    #[test]
    fn a_callback_is_the_digits_of_j_and_for_polling_only() {
        let jsonp = |query: &str| Query::parse(query).dialect().jsonp;
        assert_eq!(jsonp("EIO=4&transport=polling&j=0"), Some(0));
        assert_eq!(jsonp("EIO=4&transport=polling&j=abc%3Balert(1)12"), Some(112));
        assert_eq!(jsonp("EIO=4&transport=websocket&j=0"), None);
        for odd in ["j=", "j=x", "j=99999999999999999999"] {
            assert_eq!(jsonp(&format!("EIO=4&transport=polling&{odd}")), None, "{odd}");
        }
    }

    #[test]
    fn base64_is_for_who_cannot_take_binary() {
        let base64 = |query: &str| Query::parse(query).dialect().base64;
        assert!(base64("EIO=4&transport=websocket&b64=1") && base64("transport=websocket&b64=true"));
        assert!(base64("transport=polling&b64=1") && base64("transport=polling&j=0"));
        assert!(!base64("transport=polling") && !base64("EIO=4&transport=polling&b64=1"));
    }

    #[test]
    fn a_wait_that_is_no_duration_is_ignored() {
        assert_eq!(Query::parse("wait=0").wait, Some(Duration::ZERO));
        assert_eq!(Query::parse("wait=2.5").wait, Some(Duration::from_millis(2500)));
        for odd in ["wait=-1", "wait=NaN", "wait=inf", "wait=1e300", "wait=x", "wait="] {
            assert_eq!(Query::parse(odd).wait, None, "{odd}");
        }
    }
}
