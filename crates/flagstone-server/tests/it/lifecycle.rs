//! The lives of features: stages, completion, and when they outlive their time.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::fixture;

const FEATURES: &str = "/api/admin/projects/alpha/features";
const DAY: i64 = 86_400_000;

/// The stages that a feature has been through.
async fn stages(it: &Fixture, name: &str) -> String {
    let path = format!("GET {FEATURES}/{name}/lifecycle");
    let stages = it.check("viewer", &path, Value::Null, "200").await.json();
    let stages = stages.as_array().unwrap().iter().map(|entered| entered["stage"].as_str().unwrap());
    stages.collect::<Vec<_>>().join(" ")
}

async fn act(it: &Fixture, who: &str, name: &str, action: &str, body: Value, expect: &str) {
    it.check(who, &format!("POST {FEATURES}/{name}/lifecycle/{action}"), body, expect).await;
}

/// An SDK says that it has evaluated a feature, and the jobs run.
async fn used(it: &Fixture, token: &str, name: &str) {
    let toggles = json!({name: {"yes": 0, "no": 1}});
    let report = json!({"appName": "it", "bucket": {"start": 0, "stop": 0, "toggles": toggles}});
    it.call(token, "POST", "/api/client/metrics", report).await.expect(202);
    it.do_jobs().await;
}

