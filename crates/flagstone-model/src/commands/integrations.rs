//! What can be done to integrations.

use std::sync::Arc;

use super::operations;
use crate::integrations::{self, Integration, IntegrationInput};
use crate::permissions::{Need, Permission as P};

operations! {
    /// Creates an integration.
    Create = "createAddon" ((): (), input: IntegrationInput) -> Arc<Integration> {
        needs |_| Need::root(&[P::CreateAddon]);
        does |draft| integrations::create(draft, input);
    }
    /// Replaces an integration.
    Update = "updateAddon" (id: i64, input: IntegrationInput) -> Arc<Integration> {
        needs |_| Need::root(&[P::UpdateAddon]);
        does |draft| integrations::update(draft, *id, input);
    }
    /// Deletes an integration.
    Delete = "deleteAddon" (id: i64, (): ()) -> () {
        needs |_| Need::root(&[P::DeleteAddon]);
        does |draft| integrations::delete(draft, *id);
    }
}
