//! Constraints: what strategies and segments ask of a context.

use std::borrow::Cow;
use std::collections::BTreeSet;

use flagstone_eval::{spelling, validate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{TEXT_BYTES_MAX, check_text, check_value};
use crate::state::State;

/// How a constraint compares the context's value with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operator {
    /// Is not one of the values.
    NotIn,
    /// Is one of the values.
    In,
    /// Ends with one of the values.
    StrEndsWith,
    /// Starts with one of the values.
    StrStartsWith,
    /// Holds one of the values.
    StrContains,
    /// Equals the number.
    NumEq,
    /// Is greater than the number.
    NumGt,
    /// Is greater than or equals the number.
    NumGte,
    /// Is less than the number.
    NumLt,
    /// Is less than or equals the number.
    NumLte,
    /// Is later than the date.
    DateAfter,
    /// Is earlier than the date.
    DateBefore,
    /// Equals the semantic version.
    SemverEq,
    /// Is a later semantic version.
    SemverGt,
    /// Is an earlier semantic version.
    SemverLt,
    /// Is the same semantic version or a later one.
    SemverGte,
    /// Is the same semantic version or an earlier one.
    SemverLte,
    /// Matches the regular expression (RE2 syntax).
    Regex,
}

impl Operator {
    /// Whether the operator compares with a list rather than with a single value.
    pub const fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::NotIn | Self::StrEndsWith | Self::StrStartsWith | Self::StrContains)
    }

    /// What the operator's single value is.
    const fn comparison(self) -> Comparison {
        match self {
            Self::NumEq | Self::NumGt | Self::NumGte | Self::NumLt | Self::NumLte => Comparison::Number,
            Self::DateAfter | Self::DateBefore => Comparison::Date,
            Self::SemverEq | Self::SemverGt | Self::SemverLt | Self::SemverGte | Self::SemverLte => Comparison::Semver,
            Self::Regex => Comparison::Regex,
            Self::In | Self::NotIn | Self::StrEndsWith | Self::StrStartsWith | Self::StrContains => Comparison::Text,
        }
    }

    fn check(self, value: &str) -> Result<(), String> {
        let (noun, checked) = match self.comparison() {
            Comparison::Text => return Ok(()),
            Comparison::Number => ("a number", validate::validate_number(value)),
            Comparison::Date => ("an RFC 3339 date-time", validate::validate_date(value)),
            Comparison::Semver => ("a semantic version", validate::validate_semver(value)),
            Comparison::Regex => ("a regular expression in RE2 syntax", validate::validate_regex(value)),
        };
        checked.map_err(|reason| format!("The value must be {noun}: {reason}."))
    }
}

/// What a constraint's value is.
#[derive(Clone, Copy, Debug)]
enum Comparison {
    Text,
    Number,
    Date,
    Semver,
    Regex,
}

/// A condition on one context field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// The context field, for instance `userId`.
    #[schema(example = "appName", min_length = 1, max_length = 255)]
    pub context_name: String,
    /// How to compare.
    pub operator: Operator,
    /// The values of operators that take a list.
    #[serde(default)]
    #[schema(example = json!(["web", "ios"]))]
    pub values: Vec<String>,
    /// The value of operators that take one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Turns the answer around.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverted: Option<bool>,
    /// Compares strings without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_insensitive: Option<bool>,
}

