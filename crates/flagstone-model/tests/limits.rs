//! Every limit is a rule's: what comes past the published schemas, as patches do, is held to the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use flagstone_model::api_tokens::{self, NewToken, TokenKind};
use flagstone_model::commit::Actor;
use flagstone_model::constraints::{Constraint, validate};
use flagstone_model::context_fields::{self, CreateContextField, LegalValue};
use flagstone_model::features::{self, CreateFeature, DependencyInput, StrategyInput, Variant};
use flagstone_model::projects::{self, CreateProject, UpdateProject};
use flagstone_model::segments::{self, SegmentInput};
use flagstone_model::{Draft, Entropy, Error, Limits, Principal, State, Surroundings, Timestamp, bootstrap};
use serde_json::{Value, json};

const PLACE: (&str, &str, &str) = ("default", "flag", "development");

/// Different bytes each time.
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

/// Runs a rule on an installation with the features `flag` and `parent`.
fn run<T>(rule: impl FnOnce(&mut Draft) -> Result<T, Error>) -> Result<T, Error> {
    let (limits, state) = (Limits::default(), State::default());
    let around = Surroundings {
        principal: &Principal::System,
        actor: Actor::system(),
        now: Timestamp::from_millis(1_800_000_000_000),
        limits: &limits,
        entropy: &mut Counter(0),
    };
    let mut draft = Draft::new(&state, around);
    bootstrap::first_start(&mut draft, "admin", "hash".to_owned()).unwrap();
    for name in ["flag", "parent"] {
        let input: CreateFeature = serde_json::from_value(json!({ "name": name })).unwrap();
        features::create(&mut draft, "default", input).unwrap();
    }
    rule(&mut draft)
}

/// Where faults are; nothing if there is none.
fn places<T>(outcome: Result<T, Error>) -> Vec<String> {
    match outcome {
        Ok(_) => Vec::new(),
        Err(Error::BadData(faults)) => faults.into_iter().map(|fault| fault.path).collect(),
        Err(other) => panic!("{other:?}"),
    }
}

