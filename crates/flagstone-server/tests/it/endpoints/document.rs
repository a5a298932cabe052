//! The published OpenAPI document, as clients read it, and the golden files.

use std::path::Path;

use flagstone_server::routes;
use serde_json::{Value, json};

use crate::fixture::Answer;

/// The published document.
pub struct Document(Value);

impl Document {
    pub fn new() -> Self {
        Self(serde_json::to_value(routes::openapi()).unwrap())
    }

    /// Method, path and description of every operation.
    pub fn operations(&self) -> impl Iterator<Item = (String, &str, &Value)> {
        let methods = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
        let paths = self.0["paths"].as_object().unwrap().iter();
        paths.flat_map(move |(path, item)| {
            let operations = item.as_object().unwrap().iter().filter(move |(key, _)| methods.contains(&key.as_str()));
            operations.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let found = self.operations().find(|(m, p, _)| m == method && *p == path);
        found.unwrap_or_else(|| panic!("{method} {path} is not documented")).2
    }

    pub fn operation_id(&self, method: &str, path: &str) -> &str {
        self.operation(method, path)["operationId"].as_str().unwrap()
    }

    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap() + "\n"
    }

    /// How an answer differs from what is documented.
    pub fn faults(&self, method: &str, path: &str, answer: &Answer) -> Vec<String> {
        let documented = &self.operation(method, path)["responses"];
        let Some(response) = documented.get(answer.status.as_str()) else {
            return vec![format!("the status {} is not documented", answer.status)];
        };
        let Some(content) = response["content"].as_object().filter(|content| !content.is_empty()) else {
            return if answer.text.is_empty() { vec![] } else { vec!["a body that is not documented".to_owned()] };
        };
        let kind = answer.headers.get("content-type").map_or("", |v| v.to_str().unwrap());
        let kind = kind.split(';').next().unwrap().trim();
        let Some(content) = content.get(kind) else {
            return vec![format!("the content type {kind} is not documented")];
        };
        if kind != "application/json" {
            return vec![];
        }
        let (schema, value) = (&content["schema"], answer.json());
        let root = json!({"allOf": [schema], "components": self.0["components"]});
        let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
        let mut faults: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        self.find_undocumented(schema, &value, "", &mut faults);
        faults
    }

    fn resolved<'d>(&'d self, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// The properties that a schema names, those of its parts included; nothing if it allows any.
    fn properties<'d>(&'d self, schema: &'d Value) -> Option<Vec<(&'d str, &'d Value)>> {
        let schema = self.resolved(schema);
        let mut all: Vec<(&str, &Value)> = Vec::new();
        let mut closed = false;
        if let Some(properties) = schema["properties"].as_object() {
            closed = true;
            all.extend(properties.iter().map(|(name, schema)| (name.as_str(), schema)));
        }
        for parts in ["allOf", "oneOf", "anyOf"] {
            for part in schema[parts].as_array().into_iter().flatten().filter(|part| part["type"] != "null") {
                all.extend(self.properties(part)?);
                closed = true;
            }
        }
        (closed && schema.get("additionalProperties").is_none()).then_some(all)
    }

    fn find_undocumented(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                let Some(properties) = self.properties(schema) else { return };
                for (name, value) in object {
                    match properties.iter().find(|(known, _)| known == name) {
                        Some((_, schema)) => self.find_undocumented(schema, value, &format!("{place}/{name}"), faults),
                        None => faults.push(format!("{place}/{name} is not documented")),
                    }
                }
            }
            Value::Array(items) => {
                let schema = &self.resolved(schema)["items"];
                for (i, item) in items.iter().enumerate() {
                    self.find_undocumented(schema, item, &format!("{place}/{i}"), faults);
                }
            }
            _ => {}
        }
    }
}

/// Compares with a file in `api/`, or writes it if `UPDATE_GOLDEN` is set.
pub fn compare_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    let lines = golden.lines().zip(text.lines()).enumerate();
    let different = lines.filter(|(_, (old, new))| old != new).take(5).collect::<Vec<_>>();
    assert!(golden == text, "api/{name} differs; look at the diff of `make golden`. First lines: {different:#?}");
}

#[test]
fn every_part_of_a_path_that_varies_is_described() {
    for (method, path, operation) in Document::new().operations() {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let of_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let described: Vec<_> = of_path.map(|p| (p["name"].clone(), p["description"].is_string())).collect();
        let varying = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(described, varying.map(|name| (json!(name), true)).collect::<Vec<_>>(), "{method} {path}");
    }
}
