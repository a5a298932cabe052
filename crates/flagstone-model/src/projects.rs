//! Projects: what groups features, tokens and the people who work on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features::{self, FeatureEnvironment, StrategyInput, check_strategy};
use crate::limits::Limits;
use crate::names::{check_free_name, check_text, check_url_name, check_value};
use crate::permissions::{DEFAULT_PROJECT, Principal, role_ids};
use crate::state::State;
use crate::time::Timestamp;

/// A project. Archived ones keep their ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Unique, URL friendly, never changes.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its own properties last changed.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Who may see and propose.
    #[serde(default)]
    pub mode: ProjectMode,
    /// The stickiness that new strategies begin with.
    #[serde(default = "default_stickiness")]
    pub default_stickiness: String,
    /// How many live features it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_limit: Option<u64>,
    /// How its features must be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_naming: Option<FeatureNaming>,
    /// The environments that its features have.
    #[serde(default)]
    pub environments: BTreeMap<String, ProjectEnvironment>,
    /// Who has which role in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// Who may see a project and propose changes to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProjectMode {
    /// Everybody sees it; everybody may propose changes.
    #[default]
    Open,
    /// Everybody sees it; members may propose changes.
    Protected,
    /// Members see it.
    Private,
}

/// How a project's features must be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureNaming {
    /// A regular expression (RE2 syntax) that the whole name must match.
    #[schema(example = "[a-z]+\\.[a-z-]+")]
    pub pattern: String,
    /// A name that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl FeatureNaming {
    /// Whether a name matches as a whole.
    pub fn matches(&self, name: &str) -> bool {
        regex::RegexBuilder::new(&format!("^(?:{})$", self.pattern))
            .size_limit(1 << 20)
            .build()
            .is_ok_and(|pattern| pattern.is_match(name))
    }
}

/// An environment of a project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectEnvironment {
    /// What a feature that is switched on without any strategy gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_strategy: Option<StrategyInput>,
}

/// A user's role in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The user.
    pub user_id: i64,
    /// The role, see [`crate::permissions::role_ids`].
    pub role_id: i64,
}

fn default_stickiness() -> String {
    "default".to_owned()
}

/// A new project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateProject {
    /// Unique and URL friendly; made from the name if omitted.
    #[serde(default)]
    #[schema(example = "checkout")]
    pub id: Option<String>,
    /// For people.
    #[schema(example = "Checkout")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Who may see and propose.
    #[serde(default)]
    pub mode: Option<ProjectMode>,
    /// The stickiness that new strategies begin with.
    #[serde(default)]
    pub default_stickiness: Option<String>,
    /// The environments that its features will have; all enabled ones if omitted.
    #[serde(default)]
    #[schema(example = json!(["development", "production"]))]
    pub environments: Option<Vec<String>>,
}

/// A change of a project's own properties; what is omitted stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateProject {
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Who may see and propose.
    #[serde(default)]
    pub mode: Option<ProjectMode>,
    /// The stickiness that new strategies begin with.
    #[serde(default)]
    pub default_stickiness: Option<String>,
    /// How many live features it may hold.
    #[serde(default)]
    pub feature_limit: Option<u64>,
    /// How its features must be named.
    #[serde(default)]
    pub feature_naming: Option<FeatureNaming>,
}

/// A project as audit events and answers to changes show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSummary {
    /// Unique, URL friendly, never changes.
    #[schema(example = "checkout")]
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Who may see and propose.
    pub mode: ProjectMode,
    /// The stickiness that new strategies begin with.
    pub default_stickiness: String,
    /// How many live features it may hold.
    pub feature_limit: Option<u64>,
    /// How its features must be named.
    pub feature_naming: Option<FeatureNaming>,
    /// The environments that its features have.
    pub environments: Vec<String>,
}

impl Project {
    /// What audit events and answers to changes show of it.
    pub fn summary(&self) -> ProjectSummary {
        ProjectSummary {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            mode: self.mode,
            default_stickiness: self.default_stickiness.clone(),
            feature_limit: self.feature_limit,
            feature_naming: self.feature_naming.clone(),
            environments: self.environments.keys().cloned().collect(),
        }
    }
}

/// The project `id` if it exists and is not archived.
pub fn find_live<'s>(state: &'s State, id: &str) -> Result<&'s Arc<Project>, Error> {
    state.projects.get(id).filter(|p| p.archived_at.is_none()).ok_or_else(|| Error::not_found("project", id))
}

/// The same, if who asks may see it: a private project of others is as none at all where an input names it.
pub(crate) fn find_seen<'s>(draft: &'s Draft, id: &str) -> Result<&'s Arc<Project>, Error> {
    let project = find_live(draft, id)?;
    if is_hidden(draft, id) { Err(Error::not_found("project", id)) } else { Ok(project) }
}

/// Whether a project, which may be archived, is hidden from who asks.
pub(crate) fn is_hidden(draft: &Draft, id: &str) -> bool {
    draft.projects.get(id).is_some_and(|project| project.mode == ProjectMode::Private)
        && draft.hidden_from(draft.principal(), draft.now()).contains(id)
}

