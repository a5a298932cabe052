//! Context fields: what constraints and stickiness can refer to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::names::{check_text, check_url_name, check_value};
use crate::projects;
use crate::segments::segments_on_field;
use crate::state::{Document, State};
use crate::time::Timestamp;

/// The most context fields, and the most legal values of one.
pub const CONTEXT_FIELDS_MAX: usize = 1_000;

/// A context field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextField {
    /// Unique, URL friendly, never changes.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether rollouts can stick to it.
    #[serde(default)]
    pub stickiness: bool,
    /// Smaller comes first.
    #[serde(default)]
    pub sort_order: i64,
    /// What constraints on it can be chosen from; anything if empty.
    #[serde(default)]
    pub legal_values: Vec<LegalValue>,
    /// The only project that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A value that constraints on a context field can be chosen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalValue {
    /// The value.
    #[schema(example = "ios")]
    pub value: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A new context field.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateContextField {
    /// Unique and URL friendly.
    #[schema(example = "subscriptionTier")]
    pub name: String,
    /// The only project that it is for; all if omitted.
    #[serde(default)]
    pub project: Option<String>,
    /// What it becomes.
    #[serde(flatten)]
    pub settings: ContextFieldInput,
}

/// What a context field becomes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContextFieldInput {
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether rollouts can stick to it.
    #[serde(default)]
    pub stickiness: Option<bool>,
    /// Smaller comes first.
    #[serde(default)]
    pub sort_order: Option<i64>,
    /// What constraints on it can be chosen from.
    #[serde(default)]
    pub legal_values: Option<Vec<LegalValue>>,
}

/// Fails if no context field can have this name.
pub fn validate_name(state: &State, name: &str) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_url_name(&mut faults, "/body/name", name);
    faults.check()?;
    if state.context_fields.contains(name) {
        return Err(Error::name_exists("context field", name));
    }
    Ok(())
}

fn check(input: &ContextFieldInput) -> Result<(), Error> {
    let mut faults = Faults::default();
    check_text(&mut faults, "/body/description", input.description.as_deref());
    let values = input.legal_values.as_deref().unwrap_or_default();
    if values.len() > CONTEXT_FIELDS_MAX {
        faults.add(
            "/body/legalValues",
            format!("There are {} values; at most {CONTEXT_FIELDS_MAX} are allowed.", values.len()),
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    for (i, LegalValue { value, description }) in values.iter().take(CONTEXT_FIELDS_MAX).enumerate() {
        check_value(&mut faults, &format!("/body/legalValues/{i}/value"), value);
        check_text(&mut faults, &format!("/body/legalValues/{i}/description"), description.as_deref());
        if !seen.insert(value) {
            faults.add(format!("/body/legalValues/{i}/value"), format!("The value \"{value}\" stands here twice."));
        }
    }
    faults.check()
}

/// The field of this name that a project can use: its own, or one of all projects.
pub fn find_usable<'s>(state: &'s State, project: &str, name: &str) -> Result<&'s Arc<ContextField>, Error> {
    let field = state.context_fields.find(name)?;
    let is_usable = field.project.as_deref().is_none_or(|own| own == project);
    if is_usable { Ok(field) } else { Err(Error::not_found(ContextField::KIND, name)) }
}

/// A project's own fields, in the order of their names.
pub fn of_project<'s>(state: &'s State, project: &str) -> impl Iterator<Item = &'s Arc<ContextField>> {
    state.context_fields.values().filter(move |field| field.project.as_deref() == Some(project))
}

/// Fails unless the field is this project's own.
pub(crate) fn require_own(draft: &Draft, project: &str, name: &str) -> Result<(), Error> {
    projects::find_seen(draft, project)?;
    match draft.context_fields.find(name)?.project.as_deref() {
        Some(own) if own == project => Ok(()),
        _ => Err(Error::not_found(ContextField::KIND, name)),
    }
}

/// The field, if who asks may see it: one of a private project of others is as none at all.
fn find_seen(draft: &Draft, name: &str) -> Result<Arc<ContextField>, Error> {
    let field = draft.context_fields.find(name)?;
    match &field.project {
        Some(project) if projects::is_hidden(draft, project) => Err(Error::not_found(ContextField::KIND, name)),
        _ => Ok(Arc::clone(field)),
    }
}

