//! Copies of features.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CreateFeature, FeatureSummary, create, find_live};
use crate::draft::{Draft, NewEvent};
use crate::error::Error;
use crate::permissions::{Need, Permission};

/// A copy of a feature under a new name, off everywhere, with the same strategies and variants.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneFeature {
    /// The copy's name.
    pub name: String,
    /// Whether each strategy's `groupId` becomes the new name, so that the copy draws its own lots; true if omitted.
    #[serde(default)]
    pub replace_group_id: Option<bool>,
}

/// Copies a feature within its project.
pub fn duplicate(draft: &mut Draft, project: &str, name: &str, input: CloneFeature) -> Result<FeatureSummary, Error> {
    let original = (**find_live(draft, project, name)?).clone();
    crate::segments::check_references(draft, project, original.segments())?;
    for environment in original.environments.keys() {
        draft.require(&Need::environment(project, environment, &[Permission::CreateFeatureStrategy]))?;
    }
    create(
        draft,
        project,
        CreateFeature {
            name: input.name.clone(),
            kind: Some(original.kind.clone()),
            description: original.description.clone(),
            impression_data: Some(original.impression_data),
            tags: Vec::new(),
        },
    )?;
    let mut copy = (**find_live(draft, project, &input.name)?).clone();
    for (environment, mut original) in original.environments {
        original.enabled = false;
        original.switched_on_at = None;
        for strategy in &mut original.strategies {
            strategy.id = draft.ulid();
            if input.replace_group_id.unwrap_or(true) && strategy.parameters.contains_key("groupId") {
                strategy.parameters.insert("groupId".to_owned(), input.name.clone());
            }
            let event = NewEvent::new("feature-strategy-add").feature(&copy).environment(&environment);
            draft.record(event.data(&*strategy));
        }
        copy.environments.insert(environment, original);
    }
    let summary = copy.summary();
    draft.put(copy);
    Ok(summary)
}
