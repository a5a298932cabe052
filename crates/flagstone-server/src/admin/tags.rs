//! Tags, and the tags of features, over HTTP.

use axum::Json;
use axum::extract::State;
use flagstone_model::commands::tags as commands;
use flagstone_model::features::Feature;
use flagstone_model::paths::{FeatureTagPath, ProjectPath, TagPath};
use flagstone_model::tags::{self, BulkTagChanges, Tag, TagChanges, TagInput};
use flagstone_model::{Need, State as Model};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, path_segment};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(list_of_type))
        .routes(routes!(get, delete))
        .routes(routes!(list_of_feature, add, update))
        .routes(routes!(remove))
        .routes(routes!(update_many))
}

/// Tags.
#[derive(Serialize, ToSchema)]
#[schema(as = Tags)]
struct TagsView {
    /// The form of this answer: 1.
    version: u32,
    tags: Vec<Tag>,
}

/// A tag.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionedTag)]
struct TagView {
    /// The form of this answer: 1.
    version: u32,
    tag: Tag,
}

/// The tags of a feature.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureTags)]
struct FeatureTagsView {
    /// The form of this answer: 1.
    version: u32,
    tags: Vec<ColoredTag>,
}

/// A tag with the color of its type.
#[derive(Serialize, ToSchema)]
pub(super) struct ColoredTag {
    #[serde(flatten)]
    tag: Tag,
    /// `#rrggbb`.
    color: Option<String>,
}

fn of_feature(state: &Model, feature: &Feature) -> FeatureTagsView {
    FeatureTagsView { version: 1, tags: all_colored(state, feature) }
}

/// The tags of a feature with the colors of their types.
pub(super) fn all_colored(state: &Model, feature: &Feature) -> Vec<ColoredTag> {
    feature.tags.iter().map(|tag| colored(state, tag)).collect()
}

/// A tag with the color of its type.
pub(super) fn colored(state: &Model, tag: &Tag) -> ColoredTag {
    let kind = state.tag_types.get(tag.kind.as_str());
    ColoredTag { tag: tag.clone(), color: kind.and_then(|kind| kind.color.clone()) }
}

/// List all tags
#[utoipa::path(
    get,
    path = "/api/admin/tags",
    operation_id = "getTags",
    tag = "Tags",
    responses((status = 200, body = TagsView)),
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TagsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(TagsView { version: 1, tags: seen.tags.values().map(|tag| (**tag).clone()).collect() }))
}

/// List the tags of a type
#[utoipa::path(
    get,
    path = "/api/admin/tags/{type}",
    operation_id = "getTagsByType",
    tag = "Tags",
    responses((status = 200, body = TagsView)),
)]
async fn list_of_type(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<String>,
) -> Result<Json<TagsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(TagsView { version: 1, tags: seen.tags.index().of_type(&kind).cloned().collect() }))
}

/// Get a tag
#[utoipa::path(
    get,
    path = "/api/admin/tags/{type}/{value}",
    operation_id = "getTag",
    tag = "Tags",
    responses((status = 200, body = TagView)),
)]
async fn get(State(app): State<App>, caller: Caller, Path(path): Path<TagPath>) -> Result<Json<TagView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(TagView { version: 1, tag: (**tags::find(&seen, &path.kind, &path.value)?).clone() }))
}

/// Create a tag that no feature has yet
#[utoipa::path(
    post,
    path = "/api/admin/tags",
    operation_id = "createTag",
    tag = "Tags",
    request_body = TagInput,
    responses((status = 201, body = TagView)),
)]
async fn create(State(app): State<App>, caller: Caller, body: Body<TagInput>) -> Result<Created<TagView>, Failure> {
    let tag = app.commit::<commands::Create>(&caller, (), body).await?.value;
    let (kind, value) = (path_segment(&tag.kind), path_segment(&tag.value));
    let location = format!("{}/api/admin/tags/{kind}/{value}", app.options().base_path());
    Ok(Created { location, view: TagView { version: 1, tag } })
}

/// Delete a tag, and take it from all features
#[utoipa::path(
    delete,
    path = "/api/admin/tags/{type}/{value}",
    operation_id = "deleteTag",
    tag = "Tags",
    responses((status = 200, description = "The tag is gone")),
)]
async fn delete(State(app): State<App>, caller: Caller, Path(path): Path<TagPath>) -> Result<(), Failure> {
    app.commit::<commands::Delete>(&caller, path, Body::none()).await.map(drop)
}

/// List a feature's tags
#[utoipa::path(
    get,
    path = "/api/admin/features/{featureName}/tags",
    operation_id = "listTags",
    tag = "Tags",
    responses((status = 200, body = FeatureTagsView)),
)]
async fn list_of_feature(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<FeatureTagsView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(of_feature(&seen, seen.features.find(name.as_str())?)))
}

/// Give a feature a tag
#[utoipa::path(
    post,
    path = "/api/admin/features/{featureName}/tags",
    operation_id = "addTag",
    tag = "Tags",
    request_body = TagInput,
    responses((status = 201, body = Tag)),
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<TagInput>,
) -> Result<Created<Tag>, Failure> {
    let location = format!("{}/api/admin/features/{}/tags", app.options().base_path(), path_segment(&name));
    let view = app.commit::<commands::Add>(&caller, name, body).await?.value;
    Ok(Created { location, view })
}

/// Give a feature tags, and take some from it
#[utoipa::path(
    put,
    path = "/api/admin/features/{featureName}/tags",
    operation_id = "updateTags",
    tag = "Tags",
    request_body = TagChanges,
    responses((status = 200, body = FeatureTagsView)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<TagChanges>,
) -> Result<Json<FeatureTagsView>, Failure> {
    let feature = app.commit::<commands::Update>(&caller, name, body).await?.value;
    let seen = app.view(&caller, &Need::login())?;
    Ok(Json(of_feature(&seen, &feature)))
}

/// Take a tag from a feature
#[utoipa::path(
    delete,
    path = "/api/admin/features/{featureName}/tags/{type}/{value}",
    operation_id = "removeTag",
    tag = "Tags",
    responses((status = 200, description = "The feature does not have the tag")),
)]
async fn remove(State(app): State<App>, caller: Caller, Path(path): Path<FeatureTagPath>) -> Result<(), Failure> {
    app.commit::<commands::Remove>(&caller, path, Body::none()).await.map(drop)
}

/// Give several features of a project tags, and take some from them
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/tags",
    operation_id = "addTagToFeatures",
    tag = "Tags",
    request_body = BulkTagChanges,
    responses((status = 200, description = "The features are tagged")),
)]
async fn update_many(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<BulkTagChanges>,
) -> Result<(), Failure> {
    app.commit::<commands::UpdateMany>(&caller, path, body).await.map(drop)
}
