//! Feature types over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_model::features::FEATURE_TYPES;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The feature types.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureTypes)]
struct FeatureTypesView {
    /// The form of this answer: 1.
    version: u32,
    types: Vec<FeatureTypeView>,
}

/// A feature type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureType)]
struct FeatureTypeView {
    /// What features name.
    #[schema(example = "release")]
    id: &'static str,
    /// For people.
    name: &'static str,
    /// For people.
    description: &'static str,
    /// After how many days such a feature should be gone; never if null.
    lifetime_days: Option<u32>,
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
    app.view(&caller, &Need::login())?;
    let types = FEATURE_TYPES.iter().map(|&(id, name, description, lifetime_days)| FeatureTypeView {
        id,
        name,
        description,
        lifetime_days,
    });
    Ok(Json(FeatureTypesView { version: 1, types: types.collect() }))
}