/// Fails if no project can have this id.
pub fn validate_id(state: &State, id: &str) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_url_name(&mut faults, "/body/id", id);
    faults.check()?;
    if state.projects.contains(id) {
        return Err(Error::name_exists("project", id));
    }
    Ok(())
}

/// Creates a project. The user who does becomes its owner.
pub fn create(draft: &mut Draft, input: CreateProject) -> Result<ProjectSummary, Error> {
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/body/name", &input.name);
    check_text(&mut faults, "/body/description", input.description.as_deref());
    let stickiness = checked_stickiness(&mut faults, input.default_stickiness);
    let environments = match input.environments {
        Some(names) => names,
        None => draft.environments.values().filter(|e| e.enabled).map(|e| e.name.clone()).collect(),
    };
    for (i, name) in environments.iter().enumerate() {
        if !draft.environments.contains(name) {
            faults.add(format!("/body/environments/{i}"), format!("There is no environment \"{name}\"."));
        }
    }
    faults.check()?;
    let id = match input.id.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => free_id(draft, &input.name),
    };
    validate_id(draft, &id)?;
    let live = draft.projects.index().live();
    Limits::room("projects", live, draft.limits().projects)?;
    let project = Project {
        id,
        name: input.name,
        description: input.description,
        created_at: draft.now(),
        updated_at: draft.now(),
        archived_at: None,
        mode: input.mode.unwrap_or_default(),
        default_stickiness: stickiness.unwrap_or_else(default_stickiness),
        feature_limit: None,
        feature_naming: None,
        environments: environments.into_iter().map(|name| (name, ProjectEnvironment::default())).collect(),
        members: draft.user_id().map(|user_id| Member { user_id, role_id: role_ids::OWNER }).into_iter().collect(),
    };
    let summary = project.summary();
    draft.record(NewEvent::new("project-created").project(&project.id).data(&summary));
    draft.put(project);
    Ok(summary)
}

/// A stickiness that is given; an empty one is as none.
fn checked_stickiness(faults: &mut Faults, stickiness: Option<String>) -> Option<String> {
    let stickiness = stickiness.filter(|field| !field.is_empty())?;
    check_value(faults, "/body/defaultStickiness", &stickiness);
    Some(stickiness)
}

/// A URL-friendly id from a name; with a number behind it if that is taken.
fn free_id(state: &State, name: &str) -> String {
    let mut slug: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    while slug.contains("--") {
        slug = slug.replace("--", "-");
    }
    let slug = match slug.trim_matches('-') {
        "" => "project",
        slug => slug,
    };
    let numbered = (2..).map(|n| format!("{slug}-{n}"));
    std::iter::once(slug.to_owned()).chain(numbered).find(|id| !state.projects.contains(id)).unwrap_or_default()
}

