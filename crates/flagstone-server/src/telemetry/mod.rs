//! What is counted and not state: usage, last-seen times, applications, instances. Collected in memory, written in batches.

mod batches;
mod gone;
pub mod sdks;
mod seen;
mod times;
mod usage;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use axum::http::HeaderName;
use flagstone_model::features::Feature;
use flagstone_model::names::NAME_BYTES_MAX;
use flagstone_model::{State, Timestamp};
use flagstone_store::{
    AppUsage, Application, Error, Instance, LastSeen, LoginRecord, PatSeen, Store, TelemetryBatch, TokenSeen,
    UnknownFlag, UserSeen,
};

pub use self::batches::Batch;
use self::batches::Batches;
use self::times::{FeatureTimes, Times};
use self::usage::UsageCounts;
pub use self::usage::{Full, Report, Usage};
use crate::system::locks::{Mutex, rank};

/// The most rows of each kind that wait for the next flush. What does not fit is counted as dropped.
pub const PENDING_MAX: usize = 100_000;
/// The most bytes, about, of the counts that wait, and of all else together: names are as long as clients make them.
pub const PENDING_BYTES_MAX: usize = 64 << 20;
/// What a row takes beside its texts, about, in bytes.
const ROW_BYTES: usize = 200;
/// The most strategies that are remembered of an application.
const STRATEGIES_MAX: usize = 200;
/// The most different names that are remembered of each kind of unknown thing.
const UNKNOWN_MAX: usize = 1_000;

/// Rows for which a lock is held that reports wait for.
const AT_A_TIME: usize = 256;

/// The id of a report that may come again: the same header as that of the IETF's draft for such requests.
pub const BATCH_ID: HeaderName = HeaderName::from_static("idempotency-key");

/// What is counted in memory, and the last-seen times of all time.
#[derive(Default)]
pub struct Telemetry {
    usage: UsageCounts,
    pending: Mutex<{ rank::TELEMETRY_PENDING }, Pending>,
    features: FeatureTimes,
    tokens: Times<String>,
    users: Times<i64>,
    personal_tokens: Times<i64>,
    batches: Mutex<{ rank::TELEMETRY_BATCHES }, Batches>,
    /// Whether this server only sends on what is counted. It does not know which features there are, so that it would
    /// remember whatever anybody names, and nobody asks it.
    sends_on: bool,
    // One flush at a time, so that a failed one can be put back whole.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Pending {
    /// What could not be written; the newest come with the usage.
    features: HashMap<(String, String), Timestamp>,
    applications: HashMap<String, Application>,
    app_usage: BTreeSet<AppUsage>,
    instances: HashMap<(String, String, String), Instance>,
    unknown: HashMap<(String, String, String), (Timestamp, u64)>,
    logins: Vec<LoginRecord>,
    /// Of applications, where they are used, and instances.
    bytes: usize,
}

/// Inserts if there is room or the key is there already.
fn bounded<K: Eq + std::hash::Hash, V>(
    map: &mut HashMap<K, V>,
    key: K,
    most: usize,
) -> Option<std::collections::hash_map::Entry<'_, K, V>> {
    (map.len() < most || map.contains_key(&key)).then(|| map.entry(key))
}

impl Telemetry {
    /// Begins with the last-seen times that the store remembers.
    pub async fn load(store: &Store) -> Result<Self, Error> {
        let telemetry = Self::default();
        telemetry.reload_seen(store).await?;
        Ok(telemetry)
    }

    /// Of a server that sends on what is counted, and remembers nothing.
    pub fn sending_on() -> Self {
        Self { sends_on: true, ..Self::default() }
    }

    /// Learns what other nodes have seen. See [`Self::gone`] for what is not to be learnt.
    pub async fn reload_seen(&self, store: &Store) -> Result<(), Error> {
        let features = store.last_seen_all().await?;
        let tokens = store.tokens_seen_all().await?;
        let users = store.users_seen_all().await?;
        let personal_tokens = store.pats_seen_all().await?;
        for row in features {
            self.features.saw(&row.feature, &row.environment, row.at);
        }
        for row in tokens {
            self.tokens.learn(row.token_id, row.at);
        }
        for row in users {
            self.users.learn(row.user_id, row.at);
        }
        for row in personal_tokens {
            self.personal_tokens.learn(row.pat_id, row.at);
        }
        Ok(())
    }

