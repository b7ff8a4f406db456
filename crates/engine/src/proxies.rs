//! Whose word on a request's sender is believed: a list of addresses, and of prefixes of addresses.
//!
//! ```
//! use sockeye_engine::proxies::TrustedProxies;
//!
//! let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])?;
//! assert!(proxies.contains([10, 1, 2, 3].into()));
//! assert!(!proxies.contains([11, 1, 2, 3].into()));
//! # Ok::<(), sockeye_engine::proxies::InvalidProxy>(())
//! ```

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

/// Addresses of proxies that are trusted to say whom they speak for. Default: none. A cheap clone.
///
/// They are what the connection comes from, so who is in the list can claim any address: name no more than your proxies.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct TrustedProxies(Option<Arc<[IpNet]>>);

/// What is no address and no prefix of addresses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no address such as 10.0.0.1 or ::1, and no prefix such as 10.0.0.0/8")]
pub struct InvalidProxy(pub String);

impl TrustedProxies {
    /// Those that these name: addresses, and prefixes as in `10.0.0.0/8`.
    ///
    /// # Errors
    /// [`InvalidProxy`], with the first that is neither.
    pub fn new(proxies: impl IntoIterator<Item: AsRef<str>>) -> Result<TrustedProxies, InvalidProxy> {
        let prefix = |proxy: &str| {
            let one = || proxy.parse().map(|ip: IpAddr| IpNet::from(ip));
            let prefix = proxy.parse().or_else(|_| one()).map_err(|_| InvalidProxy(proxy.to_owned()))?;
            Ok(canonical(prefix))
        };
        let prefixes: Vec<IpNet> =
            proxies.into_iter().map(|proxy| prefix(proxy.as_ref().trim())).collect::<Result<_, _>>()?;
        Ok(TrustedProxies((!prefixes.is_empty()).then(|| prefixes.into())))
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this address is trusted. An IPv4 address that is written as an IPv6 one is the IPv4 address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let Some(prefixes) = &self.0 else { return false };
        let ip = ip.to_canonical();
        prefixes.iter().any(|prefix| prefix.contains(&ip))
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn canonical(prefix: IpNet) -> IpNet {
    let mapped = |prefix: IpNet| {
        let IpAddr::V4(ip) = prefix.addr().to_canonical() else { return None };
        Ipv4Net::new(ip, prefix.prefix_len().checked_sub(96)?).ok()
    };
    match prefix {
        IpNet::V4(_) => prefix,
        IpNet::V6(_) => mapped(prefix).map_or(prefix, IpNet::V4),
    }
}

impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().flat_map(|prefixes| prefixes.iter())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(proxies: &[&str], ip: &str) -> bool {
        TrustedProxies::new(proxies).expect("proxies").contains(ip.parse().expect("an address"))
    }

    #[test]
    fn addresses_and_prefixes_name_whom_they_hold_in_either_way_of_writing() {
        for (proxy, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.2"),
            ("10.1.2.3/8", "10.255.0.1", "11.0.0.1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::1", "0:0:0:0:0:0:0:1", "127.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::9", "2001:db9::1"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "::10.9.9.9"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            (" 10.0.0.1 ", "10.0.0.1", "10.0.0.10"),
        ] {
            assert!(contains(&[proxy], inside), "{proxy} holds {inside}");
            assert!(!contains(&[proxy], outside), "{proxy} does not hold {outside}");
            assert!(contains(&["192.0.2.1", proxy], inside));
        }
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        for nobody in [TrustedProxies::default(), TrustedProxies::new([""; 0]).expect("a list of none")] {
            assert!(nobody.is_empty() && !nobody.contains([127, 0, 0, 1].into()));
            assert_eq!(nobody, TrustedProxies::default());
        }
    }

    #[test]
    fn what_is_neither_address_nor_prefix_is_an_error_that_names_it() {
        for wrong in
            ["", "localhost", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.1:80", "[::1]", "10.0.0.0/", "*"]
        {
            assert_eq!(TrustedProxies::new(["::1", wrong]), Err(InvalidProxy(wrong.to_owned())));
        }
    }
}
