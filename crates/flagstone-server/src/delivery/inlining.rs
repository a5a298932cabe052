//! Features for SDKs that do not know segments.

use serde_json::Value;

use super::content::Content;

/// A feature for SDKs that do not know segments: their constraints stand in its strategies. Nothing where it names none.
pub fn inlined(json: &[u8], content: &Content) -> Option<Vec<u8>> {
    let constraints_of = |json: &[u8]| match serde_json::from_slice::<Value>(json) {
        Ok(mut segment) => segment["constraints"].take(),
        Err(_) => Value::Null,
    };
    let mut feature = serde_json::from_slice::<Value>(json).ok()?;
    let mut names_any = false;
    for strategy in feature["strategies"].as_array_mut().into_iter().flatten() {
        let Some(Value::Array(ids)) = strategy.as_object_mut().and_then(|s| s.remove("segments")) else { continue };
        names_any = true;
        let segments = ids.iter().filter_map(|id| content.segment(id.as_i64()?));
        let mut added: Vec<Value> = segments
            .filter_map(|segment| match constraints_of(segment) {
                Value::Array(constraints) => Some(constraints),
                _ => None,
            })
            .flatten()
            .collect();
        match strategy.get_mut("constraints").and_then(Value::as_array_mut) {
            Some(constraints) => constraints.append(&mut added),
            None => strategy["constraints"] = Value::Array(added),
        }
    }
    names_any.then(|| feature.to_string().into_bytes())
}
