//! Users who have done nothing for a long time.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::users::{DeleteInactive, UserIds};
use flagstone_model::users::User;
use flagstone_model::{Need, Permission as P, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::app::sessions;
use crate::http::Body;
use crate::http::error::{ErrorBody, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(delete))
}

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// A user who has done nothing for a long time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InactiveUser)]
struct InactiveView {
    /// The user.
    id: i64,
    /// For people.
    name: Option<String>,
    /// To log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// To log in with.
    username: Option<String>,
    /// When the user last did something, if ever.
    seen_at: Option<Timestamp>,
    /// When it was created.
    created_at: Timestamp,
    /// When a personal access token of the user was last used, if ever.
    pat_seen_at: Option<Timestamp>,
}

impl InactiveView {
    fn of(app: &App, state: &flagstone_model::State, user: &User) -> Self {
        let tokens = state.personal_tokens.values().filter(|token| token.user_id == user.id);
        Self {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            username: user.username.clone(),
            seen_at: app.telemetry().user_last_seen(user.id),
            created_at: user.created_at,
            pat_seen_at: tokens.filter_map(|token| app.telemetry().personal_token_last_seen(token.id)).max(),
        }
    }
}

/// Users who have done nothing for a long time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InactiveUsers)]
struct InactiveUsersView {
    /// Always 1.
    version: u32,
    /// By id.
    inactive_users: Vec<InactiveView>,
}

/// List the users who have done nothing for a long time: 180 days, unless the operator chose otherwise
#[utoipa::path(
    get,
    path = "/api/admin/user-admin/inactive",
    operation_id = "getInactiveUsers",
    tag = "Users",
    responses((status = 200, body = InactiveUsersView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<InactiveUsersView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[P::Admin]))?;
    let days = i64::from(app.options().people.user_inactivity_threshold_days);
    let since = app.now().plus_millis(-days.saturating_mul(DAY_MILLIS));
    // Whoever uses a personal access token is seen themselves.
    let last =
        |user: &User| app.telemetry().user_last_seen(user.id).map_or(user.created_at, |at| at.max(user.created_at));
    let inactive = seen.users.values().filter(|user| last(user) < since);
    Ok(Json(InactiveUsersView {
        version: 1,
        inactive_users: inactive.map(|user| InactiveView::of(&app, &seen, user)).collect(),
    }))
}

/// Delete users with their tokens and sessions: all of them, or none if one cannot be deleted
#[utoipa::path(
    post,
    path = "/api/admin/user-admin/inactive/delete",
    operation_id = "deleteInactiveUsers",
    tag = "Users",
    request_body = UserIds,
    responses(
        (status = 200, description = "The users are gone"),
        (status = 404, description = "There is no such user", body = ErrorBody),
    ),
)]
async fn delete(State(app): State<App>, caller: Caller, body: Body<UserIds>) -> Result<(), Failure> {
    let deleted = app.commit::<DeleteInactive>(&caller, (), body).await?.value;
    for id in deleted {
        sessions::remove_dead(&app, id).await;
    }
    Ok(())
}
