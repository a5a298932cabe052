//! Nobody overwrites unseen what somebody else has changed meanwhile.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::endpoints::document::Document;
use crate::fixture::{ADMIN, Answer, Fixture};
use crate::world::{fixture, world};

const FLAG: &str = "/api/admin/projects/alpha/features/flag";

async fn change(it: &Fixture, secret: &str, method: &str, path: &str, body: &Value, seen: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, secret);
    if let Some(seen) = seen {
        request = request.header(header::IF_MATCH, seen);
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(body.to_string())
    };
    it.send(request.body(body).unwrap()).await
}

async fn read(it: &Fixture, path: &str) -> (String, Value) {
    let answer = it.admin("GET", path, Value::Null).await.expect(200);
    let etag = answer.headers.get(header::ETAG).unwrap_or_else(|| panic!("{path} says no version"));
    (etag.to_str().unwrap().to_owned(), answer.json())
}

/// Where things are read, how they are changed, by a body in which `#` is a number, and how they are deleted.
fn things(world: &crate::world::World) -> Vec<(String, &'static str, String, Value)> {
    let strategy = format!("{FLAG}/environments/development/strategies/{}", world.get("strategy"));
    let variants = format!("{FLAG}/environments/development/variants");
    let segment = format!("/api/admin/segments/{}", world.get("spare segment"));
    let integration = format!("/api/admin/addons/{}", world.get("integration"));
    let token = format!("/api/admin/api-tokens/{}", world.get("token of all"));
    let user = format!("/api/admin/user-admin/{}", world.get("spare user"));
    let field = "/api/admin/projects/alpha/context/own".to_owned();
    let (project, overview) = ("/api/admin/projects/alpha", "/api/admin/projects/alpha/overview");
    let text = "text #";
    let hook = json!({
        "provider": "webhook", "enabled": false, "description": text, "events": ["feature-archived"],
        "parameters": {"url": "https://hooks.example.com/other"},
    });
    let own = |path: String, method, body: Value| (path.clone(), method, path, body);
    vec![
        own(FLAG.to_owned(), "PUT", json!({"description": text, "type": "release"})),
        own(FLAG.to_owned(), "PATCH", json!([{"op": "replace", "path": "/description", "value": text}])),
        own(
            strategy.clone(),
            "PUT",
            json!({"name": "flexibleRollout", "title": text, "parameters": {"rollout": "50"}}),
        ),
        own(strategy, "PATCH", json!([{"op": "replace", "path": "/title", "value": text}])),
        own(variants.clone(), "PUT", json!([{"name": "v#", "weight": 1000, "stickiness": "default"}])),
        own(variants, "PATCH", json!([{"op": "replace", "path": "/0/name", "value": "v#"}])),
        own(segment, "PUT", json!({"name": text, "project": "alpha", "constraints": []})),
        own("/api/admin/context/spare".to_owned(), "PUT", json!({"description": text})),
        own(field, "PUT", json!({"description": text})),
        (overview.to_owned(), "PUT", project.to_owned(), json!({"name": text})),
        (project.to_owned(), "PUT", project.to_owned(), json!({"name": text})),
        (
            overview.to_owned(),
            "PUT",
            format!("{project}/settings"),
            json!({"featureNaming": {"pattern": "[a-z]+#", "example": "a#"}}),
        ),
        (
            "/api/admin/environments/staging".to_owned(),
            "PUT",
            "/api/admin/environments/update/staging".to_owned(),
            json!({"type": "test", "sortOrder": "#"}),
        ),
        own("/api/admin/tag-types/team".to_owned(), "PUT", json!({"description": text})),
        own("/api/admin/strategies/spare".to_owned(), "PUT", json!({"description": text, "parameters": []})),
        own(integration, "PUT", hook),
        own(token, "PUT", json!({"expiresAt": "2029-01-0#T00:00:00.000Z"})),
        own(user, "PUT", json!({"name": text})),
    ]
}

