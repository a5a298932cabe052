//! Bodies made from valid ones by one change, and bodies that are any JSON at all.

use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::operations::{Operation, Rig, Who, operations};

/// Values that stand in for any part of a body.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(""),
        json!(" \t"),
        json!("a/b"),
        json!("../.."),
        json!("a\"b'c`;--"),
        json!("😀\u{202e}"),
        json!("\u{0}"),
        json!("\u{1b}[2J\r\nfake"),
        json!("x".repeat(10_000)),
        json!("2026-13-45T99:99:99Z"),
        json!("+262142-12-31T23:59:59Z"),
        json!("-0001-01-01T00:00:00Z"),
        json!([]),
        json!(["x"]),
        json!([null, 1, {}]),
        json!({}),
        json!({"x": {"y": [1]}}),
    ]
}

/// The places of everything within a value, the whole first.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, place: &str, found: &mut Vec<String>) {
        found.push(place.to_owned());
        match value {
            Value::Object(map) => map.iter().for_each(|(key, v)| walk(v, &format!("{place}/{key}"), found)),
            Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{place}/{i}"), found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// All bodies that differ from a valid one at one place: something odd there, nothing there, something more there.
fn mutations(valid: &Value) -> Vec<Value> {
    let mut bodies = Vec::new();
    for place in places(valid) {
        for odd in odd_values() {
            let mut body = valid.clone();
            *body.pointer_mut(&place).unwrap() = odd;
            bodies.push(body);
        }
        let mut body = valid.clone();
        match body.pointer_mut(&place).unwrap() {
            Value::Object(map) => {
                map.insert("unexpected".to_owned(), json!("x"));
                bodies.push(body);
            }
            Value::Array(list) => {
                list.extend(list.clone());
                bodies.push(body);
            }
            _ => {}
        }
        if let Some((parent, key)) = place.rsplit_once('/') {
            let mut body = valid.clone();
            if let Value::Object(map) = body.pointer_mut(parent).unwrap() {
                map.remove(key);
                bodies.push(body);
            }
        }
    }
    bodies
}

/// Any JSON value, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = proptest::prop_oneof![
        proptest::strategy::Just(Value::Null),
        proptest::prelude::any::<bool>().prop_map(Value::from),
        proptest::prelude::any::<i64>().prop_map(Value::from),
        proptest::prelude::any::<f64>().prop_map(Value::from),
        proptest::prelude::any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = proptest::prelude::any::<String>();
        proptest::prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

async fn check(rig: &Rig, operation: &Operation, body: &Value) -> bool {
    let (text, before) = (body.to_string(), rig.revision());
    let answer = rig.send(operation, text.clone()).await;
    let status = answer.status.as_u16();
    let shown: String = text.chars().take(300).collect();
    let context = format!("{} {} {shown}", operation.method, operation.template);
    if status >= 400 {
        rig.assert_refused(&answer, before, &context);
        return false;
    }
    for (method, path, body) in &operation.again {
        rig.it.admin(method, path, body.clone()).await;
    }
    true
}

/// Runs one part of the operations, so that parts run beside each other. The valid body succeeds, the others may.
async fn check_part(part: usize, parts: usize) {
    let mut runner = TestRunner::deterministic();
    let mut rig = Rig::new().await;
    for i in (0..operations(&rig).len()).filter(|i| i % parts == part) {
        let mut operation = operations(&rig).swap_remove(i);
        // What earlier bodies did to users and environments is in the way of these.
        if operation.template.contains("/user") || operation.template.contains("environments") {
            rig = Rig::new().await;
            operation = operations(&rig).swap_remove(i);
        }
        let prepare = match operation.template {
            "/api/admin/projects/{projectId}/revive" | "/api/admin/projects/{projectId}/delete" => {
                Some(("/api/admin/projects/default/archive", json!({"features": ["spare"]})))
            }
            "/api/admin/projects/{projectId}/environments" => {
                Some(("/api/admin/environments", json!({"name": "staging", "type": "test"})))
            }
            _ => None,
        };
        if let Some((path, body)) = prepare {
            assert!(rig.it.admin("POST", path, body).await.status.is_success());
        }
        let mut bodies = vec![operation.body.clone()];
        bodies.extend(mutations(&operation.body));
        bodies.extend((0..24).map(|_| any_json().new_tree(&mut runner).unwrap().current()));
        // These hash a password for every body that is well-formed: a sample will do.
        let costly =
            matches!(operation.who, Who::Nobody | Who::User | Who::Session) || operation.template.ends_with("password");
        let step = if costly && bodies.len() > 60 { 3 } else { 1 };
        let mut accepted = Vec::new();
        for body in bodies.iter().step_by(step) {
            accepted.push(check(&rig, &operation, body).await);
        }
        assert!(accepted[0], "{} {}: the valid body is refused", operation.method, operation.template);
        assert!(accepted.contains(&false), "{} {}: everything is accepted", operation.method, operation.template);
    }
}

macro_rules! parts {
    ($($name:ident $part:literal;)+) => {
        $(#[tokio::test]
        async fn $name() {
            check_part($part, 4).await;
        })+
    };
}

parts! {
    t38_bodies_one_change_away_from_valid_ones_never_break_anything_1 0;
    t38_bodies_one_change_away_from_valid_ones_never_break_anything_2 1;
    t38_bodies_one_change_away_from_valid_ones_never_break_anything_3 2;
    t38_bodies_one_change_away_from_valid_ones_never_break_anything_4 3;
}
