//! What features are asked for.

use std::collections::{BTreeSet, HashSet};

use flagstone_model::favorites::Favorites;
use flagstone_model::features::{Feature, Stage};
use flagstone_model::tags::Tag;
use flagstone_model::{Error, Faults, State as Model, Timestamp};

use super::order::{Found, Page};
use crate::app::App;

/// The most values of a filter.
const VALUES_MAX: usize = 200;
/// The most texts of one query: each is looked for in all features.
const TEXTS_MAX: usize = 20;

/// The parameters of a query, with what is wrong about them.
pub struct Parameters<'q> {
    pairs: &'q [(String, String)],
    faults: Faults,
}

impl<'q> Parameters<'q> {
    /// Of a query.
    pub fn new(pairs: &'q [(String, String)]) -> Self {
        Self { pairs, faults: Faults::default() }
    }

    /// The value of a parameter that may be there once.
    pub fn one(&mut self, name: &str) -> Option<&'q str> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            self.fault(name, "This parameter may be there once.");
        }
        first
    }

    /// The values of a parameter that may be there several times.
    fn many(&self, name: &str) -> impl Iterator<Item = &'q str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key.strip_suffix("[]").unwrap_or(key) == name)
            .map(|(_, value)| value.as_str())
    }

    /// Says that something is wrong about a parameter.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.add(format!("/query/{name}"), message);
    }

    /// Fails if anything is wrong.
    pub fn check(self) -> Result<(), Error> {
        self.faults.check()
    }

    /// A filter's operator, one of `operators`, with its values.
    fn filter(&mut self, name: &str, operators: &[&str]) -> Option<(&'q str, Vec<&'q str>)> {
        let text = self.one(name)?;
        let Some((operator, values)) = text.split_once(':').filter(|(operator, _)| operators.contains(operator)) else {
            self.fault(name, format!("This has the form OPERATOR:value,value with one of {}.", operators.join(", ")));
            return None;
        };
        let values: Vec<_> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        if values.len() > VALUES_MAX {
            self.fault(name, format!("This holds at most {VALUES_MAX} values."));
        }
        // A filter without values asks for nothing.
        (!values.is_empty()).then_some((operator, values))
    }
}

/// One, or none, of some values.
struct Among<T> {
    values: BTreeSet<T>,
    is_one_of: bool,
}

impl<T: Ord> Among<T> {
    fn parse<'q>(parameters: &mut Parameters<'q>, name: &str, value: impl Fn(&'q str) -> Option<T>) -> Option<Self> {
        let (operator, texts) = parameters.filter(name, &["IS", "IS_NOT", "IS_ANY_OF", "IS_NONE_OF"])?;
        let values: Option<_> = texts.into_iter().map(value).collect();
        if values.is_none() {
            parameters.fault(name, "One of the values is not of the right kind.");
        }
        Some(Self { values: values?, is_one_of: matches!(operator, "IS" | "IS_ANY_OF") })
    }

    fn admits<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        self.values.contains(value) == self.is_one_of
    }
}

/// How many of some things a feature has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    All,
    Any,
    NotAny,
    NotAll,
}

/// Some of which a feature has, or has not.
struct Having<T> {
    values: Vec<T>,
    how: How,
}

impl<T> Having<T> {
    fn parse<'q>(parameters: &mut Parameters<'q>, name: &str, value: impl Fn(&'q str) -> Option<T>) -> Option<Self> {
        let operators =
            ["INCLUDE", "DO_NOT_INCLUDE", "INCLUDE_ALL_OF", "INCLUDE_ANY_OF", "EXCLUDE_IF_ANY_OF", "EXCLUDE_ALL"];
        let (operator, texts) = parameters.filter(name, &operators)?;
        let how = match operator {
            "INCLUDE" | "INCLUDE_ANY_OF" => How::Any,
            "INCLUDE_ALL_OF" => How::All,
            "EXCLUDE_ALL" => How::NotAll,
            _ => How::NotAny,
        };
        let values: Option<_> = texts.into_iter().map(value).collect();
        if values.is_none() {
            parameters.fault(name, "One of the values is not of the right kind: a tag has the form type:value.");
        }
        Some(Self { values: values?, how })
    }

    fn admits(&self, has: impl Fn(&T) -> bool) -> bool {
        match self.how {
            How::All => self.values.iter().all(has),
            How::NotAll => !self.values.iter().all(has),
            How::Any => self.values.iter().any(has),
            How::NotAny => !self.values.iter().any(has),
        }
    }
}

/// Before a day, or not.
struct Day {
    start: Timestamp,
    is_before: bool,
}

