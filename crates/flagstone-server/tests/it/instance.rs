//! The installation as a whole: maintenance mode, origins, tokens for edges.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::{EDGE, Fixture};
use crate::world::{fixture, outcome};

const FEATURES: &str = "POST /api/admin/projects/alpha/features";
const MAINTENANCE: &str = "/api/admin/maintenance";

#[tokio::test]
async fn in_maintenance_nothing_changes_and_flags_are_delivered() {
    let it = fixture().await;
    let body = |enabled: bool| json!({ "enabled": enabled });
    it.check("editor", &format!("POST {MAINTENANCE}"), body(true), "403 PermissionError").await;
    it.check("viewer", &format!("GET {MAINTENANCE}"), Value::Null, "403 PermissionError").await;
    it.check("admin", &format!("POST {MAINTENANCE}"), json!({}), "400 BadDataError /body/enabled").await;
    it.check("admin", &format!("POST {MAINTENANCE}"), body(true), "204").await;
    let answer = it.check("admin", FEATURES, json!({"name": "new"}), "503 UnavailableError").await;
    assert!(answer.text.contains("maintenance"), "{}", answer.text);
    it.check("admin token", "DELETE /api/admin/context/spare", Value::Null, "503 UnavailableError").await;
    // Who may not is not told; what is wrong is.
    it.check("viewer", FEATURES, json!({"name": "new"}), "403 PermissionError").await;
    it.check("admin", FEATURES, json!({"name": "a b"}), "400 BadDataError /body/name").await;
    it.check("backend", "GET /api/client/features", Value::Null, "200").await;
    it.check("frontend", "GET /api/frontend", Value::Null, "200").await;
    it.check("viewer", "GET /api/admin/projects/alpha/features/flag", Value::Null, "200").await;
    let config = it.check("viewer", "GET /api/admin/ui-config", Value::Null, "200").await.json();
    assert_eq!((&config["maintenanceMode"], &config["flags"]["maintenanceMode"]), (&json!(true), &json!(true)));
    let since = it.last_event();
    it.check("admin", &format!("POST {MAINTENANCE}"), body(false), "204").await;
    it.check("admin", &format!("POST {MAINTENANCE}"), body(false), "204").await;
    it.check("admin", FEATURES, json!({"name": "new"}), "201").await;
    assert_eq!(it.event_types_since(since).await, ["setting-updated", "feature-created"]);
}

#[tokio::test]
async fn browsers_of_the_origins_that_are_set_may_ask() {
    let it = fixture().await;
    let allowed = async |origin: &str| {
        let request = Request::get("/api/frontend").header(header::ORIGIN, origin).body(Body::empty()).unwrap();
        let answer = it.send(request).await;
        answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
    };
    let set = async |origins: Value, expect: &str| {
        it.check("admin", "POST /api/admin/ui-config/cors", json!({ "frontendApiOrigins": origins }), expect).await;
    };
    assert_eq!(allowed("https://a.example").await.as_deref(), Some("*"));
    set(json!(["https://a.example"]), "204").await;
    assert_eq!(allowed("https://a.example").await.as_deref(), Some("https://a.example"));
    assert_eq!(allowed("https://b.example").await, None);
    let config = it.check("viewer", "GET /api/admin/ui-config", Value::Null, "200").await.json();
    assert_eq!(config["frontendApiOrigins"], json!(["https://a.example"]));
    set(
        json!(["nope", "*", "https://a.example/path"]),
        "400 BadDataError /body/frontendApiOrigins/0 /body/frontendApiOrigins/2",
    )
    .await;
    set(json!([]), "204").await;
    assert_eq!(allowed("https://a.example").await, None);
    let body = json!({"frontendApiOrigins": ["*"]});
    it.check("editor", "POST /api/admin/ui-config/cors", body, "403 PermissionError").await;
}

async fn issued(it: &Fixture, body: &Value) -> Value {
    it.call(EDGE, "POST", "/edge/issue-token", body.clone()).await.expect(200).json()["tokens"].clone()
}

#[tokio::test]
async fn an_edge_that_signs_gets_the_same_tokens_each_time() {
    let it = fixture().await;
    let body = json!({"tokens": [
        {"environment": "development", "projects": ["omega", "alpha", "omega"]}, {"environment": "production", "projects": ["*"]},
    ]});
    let first = issued(&it, &body).await;
    assert_eq!(issued(&it, &body).await, first);
    assert_eq!(first[0]["projects"], json!(["alpha", "omega"]));
    assert_eq!((&first[1]["type"], &first[1]["environment"]), (&json!("client"), &json!("production")));
    for token in first.as_array().unwrap() {
        let secret = token["token"].as_str().unwrap();
        it.call(secret, "GET", "/api/client/features", Value::Null).await.expect(200);
        let list = it.check("admin", "GET /api/admin/api-tokens", Value::Null, "200").await;
        assert!(!list.text.contains(secret));
    }
    let of_none = json!({"tokens": [{"environment": "development", "projects": []}]});
    let answer = it.call(EDGE, "POST", "/edge/issue-token", of_none).await;
    assert_eq!(outcome(&answer), "400 BadDataError /body/tokens/0/projects");
    let unknown = json!({"tokens": [{"environment": "nowhere", "projects": ["none", "*"]}]});
    let answer = it.call(EDGE, "POST", "/edge/issue-token", unknown).await;
    assert_eq!(outcome(&answer), "400 BadDataError /body/tokens/0/environment /body/tokens/0/projects");
}

#[tokio::test]
async fn a_request_for_tokens_counts_once_as_it_was_signed_and_soon() {
    let it = fixture().await;
    let body = json!({"tokens": [{"environment": "development", "projects": ["*"]}]}).to_string();
    let send = async |signature: &[(&'static str, String)], body: &str| {
        let mut request = Request::post("/edge/issue-token").header(header::CONTENT_TYPE, "application/json");
        for (name, value) in signature {
            request = request.header(*name, value);
        }
        outcome(&it.send(request.body(Body::from(body.to_owned())).unwrap()).await)
    };
    let signature = it.signature("one", body.as_bytes());
    assert_eq!(send(&signature, &body.replace('*', "alpha")).await, "401 UnauthorizedError", "another body");
    assert_eq!(send(&signature[..3], &body).await, "401 UnauthorizedError", "no hash");
    let changed = |at: usize, value: &str| {
        let mut changed = signature.clone();
        value.clone_into(&mut changed[at].1);
        changed
    };
    for (at, value) in
        [(0, "HMAC enterprise-edge:AAAA"), (0, "HMAC other:AAAA"), (1, "2027-01-15T08:00:01.000Z"), (2, "two")]
    {
        assert_eq!(send(&changed(at, value), &body).await, "401 UnauthorizedError", "{at} {value}");
    }
    assert_eq!(send(&signature, &body).await, "200");
    assert_eq!(send(&signature, &body).await, "401 UnauthorizedError", "again");
    let late = it.signature("late", body.as_bytes());
    it.advance(5 * 60_000);
    let early = it.signature("early", body.as_bytes());
    assert_eq!(send(&late, &body).await, "200");
    it.advance(1);
    assert_eq!(send(&it.signature("later", body.as_bytes()), &body).await, "200");
    it.advance(5 * 60_000);
    assert_eq!(send(&early, &body).await, "401 UnauthorizedError", "too late");
}