impl Constraint {
    /// As it is delivered: with its value spelt as all SDKs read it.
    pub fn spelt(&self) -> Cow<'_, Self> {
        let spell = match self.operator.comparison() {
            Comparison::Number => spelling::number,
            Comparison::Date => spelling::date,
            Comparison::Text | Comparison::Semver | Comparison::Regex => return Cow::Borrowed(self),
        };
        match self.value.as_deref().map(spell) {
            Some(Cow::Owned(value)) => Cow::Owned(Self { value: Some(value), ..self.clone() }),
            _ => Cow::Borrowed(self),
        }
    }

    /// Adds a fault for everything that makes the constraint meaningless; `path` is the constraint's own place. What it
    /// lets through, the engine can evaluate.
    fn check(&self, faults: &mut Faults, path: &str, state: &State, values_max: usize) {
        check_value(faults, &format!("{path}/contextName"), &self.context_name);
        self.check_values(faults, &format!("{path}/values"), values_max);
        self.check_legal(faults, &format!("{path}/values"), state);
        let place = format!("{path}/value");
        if self.operator.takes_list() {
            return check_text(faults, &place, self.value.as_deref());
        }
        match self.value.as_deref().filter(|value| !value.is_empty()) {
            None => faults.add(place, "This operator compares with a single value: `value` is required."),
            Some(value) if value.len() > TEXT_BYTES_MAX => check_text(faults, &place, Some(value)),
            Some(value) => {
                if let Err(reason) = self.operator.check(value) {
                    faults.add(place, reason);
                }
            }
        }
    }

    fn check_values(&self, faults: &mut Faults, place: &str, values_max: usize) {
        if self.values.len() > values_max {
            let count = self.values.len();
            faults.add(place, format!("There are {count} values; at most {values_max} are allowed."));
        }
        if self.operator.takes_list() && self.values.is_empty() {
            faults.add(place, "This operator compares with a list: at least one value is required.");
        }
        for (i, value) in self.values.iter().take(values_max).enumerate() {
            let place = format!("{place}/{i}");
            if value.is_empty() {
                faults.add(place, "The value must not be empty.");
            } else {
                check_text(faults, &place, Some(value));
            }
        }
    }

    /// The values must be legal ones where the context field has a list of them.
    fn check_legal(&self, faults: &mut Faults, place: &str, state: &State) {
        let field = state.context_fields.get(&self.context_name);
        let legal = field.map(|field| field.legal_values.as_slice()).unwrap_or_default();
        if legal.is_empty() {
            return;
        }
        let legal: BTreeSet<&str> = legal.iter().map(|legal| legal.value.as_str()).collect();
        for (i, value) in self.values.iter().enumerate().filter(|(_, value)| !legal.contains(value.as_str())) {
            faults.add(format!("{place}/{i}"), format!("\"{value}\" is not a legal value of this context field."));
        }
    }
}

/// Checks a list of constraints below `path`, the list's own place, each with at most `values_max` values.
pub fn check_all(
    faults: &mut Faults,
    path: &str,
    constraints: &[Constraint],
    (state, limits): (&State, &Limits),
    values_max: usize,
) {
    if constraints.len() > limits.constraints {
        faults.add(
            path,
            format!("There are {} constraints; at most {} are allowed.", constraints.len(), limits.constraints),
        );
    }
    for (i, constraint) in constraints.iter().enumerate() {
        constraint.check(faults, &format!("{path}/{i}"), state, values_max);
    }
}

/// Fails if a constraint in the JSON list has a property that constraints do not have: a misspelt one would be lost, and
/// others would get the feature. Stored ones may, since later releases extend them.
pub(crate) fn refuse_unknown(constraints: &serde_json::Value, path: &str) -> Result<(), Error> {
    const KNOWN: [&str; 6] = ["contextName", "operator", "values", "value", "inverted", "caseInsensitive"];
    let mut faults = Faults::default();
    for (i, constraint) in constraints.as_array().into_iter().flatten().enumerate() {
        let names = constraint.as_object().into_iter().flat_map(serde_json::Map::keys);
        for name in names.filter(|name| !KNOWN.contains(&name.as_str())) {
            faults.add(format!("{path}/{i}"), format!("There is no property `{name}` here."));
        }
    }
    faults.check()
}

/// Checks one constraint on its own, as an editor does while a person types.
pub fn validate(state: &State, constraint: &Constraint, limits: &Limits) -> Result<(), Error> {
    let mut faults = Faults::default();
    constraint.check(&mut faults, "/body", state, limits.constraint_values);
    faults.check()
}
