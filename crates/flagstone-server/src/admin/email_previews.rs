//! What letters to people look like.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use flagstone_model::{Error, Need, Permission};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::app::mail::{Letter, Template};
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview_html)).routes(routes!(preview_text))
}

/// Letters bring their own styles, and nothing else.
const LETTER_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'");

fn letter(app: &App, caller: &Caller, template: &str) -> Result<Letter, Failure> {
    app.view(caller, &Need::root(&[Permission::Admin]))?;
    let template = Template::by_name(template).ok_or_else(|| Error::not_found("e-mail template", template))?;
    Ok(template.letter("", &app.page("reset-password?token=example")))
}

/// See what a letter looks like, as HTML
#[utoipa::path(
    get,
    path = "/api/admin/email/preview/html/{template}",
    operation_id = "getEmailPreviewHtml",
    tag = "Admin UI",
    responses((status = 200, body = String, content_type = "text/html")),
)]
async fn preview_html(
    State(app): State<App>,
    caller: Caller,
    Path(template): Path<String>,
) -> Result<Response, Failure> {
    let letter = letter(&app, &caller, &template)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, LETTER_POLICY)], Html(letter.html)).into_response())
}

/// See what a letter says, as text
#[utoipa::path(
    get,
    path = "/api/admin/email/preview/text/{template}",
    operation_id = "getEmailPreviewText",
    tag = "Admin UI",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
async fn preview_text(State(app): State<App>, caller: Caller, Path(template): Path<String>) -> Result<String, Failure> {
    Ok(letter(&app, &caller, &template)?.text)
}
