//! A project in numbers: what its list, overview, insights and dashboards have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flagstone_model::features::{self, Feature, Stage};
use flagstone_model::permissions::role_ids;
use flagstone_model::projects::Project;
use flagstone_model::users::User;
use flagstone_model::{State as Model, Timestamp};
use imbl::OrdMap;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::{App, View};
use crate::http::error::Failure;

/// A day, in milliseconds.
pub(super) const DAY: i64 = 86_400_000;
/// How many days a window has: the current one ends now, and the past one is before it.
pub(super) const WINDOW_DAYS: i64 = 30;

/// What happened in a project lately: in the last 30 days, and in the 30 days before.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)]
pub(super) struct ProjectStats {
    /// Days from a feature's creation until it is first on in production, on average over those that got there now.
    avg_time_to_prod_current_window: f64,
    created_current_window: usize,
    created_past_window: usize,
    archived_current_window: usize,
    archived_past_window: usize,
    /// Events, by whole days.
    project_activity_current_window: u64,
    project_activity_past_window: u64,
    project_members_added_current_window: usize,
}

/// How a project's live features are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Staleness {
    pub live: usize,
    /// Marked as ready for removal.
    pub stale: usize,
    /// Not marked, and older than features of their type should be.
    pub potentially_stale: usize,
}

impl Staleness {
    /// Of a project's features.
    pub fn of(state: &Model, project: &str) -> Self {
        state.features.index().of_project(project).map_or_else(Self::default, |features| Self {
            live: features.live.len(),
            stale: features.stale,
            potentially_stale: features.potentially_stale,
        })
    }

    /// Those that nobody has marked.
    pub const fn active(self) -> usize {
        self.live - self.stale
    }

    /// How many of a hundred are stale or potentially so.
    pub fn technical_debt(self) -> u32 {
        let share = ((self.stale + self.potentially_stale) * 100 + self.live / 2).checked_div(self.live);
        share.and_then(|share| u32::try_from(share).ok()).unwrap_or_default()
    }
}

/// How long a feature took to production.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeatureLeadTime)]
pub(super) struct LeadTime {
    pub name: String,
    /// In days.
    pub time_to_production: f64,
}

/// A project's features in numbers, as its index keeps them.
#[derive(Default)]
pub(super) struct FeatureNumbers {
    pub staleness: Staleness,
    /// Live ones by type.
    pub kinds: BTreeMap<String, usize>,
    pub archived: usize,
    created: [usize; 2],
    archived_in: [usize; 2],
    /// The days that it took those to production that got there in the current window.
    arrived: Vec<f64>,
}

/// In which of the two windows a moment is.
fn window(at: Timestamp, now: Timestamp) -> Option<usize> {
    let age = now.millis().saturating_sub(at.millis());
    let window = usize::try_from(age.max(0) / (WINDOW_DAYS * DAY)).ok()?;
    (window < 2).then_some(window)
}

/// In days, with one decimal.
fn days(from: Timestamp, to: Timestamp) -> f64 {
    let tenths = to.millis().saturating_sub(from.millis()).max(0) / (DAY / 10);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

/// The average, with one decimal; 0 of nothing.
pub(super) fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    if count > 0.0 { (sum / count * 10.0_f64).round() / 10.0 } else { 0.0 }
}

/// How many there were in each of the two windows.
fn in_windows(by_hour: &OrdMap<Timestamp, usize>, now: Timestamp) -> [usize; 2] {
    let mut counts = [0; 2];
    for (hour, count) in by_hour.range(now.plus_millis(-2 * WINDOW_DAYS * DAY).hour()..) {
        if let Some(window) = window(*hour, now) {
            counts[window] += count;
        }
    }
    counts
}

/// The environments where a feature is in production.
fn production(state: &Model) -> impl Iterator<Item = &String> {
    state.environments.values().filter(|environment| environment.kind == "production").map(|there| &there.name)
}

/// When a feature was first on in production.
fn in_production_since(state: &Model, feature: &Feature) -> Option<Timestamp> {
    production(state).filter_map(|name| feature.environments.get(name)?.switched_on_at).min()
}

/// How long those of a project's live features that have been on in production took to get there.
pub(super) fn lead_times(state: &Model, project: &str) -> Vec<LeadTime> {
    let lead_time = |feature: &Arc<Feature>| {
        let on = in_production_since(state, feature)?;
        Some(LeadTime { name: feature.name.clone(), time_to_production: days(feature.created_at, on) })
    };
    features::of_project(state, project, false).filter_map(lead_time).collect()
}

