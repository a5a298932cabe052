//! Who may do what: every operation times everybody, and every way around it that was ever found elsewhere.

mod private;
mod projects;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use flagstone_model::Timestamp;
use flagstone_model::commit::{Actor, Change, Commit, CommitBody, Event};
use flagstone_store::{DatabaseUrl, EventQuery, Options, Store};
use serde_json::{Value, json};

use crate::endpoints::document::Document;
use crate::endpoints::table::{By, Effect, Row, rows};
use crate::endpoints::{PUBLIC, Policy, is_refusal};
use crate::fixture::{Answer, Fixture};
use crate::world::{Kind, NOW, Principal, World, fixture, fixture_on, world};

/// Permissions that an operation names but that do not suffice for the request in the table, because it needs the
/// other one as well, or (none) is about the other kind of token.
const NARROWED: &[(&str, &str, Option<&str>)] = &[
    ("createApiToken", "CREATE_FRONTEND_API_TOKEN", None),
    ("updateApiToken", "UPDATE_FRONTEND_API_TOKEN", None),
    ("deleteApiToken", "DELETE_FRONTEND_API_TOKEN", None),
    ("cloneFeature", "CREATE_FEATURE", Some("CREATE_FEATURE_STRATEGY")),
    ("importToggles", "UPDATE_FEATURE", Some("DELETE_FEATURE_STRATEGY")),
    ("previewImport", "UPDATE_FEATURE", Some("DELETE_FEATURE_STRATEGY")),
];

/// The golden file: the operation's id and policy by method and path.
fn golden() -> BTreeMap<(String, String), (String, Policy)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/routes.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let parse = |line: &str| {
        let [method, path, id, policy] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let policy = match policy {
            "public" => Policy::Public,
            "token" => Policy::Token,
            "signature" => Policy::Signature,
            "session" => Policy::Session,
            "user" => Policy::User,
            "any" => Policy::Any,
            permissions => Policy::Permissions(permissions.split(',').map(str::to_owned).collect()),
        };
        ((method.to_owned(), path.to_owned()), (id.to_owned(), policy))
    };
    text.lines().map(parse).collect()
}

fn label(row: &Row) -> String {
    format!("{} {}", row.method, row.template)
}

/// What the books say: the policy in the golden file, and what the role grants.
fn is_permitted(row: &Row, id: &str, policy: &Policy, who: &Kind) -> bool {
    match (policy, who) {
        (Policy::Public, _) | (Policy::Permissions(_), Kind::AdminToken) => true,
        (Policy::Token, Kind::Backend) => matches!(row.by, By::Backend | By::Sdk),
        (Policy::Token, Kind::Frontend) => matches!(row.by, By::Frontend | By::Sdk),
        (Policy::User, who) => matches!(who, Kind::User(_)),
        (Policy::Any, who) => matches!(who, Kind::User(_) | Kind::AdminToken),
        (Policy::Permissions(needed), Kind::User(held)) => {
            let held: BTreeSet<&str> = held.iter().map(|p| p.name()).collect();
            let suffices = |permission: &&str| {
                let narrowed = NARROWED.iter().find(|(operation, p, _)| *operation == id && p == permission);
                narrowed.is_none_or(|(_, _, also)| also.is_some_and(|also| held.contains(also)))
            };
            let satisfying = held.iter().filter(|p| needed.iter().any(|n| n == *p));
            held.contains("ADMIN") || satisfying.clone().any(suffices)
        }
        _ => false,
    }
}

/// Every operation with everybody.
fn matrix(world: &World) -> impl Iterator<Item = (Row, Vec<(Principal, bool)>)> {
    let (golden, principals) = (golden(), world.principals());
    rows(world).into_iter().map(move |row| {
        let (id, policy) = &golden[&(row.method.to_owned(), row.template.to_owned())];
        let with_books = |p: &Principal| (p.clone(), is_permitted(&row, id, policy, &p.kind));
        // Where nobody needs to be anybody, a few are enough.
        let few = if *policy == Policy::Public { 12 } else { principals.len() };
        let all = principals.iter().take(few).map(with_books).collect();
        (row, all)
    })
}

