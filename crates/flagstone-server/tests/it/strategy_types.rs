//! Types of strategies that users make.

use flagstone_store::DatabaseUrl;
use serde_json::{Value, json};

use crate::world::{fixture, fixture_on};

const TYPES: &str = "/api/admin/strategies";
const STRATEGIES: &str = "POST /api/admin/projects/alpha/features/flag/environments/development/strategies";

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let create = async |body: Value, expect: &str| {
        it.check("editor", &format!("POST {TYPES}"), body, expect).await;
    };
    create(json!({}), "400 BadDataError /body/parameters /body/name").await;
    create(json!({"name": "a b", "parameters": []}), "400 BadDataError /body/name").await;
    create(json!({"name": "default", "parameters": []}), "409 NameExistsError").await;
    create(json!({"name": "spare", "parameters": []}), "409 NameExistsError").await;
    let nameless = json!([{"name": "a", "type": "list"}, {"name": "", "type": "list"}]);
    create(json!({"name": "new", "parameters": nameless}), "400 BadDataError /body/parameters/1/name").await;
    let many: Vec<_> = (0..101).map(|n| json!({"name": format!("p{n}"), "type": "list"})).collect();
    create(json!({"name": "new", "parameters": many}), "400 BadDataError /body/parameters").await;
    create(json!({"name": "new", "title": "x".repeat(256), "parameters": []}), "400 BadDataError /body/title").await;
}

#[tokio::test]
async fn a_feature_uses_them_while_they_are_there() {
    let it = fixture().await;
    let strategy = json!({"name": "spare", "parameters": {"region": "eu"}});
    let id = it.check("admin", STRATEGIES, strategy.clone(), "200").await.json()["id"].as_str().unwrap().to_owned();
    it.check("admin", STRATEGIES, json!({"name": "unknown"}), "400 BadDataError /body/name").await;
    it.check("viewer", &format!("DELETE {TYPES}/spare"), Value::Null, "403 PermissionError").await;
    it.check("editor", &format!("DELETE {TYPES}/spare"), Value::Null, "200").await;
    it.check("editor", &format!("DELETE {TYPES}/spare"), Value::Null, "404 NotFoundError").await;
    it.check("admin", STRATEGIES, strategy, "400 BadDataError /body/name").await;
    let path = format!("GET {}/{id}", STRATEGIES.trim_start_matches("POST "));
    assert_eq!(it.check("viewer", &path, Value::Null, "200").await.json()["name"], "spare");
}

#[tokio::test]
async fn the_built_in_ones_stay_but_for_their_mark() {
    let it = fixture().await;
    it.check("editor", &format!("PUT {TYPES}/default"), json!({"parameters": []}), "403 ForbiddenError").await;
    it.check("editor", &format!("DELETE {TYPES}/default"), Value::Null, "403 ForbiddenError").await;
    let deprecated = async |name: &str| {
        it.check("viewer", &format!("GET {TYPES}/{name}"), Value::Null, "200").await.json()["deprecated"].clone()
    };
    for name in ["default", "spare"] {
        it.check("editor", &format!("POST {TYPES}/{name}/deprecate"), Value::Null, "200").await;
        assert_eq!(deprecated(name).await, true);
        it.check("editor", &format!("POST {TYPES}/{name}/reactivate"), Value::Null, "200").await;
        assert_eq!(deprecated(name).await, false);
    }
    it.check("editor", &format!("POST {TYPES}/nothing/deprecate"), Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn an_operator_can_close_them() {
    let it = fixture_on(&DatabaseUrl::Memory, &["--disable-custom-strategy-creation"]).await;
    let new = json!({"name": "new", "parameters": []});
    it.check("admin", &format!("POST {TYPES}"), new.clone(), "403 ForbiddenError").await;
    it.check("admin", &format!("PUT {TYPES}/spare"), json!({"parameters": []}), "200").await;
    let it = fixture_on(&DatabaseUrl::Memory, &["--disable-custom-strategy-editing"]).await;
    it.check("admin", &format!("POST {TYPES}"), new, "201").await;
    it.check("admin", &format!("PUT {TYPES}/spare"), json!({"parameters": []}), "403 ForbiddenError").await;
    it.check("admin", &format!("DELETE {TYPES}/spare"), Value::Null, "403 ForbiddenError").await;
    it.check("viewer", &format!("DELETE {TYPES}/spare"), Value::Null, "403 PermissionError").await;
}

#[tokio::test]
async fn where_one_is_used_is_told_also_once_it_is_gone() {
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    it.check("admin", STRATEGIES, json!({"name": "spare", "parameters": {}}), "200").await;
    it.check("admin", &format!("DELETE {TYPES}/spare"), Value::Null, "200").await;
    let used = async |who: &str, name: &str| {
        let answer = it.check(who, &format!("GET {TYPES}/{name}/features"), Value::Null, "200").await.json();
        let place = |of: &Value| {
            assert_eq!(of["strategyName"], name);
            format!("{}/{} {}", of["projectId"], of["featureName"], of["environment"]).replace('"', "")
        };
        answer["strategies"].as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(used("viewer", "spare").await, ["alpha/flag development"]);
    assert_eq!(used("viewer", "default").await, ["alpha/flag development"]);
    assert_eq!(used("owner of omega", "default").await, ["omega/b-flag development", "alpha/flag development"]);
    assert_eq!(used("viewer", "nothing").await, [""; 0]);
    // What is in the archive is not in use.
    it.check("admin", "DELETE /api/admin/projects/alpha/features/flag", Value::Null, "202").await;
    assert_eq!(used("viewer", "spare").await, [""; 0]);
}
