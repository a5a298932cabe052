//! What can be done to features.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations;
use crate::features::{
    self, CloneFeature, CreateFeature, DependencyInput, DisabledStrategies, FeatureNames, FeatureSummary, PushVariants,
    SortOrder, StaleFeatures, Strategy, StrategyChange, StrategyInput, UpdateFeature, Variant,
};
use crate::patches::JsonPatch;
use crate::paths::{DependencyPath, EnvironmentPath, FeaturePath, Place, ProjectPath, StrategyPath};
use crate::permissions::{Need, Permission as P};
use crate::state::State;

/// Strategies with their places.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StrategyOrder(pub Vec<SortOrder>);

/// A feature's own variants.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VariantList(pub Vec<Variant>);

/// How a feature is switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchOn {
    /// What happens to its disabled strategies.
    pub disabled_strategies: DisabledStrategies,
}

/// Where a path names no project, what is needed in the feature's own; enough to be told that there is no such feature.
pub(super) fn in_own_project(state: &State, name: &str, permission: P) -> Need {
    match state.features.get(name) {
        Some(feature) => Need::project(&feature.project, &[permission]),
        None => Need::anywhere(&[permission]),
    }
}

operations! {
    /// Creates a feature, off in every environment of its project.
    Create = "createFeature" (path: ProjectPath, input: CreateFeature) -> FeatureSummary {
        needs |_| path.need(&[P::CreateFeature]);
        does |draft| features::create(draft, &path.project, input);
    }
    /// Replaces a feature's own properties.
    Update = "updateFeature" (path: FeaturePath, input: UpdateFeature) -> FeatureSummary {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::update(draft, &path.project, &path.feature, input);
    }
    /// Changes a feature's own properties by a JSON patch.
    Patch = "patchFeature" (path: FeaturePath, patch: JsonPatch) -> FeatureSummary {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::patch(draft, &path.project, &path.feature, &patch.parse()?);
    }
    /// Copies a feature within its project.
    Clone = "cloneFeature" (path: FeaturePath, input: CloneFeature) -> FeatureSummary {
        needs |_| path.need(&[P::CreateFeature]);
        does |draft| features::duplicate(draft, &path.project, &path.feature, input);
    }
    /// Marks features as ready for removal, or takes the mark off.
    MarkStale = "staleFeatures" (path: ProjectPath, input: StaleFeatures) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::mark_stale(draft, &path.project, &input);
    }
    /// Archives a feature.
    Archive = "archiveFeature" (path: FeaturePath, (): ()) -> () {
        needs |_| path.need(&[P::DeleteFeature]);
        does |draft| features::archive(draft, &path.project, &path.feature);
    }
    /// Archives several features.
    ArchiveMany = "archiveFeatures" (path: ProjectPath, input: FeatureNames) -> () {
        needs |_| path.need(&[P::DeleteFeature]);
        does |draft| features::archive_many(draft, &path.project, &input.features);
    }
    /// Brings a feature back from the archive.
    Revive = "reviveFeature" (name: String, (): ()) -> () {
        needs |state| in_own_project(state, name, P::UpdateFeature);
        does |draft| features::revive(draft, name);
    }
    /// Brings several features back from the archive.
    ReviveMany = "reviveFeatures" (path: ProjectPath, input: FeatureNames) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::revive_many(draft, &path.project, &input.features);
    }
    /// Deletes an archived feature for good.
    Delete = "deleteFeature" (name: String, (): ()) -> () {
        needs |state| in_own_project(state, name, P::DeleteFeature);
        does |draft| features::delete(draft, name);
    }
    /// Deletes several archived features for good.
    DeleteMany = "deleteFeatures" (path: ProjectPath, input: FeatureNames) -> () {
        needs |_| path.need(&[P::DeleteFeature]);
        does |draft| features::delete_many(draft, &path.project, &input.features);
    }
    /// Makes a feature depend on another one.
    AddDependency = "addFeatureDependency" (path: FeaturePath, input: DependencyInput) -> () {
        needs |_| path.need(&[P::UpdateFeatureDependency]);
        does |draft| features::add_dependency(draft, &path.project, &path.feature, input).map(drop);
    }
    /// Ends the dependency of a feature on another one.
    RemoveDependency = "deleteFeatureDependency" (path: DependencyPath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateFeatureDependency]);
        does |draft| features::remove_dependency(draft, &path.project, &path.feature, &path.parent);
    }
    /// Ends all dependencies of a feature.
    RemoveDependencies = "deleteFeatureDependencies" (path: FeaturePath, (): ()) -> () {
        needs |_| path.need(&[P::UpdateFeatureDependency]);
        does |draft| features::remove_dependencies(draft, &path.project, &path.feature);
    }
    /// Adds a strategy to a feature in an environment.
    AddStrategy = "addFeatureStrategy" (place: Place, input: StrategyInput) -> Strategy {
        needs |_| place.need(&[P::CreateFeatureStrategy]);
        does |draft| features::add_strategy(draft, place.as_tuple(), input);
    }
    /// Changes a strategy.
    UpdateStrategy = "updateFeatureStrategy" (path: StrategyPath, input: StrategyChange) -> Strategy {
        needs |_| path.place.need(&[P::UpdateFeatureStrategy]);
        does |draft| features::update_strategy(draft, path.place.as_tuple(), &path.id, input);
    }
    /// Changes a strategy by a JSON patch.
    PatchStrategy = "patchFeatureStrategy" (path: StrategyPath, patch: JsonPatch) -> Strategy {
        needs |_| path.place.need(&[P::UpdateFeatureStrategy]);
        does |draft| features::patch_strategy(draft, path.place.as_tuple(), &path.id, &patch.parse()?);
    }
    /// Removes a strategy.
    RemoveStrategy = "deleteFeatureStrategy" (path: StrategyPath, (): ()) -> () {
        needs |_| path.place.need(&[P::DeleteFeatureStrategy]);
        does |draft| features::remove_strategy(draft, path.place.as_tuple(), &path.id);
    }
    /// Puts a feature's strategies into another order.
    SortStrategies = "setStrategySortOrder" (place: Place, order: StrategyOrder) -> () {
        needs |_| place.need(&[P::UpdateFeatureStrategy]);
        does |draft| features::sort_strategies(draft, place.as_tuple(), &order.0);
    }
    /// Switches a feature on in an environment.
    TurnOn = "toggleFeatureEnvironmentOn" (place: Place, input: SwitchOn) -> () {
        needs |_| place.need(&[P::UpdateFeatureEnvironment]);
        does |draft| features::switch_on(draft, place.as_tuple(), input.disabled_strategies);
    }
    /// Switches a feature off in an environment.
    TurnOff = "toggleFeatureEnvironmentOff" (place: Place, (): ()) -> () {
        needs |_| place.need(&[P::UpdateFeatureEnvironment]);
        does |draft| features::switch_off(draft, place.as_tuple());
    }
    /// Switches several features on in an environment.
    TurnManyOn = "bulkToggleFeaturesEnvironmentOn" (path: EnvironmentPath, input: FeatureNames) -> () {
        needs |_| path.need(&[P::UpdateFeatureEnvironment]);
        does |draft| features::bulk_toggle(draft, &path.project, &path.environment, &input.features, |draft, place| {
            features::switch_on(draft, place, DisabledStrategies::Keep)
        });
    }
    /// Switches several features off in an environment.
    TurnManyOff = "bulkToggleFeaturesEnvironmentOff" (path: EnvironmentPath, input: FeatureNames) -> () {
        needs |_| path.need(&[P::UpdateFeatureEnvironment]);
        does |draft| {
            features::bulk_toggle(draft, &path.project, &path.environment, &input.features, features::switch_off)
        };
    }
    /// Replaces a feature's own variants in an environment.
    OverwriteVariants = "overwriteEnvironmentFeatureVariants" (place: Place, variants: VariantList) -> Vec<Variant> {
        needs |_| place.need(&[P::UpdateFeatureEnvironmentVariants]);
        does |draft| features::overwrite_variants(draft, place.as_tuple(), variants.0);
    }
    /// Changes a feature's own variants in an environment by a JSON patch.
    PatchVariants = "patchEnvironmentsFeatureVariants" (place: Place, patch: JsonPatch) -> Vec<Variant> {
        needs |_| place.need(&[P::UpdateFeatureEnvironmentVariants]);
        does |draft| features::patch_variants(draft, place.as_tuple(), &patch.parse()?);
    }
    /// Replaces a feature's own variants in several environments; the rule asks again in each.
    Push = "overwriteFeatureVariantsOnEnvironments" (path: FeaturePath, input: PushVariants) -> Vec<Variant> {
        needs |_| Need::anywhere(&[P::UpdateFeatureEnvironmentVariants]);
        does |draft| features::push_variants(draft, &path.project, &path.feature, input);
    }
}
