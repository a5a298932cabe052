//! API tokens over HTTP: those of a project, and all of them.

use axum::Json;
use axum::extract::State;
use flagstone_model::api_tokens::{self, ALL, ApiToken, NewToken, TokenKind};
use flagstone_model::permissions::allowed;
use flagstone_model::{Error, Need, Permission as P, Timestamp, projects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_of_project, create_in_project))
        .routes(routes!(get_of_project, delete_in_project))
}

/// A new token of a project.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateProjectApiToken {
    /// What it opens, in any case: `backend` for server-side SDKs, `frontend` for browsers and apps; `client` is the old name of `backend`.
    #[serde(rename = "type")]
    #[schema(
        pattern = "^([Cc][Ll][Ii][Ee][Nn][Tt]|[Bb][Aa][Cc][Kk][Ee][Nn][Dd]|[Ff][Rr][Oo][Nn][Tt][Ee][Nn][Dd])$",
        example = "backend"
    )]
    kind: String,
    /// For people; not unique.
    #[schema(example = "checkout service")]
    token_name: String,
    /// The environment it is for. Omitted or `default` means the installation's default environment.
    #[serde(default)]
    #[schema(default = "default", example = "development")]
    environment: Option<String>,
    /// When it stops working; never if omitted.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// A new token of one, several or all projects.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiToken {
    /// As for a token of a project.
    #[serde(flatten)]
    token: CreateProjectApiToken,
    /// The project it is for; `projects` wins.
    #[serde(default)]
    #[schema(example = "default")]
    project: Option<String>,
    /// The projects it is for; all if neither this nor `project` is given.
    #[serde(default)]
    #[schema(min_items = 1, example = json!(["default"]))]
    projects: Option<Vec<String>>,
}

/// A token's new expiry.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateApiToken {
    /// When it stops working.
    expires_at: Timestamp,
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

impl CreateProjectApiToken {
    fn kind(&self) -> Result<TokenKind, Error> {
        match self.kind.to_ascii_lowercase().as_str() {
            "frontend" => Ok(TokenKind::Frontend),
            "backend" | "client" => Ok(TokenKind::Backend),
            _ => Err(Error::bad_data("/body/type", "The type must be backend or frontend.")),
        }
    }

    fn into_new(self, projects: Vec<String>) -> Result<NewToken, Error> {
        Ok(NewToken {
            kind: self.kind()?,
            name: self.token_name,
            environment: self.environment,
            projects,
            expires_at: self.expires_at,
        })
    }
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

fn created(app: &App, token: &ApiToken, secret: String, sent_kind: &str, location: String) -> Created<TokenView> {
    let kind = match token.kind {
        TokenKind::Backend if sent_kind.eq_ignore_ascii_case("client") => TokenType::Client,
        TokenKind::Backend => TokenType::Backend,
        TokenKind::Frontend => TokenType::Frontend,
        TokenKind::Admin => TokenType::Admin,
    };
    Created { location, view: TokenView { secret, kind, ..view(app, token) } }
}

fn tokens<'t>(app: &App, tokens: impl Iterator<Item = &'t std::sync::Arc<ApiToken>>) -> Json<TokensView> {
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_by_key(|t| (t.created_at, t.selector.clone()));
    Json(TokensView { tokens: tokens.into_iter().map(|t| view(app, t)).collect() })
}

/// The permission for one kind of token among those for reading, creating and so on.
fn of_kind(kind: TokenKind, backend: P, frontend: P) -> P {
    match kind {
        TokenKind::Backend => backend,
        TokenKind::Frontend => frontend,
        TokenKind::Admin => P::Admin,
    }
}

