//! Dependencies: a child feature is only evaluated where its parents have the state it asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Feature, find_live};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::check_free_name;
use crate::state::State;

/// What a child asks of one parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The parent's name.
    pub feature: String,
    /// Whether the parent must be on (true) or off.
    pub enabled: bool,
    /// The parent must resolve to one of these variants; any will do if there is none.
    #[serde(default)]
    pub variants: Vec<String>,
}

/// A new dependency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DependencyInput {
    /// The parent's name.
    #[schema(example = "checkout")]
    pub feature: String,
    /// Whether the parent must be on; true if omitted.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The parent must resolve to one of these variants.
    #[serde(default)]
    pub variants: Option<Vec<String>>,
}

/// The live features that depend on `parent`.
pub fn children<'s>(state: &'s State, parent: &str) -> Vec<&'s Arc<Feature>> {
    let children = state.features.index().children(parent).filter_map(|name| state.features.get(name));
    children.filter(|feature| !feature.is_archived()).collect()
}

/// Makes `child` depend on a parent of the same project, in place of the one before.
pub fn add_dependency(
    draft: &mut Draft,
    project: &str,
    child: &str,
    input: DependencyInput,
) -> Result<Dependency, Error> {
    let before = Arc::clone(find_live(draft, project, child)?);
    check_variants(&input, draft.limits())?;
    check_parent(draft, &before, &input)?;
    let enabled = input.enabled.unwrap_or(true);
    let dependency = Dependency {
        feature: input.feature,
        enabled,
        variants: if enabled { input.variants.unwrap_or_default() } else { Vec::new() },
    };
    let mut feature = (*before).clone();
    feature.dependencies = vec![dependency.clone()];
    if feature.dependencies == before.dependencies {
        return Ok(dependency);
    }
    let event = NewEvent::new("feature-dependency-added").feature(&feature).data(&dependency);
    draft.record(event);
    draft.put(feature);
    Ok(dependency)
}

fn check_variants(input: &DependencyInput, limits: &Limits) -> Result<(), Error> {
    let mut faults = Faults::default();
    let variants = input.variants.as_deref().unwrap_or_default();
    if variants.len() > limits.variants {
        let (count, most) = (variants.len(), limits.variants);
        faults.add("/body/variants", format!("There are {count} variants; at most {most} are allowed."));
    }
    for (i, name) in variants.iter().take(limits.variants).enumerate() {
        check_free_name(&mut faults, &format!("/body/variants/{i}"), name);
    }
    faults.check()
}

fn check_parent(state: &State, child: &Feature, input: &DependencyInput) -> Result<(), Error> {
    let bad = |message: String| Err(Error::InvalidOperation(message));
    let parent = match state.features.get(&input.feature) {
        Some(parent) if parent.project == child.project => parent,
        _ => return bad(format!("The project has no feature \"{}\" to depend on.", input.feature)),
    };
    if parent.name == child.name {
        return bad("A feature cannot depend on itself.".to_owned());
    }
    if parent.is_archived() {
        return bad(format!("The feature \"{}\" is archived.", parent.name));
    }
    if !parent.dependencies.is_empty() {
        return bad(format!("The feature \"{}\" has a parent itself; dependencies are one level deep.", parent.name));
    }
    if !children(state, &child.name).is_empty() {
        return bad(format!("Others depend on \"{}\"; dependencies are one level deep.", child.name));
    }
    Ok(())
}

/// The names of all variants that a feature can resolve to, in any environment.
pub fn variant_names(feature: &Feature) -> BTreeSet<String> {
    feature
        .environments
        .values()
        .flat_map(|e| e.variants.iter().chain(e.strategies.iter().flat_map(|s| &s.variants)))
        .map(|variant| variant.name.clone())
        .collect()
}

/// Ends the dependency of `child` on `parent`.
pub fn remove_dependency(draft: &mut Draft, project: &str, child: &str, parent: &str) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, child)?).clone();
    let position = feature.dependencies.iter().position(|d| d.feature == parent);
    let removed = feature.dependencies.remove(position.ok_or_else(|| Error::not_found("dependency", parent))?);
    draft.record(NewEvent::new("feature-dependency-removed").feature(&feature).pre_data(removed));
    draft.put(feature);
    Ok(())
}

/// Ends all dependencies of `child`.
pub fn remove_dependencies(draft: &mut Draft, project: &str, child: &str) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, child)?).clone();
    let before = std::mem::take(&mut feature.dependencies);
    if !before.is_empty() {
        draft.record(NewEvent::new("feature-dependencies-removed").feature(&feature).pre_data(before));
        draft.put(feature);
    }
    Ok(())
}
