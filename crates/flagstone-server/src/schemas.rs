//! Checks request bodies against the published OpenAPI document, all faults at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flagstone_model::{Error, Fault};
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

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
        let faults: Vec<Fault> = validator.iter_errors(value).take(FAULTS_MAX).map(|error| fault(&error)).collect();
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

fn fault(error: &jsonschema::ValidationError<'_>) -> Fault {
    let place = format!("/body{}", error.instance_path());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            Fault { path: format!("{place}/{property}"), message: format!("The property `{property}` is required.") }
        }
        // Masked: a value may be a password.
        _ => Fault { path: place, message: format!("The value does not fit: {}.", error.masked_with("it")) },
    }
}
