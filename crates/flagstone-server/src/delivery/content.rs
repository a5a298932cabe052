//! Features and segments as SDKs get them: JSON, ready to be put into an answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use flagstone_model::tags::Tag;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A feature.
#[derive(Debug, PartialEq, Eq)]
pub struct FeatureItem {
    /// Its name.
    pub name: String,
    /// The project it is in.
    pub project: String,
    /// What it is marked with; nothing where that is not known, because another server delivered it.
    pub tags: Option<BTreeSet<Tag>>,
    /// The segments that its strategies name.
    pub segments: Vec<i64>,
    /// An object, in the form for SDKs that know segments.
    pub json: Box<str>,
}

/// A segment.
#[derive(Debug, PartialEq, Eq)]
pub struct SegmentItem {
    /// Its id.
    pub id: i64,
    /// An object.
    pub json: Box<str>,
}

/// Everything that one environment's SDKs get, at one revision.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// By name, sorted.
    pub features: Vec<Arc<FeatureItem>>,
    /// By id, sorted.
    pub segments: Vec<Arc<SegmentItem>>,
}

impl Content {
    /// A feature by name.
    pub fn feature(&self, name: &str) -> Option<&Arc<FeatureItem>> {
        let at = self.features.binary_search_by(|item| item.name.as_str().cmp(name)).ok()?;
        self.features.get(at)
    }

    /// The segments that those features use which are `seen`.
    pub fn used_segments(&self, seen: impl Fn(&FeatureItem) -> bool) -> impl Iterator<Item = &Arc<SegmentItem>> {
        let seen = self.features.iter().filter(|item| seen(item));
        let used: BTreeSet<i64> = seen.flat_map(|item| item.segments.iter().copied()).collect();
        self.segments.iter().filter(move |item| used.contains(&item.id))
    }

    /// A segment by id.
    pub fn segment(&self, id: i64) -> Option<&Arc<SegmentItem>> {
        let at = self.segments.binary_search_by_key(&id, |item| item.id).ok()?;
        self.segments.get(at)
    }
}

/// What a feature's JSON says of its place and its segments.
#[derive(Deserialize)]
struct Place {
    name: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    strategies: Option<Vec<StrategyPlace>>,
}

#[derive(Deserialize)]
struct StrategyPlace {
    #[serde(default)]
    segments: Option<Vec<i64>>,
}

#[derive(Deserialize)]
struct SegmentPlace {
    id: i64,
}

impl FeatureItem {
    /// Reads a feature that another server delivered. Unknown parts of it are kept as they came.
    pub fn parse(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let place: Place = serde_json::from_str(raw.get())?;
        let mut segments: Vec<i64> =
            place.strategies.into_iter().flatten().flat_map(|s| s.segments.unwrap_or_default()).collect();
        segments.sort_unstable();
        segments.dedup();
        let project = place.project.unwrap_or_else(|| "default".to_owned());
        Ok(Self { name: place.name, project, tags: None, segments, json: raw.get().into() })
    }
}

impl SegmentItem {
    /// Reads a segment that another server delivered.
    pub fn parse(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let place: SegmentPlace = serde_json::from_str(raw.get())?;
        Ok(Self { id: place.id, json: raw.get().into() })
    }
}

/// The pairs of two sorted lists, by key: what is only in the one, only in the other, in both.
pub fn merge<'a, T, K: Ord>(
    old: &'a [Arc<T>],
    new: &'a [Arc<T>],
    key: impl Fn(&'a T) -> K,
) -> impl Iterator<Item = (Option<&'a Arc<T>>, Option<&'a Arc<T>>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || match (old.peek(), new.peek()) {
        (None, None) => None,
        (Some(_), None) => Some((old.next(), None)),
        (None, Some(_)) => Some((None, new.next())),
        (Some(a), Some(b)) => Some(match key(a).cmp(&key(b)) {
            std::cmp::Ordering::Less => (old.next(), None),
            std::cmp::Ordering::Greater => (None, new.next()),
            std::cmp::Ordering::Equal => (old.next(), new.next()),
        }),
    })
}

/// What is in `old` and `new`, where it differs.
pub fn differences<'a, T: PartialEq, K: Ord>(
    old: &'a [Arc<T>],
    new: &'a [Arc<T>],
    key: impl Fn(&'a T) -> K,
) -> impl Iterator<Item = (Option<&'a Arc<T>>, Option<&'a Arc<T>>)> {
    merge(old, new, key).filter(|(old, new)| match (old, new) {
        (Some(old), Some(new)) => !Arc::ptr_eq(old, new) && old != new,
        _ => true,
    })
}
