//! The installation in numbers, over HTTP: as JSON, and as a line of CSV.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use flagstone_model::api_tokens::{TokenKind, hash};
use flagstone_model::permissions::{RoleKind, built_in_roles, role_ids};
use flagstone_model::strategy_definitions::DEFINITIONS;
use flagstone_model::{Need, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::statistics::DAY;
use super::ui_config::COMPATIBLE_VERSION;
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(get_csv))
}

/// The installation in numbers. What is not known, or would tell of projects that the caller may not see, is null.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InstanceAdminStats)]
#[allow(clippy::struct_excessive_bools)]
struct Statistics {
    timestamp: Timestamp,
    /// Always empty: the server reports to nobody.
    instance_id: &'static str,
    /// The release of Unleash that it is compatible with.
    #[serde(rename = "versionOSS")]
    version_oss: &'static str,
    /// Always empty.
    version_enterprise: &'static str,
    users: usize,
    service_accounts: usize,
    api_tokens: TokenCounts,
    active_users: ActiveUsers,
    /// Always 0: nothing is licensed.
    licensed_users: usize,
    feature_toggles: usize,
    archived_feature_toggles: usize,
    projects: usize,
    context_fields: usize,
    roles: usize,
    custom_root_roles: usize,
    custom_root_roles_in_use: usize,
    groups: usize,
    environments: usize,
    segments: usize,
    strategies: usize,
    #[serde(rename = "SAMLenabled")]
    saml_enabled: bool,
    #[serde(rename = "OIDCenabled")]
    oidc_enabled: bool,
    password_auth_enabled: bool,
    #[serde(rename = "SCIMenabled")]
    scim_enabled: bool,
    /// Applications by when they were last seen.
    client_apps: Vec<ApplicationCount>,
    feature_exports: u64,
    feature_imports: u64,
    /// Events in production environments.
    production_changes: Option<ProductionChanges>,
    /// Rows of usage of yesterday.
    previous_day_metrics_buckets_count: Option<BucketCounts>,
    /// The most strategies that a feature has in an environment.
    max_environment_strategies: usize,
    /// The most values that a constraint has.
    max_constraint_values: usize,
    /// The most constraints that a strategy has.
    max_constraints: usize,
    release_templates: usize,
    release_plans: usize,
    /// Always null: edges do not say how many they are.
    edge_instance_usage: Option<BTreeMap<String, f64>>,
    /// Users who may only look.
    read_only_users: usize,
}

/// Tokens by what they are for.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = InstanceTokenCounts)]
struct TokenCounts {
    client: usize,
    admin: usize,
    frontend: usize,
}

/// Users by when they last did something, in days.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = InstanceActiveUsers)]
struct ActiveUsers {
    last7: usize,
    last30: usize,
    last60: usize,
    last90: usize,
}

/// How many applications were seen within a time.
#[derive(Serialize, ToSchema)]
#[schema(as = InstanceApplicationCount)]
struct ApplicationCount {
    /// `7d`, `30d` or `allTime`.
    range: &'static str,
    count: usize,
}

/// Changes in production environments, within days.
#[derive(Serialize, ToSchema)]
#[schema(as = InstanceProductionChanges)]
struct ProductionChanges {
    last30: u64,
    last60: u64,
    last90: u64,
}

/// Rows of usage.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InstanceBucketCounts)]
struct BucketCounts {
    enabled_count: u64,
    variant_count: u64,
}

/// The statistics with a checksum of them.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInstanceAdminStats)]
struct Summed {
    #[serde(flatten)]
    statistics: Statistics,
    /// SHA-256 of the statistics as JSON.
    sum: String,
}

