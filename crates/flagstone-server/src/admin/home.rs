//! All that a user's first page shows, in one answer. It costs what it shows, not what there is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use flagstone_model::environments::{self, Environment};
use flagstone_model::favorites::{self, Favorites};
use flagstone_model::features::Feature;
use flagstone_model::permissions::{DEFAULT_PROJECT, role_ids};
use flagstone_model::projects::Project;
use flagstone_model::{Need, State as Model, Timestamp};
use flagstone_store::EventQuery;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::EventView;
use super::features::{EnvironmentRow, environment_rows};
use super::personal_dashboard::{DashboardAdmin, admins};
use super::statistics::{DAY, Staleness};
use super::unknown_flags::by_name;
use crate::app::caller::Caller;
use crate::app::{App, View};
use crate::http::error::Failure;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// How many of one's own features are shown.
const FLAGS_MAX: usize = 50;
/// How many projects are shown.
const PROJECTS_MAX: usize = 50;
/// How many events are shown.
const EVENTS_MAX: u64 = 10;
/// How many names that are no feature's are shown.
const UNKNOWN_FLAGS_MAX: usize = 10;

/// What a user's first page shows. What belongs to a user is empty for admin tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Home {
    /// The features that the user has made, the newest first, at most 50; not those in the archive.
    flags: Vec<HomeFlag>,
    /// The features among the user's favorites, by name; not those in the archive.
    favorites: Vec<HomeFavorite>,
    /// The projects in which the user has a role, and those among their favorites, which come first; by name, at most 50.
    /// The default project for whoever has none.
    projects: Vec<HomeProject>,
    /// What was last asked for though there is no such feature, the newest first, at most 10.
    unknown_flags: Vec<HomeUnknownFlag>,
    /// How many such names there are.
    unknown_flag_count: usize,
    /// What happened last, the newest first, at most 10.
    latest_events: Vec<EventView>,
    /// Who was there in the last 24 hours, for each environment with somebody; in the order in which people see them.
    connections: Vec<HomeConnections>,
    /// Whom to ask.
    admins: Vec<DashboardAdmin>,
    /// How many features there are; not those in the archive.
    features: usize,
    /// The revision that all this was read from.
    revision: u64,
}

/// One of the user's own features.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HomeFlag {
    name: String,
    project: String,
    /// What it is for.
    #[serde(rename = "type")]
    kind: String,
    /// Whether it is ready for removal.
    stale: bool,
    /// Whether it is older than features of its type should be.
    potentially_stale: bool,
    created_at: Timestamp,
    /// When an SDK last asked for it, anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<Timestamp>,
    /// In the order in which people see them.
    environments: Vec<EnvironmentRow>,
}

/// A feature among the user's favorites.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HomeFavorite {
    name: String,
    project: String,
    /// What it is for.
    #[serde(rename = "type")]
    kind: String,
    /// Whether it is ready for removal.
    stale: bool,
    /// When an SDK last asked for it, anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<Timestamp>,
}

/// A project of the user's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HomeProject {
    id: String,
    name: String,
    /// Of 100: 100 if no feature is stale or potentially so.
    health: u32,
    /// Not those in the archive.
    feature_count: usize,
    /// Those that are ready for removal.
    stale_count: usize,
    /// Those that are older than features of their type should be, and not marked.
    potentially_stale_count: usize,
    /// Whether the user is one of its owners.
    owner: bool,
    /// Whether it is among the user's favorites.
    favorite: bool,
}

/// A name that is no feature's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HomeUnknownFlag {
    name: String,
    /// When it was last asked for.
    last_seen_at: Timestamp,
    /// Who asked.
    app_names: Vec<String>,
}

/// Who was there in an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HomeConnections {
    environment: String,
    /// What the environment is for.
    #[serde(rename = "type")]
    kind: String,
    /// How many applications.
    applications: usize,
    /// How many instances of them.
    instances: u64,
    /// When the last of them was seen.
    last_seen: Timestamp,
}

/// What the user has made last.
fn flags(app: &App, state: &Model, in_order: &[&Arc<Environment>], user: i64) -> Vec<HomeFlag> {
    let own = state.features.index().newest_of_creator(user).filter_map(|name| state.features.get(name));
    let flag = |feature: &Arc<Feature>| {
        let environments: Vec<_> = environment_rows(app, in_order, feature).collect();
        HomeFlag {
            name: feature.name.clone(),
            project: feature.project.clone(),
            kind: feature.kind.clone(),
            stale: feature.stale,
            potentially_stale: feature.potentially_stale,
            created_at: feature.created_at,
            last_seen_at: app.telemetry().feature_last_seen_anywhere(feature),
            environments,
        }
    };
    own.take(FLAGS_MAX).map(flag).collect()
}