    /// A token was used.
    pub fn token_seen(&self, selector: &str, now: Timestamp) {
        self.tokens.saw(selector, now);
    }

    /// A user did something.
    pub fn user_seen(&self, id: i64, now: Timestamp) {
        self.users.saw(&id, now);
    }

    /// A personal access token was used.
    pub fn personal_token_seen(&self, id: i64, now: Timestamp) {
        self.personal_tokens.saw(&id, now);
    }

    /// When a token was last used.
    pub fn token_last_seen(&self, selector: &str) -> Option<Timestamp> {
        self.tokens.get(selector)
    }

    /// When a user last did something.
    pub fn user_last_seen(&self, id: i64) -> Option<Timestamp> {
        self.users.get(&id)
    }

    /// When a personal access token was last used.
    pub fn personal_token_last_seen(&self, id: i64) -> Option<Timestamp> {
        self.personal_tokens.get(&id)
    }

    /// When a feature was last asked for in an environment. What was seen before it was created was another one of its
    /// name, as a node may still report that has not heard of the change.
    pub fn feature_last_seen(&self, feature: &Feature, environment: &str) -> Option<Timestamp> {
        self.features.latest(&feature.name, |name, at| name == environment && at >= feature.created_at)
    }

    /// When a feature was last asked for, in any of its environments.
    pub fn feature_last_seen_anywhere(&self, feature: &Feature) -> Option<Timestamp> {
        let is_there = |name: &str| feature.environments.contains_key(name);
        self.features.latest(&feature.name, |environment, at| is_there(environment) && at >= feature.created_at)
    }

    /// When any of a project's live features was last asked for.
    pub fn project_last_seen(&self, state: &State, project: &str) -> Option<Timestamp> {
        let live = &state.features.index().of_project(project)?.live;
        let live = live.iter().filter_map(|name| state.features.get(name));
        live.filter_map(|feature| self.features.latest(&feature.name, |_, at| at >= feature.created_at)).max()
    }

