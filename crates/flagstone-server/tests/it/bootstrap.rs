//! What a user interface is told first, by who looks at it.

use std::sync::Arc;

use axum::http::header;
use flagstone_model::Timestamp;
use flagstone_model::api_tokens::hash;
use flagstone_model::commit::Change;
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::endpoints::document::Document;
use crate::fixture::{Answer, Fixture};
use crate::world::{NOW, PASSWORD, commit_after, fixture, session, with_cookie, world};

const PATH: &str = "/auth/bootstrap";

fn checked(answer: Answer) -> Value {
    let answer = answer.expect(200);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(Document::new().faults("GET", PATH, &answer), [""; 0], "{}", answer.text);
    answer.json()
}

async fn get(it: &Fixture, secret: &str) -> Value {
    checked(it.call(secret, "GET", PATH, Value::Null).await)
}

#[tokio::test]
async fn nobody_is_told_how_to_log_in_and_at_first_as_whom() {
    let it = Fixture::new().await;
    let first = json!({"password": true, "passwordReset": false, "firstRun": true, "adminName": "admin"});
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(get(&it, "").await, json!({"user": null, "signIn": first, "version": version}));
    let cookie = session(&it).await;
    checked(it.send(with_cookie(&cookie, "GET", PATH, &Value::Null)).await);
    let later = json!({"password": true, "passwordReset": false, "firstRun": false});
    assert_eq!(get(&it, "").await["signIn"], later);

    // Somebody else is there, or the password was set anew: it is not the first one's any more.
    let it = Fixture::new().await;
    it.admin("POST", "/api/admin/user-admin", json!({"username": "ada", "rootRole": 3})).await.expect(201);
    assert_eq!(get(&it, "").await["signIn"], later);
    let mails = ["--email-host", "localhost", "--email-sender", "flags@example.com"];
    let it = Fixture::with(&mails).await;
    assert_eq!(get(&it, "").await["signIn"]["passwordReset"], true);
    it.admin("POST", "/api/admin/user-admin/1/change-password", json!({"password": "Another-password-2"}))
        .await
        .expect(200);
    assert_eq!(get(&it, "").await["signIn"]["firstRun"], false);
}

#[tokio::test]
async fn a_user_is_told_what_the_pages_begin_with() {
    let (it, world) = (fixture().await, world().await);
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    for name in ["admin", "viewer", "owner of omega"] {
        let secret = world.get(name);
        let all = get(&it, secret).await;
        let me = it.call(secret, "GET", "/api/admin/user", Value::Null).await.expect(200).json();
        for field in ["user", "permissions", "feedback", "splash"] {
            assert_eq!(all[field], me[field], "{name}: {field}");
        }
        let config = it.call(secret, "GET", "/api/admin/ui-config", Value::Null).await.expect(200).json();
        assert_eq!(all["uiConfig"], config, "{name}");
        let projects: Vec<_> = all["projects"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
        let expect: &[&str] = match name {
            "viewer" => &["default", "alpha", "empty"],
            _ => &["default", "alpha", "empty", "omega"],
        };
        assert_eq!(projects, expect, "{name}");
        let favorites: Vec<_> = all["projects"].as_array().unwrap().iter().filter(|p| p["favorite"] == true).collect();
        assert_eq!(favorites.len(), usize::from(name == "admin"), "{name}: {favorites:?}");
        let environments = all["environments"].as_array().unwrap();
        assert!(
            environments.contains(
                &json!({"name": "closed", "type": "test", "enabled": false, "sortOrder": environments[3]["sortOrder"]})
            ),
            "{environments:?}"
        );
        assert_eq!((&all["choosePassword"], &all["revision"]), (&json!(false), &json!(it.app.public().state.seq)));
    }
}

#[tokio::test]
async fn credentials_that_open_no_page_are_none() {
    let (it, world) = (fixture().await, world().await);
    for name in ["garbage", "expired pat", "revoked pat", "disabled", "deleted", "backend", "frontend", "admin token"] {
        let answer = get(&it, world.get(name)).await;
        assert_eq!(answer["user"], Value::Null, "{name}");
        assert_eq!(answer.as_object().unwrap().len(), 3, "{name}: {answer}");
    }
    let dead = with_cookie("unleash-session=garbage", "GET", PATH, &Value::Null);
    assert_eq!(checked(it.send(dead).await)["user"], Value::Null);
}

#[tokio::test]
async fn a_password_that_the_server_made_is_to_be_replaced() {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let first = Fixture::with_generated_password(Arc::clone(&store)).await;
    let at = |millis| Timestamp::from_millis(millis).to_string();
    let secret = format!("user:900.{}", hash("admin"));
    let token = json!({
        "id": 900, "userId": 1, "description": "test", "hash": hash(&secret), "createdAt": at(NOW - 10),
        "expiresAt": at(NOW + 1_000_000),
    });
    let token = Change { kind: "personal access token".to_owned(), id: "900".to_owned(), body: Some(token) };
    store.append(&[commit_after(&first.app.public().state, vec![token])]).await.unwrap();
    let it = Fixture::on_shared(store, &[]).await;
    assert_eq!(get(&it, &secret).await["choosePassword"], true);
    it.admin("POST", "/api/admin/user-admin/1/change-password", json!({"password": PASSWORD})).await.expect(200);
    assert_eq!(get(&it, &secret).await["choosePassword"], false);
}
