//! Strategies and variants of features.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const PLACE: &str = "/api/admin/projects/alpha/features/flag/environments/development";

async fn strategies(it: &Fixture) -> Vec<Value> {
    let answer = it.check("viewer", &format!("GET {PLACE}/strategies"), Value::Null, "200").await.json();
    answer.as_array().unwrap().clone()
}

#[tokio::test]
async fn bodies_are_checked_all_at_once() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("member of alpha", &format!("POST {PLACE}/strategies"), body, expect).await;
    };
    let constraint = |operator: &str, more: Value| {
        let mut constraint = json!({"contextName": "plan", "operator": operator});
        constraint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"name": "default", "constraints": [constraint]})
    };
    check(json!({}), "400 BadDataError /body/name").await;
    check(json!({"name": "no-such"}), "400 BadDataError /body/name").await;
    for rollout in [json!("101"), json!("-1"), json!("half"), json!(1000)] {
        let body = json!({"name": "flexibleRollout", "parameters": {"rollout": rollout}});
        check(body, "400 BadDataError /body/parameters/rollout").await;
    }
    check(json!({"name": "default", "parameters": {"x": [1]}}), "400 BadDataError /body/parameters/x").await;
    check(json!({"name": "default", "segments": [999]}), "400 BadDataError /body/segments/0").await;
    check(json!({"name": "default", "segments": ["1"]}), "400 BadDataError /body/segments/0").await;
    check(constraint("NO_SUCH", json!({})), "400 BadDataError /body/constraints/0/operator").await;
    check(constraint("NUM_EQ", json!({"value": "seven"})), "400 BadDataError /body/constraints/0/value").await;
    check(constraint("DATE_AFTER", json!({"value": "tomorrow"})), "400 BadDataError /body/constraints/0/value").await;
    check(constraint("SEMVER_EQ", json!({"value": "1"})), "400 BadDataError /body/constraints/0/value").await;
    check(constraint("REGEX", json!({"value": "(a"})), "400 BadDataError /body/constraints/0/value").await;
    check(constraint("IN", json!({"values": ["gold"]})), "200").await;
    let both = json!({"name": "no-such", "segments": [999], "parameters": {"x": {}}});
    check(both, "400 BadDataError /body/name /body/parameters/x /body/segments/0").await;
}

#[tokio::test]
async fn they_come_go_and_change_with_their_events() {
    let it = fixture().await;
    let since = it.last_event();
    let before = strategies(&it).await.len();
    let body = json!({"name": "flexibleRollout", "title": "Ten", "parameters": {"rollout": 10}});
    let strategy = it.check("member of alpha", &format!("POST {PLACE}/strategies"), body, "200").await.json();
    assert_eq!(strategy["parameters"], json!({"groupId": "flag", "rollout": "10", "stickiness": "default"}));
    let path = format!("{PLACE}/strategies/{}", strategy["id"].as_str().unwrap());
    assert_eq!(strategies(&it).await.len(), before + 1);
    let patch = json!([{"op": "replace", "path": "/parameters/rollout", "value": "20"}]);
    it.check("member of alpha", &format!("PATCH {path}"), patch, "200").await;
    let found = it.check("viewer", &format!("GET {path}"), Value::Null, "200").await.json();
    assert_eq!((&found["parameters"]["rollout"], &found["title"]), (&json!("20"), &json!("Ten")));
    let broken = json!([{"op": "replace", "path": "/parameters/rollout", "value": "200"}]);
    it.check("member of alpha", &format!("PATCH {path}"), broken, "400 BadDataError /body/parameters/rollout").await;
    it.check("viewer", &format!("DELETE {path}"), Value::Null, "403 PermissionError").await;
    it.check("member of alpha", &format!("DELETE {path}"), Value::Null, "200").await;
    it.check("member of alpha", &format!("GET {path}"), Value::Null, "404 NotFoundError").await;
    it.check("member of alpha", &format!("DELETE {path}"), Value::Null, "404 NotFoundError").await;
    let kinds = ["feature-strategy-add", "feature-strategy-update", "feature-strategy-remove"];
    assert_eq!(it.event_types_since(since).await, kinds);
}

#[tokio::test]
async fn their_order_is_the_one_that_is_asked_for() {
    let (it, world) = (fixture().await, world().await);
    let (first, second) = (world.get("strategy"), world.get("second strategy"));
    let ids = async || strategies(&it).await.iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids().await, [first, second]);
    let request = format!("POST {PLACE}/strategies/set-sort-order");
    let order = json!([{"id": first, "sortOrder": 2}, {"id": second, "sortOrder": 1}]);
    it.check("UPDATE_FEATURE_STRATEGY", &request, order, "200").await;
    assert_eq!(ids().await, [second, first]);
    it.check("admin", &request, json!([{"id": "nothing", "sortOrder": 1}]), "400 BadDataError /body/0/id").await;
    it.check("admin", &request, json!([{"id": first}]), "400 BadDataError /body/0/sortOrder").await;
}

