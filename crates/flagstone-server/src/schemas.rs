//! Checks request bodies against the published OpenAPI document, all faults at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flagstone_model::{Error, Fault};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
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
        let malformed =
            |error: serde_json::Error| Error::bad_data("/body", format!("The body is not well-formed JSON: {error}."));
        let value: Value = serde_json::from_slice(bytes).map_err(malformed)?;
        self.check(&T::name(), &value)?;
        // Read from the text again, not from the value, so that a key that stands there twice is noticed.
        serde_json::from_slice(bytes)
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
