//! Context fields.

use serde_json::{Value, json};

use crate::world::fixture;

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
