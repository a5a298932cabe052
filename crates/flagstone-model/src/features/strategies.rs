//! Strategies: for whom a feature that is on is really on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::variants::check_variants;
use super::{Feature, FeatureEnvironment, Variant, with_environment};
use crate::constraints::{Constraint, check_all, refuse_unknown};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{NAME_BYTES_MAX, check_text};
use crate::patches::apply_patch;
use crate::small_map::SmallMap;
use crate::state::State;
use crate::strategy_definitions;

/// The longest parameter value, in bytes: lists of user ids can be long.
pub const PARAMETER_BYTES_MAX: usize = 100_000;

/// The most parameters of a strategy.
pub const PARAMETERS_MAX: usize = 100;

/// A strategy of a feature in an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// A ULID.
    pub id: String,
    /// The strategy's type, for instance `flexibleRollout`.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
    /// A disabled one is kept but not delivered.
    #[serde(default)]
    pub disabled: bool,
    /// All must hold.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What the type asks for; numbers and booleans are stored as their text, as SDKs expect.
    #[serde(default)]
    pub parameters: SmallMap<String>,
    /// What those get whom this strategy matches.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// The order in which people see it.
    #[serde(default)]
    pub sort_order: i64,
    /// Ids of segments; all must hold.
    #[serde(default)]
    pub segments: Vec<i64>,
}

/// A strategy as clients send it; also a project's default strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StrategyInput {
    /// The strategy's type.
    #[schema(example = "flexibleRollout")]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Keeps it without delivering it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The order in which people see it; last if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<i64>,
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// What the type asks for; text, numbers or booleans.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>, example = json!({"rollout": "50", "stickiness": "default", "groupId": "new-checkout"}))]
    pub parameters: BTreeMap<String, Value>,
    /// What those get whom this strategy matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Ids of segments; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<i64>,
}

/// A change of a strategy. Constraints and variants are what it says, none where it says nothing; what else is omitted
/// stays, the parameters as long as the type does.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StrategyChange {
    /// The strategy's type.
    #[serde(default)]
    pub name: Option<String>,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
    /// Keeps it without delivering it.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// The order in which people see it.
    #[serde(default)]
    pub sort_order: Option<i64>,
    /// All must hold; none if omitted.
    #[serde(default)]
    pub constraints: Option<Vec<Constraint>>,
    /// What the type asks for.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    pub parameters: Option<BTreeMap<String, Value>>,
    /// What those get whom this strategy matches; none if omitted.
    #[serde(default)]
    pub variants: Option<Vec<Variant>>,
    /// Ids of segments; all must hold.
    #[serde(default)]
    pub segments: Option<Vec<i64>>,
}

/// A strategy's place in the list that people see.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SortOrder {
    /// The strategy's id.
    pub id: String,
    /// Smaller comes first.
    pub sort_order: i64,
}

impl StrategyInput {
    fn of(strategy: &Strategy) -> Self {
        Self {
            name: strategy.name.clone(),
            title: strategy.title.clone(),
            disabled: Some(strategy.disabled),
            sort_order: Some(strategy.sort_order),
            constraints: strategy.constraints.clone(),
            parameters: strategy.parameters.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect(),
            variants: strategy.variants.clone(),
            segments: strategy.segments.clone(),
        }
    }

    fn changed_by(self, change: StrategyChange) -> Self {
        let name = change.name.unwrap_or_else(|| self.name.clone());
        let parameters = if name == self.name { self.parameters } else { BTreeMap::new() };
        Self {
            title: change.title.or(self.title),
            disabled: change.disabled.or(self.disabled),
            sort_order: change.sort_order.or(self.sort_order),
            constraints: change.constraints.unwrap_or_default(),
            parameters: change.parameters.unwrap_or(parameters),
            variants: change.variants.unwrap_or_default(),
            segments: change.segments.unwrap_or(self.segments),
            name,
        }
    }
}

