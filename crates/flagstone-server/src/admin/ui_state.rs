//! What user interfaces have remembered, and what went wrong in them, over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::Need;
use flagstone_model::commands::ui_state as commands;
use flagstone_model::ui_state::{CreateFeedback, UpdateFeedback};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Path};
use crate::people::FeedbackView;
use crate::system::seldom::Seldom;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(see_splash))
        .routes(routes!(give_feedback))
        .routes(routes!(update_feedback))
        .routes(routes!(record_error))
}

/// A greeting that somebody has seen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Splash)]
struct SplashView {
    /// Who has seen it; of API tokens nothing is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    /// What the interface calls it.
    splash_id: String,
    /// Always true.
    seen: bool,
}

/// What went wrong in a user interface.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UiError {
    /// What the interface says.
    error_message: String,
    /// Where in its code.
    #[serde(default)]
    error_stack: Option<String>,
}

/// Remember that one has seen a greeting
#[utoipa::path(
    post,
    path = "/api/admin/splash/{id}",
    operation_id = "updateSplashSettings",
    tag = "User interface",
    responses((status = 200, body = SplashView)),
)]
async fn see_splash(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SplashView>, Failure> {
    let user_id = app.commit::<commands::SeeSplash>(&caller, id.clone(), Body::none()).await?.value;
    Ok(Json(SplashView { user_id, splash_id: id, seen: true }))
}

/// Remember that one has answered a question
#[utoipa::path(
    post,
    path = "/api/admin/feedback",
    operation_id = "createFeedback",
    tag = "User interface",
    request_body = CreateFeedback,
    responses((status = 200, body = FeedbackView)),
)]
async fn give_feedback(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateFeedback>,
) -> Result<Json<FeedbackView>, Failure> {
    let (user, id, feedback) = app.commit::<commands::GiveFeedback>(&caller, (), body).await?.value;
    Ok(Json(FeedbackView::of(user, &id, &feedback)))
}

/// Change what is remembered of a question
#[utoipa::path(
    put,
    path = "/api/admin/feedback/{id}",
    operation_id = "updateFeedback",
    tag = "User interface",
    request_body = UpdateFeedback,
    responses((status = 200, body = FeedbackView)),
)]
async fn update_feedback(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<UpdateFeedback>,
) -> Result<Json<FeedbackView>, Failure> {
    let (user, feedback) = app.commit::<commands::ChangeFeedback>(&caller, id.clone(), body).await?.value;
    Ok(Json(FeedbackView::of(user, &id, &feedback)))
}

/// The most characters of an interface's error that are logged.
const LOGGED_CHARS_MAX: usize = 500;

/// Log what went wrong in a user interface
#[utoipa::path(
    post,
    path = "/api/admin/record-ui-error",
    operation_id = "uiObservability",
    tag = "User interface",
    request_body = UiError,
    responses((status = 204, description = "It is logged")),
)]
async fn record_error(State(app): State<App>, caller: Caller, body: Body<UiError>) -> Result<StatusCode, Failure> {
    // Whoever may log in may send any number of them.
    static SELDOM: Seldom = Seldom::new();
    app.view(&caller, &Need::login())?;
    let UiError { error_message, error_stack } = body.parse(app.schemas())?;
    if let Some(held_back) = SELDOM.pass() {
        let short = |text: &str| text.chars().take(LOGGED_CHARS_MAX).collect::<String>();
        let stack = short(&error_stack.unwrap_or_default());
        tracing::warn!(error = ?short(&error_message), ?stack, held_back, "a user interface met an error");
    }
    Ok(StatusCode::NO_CONTENT)
}
