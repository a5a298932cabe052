//! Checks request bodies against the published OpenAPI document, all faults at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use flagstone_model::{Error, Fault};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::error::sentence;

/// The most faults that one answer names.
const FAULTS_MAX: usize = 50;

/// The components of the published document; each schema is compiled on first use.
pub struct Schemas {
    components: Value,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    /// The schemas of a published OpenAPI document.
    pub fn new(openapi: &utoipa::openapi::OpenApi) -> Self {
        let components = serde_json::to_value(&openapi.components).unwrap_or_default();
        Self { components, compiled: Mutex::default() }
    }

    /// Reads a body: well-formed JSON, valid by its schema, and of type `T`.
    pub fn parse<T: DeserializeOwned + ToSchema>(&self, bytes: &[u8]) -> Result<T, Error> {
        let value = well_formed(bytes)?;
        self.check(&T::name(), &value)?;
        serde_json::from_value(value)
            .map_err(|error| Error::bad_data("/body", format!("The body cannot be used: {error}.")))
    }

    fn check(&self, name: &str, value: &Value) -> Result<(), Error> {
        let Some(validator) = self.validator(name) else { return Ok(()) };
        let errors = validator.iter_errors(value).flat_map(|error| faults(&error));
        let faults: Vec<Fault> = errors.take(FAULTS_MAX).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::BadData(faults)) }
    }

    fn validator(&self, name: &str) -> Option<Arc<Validator>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return Some(Arc::clone(validator));
        }
        let root = json!({ "$ref": format!("#/components/schemas/{name}"), "components": self.components });
        match jsonschema::options().should_validate_formats(true).build(&root) {
            Ok(validator) => {
                let validator = Arc::new(validator);
                compiled.insert(name.to_owned(), Arc::clone(&validator));
                Some(validator)
            }
            Err(error) => {
                tracing::error!(%error, schema = name, "a published schema does not compile");
                None
            }
        }
    }

    /// Whether a schema of this name is published and compiles.
    pub fn knows(&self, name: &str) -> bool {
        self.validator(name).is_some()
    }

    /// Checks any value against a published schema.
    pub fn check_value(&self, name: &str, value: &Value) -> Result<(), Error> {
        self.check(name, value)
    }
}

/// Reads a body whose type `T` checks all that its schema says. Nearly all of them are right; only what is not is held
/// against the schema, which names every fault.
pub fn parse_report<'s, T: DeserializeOwned + ToSchema>(
    bytes: &[u8],
    schemas: impl FnOnce() -> &'s Schemas,
) -> Result<T, Error> {
    let value = well_formed(bytes)?;
    match T::deserialize(&value) {
        // Serde takes a list for a struct as well.
        Ok(report) if value.is_object() => Ok(report),
        _ => schemas().parse(bytes),
    }
}

fn well_formed(bytes: &[u8]) -> Result<Value, Error> {
    let malformed =
        |error: serde_json::Error| Error::bad_data("/body", format!("The body is not well-formed JSON: {error}."));
    serde_json::from_slice(bytes).map(|UniqueKeys(value)| value).map_err(malformed)
}

/// A value in which no object has a key twice: two readers of such a text could take it for two different things.
struct UniqueKeys(Value);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
                Ok(bool.into())
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(text.into())
            }
            fn visit_string<E>(self, text: String) -> Result<Value, E> {
                Ok(text.into())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(UniqueKeys(item)) = items.next_element()? {
                    list.push(item);
                }
                Ok(list.into())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut map = Map::new();
                while let Some((key, UniqueKeys(value))) = entries.next_entry::<String, _>()? {
                    if map.insert(key, value).is_some() {
                        return Err(A::Error::custom("an object has the same key twice"));
                    }
                }
                Ok(map.into())
            }
        }
        deserializer.deserialize_any(AnyValue).map(Self)
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