fn favorite_features(app: &App, state: &Model, own: &Favorites) -> Vec<HomeFavorite> {
    let live = own.features.iter().filter_map(|name| state.features.get(name)).filter(|feature| !feature.is_archived());
    let favorite = |feature: &Arc<Feature>| HomeFavorite {
        name: feature.name.clone(),
        project: feature.project.clone(),
        kind: feature.kind.clone(),
        stale: feature.stale,
        last_seen_at: app.telemetry().feature_last_seen_anywhere(feature),
    };
    live.map(favorite).collect()
}

/// The projects in which a user has a role, and those among their favorites; the default one if there is none.
fn projects(state: &Model, user: Option<i64>, own: &Favorites) -> Vec<HomeProject> {
    let memberships = user.into_iter().flat_map(|id| state.projects.index().memberships(id));
    let memberships: BTreeSet<(&str, i64)> = memberships.collect();
    let ids: BTreeSet<&str> =
        memberships.iter().map(|(id, _)| *id).chain(own.projects.iter().map(String::as_str)).collect();
    let live = |id: &str| state.projects.get(id).filter(|project| project.archived_at.is_none());
    let mut shown: Vec<&Arc<Project>> = ids.into_iter().filter_map(live).collect();
    if shown.is_empty() {
        shown.extend(live(DEFAULT_PROJECT));
    }
    shown.sort_by(|a, b| {
        let order = |project: &'_ Project| !own.projects.contains(&project.id);
        (order(a), &a.name, &a.id).cmp(&(order(b), &b.name, &b.id))
    });
    let project = |project: &Arc<Project>| {
        let staleness = Staleness::of(state, &project.id);
        HomeProject {
            id: project.id.clone(),
            name: project.name.clone(),
            health: 100 - staleness.technical_debt(),
            feature_count: staleness.live,
            stale_count: staleness.stale,
            potentially_stale_count: staleness.potentially_stale,
            owner: memberships.contains(&(project.id.as_str(), role_ids::OWNER)),
            favorite: own.projects.contains(&project.id),
        }
    };
    shown.into_iter().take(PROJECTS_MAX).map(project).collect()
}

/// What was last asked for though there is no such feature, and how much there is of it.
async fn unknown_flags(app: &App, seen: &View) -> Result<(Vec<HomeUnknownFlag>, usize), Failure> {
    let mut all: Vec<_> = by_name(app.unknown_flags_so_far(seen).await?).into_iter().collect();
    all.sort_by_key(|(_, asked)| Reverse(asked.last_seen_at()));
    let count = all.len();
    let newest = all.into_iter().take(UNKNOWN_FLAGS_MAX).map(|(name, asked)| HomeUnknownFlag {
        name,
        last_seen_at: asked.last_seen_at(),
        app_names: asked.into_applications().collect(),
    });
    Ok((newest.collect(), count))
}

async fn connections(app: &App, seen: &View, in_order: &[&Arc<Environment>]) -> Result<Vec<HomeConnections>, Failure> {
    let mut by_environment = BTreeMap::<String, (usize, u64, Timestamp)>::new();
    for one in app.connections(seen, app.now().plus_millis(-DAY)).await? {
        let (applications, instances, last_seen) = by_environment.entry(one.environment).or_default();
        *applications += 1;
        *instances += one.instances;
        *last_seen = one.seen_at.max(*last_seen);
    }
    let found = in_order.iter().filter_map(|environment| {
        let (applications, instances, last_seen) = by_environment.remove(&environment.name)?;
        let (environment, kind) = (environment.name.clone(), environment.kind.clone());
        Some(HomeConnections { environment, kind, applications, instances, last_seen })
    });
    Ok(found.collect())
}

/// Get what a user's first page shows
#[utoipa::path(
    get,
    path = "/api/admin/home",
    operation_id = "getHome",
    tag = "Admin UI",
    responses((status = 200, body = Home)),
)]
async fn get(State(app): State<App>, caller: Caller) -> Result<Json<Home>, Failure> {
    let seen = app.view(&caller, &Need::login())?;
    let user = caller.user_id();
    let none = Favorites::default();
    let own = user.and_then(|id| favorites::of(&seen, id)).map_or(&none, |own| &**own);
    let in_order = environments::sorted(&seen);
    let (unknown_flags, unknown_flag_count) = unknown_flags(&app, &seen).await?;
    let latest = EventQuery { limit: EVENTS_MAX, without_total: true, ..EventQuery::default() };
    let latest_events = app.events(&seen, latest).await?.events;
    Ok(Json(Home {
        flags: user.map(|id| flags(&app, &seen, &in_order, id)).unwrap_or_default(),
        favorites: favorite_features(&app, &seen, own),
        projects: projects(&seen, user, own),
        unknown_flags,
        unknown_flag_count,
        latest_events: latest_events.into_iter().map(EventView::of).collect(),
        connections: connections(&app, &seen, &in_order).await?,
        admins: admins(&seen),
        features: seen.features.index().live(),
        revision: seen.seq,
    }))
}
