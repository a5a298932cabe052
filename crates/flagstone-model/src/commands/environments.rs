//! What can be done to environments.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations;
use crate::environments::{self, CloneEnvironment, CreateEnvironment, Environment, UpdateEnvironment};
use crate::permissions::{Need, Permission as P};

/// Environments' names with their places.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"development": 1, "production": 2}))]
pub struct EnvironmentOrder(pub BTreeMap<String, i64>);

operations! {
    /// Creates an environment.
    Create = "createEnvironment" ((): (), input: CreateEnvironment) -> Arc<Environment> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::create(draft, input);
    }
    /// Changes an environment.
    Update = "updateEnvironment" (name: String, input: UpdateEnvironment) -> Arc<Environment> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::update(draft, name, input);
    }
    /// Copies an environment with its features' strategies and switches.
    Clone = "cloneEnvironment" (name: String, input: CloneEnvironment) -> Arc<Environment> {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::duplicate(draft, name, input);
    }
    /// Deletes an environment with everything in it.
    Delete = "removeEnvironment" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::delete(draft, name);
    }
    /// Puts environments into another order.
    Sort = "updateSortOrder" ((): (), order: EnvironmentOrder) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::sort(draft, &order.0);
    }
    /// Opens an environment for new projects and tokens.
    Enable = "toggleEnvironmentOn" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::enable(draft, name);
    }
    /// Closes an environment to new projects and tokens.
    Disable = "toggleEnvironmentOff" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::Admin]);
        does |draft| environments::disable(draft, name);
    }
}
