//! API tokens over HTTP: those of a project, and all of them.

use axum::Json;
use axum::extract::State;
use flagstone_model::api_tokens::{ApiToken, TokenKind};
use flagstone_model::commands::api_tokens::{
    self as commands, CreateApiToken, CreateProjectApiToken, CreatedToken, UpdateApiToken, find_of_project,
};
use flagstone_model::paths::{ProjectPath, TokenPath};
use flagstone_model::permissions::allowed;
use flagstone_model::{Need, Permission as P, Timestamp, projects};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_of_project, create_in_project))
        .routes(routes!(get_of_project, delete_in_project))
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiToken)]
pub struct TokenView {
    /// The whole token in the answer that creates it, this once; afterwards its public part, by which it can be named.
    #[schema(example = "default:development.v2_nq2xJb0yQ3uX1b7mVd4kLw")]
    secret: String,
    /// For people.
    token_name: String,
    /// What it opens.
    #[serde(rename = "type")]
    kind: TokenType,
    /// The project it is for; `*` for all, `[]` for several.
    project: Option<String>,
    /// The projects it is for; `*` for all.
    projects: Vec<String>,
    /// The environment it is for; `*` for admin tokens.
    #[schema(example = "development")]
    environment: Option<String>,
    /// When it stops working.
    expires_at: Option<Timestamp>,
    /// When it was created.
    created_at: Timestamp,
    /// Another name for it in old proxies' requests.
    alias: Option<String>,
    /// When it was last used.
    seen_at: Option<Timestamp>,
    /// Whether only a hash of it is kept: always.
    secure: bool,
}

/// What a token opens, as clients know it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ApiTokenType)]
pub enum TokenType {
    /// The old name of `backend`.
    Client,
    /// The client API.
    Backend,
    /// The frontend API.
    Frontend,
    /// The admin API.
    Admin,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiTokens)]
pub struct TokensView {
    /// In order of creation.
    tokens: Vec<TokenView>,
}

fn view(app: &App, token: &ApiToken) -> TokenView {
    TokenView {
        secret: token.masked(),
        token_name: token.name.clone(),
        // Lists call backend tokens by their old name, which the Terraform provider and Unleash Edge compare with.
        kind: match token.kind {
            TokenKind::Backend => TokenType::Client,
            TokenKind::Frontend => TokenType::Frontend,
            TokenKind::Admin => TokenType::Admin,
        },
        project: Some(match token.projects.as_slice() {
            [one] => one.clone(),
            _ => "[]".to_owned(),
        }),
        projects: token.projects.clone(),
        environment: Some(token.environment.clone()),
        expires_at: token.expires_at,
        created_at: token.created_at,
        alias: token.alias.clone(),
        seen_at: app.telemetry().token_last_seen(&token.selector),
        secure: true,
    }
}

/// The answer that shows a new token's secret, at its place below `collection`.
fn created(app: &App, created: CreatedToken, collection: &str) -> Created<TokenView> {
    let CreatedToken { token, secret, kind_sent } = created;
    let location = format!("{}{collection}/{}", app.options().base_path(), path_segment(&token.selector));
    let kind = match token.kind {
        TokenKind::Backend if kind_sent.eq_ignore_ascii_case("client") => TokenType::Client,
        TokenKind::Backend => TokenType::Backend,
        TokenKind::Frontend => TokenType::Frontend,
        TokenKind::Admin => TokenType::Admin,
    };
    Created { location, view: TokenView { secret, kind, ..view(app, &token) } }
}

fn tokens<'t>(app: &App, tokens: impl Iterator<Item = &'t std::sync::Arc<ApiToken>>) -> Json<TokensView> {
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_by_key(|t| (t.created_at, t.selector.clone()));
    Json(TokensView { tokens: tokens.into_iter().map(|t| view(app, t)).collect() })
}

/// List the API tokens that the caller may see
#[utoipa::path(
    get,
    path = "/api/admin/api-tokens",
    operation_id = "getAllApiTokens",
    tag = "API tokens",
    responses((status = 200, body = TokensView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TokensView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[P::Admin, P::ReadClientApiToken, P::ReadFrontendApiToken]))?;
    let may_see =
        |token: &ApiToken| allowed(&seen, &caller.principal, &commands::need_to_see(token), app.now()).is_ok();
    let seen = seen.api_tokens.values().filter(|t| may_see(t));
    Ok(tokens(&app, seen))
}