/// Creates a context field for one project.
pub fn create_in(draft: &mut Draft, project: &str, input: CreateContextField) -> Result<Arc<ContextField>, Error> {
    projects::find_seen(draft, project)?;
    create(draft, CreateContextField { project: Some(project.to_owned()), ..input })
}

/// Creates a context field.
pub fn create(draft: &mut Draft, input: CreateContextField) -> Result<Arc<ContextField>, Error> {
    check(&input.settings)?;
    if let Some(project) = &input.project
        && projects::find_seen(draft, project).is_err()
    {
        return Err(Error::bad_data("/body/project", format!("There is no project \"{project}\".")));
    }
    validate_name(draft, &input.name)?;
    crate::limits::Limits::room("context fields", draft.context_fields.len(), CONTEXT_FIELDS_MAX)?;
    let field = ContextField {
        name: input.name,
        description: input.settings.description,
        stickiness: input.settings.stickiness.unwrap_or(false),
        sort_order: input.settings.sort_order.unwrap_or(0),
        legal_values: input.settings.legal_values.unwrap_or_default(),
        project: input.project,
        created_at: draft.now(),
    };
    draft.record(event("context-field-created", &field).data(&field));
    Ok(draft.put(field))
}

/// Replaces a context field's settings; what is omitted goes back to its default, only a description stays.
pub fn update(draft: &mut Draft, name: &str, input: ContextFieldInput) -> Result<Arc<ContextField>, Error> {
    let before = find_seen(draft, name)?;
    check(&input)?;
    let after = ContextField {
        name: before.name.clone(),
        description: input.description.or_else(|| before.description.clone()),
        stickiness: input.stickiness.unwrap_or(false),
        sort_order: input.sort_order.unwrap_or(0),
        legal_values: input.legal_values.unwrap_or_default(),
        project: before.project.clone(),
        created_at: before.created_at,
    };
    Ok(store(draft, &before, after))
}

fn store(draft: &mut Draft, before: &ContextField, after: ContextField) -> Arc<ContextField> {
    if after != *before {
        draft.record(event("context-field-updated", &after).data(&after).pre_data(before));
    }
    draft.put(after)
}

/// Adds a legal value, or changes its description.
pub fn put_legal_value(draft: &mut Draft, name: &str, value: LegalValue) -> Result<(), Error> {
    let before = find_seen(draft, name)?;
    let mut after = (*before).clone();
    match after.legal_values.iter_mut().find(|v| v.value == value.value) {
        Some(existing) => *existing = value,
        None => after.legal_values.push(value),
    }
    check(&ContextFieldInput { legal_values: Some(after.legal_values.clone()), ..ContextFieldInput::default() })?;
    store(draft, &before, after);
    Ok(())
}

/// Removes a legal value, if it is there.
pub fn remove_legal_value(draft: &mut Draft, name: &str, value: &str) -> Result<(), Error> {
    let before = find_seen(draft, name)?;
    let mut after = (*before).clone();
    after.legal_values.retain(|v| v.value != value);
    store(draft, &before, after);
    Ok(())
}

/// Deletes a context field that no strategy and no segment refers to.
pub fn delete(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let field = find_seen(draft, name)?;
    if is_used(draft, name) {
        return Err(Error::Conflict(format!("The context field \"{name}\" is used by strategies or segments.")));
    }
    remove(draft, &field);
    Ok(())
}

/// Deletes the context fields of a project that is about to be deleted.
pub(crate) fn delete_of_project(draft: &mut Draft, project: &str) {
    let fields: Vec<_> = of_project(draft, project).cloned().collect();
    for field in fields {
        remove(draft, &field);
    }
}

fn remove(draft: &mut Draft, field: &ContextField) {
    draft.record(event("context-field-deleted", field).pre_data(field));
    draft.delete::<ContextField>(&field.name);
}

fn event(kind: &'static str, field: &ContextField) -> NewEvent {
    let event = NewEvent::new(kind);
    match &field.project {
        Some(project) => event.project(project),
        None => event,
    }
}

fn is_used(state: &State, name: &str) -> bool {
    state.features.index().of_field(name).is_some() || segments_on_field(state, name).next().is_some()
}
