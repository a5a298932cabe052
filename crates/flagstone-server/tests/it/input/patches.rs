//! JSON patches that would make an object invalid, or enormous.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixture::Fixture;

const FLAG: &str = "/api/admin/projects/default/features/flag";

struct Place {
    it: Fixture,
    strategy: String,
    variants: String,
}

impl Place {
    async fn new() -> Self {
        let it = Fixture::new().await;
        let body = json!({"name": "flag", "description": "as it was"});
        it.admin("POST", "/api/admin/projects/default/features", body).await.expect(201);
        let development = format!("{FLAG}/environments/development");
        let strategy = json!({"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "default", "groupId": "flag"}});
        let strategy = it.admin("POST", &format!("{development}/strategies"), strategy).await.expect(200).json();
        let variants = format!("{development}/variants");
        it.admin("PUT", &variants, json!([{"name": "blue", "weight": 1000, "stickiness": "default"}]))
            .await
            .expect(200);
        let strategy = format!("{development}/strategies/{}", strategy["id"].as_str().unwrap());
        Self { it, strategy, variants }
    }

    /// Everything that a patch could touch.
    async fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for path in [FLAG, &self.strategy, &self.variants] {
            rows.push(self.it.admin("GET", path, Value::Null).await.expect(200).json());
        }
        rows
    }

    async fn check_refused(&self, path: &str, patch: Value) {
        let shown: String = patch.to_string().chars().take(200).collect();
        let (rows, revision, began) = (self.rows().await, self.it.app.public().state.seq, Instant::now());
        let answer = self.it.admin("PATCH", path, patch).await;
        assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text);
        assert_eq!(answer.error_name(), "BadDataError", "{shown}");
        assert!(answer.text.len() < 10_000, "{shown}: an answer of {} bytes", answer.text.len());
        assert_eq!(self.rows().await, rows, "{shown}");
        assert_eq!(self.it.app.public().state.seq, revision, "{shown}");
        assert!(began.elapsed() < Duration::from_secs(5), "{shown}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn t39_a_patch_that_makes_the_object_invalid_changes_nothing() {
    let it = Place::new().await;
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    for (path, value) in [
        ("/type", json!("no such type")),
        ("/type", json!(7)),
        ("/description", json!(["a"])),
        ("/description", json!("x".repeat(10_001))),
        ("/stale", json!("yes")),
        ("/impressionData", json!({})),
        ("", json!(null)),
        ("", json!([])),
        ("", json!("flag")),
        ("/no/such/place", json!(1)),
    ] {
        it.check_refused(FLAG, replace(path, value)).await;
    }
    for (path, value) in [
        ("/name", json!(null)),
        ("/constraints", json!({})),
        ("/constraints", json!([{"contextName": "a", "operator": "NO_SUCH", "values": []}])),
        ("/constraints", json!([{"contextName": "a", "operator": "NUM_EQ", "value": "x"}])),
        ("/constraints", json!([{"contextName": "a", "operator": "REGEX", "value": "("}])),
        ("/parameters", json!([])),
        ("/parameters/rollout", json!({})),
        ("/segments", json!([404])),
        ("/segments", json!(["a"])),
        ("/sortOrder", json!("first")),
        ("/variants", json!([{"name": "a", "weight": 1001, "weightType": "fix"}])),
        // What the schemas say of bodies as well.
        ("/constraints", json!([{"contextName": "a", "operator": "IN", "values": [], "vaules": ["b"]}])),
        ("/constraints", json!([{"contextName": "", "operator": "IN", "values": []}])),
        ("/constraints", json!([{"contextName": "x".repeat(256), "operator": "IN", "values": []}])),
        ("/constraints", json!([{"contextName": "a", "operator": "IN", "values": ["x".repeat(10_001)]}])),
        ("/variants", json!([{"name": "a", "weight": 1001}])),
        ("/variants", json!([{"name": "a", "stickiness": "x".repeat(256)}])),
        ("/variants", json!([{"name": "a", "overrides": [{"contextName": "", "values": []}]}])),
        ("/parameters", json!({"x".repeat(256): "v"})),
        ("/parameters", (0..101).map(|n| (format!("p{n}"), json!(n))).collect()),
        ("/title", json!("x".repeat(10_001))),
    ] {
        it.check_refused(&it.strategy, replace(path, value)).await;
    }
    for (path, value) in [
        ("/0/weight", json!(-1)),
        ("/0/weight", json!(1_001)),
        ("/0/stickiness", json!("x".repeat(256))),
        ("/0/overrides", json!([{"contextName": "x".repeat(256), "values": []}])),
        ("/0/overrides", json!([{"contextName": "a", "values": vec!["v"; 1_001]}])),
        ("/0/overrides", json!(vec![json!({"contextName": "a", "values": []}); 31])),
        ("/0/weightType", json!("heavy")),
        ("/0/name", json!("")),
        ("/0/payload", json!({"type": "json", "value": "{"})),
        ("/1/name", json!("red")),
        ("", json!({})),
    ] {
        it.check_refused(&it.variants, replace(path, value)).await;
    }
    // The patch itself is no patch.
    for patch in [
        json!({}),
        json!([{"op": "explode", "path": "/a"}]),
        json!([{"op": "replace", "path": "description", "value": 1}]),
        json!([{"op": "move", "path": "/description"}]),
        json!([{"op": "replace", "path": "/description"}]),
        json!([{"op": "test", "path": "/description", "value": "is something else"}]),
    ] {
        for path in [FLAG, &it.strategy, &it.variants] {
            it.check_refused(path, patch.clone()).await;
        }
    }
    // What comes before the fault is not stored either.
    let half = json!([{"op": "replace", "path": "/description", "value": "new"}, {"op": "remove", "path": "/nothing"}]);
    it.check_refused(FLAG, half).await;
    let good = replace("/description", json!("new"));
    it.it.admin("PATCH", FLAG, good).await.expect(200);
    assert_eq!(it.it.admin("GET", FLAG, Value::Null).await.json()["description"], "new");
}

#[tokio::test]
async fn t39_a_patch_cannot_move_an_object() {
    let it = Place::new().await;
    for (field, value) in
        [("name", json!("other")), ("project", json!("other")), ("createdAt", json!("2001-01-01T00:00:00Z"))]
    {
        let before = it.rows().await;
        let patch = json!([{"op": "replace", "path": format!("/{field}"), "value": value}]);
        let status = it.it.admin("PATCH", FLAG, patch).await.status;
        assert!(status == 200 || status == 400, "{status}");
        assert_eq!(it.rows().await[0][field], before[0][field], "{field}");
    }
}

#[tokio::test]
async fn t31_a_patch_cannot_grow_an_object_without_bound() {
    let it = Place::new().await;
    // Each copy doubles the object: 40 of them would make a terabyte.
    let mut doubling = vec![json!({"op": "add", "path": "/parameters/a", "value": "x".repeat(1_000)})];
    doubling.extend((0..40).map(|n| json!({"op": "copy", "from": "/parameters", "path": format!("/parameters/c{n}")})));
    it.check_refused(&it.strategy, Value::from(doubling)).await;
    // Each copy doubles the depth: twenty of them would overflow the stack when the object is dropped.
    let mut deepening = vec![json!({"op": "add", "path": "/parameters/a", "value": {}})];
    let mut place = "/parameters/a".to_owned();
    for _ in 0..14 {
        deepening.push(json!({"op": "copy", "from": "/parameters", "path": format!("{place}/a")}));
        place = format!("{place}{}", "/a".repeat(place.matches("/a").count()));
    }
    it.check_refused(&it.strategy, Value::from(deepening)).await;
    // So many operations are no change that a person makes.
    let many = vec![json!({"op": "test", "path": "/title", "value": null}); 20_000];
    it.check_refused(&it.strategy, Value::from(many)).await;
}

/// The limits that the published schemas of requests state. Each is a rule's too, which is what holds where no schema is
/// asked, as in a patch: `flagstone-model/tests/limits.rs` tries them on the rules, the cases above on patches. Reports of
/// SDKs are checked as they are read (`client/metrics.rs`).
const STATED: &[&str] = &[
    "BulkApplication/appName maxLength",
    "BulkApplication/appName minLength",
    "BulkApplication/instanceId maxLength",
    "BulkApplication/sdkVersion maxLength",
    "BulkMetric/appName maxLength",
    "BulkMetric/appName minLength",
    "BulkMetrics/applications maxItems",
    "BulkMetrics/metrics maxItems",
    "ClientApplication/appName maxLength",
    "ClientApplication/appName minLength",
    "ClientApplication/instanceId maxLength",
    "ClientApplication/sdkVersion maxLength",
    "ClientApplication/strategies maxItems",
    "ClientMetrics/appName maxLength",
    "ClientMetrics/appName minLength",
    "Constraint/contextName maxLength",
    "Constraint/contextName minLength",
    "CreateApiToken/projects minItems",
    "CreateProjectApiToken/type pattern",
    "IssuePlace/projects maxItems",
    "IssuePlace/projects minItems",
    "IssueRequest/tokens maxItems",
    "TokenStrings/tokens maxItems",
    "Variant/weight maximum",
];

/// Finds the limits below a schema; those of unsigned numbers are their type's.
fn limits_below(name: &str, schema: &Value, found: &mut BTreeSet<String>) {
    const KEYWORDS: &[&str] =
        &["maxLength", "minLength", "pattern", "maxItems", "minItems", "maximum", "maxProperties"];
    match schema {
        Value::Object(fields) => {
            for (field, below) in fields {
                match below {
                    Value::Object(properties) if field == "properties" => {
                        let named = |property: &String| format!("{}/{property}", name.split('/').next().unwrap());
                        properties.iter().for_each(|(property, below)| limits_below(&named(property), below, found));
                    }
                    Value::Object(_) | Value::Array(_) => limits_below(name, below, found),
                    _ if KEYWORDS.contains(&field.as_str()) => {
                        found.insert(format!("{name} {field}"));
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| limits_below(name, item, found)),
        _ => {}
    }
}

#[test]
fn no_limit_lives_in_a_schema_alone() {
    let document = serde_json::to_value(flagstone_server::routes::openapi()).unwrap();
    let mut found = BTreeSet::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        limits_below(name, schema, &mut found);
    }
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), STATED, "try a new one on its rule, then list it");
}