/// List the API tokens that the caller may see
#[utoipa::path(get, path = "/api/admin/api-tokens", operation_id = "getAllApiTokens", tag = "API tokens", responses((status = 200, body = TokensView)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TokensView>, Failure> {
    let snapshot = app.view(&caller, &Need::root(&[P::Admin, P::ReadClientApiToken, P::ReadFrontendApiToken]))?;
    let may_see = |kind| {
        let need = Need::root(&[of_kind(kind, P::ReadClientApiToken, P::ReadFrontendApiToken)]);
        allowed(&snapshot.state, &caller.principal, &need, app.now()).is_ok()
    };
    let seen = snapshot.state.api_tokens.values().filter(|t| may_see(t.kind));
    Ok(tokens(&app, seen))
}

/// Get the API tokens of a name, or the one with this public part
#[utoipa::path(get, path = "/api/admin/api-tokens/{token}", operation_id = "getApiTokensByName", tag = "API tokens", responses((status = 200, body = TokensView)))]
async fn get(State(app): State<App>, caller: Caller, Path(named): Path<String>) -> Result<Json<TokensView>, Failure> {
    let snapshot = app.view(&caller, &Need::root(&[P::Admin, P::ReadClientApiToken, P::ReadFrontendApiToken]))?;
    let may_see = |kind| {
        let need = Need::root(&[of_kind(kind, P::ReadClientApiToken, P::ReadFrontendApiToken)]);
        allowed(&snapshot.state, &caller.principal, &need, app.now()).is_ok()
    };
    let is_meant = |t: &ApiToken| t.name == named || t.selector == named || t.masked() == named;
    let seen = snapshot.state.api_tokens.values().filter(|t| is_meant(t) && may_see(t.kind));
    Ok(tokens(&app, seen))
}

/// Create an API token for one, several or all projects
#[utoipa::path(post, path = "/api/admin/api-tokens", operation_id = "createApiToken", tag = "API tokens", request_body = CreateApiToken, responses((status = 201, body = TokenView)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateApiToken>,
) -> Result<Created<TokenView>, Failure> {
    let need = Need::root(&[P::Admin, P::CreateClientApiToken, P::CreateFrontendApiToken]);
    let done = app
        .commit(&caller, &need, body, |draft, input: CreateApiToken| {
            let kind = input.token.kind()?;
            draft.require(&Need::root(&[of_kind(kind, P::CreateClientApiToken, P::CreateFrontendApiToken)]))?;
            let sent_kind = input.token.kind.clone();
            let projects = input.projects.or(input.project.map(|p| vec![p]));
            let projects = projects.unwrap_or_else(|| vec![ALL.to_owned()]);
            let (token, secret) = api_tokens::create(draft, input.token.into_new(projects)?)?;
            Ok((token, secret, sent_kind))
        })
        .await?;
    let (token, secret, sent_kind) = done.value;
    let location = format!("{}/api/admin/api-tokens/{}", app.options().base_path(), path_segment(&token.selector));
    Ok(created(&app, &token, secret, &sent_kind, location))
}

/// Move the expiry of an API token
#[utoipa::path(put, path = "/api/admin/api-tokens/{token}", operation_id = "updateApiToken", tag = "API tokens", request_body = UpdateApiToken, responses((status = 200, description = "The expiry is moved")))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(named): Path<String>,
    body: Body<UpdateApiToken>,
) -> Result<(), Failure> {
    let need = Need::root(&[P::Admin, P::UpdateClientApiToken, P::UpdateFrontendApiToken]);
    app.commit(&caller, &need, body, |draft, input: UpdateApiToken| {
        let kind = api_tokens::find(draft, &named)?.kind;
        draft.require(&Need::root(&[of_kind(kind, P::UpdateClientApiToken, P::UpdateFrontendApiToken)]))?;
        api_tokens::update_expiry(draft, &named, Some(input.expires_at))
    })
    .await
    .map(drop)
}

