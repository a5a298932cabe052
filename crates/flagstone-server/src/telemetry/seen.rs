//! When features were last asked for, of many at a time.

use std::collections::BTreeMap;

use flagstone_model::features::{Feature, ReachedStage, Stage};
use flagstone_model::{State, Timestamp};

use super::{Seen, Telemetry};

/// For how many features the lock is held: reports wait for it.
const AT_A_TIME: usize = 256;

impl Telemetry {
    /// When features were last asked for in any of their environments, one answer each.
    pub fn features_last_seen<'f>(&self, features: impl Iterator<Item = &'f Feature>) -> Vec<Option<Timestamp>> {
        let mut features = features.peekable();
        let mut answers = Vec::with_capacity(features.size_hint().0);
        while features.peek().is_some() {
            let seen = self.seen.lock();
            answers.extend(features.by_ref().take(AT_A_TIME).map(|feature| seen.last(feature)));
        }
        answers
    }

    /// The stages of their lives in which features are by what was asked for, and are not yet by the state. A production
    /// environment counts where the feature is on.
    pub fn stages_reached(&self, state: &State) -> Vec<ReachedStage> {
        let mut reached = BTreeMap::<String, Stage>::new();
        for environment in state.environments.values() {
            let seen = self.seen.lock();
            for (name, at) in seen.features.get(&environment.name).into_iter().flatten() {
                let Some(feature) = state.features.get(name) else { continue };
                let Some(there) = feature.environments.get(&environment.name) else { continue };
                // What was seen before its life began was another one of its name, or the one that it was before.
                let began = feature.stages().next().map_or(feature.created_at, |first| first.at);
                let is_live = environment.kind == "production"
                    && there.enabled
                    && there.switched_on_at.is_none_or(|switched_on| *at >= switched_on);
                let stage = if is_live { Stage::Live } else { Stage::PreLive };
                if *at >= began && feature.stage() < stage {
                    let so_far = reached.entry(name.clone()).or_insert(stage);
                    *so_far = stage.max(*so_far);
                }
            }
        }
        let known = |(name, stage)| {
            let created_at = state.features.get(&name)?.created_at;
            Some(ReachedStage { feature: name, stage, created_at })
        };
        reached.into_iter().filter_map(known).collect()
    }
}

impl Seen {
    fn last(&self, feature: &Feature) -> Option<Timestamp> {
        let in_environment = |name: &String| self.features.get(name)?.get(&feature.name).copied();
        let times = feature.environments.keys().filter_map(in_environment);
        times.filter(|at| *at >= feature.created_at).max()
    }
}
