//! One feature that arrives, and what becomes of one that is there.

use std::collections::{BTreeMap, BTreeSet};

use super::import::as_new;
use super::review::segment_called;
use super::{Transfer, TransferEnvironment, TransferFeature, TransferLink, TransferStrategy, TransferTag};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features::{self, CreateFeature, Feature, FeatureEnvironment, Strategy, UpdateFeature};
use crate::limits::Limits;
use crate::state::State;
use crate::tags::{self, SIMPLE, TagInput};

/// What the data says of one feature, each piece with its place in its list.
#[derive(Default)]
pub(super) struct Parts<'i> {
    pub feature: Option<(usize, &'i TransferFeature)>,
    pub strategies: Vec<(usize, &'i TransferStrategy)>,
    pub environment: Option<(usize, &'i TransferEnvironment)>,
    pub tags: Vec<(usize, &'i TransferTag)>,
    pub links: Option<(usize, &'i Vec<TransferLink>)>,
}

/// The segments of this installation, by what the data calls them.
pub(super) struct Segments(BTreeMap<i64, i64>);

impl Segments {
    pub fn of(state: &State, project: &str, data: &Transfer) -> Self {
        let known = data.segments.iter();
        Self(known.filter_map(|s| Some((s.id, segment_called(state, project, &s.name)?))).collect())
    }

    fn of_strategy(&self, faults: &mut Faults, place: &str, strategy: &TransferStrategy) -> Vec<i64> {
        let mut own = Vec::new();
        for (at, id) in strategy.segments.iter().enumerate() {
            match self.0.get(id) {
                Some(id) => own.push(*id),
                None => faults.add(format!("{place}/segments/{at}"), format!("The data has no segment {id}.")),
            }
        }
        own
    }
}

/// Makes the feature what the data says. Faults of the data are collected; an error ends the import.
pub(super) fn arrive(
    draft: &mut Draft,
    (project, environment): (&str, &str),
    name: &str,
    parts: &Parts<'_>,
    segments: &Segments,
    faults: &mut Faults,
) -> Result<(), Error> {
    let Some(mut feature) = itself(draft, project, name, parts, faults)? else { return Ok(()) };
    let mut there = feature.environments.get(environment).cloned().unwrap_or_default();
    replace_variants(draft, &feature, (environment, &mut there), parts, faults);
    replace_tags(draft, &mut feature, parts, faults)?;
    replace_links(draft, &mut feature, parts, faults)?;
    replace_strategies(draft, &feature, (environment, &mut there), parts, segments, faults)?;
    feature.environments.insert(environment.to_owned(), there);
    draft.put(feature);
    Ok(())
}

/// The feature with its own properties; nothing if the data is wrong.
fn itself(
    draft: &mut Draft,
    project: &str,
    name: &str,
    parts: &Parts<'_>,
    faults: &mut Faults,
) -> Result<Option<Feature>, Error> {
    let Some((at, data)) = parts.feature else {
        return features::find_live(draft, project, name).map(|feature| Some((**feature).clone()));
    };
    let place = format!("/body/data/features/{at}");
    let Ok(before) = features::find(draft, project, name).cloned() else {
        let new = CreateFeature {
            name: data.name.clone(),
            kind: data.kind.clone(),
            description: data.description.clone(),
            impression_data: data.impression_data,
            tags: Vec::new(),
        };
        let Some(mut feature) = faults.absorb(&place, features::prepare(draft, project, new))? else { return Ok(None) };
        feature.stale = data.stale.unwrap_or(false);
        features::insert(draft, feature.clone());
        return Ok(Some(feature));
    };
    // What the data does not describe has no description.
    let mut feature = Feature { description: None, ..(*before).clone() };
    let change = UpdateFeature {
        description: data.description.clone(),
        kind: data.kind.clone(),
        stale: Some(data.stale.unwrap_or(false)),
        impression_data: data.impression_data,
        archived: None,
    };
    if faults.absorb(&place, features::change(&mut feature, change))?.is_none() {
        return Ok(None);
    }
    features::record_update(draft, &before.summary(), &mut feature);
    Ok(Some(feature))
}

fn replace_variants(
    draft: &mut Draft,
    feature: &Feature,
    (environment, there): (&str, &mut FeatureEnvironment),
    parts: &Parts<'_>,
    faults: &mut Faults,
) {
    let Some((at, data)) = parts.environment else { return };
    let mut variants = data.variants.clone();
    let place = format!("/body/data/featureEnvironments/{at}/variants");
    features::check_variants(faults, &place, &mut variants, draft.limits());
    if variants != there.variants {
        let event = NewEvent::new("feature-environment-variants-updated").feature(feature).environment(environment);
        let described = |variants: &[features::Variant]| serde_json::json!({ "variants": variants });
        draft.record(event.data(described(&variants)).pre_data(described(&there.variants)));
        there.variants = variants;
    }
}

/// A feature that stands in the data has its tags there; one that does not gets more.
fn replace_tags(draft: &mut Draft, feature: &mut Feature, parts: &Parts<'_>, faults: &mut Faults) -> Result<(), Error> {
    let inputs = parts.tags.iter().map(|(_, tag)| TagInput {
        kind: tag.tag_type.clone().unwrap_or_else(|| SIMPLE.to_owned()),
        value: tag.tag_value.clone(),
        color: None,
    });
    let inputs: Vec<_> = inputs.collect();
    let place = parts.tags.first().map_or(String::new(), |(at, _)| format!("/body/data/featureTags/{at}"));
    let mut found = Faults::default();
    let added = tags::checked_all(&mut found, draft, &place, &inputs);
    // The list of one feature's tags is not the list in the data: each fault is to stand at the tag's own place.
    let own_place = |path: &str| {
        let mut rest = path.strip_prefix(place.as_str())?.trim_start_matches('/').splitn(2, '/');
        let (at, field) = (rest.next()?.parse::<usize>().ok()?, rest.next()?);
        let (at, _) = parts.tags.get(at)?;
        let field = if field == "type" { "tagType" } else { "tagValue" };
        Some(format!("/body/data/featureTags/{at}/{field}"))
    };
    if let Err(Error::BadData(list)) = found.check() {
        for fault in list {
            let path = own_place(&fault.path).unwrap_or(fault.path);
            faults.add(path, fault.message);
        }
        return Ok(());
    }
    let gone: BTreeSet<_> = match parts.feature {
        Some(_) => feature.tags.difference(&added).cloned().collect(),
        None => BTreeSet::new(),
    };
    tags::change(draft, feature, &added, &gone)
}

/// Links that are there already stay with their ids.
fn replace_links(
    draft: &mut Draft,
    feature: &mut Feature,
    parts: &Parts<'_>,
    faults: &mut Faults,
) -> Result<(), Error> {
    let Some((at, links)) = parts.links else { return Ok(()) };
    let mut new = Vec::new();
    for (n, link) in links.iter().enumerate() {
        new.extend(faults.absorb(&format!("/body/data/links/{at}/links/{n}"), features::checked_link(link.as_new()))?);
    }
    features::replace_links(draft, feature, new)
}

/// A feature that stands in the data has its strategies there; one that does not gets more. Those that are there already
/// stay with their ids.
fn replace_strategies(
    draft: &mut Draft,
    feature: &Feature,
    (environment, there): (&str, &mut FeatureEnvironment),
    parts: &Parts<'_>,
    segments: &Segments,
    faults: &mut Faults,
) -> Result<(), Error> {
    let mut before = std::mem::take(&mut there.strategies);
    let mut kept = if parts.feature.is_some() { Vec::new() } else { std::mem::take(&mut before) };
    let last =
        |strategies: &[Strategy]| strategies.iter().map(|s| s.sort_order).max().map_or(0, |n| n.saturating_add(1));
    let mut new = Vec::new();
    for (at, strategy) in &parts.strategies {
        let place = format!("/body/data/featureStrategies/{at}");
        let mut input = as_new(strategy, segments.of_strategy(faults, &place, strategy));
        let checked = features::check_strategy(draft, &feature.project, &mut input);
        if faults.absorb(&place, checked)?.is_some() {
            let sort_order = last(&kept).max(last(&new));
            new.push(features::strategy_from(draft, feature, input, sort_order));
        }
    }
    let is_wanted = parts.environment.map_or(there.enabled, |(_, data)| data.enabled);
    let is_active = |strategies: &[Strategy]| strategies.iter().any(|strategy| !strategy.disabled);
    // What is said to be on is on for somebody, as when it is switched on.
    if parts.environment.is_some() && is_wanted && !is_active(&kept) && !is_active(&new) {
        let input = features::default_strategy(draft, feature, environment);
        crate::segments::check_references(draft, &feature.project, &input.segments)?;
        let sort_order = last(&kept).max(last(&new));
        new.push(features::strategy_from(draft, feature, input, sort_order));
    }
    for strategy in new {
        let same = |old: &Strategy| Strategy { id: strategy.id.clone(), ..old.clone() } == strategy;
        if let Some(position) = before.iter().position(same) {
            kept.push(before.remove(position));
            continue;
        }
        let event = NewEvent::new("feature-strategy-add").feature(feature).environment(environment);
        draft.record(event.data(&strategy));
        kept.push(strategy);
    }
    for gone in &before {
        let event = NewEvent::new("feature-strategy-remove").feature(feature).environment(environment);
        draft.record(event.pre_data(gone));
    }
    kept.sort_by_key(|strategy| strategy.sort_order);
    let most = draft.limits().feature_environment_strategies;
    if !kept.is_empty() {
        Limits::room("strategies of a feature in one environment", kept.len() - 1, most)?;
    }
    let is_wanted = is_wanted && is_active(&kept);
    there.strategies = kept;
    switch(draft, feature, (environment, there), is_wanted);
    Ok(())
}

fn switch(
    draft: &mut Draft,
    feature: &Feature,
    (environment, there): (&str, &mut FeatureEnvironment),
    is_wanted: bool,
) {
    if there.enabled == is_wanted {
        return;
    }
    let kind = if is_wanted { "feature-environment-enabled" } else { "feature-environment-disabled" };
    draft.record(NewEvent::new(kind).feature(feature).environment(environment));
    there.enabled = is_wanted;
    if is_wanted {
        there.switched_on_at.get_or_insert(draft.now());
    }
}
