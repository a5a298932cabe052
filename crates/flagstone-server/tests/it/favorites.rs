//! Favorites.

use serde_json::{Value, json};

use crate::world::fixture;

const FLAG: &str = "/api/admin/projects/alpha/features/flag";

#[tokio::test]
async fn they_are_one_users_own() {
    let it = fixture().await;
    let favorite = async |who: &str| {
        let list = it.check(who, "GET /api/admin/projects/alpha/features", Value::Null, "200").await.json();
        let row =
            list["features"].as_array().unwrap().iter().find(|f| f["name"] == "flag").unwrap()["favorite"].clone();
        (row, it.check(who, &format!("GET {FLAG}"), Value::Null, "200").await.json()["favorite"].clone())
    };
    it.check("viewer", &format!("POST {FLAG}/favorites"), Value::Null, "200").await;
    it.check("viewer", &format!("POST {FLAG}/favorites"), Value::Null, "200").await;
    assert_eq!(favorite("viewer").await, (json!(true), json!(true)));
    assert_eq!(favorite("editor").await, (json!(false), json!(false)));
    assert_eq!(favorite("admin token").await, (json!(false), Value::Null));
    it.check("admin token", &format!("POST {FLAG}/favorites"), Value::Null, "403 ForbiddenError").await;
    it.check("viewer", &format!("DELETE {FLAG}/favorites"), Value::Null, "200").await;
    assert_eq!(favorite("viewer").await, (json!(false), json!(false)));
    let unknown = "POST /api/admin/projects/omega/features/flag/favorites";
    it.check("viewer", unknown, Value::Null, "404 NotFoundError").await;
}

#[tokio::test]
async fn a_project_shows_it_and_what_is_deleted_is_nobodys() {
    let it = fixture().await;
    it.check("viewer", "POST /api/admin/projects/empty/favorites", Value::Null, "200").await;
    it.check("viewer", "POST /api/admin/projects/nowhere/favorites", Value::Null, "404 NotFoundError").await;
    let list = it.check("viewer", "GET /api/admin/projects", Value::Null, "200").await.json();
    let project = list["projects"].as_array().unwrap().iter().find(|p| p["id"] == "empty").unwrap();
    assert_eq!(project["favorite"], true);
    let overview = it.check("viewer", "GET /api/admin/projects/empty/overview", Value::Null, "200").await.json();
    assert_eq!(overview["favorite"], true);
    it.check("viewer", "POST /api/admin/projects/alpha/features/old/favorites", Value::Null, "200").await;
    it.check("admin", "DELETE /api/admin/archive/old", Value::Null, "200").await;
    it.check("admin", "DELETE /api/admin/projects/empty", Value::Null, "200").await;
    let holders = it.app.public().state.favorites.values().map(|favorites| favorites.user_id).collect::<Vec<_>>();
    assert_eq!(holders, [1], "the viewer has none any more");
}

#[tokio::test]
async fn what_is_hidden_cannot_be_one_and_a_user_takes_theirs_along() {
    let it = fixture().await;
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    let hidden = "POST /api/admin/projects/omega/features/b-flag/favorites";
    it.check("viewer", hidden, Value::Null, "404 NotFoundError").await;
    it.check("viewer", "POST /api/admin/projects/omega/favorites", Value::Null, "404 NotFoundError").await;
    it.check("owner of omega", hidden, Value::Null, "200").await;
    let events = "GET /api/admin/search/events?type=IS:feature-favorited";
    assert_eq!(it.check("viewer", events, Value::Null, "200").await.json()["total"], 0);
    let state = it.app.public().state.clone();
    let owner = state.favorites.values().find(|f| f.features.contains("b-flag")).unwrap().user_id;
    it.check("admin", &format!("DELETE /api/admin/user-admin/{owner}"), Value::Null, "200").await;
    assert!(!it.app.public().state.favorites.contains(&owner));
}