async fn statistics(app: &App, seen: &View) -> Result<Summed, Failure> {
    let now = app.now();
    let since = |days: i64| now.plus_millis(-days * DAY);
    let mut api_tokens = TokenCounts::default();
    for token in seen.api_tokens.values() {
        *match token.kind {
            TokenKind::Admin => &mut api_tokens.admin,
            TokenKind::Backend => &mut api_tokens.client,
            TokenKind::Frontend => &mut api_tokens.frontend,
        } += 1;
    }
    let last_seen: Vec<_> = seen.users.values().filter_map(|user| app.telemetry().user_last_seen(user.id)).collect();
    let active = |days: i64| last_seen.iter().filter(|at| **at >= since(days)).count();
    let applications: Vec<_> = app.applications(seen).await?.into_iter().map(|one| one.application.seen_at).collect();
    let within = |days: i64| applications.iter().filter(|at| **at >= since(days)).count();
    let custom: Vec<i64> = seen.roles.values().filter(|r| r.kind == RoleKind::RootCustom).map(|r| r.id).collect();
    let strategies = || seen.features.values().flat_map(|feature| feature.strategies());
    let most = |counts: &mut dyn Iterator<Item = usize>| counts.max().unwrap_or_default();
    let statistics = Statistics {
        timestamp: now,
        instance_id: "",
        version_oss: COMPATIBLE_VERSION,
        version_enterprise: "",
        users: seen.users.len(),
        service_accounts: 0,
        api_tokens,
        active_users: ActiveUsers { last7: active(7), last30: active(30), last60: active(60), last90: active(90) },
        licensed_users: 0,
        feature_toggles: seen.features.index().live(),
        archived_feature_toggles: seen.features.len() - seen.features.index().live(),
        projects: seen.projects.index().live(),
        context_fields: seen.context_fields.len(),
        roles: built_in_roles().len() + seen.roles.len(),
        custom_root_roles: custom.len(),
        custom_root_roles_in_use: custom.iter().filter(|id| seen.users.values().any(|u| u.root_role == **id)).count(),
        groups: 0,
        environments: seen.environments.len(),
        segments: seen.segments.len(),
        strategies: DEFINITIONS.len() + seen.strategy_types.len(),
        saml_enabled: false,
        oidc_enabled: false,
        password_auth_enabled: true,
        scim_enabled: false,
        client_apps: vec![
            ApplicationCount { range: "7d", count: within(7) },
            ApplicationCount { range: "30d", count: within(30) },
            ApplicationCount { range: "allTime", count: applications.len() },
        ],
        feature_exports: 0,
        feature_imports: 0,
        production_changes: production_changes(app, seen, now).await?,
        previous_day_metrics_buckets_count: yesterday(app, seen, now).await?,
        max_environment_strategies: most(
            &mut seen.features.values().flat_map(|f| f.environments.values().map(|there| there.strategies.len())),
        ),
        max_constraint_values: most(&mut strategies().flat_map(|s| s.constraints.iter().map(|c| c.values.len()))),
        max_constraints: most(&mut strategies().map(|s| s.constraints.len())),
        release_templates: 0,
        release_plans: 0,
        edge_instance_usage: None,
        read_only_users: seen.users.values().filter(|user| user.root_role == role_ids::VIEWER).count(),
    };
    let text = serde_json::to_string(&statistics).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(Summed { sum: hash(&text), statistics })
}

/// Events in production environments, by whole days.
async fn production_changes(app: &App, seen: &View, now: Timestamp) -> Result<Option<ProductionChanges>, Failure> {
    let today = now.millis() / DAY;
    let mut days = BTreeMap::<i64, u64>::new();
    for environment in seen.environments.values().filter(|environment| environment.kind == "production") {
        let since = now.plus_millis(-90 * DAY);
        let Some(activity) = app.activity_of_environment(seen, &environment.name, since).await? else {
            return Ok(None);
        };
        for (day, count) in activity {
            *days.entry(day).or_default() += count;
        }
    }
    let last = |n: i64| days.range(today - n + 1..).map(|(_, count)| *count).sum();
    Ok(Some(ProductionChanges { last30: last(30), last60: last(60), last90: last(90) }))
}

async fn yesterday(app: &App, seen: &View, now: Timestamp) -> Result<Option<BucketCounts>, Failure> {
    let today = Timestamp::from_millis(now.millis() / DAY * DAY);
    let rows = app.usage_rows(seen, today.plus_millis(-DAY)..today).await?;
    Ok(rows.map(|(enabled_count, variant_count)| BucketCounts { enabled_count, variant_count }))
}

/// Get the installation in numbers
#[utoipa::path(
    get,
    path = "/api/admin/instance-admin/statistics",
    operation_id = "getInstanceAdminStats",
    tag = "Instance Admin",
    responses((status = 200, body = Summed)),
)]
async fn get(State(app): State<App>, caller: Caller) -> Result<Json<Summed>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(statistics(&app, &seen).await?))
}

/// Get the installation in numbers, as a table of one line
#[utoipa::path(
    get,
    path = "/api/admin/instance-admin/statistics/csv",
    operation_id = "getInstanceAdminStatsCsv",
    tag = "Instance Admin",
    responses((status = 200, body = String, content_type = "text/csv", description = "The names, and the numbers")),
)]
async fn get_csv(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let statistics = statistics(&app, &seen).await?;
    let Ok(Value::Object(fields)) = serde_json::to_value(&statistics) else {
        return Err(Failure::Internal("statistics are no object".to_owned()));
    };
    let line = |cells: Vec<String>| cells.join(",");
    let names = line(fields.keys().map(|name| quoted(name)).collect());
    let values = line(fields.values().map(cell).collect());
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], format!("{names}\n{values}")).into_response())
}

/// Numbers as they are, nothing for null, and everything else quoted (RFC 4180).
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
