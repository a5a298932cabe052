//! Types of tags over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::Need;
use flagstone_model::commands::tags as commands;
use flagstone_model::tags::{self, CreateTagType, SIMPLE, TagType, UpdateTagType};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(validate)).routes(routes!(get, update, delete))
}

/// Types of tags.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TagTypes)]
struct TagTypesView {
    /// The form of this answer: 1.
    version: u32,
    tag_types: Vec<TagType>,
}

/// A type of tags.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VersionedTagType)]
struct TagTypeView {
    /// The form of this answer: 1.
    version: u32,
    tag_type: TagType,
}

/// What a type of tags would be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ValidTagType {
    /// Always true.
    valid: bool,
    tag_type: CreateTagType,
}

/// List all types of tags
#[utoipa::path(
    get,
    path = "/api/admin/tag-types",
    operation_id = "getTagTypes",
    tag = "Tags",
    responses((status = 200, body = TagTypesView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TagTypesView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let mut tag_types: Vec<TagType> = seen.tag_types.values().map(|kind| (**kind).clone()).collect();
    tag_types.sort_by_key(|kind| kind.name != SIMPLE);
    Ok(Json(TagTypesView { version: 1, tag_types }))
}

/// Get a type of tags
#[utoipa::path(
    get,
    path = "/api/admin/tag-types/{name}",
    operation_id = "getTagType",
    tag = "Tags",
    responses((status = 200, body = TagTypeView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Json<TagTypeView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(TagTypeView { version: 1, tag_type: (**seen.tag_types.find(name.as_str())?).clone() }))
}

/// Create a type of tags
#[utoipa::path(
    post,
    path = "/api/admin/tag-types",
    operation_id = "createTagType",
    tag = "Tags",
    request_body = CreateTagType,
    responses((status = 201, body = TagType)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateTagType>,
) -> Result<Created<TagType>, Failure> {
    let done = app.commit::<commands::CreateType>(&caller, (), body).await?;
    let location = format!("{}/api/admin/tag-types/{}", app.options().base_path(), path_segment(&done.value.name));
    Ok(Created { location, view: (*done.value).clone() })
}

/// Change how a type of tags is described and shown
#[utoipa::path(
    put,
    path = "/api/admin/tag-types/{name}",
    operation_id = "updateTagType",
    tag = "Tags",
    request_body = UpdateTagType,
    responses((status = 200, description = "The type is changed")),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<UpdateTagType>,
) -> Result<(), Failure> {
    app.commit::<commands::UpdateType>(&caller, name, body).await.map(drop)
}

/// Delete a type of tags with its tags; features lose them
#[utoipa::path(
    delete,
    path = "/api/admin/tag-types/{name}",
    operation_id = "deleteTagType",
    tag = "Tags",
    responses((status = 200, description = "The type and its tags are gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<(), Failure> {
    app.commit::<commands::DeleteType>(&caller, name, Body::none()).await.map(drop)
}

/// Check whether there can be such a type of tags
#[utoipa::path(
    post,
    path = "/api/admin/tag-types/validate",
    operation_id = "validateTagType",
    tag = "Tags",
    request_body = CreateTagType,
    responses((status = 200, body = ValidTagType)),
)]
async fn validate(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateTagType>,
) -> Result<Json<ValidTagType>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let tag_type = body.parse(app.schemas())?;
    tags::validate_type(&seen, &tag_type)?;
    Ok(Json(ValidTagType { valid: true, tag_type }))
}
