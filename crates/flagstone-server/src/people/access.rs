//! Who there is, and what a user may do.

use axum::Json;
use axum::extract::State;
use flagstone_model::permissions::{Grant, Permission, Principal, Role, Scope, allowed};
use flagstone_model::users::User;
use flagstone_model::{Error, Need, Permission as P};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::{RoleView, UserView, kind_name};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(permissions)).routes(routes!(delete_scim))
}

/// Everybody.
#[derive(Serialize, ToSchema)]
#[schema(as = UsersAndGroups)]
struct EverybodyView {
    /// By id.
    users: Vec<PersonView>,
    /// Always empty.
    groups: Vec<serde_json::Value>,
}

/// A user, as everybody may see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserBase)]
struct PersonView {
    /// The user.
    id: i64,
    /// Always `User`.
    account_type: &'static str,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// To log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// To log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

/// What a user may do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserAccess)]
struct AccessView {
    overview: Overview,
    user: UserView,
    root_role: RoleView,
    /// The user's roles in the project, if one is named, and everywhere otherwise.
    project_roles: Vec<ProjectRoleView>,
}

/// Every permission, and whether the user has it.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessOverview)]
struct Overview {
    /// For the whole installation.
    root: Vec<PermissionView>,
    /// In the project.
    project: Vec<PermissionView>,
    /// In the environment of the project; empty if none is named.
    environment: Vec<PermissionView>,
    /// Always empty.
    groups: Vec<serde_json::Value>,
}

/// A permission.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessPermission)]
pub(super) struct PermissionView {
    /// As clients know it.
    id: u32,
    /// As roles name it.
    name: &'static str,
    /// For people.
    display_name: String,
    /// `root`, `project` or `environment`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Where one user is looked at: whether they have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_permission: Option<bool>,
}

/// A role in a project.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessRole)]
struct ProjectRoleView {
    /// 4 Owner, 5 Member; custom ones follow.
    id: i64,
    /// `project`, or `custom` for those that users made.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Unique.
    name: String,
    /// Where the user has it.
    project: String,
    /// What it allows.
    permissions: Vec<PermissionView>,
}

/// Where to look.
#[derive(Deserialize)]
struct Place {
    project: Option<String>,
    environment: Option<String>,
}

/// The number of a permission, as clients of Unleash know it.
const fn number(permission: Permission) -> u32 {
    match permission {
        P::Admin => 1,
        P::CreateFeature => 2,
        P::CreateStrategy => 3,
        P::CreateAddon => 4,
        P::DeleteAddon => 5,
        P::UpdateAddon => 6,
        P::UpdateFeature => 7,
        P::DeleteFeature => 8,
        P::UpdateApplication => 9,
        P::UpdateTagType => 10,
        P::DeleteTagType => 11,
        P::CreateProject => 12,
        P::UpdateProject => 13,
        P::DeleteProject => 14,
        P::UpdateStrategy => 15,
        P::DeleteStrategy => 16,
        P::UpdateContextField => 17,
        P::CreateContextField => 18,
        P::DeleteContextField => 19,
        P::ReadRole => 20,
        P::CreateFeatureStrategy => 25,
        P::UpdateFeatureStrategy => 26,
        P::DeleteFeatureStrategy => 27,
        P::UpdateFeatureEnvironment => 28,
        P::UpdateFeatureVariants => 29,
        P::MoveFeatureToggle => 30,
        P::CreateSegment => 31,
        P::UpdateSegment => 32,
        P::DeleteSegment => 33,
        P::ApproveChangeRequest => 35,
        P::ApplyChangeRequest => 36,
        P::UpdateFeatureEnvironmentVariants => 37,
        P::SkipChangeRequest => 38,
        P::ReadProjectApiToken => 42,
        P::CreateProjectApiToken => 43,
        P::DeleteProjectApiToken => 44,
        P::UpdateProjectSegment => 45,
        P::CreateClientApiToken => 50,
        P::UpdateClientApiToken => 51,
        P::DeleteClientApiToken => 52,
        P::ReadClientApiToken => 53,
        P::CreateFrontendApiToken => 54,
        P::UpdateFrontendApiToken => 55,
        P::DeleteFrontendApiToken => 56,
        P::ReadFrontendApiToken => 57,
        P::UpdateFeatureDependency => 58,
        P::CreateTagType => 59,
        P::ProjectUserAccessRead => 60,
        P::ProjectDefaultStrategyRead => 61,
        P::ProjectChangeRequestRead => 62,
        P::ProjectSettingsRead => 63,
        P::ProjectUserAccessWrite => 64,
        P::ProjectDefaultStrategyWrite => 65,
        P::ProjectChangeRequestWrite => 66,
        P::ProjectSettingsWrite => 67,
        P::ReleasePlanTemplateCreate => 70,
        P::ReleasePlanTemplateUpdate => 71,
        P::ReleasePlanTemplateDelete => 72,
        P::UpdateMaintenanceMode => 73,
        P::UpdateInstanceBanners => 74,
        P::UpdateAuthConfiguration => 75,
        P::ReadLogs => 76,
        P::UpdateCors => 77,
        P::UpdateProjectContext => 78,
    }
}

impl PermissionView {
    pub fn of(permission: Permission) -> Self {
        let words = permission.name().replace('_', " ").to_lowercase().replace(" api ", " API ");
        let mut letters = words.chars();
        let head = letters.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
        Self {
            id: number(permission),
            name: permission.name(),
            display_name: format!("{head}{}", letters.as_str()),
            kind: match permission.scope() {
                Scope::Root => "root",
                Scope::Project => "project",
                Scope::Environment => "environment",
            },
            environment: None,
            has_permission: None,
        }
    }