impl Day {
    fn parse(parameters: &mut Parameters<'_>, name: &str) -> Option<Self> {
        let text = parameters.one(name)?;
        let parts = text.split_once(':').filter(|(operator, _)| ["IS_BEFORE", "IS_ON_OR_AFTER"].contains(operator));
        let day = parts.and_then(|(operator, day)| {
            let start = Timestamp::parse(day).filter(|_| day.len() == 10)?;
            Some(Self { start, is_before: operator == "IS_BEFORE" })
        });
        if day.is_none() {
            parameters.fault(name, "This has the form IS_BEFORE:2026-01-31 or IS_ON_OR_AFTER:2026-01-31.");
        }
        day
    }

    fn admits(&self, at: Timestamp) -> bool {
        (at < self.start) == self.is_before
    }
}

/// `true`, `false`, or both, after one of `operators`.
fn switch(parameters: &mut Parameters<'_>, name: &str, operators: &[&str]) -> Option<bool> {
    let (_, values) = parameters.filter(name, operators)?;
    if values.iter().any(|value| !["true", "false"].contains(value)) {
        parameters.fault(name, "This is true or false.");
    }
    let is_asked = |value: &str| values.contains(&value);
    (is_asked("true") != is_asked("false")).then_some(is_asked("true"))
}

/// Everything that a feature must be.
pub struct Filters {
    texts: Vec<String>,
    project: Option<Among<String>>,
    state: Option<Among<String>>,
    lifecycle: Option<Among<String>>,
    kind: Option<Among<String>>,
    created_by: Option<Among<i64>>,
    tag: Option<Having<Tag>>,
    /// By id; nothing where there is no such segment.
    segment: Option<Having<Option<i64>>>,
    /// Environments, and whether it is on there: one of these.
    status: Vec<(String, bool)>,
    archived: Option<bool>,
    favorite: Option<bool>,
    created_at: Option<Day>,
    last_seen_at: Option<Day>,
}

impl Filters {
    /// Reads them.
    pub fn parse(parameters: &mut Parameters<'_>, state: &Model) -> Self {
        let text = |value: &str| Some(value.to_owned());
        let lifecycle = Among::parse(parameters, "lifecycle", text);
        let asks_for_archived =
            lifecycle.as_ref().is_some_and(|stages| stages.is_one_of && stages.values.contains(Stage::Archived.name()));
        let archived = parameters.one("archived").map(|_| switch(parameters, "archived", &["IS"]));
        let query = parameters.one("query").unwrap_or_default();
        let texts: Vec<_> =
            query.split(',').map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect();
        if texts.len() > TEXTS_MAX {
            parameters.fault("query", format!("This holds at most {TEXTS_MAX} texts."));
        }
        let status = parameters.many("status").filter_map(|status| match status.split_once(':')? {
            (environment, "enabled") => Some((environment.to_owned(), true)),
            (environment, "disabled") => Some((environment.to_owned(), false)),
            _ => None,
        });
        Self {
            texts,
            status: status.collect(),
            project: Among::parse(parameters, "project", text),
            state: Among::parse(parameters, "state", text),
            kind: Among::parse(parameters, "type", text),
            created_by: Among::parse(parameters, "createdBy", |id| id.parse().ok()),
            tag: Having::parse(parameters, "tag", |tag| {
                let (kind, value) =
                    tag.split_once(':').filter(|(kind, value)| !kind.is_empty() && !value.is_empty())?;
                Some(Tag { kind: kind.to_owned(), value: value.to_owned() })
            }),
            segment: Having::parse(parameters, "segment", |name| {
                Some(state.segments.values().find(|segment| segment.name == name).map(|segment| segment.id))
            }),
            archived: if asks_for_archived { None } else { archived.unwrap_or(Some(false)) },
            lifecycle,
            favorite: switch(parameters, "favorite", &["IS", "IS_ANY_OF"]),
            created_at: Day::parse(parameters, "createdAt"),
            last_seen_at: Day::parse(parameters, "lastSeenAt"),
        }
    }

