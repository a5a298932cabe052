//! Checks request bodies against the published OpenAPI document, all faults at once.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use flagstone_model::{Error, Fault};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use super::error::{Failure, sentence};

/// The most faults that one answer names.
const FAULTS_MAX: usize = 50;

/// What bodies are checked with: the schemas of the published document, all compiled at start. Clones share them.
#[derive(Clone)]
pub struct Schemas {
    compiled: Arc<HashMap<String, Validator>>,
}

impl Schemas {
    /// Compiles every schema of the documents that are published together. An error for one that does not compile, and
    /// for a name that stands for two things: each would let bodies pass that nobody has checked.
    pub fn of(documents: &[OpenApi]) -> anyhow::Result<Self> {
        let mut published = BTreeMap::<String, Value>::new();
        for components in documents.iter().filter_map(|document| document.components.as_ref()) {
            for (name, schema) in &components.schemas {
                let schema = serde_json::to_value(schema)?;
                let first = published.entry(name.clone()).or_insert_with(|| schema.clone());
                ensure!(*first == schema, "two different schemas are published as {name}");
            }
        }
        let compile = |name: &String| {
            let schema = with_references(&published, name)?;
            let validator = jsonschema::options().should_validate_formats(true).build(&schema);
            let validator = validator.map_err(|error| anyhow!("the schema {name} does not compile: {error}"))?;
            Ok((name.clone(), validator))
        };
        let compiled = published.keys().map(compile).collect::<anyhow::Result<_>>()?;
        Ok(Self { compiled: Arc::new(compiled) })
    }

    /// Reads a body: well-formed JSON, valid by its schema, and of type `T`.
    pub fn parse<T: DeserializeOwned + ToSchema>(&self, bytes: &[u8]) -> Result<T, Failure> {
        let value = serde_json::from_str(well_formed(bytes)?).map_err(malformed)?;
        self.check(&T::name(), &value)?;
        let parsed = serde_json::from_value(value);
        Ok(parsed.map_err(|error| Error::bad_data("/body", format!("The body cannot be used: {error}.")))?)
    }

    /// Checks a value against a published schema.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), Failure> {
        let Some(validator) = self.compiled.get(name) else {
            return Err(Failure::Internal(format!("no schema is published for the body {name}")));
        };
        let errors = validator.iter_errors(value).flat_map(|error| faults(&error));
        let faults: Vec<Fault> = errors.take(FAULTS_MAX).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::BadData(faults).into()) }
    }
}

/// Reads a body whose type `T` checks all that its schema says. Nearly all of them are right; only what is not is held
/// against the schema, which names every fault.
pub fn parse_report<T: DeserializeOwned + ToSchema>(bytes: &[u8], schemas: &Schemas) -> Result<T, Failure> {
    let text = well_formed(bytes)?;
    // serde takes a list of an object's values for the object; the schema does not.
    match serde_json::from_str(text) {
        Ok(report) if text.trim_ascii_start().starts_with('{') => Ok(report),
        _ => schemas.parse(bytes),
    }
}

/// The text of well-formed JSON without an object that has a key twice.
fn well_formed(bytes: &[u8]) -> Result<&str, Error> {
    // A text that is known to be UTF-8 is not looked at again string by string.
    let text = std::str::from_utf8(bytes).map_err(serde::de::Error::custom).map_err(malformed)?;
    serde_json::from_str(text).map(|UniqueKeys| text).map_err(malformed)
}

#[allow(clippy::needless_pass_by_value)]
fn malformed(error: serde_json::Error) -> Error {
    Error::bad_data("/body", format!("The body is not well-formed JSON: {error}."))
}

/// The schema of this name with those that it refers to, directly or not, and no others: a validator keeps a copy of all
/// that it is made from.
fn with_references(published: &BTreeMap<String, Value>, name: &str) -> anyhow::Result<Value> {
    let (mut needed, mut to_do) = (Map::new(), vec![name]);
    while let Some(name) = to_do.pop() {
        if !needed.contains_key(name) {
            let schema = published.get(name).with_context(|| format!("the schema {name} is not published"))?;
            needed.insert(name.to_owned(), schema.clone());
            add_references(schema, &mut to_do);
        }
    }
    Ok(json!({ "$ref": format!("{SCHEMA_PATH}{name}"), "components": { "schemas": needed } }))
}

/// Where a reference to a schema points to, before its name.
const SCHEMA_PATH: &str = "#/components/schemas/";

