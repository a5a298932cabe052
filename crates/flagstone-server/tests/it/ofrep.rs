//! OFREP: what OpenFeature's clients get.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, world};

const FEATURES: &str = "/api/admin/projects/default/features";
const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// A feature that is on in `development`, with these strategies.
async fn flag(it: &Fixture, name: &str, strategies: &[Value]) {
    it.admin("POST", FEATURES, json!({ "name": name })).await.expect(201);
    let place = format!("{FEATURES}/{name}/environments/development");
    for strategy in strategies {
        it.admin("POST", &format!("{place}/strategies"), strategy.clone()).await.expect(200);
    }
    it.admin("POST", &format!("{place}/on"), Value::Null).await.expect(200);
}

fn rollout(percent: u8, stickiness: &str, variants: &[Value]) -> Value {
    let parameters = json!({"rollout": percent.to_string(), "stickiness": stickiness, "groupId": "sdk-rollout"});
    json!({"name": "flexibleRollout", "parameters": parameters, "variants": variants})
}

fn variant(name: &str, weight: u16, payload: Option<(&str, &str)>) -> Value {
    let mut variant = json!({"name": name, "weight": weight, "weightType": "variable", "stickiness": "userId"});
    if let Some((kind, value)) = payload {
        variant["payload"] = json!({"type": kind, "value": value});
    }
    variant
}

fn gold() -> Value {
    json!({"name": "default", "constraints": [{"contextName": "plan", "operator": "IN", "values": ["gold"]}]})
}

async fn ask(it: &Fixture, token: &str, key: &str, context: Value) -> Answer {
    it.call(token, "POST", &format!("{FLAGS}/{key}"), json!({ "context": context })).await
}

