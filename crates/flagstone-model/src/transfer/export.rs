//! What leaves: features as they are in one environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Transfer, TransferDependencies, TransferEnvironment, TransferFeature, TransferField, TransferLink, TransferLinks,
    TransferSegment, TransferStrategy, TransferTag, TransferTagType,
};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::features::{self, DependencyInput, Feature, Strategy};
use crate::projects::is_hidden;
use crate::state::State;
use crate::tags::Tag;

/// Which features to export. The tag counts before the names, and the names before the project.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportQuery)]
pub struct ExportQuery {
    /// The environment whose strategies and variants are exported.
    #[schema(example = "development")]
    pub environment: String,
    /// Whether the answer is to be kept as a file.
    #[serde(default)]
    pub download_file: Option<bool>,
    /// The features' names, archived ones included; an empty list stands for all that are not archived.
    #[serde(default)]
    #[schema(example = json!(["new-checkout"]))]
    pub features: Option<Vec<String>>,
    /// What a tag says, whatever its type: the features that have it.
    #[serde(default)]
    pub tag: Option<String>,
    /// A project: all its features that are not archived.
    #[serde(default)]
    pub project: Option<String>,
}

/// What was exported, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The environment.
    pub environment: String,
    /// The features' names.
    pub features: Vec<String>,
}

/// The features that the query asks for, of those that `seen` shows, as they are in its environment.
pub fn export(seen: &State, query: &ExportQuery) -> Result<Transfer, Error> {
    let mut document = Transfer::default();
    let (mut fields, mut segments, mut tag_types) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for feature in selected(seen, query)? {
        document.features.push(itself(&feature));
        if let Some(there) = feature.environments.get(&query.environment) {
            for strategy in &there.strategies {
                fields.extend(fields_of(strategy));
                segments.extend(strategy.segments.iter().copied());
                document.feature_strategies.push(strategy_of(&feature, strategy));
            }
            fields.extend(there.variants.iter().map(|variant| variant.stickiness.clone()));
            document.feature_environments.push(TransferEnvironment {
                enabled: there.enabled,
                feature_name: Some(feature.name.clone()),
                environment: Some(query.environment.clone()),
                variants: there.variants.clone(),
                name: feature.name.clone(),
            });
        }
        for Tag { kind, value } in &feature.tags {
            tag_types.insert(kind.clone());
            let (feature_name, tag_type, tag_value) = (feature.name.clone(), Some(kind.clone()), value.clone());
            document.feature_tags.push(TransferTag { feature_name, tag_type, tag_value, created_by_user_id: None });
        }
        add_relations(&mut document, &feature);
    }
    document.context_fields = fields.iter().filter_map(|name| field(seen, name)).collect();
    let segments = segments.iter().filter_map(|id| seen.segments.get(id));
    document.segments = segments.map(|s| TransferSegment { id: s.id, name: s.name.clone() }).collect();
    document.tag_types = tag_types.iter().filter_map(|name| tag_type(seen, name)).collect();
    Ok(document)
}

/// In the order of their names.
fn selected(seen: &State, query: &ExportQuery) -> Result<Vec<Arc<Feature>>, Error> {
    let found =
        |names: BTreeSet<&String>| names.into_iter().filter_map(|name| seen.features.get(name)).cloned().collect();
    if let Some(value) = &query.tag {
        let tags = seen.tag_types.values().map(|kind| Tag { kind: kind.name.clone(), value: value.clone() });
        let users: Vec<_> = tags.filter_map(|tag| seen.features.index().of_tag(&tag)).collect();
        return Ok(found(users.into_iter().flat_map(|users| &users.features).collect()));
    }
    match (query.features.as_deref(), &query.project) {
        (Some([]) | None, Some(project)) => Ok(features::of_project(seen, project, false).cloned().collect()),
        (Some([]), None) => Ok(seen.features.values().filter(|feature| !feature.is_archived()).cloned().collect()),
        (Some(names), _) => {
            let mut faults = Faults::default();
            for (at, _) in names.iter().enumerate().filter(|(_, name)| name.is_empty()) {
                faults.add(format!("/body/features/{at}"), "A name is not empty.");
            }
            faults.check()?;
            Ok(found(names.iter().collect()))
        }
        (None, None) => {
            let mut faults = Faults::default();
            for place in ["/body/features", "/body/tag", "/body/project", "/body"] {
                faults.add(place, "Say which features to export: by their names, a tag or a project.");
            }
            faults.check().map(|()| Vec::new())
        }
    }
}

