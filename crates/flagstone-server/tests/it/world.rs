//! The installation that the tables run on: two projects with one of everything, and somebody of every kind.
//! It is made once, over HTTP; every test begins with a copy of its log.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, header};
use flagstone_model::api_tokens::{hash, selector_of};
use flagstone_model::commit::{Actor, Change, Commit, CommitBody, Event};
use flagstone_model::permissions::{Permission, Scope, role_ids};
use flagstone_model::{State, Timestamp};
use flagstone_store::{
    AppUsage, Application, DatabaseUrl, Instance, Options, Store, TelemetryBatch, UnknownFlag, UsageRow,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::fixture::{ADMIN, Answer, Fixture};

/// The moment at which every fixture begins, in milliseconds.
pub const NOW: i64 = 1_800_000_000_000;
/// The password of the first administrator.
pub const PASSWORD: &str = "First-password-1";
/// The projects in which single-permission roles, the owner and the member have their places.
pub const OWN_PROJECTS: &[&str] = &["alpha", "empty", "gone"];

/// The log of the installation, with the ids and secrets that came about on the way.
pub struct World {
    pub commits: Vec<Commit>,
    names: BTreeMap<String, String>,
}

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Principal {
    pub name: String,
    /// What stands in `Authorization`; empty for nobody.
    pub secret: String,
    pub kind: Kind,
}

/// What somebody may do, by the books.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nobody, or somebody whose credentials are dead.
    Nobody,
    /// An admin API token.
    AdminToken,
    /// A token for the client API.
    Backend,
    /// A token for the frontend API.
    Frontend,
    /// A user with these permissions in `OWN_PROJECTS`, or for the whole installation where they are root ones.
    User(Vec<Permission>),
}

static WORLD: OnceCell<World> = OnceCell::const_new();

/// The installation.
pub async fn world() -> &'static World {
    WORLD.get_or_init(World::build).await
}

/// A server in memory on a copy of the installation.
pub async fn fixture() -> Fixture {
    fixture_on(&DatabaseUrl::Memory, &[]).await
}

/// A server on a copy of the installation in a new store.
pub async fn fixture_on(url: &DatabaseUrl, arguments: &[&str]) -> Fixture {
    let store = Store::open(url, &Options::default()).await.unwrap();
    store.append(&world().await.commits).await.unwrap();
    store.flush(&telemetry()).await.unwrap();
    Fixture::on(store, arguments).await
}

/// What the SDKs of two applications have said: `shop` uses alpha, and `b-shop` uses omega.
fn telemetry() -> TelemetryBatch {
    let (at, text) = (Timestamp::from_millis(NOW - 1_000), str::to_owned);
    let mut batch = TelemetryBatch::default();
    for (app_name, project, feature, unknown) in
        [("shop", "alpha", "flag", "typo"), ("b-shop", "omega", "b-flag", "b-typo")]
    {
        let (app_name, environment) = (text(app_name), text("development"));
        batch.applications.push(Application {
            app_name: app_name.clone(),
            strategies: vec![text("default"), text("homemade")],
            created_by: text("backend"),
            created_at: at,
            seen_at: at,
            ..Application::default()
        });
        batch.app_usage.push(AppUsage {
            app_name: app_name.clone(),
            project: text(project),
            environment: environment.clone(),
        });
        batch.instances.push(Instance {
            app_name: app_name.clone(),
            environment: environment.clone(),
            instance_id: format!("{app_name}-1"),
            sdk_version: Some(text("unleash-client-node:5.0.0")),
            client_ip: None,
            created_at: at,
            seen_at: at,
        });
        batch.usage.push(UsageRow {
            feature: text(feature),
            app_name: app_name.clone(),
            environment: environment.clone(),
            hour: at.hour(),
            yes: 3,
            no: 1,
            ..UsageRow::default()
        });
        batch.unknown_flags.push(UnknownFlag { name: text(unknown), app_name, environment, seen_at: at, count: 1 });
    }
    batch
}

impl World {
    /// An id or a secret by the name it was given here.
    pub fn get(&self, name: &str) -> &str {
        self.names.get(name).unwrap_or_else(|| panic!("the world has no \"{name}\""))
    }

