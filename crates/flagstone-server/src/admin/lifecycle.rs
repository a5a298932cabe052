//! The lives of features over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::lifecycle as commands;
use flagstone_model::features::{self, CompleteFeature, EnteredStage, Feature, Outcome, Stage};
use flagstone_model::paths::FeaturePath;
use flagstone_model::{Need, Timestamp};
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
        .routes(routes!(count))
        .routes(routes!(get))
        .routes(routes!(complete))
        .routes(routes!(uncomplete))
}

/// A stage of a feature's life.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureLifecycleStage)]
pub(super) struct StageView {
    /// `initial` until an SDK asks for it, then `pre-live`, `live` in a production environment where it is on, `completed`
    /// when somebody says so, `archived`.
    stage: Stage,
    /// For a completed one: what becomes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Outcome>,
    /// Since when.
    entered_stage_at: Timestamp,
}

impl StageView {
    fn of(entered: &EnteredStage) -> Self {
        Self { stage: entered.stage, status: entered.outcome, entered_stage_at: entered.at }
    }

    /// The stage that a feature is in.
    pub fn now(feature: &Feature) -> Self {
        let last = feature.stages().next_back();
        let (status, entered_stage_at) = last.map_or((None, feature.created_at), |last| (last.outcome, last.at));
        Self { stage: feature.stage(), status, entered_stage_at }
    }
}

/// How many features are in each stage.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureLifecycleCount)]
struct StageCounts {
    initial: usize,
    pre_live: usize,
    live: usize,
    completed: usize,
    archived: usize,
}

/// Count the features in each stage of their lives
#[utoipa::path(
    get,
    path = "/api/admin/lifecycle/count",
    operation_id = "getFeatureLifecycleStageCount",
    tag = "Features",
    responses((status = 200, body = StageCounts)),
)]
async fn count(State(app): State<App>, caller: Caller) -> Result<Json<StageCounts>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let mut counts = StageCounts::default();
    for features in seen.features.index().projects() {
        let there = |stage: Stage| features.stages.get(&stage).copied().unwrap_or_default();
        counts.initial += there(Stage::Initial);
        counts.pre_live += there(Stage::PreLive);
        counts.live += there(Stage::Live);
        counts.completed += there(Stage::Completed);
        counts.archived += features.archived.len();
    }
    Ok(Json(counts))
}

/// Get the stages that a feature has been through
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/lifecycle",
    operation_id = "getFeatureLifecycle",
    tag = "Features",
    responses((status = 200, body = Vec<StageView>)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<StageView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find(&seen, &project, &name)?;
    Ok(Json(feature.stages().map(|entered| StageView::of(&entered)).collect()))
}

/// Say that a feature is done
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/lifecycle/complete",
    operation_id = "complete",
    tag = "Features",
    request_body = CompleteFeature,
    responses((status = 200, description = "The feature is completed")),
)]
async fn complete(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<CompleteFeature>,
) -> Result<(), Failure> {
    app.commit::<commands::Complete>(&caller, path, body).await.map(drop)
}

/// Say that a feature is not done after all
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/lifecycle/uncomplete",
    operation_id = "uncomplete",
    tag = "Features",
    responses((status = 200, description = "The feature is in the stage that it was in before")),
)]
async fn uncomplete(State(app): State<App>, caller: Caller, Path(path): Path<FeaturePath>) -> Result<(), Failure> {
    app.commit::<commands::Uncomplete>(&caller, path, Body::none()).await.map(drop)
}
