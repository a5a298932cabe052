//! What somebody may see: a private project, with everything in it, is there for its members alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api_tokens::ApiToken;
use crate::commit::Commit;
use crate::context_fields::ContextField;
use crate::features::Feature;
use crate::index::ProjectFeatures;
use crate::integrations::Integration;
use crate::permissions::{Need, Permission, Principal, allowed};
use crate::projects::Project;
use crate::segments::Segment;
use crate::state::{Document, State, Table};
use crate::time::Timestamp;

impl State {
    /// The projects that are hidden from somebody at `now`.
    pub fn hidden_from(&self, principal: &Principal, now: Timestamp) -> BTreeSet<String> {
        let mut private = self.projects.index().private().peekable();
        if private.peek().is_none() || allowed(self, principal, &Need::root(&[Permission::Admin]), now).is_ok() {
            return BTreeSet::new();
        }
        let user = match principal {
            Principal::User { id, .. } => Some(*id),
            _ => None,
        };
        let memberships = user.into_iter().flat_map(|id| self.projects.index().memberships(id));
        let own: BTreeSet<&str> = memberships.map(|(project, _)| project).collect();
        private.filter(|id| !own.contains(id)).map(str::to_owned).collect()
    }

    /// The state in which these projects are not there, nor anything of them: what it lists, counts and names is what
    /// may be seen.
    #[must_use]
    pub fn without(&self, hidden: &BTreeSet<String>) -> Self {
        let mut seen = self.clone();
        // What is seen is put into an empty table, or what is hidden taken out of the full one: whichever is less.
        let index = self.features.index();
        let hidden_features = hidden.iter().filter_map(|id| index.of_project(id));
        let hidden_features: Vec<&String> = hidden_features.flat_map(ProjectFeatures::all).collect();
        if hidden_features.len() > self.features.len() / 2 {
            seen.features = Table::default();
            for feature in self.features.values().filter(|feature| !hidden.contains(&feature.project)) {
                seen.set(feature.name.clone(), Some(Arc::clone(feature)));
            }
        } else {
            for name in hidden_features {
                seen.set::<Feature>(name.clone(), None);
            }
        }
        for id in hidden {
            seen.set::<Project>(id.clone(), None);
        }
        for segment in self.segments.values() {
            seen.set(segment.id, seen_segment(segment, hidden));
        }
        for field in self.context_fields.values() {
            seen.set(field.name.clone(), seen_field(field, hidden));
        }
        for token in self.api_tokens.values() {
            seen.set(token.selector.clone(), seen_token(token, hidden));
        }
        for integration in self.integrations.values() {
            seen.set(integration.id, integration.without(hidden).map(Arc::new));
        }
        seen
    }

    /// The same as [`Self::without`], made from what was seen before `commits`, which have led to this state.
    #[must_use]
    pub fn without_as_before(&self, hidden: &BTreeSet<String>, before: &Self, commits: &[Commit]) -> Self {
        let mut seen = Self {
            projects: before.projects.clone(),
            features: before.features.clone(),
            segments: before.segments.clone(),
            context_fields: before.context_fields.clone(),
            api_tokens: before.api_tokens.clone(),
            integrations: before.integrations.clone(),
            ..self.clone()
        };
        for change in commits.iter().flat_map(|commit| &commit.body.changes) {
            let id = change.id.as_str();
            match change.kind.as_str() {
                Project::KIND => {
                    let project = self.projects.get(id).filter(|project| !hidden.contains(&project.id));
                    seen.set(id.to_owned(), project.cloned());
                }
                Feature::KIND => {
                    let feature = self.features.get(id).filter(|feature| !hidden.contains(&feature.project));
                    seen.set(id.to_owned(), feature.cloned());
                }
                Segment::KIND => {
                    if let Ok(id) = id.parse() {
                        seen.set(id, self.segments.get(&id).and_then(|segment| seen_segment(segment, hidden)));
                    }
                }
                ContextField::KIND => {
                    let field = self.context_fields.get(id).and_then(|field| seen_field(field, hidden));
                    seen.set(id.to_owned(), field);
                }
                ApiToken::KIND => {
                    let token = self.api_tokens.get(id).and_then(|token| seen_token(token, hidden));
                    seen.set(id.to_owned(), token);
                }
                Integration::KIND => {
                    if let Ok(id) = id.parse() {
                        let integration = self.integrations.get(&id).and_then(|row| row.without(hidden));
                        seen.set(id, integration.map(Arc::new));
                    }
                }
                _ => {}
            }
        }
        seen
    }
}

/// A segment of a hidden project is not there.
fn seen_segment(segment: &Arc<Segment>, hidden: &BTreeSet<String>) -> Option<Arc<Segment>> {
    let is_hidden = segment.project.as_ref().is_some_and(|id| hidden.contains(id));
    (!is_hidden).then(|| Arc::clone(segment))
}

/// A context field of a hidden project is not there.
fn seen_field(field: &Arc<ContextField>, hidden: &BTreeSet<String>) -> Option<Arc<ContextField>> {
    let is_hidden = field.project.as_ref().is_some_and(|id| hidden.contains(id));
    (!is_hidden).then(|| Arc::clone(field))
}

/// A token for hidden projects alone is not there; one that is for others as well is for those.
fn seen_token(token: &Arc<ApiToken>, hidden: &BTreeSet<String>) -> Option<Arc<ApiToken>> {
    if !token.projects.iter().any(|id| hidden.contains(id)) {
        return Some(Arc::clone(token));
    }
    let mut token = (**token).clone();
    token.projects.retain(|id| !hidden.contains(id));
    (!token.projects.is_empty()).then(|| Arc::new(token))
}
