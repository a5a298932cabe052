//! When things were last used, in shards: a lock is held for one thing, or for a small part of all, so that who polls
//! never waits while all of them are read, written or compared.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use flagstone_model::Timestamp;
use flagstone_model::names::NAME_BYTES_MAX;

use super::PENDING_MAX;
use crate::system::locks::{Guard, Mutex, rank};

const SHARDS: usize = 64;
/// The most things in one shard.
const SHARD_MAX: usize = PENDING_MAX / SHARDS;
/// The most environments in which a feature is remembered.
const ENVIRONMENTS_MAX: usize = 1_000;

/// A part of all things.
type Shard<K, V> = Mutex<{ rank::TELEMETRY_SEEN }, HashMap<K, V>>;

/// Values by key.
struct Shards<K, V> {
    shards: Box<[Shard<K, V>]>,
    hasher: RandomState,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(), hasher: RandomState::new() }
    }
}

impl<K, V> Shards<K, V> {
    fn of<Q: Hash + ?Sized>(&self, key: &Q) -> Guard<std::sync::MutexGuard<'_, HashMap<K, V>>> {
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        self.shards[shard].lock()
    }
}

/// When tokens or people were last there, and which of these times are not written yet.
#[derive(Default)]
pub(super) struct Times<K>(Shards<K, Time>);

#[derive(Clone, Copy)]
struct Time {
    at: Timestamp,
    /// As far as it is written, or being written.
    written: Option<Timestamp>,
}

impl Time {
    fn is_written(&self) -> bool {
        self.written >= Some(self.at)
    }
}

impl<K: Hash + Eq + Clone> Times<K> {
    /// It was there.
    pub(super) fn saw<Q>(&self, key: &Q, at: Timestamp)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut shard = self.0.of(key);
        if let Some(time) = shard.get_mut(key) {
            time.at = time.at.max(at);
        } else {
            insert(&mut shard, key.to_owned(), Time { at, written: None });
        }
    }

    /// The store has it.
    pub(super) fn learn(&self, key: K, at: Timestamp) {
        let mut shard = self.0.of(&key);
        if let Some(time) = shard.get_mut(&key) {
            (time.at, time.written) = (time.at.max(at), time.written.max(Some(at)));
        } else {
            insert(&mut shard, key, Time { at, written: Some(at) });
        }
    }

    /// It could not be written.
    pub(super) fn put_back(&self, key: K, at: Timestamp) {
        let mut shard = self.0.of(&key);
        if let Some(time) = shard.get_mut(&key) {
            *time = Time { at: time.at.max(at), written: None };
        } else {
            insert(&mut shard, key, Time { at, written: None });
        }
    }

    /// When it was last there.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Timestamp>
    where
        K: Borrow<Q>,
    {
        self.0.of(key).get(key).map(|time| time.at)
    }

    /// What is to be written now.
    pub(super) fn take<T>(&self, row: impl Fn(K, Timestamp) -> T) -> Vec<T> {
        let mut rows = Vec::new();
        for shard in &self.0.shards {
            for (key, time) in shard.lock().iter_mut().filter(|(_, time)| !time.is_written()) {
                time.written = Some(time.at);
                rows.push(row(key.clone(), time.at));
            }
        }
        rows
    }

    /// The keys for which `is_gone` holds.
    pub(super) fn gone(&self, is_gone: impl Fn(&K) -> bool) -> Vec<K> {
        let shards = self.0.shards.iter();
        shards.flat_map(|shard| shard.lock().keys().filter(|key| is_gone(key)).cloned().collect::<Vec<_>>()).collect()
    }

    /// Forgets one.
    pub(super) fn forget<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.0.of(key).remove(key);
    }
}

/// Inserts if there is room, for which what is written already is forgotten: the store has it.
fn insert<K: Hash + Eq>(shard: &mut HashMap<K, Time>, key: K, time: Time) {
    if shard.len() >= SHARD_MAX {
        shard.retain(|_, time| !time.is_written());
    }
    if shard.len() < SHARD_MAX {
        shard.insert(key, time);
    }
}

/// When features were last asked for, in each of their environments.
#[derive(Default)]
pub(super) struct FeatureTimes(Shards<String, Environments>);

/// A few, by name.
pub(super) type Environments = Vec<(String, Timestamp)>;

