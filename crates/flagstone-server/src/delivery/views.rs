//! What the SDKs of an environment see of the state.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use flagstone_model::constraints::Constraint;
use flagstone_model::features::{Dependency, Feature, Strategy, Variant};
use flagstone_model::segments::Segment;
use flagstone_model::small_map::SmallMap;
use flagstone_model::{State, strategy_definitions};
use serde::Serialize;

use super::content::{Content, FeatureItem, Project, Unused};
use super::history::Changes;

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
    parameters: Cow<'a, SmallMap<String>>,
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

/// All that `environment`'s SDKs see of a state.
pub fn everything(state: &State, environment: &str) -> Content {
    let mut used = BTreeSet::new();
    let projects = state.projects.values().map(|project| {
        let names = state.features.index().of_project(&project.id).into_iter().flat_map(|features| &features.live);
        let documents = names.filter_map(|name| state.features.get(name));
        let delivered = documents.filter(|document| document.delivered(environment).is_some()).map(|document| {
            let (item, json) = feature(document, environment);
            used.extend(item.segments.iter().copied());
            (item.name.clone(), Some((Arc::new(item), json)))
        });
        Project::of(project.id.clone(), delivered.collect())
    });
    let projects: Vec<_> = projects.collect();
    let segments = used.iter().filter_map(|id| Some((*id, Some((*id, segment(state.segments.get(id)?))))));
    Content::of(projects.into_iter(), segments.collect())
}

/// The same, where `known` is what they saw before some things were touched.
pub fn after(known: &Content, touched: &Changes<'_>, state: &State, environment: &str) -> Content {
    let mut edit = known.edit();
    let mut segments = touched.segments.clone();
    for name in touched.features.keys() {
        let now = state.features.get(*name).filter(|feature| feature.delivered(environment).is_some());
        for project in edit.projects_of(name) {
            if now.is_none_or(|now| now.project != project) {
                edit.remove_feature(&project, name);
            }
        }
        if let Some(now) = now {
            let (item, json) = feature(now, environment);
            // No other feature may have named them so far.
            segments.extend(item.segments.iter().copied());
            edit.put_feature(item, json);
        }
    }
    for id in segments {
        match state.segments.get(&id) {
            Some(document) => edit.put_segment(id, segment(document)),
            None => edit.remove_segment(id),
        }
    }
    edit.finish(Unused::Go).0
}

/// A feature that is delivered there.
fn feature(feature: &Feature, environment: &str) -> (FeatureItem, Bytes) {
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
    let item = FeatureItem {
        name: feature.name.clone(),
        project: feature.project.clone(),
        tags: Some(feature.tags.clone()),
        segments: segments.into_iter().collect(),
    };
    (item, json(&view))
}

fn segment(segment: &Segment) -> Bytes {
    json(&SegmentView { id: segment.id, name: &segment.name, constraints: spelt(&segment.constraints) })
}

/// Views have string keys and no numbers that JSON lacks, so that writing them cannot fail.
fn json(view: &impl Serialize) -> Bytes {
    serde_json::to_vec(view).unwrap_or_else(|_| b"{}".to_vec()).into()
}
