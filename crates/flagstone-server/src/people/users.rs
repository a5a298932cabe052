//! Users over HTTP, as administrators manage them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::users::{self as commands, CreatedUser, PasswordHash, UserId};
use flagstone_model::permissions::{Role, RoleKind, built_in_roles};
use flagstone_model::users::{NewUser, RoleRef, UpdateUser, User};
use flagstone_model::{Need, Permission as P, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::app::mail::Template;
use crate::app::passwords;
use crate::app::sessions;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(validate_password))
        .routes(routes!(admin_count))
        .routes(routes!(get, update, delete))
        .routes(routes!(change_password))
        .routes(routes!(reset_password))
        .routes(routes!(search))
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserView {
    /// Always `User`.
    account_type: &'static str,
    /// Never given out twice.
    id: i64,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// To log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// To log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// A picture; always empty, because we ask no third party for one.
    image_url: String,
    /// When the user last did something.
    seen_at: Option<Timestamp>,
    /// Always 0.
    login_attempts: u32,
    /// When it was created.
    created_at: Timestamp,
    /// Always null.
    scim_id: Option<String>,
    /// Always null.
    seat_type: Option<String>,
    /// Always null.
    company_role: Option<String>,
    /// Always null.
    product_updates_email_consent: Option<bool>,
    /// The root role's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    root_role: Option<i64>,
}

impl UserView {
    /// A user as others see them, without the root role.
    pub fn of(app: &App, user: &User) -> Self {
        Self {
            account_type: "User",
            id: user.id,
            name: user.name.clone(),
            username: user.username.clone(),
            email: user.email.clone(),
            image_url: String::new(),
            seen_at: app.telemetry().user_last_seen(user.id),
            login_attempts: 0,
            created_at: user.created_at,
            scim_id: None,
            seat_type: None,
            company_role: None,
            product_updates_email_consent: None,
            root_role: None,
        }
    }

    /// A user as administrators see them.
    pub fn with_role(app: &App, user: &User) -> Self {
        Self { root_role: Some(user.root_role), ..Self::of(app, user) }
    }
}

/// Users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Users)]
struct UsersView {
    users: Vec<UserView>,
    /// The roles that they can have.
    root_roles: Vec<RoleView>,
}

/// A role.
#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
pub(super) struct RoleView {
    /// 1 Admin, 2 Editor, 3 Viewer, 4 Owner, 5 Member; custom ones follow.
    id: i64,
    /// Unique.
    name: String,
    /// `root` or `project`; `root-custom` or `custom` for those that users made.
    #[serde(rename = "type")]
    kind: &'static str,
    /// For people.
    description: String,
    /// The project that the list is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
}

impl RoleView {
    pub(super) fn in_project(role: &Role, project: Option<String>) -> Self {
        Self { project, ..Self::of(role) }
    }

    pub(super) fn of(role: &Role) -> Self {
        let kind = kind_name(role.kind);
        Self { id: role.id, name: role.name.clone(), kind, description: role.description.clone(), project: None }
    }
}

/// What clients call a kind of role.
pub(super) const fn kind_name(kind: RoleKind) -> &'static str {
    match kind {
        RoleKind::Root => "root",
        RoleKind::Project => "project",
        RoleKind::RootCustom => "root-custom",
        RoleKind::Custom => "custom",
    }
}

/// A new user.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateUser {
    /// To log in with; this or `email` is needed.
    #[serde(default)]
    #[schema(example = "ada")]
    username: Option<String>,
    /// To log in with; this or `username` is needed.
    #[serde(default)]
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// For people.
    #[serde(default)]
    #[schema(example = "Ada")]
    name: Option<String>,
    /// The password; without one the user cannot log in yet.
    #[serde(default)]
    #[schema(example = "correct-Horse-7-battery")]
    password: Option<String>,
    /// The root role's id or name.
    root_role: RoleRef,
    /// Whether to send an invitation to the address, where mail is on; it is sent if this is omitted.
    #[serde(default)]
    send_email: Option<bool>,
}

