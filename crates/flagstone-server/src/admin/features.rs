//! Features over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flagstone_model::commands::features as commands;
use flagstone_model::environments::Environment;
use flagstone_model::favorites::{self, Favorites};
use flagstone_model::features::{
    self, CloneFeature, CreateFeature, Dependency, Feature, FeatureSummary, Link, StaleFeatures, UpdateFeature, Variant,
};
use flagstone_model::patches::JsonPatch;
use flagstone_model::paths::{FeaturePath, Place, ProjectPath};
use flagstone_model::tags::Tag;
use flagstone_model::{Need, State as Model, Timestamp, environments, projects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::lifecycle::StageView;
use super::strategies::StrategyView;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Body, Created, Path, Query, path_segment, tags_asked};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(validate))
        .routes(routes!(list, create))
        .routes(routes!(get, update, patch, archive))
        .routes(routes!(duplicate))
        .routes(routes!(get_environment))
        .routes(routes!(mark_stale))
}

/// A feature with everything that belongs to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Feature)]
pub(super) struct FeatureView {
    environments: Vec<EnvironmentView>,
    /// Unique among all features.
    name: String,
    /// For callers who are users: whether it is among their favourites.
    #[serde(skip_serializing_if = "Option::is_none")]
    favorite: Option<bool>,
    /// Whether SDKs report each evaluation.
    impression_data: bool,
    /// For people.
    description: Option<String>,
    /// The project it belongs to.
    project: String,
    /// Whether it is ready for removal.
    stale: bool,
    /// When it was created.
    created_at: Timestamp,
    /// Who created it.
    created_by: CreatorView,
    /// What it is for.
    #[serde(rename = "type")]
    kind: String,
    /// Whether it is archived.
    archived: bool,
    /// The features it depends on.
    dependencies: Vec<Dependency>,
    /// The features that depend on it.
    children: Vec<String>,
    /// Where in its life it is.
    lifecycle: StageView,
    /// Links that people have added.
    links: Vec<LinkView>,
    /// Who has worked on it.
    collaborators: CollaboratorsView,
}

/// A link of a feature.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureLink)]
struct LinkView {
    /// Never given out twice.
    id: String,
    /// Where it leads: `http` or `https`.
    url: String,
    /// For people.
    title: Option<String>,
    /// The feature's name.
    feature: String,
}

impl LinkView {
    fn of(feature: &Feature, link: &Link) -> Self {
        Self { id: link.id.clone(), url: link.url.clone(), title: link.title.clone(), feature: feature.name.clone() }
    }
}

/// Who created a feature.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureCreator)]
pub(super) struct CreatorView {
    /// The user's id; -42 for an admin token.
    id: i64,
    /// The user's or the token's name.
    name: String,
    /// A picture; always empty, because we ask no third party for one.
    image_url: String,
}

impl CreatorView {
    pub fn of(feature: &Feature) -> Self {
        Self { id: feature.created_by.id, name: feature.created_by.name.clone(), image_url: String::new() }
    }
}

/// Who has worked on a feature.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureCollaborators)]
struct CollaboratorsView {
    users: Vec<CreatorView>,
}

/// A feature in one of its environments.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureEnvironment)]
struct EnvironmentView {
    /// The environment's name.
    name: String,
    /// When an SDK last asked for it there.
    last_seen_at: Option<Timestamp>,
    /// Whether it is switched on.
    enabled: bool,
    /// How often it was on in the last hour.
    yes: u64,
    /// How often it was off in the last hour.
    no: u64,
    /// What the environment is for.
    #[serde(rename = "type")]
    kind: String,
    /// The environment's place in the order.
    sort_order: i64,
    /// For whom it is really on.
    strategies: Vec<StrategyView>,
    /// Its own variants, if the request asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<Vec<Variant>>,
}

/// One environment of a feature.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureInEnvironment)]
struct SingleEnvironmentView {
    /// The feature's name.
    name: String,
    /// The environment's name.
    environment: String,
    /// Whether it is switched on.
    enabled: bool,
    /// For whom it is really on.
    strategies: Vec<StrategyView>,
}

/// A project's features.
#[derive(Serialize, ToSchema)]
#[schema(as = Features)]
struct FeaturesView {
    /// The form of this answer: 2.
    version: u32,
    features: Vec<FeatureRow>,
}

/// A feature as a list shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeatureRow {
    #[serde(rename = "type")]
    kind: String,
    description: Option<String>,
    favorite: bool,
    name: String,
    created_at: Timestamp,
    stale: bool,
    impression_data: bool,
    environments: Vec<EnvironmentRow>,
    /// What it is marked with, if it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

/// A feature's environment as a list shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureEnvironmentRow)]
pub(super) struct EnvironmentRow {
    name: String,
    enabled: bool,
    #[serde(rename = "type")]
    kind: String,
    sort_order: i64,
    variant_count: usize,
    last_seen_at: Option<Timestamp>,
    has_strategies: bool,
    has_enabled_strategies: bool,
}

