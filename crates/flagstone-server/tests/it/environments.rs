//! Environments.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::fixture;

const ENVIRONMENTS: &str = "/api/admin/environments";

async fn names(it: &Fixture) -> Vec<String> {
    let answer = it.check("viewer", &format!("GET {ENVIRONMENTS}"), Value::Null, "200").await.json();
    answer["environments"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin", &format!("POST {ENVIRONMENTS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name /body/type").await;
    check(json!({"name": "a b", "type": "test"}), "400 BadDataError /body/name").await;
    check(json!({"name": "new", "type": ""}), "400 BadDataError /body/type").await;
    check(json!({"name": "new", "type": "test", "sortOrder": "first"}), "400 BadDataError /body/sortOrder").await;
    check(json!({"name": "development", "type": "test"}), "409 NameExistsError").await;
    check(json!({"name": "new", "type": "test"}), "201").await;
    it.check("editor", &format!("POST {ENVIRONMENTS}"), json!({"name": "x", "type": "test"}), "403 PermissionError")
        .await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/validate"), json!({"name": "new"}), "409 NameExistsError").await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/validate"), json!({"name": "free"}), "200").await;
    assert_eq!(names(&it).await.last().unwrap(), "new", "new ones come last");
}

#[tokio::test]
async fn the_order_is_the_one_that_is_asked_for() {
    let it = fixture().await;
    assert_eq!(names(&it).await, ["development", "production", "staging", "closed"]);
    let order = json!({"closed": 1, "staging": 2, "production": 3, "development": 4});
    it.check("admin", &format!("PUT {ENVIRONMENTS}/sort-order"), order, "200").await;
    assert_eq!(names(&it).await, ["closed", "staging", "production", "development"]);
    let request = format!("PUT {ENVIRONMENTS}/sort-order");
    it.check("admin", &request, json!({"staging": 9, "nowhere": 1}), "404 NotFoundError").await;
    it.check("admin", &request, json!({"staging": "first"}), "400 BadDataError /body/staging").await;
}

#[tokio::test]
async fn a_copy_has_the_same_features_on() {
    let it = fixture().await;
    let request = format!("POST {ENVIRONMENTS}/development/clone");
    it.check("admin", &request, json!({"name": "copy", "type": "test", "projects": ["alpha"]}), "201").await;
    let place = "GET /api/admin/projects/alpha/features/lit/environments";
    let original = it.check("viewer", &format!("{place}/development"), Value::Null, "200").await.json();
    let copy = it.check("viewer", &format!("{place}/copy"), Value::Null, "200").await.json();
    assert_eq!(copy["enabled"], true);
    assert_ne!(copy["strategies"][0]["id"], original["strategies"][0]["id"]);
    it.check(
        "viewer",
        "GET /api/admin/projects/omega/features/b-flag/environments/copy",
        Value::Null,
        "404 NotFoundError",
    )
    .await;
    it.check("admin", &request, json!({"name": "copy"}), "409 NameExistsError").await;
    it.check("admin", &request, json!({"name": "x", "projects": ["nowhere"]}), "400 BadDataError /body/projects/0")
        .await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/nowhere/clone"), json!({"name": "x"}), "404 NotFoundError").await;
    // A project in the archive has it as well when it was made, and is left alone.
    it.check("admin", &request, json!({"name": "copy-of-all"}), "201").await;
}

#[tokio::test]
async fn deleting_one_takes_what_is_in_it_and_the_last_one_of_a_project_stays() {
    let it = fixture().await;
    it.check("admin", "DELETE /api/admin/projects/empty/environments/production", Value::Null, "200").await;
    it.check("admin", &format!("DELETE {ENVIRONMENTS}/development"), Value::Null, "409 ConflictError").await;
    it.check("admin", "DELETE /api/admin/projects/empty", Value::Null, "200").await;
    it.check("editor", &format!("DELETE {ENVIRONMENTS}/development"), Value::Null, "403 PermissionError").await;
    it.check("admin", &format!("DELETE {ENVIRONMENTS}/development"), Value::Null, "200").await;
    it.check("backend", "GET /api/client/features", Value::Null, "401 UnauthorizedError").await;
    assert!(it.app.public().state.api_tokens.values().all(|t| t.environment != "development"));
    it.check("admin", &format!("GET {ENVIRONMENTS}/development"), Value::Null, "404 NotFoundError").await;
    assert!(it.app.public().state.features.values().all(|f| !f.environments.contains_key("development")));
}

#[tokio::test]
async fn a_closed_one_takes_no_new_tokens_and_serves_the_old_ones() {
    let it = fixture().await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/development/off"), Value::Null, "204").await;
    it.check("backend", "GET /api/client/features", Value::Null, "200").await;
    let body = json!({"type": "backend", "tokenName": "new", "environment": "development"});
    let request = "POST /api/admin/projects/alpha/api-tokens";
    it.check("admin", request, body.clone(), "400 BadDataError /body/environment").await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/development/on"), Value::Null, "204").await;
    it.check("admin", request, body, "201").await;
    it.check("admin", &format!("POST {ENVIRONMENTS}/nowhere/on"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn beyond_the_limit_there_is_no_other() {
    let it = Fixture::with(&["--environments-limit", "3"]).await;
    it.check("admin token", &format!("POST {ENVIRONMENTS}"), json!({"name": "third", "type": "test"}), "201").await;
    it.check(
        "admin token",
        &format!("POST {ENVIRONMENTS}"),
        json!({"name": "fourth", "type": "test"}),
        "409 ExceedsLimitError",
    )
    .await;
}
