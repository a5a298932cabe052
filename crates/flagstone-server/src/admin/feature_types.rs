//! Feature types over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_model::commands::feature_types as commands;
use flagstone_model::feature_types::{self, FeatureType, FeatureTypeLifetime};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set_lifetime))
}

/// The feature types.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureTypes)]
struct FeatureTypesView {
    /// The form of this answer: 1.
    version: u32,
    types: Vec<FeatureType>,
}

/// List the feature types
#[utoipa::path(
    get,
    path = "/api/admin/feature-types",
    operation_id = "getAllFeatureTypes",
    tag = "Features",
    responses((status = 200, body = FeatureTypesView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<FeatureTypesView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(FeatureTypesView { version: 1, types: feature_types::all(&seen).collect() }))
}

/// Say how long features of a type should live
#[utoipa::path(
    put,
    path = "/api/admin/feature-types/{id}/lifetime",
    operation_id = "updateFeatureTypeLifetime",
    tag = "Features",
    request_body = FeatureTypeLifetime,
    responses((status = 200, body = FeatureType)),
)]
async fn set_lifetime(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<FeatureTypeLifetime>,
) -> Result<Json<FeatureType>, Failure> {
    Ok(Json(app.commit::<commands::SetLifetime>(&caller, id, body).await?.value))
}
