//! What can be done to the links of features.

use super::operations;
use crate::features::{self, LinkInput};
use crate::paths::{FeaturePath, LinkPath};
use crate::permissions::{Need, Permission as P};

operations! {
    /// Adds a link to a feature.
    Add = "createFeatureLink" (path: FeaturePath, input: LinkInput) -> () {
        needs |_| path.need(&[P::UpdateFeature]);
        does |draft| features::add_link(draft, &path.project, &path.feature, input);
    }
    /// Changes a link of a feature.
    Update = "updateFeatureLink" (path: LinkPath, input: LinkInput) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateFeature]);
        does |draft| features::update_link(draft, &path.project, &path.feature, &path.link, input);
    }
    /// Removes a link of a feature.
    Remove = "deleteFeatureLink" (path: LinkPath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateFeature]);
        does |draft| features::remove_link(draft, &path.project, &path.feature, &path.link);
    }
}
