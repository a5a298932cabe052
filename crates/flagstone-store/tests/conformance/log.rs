//! The log and the documents.

use flagstone_store::{Appended, Error, Head, Loaded};
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