/// A new user, as the answer shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedUser)]
struct CreatedUserView {
    #[serde(flatten)]
    user: UserView,
    /// A link by which the user sets a password, shown this once; it works once, for a day.
    invite_link: String,
    /// Whether an invitation with the link is on its way to the user's address.
    email_sent: bool,
}

/// A password.
#[allow(clippy::struct_field_names)] // The names that clients send.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Password {
    /// At least 10 characters, among them a lower-case and an upper-case letter, a digit and another character.
    #[schema(example = "correct-Horse-7-battery")]
    pub(super) password: String,
    /// The same again.
    #[serde(default)]
    pub(super) confirm_password: Option<String>,
    /// The password until now, where one changes one's own.
    #[serde(default)]
    pub(super) old_password: Option<String>,
}

/// A link that sets a password.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResetLink {
    /// The link, shown this once.
    reset_password_url: String,
}

/// What names must hold.
#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: Option<String>,
}

/// The most users that a search finds.
const SEARCH_MAX: usize = 100;

/// How many administrators there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdminCount {
    /// Those with a password.
    password: usize,
    /// Those without.
    no_password: usize,
    /// Service accounts.
    service: usize,
}

fn admin() -> Need {
    Need::root(&[P::Admin])
}

/// List the users
#[utoipa::path(
    get,
    path = "/api/admin/user-admin",
    operation_id = "getUsers",
    tag = "Users",
    responses((status = 200, body = UsersView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<UsersView>, Failure> {
    let seen = app.view(&caller, &admin())?;
    let root_roles = built_in_roles().iter().filter(|r| r.kind == RoleKind::Root).map(RoleView::of);
    Ok(Json(UsersView {
        users: seen.users.values().map(|u| UserView::with_role(&app, u)).collect(),
        root_roles: root_roles.collect(),
    }))
}

/// Get a user
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/{id}",
    operation_id = "getUser",
    tag = "Users",
    responses((status = 200, body = UserView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<Json<UserView>, Failure> {
    let seen = app.view(&caller, &admin())?;
    Ok(Json(UserView::with_role(&app, seen.users.find(&id)?)))
}

/// Create a user
#[utoipa::path(
    post,
    path = "/api/admin/user-admin",
    operation_id = "createUser",
    tag = "Users",
    request_body = CreateUser,
    responses((status = 201, body = CreatedUserView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateUser>,
) -> Result<Created<CreatedUserView>, Failure> {
    app.view(&caller, &admin())?;
    let input = body.parse(app.schemas())?;
    let password_hash = match &input.password {
        Some(password) => Some(passwords::accept(&app, password, None).await?),
        None => None,
    };
    let CreateUser { username, email, name, root_role, send_email, .. } = input;
    let new = NewUser { username, email, name, root_role, password_hash };
    let done = app.commit_input::<commands::Create>(&caller, (), new).await?;
    let CreatedUser { user, link_secret } = done.value;
    let location = format!("{}/api/admin/user-admin/{}", app.options().base_path(), user.id);
    let invite_link = app.page(&format!("new-user?token={link_secret}"));
    let email_sent = send_email.unwrap_or(true) && invite(&app, &user, &invite_link);
    Ok(Created { location, view: CreatedUserView { user: UserView::with_role(&app, &user), invite_link, email_sent } })
}

/// Sends an invitation to a new user, if that is possible.
fn invite(app: &App, user: &User, link: &str) -> bool {
    let (Some(mailer), Some(address)) = (app.mailer(), &user.email) else { return false };
    mailer.post(user.id, address, &Template::GettingStarted.letter(user.name.as_deref().unwrap_or_default(), link))
}

/// Give out a link by which a user sets a new password; it works once, for a day
#[utoipa::path(
    post,
    path = "/api/admin/user-admin/reset-password",
    operation_id = "resetUserPassword",
    tag = "Users",
    request_body = UserId,
    responses((status = 200, body = ResetLink)),
)]
async fn reset_password(
    State(app): State<App>,
    caller: Caller,
    body: Body<UserId>,
) -> Result<Json<ResetLink>, Failure> {
    let done = app.commit::<commands::IssueReset>(&caller, (), body).await?;
    Ok(Json(ResetLink { reset_password_url: app.page(&format!("reset-password?token={}", done.value)) }))
}

/// Find users by a part of their names
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/search",
    operation_id = "searchUsers",
    tag = "Users",
    params(
        ("q" = Option<String>, Query, description = "At least two characters of a name, user name or e-mail address"),
    ),
    responses((status = 200, body = Vec<UserView>)),
)]
async fn search(
    State(app): State<App>,
    caller: Caller,
    query: Query<SearchQuery>,
) -> Result<Json<Vec<UserView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let text = query.parse()?.q.unwrap_or_default().to_lowercase();
    if text.chars().count() < 2 {
        return Ok(Json(Vec::new()));
    }
    let holds = |part: &Option<String>| part.as_ref().is_some_and(|part| part.to_lowercase().contains(&text));
    let matching = seen.users.values().filter(|u| holds(&u.name) || holds(&u.username) || holds(&u.email));
    Ok(Json(matching.take(SEARCH_MAX).map(|u| UserView::of(&app, u)).collect()))
}

