//! Applications over HTTP: who uses features, as SDKs say and people describe.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::Faults;
use flagstone_model::names::{check_free_name, check_text};
use flagstone_model::{Error, Need, Permission as P, State as Model, Timestamp};
use flagstone_store::{Application, Instance};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::strategy_definitions::{self, DefinitionView};
use crate::app::caller::Caller;
use crate::app::{App, SeenApplication, View};
use crate::http::error::Failure;
use crate::http::{Body, Path, Query};
use crate::telemetry::sdks;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, save, delete))
}

/// The most applications of one answer, and how many there are unless the request says.
const LIMIT_MAX: usize = 1_000;
/// The longest address, icon or colour, and the longest description, in bytes: what the store keeps whole.
const WORD_BYTES_MAX: usize = 255;
const DESCRIPTION_BYTES_MAX: usize = 500;
/// The most strategies that are remembered of an application.
const STRATEGIES_MAX: usize = 200;

/// A page of a list. What cannot be used is as if it were left out.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// A text that is looked for, whatever its case.
    pub query: Option<String>,
    /// How many to leave out; 0 if omitted.
    offset: Option<String>,
    /// How many at most.
    limit: Option<String>,
    /// The order: `appName` is the only one.
    #[allow(dead_code)]
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: Option<String>,
}

impl PageQuery {
    /// What is looked for, in small letters.
    pub fn text(&self) -> String {
        self.query.as_deref().unwrap_or_default().trim().to_lowercase()
    }

    /// The page of a list that is in its ascending order.
    pub fn page<T>(&self, mut all: Vec<T>, limit_default: usize) -> Vec<T> {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<usize>().ok());
        if self.sort_order.as_deref() == Some("desc") {
            all.reverse();
        }
        let limit = number(&self.limit).filter(|limit| *limit > 0).unwrap_or(limit_default).min(LIMIT_MAX);
        all.into_iter().skip(number(&self.offset).unwrap_or_default()).take(limit).collect()
    }
}

/// Applications.
#[derive(Serialize, ToSchema)]
#[schema(as = Applications)]
struct ApplicationsView {
    applications: Vec<ApplicationRow>,
    /// How many there are in all.
    total: usize,
}

/// An application as a list shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationRow {
    app_name: String,
    /// When it was first seen.
    created_at: Timestamp,
    /// When it was last seen or described.
    updated_at: Timestamp,
    description: Option<String>,
    /// The strategies that its SDK knows.
    strategies: Vec<String>,
    /// The name of the first token that it came with.
    created_by: Option<String>,
    url: Option<String>,
    color: Option<String>,
    icon: Option<String>,
    /// The first of the projects in which it is used.
    project: Option<String>,
    /// The first of its environments there.
    environment: Option<String>,
    /// Where it is used.
    usage: Vec<ApplicationUsage>,
}

/// In which environments of a project an application is used.
#[derive(Serialize, ToSchema)]
struct ApplicationUsage {
    /// The project, or `*` for all.
    project: String,
    /// The environments, or `*` for all.
    environments: BTreeSet<String>,
}

/// An application with its instances and what it uses.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Application)]
struct ApplicationView {
    app_name: String,
    /// When it was first seen.
    created_at: Timestamp,
    description: Option<String>,
    url: Option<String>,
    color: Option<String>,
    icon: Option<String>,
    /// The strategies that its SDK knows.
    strategies: Vec<StrategyView>,
    instances: Vec<InstanceView>,
    /// The features that it has asked for.
    seen_toggles: Vec<SeenFeature>,
    links: Links,
}

/// A type of strategy, or the name of one that there is not.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ApplicationStrategy)]
enum StrategyView {
    Known(DefinitionView),
    Unknown(UnknownStrategy),
}

/// A type of strategy that an SDK knows and this server does not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnknownStrategy {
    name: String,
    /// Always true.
    not_found: bool,
}

/// An instance of an application's SDK.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApplicationInstance)]
struct InstanceView {
    app_name: String,
    instance_id: String,
    /// The SDK with its version.
    sdk_version: Option<String>,
    /// `backend` or `frontend`, as the SDK's name says.
    sdk_type: Option<&'static str>,
    client_ip: Option<String>,
    last_seen: Timestamp,
    created_at: Timestamp,
    environment: String,
}

/// A feature that an application has asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SeenFeature {
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    project: String,
    stale: bool,
    created_at: Timestamp,
    impression_data: bool,
    archived: bool,
}

/// Where more is to be had.
#[derive(Serialize, ToSchema)]
#[schema(as = ApplicationLinks)]
struct Links {
    #[serde(rename = "self")]
    own: String,
}

/// What people say of an application. What is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = CreateApplication)]
struct ApplicationBody {
    /// For people.
    #[serde(default)]
    description: Option<String>,
    /// The strategies that its SDK knows.
    #[serde(default)]
    strategies: Option<Vec<String>>,
    /// Its home page: http or https.
    #[serde(default)]
    #[schema(example = "https://shop.example.com")]
    url: Option<String>,
    /// A colour of CSS.
    #[serde(default)]
    #[schema(example = "#00aa88")]
    color: Option<String>,
    /// The name of an icon.
    #[serde(default)]
    icon: Option<String>,
}

fn row(SeenApplication { application, used_in }: SeenApplication) -> ApplicationRow {
    let first = used_in.first_key_value();
    ApplicationRow {
        created_at: application.created_at,
        updated_at: application.seen_at,
        description: application.description,
        strategies: application.strategies,
        created_by: Some(application.created_by).filter(|name| !name.is_empty()),
        url: application.url,
        color: application.color,
        icon: application.icon,
        project: first.map(|(project, _)| project.clone()),
        environment: first.and_then(|(_, environments)| environments.first().cloned()),
        usage: used_in.into_iter().map(|(project, environments)| ApplicationUsage { project, environments }).collect(),
        app_name: application.app_name,
    }
}

