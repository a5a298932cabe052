//! How often features were on and off. Applications are spread over shards, so that their reports seldom wait for one
//! another, and a report finds its counts without a copy of their names.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use flagstone_model::Timestamp;
use flagstone_model::names::NAME_BYTES_MAX;
use flagstone_store::UsageRow;
use tokio::sync::Notify;

use super::{PENDING_BYTES_MAX, PENDING_MAX, ROW_BYTES};
use crate::system::locks::{Mutex, rank};

const SHARDS: usize = 16;
/// The most different variants that are counted of a feature, an application and an hour.
const VARIANTS_MAX: usize = 200;

/// Whose counts they are, and when they were counted.
#[derive(Clone, Copy, Debug)]
pub struct Report<'r> {
    /// The application.
    pub app_name: &'r str,
    /// The environment.
    pub environment: &'r str,
    /// The hour that they belong to.
    pub hour: Timestamp,
    /// When they came.
    pub now: Timestamp,
}

/// How often a feature was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'r> {
    /// The feature.
    pub feature: &'r str,
    /// How often it was on.
    pub yes: u64,
    /// How often it was off.
    pub no: u64,
    /// How often each variant was given.
    pub variants: &'r BTreeMap<String, u64>,
}

/// As much waits to be written as may; nothing of a report was counted.
#[derive(Debug)]
pub struct Full;

/// All counts that wait to be written; at most [`PENDING_MAX`] rows and [`PENDING_BYTES_MAX`] bytes.
#[derive(Default)]
pub(super) struct UsageCounts {
    shards: [Mutex<{ rank::TELEMETRY_USAGE }, Applications>; SHARDS],
    hasher: RandomState,
    rows: AtomicUsize,
    bytes: AtomicUsize,
    dropped: AtomicU64,
    /// There is half of [`PENDING_MAX`].
    half_full: Notify,
}

/// By name; each has few spans.
type Applications = HashMap<String, Vec<Span>>;

/// An hour of an application in an environment.
struct Span {
    environment: String,
    hour: Timestamp,
    features: HashMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    yes: u64,
    no: u64,
    variants: BTreeMap<String, u64>,
    seen_at: Timestamp,
}

