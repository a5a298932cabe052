//! The engine of an environment, carried over from revision to revision.

use std::fmt::Display;
use std::sync::Arc;

use flagstone_eval::{Delta, Engine, Event};
use serde::de::DeserializeOwned;

use super::content::Content;

/// After how many changes at least an engine is compiled anew: it has slots for all fields and segments that there ever
/// were.
const CHANGES_MAX: usize = 1_000;

/// What was compiled last.
#[derive(Default)]
pub struct Compiled {
    last: Option<(Arc<Content>, Arc<Engine>)>,
    /// How many changes it has taken since it was compiled as a whole.
    changes: usize,
}

impl Compiled {
    /// The engine of a content; only what differs from the last one is compiled, unless that has become much.
    pub fn of(&mut self, content: &Arc<Content>, environment: &str) -> Arc<Engine> {
        let engine = match self.last.take() {
            Some((known, engine)) if Arc::ptr_eq(&known, content) => engine,
            Some((known, engine)) => {
                let delta = delta(&known, content, environment);
                self.changes += delta.events.len();
                if self.changes > CHANGES_MAX.max(content.features_count()) {
                    self.anew(content, environment)
                } else {
                    Arc::new(applied((*engine).clone(), &delta, environment))
                }
            }
            None => self.anew(content, environment),
        };
        self.last = Some((Arc::clone(content), Arc::clone(&engine)));
        engine
    }

    fn anew(&mut self, content: &Content, environment: &str) -> Arc<Engine> {
        self.changes = 0;
        Arc::new(applied(Engine::default(), &whole(content, environment), environment))
    }
}

fn applied(mut engine: Engine, delta: &Delta, environment: &str) -> Engine {
    for warning in engine.apply(delta) {
        tracing::debug!(?warning, environment, "a part of a feature can never match");
    }
    engine
}

/// A feature or a segment as the engine takes it; nothing if it cannot be read.
fn read<T: DeserializeOwned>(json: &[u8], name: &dyn Display, environment: &str) -> Option<T> {
    let broken = |error| tracing::error!(%error, %name, environment, "cannot be compiled; it is off");
    serde_json::from_slice(json).map_err(broken).ok()
}

/// What an engine that knows nothing has to be told of `content`.
fn whole(content: &Content, environment: &str) -> Delta {
    let segments = content.segments.iter().filter_map(|(id, json)| read(json, id, environment)).collect();
    let features = content.features().filter_map(|(item, json)| read(json, &item.name, environment)).collect();
    Delta { events: vec![Event::Hydration { features, segments }] }
}

/// What an engine that has compiled `known` has to be told of `content`.
fn delta(known: &Content, content: &Content, environment: &str) -> Delta {
    let (mut events, mut gone) = (Vec::new(), Vec::new());
    let changed = content.differences(known);
    for (segment_id, json) in changed.segments {
        match json.map(|json| read(json, &segment_id, environment)) {
            Some(segment) => events.extend(segment.map(|segment| Event::SegmentUpdated { segment })),
            None => gone.push(Event::SegmentRemoved { segment_id }),
        }
    }
    for (feature_name, json) in changed.features {
        events.push(match json.and_then(|json| read(json, &feature_name, environment)) {
            Some(feature) => Event::FeatureUpdated { feature },
            None => Event::FeatureRemoved { feature_name },
        });
    }
    // Behind the features that named them.
    events.append(&mut gone);
    Delta { events }
}

#[cfg(test)]
mod tests {
    use flagstone_eval::{Context, SplitMix64};

    use super::*;
    use crate::delivery::content::{FeatureItem, Unused};
    use crate::delivery::{Delivery, Revision};

    /// A content with so many segments, each with a regular expression of its own that counts for a mebibyte, and a good
    /// one, and a feature that names the good one.
    fn content(round: usize, large: usize) -> Content {
        let constraint = |regex: &str| {
            let json = serde_json::json!({ "contextName": "userId", "operator": "REGEX", "value": regex });
            json.to_string()
        };
        let nothing = Content::default();
        let mut edit = nothing.edit();
        let mut segment = |id: usize, regex: &str| {
            let json = format!(r#"{{"id":{id},"constraints":[{}]}}"#, constraint(regex));
            edit.put_segment(i64::try_from(id).unwrap(), json.into());
        };
        for n in 0..large {
            segment(1_000 * round + n, &format!("x{{1000}}{{1000}}{round}{n}"));
        }
        let id = 1_000 * round + 999;
        segment(id, &format!("^good-{round}$"));
        let json = format!(r#"{{"name":"flag","enabled":true,"strategies":[{{"name":"default","segments":[{id}]}}]}}"#);
        let segments = vec![i64::try_from(id).unwrap()];
        let item = FeatureItem { name: "flag".to_owned(), project: "default".to_owned(), tags: None, segments };
        edit.put_feature(item, json.into());
        edit.finish(Unused::Stay).0
    }

    #[test]
    fn what_went_out_of_use_gives_its_room_back() {
        let mut delivery = Delivery::received("development", Revision::number(1), content(0, 0));
        for round in 1..=5 {
            delivery.engine();
            delivery = delivery.followed_by(
                Revision::number(1 + round),
                content(usize::try_from(round).unwrap(), 200),
                Vec::new(),
                true,
            );
            let context = Context { user_id: Some(format!("good-{round}")), ..Context::default() };
            let resolved =
                delivery.engine().resolve("flag", &context, chrono::DateTime::UNIX_EPOCH, &mut SplitMix64::seeded(1));
            assert!(resolved.unwrap().enabled, "round {round}: expressions of before take all room");
        }
    }
}
