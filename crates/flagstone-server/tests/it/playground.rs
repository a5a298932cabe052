//! The playground: the answers are those that SDKs get, and the reasons are the engine's.

use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, world};

const SIMPLE: &str = "POST /api/admin/playground";
const ADVANCED: &str = "POST /api/admin/playground/advanced";
const FEATURES: &str = "/api/admin/projects/alpha/features";

/// The answer for one feature of alpha.
async fn ask(it: &Fixture, feature: &str, context: Value) -> Value {
    let body = json!({"environment": "development", "projects": ["alpha"], "context": context});
    named(&it.check("viewer", SIMPLE, body, "200").await, feature)
}

fn named(answer: &Answer, feature: &str) -> Value {
    let all = answer.json()["features"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["name"] == feature).unwrap_or_else(|| panic!("no {feature} in {}", answer.text))
}

async fn make(it: &Fixture, name: &str, strategies: &[Value]) {
    it.check("admin", &format!("POST {FEATURES}"), json!({"name": name}), "201").await;
    let there = format!("{FEATURES}/{name}/environments/development");
    for strategy in strategies {
        it.check("admin", &format!("POST {there}/strategies"), strategy.clone(), "200").await;
    }
    it.check("admin", &format!("POST {there}/on"), Value::Null, "200").await;
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let context = json!({"appName": "a"});
    for (request, body, expect) in [
        (SIMPLE, json!({}), "400 BadDataError /body/environment /body/context"),
        (SIMPLE, json!({"environment": "e", "context": {}}), "400 BadDataError /body/context/appName"),
        (
            SIMPLE,
            json!({"environment": "e", "context": {"appName": "", "currentTime": "x"}}),
            "400 BadDataError /body/context/appName /body/context/currentTime",
        ),
        (SIMPLE, json!({"environment": "e", "projects": "x", "context": context}), "400 BadDataError /body/projects"),
        (
            SIMPLE,
            json!({"environment": "e", "context": {"appName": "a", "properties": {"p": [1]}}}),
            "400 BadDataError /body/context/properties/p",
        ),
        (
            SIMPLE,
            json!({"environment": "e", "context": {"appName": "a", "userId": 7}}),
            "400 BadDataError /body/context/userId",
        ),
        (SIMPLE, json!({"environment": "nowhere", "projects": ["nowhere"], "context": context}), "200"),
        (ADVANCED, json!({"environments": [], "context": context}), "400 BadDataError /body/environments"),
        (ADVANCED, json!({"environments": ["e", "a b"], "context": context}), "400 BadDataError /body/environments/1"),
        (ADVANCED, json!({"environments": "e", "context": context}), "400 BadDataError /body/environments"),
        (ADVANCED, json!({"environments": ["nowhere"], "projects": [], "context": context}), "200"),
    ] {
        it.check("viewer", request, body, expect).await;
    }
    it.check("nobody", SIMPLE, json!({}), "401 AuthenticationRequired").await;
}

