//! What was deleted is forgotten: new things of the same name begin afresh.

use std::collections::{BTreeSet, HashSet};

use flagstone_model::State;
use flagstone_store::{Error, Gone, Store};

use super::Telemetry;

impl Telemetry {
    /// Whatever is remembered here and not in `state`: it was deleted.
    pub fn gone(&self, state: &State) -> Gone {
        let (mut features, mut environments) = (BTreeSet::new(), BTreeSet::new());
        self.features.each(|name, seen| {
            if !state.features.contains(name) {
                features.insert(name.to_owned());
            }
            let gone = seen.iter().filter(|(environment, _)| !state.environments.contains(environment));
            environments.extend(gone.map(|(environment, _)| environment.clone()));
        });
        Gone {
            features: features.into_iter().collect(),
            environments: environments.into_iter().collect(),
            tokens: self.tokens.gone(|id| !state.api_tokens.contains(id)),
            users: self.users.gone(|id| !state.users.contains(id)),
            pats: self.personal_tokens.gone(|id| !state.personal_tokens.contains(id)),
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
        let (features, environments) = (set(&gone.features), set(&gone.environments));
        let is_gone =
            |feature: &str, environment: &str| features.contains(feature) || environments.contains(environment);
        self.usage.forget(is_gone);
        self.features.forget(is_gone);
        gone.tokens.iter().for_each(|id| self.tokens.forget(id));
        gone.users.iter().for_each(|id| self.users.forget(id));
        gone.pats.iter().for_each(|id| self.personal_tokens.forget(id));
        let mut pending = self.pending.lock();
        pending.features.retain(|(feature, environment), _| !is_gone(feature, environment));
        pending.forget_environments(&environments);
    }
}
