//! Features: the flags, each one document with its environments, strategies, variants and dependencies.

mod archive;
mod creators;
mod dependencies;
mod duplicate;
mod lifecycle;
mod links;
mod strategies;
mod toggling;
mod variants;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use archive::{archive, archive_many, delete, delete_many, revive, revive_many, validate_archive};
pub(crate) use creators::creator;
pub use creators::{Creator, creators};
pub use dependencies::{
    Dependency, DependencyInput, add_dependency, children, remove_dependencies, remove_dependency, variant_names,
};
pub use duplicate::{CloneFeature, duplicate};
pub use lifecycle::{CompleteFeature, EnteredStage, Outcome, ReachedStage, Stage, complete, enter_stages, uncomplete};
pub use links::{Link, LinkInput, add_link, remove_link, update_link};
pub(crate) use links::{checked_link, replace_links};
pub use strategies::{
    SortOrder, Strategy, StrategyChange, StrategyInput, add_strategy, patch_strategy, remove_strategy, sort_strategies,
    update_strategy,
};
pub(crate) use strategies::{check_strategy, strategy_from};
pub(crate) use toggling::default_strategy;
pub use toggling::{DisabledStrategies, bulk_toggle, switch_off, switch_on};
pub(crate) use variants::check_variants;
pub use variants::{
    Payload, PayloadType, PushVariants, Variant, VariantOverride, WeightType, overwrite_variants, patch_variants,
    push_variants,
};

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::feature_types;
use crate::index::ProjectFeatures;
use crate::limits::Limits;
use crate::names::{check_text, check_url_name};
use crate::patches::apply_patch;
use crate::permissions::{Need, Permission};
use crate::projects::{self, Project};
use crate::small_map::SmallMap;
use crate::state::State;
use crate::tags::{self, Tag, TagInput};
use crate::time::Timestamp;

/// The kinds of flags: id, name, description, expected lifetime in days (none: permanent).
pub const FEATURE_TYPES: &[(&str, &str, &str, Option<u32>)] = &[
    ("release", "Release", "Rolls out something new, then goes away.", Some(40)),
    ("experiment", "Experiment", "Compares variants to learn which one is better.", Some(40)),
    ("operational", "Operational", "Carries a technical change over safely.", Some(7)),
    ("kill-switch", "Kill switch", "Turns something off in an emergency.", None),
    ("permission", "Permission", "Opens something to those who are entitled to it.", None),
    ("sunset", "Sunset", "Takes something old out of service step by step.", Some(90)),
];

/// A feature flag. Archived ones keep their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feature {
    /// Unique among all features of the installation.
    pub name: String,
    /// The project it belongs to.
    pub project: String,
    /// One of [`FEATURE_TYPES`].
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it, as the audit log names them.
    pub created_by: Creator,
    /// Whether SDKs should report each evaluation as an event.
    #[serde(default)]
    pub impression_data: bool,
    /// Whether somebody marked it as ready for removal.
    #[serde(default)]
    pub stale: bool,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Its state in each of its project's environments.
    #[serde(default)]
    pub environments: SmallMap<FeatureEnvironment>,
    /// The features it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// What people have marked it with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// Where people read more about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The stages of its life that no other field tells; see [`Feature::stages`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<EnteredStage>,
    /// Whether it is older than one of its type should be, and nobody has marked it: a job finds out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub potentially_stale: bool,
}

/// A feature's state in one environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureEnvironment {
    /// Whether it is switched on.
    #[serde(default)]
    pub enabled: bool,
    /// In evaluation order; the first that matches decides.
    #[serde(default)]
    pub strategies: Vec<Strategy>,
    /// The flag's own variants, used when the matching strategy has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// When it was first switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_on_at: Option<Timestamp>,
}

/// What an environment's SDKs see of a feature. Two equal values need no new revision.
#[derive(Debug, PartialEq)]
pub struct Delivered<'a> {
    project: &'a str,
    kind: &'a str,
    description: Option<&'a str>,
    stale: bool,
    impression_data: bool,
    dependencies: &'a [Dependency],
    /// SDKs are not told them, and may ask for those features alone that have one.
    tags: &'a BTreeSet<Tag>,
    environment: &'a FeatureEnvironment,
}

