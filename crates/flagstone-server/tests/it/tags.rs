//! Tags and their types.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::fixture;

fn tag(kind: &str, value: &str) -> Value {
    json!({"type": kind, "value": value})
}

async fn values(it: &Fixture, path: &str) -> Vec<String> {
    let list = it.check("viewer", &format!("GET {path}"), Value::Null, "200").await.json();
    list["tags"].as_array().unwrap().iter().map(|tag| tag["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |request: &str, body: Value, expect: &str| {
        it.check("admin", request, body, expect).await;
    };
    let types = "POST /api/admin/tag-types";
    check(types, json!({}), "400 BadDataError /body/name").await;
    for name in ["", "x", "a b", "a/b", &"x".repeat(51)] {
        check(types, json!({"name": name}), "400 BadDataError /body/name").await;
    }
    check(types, json!({"name": "new", "color": "red"}), "400 BadDataError /body/color").await;
    check(types, json!({"name": "new", "colour": "#ffffff"}), "400 BadDataError /body/colour").await;
    check(types, json!({"name": "simple"}), "409 NameExistsError").await;
    check("PUT /api/admin/tag-types/nothing", json!({"icon": "x"}), "404 NotFoundError").await;
    let tags = "POST /api/admin/features/flag/tags";
    for value in ["", "x", " x ", &"x".repeat(51), "a\0b"] {
        check(tags, tag("simple", value), "400 BadDataError /body/value").await;
    }
    check(tags, tag("nothing", "value"), "400 BadDataError /body/type").await;
    let many: Vec<_> = (0..101).map(|n| tag("simple", &format!("n{n}"))).collect();
    let changes = json!({"addedTags": many, "removedTags": []});
    check("PUT /api/admin/features/flag/tags", changes, "400 BadDataError /body/addedTags").await;
    let features = "POST /api/admin/projects/alpha/features";
    check(
        features,
        json!({"name": "new", "tags": [tag("nothing", "a")]}),
        "400 BadDataError /body/tags/0/value /body/tags/0/type",
    )
    .await;
    check(features, json!({"name": "new", "tags": [tag("simple", "made with it")]}), "201").await;
    assert_eq!(values(&it, "/api/admin/features/new/tags").await, ["made with it"]);
    check("GET /api/admin/projects/alpha/features?tag=simple", Value::Null, "400 BadDataError /query/tag/0").await;
}

#[tokio::test]
async fn a_feature_is_found_by_its_tags_and_loses_those_that_are_deleted() {
    let it = fixture().await;
    it.check("member of alpha", "POST /api/admin/features/flag/tags", tag("team", " red "), "201").await;
    it.check("viewer", "POST /api/admin/features/flag/tags", tag("team", "green"), "403 PermissionError").await;
    it.check("admin", "POST /api/admin/features/old/tags", tag("team", "red"), "201").await;
    let names = async |query: &str| {
        let request = format!("GET /api/admin/projects/alpha/features?{query}");
        let list = it.check("viewer", &request, Value::Null, "200").await.json();
        list["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("tag=team:red").await, ["flag"]);
    assert_eq!(names("tag=team:red&namePrefix=x").await, [""; 0]);
    assert_eq!(names("tag=team:blue&tag=simple:none").await, ["flag"]);
    assert_eq!(values(&it, "/api/admin/tags/team").await, ["blue", "red"]);
    it.check("admin", "DELETE /api/admin/tags/team/red", Value::Null, "200").await;
    it.check("admin", "DELETE /api/admin/tags/team/red", Value::Null, "404 NotFoundError").await;
    assert_eq!(values(&it, "/api/admin/features/flag/tags").await, ["blue"]);
    assert_eq!(values(&it, "/api/admin/features/old/tags").await, [""; 0]);
    it.check("editor", "DELETE /api/admin/tag-types/team", Value::Null, "200").await;
    assert_eq!(values(&it, "/api/admin/features/flag/tags").await, [""; 0]);
    assert_eq!(values(&it, "/api/admin/tags").await, [""; 0]);
}

#[tokio::test]
async fn a_tag_is_deleted_by_those_who_may_change_all_that_have_it() {
    let it = fixture().await;
    it.check("owner of omega", "DELETE /api/admin/tags/team/blue", Value::Null, "403 PermissionError").await;
    it.check("owner of omega", "POST /api/admin/features/b-flag/tags", tag("team", "blue"), "201").await;
    it.check("member of alpha", "DELETE /api/admin/tags/team/blue", Value::Null, "403 PermissionError").await;
    it.check("owner of omega", "DELETE /api/admin/features/b-flag/tags/team/blue", Value::Null, "200").await;
    it.check("member of alpha", "DELETE /api/admin/tags/team/blue", Value::Null, "200").await;
}

#[tokio::test]
async fn a_bulk_is_done_whole_or_not_at_all() {
    let it = fixture().await;
    let bulk = |features: &[&str]| json!({"features": features, "tags": {"addedTags": [tag("team", "red")], "removedTags": [tag("team", "blue")]}});
    let path = "PUT /api/admin/projects/alpha/tags";
    it.check("admin", path, bulk(&["flag", "b-flag"]), "400 BadDataError /body/features/0").await;
    assert_eq!(values(&it, "/api/admin/features/flag/tags").await, ["blue"]);
    it.check("viewer", path, bulk(&["flag"]), "403 PermissionError").await;
    it.check("member of alpha", path, bulk(&["flag", "other"]), "200").await;
    assert_eq!(values(&it, "/api/admin/features/flag/tags").await, ["red"]);
    let events = "GET /api/admin/search/events?feature=IS:flag&limit=2";
    let events = it.check("viewer", events, Value::Null, "200").await.json();
    assert_eq!(events["events"][0]["type"], "feature-untagged");
    assert_eq!(events["events"][0]["tags"], json!([tag("team", "red")]));
    assert_eq!(events["events"][1]["type"], "feature-tagged");
}

#[tokio::test]
async fn features_and_tags_of_a_private_project_stay_hidden() {
    let it = fixture().await;
    it.check("owner of omega", "POST /api/admin/features/b-flag/tags", tag("team", "blue"), "201").await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    it.check("viewer", "GET /api/admin/features/b-flag/tags", Value::Null, "404 NotFoundError").await;
    it.check("editor", "POST /api/admin/features/b-flag/tags", tag("team", "red"), "403 PermissionError").await;
    it.check("owner of omega", "GET /api/admin/features/b-flag/tags", Value::Null, "200").await;
}
