//! What can be done to context fields.

use std::sync::Arc;

use super::operations;
use crate::context_fields::{self, ContextField, ContextFieldInput, CreateContextField, LegalValue};
use crate::paths::{LegalValuePath, ProjectFieldPath, ProjectLegalValuePath, ProjectPath};
use crate::permissions::{Need, Permission as P};

operations! {
    /// Creates a context field.
    Create = "createContextField" ((): (), input: CreateContextField) -> Arc<ContextField> {
        needs |_| Need::root(&[P::CreateContextField]);
        does |draft| context_fields::create(draft, input);
    }
    /// Changes a context field.
    Update = "updateContextField" (name: String, input: ContextFieldInput) -> Arc<ContextField> {
        needs |_| Need::root(&[P::UpdateContextField]);
        does |draft| context_fields::update(draft, name, input);
    }
    /// Deletes a context field that nothing refers to.
    Delete = "deleteContextField" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::DeleteContextField]);
        does |draft| context_fields::delete(draft, name);
    }
    /// Adds a legal value, or changes its description.
    PutLegalValue = "updateContextFieldLegalValue" (name: String, value: LegalValue) -> () {
        needs |_| Need::root(&[P::UpdateContextField]);
        does |draft| context_fields::put_legal_value(draft, name, value);
    }
    /// Removes a legal value.
    RemoveLegalValue = "deleteContextFieldLegalValue" (path: LegalValuePath, (): ()) -> () {
        needs |_| Need::root(&[P::UpdateContextField]);
        does |draft| context_fields::remove_legal_value(draft, &path.field, &path.value);
    }
    /// Creates a context field for one project.
    CreateInProject = "createContextFieldForProject" (path: ProjectPath, input: CreateContextField) -> Arc<ContextField> {
        needs |_| path.need(&[P::CreateContextField, P::UpdateProjectContext]);
        does |draft| context_fields::create_in(draft, &path.project, input);
    }
    /// Changes a context field of a project.
    UpdateInProject = "updateContextFieldForProject" (path: ProjectFieldPath, input: ContextFieldInput) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateContextField, P::UpdateProjectContext]);
        does |draft| {
            context_fields::require_own(draft, &path.project, &path.field)?;
            context_fields::update(draft, &path.field, input).map(drop)
        };
    }
    /// Deletes a context field of a project that nothing refers to.
    DeleteInProject = "deleteContextFieldForProject" (path: ProjectFieldPath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::DeleteContextField, P::UpdateProjectContext]);
        does |draft| {
            context_fields::require_own(draft, &path.project, &path.field)?;
            context_fields::delete(draft, &path.field)
        };
    }
    /// Adds a legal value to a context field of a project, or changes its description.
    PutLegalValueInProject = "updateContextFieldLegalValueForProject" (path: ProjectFieldPath, value: LegalValue) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateContextField, P::UpdateProjectContext]);
        does |draft| {
            context_fields::require_own(draft, &path.project, &path.field)?;
            context_fields::put_legal_value(draft, &path.field, value)
        };
    }
    /// Removes a legal value from a context field of a project.
    RemoveLegalValueInProject = "deleteContextFieldLegalValueForProject" (path: ProjectLegalValuePath, (): ()) -> () {
        needs |_| Need::project(&path.project, &[P::UpdateContextField, P::UpdateProjectContext]);
        does |draft| {
            context_fields::require_own(draft, &path.project, &path.field)?;
            context_fields::remove_legal_value(draft, &path.field, &path.value)
        };
    }
}