/// Checks a strategy for a feature of `project` and sets its variants' weights.
pub(crate) fn check_strategy(draft: &Draft, project: &str, input: &mut StrategyInput) -> Result<(), Error> {
    let limits = draft.limits();
    let mut faults = Faults::default();
    match strategy_definitions::find(&input.name) {
        Some(definition) => definition.check_parameters(&mut faults, "/body/parameters", &input.parameters),
        None if draft.strategy_types.contains(input.name.as_str()) => {}
        None => faults.add("/body/name", format!("There is no strategy called \"{}\".", input.name)),
    }
    check_text(&mut faults, "/body/title", input.title.as_deref());
    check_all(&mut faults, "/body/constraints", &input.constraints, (draft, limits), limits.constraint_values);
    check_variants(&mut faults, "/body/variants", &mut input.variants, limits);
    check_parameters(&mut faults, &input.parameters);
    check_segments(&mut faults, draft, project, &input.segments, limits);
    faults.check()
}

fn check_parameters(faults: &mut Faults, parameters: &BTreeMap<String, Value>) {
    if parameters.len() > PARAMETERS_MAX {
        let count = parameters.len();
        faults.add("/body/parameters", format!("There are {count} parameters; at most {PARAMETERS_MAX} are allowed."));
        return;
    }
    for (name, value) in parameters {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
            let message =
                format!("A parameter's name must be 1 to {NAME_BYTES_MAX} bytes long, without NUL characters.");
            faults.add("/body/parameters", message);
            continue;
        }
        let place = format!("/body/parameters/{name}");
        match value {
            Value::String(text) if text.len() > PARAMETER_BYTES_MAX => {
                faults.add(
                    place,
                    format!("The value is {} bytes long; at most {PARAMETER_BYTES_MAX} are allowed.", text.len()),
                );
            }
            Value::String(text) if text.contains('\0') => faults.add(place, "The value must not hold NUL characters."),
            Value::Array(_) | Value::Object(_) => faults.add(place, "The value must be a text, a number or a boolean."),
            _ => {}
        }
    }
}

fn check_segments(faults: &mut Faults, draft: &Draft, project: &str, segments: &[i64], limits: &Limits) {
    if segments.len() > limits.strategy_segments {
        faults.add(
            "/body/segments",
            format!("There are {} segments; at most {} are allowed.", segments.len(), limits.strategy_segments),
        );
    }
    for (i, id) in segments.iter().enumerate() {
        if !crate::segments::is_usable(draft, *id, project) {
            faults.add(format!("/body/segments/{i}"), format!("There is no segment {id} that this project can use."));
        }
    }
}

/// A strategy from checked input, with a new id.
pub(crate) fn strategy_from(draft: &mut Draft, feature: &Feature, input: StrategyInput, sort_order: i64) -> Strategy {
    let id = draft.ulid();
    let stickiness = stickiness_of(draft, feature);
    build(id, &feature.name, &stickiness, input, sort_order)
}

/// What new rollouts of a feature stick to.
pub(super) fn stickiness_of(state: &State, feature: &Feature) -> String {
    state.projects.get(&feature.project).map_or_else(|| "default".to_owned(), |p| p.default_stickiness.clone())
}

fn build(id: String, feature: &str, stickiness: &str, input: StrategyInput, sort_order: i64) -> Strategy {
    let parameters = strategy_definitions::complete(&input.name, input.parameters, feature, stickiness);
    let mut segments = input.segments;
    let mut seen = std::collections::BTreeSet::new();
    segments.retain(|id| seen.insert(*id));
    Strategy {
        id,
        name: input.name,
        title: input.title.filter(|t| !t.is_empty()),
        disabled: input.disabled.unwrap_or(false),
        constraints: input.constraints,
        parameters,
        variants: input.variants,
        sort_order: input.sort_order.unwrap_or(sort_order),
        segments,
    }
}

