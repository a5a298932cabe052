//! A feature's own variants over HTTP. New features use the variants of their strategies.

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_model::commands::features::{self as commands, VariantList};
use flagstone_model::features::{self, PushVariants, Variant};
use flagstone_model::patches::JsonPatch;
use flagstone_model::paths::{FeaturePath, Place};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, overwrite, patch)).routes(routes!(push))
}

/// A feature's variants in an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = Variants)]
struct VariantsView {
    /// The form of this answer: 1.
    version: u32,
    variants: Vec<Variant>,
}

/// List a feature's own variants in an environment
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants",
    operation_id = "getEnvironmentFeatureVariants",
    tag = "Features",
    responses((status = 200, body = VariantsView)),
)]
async fn list(State(app): State<App>, caller: Caller, Path(place): Path<Place>) -> Result<Json<VariantsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find(&seen, &place.project, &place.feature)?;
    let variants = features::find_environment(feature, &place.environment)?.variants.clone();
    Ok(Json(VariantsView { version: 1, variants }))
}

/// Replace a feature's own variants in an environment
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants",
    operation_id = "overwriteEnvironmentFeatureVariants",
    tag = "Features",
    request_body = VariantList,
    responses((status = 200, body = VariantsView)),
)]
async fn overwrite(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
    body: Body<VariantList>,
) -> Result<Json<VariantsView>, Failure> {
    let done = app.commit::<commands::OverwriteVariants>(&caller, place, body).await?;
    Ok(Json(VariantsView { version: 1, variants: done.value }))
}

/// Change a feature's own variants in an environment by a JSON patch
#[utoipa::path(
    patch,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/variants",
    operation_id = "patchEnvironmentsFeatureVariants",
    tag = "Features",
    request_body = JsonPatch,
    responses((status = 200, body = VariantsView)),
)]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
    body: Body<JsonPatch>,
) -> Result<Json<VariantsView>, Failure> {
    let done = app.commit::<commands::PatchVariants>(&caller, place, body).await?;
    Ok(Json(VariantsView { version: 1, variants: done.value }))
}

/// Replace a feature's own variants in several environments
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/features/{featureName}/variants-batch",
    operation_id = "overwriteFeatureVariantsOnEnvironments",
    tag = "Features",
    request_body = PushVariants,
    responses((status = 200, body = VariantsView)),
)]
async fn push(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<PushVariants>,
) -> Result<Json<VariantsView>, Failure> {
    let done = app.commit::<commands::Push>(&caller, path, body).await?;
    Ok(Json(VariantsView { version: 1, variants: done.value }))
}
