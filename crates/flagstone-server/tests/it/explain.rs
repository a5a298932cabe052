//! Why one feature answers as it does: the same as the command line says of the same flags.

use axum::body::Body;
use axum::http::Request;
use clap::Parser;
use flagstone_server::evaluate::{self, EvaluateOptions};
use serde_json::{Value, json};

use crate::endpoints::document::Document;
use crate::fixture::Fixture;
use crate::world::{fixture, world};

const FEATURES: &str = "/api/admin/projects/alpha/features";
const TEMPLATE: &str = "/api/admin/projects/{projectId}/features/{featureName}/explain";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: EvaluateOptions,
}

async fn explain(it: &Fixture, who: &str, feature: &str, body: Value) -> Value {
    let answer = it.check(who, &format!("POST {FEATURES}/{feature}/explain"), body, "200").await;
    assert_eq!(Document::new().faults("POST", TEMPLATE, &answer), [""; 0], "{}", answer.text);
    answer.json()
}

/// What `flagstone evaluate --explain` prints of a feature in `development`, from what SDKs get there.
async fn printed(it: &Fixture, feature: &str, context: &Value) -> Value {
    let request = Request::get("/api/client/features").header("authorization", world().await.get("backend"));
    let request = request.header("unleash-client-spec", "5.2.0").body(Body::empty()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("features.json");
    std::fs::write(&file, it.send(request).await.expect(200).text).unwrap();
    let (file, context) = (file.to_str().unwrap(), context.to_string());
    let words = ["evaluate", "--features", file, "--context", &context, "--flag", feature, "--explain"];
    let mut output = Vec::new();
    evaluate::run(&Cli::parse_from(words).options, &mut output).await.unwrap();
    let line: Value = serde_json::from_slice(&output).unwrap();
    line["explanation"][0].clone()
}

/// A feature with something of everything: parents, segments, lists, rollouts, variants, what is disabled and custom.
async fn everything(it: &Fixture) {
    let world = world().await;
    let make = async |method: &str, path: String, body: Value| {
        let answer = it.admin(method, &path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    };
    make("POST", FEATURES.to_owned(), json!({"name": "whole", "impressionData": true})).await;
    make("POST", format!("{FEATURES}/whole/dependencies"), json!({"feature": "lit"})).await;
    let segment: i64 = world.get("shared segment").parse().unwrap();
    let payload = json!({"type": "string", "value": "x"});
    for strategy in [
        json!({"name": "userWithId", "parameters": {"userIds": "1,2"}}),
        json!({"name": "flexibleRollout", "disabled": true, "parameters": {"rollout": "100"}}),
        json!({"name": "spare", "parameters": {}}),
        json!({
            "name": "flexibleRollout", "segments": [segment], "title": "the one",
            "parameters": {"rollout": "100", "stickiness": "userId", "groupId": "g"},
            "constraints": [
                {"contextName": "userId", "operator": "STR_STARTS_WITH", "values": ["7"], "caseInsensitive": true},
                {"contextName": "weight", "operator": "NUM_GT", "value": "3", "inverted": true},
            ],
            "variants": [{"name": "blue", "weight": 1000, "weightType": "variable", "stickiness": "userId", "payload": payload}],
        }),
    ] {
        make("POST", format!("{FEATURES}/whole/environments/development/strategies"), strategy).await;
    }
    make("POST", format!("{FEATURES}/whole/environments/development/on"), Value::Null).await;
}

#[tokio::test]
async fn the_explanation_is_the_one_of_the_command_line() {
    let it = fixture().await;
    everything(&it).await;
    let mut reasons = std::collections::BTreeSet::new();
    for feature in ["whole", "flag", "child", "lit", "other"] {
        for context in [
            json!({"appName": "shop", "environment": "development", "userId": "7", "plan": "gold", "weight": "2"}),
            json!({"appName": "shop", "environment": "development", "userId": "1", "properties": {"plan": "free"}}),
            // Somebody without any name would be drawn anew each time.
            json!({"appName": "shop", "environment": "development", "sessionId": "9"}),
        ] {
            let all = explain(&it, "viewer", feature, json!({"context": context})).await;
            let names: Vec<_> = all["environments"].as_array().unwrap().iter().map(|e| &e["environment"]).collect();
            assert_eq!(names, ["development", "production"], "{all}");
            let here = &all["environments"][0];
            let expect = printed(&it, feature, &context).await;
            assert_eq!(here["explanation"], expect, "{feature} {context}");
            assert_eq!((&here["enabled"], &here["variant"]), (&expect["enabled"], &expect["variant"]));
            assert_eq!((&here["type"], &here["switchedOn"]), (&json!("development"), &expect["flagEnabled"]));
            let (ids, strategies) = (&here["strategyIds"], &expect["strategies"]);
            assert_eq!(ids.as_array().unwrap().len(), strategies.as_array().unwrap().len(), "{here}");
            reasons.insert(expect["reason"].to_string());
        }
    }
    assert_eq!(
        reasons.into_iter().collect::<Vec<_>>(),
        ["\"disabled\"", "\"no-strategy-matched\"", "{\"strategy\":0}", "{\"strategy\":2}"]
    );
}

#[tokio::test]
async fn environments_can_be_chosen_and_what_is_not_there_is_named() {
    let it = fixture().await;
    let (context, path) = (json!({"appName": "a"}), format!("POST {FEATURES}/flag/explain"));
    let some = json!({"context": context, "environments": ["production"]});
    let answer = explain(&it, "viewer", "flag", some).await;
    assert_eq!(answer["environments"].as_array().unwrap().len(), 1);
    assert_eq!(answer["environments"][0]["environment"], "production");
    // The environment is the one that is asked about, as SDKs have it.
    assert_eq!(answer["environments"][0]["switchedOn"], false);
    for (path, body, expect) in [
        (path.as_str(), json!({}), "400 BadDataError /body/context"),
        (&path, json!({"context": {"appName": ""}}), "400 BadDataError /body/context/appName"),
        (
            &path,
            json!({"context": context, "environments": ["development", "x"]}),
            "400 BadDataError /body/environments/1",
        ),
        (&path, json!({"context": context, "environments": "x"}), "400 BadDataError /body/environments"),
        (&format!("POST {FEATURES}/nothing/explain"), json!({"context": context}), "404 NotFoundError"),
        (&format!("POST {FEATURES}/old/explain"), json!({"context": context}), "404 NotFoundError"),
        ("POST /api/admin/projects/omega/features/flag/explain", json!({"context": context}), "404 NotFoundError"),
    ] {
        it.check("viewer", path, body, expect).await;
    }
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    let theirs = "POST /api/admin/projects/omega/features/b-flag/explain";
    it.check("viewer", theirs, json!({"context": context}), "404 NotFoundError").await;
    it.check("owner of omega", theirs, json!({"context": context}), "200").await;
}
