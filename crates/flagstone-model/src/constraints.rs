//! Constraints: what strategies and segments ask of a context.

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
    /// Adds a fault for everything that makes the constraint meaningless; `path` is the constraint's own place.
    pub fn check(&self, faults: &mut Faults, path: &str, values_max: usize) {
        if self.values.len() > values_max {
            faults.add(
                format!("{path}/values"),
                format!("There are {} values; at most {} are allowed.", self.values.len(), values_max),
            );
        }
        check_value(faults, &format!("{path}/contextName"), &self.context_name);
        for (i, value) in self.values.iter().take(values_max).enumerate() {
            check_text(faults, &format!("{path}/values/{i}"), Some(value));
        }
        if self.operator.takes_list() {
            check_text(faults, &format!("{path}/value"), self.value.as_deref());
            return;
        }
        let place = format!("{path}/value");
        let Some(value) = self.value.as_deref().filter(|v| !v.is_empty()) else {
            faults.add(place, "This operator compares with a single value: `value` is required.");
            return;
        };
        if value.len() > TEXT_BYTES_MAX {
            return check_text(faults, &place, Some(value));
        }
        if let Err(reason) = self.check_value(value) {
            faults.add(place, reason);
        }
    }

    fn check_value(&self, value: &str) -> Result<(), String> {
        use Operator as O;
        match self.operator {
            O::NumEq | O::NumGt | O::NumGte | O::NumLt | O::NumLte => match value.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(()),
                _ => Err(format!("The value must be a number. You sent \"{value}\".")),
            },
            O::DateAfter | O::DateBefore => match crate::time::Timestamp::parse(value) {
                Some(_) => Ok(()),
                None => Err(format!("The value must be an RFC 3339 date-time. You sent \"{value}\".")),
            },
            O::SemverEq | O::SemverGt | O::SemverLt | O::SemverGte | O::SemverLte => {
                flagstone_eval::validate::validate_semver(value)
                    .map_err(|e| format!("The value must be a semantic version: {e}"))
            }
            O::Regex => flagstone_eval::validate::validate_regex(value)
                .map_err(|e| format!("The value must be a regular expression in RE2 syntax: {e}")),
            O::In | O::NotIn | O::StrEndsWith | O::StrStartsWith | O::StrContains => Ok(()),
        }
    }
}

/// Checks a list of constraints below `path`, the list's own place, each with at most `values_max` values.
pub fn check_all(faults: &mut Faults, path: &str, constraints: &[Constraint], limits: &Limits, values_max: usize) {
    if constraints.len() > limits.constraints {
        faults.add(
            path,
            format!("There are {} constraints; at most {} are allowed.", constraints.len(), limits.constraints),
        );
    }
    for (i, constraint) in constraints.iter().enumerate() {
        constraint.check(faults, &format!("{path}/{i}"), values_max);
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

/// Checks one constraint on its own, as an editor does while a person types: it also needs values, and legal ones
/// where the context field has a list of them.
pub fn validate(state: &State, constraint: &Constraint, limits: &Limits) -> Result<(), Error> {
    let mut faults = Faults::default();
    constraint.check(&mut faults, "/body", limits.constraint_values);
    if constraint.operator.takes_list() && constraint.values.is_empty() {
        faults.add("/body/values", "This operator compares with a list: at least one value is required.");
    }
    let legal =
        state.context_fields.get(&constraint.context_name).map(|f| f.legal_values.as_slice()).unwrap_or_default();
    if !legal.is_empty() {
        for (i, value) in constraint.values.iter().enumerate() {
            if !legal.iter().any(|l| l.value == *value) {
                faults.add(
                    format!("/body/values/{i}"),
                    format!("\"{value}\" is not a legal value of this context field."),
                );
            }
        }
    }
    faults.check()
}
