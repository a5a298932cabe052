//! API tokens: those of a project, and those of one, several or all projects.

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_model::api_tokens::selector_of;
use flagstone_store::{DatabaseUrl, EventQuery};
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{fixture, fixture_on, outcome, session, with_cookie, world};

const CREATE: &str = "POST /api/admin/projects/alpha/api-tokens";
const SECOND: i64 = 1_000;

fn backend() -> Value {
    json!({"type": "backend", "tokenName": "new"})
}

async fn create(it: &Fixture, body: Value) -> Value {
    it.check("admin token", CREATE, body, "201").await.json()
}

async fn status(it: &Fixture, secret: &str, path: &str) -> u16 {
    it.call(secret, "GET", path, Value::Null).await.status.as_u16()
}

/// The names of the features that a token's SDK gets.
async fn features(it: &Fixture, secret: &str) -> Vec<String> {
    let answer = it.call(secret, "GET", "/api/client/features", Value::Null).await.expect(200).json();
    let names = answer["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned());
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[tokio::test]
async fn the_answer_holds_everything_and_the_secret_this_once() {
    let it = fixture().await;
    let answer = it.check("owner of alpha", CREATE, backend(), "201").await;
    let token = answer.json();
    let secret = token["secret"].as_str().unwrap().to_owned();
    let selector = selector_of(&secret);
    assert_eq!(
        token,
        json!({
            "secret": secret, "tokenName": "new", "type": "backend", "project": "alpha", "projects": ["alpha"],
            "environment": "development", "createdAt": "2027-01-15T08:00:00.000Z", "expiresAt": null, "seenAt": null,
            "alias": null, "secure": true,
        })
    );
    let (prefix, rest) = secret.split_once(".v2_").unwrap();
    assert_eq!(prefix, "alpha:development");
    assert_eq!(rest.len(), 22 + 1 + 43, "{rest}");
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    assert_eq!(location, format!("/api/admin/projects/alpha/api-tokens/{selector}"));
    let again = it.check("owner of alpha", &format!("GET {location}"), Value::Null, "200").await;
    assert_eq!(again.json()["tokenName"], "new");
    assert_eq!(again.json()["secret"], format!("alpha:development.v2_{selector}"));
    assert!(!again.text.contains(&secret));
}

#[tokio::test]
async fn the_location_stands_behind_the_base_path() {
    let it = fixture_on(&DatabaseUrl::Memory, &["--base-path", "/flags"]).await;
    let request = CREATE.replace(" /", " /flags/");
    let answer = it.check("admin token", &request, backend(), "201").await;
    let location = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    it.check("admin token", &format!("GET {location}"), Value::Null, "200").await;
    it.check("admin token", CREATE, backend(), "404 NotFoundError").await;
}

#[tokio::test]
async fn the_type_is_read_in_any_case() {
    let it = fixture().await;
    for (sent, answered, opens) in [
        ("backend", "backend", "/api/client/features"),
        ("BACKEND", "backend", "/api/client/features"),
        ("client", "client", "/api/client/features"),
        ("CliEnt", "client", "/api/client/features"),
        ("frontend", "frontend", "/api/frontend"),
        ("FrontEnd", "frontend", "/api/frontend"),
    ] {
        let token = create(&it, json!({"type": sent, "tokenName": "new"})).await;
        assert_eq!(token["type"], answered, "{sent}");
        // It works on the very next request, and for its own API alone.
        let secret = token["secret"].as_str().unwrap();
        for path in ["/api/client/features", "/api/frontend"] {
            assert_eq!(status(&it, secret, path).await, if path == opens { 200 } else { 403 }, "{sent} {path}");
        }
    }
}

#[tokio::test]
async fn every_way_to_log_in_creates_and_no_other() {
    let (it, world) = (fixture().await, world().await);
    let bearer = |scheme: &str| format!("{scheme} {}", world.get("admin token"));
    let path = "/api/admin/projects/alpha/api-tokens";
    for (authorization, expect) in [
        (world.get("admin token").to_owned(), 201),
        (bearer("Bearer"), 201),
        (bearer("bearer"), 201),
        (world.get("admin").to_owned(), 201),
        (world.get("owner of alpha").to_owned(), 201),
        (world.get("CREATE_PROJECT_API_TOKEN").to_owned(), 201),
        (String::new(), 401),
        (bearer("Basic"), 401),
        (world.get("garbage").to_owned(), 401),
        (world.get("expired pat").to_owned(), 401),
        (world.get("disabled").to_owned(), 401),
        (world.get("backend").to_owned(), 403),
        (world.get("frontend").to_owned(), 403),
        (world.get("viewer").to_owned(), 403),
        (world.get("editor").to_owned(), 403),
        (world.get("member of alpha").to_owned(), 403),
        (world.get("owner of omega").to_owned(), 403),
        (world.get("CREATE_CLIENT_API_TOKEN").to_owned(), 403),
        (world.get("READ_PROJECT_API_TOKEN").to_owned(), 403),
    ] {
        let before = it.app.public().state.api_tokens.len();
        let answer = it.call(&authorization, "POST", path, backend()).await;
        assert_eq!(answer.status, expect, "{authorization}: {}", answer.text);
        assert_eq!(it.app.public().state.api_tokens.len(), before + usize::from(expect == 201), "{authorization}");
    }
    let cookie = session(&it).await;
    it.send(with_cookie(&cookie, "POST", path, &backend())).await.expect(201);
}

#[tokio::test]
async fn a_body_with_faults_is_refused_with_all_of_them() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin token", CREATE, body, expect).await;
    };
    let with = |field: &str, value: Value| {
        let mut body = backend();
        body[field] = value;
        body
    };
    check(json!({}), "400 BadDataError /body/type /body/tokenName").await;
    check(json!([]), "400 BadDataError /body").await;
    check(json!("backend"), "400 BadDataError /body").await;
    check(json!({"type": 1, "tokenName": 2}), "400 BadDataError /body/tokenName /body/type").await;
    check(json!({"type": "backend"}), "400 BadDataError /body/tokenName").await;
    check(json!({"tokenName": "new"}), "400 BadDataError /body/type").await;
    for kind in ["admin", "server", "", "backend ", "backendx", "xbackend"] {
        check(with("type", json!(kind)), "400 BadDataError /body/type").await;
    }
    for name in ["", "  ", "a\u{0}b", &"x".repeat(10_000)] {
        check(with("tokenName", json!(name)), "400 BadDataError /body/tokenName").await;
    }
    for end in ["yesterday", "2029-02-30T00:00:00Z", "2029", "", "2020-01-01T00:00:00Z", "2027-01-15T08:00:00Z"] {
        check(with("expiresAt", json!(end)), "400 BadDataError /body/expiresAt").await;
    }
    for environment in ["nowhere", "closed", "DEVELOPMENT", "*", "development ", "../production"] {
        check(with("environment", json!(environment)), "400 BadDataError /body/environment").await;
    }
    check(with("environment", json!(7)), "400 BadDataError /body/environment").await;
    let many =
        json!({"type": "backend", "tokenName": " ", "environment": "closed", "expiresAt": "2020-01-01T00:00:00Z"});
    check(many, "400 BadDataError /body/tokenName /body/expiresAt /body/environment").await;
}

