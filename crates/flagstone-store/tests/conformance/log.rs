//! The log and the documents.

use flagstone_model::State;
use flagstone_model::commit::{Commit, FORMAT};
use flagstone_store::{Appended, DatabaseUrl, Error, Head, Loaded};
use serde_json::json;

use crate::fixture::{Fixture, commit, delete, event, put, simple};

pub(crate) async fn an_empty_store_has_an_empty_head(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.load().await, Ok(Loaded::default()));
    assert_eq!(store.append(&[]).await, Ok(Appended::Done));
    assert_eq!(store.commits_after(0, 10).await, Ok(vec![]));
    assert!(store.verify().await.unwrap().is_intact());
    assert_eq!(store.ping().await, Ok(()));
}

pub(crate) async fn what_is_appended_is_loaded(fixture: Fixture) {
    let store = &fixture.store;
    let first =
        commit(1, vec![put("feature", "b", json!({"on": true})), put("segment", "1", json!([1]))], vec![event(1, "a")]);
    let second = commit(2, vec![put("feature", "a", json!({"x": "\0é'\u{1f600}"})), delete("segment", "1")], vec![]);
    let third = commit(3, vec![put("feature", "b", json!({"on": false}))], vec![event(2, "b"), event(3, "c")]);
    assert_eq!(store.append(std::slice::from_ref(&first)).await, Ok(Appended::Done));
    assert_eq!(store.append(&[second.clone(), third.clone()]).await, Ok(Appended::Done));

    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.head.seq, loaded.head.last_event_id), (3, 3));
    let documents: Vec<_> = loaded.documents.iter().map(|d| (d.kind.as_str(), d.id.as_str(), d.seq)).collect();
    assert_eq!(documents, [("feature", "a", 2), ("feature", "b", 3)]);
    assert_eq!(loaded.documents[0].body, json!({"x": "\0é'\u{1f600}"}).to_string());
    assert_eq!(loaded.documents[1].body, r#"{"on":false}"#);
    assert_eq!(store.commits_after(0, 10).await.unwrap(), [first, second, third]);

    let found = store.verify().await.unwrap();
    assert_eq!((found.commits, found.documents, found.events, &found.broken), (3, 2, 3, &None));
    assert_eq!(found.chain_hash, loaded.head.chain_hash);
}

pub(crate) async fn a_commit_that_does_not_follow_is_a_conflict(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.append(&[simple(2)]).await, Ok(Appended::Conflict));
    assert_eq!(store.load().await.unwrap().head, Head::default());
    assert_eq!(store.append(&[simple(1), simple(2)]).await, Ok(Appended::Done));
    let before = store.load().await;
    for seq in [1, 2, 4, 900] {
        assert_eq!(store.append(&[simple(seq), simple(seq + 1)]).await, Ok(Appended::Conflict), "{seq}");
    }
    assert_eq!(store.load().await, before);
    assert_eq!(store.append(&[simple(3)]).await, Ok(Appended::Done));
}

pub(crate) async fn t46_a_group_is_appended_whole_or_not_at_all(fixture: Fixture) {
    let store = &fixture.store;
    store.append(&[simple(1), simple(2)]).await.unwrap();
    let before = (store.load().await, store.events(&crate::events::all()).await);
    // The last of the group raises an event whose number is taken: by then all else is written.
    let mut last = simple(5);
    last.body.events[0].id = 2;
    let failed = store.append(&[simple(3), simple(4), last]).await;
    assert!(matches!(failed, Err(Error::Invalid(_))), "{failed:?}");
    assert_eq!((store.load().await, store.events(&crate::events::all()).await), before);
    assert_eq!(store.append(&[simple(3), simple(4)]).await, Ok(Appended::Done));
    assert!(store.verify().await.unwrap().is_intact());
}

pub(crate) async fn commits_that_do_not_fit_are_refused(fixture: Fixture) {
    let store = &fixture.store;
    let long = "x".repeat(501);
    let named = |name: &str| commit(1, vec![put("feature", name, json!({}))], vec![]);
    let mut event_of = simple(1);
    event_of.body.events[0].project = Some(long.clone());
    let cases = [
        vec![simple(0)],
        vec![simple(1), simple(3)],
        vec![simple(2), simple(1)],
        vec![named("a\0b")],
        vec![named(&long)],
        // `null` would be read back as a deletion.
        vec![commit(1, vec![put("feature", "a", json!(null))], vec![])],
        vec![event_of],
    ];
    for commits in cases {
        let refused = store.append(&commits).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{commits:?} {refused:?}");
    }
    assert_eq!(store.load().await, Ok(Loaded::default()));
    assert_eq!(store.append(&[named(&long[1..])]).await, Ok(Appended::Done));
}

pub(crate) async fn the_log_is_read_on_page_by_page(fixture: Fixture) {
    let store = &fixture.store;
    let commits: Vec<_> = (1..=25).map(simple).collect();
    store.append(&commits).await.unwrap();
    let mut read = Vec::new();
    loop {
        let page = store.commits_after(read.len() as u64, 10).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10);
        read.extend(page);
    }
    assert_eq!(read, commits);
    assert_eq!(store.commits_after(24, 10).await.unwrap(), commits[24..]);
    assert_eq!(store.commits_after(u64::MAX, 10).await.unwrap(), []);
}

