//! What user interfaces remember of a user, and who has created features.

use serde_json::{Value, json};

use crate::world::fixture;

#[tokio::test]
async fn greetings_and_questions_are_remembered_of_one_user() {
    let it = fixture().await;
    let me = async |who: &str| {
        let me = it.check(who, "GET /api/admin/user", Value::Null, "200").await.json();
        (me["splash"].clone(), me["feedback"].clone())
    };
    assert_eq!(me("viewer").await, (json!({}), json!([])));
    let seen = it.check("viewer", "POST /api/admin/splash/hello", Value::Null, "200").await.json();
    assert_eq!((&seen["splashId"], &seen["seen"]), (&json!("hello"), &json!(true)));
    it.check("viewer", "POST /api/admin/feedback", json!({"feedbackId": "why"}), "200").await;
    let given = json!({"neverShow": true, "given": "2026-01-31T12:00:00.000Z"});
    let answer = it.check("viewer", "PUT /api/admin/feedback/why", given, "200").await.json();
    assert_eq!((&answer["neverShow"], &answer["given"]), (&json!(true), &json!("2026-01-31T12:00:00.000Z")));
    assert_eq!(me("viewer").await, (json!({"hello": true}), json!([answer])));
    assert_eq!(me("editor").await, (json!({}), json!([])));
    for body in [json!({}), json!({"feedbackId": ""}), json!({"feedbackId": "x".repeat(256)})] {
        it.check("viewer", "POST /api/admin/feedback", body, "400 BadDataError /body/feedbackId").await;
    }
    let wrong = json!({"given": "yesterday"});
    it.check("viewer", "PUT /api/admin/feedback/why", wrong, "400 BadDataError /body/given").await;
    let long = format!("POST /api/admin/splash/{}", "x".repeat(256));
    it.check("viewer", &long, Value::Null, "400 BadDataError /params/id").await;
    // Of API tokens nothing is remembered.
    let seen = it.check("admin token", "POST /api/admin/splash/hello", Value::Null, "200").await.json();
    assert_eq!(seen, json!({"splashId": "hello", "seen": true}));
    it.check("admin token", "POST /api/admin/feedback", json!({"feedbackId": "why"}), "403 ForbiddenError").await;
    it.check("backend", "POST /api/admin/splash/hello", Value::Null, "403 PermissionError").await;
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_goes_with_the_user() {
    let it = fixture().await;
    for n in 0..200 {
        it.check("viewer", &format!("POST /api/admin/splash/n{n}"), Value::Null, "200").await;
    }
    it.check("viewer", "POST /api/admin/splash/one-more", Value::Null, "409 ExceedsLimitError").await;
    it.check("viewer", "POST /api/admin/splash/n7", Value::Null, "200").await;
    let id = it.app.public().state.ui_states.values().next().unwrap().user_id;
    it.check("admin", &format!("DELETE /api/admin/user-admin/{id}"), Value::Null, "200").await;
    assert!(it.app.public().state.ui_states.is_empty());
}

#[tokio::test]
async fn creators_are_those_of_what_one_sees() {
    let it = fixture().await;
    let creators = async |who: &str, path: &str| {
        let list = it.check(who, &format!("GET /api/admin/{path}"), Value::Null, "200").await.json();
        let list = list["flagCreators"].as_array().or(list.as_array()).unwrap().clone();
        list.iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let omega = "POST /api/admin/projects/omega/features";
    it.check("owner of omega", omega, json!({"name": "new"}), "201").await;
    assert_eq!(creators("viewer", "flag-creators").await, ["admin", "owner of omega"]);
    assert_eq!(creators("viewer", "projects/alpha/flag-creators").await, ["admin"]);
    it.check("admin", "PUT /api/admin/projects/omega/settings", json!({"mode": "private"}), "200").await;
    assert_eq!(creators("viewer", "flag-creators").await, ["admin"]);
    it.check("viewer", "GET /api/admin/projects/omega/flag-creators", Value::Null, "404 NotFoundError").await;
    it.check("viewer", "POST /api/admin/record-ui-error", json!({"errorMessage": "x"}), "204").await;
    it.check("viewer", "POST /api/admin/record-ui-error", json!({}), "400 BadDataError /body/errorMessage").await;
}
