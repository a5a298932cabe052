//! What stands in the way of an import, what whoever imports ought to know, and what they may not do.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::ImportInput;
use crate::context_fields::find_usable;
use crate::error::{Error, Faults};
use crate::features::{Feature, FeatureEnvironment};
use crate::permissions::{Need, Permission, Principal, allowed};
use crate::segments::is_usable;
use crate::state::State;
use crate::strategy_definitions;
use crate::time::Timestamp;

/// What becomes of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportValidation)]
pub struct Validation {
    /// What makes it impossible; each has to be put right first.
    pub errors: Vec<Finding>,
    /// What ought to be known before it is done.
    pub warnings: Vec<Finding>,
    /// The permissions that are missing.
    pub permissions: Vec<Finding>,
}

/// Something about an import, with all that it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportFinding)]
pub struct Finding {
    /// What it is, for people.
    pub message: String,
    /// What it holds for: names of features, strategies, segments, context fields or permissions.
    pub affected_items: Vec<String>,
}

impl Finding {
    pub(super) fn new(message: &str, affected_items: Vec<String>) -> Self {
        Self { message: message.to_owned(), affected_items }
    }
}

/// What a look at the state tells of an import.
pub(super) struct Review {
    /// Features that stand in the data more than once.
    pub duplicates: Vec<String>,
    /// What else makes it impossible, each with its place in the body.
    pub obstacles: Vec<(&'static str, Finding)>,
    pub warnings: Vec<Finding>,
}

impl Review {
    pub fn errors(&self) -> impl Iterator<Item = Finding> + '_ {
        let duplicates = (!self.duplicates.is_empty())
            .then(|| Finding::new("These features stand in the data more than once:", self.duplicates.clone()));
        self.obstacles.iter().map(|(_, finding)| finding.clone()).chain(duplicates)
    }

    /// Fails if something makes the import impossible.
    pub fn refuse(&self) -> Result<(), Error> {
        let mut faults = Faults::default();
        for (place, Finding { message, affected_items }) in &self.obstacles {
            for item in affected_items {
                faults.add(*place, format!("{message} {item}."));
            }
        }
        faults.check()?;
        self.duplicates.first().map_or(Ok(()), |name| Err(Error::name_exists("feature", name)))
    }
}

/// The names of those features of the data that an import leaves out: they are archived, here or where they come from.
pub(super) fn left_out<'i>(seen: &State, input: &'i ImportInput) -> BTreeSet<&'i str> {
    let is_archived_here = |name: &str| {
        seen.features.get(name).is_some_and(|feature| feature.project == input.project && feature.is_archived())
    };
    let archived = input.data.features.iter().filter(|f| f.archived == Some(true) || is_archived_here(&f.name));
    archived.map(|feature| feature.name.as_str()).collect()
}

