//! Peers of Socket.IO 1 and 2: protocol 4, over Engine.IO 3.
//!
//! Their packets are read and written as all others. What they do otherwise is how they join: `/` without asking, other
//! namespaces by a name with a query, which is their `auth`; and what they are told then.
//!
//! Spec: `spec/socketio.md` 9.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::handshake::keep_auth;
use crate::hub::Session;

/// Whether the peer speaks it.
pub(crate) fn is_spoken(session: &Session) -> bool {
    session.protocol() == 3
}

/// A namespace's name without its query, and the query as the payload of a CONNECT: an object of texts. Of a member
/// that is repeated the last counts.
pub(crate) fn split_name(name: &str) -> (&str, Option<Box<str>>) {
    let Some((name, query)) = name.split_once('?') else { return (name, None) };
    let members: BTreeMap<Cow<'_, str>, Cow<'_, str>> = form_urlencoded::parse(query.as_bytes()).collect();
    let auth = serde_json::to_string(&members).expect("texts are JSON");
    (name, Some(keep_auth(&auth)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_behind_a_name_is_an_object_of_texts() {
        assert_eq!(split_name("/admin"), ("/admin", None));
        let (name, auth) = split_name("/admin?token=1&x=a%20b&token=2&y");
        assert_eq!(name, "/admin");
        assert_eq!(auth.as_deref(), Some(r#"0{"token":"2","x":"a b","y":""}"#));
    }
}
