//! Environments: the places in which features are on or off.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features;
use crate::limits::Limits;
use crate::names::check_url_name;
use crate::segments::check_references;
use crate::state::State;

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Unique, URL friendly, never changes.
    pub name: String,
    /// What it is for: `development`, `test`, `pre-production`, `production` or any other word.
    #[serde(rename = "type")]
    pub kind: String,
    /// Smaller comes first.
    pub sort_order: i64,
    /// New projects and tokens can only use enabled ones.
    pub enabled: bool,
    /// Protected ones can be neither deleted nor renamed.
    #[serde(default)]
    pub protected: bool,
    /// How many approvals changes need where projects do not say otherwise.
    #[serde(default)]
    pub required_approvals: Option<u32>,
}

/// The last commit that changed what SDKs see of a project in an environment: a change there is no news for those of
/// other projects. It stays when the project goes, so that a revision never goes back, and goes with the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRevision {
    /// The environment.
    pub environment: String,
    /// The project. None in logs of before, where a revision is that of all projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The commit's position in the log.
    pub seq: u64,
    /// The commit's id: where a backup is restored, another commit gets the same position. None in logs of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl EnvironmentRevision {
    /// Neither name can hold a slash.
    pub fn key(&self) -> String {
        let Self { environment, project, .. } = self;
        project.as_ref().map_or_else(|| environment.clone(), |project| format!("{environment}/{project}"))
    }

    /// Whether a row with this key is of an environment.
    pub fn is_key_of(key: &str, environment: &str) -> bool {
        key.strip_prefix(environment).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A new environment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateEnvironment {
    /// Unique and URL friendly.
    #[schema(example = "staging")]
    pub name: String,
    /// What it is for.
    #[serde(rename = "type")]
    #[schema(example = "pre-production")]
    pub kind: String,
    /// Whether new projects and tokens can use it; true if omitted.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Smaller comes first; last if omitted.
    #[serde(default)]
    pub sort_order: Option<i64>,
    /// How many approvals changes need.
    #[serde(default)]
    pub required_approvals: Option<u32>,
}

/// A change of an environment; what is omitted stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateEnvironment {
    /// What it is for.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Smaller comes first.
    #[serde(default)]
    pub sort_order: Option<i64>,
    /// How many approvals changes need.
    #[serde(default)]
    pub required_approvals: Option<u32>,
}

/// A copy of an environment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneEnvironment {
    /// The copy's name.
    #[schema(example = "staging")]
    pub name: String,
    /// What the copy is for; as the original if omitted.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The projects whose features are copied as well; all if omitted.
    #[serde(default)]
    pub projects: Option<Vec<String>>,
}

/// Fails if no environment can have this name.
pub fn validate_name(state: &State, name: &str) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_url_name(&mut faults, "/body/name", name);
    faults.check()?;
    if state.environments.contains(name) {
        return Err(Error::name_exists("environment", name));
    }
    Ok(())
}

/// All environments in the order in which people see them.
pub fn sorted(state: &State) -> Vec<&Arc<Environment>> {
    let mut environments: Vec<_> = state.environments.values().collect();
    environments.sort_by(|a, b| (a.sort_order, &a.name).cmp(&(b.sort_order, &b.name)));
    environments
}

/// The environment that a client means who names none, or says `default`: the one called `default` where it exists
/// (installations that grew from old versions), otherwise the first enabled one.
pub fn default_environment(state: &State) -> Result<&Arc<Environment>, Error> {
    let enabled = || sorted(state).into_iter().filter(|e| e.enabled);
    state
        .environments
        .get("default")
        .or_else(|| enabled().next())
        .ok_or_else(|| Error::bad_data("/body/environment", "No environment is enabled."))
}

/// Creates an environment.
pub fn create(draft: &mut Draft, input: CreateEnvironment) -> Result<Arc<Environment>, Error> {
    let mut faults = Faults::default();
    check_kind(&mut faults, &input.kind);
    faults.check()?;
    validate_name(draft, &input.name)?;
    Limits::room("environments", draft.environments.len(), draft.limits().environments)?;
    let sort_order = input.sort_order.unwrap_or_else(|| next_sort_order(draft));
    let environment = Environment {
        name: input.name,
        kind: input.kind,
        sort_order,
        enabled: input.enabled.unwrap_or(true),
        protected: false,
        required_approvals: input.required_approvals.filter(|n| *n > 0),
    };
    draft.record(NewEvent::new("environment-created").environment(&environment.name).data(&environment));
    Ok(draft.put(environment))
}

fn next_sort_order(state: &State) -> i64 {
    state.environments.values().map(|e| e.sort_order).max().map_or(1, |n| n.saturating_add(1))
}

fn check_kind(faults: &mut Faults, kind: &str) {
    if kind.trim().is_empty() || kind.len() > 100 || kind.chars().any(char::is_control) {
        faults.add("/body/type", "The type must be a word such as development, test, pre-production or production.");
    }
}

/// Changes an environment.
pub fn update(draft: &mut Draft, name: &str, input: UpdateEnvironment) -> Result<Arc<Environment>, Error> {
    let before = Arc::clone(draft.environments.find(name)?);
    let mut environment = (*before).clone();
    if let Some(kind) = input.kind {
        let mut faults = Faults::default();
        check_kind(&mut faults, &kind);
        faults.check()?;
        environment.kind = kind;
    }
    environment.sort_order = input.sort_order.unwrap_or(environment.sort_order);
    environment.required_approvals = input.required_approvals.or(environment.required_approvals).filter(|n| *n > 0);
    Ok(store(draft, &before, environment))
}