#[tokio::test]
async fn t4_whoever_may_not_is_refused_and_changes_nothing() {
    let (world, it) = (world().await, fixture().await);
    let before = it.app.public().state.clone();
    let (mut permits, mut asked) = (Vec::new(), 0_u32);
    for (row, principals) in matrix(world) {
        for (principal, _) in principals.iter().filter(|(_, permitted)| !permitted) {
            asked += 1;
            let answer = row.send_as(&it, world, &principal.secret).await;
            let is_unknown = principal.kind == Kind::Nobody || row.by == By::Edge;
            let expect = if is_unknown { 401 } else { 403 };
            let session_of_nobody = row.template == "/logout" && answer.status == 401;
            if !is_refusal(&answer) || (answer.status != expect && !session_of_nobody) {
                permits.push(format!("{} as {}: {} {}", label(&row), principal.name, answer.status, answer.text));
            }
        }
    }
    assert!(permits.is_empty(), "{} of {asked}: {permits:#?}", permits.len());
    assert!(asked > 5_000, "only {asked} requests");
    assert_eq!(it.app.public().state, before);
}

#[tokio::test]
async fn t4_whoever_may_does() {
    let world = world().await;
    let golden = golden();
    let mut refusals = Vec::new();
    for (row, principals) in matrix(world) {
        let mut it = fixture().await;
        let before = it.app.public().state.clone();
        let (_, policy) = &golden[&(row.method.to_owned(), row.template.to_owned())];
        for (principal, _) in principals.iter().filter(|(_, permitted)| *permitted) {
            let answer = row.send_as(&it, world, &principal.secret).await;
            let exact = matches!(policy, Policy::Permissions(_) | Policy::Token | Policy::Any);
            if is_refusal(&answer) || (exact && answer.status != row.status) {
                refusals.push(format!("{} as {}: {} {}", label(&row), principal.name, answer.status, answer.text));
            }
            if it.app.public().state != before {
                it = fixture().await;
            }
        }
    }
    assert!(refusals.is_empty(), "{}: {refusals:#?}", refusals.len());
}

#[test]
fn t4_policies_name_permissions_that_exist() {
    let policies = golden().into_values().map(|(_, policy)| policy);
    let named = policies.filter_map(|policy| if let Policy::Permissions(all) = policy { Some(all) } else { None });
    let named: BTreeSet<String> = named.flatten().collect();
    assert!(named.len() >= 30, "{named:?}");
    for permission in named {
        assert!(flagstone_model::Permission::by_name(&permission).is_some(), "{permission} is no permission");
    }
}

#[tokio::test]
async fn t21_tokens_of_one_api_do_not_open_the_others() {
    let (world, it) = (world().await, fixture().await);
    for row in rows(world).into_iter().filter(|row| !PUBLIC.contains(&label(row).as_str())) {
        for (kind, secret) in [(By::Backend, world.get("backend")), (By::Frontend, world.get("frontend"))] {
            let answer = row.send_as(&it, world, secret).await;
            if row.by == kind || row.by == By::Sdk {
                assert_eq!(answer.status, row.status, "{} as {kind:?}: {}", label(&row), answer.text);
            } else {
                assert!(is_refusal(&answer), "{} as {kind:?}: {} {}", label(&row), answer.status, answer.text);
            }
        }
    }
}

