//! Sessions: they change hands at no log-in, die with what they stand for, and are of no use to other sites.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Answer, Fixture};
use crate::input::operations::{Rig, operations};

const PASSWORD: &str = "Correct-horse-7";

fn cookie_of(answer: &Answer) -> String {
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn with_cookie(it: &Fixture, cookie: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    it.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn status(it: &Fixture, cookie: &str) -> u16 {
    with_cookie(it, cookie, "GET", "/api/admin/user", Value::Null).await.status.as_u16()
}

#[tokio::test]
async fn t11_a_log_in_makes_a_new_session_and_ends_the_one_before() {
    let it = Fixture::new().await;
    let log_in = async |cookie: &str| {
        let body = json!({"username": "admin", "password": "First-password-1"});
        cookie_of(&with_cookie(&it, cookie, "POST", "/auth/simple/login", body).await.expect(200))
    };
    // An id that an attacker chose is not taken over.
    let planted = "unleash-session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let first = log_in(planted).await;
    assert_ne!(first, planted);
    assert_eq!((status(&it, planted).await, status(&it, &first).await), (401, 200));
    let second = log_in(&first).await;
    assert_ne!(second, first);
    assert_eq!((status(&it, &first).await, status(&it, &second).await), (401, 200));
    // A wrong password leaves the session as it is.
    let wrong = json!({"username": "admin", "password": "wrong"});
    with_cookie(&it, &second, "POST", "/auth/simple/login", wrong).await.expect(401);
    assert_eq!(status(&it, &second).await, 200);
    with_cookie(&it, &second, "POST", "/logout", Value::Null).await.expect(302);
    assert_eq!(status(&it, &second).await, 401);
}

#[tokio::test]
async fn t11_the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    for (arguments, secure) in [(vec![], false), (vec!["--secure"], true)] {
        let it = Fixture::with(&arguments).await;
        let answer = it.log_in("admin", "First-password-1").await.expect(200);
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        let id = cookie.split(['=', ';']).nth(1).unwrap();
        assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "256 bits: {cookie}");
        assert!(!answer.text.contains(id), "the id stands in the body, where scripts can read it");
    }
}

/// A user with three sessions, with nothing done yet.
async fn three_sessions(it: &Fixture, name: &str) -> (i64, String, Vec<String>) {
    let (id, token) = it.user(name, 2).await;
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(cookie_of(&it.log_in(name, PASSWORD).await.expect(200)));
    }
    for cookie in &cookies {
        assert_eq!(status(it, cookie).await, 200);
    }
    (id, token, cookies)
}

#[tokio::test]
async fn t12_sessions_and_tokens_die_with_the_password_or_the_user() {
    let it = Fixture::with(&["--login-limit-per-minute", "1000"]).await;

    // Changed in one session: the others are dead, and this one goes on under a new id.
    let (_, token, cookies) = three_sessions(&it, "ada").await;
    let body = json!({"oldPassword": PASSWORD, "password": "Another-horse-8", "confirmPassword": "Another-horse-8"});
    let changed = with_cookie(&it, &cookies[0], "POST", "/api/admin/user/change-password", body).await.expect(200);
    for cookie in &cookies {
        assert_eq!(status(&it, cookie).await, 401);
    }
    assert_eq!(status(&it, &cookie_of(&changed)).await, 200);
    it.log_in("ada", PASSWORD).await.expect(401);
    it.log_in("ada", "Another-horse-8").await.expect(200);
    it.call(&token, "GET", "/api/admin/user", Value::Null).await.expect(200);

    // Changed without knowing the old one: refused, and nothing ends.
    let (_, _, cookies) = three_sessions(&it, "bob").await;
    for (old, refusal) in [(json!("wrong"), 401), (Value::Null, 400)] {
        let body = json!({"oldPassword": old, "password": "Another-horse-8"});
        with_cookie(&it, &cookies[0], "POST", "/api/admin/user/change-password", body).await.expect(refusal);
    }
    assert_eq!(status(&it, &cookies[2]).await, 200);

    // Reset by an administrator: all are dead.
    let (id, _, cookies) = three_sessions(&it, "eve").await;
    let path = format!("/api/admin/user-admin/{id}/change-password");
    it.admin("POST", &path, json!({"password": "Another-horse-8"})).await.expect(200);
    for cookie in &cookies {
        assert_eq!(status(&it, cookie).await, 401);
    }

    // Deleted: all are dead, personal access tokens too, and nobody gets them back by taking the name.
    let (id, token, cookies) = three_sessions(&it, "joe").await;
    it.call(&token, "GET", "/api/admin/user", Value::Null).await.expect(200);
    it.admin("DELETE", &format!("/api/admin/user-admin/{id}"), Value::Null).await.expect(200);
    let (again, _) = it.user("joe", 1).await;
    assert_ne!(again, id);
    for cookie in &cookies {
        assert_eq!(status(&it, cookie).await, 401);
    }
    it.call(&token, "GET", "/api/admin/user", Value::Null).await.expect(401);
    it.log_in("joe", "wrong").await.expect(401);
}