    async fn build() -> Self {
        let it = Fixture::new().await;
        let mut names = BTreeMap::new();
        build_shared(&it, &mut names).await;
        build_alpha(&it, &mut names).await;
        build_omega(&it, &mut names).await;
        build_integrations(&it, &mut names).await;
        let mut commits = it.store.commits_after(0, 1_000).await.unwrap();
        commits.push(people(&it.app.public().state, &mut names));
        Self { commits, names }
    }

    /// Everybody.
    pub fn principals(&self) -> Vec<Principal> {
        let one = |name: &str, kind: Kind| Principal { name: name.to_owned(), secret: self.get(name).to_owned(), kind };
        let everything = vec![Permission::Admin];
        let of_role = |id| {
            let state = State::default();
            state.role(id).unwrap().grants.iter().map(|grant| grant.permission).collect::<Vec<_>>()
        };
        let dead = ["garbage", "expired token", "revoked token", "expired admin token", "expired pat", "revoked pat"];
        let gone = ["disabled", "deleted"];
        let mut all = vec![Principal { name: "nobody".to_owned(), secret: String::new(), kind: Kind::Nobody }];
        all.extend(dead.into_iter().chain(gone).map(|name| one(name, Kind::Nobody)));
        all.extend([
            one("admin token", Kind::AdminToken),
            one("backend", Kind::Backend),
            one("frontend", Kind::Frontend),
            one("admin", Kind::User(everything)),
            one("editor", Kind::User(of_role(role_ids::EDITOR))),
            one("viewer", Kind::User(Vec::new())),
            one("owner of omega", Kind::User(Vec::new())),
            one("owner of alpha", Kind::User(of_role(role_ids::OWNER))),
            one("member of alpha", Kind::User(of_role(role_ids::MEMBER))),
        ]);
        all.extend(Permission::ALL.iter().map(|p| one(p.name(), Kind::User(vec![*p]))));
        all
    }

    /// Somebody by name.
    pub fn principal(&self, name: &str) -> Principal {
        self.principals().into_iter().find(|p| p.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }
}

/// Makes something as the administrator and answers with the body.
async fn make(it: &Fixture, method: &str, path: &str, body: Value) -> Value {
    let answer = it.admin(method, path, body).await;
    assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text);
    serde_json::from_str(&answer.text).unwrap_or_default()
}

async fn build_shared(it: &Fixture, names: &mut BTreeMap<String, String>) {
    names.insert("admin token".into(), ADMIN.into());
    for id in ["alpha", "omega", "empty", "gone"] {
        make(it, "POST", "/api/admin/projects", json!({"id": id, "name": format!("The {id} project")})).await;
    }
    make(it, "POST", "/api/admin/projects/archive/gone", Value::Null).await;
    make(it, "POST", "/api/admin/environments", json!({"name": "staging", "type": "test"})).await;
    make(it, "POST", "/api/admin/environments", json!({"name": "closed", "type": "test", "enabled": false})).await;
    let plan = json!({"name": "plan", "stickiness": true, "legalValues": [{"value": "gold"}, {"value": "free"}]});
    make(it, "POST", "/api/admin/context", plan).await;
    make(it, "POST", "/api/admin/context", json!({"name": "spare"})).await;
    make(it, "POST", "/api/admin/tag-types", json!({"name": "team"})).await;
    make(it, "POST", "/api/admin/strategies", json!({"name": "spare", "parameters": []})).await;
    let user = make(it, "POST", "/api/admin/user-admin", json!({"username": "spare-user", "rootRole": 3})).await;
    names.insert("spare user".into(), user["id"].to_string());
    let link = user["inviteLink"].as_str().unwrap();
    names.insert("reset link".into(), link.split_once("token=").unwrap().1.to_owned());
    let link = json!({"name": "the team", "expiresAt": "2027-02-01T00:00:00Z"});
    let link = make(it, "POST", "/api/admin/invite-link/tokens", link).await;
    names.insert("sign-up link".into(), link["secret"].as_str().unwrap().to_owned());
    let token = json!({"type": "backend", "tokenName": "for all", "environment": "development"});
    let token = make(it, "POST", "/api/admin/api-tokens", token).await;
    names.insert("token of all".into(), selector_of(token["secret"].as_str().unwrap()));
}

