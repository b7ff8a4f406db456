//! Ids of sockets: 20 characters that everybody may know.
//!
//! The id of a session is a secret, so a socket's is another. That of the first socket of a connection is
//! derived from it by a keyed hash and not stored; the key is drawn anew in each process, so nobody gets back.
//! All others are random.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sockeye_engine::sid::{LENGTH, Sid};
use sockeye_runtime::runtime::Runtime;

/// The id of a socket: 120 bits, printed as 20 characters of URL-safe base64.
///
/// Public, unlike the session's: it names a peer to its other peers, and is a room that only this socket is
/// in. Spec: `spec/socketio.md` 3.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SocketId(Sid);

/// Why a text is no id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a socket id is {LENGTH} characters of URL-safe base64")]
pub struct InvalidSocketId;

impl SocketId {
    pub(crate) fn random(runtime: &Runtime) -> SocketId {
        SocketId(Sid::random(runtime))
    }

    /// A number to find it by in a table; evenly spread, since nobody chooses ids.
    pub(crate) fn hash(&self) -> u32 {
        self.0.hash() as u32
    }

    /// The 20 characters.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        self.0.encode()
    }
}

impl FromStr for SocketId {
    type Err = InvalidSocketId;

    fn from_str(text: &str) -> Result<SocketId, InvalidSocketId> {
        Sid::parse(text).map(SocketId).ok_or(InvalidSocketId)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encode()).expect("base64 is ASCII"))
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.encode()).expect("base64 is ASCII"))
    }
}

impl<'de> Deserialize<'de> for SocketId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SocketId, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What a peer proves with that it was a certain socket, a secret between the two: 144 bits, printed as 24 characters of
/// URL-safe base64. Spec: `spec/socketio.md` 7.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Pid([u8; PID_BYTES]);

const PID_BYTES: usize = 18;

impl Pid {
    pub(crate) fn parse(text: &str) -> Option<Pid> {
        let mut bytes = [0; PID_BYTES];
        if text.len() != PID_BYTES / 3 * 4 {
            return None;
        }
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == PID_BYTES).then_some(Pid(bytes))
    }

    /// A number to find it by in a table; evenly spread, since it is a hash itself.
    pub(crate) fn hash(&self) -> u32 {
        let [first, second, third, fourth, ..] = self.0;
        u32::from_le_bytes([first, second, third, fourth])
    }
}

impl Serialize for Pid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// What ids are derived with.
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn random(runtime: &Runtime) -> Key {
        let mut key = [0; 32];
        runtime.fill(&mut key);
        Key(key)
    }

    /// The id of the first socket of that session.
    pub(crate) fn derive(&self, sid: &Sid) -> SocketId {
        SocketId(Sid::from_bytes(self.hash(&sid.encode())))
    }

    /// The pid of the socket with that id: always the same, so nobody has to keep it, and it comes back with the id.
    pub(crate) fn pid(&self, id: &SocketId) -> Pid {
        let mut text = [0; LENGTH + 3];
        text[..3].copy_from_slice(b"pid");
        text[3..].copy_from_slice(&id.encode());
        Pid(self.hash(&text))
    }

    fn hash<const BYTES: usize>(&self, text: &[u8]) -> [u8; BYTES] {
        let hash = blake3::keyed_hash(&self.0, text);
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&hash.as_bytes()[..BYTES]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use sockeye_runtime::simulation::Simulation;

    use super::*;

    #[test]
    fn a_pid_is_of_one_socket_and_reads_back() {
        let runtime = Simulation::new(1).runtime();
        let (key, id, other) =
            (Key::random(&runtime), SocketId::random(&runtime), SocketId::random(&runtime));
        let text = serde_json::to_string(&key.pid(&id)).unwrap();
        let text = text.trim_matches('"');
        assert_eq!(text.len(), 24);
        assert!(Pid::parse(text) == Some(key.pid(&id)) && Pid::parse(text) != Some(key.pid(&other)));
        for wrong in [&text[1..], "", "!!!!!!!!!!!!!!!!!!!!!!!!"] {
            assert!(Pid::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_derived_id_is_always_the_same_and_tells_nothing_of_the_session() {
        let runtime = Simulation::new(1).runtime();
        let (key, other) = (Key::random(&runtime), Key::random(&runtime));
        let sid = Sid::random(&runtime);
        let id = key.derive(&sid);
        assert_eq!(id, key.derive(&sid));
        assert_ne!(id, other.derive(&sid));
        assert_ne!(id.to_string(), sid.to_string());
        assert_eq!(id.to_string().len(), 20);
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<SocketId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<SocketId>("\"lobby\"").is_err());
        assert_eq!("lobby".parse::<SocketId>(), Err(InvalidSocketId));
    }
}