/// What is asked of a single feature.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetQuery {
    variant_environments: Option<bool>,
}

/// A name to be checked for a new feature.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FeatureName {
    /// The name.
    #[schema(example = "new-checkout")]
    name: String,
    /// The project whose naming rules count.
    #[serde(default)]
    project_id: Option<String>,
}

/// What `state` has of a feature, and `caller` of it.
pub(super) fn view(app: &App, state: &Model, caller: &Caller, feature: &Feature, with_variants: bool) -> FeatureView {
    let creator = CreatorView::of(feature);
    let in_order = environments::sorted(state);
    let environments = in_order.into_iter().filter_map(|environment| {
        let of_feature = feature.environments.get(&environment.name)?;
        Some(EnvironmentView {
            name: environment.name.clone(),
            last_seen_at: app.telemetry().feature_last_seen(feature, &environment.name),
            enabled: of_feature.enabled,
            yes: 0,
            no: 0,
            kind: environment.kind.clone(),
            sort_order: environment.sort_order,
            strategies: of_feature.strategies.iter().map(StrategyView::of).collect(),
            variants: with_variants.then(|| of_feature.variants.clone()),
        })
    });
    FeatureView {
        environments: environments.collect(),
        name: feature.name.clone(),
        favorite: caller.user_id().map(|id| favorites::has_feature(state, id, &feature.name)),
        impression_data: feature.impression_data,
        description: feature.description.clone(),
        project: feature.project.clone(),
        stale: feature.stale,
        created_at: feature.created_at,
        created_by: creator.clone(),
        kind: feature.kind.clone(),
        archived: feature.is_archived(),
        dependencies: feature.dependencies.clone(),
        children: features::children(state, &feature.name).iter().map(|f| f.name.clone()).collect(),
        lifecycle: StageView::now(feature),
        links: feature.links.iter().map(|link| LinkView::of(feature, link)).collect(),
        collaborators: CollaboratorsView { users: vec![creator] },
    }
}

/// The rows of those of a project's live features that are `asked` for.
pub(super) fn rows(
    app: &App,
    state: &Model,
    caller: &Caller,
    project: &str,
    asked: impl Fn(&Feature) -> bool,
) -> Vec<FeatureRow> {
    let in_order = environments::sorted(state);
    let own = caller.user_id().and_then(|id| favorites::of(state, id)).map(|favorites| &**favorites);
    let features = features::of_project(state, project, false).filter(|feature| asked(feature));
    features.map(|feature| row(app, &in_order, feature, own)).collect()
}

/// The rows of those of the environments `in_order` that a feature has.
pub(super) fn environment_rows(
    app: &App,
    in_order: &[&Arc<Environment>],
    feature: &Feature,
) -> impl Iterator<Item = EnvironmentRow> {
    in_order.iter().filter_map(move |environment| {
        let of_feature = feature.environments.get(&environment.name)?;
        let variants_of_strategies: usize = of_feature.strategies.iter().map(|s| s.variants.len()).sum();
        Some(EnvironmentRow {
            name: environment.name.clone(),
            enabled: of_feature.enabled,
            kind: environment.kind.clone(),
            sort_order: environment.sort_order,
            variant_count: of_feature.variants.len() + variants_of_strategies,
            last_seen_at: app.telemetry().feature_last_seen(feature, &environment.name),
            has_strategies: !of_feature.strategies.is_empty(),
            has_enabled_strategies: of_feature.strategies.iter().any(|s| !s.disabled),
        })
    })
}

/// A feature's row, with those of the environments `in_order` that it has.
fn row(app: &App, in_order: &[&Arc<Environment>], feature: &Feature, own: Option<&Favorites>) -> FeatureRow {
    FeatureRow {
        kind: feature.kind.clone(),
        description: feature.description.clone(),
        favorite: own.is_some_and(|favorites| favorites.features.contains(&feature.name)),
        name: feature.name.clone(),
        created_at: feature.created_at,
        stale: feature.stale,
        impression_data: feature.impression_data,
        environments: environment_rows(app, in_order, feature).collect(),
        tags: feature.tags.iter().cloned().collect(),
    }
}

/// Check whether a new feature can have this name
#[utoipa::path(
    post,
    path = "/api/admin/features/validate",
    operation_id = "validateFeature",
    tag = "Features",
    request_body = FeatureName,
    responses((status = 200, description = "The name is free")),
)]
async fn validate(State(app): State<App>, caller: Caller, body: Body<FeatureName>) -> Result<(), Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let FeatureName { name, project_id } = body.parse(app.schemas())?;
    Ok(features::validate_name(&seen, project_id.as_deref(), &name)?)
}