pub(crate) async fn a_large_commit_and_a_large_group_fit(fixture: Fixture) {
    let store = &fixture.store;
    let import: Vec<_> =
        (0..2_500).map(|n| put("feature", &format!("f-{n}"), json!({ "n": n, "text": "x".repeat(500) }))).collect();
    let events = (1..=2_500).map(|n| event(n, "feature-created")).collect();
    assert_eq!(store.append(&[commit(1, import, events)]).await, Ok(Appended::Done));
    let mut group: Vec<_> = (2..=300).map(simple).collect();
    for commit in &mut group {
        commit.body.events[0].id += 2_500;
    }
    assert_eq!(store.append(&group).await, Ok(Appended::Done));
    let found = store.verify().await.unwrap();
    assert_eq!((found.commits, found.documents, found.events, found.broken), (300, 2_507, 2_799, None));
}

/// A commit at the server's limit fits, and pages end where they have bytes enough, from either end.
pub(crate) async fn pages_are_bounded_in_bytes(fixture: Fixture) {
    let store = &fixture.store;
    let large = |seq, bytes: usize| commit(seq, vec![put("setting", "x", json!("x".repeat(bytes)))], vec![]);
    let mebibyte = 1 << 20;
    for (seq, bytes) in (1..).zip([16 * mebibyte, 1, 5 * mebibyte, 2 * mebibyte, 2 * mebibyte, 1, 9 * mebibyte, 1]) {
        assert_eq!(store.append(&[large(seq, bytes)]).await, Ok(Appended::Done));
    }
    let mut pages = Vec::new();
    let mut seq = 0;
    loop {
        let page = store.page_after(seq, 100).await.unwrap();
        assert_eq!(page.commits[0].seq, seq + 1);
        pages.push(page.commits.len());
        seq = page.commits.last().unwrap().seq;
        if page.is_end {
            break;
        }
    }
    assert!(store.page_after(seq, 100).await.unwrap().is_end);
    assert_eq!((seq, pages), (8, vec![1, 3, 2, 1, 1]));
    let numbers = async |limit| store.last_commits(limit).await.unwrap().iter().map(|c| c.seq).collect::<Vec<_>>();
    assert_eq!(numbers(100).await, [8]);
    assert!(store.verify().await.unwrap().is_intact());
    let mut next: Vec<_> = (9..=12).map(simple).collect();
    for commit in &mut next {
        commit.body.events.clear();
    }
    store.append(&next).await.unwrap();
    assert_eq!((numbers(3).await, numbers(100).await), (vec![10, 11, 12], vec![8, 9, 10, 11, 12]));
}

fn feature(name: &str) -> flagstone_model::commit::Change {
    let body = json!({"name": name, "type": "release", "project": "default", "createdAt": "2026-01-01T00:00:00.000Z",
        "createdBy": {"id": 1, "name": "ada"}, "gainedLater": {"x": 1}});
    put("feature", name, body)
}

/// What a release of tomorrow writes: a kind and a field that nobody knows yet, and a value that cannot be read.
fn newer(seq: u64) -> Commit {
    let odd = put("environment", "odd", json!({"name": ["no", "text"]}));
    let changes = vec![feature("new"), put("hologram", "h", json!({"depth": 3})), odd];
    Commit { format: FORMAT + 1, ..commit(seq, changes, vec![event(seq, "hologram-created")]) }
}

pub(crate) async fn a_newer_release_is_followed_and_not_written_over(fixture: Fixture) {
    // This release's node; on PostgreSQL the newer one writes through a node of its own.
    let other = if matches!(fixture.url, DatabaseUrl::Postgres(_)) { Some(fixture.another().await) } else { None };
    let (store, newer_store) = (&fixture.store, other.as_ref().unwrap_or(&fixture.store));
    let first = commit(1, vec![feature("old")], vec![event(1, "feature-created")]);
    store.append(&[first]).await.unwrap();
    newer_store.append(&[newer(2)]).await.unwrap();
    let refused = store.append(&[simple(3)]).await;
    assert_eq!(refused, Err(Error::Outdated { found: FORMAT + 1, known: FORMAT }));

    // By the log, and by the documents, as after a start.
    let mut followed = State::default();
    for commit in store.commits_after(0, 10).await.unwrap() {
        followed.apply(&commit).unwrap();
    }
    let loaded = store.load().await.unwrap();
    let head = loaded.head;
    let mut started =
        State { seq: head.seq, last_event_id: head.last_event_id, format: head.format, ..State::default() };
    for document in &loaded.documents {
        let body: serde_json::Value = serde_json::from_str(&document.body).unwrap();
        started.load(&document.kind, &document.id, Some(body)).unwrap();
    }
    assert_eq!(started, followed);
    assert!(!followed.may_be_written() && followed.features.contains("old") && followed.features.contains("new"));
    assert_eq!(followed.environments.len(), 0);

    // What it does not understand stays as it is.
    let kept = |kind: &str| loaded.documents.iter().find(|document| document.kind == kind).unwrap().body.clone();
    assert_eq!(kept("hologram"), r#"{"depth":3}"#);
    assert!(kept("feature").contains("gainedLater"));
    assert!(store.verify().await.unwrap().is_intact());
    let more = Commit { format: FORMAT + 1, ..simple(3) };
    assert_eq!(newer_store.append(&[more]).await, Ok(Appended::Done));

    // Of a release of today the same is a fault.
    let mut today = State::default();
    let unknown = commit(1, vec![put("hologram", "h", json!({}))], vec![]);
    assert!(today.apply(&unknown).is_err());
}
