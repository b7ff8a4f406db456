//! Who may open a session: how many there may be, and how fast they may come, in all and from one address.
//!
//! Addresses are counted in a sketch: two rows of cells, of which each address has one in either, by a hash that nobody
//! can foresee. What an address has is the lesser of its two; others in the same cells can make that too much, which
//! matters where millions come from as many addresses, and never too little. So it takes the same memory for ten
//! addresses and for ten million.
//!
//! An address is an IPv4 address, or the first 64 bits of an IPv6 address. Those of private networks are not counted:
//! they are proxies, mostly, and then everybody's.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use parking_lot::Mutex;
use sockeye_engine_proto::rate::{Bucket, Gauge, Rate};
use sockeye_engine_proto::tick::Tick;

/// Cells in a row.
const CELLS: usize = 1 << 14;

/// How long a crowd may come at once.
const BURST: Duration = Duration::from_secs(5);

/// What there is too much of, where a session was not opened.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Busy {
    /// Sessions: [`max_sessions`](crate::options::Options::max_sessions).
    Sessions,
    /// Sessions of that address: [`sessions_per_address`](crate::options::Options::sessions_per_address).
    SessionsOfAddress,
    /// Handshakes: [`handshakes_per_second`](crate::options::Options::handshakes_per_second).
    Handshakes,
    /// Handshakes of that address:
    /// [`handshakes_per_address`](crate::options::Options::handshakes_per_address).
    HandshakesOfAddress,
    /// Its sessions are being let go: [`Engine::drain`](crate::engine::Engine::drain).
    Draining,
    /// The application takes no more: [`Application::admits`](crate::engine::Application::admits).
    Application,
}

impl Busy {
    /// All of them, for tables of counters.
    pub const ALL: [Busy; 6] = [
        Busy::Sessions,
        Busy::SessionsOfAddress,
        Busy::Handshakes,
        Busy::HandshakesOfAddress,
        Busy::Draining,
        Busy::Application,
    ];

    /// Its name, in the manner of the reference's contexts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Busy::Sessions => "TOO_MANY_SESSIONS",
            Busy::SessionsOfAddress => "TOO_MANY_SESSIONS_OF_ADDRESS",
            Busy::Handshakes => "TOO_MANY_HANDSHAKES",
            Busy::HandshakesOfAddress => "TOO_MANY_HANDSHAKES_OF_ADDRESS",
            Busy::Draining => "DRAINING",
            Busy::Application => "APPLICATION_BUSY",
        }
    }

    /// Whether it is for the peer's own address that it is refused.
    #[must_use]
    pub const fn is_of_address(self) -> bool {
        matches!(self, Busy::SessionsOfAddress | Busy::HandshakesOfAddress)
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many may come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    pub(crate) sessions: usize,
    pub(crate) sessions_per_address: u32,
    pub(crate) handshakes: Option<u32>,
    pub(crate) handshakes_per_address: Option<u32>,
}

/// The door of an engine.
#[derive(Debug)]
pub(crate) struct Entrance {
    sessions: usize,
    sessions_per_address: u32,
    handshakes: Option<Gauge>,
    handshakes_per_address: Option<Gauge>,
    crowd: Mutex<Crowd>,
}

#[derive(Debug, Default)]
struct Crowd {
    /// Handshakes of all.
    came: Bucket,
    /// Both rows, one behind the other; made when the first comes who is counted.
    cells: Vec<Cell>,
    hash: RandomState,
    /// The cells of each slot's session.
    places: Vec<Option<Place>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    sessions: u32,
    came: Bucket,
}

/// Which cells are an address's: the numbers of both, and a bit that is always set.
type Place = NonZeroU32;

fn gauge(handshakes: u32) -> Gauge {
    let mut rate = Rate::default();
    rate.messages = handshakes;
    rate.burst = BURST;
    Gauge::from(rate)
}

impl Entrance {
    pub(crate) fn new(limits: Limits) -> Entrance {
        Entrance {
            sessions: limits.sessions,
            sessions_per_address: limits.sessions_per_address,
            handshakes: limits.handshakes.map(gauge),
            handshakes_per_address: limits.handshakes_per_address.map(gauge),
            crowd: Mutex::default(),
        }
    }

    /// Whether one more may come, where there are so many sessions.
    pub(crate) fn admit(&self, now: Tick, sessions: usize, address: Option<SocketAddr>) -> Result<(), Busy> {
        if sessions >= self.sessions {
            return Err(Busy::Sessions);
        }
        let mut crowd = self.crowd.lock();
        // Who comes too often from one address takes nothing from the others.
        if let Some(place) = crowd.place(address) {
            let [one, other] = crowd.cells(place);
            if one.sessions.min(other.sessions) >= self.sessions_per_address {
                return Err(Busy::SessionsOfAddress);
            }
            if let Some(gauge) = &self.handshakes_per_address {
                let passed = [one, other].map(|cell| pass(&mut cell.came, gauge, now));
                if passed == [false, false] {
                    return Err(Busy::HandshakesOfAddress);
                }
            }
        }
        match &self.handshakes {
            Some(gauge) if !pass(&mut crowd.came, gauge, now) => Err(Busy::Handshakes),
            _ => Ok(()),
        }
    }

    /// A session has opened.
    pub(crate) fn entered(&self, slot: u32, address: Option<SocketAddr>) {
        let mut crowd = self.crowd.lock();
        let Some(place) = crowd.place(address) else { return };
        crowd.cells(place).into_iter().for_each(|cell| cell.sessions += 1);
        let slot = slot as usize;
        if crowd.places.len() <= slot {
            crowd.places.resize(slot + 1, None);
        }
        crowd.places[slot] = Some(place);
    }

