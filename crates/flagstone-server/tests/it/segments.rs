//! Segments.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, world};

const SEGMENTS: &str = "/api/admin/segments";

fn segment(name: &str) -> Value {
    json!({"name": name, "constraints": [{"contextName": "userId", "operator": "IN", "values": ["7"]}]})
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("editor", &format!("POST {SEGMENTS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name /body/constraints").await;
    check(json!({"name": " ", "constraints": []}), "400 BadDataError /body/name").await;
    check(
        json!({"name": "x", "constraints": [{"contextName": "a", "operator": "NUM_GT", "value": "x"}]}),
        "400 BadDataError /body/constraints/0/value",
    )
    .await;
    check(json!({"name": "x", "project": "nowhere", "constraints": []}), "400 BadDataError /body/project").await;
    check(segment("shared"), "409 NameExistsError").await;
    check(segment("new"), "201").await;
    it.check("viewer", &format!("POST {SEGMENTS}/validate"), json!({"name": "new"}), "409 NameExistsError").await;
    it.check("viewer", &format!("POST {SEGMENTS}/validate"), json!({"name": "free"}), "204").await;
    it.check("viewer", &format!("GET {SEGMENTS}/999"), Value::Null, "404 NotFoundError").await;
    it.check("viewer", &format!("GET {SEGMENTS}/x"), Value::Null, "400 BadDataError /params/id").await;
}

#[tokio::test]
async fn one_in_use_stays_even_for_the_archive() {
    let (it, world) = (fixture().await, world().await);
    let shared = format!("{SEGMENTS}/{}", world.get("shared segment"));
    let refused = it.check("admin", &format!("DELETE {shared}"), Value::Null, "409 ConflictError").await;
    assert!(refused.text.contains("flag"), "{}", refused.text);
    let uses = it.check("viewer", &format!("GET {shared}/strategies"), Value::Null, "200").await.json();
    assert_eq!(uses["strategies"][0]["id"], world.get("strategy"));
    it.check("admin", "DELETE /api/admin/projects/alpha/features/flag", Value::Null, "202").await;
    it.check("admin", &format!("DELETE {shared}"), Value::Null, "409 ConflictError").await;
    it.check("admin", "DELETE /api/admin/archive/flag", Value::Null, "200").await;
    it.check("editor", &format!("DELETE {shared}"), Value::Null, "204").await;
    it.check("viewer", &format!("GET {shared}"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn those_of_a_project_are_its_members_business() {
    let (it, world) = (fixture().await, world().await);
    let mut own = segment("mine");
    own["project"] = json!("alpha");
    it.check("viewer", &format!("POST {SEGMENTS}"), own.clone(), "403 PermissionError").await;
    it.check("owner of omega", &format!("POST {SEGMENTS}"), own.clone(), "403 PermissionError").await;
    it.check("member of alpha", &format!("POST {SEGMENTS}"), segment("for all"), "403 PermissionError").await;
    let made = it.check("member of alpha", &format!("POST {SEGMENTS}"), own.clone(), "201").await;
    assert_eq!(made.json()["project"], "alpha");
    let location = made.headers["location"].to_str().unwrap().to_owned();
    it.check("viewer", &format!("GET {location}"), Value::Null, "200").await;
    // It cannot be turned into one for all, nor one for all into one's own.
    it.check("member of alpha", &format!("PUT {location}"), segment("mine"), "403 PermissionError").await;
    let shared = format!("{SEGMENTS}/{}", world.get("shared segment"));
    it.check("member of alpha", &format!("PUT {shared}"), own, "403 PermissionError").await;
    it.check("member of alpha", &format!("DELETE {location}"), Value::Null, "204").await;
}

#[tokio::test]
async fn a_change_reaches_the_sdks_that_use_it_and_no_others() {
    let (it, world) = (fixture().await, world().await);
    let etag =
        async |secret: &str| it.call(secret, "GET", "/api/client/features", Value::Null).await.headers["etag"].clone();
    let production = it.token("alpha", "backend", "production").await;
    let (before, elsewhere) = (etag(world.get("backend")).await, etag(&production).await);
    let shared = format!("PUT {SEGMENTS}/{}", world.get("shared segment"));
    it.check("editor", &shared, segment("shared"), "204").await;
    assert_ne!(etag(world.get("backend")).await, before);
    assert_eq!(etag(&production).await, elsewhere);
}

#[tokio::test]
async fn beyond_the_limits_there_are_no_others() {
    let it = Fixture::with(&["--segments-limit", "1", "--segment-values-limit", "2"]).await;
    let many =
        json!({"name": "x", "constraints": [{"contextName": "userId", "operator": "IN", "values": ["1", "2", "3"]}]});
    it.check(
        "admin token",
        &format!("POST {SEGMENTS}"),
        many,
        "400 BadDataError /body/constraints/0/values /body/constraints",
    )
    .await;
    it.check("admin token", &format!("POST {SEGMENTS}"), segment("one"), "201").await;
    it.check("admin token", &format!("POST {SEGMENTS}"), segment("two"), "409 ExceedsLimitError").await;
}
