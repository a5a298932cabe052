//! What users can do to their favorites: the rules ask who they are, and what they may see.

use super::operations;
use crate::favorites;
use crate::paths::{FeaturePath, ProjectPath};
use crate::permissions::Need;

operations! {
    /// Takes a feature among the favorites.
    AddFeature = "addFavoriteFeature" (path: FeaturePath, (): ()) -> () {
        needs |_| Need::login();
        does |draft| favorites::add_feature(draft, &path.project, &path.feature);
    }
    /// Takes a feature out of the favorites.
    RemoveFeature = "removeFavoriteFeature" (path: FeaturePath, (): ()) -> () {
        needs |_| Need::login();
        does |draft| favorites::remove_feature(draft, &path.project, &path.feature);
    }
    /// Takes a project among the favorites.
    AddProject = "addFavoriteProject" (path: ProjectPath, (): ()) -> () {
        needs |_| Need::login();
        does |draft| favorites::add_project(draft, &path.project);
    }
    /// Takes a project out of the favorites.
    RemoveProject = "removeFavoriteProject" (path: ProjectPath, (): ()) -> () {
        needs |_| Need::login();
        does |draft| favorites::remove_project(draft, &path.project);
    }
}
