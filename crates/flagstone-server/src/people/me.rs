//! What a caller sees and changes of themselves.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::commands::users::{self as commands, PasswordHash};
use flagstone_model::permissions::{Held, Permission, Scope, held_by};
use flagstone_model::ui_state::{self, Feedback};
use flagstone_model::users::{CreatePersonalToken, PersonalToken};
use flagstone_model::{Error, Need, Principal, State, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::{Password, RoleView, UserView};
use crate::app::App;
use crate::app::caller::Caller;
use crate::app::passwords;
use crate::app::sessions;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(profile))
        .routes(routes!(change_password))
        .routes(routes!(list_roles))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(delete_token))
}

/// Who the caller is, and what they may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeView {
    /// The user, or the admin token.
    #[schema(value_type = Object)]
    user: Value,
    /// What the caller may do, and where.
    pub permissions: Vec<HeldView>,
    /// The questions of user interfaces that the user has answered.
    pub feedback: Vec<FeedbackView>,
    /// The greetings of user interfaces that the user has seen.
    pub splash: BTreeMap<String, bool>,
}

impl MeView {
    /// Who `caller` is, and what `state`, as the caller sees it, lets them do.
    pub fn of(app: &App, state: &State, caller: &Caller) -> Result<Self, Failure> {
        let admin = || vec![HeldView { project: None, environment: None, permission: Permission::Admin.name() }];
        let (user, permissions) = match &caller.principal {
            Principal::User { id, .. } => {
                let user = state.users.find(id)?;
                let held = held_by(state, user).flat_map(|held| by_environment(state, held));
                let held = held.map(|h| HeldView {
                    project: h.project.map(str::to_owned),
                    environment: h.environment.map(str::to_owned),
                    permission: h.permission.name(),
                });
                let mut view = serde_json::to_value(UserView::of(app, user)).unwrap_or_default();
                if caller.session.is_some() {
                    view["deletedSessions"] = json!(0);
                }
                (view, held.collect())
            }
            Principal::ApiToken(selector) => {
                let token = state.api_tokens.find(selector.as_str())?;
                let view = json!({
                    "username": token.name, "permissions": ["ADMIN"], "environment": token.environment, "type": "admin",
                    "secret": token.masked(), "projects": token.projects, "internalAdminTokenUserId": caller.actor.id,
                });
                (view, admin())
            }
            Principal::Anonymous | Principal::System => (Value::Null, admin()),
        };
        let remembered = caller.user_id().and_then(|id| ui_state::of(state, id));
        let feedback = remembered.into_iter().flat_map(|of| of.feedback.iter().map(|(id, f)| (of.user_id, id, f)));
        let splash = remembered.into_iter().flat_map(|of| of.splashes.iter().map(|id| (id.clone(), true)));
        Ok(Self {
            user,
            permissions,
            feedback: feedback.map(|(user, id, feedback)| FeedbackView::of(user, id, feedback)).collect(),
            splash: splash.collect(),
        })
    }
}

/// That a user has answered a question.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Feedback)]
pub struct FeedbackView {
    /// Whether it is never to be asked again.
    never_show: bool,
    /// What the interface calls the question.
    feedback_id: String,
    /// When it was answered.
    given: Timestamp,
    /// Who has answered it.
    user_id: i64,
}

impl FeedbackView {
    /// What is remembered of a user and a question.
    pub fn of(user_id: i64, id: &str, feedback: &Feedback) -> Self {
        Self { never_show: feedback.never_show, feedback_id: id.to_owned(), given: feedback.given, user_id }
    }
}

/// A permission at a place.
#[derive(Serialize, ToSchema)]
#[schema(as = UserPermission)]
pub struct HeldView {
    /// Only in this project.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// Only in this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// The permission's name.
    #[schema(example = "CREATE_FEATURE")]
    permission: &'static str,
}

/// The caller's place in the installation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Profile {
    /// The projects that the user works on.
    projects: Vec<String>,
    /// Always empty.
    groups: Vec<Value>,
    root_role: RoleView,
    /// Always empty.
    subscriptions: Vec<String>,
    /// Always empty.
    features: Vec<Value>,
    /// Whether there is a password to change.
    can_change_password: bool,
}

