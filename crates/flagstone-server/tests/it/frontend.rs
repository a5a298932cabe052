//! The frontend API: features evaluated for one context.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

/// The names of the features that are on.
async fn on(it: &Fixture, query: &str) -> Vec<String> {
    let answer = it.check("frontend", &format!("GET /api/frontend?{query}"), Value::Null, "200").await.json();
    names(&answer)
}

fn names(answer: &Value) -> Vec<String> {
    answer["toggles"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
}

/// Switches `flag` on for the plan `gold` alone.
async fn for_gold(it: &Fixture) {
    let place = "/api/admin/projects/alpha/features/flag/environments/development";
    it.check("admin", &format!("POST {place}/on"), Value::Null, "200").await;
    let gold = json!({"name": "flexibleRollout", "parameters": {"rollout": "100"}, "constraints": [{"contextName": "plan", "operator": "IN", "values": ["gold"]}]});
    let first = world().await.get("strategy");
    it.check("admin", &format!("PUT {place}/strategies/{first}"), gold, "200").await;
    let second = world().await.get("second strategy");
    it.check("admin", &format!("DELETE {place}/strategies/{second}"), Value::Null, "200").await;
}

#[tokio::test]
async fn only_what_is_on_for_the_context_is_given() {
    let it = fixture().await;
    assert_eq!(on(&it, "userId=7").await, ["lit"]);
    for_gold(&it).await;
    assert_eq!(on(&it, "properties[plan]=gold").await, ["flag", "lit"]);
    assert_eq!(on(&it, "properties%5Bplan%5D=gold").await, ["flag", "lit"]);
    assert_eq!(on(&it, "properties[plan]=free").await, ["lit"]);
    let post = async |body: Value| names(&it.check("frontend", "POST /api/frontend", body, "200").await.json());
    assert_eq!(post(json!({"context": {"properties": {"plan": "gold"}}})).await, ["flag", "lit"]);
    assert_eq!(post(json!({"context": {"plan": "free"}})).await, ["lit"]);
    assert_eq!(post(json!({})).await, ["lit"]);
    it.check("frontend", "POST /api/frontend", json!({"context": 7}), "400 BadDataError /body/context").await;
    it.check("frontend", "POST /api/frontend", json!([{"userId": "7"}]), "400 BadDataError /body").await;
}

#[tokio::test]
async fn the_environment_is_the_tokens_whatever_the_context_says() {
    let it = fixture().await;
    it.check("admin", "POST /api/admin/projects/alpha/features/other/environments/production/on", Value::Null, "200")
        .await;
    assert_eq!(on(&it, "environment=production").await, ["lit"]);
    let body = json!({"context": {"environment": "production", "properties": {"environment": "production"}}});
    assert_eq!(names(&it.check("frontend", "POST /api/frontend", body, "200").await.json()), ["lit"]);
}

#[tokio::test]
async fn nothing_of_other_projects_is_given() {
    let it = fixture().await;
    it.check("admin", "POST /api/admin/projects/omega/features/b-flag/environments/development/on", Value::Null, "200")
        .await;
    assert_eq!(on(&it, "project=omega").await, ["lit"]);
    let all = it
        .check("admin", "POST /api/admin/api-tokens", json!({"type": "frontend", "tokenName": "all"}), "201")
        .await
        .json();
    let answer = it.call(all["secret"].as_str().unwrap(), "GET", "/api/frontend", Value::Null).await.expect(200).json();
    assert_eq!(names(&answer).len(), 1, "b-flag asks for its segment's plan: {answer}");
    let answer =
        it.call(all["secret"].as_str().unwrap(), "GET", "/api/frontend?properties[plan]=gold", Value::Null).await;
    // By project, then by name.
    assert_eq!(names(&answer.json()), ["lit", "b-flag"]);
}

#[tokio::test]
async fn answers_hold_variants_and_no_rules() {
    let it = fixture().await;
    for_gold(&it).await;
    let answer = it.check("frontend", "GET /api/frontend?properties[plan]=gold", Value::Null, "200").await;
    for word in ["strategies", "constraints", "segments", "gold"] {
        assert!(!answer.text.contains(word), "{word}: {}", answer.text);
    }
    let flag = answer.json()["toggles"][0].clone();
    assert_eq!((&flag["name"], &flag["enabled"]), (&json!("flag"), &json!(true)));
    assert_eq!(flag["variant"]["name"], "blue");
    assert_eq!(flag["variant"]["feature_enabled"], true);
}

#[tokio::test]
async fn browsers_report_too() {
    let it = fixture().await;
    let metrics = json!({"appName": "web", "bucket": {"start": "2027-01-15T08:00:00Z", "stop": "2027-01-15T08:01:00Z", "toggles": {"lit": {"yes": 5, "no": 0}}}});
    it.check("frontend", "POST /api/frontend/client/metrics", metrics.clone(), "200").await;
    let raw = it.check("viewer", "GET /api/admin/client-metrics/features/lit/raw", Value::Null, "200").await.json();
    let counted: u64 = raw["data"].as_array().unwrap().iter().map(|row| row["yes"].as_u64().unwrap()).sum();
    assert_eq!(counted, 5);
    it.check("nobody", "POST /api/frontend/client/metrics", metrics.clone(), "401 AuthenticationRequired").await;
    it.check("backend", "POST /api/frontend/client/metrics", metrics, "403 NoAccessError").await;
}
