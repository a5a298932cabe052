//! How often somebody may try to log in: by address, by network and by account. However many try, nobody is locked out
//! for want of memory, and whoever has logged in from an address before is not locked out by others elsewhere. The plain
//! count within a minute serves for things as well.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::MutexGuard;

use flagstone_model::Timestamp;

use crate::system::locks::{Guard, Mutex, rank};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;
/// The most addresses, and networks, and accounts that are remembered. The least telling ones make room for others.
const REMEMBERED_MAX: usize = 100_000;
/// How many tries a network has for each that an address has.
const NETWORK_SHARE: u32 = 10;
/// How many failed tries an account has in a day for each that an address has in a minute.
const DAY_SHARE: u32 = 10;
/// The longest that an account is closed to addresses that it does not know.
const CLOSED_MAX: i64 = 15 * MINUTE;
/// How many addresses an account knows: those from which somebody last logged in.
const KNOWN_MAX: usize = 20;
/// Names that are nobody's share so many counts, so that they answer as accounts do and take no memory.
const NOBODIES: usize = 1_024;

/// Counts tries to log in.
pub struct RateLimit {
    per_minute: u32,
    hasher: RandomState,
    tries: Mutex<{ rank::LOGINS }, Tries>,
}

#[derive(Default)]
struct Tries {
    addresses: HashMap<IpAddr, Window>,
    networks: HashMap<IpAddr, Window>,
    users: HashMap<i64, Account>,
    things: HashMap<i64, Window>,
    nobodies: Vec<Account>,
}

/// A count that begins anew after a while.
#[derive(Clone, Copy, Default)]
struct Window {
    since: Timestamp,
    count: u32,
}

/// What an account has been through.
#[derive(Clone, Default)]
struct Account {
    /// Tries from addresses that the account does not know, in a day.
    failed: Window,
    /// Until when it is closed to them.
    closed_until: Timestamp,
    /// Addresses from which somebody logged in, the last one at the end, and how many tries from there failed since.
    known: Vec<(IpAddr, u32)>,
}

impl RateLimit {
    /// At most `per_minute` tries for each address, ten times as many for its network, and as many for an account before
    /// it closes, for longer each time, to addresses that it does not know.
    pub fn per_minute(per_minute: u32) -> Self {
        let tries = Tries { nobodies: vec![Account::default(); NOBODIES], ..Tries::default() };
        Self { per_minute, hasher: RandomState::new(), tries: Mutex::new(tries) }
    }

    fn tries(&self) -> Guard<MutexGuard<'_, Tries>> {
        self.tries.lock()
    }

    /// Counts a try from an address. If it is one too many, says after how many seconds the next one counts again.
    pub fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        count(&mut self.tries().addresses, narrow(address), self.per_minute, now)
    }

    /// Counts a try with a thing that has this id. If it is one too many, says after how many seconds the next one counts
    /// again.
    pub fn check_thing(&self, id: i64, now: Timestamp) -> Result<(), u64> {
        count(&mut self.tries().things, id, self.per_minute, now)
    }

    /// Counts a try to log in as a user, or under a name that is nobody's, which [`Self::succeeded`] takes back. If it is
    /// one too many, says after how many seconds the next one counts again. Addresses that the account knows go by
    /// their own count alone.
    pub fn check_account(&self, user: Option<i64>, name: &str, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let mut tries = self.tries();
        let Tries { networks, users, nobodies, .. } = &mut *tries;
        let account = if let Some(id) = user {
            make_room(users, &id, |account| (account.failed.count, account.failed.since));
            users.entry(id).or_default()
        } else {
            let bucket = self.hasher.hash_one(name.to_lowercase()) % NOBODIES as u64;
            &mut nobodies[usize::try_from(bucket).unwrap_or_default()]
        };
        if account.is_known(narrow(address), self.per_minute.saturating_mul(2)) {
            return Ok(());
        }
        count(networks, wide(address), self.per_minute.saturating_mul(NETWORK_SHARE), now)?;
        account.attempt(self.per_minute, now)
    }

    /// The user has logged in from the address.
    pub fn succeeded(&self, user: i64, address: IpAddr) {
        let mut tries = self.tries();
        tries.users.entry(user).or_default().know(narrow(address));
    }

    /// The user has logged in from the address before, as another node or an earlier run has seen.
    pub fn learn(&self, user: i64, address: IpAddr) {
        let mut tries = self.tries();
        make_room(&mut tries.users, &user, |account| (account.failed.count, account.failed.since));
        let account = tries.users.entry(user).or_default();
        let address = narrow(address);
        // One that is known may have failed since.
        if account.known.len() < KNOWN_MAX && account.known.iter().all(|(known, _)| *known != address) {
            account.known.insert(0, (address, 0));
        }
    }
}

