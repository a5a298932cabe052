//! What user interfaces have remembered of the user who asks.

use super::operations;
use crate::permissions::Need;
use crate::ui_state::{self, CreateFeedback, Feedback, UpdateFeedback};

operations! {
    /// Remembers that the user has seen a greeting.
    SeeSplash = "updateSplashSettings" (id: String, (): ()) -> Option<i64> {
        needs |_| Need::login();
        does |draft| ui_state::see_splash(draft, id);
    }
    /// Remembers that the user has answered a question.
    GiveFeedback = "createFeedback" ((): (), input: CreateFeedback) -> (i64, String, Feedback) {
        needs |_| Need::login();
        does |draft| {
            let CreateFeedback { feedback_id, never_show } = input;
            let (user, feedback) = ui_state::answer(draft, &feedback_id, &UpdateFeedback { never_show, given: None })?;
            Ok((user, feedback_id, feedback))
        };
    }
    /// Changes what is remembered of a question.
    ChangeFeedback = "updateFeedback" (id: String, input: UpdateFeedback) -> (i64, Feedback) {
        needs |_| Need::login();
        does |draft| ui_state::answer(draft, id, &input);
    }
}