#[tokio::test]
async fn every_part_says_whether_it_holds() {
    let (it, world) = (fixture().await, world().await);
    it.check("admin", &format!("POST {FEATURES}/flag/environments/development/on"), Value::Null, "200").await;
    let flag = ask(&it, "flag", json!({"appName": "a", "userId": "7", "plan": "gold"})).await;
    assert_eq!((&flag["isEnabled"], &flag["isEnabledInCurrentEnvironment"]), (&json!(true), &json!(true)));
    let first = &flag["strategies"]["data"][0];
    assert_eq!((&first["id"], &first["name"]), (&json!(world.get("strategy")), &json!("flexibleRollout")));
    assert_eq!(first["constraints"][0]["result"], true);
    assert_eq!((&first["segments"][0]["name"], &first["segments"][0]["result"]), (&json!("shared"), &json!(true)));
    assert_eq!(first["segments"][0]["constraints"][0]["result"], true);
    assert_eq!(flag["variant"]["name"], "blue");
    let flag = ask(&it, "flag", json!({"appName": "a", "userId": "7", "plan": "free"})).await;
    assert_eq!((&flag["isEnabled"], &flag["strategies"]["result"]), (&json!(false), &json!(false)));
    assert_eq!(flag["strategies"]["data"][0]["constraints"][0]["result"], false);
    assert_eq!(flag["strategies"]["data"][0]["segments"][0]["result"], false);
    assert_eq!(flag["variant"], json!({"name": "disabled", "enabled": false, "feature_enabled": false}));
    // What would be is told of what is off as well.
    it.check("admin", &format!("POST {FEATURES}/flag/environments/development/off"), Value::Null, "200").await;
    let flag = ask(&it, "flag", json!({"appName": "a", "userId": "7", "plan": "gold"})).await;
    assert_eq!((&flag["isEnabled"], &flag["strategies"]["result"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn what_is_disabled_custom_or_a_child_is_told_apart() {
    let it = fixture().await;
    let gold = json!([{"contextName": "plan", "operator": "IN", "values": ["gold"]}]);
    let blue = json!([{"name": "blue", "weight": 1000, "stickiness": "random"}]);
    make(&it, "mixed", &[
        json!({"name": "default", "disabled": true, "constraints": gold}),
        json!({"name": "flexibleRollout", "parameters": {"rollout": "0", "stickiness": "default", "groupId": "g"}, "variants": blue}),
        json!({"name": "default", "title": "All", "variants": blue}),
    ]).await;
    let mixed = ask(&it, "mixed", json!({"appName": "a", "plan": "gold"})).await;
    let data = mixed["strategies"]["data"].as_array().unwrap();
    assert_eq!(data[0]["result"], json!({"enabled": "unknown", "evaluationStatus": "unevaluated"}));
    assert_eq!(data[0]["constraints"][0]["result"], true);
    assert_eq!(
        (&data[1]["result"]["enabled"], &data[1]["result"]["evaluationStatus"]),
        (&json!(false), &json!("complete"))
    );
    assert_eq!(data[1]["result"]["variant"], json!({"name": "blue", "enabled": true}));
    assert_eq!((&data[2]["result"]["enabled"], &data[2]["title"]), (&json!(true), &json!("All")));
    assert_eq!((&mixed["variant"]["name"], &mixed["variants"][0]["name"]), (&json!("blue"), &json!("blue")));
    // A child whose parent is off.
    make(&it, "young", &[]).await;
    it.check("admin", &format!("POST {FEATURES}/young/dependencies"), json!({"feature": "parent"}), "200").await;
    let young = ask(&it, "young", json!({"appName": "a"})).await;
    assert_eq!((&young["isEnabled"], &young["hasUnsatisfiedDependency"]), (&json!(false), &json!(true)));
    // One without the environment, or with no strategy at all.
    let other = ask(&it, "other", json!({"appName": "a"})).await;
    assert_eq!((&other["isEnabled"], &other["strategies"]), (&json!(false), &json!({"result": false, "data": []})));
}

#[tokio::test]
async fn every_context_is_tried_in_every_environment() {
    let it = fixture().await;
    let body = json!({"environments": ["production", "development", "development"], "projects": ["alpha"],
        "context": {"appName": "web", "properties": {"plan": "gold,free"}, "userId": "7, 8", "seats": 3, "more": {"a": 1}}});
    let answer = it.check("viewer", ADVANCED, body.clone(), "200").await;
    let flag = named(&answer, "flag");
    let there = flag["environments"]["development"].as_array().unwrap();
    let contexts: Vec<_> = there.iter().map(|one| one["context"].clone()).collect();
    let context = |plan: &str, user: &str| json!({"appName": "web", "plan": plan, "userId": user});
    assert_eq!(contexts, [context("gold", "7"), context("gold", " 8"), context("free", "7"), context("free", " 8")]);
    assert_eq!(flag["environments"]["production"].as_array().unwrap().len(), 4);
    assert_eq!(there[0]["strategies"]["data"][0]["constraints"][0]["result"], true);
    assert_eq!(there[2]["strategies"]["data"][0]["constraints"][0]["result"], false);
    assert_eq!(answer.json()["warnings"], json!({"invalidContextProperties": ["more", "seats"]}));
    assert_eq!(answer.json()["input"], body);
}

#[tokio::test]
async fn there_is_an_end_to_what_is_tried_at_once() {
    let it = fixture().await;
    let many = |users: usize| {
        let users: Vec<_> = (0..users).map(|n| n.to_string()).collect();
        json!({"environments": ["development"], "projects": ["alpha"], "context": {"appName": "a", "userId": users.join(",")}})
    };
    let features = it.check("viewer", ADVANCED, many(1), "200").await.json()["features"].as_array().unwrap().len();
    it.check("viewer", ADVANCED, many(15_000 / features), "200").await;
    it.check("viewer", ADVANCED, many(15_000 / features + 1), "400 BadDataError").await;
    let long = "1,".repeat(60_000);
    let context = json!({"appName": "a", "userId": long, "sessionId": long, "plan": long, "remoteAddress": long});
    let body = json!({"environments": ["development"], "projects": [], "context": context});
    it.check("viewer", ADVANCED, body, "400 BadDataError").await;
    let mut long = many(1_000);
    long["context"]["appName"] = json!("x".repeat(100_000));
    it.check("viewer", ADVANCED, long.clone(), "400 BadDataError").await;
    long["projects"] = json!([]);
    it.check("viewer", ADVANCED, long, "400 BadDataError").await;
    // Few combinations, and a very long answer.
    let values: Vec<_> = (0..250).map(|n| format!("{n:0>200}")).collect();
    let constraints: Vec<_> =
        (0..4).map(|n| json!({"contextName": format!("f{n}"), "operator": "IN", "values": values})).collect();
    make(&it, "long", &[json!({"name": "default", "constraints": constraints})]).await;
    it.check("viewer", ADVANCED, many(15_000 / (features + 1)), "400 BadDataError").await;
}

#[tokio::test]
async fn answers_are_those_that_sdks_get() {
    let (it, world) = (fixture().await, world().await);
    for rollout in 0..10 {
        let parameters = json!({"rollout": (rollout * 10).to_string(), "stickiness": "userId", "groupId": "g"});
        make(&it, &format!("rolled-{rollout}"), &[json!({"name": "flexibleRollout", "parameters": parameters})]).await;
    }
    let users: Vec<_> = (0..30).map(|n| n.to_string()).collect();
    let context = json!({"appName": "web", "plan": "gold", "userId": users.join(",")});
    let body = json!({"environments": ["development"], "projects": ["alpha"], "context": context});
    let answer = it.check("viewer", ADVANCED, body, "200").await.json();
    let (mut on, mut off) = (0, 0);
    for (n, user) in users.iter().enumerate() {
        let asked = json!({"context": {"appName": "web", "properties": {"plan": "gold"}, "userId": user}});
        let sdk = it.call(world.get("frontend"), "POST", "/api/frontend", asked).await.expect(200).json();
        let sdk: Vec<_> = sdk["toggles"].as_array().unwrap().iter().map(|toggle| toggle["name"].clone()).collect();
        for feature in answer["features"].as_array().unwrap() {
            let here = feature["environments"]["development"][n]["isEnabled"] == true;
            assert_eq!(here, sdk.contains(&feature["name"]), "{} for {user}", feature["name"]);
            *(if here { &mut on } else { &mut off }) += 1;
        }
    }
    assert!(on > 100 && off > 100, "{on} {off}");
}
