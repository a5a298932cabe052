//! Segments over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::Need;
use flagstone_model::commands::segments as commands;
use flagstone_model::projects::Project;
use flagstone_model::segments::{
    self, Segment, SegmentInput, StrategySegments, Use, count_features_holding, holders, projects_holding,
    strategy_place,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(validate))
        .routes(routes!(set_of_strategy))
        .routes(routes!(list_of_strategy))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_uses))
}

/// A name to be checked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Name {
    /// The name.
    #[schema(example = "beta-testers")]
    pub name: String,
}

/// Segments.
#[derive(Serialize, ToSchema)]
#[schema(as = Segments)]
struct SegmentsView {
    segments: Vec<SegmentView>,
}

/// A segment with how much it is used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SegmentWithUse)]
struct SegmentView {
    #[serde(flatten)]
    segment: Segment,
    /// In the list of all: in how many projects strategies use it, those of archived features and default ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_in_projects: Option<usize>,
    /// In the list of all: in how many features strategies use it, archived ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_in_features: Option<usize>,
}

/// Where a segment is used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SegmentUses {
    /// The strategies that use it.
    strategies: Vec<StrategyUse>,
    /// Those of archived features, which may come back.
    archived_strategies: Vec<StrategyUse>,
    /// The default strategies that use it.
    default_strategies: Vec<DefaultStrategyUse>,
    /// The strategies that would use it after a change request.
    change_request_strategies: Vec<StrategyUse>,
}

/// A strategy that uses something.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StrategyUse {
    /// The strategy's id.
    pub(super) id: String,
    /// The feature's name.
    pub(super) feature_name: String,
    /// The project's id.
    pub(super) project_id: String,
    /// The environment's name.
    pub(super) environment: String,
    /// The strategy's type.
    pub(super) strategy_name: String,
}

/// A project's default strategy that uses a segment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DefaultStrategyUse {
    /// The project's id.
    project_id: String,
    /// The environment's name.
    environment: String,
}

impl StrategyUse {
    pub(super) fn of(place: &Use<'_>) -> Self {
        Self {
            id: place.strategy.id.clone(),
            feature_name: place.feature.name.clone(),
            project_id: place.feature.project.clone(),
            environment: place.environment.to_owned(),
            strategy_name: place.strategy.name.clone(),
        }
    }
}

/// The segments of a strategy after a change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StrategySegmentsResult)]
struct StrategySegmentsView {
    project_id: String,
    strategy_id: String,
    environment_id: String,
    segment_ids: Vec<i64>,
}

/// List all segments
#[utoipa::path(
    get,
    path = "/api/admin/segments",
    operation_id = "getSegments",
    tag = "Segments",
    responses((status = 200, body = SegmentsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<SegmentsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let state = &seen;
    let with_use = |segment: &std::sync::Arc<Segment>| SegmentView {
        segment: (**segment).clone(),
        used_in_projects: Some(projects_holding(state, segment.id).len()),
        used_in_features: Some(count_features_holding(state, segment.id)),
    };
    let mut segments: Vec<_> = state.segments.values().map(with_use).collect();
    segments.sort_by(|a, b| a.segment.name.cmp(&b.segment.name));
    Ok(Json(SegmentsView { segments }))
}

/// Get a segment
#[utoipa::path(
    get,
    path = "/api/admin/segments/{id}",
    operation_id = "getSegment",
    tag = "Segments",
    responses((status = 200, body = Segment)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<Json<Segment>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json((**seen.segments.find(&id)?).clone()))
}

/// Create a segment
#[utoipa::path(
    post,
    path = "/api/admin/segments",
    operation_id = "createSegment",
    tag = "Segments",
    request_body = SegmentInput,
    responses((status = 201, body = Segment)),
)]
async fn create(State(app): State<App>, caller: Caller, body: Body<SegmentInput>) -> Result<Created<Segment>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    let location = format!("{}/api/admin/segments/{}", app.options().base_path(), done.value.id);
    Ok(Created { location, view: (*done.value).clone() })
}

/// Replace a segment
#[utoipa::path(
    put,
    path = "/api/admin/segments/{id}",
    operation_id = "updateSegment",
    tag = "Segments",
    request_body = SegmentInput,
    responses((status = 204, description = "The segment is replaced")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    body: Body<SegmentInput>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::Update>(&caller, id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a segment that no strategy uses
#[utoipa::path(
    delete,
    path = "/api/admin/segments/{id}",
    operation_id = "removeSegment",
    tag = "Segments",
    responses((status = 204, description = "The segment is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Delete>(&caller, id, Body::none()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check whether a segment can have this name
#[utoipa::path(
    post,
    path = "/api/admin/segments/validate",
    operation_id = "validateSegment",
    tag = "Segments",
    request_body = Name,
    responses((status = 204, description = "The name is free")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<Name>) -> Result<StatusCode, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let Name { name } = body.parse(app.schemas())?;
    segments::validate_name(&seen, &name, None)?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the strategies that use a segment
#[utoipa::path(
    get,
    path = "/api/admin/segments/{id}/strategies",
    operation_id = "getStrategiesBySegmentId",
    tag = "Segments",
    responses((status = 200, body = SegmentUses)),
)]
async fn list_uses(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<Json<SegmentUses>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    seen.segments.find(&id)?;
    let used = holders(&seen, id);
    let of_project = |(project, environment): &(&std::sync::Arc<Project>, &str)| DefaultStrategyUse {
        project_id: project.id.clone(),
        environment: (*environment).to_owned(),
    };
    Ok(Json(SegmentUses {
        strategies: used.live.iter().map(StrategyUse::of).collect(),
        archived_strategies: used.archived.iter().map(StrategyUse::of).collect(),
        default_strategies: used.defaults.iter().map(of_project).collect(),
        change_request_strategies: Vec::new(),
    }))
}

/// List the segments of a strategy
#[utoipa::path(
    get,
    path = "/api/admin/segments/strategies/{strategyId}",
    operation_id = "getSegmentsByStrategyId",
    tag = "Segments",
    responses((status = 200, body = SegmentsView)),
)]
async fn list_of_strategy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SegmentsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let state = &seen;
    let of_strategy: Vec<i64> =
        strategy_place(state, &id).map(|place| place.strategy.segments.clone()).unwrap_or_default();
    let segments = of_strategy.iter().filter_map(|id| state.segments.get(id));
    let views =
        segments.map(|s| SegmentView { segment: (**s).clone(), used_in_projects: None, used_in_features: None });
    Ok(Json(SegmentsView { segments: views.collect() }))
}

/// Replace the segments of a strategy
#[utoipa::path(
    post,
    path = "/api/admin/segments/strategies",
    operation_id = "updateFeatureStrategySegments",
    tag = "Segments",
    request_body = StrategySegments,
    responses((status = 201, body = StrategySegmentsView)),
)]
async fn set_of_strategy(
    State(app): State<App>,
    caller: Caller,
    body: Body<StrategySegments>,
) -> Result<Created<StrategySegmentsView>, Failure> {
    let done = app.commit::<commands::SetOfStrategy>(&caller, (), body).await?;
    let StrategySegments { project_id, strategy_id, environment_id, segment_ids } = done.value;
    let location = format!("{}/api/admin/segments/strategies/{strategy_id}", app.options().base_path());
    Ok(Created { location, view: StrategySegmentsView { project_id, strategy_id, environment_id, segment_ids } })
}
