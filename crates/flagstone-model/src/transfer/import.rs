//! What arrives: features that become in one environment what the data says.

use std::collections::{BTreeMap, BTreeSet};

use super::arrival::{Parts, arrive};
use super::review::{Finding, Validation, left_out, missing, review};
use super::{ImportInput, Transfer, TransferStrategy};
use crate::context_fields::{self, ContextFieldInput, CreateContextField};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Fault, Faults};
use crate::features::{self, StrategyInput};
use crate::projects;
use crate::state::State;
use crate::tags::{self, SIMPLE};

/// Imports features into a project: they become what the data says, in one environment. What it does not speak of stays,
/// and data that brings nothing new changes nothing.
pub fn import(draft: &mut Draft, input: &ImportInput) -> Result<(), Error> {
    let missing = missing(draft, draft.principal(), draft.now(), input);
    if !missing.is_empty() {
        return Err(Error::NoAccess(missing));
    }
    projects::find_seen(draft, &input.project)?;
    review(&seen(draft), input).refuse()?;
    apply(draft, input)
}

/// What would become of an import into a draft of what the caller may see. The draft is spoilt by it.
pub fn validate(draft: &mut Draft, input: &ImportInput) -> Validation {
    let review = review(draft, input);
    let missing = missing(draft, draft.principal(), draft.now(), input);
    let missing: Vec<String> = missing.iter().map(|permission| permission.name().to_owned()).collect();
    let mut errors: Vec<Finding> = review.errors().collect();
    // Where nothing is in the way, the import itself tells what is wrong with the data.
    if errors.is_empty() {
        errors.extend(apply(draft, input).err().map(|error| match error {
            Error::BadData(faults) => {
                let item = |Fault { path, message }: Fault| format!("{path}: {message}");
                Finding::new("The data holds what cannot be imported:", faults.into_iter().map(item).collect())
            }
            other => Finding::new("The data cannot be imported:", vec![other.to_string()]),
        }));
    }
    let permissions = Finding::new("These permissions are missing:", missing);
    let permissions = (!permissions.affected_items.is_empty()).then_some(permissions).into_iter().collect();
    Validation { errors, warnings: review.warnings, permissions }
}

/// What whoever imports may see.
fn seen(draft: &Draft) -> State {
    let hidden = draft.hidden_from(draft.principal(), draft.now());
    let state: &State = draft;
    if hidden.is_empty() { state.clone() } else { state.without(&hidden) }
}

/// Does it, whoever asks: all or nothing.
fn apply(draft: &mut Draft, input: &ImportInput) -> Result<(), Error> {
    let ImportInput { project, environment, data } = input;
    if !projects::find_live(draft, project)?.environments.contains_key(environment) {
        let message = format!("The project has no environment \"{environment}\".");
        return Err(Error::bad_data("/body/environment", message));
    }
    let mut faults = Faults::default();
    let left_out = left_out(draft, input).into_iter().map(str::to_owned).collect();
    add_fields(draft, data, &mut faults)?;
    add_tag_types(draft, data, &left_out, &mut faults)?;
    let segments = super::arrival::Segments::of(draft, project, data);
    for (name, parts) in parts(data, &left_out) {
        arrive(draft, (project, environment), &name, &parts, &segments, &mut faults)?;
    }
    add_dependencies(draft, input, &left_out, &mut faults)?;
    faults.check()?;
    if draft.has_changes() {
        draft.record(NewEvent::new("features-imported").project(project).environment(environment));
    }
    Ok(())
}

/// Those that are there stay as they are.
fn add_fields(draft: &mut Draft, data: &Transfer, faults: &mut Faults) -> Result<(), Error> {
    for (at, field) in data.context_fields.iter().enumerate() {
        if draft.context_fields.contains(field.name.as_str()) {
            continue;
        }
        let settings = ContextFieldInput {
            description: field.description.clone(),
            stickiness: field.stickiness,
            sort_order: field.sort_order,
            legal_values: Some(field.legal_values.clone()),
        };
        let new = CreateContextField { name: field.name.clone(), project: None, settings };
        faults.absorb(&format!("/body/data/contextFields/{at}"), context_fields::create(draft, new))?;
    }
    Ok(())
}

/// Those that tags of the data are of; those that are there stay as they are.
fn add_tag_types(
    draft: &mut Draft,
    data: &Transfer,
    left_out: &BTreeSet<String>,
    faults: &mut Faults,
) -> Result<(), Error> {
    let tags = data.feature_tags.iter().filter(|tag| !left_out.contains(&tag.feature_name));
    let used: BTreeSet<&str> = tags.map(|tag| tag.tag_type.as_deref().unwrap_or(SIMPLE)).collect();
    for (at, kind) in data.tag_types.iter().enumerate() {
        if used.contains(kind.name.as_str()) && !draft.tag_types.contains(kind.name.as_str()) {
            faults.absorb(&format!("/body/data/tagTypes/{at}"), tags::create_type(draft, kind.as_new()))?;
        }
    }
    Ok(())
}

/// What the data says of each feature, by the features' names.
fn parts<'i>(data: &'i Transfer, left_out: &BTreeSet<String>) -> BTreeMap<String, Parts<'i>> {
    let mut parts = BTreeMap::<String, Parts<'i>>::new();
    for (at, feature) in data.features.iter().enumerate() {
        parts.entry(feature.name.clone()).or_default().feature = Some((at, feature));
    }
    for (at, strategy) in data.feature_strategies.iter().enumerate() {
        parts.entry(strategy.feature_name.clone()).or_default().strategies.push((at, strategy));
    }
    for (at, there) in data.feature_environments.iter().enumerate() {
        parts.entry(there.feature().to_owned()).or_default().environment = Some((at, there));
    }
    for (at, tag) in data.feature_tags.iter().enumerate() {
        parts.entry(tag.feature_name.clone()).or_default().tags.push((at, tag));
    }
    for (at, links) in data.links.iter().enumerate() {
        parts.entry(links.feature.clone()).or_default().links = Some((at, &links.links));
    }
    parts.retain(|name, _| !left_out.contains(name));
    parts
}

/// Once all features are there that others may depend on.
fn add_dependencies(
    draft: &mut Draft,
    input: &ImportInput,
    left_out: &BTreeSet<String>,
    faults: &mut Faults,
) -> Result<(), Error> {
    for (at, child) in input.data.dependencies.iter().enumerate() {
        let place = format!("/body/data/dependencies/{at}/dependencies");
        if left_out.contains(&child.feature) {
            continue;
        }
        if child.dependencies.len() > 1 {
            faults.add(&place, "A feature depends on one other feature at most.");
        }
        // One that could not be made has its fault already.
        if features::find_live(draft, &input.project, &child.feature).is_err() && !faults.is_empty() {
            continue;
        }
        for parent in child.dependencies.iter().take(1) {
            let made = features::add_dependency(draft, &input.project, &child.feature, parent.clone());
            faults.absorb(&format!("{place}/0"), made)?;
        }
    }
    Ok(())
}

/// A strategy as if it was added by itself, with the segments of this installation.
pub(super) fn as_new(strategy: &TransferStrategy, segments: Vec<i64>) -> StrategyInput {
    StrategyInput {
        name: strategy.name.clone(),
        title: strategy.title.clone(),
        disabled: strategy.disabled,
        sort_order: strategy.sort_order,
        constraints: strategy.constraints.clone(),
        parameters: strategy.parameters.clone(),
        variants: strategy.variants.clone(),
        segments,
    }
}