    pub fn granted(grant: &Grant) -> Self {
        Self { environment: grant.environment.clone(), ..Self::of(grant.permission) }
    }
}

impl ProjectRoleView {
    fn of(role: &Role, project: &str) -> Self {
        Self {
            id: role.id,
            kind: kind_name(role.kind),
            name: role.name.clone(),
            project: project.to_owned(),
            permissions: role.grants.iter().map(PermissionView::granted).collect(),
        }
    }
}

/// List everybody there is, as those need it who give access
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/access",
    operation_id = "getBaseUsersAndGroups",
    tag = "Users",
    responses((status = 200, body = EverybodyView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<EverybodyView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let person = |user: &std::sync::Arc<User>| PersonView {
        id: user.id,
        account_type: "User",
        name: user.name.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
    };
    Ok(Json(EverybodyView { users: seen.users.values().map(person).collect(), groups: Vec::new() }))
}

/// See what a user may do: everywhere, in a project, in an environment of it
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/{id}/permissions",
    operation_id = "getUserPermissions",
    tag = "Users",
    params(
        ("project" = Option<String>, Query, description = "The project to look at"),
        ("environment" = Option<String>, Query, description = "The environment of the project to look at"),
    ),
    responses((status = 200, body = AccessView)),
)]
async fn permissions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    query: Query<Place>,
) -> Result<Json<AccessView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[P::Admin]))?;
    let Place { project, environment } = query.parse()?;
    let user = seen.users.find(&id)?;
    let principal = Principal::User { id, personal_token: None, generation: None };
    let now = app.now();
    let has = |permission, need: Need| PermissionView {
        has_permission: Some(allowed(&seen, &principal, &need, now).is_ok()),
        ..PermissionView::of(permission)
    };
    let of_scope = |scope| P::ALL.iter().copied().filter(move |permission| permission.scope() == scope);
    let in_project = project.as_deref().unwrap_or_default();
    let environment = environment.filter(|environment| seen.environments.contains(environment));
    let in_environment = environment.iter().flat_map(|environment| {
        of_scope(Scope::Environment).map(|permission| PermissionView {
            environment: Some(environment.clone()),
            ..has(permission, Need::environment(in_project, environment, &[permission]))
        })
    });
    let memberships = seen.projects.index().memberships(id);
    let memberships = memberships.filter(|(own, _)| project.as_deref().is_none_or(|project| project == *own));
    Ok(Json(AccessView {
        overview: Overview {
            root: of_scope(Scope::Root).map(|permission| has(permission, Need::root(&[permission]))).collect(),
            project: of_scope(Scope::Project)
                .map(|permission| has(permission, Need::project(in_project, &[permission])))
                .collect(),
            environment: in_environment.collect(),
            groups: Vec::new(),
        },
        user: UserView::with_role(&app, user),
        root_role: RoleView::of(seen.role(user.root_role).ok_or_else(|| Error::not_found("role", user.root_role))?),
        project_roles: memberships
            .filter_map(|(project, role)| Some(ProjectRoleView::of(seen.role(role)?, project)))
            .collect(),
    }))
}

/// Delete the users that an identity provider has brought: there are none
#[utoipa::path(
    delete,
    path = "/api/admin/user-admin/scim-users",
    operation_id = "deleteScimUsers",
    tag = "Users",
    responses((status = 200, description = "No user of an identity provider is left")),
)]
async fn delete_scim(State(app): State<App>, caller: Caller) -> Result<(), Failure> {
    app.view(&caller, &Need::root(&[P::Admin])).map(drop)
}