    /// Its session is gone.
    pub(crate) fn left(&self, slot: u32) {
        let mut crowd = self.crowd.lock();
        let place = crowd.places.get_mut(slot as usize).and_then(Option::take);
        if let Some(place) = place {
            crowd.cells(place).into_iter().for_each(|cell| cell.sessions -= 1);
        }
    }
}

fn pass(bucket: &mut Bucket, gauge: &Gauge, now: Tick) -> bool {
    let mut allowance = bucket.open(gauge, now);
    let may = allowance.take(gauge, 0);
    if may {
        *bucket = allowance.close(gauge, now);
    }
    may
}

impl Crowd {
    /// The cells of an address, if it is counted.
    fn place(&mut self, address: Option<SocketAddr>) -> Option<Place> {
        let address = prefix(address?.ip())?;
        if self.cells.is_empty() {
            self.cells = vec![Cell::default(); 2 * CELLS];
        }
        let hash = self.hash.hash_one(address);
        let both = (hash as u32) & (CELLS as u32 * CELLS as u32 - 1);
        NonZeroU32::new(both | 1 << 31)
    }

    fn cells(&mut self, place: Place) -> [&mut Cell; 2] {
        let place = place.get() as usize;
        let (one, other) = self.cells.split_at_mut(CELLS);
        [&mut one[place % CELLS], &mut other[place / CELLS % CELLS]]
    }
}

/// What is counted as one address. `None` when it is of a private network.
pub(crate) fn prefix(address: IpAddr) -> Option<u64> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xC0 == 64;
            let is_local = address.is_private() || address.is_loopback() || address.is_link_local();
            (!is_local && !is_shared && address != Ipv4Addr::UNSPECIFIED)
                .then(|| u64::from(u32::from(address)) | 1 << 63)
        }
        IpAddr::V6(address) => {
            let is_local = address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local();
            (!is_local).then(|| (u128::from(address) >> 64) as u64 & !(1 << 63))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = Limits {
        sessions: 1_000_000,
        sessions_per_address: 1_000,
        handshakes: None,
        handshakes_per_address: None,
    };

    fn from(address: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(address.parse().expect("an address"), 1))
    }

    #[test]
    fn so_many_sessions_and_no_more() {
        let entrance = Entrance::new(Limits { sessions: 2, ..NONE });
        let now = Tick::new(0);
        assert_eq!(entrance.admit(now, 1, None), Ok(()));
        assert_eq!(entrance.admit(now, 2, None), Err(Busy::Sessions));
    }

    #[test]
    fn an_address_has_its_share_until_its_sessions_are_gone() {
        let entrance = Entrance::new(Limits { sessions_per_address: 3, ..NONE });
        let now = Tick::new(0);
        for slot in 0..3 {
            assert_eq!(entrance.admit(now, 0, from("203.0.113.7")), Ok(()));
            entrance.entered(slot, from("203.0.113.7"));
        }
        assert_eq!(entrance.admit(now, 0, from("203.0.113.7")), Err(Busy::SessionsOfAddress));
        assert_eq!(entrance.admit(now, 0, from("::ffff:203.0.113.7")), Err(Busy::SessionsOfAddress));
        assert_eq!(entrance.admit(now, 0, from("203.0.113.8")), Ok(()));
        assert_eq!(entrance.admit(now, 0, None), Ok(()));
        entrance.left(1);
        entrance.left(1);
        assert_eq!(entrance.admit(now, 0, from("203.0.113.7")), Ok(()), "one is gone");
        entrance.entered(1, from("203.0.113.7"));
        assert_eq!(entrance.admit(now, 0, from("203.0.113.7")), Err(Busy::SessionsOfAddress), "and only one");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_private_networks_are_none() {
        let entrance = Entrance::new(Limits { sessions_per_address: 1, ..NONE });
        entrance.entered(0, from("2001:db8:1:2::1"));
        let admit = |address| entrance.admit(Tick::new(0), 0, from(address));
        assert_eq!(admit("2001:db8:1:2:ffff::9"), Err(Busy::SessionsOfAddress));
        assert_eq!(admit("2001:db8:1:3::1"), Ok(()));
        for (slot, address) in
            ["10.1.2.3", "127.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "::1", "fd00::1", "fe80::1"]
                .into_iter()
                .enumerate()
        {
            entrance.entered(1 + slot as u32, from(address));
            assert_eq!(admit(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_crowd_from_one_address_waits_and_lets_others_in() {
        let entrance =
            Entrance::new(Limits { handshakes: Some(1_000), handshakes_per_address: Some(10), ..NONE });
        let count = |now, address: &str, tries: usize| {
            (0..tries).filter(|_| entrance.admit(Tick::new(now), 0, from(address)).is_ok()).count()
        };
        assert_eq!(count(0, "203.0.113.7", 10_000), 50, "a burst of five seconds");
        assert_eq!(count(0, "203.0.113.8", 20), 20);
        assert_eq!(count(20, "203.0.113.7", 10_000), 10);
        assert_eq!(count(20, "10.0.0.1", 10_000), 4_990, "all that is left for all");
    }

    #[test]
    fn many_addresses_take_little_from_each_other() {
        let entrance = Entrance::new(Limits { sessions_per_address: 50, ..NONE });
        for slot in 0..100_000_u32 {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(0xCB00_0000 + slot)), 1);
            entrance.entered(slot, Some(address));
        }
        let refused = (0..100_000_u32)
            .map(|slot| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(0xCB00_0000 + slot)), 1))
            .filter(|address| entrance.admit(Tick::new(0), 0, Some(*address)).is_err())
            .count();
        assert_eq!(refused, 0);
        for slot in 0..100_000 {
            entrance.left(slot);
        }
        assert!(entrance.crowd.lock().cells.iter().all(|cell| cell.sessions == 0));
    }
}