impl Draft<'_> {
    /// The id of the user who asks, if it is one.
    pub fn user_id(&self) -> Option<i64> {
        match self.principal() {
            Principal::User { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// Changes a project's own properties.
pub fn update(draft: &mut Draft, id: &str, input: UpdateProject) -> Result<ProjectSummary, Error> {
    let mut project = (**find_live(draft, id)?).clone();
    let before = project.summary();
    let mut faults = Faults::default();
    if let Some(name) = input.name {
        check_free_name(&mut faults, "/body/name", &name);
        project.name = name;
    }
    check_text(&mut faults, "/body/description", input.description.as_deref());
    let stickiness = checked_stickiness(&mut faults, input.default_stickiness);
    if let Some(naming) = input.feature_naming {
        check_text(&mut faults, "/body/featureNaming/description", naming.description.as_deref());
        if let Some(example) = naming.example.as_deref().filter(|example| !example.is_empty()) {
            check_value(&mut faults, "/body/featureNaming/example", example);
        }
        if let Err(reason) = flagstone_eval::validate::validate_regex(&naming.pattern) {
            faults.add(
                "/body/featureNaming/pattern",
                format!("The pattern must be a regular expression in RE2 syntax: {reason}"),
            );
        } else if naming.example.as_deref().is_some_and(|example| !example.is_empty() && !naming.matches(example)) {
            faults.add("/body/featureNaming/example", "The example does not match the pattern.");
        }
        project.feature_naming = Some(naming).filter(|n| !n.pattern.is_empty());
    }
    faults.check()?;
    project.description = input.description.or(project.description);
    project.mode = input.mode.unwrap_or(project.mode);
    project.default_stickiness = stickiness.unwrap_or(project.default_stickiness);
    project.feature_limit = input.feature_limit.or(project.feature_limit);
    let after = project.summary();
    if after != before {
        project.updated_at = draft.now();
        draft.record(NewEvent::new("project-updated").project(id).data(&after).pre_data(&before));
        draft.put(project);
    }
    Ok(after)
}

/// Archives a project that has no live features; its tokens stop working.
pub fn archive(draft: &mut Draft, id: &str) -> Result<(), Error> {
    let mut project = (**find_live(draft, id)?).clone();
    refuse_default(id, "archived")?;
    refuse_live_features(draft, id, "archived")?;
    project.archived_at = Some(draft.now());
    draft.record(NewEvent::new("project-archived").project(id));
    draft.put(project);
    Ok(())
}

/// Brings a project back from the archive.
pub fn revive(draft: &mut Draft, id: &str) -> Result<(), Error> {
    let mut project = (**draft.projects.find(id)?).clone();
    if project.archived_at.is_none() {
        return Err(Error::not_found("archived project", id));
    }
    let live = draft.projects.index().live();
    Limits::room("projects", live, draft.limits().projects)?;
    project.archived_at = None;
    draft.record(NewEvent::new("project-revived").project(id));
    draft.put(project);
    Ok(())
}

/// Deletes a project that has no live features, with its archived features, its segments and context fields and the tokens that are for it alone.
pub fn delete(draft: &mut Draft, id: &str) -> Result<(), Error> {
    let project = Arc::clone(draft.projects.find(id)?);
    refuse_default(id, "deleted")?;
    refuse_live_features(draft, id, "deleted")?;
    let archived: Vec<String> = features::of_project(draft, id, true).map(|f| f.name.clone()).collect();
    archived.iter().try_for_each(|name| features::delete(draft, name))?;
    crate::segments::delete_of_project(draft, id);
    crate::context_fields::delete_of_project(draft, id);
    crate::api_tokens::remove_project(draft, id);
    crate::favorites::forget_project(draft, id);
    draft.record(NewEvent::new("project-deleted").project(id).pre_data(project.summary()));
    draft.delete::<Project>(&project.id);
    Ok(())
}

fn refuse_default(id: &str, what: &str) -> Result<(), Error> {
    if id == DEFAULT_PROJECT {
        return Err(Error::Conflict(format!("The default project cannot be {what}.")));
    }
    Ok(())
}

fn refuse_live_features(state: &State, id: &str, what: &str) -> Result<(), Error> {
    match state.features.index().of_project(id).map_or(0, |features| features.live.len()) {
        0 => Ok(()),
        n => Err(Error::Conflict(format!(
            "The project \"{id}\" cannot be {what} while it holds {n} features that are not archived."
        ))),
    }
}

/// Gives a project's features an environment, switched off.
pub fn attach_environment(draft: &mut Draft, id: &str, environment: &str) -> Result<(), Error> {
    let mut project = (**find_live(draft, id)?).clone();
    if !draft.environments.contains(environment) {
        let message = format!("There is no environment \"{environment}\".");
        return Err(Error::bad_data("/body/environment", message));
    }
    if project.environments.contains_key(environment) {
        return Err(Error::name_exists("environment of this project", environment));
    }
    project.environments.insert(environment.to_owned(), ProjectEnvironment::default());
    for feature in features::all_of_project(draft, id) {
        let mut feature = (*feature).clone();
        feature.environments.insert(environment.to_owned(), FeatureEnvironment::default());
        draft.put(feature);
    }
    draft.record(NewEvent::new("project-environment-added").project(id).environment(environment));
    draft.put(project);
    Ok(())
}

/// Takes an environment from a project, and with it its features' strategies there. One environment always stays.
pub fn detach_environment(draft: &mut Draft, id: &str, environment: &str) -> Result<(), Error> {
    let mut project = (**find_live(draft, id)?).clone();
    if !project.environments.contains_key(environment) {
        return Err(Error::not_found("environment of this project", environment));
    }
    if project.environments.len() == 1 {
        return Err(Error::bad_data(
            "/params/environment",
            "A project needs at least one environment; this is its last one.",
        ));
    }
    project.environments.remove(environment);
    for feature in features::all_of_project(draft, id) {
        let mut feature = (*feature).clone();
        feature.environments.remove(environment);
        draft.put(feature);
    }
    draft.record(NewEvent::new("project-environment-removed").project(id).environment(environment));
    draft.put(project);
    Ok(())
}

/// Says what a feature gets that is switched on in an environment without any strategy.
pub fn set_default_strategy(
    draft: &mut Draft,
    id: &str,
    environment: &str,
    mut input: StrategyInput,
) -> Result<StrategyInput, Error> {
    let mut project = (**find_live(draft, id)?).clone();
    check_strategy(draft, id, &mut input)?;
    let Some(slot) = project.environments.get_mut(environment) else {
        return Err(Error::bad_data(
            "/params/environment",
            format!("The project has no environment \"{environment}\"."),
        ));
    };
    let before = slot.default_strategy.replace(input.clone());
    if before.as_ref() != Some(&input) {
        let event = NewEvent::new("default-strategy-updated").project(id).environment(environment).data(&input);
        draft.record(match before {
            Some(before) => event.pre_data(before),
            None => event,
        });
        draft.put(project);
    }
    Ok(input)
}
