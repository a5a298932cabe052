//! Environments over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::api_tokens::ApiToken;
use flagstone_model::commands::environments::{self as commands, EnvironmentOrder};
use flagstone_model::environments::{self, CloneEnvironment, CreateEnvironment, Environment, UpdateEnvironment};
use flagstone_model::features::StrategyInput;
use flagstone_model::{Need, Permission as P, projects};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::segments::Name;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(validate))
        .routes(routes!(sort))
        .routes(routes!(update))
        .routes(routes!(list_for_project))
        .routes(routes!(get, delete))
        .routes(routes!(duplicate))
        .routes(routes!(enable))
        .routes(routes!(disable))
}

/// Environments, in the order in which people see them.
#[derive(Serialize, ToSchema)]
#[schema(as = Environments)]
struct EnvironmentsView {
    /// The form of this answer: 1.
    version: u32,
    environments: Vec<EnvironmentRow>,
}

/// An environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Environment)]
struct EnvironmentView {
    /// Unique.
    #[schema(example = "development")]
    name: String,
    /// What it is for.
    #[serde(rename = "type")]
    kind: String,
    /// Smaller comes first.
    sort_order: i64,
    /// Whether new projects and tokens can use it.
    enabled: bool,
    /// Whether it can be neither deleted nor renamed.
    protected: bool,
    /// How many approvals changes need.
    required_approvals: Option<u32>,
}

/// An environment with how much it is used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EnvironmentRow {
    #[serde(flatten)]
    environment: EnvironmentView,
    /// How many projects have it.
    project_count: usize,
    /// How many tokens are for it.
    api_token_count: usize,
    /// How many features are on in it.
    enabled_toggle_count: usize,
}

/// Environments, as a project sees them.
#[derive(Serialize, ToSchema)]
struct ProjectEnvironments {
    /// The form of this answer: 1.
    version: u32,
    environments: Vec<ProjectEnvironmentRow>,
}

/// An environment, as a project sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectEnvironmentRow {
    #[serde(flatten)]
    environment: EnvironmentView,
    /// How many tokens for the project are for it.
    project_api_token_count: usize,
    /// How many of the project's features are on in it.
    project_enabled_toggle_count: usize,
    /// Whether the project has it.
    visible: bool,
    /// What features get that are switched on there without any strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_strategy: Option<StrategyInput>,
}

fn view(environment: &Environment) -> EnvironmentView {
    EnvironmentView {
        name: environment.name.clone(),
        kind: environment.kind.clone(),
        sort_order: environment.sort_order,
        enabled: environment.enabled,
        protected: environment.protected,
        required_approvals: environment.required_approvals,
    }
}

/// By environment: how many tokens are for it.
fn count_tokens<'t>(tokens: impl Iterator<Item = &'t Arc<ApiToken>>) -> BTreeMap<&'t str, usize> {
    let mut counts = BTreeMap::new();
    for token in tokens {
        *counts.entry(token.environment.as_str()).or_default() += 1;
    }
    counts
}

/// List the environments
#[utoipa::path(
    get,
    path = "/api/admin/environments",
    operation_id = "getAllEnvironments",
    tag = "Environments",
    responses((status = 200, body = EnvironmentsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<EnvironmentsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let state = &seen;
    let (enabled, tokens) = (state.features.index().enabled(), count_tokens(state.api_tokens.values()));
    let rows = environments::sorted(state).into_iter().map(|environment| EnvironmentRow {
        environment: view(environment),
        project_count: state.projects.index().of_environment(&environment.name).count(),
        api_token_count: tokens.get(environment.name.as_str()).copied().unwrap_or_default(),
        enabled_toggle_count: enabled.get(environment.name.as_str()).copied().unwrap_or_default(),
    });
    Ok(Json(EnvironmentsView { version: 1, environments: rows.collect() }))
}

/// List the environments, as a project sees them
#[utoipa::path(
    get,
    path = "/api/admin/environments/project/{projectId}",
    operation_id = "getProjectEnvironments",
    tag = "Environments",
    responses((status = 200, body = ProjectEnvironments)),
)]
async fn list_for_project(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectEnvironments>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let state = &seen;
    let project = projects::find_live(state, &id)?;
    let features = state.features.index().of_project(&id);
    let tokens = count_tokens(state.api_tokens.values().filter(|token| token.projects.contains(&id)));
    let rows = environments::sorted(state).into_iter().map(|environment| {
        let of_project = project.environments.get(&environment.name);
        ProjectEnvironmentRow {
            environment: view(environment),
            project_api_token_count: tokens.get(environment.name.as_str()).copied().unwrap_or_default(),
            project_enabled_toggle_count: features
                .and_then(|f| f.enabled.get(&environment.name).copied())
                .unwrap_or_default(),
            visible: of_project.is_some(),
            default_strategy: of_project.and_then(|e| e.default_strategy.clone()),
        }
    });
    Ok(Json(ProjectEnvironments { version: 1, environments: rows.collect() }))
}

