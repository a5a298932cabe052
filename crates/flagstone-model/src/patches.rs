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
