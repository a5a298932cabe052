//! Segments: constraints that many strategies share.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::constraints::{Constraint, check_all};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features::{Feature, Strategy};
use crate::index::Users;
use crate::limits::Limits;
use crate::names::{check_free_name, check_text};
use crate::permissions::{Need, Permission};
use crate::projects::{self, Project};
use crate::state::{Document, State};
use crate::time::Timestamp;

/// A named list of constraints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Never given out twice.
    pub id: i64,
    /// Unique.
    #[schema(example = "beta testers")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// The only project whose strategies can use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// All must hold.
    pub constraints: Vec<Constraint>,
    /// Who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A new segment, or what one becomes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentInput {
    /// Unique.
    #[schema(example = "beta testers")]
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// The only project whose strategies can use it; all if omitted.
    #[serde(default)]
    pub project: Option<String>,
    /// All must hold.
    pub constraints: Vec<Constraint>,
}

/// A strategy that uses a segment, with the feature it belongs to.
pub struct Use<'s> {
    /// The feature.
    pub feature: &'s Arc<Feature>,
    /// The environment.
    pub environment: &'s str,
    /// The strategy.
    pub strategy: &'s Strategy,
}

/// Where strategies of live features have a constraint on a context field.
pub fn uses_of_field<'s>(state: &'s State, name: &str) -> Vec<Use<'s>> {
    uses(state, state.features.index().of_field(name), |s| s.constraints.iter().any(|c| c.context_name == name))
}

/// The segments with a constraint on a context field.
pub fn segments_on_field<'s>(state: &'s State, name: &str) -> impl Iterator<Item = &'s Arc<Segment>> {
    state.segments.values().filter(move |segment| segment.constraints.iter().any(|c| c.context_name == name))
}

/// Where strategies of live features are of a type.
pub fn uses_of_strategy_type<'s>(state: &'s State, name: &str) -> Vec<Use<'s>> {
    uses(state, state.features.index().of_strategy_type(name), |s| s.name == name)
}

/// The strategies for which `uses_it` holds, of those features.
fn uses<'s>(state: &'s State, users: Option<&Users>, uses_it: impl Fn(&Strategy) -> bool) -> Vec<Use<'s>> {
    let features = users.into_iter().flat_map(|users| &users.features).filter_map(|name| state.features.get(name));
    features.flat_map(places).filter(|place| uses_it(place.strategy)).collect()
}

/// The strategies of a feature, each at its place.
fn places(feature: &Arc<Feature>) -> impl Iterator<Item = Use<'_>> {
    feature.environments.iter().flat_map(move |(environment, there)| {
        there.strategies.iter().map(move |strategy| Use { feature, environment, strategy })
    })
}

/// Everything that names a segment, and so keeps it from being deleted.
pub struct Holders<'s> {
    /// Strategies of live features.
    pub live: Vec<Use<'s>>,
    /// Strategies of archived features, which may come back.
    pub archived: Vec<Use<'s>>,
    /// Default strategies of projects' environments, archived projects' too: what is switched on gets a copy.
    pub defaults: Vec<(&'s Arc<Project>, &'s str)>,
}

impl Holders<'_> {
    /// In words; nothing if nothing holds it.
    fn described(&self) -> Option<String> {
        let features: BTreeSet<_> =
            self.live.iter().chain(&self.archived).map(|u| format!("\"{}\"", u.feature.name)).collect();
        let defaults = self.defaults.iter().map(|(project, environment)| {
            format!("the default strategy of the project \"{}\" in {environment}", project.id)
        });
        let all: Vec<_> = features.into_iter().chain(defaults).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// Everything that names the segment.
pub fn holders(state: &State, id: i64) -> Holders<'_> {
    let of_features = uses(state, state.features.index().of_segment(id), |s| s.segments.contains(&id));
    let (archived, live) = of_features.into_iter().partition(|u| u.feature.is_archived());
    let defaults = state.projects.index().defaults_with(id);
    let defaults = defaults.filter_map(|(project, environment)| Some((state.projects.get(project)?, environment)));
    Holders { live, archived, defaults: defaults.collect() }
}

