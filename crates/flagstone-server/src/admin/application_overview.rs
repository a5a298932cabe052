//! What an application uses and where it runs, over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use flagstone_model::strategy_definitions::find;
use flagstone_model::{Need, Timestamp};
use flagstone_store::Instance;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;
use crate::telemetry::sdks;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(overview)).routes(routes!(instances))
}

/// What an application uses, in numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationOverview {
    /// The projects that it is for, and those whose features it has asked for.
    projects: Vec<String>,
    /// How many features it has asked for.
    feature_count: usize,
    environments: Vec<EnvironmentOverview>,
    issues: ApplicationIssues,
}

/// An application in one environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApplicationEnvironment)]
struct EnvironmentOverview {
    name: String,
    instance_count: usize,
    /// Its SDKs with their versions.
    sdks: BTreeSet<String>,
    frontend_sdks: BTreeSet<String>,
    backend_sdks: BTreeSet<String>,
    last_seen: Option<Timestamp>,
    issues: EnvironmentIssues,
}

/// What is wrong with an application in an environment.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApplicationEnvironmentIssues)]
struct EnvironmentIssues {
    /// What it has asked for though there is no such feature.
    missing_features: BTreeSet<String>,
    /// Its SDKs that are old.
    outdated_sdks: BTreeSet<String>,
}

/// What is wrong with an application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationIssues {
    /// The strategies that its SDK knows and this server does not.
    missing_strategies: Vec<String>,
}

/// The instances of an application in an environment.
#[derive(Serialize, ToSchema)]
struct EnvironmentInstances {
    instances: Vec<EnvironmentInstance>,
}

/// An instance of an application's SDK, in an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EnvironmentInstance {
    instance_id: String,
    client_ip: Option<String>,
    /// The SDK with its version.
    sdk_version: Option<String>,
    last_seen: Timestamp,
}

/// Get what an application uses, in numbers
#[utoipa::path(
    get,
    path = "/api/admin/metrics/applications/{appName}/overview",
    operation_id = "getApplicationOverview",
    tag = "Metrics",
    responses((status = 200, body = ApplicationOverview)),
)]
async fn overview(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ApplicationOverview>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let Some(found) = app.application(&seen, &name).await? else {
        // Not a 404: the admin UI asks this of applications that are forgotten meanwhile.
        let issues = ApplicationIssues { missing_strategies: Vec::new() };
        return Ok(Json(ApplicationOverview { projects: vec![], feature_count: 0, environments: vec![], issues }));
    };
    let mut environments = BTreeMap::<String, EnvironmentOverview>::new();
    for instance in app.instances(&seen, &found).await? {
        let name = instance.environment.clone();
        environments.entry(name).or_insert_with_key(|name| EnvironmentOverview::of(name)).add(instance);
    }
    for flag in app.unknown_flags(&seen).await?.into_iter().filter(|flag| flag.app_name == name) {
        if let Some(environment) = environments.get_mut(&flag.environment) {
            environment.issues.missing_features.insert(flag.name);
        }
    }
    let features = app.features_of_application(&seen, &found).await?;
    let mut projects: BTreeSet<_> = found.used_in.into_keys().filter(|project| project != "*").collect();
    projects.extend(features.iter().filter_map(|name| seen.features.get(name)).map(|feature| feature.project.clone()));
    let missing = found
        .application
        .strategies
        .into_iter()
        .filter(|name| find(name).is_none() && !seen.strategy_types.contains(name.as_str()));
    Ok(Json(ApplicationOverview {
        projects: projects.into_iter().collect(),
        feature_count: features.len(),
        environments: environments.into_values().collect(),
        issues: ApplicationIssues { missing_strategies: missing.collect() },
    }))
}

impl EnvironmentOverview {
    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            instance_count: 0,
            sdks: BTreeSet::new(),
            frontend_sdks: BTreeSet::new(),
            backend_sdks: BTreeSet::new(),
            last_seen: None,
            issues: EnvironmentIssues::default(),
        }
    }

    fn add(&mut self, instance: Instance) {
        self.instance_count += 1;
        self.last_seen = self.last_seen.max(Some(instance.seen_at));
        let Some(sdk) = instance.sdk_version else { return };
        if sdks::is_outdated(&sdk) {
            self.issues.outdated_sdks.insert(sdk.clone());
        }
        let of_kind = if sdks::is_frontend(&sdk) { &mut self.frontend_sdks } else { &mut self.backend_sdks };
        of_kind.insert(sdk.clone());
        self.sdks.insert(sdk);
    }
}

/// List an application's instances in an environment
#[utoipa::path(
    get,
    path = "/api/admin/metrics/instances/{appName}/environment/{environment}",
    operation_id = "getApplicationEnvironmentInstances",
    tag = "Metrics",
    responses((status = 200, body = EnvironmentInstances)),
)]
async fn instances(
    State(app): State<App>,
    caller: Caller,
    Path((name, environment)): Path<(String, String)>,
) -> Result<Json<EnvironmentInstances>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let all = match app.application(&seen, &name).await? {
        Some(found) => app.instances(&seen, &found).await?,
        None => Vec::new(),
    };
    let there = all.into_iter().filter(|instance| instance.environment == environment);
    let instances = there.map(|instance| EnvironmentInstance {
        instance_id: instance.instance_id,
        client_ip: instance.client_ip,
        sdk_version: instance.sdk_version,
        last_seen: instance.seen_at,
    });
    Ok(Json(EnvironmentInstances { instances: instances.collect() }))
}
