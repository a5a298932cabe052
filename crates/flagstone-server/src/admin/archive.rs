//! The archive over HTTP: features that are put away, brought back, or deleted for good.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::features as commands;
use flagstone_model::features::{self, FeatureNames};
use flagstone_model::paths::ProjectPath;
use flagstone_model::{Need, Permission as P};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(revive))
        .routes(routes!(delete))
        .routes(routes!(archive_many))
        .routes(routes!(validate_archive))
        .routes(routes!(revive_many))
        .routes(routes!(delete_many))
}

/// Which features cannot be archived.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ArchiveValidation {
    /// Those that others depend on.
    parents_with_child_features: Vec<String>,
    /// Whether archiving ends dependencies.
    has_deleted_dependencies: bool,
}

/// Bring a feature back from the archive
#[utoipa::path(
    post,
    path = "/api/admin/archive/revive/{featureName}",
    operation_id = "reviveFeature",
    tag = "Archive",
    responses((status = 200, description = "The feature is back, switched off")),
)]
async fn revive(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Revive>(&caller, name, Body::none()).await.map(drop)
}

/// Delete an archived feature for good
#[utoipa::path(
    delete,
    path = "/api/admin/archive/{featureName}",
    operation_id = "deleteFeature",
    tag = "Archive",
    responses((status = 200, description = "The feature is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, name, Body::none()).await.map(drop)
}

/// Archive several features
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/archive",
    operation_id = "archiveFeatures",
    tag = "Archive",
    request_body = FeatureNames,
    responses((status = 202, description = "The features are archived")),
)]
async fn archive_many(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<FeatureNames>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::ArchiveMany>(&caller, path, body).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Tell which features cannot be archived because others depend on them
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/archive/validate",
    operation_id = "validateArchiveFeatures",
    tag = "Archive",
    request_body = FeatureNames,
    responses((status = 200, body = ArchiveValidation)),
)]
async fn validate_archive(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<FeatureNames>,
) -> Result<Json<ArchiveValidation>, Failure> {
    let seen = app.view(&caller, &Need::project(&project, &[P::DeleteFeature]))?;
    let names = body.parse(app.schemas())?.features;
    let state = &seen;
    let has_parent = |name: &String| features::find(state, &project, name).is_ok_and(|f| !f.dependencies.is_empty());
    Ok(Json(ArchiveValidation {
        parents_with_child_features: features::validate_archive(state, &project, &names, app.limits())?,
        has_deleted_dependencies: names.iter().any(has_parent),
    }))
}

/// Bring several features back from the archive
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/revive",
    operation_id = "reviveFeatures",
    tag = "Archive",
    request_body = FeatureNames,
    responses((status = 200, description = "The features are back, switched off")),
)]
async fn revive_many(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    app.commit::<commands::ReviveMany>(&caller, path, body).await.map(drop)
}

/// Delete several archived features for good
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/delete",
    operation_id = "deleteFeatures",
    tag = "Archive",
    request_body = FeatureNames,
    responses((status = 200, description = "The features are gone")),
)]
async fn delete_many(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    app.commit::<commands::DeleteMany>(&caller, path, body).await.map(drop)
}
