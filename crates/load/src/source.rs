//! Where connections come from: one address has some 28,000 ports, the loopback network 16 million addresses.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};

/// Connections that leave from one address before the next is taken.
const EACH: u32 = 4_096;
/// The first address: `127.0.0.1` itself is left to servers and to whoever else is here.
const FIRST: u32 = u32::from_be_bytes([127, 0, 1, 1]);
/// After so many addresses it begins again: ports given back long ago are free by then.
const ADDRESSES: u32 = 4_096;

/// Gives each connection the address that it leaves from.
#[derive(Debug, Default)]
pub struct Sources {
    opened: AtomicU32,
}

impl Sources {
    /// The next connection's source to `server`, or `None` where the server is not on the loopback network: there the
    /// system chooses.
    pub fn next(&self, server: SocketAddr) -> Option<SocketAddr> {
        if !matches!(server, SocketAddr::V4(address) if address.ip().is_loopback()) {
            return None;
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let address = Ipv4Addr::from(FIRST + number / EACH % ADDRESSES);
        Some(SocketAddr::from((address, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::{EACH, Sources};
    use std::collections::BTreeSet;

    #[test]
    fn connections_spread_over_addresses_of_the_loopback_network() {
        let sources = Sources::default();
        let server = "127.0.0.1:3000".parse().expect("an address");
        let used: BTreeSet<_> =
            (0..3 * EACH).filter_map(|_| sources.next(server)).map(|source| source.ip()).collect();
        assert_eq!(used.len(), 3);
        assert!(used.iter().all(|address| address.is_loopback()));
    }

    #[test]
    fn elsewhere_the_system_chooses() {
        assert_eq!(Sources::default().next("192.0.2.1:3000".parse().expect("an address")), None);
        assert_eq!(Sources::default().next("[::1]:3000".parse().expect("an address")), None);
    }
}