#[tokio::test]
async fn variants_share_out_a_thousand() {
    let it = fixture().await;
    let put = async |body: Value, expect: &str| {
        it.check("member of alpha", &format!("PUT {PLACE}/variants"), body, expect).await
    };
    let weights = |answer: Value| {
        let variants = answer["variants"].as_array().unwrap().clone();
        variants.iter().map(|v| v["weight"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let variable = |name: &str| json!({"name": name, "weight": 1, "weightType": "variable", "stickiness": "default"});
    let fixed =
        |name: &str, weight: u64| json!({"name": name, "weight": weight, "weightType": "fix", "stickiness": "default"});
    let three = put(json!([variable("a"), variable("b"), variable("c")]), "200").await.json();
    assert_eq!(weights(three), [333, 333, 334]);
    let mixed = put(json!([fixed("a", 500), variable("b"), variable("c")]), "200").await.json();
    assert_eq!(weights(mixed), [500, 250, 250]);
    put(json!([fixed("a", 400), fixed("b", 500)]), "400 BadDataError /body").await;
    put(json!([fixed("a", 600), fixed("b", 600)]), "400 BadDataError /body").await;
    put(json!([fixed("a", 1_001)]), "400 BadDataError /body/0/weight").await;
    put(json!([variable("a"), variable("a")]), "400 BadDataError /body/1/name").await;
    put(json!([variable(" ")]), "400 BadDataError /body/0/name").await;
    let with_payload = |kind: &str, value: &str| {
        let mut variant = variable("a");
        variant["payload"] = json!({"type": kind, "value": value});
        json!([variant])
    };
    put(with_payload("json", "{"), "400 BadDataError /body/0/payload/value").await;
    put(with_payload("number", "x"), "400 BadDataError /body/0/payload/value").await;
    put(with_payload("json", "{}"), "200").await;
    put(json!([]), "200").await;
}

#[tokio::test]
async fn constraints_are_validated_on_their_own() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("viewer", "POST /api/admin/constraints/validate", body, expect).await;
    };
    check(json!({"contextName": "plan", "operator": "IN", "values": ["gold"]}), "204").await;
    check(json!({"contextName": "other", "operator": "STR_CONTAINS", "values": ["x"]}), "204").await;
    check(json!({"contextName": "other", "operator": "NUM_GT", "value": "5"}), "204").await;
    check(json!({"operator": "IN", "values": ["gold"]}), "400 BadDataError /body/contextName").await;
    check(json!({"contextName": "plan", "operator": "LIKE"}), "400 BadDataError /body/operator").await;
    check(json!({"contextName": "other", "operator": "NUM_GT", "value": "x"}), "400 BadDataError /body/value").await;
    check(
        json!({"contextName": "plan", "operator": "IN", "values": ["no-legal-value"]}),
        "400 BadDataError /body/values/0",
    )
    .await;
}

#[tokio::test]
async fn the_types_are_listed() {
    let it = fixture().await;
    let list = it.check("viewer", "GET /api/admin/strategies", Value::Null, "200").await.json();
    let names: Vec<_> = list["strategies"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"default") && names.contains(&"flexibleRollout"), "{names:?}");
    for name in names {
        it.check("viewer", &format!("GET /api/admin/strategies/{name}"), Value::Null, "200").await;
    }
    it.check("viewer", "GET /api/admin/strategies/nothing", Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn one_that_nobody_would_see_on_is_off() {
    let it = fixture().await;
    let feature = "/api/admin/projects/alpha/features/lone";
    let place = format!("{feature}/environments/development");
    it.check("member of alpha", "POST /api/admin/projects/alpha/features", json!({"name": "lone"}), "201").await;
    let enabled = async || {
        it.check("viewer", &format!("GET {place}"), Value::Null, "200").await.json()["enabled"].as_bool().unwrap()
    };
    let body = json!({"name": "default"});
    let strategy = it.check("member of alpha", &format!("POST {place}/strategies"), body, "200").await.json();
    let path = format!("{place}/strategies/{}", strategy["id"].as_str().unwrap());
    let disabled = |is: bool| json!([{"op": "replace", "path": "/disabled", "value": is}]);
    for (request, body) in [
        (format!("PATCH {path}"), disabled(true)),
        (format!("PUT {path}"), json!({"name": "default", "disabled": true})),
    ] {
        it.check("member of alpha", &format!("PATCH {path}"), disabled(false), "200").await;
        it.check("member of alpha", &format!("POST {place}/on"), Value::Null, "200").await;
        assert!(enabled().await);
        let since = it.last_event();
        it.check("member of alpha", &request, body, "200").await;
        assert!(!enabled().await, "{request}");
        assert_eq!(it.event_types_since(since).await, ["feature-strategy-update", "feature-environment-disabled"]);
    }
    // Whatever there was, "on" leaves an active strategy.
    it.check("member of alpha", &format!("POST {place}/on"), Value::Null, "200").await;
    let found = it.check("viewer", &format!("GET {place}/strategies"), Value::Null, "200").await.json();
    let is_disabled: Vec<_> = found.as_array().unwrap().iter().map(|s| s["disabled"].as_bool().unwrap()).collect();
    assert_eq!((enabled().await, is_disabled), (true, vec![true, false]));
}

#[tokio::test]
async fn values_are_kept_as_written_and_delivered_as_all_read_them() {
    let (it, world) = (fixture().await, world().await);
    let strategy = format!("{PLACE}/strategies/{}", world.get("strategy"));
    let check = async |body: Value, stored: Value, delivered: Value| {
        let found = it.check("member of alpha", &format!("PUT {strategy}"), body.clone(), "200").await.json();
        let of = |strategy: &Value| {
            let pointer = if body["constraints"].is_null() { "/parameters" } else { "/constraints/0/value" };
            strategy.pointer(pointer).unwrap().clone()
        };
        assert_eq!(of(&found), stored, "{body}");
        let features = it.check("backend", "GET /api/client/features/flag", Value::Null, "200").await.json();
        assert_eq!(of(&features["strategies"][0]), delivered, "{body}");
    };
    let rollout = |rollout: Value| json!({"name": "flexibleRollout", "parameters": {"rollout": rollout, "stickiness": "", "groupId": ""}});
    let complete = |rollout: &str| json!({"rollout": rollout, "stickiness": "default", "groupId": "flag"});
    for (sent, stored, delivered) in [
        (json!("99.9"), "99.9", "99"),
        (json!(33.3333), "33.3333", "33"),
        (json!(" 50 "), " 50 ", "50"),
        (json!(""), "100", "100"),
    ] {
        check(rollout(sent), complete(stored), complete(delivered)).await;
    }
    let old = json!({"name": "gradualRolloutUserId", "parameters": {"percentage": "12.5"}});
    let whole = |percentage: &str| json!({"percentage": percentage, "groupId": "flag"});
    check(old, whole("12.5"), whole("12")).await;
    for (operator, sent, delivered) in [
        ("DATE_AFTER", "2024-01-01", "2024-01-01T00:00:00.000Z"),
        ("DATE_AFTER", "2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123Z"),
        ("NUM_GT", ".5", "0.5"),
        ("NUM_GT", "18", "18"),
    ] {
        let constraint = json!({"contextName": "plan", "operator": operator, "value": sent});
        check(json!({"name": "default", "constraints": [constraint]}), json!(sent), json!(delivered)).await;
    }
}

#[tokio::test]
async fn every_door_has_the_same_validator() {
    let (it, world) = (fixture().await, world().await);
    it.admin("POST", "/api/admin/context", json!({"name": "colour", "legalValues": [{"value": "red"}]}))
        .await
        .expect(201);
    let strategy = format!("{PLACE}/strategies/{}", world.get("strategy"));
    for (constraint, place) in [
        (json!({"contextName": "tier", "operator": "STR_CONTAINS", "values": []}), "values"),
        (json!({"contextName": "tier", "operator": "IN", "values": []}), "values"),
        (json!({"contextName": "tier", "operator": "NOT_IN"}), "values"),
        (json!({"contextName": "tier", "operator": "IN", "values": [""]}), "values/0"),
        (json!({"contextName": "tier", "operator": "SEMVER_EQ", "value": " 1.2.3"}), "value"),
        (json!({"contextName": "tier", "operator": "DATE_AFTER", "value": "+12024-01-01T00:00:00Z"}), "value"),
        (json!({"contextName": "colour", "operator": "IN", "values": ["red", "blue"]}), "values/1"),
    ] {
        let list = json!([constraint.clone()]);
        let with = json!({"name": "default", "constraints": list});
        let patch = json!([{"op": "replace", "path": "/constraints", "value": list}]);
        let default = "/api/admin/projects/alpha/environments/development/default-strategy";
        for (request, body) in [
            (format!("POST {PLACE}/strategies"), with.clone()),
            (format!("PUT {strategy}"), with.clone()),
            (format!("PATCH {strategy}"), patch),
            (format!("POST {default}"), with),
            ("POST /api/admin/segments".to_owned(), json!({"name": "new", "constraints": list})),
        ] {
            it.check("admin", &request, body, &format!("400 BadDataError /body/constraints/0/{place}")).await;
        }
        let expect = format!("400 BadDataError /body/{place}");
        it.check("admin", "POST /api/admin/constraints/validate", constraint, &expect).await;
    }
}