/// Get the API tokens of a name, or the one with this public part
#[utoipa::path(
    get,
    path = "/api/admin/api-tokens/{token}",
    operation_id = "getApiTokensByName",
    tag = "API tokens",
    responses((status = 200, body = TokensView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(named): Path<String>) -> Result<Json<TokensView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[P::Admin, P::ReadClientApiToken, P::ReadFrontendApiToken]))?;
    let may_see =
        |token: &ApiToken| allowed(&seen, &caller.principal, &commands::need_to_see(token), app.now()).is_ok();
    let is_meant = |t: &ApiToken| t.name == named || t.selector == named || t.masked() == named;
    let seen = seen.api_tokens.values().filter(|t| is_meant(t) && may_see(t));
    Ok(tokens(&app, seen))
}

/// Create an API token for one, several or all projects
#[utoipa::path(
    post,
    path = "/api/admin/api-tokens",
    operation_id = "createApiToken",
    tag = "API tokens",
    request_body = CreateApiToken,
    responses((status = 201, body = TokenView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateApiToken>,
) -> Result<Created<TokenView>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    Ok(created(&app, done.value, "/api/admin/api-tokens"))
}

/// Move the expiry of an API token
#[utoipa::path(
    put,
    path = "/api/admin/api-tokens/{token}",
    operation_id = "updateApiToken",
    tag = "API tokens",
    request_body = UpdateApiToken,
    responses((status = 200, description = "The expiry is moved")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(named): Path<String>,
    body: Body<UpdateApiToken>,
) -> Result<(), Failure> {
    app.commit::<commands::Update>(&caller, named, body).await.map(drop)
}

/// Delete an API token; it stops working at once
#[utoipa::path(
    delete,
    path = "/api/admin/api-tokens/{token}",
    operation_id = "deleteApiToken",
    tag = "API tokens",
    responses((status = 200, description = "The token is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(named): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, named, Body::none()).await.map(drop)
}

/// List the API tokens that are for a project
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/api-tokens",
    operation_id = "getProjectApiTokens",
    tag = "API tokens",
    responses((status = 200, body = TokensView)),
)]
async fn list_of_project(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
) -> Result<Json<TokensView>, Failure> {
    let seen = app.view(&caller, &Need::project(&project, &[P::ReadProjectApiToken]))?;
    projects::find_live(&seen, &project)?;
    let of_project = |t: &&std::sync::Arc<ApiToken>| t.projects.contains(&project);
    Ok(tokens(&app, seen.api_tokens.values().filter(of_project)))
}

/// Create an API token for a project
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/api-tokens",
    operation_id = "createProjectApiToken",
    tag = "API tokens",
    request_body = CreateProjectApiToken,
    responses((status = 201, body = TokenView)),
)]
async fn create_in_project(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<CreateProjectApiToken>,
) -> Result<Created<TokenView>, Failure> {
    let collection = format!("/api/admin/projects/{}/api-tokens", path_segment(&path.project));
    let done = app.commit::<commands::CreateInProject>(&caller, path, body).await?;
    Ok(created(&app, done.value, &collection))
}

/// Get an API token of a project
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/api-tokens/{token}",
    operation_id = "getProjectApiToken",
    tag = "API tokens",
    responses((status = 200, body = TokenView)),
)]
async fn get_of_project(
    State(app): State<App>,
    caller: Caller,
    Path((project, named)): Path<(String, String)>,
) -> Result<Json<TokenView>, Failure> {
    let seen = app.view(&caller, &Need::project(&project, &[P::ReadProjectApiToken]))?;
    Ok(Json(view(&app, find_of_project(&seen, &project, &named)?)))
}

/// Delete an API token of a project; it stops working at once
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/api-tokens/{token}",
    operation_id = "deleteProjectApiToken",
    tag = "API tokens",
    responses((status = 200, description = "The token is gone")),
)]
async fn delete_in_project(State(app): State<App>, caller: Caller, Path(path): Path<TokenPath>) -> Result<(), Failure> {
    app.commit::<commands::DeleteInProject>(&caller, path, Body::none()).await.map(drop)
}