/// The body with this number in it.
fn numbered(body: &Value, number: u32) -> Value {
    let text = body.to_string().replace("\"#\"", &number.to_string()).replace('#', &number.to_string());
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_change_of_what_somebody_else_has_changed_is_refused_and_says_what_is_there() {
    let (world, document) = (world().await, Document::new());
    for (path, method, at, body) in things(world) {
        let it = fixture().await;
        let label = format!("{method} {at}");
        let (first, _) = read(&it, &path).await;
        assert_eq!(read(&it, &path).await.0, first, "{path}: another version without a change");
        let done = change(&it, ADMIN, method, &at, &numbered(&body, 1), Some(&first)).await;
        assert!(done.status.is_success(), "{label}: {}", done.text);
        let (second, current) = read(&it, &path).await;
        assert_ne!(second, first, "{label} makes no other version");
        let before = it.app.public().state.clone();
        for seen in [first.as_str(), "\"other\"", "nonsense", "", &format!("W/{second}"), &format!("{first}, \"x\"")] {
            let refused = change(&it, ADMIN, method, &at, &numbered(&body, 2), Some(seen)).await.expect(412);
            assert_eq!(refused.error_name(), "PreconditionFailedError", "{label}");
            assert_eq!(refused.headers[header::ETAG], second.as_str(), "{label} with {seen}");
            let said = refused.json();
            // Both say the same, whichever of the two addresses it was read at.
            let expect =
                if path.ends_with("/alpha") { read(&it, &format!("{path}/overview")).await.1 } else { current.clone() };
            assert_eq!(said["current"], expect, "{label}");
            let template = template(&document, method, &at);
            assert_eq!(document.faults(method, &template, &refused), [""; 0], "{label}");
            assert_eq!(it.app.public().state, before, "{label}");
        }
        // Who may not do it is told that, and nothing of what is there.
        let refused = change(&it, world.get("viewer"), method, &at, &numbered(&body, 2), Some(&first)).await;
        assert_eq!((refused.status.as_u16(), refused.json().get("current")), (403, None), "{label}");
        for seen in [&format!("\"x\", {second}"), "*"] {
            let body = numbered(&body, if seen == "*" { 4 } else { 3 });
            let done = change(&it, ADMIN, method, &at, &body, Some(seen)).await;
            assert!(done.status.is_success(), "{label} with {seen}: {}", done.text);
        }
        let done = change(&it, ADMIN, method, &at, &numbered(&body, 5), None).await;
        assert!(done.status.is_success(), "{label} without a condition: {}", done.text);
        assert!(!done.headers.contains_key(header::ETAG), "{label}: a version that others may have made");
    }
}

/// The published path of this operation.
fn template(document: &Document, method: &str, path: &str) -> String {
    let fits = |template: &str| {
        let (parts, of) = (path.split('/'), template.split('/'));
        path.split('/').count() == template.split('/').count()
            && parts.zip(of).all(|(part, of)| part == of || of.starts_with('{'))
    };
    let mut found: Vec<_> =
        document.operations().filter(|(m, template, _)| m == method && fits(template)).map(|(_, t, _)| t).collect();
    found.sort_by_key(|template| template.matches('{').count());
    found[0].to_owned()
}

#[tokio::test]
async fn what_is_gone_or_never_was_is_not_found_whatever_the_condition() {
    let it = fixture().await;
    for (method, path) in [
        ("PUT", "/api/admin/projects/alpha/features/nothing"),
        ("DELETE", "/api/admin/tag-types/nothing"),
        ("DELETE", "/api/admin/segments/999"),
    ] {
        let body = if method == "PUT" { json!({"type": "release"}) } else { Value::Null };
        for seen in ["*", "\"x\""] {
            change(&it, ADMIN, method, path, &body, Some(seen)).await.expect(404);
        }
    }
    // What nobody can edit has no version, and neither has a list.
    for path in ["/api/admin/strategies/default", "/api/admin/projects", "/api/admin/segments"] {
        let answer = it.admin("GET", path, Value::Null).await.expect(200);
        assert!(!answer.headers.contains_key(header::ETAG), "{path}");
    }
}

#[tokio::test]
async fn a_deletion_can_depend_on_a_version() {
    let (it, world) = (fixture().await, world().await);
    let segment = format!("/api/admin/segments/{}", world.get("spare segment"));
    for path in [segment.as_str(), FLAG, "/api/admin/context/spare", "/api/admin/strategies/spare"] {
        change(&it, ADMIN, "DELETE", path, &Value::Null, Some("\"x\"")).await.expect(412);
        let (seen, _) = read(&it, path).await;
        let done = change(&it, ADMIN, "DELETE", path, &Value::Null, Some(&seen)).await;
        assert!(done.status.is_success(), "{path}: {}", done.text);
    }
}

#[tokio::test]
async fn what_is_changed_at_another_address_is_no_obstacle() {
    let (it, world) = (fixture().await, world().await);
    let strategy = format!("{FLAG}/environments/development/strategies/{}", world.get("strategy"));
    let second = format!("{FLAG}/environments/development/strategies/{}", world.get("second strategy"));
    let [flag, one, project, user] = [
        read(&it, FLAG).await.0,
        read(&it, &strategy).await.0,
        read(&it, "/api/admin/projects/alpha/overview").await.0,
        read(&it, "/api/admin/user-admin/1").await.0,
    ];
    for (method, path, body) in [
        ("POST", format!("{FLAG}/environments/development/on"), Value::Null),
        ("PUT", second, json!({"name": "default", "title": "x", "parameters": {}})),
        ("POST", "/api/admin/projects/alpha/features".to_owned(), json!({"name": "newest"})),
        ("POST", "/api/admin/projects/alpha/environments".to_owned(), json!({"environment": "staging"})),
        ("POST", "/api/admin/user-admin/1/change-password".to_owned(), json!({"password": "Another-password-2"})),
    ] {
        let answer = it.admin(method, &path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }
    assert_eq!(read(&it, FLAG).await.0, flag);
    assert_eq!(read(&it, &strategy).await.0, one);
    assert_eq!(read(&it, "/api/admin/projects/alpha/overview").await.0, project);
    assert_eq!(read(&it, "/api/admin/user-admin/1").await.0, user);
}

#[tokio::test]
async fn of_many_who_began_with_the_same_version_one_wins() {
    let it = fixture().await;
    let (seen, _) = read(&it, FLAG).await;
    let bodies: Vec<_> = (0..10).map(|n| json!({"description": format!("by {n}"), "type": "release"})).collect();
    let changes = bodies.iter().map(|body| change(&it, ADMIN, "PUT", FLAG, body, Some(&seen)));
    let mut statuses: Vec<_> =
        futures_util::future::join_all(changes).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[412; 9][..]].concat());
}

#[tokio::test]
async fn a_node_that_lags_overwrites_nothing() {
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let one = Fixture::on_shared(Arc::clone(&store), &["--base-path", "/flags"]).await;
    one.admin("POST", "/flags/api/admin/tag-types", json!({"name": "team"})).await.expect(201);
    let two = Fixture::on_shared(store, &[]).await;
    let path = "/api/admin/tag-types/team";
    let (seen, _) = read(&two, path).await;
    // Behind a path of its own, a node says and asks the same.
    let there = format!("/flags{path}");
    assert_eq!(read(&one, &there).await.0, seen);
    change(&one, ADMIN, "PUT", &there, &json!({"description": "one's"}), Some(&seen)).await.expect(200);
    assert_eq!(read(&two, path).await.0, seen, "the other node should not know yet");
    let refused = change(&two, ADMIN, "PUT", path, &json!({"description": "two's"}), Some(&seen)).await.expect(412);
    assert_eq!(refused.json()["current"]["tagType"]["description"], "one's", "{}", refused.text);
}
