//! Logging in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::commands::users::{IssueOwnReset, RedeemPasswordReset, RedeemReset};
use flagstone_model::users::{User, by_login};
use flagstone_model::{Error, password_resets};
use flagstone_store::LoginRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identify::{SameSite, Visitor};
use super::users::UserView;
use crate::app::App;
use crate::app::caller::Caller;
use crate::app::mail::Template;
use crate::app::passwords;
use crate::app::sessions;
use crate::http::error::Failure;
use crate::http::{Body, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(validate_reset))
        .routes(routes!(reset_password))
        .routes(routes!(send_reset))
        .routes(routes!(validate_password))
}

/// A user name and a password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The user name or the e-mail address.
    #[schema(example = "admin")]
    username: String,
    /// The password.
    password: String,
}

/// A new password, set by a link.
#[derive(Clone, Deserialize, ToSchema)]
struct ResetPassword {
    /// The secret in the link.
    token: String,
    /// The new password.
    password: String,
}

/// Whose password is forgotten.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    /// The address to send a link to.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// A password to be judged.
#[derive(Clone, Deserialize, ToSchema)]
struct NewPassword {
    /// The password.
    password: String,
}

/// A link's secret.
#[derive(Deserialize)]
struct ResetQuery {
    token: String,
}

/// Whom a link is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResetUser {
    id: i64,
    /// For people.
    name: Option<String>,
    /// To log in with.
    username: Option<String>,
    /// To log in with.
    email: Option<String>,
    /// The secret, as it was sent.
    token: String,
    /// Who gave the link out: an administrator.
    created_by: &'static str,
}

/// Log in with a password; the answer sets a session cookie
#[utoipa::path(
    post,
    path = "/auth/simple/login",
    operation_id = "login",
    tag = "Auth",
    request_body = Login,
    responses((status = 200, body = UserView)),
)]
async fn login(
    State(app): State<App>,
    _: SameSite,
    visitor: Visitor,
    headers: HeaderMap,
    body: Body<Login>,
) -> Result<Response, Failure> {
    let now = app.now();
    app.logins().check(visitor.address, now).map_err(Failure::TooMany)?;
    let Login { username, password } = body.parse(app.schemas())?;
    let snapshot = app.public();
    let user = by_login(&snapshot.state, &username);
    let account = user.map(|u| u.id);
    app.logins().check_account(account, &username, visitor.address, now).map_err(Failure::TooMany)?;
    let successful = passwords::fits(&app, &password, user.map(|u| &**u)).await?;
    app.telemetry().login(LoginRecord {
        // What was typed may be a password in the wrong field: only names that exist are kept.
        username: user.map(|u| u.label()).unwrap_or_default(),
        ip: Some(visitor.address.to_string()),
        successful,
        failure_reason: (!successful).then(|| "wrong user name or password".to_owned()),
        at: now,
    });
    let Some(user) = user.filter(|_| successful) else { return Err(Failure::PasswordMismatch) };
    app.logins().succeeded(user.id, visitor.address);
    if let Some(old) = sessions::cookie(&headers) {
        // A session that was there before the log-in, whoever made it, does not survive it.
        sessions::end_by_id(&app, old).await?;
    }
    let cookie = sessions::begin(&app, user).await?;
    app.telemetry().user_seen(user.id, now);
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie)], Json(UserView::of(&app, user))).into_response())
}

/// Log out: the session ends
#[utoipa::path(
    post,
    path = "/logout",
    operation_id = "logout",
    tag = "Auth",
    responses((status = 302, description = "The session is over")),
)]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    let Some(session) = caller.session else { return Err(Error::Unauthenticated.into()) };
    sessions::end(&app, &session).await?;
    let headers = [
        (header::LOCATION, format!("{}/", app.options().base_path())),
        (header::HeaderName::from_static("clear-site-data"), "\"cookies\", \"storage\"".to_owned()),
    ];
    Ok((StatusCode::FOUND, headers, [(header::SET_COOKIE, sessions::forget_cookie(&app))]).into_response())
}

