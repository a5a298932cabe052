//! What was deleted is forgotten: new things of the same name begin afresh.

use std::collections::{BTreeSet, HashMap, HashSet};

use flagstone_model::State;
use flagstone_store::{Error, Gone, Store};

use super::Telemetry;

impl Telemetry {
    /// Whatever is remembered here and not in `state`: it was deleted.
    pub fn gone(&self, state: &State) -> Gone {
        let (mut features, mut environments) = (BTreeSet::new(), Vec::new());
        let remembered: Vec<String> = self.seen.lock().features.keys().cloned().collect();
        for environment in remembered {
            // One at a time: reports wait for the lock.
            let seen = self.seen.lock();
            let names = seen.features.get(&environment).into_iter().flat_map(HashMap::keys);
            features.extend(names.filter(|name| !state.features.contains(*name)).cloned());
            if !state.environments.contains(&environment) {
                drop(seen);
                environments.push(environment);
            }
        }
        let seen = self.seen.lock();
        Gone {
            features: features.into_iter().collect(),
            environments,
            tokens: seen.tokens.keys().filter(|id| !state.api_tokens.contains(*id)).cloned().collect(),
            users: seen.users.keys().filter(|id| !state.users.contains(*id)).copied().collect(),
            pats: seen.personal_tokens.keys().filter(|id| !state.personal_tokens.contains(*id)).copied().collect(),
        }
    }

    /// Forgets what is gone, here and in the store.
    pub async fn forget(&self, gone: &Gone, store: &Store) -> Result<(), Error> {
        if gone.is_empty() {
            return Ok(());
        }
        // What is being written would come back.
        let _alone = self.flushing.lock().await;
        self.forget_here(gone);
        store.forget(gone).await.map(drop)
    }

    fn forget_here(&self, gone: &Gone) {
        let set = |names: &[String]| names.iter().cloned().collect::<HashSet<_>>();
        let (features, environments, tokens) = (set(&gone.features), set(&gone.environments), set(&gone.tokens));
        let is_gone =
            |feature: &str, environment: &str| features.contains(feature) || environments.contains(environment);
        self.usage.forget(is_gone);
        {
            let mut seen = self.seen.lock();
            seen.features.retain(|environment, _| !environments.contains(environment));
            seen.features.values_mut().for_each(|names| names.retain(|name, _| !features.contains(name)));
            seen.tokens.retain(|id, _| !tokens.contains(id));
            seen.users.retain(|id, _| !gone.users.contains(id));
            seen.personal_tokens.retain(|id, _| !gone.pats.contains(id));
        }
        let mut pending = self.pending.lock();
        pending.features.retain(|(feature, environment), _| !is_gone(feature, environment));
        pending.tokens.retain(|id, _| !tokens.contains(id));
        pending.users.retain(|id, _| !gone.users.contains(id));
        pending.personal_tokens.retain(|id, _| !gone.pats.contains(id));
        pending.forget_environments(&environments);
    }
}
