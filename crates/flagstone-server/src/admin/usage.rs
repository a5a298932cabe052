//! How features are used, over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::{Need, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary))
        .routes(routes!(raw))
        .routes(routes!(seen_applications))
        .routes(routes!(seen_features))
        .routes(routes!(features_old))
        .routes(routes!(feature_old))
}

pub(super) const HOUR: i64 = 3_600_000;
/// The most hours that an answer looks back.
const HOURS_MAX: i64 = 48;

/// How a feature was used in the last hour.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FeatureUsage {
    /// The form of this answer: 1.
    version: u32,
    /// Always `stable`.
    maturity: &'static str,
    /// The feature.
    feature_name: String,
    /// By environment.
    last_hour_usage: Vec<EnvironmentUsage>,
    /// The applications that asked for it.
    seen_applications: BTreeSet<String>,
}

/// How a feature was used in one environment.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureEnvironmentUsage)]
struct EnvironmentUsage {
    environment: String,
    /// The start of the hour.
    timestamp: Timestamp,
    /// How often it was on.
    yes: u64,
    /// How often it was off.
    no: u64,
}

/// How a feature was used, hour by hour.
#[derive(Serialize, ToSchema)]
struct FeatureMetrics {
    /// The form of this answer: 1.
    version: u32,
    /// Always `stable`.
    maturity: &'static str,
    data: Vec<UsageView>,
}

/// How one application used a feature in one environment in one hour.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageView {
    feature_name: String,
    app_name: String,
    environment: String,
    /// The start of the hour.
    timestamp: Timestamp,
    /// How often it was on.
    yes: u64,
    /// How often it was off.
    no: u64,
    /// How often each variant was given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variants: BTreeMap<String, u64>,
}

/// How far to look back.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct RawQuery {
    /// How many hours, 1 to 48; 24 if omitted.
    hours_back: Option<String>,
}

/// See how a feature was used in the last hour
#[utoipa::path(
    get,
    path = "/api/admin/client-metrics/features/{name}",
    operation_id = "getFeatureUsageSummary",
    tag = "Metrics",
    responses((status = 200, body = FeatureUsage)),
)]
async fn summary(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<FeatureUsage>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let this_hour = app.now().hour();
    let rows = app.usage(&seen, &name, this_hour.plus_millis(-23 * HOUR)).await?;
    let mut by_environment = BTreeMap::<(String, Timestamp), (u64, u64)>::new();
    for row in rows.iter().filter(|row| row.hour >= this_hour) {
        let (yes, no) = by_environment.entry((row.environment.clone(), row.hour)).or_default();
        (*yes, *no) = (yes.saturating_add(row.yes), no.saturating_add(row.no));
    }
    let usage = by_environment.into_iter().map(|((environment, timestamp), (yes, no))| EnvironmentUsage {
        environment,
        timestamp,
        yes,
        no,
    });
    Ok(Json(FeatureUsage {
        version: 1,
        maturity: "stable",
        feature_name: name,
        last_hour_usage: usage.collect(),
        seen_applications: rows.into_iter().map(|row| row.app_name).collect(),
    }))
}

/// See how a feature was used, hour by hour
#[utoipa::path(
    get,
    path = "/api/admin/client-metrics/features/{name}/raw",
    operation_id = "getRawFeatureMetrics",
    tag = "Metrics",
    params(RawQuery),
    responses((status = 200, body = FeatureMetrics)),
)]
async fn raw(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query<RawQuery>,
) -> Result<Json<FeatureMetrics>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let hours = query.parse()?.hours_back.and_then(|h| h.parse::<i64>().ok()).unwrap_or(24).clamp(1, HOURS_MAX);
    let this_hour = app.now().hour();
    let from = this_hour.plus_millis(-(hours - 1) * HOUR);
    let rows = app.usage(&seen, &name, from).await?;
    let places: BTreeSet<_> = rows.iter().map(|row| (row.app_name.clone(), row.environment.clone())).collect();
    let mut counted: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.hour, row.app_name.clone(), row.environment.clone()), row)).collect();
    let mut data = Vec::new();
    // Every hour of the window has a row for every place, so that a chart has no holes.
    for hour in (0..hours).map(|n| from.plus_millis(n * HOUR)) {
        for (app_name, environment) in &places {
            let row = counted.remove(&(hour, app_name.clone(), environment.clone())).unwrap_or_default();
            data.push(UsageView {
                feature_name: name.clone(),
                app_name: app_name.clone(),
                environment: environment.clone(),
                timestamp: hour,
                yes: row.yes,
                no: row.no,
                variants: row.variants,
            });
        }
    }
    Ok(Json(FeatureMetrics { version: 1, maturity: "stable", data }))
}

/// What early releases answered, empty.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Retired {
    last_hour: BTreeMap<String, u64>,
    last_minute: BTreeMap<String, u64>,
    /// Always `deprecated`.
    maturity: &'static str,
}

/// Old scripts are told that they must ask elsewhere.
fn retired(app: &App, caller: &Caller) -> Result<(StatusCode, Json<Retired>), Failure> {
    app.view(caller, &Need::login())?;
    Ok((StatusCode::GONE, Json(Retired { maturity: "deprecated", ..Retired::default() })))
}

/// Was: which applications asked for features
#[utoipa::path(
    get,
    path = "/api/admin/metrics/seen-apps",
    operation_id = "getSeenApps",
    tag = "Metrics",
    responses((status = 410, body = Retired)),
)]
async fn seen_applications(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Json<Retired>), Failure> {
    retired(&app, &caller)
}

/// Was: which features applications asked for
#[utoipa::path(
    get,
    path = "/api/admin/metrics/seen-toggles",
    operation_id = "getSeenToggles",
    tag = "Metrics",
    responses((status = 410, body = Retired)),
)]
async fn seen_features(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Json<Retired>), Failure> {
    retired(&app, &caller)
}

/// Was: how features were used
#[utoipa::path(
    get,
    path = "/api/admin/metrics/feature-toggles",
    operation_id = "getFeatureToggleMetrics",
    tag = "Metrics",
    responses((status = 410, body = Retired)),
)]
async fn features_old(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Json<Retired>), Failure> {
    retired(&app, &caller)
}

/// Was: how a feature was used
#[utoipa::path(
    get,
    path = "/api/admin/metrics/feature-toggles/{name}",
    operation_id = "getFeatureToggleMetricsByName",
    tag = "Metrics",
    responses((status = 410, body = Retired)),
)]
async fn feature_old(
    State(app): State<App>,
    caller: Caller,
    Path(_): Path<String>,
) -> Result<(StatusCode, Json<Retired>), Failure> {
    retired(&app, &caller)
}
