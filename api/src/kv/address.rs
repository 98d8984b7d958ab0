//! How many requests an address may make without a credential: so many in the hour that its first one begins.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use windlass_store::clock::Millis;

use crate::limit;
use crate::rate::Taken;

const WINDOW_MS: Millis = 3_600_000;

/// The hours of all addresses. A network that IPv6 gives to one subscriber counts as one.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<HashMap<u128, Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    begun: Millis,
    used: u32,
}

impl Window {
    /// So too once the clock was set back.
    fn is_over(&self, now: Millis) -> bool {
        !(self.begun..self.begun.saturating_add(WINDOW_MS)).contains(&now)
    }
}

impl Addresses {
    /// Lets a request in, or refuses it. `None` without a limit.
    pub(super) fn take(&self, address: IpAddr, limit: Option<u32>, now: Millis) -> Option<Taken> {
        let limit = limit?;
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if windows.len() >= limit::KV_ADDRESSES_MAX && !windows.contains_key(&network) {
            windows.retain(|_, window| !window.is_over(now));
            // More at once than are kept: keeping begins anew.
            if windows.len() >= limit::KV_ADDRESSES_MAX {
                windows.clear();
            }
        }
        let window = windows.entry(network).or_insert(Window { begun: now, used: 0 });
        if window.is_over(now) {
            *window = Window { begun: now, used: 0 };
        }
        let end = window.begun.saturating_add(WINDOW_MS);
        let is_let_in = window.used < limit;
        if is_let_in {
            window.used += 1;
        }
        Some(Taken {
            limit,
            remaining: limit.saturating_sub(window.used),
            reset_s: end.div_ceil(1_000),
            retry_after_s: (!is_let_in).then(|| (end - now).div_ceil(1_000).max(1)),
        })
    }
}

fn network(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(addresses: &Addresses, address: &str, now: Millis) -> (u32, u64, Option<u64>) {
        let taken = addresses.take(address.parse().unwrap(), Some(2), now).unwrap();
        assert_eq!(taken.limit, 2);
        (taken.remaining, taken.reset_s, taken.retry_after_s)
    }

    #[test]
    fn an_address_has_so_many_requests_in_its_hour() {
        let addresses = Addresses::default();
        assert_eq!(taken(&addresses, "192.0.2.1", 1_000), (1, 3_601, None));
        assert_eq!(taken(&addresses, "192.0.2.1", 2_000), (0, 3_601, None));
        assert_eq!(taken(&addresses, "192.0.2.1", 3_600_999), (0, 3_601, Some(1)));
        assert_eq!(taken(&addresses, "192.0.2.2", 3_000), (1, 3_603, None), "another address has an hour of its own");
        assert_eq!(taken(&addresses, "192.0.2.1", 3_601_000), (1, 7_201, None));
        assert_eq!(taken(&addresses, "192.0.2.1", 500), (1, 3_601, None), "a clock that was set back shuts nobody out");
        assert!(addresses.take("192.0.2.1".parse().unwrap(), None, 0).is_none());
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let addresses = Addresses::default();
        assert_eq!(taken(&addresses, "2001:db8::1", 0).0, 1);
        assert_eq!(taken(&addresses, "2001:db8::ffff:1", 0).0, 0);
        assert_eq!(taken(&addresses, "2001:db8:0:1::1", 0).0, 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let addresses = Addresses::default();
        for n in 0..=u32::try_from(limit::KV_ADDRESSES_MAX).unwrap() {
            addresses.take(IpAddr::V4(n.into()), Some(1), 0);
        }
        assert_eq!(addresses.0.lock().unwrap().len(), 1);
    }
}