async fn segment(it: &Fixture, name: &str, project: Option<&str>) -> i64 {
    let gold = json!([{"contextName": "plan", "operator": "IN", "values": ["gold"]}]);
    let body = json!({"name": name, "project": project, "constraints": gold});
    make(it, "POST", "/api/admin/segments", body).await["id"].as_i64().unwrap()
}

async fn strategy(it: &Fixture, project: &str, feature: &str, body: Value) -> String {
    let path = format!("/api/admin/projects/{project}/features/{feature}/environments/development/strategies");
    make(it, "POST", &path, body).await["id"].as_str().unwrap().to_owned()
}

async fn token(it: &Fixture, names: &mut BTreeMap<String, String>, project: &str, kind: &str, name: &str) {
    let path = format!("/api/admin/projects/{project}/api-tokens");
    let body = json!({"type": kind, "tokenName": name, "environment": "development"});
    let secret = make(it, "POST", &path, body).await["secret"].as_str().unwrap().to_owned();
    names.insert(format!("{name}'s selector"), selector_of(&secret));
    names.insert(name.to_owned(), secret);
}

async fn build_alpha(it: &Fixture, names: &mut BTreeMap<String, String>) {
    for name in ["flag", "child", "parent", "other", "lit", "old"] {
        make(it, "POST", "/api/admin/projects/alpha/features", json!({"name": name})).await;
    }
    make(it, "DELETE", "/api/admin/projects/alpha/features/old", Value::Null).await;
    make(it, "POST", "/api/admin/projects/alpha/features/lit/environments/development/on", Value::Null).await;
    make(it, "POST", "/api/admin/projects/alpha/features/child/dependencies", json!({"feature": "parent"})).await;
    let done = json!({"status": "discarded"});
    make(it, "POST", "/api/admin/projects/alpha/features/other/lifecycle/complete", done).await;
    let shared = segment(it, "shared", None).await;
    let own = segment(it, "own", Some("alpha")).await;
    let spare = segment(it, "spare", Some("alpha")).await;
    names.insert("shared segment".into(), shared.to_string());
    names.insert("own segment".into(), own.to_string());
    names.insert("spare segment".into(), spare.to_string());
    let rollout = json!({
        "name": "flexibleRollout", "segments": [shared], "parameters": {"rollout": "50"},
        "constraints": [{"contextName": "plan", "operator": "IN", "values": ["gold"]}],
    });
    names.insert("strategy".into(), strategy(it, "alpha", "flag", rollout).await);
    let second = strategy(it, "alpha", "flag", json!({"name": "default", "segments": [own]})).await;
    names.insert("second strategy".into(), second);
    let variants = json!([{"name": "blue", "weight": 1000, "stickiness": "default"}]);
    make(it, "PUT", "/api/admin/projects/alpha/features/flag/environments/development/variants", variants).await;
    make(it, "POST", "/api/admin/features/flag/tags", json!({"type": "team", "value": "blue"})).await;
    let own = json!({"name": "own", "legalValues": [{"value": "free"}]});
    make(it, "POST", "/api/admin/projects/alpha/context", own).await;
    let link = json!({"url": "https://tickets.example.com/7"});
    make(it, "POST", "/api/admin/projects/alpha/features/flag/link", link).await;
    let flag = it.admin("GET", "/api/admin/projects/alpha/features/flag", Value::Null).await.json();
    names.insert("link".into(), flag["links"][0]["id"].as_str().unwrap().to_owned());
    for (kind, name) in [("backend", "backend"), ("frontend", "frontend"), ("backend", "revoked token")] {
        token(it, names, "alpha", kind, name).await;
    }
    let revoked = format!("/api/admin/projects/alpha/api-tokens/{}", names["revoked token's selector"]);
    make(it, "DELETE", &revoked, Value::Null).await;
}

/// Integrations that are told of nothing: nobody is there, and one has no channel.
async fn build_integrations(it: &Fixture, names: &mut BTreeMap<String, String>) {
    for (name, project) in [("integration", "alpha"), ("spare integration", "omega")] {
        let body = json!({
            "provider": "webhook", "enabled": false, "description": name, "events": ["feature-created"],
            "projects": [project], "parameters": {"url": "https://hooks.example.com/secret-path", "authorization": "secret-word"},
        });
        let made = make(it, "POST", "/api/admin/addons", body).await;
        names.insert(name.into(), made["id"].to_string());
    }
    let chat = json!({
        "provider": "slack-app", "enabled": false, "description": "chat integration", "events": ["feature-created"],
        "projects": ["alpha"], "parameters": {"accessToken": "secret-word"},
    });
    let made = make(it, "POST", "/api/admin/addons", chat).await;
    names.insert("chat integration".into(), made["id"].to_string());
}

