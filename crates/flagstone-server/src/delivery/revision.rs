//! Which version of an environment's flags something is of.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_NONE_MATCH};
use flagstone_model::State;
use flagstone_model::environments::EnvironmentRevision;
use imbl::OrdMap;

use super::content::Content;
use super::history::Step;
use super::scope::Scope;

/// A version of what an environment's SDKs see, as clients know it: `42-1a2b3c4d`. They give it back as it is.
///
/// The number alone does not say what a client has: where a backup is restored, it is given out a second time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Revision {
    /// The position of a commit in the log, or what an upstream counts.
    pub number: u64,
    /// Tells versions of the same number apart. None where neither the log nor an upstream has one.
    pub mark: Option<Mark>,
}

/// 8 hex digits: on a node the first ones of the commit's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(u32);

impl Revision {
    /// The version of what `environment`'s SDKs see of a state.
    pub fn of_state(state: &State, environment: &str) -> Self {
        state.revisions.index().newest(environment).map(Self::of).unwrap_or_default()
    }

    /// The version that a commit made.
    pub fn of(row: &EnvironmentRevision) -> Self {
        Self { number: row.seq, mark: row.commit.as_deref().and_then(Mark::of_commit) }
    }

    /// The version that a commit made.
    pub fn of_commit(number: u64, id: &str) -> Self {
        Self { number, mark: Mark::of_commit(id) }
    }

    /// One that an upstream says no more of than a number.
    pub const fn number(number: u64) -> Self {
        Self { number, mark: None }
    }

    /// What a header such as `"42-1a2b3c4d"`, `W/"42-1a2b3c4d"` or `42-1a2b3c4d` names.
    pub fn in_header(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let text = headers.get(name)?.to_str().ok()?.trim();
        text.strip_prefix("W/").unwrap_or(text).trim_matches('"').parse().ok()
    }

    /// What a poll's ETag says, be it ours (`"<query>:42:1a2b3c4d"`) or another server's (`"<query>:42:v1"`).
    pub fn in_etag(etag: &str) -> Option<Self> {
        let mut parts = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').rsplit(':');
        let (last, number) = (parts.next()?, parts.next()?);
        Some(Self { number: number.parse().ok()?, mark: last.parse().ok() })
    }

    /// The newest that an SDK says it has, by the ETags of polls.
    pub fn in_if_none_match(headers: &HeaderMap) -> Option<Self> {
        let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let known = lists.flat_map(|list| list.split(',')).filter_map(|etag| Self::in_etag(etag.trim()));
        known.max_by_key(|revision| revision.number)
    }

    /// The ETag of an answer to a query.
    pub fn etag(self, query_hash: &str) -> String {
        let number = self.number;
        match self.mark {
            Some(mark) => format!("\"{query_hash}:{number}:{mark}\""),
            None => format!("\"{query_hash}:{number}:v1\""),
        }
    }

    /// How the JSON of an event begins.
    pub(super) fn event_head(self) -> String {
        let number = self.number;
        match self.mark {
            Some(mark) => format!(r#"{{"eventId":{number},"mark":"{mark}","#),
            None => format!(r#"{{"eventId":{number},"#),
        }
    }

    /// The same; where nothing else tells versions of its number apart, the content does.
    #[must_use]
    pub(super) fn of_content(self, content: &Content) -> Self {
        Self { mark: self.mark.or_else(|| Mark::of_content(content)), ..self }
    }
}

impl Mark {
    fn of_commit(id: &str) -> Option<Self> {
        id.get(..8)?.parse().ok()
    }

    fn of_content(content: &Content) -> Option<Self> {
        content.digest()?.first_chunk::<4>().map(|bytes| Self(u32::from_be_bytes(*bytes)))
    }
}

/// The versions of an environment's projects. Clones share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Revisions {
    /// The newest.
    newest: Revision,
    /// What all projects have at least.
    common: Revision,
    projects: OrdMap<String, Revision>,
}

impl Revisions {
    /// All projects have the same.
    pub fn common(revision: Revision) -> Self {
        Self { newest: revision, common: revision, projects: OrdMap::new() }
    }

    /// Those of a state.
    pub fn of_state(state: &State, environment: &str) -> Self {
        let mut revisions = Self { newest: Revision::of_state(state, environment), ..Self::default() };
        for row in state.revisions.index().of(environment) {
            let revision = Revision::of(row);
            match &row.project {
                Some(project) => _ = revisions.projects.insert(project.clone(), revision),
                None => revisions.common = revision,
            }
        }
        revisions
    }

    /// The newest.
    pub const fn newest(&self) -> Revision {
        self.newest
    }

    /// Something has changed in the projects of a step; in all if it is not known in which.
    pub fn advance(&mut self, step: &Step) {
        let Some(projects) = &step.projects else {
            *self = Self::common(step.revision);
            return;
        };
        self.newest = step.revision;
        for project in projects {
            self.projects.insert(project.clone(), step.revision);
        }
    }

    /// Of what a scope shows.
    pub fn of_scope(&self, scope: &Scope) -> Revision {
        let Some(projects) = &scope.projects else { return self.newest };
        let of = projects.iter().filter_map(|project| self.projects.get(project)).copied();
        // Of the same number all have the same mark.
        of.chain([self.common]).max_by_key(|revision| revision.number).unwrap_or_default()
    }

    /// The projects that had another version before.
    pub fn changed_since<'r>(&'r self, before: &'r Self) -> impl Iterator<Item = &'r str> {
        let changed =
            self.projects.iter().filter(|(project, revision)| before.projects.get(*project) != Some(*revision));
        changed.map(|(project, _)| project.as_str())
    }

    /// Whether all projects have another version than before.
    pub fn is_other(&self, before: &Self) -> bool {
        self.common != before.common
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        self.mark.map_or(Ok(()), |mark| write!(f, "-{mark}"))
    }
}

impl FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('-') {
            Some((number, mark)) => Self { number: number.parse()?, mark: Some(mark.parse()?) },
            None => Self::number(text.parse()?),
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Mark {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u32::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_give_it_back_as_they_got_it() {
        for text in ["42-0a2b3c4d", "0", "7", "7-00000000"] {
            assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
        }
        for text in ["", "x", "-", "7-", "7-x", "7-1a2b3c4d5", "-7"] {
            assert!(text.parse::<Revision>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_etag_says_it_in_both_forms() {
        let check = |etag: &str, expect: Option<&str>| {
            assert_eq!(Revision::in_etag(etag).map(|revision| revision.to_string()).as_deref(), expect, "{etag}");
        };
        check("\"1f2e3d4c:42:v1\"", Some("42"));
        check("W/\"1f2e3d4c:42:0a2b3c4d\"", Some("42-0a2b3c4d"));
        check("\"hash-7\"", None);
        check("\"a:b:v1\"", None);
        let ours = "42-0a2b3c4d".parse::<Revision>().unwrap();
        assert_eq!(Revision::in_etag(&ours.etag("1f2e3d4c")), Some(ours));
    }
}
