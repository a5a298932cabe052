//! Sign-up links over HTTP, as administrators manage them and as those use them who have one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::signup_links as commands;
use flagstone_model::permissions::Role;
use flagstone_model::signup_links::{self, CreateSignupLink, SignUp, SignupLink, UpdateSignupLink};
use flagstone_model::{Need, Permission as P, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identify::{SameSite, Visitor};
use super::users::{UserView, kind_name};
use crate::app::App;
use crate::app::caller::Caller;
use crate::app::passwords;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update))
}

/// What anybody can use who has a link.
pub(super) fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(validate)).routes(routes!(sign_up))
}

/// A link by which people sign up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignupLink)]
struct LinkView {
    /// The whole secret in the answer that creates the link, this once; its public part afterwards, which names it.
    secret: String,
    /// The link, in the answer that creates it.
    url: Option<String>,
    /// For people.
    name: String,
    /// Whether it works, as long as it has not expired.
    enabled: bool,
    /// When it stops working.
    expires_at: Timestamp,
    /// When it was created.
    created_at: Timestamp,
    /// Who created it.
    created_by: String,
    /// The root role of those who sign up.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<LinkRole>,
    /// Who has signed up with it.
    users: Vec<LinkUser>,
}

/// The role of those who sign up.
#[derive(Serialize, ToSchema)]
#[schema(as = SignupRole)]
struct LinkRole {
    /// Always 3.
    id: i64,
    /// Always Viewer.
    name: String,
    /// Always `root`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Somebody who signed up.
#[derive(Serialize, ToSchema)]
#[schema(as = SignupUser)]
struct LinkUser {
    /// The user.
    id: i64,
    /// For people.
    name: Option<String>,
    /// To log in with.
    username: Option<String>,
}

impl LinkView {
    fn of(state: &flagstone_model::State, link: &SignupLink) -> Self {
        let role = |role: &Role| LinkRole { id: role.id, name: role.name.clone(), kind: kind_name(role.kind) };
        let users = signup_links::users_of(state, link);
        Self {
            secret: link.selector.clone(),
            url: None,
            name: link.name.clone(),
            enabled: link.enabled,
            expires_at: link.expires_at,
            created_at: link.created_at,
            created_by: link.created_by.clone(),
            role: state.role(link.role).map(role),
            users: users
                .map(|user| LinkUser { id: user.id, name: user.name.clone(), username: user.username.clone() })
                .collect(),
        }
    }
}

/// Sign-up links.
#[derive(Serialize, ToSchema)]
#[schema(as = SignupLinks)]
struct LinksView {
    /// The oldest first.
    tokens: Vec<LinkView>,
}

/// Somebody who signs up.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Person {
    /// To log in with.
    #[serde(default)]
    #[schema(example = "ada")]
    username: Option<String>,
    /// To log in with, and to get mail.
    #[schema(example = "ada@example.com")]
    email: String,
    /// For people.
    #[schema(example = "Ada")]
    name: String,
    /// The password.
    #[schema(example = "correct-Horse-7-battery")]
    password: String,
}

fn admin() -> Need {
    Need::root(&[P::Admin])
}

/// List the links by which people sign up
#[utoipa::path(
    get,
    path = "/api/admin/invite-link/tokens",
    operation_id = "getAllPublicSignupTokens",
    tag = "Public signup tokens",
    responses((status = 200, body = LinksView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<LinksView>, Failure> {
    let seen = app.view(&caller, &admin())?;
    let mut links: Vec<_> = seen.signup_links.values().collect();
    links.sort_by_key(|link| link.created_at);
    Ok(Json(LinksView { tokens: links.into_iter().map(|link| LinkView::of(&seen, link)).collect() }))
}

/// Create a link by which people sign up as viewers; it is shown this once
#[utoipa::path(
    post,
    path = "/api/admin/invite-link/tokens",
    operation_id = "createPublicSignupToken",
    tag = "Public signup tokens",
    request_body = CreateSignupLink,
    responses((status = 201, body = LinkView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateSignupLink>,
) -> Result<Created<LinkView>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    let (link, secret) = done.value;
    let url = app.page(&format!("new-user?invite={secret}"));
    let location = format!("{}/api/admin/invite-link/tokens/{}", app.options().base_path(), link.selector);
    let view = LinkView { secret, url: Some(url), ..LinkView::of(&done.snapshot.state, &link) };
    Ok(Created { location, view })
}

/// Get a link by which people sign up
#[utoipa::path(
    get,
    path = "/api/admin/invite-link/tokens/{token}",
    operation_id = "getPublicSignupToken",
    tag = "Public signup tokens",
    responses((status = 200, body = LinkView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(token): Path<String>) -> Result<Json<LinkView>, Failure> {
    let seen = app.view(&caller, &admin())?;
    Ok(Json(LinkView::of(&seen, signup_links::find(&seen, &token)?)))
}

/// Switch a link by which people sign up on or off, or move its end
#[utoipa::path(
    put,
    path = "/api/admin/invite-link/tokens/{token}",
    operation_id = "updatePublicSignupToken",
    tag = "Public signup tokens",
    request_body = UpdateSignupLink,
    responses((status = 200, body = LinkView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    body: Body<UpdateSignupLink>,
) -> Result<Json<LinkView>, Failure> {
    let done = app.commit::<commands::Update>(&caller, token, body).await?;
    Ok(Json(LinkView::of(&done.snapshot.state, &done.value)))
}

/// Tell whether one can sign up with a link
#[utoipa::path(
    get,
    path = "/invite/{token}/validate",
    operation_id = "validatePublicSignupToken",
    tag = "Public signup tokens",
    responses((status = 200, description = "The link works")),
)]
async fn validate(State(app): State<App>, visitor: Visitor, Path(token): Path<String>) -> Result<(), Failure> {
    app.sign_ups().check(visitor.address, app.now()).map_err(Failure::TooMany)?;
    signup_links::open(&app.public().state, &token, app.now())?;
    Ok(())
}

/// Sign up with a link
#[utoipa::path(
    post,
    path = "/invite/{token}/signup",
    operation_id = "addPublicSignupTokenUser",
    tag = "Public signup tokens",
    request_body = Person,
    responses((status = 201, body = UserView)),
)]
async fn sign_up(
    State(app): State<App>,
    _: SameSite,
    visitor: Visitor,
    Path(token): Path<String>,
    body: Body<Person>,
) -> Result<(StatusCode, Json<UserView>), Failure> {
    app.sign_ups().check(visitor.address, app.now()).map_err(Failure::TooMany)?;
    let Person { username, email, name, password } = body.parse(app.schemas())?;
    // Before anything is hashed: whoever has no link costs nothing.
    signup_links::open(&app.public().state, &token, app.now())?;
    let password_hash = passwords::accept(&app, &password, None).await?;
    let input = SignUp { secret: token, username, email: Some(email), name: Some(name), password_hash };
    let caller = Caller::by_signup_link(visitor.address);
    let user = app.commit_input::<commands::SignUp>(&caller, (), input).await?.value;
    Ok((StatusCode::CREATED, Json(UserView::with_role(&app, &user))))
}