impl UsageCounts {
    /// Adds the counts of a report. An error if there is no room for any of them.
    pub fn add<'r>(&self, report: &Report<'r>, usages: impl IntoIterator<Item = Usage<'r>>) -> Result<(), Full> {
        let shard = usize::try_from(self.hasher.hash_one(report.app_name) % SHARDS as u64).unwrap_or_default();
        let mut applications = self.shards[shard].lock();
        let spans = match applications.get_mut(report.app_name) {
            Some(spans) => spans,
            None => applications.entry(report.app_name.to_owned()).or_default(),
        };
        let at = spans.iter().position(|s| s.hour == report.hour && s.environment == report.environment);
        let at = at.unwrap_or_else(|| {
            let environment = report.environment.to_owned();
            spans.push(Span { environment, hour: report.hour, features: HashMap::new() });
            spans.len() - 1
        });
        let features = &mut spans[at].features;
        let (mut added, mut dropped) = (0_usize, 0);
        // A name that no feature may have is counted nowhere, and takes no room.
        for usage in usages.into_iter().filter(|usage| usage.feature.len() <= NAME_BYTES_MAX) {
            let counts = match features.get_mut(usage.feature) {
                Some(counts) => counts,
                None if self.has_room(row_bytes(report, usage.feature)) => {
                    features.entry(usage.feature.to_owned()).or_default()
                }
                None => {
                    dropped += 1;
                    continue;
                }
            };
            counts.add(&usage, report.now, |bytes| self.has_bytes(bytes));
            added += 1;
        }
        if features.is_empty() {
            spans.swap_remove(at);
        }
        if spans.is_empty() {
            applications.remove(report.app_name);
        }
        if added == 0 && dropped > 0 {
            return Err(Full);
        }
        self.drop_counts(dropped);
        Ok(())
    }

    /// Gives up so many counts.
    pub fn drop_counts(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Takes the place of one more row, if there is one.
    fn has_room(&self, bytes: usize) -> bool {
        if !self.has_bytes(bytes) {
            return false;
        }
        let taken = |rows: usize| (rows < PENDING_MAX).then_some(rows + 1);
        let before = self.rows.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        if before == Ok(PENDING_MAX / 2) {
            self.half_full.notify_one();
        }
        if before.is_err() {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        before.is_ok()
    }

    /// Takes so many bytes, if they are left.
    fn has_bytes(&self, bytes: usize) -> bool {
        let taken = |all: usize| Some(all + bytes).filter(|all| *all <= PENDING_BYTES_MAX);
        let before = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        if before.is_ok_and(|before| before < PENDING_BYTES_MAX / 2 && before + bytes >= PENDING_BYTES_MAX / 2) {
            self.half_full.notify_one();
        }
        before.is_ok()
    }

    /// Waits until half of the room is taken, or returns at once if that has happened since the last time.
    pub async fn half_full(&self) {
        self.half_full.notified().await;
    }

    /// How many counts found no room since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes out all counts, and when each feature was last asked for in each environment.
    pub fn take(&self) -> (Vec<UsageRow>, HashMap<(String, String), Timestamp>) {
        let (mut rows, mut seen) = (Vec::new(), HashMap::<(String, String), Timestamp>::new());
        let mut bytes = 0;
        for shard in &self.shards {
            let applications = std::mem::take(&mut *shard.lock());
            for (app_name, spans) in applications {
                for Span { environment, hour, features } in spans {
                    let report = Report { app_name: &app_name, environment: &environment, hour, now: hour };
                    for (feature, counts) in features {
                        bytes += counts.bytes(&report, &feature);
                        let Counts { yes, no, variants, seen_at } = counts;
                        super::later(&mut seen, (feature.clone(), environment.clone()), seen_at);
                        let (app_name, environment) = (app_name.clone(), environment.clone());
                        rows.push(UsageRow { feature, app_name, environment, hour, yes, no, variants });
                    }
                }
            }
        }
        self.rows.fetch_sub(rows.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        (rows, seen)
    }

    /// Drops the counts of features and environments that are gone.
    pub fn forget(&self, is_gone: impl Fn(&str, &str) -> bool) {
        for shard in &self.shards {
            for (app_name, spans) in shard.lock().iter_mut() {
                for span in spans {
                    let (hour, now) = (span.hour, Timestamp::default());
                    let environment = span.environment.clone();
                    let report = Report { app_name, environment: &environment, hour, now };
                    let gone = span.features.extract_if(|feature, _| is_gone(feature, &environment));
                    for (feature, counts) in gone {
                        self.bytes.fetch_sub(counts.bytes(&report, &feature), Ordering::Relaxed);
                        self.rows.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// Lets counts that could not be written wait again.
    pub fn put_back(&self, rows: &[UsageRow]) {
        for row in rows {
            let report = Report {
                app_name: &row.app_name,
                environment: &row.environment,
                hour: row.hour,
                now: Timestamp::default(),
            };
            let usage = Usage { feature: &row.feature, yes: row.yes, no: row.no, variants: &row.variants };
            if self.add(&report, [usage]).is_err() {
                self.drop_counts(1);
            }
        }
    }
}

/// What a row takes, about, in memory and on its way.
fn row_bytes(report: &Report<'_>, feature: &str) -> usize {
    ROW_BYTES + feature.len() + report.app_name.len() + report.environment.len()
}

fn variant_bytes(variant: &str) -> usize {
    variant.len() + 40
}

impl Counts {
    /// What they take, about, as a row of a report.
    fn bytes(&self, report: &Report<'_>, feature: &str) -> usize {
        row_bytes(report, feature) + self.variants.keys().map(|variant| variant_bytes(variant)).sum::<usize>()
    }

    fn add(&mut self, usage: &Usage<'_>, now: Timestamp, has_bytes: impl Fn(usize) -> bool) {
        self.yes = self.yes.saturating_add(usage.yes);
        self.no = self.no.saturating_add(usage.no);
        self.seen_at = self.seen_at.max(now);
        for (variant, n) in usage.variants {
            if let Some(count) = self.variants.get_mut(variant) {
                *count = count.saturating_add(*n);
            } else if self.variants.len() < VARIANTS_MAX
                && variant.len() <= NAME_BYTES_MAX
                && has_bytes(variant_bytes(variant))
            {
                self.variants.insert(variant.clone(), *n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn report(app_name: &str, hours: i64) -> Report<'_> {
        let now = Timestamp::from_millis(hours * HOUR);
        Report { app_name, environment: "development", hour: now, now }
    }

    #[test]
    fn counts_add_up_also_after_a_write_that_failed() {
        let counts = UsageCounts::default();
        let variants = BTreeMap::from([("red".to_owned(), 2)]);
        let usage = Usage { feature: "flag", yes: 2, no: 1, variants: &variants };
        for app in ["shop", "blog", "shop"] {
            counts.add(&report(app, 5), [usage]).unwrap();
        }
        counts.add(&report("shop", 6), [usage]).unwrap();
        let (rows, seen) = counts.take();
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert_eq!(seen.into_values().map(Timestamp::millis).collect::<Vec<_>>(), [6 * HOUR]);
        counts.add(&report("shop", 5), [usage]).unwrap();
        counts.put_back(&rows);
        let (rows, _) = counts.take();
        let shop = rows.iter().find(|row| row.app_name == "shop" && row.hour.millis() == 5 * HOUR).unwrap();
        assert_eq!((shop.yes, shop.no, shop.variants["red"]), (6, 3, 6));
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(counts.take().0.is_empty());
    }

    #[test]
    fn t37_a_report_without_room_is_refused_and_what_is_dropped_of_one_is_counted() {
        let counts = UsageCounts::default();
        let variants: BTreeMap<_, _> = (0..VARIANTS_MAX as u64 + 50).map(|n| (format!("v{n}"), n)).collect();
        let names: Vec<String> = (0..PENDING_MAX + 10).map(|n| format!("f{n}")).collect();
        let none = BTreeMap::new();
        let usages = names.iter().map(|feature| Usage { feature, yes: 1, no: 0, variants: &none });
        counts.add(&report("shop", 5), usages).unwrap();
        assert_eq!(counts.dropped(), 10);
        counts.add(&report("shop", 5), [Usage { feature: "f1", yes: 1, no: 0, variants: &variants }]).unwrap();
        assert_eq!(counts.dropped(), 10, "a row that is there has room");
        counts.add(&report("blog", 5), [Usage { feature: "f1", yes: 1, no: 0, variants: &none }]).unwrap_err();
        counts.add(&report("blog", 5), []).unwrap();
        assert_eq!(counts.dropped(), 10, "what is refused comes again");
        let (rows, _) = counts.take();
        assert_eq!(rows.len(), PENDING_MAX);
        let row = rows.iter().find(|row| row.feature == "f1").unwrap();
        assert_eq!((row.yes, row.variants.len()), (2, VARIANTS_MAX));
        counts.put_back(&rows);
        assert_eq!(counts.take().0.len(), PENDING_MAX);
    }

    #[test]
    fn f25_names_take_no_more_room_than_there_is() {
        let counts = UsageCounts::default();
        let none = BTreeMap::new();
        let usage = |feature: &'static str| Usage { feature, yes: 1, no: 0, variants: &none };
        let long: &str = Box::leak("x".repeat(NAME_BYTES_MAX + 1).into_boxed_str());
        counts.add(&report("shop", 5), [usage(long)]).unwrap();
        counts.add(&report("blog", 5), []).unwrap();
        assert!(counts.shards.iter().all(|shard| shard.lock().is_empty()), "what is not counted leaves nothing");
        let variants: BTreeMap<_, _> = (0..VARIANTS_MAX).map(|n| (format!("{n:0>250}"), 1)).collect();
        let too_long = BTreeMap::from([(long.to_owned(), 1)]);
        counts.add(&report("shop", 5), [Usage { feature: "f", yes: 1, no: 0, variants: &too_long }]).unwrap();
        let names: Vec<String> = (0..2_000).map(|n| format!("f{n}")).collect();
        let usages = names.iter().map(|feature| Usage { feature, yes: 1, no: 0, variants: &variants });
        // What is half full is to be sent on.
        counts.add(&report("shop", 5), usages).unwrap();
        assert!(futures_util::FutureExt::now_or_never(counts.half_full()).is_some());
        let bytes = |rows: &[UsageRow]| {
            let texts = rows.iter().map(|row| row.feature.len() + row.variants.keys().map(String::len).sum::<usize>());
            texts.sum::<usize>()
        };
        let (rows, _) = counts.take();
        assert!(bytes(&rows) <= PENDING_BYTES_MAX && bytes(&rows) > PENDING_BYTES_MAX / 2, "{}", bytes(&rows));
        assert!(!rows.iter().any(|row| row.variants.contains_key(long)));
        assert_eq!(counts.bytes.load(Ordering::Relaxed), 0, "room is given back");
        counts.put_back(&rows);
        assert_eq!(counts.take().0.len(), rows.len());
    }
}