/// Get an environment
#[utoipa::path(
    get,
    path = "/api/admin/environments/{name}",
    operation_id = "getEnvironment",
    tag = "Environments",
    responses((status = 200, body = EnvironmentView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<EnvironmentView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(view(seen.environments.find(name.as_str())?)))
}

/// Create an environment
#[utoipa::path(
    post,
    path = "/api/admin/environments",
    operation_id = "createEnvironment",
    tag = "Environments",
    request_body = CreateEnvironment,
    responses((status = 201, body = EnvironmentView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateEnvironment>,
) -> Result<Created<EnvironmentView>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    Ok(created(&app, &done.value))
}

fn created(app: &App, environment: &Environment) -> Created<EnvironmentView> {
    let location = format!("{}/api/admin/environments/{}", app.options().base_path(), path_segment(&environment.name));
    Created { location, view: view(environment) }
}

/// Check whether an environment can have this name
#[utoipa::path(
    post,
    path = "/api/admin/environments/validate",
    operation_id = "validateEnvironmentName",
    tag = "Environments",
    request_body = Name,
    responses((status = 200, description = "The name is free")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<Name>) -> Result<(), Failure> {
    let seen = app.view(&caller, &Need::root(&[P::Admin]))?;
    let Name { name } = body.parse(app.schemas())?;
    Ok(environments::validate_name(&seen, &name)?)
}

/// Change an environment
#[utoipa::path(
    put,
    path = "/api/admin/environments/update/{name}",
    operation_id = "updateEnvironment",
    tag = "Environments",
    request_body = UpdateEnvironment,
    responses((status = 200, body = EnvironmentView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<UpdateEnvironment>,
) -> Result<Json<EnvironmentView>, Failure> {
    let done = app.commit::<commands::Update>(&caller, name, body).await?;
    Ok(Json(view(&done.value)))
}

/// Copy an environment with its features' strategies and switches
#[utoipa::path(
    post,
    path = "/api/admin/environments/{name}/clone",
    operation_id = "cloneEnvironment",
    tag = "Environments",
    request_body = CloneEnvironment,
    responses((status = 201, body = EnvironmentView)),
)]
async fn duplicate(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<CloneEnvironment>,
) -> Result<Created<EnvironmentView>, Failure> {
    let done = app.commit::<commands::Clone>(&caller, name, body).await?;
    Ok(created(&app, &done.value))
}

/// Delete an environment with everything in it
#[utoipa::path(
    delete,
    path = "/api/admin/environments/{name}",
    operation_id = "removeEnvironment",
    tag = "Environments",
    responses((status = 200, description = "The environment is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, name, Body::none()).await.map(drop)
}

/// Put environments into another order
#[utoipa::path(
    put,
    path = "/api/admin/environments/sort-order",
    operation_id = "updateSortOrder",
    tag = "Environments",
    request_body = EnvironmentOrder,
    responses((status = 200, description = "The environments are in this order")),
)]
async fn sort(State(app): State<App>, caller: Caller, body: Body<EnvironmentOrder>) -> Result<(), Failure> {
    app.commit::<commands::Sort>(&caller, (), body).await.map(drop)
}

/// Open an environment for new projects and tokens
#[utoipa::path(
    post,
    path = "/api/admin/environments/{name}/on",
    operation_id = "toggleEnvironmentOn",
    tag = "Environments",
    responses((status = 204, description = "The environment is open")),
)]
async fn enable(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Enable>(&caller, name, Body::none()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Close an environment to new projects and tokens
#[utoipa::path(
    post,
    path = "/api/admin/environments/{name}/off",
    operation_id = "toggleEnvironmentOff",
    tag = "Environments",
    responses((status = 204, description = "The environment is closed")),
)]
async fn disable(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Disable>(&caller, name, Body::none()).await?;
    Ok(StatusCode::NO_CONTENT)
}