    /// Counts evaluations of features that exist. An error if there is no room for any of them.
    pub fn count<'r>(&self, report: &Report<'r>, usages: impl Iterator<Item = Usage<'r>> + Clone) -> Result<(), Full> {
        self.usage.add(report, usages.clone())?;
        if self.sends_on {
            return Ok(());
        }
        for usage in usages {
            self.features.saw(usage.feature, report.environment, report.now);
        }
        Ok(())
    }

    /// What is to be done with the report of this id.
    pub fn begin_batch(&self, id: &str) -> Batch {
        self.batches.lock().begin(id, Instant::now())
    }

    /// All that there was room for in the report of this id is counted.
    pub fn batch_counted(&self, id: &str) {
        self.batches.lock().counted(id);
    }

    /// Nothing of the report of this id is counted.
    pub fn batch_refused(&self, id: &str) {
        self.batches.lock().refused(id);
    }

    /// Remembers that an application asked for a feature that does not exist.
    pub fn unknown_flag(&self, name: &str, app_name: &str, environment: &str, count: u64, now: Timestamp) {
        let mut pending = self.pending.lock();
        let key = (name.to_owned(), app_name.to_owned(), environment.to_owned());
        if let Some(entry) = bounded(&mut pending.unknown, key, UNKNOWN_MAX) {
            let (at, total) = entry.or_insert((now, 0));
            (*at, *total) = (now, total.saturating_add(count));
        }
    }

    /// Remembers an application, the projects and environments where it is used, and its instance.
    pub fn application(
        &self,
        application: Application,
        used_in: impl IntoIterator<Item = AppUsage>,
        instance: Option<Instance>,
    ) {
        let mut pending = self.pending.lock();
        pending.add_application(application, Newer::This);
        used_in.into_iter().for_each(|used| pending.add_app_usage(used));
        if let Some(instance) = instance {
            pending.add_instance(instance, Newer::This);
        }
    }

    /// Remembers a log-in, or a try.
    pub fn login(&self, record: LoginRecord) {
        let mut pending = self.pending.lock();
        if pending.logins.len() < PENDING_MAX {
            pending.logins.push(record);
        }
    }

    /// Gives up so many counts.
    pub fn drop_counts(&self, count: usize) {
        self.usage.drop_counts(count);
    }

    /// Waits until counts should be written or sent on before their time.
    pub async fn half_full(&self) {
        self.usage.half_full().await;
    }

    /// How many counts did not fit since the start.
    pub fn dropped(&self) -> u64 {
        self.usage.dropped()
    }

    /// Writes everything that waits, in one transaction. If that fails it waits on.
    pub async fn flush(&self, store: &Store) -> Result<(), Error> {
        let _alone = self.flushing.lock().await;
        let batch = self.take();
        if batch.is_empty() {
            return Ok(());
        }
        let outcome = store.flush(&batch).await;
        if outcome.is_err() {
            self.put_back(batch);
        }
        outcome
    }

    /// Takes out everything that waits.
    pub fn take(&self) -> TelemetryBatch {
        let (usage, seen) = self.usage.take();
        let mut pending = std::mem::take(&mut *self.pending.lock());
        for (key, at) in seen {
            later(&mut pending.features, key, at);
        }
        TelemetryBatch {
            usage,
            tokens_seen: self.tokens.take(|token_id, at| TokenSeen { token_id, at }),
            users_seen: self.users.take(|user_id, at| UserSeen { user_id, at }),
            pats_seen: self.personal_tokens.take(|pat_id, at| PatSeen { pat_id, at }),
            ..pending.into_batch()
        }
    }

    /// Lets what could not be written wait again.
    pub fn put_back(&self, batch: TelemetryBatch) {
        self.usage.put_back(&batch.usage);
        for row in batch.tokens_seen {
            self.tokens.put_back(row.token_id, row.at);
        }
        for row in batch.users_seen {
            self.users.put_back(row.user_id, row.at);
        }
        for row in batch.pats_seen {
            self.personal_tokens.put_back(row.pat_id, row.at);
        }
        self.in_parts(batch.last_seen, |pending, row| {
            later_bounded(&mut pending.features, (row.feature, row.environment), row.at);
        });
        self.in_parts(batch.applications, |pending, application| pending.add_application(application, Newer::Known));
        self.in_parts(batch.app_usage, Pending::add_app_usage);
        self.in_parts(batch.instances, |pending, instance| pending.add_instance(instance, Newer::Known));
        self.in_parts(batch.unknown_flags, |pending, row| {
            let key = (row.name, row.app_name, row.environment);
            let Some(entry) = bounded(&mut pending.unknown, key, UNKNOWN_MAX) else { return };
            let (at, total) = entry.or_insert((row.seen_at, 0));
            (*at, *total) = ((*at).max(row.seen_at), total.saturating_add(row.count));
        });
        let mut pending = self.pending.lock();
        // The newest are in already.
        let room = PENDING_MAX.saturating_sub(pending.logins.len());
        let surplus = batch.logins.len().saturating_sub(room);
        pending.logins.extend(batch.logins.into_iter().skip(surplus));
    }

    /// Puts rows back, few at a time: reports wait for the lock.
    fn in_parts<T>(&self, rows: Vec<T>, put: impl Fn(&mut Pending, T)) {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut pending = self.pending.lock();
            rows.by_ref().take(AT_A_TIME).for_each(|row| put(&mut pending, row));
        }
    }
}

/// Adds a value, or the newer one of two, if there is room by number and by bytes.
fn add<K: Eq + std::hash::Hash, V>(
    map: &mut HashMap<K, V>,
    bytes: &mut usize,
    key: K,
    value: V,
    bytes_of: fn(&V) -> usize,
    newer: Newer,
) {
    use std::collections::hash_map::Entry;
    let after = *bytes + bytes_of(&value);
    let Some(entry) = bounded(map, key, PENDING_MAX) else { return };
    match entry {
        Entry::Vacant(entry) if after <= PENDING_BYTES_MAX => {
            entry.insert(value);
            *bytes = after;
        }
        Entry::Occupied(mut entry) if newer == Newer::This => {
            let after = after - bytes_of(entry.get());
            if after <= PENDING_BYTES_MAX {
                entry.insert(value);
                *bytes = after;
            }
        }
        _ => {}
    }
}

