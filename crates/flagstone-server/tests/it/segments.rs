//! Segments.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{commit_after, fixture, world};

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

/// Makes a segment and answers with its path and its id.
async fn make(it: &Fixture, name: &str) -> (String, Value) {
    let id = it.check("editor", &format!("POST {SEGMENTS}"), segment(name), "201").await.json()["id"].clone();
    (format!("{SEGMENTS}/{id}"), id)
}

const DEFAULT_STRATEGY: &str = "POST /api/admin/projects/alpha/environments/development/default-strategy";

#[tokio::test]
async fn one_that_a_default_strategy_names_is_in_use() {
    let it = fixture().await;
    let (path, id) = make(&it, "by default").await;
    it.check("admin", DEFAULT_STRATEGY, json!({"name": "default", "segments": [id]}), "200").await;
    let refused = it.check("editor", &format!("DELETE {path}"), Value::Null, "409 ConflictError").await;
    assert!(refused.text.contains("alpha"), "{}", refused.text);
    let mut narrowed = segment("by default");
    narrowed["project"] = json!("omega");
    it.check("editor", &format!("PUT {path}"), narrowed.clone(), "400 BadDataError /body/project").await;
    let uses = it.check("viewer", &format!("GET {path}/strategies"), Value::Null, "200").await.json();
    assert_eq!(uses["strategies"], json!([]));
    assert_eq!(uses["defaultStrategies"], json!([{"projectId": "alpha", "environment": "development"}]));
    let list = it.check("viewer", &format!("GET {SEGMENTS}"), Value::Null, "200").await.json();
    let listed = list["segments"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap();
    assert_eq!((&listed["usedInProjects"], &listed["usedInFeatures"]), (&json!(1), &json!(0)));
    it.check("admin", DEFAULT_STRATEGY, json!({"name": "default"}), "200").await;
    it.check("editor", &format!("PUT {path}"), narrowed, "204").await;
    it.check("admin", &format!("DELETE {path}"), Value::Null, "204").await;
}

#[tokio::test]
async fn archived_features_of_other_projects_keep_it_from_being_narrowed() {
    let it = fixture().await;
    let (path, id) = make(&it, "of all").await;
    let strategies = "POST /api/admin/projects/omega/features/b-flag/environments/development/strategies";
    it.check("admin", strategies, json!({"name": "default", "segments": [id]}), "200").await;
    it.check("admin", "DELETE /api/admin/projects/omega/features/b-flag", Value::Null, "202").await;
    let mut narrowed = segment("of all");
    narrowed["project"] = json!("alpha");
    it.check("editor", &format!("PUT {path}"), narrowed.clone(), "400 BadDataError /body/project").await;
    let uses = it.check("viewer", &format!("GET {path}/strategies"), Value::Null, "200").await.json();
    assert_eq!((&uses["strategies"], &uses["archivedStrategies"][0]["featureName"]), (&json!([]), &json!("b-flag")));
    it.check("admin", "DELETE /api/admin/archive/b-flag", Value::Null, "200").await;
    it.check("editor", &format!("PUT {path}"), narrowed, "204").await;
}

#[tokio::test]
async fn what_copies_or_revives_strategies_refuses_a_segment_that_is_not_there() {
    let it = fixture().await;
    let (_, id) = make(&it, "gone").await;
    let alpha = "/api/admin/projects/alpha";
    for name in ["copied", "revived", "switched"] {
        it.check("admin", &format!("POST {alpha}/features"), json!({"name": name}), "201").await;
    }
    let with_it = json!({"name": "default", "segments": [id]});
    for name in ["copied", "revived"] {
        let path = format!("POST {alpha}/features/{name}/environments/development/strategies");
        it.check("admin", &path, with_it.clone(), "200").await;
    }
    it.check("admin", DEFAULT_STRATEGY, with_it, "200").await;
    it.check("admin", &format!("DELETE {alpha}/features/revived"), Value::Null, "202").await;
    // As earlier releases could leave it behind.
    let state = it.app.public().state.clone();
    let deleted = flagstone_model::commit::Change { kind: "segment".to_owned(), id: id.to_string(), body: None };
    it.store.append(&[commit_after(&state, vec![deleted])]).await.unwrap();
    it.app.catch_up_with(state.seq + 1).await.unwrap();
    for (request, body) in [
        (format!("POST {alpha}/features/switched/environments/development/on"), Value::Null),
        (format!("POST {alpha}/features/copied/clone"), json!({"name": "copy"})),
        ("POST /api/admin/environments/development/clone".to_owned(), json!({"name": "copy"})),
        ("POST /api/admin/archive/revive/revived".to_owned(), Value::Null),
        (format!("POST {alpha}/revive"), json!({"features": ["revived"]})),
    ] {
        it.check("admin", &request, body, "409 ConflictError").await;
    }
    // Where it is not named, all goes on.
    it.check("admin", &format!("POST {alpha}/features/switched/environments/production/on"), Value::Null, "200").await;
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
