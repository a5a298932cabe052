//! The archive: features that are put away keep their names until they are deleted for good.

use std::sync::Arc;

use super::{Feature, children, distinct, find, find_live, room_in_project};
use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::favorites;
use crate::feature_types;
use crate::limits::Limits;
use crate::projects;
use crate::segments::check_references;
use crate::state::State;

/// Archives a feature. One that others depend on stays.
pub fn archive(draft: &mut Draft, project: &str, name: &str) -> Result<(), Error> {
    let mut feature = (**find_live(draft, project, name)?).clone();
    let children: Vec<_> = children(draft, name).into_iter().map(|f| f.name.clone()).collect();
    if !children.is_empty() {
        return Err(Error::InvalidOperation(format!(
            "The feature \"{name}\" cannot be archived: these depend on it: {}.",
            children.join(", ")
        )));
    }
    feature.archived_at = Some(draft.now());
    feature.dependencies.clear();
    draft.record(NewEvent::new("feature-archived").feature(&feature));
    draft.put(feature);
    Ok(())
}

/// Brings a feature back from the archive, off in every environment, if there is room for it and its strategies still
/// name what its project can use.
pub fn revive(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let mut feature = (**draft.features.get(name).ok_or_else(|| Error::not_found("feature", name))?).clone();
    if !feature.is_archived() {
        return Err(Error::not_found("archived feature", name));
    }
    let environments: Vec<String> =
        projects::find_live(draft, &feature.project)?.environments.keys().cloned().collect();
    Limits::room("features", draft.features.index().live(), draft.limits().features)?;
    room_in_project(draft, &feature.project)?;
    feature.archived_at = None;
    feature.live_again(draft.now());
    feature.potentially_stale &= feature_types::is_outlived(draft, &feature, draft.now());
    feature.environments.retain(|name, _| environments.contains(name));
    check_references(draft, &feature.project, feature.segments())?;
    for name in environments {
        feature.environments.get_or_insert_with(&name, Default::default).enabled = false;
    }
    draft.record(NewEvent::new("feature-revived").feature(&feature));
    draft.put(feature);
    Ok(())
}

/// Deletes an archived feature for good; its name becomes free.
pub fn delete(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let feature = Arc::clone(draft.features.get(name).ok_or_else(|| Error::not_found("feature", name))?);
    if !feature.is_archived() {
        return Err(Error::Conflict(format!(
            "The feature \"{name}\" is not archived: archive it before you delete it."
        )));
    }
    draft.record(NewEvent::new("feature-deleted").feature(&feature).pre_data(feature.summary()));
    favorites::forget_feature(draft, name);
    draft.delete::<Feature>(&feature.name);
    Ok(())
}

/// Archives several features; children and their parents may be archived together.
pub fn archive_many(draft: &mut Draft, project: &str, names: &[String]) -> Result<(), Error> {
    projects::find_live(draft, project)?;
    let mut names = distinct(names, draft.limits())?;
    // Children before parents: a child that goes as well does not hold its parent back.
    names.sort_by_key(|name| draft.features.get(name).is_none_or(|f| f.dependencies.is_empty()));
    names.iter().try_for_each(|name| archive(draft, project, name))
}

/// Which of these features could not be archived because others, outside the list, depend on them.
pub fn validate_archive(state: &State, project: &str, names: &[String], limits: &Limits) -> Result<Vec<String>, Error> {
    projects::find_live(state, project)?;
    let names = distinct(names, limits)?;
    names.iter().try_for_each(|name| find(state, project, name).map(drop))?;
    Ok(names
        .iter()
        .filter(|name| children(state, name).iter().any(|child| !names.contains(&child.name)))
        .cloned()
        .collect())
}

/// Deletes several archived features of one project.
pub fn delete_many(draft: &mut Draft, project: &str, names: &[String]) -> Result<(), Error> {
    for name in distinct(names, draft.limits())? {
        find(draft, project, &name)?;
        delete(draft, &name)?;
    }
    Ok(())
}

/// Brings several features of one project back from the archive.
pub fn revive_many(draft: &mut Draft, project: &str, names: &[String]) -> Result<(), Error> {
    for name in distinct(names, draft.limits())? {
        find(draft, project, &name)?;
        revive(draft, &name)?;
    }
    Ok(())
}
