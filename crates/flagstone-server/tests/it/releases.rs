//! A node beside one of a newer release, and changes that are too large for the log.

use flagstone_model::commit::{Actor, Change, Commit, CommitBody, Event, FORMAT};
use flagstone_store::{DatabaseUrl, Options, Store};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const FEATURES: &str = "/api/admin/projects/default/features";

/// What a release of tomorrow writes: a flag with a field, and a kind, that nobody knows yet.
async fn tomorrow(store: &Store) -> Commit {
    let head = store.load().await.unwrap().head;
    let change = |kind: &str, id: &str, body: Value| Change { kind: kind.into(), id: id.into(), body: Some(body) };
    let feature = json!({"name": "tomorrows", "type": "release", "project": "default",
        "createdAt": "2026-01-01T00:00:00.000Z", "createdBy": {"id": 1, "name": "admin"}, "gainedLater": {"x": 1},
        "environments": {"development": {"enabled": true, "strategies": []}}});
    let event = Event { id: head.last_event_id + 1, kind: "hologram-created".into(), ..Event::default() };
    let revision = json!({"environment": "development", "seq": head.seq + 1});
    let changes = vec![
        change("feature", "tomorrows", feature),
        change("hologram", "h", json!({"depth": 3})),
        change("environment-revision", "development", revision),
    ];
    Commit {
        seq: head.seq + 1,
        id: "7".repeat(32),
        format: FORMAT + 1,
        actor: Actor::system(),
        body: CommitBody { changes, events: vec![event] },
        ..Commit::default()
    }
}

async fn refused(it: &Fixture) {
    for (method, path, body) in [
        ("POST", FEATURES.to_owned(), json!({"name": "ours"})),
        ("PUT", format!("{FEATURES}/tomorrows"), json!({"description": "ours"})),
        ("POST", format!("{FEATURES}/tomorrows/environments/development/off"), Value::Null),
    ] {
        let answer = it.admin(method, &path, body).await.expect(503);
        assert!(answer.text.contains("newer release") && answer.text.contains("Upgrade"), "{}", answer.text);
    }
    let listed = it.admin("GET", FEATURES, Value::Null).await.expect(200).json();
    assert_eq!(listed["features"][0]["name"], "tomorrows");
}

#[tokio::test]
async fn a_node_of_an_older_release_follows_serves_and_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("flagstone.db"));
    let it = Fixture::on(Store::open(&url, &Options::default()).await.unwrap(), &[]).await;
    let store = &it.store;
    store.append(&[tomorrow(store).await]).await.unwrap();
    // The first of them meets the conflict, and the node reads on.
    refused(&it).await;
    let written = store.load().await.unwrap();
    assert!(written.documents.iter().any(|d| d.kind == "feature" && d.body.contains("gainedLater")));
    it.app.stop().await;

    // It starts as well, also where it is given a token that it cannot store.
    let store = Store::open(&url, &Options::default()).await.unwrap();
    let it = Fixture::on(store, &["--init-backend-api-tokens", "default:development.another-secret-0123456789"]).await;
    refused(&it).await;
    assert_eq!(it.store.load().await.unwrap(), written);
}

#[tokio::test]
async fn a_change_that_is_too_large_for_the_log_is_refused() {
    let it = Fixture::with(&["--commit-bytes-limit", "15000"]).await;
    let description = |length: usize| json!({"name": "large", "description": "x".repeat(length)});
    let before = it.store.load().await.unwrap();
    let answer = it.admin("POST", FEATURES, description(9_000)).await.expect(413);
    assert!(answer.text.contains("15000 bytes"), "{}", answer.text);
    assert_eq!(it.store.load().await.unwrap(), before);
    it.admin("POST", FEATURES, description(5_000)).await.expect(201);
}
