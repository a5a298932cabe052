//! Strategies of features over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::features::{self as commands, StrategyOrder};
use flagstone_model::constraints::Constraint;
use flagstone_model::features::{self, Strategy, StrategyChange, StrategyInput, Variant};
use flagstone_model::patches::JsonPatch;
use flagstone_model::paths::{Place, StrategyPath};
use flagstone_model::small_map::SmallMap;
use flagstone_model::{Error, Need};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(sort)).routes(routes!(get, update, patch, remove))
}

/// A strategy of a feature in an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureStrategy)]
pub(super) struct StrategyView {
    /// A ULID.
    id: String,
    /// The strategy's type.
    #[schema(example = "flexibleRollout")]
    name: String,
    /// All must hold.
    constraints: Vec<Constraint>,
    /// What the type asks for.
    #[schema(value_type = BTreeMap<String, String>)]
    parameters: SmallMap<String>,
    /// What those get whom this strategy matches.
    variants: Vec<Variant>,
    /// Ids of segments; all must hold.
    segments: Vec<i64>,
    /// For people.
    title: Option<String>,
    /// Whether it is kept without being delivered.
    disabled: bool,
    /// The order in which people see it.
    sort_order: i64,
    /// Always null: milestones come with release plans.
    milestone_id: Option<String>,
    /// The feature's name, in the answer about a single environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_name: Option<String>,
}

impl StrategyView {
    pub(super) fn in_feature(strategy: &Strategy, feature: &str) -> Self {
        Self { feature_name: Some(feature.to_owned()), ..Self::of(strategy) }
    }

    pub(super) fn of(strategy: &Strategy) -> Self {
        Self {
            id: strategy.id.clone(),
            name: strategy.name.clone(),
            constraints: strategy.constraints.clone(),
            parameters: strategy.parameters.clone(),
            variants: strategy.variants.clone(),
            segments: strategy.segments.clone(),
            title: strategy.title.clone(),
            disabled: strategy.disabled,
            sort_order: strategy.sort_order,
            milestone_id: None,
            feature_name: None,
        }
    }
}

/// List a feature's strategies in an environment
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies",
    operation_id = "getFeatureStrategies",
    tag = "Features",
    responses((status = 200, body = Vec<StrategyView>)),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
) -> Result<Json<Vec<StrategyView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &place.project, &place.feature)?;
    let environment = features::find_named_environment(feature, &place.environment)?;
    Ok(Json(environment.strategies.iter().map(StrategyView::of).collect()))
}

/// Add a strategy to a feature in an environment
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies",
    operation_id = "addFeatureStrategy",
    tag = "Features",
    request_body = StrategyInput,
    responses((status = 200, body = StrategyView)),
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
    body: Body<StrategyInput>,
) -> Result<Json<StrategyView>, Failure> {
    let done = app.commit::<commands::AddStrategy>(&caller, place, body).await?;
    Ok(Json(StrategyView::of(&done.value)))
}

/// Get a strategy
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
    operation_id = "getFeatureStrategy",
    tag = "Features",
    responses((status = 200, body = StrategyView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(StrategyPath { place, id }): Path<StrategyPath>,
) -> Result<Json<StrategyView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &place.project, &place.feature)?;
    let strategies = &features::find_named_environment(feature, &place.environment)?.strategies;
    let strategy = strategies.iter().find(|s| s.id == id).ok_or_else(|| Error::not_found("strategy", &id))?;
    Ok(Json(StrategyView::of(strategy)))
}

/// Change a strategy
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
    operation_id = "updateFeatureStrategy",
    tag = "Features",
    request_body = StrategyChange,
    responses((status = 200, body = StrategyView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<StrategyPath>,
    body: Body<StrategyChange>,
) -> Result<Json<StrategyView>, Failure> {
    let done = app.commit::<commands::UpdateStrategy>(&caller, path, body).await?;
    Ok(Json(StrategyView::of(&done.value)))
}

/// Change a strategy by a JSON patch
#[utoipa::path(
    patch,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
    operation_id = "patchFeatureStrategy",
    tag = "Features",
    request_body = JsonPatch,
    responses((status = 200, body = StrategyView)),
)]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<StrategyPath>,
    body: Body<JsonPatch>,
) -> Result<Json<StrategyView>, Failure> {
    let done = app.commit::<commands::PatchStrategy>(&caller, path, body).await?;
    Ok(Json(StrategyView::of(&done.value)))
}

/// Remove a strategy
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}",
    operation_id = "deleteFeatureStrategy",
    tag = "Features",
    responses((status = 200, description = "The strategy is gone")),
)]
async fn remove(State(app): State<App>, caller: Caller, Path(path): Path<StrategyPath>) -> Result<(), Failure> {
    app.commit::<commands::RemoveStrategy>(&caller, path, Body::none()).await.map(drop)
}

/// Put a feature's strategies into another order
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/set-sort-order",
    operation_id = "setStrategySortOrder",
    tag = "Features",
    request_body = StrategyOrder,
    responses((status = 200, description = "The strategies are in this order")),
)]
async fn sort(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
    body: Body<StrategyOrder>,
) -> Result<(), Failure> {
    app.commit::<commands::SortStrategies>(&caller, place, body).await.map(drop)
}