/// Adds a strategy to a feature in one environment, behind the others.
pub fn add_strategy(draft: &mut Draft, place: (&str, &str, &str), mut input: StrategyInput) -> Result<Strategy, Error> {
    with_environment(draft, place, |draft, feature, state| {
        check_strategy(draft, place.0, &mut input)?;
        Limits::room(
            "strategies of a feature in one environment",
            state.strategies.len(),
            draft.limits().feature_environment_strategies,
        )?;
        let last = state.strategies.iter().map(|s| s.sort_order).max().map_or(0, |n| n.saturating_add(1));
        let strategy = strategy_from(draft, feature, input, last);
        let event = NewEvent::new("feature-strategy-add").feature(feature).environment(place.2);
        draft.record(event.data(&strategy));
        state.strategies.push(strategy.clone());
        sort(state);
        Ok(strategy)
    })
}

/// Changes a strategy.
pub fn update_strategy(
    draft: &mut Draft,
    place: (&str, &str, &str),
    id: &str,
    change: StrategyChange,
) -> Result<Strategy, Error> {
    replace(draft, place, id, |before| Ok(StrategyInput::of(before).changed_by(change)))
}

/// Applies a JSON patch to a strategy; its id stays.
pub fn patch_strategy(
    draft: &mut Draft,
    place: (&str, &str, &str),
    id: &str,
    patch: &json_patch::Patch,
) -> Result<Strategy, Error> {
    replace(draft, place, id, |before| {
        let patched: Value = apply_patch(before, patch)?;
        refuse_unknown(&patched["constraints"], "/body/constraints")?;
        let invalid = |e| Error::bad_data("/body", format!("The patch makes the object invalid: {e}"));
        serde_json::from_value(patched).map_err(invalid)
    })
}

fn replace(
    draft: &mut Draft,
    place: (&str, &str, &str),
    id: &str,
    change: impl FnOnce(&Strategy) -> Result<StrategyInput, Error>,
) -> Result<Strategy, Error> {
    with_environment(draft, place, |draft, feature, state| {
        let position = position_of(state, id)?;
        let before = state.strategies[position].clone();
        let mut input = change(&before)?;
        check_strategy(draft, place.0, &mut input)?;
        let stickiness = stickiness_of(draft, feature);
        let after = build(before.id.clone(), &feature.name, &stickiness, input, before.sort_order);
        if after != before {
            let event = NewEvent::new("feature-strategy-update").feature(feature).environment(place.2);
            draft.record(event.data(&after).pre_data(&before));
            state.strategies[position] = after.clone();
            sort(state);
        }
        Ok(after)
    })
}

/// Removes a strategy.
pub fn remove_strategy(draft: &mut Draft, place: (&str, &str, &str), id: &str) -> Result<(), Error> {
    with_environment(draft, place, |draft, feature, state| {
        let strategy = state.strategies.remove(position_of(state, id)?);
        let event = NewEvent::new("feature-strategy-remove").feature(feature).environment(place.2);
        draft.record(event.pre_data(&strategy));
        Ok(())
    })
}

/// Puts strategies into the order given.
pub fn sort_strategies(draft: &mut Draft, place: (&str, &str, &str), order: &[SortOrder]) -> Result<(), Error> {
    with_environment(draft, place, |draft, feature, state| {
        let ids = |state: &FeatureEnvironment| state.strategies.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
        let before = (ids(state), state.strategies.clone());
        for (i, SortOrder { id, sort_order }) in order.iter().enumerate() {
            let unknown = || Error::bad_data(format!("/body/{i}/id"), format!("There is no strategy \"{id}\" here."));
            let position = position_of(state, id).map_err(|_| unknown())?;
            state.strategies[position].sort_order = *sort_order;
        }
        sort(state);
        if state.strategies != before.1 {
            let event = NewEvent::new("strategy-order-changed").feature(feature).environment(place.2);
            draft.record(
                event
                    .data(serde_json::json!({ "strategyIds": ids(state) }))
                    .pre_data(serde_json::json!({ "strategyIds": before.0 })),
            );
        }
        Ok(())
    })
}

fn sort(state: &mut FeatureEnvironment) {
    state.strategies.sort_by_key(|s| s.sort_order);
}

fn position_of(state: &FeatureEnvironment, id: &str) -> Result<usize, Error> {
    state.strategies.iter().position(|s| s.id == id).ok_or_else(|| Error::not_found("strategy", id))
}
