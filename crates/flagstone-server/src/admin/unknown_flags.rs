//! What is asked for though there is no such feature, over HTTP.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flagstone_model::{Need, Timestamp};
use flagstone_store::EventQuery;
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

/// How many events are looked at for when something last happened to a feature of the name: those of names that were
/// never in use are none, and a feature that is gone has its deletion among the newest.
const EVENTS_MAX: u64 = 1_000;

/// What was asked for though there is no such feature.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnknownFlags)]
struct UnknownFlagsView {
    unknown_flags: Vec<UnknownFlagView>,
}

/// A name that is no feature's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnknownFlag)]
struct UnknownFlagView {
    name: String,
    /// When it was last asked for.
    last_seen_at: Timestamp,
    /// When something last happened to a feature of this name; null if there was none.
    last_event_at: Option<Timestamp>,
    /// Who asked.
    reports: Vec<UnknownFlagReport>,
}

/// Where an application asked for it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownFlagReport {
    app_name: String,
    environments: Vec<UnknownFlagEnvironment>,
}

/// When it was last asked for in an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownFlagEnvironment {
    environment: String,
    seen_at: Timestamp,
}

/// List what applications ask for though there is no such feature
#[utoipa::path(
    get,
    path = "/api/admin/metrics/unknown-flags",
    operation_id = "getUnknownFlags",
    tag = "Metrics",
    responses((status = 200, body = UnknownFlagsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<UnknownFlagsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let mut by_name = BTreeMap::<String, BTreeMap<String, Vec<UnknownFlagEnvironment>>>::new();
    for flag in app.unknown_flags(&seen).await? {
        let environment = UnknownFlagEnvironment { environment: flag.environment, seen_at: flag.seen_at };
        by_name.entry(flag.name).or_default().entry(flag.app_name).or_default().push(environment);
    }
    let mut last_events = BTreeMap::new();
    if !by_name.is_empty() {
        let features = by_name.keys().cloned().collect();
        let query = EventQuery { features, limit: EVENTS_MAX, ..EventQuery::default() };
        for event in app.events(&seen, query).await?.events {
            if let Some(name) = event.feature_name {
                let at = last_events.entry(name).or_insert(event.created_at);
                *at = event.created_at.max(*at);
            }
        }
    }
    let unknown_flags = by_name.into_iter().map(|(name, by_application)| {
        let times = by_application.values().flatten().map(|environment| environment.seen_at);
        let last_seen_at = times.max().unwrap_or_default();
        let reports =
            by_application.into_iter().map(|(app_name, environments)| UnknownFlagReport { app_name, environments });
        UnknownFlagView {
            last_event_at: last_events.get(&name).copied(),
            last_seen_at,
            reports: reports.collect(),
            name,
        }
    });
    Ok(Json(UnknownFlagsView { unknown_flags: unknown_flags.collect() }))
}
