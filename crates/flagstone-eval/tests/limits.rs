//! Documents and contexts meant to do harm meet a limit, or are evaluated in bounded time, and never panic.
//! Tests named after a number guard the promise of that number.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

use std::time::{Duration, Instant};

use chrono::DateTime;
use flagstone_eval::{
    Context, Delta, Document, DocumentError, Engine, Event, Request, SplitMix64, Toggles, Warning, limits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Time limits are for optimized code; code under test without optimization gets this much more.
const SLOWNESS: u32 = if cfg!(debug_assertions) { 20 } else { 1 };

fn engine(document: &Value) -> (Engine, Vec<Warning>) {
    let (document, unread) = Document::parse(document.to_string().as_bytes()).unwrap();
    let (engine, mut warnings) = Engine::from_document(&document);
    warnings.extend(unread);
    (engine, warnings)
}

/// The names of the flags that are on.
fn on(engine: &Engine, context: &Context) -> Vec<String> {
    let request = Request::new(context, DateTime::UNIX_EPOCH);
    let resolved = engine.resolve_all(&request, &mut SplitMix64::seeded(1));
    resolved.iter().map(|flag| flag.name.to_owned()).collect()
}

fn on_within(limit: Duration, engine: &Engine, context: &Context) -> Vec<String> {
    let start = Instant::now();
    let names = on(engine, context);
    let took = start.elapsed();
    assert!(took < limit * SLOWNESS, "evaluation took {took:?}, the limit is {limit:?} (times {SLOWNESS})");
    names
}

fn flag(name: &str, constraints: Value) -> Value {
    json!({"name": name, "enabled": true, "strategies": [{"name": "default", "constraints": constraints}]})
}

fn email(value: String) -> Context {
    Context { properties: [("email".to_owned(), value)].into(), ..Context::default() }
}

#[test]
fn t35_regexes_have_a_size_limit_and_evaluate_in_linear_time() {
    let regex = |pattern: &str| json!([{"contextName": "email", "operator": "REGEX", "value": pattern}]);
    let long = "a".repeat(100_000);
    let (engine, warnings) = engine(&json!({"features": [
        flag("nested", regex("^(a+)+$")),
        flag("many", regex("(.*a){25}$")),
        flag("big", regex("x{1000}{1000}")),
        flag("long", regex(&long)),
    ]}));
    let warned: Vec<_> = warnings.iter().map(|warning| warning.subject.as_str()).collect();
    assert_eq!(warned, ["flag \"big\"", "flag \"long\""]);
    assert!(warnings[0].message.contains("limit of 1048576 bytes"), "{}", warnings[0]);
    assert!(warnings[1].message.contains("limit is 32768"), "{}", warnings[1]);

    let limit = Duration::from_millis(5);
    let almost = |letters: usize| email("a".repeat(letters) + "!");
    on(&engine, &almost(10));
    assert_eq!(on_within(limit, &engine, &almost(10_000)), [""; 0]);
    assert_eq!(on_within(limit * 100, &engine, &almost(1_000_000)), [""; 0]);
    assert_eq!(on_within(limit, &engine, &email("a".repeat(10_000))), ["many", "nested"]);
}

#[test]
fn t35_many_regexes_together_have_a_size_limit() {
    let constraint = |number: usize| json!([{"contextName": "email", "operator": "REGEX", "value": format!("x{{1000}}{{1000}}{number}")}]);
    let flags = (0..300).map(|number| flag(&format!("flag-{number}"), constraint(number)));
    let (mut engine, warnings) = engine(&json!({"features": flags.collect::<Vec<_>>()}));
    let together = warnings.iter().filter(|warning| warning.message.contains("all regular expressions together"));
    assert_eq!((warnings.len(), together.count()), (300, 300 - 256));
    // One that had no room has it when another goes.
    let late = json!([{"contextName": "email", "operator": "REGEX", "value": "^late$"}]);
    let events = json!({"events": [{"type": "feature-updated", "feature": flag("late", late)}]});
    let (Document::Delta(delta), _) = Document::parse(events.to_string().as_bytes()).unwrap() else { panic!() };
    assert!(engine.apply(&delta).iter().any(|warning| warning.message.contains("together")));
    assert_eq!(on(&engine, &email("late".to_owned())), [""; 0]);
    let gone: Vec<_> =
        (0..45).map(|number| json!({"type": "feature-removed", "featureName": format!("flag-{number}")})).collect();
    let (Document::Delta(delta), _) = Document::parse(json!({"events": gone}).to_string().as_bytes()).unwrap() else {
        panic!()
    };
    engine.apply(&delta);
    assert_eq!(on(&engine, &email("late".to_owned())), ["late"]);
    engine.apply(&Delta { events: vec![Event::FeatureRemoved { feature_name: "late".to_owned() }] });
    // What is gone counts no more.
    let removal = |number: usize| json!({"type": "feature-removed", "featureName": format!("flag-{number}")});
    let mut events: Vec<Value> = (0..300).map(removal).collect();
    let good = json!([{"contextName": "email", "operator": "REGEX", "value": "^good$"}]);
    events.push(json!({"type": "feature-updated", "feature": flag("good", good)}));
    let (document, _) = Document::parse(json!({ "events": events }).to_string().as_bytes()).unwrap();
    let Document::Delta(delta) = document else { panic!("not a delta") };
    assert_eq!(engine.apply(&delta), []);
    assert_eq!(on(&engine, &email("good".to_owned())), ["good"]);
}

#[test]
fn t36_a_hundred_thousand_values_are_evaluated_in_time() {
    let values: Vec<String> = (0..100_000).map(|number| format!("user-{number}@example.com")).collect();
    let constraint = |operator: &str| json!([{"contextName": "email", "operator": operator, "values": values}]);
    for operator in ["IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"] {
        let (engine, warnings) = engine(&json!({"features": [flag("huge", constraint(operator))]}));
        assert_eq!(warnings, [], "{operator}");
        let limit = Duration::from_millis(10);
        let last = email("user-99999@example.com".to_owned());
        assert_eq!(on_within(limit, &engine, &last), ["huge"], "{operator}");
        assert_eq!(on_within(limit, &engine, &email("nobody".to_owned())), [""; 0], "{operator}");
    }
}

#[test]
fn t36_ten_thousand_segments_are_evaluated_in_time() {
    let segments: Vec<Value> = (0..10_000)
        .map(|id| {
            json!({"id": id, "constraints": [
            {"contextName": "email", "operator": "NOT_IN", "values": [format!("{id}@example.com")]}]})
        })
        .collect();
    let ids: Vec<usize> = (0..10_000).collect();
    let flag = json!({"name": "all", "enabled": true, "strategies": [{"name": "default", "segments": ids}]});
    let (engine, warnings) = engine(&json!({"features": [flag], "segments": segments}));
    assert_eq!(warnings, []);
    let limit = Duration::from_millis(10);
    assert_eq!(on_within(limit, &engine, &email("a@example.com".to_owned())), ["all"]);
    assert_eq!(on_within(limit, &engine, &email("9999@example.com".to_owned())), [""; 0]);
}

#[test]
fn t36_flags_whose_parents_form_a_cycle_are_off() {
    for length in 1..=50 {
        let in_cycle = |number: usize| {
            let parent = format!("flag-{}", (number + 1) % length);
            json!({"name": format!("flag-{number}"), "enabled": true, "dependencies": [{"feature": parent}]})
        };
        let mut features: Vec<Value> = (0..length).map(in_cycle).collect();
        features.push(json!({"name": "bystander", "enabled": true}));
        let (engine, _) = engine(&json!({ "features": features }));
        let limit = Duration::from_millis(10);
        assert_eq!(on_within(limit, &engine, &Context::default()), ["bystander"], "length {length}");
    }
}

#[test]
fn t36_a_parent_with_many_children_and_strategies_is_evaluated_once() {
    let off: Vec<Value> =
        (0..2_000).map(|number| json!({"name": "userWithId", "parameters": {"userIds": number.to_string()}})).collect();
    let mut features = vec![json!({"name": "parent", "enabled": true, "strategies": off})];
    features.extend((0..2_000).map(|number| {
        let parents = vec![json!({"feature": "parent", "enabled": false}); 10];
        json!({"name": format!("child-{number}"), "enabled": true, "dependencies": parents})
    }));
    let (engine, _) = engine(&json!({ "features": features }));
    let context = Context { user_id: Some("nobody".to_owned()), ..Context::default() };
    assert_eq!(on_within(Duration::from_millis(10), &engine, &context).len(), 2_000);
}

#[test]
fn t48_one_broken_flag_leaves_the_rest_right() {
    let good = |number: usize| flag(&format!("flag-{number}"), json!([]));
    let constraint = |content: Value| flag("broken", json!([content]));
    let broken = [
        json!({"name": "broken", "enabled": "perhaps"}),
        json!({"name": "broken", "enabled": true, "strategies": {"not": "a list"}}),
        json!({"name": "broken", "enabled": true, "strategies": [{"parameters": {}}]}),
        json!({"name": "broken", "enabled": true, "strategies": [{"name": "flexibleRollout"}]}),
        json!({"name": "broken", "enabled": true, "strategies": [{"name": "default", "segments": [404]}]}),
        json!({"name": "broken", "enabled": true, "strategies": [{"name": "default", "segments": ["one"]}]}),
        constraint(json!({"contextName": "userId", "operator": "IS_NICE", "inverted": true})),
        constraint(json!({"contextName": "userId", "operator": "NUM_GT", "value": "x", "inverted": true})),
        constraint(json!({"contextName": "userId", "operator": "REGEX", "value": "(", "inverted": true})),
        constraint(json!({"contextName": "userId", "operator": "SEMVER_EQ", "inverted": true})),
        constraint(json!({"operator": "IN"})),
        constraint(json!("nonsense")),
        json!({"enabled": true}),
        json!(7),
        Value::Null,
    ];
    for broken in broken {
        let mut features: Vec<Value> = (0..1_000).map(good).collect();
        features[500] = broken.clone();
        let (engine, warnings) = engine(&json!({ "features": features }));
        assert_eq!(warnings.len(), 1, "{broken}: {warnings:?}");
        let names = on(&engine, &Context::default());
        assert_eq!(names.len(), 999, "{broken}");
        assert!(!names.contains(&"broken".to_owned()), "{broken}");
        // By delta, it is no different.
        let delta = json!({"events": [
            {"type": "hydration", "eventId": 1, "features": features, "segments": []},
            {"type": "feature-updated", "eventId": 2, "feature": broken},
            {"type": "feature-updated", "eventId": 3, "feature": good(1_000)},
        ]});
        let (document, _) = Document::parse(delta.to_string().as_bytes()).unwrap();
        assert_eq!(on(&Engine::from_document(&document).0, &Context::default()).len(), 1_000, "{broken}");
    }
}

#[test]
fn one_broken_strategy_leaves_its_flag_the_others() {
    let (engine, warnings) = engine(&json!({"features": [{"name": "flag", "enabled": true, "strategies": [
        {"name": "flexibleRollout", "parameters": {"rollout": "150"}},
        {"name": "default", "segments": [404]},
        {"name": "default", "constraints": [{"contextName": "userId", "operator": "IS_NICE"}]},
        {"name": "userWithId", "parameters": {"userIds": "7"}},
    ]}]}));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let user = |id: &str| Context { user_id: Some(id.to_owned()), ..Context::default() };
    assert_eq!(on(&engine, &user("7")), ["flag"]);
    assert_eq!(on(&engine, &user("8")), [""; 0]);
}

#[test]
fn documents_meet_a_limit_or_say_what_is_wrong() {
    let refused = |body: &[u8], words: &str| {
        let error = Document::parse(body).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(matches!(error, DocumentError::TooLong { .. }), words.contains("limit"));
    };
    refused(&vec![b' '; limits::DOCUMENT_BYTES_MAX + 1], "10000001 bytes long, the limit is 10000000");
    refused("[".repeat(1_000_000).as_bytes(), "cannot be read");
    refused(format!("{{\"features\":[{}", "[".repeat(1_000_000)).as_bytes(), "cannot be read");
    refused(b"", "cannot be read");
    refused(b"{}", "neither features nor events");
    refused(br#"{"features": 7}"#, "cannot be read");
    assert!(Document::parse_within(&vec![b' '; limits::DOCUMENT_BYTES_MAX + 1], usize::MAX).is_err());

    let deep = "{\"a\":".repeat(120) + "1" + &"}".repeat(120);
    let body = format!("{{\"features\":[{{\"name\":\"deep\",\"enabled\":true,\"strategies\":{deep}}}]}}");
    let (engine, warnings) = engine(&serde_json::from_str(&body).unwrap());
    assert_eq!((engine.len(), warnings.len()), (1, 1));
}

/// Any JSON, with the keys and words of documents among it.
fn any_json() -> impl Strategy<Value = Value> {
    let words = "name|enabled|userId|IN|NUM_GT|REGEX|IN_CIDR|STR_CONTAINS|DATE_AFTER|SEMVER_LT|flexibleRollout\
        |userWithId|default|random|1|-7|1\\.2\\.3|2022-01-29T13:00:00Z|10\\.0\\.0\\.0/8|\\(a\\+\\)\\+|\\PC{0,8}";
    let keys = "name|enabled|features|segments|events|type|feature|segment|strategies|parameters|constraints|variants\
        |dependencies|contextName|operator|values|value|inverted|weight|payload|stickiness|overrides|rollout|groupId|id";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(keys, inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A flag with all its parts in place and any JSON somewhere in it.
fn almost_a_flag() -> impl Strategy<Value = Value> {
    let whole = || {
        json!({"name": "f", "enabled": true,
            "strategies": [{"name": "flexibleRollout", "parameters": {"rollout": "50"}, "segments": [1],
                "constraints": [{"contextName": "userId", "operator": "IN", "values": ["1"]}],
                "variants": [{"name": "v", "weight": 1}]}],
            "variants": [{"name": "v", "weight": 1, "payload": {"type": "json", "value": "{}"},
                "overrides": [{"contextName": "userId", "values": ["1"]}]}],
            "dependencies": [{"feature": "g", "variants": ["v"]}]})
    };
    let places = [
        "/name",
        "/enabled",
        "/strategies",
        "/strategies/0",
        "/strategies/0/name",
        "/strategies/0/parameters",
        "/strategies/0/parameters/rollout",
        "/strategies/0/segments",
        "/strategies/0/constraints",
        "/strategies/0/constraints/0/operator",
        "/strategies/0/constraints/0/contextName",
        "/strategies/0/constraints/0/values",
        "/strategies/0/variants/0/weight",
        "/variants/0",
        "/variants/0/weight",
        "/variants/0/payload",
        "/variants/0/overrides/0",
        "/dependencies",
        "/dependencies/0/feature",
    ];
    (prop::sample::select(places.to_vec()), any_json()).prop_map(move |(place, json)| {
        let mut flag = whole();
        *flag.pointer_mut(place).unwrap() = json;
        flag
    })
}

/// Runs everything that a document and a context can be put through.
fn exercise(body: &[u8], context: &Value) {
    let context = serde_json::from_value(context.clone()).unwrap_or_default();
    let Ok((document, _)) = Document::parse(body) else {
        return;
    };
    let (engine, _) = Engine::from_document(&document);
    let mut random = SplitMix64::seeded(1);
    let now = DateTime::UNIX_EPOCH;
    let request = Request { toggles: Toggles::All, ..Request::new(&context, now) };
    let mut written = Vec::new();
    engine.write_frontend(&mut written, &request, &mut random);
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["toggles"].as_array().unwrap().len(), engine.len());
    for flag in engine.resolve_all(&request, &mut random) {
        serde_json::to_string(&engine.explain(flag.name, &context, now, &mut random)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_a_document_or_an_error(document in any_json(), context in any_json()) {
        exercise(document.to_string().as_bytes(), &context);
    }

    #[test]
    fn any_bytes_are_a_document_or_an_error(body in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&body, &Value::Null);
    }

    #[test]
    fn any_flags_can_be_evaluated(
        flags in prop::collection::vec(prop_oneof![almost_a_flag(), any_json()], 0..4),
        segments in prop::collection::vec(any_json(), 0..2),
        context in any_json(),
    ) {
        let whole = json!({"version": 2, "features": flags, "segments": segments});
        exercise(whole.to_string().as_bytes(), &context);
        let events = flags.iter().map(|flag| json!({"type": "feature-updated", "feature": flag}));
        let removal = json!({"type": "feature-removed", "featureName": "f"});
        let events: Vec<Value> = events.chain([removal]).collect();
        exercise(json!({ "events": events }).to_string().as_bytes(), &context);
    }
}
