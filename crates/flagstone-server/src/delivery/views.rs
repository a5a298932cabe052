//! What the SDKs of an environment see of the state.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use flagstone_model::constraints::Constraint;
use flagstone_model::features::{Dependency, Feature, Strategy, Variant};
use flagstone_model::segments::Segment;
use flagstone_model::{State, strategy_definitions};
use serde::Serialize;

use super::content::{Content, FeatureItem, SegmentItem};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeatureView<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    enabled: bool,
    project: &'a str,
    stale: bool,
    strategies: Vec<StrategyView<'a>>,
    variants: &'a [Variant],
    description: Option<&'a str>,
    impression_data: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<DependencyView<'a>>,
}

#[derive(Serialize)]
struct DependencyView<'a> {
    feature: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    variants: &'a [String],
}

impl<'a> DependencyView<'a> {
    fn of(dependency: &'a Dependency) -> Self {
        let Dependency { feature, enabled, variants } = dependency;
        Self { feature, enabled: *enabled, variants }
    }
}

#[derive(Serialize)]
struct StrategyView<'a> {
    name: &'a str,
    constraints: Vec<Cow<'a, Constraint>>,
    parameters: Cow<'a, BTreeMap<String, String>>,
    variants: Cow<'a, [Variant]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    segments: &'a [i64],
}

impl<'a> StrategyView<'a> {
    fn of(strategy: &'a Strategy, feature: &str) -> Self {
        Self {
            name: &strategy.name,
            constraints: spelt(&strategy.constraints),
            parameters: strategy_definitions::delivered_parameters(strategy, feature),
            variants: strategy_definitions::delivered_variants(strategy),
            segments: &strategy.segments,
        }
    }
}

#[derive(Serialize)]
struct SegmentView<'a> {
    id: i64,
    name: &'a str,
    constraints: Vec<Cow<'a, Constraint>>,
}

fn spelt(constraints: &[Constraint]) -> Vec<Cow<'_, Constraint>> {
    constraints.iter().map(Constraint::spelt).collect()
}

/// A content, and which documents its parts were made from: the next one takes over what was made from the same. The
/// documents themselves may be gone by then.
#[derive(Default)]
pub struct Made {
    /// What was made.
    pub content: Arc<Content>,
    features: Vec<Weak<Feature>>,
    segments: Vec<Weak<Segment>>,
}

impl Made {
    /// What `environment`'s SDKs see of `state`; parts of `earlier` stay where nothing has changed.
    pub fn of(state: &State, environment: &str, earlier: &Self) -> Self {
        let features: Vec<_> =
            state.features.values().filter(|f| f.delivered(environment).is_some()).map(Arc::clone).collect();
        let used: BTreeSet<i64> = features
            .iter()
            .flat_map(|f| &f.environments[environment].strategies)
            .flat_map(|s| s.segments.iter().copied())
            .collect();
        let segments: Vec<_> = used.iter().filter_map(|id| state.segments.get(id)).map(Arc::clone).collect();
        let content = Content {
            features: take_over(
                &features,
                &earlier.features,
                &earlier.content.features,
                |f| f.name.as_str(),
                |item| item.name.as_str(),
                |f| feature(f, environment),
            ),
            segments: take_over(
                &segments,
                &earlier.segments,
                &earlier.content.segments,
                |s| s.id,
                |item| item.id,
                segment,
            ),
        };
        let (features, segments) = (features.iter().map(Arc::downgrade), segments.iter().map(Arc::downgrade));
        Self { content: Arc::new(content), features: features.collect(), segments: segments.collect() }
    }
}

/// One item for each document of a sorted list; the earlier item where the document is the same one.
fn take_over<'a, D, T, K: Ord>(
    documents: &'a [Arc<D>],
    earlier: &[Weak<D>],
    items: &'a [Arc<T>],
    key: impl Fn(&'a D) -> K,
    key_of_item: impl Fn(&'a T) -> K,
    make: impl Fn(&'a D) -> T,
) -> Vec<Arc<T>> {
    let mut earlier = earlier.iter().zip(items).peekable();
    let item = |document: &'a Arc<D>| {
        while earlier.next_if(|(_, item)| key_of_item(item) < key(document)).is_some() {}
        // The place of a document that is gone is no other's as long as somebody remembers it.
        match earlier.next_if(|(old, _)| std::ptr::eq(old.as_ptr(), Arc::as_ptr(document))) {
            Some((_, item)) => Arc::clone(item),
            None => Arc::new(make(document)),
        }
    };
    documents.iter().map(item).collect()
}

fn feature(feature: &Feature, environment: &str) -> FeatureItem {
    let in_environment = &feature.environments[environment];
    let active = || in_environment.strategies.iter().filter(|s| !s.disabled);
    let view = FeatureView {
        name: &feature.name,
        kind: &feature.kind,
        // A feature whose strategies are all disabled is off; one without any is on for everybody.
        enabled: in_environment.enabled && (in_environment.strategies.is_empty() || active().next().is_some()),
        project: &feature.project,
        stale: feature.stale,
        strategies: active().map(|strategy| StrategyView::of(strategy, &feature.name)).collect(),
        variants: &in_environment.variants,
        description: feature.description.as_deref(),
        impression_data: feature.impression_data,
        dependencies: feature.dependencies.iter().map(DependencyView::of).collect(),
    };
    let segments: BTreeSet<i64> = active().flat_map(|s| s.segments.iter().copied()).collect();
    FeatureItem {
        name: feature.name.clone(),
        project: feature.project.clone(),
        tags: Some(feature.tags.clone()),
        segments: segments.into_iter().collect(),
        json: json(&view),
    }
}

fn segment(segment: &Segment) -> SegmentItem {
    let view = SegmentView { id: segment.id, name: &segment.name, constraints: spelt(&segment.constraints) };
    SegmentItem { id: segment.id, json: json(&view) }
}

/// Views have string keys and no numbers that JSON lacks, so that writing them cannot fail.
fn json(view: &impl Serialize) -> Box<str> {
    serde_json::to_string(view).unwrap_or_else(|_| "{}".to_owned()).into()
}
