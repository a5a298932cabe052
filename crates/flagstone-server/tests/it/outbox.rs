//! Integrations are told of events: at least once, in order, whatever becomes of nodes and receivers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use flagstone_server::app::outbox;
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::fixture::Fixture;

const ADDONS: &str = "/api/admin/addons";
const ARGUMENTS: [&str; 3] = ["--allow-private-integrations", "--integration-retry-ms", "1"];

/// A server that notes what it is sent. How it answers is in the path: `ok`, `flaky`, `down`, `refuses` or `silent`.
struct Receiver {
    port: u16,
    heard: Mutex<HashMap<String, Vec<Heard>>>,
    news: Notify,
    random: Mutex<u64>,
}

#[derive(Clone, Debug)]
struct Heard {
    headers: HeaderMap,
    body: String,
}

impl Receiver {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            heard: Mutex::default(),
            news: Notify::new(),
            random: Mutex::new(7),
        });
        let router = Router::new().route("/{how}/{who}", post(hear)).with_state(Arc::clone(&receiver));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn heard(&self, who: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().get(who).cloned().unwrap_or_default()
    }

    /// The ids of the events that somebody was told of.
    fn ids(&self, who: &str) -> Vec<u64> {
        let id = |heard: &Heard| serde_json::from_str::<Value>(&heard.body).unwrap()["id"].as_u64().unwrap();
        self.heard(who).iter().map(id).collect()
    }

    /// Waits until what was heard is as it should be.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if holds(self) {
                    return;
                }
                news.await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_mins(1), waiting).await.is_ok(), "not in time: {what}");
    }

    /// One in ten.
    fn tenth(&self) -> u64 {
        let mut random = self.random.lock().unwrap();
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % 10
    }
}

