//! Features found by what they are, over HTTP.
//!
//! What is asked for is compared with features as they lie in the state. Only of those that the page shows is anything
//! built.

mod filters;
mod order;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use flagstone_model::environments::Environment;
use flagstone_model::features::{self, Feature};
use flagstone_model::{Need, State as Model, Timestamp, environments, favorites};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::filters::{Filters, Parameters};
use self::order::Page;
use super::features::{CreatorView, EnvironmentRow, environment_rows};
use super::lifecycle::StageView;
use super::tags::{ColoredTag, colored};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Query;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// A page of the features that were found.
#[derive(Serialize, ToSchema)]
struct FoundFeatures {
    features: Vec<FoundFeature>,
    /// How many were found, on all pages.
    total: usize,
}

/// A feature that was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FoundFeature {
    name: String,
    /// What it is for.
    #[serde(rename = "type")]
    kind: String,
    description: Option<String>,
    project: String,
    /// Whether it is among the caller's favorites.
    favorite: bool,
    created_at: Timestamp,
    created_by: CreatorView,
    /// Whether it is ready for removal.
    stale: bool,
    archived_at: Option<Timestamp>,
    impression_data: bool,
    /// `parent` if others depend on it, `child` if it depends on another one.
    dependency_type: Option<&'static str>,
    environments: Vec<FoundEnvironment>,
    /// The names of the segments that its strategies use.
    segments: BTreeSet<String>,
    /// Where in its life it is.
    lifecycle: StageView,
    /// What it is marked with, if it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<ColoredTag>,
}

/// An environment of a feature that was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FoundEnvironment {
    #[serde(flatten)]
    row: EnvironmentRow,
    /// The requests for changes that are open; there are none.
    change_request_ids: Vec<i64>,
}

fn found(
    app: &App,
    state: &Model,
    in_order: &[&Arc<Environment>],
    caller: &Caller,
    feature: &Arc<Feature>,
) -> FoundFeature {
    let is_parent = || !features::children(state, &feature.name).is_empty();
    let segments = feature.strategies().flat_map(|strategy| &strategy.segments);
    FoundFeature {
        name: feature.name.clone(),
        kind: feature.kind.clone(),
        description: feature.description.clone(),
        project: feature.project.clone(),
        favorite: caller.user_id().is_some_and(|id| favorites::has_feature(state, id, &feature.name)),
        created_at: feature.created_at,
        created_by: CreatorView::of(feature),
        stale: feature.stale,
        archived_at: feature.archived_at,
        impression_data: feature.impression_data,
        dependency_type: if feature.dependencies.is_empty() { is_parent().then_some("parent") } else { Some("child") },
        environments: environment_rows(app, in_order, feature)
            .map(|row| FoundEnvironment { row, change_request_ids: Vec::new() })
            .collect(),
        segments: segments.filter_map(|id| state.segments.get(id)).map(|segment| segment.name.clone()).collect(),
        lifecycle: StageView::now(feature),
        tags: feature.tags.iter().map(|tag| colored(state, tag)).collect(),
    }
}

/// Search features
#[utoipa::path(
    get,
    path = "/api/admin/search/features",
    operation_id = "searchFeatures",
    tag = "Features",
    params(
        (
            "query" = Option<String>,
            Query,
            description = "Texts, separated by commas, one of which name, description or a tag holds",
        ),
        ("project" = Option<String>, Query, description = "By projects: `IS`, `IS_NOT`, `IS_ANY_OF`, `IS_NONE_OF`", example = "IS:default"),
        (
            "state" = Option<String>,
            Query,
            description = "The same by `active`, `stale` and `potentially-stale`",
            example = "IS:active",
        ),
        (
            "lifecycle" = Option<String>,
            Query,
            description = "The same by stages of lives; with `archived`, archived features are found as well",
            example = "IS:initial",
        ),
        ("type" = Option<String>, Query, description = "The same by types", example = "IS:release"),
        ("createdBy" = Option<String>, Query, description = "The same by ids of users", example = "IS:1"),
        (
            "tag" = Option<String>,
            Query,
            description = "By tags: `INCLUDE`, `DO_NOT_INCLUDE`, `INCLUDE_ALL_OF`, `INCLUDE_ANY_OF`, `EXCLUDE_IF_ANY_OF`, \
                `EXCLUDE_ALL`",
            example = "INCLUDE:simple:checkout",
        ),
        ("segment" = Option<String>, Query, description = "The same by names of segments", example = "INCLUDE:beta"),
        (
            "status" = Option<Vec<String>>,
            Query,
            description = "Environments with `enabled` or `disabled`: those are found for which any of these is so",
        ),
        ("archived" = Option<String>, Query, description = "Whether they are archived; `IS:false` if omitted", example = "IS:true"),
        ("favorite" = Option<String>, Query, description = "Whether they are among the caller's favorites", example = "IS:true"),
        (
            "createdAt" = Option<String>,
            Query,
            description = "When they were created: `IS_BEFORE` or `IS_ON_OR_AFTER` a day (UTC)",
            example = "IS_ON_OR_AFTER:2026-01-31",
        ),
        ("lastSeenAt" = Option<String>, Query, description = "The same by when an SDK last asked for them"),
        (
            "sortBy" = Option<String>,
            Query,
            description = "`name`, `type`, `project`, `stale`, `lastSeenAt`, `environment:NAME` or, as for all else, `createdAt`",
        ),
        ("sortOrder" = Option<String>, Query, description = "`asc`, as if omitted, or `desc`"),
        ("favoritesFirst" = Option<String>, Query, description = "Whether the caller's favorites come first", example = "true"),
        ("offset" = Option<String>, Query, description = "How many to leave out; 0 if omitted"),
        ("limit" = Option<String>, Query, description = "How many at most, 1 to 100; else 50"),
    ),
    responses((status = 200, body = FoundFeatures)),
)]
async fn search(
    State(app): State<App>,
    caller: Caller,
    query: Query<Vec<(String, String)>>,
) -> Result<Json<FoundFeatures>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let query = query.parse()?;
    let mut parameters = Parameters::new(&query);
    let filters = Filters::parse(&mut parameters, &seen);
    let page = Page::parse(&mut parameters);
    parameters.check()?;
    let own = caller.user_id().and_then(|id| favorites::of(&seen, id)).map(|own| &**own);
    let mut all = filters.find(&app, &seen, own, &page);
    let total = all.len();
    let in_order = environments::sorted(&seen);
    let features = page.cut(&mut all).iter().map(|one| found(&app, &seen, &in_order, &caller, one.feature));
    Ok(Json(FoundFeatures { features: features.collect(), total }))
}