fn later<K: Eq + std::hash::Hash>(map: &mut HashMap<K, Timestamp>, key: K, at: Timestamp) {
    let kept = map.entry(key).or_insert(at);
    *kept = (*kept).max(at);
}

/// The same if there is room for one more.
fn later_bounded<K: Eq + std::hash::Hash>(map: &mut HashMap<K, Timestamp>, key: K, at: Timestamp) {
    if let Some(entry) = bounded(map, key, PENDING_MAX) {
        let kept = entry.or_insert(at);
        *kept = (*kept).max(at);
    }
}

/// Which of two values is the newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newer {
    /// That which comes.
    This,
    /// That which is there.
    Known,
}

fn application_bytes(application: &Application) -> usize {
    let strategies: usize = application.strategies.iter().map(|name| name.len() + 24).sum();
    ROW_BYTES + 2 * application.app_name.len() + strategies + application.created_by.len()
}

fn app_usage_bytes(used: &AppUsage) -> usize {
    ROW_BYTES + used.app_name.len() + used.project.len() + used.environment.len()
}

fn instance_bytes(instance: &Instance) -> usize {
    let texts = [&instance.app_name, &instance.environment, &instance.instance_id];
    let others = [&instance.sdk_version, &instance.client_ip].into_iter().flatten();
    ROW_BYTES + texts.map(|text| 2 * text.len()).iter().sum::<usize>() + others.map(String::len).sum::<usize>()
}

impl Pending {
    fn add_application(&mut self, mut application: Application, newer: Newer) {
        application.strategies.retain(|name| name.len() <= NAME_BYTES_MAX);
        application.strategies.truncate(STRATEGIES_MAX);
        let key = application.app_name.clone();
        add(&mut self.applications, &mut self.bytes, key, application, application_bytes, newer);
    }

    fn add_instance(&mut self, instance: Instance, newer: Newer) {
        let key = (instance.app_name.clone(), instance.environment.clone(), instance.instance_id.clone());
        add(&mut self.instances, &mut self.bytes, key, instance, instance_bytes, newer);
    }

    fn add_app_usage(&mut self, used: AppUsage) {
        let bytes = app_usage_bytes(&used);
        let has_room = self.app_usage.len() < PENDING_MAX && self.bytes + bytes <= PENDING_BYTES_MAX;
        if has_room && self.app_usage.insert(used) {
            self.bytes += bytes;
        }
    }

    /// Forgets where applications were used and ran, where that is gone.
    fn forget_environments(&mut self, gone: &HashSet<String>) {
        let used = self.app_usage.extract_if(.., |used| gone.contains(&used.environment));
        let freed: usize = used.map(|used| app_usage_bytes(&used)).sum();
        let ran = self.instances.extract_if(|(_, environment, _), _| gone.contains(environment));
        self.bytes -= freed + ran.map(|(_, instance)| instance_bytes(&instance)).sum::<usize>();
    }

