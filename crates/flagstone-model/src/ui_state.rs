//! What user interfaces remember of a user: which greetings they have seen, and which questions they have answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::check_value;
use crate::state::State;
use crate::time::Timestamp;
use crate::users::asking_user;

/// The most greetings, and the most questions, that are remembered of one user.
pub const REMEMBERED_MAX: usize = 200;

/// What user interfaces remember of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiState {
    /// Whom it is about.
    pub user_id: i64,
    /// The greetings that the user has seen.
    #[serde(default)]
    pub splashes: BTreeSet<String>,
    /// The questions that the user has answered, or never wants to see again.
    #[serde(default)]
    pub feedback: BTreeMap<String, Feedback>,
}

/// That a user has answered a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// When.
    pub given: Timestamp,
    /// Whether it is never to be asked again.
    pub never_show: bool,
}

/// A question that is answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateFeedback {
    /// What the interface calls the question.
    #[schema(example = "newUserInterface")]
    pub feedback_id: String,
    /// Whether it is never to be asked again.
    #[serde(default)]
    pub never_show: Option<bool>,
}

/// What becomes of an answered question.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateFeedback {
    /// Whether it is never to be asked again.
    #[serde(default)]
    pub never_show: Option<bool>,
    /// When it was answered; now if omitted.
    #[serde(default)]
    pub given: Option<Timestamp>,
}

/// What is remembered of a user; nothing if that is nothing.
pub fn of(state: &State, user_id: i64) -> Option<&Arc<UiState>> {
    state.ui_states.get(&user_id)
}

fn own(draft: &Draft, user_id: i64) -> UiState {
    of(draft, user_id).map_or_else(|| UiState { user_id, ..UiState::default() }, |state| (**state).clone())
}

/// Remembers that the user who asks has seen a greeting. Of API tokens nothing is remembered: the answer is no user.
pub fn see_splash(draft: &mut Draft, id: &str) -> Result<Option<i64>, Error> {
    let mut faults = Faults::default();
    check_value(&mut faults, "/params/id", id);
    faults.check()?;
    let Some(user_id) = draft.user_id() else { return Ok(None) };
    let mut state = own(draft, user_id);
    if state.splashes.insert(id.to_owned()) {
        Limits::room("greetings of one user", state.splashes.len() - 1, REMEMBERED_MAX)?;
        draft.record(NewEvent::new("user-splash-seen").data(json!({ "userId": user_id, "splashId": id })));
        draft.put(state);
    }
    Ok(Some(user_id))
}

/// Remembers that the user who asks has answered a question; answers with the user and what is remembered.
pub fn answer(draft: &mut Draft, id: &str, input: &UpdateFeedback) -> Result<(i64, Feedback), Error> {
    let user_id = asking_user(draft)?;
    let mut faults = Faults::default();
    check_value(&mut faults, "/body/feedbackId", id);
    faults.check()?;
    let feedback =
        Feedback { given: input.given.unwrap_or_else(|| draft.now()), never_show: input.never_show.unwrap_or(false) };
    let mut state = own(draft, user_id);
    if state.feedback.get(id) != Some(&feedback) {
        if !state.feedback.contains_key(id) {
            Limits::room("answers of one user", state.feedback.len(), REMEMBERED_MAX)?;
        }
        let data = json!({
            "userId": user_id, "feedbackId": id, "given": feedback.given, "neverShow": feedback.never_show,
        });
        draft.record(NewEvent::new("user-feedback-given").data(data));
        state.feedback.insert(id.to_owned(), feedback.clone());
        draft.put(state);
    }
    Ok((user_id, feedback))
}
