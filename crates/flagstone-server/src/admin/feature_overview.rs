//! All that a feature's page shows, in one answer.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use flagstone_model::constraints::Constraint;
use flagstone_model::features::{self, Feature};
use flagstone_model::paths::FeaturePath;
use flagstone_model::segments::Segment;
use flagstone_model::{Need, State as Model};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::features::{FeatureView, view};
use super::tags::{ColoredTag, all_colored};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// A feature with what its page shows beside it.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureOverview)]
struct OverviewView {
    /// The feature, its environments with its own variants.
    feature: FeatureView,
    /// What it is marked with.
    tags: Vec<ColoredTag>,
    /// Those that its strategies name, once each, by name.
    segments: Vec<SegmentRef>,
}

/// What a segment asks of a context.
#[derive(Serialize, ToSchema)]
struct SegmentRef {
    /// Never given out twice.
    id: i64,
    /// Unique.
    name: String,
    /// All must hold.
    constraints: Vec<Constraint>,
}

impl SegmentRef {
    fn of(segment: &Segment) -> Self {
        Self { id: segment.id, name: segment.name.clone(), constraints: segment.constraints.clone() }
    }
}

/// The segments that a feature's strategies name, of those that `state` has.
fn segments(state: &Model, feature: &Feature) -> Vec<SegmentRef> {
    let ids: BTreeSet<i64> = feature.strategies().flat_map(|strategy| &strategy.segments).copied().collect();
    let mut segments: Vec<_> = ids.iter().filter_map(|id| state.segments.get(id)).map(|s| SegmentRef::of(s)).collect();
    segments.sort_by(|a, b| a.name.cmp(&b.name));
    segments
}

/// Get a feature with its tags and the segments that its strategies name
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/overview",
    operation_id = "getFeatureOverview",
    tag = "Features",
    responses((status = 200, body = OverviewView)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
) -> Result<Json<OverviewView>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &path.project, &path.feature)?;
    Ok(Json(OverviewView {
        feature: view(&app, &seen, &caller, feature, true),
        tags: all_colored(&seen, feature),
        segments: segments(&seen, feature),
    }))
}