/// Delete an API token; it stops working at once
#[utoipa::path(delete, path = "/api/admin/api-tokens/{token}", operation_id = "deleteApiToken", tag = "API tokens", responses((status = 200, description = "The token is gone")))]
async fn delete(State(app): State<App>, caller: Caller, Path(named): Path<String>) -> Result<(), Failure> {
    let need = Need::root(&[P::Admin, P::DeleteClientApiToken, P::DeleteFrontendApiToken]);
    app.commit(&caller, &need, Body::none(), |draft, ()| {
        let kind = api_tokens::find(draft, &named)?.kind;
        draft.require(&Need::root(&[of_kind(kind, P::DeleteClientApiToken, P::DeleteFrontendApiToken)]))?;
        api_tokens::delete(draft, &named)
    })
    .await
    .map(drop)
}

/// The token that a project's path names. One that is for other projects as well is not the project's own.
fn find_of_project<'s>(
    state: &'s flagstone_model::State,
    project: &str,
    named: &str,
) -> Result<&'s std::sync::Arc<ApiToken>, Error> {
    projects::find_live(state, project)?;
    let token = api_tokens::find(state, named)?;
    if token.projects == [project] { Ok(token) } else { Err(Error::not_found("API token", "…")) }
}

/// List the API tokens that are for a project
#[utoipa::path(get, path = "/api/admin/projects/{projectId}/api-tokens", operation_id = "getProjectApiTokens", tag = "API tokens", responses((status = 200, body = TokensView)))]
async fn list_of_project(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
) -> Result<Json<TokensView>, Failure> {
    let snapshot = app.view(&caller, &Need::project(&project, &[P::ReadProjectApiToken]))?;
    projects::find_live(&snapshot.state, &project)?;
    let of_project = |t: &&std::sync::Arc<ApiToken>| t.projects.contains(&project);
    Ok(tokens(&app, snapshot.state.api_tokens.values().filter(of_project)))
}

/// Create an API token for a project
#[utoipa::path(post, path = "/api/admin/projects/{projectId}/api-tokens", operation_id = "createProjectApiToken", tag = "API tokens", request_body = CreateProjectApiToken, responses((status = 201, body = TokenView)))]
async fn create_in_project(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    body: Body<CreateProjectApiToken>,
) -> Result<Created<TokenView>, Failure> {
    let need = Need::project(&project, &[P::CreateProjectApiToken]);
    let done = app
        .commit(&caller, &need, body, |draft, input: CreateProjectApiToken| {
            projects::find_live(draft, &project)?;
            let sent_kind = input.kind.clone();
            let (token, secret) = api_tokens::create(draft, input.into_new(vec![project.clone()])?)?;
            Ok((token, secret, sent_kind))
        })
        .await?;
    let (token, secret, sent_kind) = done.value;
    let (base, project) = (app.options().base_path(), path_segment(&project));
    let location = format!("{base}/api/admin/projects/{project}/api-tokens/{}", path_segment(&token.selector));
    Ok(created(&app, &token, secret, &sent_kind, location))
}

/// Get an API token of a project
#[utoipa::path(get, path = "/api/admin/projects/{projectId}/api-tokens/{token}", operation_id = "getProjectApiToken", tag = "API tokens", responses((status = 200, body = TokenView)))]
async fn get_of_project(
    State(app): State<App>,
    caller: Caller,
    Path((project, named)): Path<(String, String)>,
) -> Result<Json<TokenView>, Failure> {
    let snapshot = app.view(&caller, &Need::project(&project, &[P::ReadProjectApiToken]))?;
    Ok(Json(view(&app, find_of_project(&snapshot.state, &project, &named)?)))
}

/// Delete an API token of a project; it stops working at once
#[utoipa::path(delete, path = "/api/admin/projects/{projectId}/api-tokens/{token}", operation_id = "deleteProjectApiToken", tag = "API tokens", responses((status = 200, description = "The token is gone")))]
async fn delete_in_project(
    State(app): State<App>,
    caller: Caller,
    Path((project, named)): Path<(String, String)>,
) -> Result<(), Failure> {
    let need = Need::project(&project, &[P::DeleteProjectApiToken]);
    app.commit(&caller, &need, Body::none(), |draft, ()| {
        find_of_project(draft, &project, &named)?;
        api_tokens::delete(draft, &named)
    })
    .await
    .map(drop)
}