#[tokio::test]
async fn faults_are_told_in_words_a_person_can_act_on() {
    let it = fixture().await;
    let body =
        json!({"type": "backend", "tokenName": " ", "environment": "closed", "expiresAt": "2020-01-01T00:00:00Z"});
    let answer = it
        .check("admin token", CREATE, body, "400 BadDataError /body/tokenName /body/expiresAt /body/environment")
        .await;
    let details = answer.json()["details"].as_array().unwrap().clone();
    let messages: Vec<_> = details.iter().map(|d| d["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        ["The name must not be empty.", "The expiry must be in the future.", "The environment \"closed\" is disabled."]
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let (it, world) = (fixture().await, world().await);
    let send = async |kind: Option<&str>, body: Vec<u8>| {
        let mut request = Request::post("/api/admin/projects/alpha/api-tokens");
        request = request.header(header::AUTHORIZATION, world.get("admin token"));
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        outcome(&it.send(request.body(Body::from(body)).unwrap()).await)
    };
    let (before, good) = (it.app.public().state.clone(), backend().to_string().into_bytes());
    let json = Some("application/json");
    for (kind, body, expect) in [
        (None, good.clone(), "415 ContentTypeError"),
        (Some("text/plain"), good.clone(), "415 ContentTypeError"),
        (Some("application/x-www-form-urlencoded"), b"type=backend".to_vec(), "415 ContentTypeError"),
        (json, vec![], "400 BadDataError /body"),
        (json, b"{".to_vec(), "400 BadDataError /body"),
        (json, b"null".to_vec(), "400 BadDataError /body"),
        (json, vec![0xff, 0xfe], "400 BadDataError /body"),
        (json, vec![b' '; (1 << 20) + 1], "413 PayloadTooLargeError"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        assert_eq!(send(kind, body).await, expect, "{kind:?} {shown}");
    }
    assert_eq!(it.app.public().state, before);
    assert_eq!(send(Some("application/json; charset=utf-8"), good).await, "201");
}

#[tokio::test]
async fn a_project_that_is_not_there_or_archived_has_no_tokens() {
    let it = fixture().await;
    for project in ["gone", "nowhere", "ALPHA", "%2e%2e"] {
        for (method, rest) in [("POST", ""), ("GET", ""), ("GET", "/x"), ("DELETE", "/x")] {
            let body = if method == "POST" { backend() } else { Value::Null };
            let request = format!("{method} /api/admin/projects/{project}/api-tokens{rest}");
            it.check("admin token", &request, body, "404 NotFoundError").await;
        }
    }
    // Rights come first: who has none does not learn what exists.
    for project in ["omega", "nowhere"] {
        let request = format!("POST /api/admin/projects/{project}/api-tokens");
        it.check("owner of alpha", &request, backend(), "403 PermissionError").await;
        it.check("nobody", &request, backend(), "401 AuthenticationRequired").await;
    }
}

#[tokio::test]
async fn without_an_environment_it_is_the_default_one() {
    let it = fixture().await;
    for body in [
        backend(),
        json!({"type": "backend", "tokenName": "new", "environment": "default"}),
        json!({"type": "backend", "tokenName": "new", "environment": null}),
    ] {
        assert_eq!(create(&it, body).await["environment"], "development");
    }
    // The first enabled one, in the order that people see.
    it.check("admin", "POST /api/admin/environments/development/off", Value::Null, "204").await;
    assert_eq!(create(&it, backend()).await["environment"], "production");
    // The one that is called so, where it exists, whatever its place.
    it.check("admin", "POST /api/admin/environments", json!({"name": "default", "type": "test"}), "201").await;
    assert_eq!(create(&it, backend()).await["environment"], "default");
    it.check("admin", "POST /api/admin/environments/default/off", Value::Null, "204").await;
    it.check("admin token", CREATE, backend(), "400 BadDataError /body/environment").await;
}

#[tokio::test]
async fn it_works_for_exactly_its_project_and_environment() {
    let it = fixture().await;
    let secret = |token: &Value| token["secret"].as_str().unwrap().to_owned();
    let of_alpha = secret(&create(&it, backend()).await);
    assert_eq!(features(&it, &of_alpha).await, ["child", "flag", "lit", "other", "parent"]);
    // What the query asks for beyond the token's projects is not given.
    let path = "/api/client/features?project=omega";
    let answer = it.call(&of_alpha, "GET", path, Value::Null).await.expect(200).json();
    assert!(!answer.to_string().contains("b-flag"), "{answer}");
    it.call(&of_alpha, "GET", "/api/client/features/b-flag", Value::Null).await.expect(404);
    let production = json!({"type": "backend", "tokenName": "new", "environment": "production"});
    let production = secret(&create(&it, production).await);
    let lit = async |secret: &str| {
        let answer = it.call(secret, "GET", "/api/client/features/lit", Value::Null).await.expect(200).json();
        answer["enabled"].as_bool().unwrap()
    };
    assert!(lit(&of_alpha).await);
    assert!(!lit(&production).await);
}

#[tokio::test]
async fn tokens_for_one_several_and_all_projects() {
    let it = fixture().await;
    let alphas = ["child", "flag", "lit", "other", "parent"];
    let both = ["b-child", "b-flag", "b-parent", "child", "flag", "lit", "other", "parent"];
    for (projects, project, shown, prefix, sees) in [
        (json!({"project": "alpha"}), "alpha", json!(["alpha"]), "alpha:", &alphas[..]),
        (json!({"projects": ["alpha"]}), "alpha", json!(["alpha"]), "alpha:", &alphas[..]),
        (json!({"projects": ["omega", "alpha", "omega"]}), "[]", json!(["alpha", "omega"]), "[]:", &both[..]),
        (json!({"projects": ["alpha", "*"]}), "*", json!(["*"]), "*:", &both[..]),
        (json!({"project": "*"}), "*", json!(["*"]), "*:", &both[..]),
        (json!({}), "*", json!(["*"]), "*:", &both[..]),
    ] {
        let mut body = backend();
        body.as_object_mut().unwrap().extend(projects.as_object().unwrap().clone());
        let answer = it.check("admin token", "POST /api/admin/api-tokens", body.clone(), "201").await;
        let token = answer.json();
        assert_eq!((&token["project"], &token["projects"]), (&json!(project), &shown), "{body}");
        let secret = token["secret"].as_str().unwrap();
        assert!(secret.starts_with(&format!("{prefix}development.v2_")), "{body}: {prefix}");
        assert_eq!(features(&it, secret).await, sees, "{body}");
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        let found = it.check("admin token", &format!("GET {location}"), Value::Null, "200").await.json();
        assert_eq!(found["tokens"].as_array().unwrap().len(), 1, "{body}");
    }
    for (projects, expect) in [
        (json!(["alpha", "nowhere"]), "400 BadDataError /body/projects/1"),
        (json!(["gone"]), "400 BadDataError /body/projects/0"),
        (json!([]), "400 BadDataError /body/projects"),
        (json!("alpha"), "400 BadDataError /body/projects"),
    ] {
        let body = json!({"type": "backend", "tokenName": "new", "projects": projects});
        it.check("admin token", "POST /api/admin/api-tokens", body, expect).await;
    }
}

#[tokio::test]
async fn f16_it_stops_at_its_expiry_to_the_second() {
    let it = fixture().await;
    let body = json!({"type": "backend", "tokenName": "new", "expiresAt": "2027-01-15T09:00:00Z"});
    let token = create(&it, body).await;
    assert_eq!(token["expiresAt"], "2027-01-15T09:00:00.000Z");
    let secret = token["secret"].as_str().unwrap();
    assert_eq!(status(&it, secret, "/api/client/features").await, 200);
    it.advance(3_600 * SECOND - 1);
    assert_eq!(status(&it, secret, "/api/client/features").await, 200);
    it.advance(1);
    let answer = it.call(secret, "GET", "/api/client/features", Value::Null).await;
    assert_eq!(outcome(&answer), "401 UnauthorizedError");
    assert!(!answer.text.contains("v2_"), "{}", answer.text);
    // It is listed still, and lives again when its expiry is moved.
    let selector = selector_of(secret);
    let path = format!("/api/admin/api-tokens/{selector}");
    it.admin("PUT", &path, json!({"expiresAt": "2027-01-15T10:00:00+00:00"})).await.expect(200);
    assert_eq!(status(&it, secret, "/api/client/features").await, 200);
    for (body, expect) in [
        (json!({"expiresAt": "2027-01-15T09:00:00Z"}), "400 BadDataError /body/expiresAt"),
        (json!({"expiresAt": "soon"}), "400 BadDataError /body/expiresAt"),
        (json!({}), "400 BadDataError /body/expiresAt"),
    ] {
        it.check("admin token", &format!("PUT {path}"), body, expect).await;
    }
}

#[tokio::test]
async fn it_stops_at_its_deletion_at_once() {
    let it = fixture().await;
    for (path, who) in [("/api/admin/projects/alpha/api-tokens", "owner of alpha"), ("/api/admin/api-tokens", "admin")]
    {
        let token = create(&it, backend()).await;
        let secret = token["secret"].as_str().unwrap();
        assert_eq!(status(&it, secret, "/api/client/features").await, 200);
        let request = format!("DELETE {path}/{}", selector_of(secret));
        it.check("viewer", &request, Value::Null, "403 PermissionError").await;
        it.check(who, &request, Value::Null, "200").await;
        assert_eq!(status(&it, secret, "/api/client/features").await, 401);
        it.check(who, &request, Value::Null, "404 NotFoundError").await;
    }
}

#[tokio::test]
async fn it_is_named_by_its_secret_its_public_part_or_its_selector() {
    let it = fixture().await;
    let escape = |text: &str| text.replace('[', "%5B").replace(']', "%5D");
    for name in [|s: &str| s.to_owned(), |s: &str| s.rsplit_once('_').unwrap().0.to_owned(), selector_of] {
        let token = create(&it, backend()).await;
        let secret = token["secret"].as_str().unwrap().to_owned();
        // The secret's own part may hold underscores: cut after the selector.
        let public = format!("alpha:development.v2_{}", selector_of(&secret));
        let named = name(&secret);
        let named = if named == secret || named.len() == 22 { named } else { public };
        let request = format!("DELETE /api/admin/projects/alpha/api-tokens/{}", escape(&named));
        it.check("admin token", &request, Value::Null, "200").await;
        assert_eq!(status(&it, &secret, "/api/client/features").await, 401);
    }
}

#[tokio::test]
async fn a_token_dies_with_its_project_or_environment() {
    let it = fixture().await;
    let make = async |project: &str, environment: &str| it.token(project, "backend", environment).await;
    let (empty, staging) = (make("empty", "development").await, make("alpha", "staging").await);
    it.check("admin", "POST /api/admin/projects/archive/empty", Value::Null, "200").await;
    assert_eq!(status(&it, &empty, "/api/client/features").await, 401);
    it.check("admin", "POST /api/admin/projects/revive/empty", Value::Null, "200").await;
    assert_eq!(status(&it, &empty, "/api/client/features").await, 200);
    it.check("admin", "DELETE /api/admin/projects/empty", Value::Null, "200").await;
    assert_eq!(status(&it, &empty, "/api/client/features").await, 401);
    assert_eq!(status(&it, &staging, "/api/client/features").await, 200);
    it.check("admin", "DELETE /api/admin/environments/staging", Value::Null, "200").await;
    assert_eq!(status(&it, &staging, "/api/client/features").await, 401);
}

#[tokio::test]
async fn beyond_the_limit_there_is_no_other() {
    let it = Fixture::with(&["--api-tokens-limit", "3"]).await;
    let request = "POST /api/admin/projects/default/api-tokens";
    // The administrator's own is the first.
    it.check("admin token", request, backend(), "201").await;
    let last = it.check("admin token", request, backend(), "201").await.json();
    it.check("admin token", request, backend(), "409 ExceedsLimitError").await;
    it.check("admin token", "POST /api/admin/api-tokens", backend(), "409 ExceedsLimitError").await;
    let named = selector_of(last["secret"].as_str().unwrap());
    it.check("admin token", &format!("DELETE /api/admin/api-tokens/{named}"), Value::Null, "200").await;
    it.check("admin token", request, backend(), "201").await;
}

#[tokio::test]
async fn it_is_seen_after_its_use() {
    let it = fixture().await;
    let token = create(&it, backend()).await;
    let secret = token["secret"].as_str().unwrap();
    let path = format!("/api/admin/projects/alpha/api-tokens/{}", selector_of(secret));
    let seen = async || it.admin("GET", &path, Value::Null).await.expect(200).json()["seenAt"].clone();
    assert_eq!(seen().await, Value::Null);
    it.advance(5 * SECOND);
    assert_eq!(status(&it, secret, "/api/client/features").await, 200);
    assert_eq!(seen().await, "2027-01-15T08:00:05.000Z");
    // A refused use is none.
    it.advance(5 * SECOND);
    assert_eq!(status(&it, &format!("{secret}x"), "/api/client/features").await, 401);
    assert_eq!(seen().await, "2027-01-15T08:00:05.000Z");
}

#[tokio::test]
async fn lists_show_what_the_caller_may_see() {
    let it = fixture().await;
    let names = async |who: &str, path: &str| {
        let answer = it.check(who, &format!("GET {path}"), Value::Null, "200").await.json();
        let tokens = answer["tokens"].as_array().unwrap().clone();
        assert!(tokens.iter().all(|t| t["secure"] == true), "{answer}");
        let mut names: Vec<_> = tokens.iter().map(|t| t["tokenName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let all = ["admin", "backend", "expired admin token", "expired token", "for all", "frontend", "omega's token"];
    assert_eq!(names("admin", "/api/admin/api-tokens").await, all);
    let of_alpha = names("owner of alpha", "/api/admin/projects/alpha/api-tokens").await;
    assert_eq!(of_alpha, ["backend", "expired token", "frontend"]);
    assert_eq!(names("READ_FRONTEND_API_TOKEN", "/api/admin/api-tokens").await, ["frontend"]);
    assert_eq!(names("READ_FRONTEND_API_TOKEN", "/api/admin/api-tokens/backend").await, [""; 0]);
    assert_eq!(names("READ_CLIENT_API_TOKEN", "/api/admin/api-tokens/backend").await, ["backend"]);
    assert_eq!(names("admin", "/api/admin/api-tokens/nothing").await, [""; 0]);
    it.check("owner of alpha", "GET /api/admin/projects/omega/api-tokens", Value::Null, "403 PermissionError").await;
}

#[tokio::test]
async fn each_kind_of_token_has_its_own_permission() {
    let it = fixture().await;
    let create = async |who: &str, kind: &str, expect: &str| {
        let body = json!({"type": kind, "tokenName": "new"});
        it.check(who, "POST /api/admin/api-tokens", body, expect).await;
    };
    create("CREATE_CLIENT_API_TOKEN", "backend", "201").await;
    create("CREATE_CLIENT_API_TOKEN", "client", "201").await;
    create("CREATE_CLIENT_API_TOKEN", "frontend", "403 PermissionError").await;
    create("CREATE_FRONTEND_API_TOKEN", "frontend", "201").await;
    create("CREATE_FRONTEND_API_TOKEN", "backend", "403 PermissionError").await;
    create("editor", "backend", "403 PermissionError").await;
    create("CREATE_PROJECT_API_TOKEN", "backend", "403 PermissionError").await;
    let named = |name: &str| format!("/api/admin/api-tokens/{name}");
    let world = world().await;
    let (backend, frontend) = (named(world.get("backend's selector")), named(world.get("frontend's selector")));
    let later = json!({"expiresAt": "2029-01-01T00:00:00Z"});
    it.check("UPDATE_FRONTEND_API_TOKEN", &format!("PUT {backend}"), later.clone(), "403 PermissionError").await;
    it.check("UPDATE_FRONTEND_API_TOKEN", &format!("PUT {frontend}"), later, "200").await;
    it.check("DELETE_CLIENT_API_TOKEN", &format!("DELETE {frontend}"), Value::Null, "403 PermissionError").await;
    it.check("DELETE_CLIENT_API_TOKEN", &format!("DELETE {backend}"), Value::Null, "200").await;
}

#[tokio::test]
async fn nobody_without_full_rights_touches_the_administrators_token() {
    let (it, world) = (fixture().await, world().await);
    let path = format!("/api/admin/api-tokens/{}", selector_of(world.get("admin token")));
    for who in ["DELETE_CLIENT_API_TOKEN", "DELETE_FRONTEND_API_TOKEN", "owner of alpha", "editor"] {
        it.check(who, &format!("DELETE {path}"), Value::Null, "403 PermissionError").await;
    }
    for who in ["UPDATE_CLIENT_API_TOKEN", "UPDATE_FRONTEND_API_TOKEN"] {
        it.check(who, &format!("PUT {path}"), json!({"expiresAt": "2029-01-01T00:00:00Z"}), "403 PermissionError")
            .await;
    }
    it.check("ADMIN", &format!("DELETE {path}"), Value::Null, "200").await;
}

#[tokio::test]
async fn t45_the_log_says_who_made_it_and_never_the_secret() {
    let it = fixture().await;
    let since = it.last_event();
    let token = it.check("owner of alpha", CREATE, backend(), "201").await.json();
    let selector = selector_of(token["secret"].as_str().unwrap());
    let path = format!("/api/admin/projects/alpha/api-tokens/{selector}");
    it.check(
        "admin",
        &format!("PUT /api/admin/api-tokens/{selector}"),
        json!({"expiresAt": "2029-01-01T00:00:00Z"}),
        "200",
    )
    .await;
    it.check("owner of alpha", &format!("DELETE {path}"), Value::Null, "200").await;
    let kinds = ["api-token-created", "api-token-updated", "api-token-deleted"];
    assert_eq!(it.event_types_since(since).await, kinds);
    let events = it.store.events(&EventQuery { limit: 3, ..EventQuery::default() }).await.unwrap().events;
    let makers: Vec<_> = events.iter().rev().map(|event| event.created_by.as_str()).collect();
    assert_eq!(makers, ["owner of alpha", "admin", "owner of alpha"]);
    for event in &events {
        assert_eq!(event.project.as_deref(), Some("alpha"));
        assert_eq!(event.environment.as_deref(), Some("development"));
    }
    assert_eq!(events[1].data.as_ref().unwrap()["expiresAt"], "2029-01-01T00:00:00.000Z");
    assert_eq!(events[1].pre_data.as_ref().unwrap()["expiresAt"], Value::Null);
    let text = serde_json::to_string(&events).unwrap();
    let private = token["secret"].as_str().unwrap().rsplit_once(&selector).unwrap().1;
    assert!(!text.contains(private) && !text.contains("hash"), "{text}");
}

#[tokio::test]
async fn t23_no_file_and_no_answer_holds_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let it = fixture_on(&DatabaseUrl::Sqlite(folder.path().join("flagstone.db")), &[]).await;
    let token = create(&it, backend()).await;
    let secret = token["secret"].as_str().unwrap();
    let selector = selector_of(secret);
    let private = secret.rsplit_once(&selector).unwrap().1.trim_start_matches('_');
    assert_eq!(private.len(), 43);
    assert_eq!(status(&it, secret, "/api/client/features").await, 200);
    for path in [
        "/api/admin/api-tokens",
        "/api/admin/projects/alpha/api-tokens",
        "/api/admin/search/events",
        "/internal-backstage/prometheus",
        &format!("/api/admin/projects/alpha/api-tokens/{secret}"),
        &format!("/api/admin/projects/omega/api-tokens/{secret}"),
        &format!("/api/admin/api-tokens/{secret}"),
    ] {
        let answer = it.admin("GET", path, Value::Null).await;
        assert!(!answer.text.contains(private), "{path}: {}", answer.text);
    }
    it.app.stop().await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += usize::from(bytes.windows(selector.len()).any(|window| window == selector.as_bytes()));
        assert!(!bytes.windows(private.len()).any(|window| window == private.as_bytes()));
    }
    assert!(files > 0, "the search finds nothing at all");
}

#[tokio::test]
async fn names_need_not_be_unique_and_secrets_are() {
    let it = fixture().await;
    let (one, other) = (create(&it, backend()).await, create(&it, backend()).await);
    assert_ne!(one["secret"], other["secret"]);
    let found = it.admin("GET", "/api/admin/api-tokens/new", Value::Null).await.expect(200).json();
    assert_eq!(found["tokens"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn given_tokens_exist_from_the_start_beside_others() {
    let (backend, frontend) = ("default:development.given-backend", "*:production.given-frontend");
    let it = Fixture::with(&["--init-backend-api-tokens", backend, "--init-frontend-api-tokens", frontend]).await;
    assert_eq!(status(&it, backend, "/api/client/features").await, 200);
    assert_eq!(status(&it, frontend, "/api/frontend").await, 200);
    assert_eq!(status(&it, backend, "/api/frontend").await, 403);
    let list = it.admin("GET", "/api/admin/api-tokens", Value::Null).await.expect(200);
    assert_eq!(list.json()["tokens"].as_array().unwrap().len(), 3);
    assert!(!list.text.contains("given-"), "{}", list.text);
}
