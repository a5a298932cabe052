//! Who has created features.

use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::state::State;

/// Who created something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// As in [`crate::commit::Actor::id`].
    pub id: i64,
    /// As in [`crate::commit::Actor::name`].
    pub name: String,
}

/// Who has created features, in all projects or in one, archived ones included.
pub fn creators(state: &State, project: Option<&str>) -> Vec<Creator> {
    let all = state.features.index().creators();
    let there = all.filter(|(_, made)| project.is_none_or(|project| made.projects.contains_key(project)));
    there
        .map(|(&id, made)| {
            let user = state.users.get(&id);
            let name = user.map(|user| user.name.clone().unwrap_or_else(|| user.label()));
            let first = || Some(state.features.get(made.features.get_min()?)?.created_by.name.clone());
            Creator { id, name: name.or_else(first).unwrap_or_default() }
        })
        .collect()
}

pub(crate) fn creator(draft: &Draft) -> Creator {
    Creator { id: draft.actor().id, name: draft.actor().name.clone() }
}
