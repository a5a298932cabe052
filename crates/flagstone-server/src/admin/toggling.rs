//! Switching features on and off over HTTP.

use axum::extract::State;
use flagstone_model::commands::features::{self as commands, SwitchOn};
use flagstone_model::features::{DisabledStrategies, FeatureNames};
use flagstone_model::paths::{EnvironmentPath, Place};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(switch_on))
        .routes(routes!(switch_off))
        .routes(routes!(bulk_on))
        .routes(routes!(bulk_off))
}

/// What is asked when a feature is switched on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnQuery {
    should_activate_disabled_strategies: Option<bool>,
}

/// Switch a feature on in an environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/on",
    operation_id = "toggleFeatureEnvironmentOn",
    tag = "Features",
    params(
        (
            "shouldActivateDisabledStrategies" = Option<bool>,
            Query,
            description = "Whether a feature that has none but disabled strategies gets them enabled",
        ),
    ),
    responses((status = 200, description = "The feature is on")),
)]
async fn switch_on(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
    query: Query<OnQuery>,
) -> Result<(), Failure> {
    let disabled_strategies = match query.parse()?.should_activate_disabled_strategies {
        Some(true) => DisabledStrategies::Activate,
        _ => DisabledStrategies::Keep,
    };
    app.commit_input::<commands::TurnOn>(&caller, place, SwitchOn { disabled_strategies }).await.map(drop)
}

/// Switch a feature off in an environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/off",
    operation_id = "toggleFeatureEnvironmentOff",
    tag = "Features",
    responses((status = 200, description = "The feature is off")),
)]
async fn switch_off(State(app): State<App>, caller: Caller, Path(place): Path<Place>) -> Result<(), Failure> {
    app.commit::<commands::TurnOff>(&caller, place, Body::none()).await.map(drop)
}

/// Switch several features on in an environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/on",
    operation_id = "bulkToggleFeaturesEnvironmentOn",
    tag = "Features",
    request_body = FeatureNames,
    responses((status = 200, description = "The features are on")),
)]
async fn bulk_on(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<EnvironmentPath>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    app.commit::<commands::TurnManyOn>(&caller, path, body).await.map(drop)
}

/// Switch several features off in an environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/bulk_features/environments/{environment}/off",
    operation_id = "bulkToggleFeaturesEnvironmentOff",
    tag = "Features",
    request_body = FeatureNames,
    responses((status = 200, description = "The features are off")),
)]
async fn bulk_off(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<EnvironmentPath>,
    body: Body<FeatureNames>,
) -> Result<(), Failure> {
    app.commit::<commands::TurnManyOff>(&caller, path, body).await.map(drop)
}
