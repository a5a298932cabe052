//! What operators and orchestrators ask: health, readiness, metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).routes(routes!(prometheus))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `GOOD`: a server that is not does not answer.
    #[schema(example = "GOOD")]
    health: &'static str,
}

/// Whether the server is ready.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadinessView {
    /// `GOOD`, or `DEGRADED` while the database is away and flags are served from memory.
    #[schema(example = "GOOD")]
    health: &'static str,
}

/// Tell whether the process is alive; never asks the database
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = "Operational",
    responses((status = 200, body = Health)),
)]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { health: "GOOD" })
}

/// SDKs are served, everything else waits for the database.
pub async fn degraded() -> impl IntoResponse {
    Json(ReadinessView { health: "DEGRADED" })
}

/// Tell whether requests can be served
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "getReady",
    tag = "Operational",
    responses(
        (status = 200, body = ReadinessView),
        (status = 503, description = "The database is away and the operator wants to know", body = ReadinessView),
    ),
)]
async fn ready(State(app): State<App>) -> Response {
    let strict = app.options().check_db_on_ready;
    match app.ping().await {
        Ok(()) => Json(ReadinessView { health: "GOOD" }).into_response(),
        Err(_) if strict => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(ReadinessView { health: "DEGRADED" })).into_response()
        }
        Err(_) => Json(ReadinessView { health: "DEGRADED" }).into_response(),
    }
}

/// Get metrics in Prometheus' text format
#[utoipa::path(
    get,
    path = "/internal-backstage/prometheus",
    operation_id = "getPrometheus",
    tag = "Operational",
    responses(
        (
            status = 200,
            description = "Metrics",
            content((String = "text/plain"), (String = "application/openmetrics-text")),
        ),
    ),
)]
async fn prometheus(State(app): State<App>, headers: HeaderMap) -> Response {
    let snapshot = app.public();
    let live = snapshot.state.features.index().live();
    let text = app.metrics().text(snapshot.state.seq, live, app.telemetry().dropped());
    let asked = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = if asked.contains("application/openmetrics-text") {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
