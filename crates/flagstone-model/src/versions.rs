//! Which version of a thing somebody has seen: what they change is still that, or they are told.

use serde::Serialize;
use serde_json::Value;

use crate::api_tokens::{self, hash};
use crate::features;
use crate::paths::{FeaturePath, Place, ProjectFieldPath, ProjectPath, StrategyPath, TokenPath};
use crate::state::State;

/// How many hex digits tell versions apart.
const DIGITS: usize = 20;

/// A thing that can be edited, as a path names it. Things in it that have addresses of their own are not part of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Thing {
    /// A feature's own properties.
    Feature(FeaturePath),
    /// A strategy of a feature.
    Strategy(StrategyPath),
    /// A feature's own variants in an environment.
    Variants(Place),
    /// A segment.
    Segment(i64),
    /// A context field, of a project or not.
    ContextField(String),
    /// A context field of this project.
    ContextFieldOfProject(ProjectFieldPath),
    /// A project's own properties and settings.
    Project(ProjectPath),
    /// An environment.
    Environment(String),
    /// A type of tags.
    TagType(String),
    /// A type of strategies that users made.
    StrategyType(String),
    /// An integration.
    Integration(i64),
    /// An API token.
    ApiToken(String),
    /// An API token of this project.
    ApiTokenOfProject(TokenPath),
    /// A user.
    User(i64),
}

impl Thing {
    /// Which version of it there is; nothing if it is not there.
    pub fn version(&self, state: &State) -> Option<String> {
        match self {
            Self::Feature(path) => {
                let feature = features::find(state, &path.project, &path.feature).ok()?;
                version(&feature.summary(), &[])
            }
            Self::Strategy(StrategyPath { place, id }) => {
                let there =
                    features::find(state, &place.project, &place.feature).ok()?.environments.get(&place.environment)?;
                version(there.strategies.iter().find(|strategy| strategy.id == *id)?, &[])
            }
            Self::Variants(place) => {
                let there =
                    features::find(state, &place.project, &place.feature).ok()?.environments.get(&place.environment)?;
                version(&there.variants, &[])
            }
            Self::Segment(id) => version(&**state.segments.get(id)?, &[]),
            Self::ContextField(name) => version(&**state.context_fields.get(name)?, &[]),
            Self::ContextFieldOfProject(path) => {
                let field = state.context_fields.get(&path.field)?;
                let is_there = field.project.as_deref() == Some(path.project.as_str());
                is_there.then(|| version(&**field, &[])).flatten()
            }
            Self::Project(path) => {
                version(&**state.projects.get(&path.project)?, &["environments", "members", "updatedAt"])
            }
            Self::Environment(name) => version(&**state.environments.get(name)?, &[]),
            Self::TagType(name) => version(&**state.tag_types.get(name)?, &[]),
            Self::StrategyType(name) => version(&**state.strategy_types.get(name)?, &[]),
            Self::Integration(id) => version(&state.integrations.get(id)?.view(), &[]),
            Self::ApiToken(named) => version(&**api_tokens::find(state, named).ok()?, &["hash"]),
            Self::ApiTokenOfProject(path) => {
                let token = api_tokens::find(state, &path.token).ok()?;
                token.projects.contains(&path.project).then(|| version(&**token, &["hash"])).flatten()
            }
            Self::User(id) => version(
                &**state.users.get(id)?,
                &["passwordHash", "previousHashes", "generation", "hasGeneratedPassword"],
            ),
        }
    }
}

/// What tells a document from others, but for some of its fields: secrets, and what is changed elsewhere.
fn version(document: &impl Serialize, without: &[&str]) -> Option<String> {
    let mut value = serde_json::to_value(document).ok()?;
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !without.contains(&name.as_str()));
    }
    hash(&value.to_string()).get(..DIGITS).map(str::to_owned)
}