impl Account {
    /// Whether somebody logged in from there, and not too many tries have failed since.
    fn is_known(&mut self, address: IpAddr, failures_max: u32) -> bool {
        let Some(at) = self.known.iter().position(|(known, _)| *known == address) else { return false };
        self.known[at].1 += 1;
        if self.known[at].1 <= failures_max {
            return true;
        }
        self.known.remove(at);
        false
    }

    fn know(&mut self, address: IpAddr) {
        let before = self.known.len();
        self.known.retain(|(known, _)| *known != address);
        if self.known.len() == before {
            // The try was counted, and did not fail.
            self.failed.count = self.failed.count.saturating_sub(1);
        }
        self.known.push((address, 0));
        if self.known.len() > KNOWN_MAX {
            self.known.remove(0);
        }
    }

    /// Counts a try, and closes the account after it once there have been `free` of them: for 1 s, 2 s, 4 s and so on.
    fn attempt(&mut self, free: u32, now: Timestamp) -> Result<(), u64> {
        if self.failed.is_over(DAY, now) {
            (self.failed, self.closed_until) = (Window { since: now, count: 0 }, Timestamp::default());
        }
        if self.failed.count >= free.saturating_mul(DAY_SHARE) {
            return Err(seconds(self.failed.since.plus_millis(DAY), now));
        }
        // A clock that jumps back closes it for no longer than it would be closed.
        if now < self.closed_until && self.closed_until.millis() - now.millis() <= CLOSED_MAX {
            return Err(seconds(self.closed_until, now));
        }
        self.failed.count += 1;
        if let Some(doublings) = self.failed.count.checked_sub(free.saturating_add(1)) {
            let millis = SECOND.checked_shl(doublings.min(30)).unwrap_or(CLOSED_MAX);
            self.closed_until = now.plus_millis(millis.min(CLOSED_MAX));
        }
        Ok(())
    }
}

impl Window {
    /// Whether it has lasted so long; also after a jump of the clock to before it.
    fn is_over(&self, millis: i64, now: Timestamp) -> bool {
        now.millis().saturating_sub(self.since.millis()) >= millis || now < self.since
    }
}

fn seconds(until: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(until.millis() - now.millis()).map_or(1, |millis| millis.div_ceil(1_000).max(1))
}

/// Counts one more within a minute.
fn count<K: Eq + Hash + Copy>(windows: &mut HashMap<K, Window>, key: K, most: u32, now: Timestamp) -> Result<(), u64> {
    make_room(windows, &key, |window| (!window.is_over(MINUTE, now), window.count, window.since));
    let window = windows.entry(key).or_insert(Window { since: now, count: 0 });
    if window.is_over(MINUTE, now) {
        *window = Window { since: now, count: 0 };
    }
    if window.count >= most {
        return Err(seconds(window.since.plus_millis(MINUTE), now));
    }
    window.count += 1;
    Ok(())
}

/// Removes the half that tells least, if there is no room for one more: those that tried most and last stay.
fn make_room<K: Eq + Hash + Copy, V, W: Ord>(map: &mut HashMap<K, V>, key: &K, worth: impl Fn(&V) -> W) {
    if map.len() < REMEMBERED_MAX || map.contains_key(key) {
        return;
    }
    let mut by_worth: Vec<(W, K)> = map.iter().map(|(key, value)| (worth(value), *key)).collect();
    let middle = by_worth.len() / 2;
    by_worth.select_nth_unstable_by(middle, |a, b| a.0.cmp(&b.0));
    by_worth[..middle].iter().for_each(|(_, key)| drop(map.remove(key)));
}

/// What one customer has for themselves: an IPv4 address, or a /64 of IPv6.
fn narrow(address: IpAddr) -> IpAddr {
    masked(address, 32, 64)
}

/// What one customer may well have, or share with neighbours: a /24 of IPv4, or a /48 of IPv6.
fn wide(address: IpAddr) -> IpAddr {
    masked(address, 24, 48)
}

