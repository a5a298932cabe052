//! Export and import of features over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flagstone_model::commands::transfer as commands;
use flagstone_model::transfer::{self, ExportQuery, Exported, ImportInput, Preview, Transfer, Validation};
use flagstone_model::{Need, Permission};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, LargeBody};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(validate))
        .routes(routes!(preview))
        .routes(routes!(import))
}

/// Export features as one environment has them
///
/// Along with all that they refer to, to import them into another installation, project or environment.
#[utoipa::path(
    post,
    path = "/api/admin/features-batch/export",
    operation_id = "exportFeatures",
    tag = "Import/Export",
    request_body = ExportQuery,
    responses((status = 200, body = Transfer)),
)]
async fn export(State(app): State<App>, caller: Caller, body: Body<ExportQuery>) -> Result<Response, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let query = body.parse(app.schemas())?;
    let document = transfer::export(&seen, &query)?;
    let features = document.features.iter().map(|feature| feature.name.clone()).collect();
    let exported = Exported { environment: query.environment.clone(), features };
    app.commit_input::<commands::Export>(&caller, (), exported).await?;
    let mut response = Json(document).into_response();
    if query.download_file == Some(true) {
        let attachment = HeaderValue::from_static("attachment; filename=\"features.json\"");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
    }
    Ok(response)
}

/// Tell what would become of an import
#[utoipa::path(
    post,
    path = "/api/admin/features-batch/validate",
    operation_id = "validateImport",
    tag = "Import/Export",
    request_body = ImportInput,
    responses((status = 200, body = Validation)),
)]
async fn validate(
    State(app): State<App>,
    caller: Caller,
    LargeBody(body): LargeBody<ImportInput>,
) -> Result<Json<Validation>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let input = body.parse(app.schemas())?;
    Ok(Json(app.try_out(&seen, &caller, |draft| transfer::validate(draft, &input))))
}

/// Tell what an import would change
///
/// It is tried and nothing is stored; what would be refused is refused in the same way. What changes is spelled as an export
/// would spell it.
#[utoipa::path(
    post,
    path = "/api/admin/features-batch/preview",
    operation_id = "previewImport",
    tag = "Import/Export",
    request_body = ImportInput,
    responses((status = 200, body = Preview)),
)]
async fn preview(
    State(app): State<App>,
    caller: Caller,
    LargeBody(body): LargeBody<ImportInput>,
) -> Result<Json<Preview>, Failure> {
    // As the import: whoever may import nothing is told so whatever the body is.
    let seen = app.view(&caller, &Need::anywhere(&[Permission::UpdateFeature]))?;
    let input = body.parse(app.schemas())?;
    Ok(Json(app.preview_import(&seen, &caller, &input)?))
}

/// Import features
///
/// All of them or none. Features that are there become in the environment what the data says, and stay as they are in
/// others.
#[utoipa::path(
    post,
    path = "/api/admin/features-batch/import",
    operation_id = "importToggles",
    tag = "Import/Export",
    request_body = ImportInput,
    responses((status = 200, description = "The features are imported")),
)]
async fn import(
    State(app): State<App>,
    caller: Caller,
    LargeBody(body): LargeBody<ImportInput>,
) -> Result<(), Failure> {
    app.commit::<commands::Import>(&caller, (), body).await.map(drop)
}
