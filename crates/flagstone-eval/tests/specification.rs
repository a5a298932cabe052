//! The Unleash client specification 6.1.0 (`tests/client-specification`, Apache-2.0): every case of every suite.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, clippy::match_bool)]

use std::fs;
use std::path::Path;

use chrono::DateTime;
use flagstone_eval::{Context, Document, Engine, Request, SplitMix64, Toggles};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    name: String,
    state: Value,
    #[serde(default)]
    tests: Vec<Case>,
    #[serde(default)]
    variant_tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    description: String,
    context: Context,
    toggle_name: String,
    expected_result: Value,
}

/// The enabled flags that the frontend API would answer with.
fn toggles(engine: &Engine, context: &Context, toggles: Toggles) -> Vec<Value> {
    let request = Request { toggles, ..Request::new(context, DateTime::UNIX_EPOCH) };
    let mut body = Vec::new();
    engine.write_frontend(&mut body, &request, &mut SplitMix64::seeded(1));
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["toggles"].as_array().unwrap().clone()
}

fn run(case: &Case, engine: &Engine, pick: &str, unknown: &Value) -> Result<(), String> {
    let now = DateTime::UNIX_EPOCH;
    let mut random = SplitMix64::seeded(1);
    let resolved = engine.resolve(&case.toggle_name, &case.context, now, &mut random);
    let one = resolved.map_or(Value::Null, |resolved| serde_json::to_value(resolved).unwrap());
    let written = toggles(engine, &case.context, Toggles::All);
    let all = written.into_iter().find(|toggle| toggle["name"] == *case.toggle_name);
    let all = all.unwrap_or_default();
    let on = toggles(engine, &case.context, Toggles::On);
    let listed = on.iter().any(|toggle| toggle["name"] == *case.toggle_name);
    if one != all || listed != (one["enabled"] == true) {
        return Err(format!("resolve says {one}, write_frontend {all}, listed: {listed}"));
    }
    let answer = one.get(pick).unwrap_or(unknown);
    match *answer == case.expected_result {
        true => Ok(()),
        false => Err(format!("expected {}, got {answer}", case.expected_result)),
    }
}

#[test]
fn every_case_of_every_suite_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client-specification");
    let index: Vec<String> = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    assert_eq!(index.len(), 22);
    let no_variant = json!({"name": "disabled", "enabled": false, "feature_enabled": false});
    let (mut cases, mut failures) = (0, Vec::new());
    for file in index {
        let suite: Suite = serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
        let state = serde_json::to_vec(&suite.state).unwrap();
        let (document, unread) = Document::parse(&state).unwrap();
        assert_eq!(unread, [], "{}", suite.name);
        let (engine, _) = Engine::from_document(&document);
        let tests = suite.tests.iter().map(|case| (case, "enabled", json!(false)));
        let variants = suite.variant_tests.iter().map(|case| (case, "variant", no_variant.clone()));
        for (case, pick, unknown) in tests.chain(variants) {
            cases += 1;
            if let Err(reason) = run(case, &engine, pick, &unknown) {
                failures.push(format!("{}: {}: {reason}", suite.name, case.description));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(cases, 279);
}