/// The caller's roles.
#[derive(Serialize, ToSchema)]
#[schema(as = Roles)]
struct RolesView {
    /// The form of this answer: 1.
    version: u32,
    roles: Vec<RoleView>,
}

/// A personal access token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PersonalToken)]
struct TokenView {
    /// Never given out twice.
    id: i64,
    /// For people.
    description: String,
    /// When it stops working.
    expires_at: Timestamp,
    /// Whose it is.
    user_id: i64,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last used.
    seen_at: Option<Timestamp>,
    /// The whole token, in the answer that creates it, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Personal access tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonalTokens)]
struct TokensView {
    pats: Vec<TokenView>,
}

fn view(app: &App, token: &PersonalToken, secret: Option<String>) -> TokenView {
    TokenView {
        id: token.id,
        description: token.description.clone(),
        expires_at: token.expires_at,
        user_id: token.user_id,
        created_at: token.created_at,
        seen_at: app.telemetry().personal_token_last_seen(token.id),
        secret,
    }
}

/// A permission for environments, once for each environment of its project: user interfaces look for them by name.
fn by_environment<'s>(state: &'s State, held: Held<'s>) -> Vec<Held<'s>> {
    match held.project.and_then(|id| state.projects.get(id)) {
        Some(project) if held.permission.scope() == Scope::Environment && held.environment.is_none() => {
            let names = project.environments.keys();
            names.map(|name| Held { environment: Some(name), ..held }).collect()
        }
        _ => vec![held],
    }
}

/// Only users have what is asked for; API tokens do not.
fn user_id(caller: &Caller) -> Result<i64, Failure> {
    caller.user_id().ok_or_else(|| Error::Forbidden("This belongs to users; an API token has none.".to_owned()).into())
}

/// See who one is and what one may do
#[utoipa::path(
    get,
    path = "/api/admin/user",
    operation_id = "getMe",
    tag = "Users",
    responses((status = 200, body = MeView)),
)]
async fn get(Extract(app): Extract<App>, caller: Caller) -> Result<Json<MeView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(MeView::of(&app, &seen, &caller)?))
}

/// See one's place in the installation
#[utoipa::path(
    get,
    path = "/api/admin/user/profile",
    operation_id = "getProfile",
    tag = "Users",
    responses((status = 200, body = Profile)),
)]
async fn profile(Extract(app): Extract<App>, caller: Caller) -> Result<Json<Profile>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let user = seen.users.find(&user_id(&caller)?)?;
    let works_on =
        |p: &&std::sync::Arc<flagstone_model::projects::Project>| p.members.iter().any(|m| m.user_id == user.id);
    let mut projects: Vec<_> = seen.projects.values().filter(works_on).map(|p| p.id.clone()).collect();
    if projects.is_empty() {
        projects.push(flagstone_model::permissions::DEFAULT_PROJECT.to_owned());
    }
    let root_role = seen.role(user.root_role).ok_or_else(|| Error::not_found("role", user.root_role))?;
    Ok(Json(Profile {
        projects,
        groups: Vec::new(),
        root_role: RoleView::of(root_role),
        subscriptions: Vec::new(),
        features: Vec::new(),
        can_change_password: user.password_hash.is_some(),
    }))
}

