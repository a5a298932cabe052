//! Projects and their environments.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::fixture;

const PROJECTS: &str = "/api/admin/projects";

async fn ids(it: &Fixture, query: &str) -> Vec<String> {
    let answer = it.check("viewer", &format!("GET {PROJECTS}{query}"), Value::Null, "200").await.json();
    let mut ids: Vec<_> =
        answer["projects"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn whoever_creates_one_owns_it() {
    let it = fixture().await;
    it.check("viewer", &format!("POST {PROJECTS}"), json!({"name": "New"}), "403 PermissionError").await;
    let answer = it.check("editor", &format!("POST {PROJECTS}"), json!({"name": "My new Project!"}), "201").await;
    assert_eq!(answer.json()["id"], "my-new-project");
    it.check("editor", &format!("GET {}", answer.headers["location"].to_str().unwrap()), Value::Null, "200").await;
    it.check("editor", &format!("POST {PROJECTS}/my-new-project/features"), json!({"name": "x"}), "201").await;
    it.check("editor", &format!("POST {PROJECTS}/alpha/features"), json!({"name": "y"}), "403 PermissionError").await;
    let twin = it.check("editor", &format!("POST {PROJECTS}"), json!({"name": "My new Project!"}), "201").await;
    assert_eq!(twin.json()["id"], "my-new-project-2");
}

#[tokio::test]
async fn ids_and_bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin", &format!("POST {PROJECTS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name").await;
    check(json!({"name": " "}), "400 BadDataError /body/name").await;
    for id in ["a/b", "a b", "..", "ü"] {
        check(json!({"id": id, "name": "x"}), "400 BadDataError /body/id").await;
        it.check("admin", &format!("POST {PROJECTS}/validate"), json!({"id": id}), "400 BadDataError /body/id").await;
    }
    check(json!({"id": "x", "name": "x", "mode": "secret"}), "400 BadDataError /body/mode").await;
    check(json!({"id": "x", "name": "x", "environments": ["nowhere"]}), "400 BadDataError /body/environments/0").await;
    check(json!({"id": "alpha", "name": "x"}), "409 NameExistsError").await;
    check(json!({"id": "gone", "name": "x"}), "409 NameExistsError").await;
    it.check("admin", &format!("POST {PROJECTS}/validate"), json!({"id": "alpha"}), "409 NameExistsError").await;
    it.check("admin", &format!("POST {PROJECTS}/validate"), json!({"id": "free"}), "200").await;
    check(json!({"id": "x", "name": "x", "environments": ["production"]}), "201").await;
    let overview = it.check("viewer", &format!("GET {PROJECTS}/x/overview"), Value::Null, "200").await.json();
    assert_eq!(overview["environments"], json!([{"environment": "production"}]));
}

#[tokio::test]
async fn the_archive_and_the_way_back() {
    let it = fixture().await;
    it.check("owner of alpha", &format!("POST {PROJECTS}/archive/alpha"), Value::Null, "409 ConflictError").await;
    it.check("owner of alpha", &format!("DELETE {PROJECTS}/alpha"), Value::Null, "409 ConflictError").await;
    it.check("admin", &format!("POST {PROJECTS}/archive/default"), Value::Null, "409 ConflictError").await;
    it.check("admin", &format!("DELETE {PROJECTS}/default"), Value::Null, "409 ConflictError").await;
    it.check("owner of alpha", &format!("POST {PROJECTS}/archive/empty"), Value::Null, "200").await;
    assert_eq!(ids(&it, "").await, ["alpha", "default", "omega"]);
    assert_eq!(ids(&it, "?archived=true").await, ["empty", "gone"]);
    it.check("viewer", &format!("GET {PROJECTS}/empty"), Value::Null, "404 NotFoundError").await;
    it.check("admin", &format!("PUT {PROJECTS}/empty"), json!({"name": "x"}), "404 NotFoundError").await;
    it.check("admin", &format!("POST {PROJECTS}/revive/alpha"), Value::Null, "404 NotFoundError").await;
    it.check("owner of alpha", &format!("POST {PROJECTS}/revive/empty"), Value::Null, "200").await;
    it.check("owner of alpha", &format!("DELETE {PROJECTS}/empty"), Value::Null, "200").await;
    it.check("admin", &format!("DELETE {PROJECTS}/empty"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn environments_are_attached_and_detached() {
    let it = fixture().await;
    let request = format!("POST {PROJECTS}/alpha/environments");
    it.check("owner of alpha", &request, json!({"environment": "staging"}), "200").await;
    it.check("owner of alpha", &request, json!({"environment": "staging"}), "409 NameExistsError").await;
    it.check("owner of alpha", &request, json!({"environment": "nowhere"}), "400 BadDataError /body/environment").await;
    it.check("owner of alpha", &request, json!({}), "400 BadDataError /body/environment").await;
    it.check("viewer", &format!("GET {PROJECTS}/alpha/features/lit/environments/staging"), Value::Null, "200").await;
    for environment in ["staging", "development"] {
        it.check("owner of alpha", &format!("DELETE {PROJECTS}/alpha/environments/{environment}"), Value::Null, "200")
            .await;
    }
    it.check(
        "viewer",
        &format!("GET {PROJECTS}/alpha/features/lit/environments/development"),
        Value::Null,
        "404 NotFoundError",
    )
    .await;
    let last = format!("DELETE {PROJECTS}/alpha/environments/production");
    it.check("owner of alpha", &last, Value::Null, "400 BadDataError /params/environment").await;
    it.check("owner of alpha", &last.replace("production", "staging"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn settings_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("owner of alpha", &format!("PUT {PROJECTS}/alpha/settings"), body, expect).await;
    };
    check(json!({"mode": "open"}), "200").await;
    check(json!({"mode": "closed"}), "400 BadDataError /body/mode").await;
    check(json!({"featureNaming": {"pattern": "("}}), "400 BadDataError /body/featureNaming/pattern").await;
    check(json!({"featureNaming": {"pattern": "a+", "example": "b"}}), "400 BadDataError /body/featureNaming/example")
        .await;
    check(json!({"featureNaming": {"pattern": "a+", "example": "aa"}}), "200").await;
}

#[tokio::test]
async fn beyond_the_limit_there_is_no_other() {
    let it = Fixture::with(&["--projects-limit", "2"]).await;
    it.check("admin token", &format!("POST {PROJECTS}"), json!({"name": "Second"}), "201").await;
    it.check("admin token", &format!("POST {PROJECTS}"), json!({"name": "Third"}), "409 ExceedsLimitError").await;
    it.check("admin token", &format!("POST {PROJECTS}/archive/second"), Value::Null, "200").await;
    it.check("admin token", &format!("POST {PROJECTS}"), json!({"name": "Third"}), "201").await;
    it.check("admin token", &format!("POST {PROJECTS}/revive/second"), Value::Null, "409 ExceedsLimitError").await;
}
