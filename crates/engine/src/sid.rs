//! Ids of 20 characters.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sockeye_runtime::runtime::Runtime;

/// How many bytes an id has; each three are four characters.
const BYTES: usize = 15;
/// How many characters it has. Node's sharded Redis adapter knows ids by this length.
pub const LENGTH: usize = 20;

/// The id of a session, a bearer secret: 120 random bits, printed as 20 characters of URL-safe base64.
///
/// Spec: engine.md, section 1.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Sid([u8; BYTES]);

impl Sid {
    /// A new one.
    #[must_use]
    pub fn random(runtime: &Runtime) -> Sid {
        let mut bytes = [0; BYTES];
        runtime.fill(&mut bytes);
        Sid(bytes)
    }

    /// The id of these bits.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Sid {
        Sid(bytes)
    }

    /// Reads the 20 characters; nothing else is an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Sid> {
        let mut bytes = [0; BYTES];
        if text.len() != LENGTH {
            return None;
        }
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == BYTES).then_some(Sid(bytes))
    }

    /// The 20 characters.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut text = [0; LENGTH];
        URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).expect("15 bytes are 20 characters");
        text
    }

    /// Random bits to place it in a table by.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encode()).expect("base64 is ASCII"))
    }
}

/// A session's id is a secret: logs show its beginning.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({}…)", &self.to_string()[..4])
    }
}

#[cfg(test)]
mod tests {
    use sockeye_runtime::simulation::Simulation;

    use super::*;

    #[test]
    fn an_id_is_twenty_characters_and_reads_back() {
        let sid = Sid::random(&Simulation::new(1).runtime());
        assert_eq!(sid.to_string().len(), LENGTH);
        assert_eq!(Sid::parse(&sid.to_string()), Some(sid));
        assert_eq!(Sid::parse("short"), None);
        assert_eq!(Sid::parse("!!!!!!!!!!!!!!!!!!!!"), None);
    }
}
