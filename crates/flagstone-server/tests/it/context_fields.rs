//! Context fields.

use serde_json::{Value, json};

use crate::world::{fixture, world};

const CONTEXT: &str = "/api/admin/context";

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("editor", &format!("POST {CONTEXT}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name").await;
    check(json!({"name": "a/b"}), "400 BadDataError /body/name").await;
    check(json!({"name": "x", "legalValues": [{}]}), "400 BadDataError /body/legalValues/0/value").await;
    check(json!({"name": "x", "stickiness": "yes"}), "400 BadDataError /body/stickiness").await;
    check(json!({"name": "userId"}), "409 NameExistsError").await;
    check(json!({"name": "new", "legalValues": [{"value": "a", "description": "A"}]}), "201").await;
    it.check("viewer", &format!("POST {CONTEXT}"), json!({"name": "y"}), "403 PermissionError").await;
    it.check("editor", &format!("POST {CONTEXT}/validate"), json!({"name": "new"}), "409 NameExistsError").await;
    it.check("editor", &format!("POST {CONTEXT}/validate"), json!({"name": "free"}), "200").await;
}

#[tokio::test]
async fn legal_values_come_and_go() {
    let it = fixture().await;
    let values = async || {
        let field = it.check("viewer", &format!("GET {CONTEXT}/plan"), Value::Null, "200").await.json();
        field["legalValues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["value"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    it.check("editor", &format!("POST {CONTEXT}/plan/legal-values"), json!({"value": "silver"}), "200").await;
    assert_eq!(values().await, ["gold", "free", "silver"]);
    it.check("editor", &format!("DELETE {CONTEXT}/plan/legal-values/gold"), Value::Null, "200").await;
    assert_eq!(values().await, ["free", "silver"]);
    it.check("editor", &format!("POST {CONTEXT}/plan/legal-values"), json!({}), "400 BadDataError /body/value").await;
    it.check("editor", &format!("POST {CONTEXT}/nothing/legal-values"), json!({"value": "x"}), "404 NotFoundError")
        .await;
    it.check("viewer", &format!("POST {CONTEXT}/plan/legal-values"), json!({"value": "x"}), "403 PermissionError")
        .await;
}

#[tokio::test]
async fn a_legal_value_changes_nothing_else_of_its_field() {
    let it = fixture().await;
    let field = async || it.check("viewer", &format!("GET {CONTEXT}/plan"), Value::Null, "200").await.json();
    let whole = json!({
        "description": "What they pay for", "stickiness": true, "sortOrder": 7,
        "legalValues": [{"value": "gold", "description": "Dear"}, {"value": "free"}],
    });
    it.check("editor", &format!("PUT {CONTEXT}/plan"), whole, "200").await;
    let before = field().await;
    let mut expect = before.clone();
    expect["legalValues"].as_array_mut().unwrap().push(json!({"value": "silver"}));
    it.check("editor", &format!("POST {CONTEXT}/plan/legal-values"), json!({"value": "silver"}), "200").await;
    assert_eq!(field().await, expect);
    it.check("editor", &format!("DELETE {CONTEXT}/plan/legal-values/silver"), Value::Null, "200").await;
    assert_eq!(field().await, before);
}

#[tokio::test]
async fn one_in_use_stays() {
    let it = fixture().await;
    it.check("editor", &format!("DELETE {CONTEXT}/plan"), Value::Null, "409 ConflictError").await;
    it.check("viewer", &format!("DELETE {CONTEXT}/spare"), Value::Null, "403 PermissionError").await;
    it.check("editor", &format!("DELETE {CONTEXT}/spare"), Value::Null, "200").await;
    it.check("editor", &format!("DELETE {CONTEXT}/spare"), Value::Null, "404 NotFoundError").await;
    it.check("editor", &format!("PUT {CONTEXT}/spare"), json!({}), "404 NotFoundError").await;
    let used = it.check("viewer", &format!("GET {CONTEXT}/plan/strategies"), Value::Null, "200").await.json();
    assert_eq!(used["strategies"][0]["featureName"], "flag");
}

#[tokio::test]
async fn the_segments_that_use_one_are_told_to_those_who_see_them() {
    let (it, world) = (fixture().await, world().await);
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    let segment = |name: &str, of: &str| json!({"id": world.get(of).parse::<i64>().unwrap(), "name": name});
    let all = [("own", "own segment"), ("shared", "shared segment"), ("spare", "spare segment")];
    let mut expect: Vec<_> = all.iter().map(|(name, of)| segment(name, of)).collect();
    for path in [format!("{CONTEXT}/plan"), "/api/admin/projects/alpha/context/plan".to_owned()] {
        let used = it.check("viewer", &format!("GET {path}/strategies"), Value::Null, "200").await.json();
        assert_eq!(used["segments"], json!(expect), "{path}");
    }
    expect.push(segment("theirs", "omega's segment"));
    let used = it.check("owner of omega", &format!("GET {CONTEXT}/plan/strategies"), Value::Null, "200").await.json();
    assert_eq!(used["segments"], json!(expect));
    let used = it.check("viewer", &format!("GET {CONTEXT}/spare/strategies"), Value::Null, "200").await.json();
    assert_eq!(used, json!({"strategies": [], "segments": []}));
}

#[tokio::test]
async fn those_of_a_project_are_its_own() {
    let it = fixture().await;
    let (alpha, omega) = ("/api/admin/projects/alpha/context", "/api/admin/projects/omega/context");
    it.check("member of alpha", &format!("POST {alpha}"), json!({"name": "zone"}), "201").await;
    for (path, expect) in [(alpha, "409 NameExistsError"), (omega, "409 NameExistsError")] {
        it.check("admin", &format!("POST {path}"), json!({"name": "zone"}), expect).await;
    }
    it.check("admin", "POST /api/admin/context", json!({"name": "zone"}), "409 NameExistsError").await;
    it.check("viewer", &format!("POST {alpha}"), json!({"name": "other"}), "403 PermissionError").await;
    it.check("member of alpha", "PUT /api/admin/context/zone", json!({}), "403 PermissionError").await;
    let nowhere = "POST /api/admin/projects/nowhere/context";
    it.check("admin", nowhere, json!({"name": "other"}), "404 NotFoundError").await;
    let unknown = json!({"name": "other", "project": "nowhere"});
    it.check("admin", "POST /api/admin/context", unknown, "400 BadDataError /body/project").await;
    let names = async |path: &str| {
        let list = it.check("viewer", &format!("GET {path}"), Value::Null, "200").await.json();
        list.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(alpha).await, ["own", "zone"]);
    assert!(!names("/api/admin/context").await.contains(&"zone".to_owned()));
    // Through another project they are not there, and those of all projects are only read through one.
    for (method, body) in [("PUT", json!({})), ("DELETE", Value::Null)] {
        it.check("admin", &format!("{method} {omega}/zone"), body.clone(), "404 NotFoundError").await;
        it.check("admin", &format!("{method} {alpha}/plan"), body, "404 NotFoundError").await;
    }
    it.check("viewer", &format!("GET {omega}/zone"), Value::Null, "404 NotFoundError").await;
    it.check("viewer", &format!("GET {alpha}/plan"), Value::Null, "200").await;
    let zone = it.check("viewer", "GET /api/admin/context/zone", Value::Null, "200").await.json();
    assert_eq!(zone["project"], "alpha");
    it.check("member of alpha", &format!("DELETE {alpha}/zone"), Value::Null, "200").await;
}

#[tokio::test]
async fn those_of_a_private_project_are_hidden_and_go_with_it() {
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    for request in ["GET /api/admin/context/b-field", "DELETE /api/admin/context/b-field"] {
        it.check("editor", request, Value::Null, "404 NotFoundError").await;
    }
    let update = json!({"description": "spied"});
    it.check("editor", "PUT /api/admin/context/b-field", update.clone(), "404 NotFoundError").await;
    it.check("editor", "PUT /api/admin/projects/omega/context/b-field", update, "404 NotFoundError").await;
    let new = json!({"name": "spy", "project": "omega"});
    it.check("editor", "POST /api/admin/context", new, "400 BadDataError /body/project").await;
    it.check("editor", "POST /api/admin/projects/omega/context", json!({"name": "spy"}), "404 NotFoundError").await;
    it.check("owner of omega", "GET /api/admin/context/b-field", Value::Null, "200").await;
    it.check("admin", "POST /api/admin/projects/empty/context", json!({"name": "e-field"}), "201").await;
    it.check("admin", "DELETE /api/admin/projects/empty", Value::Null, "200").await;
    it.check("admin", "GET /api/admin/context/e-field", Value::Null, "404 NotFoundError").await;
}