fn add_references<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    match schema {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|reference| reference.strip_prefix(SCHEMA_PATH)));
            fields.values().for_each(|field| add_references(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| add_references(item, names)),
        _ => {}
    }
}

/// JSON in which no object has a key twice: two readers of such a text could take it for two different things.
struct UniqueKeys;

#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Key<'k>(#[serde(borrow)] Cow<'k, str>);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = UniqueKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_bool<E>(self, _: bool) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_i64<E>(self, _: i64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_u64<E>(self, _: u64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_f64<E>(self, _: f64) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_str<E>(self, _: &str) -> Result<UniqueKeys, E> {
                Ok(UniqueKeys)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<UniqueKeys, A::Error> {
                while let Some(UniqueKeys) = items.next_element()? {}
                Ok(UniqueKeys)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<UniqueKeys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, UniqueKeys)) = entries.next_entry::<Key<'de>, _>()? {
                    keys.push(key);
                }
                keys.sort_unstable();
                if keys.is_sorted_by(|a, b| a < b) {
                    Ok(UniqueKeys)
                } else {
                    Err(A::Error::custom("an object has the same key twice"))
                }
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

/// The faults behind one error. Where a value may also be `null`, those of its other form.
fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    use ValidationErrorKind as K;
    if let K::AnyOf { context } | K::OneOfNotValid { context } = error.kind() {
        let is_null_form = |errors: &[ValidationError<'_>]| {
            errors.iter().any(|e| matches!(e.kind(), K::Type { kind: TypeKind::Single(JsonType::Null) }))
        };
        let (null_forms, others): (Vec<_>, Vec<_>) = context.iter().partition(|errors| is_null_form(errors));
        if let ([_], [form]) = (null_forms.as_slice(), others.as_slice()) {
            return form.iter().flat_map(faults).collect();
        }
    }
    vec![fault(error)]
}

fn fault(error: &ValidationError<'_>) -> Fault {
    use ValidationErrorKind as K;
    let place = format!("/body{}", error.instance_path());
    let message = match error.kind() {
        K::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let message = format!("The property `{property}` is required.");
            return Fault { path: format!("{place}/{property}"), message };
        }
        K::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map(String::as_str).unwrap_or_default();
            let path = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            return Fault { path, message: format!("There is no property `{name}` here.") };
        }
        K::Format { format } if format == "date-time" => {
            "The value must be a date-time such as 2026-01-31T12:00:00Z.".to_owned()
        }
        K::Pattern { pattern } => format!("The value must match {pattern}."),
        K::MinLength { .. } => "The value must not be empty.".to_owned(),
        K::MaxLength { limit } => format!("The value must have at most {limit} characters."),
        K::MinItems { limit } => format!("The list must hold at least {limit} items."),
        K::MaxItems { limit } => format!("The list must hold at most {limit} items."),
        // Masked: a value may be a password.
        _ => sentence(&error.masked_with("the value").to_string()),
    };
    Fault { path: place, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(schemas: &Value) -> OpenApi {
        let document = json!({
            "openapi": "3.1.0", "info": { "title": "", "version": "" }, "paths": {}, "components": { "schemas": schemas }
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn what_cannot_be_checked_by_ends_the_start() {
        let check = |documents: &[Value], expect: Option<&str>| {
            let documents: Vec<_> = documents.iter().map(document).collect();
            let error = Schemas::of(&documents).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expect.is_some(), "{error:?}");
            assert!(error.unwrap_or_default().contains(expect.unwrap_or_default()));
        };
        let text = json!({ "type": "string" });
        check(&[json!({ "A": text })], None);
        check(&[json!({ "A": text }), json!({ "A": text, "B": { "$ref": "#/components/schemas/A" } })], None);
        check(&[json!({ "A": text }), json!({ "A": { "type": "integer" } })], Some("two different schemas"));
        check(&[json!({ "A": { "type": "string", "pattern": "(" } })], Some("A does not compile"));
        check(&[json!({ "A": { "$ref": "#/components/schemas/Gone" } })], Some("Gone is not published"));
    }

    #[test]
    fn a_body_without_a_schema_is_no_valid_body() {
        let schemas = Schemas::of(&[document(&json!({ "A": { "type": "string" } }))]).unwrap();
        assert!(schemas.check("A", &json!("a")).is_ok());
        assert!(matches!(schemas.check("A", &json!(1)), Err(Failure::Refused(_))));
        assert!(matches!(schemas.check("B", &json!("a")), Err(Failure::Internal(_))));
    }
}