/// The newest events of a type.
async fn events(it: &Fixture, kind: &str) -> Vec<Value> {
    let path = format!("/api/admin/search/events?type=IS:{kind}");
    it.admin("GET", &path, Value::Null).await.json()["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn use_leads_from_stage_to_stage() {
    let it = fixture().await;
    let (development, production) =
        (it.token("alpha", "backend", "development").await, it.token("alpha", "backend", "production").await);
    assert_eq!(stages(&it, "lit").await, "initial");
    it.do_jobs().await;
    let before = it.app.public().state.seq;
    it.do_jobs().await;
    assert_eq!(it.app.public().state.seq, before, "nothing happened, and nothing is stored");
    used(&it, &development, "lit").await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live");
    // It is off there.
    used(&it, &production, "lit").await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live");
    it.check("admin", &format!("POST {FEATURES}/lit/environments/production/on"), Value::Null, "200").await;
    it.do_jobs().await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live", "nobody has asked since it is on");
    used(&it, &production, "lit").await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live live");
    // What is live at once has been through all.
    it.check("admin", &format!("POST {FEATURES}/flag/environments/production/on"), Value::Null, "200").await;
    used(&it, &production, "flag").await;
    assert_eq!(stages(&it, "flag").await, "initial pre-live live");
    // Use does not undo a completion.
    used(&it, &development, "other").await;
    assert_eq!(stages(&it, "other").await, "initial completed");
    it.check("admin", &format!("DELETE {FEATURES}/lit"), Value::Null, "202").await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live live archived");
    it.check("admin", "POST /api/admin/archive/revive/lit", Value::Null, "200").await;
    it.do_jobs().await;
    assert_eq!(stages(&it, "lit").await, "initial", "its life begins anew");
    used(&it, &development, "lit").await;
    assert_eq!(stages(&it, "lit").await, "initial pre-live");
    let count = it.admin("GET", "/api/admin/lifecycle/count", Value::Null).await.json();
    assert_eq!(count, json!({"initial": 5, "preLive": 1, "live": 1, "completed": 1, "archived": 2}));
}

#[tokio::test]
async fn somebody_says_that_it_is_done() {
    let it = fixture().await;
    let (kept, gone) = (json!({"status": "kept", "statusValue": "blue"}), json!({"status": "discarded"}));
    act(&it, "viewer", "flag", "complete", kept.clone(), "403 PermissionError").await;
    act(&it, "nobody", "flag", "complete", kept.clone(), "401 AuthenticationRequired").await;
    for (wrong, expect) in [
        (json!({}), "400 BadDataError /body/status"),
        (json!({"status": "maybe"}), "400 BadDataError /body/status"),
        (json!({"status": "kept", "more": 1}), "400 BadDataError /body/more"),
        (json!([]), "400 BadDataError /body"),
    ] {
        act(&it, "owner of alpha", "flag", "complete", wrong, expect).await;
    }
    for name in ["nowhere", "b-flag"] {
        act(&it, "owner of alpha", name, "complete", kept.clone(), "404 NotFoundError").await;
        act(&it, "owner of alpha", name, "uncomplete", Value::Null, "404 NotFoundError").await;
        it.check("viewer", &format!("GET {FEATURES}/{name}/lifecycle"), Value::Null, "404 NotFoundError").await;
    }
    act(&it, "owner of alpha", "flag", "complete", kept.clone(), "200").await;
    act(&it, "owner of alpha", "flag", "complete", kept, "200").await;
    assert_eq!(stages(&it, "flag").await, "initial completed");
    act(&it, "owner of alpha", "flag", "complete", gone, "200").await;
    let feature = it.admin("GET", &format!("{FEATURES}/flag"), Value::Null).await.json();
    assert_eq!(feature["lifecycle"]["status"], "discarded", "{feature}");
    let events = events(&it, "feature-completed").await;
    let data: Vec<_> = events.iter().map(|event| event["data"].clone()).collect();
    let first = json!({"status": "kept", "statusValue": "blue", "kept": true});
    // The oldest is that of the installation.
    let others = json!({"status": "discarded", "kept": false});
    assert_eq!(data, [others.clone(), first, others]);
    act(&it, "viewer", "flag", "uncomplete", Value::Null, "403 PermissionError").await;
    for _ in 0..2 {
        act(&it, "owner of alpha", "flag", "uncomplete", Value::Null, "200").await;
        assert_eq!(stages(&it, "flag").await, "initial");
    }
    assert_eq!(self::events(&it, "feature-uncompleted").await.len(), 1);
    act(&it, "owner of alpha", "old", "complete", json!({"status": "kept"}), "404 NotFoundError").await;
}

#[tokio::test]
async fn what_outlives_its_time_is_potentially_stale_until_something_changes() {
    let it = fixture().await;
    let found = async |state: &str| {
        let path = format!("/api/admin/search/features?project=IS:alpha&state=IS:{state}");
        let found = it.admin("GET", &path, Value::Null).await.json();
        let names = found["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let kill_switch = json!({"name": "switch", "type": "kill-switch"});
    it.check("admin token", &format!("POST {FEATURES}"), kill_switch, "201").await;
    it.advance(39 * DAY);
    it.do_jobs().await;
    assert_eq!(found("potentially-stale").await, "");
    it.advance(2 * DAY);
    it.do_jobs().await;
    assert_eq!(found("potentially-stale").await, "child flag lit other parent");
    it.advance(DAY);
    it.do_jobs().await;
    let events = events(&it, "feature-potentially-stale-on").await;
    // Those of the other project as well, each once.
    assert_eq!(events.len(), 8);
    assert_eq!((&events[0]["data"], &events[0]["createdByUserId"]), (&json!({}), &json!(-1337)));
    // Somebody has decided.
    it.check("admin token", "POST /api/admin/projects/alpha/stale", json!({"features": ["lit"], "stale": true}), "202")
        .await;
    assert_eq!(
        (found("potentially-stale").await.as_str(), found("stale").await.as_str()),
        ("child flag other parent", "lit")
    );
    // A permanent type.
    it.check("admin token", &format!("PUT {FEATURES}/child"), json!({"type": "kill-switch"}), "200").await;
    assert_eq!(found("potentially-stale").await, "flag other parent");
    it.check("admin token", "PUT /api/admin/feature-types/release/lifetime", json!({"lifetimeDays": 60}), "200").await;
    it.do_jobs().await;
    assert_eq!(found("potentially-stale").await, "");
    it.check("admin token", "PUT /api/admin/feature-types/release/lifetime", json!({"lifetimeDays": 20}), "200").await;
    it.do_jobs().await;
    assert_eq!(found("potentially-stale").await, "flag other parent");
}
