//! What can be done to feature types.

use super::operations;
use crate::feature_types::{self, FeatureType, FeatureTypeLifetime};
use crate::permissions::{Need, Permission as P};

operations! {
    /// Says how long features of a type should live.
    SetLifetime = "updateFeatureTypeLifetime" (id: String, input: FeatureTypeLifetime) -> FeatureType {
        needs |_| Need::root(&[P::Admin]);
        does |draft| feature_types::set_lifetime(draft, id, &input);
    }
    /// Marks those of some features as potentially stale that are, and takes the mark off the others.
    MarkPotentiallyStale = "markPotentiallyStale" ((): (), names: Vec<String>) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| {
            feature_types::mark_potentially_stale(draft, &names);
            Ok(())
        };
    }
}
