//! What can be done to segments. The project of a segment stands in the segment, or in the body: the rules ask for it.

use std::sync::Arc;

use super::operations;
use crate::permissions::{Need, Permission as P};
use crate::segments::{self, Segment, SegmentInput, StrategySegments};

operations! {
    /// Creates a segment.
    Create = "createSegment" ((): (), input: SegmentInput) -> Arc<Segment> {
        needs |_| Need::anywhere(&[P::CreateSegment, P::UpdateProjectSegment]);
        does |draft| segments::create(draft, input);
    }
    /// Replaces a segment.
    Update = "updateSegment" (id: i64, input: SegmentInput) -> Arc<Segment> {
        needs |_| Need::anywhere(&[P::UpdateSegment, P::UpdateProjectSegment]);
        does |draft| segments::update(draft, *id, input);
    }
    /// Deletes a segment that no strategy uses.
    Delete = "removeSegment" (id: i64, (): ()) -> () {
        needs |_| Need::anywhere(&[P::DeleteSegment, P::UpdateProjectSegment]);
        does |draft| segments::delete(draft, *id);
    }
    /// Replaces the segments of a strategy.
    SetOfStrategy = "updateFeatureStrategySegments" ((): (), input: StrategySegments) -> StrategySegments {
        needs |_| Need::anywhere(&[P::UpdateFeatureStrategy]);
        does |draft| {
            let place = Need::environment(&input.project_id, &input.environment_id, &[P::UpdateFeatureStrategy]);
            draft.require(&place)?;
            segments::set_of_strategy(draft, &input)?;
            Ok(input)
        };
    }
}
