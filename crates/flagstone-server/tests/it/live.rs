//! What people who look on are told, by who they are.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture, Stream};
use crate::world::{fixture, session, with_cookie, world};

const PATH: &str = "/api/admin/live";

async fn listen(it: &Fixture, secret: &str, headers: &[(&str, &str)]) -> Stream {
    it.open(PATH, &[&[("authorization", secret)], headers].concat()).await
}

/// The same, past the greeting.
async fn greeted(it: &Fixture, secret: &str) -> Stream {
    let mut stream = listen(it, secret, &[]).await;
    let (event, _, data) = stream.json().await;
    assert_eq!((event.as_str(), data), ("hello", json!({"revision": it.app.public().state.seq})));
    stream
}

/// The next event in a line: each thing, with where it is.
async fn next(stream: &mut Stream) -> String {
    let (event, id, data) = stream.json().await;
    assert_eq!(id.split('-').next().unwrap(), data["revision"].to_string());
    let text = |value: &Value| value.as_str().map(|text| format!(" {text}")).unwrap_or_default();
    let changes = data["changes"].as_array().into_iter().flatten().map(|change| {
        let place = text(&change["project"]) + &text(&change["environment"]);
        let gone = if change["deleted"] == true { " gone" } else { "" };
        format!("{} {}{place}{gone}", change["kind"].as_str().unwrap(), change["id"].as_str().unwrap())
    });
    let mut parts: Vec<_> = std::iter::once(event).chain(changes).collect();
    parts[1..].sort();
    parts.join(", ")
}

/// Nothing but this is told, whatever was done before.
async fn comes_next(it: &Fixture, stream: &mut Stream) {
    it.admin("POST", "/api/admin/tag-types", json!({"name": "the-end"})).await.expect(201);
    assert_eq!(next(stream).await, "change, tag-type the-end");
    it.admin("DELETE", "/api/admin/tag-types/the-end", Value::Null).await.expect(200);
    assert_eq!(next(stream).await, "change, tag-type the-end gone");
}

