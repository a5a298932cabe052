//! How a project does, over HTTP: status, insights, health, lead times.

use axum::Json;
use axum::extract::State;
use chrono::DateTime;
use flagstone_model::{Need, projects};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::features::{FeatureRow, rows};
use super::projects::{FeatureTypeCount, ProjectOverview, overview_of};
use super::statistics::{
    self, DAY, FeatureNumbers, LeadTime, ProjectStats, StageNumbers, Staleness, average, members_added, stats,
};
use crate::app::App;
use crate::app::caller::Caller;
use crate::http::Path;
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(insights))
        .routes(routes!(health_report))
        .routes(routes!(dora))
}

/// How many days of activity a project's status looks back.
const ACTIVITY_DAYS: i64 = 365;

/// What a project has, how active it is, and how its features are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectStatus {
    resources: ProjectResources,
    /// Days on which something happened, within a year.
    activity_count_by_date: Vec<DayActivity>,
    health: CurrentPercent,
    technical_debt: CurrentPercent,
    lifecycle_summary: LifecycleSummary,
    stale_flags: StaleTotal,
}

/// What a project has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectResources {
    members: usize,
    /// Tokens for this project.
    api_tokens: usize,
    /// Segments of its own.
    segments: usize,
}

/// How much happened on a day.
#[derive(Serialize, ToSchema)]
struct DayActivity {
    /// A day of UTC.
    #[schema(example = "2026-01-31")]
    date: String,
    count: u64,
}

/// A share, as of now.
#[derive(Serialize, ToSchema)]
struct CurrentPercent {
    /// In percent.
    current: u32,
}

/// How many features are in each part of their lives.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LifecycleSummary {
    initial: StageSummary,
    pre_live: StageSummary,
    live: StageSummary,
    completed: StageSummary,
    archived: ArchivedSummary,
}

/// The features in a part of their lives.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StageSummary {
    /// For how many days those that have been there were in it, on average; 0 if none has.
    average_days: f64,
    current_flags: usize,
}

impl StageSummary {
    fn of(numbers: StageNumbers) -> Self {
        Self { average_days: numbers.average_days, current_flags: numbers.current }
    }
}

/// The features in the archive.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ArchivedSummary {
    current_flags: usize,
    /// How many of them came within 30 days.
    last30_days: usize,
}

/// How many features are stale or potentially so.
#[derive(Serialize, ToSchema)]
struct StaleTotal {
    total: usize,
}

/// What happened in a project lately, and how its features are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectInsights {
    stats: ProjectStats,
    feature_type_counts: Vec<FeatureTypeCount>,
    technical_debt: StaleRating,
    health: StaleRating,
    lead_time: LeadTimes,
    members: MemberChange,
}

/// A rating in percent, and what it comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StaleRating {
    rating: u32,
    active_count: usize,
    potentially_stale_count: usize,
    stale_count: usize,
}

/// How many members there are, and how many came within 30 days.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MemberChange {
    current_members: usize,
    change: usize,
}

/// How long features take to production.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProjectDoraMetrics)]
struct LeadTimes {
    features: Vec<LeadTime>,
    /// In days.
    project_average: f64,
}

/// A project with its features, and how they are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HealthReport {
    #[serde(flatten)]
    overview: ProjectOverview,
    features: Vec<FeatureRow>,
    potentially_stale_count: usize,
    active_count: usize,
    stale_count: usize,
}

fn lead_times(features: Vec<LeadTime>) -> LeadTimes {
    LeadTimes { project_average: average(features.iter().map(|one| one.time_to_production)), features }
}

fn rating(rating: u32, staleness: Staleness) -> StaleRating {
    StaleRating {
        rating,
        active_count: staleness.active(),
        potentially_stale_count: staleness.potentially_stale,
        stale_count: staleness.stale,
    }
}

/// Get what a project has, and how active it is
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/status",
    operation_id = "getProjectStatus",
    tag = "Projects",
    responses((status = 200, body = ProjectStatus)),
)]
async fn status(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectStatus>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let project = projects::find_live(&seen, &id)?;
    let activity = app.activity(&seen, &id, app.now().plus_millis(-ACTIVITY_DAYS * DAY)).await?;
    let numbers = FeatureNumbers::of(&seen, &id, app.now());
    let date = |day: i64| DateTime::from_timestamp_millis(day * DAY).unwrap_or_default().format("%Y-%m-%d").to_string();
    let debt = numbers.staleness.technical_debt();
    let [initial, pre_live, live, completed] = StageNumbers::of(&seen, &id, app.now()).map(StageSummary::of);
    Ok(Json(ProjectStatus {
        resources: ProjectResources {
            members: project.members.len(),
            api_tokens: seen.api_tokens.values().filter(|token| token.projects.contains(&id)).count(),
            segments: seen.segments.values().filter(|segment| segment.project.as_ref() == Some(&id)).count(),
        },
        activity_count_by_date: activity
            .into_iter()
            .map(|(day, count)| DayActivity { date: date(day), count })
            .collect(),
        health: CurrentPercent { current: 100 - debt },
        technical_debt: CurrentPercent { current: debt },
        lifecycle_summary: LifecycleSummary {
            initial,
            pre_live,
            live,
            completed,
            archived: ArchivedSummary { current_flags: numbers.archived, last30_days: numbers.archived_lately() },
        },
        stale_flags: StaleTotal { total: numbers.staleness.stale + numbers.staleness.potentially_stale },
    }))
}

/// Get what happened in a project lately, and how its features are
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/insights",
    operation_id = "getProjectInsights",
    tag = "Projects",
    responses((status = 200, body = ProjectInsights)),
)]
async fn insights(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProjectInsights>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let project = projects::find_live(&seen, &id)?;
    let numbers = FeatureNumbers::of(&seen, &id, app.now());
    let debt = numbers.staleness.technical_debt();
    Ok(Json(ProjectInsights {
        stats: stats(&app, &seen, project, &numbers).await?,
        feature_type_counts: FeatureTypeCount::of(&numbers),
        technical_debt: rating(debt, numbers.staleness),
        health: rating(100 - debt, numbers.staleness),
        lead_time: lead_times(statistics::lead_times(&seen, &id)),
        members: MemberChange { current_members: project.members.len(), change: members_added(project, app.now()) },
    }))
}

/// Get a project with its features, and how they are
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/health-report",
    operation_id = "getProjectHealthReport",
    tag = "Projects",
    responses((status = 200, body = HealthReport)),
)]
async fn health_report(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<HealthReport>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let project = projects::find_live(&seen, &id)?;
    let staleness = Staleness::of(&seen, &id);
    Ok(Json(HealthReport {
        overview: overview_of(&app, &seen, &caller, project).await?,
        features: rows(&app, &seen, &caller, &id, |_| true),
        potentially_stale_count: staleness.potentially_stale,
        active_count: staleness.active(),
        stale_count: staleness.stale,
    }))
}

/// Get how long a project's features take to production
#[utoipa::path(
    get,
    path = "/api/admin/projects/{projectId}/dora",
    operation_id = "getProjectDora",
    tag = "Projects",
    responses((status = 200, body = LeadTimes)),
)]
async fn dora(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<LeadTimes>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    projects::find_live(&seen, &id)?;
    Ok(Json(lead_times(statistics::lead_times(&seen, &id))))
}