/// Looks at an import from what `seen` shows.
pub(super) fn review(seen: &State, input: &ImportInput) -> Review {
    let ImportInput { project, data, .. } = input;
    let mut obstacles = Vec::new();
    let mut obstacle = |place, message, items: Vec<String>| {
        if !items.is_empty() {
            obstacles.push((place, Finding::new(message, items)));
        }
    };
    let names: BTreeSet<&str> = data.features.iter().map(|feature| feature.name.as_str()).collect();
    let there = || names.iter().filter_map(|name| seen.features.get(*name));
    let elsewhere = there().filter(|feature| feature.project != *project);
    obstacle(
        "/body/data/features",
        "A feature belongs to one project; these belong to others:",
        elsewhere.map(|feature| format!("{} (in project {})", feature.name, feature.project)).collect(),
    );
    let (known, unknown): (BTreeSet<&str>, BTreeSet<&str>) = data
        .feature_strategies
        .iter()
        .map(|strategy| strategy.name.as_str())
        .filter(|name| strategy_definitions::find(name).is_none())
        .partition(|name| seen.strategy_types.contains(*name));
    obstacle("/body/data/featureStrategies", "These types of strategies have to be made first:", owned(unknown));
    let fields = data.context_fields.iter().filter(|field| match find_usable(seen, project, &field.name) {
        Ok(there) => field.legal_values.iter().any(|v| !there.legal_values.iter().any(|t| t.value == v.value)),
        Err(_) => seen.context_fields.contains(field.name.as_str()),
    });
    obstacle(
        "/body/data/contextFields",
        "The values that these context fields have in the data are not all legal here, or the fields are another project's:",
        owned(fields.map(|field| field.name.as_str()).collect()),
    );
    let segments = data.segments.iter().map(|segment| segment.name.as_str());
    let segments = segments.filter(|name| segment_called(seen, project, name).is_none());
    obstacle("/body/data/segments", "These segments have to be made first:", owned(segments.collect()));
    let parents = data.dependencies.iter().flat_map(|d| &d.dependencies).map(|parent| parent.feature.as_str());
    let parents = parents.filter(|name| {
        !names.contains(name) && seen.features.get(*name).is_none_or(|feature| feature.project != *project)
    });
    obstacle(
        "/body/data/dependencies",
        "These features, which others depend on, have to be made first:",
        owned(parents.collect()),
    );

    let mut warnings = Vec::new();
    let mut warning = |message, items: Vec<String>| {
        if !items.is_empty() {
            warnings.push(Finding::new(message, items));
        }
    };
    warning("These types of strategies are used: see that they take the same parameters as at home:", owned(known));
    let left_out = left_out(seen, input);
    warning("These features are archived and are left out:", owned(left_out.clone()));
    let replaced = there().filter(|feature| feature.project == *project && !left_out.contains(feature.name.as_str()));
    warning("These features are there and are replaced:", replaced.map(|feature| feature.name.clone()).collect());

    let mut met = BTreeSet::new();
    let twice = data.features.iter().map(|feature| feature.name.as_str()).filter(|name| !met.insert(*name));
    Review { duplicates: owned(twice.collect()), obstacles, warnings }
}

fn owned(names: BTreeSet<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The segment of this name that a project can use.
pub(super) fn segment_called(state: &State, project: &str, name: &str) -> Option<i64> {
    let mut called = state.segments.values().filter(|segment| segment.name == name);
    called.find(|segment| is_usable(state, segment.id, project)).map(|segment| segment.id)
}

/// The permissions that an import takes and `principal` does not have.
pub(super) fn missing(state: &State, principal: &Principal, now: Timestamp, input: &ImportInput) -> Vec<Permission> {
    let needs = needs(state, input);
    let lacks = |need: &Need| allowed(state, principal, need, now).is_err();
    let missing: BTreeMap<_, _> =
        needs.iter().filter(|need| lacks(need)).flat_map(|need| need.any_of.iter().map(|p| (p.name(), *p))).collect();
    missing.into_values().collect()
}

/// What each of the changes would take if it was made by itself.
fn needs(state: &State, input: &ImportInput) -> Vec<Need> {
    use Permission as P;
    let ImportInput { project, environment, data } = input;
    let of_project = |permission| Need::project(project, &[permission]);
    let of_environment = |permission| Need::environment(project, environment, &[permission]);
    let mut needs = vec![of_project(P::UpdateFeature), of_environment(P::DeleteFeatureStrategy)];
    let mut need = |is_needed: bool, need: Need| {
        if is_needed {
            needs.push(need);
        }
    };
    let there = |name: &str| {
        state.features.get(name).and_then(|feature: &std::sync::Arc<Feature>| feature.environments.get(environment))
    };
    let changes = |differs: fn(&FeatureEnvironment, &super::TransferEnvironment) -> bool| {
        let nothing = FeatureEnvironment::default();
        data.feature_environments.iter().any(|e| differs(there(e.feature()).unwrap_or(&nothing), e))
    };
    need(data.features.iter().any(|f| !state.features.contains(f.name.as_str())), of_project(P::CreateFeature));
    need(!data.feature_strategies.is_empty(), of_environment(P::CreateFeatureStrategy));
    need(
        changes(|there, e| !there.variants.is_empty() || !e.variants.is_empty()),
        of_environment(P::UpdateFeatureEnvironmentVariants),
    );
    need(changes(|there, e| there.enabled != e.enabled), of_environment(P::UpdateFeatureEnvironment));
    need(!data.dependencies.is_empty(), of_project(P::UpdateFeatureDependency));
    let new_field = data.context_fields.iter().any(|field| !state.context_fields.contains(field.name.as_str()));
    need(new_field, Need::root(&[P::CreateContextField]));
    let new_type = data.tag_types.iter().any(|kind| !state.tag_types.contains(kind.name.as_str()));
    need(new_type, Need::root(&[P::CreateTagType]));
    needs
}