#[tokio::test]
async fn t21_nothing_but_the_header_is_a_token() {
    let (world, it) = (world().await, fixture().await);
    let secret = world.get("backend");
    let ask = async |path: String, header: Option<(&str, String)>| {
        let mut request = Request::get(path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        it.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    let check = async |path: &str, header: Option<(&str, &str)>, expect: u16| {
        let header = header.map(|(name, value)| (name, value.replace("TOKEN", secret)));
        let shown = format!("{path} {header:?}");
        assert_eq!(ask(path.replace("TOKEN", secret), header).await, expect, "{shown}");
    };
    check("/api/client/features", Some(("authorization", "TOKEN")), 200).await;
    check("/api/client/features", Some(("authorization", "Bearer TOKEN")), 200).await;
    check("/api/client/features", Some(("authorization", "bearer TOKEN")), 200).await;
    check("/api/client/features", Some(("authorization", "Basic TOKEN")), 401).await;
    check("/api/client/features", Some(("authorization", "TOKENx")), 401).await;
    check("/api/client/features", Some(("authorization", "")), 401).await;
    check("/api/client/features", Some(("x-api-key", "TOKEN")), 401).await;
    check("/api/client/features", Some(("cookie", "token=TOKEN")), 401).await;
    check("/api/client/features?token=TOKEN", None, 401).await;
    check("/api/client/features?authorization=TOKEN", None, 401).await;
}

/// The forms of a path by which others were tricked.
fn mutations(path: &str) -> Vec<String> {
    let rest = path.trim_start_matches('/');
    let (head, last) = path.rsplit_once('/').unwrap();
    let upper: String = path.to_uppercase();
    vec![
        format!("/{path}"),
        format!("//{path}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("/./{rest}"),
        format!("/%2e{path}"),
        format!("/x/%2e%2e{path}"),
        format!("/x/%2E%2E{path}"),
        format!("/x/..%2f{rest}"),
        format!("/%2f{rest}"),
        format!("{head}%2f{last}"),
        format!("{head}/%2e/{last}"),
        format!("{head}/./{last}"),
        format!("{head}//{last}"),
        format!("{path};a=b"),
        format!("{path}."),
        format!("{path}%20"),
        format!("{path}%00"),
        format!("{path}.json"),
        format!("{path}?x=/health"),
        format!("{path}%3f"),
        format!("/health/..{path}"),
        format!("/health/%2e%2e{path}"),
        format!("/api/client/..{}", path.trim_start_matches("/api")),
        format!("/api/client/features/../../../{rest}"),
        format!("/api/frontend/..{}", path.trim_start_matches("/api")),
        format!("/auth/simple/login/../../..{path}"),
        format!("/docs/..{path}"),
        format!("http://localhost{path}"),
        format!("http://localhost/health/..{path}"),
        upper,
        path.to_owned(),
    ]
}

#[tokio::test]
async fn t1_no_form_of_a_path_lets_nobody_in() {
    let (world, it) = (world().await, fixture().await);
    let before = it.app.public().state.clone();
    let mut asked = 0;
    for row in rows(world).into_iter().filter(|row| !PUBLIC.contains(&label(row).as_str())) {
        for path in mutations(&row.path(world)) {
            // What is no URL at all does not reach the router.
            if path.parse::<axum::http::Uri>().is_err() {
                continue;
            }
            for secret in ["", world.get("garbage")] {
                let answer = it.call(secret, row.method, &path, row.body.clone()).await;
                asked += 1;
                let status = answer.status.as_u16();
                assert!(matches!(status, 401 | 403 | 404 | 405), "{} {path}: {status} {}", row.method, answer.text);
                assert!(!answer.error_name().is_empty(), "{} {path}: {}", row.method, answer.text);
                let details = answer.json()["details"].to_string();
                assert!(!details.contains("PermissionError"), "{} {path}: {}", row.method, answer.text);
            }
        }
    }
    assert!(asked > 5_000, "only {asked} requests");
    assert_eq!(it.app.public().state, before);
}

#[tokio::test]
async fn t1_other_request_targets_lead_nowhere() {
    let it = fixture().await;
    for (method, target) in
        [("OPTIONS", "*"), ("GET", "*"), ("GET", "/"), ("GET", "/api"), ("GET", "/api/admin"), ("GET", "/api/admin/")]
    {
        let answer = it.call("", method, target, Value::Null).await;
        assert!(matches!(answer.status.as_u16(), 401 | 404 | 405), "{method} {target}: {}", answer.status);
    }
}

#[tokio::test]
async fn t2_the_router_serves_the_policy_table_and_nothing_else() {
    let (world, it) = (world().await, fixture().await);
    let golden = golden();
    let documented: BTreeSet<(String, String)> =
        Document::new().operations().map(|(method, path, _)| (method, path.to_owned())).collect();
    assert_eq!(golden.keys().cloned().collect::<BTreeSet<_>>(), documented);
    let all = rows(world);
    for row in &all {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"] {
            if golden.contains_key(&(method.to_owned(), row.template.to_owned())) {
                continue;
            }
            let path = row.path(world);
            // Another template may serve the same path: then it has its own row.
            if all.iter().any(|other| other.method == method && fits(other.template, &path)) {
                continue;
            }
            let answer = it.call(world.get("admin token"), method, &path, row.body.clone()).await;
            assert!(matches!(answer.status.as_u16(), 404 | 405), "{method} {path}: {} {}", answer.status, answer.text);
        }
    }
}

/// Whether a path is of this form.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t.starts_with('{') || t == p)
}

#[test]
fn t2_routes_come_from_the_documented_handlers_alone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            for call in [".route(\"", ".route_service(", ".nest_service(", ".any_service("] {
                for (at, _) in squeezed.match_indices(call) {
                    let rest = &squeezed[at + call.len()..];
                    found.push(format!("{call}{}", rest.split('"').next().unwrap()));
                }
            }
        }
    }
    found.sort();
    // Documents and pages that anybody may read, the wall around `/api/admin`, other names of the frontend API and what it
    // does not have, which ask for a frontend token, what a node in waiting says, and an edge's backstage, of which
    // `features` and `tokens` ask for a backend token.
    let known = [
        "/api/admin/{*rest}",
        "/api/frontend/client/features",
        "/api/frontend/health",
        "/api/frontend/internal-backstage/prometheus",
        "/api/proxy",
        "/api/proxy/all",
        "/api/proxy/client/metrics",
        "/api/proxy/client/register",
        "/docs/openapi",
        "/docs/openapi.css",
        "/docs/openapi.js",
        "/docs/openapi.json",
        "/health",
        "/health",
        "/internal-backstage/features",
        "/internal-backstage/health",
        "/internal-backstage/metrics",
        "/internal-backstage/ready",
        "/internal-backstage/tokens",
        "/ready",
        "/ready",
    ];
    assert_eq!(found, known.map(|path| format!(".route(\"{path}")), "an undocumented route needs a policy");
}

