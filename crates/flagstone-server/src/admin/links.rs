//! Links of features over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::links as commands;
use flagstone_model::features::LinkInput;
use flagstone_model::paths::{FeaturePath, LinkPath};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(update, remove))
}

/// Add a link to a feature
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/link",
    operation_id = "createFeatureLink",
    tag = "Features",
    request_body = LinkInput,
    responses((status = 204, description = "The link is there")),
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<LinkInput>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::Add>(&caller, path, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change a link of a feature
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}",
    operation_id = "updateFeatureLink",
    tag = "Features",
    request_body = LinkInput,
    responses((status = 204, description = "The link is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<LinkPath>,
    body: Body<LinkInput>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::Update>(&caller, path, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a link of a feature
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}",
    operation_id = "deleteFeatureLink",
    tag = "Features",
    responses((status = 204, description = "The link is gone")),
)]
async fn remove(State(app): State<App>, caller: Caller, Path(path): Path<LinkPath>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Remove>(&caller, path, Body::none()).await?;
    Ok(StatusCode::NO_CONTENT)
}
