//! Context fields over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::context_fields as commands;
use flagstone_model::context_fields::{self, ContextField, ContextFieldInput, CreateContextField, LegalValue};
use flagstone_model::paths::LegalValuePath;
use flagstone_model::segments::{segments_on_field, uses_of_field};
use flagstone_model::{Need, Permission as P, State as Model, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::segments::{Name, StrategyUse};
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

/// A context field.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContextField)]
pub(super) struct ContextFieldView {
    /// Unique.
    name: String,
    /// For people.
    description: Option<String>,
    /// Whether rollouts can stick to it.
    stickiness: bool,
    /// Smaller comes first.
    sort_order: i64,
    /// What constraints on it can be chosen from.
    legal_values: Vec<LegalValue>,
    /// When it was created.
    created_at: Timestamp,
    /// The only project that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// In lists: in how many projects strategies use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_in_projects: Option<usize>,
    /// In lists: in how many features strategies use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_in_features: Option<usize>,
}

/// What uses a context field.
#[derive(Serialize, ToSchema)]
pub(super) struct ContextFieldUses {
    /// The strategies of features that are not archived.
    strategies: Vec<StrategyUse>,
    /// The segments, by name.
    segments: Vec<SegmentName>,
}

/// A segment by its name.
#[derive(Serialize, ToSchema)]
struct SegmentName {
    /// Never given out twice.
    id: i64,
    /// Unique.
    name: String,
}

pub(super) fn view(field: &ContextField) -> ContextFieldView {
    ContextFieldView {
        name: field.name.clone(),
        description: field.description.clone(),
        stickiness: field.stickiness,
        sort_order: field.sort_order,
        legal_values: field.legal_values.clone(),
        created_at: field.created_at,
        project: field.project.clone(),
        used_in_projects: None,
        used_in_features: None,
    }
}

/// The field with how much it is used.
pub(super) fn with_use(state: &Model, field: &ContextField) -> ContextFieldView {
    let users = state.features.index().of_field(&field.name);
    ContextFieldView {
        used_in_projects: Some(users.map_or(0, |users| users.projects.len())),
        used_in_features: Some(users.map_or(0, |users| users.features.len())),
        ..view(field)
    }
}

/// What uses the field.
pub(super) fn uses(state: &Model, name: &str) -> ContextFieldUses {
    let segments = segments_on_field(state, name).map(|s| SegmentName { id: s.id, name: s.name.clone() });
    let mut segments: Vec<_> = segments.collect();
    segments.sort_by(|a, b| a.name.cmp(&b.name));
    ContextFieldUses { strategies: uses_of_field(state, name).iter().map(StrategyUse::of).collect(), segments }
}

/// List the context fields of all projects
#[utoipa::path(
    get,
    path = "/api/admin/context",
    operation_id = "getContextFields",
    tag = "Context",
    responses((status = 200, body = Vec<ContextFieldView>)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<ContextFieldView>>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let of_all = seen.context_fields.values().filter(|field| field.project.is_none());
    Ok(Json(of_all.map(|field| with_use(&seen, field)).collect()))
}

/// Get a context field
#[utoipa::path(
    get,
    path = "/api/admin/context/{contextField}",
    operation_id = "getContextField",
    tag = "Context",
    responses((status = 200, body = ContextFieldView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ContextFieldView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(view(seen.context_fields.find(name.as_str())?)))
}

/// Create a context field
#[utoipa::path(
    post,
    path = "/api/admin/context",
    operation_id = "createContextField",
    tag = "Context",
    request_body = CreateContextField,
    responses((status = 201, body = ContextFieldView)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateContextField>,
) -> Result<Created<ContextFieldView>, Failure> {
    let done = app.commit::<commands::Create>(&caller, (), body).await?;
    let location = format!("{}/api/admin/context/{}", app.options().base_path(), path_segment(&done.value.name));
    Ok(Created { location, view: view(&done.value) })
}

/// Change a context field
#[utoipa::path(
    put,
    path = "/api/admin/context/{contextField}",
    operation_id = "updateContextField",
    tag = "Context",
    request_body = ContextFieldInput,
    responses((status = 200, description = "The field is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<ContextFieldInput>,
) -> Result<(), Failure> {
    app.commit::<commands::Update>(&caller, name, body).await.map(drop)
}

/// Delete a context field that nothing refers to
#[utoipa::path(
    delete,
    path = "/api/admin/context/{contextField}",
    operation_id = "deleteContextField",
    tag = "Context",
    responses((status = 200, description = "The field is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, name, Body::none()).await.map(drop)
}

/// Check whether a context field can have this name
#[utoipa::path(
    post,
    path = "/api/admin/context/validate",
    operation_id = "validateContextFieldName",
    tag = "Context",
    request_body = Name,
    responses((status = 200, description = "The name is free")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<Name>) -> Result<(), Failure> {
    let seen = app.view(&caller, &Need::root(&[P::UpdateContextField]))?;
    let Name { name } = body.parse(app.schemas())?;
    Ok(context_fields::validate_name(&seen, &name)?)
}

/// List the strategies and the segments that use a context field
#[utoipa::path(
    get,
    path = "/api/admin/context/{contextField}/strategies",
    operation_id = "getStrategiesByContextField",
    tag = "Context",
    responses((status = 200, body = ContextFieldUses)),
)]
async fn list_uses(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ContextFieldUses>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(uses(&seen, &name)))
}

/// Add a legal value, or change its description
#[utoipa::path(
    post,
    path = "/api/admin/context/{contextField}/legal-values",
    operation_id = "updateContextFieldLegalValue",
    tag = "Context",
    request_body = LegalValue,
    responses((status = 200, description = "The value is there")),
)]
async fn put_legal_value(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<LegalValue>,
) -> Result<(), Failure> {
    app.commit::<commands::PutLegalValue>(&caller, name, body).await.map(drop)
}

/// Remove a legal value
#[utoipa::path(
    delete,
    path = "/api/admin/context/{contextField}/legal-values/{legalValue}",
    operation_id = "deleteContextFieldLegalValue",
    tag = "Context",
    responses((status = 200, description = "The value is not there")),
)]
async fn remove_legal_value(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<LegalValuePath>,
) -> Result<(), Failure> {
    app.commit::<commands::RemoveLegalValue>(&caller, path, Body::none()).await.map(drop)
}
