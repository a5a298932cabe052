//! What can be done to context fields.

use std::sync::Arc;

use super::operations;
use crate::context_fields::{self, ContextField, ContextFieldInput, CreateContextField, LegalValue};
use crate::paths::LegalValuePath;
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
}