impl Feature {
    /// What the SDKs of an environment see of it; nothing if it is archived or not in that environment.
    pub fn delivered(&self, environment: &str) -> Option<Delivered<'_>> {
        let environment = self.environments.get(environment).filter(|_| self.archived_at.is_none())?;
        Some(Delivered {
            project: &self.project,
            kind: &self.kind,
            description: self.description.as_deref(),
            stale: self.stale,
            impression_data: self.impression_data,
            dependencies: &self.dependencies,
            tags: &self.tags,
            environment,
        })
    }

    /// Its strategies in all environments.
    pub fn strategies(&self) -> impl Iterator<Item = &Strategy> {
        self.environments.values().flat_map(|there| &there.strategies)
    }

    /// Whether it is archived.
    pub const fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }

    /// The ids of the segments that its strategies name.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &i64> {
        self.strategies().flat_map(|strategy| &strategy.segments)
    }

    /// What answers and audit events show of the feature itself, without its environments.
    pub fn summary(&self) -> FeatureSummary {
        FeatureSummary {
            name: self.name.clone(),
            description: self.description.clone(),
            kind: self.kind.clone(),
            project: self.project.clone(),
            stale: self.stale,
            created_at: self.created_at,
            impression_data: self.impression_data,
            archived: self.is_archived(),
            archived_at: self.archived_at,
        }
    }
}

/// A feature without its environments, as answers to changes and audit events show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureSummary {
    /// Unique among all features.
    #[schema(example = "new-checkout")]
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// What the flag is for: `release`, `experiment`, `operational`, `kill-switch`, `permission` or `sunset`.
    #[serde(rename = "type")]
    #[schema(example = "release")]
    pub kind: String,
    /// The project it belongs to.
    #[schema(example = "default")]
    pub project: String,
    /// Whether somebody marked it as ready for removal.
    pub stale: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether SDKs report each evaluation.
    pub impression_data: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// When it was archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

/// A new feature.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreateFeature)]
pub struct CreateFeature {
    /// Unique among all features; letters, digits and `-._~`.
    #[schema(example = "new-checkout")]
    pub name: String,
    /// What the flag is for; `release` if omitted.
    #[serde(default, rename = "type")]
    #[schema(example = "release")]
    pub kind: Option<String>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether SDKs report each evaluation.
    #[serde(default)]
    pub impression_data: Option<bool>,
    /// What it is marked with; tags that are not there yet are made.
    #[serde(default)]
    pub tags: Vec<TagInput>,
}

/// What a feature's own properties become.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateFeature {
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// What the flag is for.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Whether it is ready for removal.
    #[serde(default)]
    pub stale: Option<bool>,
    /// Whether SDKs report each evaluation.
    #[serde(default)]
    pub impression_data: Option<bool>,
    /// Archives (true) or revives (false) it, as old clients do.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// The feature `name`, archived or not, if it is in `project`.
pub fn find<'s>(state: &'s State, project: &str, name: &str) -> Result<&'s std::sync::Arc<Feature>, Error> {
    match state.features.get(name) {
        Some(feature) if feature.project == project => Ok(feature),
        _ => Err(Error::not_found("feature", name)),
    }
}

/// The feature `name` of `project`, which must not be archived: the one that may be changed.
pub fn find_live<'s>(state: &'s State, project: &str, name: &str) -> Result<&'s std::sync::Arc<Feature>, Error> {
    find(state, project, name).and_then(|f| if f.is_archived() { Err(Error::Archived(name.to_owned())) } else { Ok(f) })
}

/// A project's features in name order, those that are archived or those that are not.
pub fn of_project<'s>(
    state: &'s State,
    project: &str,
    archived: bool,
) -> impl Iterator<Item = &'s std::sync::Arc<Feature>> {
    let features = state.features.index().of_project(project);
    let names = features.into_iter().flat_map(move |f| if archived { &f.archived } else { &f.live });
    names.filter_map(|name| state.features.get(name))
}

/// All features of a project, archived ones included, in name order.
pub fn all_of_project(state: &State, project: &str) -> Vec<std::sync::Arc<Feature>> {
    let names: BTreeSet<&String> =
        state.features.index().of_project(project).into_iter().flat_map(ProjectFeatures::all).collect();
    names.into_iter().filter_map(|name| state.features.get(name)).cloned().collect()
}

/// Fails if a feature cannot have this name: its form, or another one has it (archived ones count).
pub fn validate_name(state: &State, project: Option<&str>, name: &str) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_url_name(&mut faults, "/body/name", name);
    if let Some(project) = project.and_then(|id| state.projects.get(id)) {
        check_naming(&mut faults, project, name);
    }
    faults.check()?;
    match state.features.get(name) {
        Some(feature) if feature.is_archived() => Err(Error::ArchivedNameExists(name.to_owned())),
        Some(_) => Err(Error::name_exists("feature", name)),
        None => Ok(()),
    }
}

