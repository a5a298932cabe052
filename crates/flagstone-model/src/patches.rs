//! JSON patches (RFC 6902), as clients send them.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{Error, Faults};

/// A JSON patch (RFC 6902).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!([{"op": "replace", "path": "/description", "value": "New text"}]))]
pub struct JsonPatch(pub Vec<PatchOperation>);

/// One step of a JSON patch.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PatchOperation {
    /// What to do.
    pub op: PatchOperator,
    /// Where, as a JSON pointer.
    pub path: String,
    /// Where from, for `move` and `copy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What to put there, or to find there, for `add`, `replace` and `test`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub value: Option<Value>,
}

/// A value that is there, be it `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a step of a JSON patch does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PatchOperator {
    /// Puts a value.
    Add,
    /// Takes a value away.
    Remove,
    /// Replaces a value.
    Replace,
    /// Copies a value.
    Copy,
    /// Moves a value.
    Move,
    /// Fails unless a value is there.
    Test,
}

impl JsonPatch {
    /// The patch, if every step has what it needs.
    pub fn parse(&self) -> Result<json_patch::Patch, Error> {
        let mut faults = Faults::default();
        for (index, step) in self.0.iter().enumerate() {
            use PatchOperator as O;
            let missing = match step.op {
                O::Add | O::Replace | O::Test if step.value.is_none() => "value",
                O::Move | O::Copy if step.from.is_none() => "from",
                _ => continue,
            };
            faults.add(format!("/body/{index}/{missing}"), format!("The property `{missing}` is required."));
        }
        faults.check()?;
        let bad = |e: serde_json::Error| Error::bad_data("/body", format!("This is not a JSON patch: {e}."));
        serde_json::from_value(serde_json::to_value(&self.0).map_err(bad)?).map_err(bad)
    }
}

/// Applies a patch to the JSON form of `before` and reads the whole result back, so that nothing half-valid is stored.
pub(crate) fn apply_patch<T: serde::de::DeserializeOwned>(
    before: &impl Serialize,
    patch: &json_patch::Patch,
) -> Result<T, Error> {
    let bad = |message: String| Error::bad_data("/body", message);
    if patch.len() > PATCH_OPERATIONS_MAX {
        return Err(bad(format!("A patch holds at most {PATCH_OPERATIONS_MAX} operations.")));
    }
    let mut value = serde_json::to_value(before).map_err(|e| bad(e.to_string()))?;
    let was_object = value.is_object();
    for operation in patch.iter() {
        json_patch::patch(&mut value, std::slice::from_ref(operation))
            .map_err(|e| bad(format!("The patch does not apply: {e}")))?;
        // A copy can double the object, so it is looked at after each one.
        let bytes = bytes_within(&value, PATCHED_DEPTH_MAX);
        if bytes.is_none_or(|bytes| bytes > PATCHED_BYTES_MAX) {
            return Err(bad("The patch makes the object too large.".to_owned()));
        }
    }
    // A struct can be read from a list as well, its fields in order.
    if value.is_object() != was_object {
        return Err(bad("The patch makes the object invalid.".to_owned()));
    }
    serde_json::from_value(value).map_err(|e| bad(format!("The patch makes the object invalid: {e}")))
}

/// The most operations of one patch.
const PATCH_OPERATIONS_MAX: usize = 1_000;
/// The largest object that a patch may make, about, in bytes.
const PATCHED_BYTES_MAX: usize = 10 << 20;
/// How deep an object may be nested that a patch makes; as deep as one that is read.
const PATCHED_DEPTH_MAX: usize = 128;

/// About how many bytes a value takes; nothing if it is nested deeper than `depth`.
fn bytes_within(value: &Value, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(text) => Some(8 + text.len()),
        Value::Array(list) => list.iter().try_fold(8, |sum, item| Some(sum + bytes_within(item, depth)?)),
        Value::Object(map) => {
            map.iter().try_fold(8, |sum, (key, item)| Some(sum + key.len() + bytes_within(item, depth)?))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(8),
    }
}
