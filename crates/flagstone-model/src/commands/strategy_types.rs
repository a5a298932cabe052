//! What can be done to types of strategies.

use std::sync::Arc;

use super::operations;
use crate::permissions::{Need, Permission as P};
use crate::strategy_types::{self, CreateStrategyType, StrategyType, StrategyTypeInput};

operations! {
    /// Creates a type of strategy.
    Create = "createStrategy" ((): (), input: CreateStrategyType) -> Arc<StrategyType> {
        needs |_| Need::root(&[P::CreateStrategy]);
        does |draft| strategy_types::create(draft, input);
    }
    /// Replaces what a type takes.
    Update = "updateStrategy" (name: String, input: StrategyTypeInput) -> () {
        needs |_| Need::root(&[P::UpdateStrategy]);
        does |draft| strategy_types::update(draft, name, input);
    }
    /// Deletes a type.
    Delete = "removeStrategy" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::DeleteStrategy]);
        does |draft| strategy_types::delete(draft, name);
    }
    /// Says that a type is kept for old features only.
    Deprecate = "deprecateStrategy" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::UpdateStrategy]);
        does |draft| strategy_types::deprecate(draft, name);
    }
    /// Takes that back.
    Reactivate = "reactivateStrategy" (name: String, (): ()) -> () {
        needs |_| Need::root(&[P::UpdateStrategy]);
        does |draft| strategy_types::reactivate(draft, name);
    }
}