/// Change a user
#[utoipa::path(
    put,
    path = "/api/admin/user-admin/{id}",
    operation_id = "updateUser",
    tag = "Users",
    request_body = UpdateUser,
    responses((status = 200, body = UserView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    body: Body<UpdateUser>,
) -> Result<Json<UserView>, Failure> {
    let done = app.commit::<commands::Update>(&caller, id, body).await?;
    Ok(Json(UserView::with_role(&app, &done.value)))
}

/// Delete a user with their tokens and sessions
#[utoipa::path(
    delete,
    path = "/api/admin/user-admin/{id}",
    operation_id = "deleteUser",
    tag = "Users",
    responses((status = 200, description = "The user is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Delete>(&caller, id, Body::none()).await?;
    sessions::remove_dead(&app, id).await;
    Ok(StatusCode::OK)
}

/// Give a user a new password and end their sessions
#[utoipa::path(
    post,
    path = "/api/admin/user-admin/{id}/change-password",
    operation_id = "changeUserPassword",
    tag = "Users",
    request_body = Password,
    responses((status = 200, description = "The password is changed")),
)]
async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    body: Body<Password>,
) -> Result<StatusCode, Failure> {
    let seen = app.view(&caller, &admin())?;
    let input = body.parse(app.schemas())?;
    let user = std::sync::Arc::clone(seen.users.find(&id)?);
    let hash = passwords::accept(&app, &input.password, Some(&user)).await?;
    app.commit_input::<commands::SetPassword>(&caller, id, PasswordHash(hash)).await?;
    sessions::remove_dead(&app, id).await;
    Ok(StatusCode::OK)
}

/// Check whether a password is good enough
#[utoipa::path(
    post,
    path = "/api/admin/user-admin/validate-password",
    operation_id = "validateUserPassword",
    tag = "Users",
    request_body = Password,
    responses((status = 200, description = "The password is good enough")),
)]
async fn validate_password(State(app): State<App>, caller: Caller, body: Body<Password>) -> Result<(), Failure> {
    app.view(&caller, &Need::login())?;
    passwords::check(&body.parse(app.schemas())?.password)
}

/// Count the administrators
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/admin-count",
    operation_id = "getAdminCount",
    tag = "Users",
    responses((status = 200, body = AdminCount)),
)]
async fn admin_count(State(app): State<App>, caller: Caller) -> Result<Json<AdminCount>, Failure> {
    let seen = app.view(&caller, &admin())?;
    let admins: Vec<_> =
        seen.users.values().filter(|u| u.root_role == flagstone_model::permissions::role_ids::ADMIN).collect();
    let password = admins.iter().filter(|u| u.password_hash.is_some()).count();
    Ok(Json(AdminCount { password, no_password: admins.len() - password, service: 0 }))
}
