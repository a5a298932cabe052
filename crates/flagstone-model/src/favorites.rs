//! Favorites: the features and projects that a user wants at hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::features::{self, Feature};
use crate::limits::Limits;
use crate::projects;
use crate::state::State;
use crate::users::asking_user;

/// The most features, and the most projects, that one user has among their favorites.
pub const FAVORITES_MAX: usize = 1_000;

/// The favorites of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Favorites {
    /// Whose they are.
    pub user_id: i64,
    /// Features by name.
    #[serde(default)]
    pub features: BTreeSet<String>,
    /// Projects by id.
    #[serde(default)]
    pub projects: BTreeSet<String>,
}

/// The favorites of a user, who may have none.
pub fn of(state: &State, user_id: i64) -> Option<&Arc<Favorites>> {
    state.favorites.get(&user_id)
}

/// Whether a feature is among a user's favorites.
pub fn has_feature(state: &State, user_id: i64, feature: &str) -> bool {
    of(state, user_id).is_some_and(|favorites| favorites.features.contains(feature))
}

/// Whether a project is among a user's favorites.
pub fn has_project(state: &State, user_id: i64, project: &str) -> bool {
    of(state, user_id).is_some_and(|favorites| favorites.projects.contains(project))
}

/// Changes the favorites of a user, who always has some list to change.
fn change(draft: &mut Draft, user_id: i64, change: impl FnOnce(&mut Favorites) -> bool) -> bool {
    let mut favorites =
        of(draft, user_id).map_or_else(|| Favorites { user_id, ..Favorites::default() }, |f| (**f).clone());
    let changed = change(&mut favorites);
    if favorites.features.is_empty() && favorites.projects.is_empty() {
        draft.delete::<Favorites>(&user_id);
    } else {
        draft.put(favorites);
    }
    changed
}

/// Takes a feature among the favorites of the user who asks; an archived one as well.
pub fn add_feature(draft: &mut Draft, project: &str, name: &str) -> Result<(), Error> {
    let feature = seen_feature(draft, project, name)?;
    let user = asking_user(draft)?;
    if !has_feature(draft, user, name) {
        Limits::room("favorites", of(draft, user).map_or(0, |f| f.features.len()), FAVORITES_MAX)?;
        change(draft, user, |favorites| favorites.features.insert(name.to_owned()));
        draft.record(feature_event("feature-favorited", &feature));
    }
    Ok(())
}

/// Takes a feature out of the favorites of the user who asks, if it is there.
pub fn remove_feature(draft: &mut Draft, project: &str, name: &str) -> Result<(), Error> {
    let feature = seen_feature(draft, project, name)?;
    let user = asking_user(draft)?;
    if change(draft, user, |favorites| favorites.features.remove(name)) {
        draft.record(feature_event("feature-unfavorited", &feature));
    }
    Ok(())
}

/// Takes a project among the favorites of the user who asks.
pub fn add_project(draft: &mut Draft, id: &str) -> Result<(), Error> {
    projects::find_seen(draft, id)?;
    let user = asking_user(draft)?;
    if !has_project(draft, user, id) {
        Limits::room("favorites", of(draft, user).map_or(0, |f| f.projects.len()), FAVORITES_MAX)?;
        change(draft, user, |favorites| favorites.projects.insert(id.to_owned()));
        draft.record(project_event("project-favorited", id));
    }
    Ok(())
}

/// Takes a project out of the favorites of the user who asks, if it is there.
pub fn remove_project(draft: &mut Draft, id: &str) -> Result<(), Error> {
    projects::find_seen(draft, id)?;
    let user = asking_user(draft)?;
    if change(draft, user, |favorites| favorites.projects.remove(id)) {
        draft.record(project_event("project-unfavorited", id));
    }
    Ok(())
}

/// A feature that is deleted is nobody's favorite. No event each: the one that deletes it says so.
pub(crate) fn forget_feature(draft: &mut Draft, name: &str) {
    for user in draft.favorites.index().of_feature(name) {
        change(draft, user, |favorites| favorites.features.remove(name));
    }
}

/// A project that is deleted is nobody's favorite.
pub(crate) fn forget_project(draft: &mut Draft, id: &str) {
    for user in draft.favorites.index().of_project(id) {
        change(draft, user, |favorites| favorites.projects.remove(id));
    }
}

fn seen_feature(draft: &Draft, project: &str, name: &str) -> Result<Arc<Feature>, Error> {
    projects::find_seen(draft, project).map_err(|_| Error::not_found("feature", name))?;
    features::find(draft, project, name).cloned()
}

fn feature_event(kind: &'static str, feature: &Feature) -> NewEvent {
    NewEvent::new(kind).feature(feature).data(serde_json::json!({ "feature": feature.name }))
}

fn project_event(kind: &'static str, id: &str) -> NewEvent {
    NewEvent::new(kind).project(id).data(serde_json::json!({ "project": id }))
}
