//! In which order features come, and which part of them an answer holds.

use std::cmp::Ordering;
use std::sync::Arc;

use flagstone_model::Timestamp;
use flagstone_model::features::Feature;

use super::filters::Parameters;

/// How many features an answer holds at most, and how many unless the request says.
const LIMIT_MAX: usize = 100;
const LIMIT_DEFAULT: usize = 50;

/// A feature that passes the filters, with what its place goes by and it does not say itself.
pub struct Found<'s> {
    /// The feature.
    pub feature: &'s Arc<Feature>,
    /// Whether it is among the caller's favorites.
    pub is_favorite: bool,
    /// When an SDK last asked for it, where that was to be found out.
    pub seen: Option<Timestamp>,
    /// Whether it is on in the environment by which they are sorted.
    pub is_on: Option<bool>,
}

/// What a list is sorted by.
enum Key {
    Name,
    Kind,
    Project,
    Stale,
    CreatedAt,
    LastSeenAt,
    Environment(String),
}

/// The part of what is found that is asked for.
pub struct Page {
    key: Key,
    is_descending: bool,
    favorites_first: bool,
    offset: usize,
    limit: usize,
}

impl Page {
    /// Reads it. As with Unleash, a number that is none counts as omitted.
    pub fn parse(parameters: &mut Parameters<'_>) -> Self {
        let sort_by = parameters.one("sortBy").unwrap_or_default();
        let key = match sort_by {
            "name" => Key::Name,
            "type" => Key::Kind,
            "project" => Key::Project,
            "stale" => Key::Stale,
            "lastSeenAt" => Key::LastSeenAt,
            _ => match sort_by.strip_prefix("environment:") {
                Some(name) => Key::Environment(name.to_owned()),
                None => Key::CreatedAt,
            },
        };
        let is_descending = match parameters.one("sortOrder") {
            Some("desc") => true,
            Some("asc") | None => false,
            Some(_) => {
                parameters.fault("sortOrder", "This is asc or desc.");
                false
            }
        };
        let limit = parameters.one("limit").and_then(|limit| limit.parse().ok());
        Self {
            key,
            is_descending,
            favorites_first: parameters.one("favoritesFirst") == Some("true"),
            offset: parameters.one("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0),
            limit: limit.filter(|limit| (1..=LIMIT_MAX).contains(limit)).unwrap_or(LIMIT_DEFAULT),
        }
    }

    /// Whether the order goes by when SDKs last asked.
    pub const fn is_by_last_seen(&self) -> bool {
        matches!(self.key, Key::LastSeenAt)
    }

    /// Whether the caller's favorites come first.
    pub const fn favorites_first(&self) -> bool {
        self.favorites_first
    }

    /// Whether a feature is on in the environment by which is sorted.
    pub fn is_on(&self, feature: &Feature) -> Option<bool> {
        let Key::Environment(name) = &self.key else { return None };
        feature.environments.get(name).map(|there| there.enabled)
    }

    /// The page, in its order; what is not on it stays in any.
    pub fn cut<'p, 's>(&self, all: &'p mut [Found<'s>]) -> &'p [Found<'s>] {
        if self.offset >= all.len() {
            return &[];
        }
        let rest = if self.offset > 0 {
            all.select_nth_unstable_by(self.offset, |a, b| self.compare(a, b));
            &mut all[self.offset..]
        } else {
            all
        };
        if rest.len() > self.limit {
            rest.select_nth_unstable_by(self.limit, |a, b| self.compare(a, b));
        }
        let end = self.limit.min(rest.len());
        let page = &mut rest[..end];
        page.sort_unstable_by(|a, b| self.compare(a, b));
        page
    }

    /// Ties are broken by creation, then by name: a list that did not change has the same pages.
    fn compare(&self, a: &Found<'_>, b: &Found<'_>) -> Ordering {
        let (one, other) = (a.feature, b.feature);
        let favorites = if self.favorites_first { b.is_favorite.cmp(&a.is_favorite) } else { Ordering::Equal };
        let by_key = || match &self.key {
            Key::Name => self.directed(one.name.cmp(&other.name)),
            Key::Kind => self.directed(one.kind.cmp(&other.kind)),
            Key::Project => self.directed(one.project.cmp(&other.project)),
            Key::Stale => self.directed(one.stale.cmp(&other.stale)),
            Key::CreatedAt => self.directed(one.created_at.cmp(&other.created_at).then(one.name.cmp(&other.name))),
            Key::LastSeenAt => self.nothing_last(a.seen, b.seen),
            Key::Environment(_) => self.nothing_last(a.is_on, b.is_on),
        };
        let by_creation = || one.created_at.cmp(&other.created_at);
        favorites.then_with(by_key).then_with(by_creation).then_with(|| one.name.cmp(&other.name))
    }

    const fn directed(&self, ordering: Ordering) -> Ordering {
        if self.is_descending { ordering.reverse() } else { ordering }
    }

    /// Those about which there is nothing to say come last, in either direction.
    fn nothing_last<T: Ord>(&self, one: Option<T>, other: Option<T>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) => self.directed(one.cmp(&other)),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }
}
