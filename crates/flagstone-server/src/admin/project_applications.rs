//! The applications of a project, and SDKs that are old, over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_store::Instance;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::applications::PageQuery;
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::Failure;
use crate::http::{Path, Query};
use crate::telemetry::sdks;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(outdated)).routes(routes!(outdated_of_project))
}

/// How many applications of a project one answer holds unless the request says.
const LIMIT_DEFAULT: usize = 50;

/// The applications of a project.
#[derive(Serialize, ToSchema)]
struct ProjectApplications {
    applications: Vec<ProjectApplication>,
    /// How many there are in all.
    total: usize,
}

/// An application of a project.
#[derive(Default, Serialize, ToSchema)]
struct ProjectApplication {
    name: String,
    environments: BTreeSet<String>,
    instances: BTreeSet<String>,
    sdks: Vec<Sdk>,
}

/// An SDK with the versions that are in use.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectApplicationSdk)]
struct Sdk {
    name: String,
    versions: BTreeSet<String>,
}

/// SDKs that are old.
#[derive(Serialize, ToSchema)]
struct OutdatedSdks {
    sdks: Vec<OutdatedSdk>,
}

/// An SDK that is old, and who uses it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OutdatedSdk {
    sdk_version: String,
    applications: BTreeSet<String>,
}

/// The instances in a project, each application's together: of those that come with a token for it, and of those with a
/// token for all projects that have asked for one of its features.
async fn instances_in(app: &App, seen: &View, project: &str) -> Result<Vec<(String, Vec<Instance>)>, Failure> {
    let Some(features) = seen.features.index().of_project(project) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (application, mut instances) in app.all_instances(seen).await? {
        if let Some(environments) = application.used_in.get(project) {
            instances.retain(|instance| environments.contains(&instance.environment));
        } else if application.used_in.contains_key("*") && !instances.is_empty() {
            let asked_for = app.features_of_application(seen, &application).await?;
            if !asked_for.iter().any(|name| features.live.contains(name)) {
                continue;
            }
        } else {
            continue;
        }
        found.push((application.application.app_name, instances));
    }
    Ok(found)
}

/// The part of an application that holds the text; nothing if none does.
fn part_of(name: &str, instances: Vec<Instance>, text: &str) -> Option<ProjectApplication> {
    let holds = |field: &str| field.to_lowercase().contains(text);
    let meant = instances.into_iter().filter(|i| {
        holds(name) || holds(&i.environment) || holds(&i.instance_id) || i.sdk_version.as_deref().is_some_and(holds)
    });
    let mut part = ProjectApplication { name: name.to_owned(), ..ProjectApplication::default() };
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for instance in meant {
        if let Some(sdk) = &instance.sdk_version {
            let (name, version) = sdks::parse(sdk);
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
        part.environments.insert(instance.environment);
        part.instances.insert(instance.instance_id);
    }
    part.sdks = versions.into_iter().map(|(name, versions)| Sdk { name, versions }).collect();
    (!part.instances.is_empty()).then_some(part)
}

fn outdated_among(applications: Vec<(String, Vec<Instance>)>) -> OutdatedSdks {
    let mut outdated = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, instances) in applications {
        for sdk in instances.into_iter().filter_map(|i| i.sdk_version).filter(|sdk| sdks::is_outdated(sdk)) {
            outdated.entry(sdk).or_default().insert(name.clone());
        }
    }
    let sdks = outdated.into_iter().map(|(sdk_version, applications)| OutdatedSdk { sdk_version, applications });
    OutdatedSdks { sdks: sdks.collect() }
}

/// List the applications that use a project's features
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/applications",
    operation_id = "getProjectApplications",
    tag = "Projects",
    params(PageQuery),
    responses((status = 200, body = ProjectApplications)),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    query: Query<PageQuery>,
) -> Result<Json<ProjectApplications>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let query = query.parse()?;
    let text = query.text();
    let all = instances_in(&app, &seen, &project).await?.into_iter();
    let parts: Vec<_> = all.filter_map(|(name, instances)| part_of(&name, instances, &text)).collect();
    let total = parts.len();
    Ok(Json(ProjectApplications { applications: query.page(parts, LIMIT_DEFAULT), total }))
}

/// List the SDKs that are old
#[utoipa::path(
    get,
    path = "/api/admin/metrics/sdks/outdated",
    operation_id = "getOutdatedSdks",
    tag = "Metrics",
    responses((status = 200, body = OutdatedSdks)),
)]
async fn outdated(State(app): State<App>, caller: Caller) -> Result<Json<OutdatedSdks>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let all = app.all_instances(&seen).await?.into_iter();
    Ok(Json(outdated_among(all.map(|(found, instances)| (found.application.app_name, instances)).collect())))
}

/// List the SDKs of a project's applications that are old
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/sdks/outdated",
    operation_id = "getOutdatedProjectSdks",
    tag = "Projects",
    responses((status = 200, body = OutdatedSdks)),
)]
async fn outdated_of_project(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
) -> Result<Json<OutdatedSdks>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(outdated_among(instances_in(&app, &seen, &project).await?)))
}