#[tokio::test]
async fn t13_other_sites_cannot_use_a_session() {
    let rig = Rig::new().await;
    let cookie = cookie_of(&rig.it.log_in("admin", "First-password-1").await.expect(200));
    let document = serde_json::to_value(flagstone_server::routes::openapi()).unwrap();
    let mut writes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|m| *m != "get" && *m != "parameters") {
            if path.starts_with("/api/admin/") || path == "/logout" || path == "/auth/simple/login" {
                writes.push((method.to_uppercase(), rig.path(path)));
            }
        }
    }
    assert!(writes.len() > 60, "{}", writes.len());
    let bodies = operations(&rig);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    let foreign: &[&[(&str, &str)]] = &[
        &[form],
        &[("content-type", "text/plain")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[json, ("origin", "https://evil.example"), ("host", "flags.example")],
        &[json, ("origin", "https://flags.example.evil.example"), ("host", "flags.example")],
        &[json, ("origin", "null"), ("host", "flags.example")],
        &[json, ("origin", "https://flags.example:8443"), ("host", "flags.example")],
        &[json, ("sec-fetch-site", "cross-site")],
        &[json, ("sec-fetch-site", "same-site")],
        &[json, ("sec-fetch-site", "cross-site"), ("origin", "https://flags.example"), ("host", "flags.example")],
        &[("origin", "https://evil.example"), ("host", "flags.example")],
    ];
    let before = rig.revision();
    for (method, path) in &writes {
        let body =
            bodies.iter().find(|o| o.method == method && rig.path(o.template) == *path).map(|o| o.body.to_string());
        for headers in foreign {
            let mut request = Request::builder().method(method.as_str()).uri(path).header(header::COOKIE, &cookie);
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let answer = rig.it.send(request.body(Body::from(body.clone().unwrap_or_default())).unwrap()).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.text);
            assert!(!answer.headers.contains_key(header::SET_COOKIE), "{method} {path} {headers:?}");
        }
    }
    assert_eq!(rig.revision(), before);
    assert_eq!(status(&rig.it, &cookie).await, 200, "the session did not survive");

    // The allowed cases: the own site, programs with the cookie, and tokens from wherever.
    let create = |name: &str| {
        let body = Body::from(json!({ "name": name }).to_string());
        (Request::post("/api/admin/projects/default/features").header("content-type", "application/json"), body)
    };
    for (name, headers) in [
        ("own-origin", &[("origin", "https://flags.example"), ("host", "flags.example")][..]),
        ("same-origin", &[("sec-fetch-site", "same-origin")]),
        ("typed", &[("sec-fetch-site", "none")]),
        ("program", &[]),
    ] {
        let (mut request, body) = create(name);
        request = request.header(header::COOKIE, &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rig.it.send(request.body(body).unwrap()).await.expect(201);
    }
    let (request, body) = create("by-token");
    let request = request.header("authorization", ADMIN).header("origin", "https://evil.example");
    rig.it.send(request.header("sec-fetch-site", "cross-site").body(body).unwrap()).await.expect(201);
}
