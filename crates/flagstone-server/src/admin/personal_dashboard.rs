//! What concerns a user, over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use flagstone_model::permissions::{RoleKind, role_ids};
use flagstone_model::users::User;
use flagstone_model::{Error, Need, State as Model, Timestamp, projects};
use flagstone_store::EventQuery;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::summary;
use super::statistics::{Staleness, onboarding, owner, owners};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(get_project))
}

/// How many of a project's events are shown.
const EVENTS: u64 = 10;

/// What concerns a user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PersonalDashboard {
    /// The projects that the user sees.
    projects: Vec<DashboardProject>,
    /// The features that the user has made.
    flags: Vec<DashboardFlag>,
    /// Who owns those projects.
    #[schema(value_type = Vec<Object>)]
    project_owners: Vec<Value>,
    /// Whom to ask.
    admins: Vec<DashboardAdmin>,
}

/// A project, in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardProject {
    id: String,
    name: String,
    health: u32,
    technical_debt: u32,
    member_count: usize,
    feature_count: usize,
}

/// A feature, in short.
#[derive(Serialize, ToSchema)]
struct DashboardFlag {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    project: String,
}

/// An administrator.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DashboardAdmin {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Always empty: pictures are asked of nobody.
    image_url: &'static str,
}

/// What concerns a user of a project.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PersonalDashboardProject {
    latest_events: Vec<DashboardEvent>,
    #[schema(value_type = Object)]
    onboarding_status: Value,
    #[schema(value_type = Vec<Object>)]
    owners: Vec<Value>,
    /// The user's roles there.
    roles: Vec<DashboardRole>,
    insights: DashboardInsights,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardEvent {
    id: u64,
    created_at: Timestamp,
    created_by: String,
    /// Always empty: pictures are asked of nobody.
    created_by_image_url: &'static str,
    summary: String,
}

/// A role in a project.
#[derive(Serialize, ToSchema)]
struct DashboardRole {
    id: i64,
    name: String,
    /// `project` or `custom`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: RoleKind,
}

/// How a project's features are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardInsights {
    /// Always null: what it was is not kept.
    avg_health_current_window: Option<u32>,
    /// Always null.
    avg_health_past_window: Option<u32>,
    total_flags: usize,
    potentially_stale_flags: usize,
    stale_flags: usize,
    active_flags: usize,
    technical_debt: u32,
    health: u32,
}

/// Whom to ask.
pub(super) fn admins(state: &Model) -> Vec<DashboardAdmin> {
    let admins = state.users.values().filter(|user| user.root_role == role_ids::ADMIN && !user.disabled);
    let admin = |user: &Arc<User>| DashboardAdmin {
        id: user.id,
        name: user.name.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
        image_url: "",
    };
    admins.map(admin).collect()
}

/// Tokens have no dashboard.
fn user_id(caller: &Caller) -> Result<i64, Failure> {
    let id = caller.user_id();
    id.ok_or_else(|| Error::Forbidden("This belongs to users; an API token has none.".to_owned()).into())
}

/// Get what concerns the user who asks
#[utoipa::path(
    get,
    path = "/api/admin/personal-dashboard",
    operation_id = "getPersonalDashboard",
    tag = "Projects",
    responses((status = 200, body = PersonalDashboard)),
)]
async fn get(State(app): State<App>, caller: Caller) -> Result<Json<PersonalDashboard>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let user = user_id(&caller)?;
    let live = || seen.projects.values().filter(|project| project.archived_at.is_none());
    let projects = live().map(|project| {
        let staleness = Staleness::of(&seen, &project.id);
        let technical_debt = staleness.technical_debt();
        DashboardProject {
            id: project.id.clone(),
            name: project.name.clone(),
            health: 100 - technical_debt,
            technical_debt,
            member_count: project.members.len(),
            feature_count: staleness.live,
        }
    });
    let own = seen.features.index().newest_of_creator(user).filter_map(|name| seen.features.get(name));
    let mut flags: Vec<_> = own
        .map(|feature| DashboardFlag {
            name: feature.name.clone(),
            kind: feature.kind.clone(),
            project: feature.project.clone(),
        })
        .collect();
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    let members = live().flat_map(|project| &project.members);
    let owners: BTreeSet<i64> = members.filter(|m| m.role_id == role_ids::OWNER).map(|m| m.user_id).collect();
    let owners = owners.iter().filter_map(|id| seen.users.get(id)).map(|user| owner(user));
    Ok(Json(PersonalDashboard {
        projects: projects.collect(),
        flags,
        project_owners: owners.collect(),
        admins: admins(&seen),
    }))
}

/// Get what concerns the user who asks of a project
#[utoipa::path(
    get,
    path = "/api/admin/personal-dashboard/{projectId}",
    operation_id = "getPersonalDashboardProjectDetails",
    tag = "Projects",
    responses((status = 200, body = PersonalDashboardProject)),
)]
async fn get_project(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PersonalDashboardProject>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let user = user_id(&caller)?;
    let project = projects::find_live(&seen, &id)?;
    let query = EventQuery { projects: vec![id.clone()], limit: EVENTS, without_total: true, ..EventQuery::default() };
    let events = app.events(&seen, query).await?.events.into_iter().map(|event| DashboardEvent {
        id: event.id,
        created_at: event.created_at,
        summary: summary(&event),
        created_by: event.created_by,
        created_by_image_url: "",
    });
    let held = project.members.iter().filter(|member| member.user_id == user);
    let roles = held.filter_map(|member| seen.role(member.role_id));
    let staleness = Staleness::of(&seen, &id);
    let technical_debt = staleness.technical_debt();
    Ok(Json(PersonalDashboardProject {
        latest_events: events.collect(),
        onboarding_status: onboarding(&seen, &id),
        owners: owners(&seen, project),
        roles: roles.map(|role| DashboardRole { id: role.id, name: role.name.clone(), kind: role.kind }).collect(),
        insights: DashboardInsights {
            avg_health_current_window: None,
            avg_health_past_window: None,
            total_flags: staleness.live,
            potentially_stale_flags: staleness.potentially_stale,
            stale_flags: staleness.stale,
            active_flags: staleness.active(),
            technical_debt,
            health: 100 - technical_debt,
        },
    }))
}