/// List a project's features
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features",
    operation_id = "getFeatures",
    tag = "Features",
    params(
        ("tag" = Option<Vec<String>>, Query, description = "Only features with any of these tags, each `type:value`"),
        ("namePrefix" = Option<String>, Query, description = "Only features whose names begin with this"),
    ),
    responses((status = 200, body = FeaturesView)),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(project): Path<String>,
    query: Query<Vec<(String, String)>>,
) -> Result<Json<FeaturesView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &project)?;
    let query = query.parse()?;
    let tags = tags_asked(&query)?;
    let prefix = query.iter().rfind(|(name, _)| name == "namePrefix").map_or("", |(_, prefix)| prefix.as_str());
    let asked = |feature: &Feature| {
        feature.name.starts_with(prefix) && (tags.is_empty() || tags.iter().any(|tag| feature.tags.contains(tag)))
    };
    Ok(Json(FeaturesView { version: 2, features: rows(&app, &seen, &caller, &project, asked) }))
}

/// Create a feature, switched off everywhere
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features",
    operation_id = "createFeature",
    tag = "Features",
    request_body = CreateFeature,
    responses((status = 201, body = FeatureSummary)),
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<CreateFeature>,
) -> Result<Created<FeatureSummary>, Failure> {
    let done = app.commit::<commands::Create>(&caller, path, body).await?;
    Ok(created(&app, done.value))
}

fn created(app: &App, view: FeatureSummary) -> Created<FeatureSummary> {
    let (project, name) = (path_segment(&view.project), path_segment(&view.name));
    Created { location: format!("{}/api/admin/projects/{project}/features/{name}", app.options().base_path()), view }
}

/// Get a feature with its environments and strategies
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}",
    operation_id = "getFeature",
    tag = "Features",
    params(
        (
            "variantEnvironments" = Option<bool>,
            Query,
            description = "Whether the environments show the feature's own variants",
        ),
    ),
    responses((status = 200, body = FeatureView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((project, name)): Path<(String, String)>,
    query: Query<GetQuery>,
) -> Result<Json<FeatureView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let with_variants = query.parse()?.variant_environments.unwrap_or(false);
    let feature = features::find_live(&seen, &project, &name)?;
    Ok(Json(view(&app, &seen, &caller, feature, with_variants)))
}

/// Change a feature's own properties
#[utoipa::path(
    put,
    path = "/api/admin/projects/{projectId}/features/{featureName}",
    operation_id = "updateFeature",
    tag = "Features",
    request_body = UpdateFeature,
    responses((status = 200, body = FeatureSummary)),
)]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<UpdateFeature>,
) -> Result<Json<FeatureSummary>, Failure> {
    let done = app.commit::<commands::Update>(&caller, path, body).await?;
    Ok(Json(done.value))
}

/// Change a feature's own properties by a JSON patch
#[utoipa::path(
    patch,
    path = "/api/admin/projects/{projectId}/features/{featureName}",
    operation_id = "patchFeature",
    tag = "Features",
    request_body = JsonPatch,
    responses((status = 200, body = FeatureSummary)),
)]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<JsonPatch>,
) -> Result<Json<FeatureSummary>, Failure> {
    let done = app.commit::<commands::Patch>(&caller, path, body).await?;
    Ok(Json(done.value))
}

/// Copy a feature under a new name
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/features/{featureName}/clone",
    operation_id = "cloneFeature",
    tag = "Features",
    request_body = CloneFeature,
    responses((status = 201, body = FeatureSummary)),
)]
async fn duplicate(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    body: Body<CloneFeature>,
) -> Result<Created<FeatureSummary>, Failure> {
    let done = app.commit::<commands::Clone>(&caller, path, body).await?;
    Ok(created(&app, done.value))
}

/// Archive a feature
#[utoipa::path(
    delete,
    path = "/api/admin/projects/{projectId}/features/{featureName}",
    operation_id = "archiveFeature",
    tag = "Features",
    responses((status = 202, description = "The feature is archived")),
)]
async fn archive(State(app): State<App>, caller: Caller, Path(path): Path<FeaturePath>) -> Result<StatusCode, Failure> {
    app.commit::<commands::Archive>(&caller, path, Body::none()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Get a feature in one environment
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}",
    operation_id = "getFeatureEnvironment",
    tag = "Features",
    responses((status = 200, body = SingleEnvironmentView)),
)]
async fn get_environment(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<Place>,
) -> Result<Json<SingleEnvironmentView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &place.project, &place.feature)?;
    let environment = features::find_named_environment(feature, &place.environment)?;
    Ok(Json(SingleEnvironmentView {
        name: place.feature.clone(),
        environment: place.environment.clone(),
        enabled: environment.enabled,
        strategies: environment.strategies.iter().map(|s| StrategyView::in_feature(s, &place.feature)).collect(),
    }))
}

/// Mark several features as ready for removal, or take the mark off
#[utoipa::path(
    post,
    path = "/api/admin/projects/{projectId}/stale",
    operation_id = "staleFeatures",
    tag = "Features",
    request_body = StaleFeatures,
    responses((status = 202, description = "The features are marked")),
)]
async fn mark_stale(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ProjectPath>,
    body: Body<StaleFeatures>,
) -> Result<StatusCode, Failure> {
    app.commit::<commands::MarkStale>(&caller, path, body).await?;
    Ok(StatusCode::ACCEPTED)
}