#[tokio::test]
async fn each_commit_says_what_it_has_touched_and_who_made_it() {
    let (it, world) = (fixture().await, world().await);
    let mut stream = greeted(&it, world.get("admin")).await;
    let flag = "/api/admin/projects/alpha/features/flag";
    for (method, path, body, expect) in [
        ("POST", format!("{flag}/environments/development/on"), Value::Null, "change, feature flag alpha development"),
        ("PUT", flag.to_owned(), json!({"description": "x", "type": "release"}), "change, feature flag alpha"),
        ("DELETE", flag.to_owned(), Value::Null, "change, feature flag alpha"),
        ("DELETE", "/api/admin/archive/flag".to_owned(), Value::Null, "change, feature flag alpha gone"),
        ("POST", "/api/admin/segments".into(), json!({"name": "s", "constraints": []}), "change, segment 5"),
        ("POST", "/api/admin/context".into(), json!({"name": "region"}), "change, context-field region"),
        ("POST", "/api/admin/strategies".into(), json!({"name": "own", "parameters": []}), "change, strategy own"),
        ("POST", "/api/admin/environments/staging/off".into(), Value::Null, "change, environment staging"),
        ("POST", "/api/admin/maintenance".into(), json!({"enabled": true}), "change, setting maintenance.mode"),
        ("POST", "/api/admin/maintenance".into(), json!({"enabled": false}), "change, setting maintenance.mode"),
        ("POST", "/api/admin/projects".into(), json!({"id": "new", "name": "New"}), "change, project new new"),
        ("PUT", "/api/admin/user-admin/1".into(), json!({"name": "Ada"}), "change, user 1"),
    ] {
        let answer = it.admin(method, &path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        let told = next(&mut stream).await;
        // Whatever number it has.
        let told = if expect.starts_with("change, segment") { expect.to_owned() } else { told };
        assert_eq!(told, expect, "{method} {path}");
    }
    it.call(world.get("editor"), "POST", "/api/admin/tag-types", json!({"name": "by-editor"})).await.expect(201);
    let (event, id, data) = stream.json().await;
    let state = it.app.public().state.clone();
    assert_eq!((event.as_str(), &data["revision"]), ("change", &json!(state.seq)));
    assert!(id.starts_with(&format!("{}-", state.seq)), "{id}");
    let editor = state.users.values().find(|user| user.username.as_deref() == Some("editor")).unwrap();
    assert_eq!(data["actor"], json!({"id": editor.id, "name": editor.label()}));
    assert_eq!(data["at"], json!(it.app.now().to_string()));
}

#[tokio::test]
async fn nobody_hears_of_what_they_may_not_see() {
    let (it, world) = (fixture().await, world().await);
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    let mut outsider = greeted(&it, world.get("viewer")).await;
    let mut member = greeted(&it, world.get("owner of omega")).await;
    let mut admin = greeted(&it, ADMIN).await;
    let omega = "/api/admin/projects/omega";
    for (method, path, body, told) in [
        ("POST", format!("{omega}/features"), json!({"name": "secret"}), "feature secret omega"),
        (
            "POST",
            format!("{omega}/features/secret/environments/development/on"),
            Value::Null,
            "feature secret omega development",
        ),
        ("POST", format!("{omega}/context"), json!({"name": "hidden-field"}), "context-field hidden-field omega"),
        ("DELETE", format!("{omega}/features/secret"), Value::Null, "feature secret omega"),
        ("DELETE", "/api/admin/archive/secret".to_owned(), Value::Null, "feature secret omega gone"),
    ] {
        let answer = it.admin(method, &path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        for stream in [&mut member, &mut admin] {
            assert_eq!(next(stream).await, format!("change, {told}"), "{method} {path}");
        }
    }
    // Tokens, users and links to sign up by are for those who may list them; what is one's own, for oneself.
    let token = json!({"type": "backend", "tokenName": "t", "environment": "development"});
    it.admin("POST", &format!("{omega}/api-tokens"), token.clone()).await.expect(201);
    it.admin("POST", "/api/admin/api-tokens", token).await.expect(201);
    it.admin("POST", "/api/admin/user-admin", json!({"username": "eve", "rootRole": 3})).await.expect(201);
    let link = json!({"name": "l", "expiresAt": "2027-02-01T00:00:00Z"});
    it.admin("POST", "/api/admin/invite-link/tokens", link).await.expect(201);
    for expect in ["api-token", "api-token", "user", "signup-link"] {
        let told = next(&mut admin).await;
        assert!(told.starts_with(&format!("change, {expect} ")), "{told}");
        assert!(!told.contains("v2_"), "{told}");
    }
    it.call(world.get("viewer"), "POST", "/api/admin/projects/alpha/favorites", Value::Null).await.expect(200);
    let id = it.app.public().state.users.values().find(|u| u.username.as_deref() == Some("viewer")).unwrap().id;
    assert_eq!(next(&mut outsider).await, format!("change, favorites {id}"));
    comes_next(&it, &mut outsider).await;
    for stream in [&mut member, &mut admin] {
        let mut told = next(stream).await;
        while told.starts_with("change, api-token") {
            told = next(stream).await;
        }
        assert_eq!(told, "change, tag-type the-end");
    }
}

#[tokio::test]
async fn whoever_sees_something_else_than_before_is_to_ask_for_everything() {
    let (it, world) = (fixture().await, world().await);
    let mut viewer = greeted(&it, world.get("viewer")).await;
    let mut admin = greeted(&it, ADMIN).await;
    let before = it.app.public().state.seq.to_string();
    for mode in ["private", "open"] {
        it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": mode})).await.expect(200);
        assert_eq!(next(&mut viewer).await, "reset", "{mode}");
        assert_eq!(next(&mut admin).await, "change, project omega omega", "{mode}");
    }
    it.admin("PUT", "/api/admin/projects/omega/settings", json!({"mode": "private"})).await.expect(200);
    assert_eq!(next(&mut viewer).await, "reset");
    let mut late = listen(&it, world.get("viewer"), &[("last-event-id", &before)]).await;
    late.json().await;
    assert_eq!(next(&mut late).await, "reset", "it was hidden while nobody listened");
    // A project that is gone is as hidden as it was.
    for flag in ["b-flag", "b-child", "b-parent"] {
        it.admin("DELETE", &format!("/api/admin/projects/omega/features/{flag}"), Value::Null).await;
    }
    it.admin("POST", "/api/admin/projects/archive/omega", Value::Null).await.expect(200);
    it.admin("DELETE", "/api/admin/projects/omega", Value::Null).await.expect(200);
    let another = json!({"id": "another", "name": "Another", "mode": "private"});
    it.admin("POST", "/api/admin/projects", another).await.expect(201);
    comes_next(&it, &mut viewer).await;
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let (it, world) = (fixture().await, world().await);
    let mut stream = listen(&it, world.get("admin"), &[]).await;
    let (_, first, _) = stream.json().await;
    for name in ["a", "b", "c"] {
        it.admin("POST", "/api/admin/tag-types", json!({"name": name.repeat(3)})).await.expect(201);
    }
    assert_eq!(next(&mut stream).await, "change, tag-type aaa");
    let (_, second, _) = stream.json().await;
    drop(stream);
    let number = first.split('-').next().unwrap();
    for (known, expect) in [
        (first.as_str(), &["change, tag-type aaa", "change, tag-type bbb", "change, tag-type ccc"][..]),
        (number, &["change, tag-type aaa", "change, tag-type bbb", "change, tag-type ccc"][..]),
        (second.as_str(), &["change, tag-type ccc"][..]),
        // Another log's, older than what is known here, and one that nobody has given out.
        (&format!("{}-00000000", second.split('-').next().unwrap()), &["reset"][..]),
        ("1", &["reset"][..]),
        ("999999", &["reset"][..]),
    ] {
        let mut stream = listen(&it, world.get("admin"), &[("last-event-id", known)]).await;
        let (event, id, data) = stream.json().await;
        assert_eq!((event.as_str(), id.as_str()), ("hello", ""), "{known}: the client would not go on from {id}");
        assert_eq!(data["revision"], it.app.public().state.seq, "{known}");
        for told in expect {
            assert_eq!(next(&mut stream).await, *told, "{known}");
        }
    }
    // One that makes nothing of the header begins anew.
    let mut stream = listen(&it, world.get("admin"), &[("last-event-id", "nonsense")]).await;
    assert!(!stream.json().await.1.is_empty());
}

#[tokio::test]
async fn a_stream_ends_with_what_it_was_opened_with() {
    let it = fixture().await;
    // A personal token that is deleted, a user who is, a password that is set anew, a session that is logged out.
    let (id, secret) = it.user("ada", 3).await;
    let mut deleted = greeted(&it, &secret).await;
    let own = it.call(&secret, "GET", "/api/admin/user/tokens", Value::Null).await.json()["pats"][0]["id"].clone();
    it.call(&secret, "DELETE", &format!("/api/admin/user/tokens/{own}"), Value::Null).await.expect(200);
    assert_eq!(deleted.event().await, "", "a deleted token's stream goes on");
    let cookie = |answer: &crate::fixture::Answer| {
        answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
    };
    let log_in = async || cookie(&it.log_in("ada", "Correct-horse-7").await.expect(200));
    let (one, two) = (log_in().await, log_in().await);
    let mut ended = it.open(PATH, &[("cookie", &one)]).await;
    let mut other = it.open(PATH, &[("cookie", &two)]).await;
    ended.json().await;
    other.json().await;
    it.send(with_cookie(&one, "POST", "/logout", &Value::Null)).await.expect(302);
    assert_eq!(ended.event().await, "", "a stream goes on without its session");
    comes_next(&it, &mut other).await;
    let password = json!({"password": "Another-password-2"});
    it.admin("POST", &format!("/api/admin/user-admin/{id}/change-password"), password).await.expect(200);
    assert_eq!(other.event().await, "", "a stream goes on with a password of before");
    let mut admin = it.open(PATH, &[("cookie", &session(&it).await)]).await;
    admin.json().await;
    comes_next(&it, &mut admin).await;
}

#[tokio::test]
async fn a_stream_ends_at_its_tokens_expiry_and_with_the_node() {
    let it = fixture().await;
    let cookie = session(&it).await;
    let expiry = it.app.now().plus_millis(300).to_string();
    let body = json!({"description": "brief", "expiresAt": expiry});
    let brief = it.send(with_cookie(&cookie, "POST", "/api/admin/user/tokens", &body)).await.expect(201).json();
    let mut stream = greeted(&it, brief["secret"].as_str().unwrap()).await;
    let mut other = greeted(&it, ADMIN).await;
    it.advance(300);
    assert_eq!(stream.event().await, "", "the stream of an expired token goes on");
    comes_next(&it, &mut other).await;
    it.app.stream_places().stop();
    let began = std::time::Instant::now();
    assert_eq!(other.event().await, "", "the stream of a node that stops goes on");
    assert!(began.elapsed() < Duration::from_secs(10));
    it.call(ADMIN, "GET", PATH, Value::Null).await.expect(503);
}

#[tokio::test]
async fn somebody_looks_on_in_so_many_windows() {
    let (it, world) = (fixture().await, world().await);
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(greeted(&it, world.get("viewer")).await);
    }
    let refused = it.call(world.get("viewer"), "GET", PATH, Value::Null).await.expect(503);
    assert!(refused.text.contains("windows"), "{}", refused.text);
    greeted(&it, world.get("editor")).await;
    open.pop();
    greeted(&it, world.get("viewer")).await;
    let few = Fixture::with(&["--streams-max", "1"]).await;
    let _one = greeted(&few, ADMIN).await;
    few.call(ADMIN, "GET", PATH, Value::Null).await.expect(503);
}

#[tokio::test]
async fn what_another_node_has_done_is_told_here() {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let one = Fixture::on_shared(Arc::clone(&store), &[]).await;
    let two = Fixture::on_shared(store, &[]).await;
    let mut stream = greeted(&two, ADMIN).await;
    let made = one.admin("POST", "/api/admin/tag-types", json!({"name": "team"})).await.expect(201);
    let revision = made.headers["x-flagstone-revision"].to_str().unwrap().to_owned();
    two.app.catch_up_with(revision.parse().unwrap()).await.unwrap();
    assert_eq!(next(&mut stream).await, "change, tag-type team");
    // Whoever comes from a node that knows more is told nothing twice and nothing old.
    one.admin("POST", "/api/admin/tag-types", json!({"name": "area"})).await.expect(201);
    let mut moved = listen(&two, ADMIN, &[("last-event-id", &revision)]).await;
    moved.json().await;
    two.app.catch_up_with(u64::MAX).await.unwrap();
    assert_eq!(next(&mut moved).await, "change, tag-type area");
}