#[tokio::test]
async fn t46_what_the_store_refuses_is_not_there_at_all() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let writable = fixture_on(&url, &[]).await;
    let before = writable.app.public().state.clone();
    writable.app.stop().await;
    let it = Fixture::on(Store::open_read_only(&url, &Options::default()).await.unwrap(), &[]).await;
    assert_eq!(it.app.public().state, before);
    for row in rows(world).into_iter().filter(|row| row.effect != Effect::Nothing && row.by == By::Admin) {
        let answer = row.send(&it, world).await;
        assert!(matches!(answer.status.as_u16(), 503 | 507), "{}: {} {}", label(&row), answer.status, answer.text);
        assert!(!answer.text.contains("sqlite"), "{}: {}", label(&row), answer.text);
    }
    assert_eq!(it.app.public().state, before);
    let events = it.store.events(&EventQuery { limit: 1, ..EventQuery::default() }).await.unwrap();
    assert_eq!(events.total, before.last_event_id);
    assert!(it.store.verify().await.unwrap().is_intact());
    // Delivery goes on.
    it.call(world.get("backend"), "GET", "/api/client/features", Value::Null).await.expect(200);
    it.call(world.get("frontend"), "GET", "/api/frontend", Value::Null).await.expect(200);
}

#[tokio::test]
async fn t46_a_row_whose_event_cannot_be_stored_is_not_stored_either() {
    let folder = tempfile::tempdir().unwrap();
    for url in [DatabaseUrl::Sqlite(folder.path().join("flagstone.db")), DatabaseUrl::Memory] {
        let it = fixture_on(&url, &[]).await;
        let store = &it.store;
        let before = store.load().await.unwrap();
        // The event's number is taken: its insertion fails behind those of the commit and the document.
        let at = Timestamp::from_millis(NOW);
        let mut event = Event {
            id: 1,
            kind: "x".into(),
            created_at: at,
            created_by: "x".into(),
            created_by_user_id: 1,
            ip: None,
            project: None,
            environment: None,
            feature_name: None,
            tags: BTreeSet::new(),
            data: None,
            pre_data: None,
        };
        let change = Change { kind: "setting".into(), id: "x".into(), body: Some(json!({"name": "x", "value": 1})) };
        let mut commit = Commit {
            seq: before.head.seq + 1,
            id: "0".repeat(32),
            at,
            actor: Actor::system(),
            body: CommitBody { changes: vec![change], events: vec![event.clone()] },
            ..Commit::default()
        };
        assert!(store.append(std::slice::from_ref(&commit)).await.is_err());
        assert_eq!(store.load().await.unwrap(), before);
        assert!(store.verify().await.unwrap().is_intact());
        event.id = before.head.last_event_id + 1;
        commit.body.events = vec![event];
        store.append(&[commit]).await.unwrap();
        assert_eq!(store.load().await.unwrap().head.seq, before.head.seq + 1);
    }
}

#[tokio::test]
async fn t45_who_is_refused_leaves_no_trace_and_who_is_not_is_named() {
    let (world, it) = (world().await, fixture().await);
    let create = async |who: &str, name: &str| -> Answer {
        it.call(world.get(who), "POST", "/api/admin/projects/alpha/features", json!({"name": name})).await
    };
    create("owner of omega", "theirs").await.expect(403);
    create("member of alpha", "ours").await.expect(201);
    let found = it
        .admin("GET", "/api/admin/search/events?type=IS:feature-created&project=IS:alpha&limit=1", Value::Null)
        .await
        .json();
    assert_eq!(found["events"][0]["featureName"], "ours");
    assert_eq!(found["events"][0]["createdBy"], "member of alpha");
}
