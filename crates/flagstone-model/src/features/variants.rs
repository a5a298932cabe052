//! Variants: the values that a flag which is on can have, and how many get each.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{FeatureEnvironment, with_environment};
use crate::draft::{Draft, NewEvent};
use crate::error::{Error, Faults};
use crate::limits::Limits;
use crate::names::{check_free_name, check_text, check_value};
use crate::patches::apply_patch;
use crate::permissions::{Need, Permission};

/// The sum of all weights: variants share out a thousand parts.
pub const WEIGHT_TOTAL: u32 = 1_000;
/// The longest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 100_000;

/// One of a flag's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// Unique within its list.
    #[schema(example = "blue")]
    pub name: String,
    /// Its share, in thousandths. Variable weights are set by the server so that all add up to 1000.
    #[serde(default)]
    #[schema(maximum = 1000)]
    pub weight: u32,
    /// `variable` shares equally in what the fixed ones leave; `fix` keeps its weight.
    #[serde(default)]
    pub weight_type: WeightType,
    /// The context field that keeps a user on the same variant; `default` for userId, then sessionId, then random.
    #[serde(default = "default_stickiness")]
    pub stickiness: String,
    /// What SDKs hand to the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Context values that get this variant whatever the lot says; only on a flag's own variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<VariantOverride>,
}

/// How a variant's weight comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightType {
    /// Shares equally in what the fixed ones leave.
    #[default]
    Variable,
    /// Keeps its weight.
    Fix,
}

/// What SDKs hand to the application along with a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payload {
    /// `json`, `csv`, `string` or `number`.
    #[serde(rename = "type")]
    pub kind: PayloadType,
    /// The payload's text.
    #[schema(example = "{\"color\": \"blue\"}")]
    pub value: String,
}

/// What a payload's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PayloadType {
    /// A JSON text.
    Json,
    /// Comma-separated values.
    Csv,
    /// Any text.
    String,
    /// A number.
    Number,
}

/// Context values that get a variant whatever the lot says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VariantOverride {
    /// The context field.
    pub context_name: String,
    /// The values.
    pub values: Vec<String>,
}

fn default_stickiness() -> String {
    "default".to_owned()
}

/// Checks a list of variants below `path` and sets the variable weights.
pub(crate) fn check_variants(faults: &mut Faults, path: &str, variants: &mut [Variant], limits: &Limits) {
    if variants.len() > limits.variants {
        faults.add(path, format!("There are {} variants; at most {} are allowed.", variants.len(), limits.variants));
        return;
    }
    for variant in variants.iter_mut().filter(|v| v.stickiness.is_empty()) {
        variant.stickiness = default_stickiness();
    }
    let mut names = std::collections::BTreeSet::new();
    for (i, variant) in variants.iter().enumerate() {
        check_free_name(faults, &format!("{path}/{i}/name"), &variant.name);
        if !names.insert(variant.name.as_str()) {
            faults.add(format!("{path}/{i}/name"), format!("Two variants are called \"{}\".", variant.name));
        }
        if variant.weight > WEIGHT_TOTAL {
            faults.add(format!("{path}/{i}/weight"), format!("The weight must be at most {WEIGHT_TOTAL}."));
        }
        check_value(faults, &format!("{path}/{i}/stickiness"), &variant.stickiness);
        check_overrides(faults, &format!("{path}/{i}/overrides"), &variant.overrides, limits);
        if let Some(payload) = &variant.payload {
            check_payload(faults, &format!("{path}/{i}/payload/value"), payload);
        }
    }
    share_weights(faults, path, variants);
    variants.sort_by(by_name);
}

