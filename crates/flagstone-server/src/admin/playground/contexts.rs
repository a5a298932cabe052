//! The contexts that a playground's request stands for.

use std::collections::BTreeMap;

use flagstone_model::{Error, Faults, Timestamp};
use serde_json::{Map, Value};

use super::ContextBody;

/// The most answers of one request: features times environments times contexts. The same as Unleash's.
pub const COMBINATIONS_MAX: usize = 15_000;

/// The largest answer, in bytes: a few thousand contexts times long lists of constraints are more than anybody reads.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The answer would be too long.
pub fn too_long() -> Error {
    let most = ANSWER_BYTES_MAX >> 20;
    Error::bad_data("", format!("The answer would be longer than {most} MiB: ask for fewer contexts or projects."))
}

/// Whether an answer has become too long.
pub const fn is_too_long(bytes: usize) -> bool {
    bytes > ANSWER_BYTES_MAX
}

/// A context as it is shown: every field with a text.
pub type FlatContext = BTreeMap<String, String>;

/// The contexts behind one in which values have commas.
pub struct Flattened {
    /// The contexts.
    pub contexts: Vec<FlatContext>,
    /// The fields that are left out because their values are no texts.
    pub invalid: Vec<String>,
}

impl ContextBody {
    /// Fails if no context can look so.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Faults::default();
        if self.app_name.is_empty() {
            faults.add("/body/context/appName", "The application must have a name.");
        }
        if self.current_time.as_deref().is_some_and(|time| Timestamp::parse(time).is_none()) {
            faults.add("/body/context/currentTime", "The time must be a date-time such as 2026-01-31T12:00:00Z.");
        }
        faults.check()
    }

    /// The context as an SDK would read it.
    pub fn as_it_is(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// Every context that it stands for; an error if they are too many to be tried on so many features.
    pub fn flattened(&self, features: usize) -> Result<Flattened, Error> {
        let (mut fields, mut invalid) = (Vec::<(String, Vec<String>)>::new(), Vec::new());
        let mut add = |key: &str, text: &str| {
            // A comma in a time is no list.
            let texts = if key == "currentTime" { vec![text] } else { text.split(',').collect() };
            let texts = texts.into_iter().map(str::to_owned).collect();
            // What stands among the properties as well is what it is there, as for SDKs.
            if fields.iter().all(|(known, _)| known != key) {
                fields.push((key.to_owned(), texts));
            }
        };
        for (key, text) in self.properties.iter().flatten() {
            add(key, text);
        }
        let mut rest = self.as_it_is();
        rest.remove("properties");
        let app_name = rest.remove("appName");
        for (key, value) in &rest {
            match value {
                Value::String(text) => add(key, text),
                _ => invalid.push(key.clone()),
            }
        }
        add("appName", app_name.as_ref().and_then(Value::as_str).unwrap_or_default());
        let count = fields.iter().map(|(_, texts)| texts.len()).fold(1, usize::saturating_mul);
        let combinations = count.saturating_mul(features);
        if combinations > COMBINATIONS_MAX || count > COMBINATIONS_MAX {
            let message = format!(
                "These are {combinations} combinations of features, environments and contexts; at most {COMBINATIONS_MAX} are evaluated at once. Ask for fewer environments or projects, or fewer values of context fields ({count} contexts)."
            );
            return Err(Error::bad_data("", message));
        }
        // Each is there whole in the answer, once for each feature.
        let longest = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or_default();
        let bytes: usize = fields.iter().map(|(key, texts)| key.len() + longest(texts)).sum();
        if bytes.saturating_mul(combinations.max(count)) > ANSWER_BYTES_MAX {
            return Err(too_long());
        }
        let mut contexts = vec![FlatContext::new()];
        for (key, texts) in fields {
            let with = |context: FlatContext| {
                let key = key.clone();
                texts.iter().map(move |text| {
                    let mut context = context.clone();
                    context.insert(key.clone(), text.clone());
                    context
                })
            };
            contexts = contexts.into_iter().flat_map(with).collect();
        }
        Ok(Flattened { contexts, invalid })
    }
}
