//! A state with what is derived from it, in cells that are filled on first use and die with it.

use std::collections::HashMap;
use std::sync::Arc;

use flagstone_model::State;

use crate::delivery::Delivery;

/// What a request reads: a state, and for each environment what its SDKs get.
pub struct Snapshot {
    /// The state.
    pub state: State,
    deliveries: HashMap<String, Arc<Delivery>>,
}

impl Snapshot {
    /// The snapshot of a state that nothing is derived from yet.
    pub fn first(state: State) -> Self {
        let deliveries =
            state.environments.values().map(|e| (e.name.clone(), Arc::new(Delivery::new(&state, &e.name)))).collect();
        Self { state, deliveries }
    }

    /// The snapshot that follows: environments whose SDKs see nothing new keep what was derived.
    pub fn after(previous: &Self, state: State) -> Self {
        let deliveries = state.environments.values().map(|environment| {
            let name = &environment.name;
            let kept = previous.deliveries.get(name).filter(|d| d.revision() == state.revision(name));
            (name.clone(), kept.map_or_else(|| Arc::new(Delivery::new(&state, name)), Arc::clone))
        });
        Self { deliveries: deliveries.collect(), state }
    }

    /// What the SDKs of an environment get.
    pub fn delivery(&self, environment: &str) -> Option<&Arc<Delivery>> {
        self.deliveries.get(environment)
    }
}