fn check_overrides(faults: &mut Faults, path: &str, overrides: &[VariantOverride], limits: &Limits) {
    if overrides.len() > limits.constraints {
        let (count, most) = (overrides.len(), limits.constraints);
        faults.add(path, format!("There are {count} overrides; at most {most} are allowed."));
        return;
    }
    for (i, VariantOverride { context_name, values }) in overrides.iter().enumerate() {
        check_value(faults, &format!("{path}/{i}/contextName"), context_name);
        if values.len() > limits.segment_values {
            let (count, most) = (values.len(), limits.segment_values);
            faults.add(format!("{path}/{i}/values"), format!("There are {count} values; at most {most} are allowed."));
        }
        for (n, value) in values.iter().take(limits.segment_values).enumerate() {
            check_text(faults, &format!("{path}/{i}/values/{n}"), Some(value));
        }
    }
}

fn check_payload(faults: &mut Faults, path: &str, payload: &Payload) {
    if payload.value.len() > PAYLOAD_BYTES_MAX {
        faults.add(
            path,
            format!("The payload is {} bytes long; at most {PAYLOAD_BYTES_MAX} are allowed.", payload.value.len()),
        );
        return;
    }
    match payload.kind {
        PayloadType::Json if serde_json::from_str::<Value>(&payload.value).is_err() => {
            faults.add(path, "A payload of type json must be a JSON text.");
        }
        PayloadType::Number if !payload.value.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
            faults.add(path, "A payload of type number must be a number.");
        }
        _ => {}
    }
}

/// Gives the variable variants equal shares of what the fixed ones leave; the last one gets the remainder. Where they
/// have such shares already, whichever has the remainder, all keep theirs: what is read and sent back moves nobody.
fn share_weights(faults: &mut Faults, path: &str, variants: &mut [Variant]) {
    if variants.is_empty() {
        return;
    }
    let fixed: u32 =
        variants.iter().filter(|v| v.weight_type == WeightType::Fix).map(|v| v.weight.min(WEIGHT_TOTAL + 1)).sum();
    let variable: Vec<_> = variants.iter_mut().filter(|v| v.weight_type == WeightType::Variable).collect();
    if fixed > WEIGHT_TOTAL || (variable.is_empty() && fixed != WEIGHT_TOTAL) {
        faults.add(path, format!("The fixed weights add up to {fixed}; they must make {WEIGHT_TOTAL} in all, or leave a rest to a variable variant."));
        return;
    }
    let (rest, count) = (WEIGHT_TOTAL - fixed, u32::try_from(variable.len()).unwrap_or(u32::MAX));
    if count == 0 {
        return;
    }
    let rounded = (rest + count / 2) / count;
    let share = if rounded * (count - 1) > rest { rest / count } else { rounded };
    let last = rest - share * (count - 1);
    let (mut known, mut shares): (Vec<_>, Vec<_>) =
        (variable.iter().map(|v| v.weight).collect(), vec![share; variable.len()]);
    shares.pop();
    shares.push(last);
    known.sort_unstable();
    shares.sort_unstable();
    if known == shares {
        return;
    }
    for (i, variant) in (1..).zip(variable) {
        variant.weight = if i == count { last } else { share };
    }
}

/// The order in which variants are stored and delivered: a user's lot picks by position, so it must be the reference's,
/// which sorts names as JavaScript's `localeCompare` does: punctuation, digits, letters, and lower case first on a tie.
fn by_name(a: &Variant, b: &Variant) -> std::cmp::Ordering {
    let rank = |c: char| match PUNCTUATION.find(c) {
        Some(position) => (0, position, c),
        None if !c.is_alphanumeric() => (1, 0, c),
        None if c.is_ascii_digit() => (2, 0, c),
        None => (3, 0, c.to_lowercase().next().unwrap_or(c)),
    };
    let ranks = |name: &str| name.chars().map(rank).collect::<Vec<_>>();
    let lower_first = |name: &str| name.chars().map(char::is_uppercase).collect::<Vec<_>>();
    let by_letters = ranks(&a.name).cmp(&ranks(&b.name));
    by_letters.then_with(|| lower_first(&a.name).cmp(&lower_first(&b.name))).then_with(|| a.name.cmp(&b.name))
}

