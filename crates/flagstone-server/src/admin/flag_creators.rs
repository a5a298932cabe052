//! Who has created features, over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::features::{Creator, creators};
use flagstone_model::paths::ProjectPath;
use flagstone_model::{Need, projects};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(list_of_project))
}

/// Somebody who has created features.
#[derive(Serialize, ToSchema)]
struct FlagCreator {
    /// The user's id; negative for admin tokens and the server itself.
    id: i64,
    /// The user's or the token's name.
    name: String,
}

/// Everybody who has created features.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FlagCreators {
    flag_creators: Vec<FlagCreator>,
    /// How many there are.
    total: usize,
}

fn views(creators: Vec<Creator>) -> Vec<FlagCreator> {
    creators.into_iter().map(|Creator { id, name }| FlagCreator { id, name }).collect()
}

/// List who has created features
#[utoipa::path(
    get,
    path = "/api/admin/flag-creators",
    operation_id = "getFlagCreators",
    tag = "Features",
    responses((status = 200, body = FlagCreators)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<FlagCreators>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let flag_creators = views(creators(&seen, None));
    Ok(Json(FlagCreators { total: flag_creators.len(), flag_creators }))
}

/// List who has created a project's features
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/flag-creators",
    operation_id = "getProjectFlagCreators",
    tag = "Projects",
    responses((status = 200, body = Vec<FlagCreator>)),
)]
async fn list_of_project(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
) -> Result<Json<Vec<FlagCreator>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &path.project)?;
    Ok(Json(views(creators(&seen, Some(&path.project)))))
}
