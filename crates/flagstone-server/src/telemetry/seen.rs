//! When features were last asked for, of many at a time.

use std::collections::BTreeMap;

use flagstone_model::features::{Feature, ReachedStage, Stage};
use flagstone_model::{State, Timestamp};

use super::Telemetry;

impl Telemetry {
    /// When features were last asked for in any of their environments, one answer each.
    pub fn features_last_seen<'f>(&self, features: impl Iterator<Item = &'f Feature>) -> Vec<Option<Timestamp>> {
        features.map(|feature| self.feature_last_seen_anywhere(feature)).collect()
    }

    /// The stages of their lives in which features are by what was asked for, and are not yet by the state. A production
    /// environment counts where the feature is on.
    pub fn stages_reached(&self, state: &State) -> Vec<ReachedStage> {
        let mut reached = BTreeMap::<String, Stage>::new();
        self.features.each(|name, seen| {
            let Some(feature) = state.features.get(name) else { return };
            // What was seen before its life began was another one of its name, or the one that it was before.
            let began = feature.stages().next().map_or(feature.created_at, |first| first.at);
            for (environment, at) in seen.iter().filter(|(_, at)| *at >= began) {
                let there = feature.environments.get(environment);
                let (Some(environment), Some(there)) = (state.environments.get(environment), there) else { continue };
                let is_live = environment.kind == "production"
                    && there.enabled
                    && there.switched_on_at.is_none_or(|switched_on| *at >= switched_on);
                let stage = if is_live { Stage::Live } else { Stage::PreLive };
                if feature.stage() < stage {
                    let so_far = reached.entry(name.to_owned()).or_insert(stage);
                    *so_far = stage.max(*so_far);
                }
            }
        });
        let known = |(name, stage)| {
            let created_at = state.features.get(&name)?.created_at;
            Some(ReachedStage { feature: name, stage, created_at })
        };
        reached.into_iter().filter_map(known).collect()
    }
}