/// Opens an environment for new projects and tokens.
pub fn enable(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let before = Arc::clone(draft.environments.find(name)?);
    store(draft, &before, Environment { enabled: true, ..(*before).clone() });
    Ok(())
}

/// Closes an environment to new projects and tokens; what uses it goes on.
pub fn disable(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let before = Arc::clone(draft.environments.find(name)?);
    store(draft, &before, Environment { enabled: false, ..(*before).clone() });
    Ok(())
}

/// Puts environments into the order given: name to position.
pub fn sort(draft: &mut Draft, order: &std::collections::BTreeMap<String, i64>) -> Result<(), Error> {
    for (name, sort_order) in order {
        let before = Arc::clone(draft.environments.find(name)?);
        store(draft, &before, Environment { sort_order: *sort_order, ..(*before).clone() });
    }
    Ok(())
}

fn store(draft: &mut Draft, before: &Environment, after: Environment) -> Arc<Environment> {
    if after != *before {
        draft.record(NewEvent::new("environment-updated").environment(&after.name).data(&after).pre_data(before));
    }
    draft.put(after)
}

/// Copies an environment with its features' strategies, variants and switches in the chosen projects.
pub fn duplicate(draft: &mut Draft, original: &str, input: CloneEnvironment) -> Result<Arc<Environment>, Error> {
    let kind = draft.environments.find(original)?.kind.clone();
    let projects: Vec<String> = input.projects.unwrap_or_else(|| {
        let live = draft.projects.values().filter(|p| p.archived_at.is_none());
        live.filter(|p| p.environments.contains_key(original)).map(|p| p.id.clone()).collect()
    });
    let copy = create(
        draft,
        CreateEnvironment {
            name: input.name,
            kind: input.kind.unwrap_or(kind),
            enabled: None,
            sort_order: None,
            required_approvals: None,
        },
    )?;
    let mut seen = std::collections::BTreeSet::new();
    for (i, id) in projects.iter().enumerate().filter(|(_, id)| seen.insert(id.as_str())) {
        let mut project = match draft.projects.get(id) {
            Some(project) if project.archived_at.is_none() => (**project).clone(),
            _ => return Err(Error::bad_data(format!("/body/projects/{i}"), format!("There is no project \"{id}\"."))),
        };
        let of_original = project.environments.get(original).cloned().unwrap_or_default();
        check_references(draft, id, of_original.default_strategy.iter().flat_map(|s| &s.segments))?;
        project.environments.insert(copy.name.clone(), of_original);
        draft.record(NewEvent::new("project-environment-added").project(id).environment(&copy.name));
        draft.put(project);
        clone_features(draft, id, original, &copy.name)?;
    }
    Ok(copy)
}

fn clone_features(draft: &mut Draft, project: &str, original: &str, copy: &str) -> Result<(), Error> {
    let features = features::all_of_project(draft, project);
    for feature in features {
        let mut state = feature.environments.get(original).cloned().unwrap_or_default();
        check_references(draft, project, state.strategies.iter().flat_map(|s| &s.segments))?;
        for strategy in &mut state.strategies {
            strategy.id = draft.ulid();
        }
        let mut feature = (*feature).clone();
        feature.environments.insert(copy.to_owned(), state);
        draft.put(feature);
    }
    Ok(())
}

/// Deletes an environment with everything in it: its features' strategies there, its tokens. The last one stays.
pub fn delete(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let environment = Arc::clone(draft.environments.find(name)?);
    if environment.protected {
        return Err(Error::Conflict(format!("The environment \"{name}\" is protected.")));
    }
    if draft.environments.len() == 1 {
        return Err(Error::Conflict("The last environment cannot be deleted.".to_owned()));
    }
    let last_of: Vec<_> = draft
        .projects
        .values()
        .filter(|p| p.environments.len() == 1 && p.environments.contains_key(name))
        .map(|p| p.id.clone())
        .collect();
    if !last_of.is_empty() {
        return Err(Error::Conflict(format!(
            "The environment \"{name}\" is the only one of these projects: {}.",
            last_of.join(", ")
        )));
    }
    let projects: Vec<_> =
        draft.projects.index().of_environment(name).filter_map(|id| draft.projects.get(id)).cloned().collect();
    for project in projects {
        let mut project = (*project).clone();
        project.environments.remove(name);
        draft.put(project);
    }
    let features: Vec<_> = draft.features.values().filter(|f| f.environments.contains_key(name)).cloned().collect();
    for feature in features {
        let mut feature = (*feature).clone();
        feature.environments.remove(name);
        draft.put(feature);
    }
    crate::api_tokens::remove_environment(draft, name);
    draft.record(NewEvent::new("environment-deleted").environment(name).pre_data(&*environment));
    draft.delete::<Environment>(&environment.name);
    let revisions: Vec<_> = draft.revisions.index().of(&environment.name).map(EnvironmentRevision::key).collect();
    for revision in &revisions {
        draft.delete::<EnvironmentRevision>(revision);
    }
    Ok(())
}
