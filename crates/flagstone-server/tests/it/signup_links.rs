//! Links by which people sign up on their own.

use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture};
use crate::world::{fixture, outcome};

const LINKS: &str = "/api/admin/invite-link/tokens";
const STRONG: &str = "Another-password-2";
const DAY: i64 = 24 * 3_600_000;

async fn link(it: &Fixture, expires_at: &str) -> String {
    let body = json!({"name": "the team", "expiresAt": expires_at});
    it.admin("POST", LINKS, body).await.expect(201).json()["secret"].as_str().unwrap().to_owned()
}

async fn sign_up(it: &Fixture, link: &str, name: &str) -> Answer {
    let body = json!({"username": name, "email": format!("{name}@example.com"), "name": name, "password": STRONG});
    it.call("", "POST", &format!("/invite/{link}/signup"), body).await
}

async fn works(it: &Fixture, link: &str) -> String {
    outcome(&it.call("", "GET", &format!("/invite/{link}/validate"), Value::Null).await)
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin", &format!("POST {LINKS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/name /body/expiresAt").await;
    check(json!({"name": " ", "expiresAt": "2027-02-01T00:00:00Z"}), "400 BadDataError /body/name").await;
    check(json!({"name": "a", "expiresAt": "soon"}), "400 BadDataError /body/expiresAt").await;
    check(json!({"name": "a", "expiresAt": "2027-02-01T00:00:00Z", "role": 1}), "400 BadDataError /body/role").await;
    let body = json!({"name": "a", "expiresAt": "2027-02-01T00:00:00Z"});
    for who in ["editor", "viewer", "owner of alpha"] {
        it.check(who, &format!("POST {LINKS}"), body.clone(), "403 PermissionError").await;
        it.check(who, &format!("GET {LINKS}"), Value::Null, "403 PermissionError").await;
    }
    check(body, "201").await;
    it.check("admin", &format!("PUT {LINKS}/none"), json!({"enabled": false}), "404 NotFoundError").await;
    it.check("admin", &format!("GET {LINKS}/none"), Value::Null, "404 NotFoundError").await;
    let token = link(&it, "2027-02-01T00:00:00Z").await;
    it.check("admin", &format!("PUT {LINKS}/{token}"), json!({}), "400 BadDataError /body").await;
    it.check("editor", &format!("PUT {LINKS}/{token}"), json!({"enabled": false}), "403 PermissionError").await;
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let it = fixture().await;
    let body = json!({"name": "the team", "expiresAt": "2027-02-01T00:00:00Z"});
    let made = it.admin("POST", LINKS, body).await.expect(201).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(made["url"], format!("http://localhost:4242/new-user?invite={secret}"));
    assert_eq!(made["role"], json!({"id": 3, "name": "Viewer", "type": "root"}));
    assert_eq!((&made["enabled"], &made["users"]), (&json!(true), &json!([])));
    let selector = secret.split_once('.').unwrap().0;
    let mut said = Vec::new();
    for path in [format!("{LINKS}/{secret}"), format!("{LINKS}/{selector}"), LINKS.to_owned()] {
        said.push(it.admin("GET", &path, Value::Null).await.expect(200).text);
    }
    said.push(it.admin("PUT", &format!("{LINKS}/{selector}"), json!({"enabled": false})).await.expect(200).text);
    said.push(it.admin("GET", "/api/admin/search/events?limit=1000", Value::Null).await.expect(200).text);
    said.push(format!("{:?}", it.app.public().state));
    for text in &said {
        assert!(text.contains(selector) && !text.contains(&secret) && !text.contains(&secret[17..]), "{text}");
    }
}

#[tokio::test]
async fn whoever_has_a_link_becomes_a_viewer() {
    let it = fixture().await;
    let token = link(&it, "2027-02-01T00:00:00Z").await;
    assert_eq!(works(&it, &token).await, "200");
    let user = sign_up(&it, &token, "ada").await.expect(201).json();
    assert_eq!((&user["rootRole"], &user["email"]), (&json!(3), &json!("ada@example.com")));
    it.log_in("ada", STRONG).await.expect(200);
    // The link stays, and tells who has used it, as long as they are there.
    let seen = it.admin("GET", &format!("{LINKS}/{token}"), Value::Null).await.expect(200).json();
    assert_eq!(seen["users"], json!([{"id": user["id"], "name": "ada", "username": "ada"}]));
    assert_eq!(sign_up(&it, &token, "eve").await.status, 201);
    it.admin("DELETE", &format!("/api/admin/user-admin/{}", user["id"]), Value::Null).await.expect(200);
    let seen = it.admin("GET", &format!("{LINKS}/{token}"), Value::Null).await.expect(200).json();
    assert_eq!(seen["users"].as_array().unwrap().len(), 1);
    let events = it.admin("GET", "/api/admin/search/events?type=IS:public-signup-token-user-added", Value::Null).await;
    let events = events.json();
    assert_eq!(events["total"], 2);
    assert_eq!(events["events"][1]["data"], json!({"secret": token.split_once('.').unwrap().0, "userId": user["id"]}));
    assert_eq!(events["events"][1]["createdBy"], "system");
}

#[tokio::test]
async fn a_link_gives_no_more_than_it_says() {
    let it = fixture().await;
    let token = link(&it, "2027-02-01T00:00:00Z").await;
    let path = format!("/invite/{token}/signup");
    let check = async |body: Value, expect: &str| {
        let answer = it.call("", "POST", &path, body.clone()).await;
        assert_eq!(outcome(&answer), expect, "{body}");
        it.advance(60_000);
    };
    let body = |email: &str, password: &str| json!({"email": email, "name": "Ada", "password": password});
    check(json!({}), "400 BadDataError /body/email /body/name /body/password").await;
    check(body("nobody", STRONG), "400 BadDataError /body/email").await;
    check(body("ada@example.com", "weak"), "400 OwaspValidationError /body/password").await;
    let mut wants_more = body("ada@example.com", STRONG);
    wants_more["rootRole"] = json!(1);
    check(wants_more, "400 BadDataError /body/rootRole").await;
    let mut taken = body("ada@example.com", STRONG);
    taken["username"] = json!("viewer");
    check(taken, "409 NameExistsError").await;
    check(body("ada@example.com", STRONG), "201").await;
    check(body("ADA@example.com", STRONG), "409 NameExistsError").await;
}

#[tokio::test]
async fn a_link_ends_and_is_switched_off() {
    let it = fixture().await;
    for wrong in ["none", "none.none", "."] {
        assert_eq!(works(&it, wrong).await, "400 BadDataError /params/token");
    }
    let token = link(&it, "2027-02-01T00:00:00Z").await;
    let selector = token.split_once('.').unwrap().0;
    for guessed in
        [selector.to_owned(), format!("{selector}."), format!("{token}0"), format!("{selector}.{}", "0".repeat(64))]
    {
        assert_eq!(works(&it, &guessed).await, "400 BadDataError /params/token");
        assert_eq!(outcome(&sign_up(&it, &guessed, "eve").await), "400 BadDataError /params/token");
    }
    it.advance(60_000);
    let path = format!("{LINKS}/{selector}");
    it.admin("PUT", &path, json!({"enabled": false})).await.expect(200);
    assert_eq!(works(&it, &token).await, "400 BadDataError /params/token");
    assert_eq!(outcome(&sign_up(&it, &token, "eve").await), "400 BadDataError /params/token");
    it.admin("PUT", &path, json!({"enabled": true})).await.expect(200);
    assert_eq!(works(&it, &token).await, "200");
    it.admin("PUT", &path, json!({"expiresAt": "2020-01-01T00:00:00Z"})).await.expect(200);
    assert_eq!(works(&it, &token).await, "400 BadDataError /params/token");
    // A month at most when it is made.
    let token = link(&it, "2099-01-01T00:00:00Z").await;
    it.advance(30 * DAY - 1);
    assert_eq!(works(&it, &token).await, "200");
    it.advance(1);
    assert_eq!(works(&it, &token).await, "400 BadDataError /params/token");
    assert_eq!(outcome(&sign_up(&it, &token, "eve").await), "400 BadDataError /params/token");
}

#[tokio::test]
async fn whoever_tries_often_has_to_wait() {
    let it = Fixture::with(&["--create-user-rate-limit-per-minute", "3"]).await;
    let token = link(&it, "2027-02-01T00:00:00Z").await;
    assert_eq!(works(&it, &token).await, "200");
    assert_eq!(works(&it, "none").await, "400 BadDataError /params/token");
    assert_eq!(outcome(&sign_up(&it, &token, "ada").await), "201");
    let refused = sign_up(&it, &token, "eve").await;
    assert_eq!(outcome(&refused), "429 RateLimitError");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(works(&it, &token).await, "429 RateLimitError");
    it.advance(60_000);
    assert_eq!(outcome(&sign_up(&it, &token, "eve").await), "201");
}