async fn build_omega(it: &Fixture, names: &mut BTreeMap<String, String>) {
    for name in ["b-flag", "b-child", "b-parent", "b-old"] {
        make(it, "POST", "/api/admin/projects/omega/features", json!({"name": name})).await;
    }
    make(it, "DELETE", "/api/admin/projects/omega/features/b-old", Value::Null).await;
    make(it, "POST", "/api/admin/projects/omega/features/b-child/dependencies", json!({"feature": "b-parent"})).await;
    let theirs = segment(it, "theirs", Some("omega")).await;
    names.insert("omega's segment".into(), theirs.to_string());
    let id = strategy(it, "omega", "b-flag", json!({"name": "default", "segments": [theirs]})).await;
    names.insert("omega's strategy".into(), id);
    token(it, names, "omega", "backend", "omega's token").await;
    make(it, "POST", "/api/admin/projects/omega/context", json!({"name": "b-field"})).await;
}

/// The commit of everybody who cannot be made over HTTP: custom roles, memberships, credentials that are dead.
fn people(state: &State, names: &mut BTreeMap<String, String>) -> Commit {
    let mut changes = Vec::new();
    let mut put = |kind: &str, id: &dyn std::fmt::Display, body: Value| {
        changes.push(Change { kind: kind.to_owned(), id: id.to_string(), body: Some(body) });
    };
    let at = |millis| serde_json::to_value(Timestamp::from_millis(millis)).unwrap();
    let mut members = vec![];
    let (mut next, mut omegas) = (1_000_i64, vec![]);
    let mut person = |name: &str,
                      root_role: i64,
                      disabled: bool,
                      expires: i64,
                      put: &mut dyn FnMut(&str, &dyn std::fmt::Display, Value)| {
        next += 1;
        let secret = format!("user:{next}.{}", hash(name));
        let user = json!({"id": next, "username": name, "rootRole": root_role, "createdAt": at(NOW - 10), "disabled": disabled});
        if name != "deleted" {
            put("user", &next, user);
        }
        let pat = json!({"id": next, "userId": next, "description": "test", "hash": hash(&secret), "createdAt": at(NOW - 10), "expiresAt": at(expires)});
        if name != "revoked pat" {
            put("personal access token", &next, pat);
        }
        names.insert(name.to_owned(), secret);
        next
    };
    let later = NOW + 30 * 24 * 3_600_000;
    for (name, root_role, disabled, expires) in [
        ("editor", role_ids::EDITOR, false, later),
        ("viewer", role_ids::VIEWER, false, later),
        ("disabled", role_ids::ADMIN, true, later),
        ("deleted", role_ids::ADMIN, false, later),
        ("expired pat", role_ids::ADMIN, false, NOW - 1),
        ("revoked pat", role_ids::ADMIN, false, later),
    ] {
        person(name, root_role, disabled, expires, &mut put);
    }
    omegas.push((person("owner of omega", role_ids::VIEWER, false, later, &mut put), role_ids::OWNER));
    members.push((person("owner of alpha", role_ids::VIEWER, false, later, &mut put), role_ids::OWNER));
    members.push((person("member of alpha", role_ids::VIEWER, false, later, &mut put), role_ids::MEMBER));
    for (role_id, permission) in (role_ids::FIRST_CUSTOM..).zip(Permission::ALL) {
        let root = permission.scope() == Scope::Root;
        let kind = if root { "root-custom" } else { "custom" };
        let grants = json!([{"permission": permission.name()}]);
        put("role", &role_id, json!({"id": role_id, "name": permission.name(), "type": kind, "grants": grants}));
        let user = person(permission.name(), if root { role_id } else { role_ids::VIEWER }, false, later, &mut put);
        if !root {
            members.push((user, role_id));
        }
    }
    // What somebody takes away was there before.
    put("favorites", &1, json!({"userId": 1, "features": ["lit"], "projects": ["omega"]}));
    // The first administrator has a password as well.
    let secret = format!("user:900.{}", hash("admin"));
    put(
        "personal access token",
        &900,
        json!({"id": 900, "userId": 1, "description": "test", "hash": hash(&secret), "createdAt": at(NOW - 10), "expiresAt": at(later)}),
    );
    names.insert("admin".into(), secret);
    names.insert("garbage".into(), "*:*.no-such-token".into());
    for (name, kind, prefix) in
        [("expired token", "backend", "alpha:development"), ("expired admin token", "admin", "*:*")]
    {
        let secret = format!("{prefix}.{}", hash(name));
        let (project, environment) = prefix.split_once(':').unwrap();
        put(
            "API token",
            &selector_of(&secret),
            json!({
                "selector": selector_of(&secret), "hash": hash(&secret), "prefix": prefix, "name": name, "type": kind,
                "environment": environment, "projects": [project], "createdAt": at(NOW - 10), "expiresAt": at(NOW - 1),
            }),
        );
        names.insert(name.to_owned(), secret);
    }
    for id in OWN_PROJECTS.iter().chain(&["omega"]) {
        let mut project = (**state.projects.get(*id).unwrap()).clone();
        let of_project = if *id == "omega" { &omegas } else { &members };
        project.members = of_project
            .iter()
            .map(|&(user_id, role_id)| flagstone_model::projects::Member { user_id, role_id })
            .collect();
        put("project", id, serde_json::to_value(project).unwrap());
    }
    commit_after(state, changes)
}