#[tokio::test]
async fn values_have_the_type_of_the_payload() {
    let it = Fixture::new().await;
    let token = it.token("default", "frontend", "development").await;
    let cases = [
        ("none", None, json!("v")),
        ("string", Some(("string", "red")), json!("red")),
        ("string-7", Some(("string", "7")), json!("7")),
        ("csv", Some(("csv", "a,b")), json!("a,b")),
        ("json", Some(("json", r#"{"a": [1, "b"]}"#)), json!({"a": [1, "b"]})),
        ("json-list", Some(("json", "[1, 2]")), json!([1, 2])),
        ("number", Some(("number", "42")), json!(42)),
        ("number-float", Some(("number", "-1.5e3")), json!(-1_500.0)),
        ("number-odd", Some(("number", " +5 ")), json!(5.0)),
    ];
    for (name, payload, expect) in cases {
        flag(&it, name, &[rollout(100, "default", &[variant("v", 1000, payload)])]).await;
        let answer = ask(&it, &token, name, json!({})).await.expect(200).json();
        let expect =
            json!({"key": name, "value": expect, "reason": "STATIC", "variant": "v", "metadata": {"enabled": true}});
        assert_eq!(answer, expect, "{name}");
    }
    flag(&it, "long-number", &[rollout(100, "default", &[variant("v", 1000, Some(("number", "1.10")))])]).await;
    let answer = ask(&it, &token, "long-number", json!({})).await;
    assert!(answer.text.contains(r#""value":1.10,"#), "{}", answer.text);
}

#[tokio::test]
async fn reasons_say_what_the_value_depends_on() {
    let it = Fixture::new().await;
    let token = it.token("default", "backend", "development").await;
    let red_and_blue = [variant("blue", 500, None), variant("red", 500, Some(("string", "r")))];
    flag(&it, "all", &[]).await;
    flag(&it, "default", &[json!({"name": "default"})]).await;
    flag(&it, "gold", &[gold()]).await;
    flag(&it, "half", &[rollout(50, "userId", &[])]).await;
    flag(&it, "with-user", &[rollout(100, "userId", &[])]).await;
    flag(&it, "split", &[rollout(100, "default", &red_and_blue)]).await;
    flag(&it, "gold-then-half", &[gold(), rollout(50, "userId", &[])]).await;
    flag(&it, "child", &[]).await;
    it.admin("POST", &format!("{FEATURES}/child/dependencies"), json!({"feature": "gold"})).await.expect(200);
    flag(&it, "off", &[]).await;
    it.admin("POST", &format!("{FEATURES}/off/environments/development/off"), Value::Null).await.expect(200);
    let (bob, gold) = (json!({"targetingKey": "2"}), json!({"plan": "gold"}));
    for (key, context, value, reason, variant) in [
        ("all", &bob, json!(true), "STATIC", "on"),
        ("default", &bob, json!(true), "STATIC", "on"),
        ("gold", &gold, json!(true), "TARGETING_MATCH", "on"),
        ("gold", &bob, json!(false), "DEFAULT", "off"),
        ("half", &bob, json!(true), "SPLIT", "on"),
        ("half", &json!({"targetingKey": "3"}), json!(false), "DEFAULT", "off"),
        ("with-user", &bob, json!(true), "TARGETING_MATCH", "on"),
        ("with-user", &gold, json!(false), "DEFAULT", "off"),
        ("split", &json!({"targetingKey": "6"}), json!("r"), "SPLIT", "red"),
        ("split", &bob, json!("blue"), "SPLIT", "blue"),
        ("gold-then-half", &gold, json!(true), "TARGETING_MATCH", "on"),
        ("gold-then-half", &bob, json!(true), "SPLIT", "on"),
        ("child", &gold, json!(true), "TARGETING_MATCH", "on"),
        ("child", &bob, json!(false), "DEFAULT", "off"),
        ("off", &bob, json!(false), "DISABLED", "off"),
    ] {
        let answer = ask(&it, &token, key, context.clone()).await.expect(200).json();
        let enabled = value != false;
        let expect =
            json!({"key": key, "value": value, "reason": reason, "variant": variant, "metadata": {"enabled": enabled}});
        assert_eq!(answer, expect, "{key} for {context}");
        let all = it.call(&token, "POST", FLAGS, json!({ "context": context })).await.expect(200).json();
        assert!(all["flags"].as_array().unwrap().contains(&expect), "{key} for {context}: {all}");
    }
}

#[tokio::test]
async fn the_targeting_key_is_the_user_unless_there_is_one() {
    let it = Fixture::new().await;
    let token = it.token("default", "frontend", "development").await;
    let named = |field: &str, values: &[&str]| json!({"name": "default", "constraints": [{"contextName": field, "operator": "IN", "values": values}]});
    flag(&it, "user", &[named("userId", &["7"])]).await;
    flag(&it, "key", &[named("targetingKey", &["7"])]).await;
    flag(&it, "address", &[named("remoteAddress", &["127.0.0.1"])]).await;
    flag(&it, "seats", &[named("seats", &["3"])]).await;
    flag(&it, "beta", &[named("beta", &["true"])]).await;
    flag(&it, "environment", &[named("environment", &["development"])]).await;
    for (key, context, expect) in [
        ("user", json!({"targetingKey": "7"}), true),
        ("user", json!({"targetingKey": 7}), true),
        ("user", json!({"targetingKey": "8", "userId": "7"}), true),
        ("user", json!({"targetingKey": "7", "userId": "8"}), false),
        ("user", json!({"targetingKey": "7", "userId": ""}), true),
        ("user", json!({"targetingKey": "8", "properties": {"userId": "7"}}), true),
        ("user", json!({"targetingKey": ["7"]}), false),
        ("user", json!({"targetingKey": ""}), false),
        ("user", Value::Null, false),
        ("key", json!({"targetingKey": "7", "userId": "8"}), true),
        ("address", json!({}), true),
        ("address", json!({"remoteAddress": "10.0.0.1"}), false),
        ("seats", json!({"seats": 3}), true),
        ("seats", json!({"properties": {"seats": "3"}}), true),
        ("beta", json!({"beta": true}), true),
        ("environment", json!({"environment": "production"}), true),
    ] {
        let answer = ask(&it, &token, key, context.clone()).await.expect(200).json();
        assert_eq!(answer["value"], expect, "{key} for {context}");
    }
    for body in [json!({}), json!({"context": null})] {
        let answer = it.call(&token, "POST", &format!("{FLAGS}/user"), body).await.expect(200).json();
        assert_eq!(answer["value"], false);
    }
}

#[tokio::test]
async fn refusals_are_in_the_words_of_openfeature() {
    let it = fixture().await;
    let send = async |key: &str, body: &str| {
        let request = Request::post(format!("{FLAGS}{key}")).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", world().await.get("frontend")));
        it.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    for (key, body, status, code) in [
        ("/flag", "{", 400, "PARSE_ERROR"),
        ("/flag", "", 400, "PARSE_ERROR"),
        ("/flag", "[]", 400, "PARSE_ERROR"),
        ("/flag", r#"{"context": {"a": 1, "a": 2}}"#, 400, "PARSE_ERROR"),
        ("/flag", r#"{"context": 7}"#, 400, "INVALID_CONTEXT"),
        ("/flag", r#"{"context": ["targetingKey"]}"#, 400, "INVALID_CONTEXT"),
        ("/nothing", r#"{"context": {}}"#, 404, "FLAG_NOT_FOUND"),
        ("/b-flag", r#"{"context": {}}"#, 404, "FLAG_NOT_FOUND"),
        ("", "{", 400, "PARSE_ERROR"),
        ("", r#"{"context": 7}"#, 400, "INVALID_CONTEXT"),
    ] {
        let answer = send(key, body).await.expect(status).json();
        assert_eq!(answer["errorCode"], code, "{key} {body}");
        assert!(!answer["errorDetails"].as_str().unwrap().is_empty(), "{key} {body}: {answer}");
        assert_eq!(answer["key"].as_str(), key.strip_prefix('/'), "{key} {body}: {answer}");
    }
    it.check("nobody", &format!("POST {FLAGS}"), json!({}), "401 AuthenticationRequired").await;
    it.check("garbage", &format!("POST {FLAGS}/flag"), json!({}), "401 UnauthorizedError").await;
    it.check("admin token", &format!("POST {FLAGS}/flag"), json!({}), "403 NoAccessError").await;
}

#[tokio::test]
async fn all_flags_of_the_tokens_projects_are_given_without_their_rules() {
    let it = fixture().await;
    let asked = json!({"context": {"targetingKey": "7", "plan": "gold"}});
    for who in ["frontend", "backend"] {
        let answer = it.check(who, &format!("POST {FLAGS}"), asked.clone(), "200").await;
        let flags = answer.json()["flags"].clone();
        let keys: Vec<_> = flags.as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["child", "flag", "lit", "other", "parent"], "of alpha, on or off");
        for word in ["strateg", "constraint", "segment", "gold", "omega", "parentFeature", world().await.get(who)] {
            assert!(!answer.text.contains(word), "{word}: {}", answer.text);
        }
    }
    let all = json!({"type": "frontend", "tokenName": "all"});
    let all = it.check("admin", "POST /api/admin/api-tokens", all, "201").await.json();
    let answer = it.call(all["secret"].as_str().unwrap(), "POST", FLAGS, asked).await.expect(200);
    assert!(answer.text.contains("b-flag"), "{}", answer.text);
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let it = Fixture::new().await;
    let token = it.token("default", "frontend", "development").await;
    flag(&it, "gold", &[gold()]).await;
    let send = async |context: Value, known: &str| {
        let request = Request::post(FLAGS).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::AUTHORIZATION, &token).header(header::IF_NONE_MATCH, known);
        let request = request.header(header::ORIGIN, "https://shop.example");
        it.send(request.body(Body::from(json!({ "context": context }).to_string())).unwrap()).await
    };
    let first = send(json!({"targetingKey": "7"}), "").await.expect(200);
    assert_eq!(first.headers["access-control-expose-headers"], "ETag");
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let same = send(json!({"targetingKey": "8"}), &etag).await.expect(304);
    assert_eq!((same.text.as_str(), same.headers["etag"].to_str().unwrap()), ("", etag.as_str()));
    send(json!({"targetingKey": "7", "plan": "gold"}), &etag).await.expect(200);
    it.admin("POST", &format!("{FEATURES}/gold/environments/development/off"), Value::Null).await.expect(200);
    let changed = send(json!({"targetingKey": "7"}), &etag).await.expect(200);
    assert_ne!(changed.headers["etag"], etag.as_str());
}