impl FeatureNumbers {
    /// Of a project's features.
    pub fn of(state: &Model, project: &str, now: Timestamp) -> Self {
        let Some(features) = state.features.index().of_project(project) else { return Self::default() };
        let since = (now.plus_millis(-WINDOW_DAYS * DAY), String::new());
        let there = production(state).filter_map(|name| features.switched_on.get(name));
        // One that is in two environments got there when it was first on in one of them.
        let lately: BTreeSet<&String> =
            there.flat_map(|there| there.range(since.clone()..)).map(|(_, name)| name).collect();
        let arrived = lately.into_iter().filter_map(|name| {
            let feature = state.features.get(name)?;
            let on = in_production_since(state, feature).filter(|on| window(*on, now) == Some(0))?;
            Some(days(feature.created_at, on))
        });
        Self {
            staleness: Staleness::of(state, project),
            kinds: features.kinds.iter().map(|(kind, count)| (kind.clone(), *count)).collect(),
            archived: features.archived.len(),
            created: in_windows(&features.created, now),
            archived_in: in_windows(&features.archived_at, now),
            arrived: arrived.collect(),
        }
    }

    /// How many were archived in the current window.
    pub const fn archived_lately(&self) -> usize {
        self.archived_in[0]
    }
}

/// How many of a project's features are in a stage, and for how many days those that have been there were in it.
pub(super) struct StageNumbers {
    pub current: usize,
    /// On average, archived ones included; 0 if none has been there.
    pub average_days: f64,
}

impl StageNumbers {
    /// Of a project, for each stage but the archive.
    pub fn of(state: &Model, project: &str, now: Timestamp) -> [Self; 4] {
        let mut spent = [const { Vec::new() }; 4];
        for archived in [false, true] {
            for feature in features::of_project(state, project, archived) {
                let ends = feature.stages().skip(1).map(|next| next.at).chain([now]);
                for (entered, end) in feature.stages().zip(ends) {
                    if let Some(spent) = spent.get_mut(entered.stage as usize) {
                        spent.push(days(entered.at, end));
                    }
                }
            }
        }
        let counts = state.features.index().of_project(project).map(|features| &features.stages);
        let current = |stage: Stage| counts.and_then(|counts| counts.get(&stage)).copied().unwrap_or_default();
        let [initial, pre_live, live, completed] = spent;
        [(Stage::Initial, initial), (Stage::PreLive, pre_live), (Stage::Live, live), (Stage::Completed, completed)]
            .map(|(stage, spent)| Self { current: current(stage), average_days: average(spent.into_iter()) })
    }
}

/// What happened in a project lately.
pub(super) async fn stats(
    app: &App,
    view: &View,
    project: &Project,
    numbers: &FeatureNumbers,
) -> Result<ProjectStats, Failure> {
    let now = app.now();
    let activity = app.activity(view, &project.id, now.plus_millis(-(2 * WINDOW_DAYS - 1) * DAY)).await?;
    let today = now.millis() / DAY;
    let current = activity.range(today - WINDOW_DAYS + 1..).map(|(_, count)| *count).sum();
    let past = activity.range(today - 2 * WINDOW_DAYS + 1..=today - WINDOW_DAYS).map(|(_, count)| *count).sum();
    Ok(ProjectStats {
        avg_time_to_prod_current_window: average(numbers.arrived.iter().copied()),
        created_current_window: numbers.created[0],
        created_past_window: numbers.created[1],
        archived_current_window: numbers.archived_in[0],
        archived_past_window: numbers.archived_in[1],
        project_activity_current_window: current,
        project_activity_past_window: past,
        project_members_added_current_window: members_added(project, now),
    })
}

/// How many members came in the current window: today members come with their project.
pub(super) fn members_added(project: &Project, now: Timestamp) -> usize {
    if window(project.created_at, now) == Some(0) { project.members.len() } else { 0 }
}

/// How far a new project has come: with its first feature, and with an SDK that asks for one.
pub(super) fn onboarding(state: &Model, project: &str) -> Value {
    let Some(features) = state.features.index().of_project(project) else {
        return json!({ "status": "onboarding-started" });
    };
    if features.stages.keys().any(|stage| matches!(stage, Stage::PreLive | Stage::Live)) {
        return json!({ "status": "onboarded" });
    }
    match features.live.get_min() {
        Some(name) => json!({ "status": "first-flag-created", "feature": name }),
        None => json!({ "status": "onboarding-started" }),
    }
}

/// The owners of a project; the system's where nobody owns it.
pub(super) fn owners(state: &Model, project: &Project) -> Vec<Value> {
    let owners = project.members.iter().filter(|member| member.role_id == role_ids::OWNER);
    let owners = owners.filter_map(|member| state.users.get(&member.user_id));
    let owners: Vec<_> = owners.map(|user| owner(user)).collect();
    if owners.is_empty() { vec![json!({ "ownerType": "system" })] } else { owners }
}

/// A user who owns a project.
pub(super) fn owner(user: &User) -> Value {
    json!({ "ownerType": "user", "name": user.label(), "email": user.email, "imageUrl": "" })
}
