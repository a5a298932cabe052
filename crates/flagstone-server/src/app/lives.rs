//! What happens to features by itself: they enter the stages that their use shows, and outlive their time.

use flagstone_model::commands::feature_types::MarkPotentiallyStale;
use flagstone_model::commands::lifecycle::EnterStages;
use flagstone_model::feature_types;

use super::jobs::Turn;
use crate::http::error::Failure;

/// How many features change in one commit.
const AT_A_TIME: usize = 100;

/// Lets features enter the stages that usage shows.
pub async fn enter_stages(turn: Turn) -> anyhow::Result<()> {
    let reached = turn.app.telemetry().stages_reached(&turn.app.0.writer.head().state);
    for some in reached.chunks(AT_A_TIME) {
        turn.commit::<EnterStages>((), some.to_vec()).await.map_err(Failure::in_words)?;
    }
    Ok(())
}

/// Marks features that are older than one of their type should be.
pub async fn mark_potentially_stale(turn: Turn) -> anyhow::Result<()> {
    let names = feature_types::wrongly_marked(&turn.app.0.writer.head().state, turn.app.now());
    for some in names.chunks(AT_A_TIME) {
        turn.commit::<MarkPotentiallyStale>((), some.to_vec()).await.map_err(Failure::in_words)?;
    }
    Ok(())
}