/// What stands at the limit is taken, what is one beyond is refused, with its place.
fn check<T>(rule: impl Fn(&mut Draft, Value) -> Result<T, Error>, most: Value, too_much: Value, place: &str) {
    let shown = |value: &Value| value.to_string().chars().take(60).collect::<String>();
    assert_eq!(places(run(|draft| rule(draft, most.clone()))), Vec::<String>::new(), "{place}: {}", shown(&most));
    assert_eq!(places(run(|draft| rule(draft, too_much.clone()))), [place], "{}", shown(&too_much));
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn text(bytes: usize) -> Value {
    json!("x".repeat(bytes))
}

/// A list of so many different texts.
fn texts(count: usize) -> Value {
    (0..count).map(|n| format!("v{n}")).collect()
}

#[test]
fn of_constraints_wherever_they_stand() {
    let constraint = |name: &Value, values: &Value| json!({"contextName": name, "operator": "IN", "values": values});
    let regex = |value: &str| json!({"contextName": "a", "operator": "REGEX", "value": value});
    let ignored = |value: &Value| json!({"contextName": "a", "operator": "IN", "values": ["v"], "value": value});
    let cases = [
        (constraint(&text(255), &json!(["v"])), constraint(&text(256), &json!(["v"])), "contextName"),
        (constraint(&text(1), &json!(["v"])), constraint(&text(0), &json!(["v"])), "contextName"),
        (constraint(&text(1), &texts(250)), constraint(&text(1), &texts(251)), "values"),
        (constraint(&text(1), &json!([text(10_000)])), constraint(&text(1), &json!([text(10_001)])), "values/0"),
        (ignored(&text(10_000)), ignored(&text(10_001)), "value"),
        (regex("x"), regex(&"x".repeat(10_001)), "value"),
    ];
    for (most, too_much, place) in cases {
        let alone = |draft: &mut Draft, one: Value| validate(draft, &read::<Constraint>(one), &Limits::default());
        check(alone, most.clone(), too_much.clone(), &format!("/body/{place}"));
        let in_strategy = |draft: &mut Draft, one: Value| {
            features::add_strategy(draft, PLACE, read(json!({"name": "default", "constraints": [one]})))
        };
        check(in_strategy, most.clone(), too_much.clone(), &format!("/body/constraints/0/{place}"));
        let in_default = |draft: &mut Draft, one: Value| {
            let strategy = read(json!({"name": "default", "constraints": [one]}));
            projects::set_default_strategy(draft, "default", "development", strategy)
        };
        check(in_default, most.clone(), too_much.clone(), &format!("/body/constraints/0/{place}"));
        if place == "values" {
            continue;
        }
        let in_segment = |draft: &mut Draft, one: Value| {
            segments::create(draft, read::<SegmentInput>(json!({"name": "s", "constraints": [one]})))
        };
        check(in_segment, most, too_much, &format!("/body/constraints/0/{place}"));
    }
    let in_strategy = |draft: &mut Draft, list: Value| {
        features::add_strategy(draft, PLACE, read(json!({"name": "default", "constraints": list})))
    };
    let many = |count| Value::from(vec![constraint(&json!("a"), &json!(["v"])); count]);
    check(in_strategy, many(30), many(31), "/body/constraints");
}

#[test]
fn of_variants_wherever_they_stand() {
    let variant = |field: &str, value: Value| {
        let mut one = json!({"name": "v"});
        one[field] = value;
        one
    };
    let over = |name: Value, values: Value| variant("overrides", json!([{"contextName": name, "values": values}]));
    let overrides = |count| variant("overrides", Value::from(vec![json!({"contextName": "a", "values": []}); count]));
    let payload = |bytes| variant("payload", json!({"type": "string", "value": text(bytes)}));
    let cases = [
        (variant("name", text(255)), variant("name", text(256)), "0/name"),
        (variant("weight", json!(1_000)), variant("weight", json!(1_001)), "0/weight"),
        (variant("stickiness", text(255)), variant("stickiness", text(256)), "0/stickiness"),
        (overrides(30), overrides(31), "0/overrides"),
        (over(text(255), json!([])), over(text(256), json!([])), "0/overrides/0/contextName"),
        (over(text(1), json!([])), over(text(0), json!([])), "0/overrides/0/contextName"),
        (over(text(1), texts(1_000)), over(text(1), texts(1_001)), "0/overrides/0/values"),
        (over(text(1), json!([text(10_000)])), over(text(1), json!([text(10_001)])), "0/overrides/0/values/0"),
        (payload(100_000), payload(100_001), "0/payload/value"),
    ];
    for (most, too_much, place) in cases {
        let own = |draft: &mut Draft, one: Value| {
            features::overwrite_variants(draft, PLACE, read::<Vec<Variant>>(json!([one])))
        };
        check(own, most.clone(), too_much.clone(), &format!("/body/{place}"));
        let of_strategy = |draft: &mut Draft, one: Value| {
            features::add_strategy(draft, PLACE, read(json!({"name": "default", "variants": [one]})))
        };
        check(of_strategy, most, too_much, &format!("/body/variants/{place}"));
    }
    let own = |draft: &mut Draft, list: Value| features::overwrite_variants(draft, PLACE, read(list));
    let many = |count: usize| (0..count).map(|n| json!({"name": format!("v{n}")})).collect::<Value>();
    check(own, many(100), json!(many(101)), "/body");
}

#[test]
fn of_strategies() {
    let add = |draft: &mut Draft, field: &str, value: Value| {
        let mut strategy = json!({"name": "flexibleRollout"});
        strategy[field] = value;
        features::add_strategy(draft, PLACE, read::<StrategyInput>(strategy))
    };
    let named = |name: Value| json!({name.as_str().unwrap(): "v"});
    let many = |count: usize| (0..count).map(|n| (format!("p{n}"), json!(n))).collect::<Value>();
    check(|d, v| add(d, "title", v), text(10_000), text(10_001), "/body/title");
    check(|d, v| add(d, "parameters", v), many(100), many(101), "/body/parameters");
    check(|d, v| add(d, "parameters", v), named(text(255)), named(text(256)), "/body/parameters");
    check(|d, v| add(d, "parameters", v), named(text(1)), named(text(0)), "/body/parameters");
    check(
        |d, v| add(d, "parameters", json!({ "groupId": v })),
        text(100_000),
        text(100_001),
        "/body/parameters/groupId",
    );
    check(|d, v| add(d, "parameters", json!({ "a": v })), json!(true), json!([true]), "/body/parameters/a");
    check(|d, v| add(d, "parameters", json!({ "rollout": v })), json!(100), json!(101), "/body/parameters/rollout");
    let refused = places(run(|draft| add(draft, "segments", json!([1, 2, 3, 4, 5, 6]))));
    assert!(refused.contains(&"/body/segments".to_owned()), "{refused:?}");
}

#[test]
fn of_everything_else() {
    let create = |draft: &mut Draft, field: &str, value: Value| {
        let mut project = json!({"id": "new", "name": "New"});
        project[field] = value;
        projects::create(draft, read::<CreateProject>(project))
    };
    let update = |draft: &mut Draft, value: Value| projects::update(draft, "default", read::<UpdateProject>(value));
    let naming = |draft: &mut Draft, field: &str, value: Value| {
        let mut naming = json!({"pattern": ".*"});
        naming[field] = value;
        update(draft, json!({ "featureNaming": naming }))
    };
    check(|d, v| create(d, "name", v), text(255), text(256), "/body/name");
    check(|d, v| create(d, "id", v), text(100), text(101), "/body/id");
    check(|d, v| create(d, "description", v), text(10_000), text(10_001), "/body/description");
    check(|d, v| create(d, "defaultStickiness", v), text(255), text(256), "/body/defaultStickiness");
    check(|d, v| update(d, json!({ "defaultStickiness": v })), text(255), text(256), "/body/defaultStickiness");
    check(|d, v| naming(d, "example", v), text(255), text(256), "/body/featureNaming/example");
    check(|d, v| naming(d, "description", v), text(10_000), text(10_001), "/body/featureNaming/description");
    check(|d, v| naming(d, "pattern", v), json!("x"), text(1 << 20), "/body/featureNaming/pattern");

    let feature = |draft: &mut Draft, field: &str, value: Value| {
        let mut feature = json!({"name": "new"});
        feature[field] = value;
        features::create(draft, "default", read::<CreateFeature>(feature))
    };
    check(|d, v| feature(d, "name", v), text(100), text(101), "/body/name");
    check(|d, v| feature(d, "description", v), text(10_000), text(10_001), "/body/description");
    let depend = |draft: &mut Draft, variants: Value| {
        let input = read::<DependencyInput>(json!({"feature": "parent", "variants": variants}));
        features::add_dependency(draft, "default", "flag", input)
    };
    check(depend, texts(100), texts(101), "/body/variants");
    check(depend, json!([text(255)]), json!([text(256)]), "/body/variants/0");

    let field = |draft: &mut Draft, values: Value| {
        context_fields::create(draft, read::<CreateContextField>(json!({"name": "new", "legalValues": values})))
    };
    check(|d, v| field(d, json!([{ "value": v }])), text(255), text(256), "/body/legalValues/0/value");
    let many = |count: usize| (0..count).map(|n| json!({"value": n.to_string()})).collect::<Value>();
    check(field, many(1_000), many(1_001), "/body/legalValues");
    let put = |d: &mut Draft, v: Value| {
        context_fields::put_legal_value(d, "userId", read::<LegalValue>(json!({ "value": v })))
    };
    check(put, text(255), text(256), "/body/legalValues/0/value");

    let token = |draft: &mut Draft, projects: Value| {
        let (name, environment) = ("t".to_owned(), Some("development".to_owned()));
        let kind = TokenKind::Backend;
        api_tokens::create(draft, NewToken { name, kind, environment, projects: read(projects), expires_at: None })
    };
    check(token, json!(["*"]), json!([]), "/body/projects");
}
