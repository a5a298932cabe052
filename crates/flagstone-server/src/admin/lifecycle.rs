//! Where in its life a feature is: the one place that says so, and the count over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::features::Feature;
use flagstone_model::{Need, State as Model, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(count))
}

/// A part of a feature's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No SDK has asked for it.
    Initial,
    /// SDKs ask for it outside production.
    PreLive,
    /// SDKs ask for it in production.
    Live,
    /// It is in the archive.
    Archived,
}

impl Stage {
    /// As clients know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::PreLive => "pre-live",
            Self::Live => "live",
            Self::Archived => "archived",
        }
    }
}

/// The stage that a feature's own history shows, with the time that it is known by.
pub(super) fn stage(app: &App, state: &Model, feature: &Feature) -> (Stage, Timestamp) {
    if let Some(at) = feature.archived_at {
        return (Stage::Archived, at);
    }
    let seen = |production: bool| {
        let environments = feature.environments.keys().filter_map(|name| state.environments.get(name));
        environments
            .filter(|e| (e.kind == "production") == production)
            .filter_map(|e| app.telemetry().feature_last_seen(feature, &e.name))
            .max()
    };
    match (seen(true), seen(false)) {
        (Some(at), _) => (Stage::Live, at),
        (None, Some(at)) => (Stage::PreLive, at),
        (None, None) => (Stage::Initial, feature.created_at),
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
    /// Always 0: nothing completes a feature but the archive.
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
    for feature in seen.features.values() {
        let count = match stage(&app, &seen, feature).0 {
            Stage::Initial => &mut counts.initial,
            Stage::PreLive => &mut counts.pre_live,
            Stage::Live => &mut counts.live,
            Stage::Archived => &mut counts.archived,
        };
        *count += 1;
    }
    Ok(Json(counts))
}