fn strategy(state: &Model, name: String) -> StrategyView {
    match strategy_definitions::view(state, &name) {
        Some(definition) => StrategyView::Known(definition),
        None => StrategyView::Unknown(UnknownStrategy { name, not_found: true }),
    }
}

fn instance(instance: Instance) -> InstanceView {
    let sdk = instance.sdk_version.as_deref();
    InstanceView {
        sdk_type: sdk.map(|sdk| if sdks::is_frontend(sdk) { "frontend" } else { "backend" }),
        app_name: instance.app_name,
        instance_id: instance.instance_id,
        sdk_version: instance.sdk_version,
        client_ip: instance.client_ip,
        last_seen: instance.seen_at,
        created_at: instance.created_at,
        environment: instance.environment,
    }
}

fn seen_feature(view: &View, name: &String) -> Option<SeenFeature> {
    view.features.get(name).map(|feature| SeenFeature {
        name: feature.name.clone(),
        description: feature.description.clone(),
        kind: feature.kind.clone(),
        project: feature.project.clone(),
        stale: feature.stale,
        created_at: feature.created_at,
        impression_data: feature.impression_data,
        archived: feature.is_archived(),
    })
}

/// List the applications
#[utoipa::path(
    get,
    path = "/api/admin/metrics/applications",
    operation_id = "getApplications",
    tag = "Metrics",
    params(PageQuery),
    responses((status = 200, body = ApplicationsView)),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Query<PageQuery>,
) -> Result<Json<ApplicationsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let query = query.parse()?;
    let text = query.text();
    let mut all = app.applications(&seen).await?;
    all.retain(|one| one.application.app_name.to_lowercase().contains(&text));
    let total = all.len();
    let applications = query.page(all, LIMIT_MAX).into_iter().map(row).collect();
    Ok(Json(ApplicationsView { applications, total }))
}

/// Get an application
#[utoipa::path(
    get,
    path = "/api/admin/metrics/applications/{appName}",
    operation_id = "getApplication",
    tag = "Metrics",
    responses((status = 200, body = ApplicationView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ApplicationView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let found = app.application(&seen, &name).await?.ok_or_else(|| Error::not_found("application", &name))?;
    let instances = app.instances(&seen, &found).await?;
    let features = app.features_of_application(&seen, &found).await?;
    let application = found.application;
    Ok(Json(ApplicationView {
        links: Links { own: format!("/api/applications/{}", application.app_name) },
        app_name: application.app_name,
        created_at: application.created_at,
        description: application.description,
        url: application.url,
        color: application.color,
        icon: application.icon,
        strategies: application.strategies.into_iter().map(|name| strategy(&seen, name)).collect(),
        instances: instances.into_iter().map(instance).collect(),
        seen_toggles: features.iter().filter_map(|name| seen_feature(&seen, name)).collect(),
    }))
}

/// Fails if what is said of an application cannot be kept or shown.
fn check(name: &str, body: &ApplicationBody) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_free_name(&mut faults, "/params/appName", name);
    let mut check = |field: &str, text: Option<&str>, most: usize| {
        let path = format!("/body/{field}");
        check_text(&mut faults, &path, text);
        if let Some(text) = text.filter(|text| text.len() > most) {
            faults.add(path, format!("The text is {} bytes long; at most {most} are allowed.", text.len()));
        }
    };
    check("description", body.description.as_deref(), DESCRIPTION_BYTES_MAX);
    check("url", body.url.as_deref(), WORD_BYTES_MAX);
    check("color", body.color.as_deref(), WORD_BYTES_MAX);
    check("icon", body.icon.as_deref(), WORD_BYTES_MAX);
    if body.strategies.as_ref().is_some_and(|strategies| strategies.len() > STRATEGIES_MAX) {
        faults.add("/body/strategies", format!("At most {STRATEGIES_MAX} strategies are remembered."));
    }
    for (n, strategy) in body.strategies.iter().flatten().enumerate() {
        check_free_name(&mut faults, &format!("/body/strategies/{n}"), strategy);
    }
    // People follow it from the admin UI.
    let scheme = body.url.as_deref().and_then(|url| url.split_once(':')).map(|(scheme, _)| scheme.trim());
    if scheme.is_some_and(|scheme| !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))) {
        faults.add("/body/url", "The address must be one of http or https.");
    }
    faults.check()
}

/// Describe an application, or make one
#[utoipa::path(
    post,
    path = "/api/admin/metrics/applications/{appName}",
    operation_id = "createApplication",
    tag = "Metrics",
    request_body = ApplicationBody,
    responses((status = 202, description = "The application is as described")),
)]
async fn save(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<ApplicationBody>,
) -> Result<StatusCode, Failure> {
    let seen = app.view(&caller, &Need::root(&[P::UpdateApplication]))?;
    let body = body.parse(app.schemas())?;
    check(&name, &body)?;
    let now = app.now();
    let application = Application {
        app_name: name,
        description: body.description,
        url: body.url,
        icon: body.icon,
        color: body.color,
        strategies: body.strategies.unwrap_or_default(),
        created_at: now,
        seen_at: now,
        ..Application::default()
    };
    app.save_application(&seen, application).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Forget an application until it introduces itself again
#[utoipa::path(
    delete,
    path = "/api/admin/metrics/applications/{appName}",
    operation_id = "deleteApplication",
    tag = "Metrics",
    responses((status = 200, description = "There is no such application")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    let seen = app.view(&caller, &Need::root(&[P::UpdateApplication]))?;
    app.delete_application(&seen, &name).await
}