/// Tell whom a link that sets a password is for
#[utoipa::path(
    get,
    path = "/auth/reset/validate",
    operation_id = "validateToken",
    tag = "Auth",
    params(("token" = String, Query, description = "The secret in the link")),
    responses((status = 200, body = ResetUser)),
)]
async fn validate_reset(
    State(app): State<App>,
    visitor: Visitor,
    query: Query<ResetQuery>,
) -> Result<Json<ResetUser>, Failure> {
    app.logins().check(visitor.address, app.now()).map_err(Failure::TooMany)?;
    let token = query.parse()?.token;
    let snapshot = app.public();
    let user = password_resets::find(&snapshot.state, &token, app.now())?;
    let (id, name, username, email) = (user.id, user.name.clone(), user.username.clone(), user.email.clone());
    Ok(Json(ResetUser { id, name, username, email, token, created_by: "admin" }))
}

/// Set a password by a link, which is used up; the user's sessions end
#[utoipa::path(
    post,
    path = "/auth/reset/password",
    operation_id = "changePassword",
    tag = "Auth",
    request_body = ResetPassword,
    responses((status = 200, description = "The password is set")),
)]
async fn reset_password(
    State(app): State<App>,
    _: SameSite,
    visitor: Visitor,
    body: Body<ResetPassword>,
) -> Result<(), Failure> {
    app.logins().check(visitor.address, app.now()).map_err(Failure::TooMany)?;
    let ResetPassword { token, password } = body.parse(app.schemas())?;
    let user = std::sync::Arc::clone(password_resets::find(&app.public().state, &token, app.now())?);
    let hash = passwords::accept(&app, &password, Some(&user)).await?;
    // Whoever holds the link acts as the user.
    let caller = Caller::by_link(&user, visitor.address);
    let input = RedeemReset { secret: token, password_hash: hash };
    app.commit_input::<RedeemPasswordReset>(&caller, (), input).await?;
    sessions::remove_dead(&app, user.id).await;
    Ok(())
}

/// Have a link sent that sets a new password; the answer does not tell whether there is such an address
#[utoipa::path(
    post,
    path = "/auth/reset/password-email",
    operation_id = "sendResetPasswordEmail",
    tag = "Auth",
    request_body = Forgotten,
    responses((status = 200, description = "If a user has this address and mail is on, a link is on its way")),
)]
async fn send_reset(
    State(app): State<App>,
    _: SameSite,
    visitor: Visitor,
    body: Body<Forgotten>,
) -> Result<(), Failure> {
    let now = app.now();
    app.reset_mails().check(visitor.address, now).map_err(Failure::TooMany)?;
    let email = body.parse(app.schemas())?.email.to_lowercase();
    let snapshot = app.public();
    let user = by_login(&snapshot.state, &email).filter(|user| user.email.as_deref() == Some(email.as_str()));
    app.reset_mails().check_account(user.map(|u| u.id), &email, visitor.address, now).map_err(Failure::TooMany)?;
    // What is done for a user takes time, which would tell that there is one: it is done after the answer.
    if let Some(user) = user.filter(|user| !user.disabled && app.mailer().is_some()) {
        let (user, caller) = (std::sync::Arc::clone(user), Caller::on_behalf_of(user, visitor.address));
        tokio::spawn(async move { mail_reset(&app, &user, &caller).await });
    }
    Ok(())
}

/// Gives out a link that sets a user's password and sends it to the user.
async fn mail_reset(app: &App, user: &User, caller: &Caller) {
    let secret = match app.commit_input::<IssueOwnReset>(caller, (), ()).await {
        Ok(done) => done.value,
        Err(failure) => {
            tracing::warn!(user = user.id, ?failure, "no link to set a password could be given out");
            return;
        }
    };
    if let (Some(mailer), Some(address)) = (app.mailer(), &user.email) {
        let link = app.page(&format!("reset-password?token={secret}"));
        mailer.post(user.id, address, &Template::ResetPassword.letter(user.name.as_deref().unwrap_or_default(), &link));
    }
}

/// Check whether a password is good enough
#[utoipa::path(
    post,
    path = "/auth/reset/validate-password",
    operation_id = "validatePassword",
    tag = "Auth",
    request_body = NewPassword,
    responses((status = 200, description = "The password is good enough")),
)]
async fn validate_password(State(app): State<App>, body: Body<NewPassword>) -> Result<(), Failure> {
    passwords::check(&body.parse(app.schemas())?.password)
}
