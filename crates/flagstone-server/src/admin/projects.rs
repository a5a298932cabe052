//! Projects over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::projects::{self as commands, ProjectEnvironmentInput, ProjectSettings};
use flagstone_model::favorites;
use flagstone_model::features::StrategyInput;
use flagstone_model::paths::{EnvironmentPath, ProjectPath};
use flagstone_model::projects::{self, CreateProject, Project, ProjectMode, ProjectSummary, UpdateProject};
use flagstone_model::{Need, Permission as P, State as Model, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::statistics::{FeatureNumbers, ProjectStats, Staleness, onboarding, owners, stats};
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, Query, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(validate))
        .routes(routes!(archive))
        .routes(routes!(revive))
        .routes(routes!(get, update, delete))
        .routes(routes!(overview))
        .routes(routes!(update_settings))
        .routes(routes!(attach_environment))
        .routes(routes!(detach_environment))
        .routes(routes!(set_default_strategy))
}

/// Projects.
#[derive(Serialize, ToSchema)]
#[schema(as = Projects)]
struct ProjectsView {
    /// The form of this answer: 1.
    version: u32,
    projects: Vec<ProjectRow>,
}

/// A project as a list shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectRow {
    name: String,
    id: String,
    description: Option<String>,
    /// How much of it is not stale, in percent.
    health: u32,
    /// How much of it is stale, in percent.
    technical_debt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    favorite: Option<bool>,
    feature_count: usize,
    member_count: usize,
    created_at: Timestamp,
    archived_at: Option<Timestamp>,
    mode: ProjectMode,
    /// When an SDK last asked for one of its features.
    last_reported_flag_usage: Option<Timestamp>,
    last_updated_at: Timestamp,
    onboarding_status: Value,
    owners: Vec<Value>,
}

/// A project with what it holds, in numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectOverview {
    stats: ProjectStats,
    name: String,
    description: Option<String>,
    mode: ProjectMode,
    feature_limit: Option<u64>,
    feature_naming: FeatureNamingView,
    link_templates: Vec<Value>,
    default_stickiness: String,
    health: u32,
    technical_debt: u32,
    favorite: bool,
    updated_at: Timestamp,
    archived_at: Option<Timestamp>,
    created_at: Timestamp,
    onboarding_status: Value,
    environments: Vec<ProjectEnvironmentView>,
    feature_type_counts: Vec<FeatureTypeCount>,
    members: usize,
    /// The form of this answer: 1.
    version: u32,
}

/// How a project's features must be named; all null if they need not.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectFeatureNaming)]
struct FeatureNamingView {
    pattern: Option<String>,
    example: Option<String>,
    description: Option<String>,
}

/// An environment of a project.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProjectEnvironment)]
struct ProjectEnvironmentView {
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_strategy: Option<StrategyInput>,
}

/// How many features of one type a project holds.
#[derive(Serialize, ToSchema)]
pub(super) struct FeatureTypeCount {
    #[serde(rename = "type")]
    kind: String,
    count: usize,
}

/// What is asked of the list of projects.
#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    archived: Option<bool>,
}

/// An id to be checked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct ProjectId {
    /// The id.
    #[schema(example = "checkout")]
    id: String,
}

fn row(app: &App, state: &Model, caller: &Caller, project: &Project) -> ProjectRow {
    let debt = Staleness::of(state, &project.id).technical_debt();
    let asked_for = app.telemetry().project_last_seen(state, &project.id);
    ProjectRow {
        name: project.name.clone(),
        id: project.id.clone(),
        description: project.description.clone(),
        health: 100 - debt,
        technical_debt: debt,
        favorite: caller.user_id().map(|id| favorites::has_project(state, id, &project.id)),
        feature_count: state.features.index().of_project(&project.id).map_or(0, |features| features.live.len()),
        member_count: project.members.len(),
        created_at: project.created_at,
        archived_at: project.archived_at,
        mode: project.mode,
        last_reported_flag_usage: asked_for,
        last_updated_at: project.updated_at,
        onboarding_status: onboarding(state, &project.id),
        owners: owners(state, project),
    }
}

/// List the projects
#[utoipa::path(
    get,
    path = "/api/admin/projects",
    operation_id = "getProjects",
    tag = "Projects",
    params(("archived" = Option<bool>, Query, description = "List the archived projects instead of the live ones")),
    responses((status = 200, body = ProjectsView)),
)]
async fn list(State(app): State<App>, caller: Caller, query: Query<ListQuery>) -> Result<Json<ProjectsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let archived = query.parse()?.archived.unwrap_or(false);
    let wanted = seen.projects.values().filter(|p| p.archived_at.is_some() == archived);
    let mut projects: Vec<_> = wanted.map(|p| row(&app, &seen, &caller, p)).collect();
    projects.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(Json(ProjectsView { version: 1, projects }))
}

/// Create a project
#[utoipa::path(
    post,
    path = "/api/admin/projects",
    operation_id = "createProject",
    tag = "Projects",
    request_body = CreateProject,
    responses((status = 201, body = ProjectSummary)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateProject>,
) -> Result<Created<ProjectSummary>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    let location = format!("{}/api/admin/projects/{}", app.options().base_path(), path_segment(&done.value.id));
    Ok(Created { location, view: done.value })
}

/// Check whether a new project can have this id
#[utoipa::path(
    post,
    path = "/api/admin/projects/validate",
    operation_id = "validateProject",
    tag = "Projects",
    request_body = ProjectId,
    responses((status = 200, description = "The id is free")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<ProjectId>) -> Result<(), Failure> {
    let seen = app.view(&caller, &Need::root(&[P::CreateProject]))?;
    let ProjectId { id } = body.parse(app.schemas())?;
    Ok(projects::validate_id(&seen, &id)?)
}

