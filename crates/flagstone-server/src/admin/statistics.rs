//! A project in numbers: what its list, overview, insights and dashboards have in common.

use std::collections::BTreeMap;

use flagstone_model::features::{self, Feature, Stage};
use flagstone_model::permissions::role_ids;
use flagstone_model::projects::Project;
use flagstone_model::{State as Model, Timestamp};
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

/// A project's features in numbers, found in one pass over them.
#[derive(Default)]
pub(super) struct FeatureNumbers {
    pub staleness: Staleness,
    /// Live ones by type.
    pub kinds: BTreeMap<String, usize>,
    /// Of live ones that have been on in production.
    pub lead_times: Vec<LeadTime>,
    pub archived: usize,
    created: [usize; 2],
    archived_in: [usize; 2],
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

impl FeatureNumbers {
    /// Of a project's features.
    pub fn of(app: &App, state: &Model, project: &str) -> Self {
        let (mut numbers, now) = (Self { staleness: Staleness::of(state, project), ..Self::default() }, app.now());
        if let Some(features) = state.features.index().of_project(project) {
            numbers.kinds = features.kinds.iter().map(|(kind, count)| (kind.clone(), *count)).collect();
        }
        for feature in features::of_project(state, project, false) {
            numbers.add_live(state, feature, now);
        }
        for feature in features::of_project(state, project, true) {
            numbers.archived += 1;
            numbers.count_creation(feature, now);
            if let Some(window) = feature.archived_at.and_then(|at| window(at, now)) {
                numbers.archived_in[window] += 1;
            }
        }
        numbers
    }

    fn count_creation(&mut self, feature: &Feature, now: Timestamp) {
        if let Some(window) = window(feature.created_at, now) {
            self.created[window] += 1;
        }
    }

    fn add_live(&mut self, state: &Model, feature: &Feature, now: Timestamp) {
        self.count_creation(feature, now);
        let production = feature.environments.iter().filter(|(name, _)| {
            state.environments.get(*name).is_some_and(|environment| environment.kind == "production")
        });
        if let Some(on) = production.filter_map(|(_, there)| there.switched_on_at).min() {
            let time_to_production = days(feature.created_at, on);
            if window(on, now) == Some(0) {
                self.arrived.push(time_to_production);
            }
            self.lead_times.push(LeadTime { name: feature.name.clone(), time_to_production });
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

/// How far a new project has come: with its first feature, and with an SDK that asks for one, as of when it last did.
pub(super) fn onboarding(state: &Model, project: &str, asked_for: Option<Timestamp>) -> Value {
    if asked_for.is_some() {
        return json!({ "status": "onboarded" });
    }
    match features::of_project(state, project, false).next() {
        Some(feature) => json!({ "status": "first-flag-created", "feature": feature.name }),
        None => json!({ "status": "onboarding-started" }),
    }
}

/// The owners of a project; the system's where nobody owns it.
pub(super) fn owners(state: &Model, project: &Project) -> Vec<Value> {
    let owners = project.members.iter().filter(|member| member.role_id == role_ids::OWNER);
    let owners = owners.filter_map(|member| state.users.get(&member.user_id));
    let owners: Vec<_> =
        owners.map(|u| json!({ "ownerType": "user", "name": u.label(), "email": u.email, "imageUrl": "" })).collect();
    if owners.is_empty() { vec![json!({ "ownerType": "system" })] } else { owners }
}
