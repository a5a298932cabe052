//! What can be done to the lives of features.

use super::operations;
use crate::features::{self, CompleteFeature, ReachedStage};
use crate::paths::FeaturePath;
use crate::permissions::{Need, Permission as P};

operations! {
    /// Says that a feature is done.
    Complete = "complete" (path: FeaturePath, input: CompleteFeature) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::complete(draft, &path.project, &path.feature, &input);
    }
    /// Says that a feature is not done after all.
    Uncomplete = "uncomplete" (path: FeaturePath, (): ()) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::uncomplete(draft, &path.project, &path.feature);
    }
    /// Lets features enter the stages that usage shows.
    EnterStages = "enterFeatureStages" ((): (), reached: Vec<ReachedStage>) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| {
            features::enter_stages(draft, &reached);
            Ok(())
        };
    }
}
