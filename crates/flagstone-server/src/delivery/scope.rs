//! Which part of an environment an answer holds.

use std::collections::BTreeSet;

use flagstone_model::api_tokens::ApiToken;
use flagstone_model::tags::Tag;
use sha2::{Digest, Sha256};

use super::content::FeatureItem;
use crate::system::entropy;

/// Whether strategies carry their segments' constraints, or name the segments, which stand beside the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segments {
    /// In the strategies, for SDKs that do not know segments.
    Inlined,
    /// By id, from client specification 4.2.0 on.
    Named,
}

/// Which part of an environment an answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Only these projects, sorted; all if none is named.
    pub projects: Option<Vec<String>>,
    /// Only features whose names begin with this.
    pub name_prefix: Option<String>,
    /// Only features with any of these; all if there is none.
    pub tags: BTreeSet<Tag>,
    /// How segments are delivered.
    pub segments: Segments,
    /// Whether a query cut it to less than what the token may see.
    pub asked: bool,
}

impl Scope {
    /// What a token may see, cut to the projects that the request asks for.
    pub fn of(token: &ApiToken, asked: &[String], name_prefix: Option<String>, segments: Segments) -> Self {
        Self::tagged(token, asked, name_prefix, BTreeSet::new(), segments)
    }

    /// The same, cut to the features with any of these tags.
    pub fn tagged(
        token: &ApiToken,
        asked: &[String],
        name_prefix: Option<String>,
        tags: BTreeSet<Tag>,
        segments: Segments,
    ) -> Self {
        let asked: Vec<String> = asked.iter().filter(|p| *p != "*").cloned().collect();
        let whole = asked.is_empty() && name_prefix.is_none() && tags.is_empty();
        let mut projects = match (token.is_for_all_projects(), asked.is_empty()) {
            (true, true) => None,
            (true, false) => Some(asked),
            (false, true) => Some(token.projects.clone()),
            (false, false) => Some(asked.into_iter().filter(|p| token.covers(p)).collect()),
        };
        if let Some(projects) = &mut projects {
            projects.sort_unstable();
            projects.dedup();
        }
        Self { projects, name_prefix, tags, segments, asked: !whole }
    }

    /// Whether a feature belongs to it. One whose tags are not known does: better one too many than one that is off
    /// because nobody knows it.
    pub fn shows(&self, item: &FeatureItem) -> bool {
        let has_one = |tags: &BTreeSet<Tag>| tags.iter().any(|tag| self.tags.contains(tag));
        self.sees(&item.name, &item.project) && (self.tags.is_empty() || item.tags.as_ref().is_none_or(has_one))
    }

    /// Whether all features of its projects belong to it.
    pub fn is_of_whole_projects(&self) -> bool {
        self.name_prefix.is_none() && self.tags.is_empty()
    }

    /// Whether a feature of this name in this project may belong to it, by its tags at any time.
    pub fn sees(&self, name: &str, project: &str) -> bool {
        let is_one = |projects: &Vec<String>| projects.binary_search_by(|other| other.as_str().cmp(project)).is_ok();
        self.projects.as_ref().is_none_or(is_one)
            && self.name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
    }

    /// All features of the environment.
    pub const fn everything() -> Self {
        Self { projects: None, name_prefix: None, tags: BTreeSet::new(), segments: Segments::Named, asked: false }
    }

    /// Whether all features of the environment belong to it.
    pub fn is_everything(&self) -> bool {
        self.projects.is_none() && self.is_of_whole_projects()
    }

    /// The query as answers repeat it, JSON, and its hash.
    pub fn query(&self, environment: &str) -> (String, String) {
        let mut query = serde_json::Map::new();
        if let Some(projects) = &self.projects {
            query.insert("project".to_owned(), projects.iter().cloned().collect());
        }
        if let Some(prefix) = &self.name_prefix {
            query.insert("namePrefix".to_owned(), prefix.as_str().into());
        }
        if !self.tags.is_empty() {
            query.insert("tag".to_owned(), self.tags.iter().map(|tag| vec![&*tag.kind, &*tag.value]).collect());
        }
        query.insert("environment".to_owned(), environment.into());
        query.insert("inlineSegmentConstraints".to_owned(), (self.segments == Segments::Inlined).into());
        let query = serde_json::Value::from(query).to_string();
        let hash = entropy::as_hex(&Sha256::digest(query.as_bytes())[..4]);
        (query, hash)
    }
}
