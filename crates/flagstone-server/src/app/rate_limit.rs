//! How often an address may do something costly.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use flagstone_model::Timestamp;

/// The most addresses that are remembered.
const ADDRESSES_MAX: usize = 100_000;
const WINDOW_MILLIS: i64 = 60_000;

/// Counts tries per address in fixed minutes.
pub struct RateLimit {
    per_minute: u32,
    tries: Mutex<HashMap<IpAddr, (Timestamp, u32)>>,
}

impl RateLimit {
    /// At most `per_minute` tries for each address.
    pub fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, tries: Mutex::default() }
    }

    /// Counts a try. If it is one too many, says after how many seconds the next one counts again.
    pub fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |since: Timestamp| now.millis() - since.millis() >= WINDOW_MILLIS || now < since;
        if tries.len() >= ADDRESSES_MAX {
            tries.retain(|_, (since, _)| !over(*since));
        }
        if tries.len() >= ADDRESSES_MAX {
            return Err(60);
        }
        let (since, count) = tries.entry(network(address)).or_insert((now, 0));
        if over(*since) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count > self.per_minute {
            let rest = WINDOW_MILLIS - (now.millis() - since.millis());
            return Err(u64::try_from(rest).map_or(60, |rest| rest.div_ceil(1_000)));
        }
        Ok(())
    }
}

/// IPv6 addresses count by their /64, which one customer has for themselves.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_address_and_forgets_after_a_minute() {
        let limit = RateLimit::per_minute(2);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let (a, b) = (IpAddr::from([1, 2, 3, 4]), IpAddr::from([1, 2, 3, 5]));
        assert_eq!(limit.check(a, at(0)), Ok(()));
        assert_eq!(limit.check(a, at(1)), Ok(()));
        assert_eq!(limit.check(a, at(2)), Err(58));
        assert_eq!(limit.check(b, at(2)), Ok(()));
        assert_eq!(limit.check(a, at(60)), Ok(()));
        // A clock that jumps back does not lock anybody out.
        assert_eq!(limit.check(a, at(-1_000)), Ok(()));
    }
}