/// Punctuation in the order of the Unicode collation's root table.
const PUNCTUATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// Replaces a feature's own variants in one environment.
pub fn overwrite_variants(
    draft: &mut Draft,
    place: (&str, &str, &str),
    variants: Vec<Variant>,
) -> Result<Vec<Variant>, Error> {
    with_environment(draft, place, |draft, feature, state| {
        let mut variants = variants;
        let mut faults = Faults::default();
        check_variants(&mut faults, "/body", &mut variants, draft.limits());
        faults.check()?;
        let before = std::mem::replace(&mut state.variants, variants.clone());
        if before != variants {
            let event = NewEvent::new("feature-environment-variants-updated").feature(feature).environment(place.2);
            draft.record(
                event
                    .data(serde_json::json!({ "variants": variants }))
                    .pre_data(serde_json::json!({ "variants": before })),
            );
        }
        Ok(variants)
    })
}

/// The same variants for several environments.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushVariants {
    /// The variants.
    pub variants: Vec<Variant>,
    /// The environments' names.
    #[schema(example = json!(["development", "production"]))]
    pub environments: Vec<String>,
}

/// Replaces a feature's own variants in several environments.
pub fn push_variants(draft: &mut Draft, project: &str, name: &str, input: PushVariants) -> Result<Vec<Variant>, Error> {
    let mut variants = input.variants;
    for environment in super::distinct(&input.environments, draft.limits())? {
        let need = Need::environment(project, &environment, &[Permission::UpdateFeatureEnvironmentVariants]);
        draft.require(&need)?;
        variants = overwrite_variants(draft, (project, name, &environment), variants)?;
    }
    Ok(variants)
}

/// Applies a JSON patch to a feature's own variants in one environment.
pub fn patch_variants(
    draft: &mut Draft,
    place: (&str, &str, &str),
    patch: &json_patch::Patch,
) -> Result<Vec<Variant>, Error> {
    let feature = super::find_live(draft, place.0, place.1)?;
    let FeatureEnvironment { variants, .. } = super::find_environment(feature, place.2)?;
    let patched = apply_patch(variants, patch)?;
    overwrite_variants(draft, place, patched)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variants(names: &[&str]) -> Vec<Variant> {
        let one = |name: &&str| Variant {
            name: (*name).to_owned(),
            weight: 0,
            weight_type: WeightType::Variable,
            stickiness: default_stickiness(),
            payload: None,
            overrides: Vec::new(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn names_sort_as_the_reference_sorts_them() {
        let mut shuffled = variants(&["z", "B", "b", "ab", "a.b", "a-b", "A", "a", "9", "10", "_"]);
        shuffled.sort_by(by_name);
        let names: Vec<_> = shuffled.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["_", "10", "9", "a", "A", "a-b", "a.b", "ab", "b", "B", "z"]);
    }

    #[test]
    fn variable_weights_share_what_fixed_ones_leave() {
        let check = |fixed: &[u32], variable: usize, expect: Option<&[u32]>| {
            let mut list = variants(&vec!["v"; fixed.len() + variable]);
            for (variant, weight) in list.iter_mut().zip(fixed) {
                (variant.weight, variant.weight_type) = (*weight, WeightType::Fix);
            }
            let mut faults = Faults::default();
            share_weights(&mut faults, "/body", &mut list);
            let shared = faults.check().ok().map(|()| list.iter().map(|v| v.weight).collect::<Vec<_>>());
            assert_eq!(shared.as_deref(), expect);
        };
        check(&[], 3, Some(&[333, 333, 334]));
        check(&[], 11, Some(&[91, 91, 91, 91, 91, 91, 91, 91, 91, 91, 90]));
        check(&[100], 2, Some(&[100, 450, 450]));
        check(&[1000], 0, Some(&[1000]));
        check(&[1000], 1, Some(&[1000, 0]));
        check(&[900], 0, None);
        check(&[900, 900], 1, None);
    }
}
