//! Roles over HTTP: what each of them allows, and what there is to allow.

use axum::Json;
use axum::extract::State;
use flagstone_model::permissions::{Role, built_in_roles};
use flagstone_model::{Need, Permission};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::PermissionView;
use super::users::kind_name;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// All roles, and all that roles can allow.
#[derive(Serialize, ToSchema)]
#[schema(as = RolesWithPermissions)]
struct RolesView {
    /// The form of this answer: 1.
    version: u32,
    /// Built-in ones first, by id.
    roles: Vec<RoleView>,
    /// Every permission, those for the whole installation first, then those in projects, then those in environments.
    permissions: Vec<PermissionView>,
}

/// A role with what it allows.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleWithPermissions)]
struct RoleView {
    /// 1 Admin, 2 Editor, 3 Viewer, 4 Owner, 5 Member; custom ones follow.
    id: i64,
    /// Unique.
    name: String,
    /// `root` or `project`; `root-custom` or `custom` for those that users made.
    #[serde(rename = "type")]
    kind: &'static str,
    /// For people.
    description: String,
    /// What it allows: of `ADMIN` alone, everything.
    permissions: Vec<PermissionView>,
}

impl RoleView {
    fn of(role: &Role) -> Self {
        Self {
            id: role.id,
            name: role.name.clone(),
            kind: kind_name(role.kind),
            description: role.description.clone(),
            permissions: role.grants.iter().map(PermissionView::granted).collect(),
        }
    }
}

/// List all roles with what they allow, and all permissions
#[utoipa::path(
    get,
    path = "/api/admin/roles",
    operation_id = "getRoles",
    tag = "Users",
    responses((status = 200, body = RolesView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<RolesView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let made = seen.roles.values().map(|role| &**role);
    Ok(Json(RolesView {
        version: 1,
        roles: built_in_roles().iter().chain(made).map(RoleView::of).collect(),
        permissions: Permission::ALL.iter().map(|permission| PermissionView::of(*permission)).collect(),
    }))
}