/// The projects in which a segment is named, as [`holders`] says.
pub fn projects_holding(state: &State, id: i64) -> BTreeSet<&str> {
    let users = state.features.index().of_segment(id);
    let of_features = users.into_iter().flat_map(|users| users.projects.keys().map(String::as_str));
    of_features.chain(state.projects.index().defaults_with(id).map(|(project, _)| project)).collect()
}

/// In how many features a segment is named, archived ones included.
pub fn count_features_holding(state: &State, id: i64) -> usize {
    state.features.index().of_segment(id).map_or(0, |users| users.features.len())
}

/// Whether strategies of the project can use the segment.
pub(crate) fn is_usable(state: &State, id: i64, project: &str) -> bool {
    state.segments.get(&id).is_some_and(|s| s.project.as_deref().is_none_or(|p| p == project))
}

/// Fails if strategies that are about to be copied or to come back name a segment that their project cannot use.
pub(crate) fn check_references<'a>(
    state: &State,
    project: &str,
    segments: impl IntoIterator<Item = &'a i64>,
) -> Result<(), Error> {
    match segments.into_iter().find(|id| !is_usable(state, **id, project)) {
        Some(id) => Err(Error::Conflict(format!("A strategy names the segment {id}, which this project cannot use."))),
        None => Ok(()),
    }
}

/// The environments and projects in which a live feature uses the segment: those whose SDKs see it. A default strategy
/// is not delivered before something is switched on with it.
pub(crate) fn places_using(state: &State, id: i64) -> BTreeSet<(String, String)> {
    holders(state, id).live.into_iter().map(|u| (u.environment.to_owned(), u.feature.project.clone())).collect()
}

/// Fails if no segment can have this name; `except` is the segment that may keep it.
pub fn validate_name(state: &State, name: &str, except: Option<i64>) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/body/name", name);
    faults.check()?;
    if state.segments.values().any(|s| s.name == name && Some(s.id) != except) {
        return Err(Error::name_exists("segment", name));
    }
    Ok(())
}

/// Creates a segment. One of a project needs rights in that project.
pub fn create(draft: &mut Draft, input: SegmentInput) -> Result<Arc<Segment>, Error> {
    require(draft, Permission::CreateSegment, input.project.as_deref())?;
    check(draft, &input)?;
    validate_name(draft, &input.name, None)?;
    Limits::room("segments", draft.segments.len(), draft.limits().segments)?;
    let segment = Segment {
        id: draft.next_id::<Segment>(1),
        name: input.name,
        description: input.description,
        project: input.project,
        constraints: input.constraints,
        created_by: draft.actor().name.clone(),
        created_at: draft.now(),
    };
    draft.record(event("segment-created", &segment).data(&segment));
    Ok(draft.put(segment))
}

/// The segment, if who asks may see it: one of a private project of others is as none at all.
fn find_seen(draft: &Draft, id: i64) -> Result<Arc<Segment>, Error> {
    let segment = draft.segments.find(&id)?;
    match &segment.project {
        Some(project) if projects::is_hidden(draft, project) => Err(Error::not_found(Segment::KIND, id)),
        _ => Ok(Arc::clone(segment)),
    }
}

/// Replaces a segment's name, project and constraints, and its description if there is a new one.
pub fn update(draft: &mut Draft, id: i64, input: SegmentInput) -> Result<Arc<Segment>, Error> {
    let before = find_seen(draft, id)?;
    require(draft, Permission::UpdateSegment, before.project.as_deref())?;
    require(draft, Permission::UpdateSegment, input.project.as_deref())?;
    check(draft, &input)?;
    validate_name(draft, &input.name, Some(id))?;
    if let Some(project) = &input.project {
        // In the archive or as a default as well: those who may change the segment would change who gets another
        // project's features.
        if projects_holding(draft, id).iter().any(|other| other != project) {
            return Err(Error::bad_data(
                "/body/project",
                "Strategies of other projects use this segment, perhaps in the archive or by default.",
            ));
        }
    }
    let after = Segment {
        name: input.name,
        description: input.description.or_else(|| before.description.clone()),
        project: input.project,
        constraints: input.constraints,
        ..(*before).clone()
    };
    if after != *before {
        draft.record(event("segment-updated", &after).data(&after).pre_data(&*before));
    }
    Ok(draft.put(after))
}