    /// The features that pass, in no order.
    pub fn find<'s>(&self, app: &App, state: &'s Model, own: Option<&Favorites>, page: &Page) -> Vec<Found<'s>> {
        let asks_for_favorites = self.favorite.is_some() || page.favorites_first();
        let own = own.filter(|_| asks_for_favorites).into_iter().flat_map(|own| &own.features);
        let own: HashSet<&str> = own.map(String::as_str).collect();
        let found = |feature| Found { feature, is_favorite: false, seen: None, is_on: page.is_on(feature) };
        let mut all: Vec<Found<'s>> = match self.narrowed(state) {
            Some(names) => names.into_iter().filter_map(|name| state.features.get(name)).map(found).collect(),
            None => state.features.values().filter(|feature| self.admits(feature)).map(found).collect(),
        };
        all.retain_mut(|one| {
            one.is_favorite = own.contains(one.feature.name.as_str());
            self.favorite.is_none_or(|favorite| favorite == one.is_favorite) && self.admits(one.feature)
        });
        if self.last_seen_at.is_some() || page.is_by_last_seen() {
            let seen = app.telemetry().features_last_seen(all.iter().map(|one| &**one.feature));
            for (one, seen) in all.iter_mut().zip(seen) {
                one.seen = seen;
            }
        }
        if let Some(day) = &self.last_seen_at {
            all.retain(|one| one.seen.is_some_and(|at| day.admits(at)));
        }
        all
    }

    /// The names of few features among which are all that pass, where an index knows some.
    fn narrowed<'s>(&self, state: &'s Model) -> Option<BTreeSet<&'s String>> {
        let index = state.features.index();
        let mut ways = Vec::new();
        if let Some(project) = self.project.as_ref().filter(|project| project.is_one_of) {
            let all = project.values.iter().filter_map(|id| index.of_project(id));
            ways.push(all.flat_map(|features| [&features.live, &features.archived]).collect::<Vec<_>>());
        }
        if let Some(tag) = self.tag.as_ref().filter(|tag| matches!(tag.how, How::All | How::Any)) {
            let users = tag.values.iter().filter_map(|tag| index.of_tag(tag));
            ways.push(users.map(|users| &users.features).collect());
        }
        if let Some(segment) = self.segment.as_ref().filter(|segment| matches!(segment.how, How::All | How::Any)) {
            let users = segment.values.iter().flatten().filter_map(|id| index.of_segment(*id));
            ways.push(users.map(|users| &users.features).collect());
        }
        let count = |way: &Vec<&imbl::OrdSet<String>>| way.iter().map(|names| names.len()).sum::<usize>();
        // To look up a name takes about as long as to pass a few features by.
        let way = ways.into_iter().min_by_key(count).filter(|way| count(way) * 4 <= state.features.len())?;
        Some(way.into_iter().flatten().collect())
    }

    /// Whether a feature passes, as far as it says itself.
    fn admits(&self, feature: &Feature) -> bool {
        let is = |name: &String| match name.as_str() {
            "active" => !feature.stale,
            "stale" => feature.stale,
            "potentially-stale" => feature.potentially_stale,
            _ => false,
        };
        let has_segment = |id: &Option<i64>| {
            id.is_some_and(|id| feature.strategies().any(|strategy| strategy.segments.contains(&id)))
        };
        let is_so = |(environment, enabled): &(String, bool)| {
            feature.environments.get(environment).is_some_and(|there| there.enabled == *enabled)
        };
        self.archived.is_none_or(|archived| archived == feature.is_archived())
            && self.state.as_ref().is_none_or(|state| state.values.iter().any(is) == state.is_one_of)
            && self.lifecycle.as_ref().is_none_or(|stages| stages.admits(feature.stage().name()))
            && self.created_at.as_ref().is_none_or(|day| day.admits(feature.created_at))
            && self.created_by.as_ref().is_none_or(|ids| ids.admits(&feature.created_by.id))
            && self.kind.as_ref().is_none_or(|kinds| kinds.admits(feature.kind.as_str()))
            && self.project.as_ref().is_none_or(|projects| projects.admits(feature.project.as_str()))
            && self.tag.as_ref().is_none_or(|tags| tags.admits(|tag| feature.tags.contains(tag)))
            && (self.status.is_empty() || self.status.iter().any(is_so))
            && self.segment.as_ref().is_none_or(|segments| segments.admits(has_segment))
            && (self.texts.is_empty() || self.texts.iter().any(|text| holds(feature, text)))
    }
}

/// Whether name, description or a tag hold a text, which is in lower case.
fn holds(feature: &Feature, text: &str) -> bool {
    let in_tag = |tag: &Tag| {
        contains(&tag.value, text)
            || text.split_once(':').is_some_and(|(kind, value)| {
                // Small sizes: a tag is some dozen bytes, and few texts have a colon.
                tag.kind.to_lowercase().ends_with(kind) && tag.value.to_lowercase().starts_with(value)
            })
    };
    contains(&feature.name, text)
        || feature.description.as_ref().is_some_and(|description| contains(description, text))
        || feature.tags.iter().any(in_tag)
}

/// Whether a text, whatever its case, holds another one, which is in lower case.
fn contains(text: &str, lower: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(lower);
    }
    let (text, lower) = (text.as_bytes(), lower.as_bytes());
    let Some((first, rest)) = lower.split_first() else { return true };
    let Some(last) = text.len().checked_sub(lower.len()) else { return false };
    (0..=last)
        .any(|at| text[at].eq_ignore_ascii_case(first) && text[at + 1..at + lower.len()].eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_text_is_found_whatever_its_case() {
        for (text, part, expect) in [
            ("New-Checkout", "w-ch", true),
            ("New-Checkout", "", true),
            ("New-Checkout", "new-checkout", true),
            ("New-Checkout", "checkouts", false),
            ("new", "newer", false),
            ("Größe", "größ", true),
            ("GRÖSSE", "grös", true),
            ("100%", "%", true),
            ("100", "%", false),
        ] {
            assert_eq!(contains(text, part), expect, "{text} {part}");
        }
    }
}
