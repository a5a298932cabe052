//! A state with what is derived from it, in cells that are filled on first use and die with it.

use std::sync::Arc;

use flagstone_model::State;
use flagstone_model::commit::Commit;

use super::recent::Recent;
use super::view::Views;
use crate::delivery::{Delivery, Revision};

/// What a request reads: a state, and for each environment what its SDKs get.
pub struct Snapshot {
    /// The state.
    pub state: State,
    pub(super) views: Views,
    /// What the last commits have touched.
    pub(super) recent: Recent,
    /// In the order of their environments' names.
    deliveries: Vec<Arc<Delivery>>,
}

impl Snapshot {
    /// The snapshot of a state that nothing is derived from yet; `past` are the last commits that led to it.
    pub fn first(state: State, past: &[Commit]) -> Self {
        let shared = Arc::new(state.clone());
        let of = |name: &str| Arc::new(Delivery::first(&shared, name).with_past(past));
        let deliveries = state.environments.values().map(|e| of(&e.name)).collect();
        Self { recent: Recent::first(&state, past), state, views: Views::default(), deliveries }
    }

    /// The snapshot after `commits`: environments whose SDKs see nothing new keep what was derived.
    pub fn after(previous: &Self, state: State, commits: &[Commit]) -> Self {
        // Another task may have read some of them from the log already.
        let commits = &commits[commits.partition_point(|commit| commit.seq <= previous.state.seq)..];
        // One for all environments: each of those that nobody asks for holds on to it.
        let shared = Arc::new(state.clone());
        let deliveries = state.environments.values().map(|environment| {
            let name = &environment.name;
            match previous.delivery(name) {
                Some(kept) if kept.revision() == Revision::of_state(&state, name) => {
                    kept.keep_with(&shared);
                    Arc::clone(kept)
                }
                Some(earlier) => Arc::new(earlier.next(&previous.state, commits, &shared)),
                None => Arc::new(Delivery::first(&shared, name)),
            }
        });
        let deliveries = deliveries.collect();
        let (views, recent) = (previous.views.after(&state, commits), previous.recent.after(&previous.state, commits));
        Self { state, views, recent, deliveries }
    }

    /// What the SDKs of an environment get.
    pub fn delivery(&self, environment: &str) -> Option<&Arc<Delivery>> {
        let found = self.deliveries.binary_search_by(|delivery| delivery.environment().cmp(environment));
        found.ok().and_then(|at| self.deliveries.get(at))
    }
}
