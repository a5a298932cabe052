//! Types of strategies that users make, for SDKs that they have taught them to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{check_free_name, check_text, check_url_name};
use crate::settings::Setting;
use crate::state::State;
use crate::strategy_definitions::{self, Definition};

/// The most types that users make.
pub const STRATEGY_TYPES_MAX: usize = 500;
/// The most parameters of one type.
pub const PARAMETERS_MAX: usize = 100;

/// A type of strategy that a user made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategyType {
    /// Unique, URL friendly, never changes: what strategies name.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// What it takes.
    #[serde(default)]
    pub parameters: Vec<TypeParameter>,
    /// Kept for old features only.
    #[serde(default)]
    pub deprecated: bool,
}

/// A parameter of a type of strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StrategyParameterInput)]
pub struct TypeParameter {
    /// The key among a strategy's parameters.
    #[schema(example = "region")]
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether a strategy needs it to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StrategyParameterType)]
pub enum ParameterKind {
    /// A text.
    String,
    /// A number from 0 to 100.
    Percentage,
    /// Texts with commas between them.
    List,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// A new type of strategy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateStrategyType {
    /// Unique and URL friendly.
    #[schema(example = "byRegion")]
    pub name: String,
    /// What it becomes.
    #[serde(flatten)]
    pub settings: StrategyTypeInput,
}

/// What a type of strategy becomes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StrategyTypeInput {
    /// For people; stays if omitted.
    #[serde(default)]
    pub title: Option<String>,
    /// For people; stays if omitted.
    #[serde(default)]
    pub description: Option<String>,
    /// What it takes.
    pub parameters: Vec<TypeParameter>,
}

/// Whether strategies can be of this type.
pub fn exists(state: &State, name: &str) -> bool {
    strategy_definitions::find(name).is_some() || state.strategy_types.contains(name)
}

/// Whether a built-in type is kept for old features only.
pub fn is_deprecated(state: &State, definition: &Definition) -> bool {
    let setting = state.settings.get(setting_of(definition.name).as_str());
    setting.and_then(|setting| setting.value.as_bool()).unwrap_or(definition.deprecated)
}

fn setting_of(name: &str) -> String {
    format!("deprecated-strategy:{name}")
}

fn check(faults: &mut Faults, input: &StrategyTypeInput) {
    if input.title.as_ref().is_some_and(|title| !title.is_empty()) {
        check_free_name(faults, "/body/title", input.title.as_deref().unwrap_or_default());
    }
    check_text(faults, "/body/description", input.description.as_deref());
    let count = input.parameters.len();
    if count > PARAMETERS_MAX {
        faults.add("/body/parameters", format!("There are {count} parameters; at most {PARAMETERS_MAX} are allowed."));
        return;
    }
    for (at, parameter) in input.parameters.iter().enumerate() {
        check_free_name(faults, &format!("/body/parameters/{at}/name"), &parameter.name);
        check_text(faults, &format!("/body/parameters/{at}/description"), parameter.description.as_deref());
    }
}

/// Creates a type of strategy.
pub fn create(draft: &mut Draft, input: CreateStrategyType) -> Result<Arc<StrategyType>, Error> {
    let mut faults = Faults::default();
    check_url_name(&mut faults, "/body/name", &input.name);
    check(&mut faults, &input.settings);
    faults.check()?;
    if exists(draft, &input.name) {
        return Err(Error::name_exists("strategy", input.name));
    }
    Limits::room("custom strategies", draft.strategy_types.len(), STRATEGY_TYPES_MAX)?;
    let StrategyTypeInput { title, description, parameters } = input.settings;
    let kind = StrategyType { name: input.name, title, description, parameters, deprecated: false };
    draft.record(NewEvent::new("strategy-created").data(described(&kind)));
    Ok(draft.put(kind))
}

/// Replaces the parameters of a type, and its title and description if there are new ones.
pub fn update(draft: &mut Draft, name: &str, input: StrategyTypeInput) -> Result<(), Error> {
    let before = find_own(draft, name)?;
    let mut faults = Faults::default();
    check(&mut faults, &input);
    faults.check()?;
    let after = StrategyType {
        name: before.name.clone(),
        title: input.title.or_else(|| before.title.clone()),
        description: input.description.or_else(|| before.description.clone()),
        parameters: input.parameters,
        deprecated: before.deprecated,
    };
    if after != *before {
        draft.record(NewEvent::new("strategy-updated").data(described(&after)).pre_data(described(&before)));
        draft.put(after);
    }
    Ok(())
}

/// Deletes a type. Strategies of it stay as they are, for the SDKs that know it, until they are changed.
pub fn delete(draft: &mut Draft, name: &str) -> Result<(), Error> {
    let kind = find_own(draft, name)?;
    draft.record(NewEvent::new("strategy-deleted").pre_data(described(&kind)));
    draft.delete::<StrategyType>(&kind.name);
    Ok(())
}

/// Says that a type, built in or not, is kept for old features only.
pub fn deprecate(draft: &mut Draft, name: &str) -> Result<(), Error> {
    set_deprecated(draft, name, NewEvent::new("strategy-deprecated"), true)
}

/// Takes that back.
pub fn reactivate(draft: &mut Draft, name: &str) -> Result<(), Error> {
    set_deprecated(draft, name, NewEvent::new("strategy-reactivated"), false)
}

fn set_deprecated(draft: &mut Draft, name: &str, event: NewEvent, deprecated: bool) -> Result<(), Error> {
    let event = event.data(json!({ "name": name }));
    if let Some(definition) = strategy_definitions::find(name) {
        if is_deprecated(draft, definition) != deprecated {
            draft.record(event);
            draft.put(Setting { name: setting_of(name), value: json!(deprecated) });
        }
        return Ok(());
    }
    let before = find_own(draft, name)?;
    if before.deprecated != deprecated {
        draft.record(event);
        draft.put(StrategyType { deprecated, ..(*before).clone() });
    }
    Ok(())
}

/// The type if a user made it: the others cannot be changed.
fn find_own(draft: &Draft, name: &str) -> Result<Arc<StrategyType>, Error> {
    if strategy_definitions::find(name).is_some() {
        return Err(Error::Forbidden(format!("The strategy \"{name}\" is built in and stays as it is.")));
    }
    draft.strategy_types.find(name).cloned()
}

fn described(kind: &StrategyType) -> serde_json::Value {
    let mut value = json!(kind);
    value["editable"] = json!(true);
    value
}
