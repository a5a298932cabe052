//! What an import would change, feature by feature.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ExportQuery, ImportInput, Transfer, export};
use crate::commit::Commit;
use crate::error::Error;
use crate::features::Feature;
use crate::state::{Document, State};

/// What an import would change.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ImportPreview)]
pub struct Preview {
    /// The features that would be new or change, by their names. Those that would stay as they are are left out.
    pub changes: Vec<FeatureChange>,
}

/// What an import would make of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ImportChange)]
pub struct FeatureChange {
    /// Its name.
    #[schema(example = "new-checkout")]
    pub feature: String,
    /// The feature as an export of the project's environment spells it now; null if it would be new.
    pub before: Option<Transfer>,
    /// The same after the import. Strategies and links that would be new have no id yet.
    pub after: Transfer,
}

/// What `commit`, which an import became, changes between two states as whoever imports sees them.
pub fn preview(before: &State, after: &State, input: &ImportInput, commit: &Commit) -> Result<Preview, Error> {
    let features = commit.body.changes.iter().filter(|change| change.kind == Feature::KIND);
    let names: BTreeSet<&str> = features.map(|change| change.id.as_str()).collect();
    let mut changes = Vec::new();
    for name in names {
        if after.features.get(name).is_none_or(|feature| feature.project != input.project) {
            continue;
        }
        let old = if before.features.contains(name) { Some(spelled(before, input, name)?) } else { None };
        let mut new = spelled(after, input, name)?;
        forget_new_ids(old.as_ref(), &mut new);
        if old.as_ref() != Some(&new) {
            changes.push(FeatureChange { feature: name.to_owned(), before: old, after: new });
        }
    }
    Ok(Preview { changes })
}

fn spelled(seen: &State, input: &ImportInput, name: &str) -> Result<Transfer, Error> {
    let query = ExportQuery {
        environment: input.environment.clone(),
        download_file: None,
        features: Some(vec![name.to_owned()]),
        tag: None,
        project: None,
    };
    export(seen, &query)
}

/// The import itself draws others.
fn forget_new_ids(before: Option<&Transfer>, after: &mut Transfer) {
    let strategies = before.iter().flat_map(|b| &b.feature_strategies).map(|strategy| &strategy.id);
    let links = before.iter().flat_map(|b| &b.links).flat_map(|list| &list.links).map(|link| &link.id);
    let known: BTreeSet<_> = strategies.chain(links).flatten().cloned().collect();
    let new_strategies = after.feature_strategies.iter_mut().map(|strategy| &mut strategy.id);
    let new_links = after.links.iter_mut().flat_map(|list| &mut list.links).map(|link| &mut link.id);
    for id in new_strategies.chain(new_links) {
        id.take_if(|id| !known.contains(id));
    }
}
