//! Dependencies between features.

use serde_json::{Value, json};

use crate::world::{fixture, world};

const ALPHA: &str = "/api/admin/projects/alpha";

#[tokio::test]
async fn a_parent_is_one_level_up_in_the_same_project() {
    let it = fixture().await;
    let check = async |child: &str, body: Value, expect: &str| {
        it.check("member of alpha", &format!("POST {ALPHA}/features/{child}/dependencies"), body, expect).await;
    };
    check("flag", json!({}), "400 BadDataError /body/feature").await;
    for parent in ["flag", "nothing", "old", "b-parent", "child"] {
        check("flag", json!({"feature": parent}), "403 InvalidOperationError").await;
    }
    check("parent", json!({"feature": "flag"}), "403 InvalidOperationError").await;
    check("flag", json!({"feature": "parent", "variants": "blue"}), "400 BadDataError /body/variants").await;
    check("nothing", json!({"feature": "parent"}), "404 NotFoundError").await;
    check("flag", json!({"feature": "parent", "enabled": true}), "200").await;
    it.check(
        "viewer",
        &format!("POST {ALPHA}/features/flag/dependencies"),
        json!({"feature": "parent"}),
        "403 PermissionError",
    )
    .await;
    let seen = it.call(world().await.get("backend"), "GET", "/api/client/features/flag", Value::Null).await.expect(200);
    assert_eq!(seen.json()["dependencies"], json!([{"feature": "parent", "enabled": true}]));
}

#[tokio::test]
async fn a_parent_stays_while_others_depend_on_it() {
    let it = fixture().await;
    it.check("admin", &format!("DELETE {ALPHA}/features/parent"), Value::Null, "403 InvalidOperationError").await;
    it.check("admin", &format!("POST {ALPHA}/archive"), json!({"features": ["parent"]}), "403 InvalidOperationError")
        .await;
    let validation = it
        .check("admin", &format!("POST {ALPHA}/archive/validate"), json!({"features": ["parent", "flag"]}), "200")
        .await;
    assert_eq!(validation.json()["parentsWithChildFeatures"], json!(["parent"]));
    it.check("admin", &format!("POST {ALPHA}/archive"), json!({"features": ["parent", "child"]}), "202").await;
}

#[tokio::test]
async fn they_end_one_by_one_or_all_together() {
    let it = fixture().await;
    let exist = async || it.check("viewer", &format!("GET {ALPHA}/dependencies"), Value::Null, "200").await.json();
    assert_eq!(exist().await, true);
    it.check(
        "member of alpha",
        &format!("DELETE {ALPHA}/features/child/dependencies/other"),
        Value::Null,
        "404 NotFoundError",
    )
    .await;
    it.check("member of alpha", &format!("DELETE {ALPHA}/features/child/dependencies/parent"), Value::Null, "200")
        .await;
    assert_eq!(exist().await, false);
    it.check(
        "member of alpha",
        &format!("POST {ALPHA}/features/child/dependencies"),
        json!({"feature": "other"}),
        "200",
    )
    .await;
    it.check("member of alpha", &format!("DELETE {ALPHA}/features/child/dependencies"), Value::Null, "200").await;
    let since = it.last_event();
    it.check("member of alpha", &format!("DELETE {ALPHA}/features/child/dependencies"), Value::Null, "200").await;
    assert_eq!(it.event_types_since(since).await, [""; 0]);
}