fn itself(feature: &Feature) -> TransferFeature {
    TransferFeature {
        name: feature.name.clone(),
        description: feature.description.clone(),
        kind: Some(feature.kind.clone()),
        project: Some(feature.project.clone()),
        stale: Some(feature.stale),
        impression_data: Some(feature.impression_data),
        archived: Some(feature.is_archived()),
    }
}

fn strategy_of(feature: &Feature, strategy: &Strategy) -> TransferStrategy {
    let Strategy { id, name, title, disabled, constraints, parameters, variants, sort_order, segments } = strategy;
    TransferStrategy {
        name: name.clone(),
        id: Some(id.clone()),
        feature_name: feature.name.clone(),
        title: title.clone(),
        parameters: parameters.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect(),
        constraints: constraints.clone(),
        variants: variants.clone(),
        disabled: Some(*disabled),
        segments: segments.clone(),
        sort_order: Some(*sort_order),
    }
}

/// The fields that a strategy asks a context for, by its constraints and to stick to.
fn fields_of(strategy: &Strategy) -> impl Iterator<Item = String> + '_ {
    let sticks_to = strategy.parameters.get("stickiness").into_iter();
    let sticks_to = sticks_to.chain(strategy.variants.iter().map(|variant| &variant.stickiness));
    strategy.constraints.iter().map(|constraint| &constraint.context_name).chain(sticks_to).cloned()
}

fn add_relations(document: &mut Transfer, feature: &Feature) {
    if !feature.dependencies.is_empty() {
        let dependencies = feature.dependencies.iter().map(|dependency| DependencyInput {
            feature: dependency.feature.clone(),
            enabled: Some(dependency.enabled),
            variants: Some(dependency.variants.clone()),
        });
        let dependencies = dependencies.collect();
        document.dependencies.push(TransferDependencies { feature: feature.name.clone(), dependencies });
    }
    if !feature.links.is_empty() {
        let links = feature.links.iter().map(|link| TransferLink {
            id: Some(link.id.clone()),
            url: link.url.clone(),
            title: link.title.clone(),
        });
        document.links.push(TransferLinks { feature: feature.name.clone(), links: links.collect() });
    }
}

/// A field, if there is such a one: rollouts may also stick to `default` or `random`.
fn field(seen: &State, name: &str) -> Option<TransferField> {
    let field = seen.context_fields.get(name)?;
    Some(TransferField {
        name: field.name.clone(),
        description: field.description.clone(),
        stickiness: Some(field.stickiness),
        sort_order: Some(field.sort_order),
        legal_values: field.legal_values.clone(),
    })
}

fn tag_type(seen: &State, name: &str) -> Option<TransferTagType> {
    let kind = seen.tag_types.get(name)?;
    Some(TransferTagType {
        name: kind.name.clone(),
        description: kind.description.clone(),
        icon: kind.icon.clone(),
        color: kind.color.clone(),
    })
}

/// Puts into the audit log who has taken what along: an event for each project, which those are shown who may see it.
pub fn record_export(draft: &mut Draft, exported: &Exported) {
    let mut projects = BTreeMap::<String, BTreeSet<&String>>::new();
    for name in &exported.features {
        if let Some(feature) = draft.features.get(name) {
            projects.entry(feature.project.clone()).or_default().insert(name);
        }
    }
    projects.retain(|project, _| !is_hidden(draft, project));
    for (project, names) in projects {
        let event = NewEvent::new("features-exported").project(&project);
        // Nothing is said of one that there is not: it may be any text.
        let is_there = draft.environments.contains(exported.environment.as_str());
        let event = if is_there { event.environment(&exported.environment) } else { event };
        draft.announce(event.data(json!({ "features": names })));
    }
}
