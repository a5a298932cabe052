//! Dependencies between features over HTTP.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_model::commands::features as commands;
use flagstone_model::features::{self, DependencyInput};
use flagstone_model::paths::{DependencyPath, FeaturePath};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(exist))
        .routes(routes!(add, remove_all))
        .routes(routes!(remove))
        .routes(routes!(list_parents))
        .routes(routes!(list_parent_variants))
}

/// Tell whether a project has any dependency between features
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/dependencies",
    operation_id = "checkDependenciesExist",
    tag = "Dependencies",
    responses((status = 200, description = "Whether there is any", body = bool, content_type = "application/json")),
)]
async fn exist(State(app): State<App>, caller: Caller, Path(project): Path<String>) -> Result<Json<bool>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let exist = features::of_project(&seen, &project, false).any(|f| !f.dependencies.is_empty());
    Ok(Json(exist))
}

/// Make a feature depend on another one; it has at most one parent
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/dependencies",
    operation_id = "addFeatureDependency",
    tag = "Dependencies",
    request_body = DependencyInput,
    responses((status = 200, description = "The dependency is there")),
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<DependencyInput>,
) -> Result<(), Failure> {
    app.commit::<commands::AddDependency>(&caller, path, body).await.map(drop)
}

/// End all dependencies of a feature
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}/dependencies",
    operation_id = "deleteFeatureDependencies",
    tag = "Dependencies",
    responses((status = 200, description = "The feature depends on nothing")),
)]
async fn remove_all(State(app): State<App>, caller: Caller, Path(path): Path<FeaturePath>) -> Result<(), Failure> {
    app.commit::<commands::RemoveDependencies>(&caller, path, Body::none()).await.map(drop)
}

/// End the dependency of a feature on another one
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}/dependencies/{parent}",
    operation_id = "deleteFeatureDependency",
    tag = "Dependencies",
    responses((status = 200, description = "The dependency is gone")),
)]
async fn remove(State(app): State<App>, caller: Caller, Path(path): Path<DependencyPath>) -> Result<(), Failure> {
    app.commit::<commands::RemoveDependency>(&caller, path, Body::none()).await.map(drop)
}

/// List the features that a feature could depend on
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/parents",
    operation_id = "listParentOptions",
    tag = "Dependencies",
    responses((status = 200, body = Vec<String>)),
)]
async fn list_parents(
    State(app): State<App>,
    caller: Caller,
    Path((project, child)): Path<(String, String)>,
) -> Result<Json<Vec<String>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    features::find_live(&seen, &project, &child)?;
    let candidates =
        features::of_project(&seen, &project, false).filter(|f| f.name != child && f.dependencies.is_empty());
    Ok(Json(candidates.map(|f| f.name.clone()).collect()))
}

/// List the variants of a feature that others could depend on
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/parent-variants",
    operation_id = "listParentVariantOptions",
    tag = "Dependencies",
    responses((status = 200, body = Vec<String>)),
)]
async fn list_parent_variants(
    State(app): State<App>,
    caller: Caller,
    Path((project, parent)): Path<(String, String)>,
) -> Result<Json<BTreeSet<String>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &project, &parent)?;
    Ok(Json(features::variant_names(feature)))
}