/// A commit that no rule makes.
pub fn commit_after(state: &State, changes: Vec<Change>) -> Commit {
    let at = Timestamp::from_millis(NOW);
    let event = Event {
        id: state.last_event_id + 1,
        kind: "seeded".to_owned(),
        created_at: at,
        created_by: "system".to_owned(),
        created_by_user_id: Actor::SYSTEM_ID,
        ip: None,
        project: None,
        environment: None,
        feature_name: None,
        tags: std::collections::BTreeSet::new(),
        data: None,
        pre_data: None,
    };
    Commit {
        seq: state.seq + 1,
        id: "5eed".repeat(8),
        at,
        actor: Actor::system(),
        body: CommitBody { changes, events: vec![event] },
        ..Commit::default()
    }
}

/// A session cookie of the first administrator.
pub async fn session(it: &Fixture) -> String {
    let answer = it.log_in("admin", PASSWORD).await.expect(200);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A request with a session cookie, and a JSON body unless it is null.
pub fn with_cookie(cookie: &str, method: &str, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

/// What became of a request, in a line: the status, and for refusals their name and the places of all faults.
pub fn outcome(answer: &Answer) -> String {
    if answer.status.is_success() {
        return answer.status.as_u16().to_string();
    }
    let places = answer.fault_paths().into_iter().filter(|path| !path.is_empty());
    let parts = [answer.status.as_u16().to_string(), answer.error_name()].into_iter().chain(places);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

impl Fixture {
    /// Sends a request as somebody of the world and compares what became of it; refusals must change nothing.
    pub async fn check(&self, who: &str, request: &str, body: Value, expect: &str) -> Answer {
        let secret = if who == "nobody" { "" } else { world().await.get(who) };
        let (method, path) = request.split_once(' ').unwrap();
        let before = self.app.public().state.clone();
        let answer = self.call(secret, method, path, body.clone()).await;
        assert_eq!(outcome(&answer), expect, "{request} {body} as {who}: {}", answer.text);
        if !answer.status.is_success() {
            assert_eq!(self.app.public().state, before, "{request} {body} as {who}");
        }
        answer
    }

    /// The types of the events since one, the oldest first.
    pub async fn event_types_since(&self, id: u64) -> Vec<String> {
        let query = flagstone_store::EventQuery {
            limit: 1_000,
            order: flagstone_store::Order::Ascending,
            ..Default::default()
        };
        let events = self.store.events(&query).await.unwrap().events;
        events.into_iter().filter(|event| event.id > id).map(|event| event.kind).collect()
    }

    /// The newest event's number.
    pub fn last_event(&self) -> u64 {
        self.app.public().state.last_event_id
    }
}