/// Deletes a segment that no strategy uses, be it in the archive or a project's default.
pub fn delete(draft: &mut Draft, id: i64) -> Result<(), Error> {
    let segment = find_seen(draft, id)?;
    require(draft, Permission::DeleteSegment, segment.project.as_deref())?;
    if let Some(used_by) = holders(draft, id).described() {
        return Err(Error::Conflict(format!("The segment \"{}\" is used by strategies of: {used_by}.", segment.name)));
    }
    remove(draft, &segment);
    Ok(())
}

/// Deletes the segments of a project that is about to be deleted.
pub(crate) fn delete_of_project(draft: &mut Draft, project: &str) {
    let segments: Vec<_> = draft.segments.values().filter(|s| s.project.as_deref() == Some(project)).cloned().collect();
    for segment in segments {
        remove(draft, &segment);
    }
}

fn remove(draft: &mut Draft, segment: &Segment) {
    draft.record(event("segment-deleted", segment).pre_data(segment));
    draft.delete::<Segment>(&segment.id);
}

fn require(draft: &Draft, root: Permission, project: Option<&str>) -> Result<(), Error> {
    match project {
        Some(project) => draft.require(&Need::project(project, &[root, Permission::UpdateProjectSegment])),
        None => draft.require(&Need::root(&[root])),
    }
}

fn check(draft: &Draft, input: &SegmentInput) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_text(&mut faults, "/body/description", input.description.as_deref());
    let limits = draft.limits();
    check_all(&mut faults, "/body/constraints", &input.constraints, (draft, limits), limits.segment_values);
    let values: usize = input.constraints.iter().map(|c| c.values.len()).sum();
    if values > draft.limits().segment_values {
        faults.add(
            "/body/constraints",
            format!("The constraints hold {values} values; at most {} are allowed.", draft.limits().segment_values),
        );
    }
    if let Some(project) = &input.project
        && projects::find_seen(draft, project).is_err()
    {
        faults.add("/body/project", format!("There is no project \"{project}\"."));
    }
    faults.check()
}

fn event(kind: &'static str, segment: &Segment) -> NewEvent {
    let event = NewEvent::new(kind);
    match &segment.project {
        Some(project) => event.project(project),
        None => event,
    }
}

/// The segments of one strategy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StrategySegments {
    /// The feature's project.
    pub project_id: String,
    /// The strategy.
    pub strategy_id: String,
    /// The environment.
    pub environment_id: String,
    /// The segments' ids.
    pub segment_ids: Vec<i64>,
}

/// The live feature and environment that a strategy belongs to.
pub fn strategy_place<'s>(state: &'s State, strategy_id: &str) -> Result<Use<'s>, Error> {
    let live = state.features.values().filter(|feature| !feature.is_archived());
    let found = live.flat_map(places).find(|place| place.strategy.id == strategy_id);
    found.ok_or_else(|| Error::not_found("strategy", strategy_id))
}

/// Replaces the segments of one strategy.
pub fn set_of_strategy(draft: &mut Draft, input: &StrategySegments) -> Result<(), Error> {
    let (project, feature, environment) = {
        let place = strategy_place(draft, &input.strategy_id)?;
        (place.feature.project.clone(), place.feature.name.clone(), place.environment.to_owned())
    };
    if project != input.project_id || environment != input.environment_id {
        return Err(Error::not_found("strategy", &input.strategy_id));
    }
    let change = crate::features::StrategyChange { segments: Some(input.segment_ids.clone()), ..Default::default() };
    crate::features::update_strategy(draft, (&project, &feature, &environment), &input.strategy_id, change).map(drop)
}