impl FeatureTimes {
    /// It was asked for.
    pub(super) fn saw(&self, feature: &str, environment: &str, at: Timestamp) {
        let mut shard = self.0.of(feature);
        let has_room = shard.len() < SHARD_MAX && feature.len() <= NAME_BYTES_MAX;
        let environments = match shard.get_mut(feature) {
            Some(environments) => environments,
            None if has_room => shard.entry(feature.to_owned()).or_default(),
            None => return,
        };
        if let Some((_, kept)) = environments.iter_mut().find(|(name, _)| name == environment) {
            *kept = at.max(*kept);
        } else if environments.len() < ENVIRONMENTS_MAX {
            environments.push((environment.to_owned(), at));
        }
    }

    /// The latest time that `pick` finds in a feature's environments.
    pub(super) fn latest(&self, feature: &str, pick: impl Fn(&str, Timestamp) -> bool) -> Option<Timestamp> {
        let shard = self.0.of(feature);
        let times = shard.get(feature)?.iter().filter(|(environment, at)| pick(environment, *at));
        times.map(|(_, at)| *at).max()
    }

    /// Shows all features, part by part.
    pub(super) fn each(&self, mut show: impl FnMut(&str, &Environments)) {
        for shard in &self.0.shards {
            for (feature, environments) in shard.lock().iter() {
                show(feature, environments);
            }
        }
    }

    /// Forgets features in environments, part by part.
    pub(super) fn forget(&self, is_gone: impl Fn(&str, &str) -> bool) {
        for shard in &self.0.shards {
            shard.lock().retain(|feature, environments| {
                environments.retain(|(environment, _)| !is_gone(feature, environment));
                !environments.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_time_is_written_once_and_again_if_that_failed() {
        let times = Times::<String>::default();
        let check = |expect: &[(&str, i64)]| {
            let mut rows = times.take(|key, at| (key, at.millis()));
            rows.sort();
            assert_eq!(rows, expect.iter().map(|(key, at)| ((*key).to_owned(), *at)).collect::<Vec<_>>());
        };
        times.learn("known".to_owned(), at(5));
        check(&[]);
        times.saw("known", at(4));
        times.saw("new", at(1));
        check(&[("new", 1)]);
        times.saw("known", at(6));
        times.saw("new", at(2));
        check(&[("known", 6), ("new", 2)]);
        times.put_back("new".to_owned(), at(1));
        check(&[("new", 2)]);
        // Another node has written something later meanwhile.
        times.saw("known", at(7));
        times.learn("known".to_owned(), at(8));
        check(&[]);
        assert_eq!((times.get("known"), times.get("none")), (Some(at(8)), None));
        assert_eq!(times.gone(|key| key == "known"), ["known"]);
        times.forget("known");
        assert_eq!(times.get("known"), None);
    }

    #[test]
    fn f25_what_is_written_makes_room_and_nothing_else_does() {
        let times = Times::<i64>::default();
        let n = i64::try_from(PENDING_MAX).unwrap();
        let fill = |from: i64| (from..from + 2 * n).for_each(|key| times.saw(&key, at(key)));
        let near_all = PENDING_MAX * 9 / 10..=PENDING_MAX;
        fill(0);
        fill(2 * n);
        let first = times.take(|key, _| key);
        assert!(near_all.contains(&first.len()) && first.iter().all(|key| *key < 2 * n), "{}", first.len());
        fill(2 * n);
        let second = times.take(|key, _| key);
        assert!(near_all.contains(&second.len()) && second.iter().all(|key| *key >= 2 * n), "{}", second.len());
        assert!(times.gone(|_| true).len() <= PENDING_MAX);
    }

    #[test]
    fn f25_features_have_room_for_so_many_names_of_so_many_bytes() {
        let times = FeatureTimes::default();
        let count = || {
            let mut count = 0;
            times.each(|_, environments| count += environments.len());
            count
        };
        times.saw(&"x".repeat(NAME_BYTES_MAX + 1), "development", at(1));
        assert_eq!(count(), 0);
        (0..2 * ENVIRONMENTS_MAX).for_each(|n| times.saw("a", &n.to_string(), at(1)));
        assert_eq!(count(), ENVIRONMENTS_MAX);
        (0..2 * PENDING_MAX).for_each(|n| times.saw(&n.to_string(), "development", at(1)));
        assert!(count() <= PENDING_MAX + ENVIRONMENTS_MAX, "{}", count());
        times.saw("a", "5", at(3));
        times.saw("a", "5", at(2));
        assert_eq!(times.latest("a", |environment, _| environment == "5"), Some(at(3)));
        times.forget(|feature, environment| feature != "a" || environment != "5");
        assert_eq!(count(), 1);
    }
}
