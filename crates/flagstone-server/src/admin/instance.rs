//! The installation as a whole over HTTP: maintenance mode, origins, what is reported to the makers (nothing).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::installation::{SetCors, SetMaintenance};
use flagstone_model::settings::{self, FrontendOrigins, Maintenance};
use flagstone_model::{Need, Permission};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Body;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_maintenance, set_maintenance))
        .routes(routes!(set_cors))
        .routes(routes!(get_telemetry))
}

/// Whether nothing can be changed for now.
#[derive(Serialize, ToSchema)]
#[schema(as = Maintenance)]
struct MaintenanceView {
    /// Whether nothing can be changed for now.
    enabled: bool,
}

/// What the server reports to its makers: nothing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TelemetrySettings)]
struct TelemetryView {
    /// Always false.
    version_info_collection_enabled: bool,
    /// Always false.
    feature_info_collection_enabled: bool,
}

/// Tell whether the installation is in maintenance mode
#[utoipa::path(
    get,
    path = "/api/admin/maintenance",
    operation_id = "getMaintenance",
    tag = "Maintenance",
    responses((status = 200, body = MaintenanceView)),
)]
async fn get_maintenance(State(app): State<App>, caller: Caller) -> Result<Json<MaintenanceView>, Failure> {
    let seen = app.view(&caller, &Need::root(&[Permission::Admin, Permission::UpdateMaintenanceMode]))?;
    Ok(Json(MaintenanceView { enabled: settings::is_in_maintenance(&seen) }))
}

/// Switch maintenance mode: changes answer 503, flags are delivered
#[utoipa::path(
    post,
    path = "/api/admin/maintenance",
    operation_id = "toggleMaintenance",
    tag = "Maintenance",
    request_body = Maintenance,
    responses((status = 204, description = "It is as asked for")),
)]
async fn set_maintenance(
    State(app): State<App>,
    caller: Caller,
    body: Body<Maintenance>,
) -> Result<StatusCode, Failure> {
    app.commit::<SetMaintenance>(&caller, (), body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say from where browsers may call the frontend API
#[utoipa::path(
    post,
    path = "/api/admin/ui-config/cors",
    operation_id = "setCors",
    tag = "Admin UI",
    request_body = FrontendOrigins,
    responses((status = 204, description = "The origins are set")),
)]
async fn set_cors(State(app): State<App>, caller: Caller, body: Body<FrontendOrigins>) -> Result<StatusCode, Failure> {
    app.commit::<SetCors>(&caller, (), body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what the server reports to its makers: nothing
#[utoipa::path(
    get,
    path = "/api/admin/telemetry/settings",
    operation_id = "getTelemetrySettings",
    tag = "Telemetry",
    responses((status = 200, body = TelemetryView)),
)]
async fn get_telemetry(State(app): State<App>, caller: Caller) -> Result<Json<TelemetryView>, Failure> {
    app.view(&caller, &Need::login())?;
    Ok(Json(TelemetryView { version_info_collection_enabled: false, feature_info_collection_enabled: false }))
}