/// Change one's own password; all other sessions end
#[utoipa::path(
    post,
    path = "/api/admin/user/change-password",
    operation_id = "changeMyPassword",
    tag = "Users",
    request_body = Password,
    responses((status = 200, description = "The password is changed")),
)]
async fn change_password(
    Extract(app): Extract<App>,
    caller: Caller,
    body: Body<Password>,
) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let id = user_id(&caller)?;
    let input = body.parse(app.schemas())?;
    if input.confirm_password.as_ref().is_some_and(|again| *again != input.password) {
        return Err(Error::bad_data("/body/confirmPassword", "The two passwords differ.").into());
    }
    let user = std::sync::Arc::clone(seen.users.find(&id)?);
    // A session that somebody left open must not be enough to take the account over.
    let Some(old) = input.old_password else {
        return Err(Error::bad_data("/body/oldPassword", "The password until now is required.").into());
    };
    let (address, now) = (caller.address(), app.now());
    app.logins().check(address, now).map_err(Failure::TooMany)?;
    app.logins().check_account(Some(id), "", address, now).map_err(Failure::TooMany)?;
    if !passwords::fits(&app, &old, Some(&user)).await? {
        return Err(Failure::PasswordMismatch);
    }
    app.logins().succeeded(id, address);
    let hash = passwords::accept(&app, &input.password, Some(&user)).await?;
    let done = app.commit_input::<commands::SetOwnPassword>(&caller, (), PasswordHash(hash)).await?;
    sessions::remove_dead(&app, id).await;
    if caller.session.is_some() {
        let cookie = sessions::begin(&app, &done.value).await?;
        return Ok((StatusCode::OK, [(header::SET_COOKIE, cookie)]).into_response());
    }
    Ok(StatusCode::OK.into_response())
}

/// List one's own roles
#[utoipa::path(
    get,
    path = "/api/admin/user/roles",
    operation_id = "getUserRoles",
    tag = "Users",
    params(("projectId" = Option<String>, Query, description = "List the roles in this project")),
    responses((status = 200, body = RolesView)),
)]
async fn list_roles(
    Extract(app): Extract<App>,
    caller: Caller,
    query: crate::http::Query<RolesQuery>,
) -> Result<Json<RolesView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let user = seen.users.find(&user_id(&caller)?)?;
    let project_id = query.parse()?.project_id;
    let ids: Vec<i64> = match &project_id {
        Some(id) => {
            let project = seen.projects.get(id.as_str());
            let members = project.into_iter().flat_map(|p| p.members.iter());
            let of_project = members.filter(|m| m.user_id == user.id).map(|m| m.role_id);
            std::iter::once(user.root_role).chain(of_project).collect()
        }
        None => vec![user.root_role],
    };
    let roles = ids.into_iter().filter_map(|id| seen.role(id));
    let roles = roles.map(|role| RoleView::in_project(role, project_id.clone()));
    Ok(Json(RolesView { version: 1, roles: roles.collect() }))
}

/// Which roles to list.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolesQuery {
    project_id: Option<String>,
}

/// List one's own personal access tokens
#[utoipa::path(
    get,
    path = "/api/admin/user/tokens",
    operation_id = "getPats",
    tag = "Users",
    responses((status = 200, body = TokensView)),
)]
async fn list_tokens(Extract(app): Extract<App>, caller: Caller) -> Result<Json<TokensView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let id = user_id(&caller)?;
    let own = seen.personal_tokens.values().filter(|t| t.user_id == id);
    Ok(Json(TokensView { pats: own.map(|t| view(&app, t, None)).collect() }))
}

/// Create a personal access token: it may do what its user may
#[utoipa::path(
    post,
    path = "/api/admin/user/tokens",
    operation_id = "createPat",
    tag = "Users",
    request_body = CreatePersonalToken,
    responses((status = 201, body = TokenView)),
)]
async fn create_token(
    Extract(app): Extract<App>,
    caller: Caller,
    body: Body<CreatePersonalToken>,
) -> Result<Created<TokenView>, Failure> {
    let done = app.commit::<commands::CreateToken>(&caller, (), body).await?;
    let (token, secret) = done.value;
    let location = format!("{}/api/admin/user/tokens", app.options().base_path());
    Ok(Created { location, view: view(&app, &token, Some(secret)) })
}

/// Delete one of one's own personal access tokens; it stops working at once
#[utoipa::path(
    delete,
    path = "/api/admin/user/tokens/{id}",
    operation_id = "deletePat",
    tag = "Users",
    responses((status = 200, description = "The token is gone")),
)]
async fn delete_token(Extract(app): Extract<App>, caller: Caller, Path(id): Path<i64>) -> Result<(), Failure> {
    app.commit::<commands::DeleteToken>(&caller, id, Body::none()).await.map(drop)
}
