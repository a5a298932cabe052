//! What is asked for though there is no such feature, over HTTP.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flagstone_model::{Need, Timestamp};
use flagstone_store::{EventQuery, UnknownFlag};
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

/// What was asked for under one name, by application.
#[derive(Default)]
pub(super) struct Asked(BTreeMap<String, Vec<UnknownFlagEnvironment>>);

impl Asked {
    /// When it was last asked for.
    pub fn last_seen_at(&self) -> Timestamp {
        self.0.values().flatten().map(|environment| environment.seen_at).max().unwrap_or_default()
    }

    /// Who asked.
    pub fn into_applications(self) -> impl Iterator<Item = String> {
        self.0.into_keys()
    }
}

/// What was asked for, by name.
pub(super) fn by_name(flags: Vec<UnknownFlag>) -> BTreeMap<String, Asked> {
    let mut by_name = BTreeMap::<String, Asked>::new();
    for flag in flags {
        let environment = UnknownFlagEnvironment { environment: flag.environment, seen_at: flag.seen_at };
        by_name.entry(flag.name).or_default().0.entry(flag.app_name).or_default().push(environment);
    }
    by_name
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
    let by_name = by_name(app.unknown_flags(&seen).await?);
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
    let unknown_flags = by_name.into_iter().map(|(name, asked)| {
        let last_seen_at = asked.last_seen_at();
        let reports = asked.0.into_iter().map(|(app_name, environments)| UnknownFlagReport { app_name, environments });
        UnknownFlagView {
            last_event_at: last_events.get(&name).copied(),
            last_seen_at,
            reports: reports.collect(),
            name,
        }
    });
    Ok(Json(UnknownFlagsView { unknown_flags: unknown_flags.collect() }))
}
