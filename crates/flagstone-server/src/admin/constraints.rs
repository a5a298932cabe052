//! Constraints on their own, as an editor checks them while a person types.

use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::Need;
use flagstone_model::constraints::{Constraint, validate as check_constraint};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Body;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(validate))
}

/// Check a constraint
#[utoipa::path(
    post,
    path = "/api/admin/constraints/validate",
    operation_id = "validateConstraint",
    tag = "Features",
    request_body = Constraint,
    responses((status = 204, description = "The constraint is valid")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<Constraint>) -> Result<StatusCode, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    check_constraint(&seen, &body.parse(app.schemas())?, app.limits())?;
    Ok(StatusCode::NO_CONTENT)
}
