//! What one token of the upstream brings: the flags of an environment's projects.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwapOption;
use flagstone_model::api_tokens::{ALL, ApiToken};
use serde_json::value::RawValue;

use super::upstream::{Changes, Document};
use crate::delivery::Delivery;
use crate::delivery::content::{Content, FeatureItem, SegmentItem};

/// The flags of an environment's projects, as they come from the upstream.
pub struct Feed {
    /// The environment.
    pub environment: String,
    /// The projects, sorted; or just [`ALL`].
    pub projects: Vec<String>,
    delivery: ArcSwapOption<Delivery>,
}

impl Feed {
    /// A feed for what a token may see; nothing has come yet.
    pub fn of(token: &ApiToken) -> Self {
        Self::new(token.environment.clone(), token.projects.clone())
    }

    /// A feed of an environment's projects.
    pub fn new(environment: String, projects: Vec<String>) -> Self {
        Self { environment, projects, delivery: ArcSwapOption::empty() }
    }

    /// What came last.
    pub fn delivery(&self) -> Option<Arc<Delivery>> {
        self.delivery.load_full()
    }

    /// Whether it holds all that a token may see.
    pub fn covers(&self, token: &ApiToken) -> bool {
        let all = self.projects.iter().any(|project| project == ALL);
        self.environment == token.environment && (all || token.projects.iter().all(|p| self.projects.contains(p)))
    }

    /// Whether it holds exactly what a token may see.
    pub fn is_of(&self, token: &ApiToken) -> bool {
        self.environment == token.environment && self.projects == token.projects
    }

    /// Takes everything anew.
    pub fn take_document(&self, document: &Document, revision: u64) -> anyhow::Result<()> {
        let content = Content {
            features: sorted(parse(&document.features, FeatureItem::parse)?, |item| item.name.clone()),
            segments: sorted(parse(&document.segments, SegmentItem::parse)?, |item| item.id),
        };
        self.publish(revision, content);
        Ok(())
    }

    /// Takes changes in order.
    pub fn take(&self, changes: &Changes) -> anyhow::Result<()> {
        let Some(last) = changes.events.last() else { return Ok(()) };
        let known = self.delivery().map(|delivery| Arc::clone(delivery.content())).unwrap_or_default();
        let mut features: BTreeMap<_, _> = known.features.iter().map(|i| (i.name.clone(), Arc::clone(i))).collect();
        let mut segments: BTreeMap<_, _> = known.segments.iter().map(|i| (i.id, Arc::clone(i))).collect();
        for change in &changes.events {
            match change.kind.as_str() {
                "hydration" => {
                    let (new_features, new_segments) =
                        (parse(&change.features, FeatureItem::parse)?, parse(&change.segments, SegmentItem::parse)?);
                    features = new_features.into_iter().map(|item| (item.name.clone(), Arc::new(item))).collect();
                    segments = new_segments.into_iter().map(|item| (item.id, Arc::new(item))).collect();
                }
                "feature-updated" => {
                    let item = FeatureItem::parse(change.feature.as_deref().context("an update has no feature")?)?;
                    features.insert(item.name.clone(), Arc::new(item));
                }
                "feature-removed" => {
                    features.remove(change.feature_name.as_deref().context("a removal has no name")?);
                }
                "segment-updated" => {
                    let item = SegmentItem::parse(change.segment.as_deref().context("an update has no segment")?)?;
                    segments.insert(item.id, Arc::new(item));
                }
                "segment-removed" => {
                    segments.remove(&change.segment_id.context("a removal has no id")?);
                }
                // A newer upstream may tell more; what we do not know we do not deliver.
                _ => {}
            }
        }
        let content =
            Content { features: features.into_values().collect(), segments: segments.into_values().collect() };
        self.publish(last.event_id, content);
        Ok(())
    }

    fn publish(&self, revision: u64, content: Content) {
        let next = match self.delivery() {
            Some(delivery) => delivery.followed_by(revision, content),
            None => Delivery::received(&self.environment, revision, content),
        };
        self.delivery.store(Some(Arc::new(next)));
    }
}

fn parse<T>(
    items: &[Box<RawValue>],
    parse: impl Fn(&RawValue) -> Result<T, serde_json::Error>,
) -> Result<Vec<T>, serde_json::Error> {
    items.iter().map(|raw| parse(raw)).collect()
}

fn sorted<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<Arc<T>> {
    let by_key: BTreeMap<K, Arc<T>> = items.into_iter().map(|item| (key(&item), Arc::new(item))).collect();
    by_key.into_values().collect()
}
