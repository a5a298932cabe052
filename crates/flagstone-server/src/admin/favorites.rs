//! Favorites over HTTP.

use axum::extract::State;
use flagstone_model::commands::favorites as commands;
use flagstone_model::paths::{FeaturePath, ProjectPath};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add_feature, remove_feature)).routes(routes!(add_project, remove_project))
}

/// Take a feature among one's favorites
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/favorites",
    operation_id = "addFavoriteFeature",
    tag = "Favorites",
    responses((status = 200, description = "The feature is a favorite")),
)]
async fn add_feature(State(app): State<App>, caller: Caller, Path(path): Path<FeaturePath>) -> Result<(), Failure> {
    app.commit::<commands::AddFeature>(&caller, path, Body::none()).await.map(drop)
}

/// Take a feature out of one's favorites
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}/favorites",
    operation_id = "removeFavoriteFeature",
    tag = "Favorites",
    responses((status = 200, description = "The feature is no favorite")),
)]
async fn remove_feature(State(app): State<App>, caller: Caller, Path(path): Path<FeaturePath>) -> Result<(), Failure> {
    app.commit::<commands::RemoveFeature>(&caller, path, Body::none()).await.map(drop)
}

/// Take a project among one's favorites
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/favorites",
    operation_id = "addFavoriteProject",
    tag = "Favorites",
    responses((status = 200, description = "The project is a favorite")),
)]
async fn add_project(State(app): State<App>, caller: Caller, Path(path): Path<ProjectPath>) -> Result<(), Failure> {
    app.commit::<commands::AddProject>(&caller, path, Body::none()).await.map(drop)
}

/// Take a project out of one's favorites
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/favorites",
    operation_id = "removeFavoriteProject",
    tag = "Favorites",
    responses((status = 200, description = "The project is no favorite")),
)]
async fn remove_project(State(app): State<App>, caller: Caller, Path(path): Path<ProjectPath>) -> Result<(), Failure> {
    app.commit::<commands::RemoveProject>(&caller, path, Body::none()).await.map(drop)
}
