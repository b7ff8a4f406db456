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

    /// The id of these bits. It is a secret: most of them should come from a good generator.
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

    /// Bits to place it in a table by. All of the id is in them: an application's own ids may begin alike.
    #[must_use]
    pub fn hash(&self) -> u64 {
        /// Odd, with half of its bits set: the fraction of the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = self.0;
        let first = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let rest = u64::from_le_bytes([i, j, k, l, m, n, o, 0]);
        let product = u128::from(first ^ SPREAD) * u128::from(rest ^ SPREAD.rotate_left(32));
        let folded = (product as u64 ^ (product >> 64) as u64).wrapping_mul(SPREAD);
        folded ^ (folded >> 32)
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

    #[test]
    fn ids_that_differ_in_one_place_lie_apart_in_a_table() {
        for place in 0..BYTES {
            let place_in_table = |byte: u8| {
                let mut bytes = [7; BYTES];
                bytes[place] = byte;
                Sid(bytes).hash() & 0xff
            };
            let places: std::collections::HashSet<u64> = (0..=255).map(place_in_table).collect();
            assert!(places.len() > 128, "byte {place}: {}", places.len());
        }
    }
}
