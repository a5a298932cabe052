//! What user interfaces ask first: version, limits, switches.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flagstone_model::{Need, State as Model, settings};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// The version of the Unleash server whose APIs this release was measured against.
pub const COMPATIBLE_VERSION: &str = "8.2.0";

/// What user interfaces ask first.
#[allow(clippy::struct_excessive_bools)] // The fields that clients read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UiConfig {
    /// The product's name.
    name: &'static str,
    /// The product's edition.
    environment: &'static str,
    /// Switches of the interface.
    flags: BTreeMap<&'static str, bool>,
    /// The version of the Unleash server whose APIs this release speaks.
    version: &'static str,
    /// Whether mail is sent.
    email_enabled: bool,
    /// The address under which people reach the server.
    unleash_url: String,
    /// The path before every route.
    base_uri_path: String,
    /// How people log in.
    authentication_type: &'static str,
    /// The origins that browsers may call the frontend API from.
    frontend_api_origins: Vec<String>,
    version_info: VersionInfo,
    /// Whether nothing can be changed for now.
    maintenance_mode: bool,
    /// Whether people can log in with a password.
    disable_password_auth: bool,
    /// How many sessions a user may have at once.
    max_sessions_count: u32,
    /// Always false: no Prometheus server is asked for charts.
    #[serde(rename = "prometheusAPIAvailable")]
    prometheus_api_available: bool,
    /// Always false: there is no such page.
    stories_page_enabled: bool,
    resource_limits: ResourceLimits,
}

/// The product's own version.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VersionInfo {
    current: BTreeMap<&'static str, &'static str>,
    latest: BTreeMap<&'static str, &'static str>,
    /// Always true: the server asks nobody whether there is a newer one.
    is_latest: bool,
    /// Always empty: the server reports to nobody.
    instance_id: &'static str,
}

/// How much of everything there may be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResourceLimits {
    segment_values: usize,
    strategy_segments: usize,
    feature_environment_strategies: usize,
    constraint_values: usize,
    environments: usize,
    projects: usize,
    api_tokens: usize,
    segments: usize,
    feature_flags: usize,
    constraints: usize,
}

/// Get what a user interface needs to begin
#[utoipa::path(
    get,
    path = "/api/admin/ui-config",
    operation_id = "getUiConfig",
    tag = "Admin UI",
    responses((status = 200, body = UiConfig)),
)]
async fn get(State(app): State<App>, caller: Caller) -> Result<Json<UiConfig>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(UiConfig::of(&app, &seen)))
}

impl UiConfig {
    /// What the operator chose and what `state` says.
    pub(super) fn of(app: &App, state: &Model) -> Self {
        let maintenance_mode = settings::is_in_maintenance(state);
        let origins = settings::frontend_origins(state).map(|origins| origins.map(str::to_owned).collect());
        let (limits, options) = (app.limits(), app.options());
        let flags = [
            ("P", true),
            ("RE", true),
            ("EEA", true),
            ("maintenanceMode", maintenance_mode),
            ("secureTokenStorage", true),
            ("regexConstraintOperator", true),
            ("semverGteConstraintOperators", true),
        ];
        Self {
            name: "Flagstone",
            environment: "Flagstone",
            flags: flags.into(),
            version: COMPATIBLE_VERSION,
            email_enabled: app.mailer().is_some(),
            unleash_url: options.public_url.clone(),
            base_uri_path: options.base_path(),
            authentication_type: "open-source",
            frontend_api_origins: origins.unwrap_or_else(|| options.frontend_origins.clone()),
            version_info: VersionInfo {
                current: [("oss", COMPATIBLE_VERSION), ("flagstone", env!("CARGO_PKG_VERSION"))].into(),
                latest: BTreeMap::new(),
                is_latest: true,
                instance_id: "",
            },
            maintenance_mode,
            disable_password_auth: false,
            max_sessions_count: options.max_parallel_sessions,
            prometheus_api_available: false,
            stories_page_enabled: false,
            resource_limits: ResourceLimits {
                segment_values: limits.segment_values,
                strategy_segments: limits.strategy_segments,
                feature_environment_strategies: limits.feature_environment_strategies,
                constraint_values: limits.constraint_values,
                environments: limits.environments,
                projects: limits.projects,
                api_tokens: limits.api_tokens,
                segments: limits.segments,
                feature_flags: limits.features,
                constraints: limits.constraints,
            },
        }
    }
}
