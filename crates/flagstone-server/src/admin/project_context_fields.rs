//! Context fields of one project over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::context_fields as commands;
use flagstone_model::context_fields::{
    self, ContextFieldInput, CreateContextField, LegalValue, find_usable, of_project,
};
use flagstone_model::paths::{ProjectFieldPath, ProjectLegalValuePath, ProjectPath};
use flagstone_model::{Need, Permission as P, projects};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::context_fields::{ContextFieldUses, ContextFieldView, uses, view, with_use};
use super::segments::Name;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(validate))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_uses))
        .routes(routes!(put_legal_value))
        .routes(routes!(remove_legal_value))
}

/// List a project's own context fields
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/context",
    operation_id = "getContextFieldsForProject",
    tag = "Context",
    responses((status = 200, body = Vec<ContextFieldView>)),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
) -> Result<Json<Vec<ContextFieldView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &path.project)?;
    Ok(Json(of_project(&seen, &path.project).map(|field| with_use(&seen, field)).collect()))
}

/// Get a context field that a project can use
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/context/{contextField}",
    operation_id = "getContextFieldForProject",
    tag = "Context",
    responses((status = 200, body = ContextFieldView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectFieldPath>,
) -> Result<Json<ContextFieldView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &path.project)?;
    Ok(Json(view(find_usable(&seen, &path.project, &path.field)?)))
}

/// Create a context field for one project
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/context",
    operation_id = "createContextFieldForProject",
    tag = "Context",
    request_body = CreateContextField,
    responses((status = 201, body = ContextFieldView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<CreateContextField>,
) -> Result<Created<ContextFieldView>, Failure> {
    let project = path_segment(&path.project);
    let field = app.commit::<commands::CreateInProject>(&caller, path, body).await?.value;
    let base = app.options().base_path();
    let location = format!("{base}/api/admin/projects/{project}/context/{}", path_segment(&field.name));
    Ok(Created { location, view: view(&field) })
}

/// Change a context field of a project
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/context/{contextField}",
    operation_id = "updateContextFieldForProject",
    tag = "Context",
    request_body = ContextFieldInput,
    responses((status = 200, description = "The field is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectFieldPath>,
    body: Body<ContextFieldInput>,
) -> Result<(), Failure> {
    app.commit::<commands::UpdateInProject>(&caller, path, body).await.map(drop)
}

/// Delete a context field of a project that nothing refers to
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/context/{contextField}",
    operation_id = "deleteContextFieldForProject",
    tag = "Context",
    responses((status = 200, description = "The field is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(path): Path<ProjectFieldPath>) -> Result<(), Failure> {
    app.commit::<commands::DeleteInProject>(&caller, path, Body::none()).await.map(drop)
}

/// Check whether a context field of a project can have this name
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/context/validate",
    operation_id = "validateContextFieldNameForProject",
    tag = "Context",
    request_body = Name,
    responses((status = 200, description = "The name is free")),
)]
async fn validate(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<Name>,
) -> Result<(), Failure> {
    let seen = app.view(&caller, &path.need(&[P::UpdateContextField, P::UpdateProjectContext]))?;
    projects::find_live(&seen, &path.project)?;
    let Name { name } = body.parse(app.schemas())?;
    Ok(context_fields::validate_name(&seen, &name)?)
}

/// List the strategies and the segments that use a context field
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/context/{contextField}/strategies",
    operation_id = "getStrategiesByContextFieldForProject",
    tag = "Context",
    responses((status = 200, body = ContextFieldUses)),
)]
async fn list_uses(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectFieldPath>,
) -> Result<Json<ContextFieldUses>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &path.project)?;
    if seen.context_fields.contains(path.field.as_str()) {
        find_usable(&seen, &path.project, &path.field)?;
    }
    Ok(Json(uses(&seen, &path.field)))
}

/// Add a legal value to a context field of a project, or change its description
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/context/{contextField}/legal-values",
    operation_id = "updateContextFieldLegalValueForProject",
    tag = "Context",
    request_body = LegalValue,
    responses((status = 200, description = "The value is there")),
)]
async fn put_legal_value(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectFieldPath>,
    body: Body<LegalValue>,
) -> Result<(), Failure> {
    app.commit::<commands::PutLegalValueInProject>(&caller, path, body).await.map(drop)
}

/// Remove a legal value from a context field of a project
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/context/{contextField}/legal-values/{legalValue}",
    operation_id = "deleteContextFieldLegalValueForProject",
    tag = "Context",
    responses((status = 200, description = "The value is not there")),
)]
async fn remove_legal_value(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectLegalValuePath>,
) -> Result<(), Failure> {
    app.commit::<commands::RemoveLegalValueInProject>(&caller, path, Body::none()).await.map(drop)
}