fn masked(address: IpAddr, v4_bits: u32, v6_bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (32 - v4_bits))).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - v6_bits))).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// An address of a network of its own.
    fn elsewhere(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0b00_0001 + (n << 8)).into()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn counts_by_address_and_forgets_after_a_minute() {
        let limit = RateLimit::per_minute(2);
        let (a, b) = (IpAddr::from([1, 2, 3, 4]), IpAddr::from([1, 2, 3, 5]));
        assert_eq!(limit.check(a, at(0)), Ok(()));
        assert_eq!(limit.check(a, at(1)), Ok(()));
        assert_eq!(limit.check(a, at(2)), Err(58));
        assert_eq!(limit.check(b, at(2)), Ok(()));
        assert_eq!(limit.check(a, at(60)), Ok(()));
        // A clock that jumps back does not lock anybody out.
        assert_eq!(limit.check(a, at(-1_000)), Ok(()));
        // Things have counts of their own.
        let things = [1, 1, 1, 2].map(|id| limit.check_thing(id, at(0)));
        assert_eq!(things, [Ok(()), Ok(()), Err(60), Ok(())]);
    }

    #[test]
    fn any_number_of_addresses_lock_nobody_out_and_free_nobody() {
        let limit = RateLimit::per_minute(2);
        let hammering = address("203.0.113.7");
        for _ in 0..2 {
            limit.check(hammering, at(0)).unwrap();
        }
        for n in 0..3 * u32::try_from(REMEMBERED_MAX).unwrap() {
            assert_eq!(limit.check(elsewhere(n), at(1)), Ok(()), "{n}");
            limit.check_account(None, &n.to_string(), elsewhere(n), at(1)).ok();
        }
        let tries = limit.tries();
        let remembered = [tries.addresses.len(), tries.networks.len(), tries.users.len(), tries.nobodies.len()];
        assert!(remembered.iter().all(|count| *count <= REMEMBERED_MAX), "{remembered:?}");
        drop(tries);
        assert_eq!(limit.check(hammering, at(1)), Err(59), "what tells most was forgotten");
    }

    #[test]
    fn a_network_has_ten_times_as_many_tries() {
        for (inside, outside) in [
            (["203.0.113.1", "203.0.113.255"], "203.0.114.1"),
            (["2001:db8:1:1::1", "2001:db8:1:ffff::1"], "2001:db8:2::1"),
        ] {
            let limit = RateLimit::per_minute(10);
            let check = |n: i64, from: &str| limit.check_account(Some(n), "", address(from), at(0));
            limit.succeeded(1, address(inside[1]));
            for n in 0..100 {
                assert_eq!(check(100 + n, inside[0]), Ok(()), "{n}");
            }
            assert_eq!(check(2, inside[1]), Err(60));
            assert_eq!(check(1, inside[1]), Ok(()), "the account knows the address");
            assert_eq!(check(2, outside), Ok(()));
            assert_eq!(limit.check_account(Some(2), "", address(inside[1]), at(60)), Ok(()));
        }
        // IPv6 addresses of one customer are one, and so is one in two forms.
        let limit = RateLimit::per_minute(1);
        limit.check(address("2001:db8::1"), at(0)).unwrap();
        limit.check(address("2001:db8::ffff:0:1"), at(0)).unwrap_err();
        limit.check(address("2001:db8:0:1::1"), at(0)).unwrap();
        limit.check(address("203.0.113.1"), at(0)).unwrap();
        limit.check(address("::ffff:203.0.113.1"), at(0)).unwrap_err();
    }

    #[test]
    fn t9_an_account_closes_for_longer_each_time_and_takes_a_hundred_failures_a_day() {
        let limit = RateLimit::per_minute(10);
        for account in [Some(1), None] {
            let (mut passed, mut n) = (Vec::new(), 0);
            for second in 0..86_400 {
                n += 1;
                if limit.check_account(account, "nobody", elsewhere(n), at(second)).is_ok() {
                    passed.push(second);
                }
            }
            assert_eq!(passed.len(), 100, "{account:?}");
            let waits: Vec<_> = passed.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(waits[..10], [1; 10], "there are some for nothing");
            assert_eq!(waits[10..22], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900], "{account:?}");
            assert!(limit.check_account(account, "nobody", elsewhere(0), at(86_400)).is_ok(), "the next day");
        }
    }

    #[test]
    fn t9_an_address_that_an_account_knows_goes_by_its_own_count() {
        let limit = RateLimit::per_minute(10);
        let home = address("203.0.113.1");
        let from_home = || limit.check_account(Some(1), "", home, at(0));
        limit.succeeded(1, home);
        let attack = || (0..200).filter(|n| limit.check_account(Some(1), "", elsewhere(*n), at(0)).is_ok()).count();
        assert_eq!(attack(), 11);
        assert_eq!(from_home(), Ok(()));
        limit.succeeded(1, home);
        // Not for ever: whoever has the address may be the one who guesses.
        assert_eq!((0..100).filter(|_| from_home().is_ok()).count(), 20);
        // What another node or an earlier run has seen counts as well.
        limit.learn(1, address("198.51.100.1"));
        assert_eq!(limit.check_account(Some(1), "", address("198.51.100.1"), at(0)), Ok(()));
        for n in 0..100 {
            limit.succeeded(1, elsewhere(n));
        }
        assert_eq!(limit.tries().users[&1].known.len(), KNOWN_MAX);
    }
}