/// Get a project
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}",
    operation_id = "getProject",
    tag = "Projects",
    responses((status = 200, body = ProjectOverview)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ProjectOverview>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(overview_of(&app, &seen, &caller, projects::find_live(&seen, &id)?).await?))
}

/// Get a project with what it holds, in numbers
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/overview",
    operation_id = "getProjectOverview",
    tag = "Projects",
    responses((status = 200, body = ProjectOverview)),
)]
async fn overview(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectOverview>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(overview_of(&app, &seen, &caller, projects::find_live(&seen, &id)?).await?))
}

impl FeatureTypeCount {
    /// By type.
    pub fn of(numbers: &FeatureNumbers) -> Vec<Self> {
        numbers.kinds.iter().map(|(kind, count)| Self { kind: kind.clone(), count: *count }).collect()
    }
}

/// A project with what it holds, in numbers.
pub(super) async fn overview_of(
    app: &App,
    state: &View,
    caller: &Caller,
    project: &Project,
) -> Result<ProjectOverview, Failure> {
    let numbers = FeatureNumbers::of(state, &project.id, app.now());
    let debt = numbers.staleness.technical_debt();
    let environments = flagstone_model::environments::sorted(state).into_iter().filter_map(|e| {
        let of_project = project.environments.get(&e.name)?;
        Some(ProjectEnvironmentView {
            environment: e.name.clone(),
            default_strategy: of_project.default_strategy.clone(),
        })
    });
    let naming = project.feature_naming.as_ref();
    Ok(ProjectOverview {
        stats: stats(app, state, project, &numbers).await?,
        name: project.name.clone(),
        description: project.description.clone(),
        mode: project.mode,
        feature_limit: project.feature_limit,
        feature_naming: FeatureNamingView {
            pattern: naming.map(|n| n.pattern.clone()),
            example: naming.and_then(|n| n.example.clone()),
            description: naming.and_then(|n| n.description.clone()),
        },
        link_templates: Vec::new(),
        default_stickiness: project.default_stickiness.clone(),
        health: 100 - debt,
        technical_debt: debt,
        favorite: caller.user_id().is_some_and(|id| favorites::has_project(state, id, &project.id)),
        updated_at: project.updated_at,
        archived_at: project.archived_at,
        created_at: project.created_at,
        onboarding_status: onboarding(state, &project.id),
        environments: environments.collect(),
        feature_type_counts: FeatureTypeCount::of(&numbers),
        members: project.members.len(),
        version: 1,
    })
}

/// Change a project's own properties
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}",
    operation_id = "updateProject",
    tag = "Projects",
    request_body = UpdateProject,
    responses((status = 200, description = "The project is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<UpdateProject>,
) -> Result<(), Failure> {
    app.commit::<commands::Update>(&caller, path, body).await.map(drop)
}

/// Change who may see a project and how its features are named
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/settings",
    operation_id = "updateProjectEnterpriseSettings",
    tag = "Projects",
    request_body = ProjectSettings,
    responses((status = 200, description = "The settings are changed")),
)]
async fn update_settings(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<ProjectSettings>,
) -> Result<(), Failure> {
    app.commit::<commands::UpdateSettings>(&caller, path, body).await.map(drop)
}

/// Archive a project that holds no live features
#[utoipa::path(
    post,
    path = "/api/admin/projects/archive/{projectId}",
    operation_id = "archiveProject",
    tag = "Projects",
    responses((status = 200, description = "The project is archived")),
)]
async fn archive(State(app): State<App>, caller: Caller, Path(path): Path<ProjectPath>) -> Result<(), Failure> {
    app.commit::<commands::Archive>(&caller, path, Body::none()).await.map(drop)
}

/// Bring a project back from the archive
#[utoipa::path(
    post,
    path = "/api/admin/projects/revive/{projectId}",
    operation_id = "reviveProject",
    tag = "Projects",
    responses((status = 200, description = "The project is back")),
)]
async fn revive(State(app): State<App>, caller: Caller, Path(path): Path<ProjectPath>) -> Result<(), Failure> {
    app.commit::<commands::Revive>(&caller, path, Body::none()).await.map(drop)
}

/// Delete a project that holds no live features, with its archive and its tokens
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}",
    operation_id = "deleteProject",
    tag = "Projects",
    responses((status = 200, description = "The project is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(path): Path<ProjectPath>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, path, Body::none()).await.map(drop)
}

/// Give a project's features an environment, switched off
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/environments",
    operation_id = "addEnvironmentToProject",
    tag = "Projects",
    request_body = ProjectEnvironmentInput,
    responses((status = 200, description = "The project has the environment")),
)]
async fn attach_environment(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<ProjectEnvironmentInput>,
) -> Result<(), Failure> {
    app.commit::<commands::AttachEnvironment>(&caller, path, body).await.map(drop)
}

/// Take an environment from a project, and its features' strategies there with it
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/environments/{environment}",
    operation_id = "removeEnvironmentFromProject",
    tag = "Projects",
    responses((status = 200, description = "The project does not have the environment")),
)]
async fn detach_environment(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<EnvironmentPath>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::DetachEnvironment>(&caller, path, Body::none()).await?;
    Ok(StatusCode::OK)
}

/// Say what features get that are switched on in an environment without any strategy
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/environments/{environment}/default-strategy",
    operation_id = "addDefaultStrategyToProjectEnvironment",
    tag = "Projects",
    request_body = StrategyInput,
    responses((status = 200, body = StrategyInput)),
)]
async fn set_default_strategy(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<EnvironmentPath>,
    body: Body<StrategyInput>,
) -> Result<Json<StrategyInput>, Failure> {
    let done = app.commit::<commands::SetDefaultStrategy>(&caller, path, body).await?;
    Ok(Json(done.value))
}