fn check_naming(faults: &mut Faults, project: &Project, name: &str) {
    if let Some(naming) = &project.feature_naming
        && !naming.matches(name)
    {
        let example = naming.example.as_deref().map(|e| format!(", for instance \"{e}\"")).unwrap_or_default();
        faults.add("/body/name", format!("The project's feature names must match ^{}${example}.", naming.pattern));
    }
}

fn check_kind(faults: &mut Faults, kind: &str) {
    if !FEATURE_TYPES.iter().any(|(id, ..)| *id == kind) {
        let known: Vec<_> = FEATURE_TYPES.iter().map(|(id, ..)| *id).collect();
        faults.add("/body/type", format!("There is no feature type \"{kind}\"; use one of {}.", known.join(", ")));
    }
}

/// Creates a feature, off in every environment of its project.
pub fn create(draft: &mut Draft, project: &str, input: CreateFeature) -> Result<FeatureSummary, Error> {
    let feature = prepare(draft, project, input)?;
    tags::make_all(draft, &feature.tags)?;
    let summary = feature.summary();
    insert(draft, feature);
    Ok(summary)
}

/// A feature that can be inserted once its tags are there.
pub(crate) fn prepare(draft: &Draft, project: &str, input: CreateFeature) -> Result<Feature, Error> {
    let of_project = &projects::find_live(draft, project)?.environments;
    let environments = of_project.keys().map(|name| (name.clone(), FeatureEnvironment::default())).collect();
    room_in_project(draft, project)?;
    let kind = input.kind.unwrap_or_else(|| "release".to_owned());
    let mut faults = Faults::default();
    check_kind(&mut faults, &kind);
    check_text(&mut faults, "/body/description", input.description.as_deref());
    let tags = tags::checked_all(&mut faults, draft, "/body/tags", &input.tags);
    faults.check()?;
    validate_name(draft, Some(project), &input.name)?;
    Limits::room("features", draft.features.index().live(), draft.limits().features)?;
    Ok(Feature {
        name: input.name,
        project: project.to_owned(),
        kind,
        description: input.description,
        created_at: draft.now(),
        created_by: creator(draft),
        impression_data: input.impression_data.unwrap_or(false),
        stale: false,
        archived_at: None,
        environments,
        dependencies: Vec::new(),
        tags,
        links: Vec::new(),
        stages: Vec::new(),
        potentially_stale: false,
    })
}

/// Puts a new feature among the others.
pub(crate) fn insert(draft: &mut Draft, feature: Feature) {
    draft.record(NewEvent::new("feature-created").feature(&feature).data(feature.summary()));
    draft.put(feature);
}

/// Fails if the project holds as many live features as it may.
fn room_in_project(state: &State, project: &str) -> Result<(), Error> {
    let Some(limit) = projects::find_live(state, project)?.feature_limit else { return Ok(()) };
    let count = state.features.index().of_project(project).map_or(0, |features| features.live.len());
    Limits::room("features in this project", count, usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Replaces a feature's own properties. As with Unleash, what is omitted goes back to its default; only a description
/// stays, and so does the mark for removal.
pub fn update(draft: &mut Draft, project: &str, name: &str, input: UpdateFeature) -> Result<FeatureSummary, Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let before = feature.summary();
    change(&mut feature, input)?;
    Ok(store_update(draft, &before, feature))
}

/// The same to a feature in the hand.
pub(crate) fn change(feature: &mut Feature, input: UpdateFeature) -> Result<(), Error> {
    let kind = input.kind.unwrap_or_else(|| "release".to_owned());
    let mut faults = Faults::default();
    check_kind(&mut faults, &kind);
    check_text(&mut faults, "/body/description", input.description.as_deref());
    faults.check()?;
    feature.kind = kind;
    feature.description = input.description.or(feature.description.take());
    feature.impression_data = input.impression_data.unwrap_or(false);
    feature.stale = input.stale.unwrap_or(feature.stale);
    Ok(())
}

/// Applies a JSON patch (RFC 6902) to a feature's own properties; name, project and creation stay as they are.
pub fn patch(draft: &mut Draft, project: &str, name: &str, patch: &json_patch::Patch) -> Result<FeatureSummary, Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let before = feature.summary();
    let patched: UpdateFeature = apply_patch(&before, patch)?;
    let mut faults = Faults::default();
    if let Some(kind) = patched.kind {
        check_kind(&mut faults, &kind);
        feature.kind = kind;
    }
    check_text(&mut faults, "/body/description", patched.description.as_deref());
    faults.check()?;
    feature.description = patched.description;
    feature.impression_data = patched.impression_data.unwrap_or(false);
    feature.stale = patched.stale.unwrap_or(false);
    let archived = patched.archived.unwrap_or(false);
    let summary = store_update(draft, &before, feature);
    if archived {
        // Archiving takes its own right, whatever the way.
        draft.require(&Need::project(project, &[Permission::DeleteFeature]))?;
        archive(draft, project, name)?;
        return Ok(find(draft, project, name)?.summary());
    }
    Ok(summary)
}