    fn into_batch(self) -> TelemetryBatch {
        let unknown = self.unknown.into_iter().map(|((name, app_name, environment), (seen_at, count))| UnknownFlag {
            name,
            app_name,
            environment,
            seen_at,
            count,
        });
        TelemetryBatch {
            last_seen: self
                .features
                .into_iter()
                .map(|((feature, environment), at)| LastSeen { feature, environment, at })
                .collect(),
            applications: self.applications.into_values().collect(),
            app_usage: self.app_usage.into_iter().collect(),
            instances: self.instances.into_values().collect(),
            unknown_flags: unknown.collect(),
            logins: self.logins,
            ..TelemetryBatch::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry() -> Telemetry {
        Telemetry::sending_on()
    }

    #[test]
    fn f25_a_server_that_sends_on_remembers_no_feature_that_anybody_names() {
        let none = std::collections::BTreeMap::new();
        let report = Report {
            app_name: "shop",
            environment: "development",
            hour: Timestamp::default(),
            now: Timestamp::default(),
        };
        let usage = Usage { feature: "flag", yes: 1, no: 0, variants: &none };
        let (edge, node) = (telemetry(), Telemetry::default());
        for telemetry in [&edge, &node] {
            telemetry.count(&report, std::iter::once(usage)).unwrap();
            assert_eq!(telemetry.take().usage.len(), 1);
        }
        assert_eq!(edge.features.latest("flag", |_, _| true), None);
        assert_eq!(node.features.latest("flag", |name, _| name == "development"), Some(Timestamp::default()));
    }

    #[test]
    fn f25_what_waits_has_a_bound_whatever_is_put_back() {
        let telemetry = telemetry();
        // Of each kind twice as much as there is room for, in halves that come from elsewhere.
        for half in 0..2 {
            let n = i64::try_from(PENDING_MAX).unwrap();
            let numbers = || half * n..(half + 1) * n;
            let at = Timestamp::default();
            telemetry.put_back(TelemetryBatch {
                last_seen: numbers()
                    .map(|n| LastSeen { feature: n.to_string(), environment: String::new(), at })
                    .collect(),
                tokens_seen: numbers().map(|n| TokenSeen { token_id: n.to_string(), at }).collect(),
                users_seen: numbers().map(|user_id| UserSeen { user_id, at }).collect(),
                pats_seen: numbers().map(|pat_id| PatSeen { pat_id, at }).collect(),
                applications: numbers()
                    .map(|n| Application { app_name: n.to_string(), ..Application::default() })
                    .collect(),
                app_usage: numbers()
                    .map(|n| AppUsage { app_name: n.to_string(), project: String::new(), environment: String::new() })
                    .collect(),
                instances: numbers().map(|n| Instance { instance_id: n.to_string(), ..Instance::default() }).collect(),
                unknown_flags: (half * 1_000..(half + 1) * 1_000)
                    .map(|n| UnknownFlag {
                        name: n.to_string(),
                        app_name: String::new(),
                        environment: String::new(),
                        seen_at: at,
                        count: 1,
                    })
                    .collect(),
                ..TelemetryBatch::default()
            });
        }
        let batch = telemetry.take();
        let few = [batch.last_seen.len(), batch.tokens_seen.len(), batch.users_seen.len(), batch.pats_seen.len()];
        assert_eq!(few[0], PENDING_MAX);
        // These are in shards, some of which are full sooner than others.
        assert!(few.iter().all(|count| (PENDING_MAX * 9 / 10..=PENDING_MAX).contains(count)), "{few:?}");
        assert_eq!(batch.unknown_flags.len(), UNKNOWN_MAX);
        let all = [batch.applications.len(), batch.app_usage.len(), batch.instances.len()];
        assert!(all.iter().all(|count| *count <= PENDING_MAX) && all[0] == PENDING_MAX, "{all:?}");
        assert!(all.iter().sum::<usize>() * ROW_BYTES <= PENDING_BYTES_MAX, "{all:?}");
    }

    #[test]
    fn f25_what_applications_say_of_themselves_has_a_bound_in_bytes() {
        let telemetry = telemetry();
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let strategies: Vec<String> = (0..2 * STRATEGIES_MAX).map(|n| format!("{n:0>255}")).chain([long]).collect();
        let application = |n: usize| Application {
            app_name: n.to_string(),
            strategies: strategies.clone(),
            ..Application::default()
        };
        for n in 0..2_000 {
            // One that introduces itself again takes no more room.
            for _ in 0..2 {
                telemetry.application(application(n), [], None);
            }
        }
        let batch = telemetry.take();
        let bytes: usize = batch.applications.iter().map(application_bytes).sum();
        assert!(bytes <= PENDING_BYTES_MAX && bytes > PENDING_BYTES_MAX / 2, "{bytes}");
        assert!(batch.applications.iter().all(|application| application.strategies.len() == STRATEGIES_MAX));
    }
}