async fn hear(
    State(receiver): State<Arc<Receiver>>,
    Path((how, who)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let (hears, answers) = match (how.as_str(), receiver.tenth()) {
        // Three in ten fail: two have heard nothing, one has heard it all the same.
        ("flaky", 0 | 1) | ("down", _) => (false, StatusCode::INTERNAL_SERVER_ERROR),
        ("flaky", 2) => (true, StatusCode::BAD_GATEWAY),
        ("refuses", _) => (false, StatusCode::FORBIDDEN),
        ("silent", _) => std::future::pending().await,
        _ => (true, StatusCode::ACCEPTED),
    };
    let key = if hears { who } else { format!("{who}, in vain") };
    receiver.heard.lock().unwrap().entry(key).or_default().push(Heard { headers, body });
    receiver.news.notify_waiters();
    answers
}

async fn integrate(it: &Fixture, body: Value) -> i64 {
    it.admin("POST", ADDONS, body).await.expect(201).json()["id"].as_i64().unwrap()
}

fn hook(url: &str) -> Value {
    json!({"provider": "webhook", "enabled": true, "parameters": {"url": url}, "events": ["feature-created"]})
}

async fn feature(it: &Fixture, project: &str, name: &str) {
    it.admin("POST", &format!("/api/admin/projects/{project}/features"), json!({ "name": name })).await.expect(201);
}

/// The ids of the events of one type, in order.
async fn events(it: &Fixture, kind: &str) -> Vec<u64> {
    let events = it.store.events_after(0, 10_000).await.unwrap();
    events.iter().filter(|event| event.kind == kind).map(|event| event.id).collect()
}

async fn deliveries(it: &Fixture, id: i64) -> Vec<Value> {
    let answer = it.admin("GET", &format!("{ADDONS}/{id}/events"), Value::Null).await.expect(200).json();
    answer["integrationEvents"].as_array().unwrap().clone()
}

/// Deliveries are noted after their receivers have heard.
async fn noted(it: &Fixture, id: i64, count: usize) -> Vec<Value> {
    let waiting = async {
        loop {
            let found = deliveries(it, id).await;
            if found.len() >= count {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .unwrap_or_else(|_| panic!("fewer than {count} are noted"))
}

#[tokio::test]
async fn what_passes_the_filters_is_told_in_order() {
    let (it, receiver) = (Fixture::with(&ARGUMENTS).await, Receiver::start().await);
    outbox::start(&it.app);
    feature(&it, "default", "before").await;
    it.admin("POST", "/api/admin/projects", json!({"id": "other", "name": "Other"})).await.expect(201);
    let all = integrate(&it, json!({
        "provider": "webhook", "enabled": true, "events": ["*"],
        "parameters": {"url": receiver.url("ok/all"), "authorization": "Bearer word", "customHeaders": "{\"X-Team\": \"a\"}"},
    }))
    .await;
    let mut of_project = hook(&receiver.url("ok/project"));
    of_project["projects"] = json!(["other"]);
    integrate(&it, of_project).await;
    let mut of_environment = hook(&receiver.url("ok/environment"));
    of_environment["events"] = json!(["feature-environment-enabled", "feature-created"]);
    of_environment["environments"] = json!(["production"]);
    of_environment["parameters"]["bodyTemplate"] =
        "{\"id\": {{event.id}}, \"text\": \"{{eventMarkdown}}\", \"e\": {{{eventJson}}}}".into();
    integrate(&it, of_environment).await;
    for (project, name) in [("default", "a"), ("other", "b"), ("default", "c")] {
        feature(&it, project, name).await;
    }
    for environment in ["development", "production"] {
        let path = format!("/api/admin/projects/default/features/a/environments/{environment}/on");
        it.admin("POST", &path, Value::Null).await.expect(200);
    }
    let last = it.store.events_after(0, 10_000).await.unwrap();
    let own = last.iter().find(|event| event.kind == "addon-config-created").unwrap().id;
    let expected: Vec<u64> = last.iter().map(|event| event.id).filter(|id| *id >= own).collect();
    receiver.until("all events", |receiver| receiver.ids("all").len() >= expected.len()).await;
    assert_eq!(receiver.ids("all"), expected, "from its own creation on");
    receiver.until("the project's", |receiver| !receiver.ids("project").is_empty()).await;
    let created = events(&it, "feature-created").await;
    assert_eq!(receiver.ids("project"), [created[2]], "of the other project alone");
    // What is of no environment is for all of them.
    receiver.until("the environment's", |receiver| receiver.ids("environment").len() >= 4).await;
    let switched = events(&it, "feature-environment-enabled").await;
    assert_eq!(receiver.ids("environment"), [created[1], created[2], created[3], switched[1]]);
    let heard = receiver.heard("environment").pop().unwrap();
    let body: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!(
        (&body["e"]["type"], &body["e"]["environment"]),
        (&json!("feature-environment-enabled"), &json!("production"))
    );
    assert!(body["text"].as_str().unwrap().contains("switched on the flag **a** in project **default**"), "{body}");
    let first = receiver.heard("all").remove(0).headers;
    assert_eq!((first["authorization"].as_bytes(), first["x-team"].as_bytes()), (&b"Bearer word"[..], &b"a"[..]));
    let noted = noted(&it, all, expected.len()).await;
    assert!(noted.iter().all(|delivery| delivery["state"] == "success"), "{noted:?}");
    assert_eq!(noted[0]["event"]["id"], json!(expected.last()));
    assert!(!json!(noted).to_string().contains("Bearer"));
}

#[tokio::test]
async fn one_that_does_not_answer_holds_up_nobody() {
    let (it, receiver) = (Fixture::with(&ARGUMENTS).await, Receiver::start().await);
    outbox::start(&it.app);
    let silent = integrate(&it, hook(&receiver.url("silent/x"))).await;
    integrate(&it, hook(&receiver.url("ok/other"))).await;
    for n in 0..20 {
        feature(&it, "default", &format!("flag-{n}")).await;
    }
    receiver.until("the other's", |receiver| receiver.ids("other").len() == 20).await;
    assert_eq!(receiver.ids("other"), events(&it, "feature-created").await);
    assert!(deliveries(&it, silent).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_told_is_given_up_and_noted() {
    let (it, receiver) = (Fixture::with(&ARGUMENTS).await, Receiver::start().await);
    outbox::start(&it.app);
    let down = integrate(&it, hook(&receiver.url("down/x"))).await;
    let refuses = integrate(&it, hook(&receiver.url("refuses/x"))).await;
    for name in ["a", "b"] {
        feature(&it, "default", name).await;
    }
    let attempts =
        |noted: &[Value]| noted.iter().map(|d| d["details"]["attempts"].as_u64().unwrap()).collect::<Vec<_>>();
    let given_up = noted(&it, down, 2).await;
    assert_eq!(attempts(&given_up), [3, 15], "one that is gone is not waited for again and again");
    assert!(given_up.iter().all(|d| d["state"] == "failed" && d["stateDetails"].as_str().unwrap().contains("500")));
    let refused = noted(&it, refuses, 2).await;
    assert_eq!(attempts(&refused), [1, 1]);
    // Elsewhere it goes on with what comes then.
    it.admin("PUT", &format!("{ADDONS}/{down}"), hook(&receiver.url("ok/moved"))).await.expect(200);
    feature(&it, "default", "c").await;
    receiver.until("the new address", |receiver| receiver.ids("moved").len() == 1).await;
    assert_eq!(noted(&it, down, 3).await[0]["state"], "success");
    // Disabled, it is told of nothing, later neither.
    let mut disabled = hook("*****");
    disabled["enabled"] = false.into();
    it.admin("PUT", &format!("{ADDONS}/{down}"), disabled).await.expect(200);
    feature(&it, "default", "d").await;
    it.admin("PUT", &format!("{ADDONS}/{down}"), hook("*****")).await.expect(200);
    feature(&it, "default", "e").await;
    receiver.until("what came then", |receiver| receiver.ids("moved").len() == 2).await;
    let created = events(&it, "feature-created").await;
    assert_eq!(receiver.ids("moved"), [created[2], created[4]]);
    it.admin("DELETE", &format!("{ADDONS}/{down}"), Value::Null).await.expect(200);
    assert!(deliveries(&it, down).await.is_empty());
}

#[tokio::test]
async fn one_that_an_editor_set_up_is_not_told_of_private_projects() {
    let (it, receiver) = (Fixture::with(&ARGUMENTS).await, Receiver::start().await);
    outbox::start(&it.app);
    it.admin("POST", "/api/admin/projects", json!({"id": "hidden", "name": "Hidden", "mode": "private"}))
        .await
        .expect(201);
    it.admin("PUT", "/api/admin/projects/hidden/settings", json!({"mode": "private"})).await.expect(200);
    let (_, editor) = it.user("ed", 2).await;
    it.call(&editor, "POST", ADDONS, hook(&receiver.url("ok/editors"))).await.expect(201);
    integrate(&it, hook(&receiver.url("ok/admins"))).await;
    for (project, name) in [("hidden", "a"), ("default", "b"), ("hidden", "c"), ("default", "d")] {
        feature(&it, project, name).await;
    }
    let created = events(&it, "feature-created").await;
    receiver.until("the administrator's", |receiver| receiver.ids("admins").len() == 4).await;
    receiver.until("the editor's", |receiver| receiver.ids("editors").len() == 2).await;
    assert_eq!(receiver.ids("admins"), created);
    assert_eq!(receiver.ids("editors"), [created[1], created[3]]);
}

#[tokio::test]
async fn a_test_goes_the_way_of_events_once_and_is_noted() {
    let (it, receiver) = (Fixture::with(&ARGUMENTS).await, Receiver::start().await);
    let (_, viewer) = it.user("vi", 3).await;
    let (_, editor) = it.user("ed", 2).await;
    let mut ok = hook(&receiver.url("ok/x"));
    ok["enabled"] = false.into();
    ok["projects"] = json!(["shop"]);
    ok["parameters"]["authorization"] = "secret-word".into();
    ok["parameters"]["bodyTemplate"] = "{{event.type}} {{event.project}}: {{{eventMarkdown}}}".into();
    let ok = integrate(&it, ok).await;
    let down = integrate(&it, hook(&receiver.url("down/y"))).await;
    let before = it.app.public().state.clone();
    let test = async |who: &str, id: i64| it.call(who, "POST", &format!("{ADDONS}/{id}/test"), Value::Null).await;

    let told = test(&editor, ok).await.expect(200);
    let heard = receiver.heard("x").remove(0);
    assert_eq!(
        heard.body,
        "feature-created shop: **ed (a test)** created the flag **this-is-a-test** in project **shop**"
    );
    assert_eq!(heard.headers["authorization"], "secret-word");
    assert_eq!(deliveries(&it, ok).await, [told.json()]);
    let expected = json!({
        "id": told.json()["id"], "integrationId": ok, "createdAt": told.json()["createdAt"], "state": "success",
        "stateDetails": "A test: The event has arrived.", "event": null,
        "details": {"attempts": 1, "channels": [], "test": true},
    });
    assert_eq!(told.json(), expected);

    let failed = test(&editor, down).await.expect(200).json();
    assert_eq!((&failed["state"], &failed["details"]["attempts"]), (&json!("failed"), &json!(1)));
    assert_eq!(failed["stateDetails"], "A test: The receiver answered 500.");
    assert_eq!(receiver.heard("y, in vain").len(), 1);
    assert_eq!(deliveries(&it, down).await, [failed]);

    // Who may not change it may not test it, and nobody may do so all the time.
    test(&viewer, ok).await.expect(403);
    test(&editor, 999).await.expect(404);
    for _ in 0..4 {
        test(&editor, ok).await.expect(200);
    }
    let refused = test(&editor, ok).await.expect(429);
    assert_eq!(refused.headers["retry-after"], "60");
    test(&editor, down).await.expect(200);
    it.advance(60_000);
    test(&editor, ok).await.expect(200);
    assert_eq!((receiver.heard("x").len(), deliveries(&it, ok).await.len()), (6, 6));
    assert_eq!(it.app.public().state.clone(), before, "nothing has happened");
}

/// Nodes end at any moment and others go on, one after the other and two at a time, with receivers that fail.
#[test]
fn nothing_is_lost_whenever_a_node_ends() {
    const NODES: usize = 40;
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let own = runtime();
    let receiver = own.block_on(Receiver::start());
    let store = Arc::new(own.block_on(Store::open(&DatabaseUrl::Memory, &Options::default())).unwrap());
    let mut made = Vec::new();
    for n in 0..NODES {
        let node = runtime();
        let (store, receiver) = (Arc::clone(&store), Arc::clone(&receiver));
        made = node.block_on(async move {
            let it = Fixture::on_shared(store, &ARGUMENTS).await;
            // Leases of nodes that are gone have expired.
            it.advance(60_000 * i64::try_from(n).unwrap());
            outbox::start(&it.app);
            if n == 0 {
                for who in ["flaky/one", "flaky/two", "ok/three"] {
                    integrate(&it, hook(&receiver.url(who))).await;
                }
            }
            let before = receiver.ids("one").len();
            for name in 0..5 {
                feature(&it, "default", &format!("flag-{n}-{name}")).await;
            }
            let last = n + 1 == NODES;
            let created = events(&it, "feature-created").await;
            let more = if last { created.len() } else { n % 4 };
            receiver
                .until("some more", |receiver| {
                    let newest = |who: &str| receiver.ids(who).last().copied();
                    let all = |who| newest(who) == created.last().copied();
                    if last {
                        all("one") && all("two") && all("three")
                    } else {
                        receiver.ids("one").len() >= before + more
                    }
                })
                .await;
            created
        });
        node.shutdown_background();
    }
    let mut repeated = BTreeMap::new();
    for who in ["one", "two", "three"] {
        let mut heard = receiver.ids(who);
        assert!(heard.is_sorted(), "{who} was not told in order: {heard:?}");
        let all = heard.len();
        heard.dedup();
        assert_eq!(heard, made, "{who} was not told of everything");
        repeated.insert(who, all - heard.len());
    }
    assert_eq!(made.len(), NODES * 5);
    assert!(repeated["one"] > 0, "nothing came twice: was any node ended in between? {repeated:?}");
}

/// A node that stops in the middle of it leaves it to others at once: the lease, which by the clock lasts, is given back.
#[tokio::test]
async fn a_node_that_stops_leaves_it_to_others() {
    let receiver = Receiver::start().await;
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let first =
        Fixture::on_shared(Arc::clone(&store), &["--allow-private-integrations", "--integration-retry-ms", "60000"])
            .await;
    outbox::start(&first.app);
    let id = integrate(&first, hook(&receiver.url("down/x"))).await;
    feature(&first, "default", "a").await;
    receiver.until("a try", |receiver| !receiver.heard("x, in vain").is_empty()).await;
    first.app.stop().await;
    let second = Fixture::on_shared(store, &ARGUMENTS).await;
    outbox::start(&second.app);
    second.admin("PUT", &format!("{ADDONS}/{id}"), hook(&receiver.url("ok/x"))).await.expect(200);
    receiver.until("the other node's", |receiver| !receiver.ids("x").is_empty()).await;
    assert_eq!(receiver.ids("x"), events(&second, "feature-created").await);
}

/// Two nodes that both would tell: each event is told by one of them, after those before it.
#[tokio::test]
async fn of_two_nodes_one_tells() {
    let receiver = Receiver::start().await;
    let store = Arc::new(Store::open(&DatabaseUrl::Memory, &Options::default()).await.unwrap());
    let nodes = [Fixture::on_shared(Arc::clone(&store), &ARGUMENTS).await, Fixture::on_shared(store, &ARGUMENTS).await];
    for node in &nodes {
        outbox::start(&node.app);
    }
    integrate(&nodes[0], hook(&receiver.url("ok/both"))).await;
    for n in 0..60 {
        feature(&nodes[n % 2], "default", &format!("flag-{n}")).await;
        // The other one hears of it.
        nodes[(n + 1) % 2].app.catch_up_with(u64::MAX).await.unwrap();
    }
    let created = events(&nodes[0], "feature-created").await;
    receiver.until("all of them", |receiver| receiver.ids("both").last() == created.last()).await;
    assert_eq!(receiver.ids("both"), created);
}
