//! The life of a feature: which stages it has been through, and since when.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Feature, find_live};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::names::check_text;
use crate::time::Timestamp;

/// A part of a feature's life, in the order of lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// No SDK has asked for it.
    Initial,
    /// SDKs ask for it.
    PreLive,
    /// SDKs ask for it in a production environment where it is on.
    Live,
    /// Somebody has said that it is done.
    Completed,
    /// It is in the archive.
    Archived,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 5] = [Self::Initial, Self::PreLive, Self::Live, Self::Completed, Self::Archived];

    /// As clients know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::PreLive => "pre-live",
            Self::Live => "live",
            Self::Completed => "completed",
            Self::Archived => "archived",
        }
    }
}

/// What becomes of what a completed feature has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It stays, for everybody.
    Kept,
    /// It goes.
    Discarded,
}

/// A stage that a feature has entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnteredStage {
    /// The stage.
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
    /// For a completed one: what becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// For a completed one: the variant that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl EnteredStage {
    const fn new(stage: Stage, at: Timestamp) -> Self {
        Self { stage, at, outcome: None, value: None }
    }
}

/// How a feature is completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteFeature {
    /// What becomes of what it has decided.
    pub status: Outcome,
    /// The variant that stays, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "blue")]
    pub status_value: Option<String>,
}

/// What the audit log holds of a completion.
#[derive(Serialize)]
struct Completion<'a> {
    #[serde(flatten)]
    input: &'a CompleteFeature,
    kept: bool,
}

/// A stage that usage shows a feature to be in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachedStage {
    /// The feature's name.
    pub feature: String,
    /// [`Stage::PreLive`] or [`Stage::Live`].
    pub stage: Stage,
    /// When it was created, so that a later one of its name is not meant.
    pub created_at: Timestamp,
}

impl Feature {
    /// Where in its life it is.
    pub fn stage(&self) -> Stage {
        if self.is_archived() { Stage::Archived } else { self.stages.last().map_or(Stage::Initial, |last| last.stage) }
    }

    /// The stages it has been through, the present one at the end.
    pub fn stages(&self) -> impl DoubleEndedIterator<Item = EnteredStage> {
        // What other fields say is not stored again.
        let is_stored = self.stages.first().is_some_and(|first| first.stage == Stage::Initial);
        let initial = (!is_stored).then(|| EnteredStage::new(Stage::Initial, self.created_at));
        let archived = self.archived_at.map(|at| EnteredStage::new(Stage::Archived, at));
        initial.into_iter().chain(self.stages.iter().cloned()).chain(archived)
    }

    /// When it entered the stage that it is in.
    pub fn entered_stage_at(&self) -> Timestamp {
        self.archived_at.or_else(|| self.stages.last().map(|last| last.at)).unwrap_or(self.created_at)
    }

    /// Begins its life anew.
    pub(super) fn live_again(&mut self, now: Timestamp) {
        self.stages = vec![EnteredStage::new(Stage::Initial, now)];
    }
}

/// Says that a feature is done, and what becomes of it.
pub fn complete(draft: &mut Draft, project: &str, name: &str, input: &CompleteFeature) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let mut faults = Faults::default();
    check_text(&mut faults, "/body/statusValue", input.status_value.as_deref());
    faults.check()?;
    let (outcome, value) = (Some(input.status), input.status_value.clone());
    match feature.stages.last_mut().filter(|last| last.stage == Stage::Completed) {
        Some(last) if (last.outcome, &last.value) == (outcome, &value) => return Ok(()),
        Some(last) => (last.outcome, last.value) = (outcome, value),
        None => {
            feature.stages.push(EnteredStage { outcome, value, ..EnteredStage::new(Stage::Completed, draft.now()) });
        }
    }
    let event = NewEvent::new("feature-completed").feature(&feature);
    draft.record(event.data(Completion { input, kept: input.status == Outcome::Kept }));
    draft.put(feature);
    Ok(())
}

/// Says that a feature is not done after all: it is again in the stage in which it was.
pub fn uncomplete(draft: &mut Draft, project: &str, name: &str) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    if feature.stages.pop_if(|last| last.stage == Stage::Completed).is_some() {
        draft.record(NewEvent::new("feature-uncompleted").feature(&feature));
        draft.put(feature);
    }
    Ok(())
}

/// Lets features enter the stages that usage shows. Those that are there already, completed or gone stay as they are.
pub fn enter_stages(draft: &mut Draft, reached: &[ReachedStage]) {
    for ReachedStage { feature, stage, created_at } in reached {
        let Some(feature) = draft.features.get(feature) else { continue };
        let is_ahead = matches!(stage, Stage::PreLive | Stage::Live) && feature.stage() < *stage;
        if is_ahead && feature.created_at == *created_at {
            let mut feature = (**feature).clone();
            if *stage == Stage::Live && feature.stage() == Stage::Initial {
                feature.stages.push(EnteredStage::new(Stage::PreLive, draft.now()));
            }
            feature.stages.push(EnteredStage::new(*stage, draft.now()));
            draft.put(feature);
        }
    }
}
