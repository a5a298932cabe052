//! Logging in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::Error;
use flagstone_model::users::by_login;
use flagstone_store::LoginRecord;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::UserView;
use crate::app::App;
use crate::caller::{Caller, Visitor, comes_from_elsewhere};
use crate::error::Failure;
use crate::http::Body;
use crate::{passwords, sessions};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(logout))
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

/// Log in with a password; the answer sets a session cookie
#[utoipa::path(post, path = "/auth/simple/login", operation_id = "login", tag = "Auth", request_body = Login, responses((status = 200, body = UserView)))]
async fn login(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Body<Login>,
) -> Result<Response, Failure> {
    if comes_from_elsewhere(&headers) {
        return Err(Failure::CrossSite);
    }
    let now = app.now();
    app.logins().check(visitor.address, now).map_err(Failure::TooMany)?;
    let Login { username, password } = body.parse(app.schemas())?;
    let snapshot = app.public();
    let user = by_login(&snapshot.state, &username);
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
    if let Some(old) = sessions::cookie(&headers) {
        // A session that was there before the log-in, whoever made it, does not survive it.
        sessions::end_by_id(&app, old).await?;
    }
    let cookie = sessions::begin(&app, user).await?;
    app.telemetry().user_seen(user.id, now);
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie)], Json(UserView::of(&app, user))).into_response())
}

/// Log out: the session ends
#[utoipa::path(post, path = "/logout", operation_id = "logout", tag = "Auth", responses((status = 302, description = "The session is over")))]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    let Some(session) = caller.session else { return Err(Error::Unauthenticated.into()) };
    sessions::end(&app, &session).await?;
    let headers = [
        (header::LOCATION, format!("{}/", app.options().base_path())),
        (header::HeaderName::from_static("clear-site-data"), "\"cookies\", \"storage\"".to_owned()),
    ];
    Ok((StatusCode::FOUND, headers, [(header::SET_COOKIE, sessions::forget_cookie(&app))]).into_response())
}