fn store_update(draft: &mut Draft, before: &FeatureSummary, mut feature: Feature) -> FeatureSummary {
    let after = feature.summary();
    if after != *before {
        record_update(draft, before, &mut feature);
        draft.put(feature);
    }
    after
}

/// Says what has become of a feature's own properties, if anything.
pub(crate) fn record_update(draft: &mut Draft, before: &FeatureSummary, feature: &mut Feature) {
    let after = feature.summary();
    if after == *before {
        return;
    }
    feature.potentially_stale &= feature_types::is_outlived(draft, feature, draft.now());
    if before.stale != after.stale {
        let kind = if after.stale { "feature-stale-on" } else { "feature-stale-off" };
        draft.record(NewEvent::new(kind).feature(feature));
    }
    draft.record(NewEvent::new("feature-metadata-updated").feature(feature).data(&after).pre_data(before));
}

/// Several features of one project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureNames {
    /// The features' names.
    #[schema(example = json!(["new-checkout"]))]
    pub features: Vec<String>,
}

/// Several features of one project to be marked, or not, as ready for removal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaleFeatures {
    /// The features' names.
    pub features: Vec<String>,
    /// Whether they are ready for removal.
    pub stale: bool,
}

/// The names without repetition; refused if there are too many.
pub(crate) fn distinct(names: &[String], limits: &Limits) -> Result<Vec<String>, Error> {
    let distinct: std::collections::BTreeSet<_> = names.iter().cloned().collect();
    if distinct.len() > limits.bulk {
        return Err(Error::bad_data(
            "/body/features",
            format!("At most {} features fit into one request.", limits.bulk),
        ));
    }
    Ok(distinct.into_iter().collect())
}

/// Marks several features of one project as ready for removal, or takes the mark off.
pub fn mark_stale(draft: &mut Draft, project: &str, input: &StaleFeatures) -> Result<(), Error> {
    for name in distinct(&input.features, draft.limits())? {
        let mut feature = (**find_live(draft, project, &name)?).clone();
        let before = feature.summary();
        feature.stale = input.stale;
        store_update(draft, &before, feature);
    }
    Ok(())
}

/// The feature's state in an environment of its project.
pub fn find_environment<'f>(feature: &'f Feature, environment: &str) -> Result<&'f FeatureEnvironment, Error> {
    feature.environments.get(environment).ok_or_else(|| {
        Error::bad_data("/params/environment", format!("The project has no environment \"{environment}\"."))
    })
}

/// The feature's state in an environment that a path names as a thing of its own.
pub fn find_named_environment<'f>(feature: &'f Feature, environment: &str) -> Result<&'f FeatureEnvironment, Error> {
    feature.environments.get(environment).ok_or_else(|| Error::not_found("environment of this project", environment))
}

/// Clones the feature and gives `change` its state in an environment to work on. One that is left on without any active
/// strategy is switched off: nobody would see it on.
pub(crate) fn with_environment<T>(
    draft: &mut Draft,
    (project, name, environment): (&str, &str, &str),
    change: impl FnOnce(&mut Draft, &Feature, &mut FeatureEnvironment) -> Result<T, Error>,
) -> Result<T, Error> {
    let before = std::sync::Arc::clone(find_live(draft, project, name)?);
    let mut state = find_environment(&before, environment)?.clone();
    let answer = change(draft, &before, &mut state)?;
    if state.enabled && state.strategies.iter().all(|strategy| strategy.disabled) {
        state.enabled = false;
        draft.record(NewEvent::new("feature-environment-disabled").feature(&before).environment(environment));
    }
    let mut feature = (*before).clone();
    feature.environments.insert(environment.to_owned(), state);
    draft.put(feature);
    Ok(answer)
}
