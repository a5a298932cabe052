//! How often a feature was given, hour by hour, beside what was changed about it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use flagstone_model::paths::FeaturePath;
use flagstone_model::{Need, Timestamp, features};
use flagstone_store::EventQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::EventView;
use super::usage::HOUR;
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::http::{Path, Query};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// The most hours that an answer looks back: thirty days.
const HOURS_MAX: i64 = 720;
/// How many changes an answer has at most.
const CHANGES_MAX: u64 = 200;

/// How far to look back.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ExposureQuery {
    /// How many hours, 1 to 720; 48 if omitted.
    hours_back: Option<String>,
}

/// How often a feature was given, and what was changed about it.
#[derive(Serialize, ToSchema)]
#[schema(as = FeatureExposure)]
struct Exposure {
    /// By hour and environment, over all applications; hours in which nobody asked are left out.
    hours: Vec<ExposureHour>,
    /// What was changed in this time, the newest first, at most 200.
    changes: Vec<EventView>,
}

/// How often a feature was given in one environment in one hour.
#[derive(Default, Serialize, ToSchema)]
struct ExposureHour {
    /// The start of the hour.
    at: Timestamp,
    environment: String,
    /// How often it was on.
    yes: u64,
    /// How often it was off.
    no: u64,
    /// How often each variant was given.
    variants: BTreeMap<String, u64>,
}

/// See how often a feature was given, hour by hour, beside what was changed about it
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/features/{featureName}/exposure",
    operation_id = "getFeatureExposure",
    tag = "Features",
    params(ExposureQuery),
    responses((status = 200, body = Exposure)),
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FeaturePath>,
    query: Query<ExposureQuery>,
) -> Result<Json<Exposure>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let feature = features::find_live(&seen, &path.project, &path.feature)?;
    let back = query.parse()?.hours_back.and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(48).clamp(1, HOURS_MAX);
    let from = app.now().hour().plus_millis(-(back - 1) * HOUR);
    let mut hours = BTreeMap::<(Timestamp, String), ExposureHour>::new();
    for row in app.usage(&seen, &feature.name, from).await? {
        let hour = hours.entry((row.hour, row.environment.clone())).or_insert_with(|| ExposureHour {
            at: row.hour,
            environment: row.environment,
            ..ExposureHour::default()
        });
        hour.yes = hour.yes.saturating_add(row.yes);
        hour.no = hour.no.saturating_add(row.no);
        for (variant, count) in row.variants {
            let counted = hour.variants.entry(variant).or_default();
            *counted = counted.saturating_add(count);
        }
    }
    let asked = EventQuery {
        features: vec![feature.name.clone()],
        from: Some(from),
        limit: CHANGES_MAX,
        without_total: true,
        ..EventQuery::default()
    };
    let changes = app.events(&seen, asked).await?.events;
    Ok(Json(Exposure {
        hours: hours.into_values().collect(),
        changes: changes.into_iter().map(EventView::of).collect(),
    }))
}
