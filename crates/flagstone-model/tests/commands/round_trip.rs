//! What leaves one installation arrives in another as it was.

use std::collections::BTreeMap;

use flagstone_model::commands::{context_fields, run, segments, strategy_types, transfer};
use flagstone_model::features::Feature;
use flagstone_model::transfer::{ExportQuery, ImportInput, Transfer, export};
use flagstone_model::{Error, Principal, State};
use serde_json::{Value, json};

use super::random::{Random, step};
use super::{Step, attempt, start};

const ENVIRONMENT: &str = "development";

/// A feature as its SDKs get it in an environment, in the words of no installation.
fn delivered(state: &State, feature: &Feature, environment: &str) -> Value {
    let Some(there) = feature.environments.get(environment) else { return Value::Null };
    let mut there = serde_json::to_value(there).unwrap();
    there.as_object_mut().unwrap().remove("switchedOnAt");
    for strategy in there["strategies"].as_array_mut().unwrap() {
        strategy["id"].take();
        for segment in strategy["segments"].as_array_mut().unwrap() {
            *segment = state.segments.get(&segment.as_i64().unwrap()).unwrap().name.clone().into();
        }
    }
    let links: Vec<_> = feature.links.iter().map(|link| (&link.url, &link.title)).collect();
    json!({
        "type": feature.kind, "description": feature.description, "stale": feature.stale, "there": there,
        "impressionData": feature.impression_data, "dependencies": feature.dependencies, "tags": feature.tags,
        "links": links,
    })
}

fn changed(state: State, now: i64, rule: impl FnOnce(&mut flagstone_model::Draft) -> Result<(), Error>) -> State {
    let ((), made) = attempt(&state, &Principal::System, now, rule).unwrap();
    made.map_or(state, |(_, state)| state)
}

/// A new installation with what an import expects to be there.
fn elsewhere(state: &State, now: i64) -> State {
    let mut there = start();
    for kind in state.strategy_types.values() {
        let input = serde_json::from_value(json!({ "name": kind.name, "parameters": kind.parameters })).unwrap();
        there = changed(there, now, |draft| run::<strategy_types::Create>(draft, &(), input).map(drop));
    }
    // Those that every installation has stay as they are when features arrive.
    let built_in: Vec<_> = there.context_fields.values().map(|field| field.name.clone()).collect();
    for name in built_in {
        let values = state.context_fields.get(name.as_str()).map(|field| field.legal_values.clone());
        let input = serde_json::from_value(json!({ "legalValues": values.unwrap_or_default() })).unwrap();
        there = changed(there, now, |draft| run::<context_fields::Update>(draft, &name, input).map(drop));
    }
    for segment in state.segments.values() {
        let input = serde_json::from_value(json!({ "name": segment.name, "constraints": [] })).unwrap();
        there = changed(there, now, |draft| run::<segments::Create>(draft, &(), input).map(drop));
    }
    there
}

/// How many features have arrived.
fn check(state: &State, project: &str, environment: &str, now: i64) -> usize {
    let query: ExportQuery = serde_json::from_value(json!({ "environment": environment, "project": project })).unwrap();
    let file = serde_json::to_string(&export(state, &query).unwrap()).unwrap();
    let data: Transfer = serde_json::from_str(&file).unwrap();
    let before = elsewhere(state, now);
    let input = ImportInput { project: "default".to_owned(), environment: ENVIRONMENT.to_owned(), data };
    let import = |state: &State| {
        attempt(state, &Principal::System, now, |draft| run::<transfer::Import>(draft, &(), input.clone()))
    };
    let after = match import(&before) {
        Ok(((), made)) => made.map_or(before, |(_, state)| state),
        // A field may have got legal values since a constraint was made that names others: that cannot be made again.
        Err(Error::BadData(faults)) if faults.iter().all(|fault| fault.path.contains("/constraints/")) => return 0,
        Err(error) => panic!("{error}: {file}"),
    };
    let all = |state: &State, project: &str, environment: &str| {
        let of_project = flagstone_model::features::of_project(state, project, false);
        of_project.map(|f| (f.name.clone(), delivered(state, f, environment))).collect::<BTreeMap<_, _>>()
    };
    let expect = all(state, project, environment);
    assert_eq!(all(&after, "default", ENVIRONMENT), expect, "{file}");
    assert!(import(&after).unwrap().1.is_none(), "what is there already is changed: {file}");
    expect.len()
}

#[test]
fn what_is_exported_arrives_as_it_was() {
    let mut random = Random::new(23);
    let (mut state, mut arrived) = (start(), 0);
    for n in 0..6_000 {
        let now = 1_800_000_000_000 + n;
        if n % 300 == 0 {
            state = start();
        }
        let administrator = Principal::User { id: 1, personal_token: None, generation: None };
        let made = step(&mut random, &Step { state: &state, principal: &administrator, now }).made;
        if let Ok(Some((_, after))) = made {
            state = after;
        }
        if n % 50 == 49 {
            let projects: Vec<_> = state.projects.values().filter(|p| p.archived_at.is_none()).cloned().collect();
            for project in projects {
                for environment in project.environments.keys() {
                    arrived += check(&state, &project.id, environment, now);
                }
            }
        }
    }
    assert!(arrived > 100, "only {arrived} features have arrived");
}
