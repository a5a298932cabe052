//! The archive over HTTP: features that are put away, brought back, or deleted for good.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::features::{self, FeatureNames};
use flagstone_model::{Error, Need, Permission as P};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Failure;
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
#[utoipa::path(post, path = "/api/admin/archive/revive/{featureName}", operation_id = "reviveFeature", tag = "Archive", responses((status = 200, description = "The feature is back, switched off")))]
async fn revive(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    let need = Need::anywhere(&[P::UpdateFeature]);
    app.commit(&caller, &need, Body::none(), |draft, ()| {
        require_in_own_project(draft, &name, P::UpdateFeature)?;
        features::revive(draft, &name)
    })
    .await
    .map(drop)
}

/// Delete an archived feature for good
#[utoipa::path(delete, path = "/api/admin/archive/{featureName}", operation_id = "deleteFeature", tag = "Archive", responses((status = 200, description = "The feature is gone")))]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    let need = Need::anywhere(&[P::DeleteFeature]);
    app.commit(&caller, &need, Body::none(), |draft, ()| {
        require_in_own_project(draft, &name, P::DeleteFeature)?;
        features::delete(draft, &name)
    })
    .await?;
    app.forget_gone().await;
    Ok(())
}

/// The path names no project: the feature's own is read from the very state that the rule changes.
fn require_in_own_project(draft: &flagstone_model::Draft<'_>, name: &str, permission: P) -> Result<(), Error> {
    match draft.features.get(name) {
        Some(feature) => draft.require(&Need::project(&feature.project, &[permission])),
        None => Err(Error::not_found("feature", name)),
    }
}

/// Archive several features
#[utoipa::path(post, path = "/api/admin/projects/{projectId}/archive", operation_id = "archiveFeatures", tag = "Archive", request_body = FeatureNames, responses((status = 202, description = "The features are archived")))]
async fn archive_many(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<FeatureNames>,
) -> Result<StatusCode, Failure> {
    let need = Need::project(&project, &[P::DeleteFeature]);
    app.commit(&caller, &need, body, |draft, input: FeatureNames| {
        features::archive_many(draft, &project, &input.features)
    })
    .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Tell which features cannot be archived because others depend on them
#[utoipa::path(post, path = "/api/admin/projects/{projectId}/archive/validate", operation_id = "validateArchiveFeatures", tag = "Archive", request_body = FeatureNames, responses((status = 200, body = ArchiveValidation)))]
async fn validate_archive(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<FeatureNames>,
) -> Result<Json<ArchiveValidation>, Failure> {
    let snapshot = app.view(&caller, &Need::project(&project, &[P::DeleteFeature]))?;
    let names = body.parse(app.schemas())?.features;
    let state = &snapshot.state;
    let has_parent = |name: &String| features::find(state, &project, name).is_ok_and(|f| !f.dependencies.is_empty());
    Ok(Json(ArchiveValidation {
        parents_with_child_features: features::validate_archive(state, &project, &names, app.limits())?,
        has_deleted_dependencies: names.iter().any(has_parent),
    }))
}

/// Bring several features back from the archive
#[utoipa::path(post, path = "/api/admin/projects/{projectId}/revive", operation_id = "reviveFeatures", tag = "Archive", request_body = FeatureNames, responses((status = 200, description = "The features are back, switched off")))]
async fn revive_many(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    let need = Need::project(&project, &[P::UpdateFeature]);
    app.commit(&caller, &need, body, |draft, input: FeatureNames| {
        features::revive_many(draft, &project, &input.features)
    })
    .await
    .map(drop)
}

/// Delete several archived features for good
#[utoipa::path(post, path = "/api/admin/projects/{projectId}/delete", operation_id = "deleteFeatures", tag = "Archive", request_body = FeatureNames, responses((status = 200, description = "The features are gone")))]
async fn delete_many(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    let need = Need::project(&project, &[P::DeleteFeature]);
    app.commit(&caller, &need, body, |draft, input: FeatureNames| {
        features::delete_many(draft, &project, &input.features)
    })
    .await?;
    app.forget_gone().await;
    Ok(())
}
